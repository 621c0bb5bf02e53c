"""Errors as problems (RFC 9457): the one place that knows the HTTP status of an error."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from loguru import logger
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from api.browsers import GUARDS
from errors import (
    CatalogueError,
    Conflict,
    Invalid,
    InvalidField,
    MarqueeError,
    NoFacts,
    NotFound,
    Overloaded,
    RateLimited,
    RunFailed,
    RunInProgress,
    ToolError,
    Unauthorized,
    Unknown,
)
from logs import REQUEST_ID
from schemas import FieldError, Problem

PROBLEM_TYPE = "application/problem+json"
STATUS = {
    "not_found": 404,
    "method_not_allowed": 405,
    "validation_error": 422,
    "conflict": 409,
    "run_in_progress": 409,
    "idempotency_mismatch": 409,
    "unauthorized": 401,
    "forbidden": 403,
    "rate_limited": 429,
    "request_timeout": 408,
    "payload_too_large": 413,
    "overloaded": 503,
    "upstream_unavailable": 502,
    "upstream_timeout": 504,
    "upstream_rate_limited": 503,
    "upstream_rejected": 502,
    "content_filtered": 502,
    "output_truncated": 502,
    "context_too_long": 502,
    "step_limit": 502,
    "invalid_output": 502,
    "internal": 500,
}
_HTTP_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    429: "rate_limited",
}


def problem(
    code: str,
    title: str,
    detail: str,
    *,
    status: int | None = None,
    errors: Sequence[FieldError] | None = None,
    run_id: str | None = None,
    retry_after: int | None = None,
) -> JSONResponse:
    """An error response."""
    status = status or STATUS[code]
    body = Problem.model_validate(
        {"title": title, "status": status, "detail": detail, "code": code, "errors": errors, "run_id": run_id}
    )
    headers = dict(GUARDS)  # here, too: that of a defect passes no middleware
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    content = body.model_dump(mode="json", exclude_none=True)
    response = _ProblemResponse(content, status, headers, media_type=PROBLEM_TYPE)
    response.code = code
    return response


class _ProblemResponse(JSONResponse):
    """A problem, whose code is noted for the line of the request in the log."""

    code: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["code"] = self.code
        await super().__call__(scope, receive, send)


async def _on_marquee_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MarqueeError)
    return refusal(error)


_TOOL_KINDS: dict[type[ToolError], type[MarqueeError]] = {Unknown: NotFound, NoFacts: Conflict}


async def _on_tool_error(_: Request, error: Exception) -> JSONResponse:
    kind = next((kind for kinds, kind in _TOOL_KINDS.items() if isinstance(error, kinds)), Invalid)
    return problem(kind.code, kind.title, str(error))


async def _on_catalogue_error(_: Request, error: Exception) -> JSONResponse:
    logger.error("The catalogue failed: {}", error)
    return problem("internal", "The catalogue cannot be read", "The movie data cannot be read right now.", status=503)


async def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [FieldError(path=".".join(map(str, item["loc"])), message=item["msg"]) for item in error.errors()]
    detail = " ".join(f"{item.path}: {item.message.rstrip('.')}." for item in found[:3])
    return problem("validation_error", Invalid.title, detail or "It is not valid.", errors=found)


def _http_problem(error: HTTPException, allowed: Sequence[str]) -> JSONResponse:
    """A refusal of the framework's as one of our problems; `allowed`: the methods of the path, where it has any."""
    code = _HTTP_CODES.get(error.status_code, "validation_error" if error.status_code < 500 else "internal")
    response = problem(code, str(error.detail), f"{error.detail}.", status=error.status_code)
    response.headers.update(error.headers or {})
    if error.status_code == 405 and allowed:
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _methods(routers: Sequence[APIRouter], scope: Scope) -> list[str]:
    """The methods of a path, over all of its routes: Starlette names the first one's alone."""
    routes = [route for router in routers for route in router.routes if route.matches(scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in getattr(route, "methods", None) or ()})


async def _on_defect(_: Request, __: Exception) -> JSONResponse:
    """The answer to a defect; it is made outside of all middleware, whose headers it would lack."""
    response = problem("internal", MarqueeError.title, "The error was logged; try again later.")
    response.headers["X-Request-ID"] = REQUEST_ID.get() or ""
    response.headers["Connection"] = "close"  # uvicorn closes it, and would not say so
    return response


def answer_with_problems(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Have every error of the routers answered as a problem."""

    async def on_http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return _http_problem(error, _methods(routers, request.scope))

    app.add_exception_handler(MarqueeError, _on_marquee_error)
    app.add_exception_handler(ToolError, _on_tool_error)
    app.add_exception_handler(CatalogueError, _on_catalogue_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, _on_defect)


def refusal(error: MarqueeError) -> JSONResponse:
    """The problem that an error of ours is."""
    response = problem(
        error.code,
        error.title,
        error.detail,
        errors=[FieldError(path=error.path, message=error.message)] if isinstance(error, InvalidField) else None,
        run_id=error.run_id if isinstance(error, RunInProgress) else None,
        retry_after=error.retry_after if isinstance(error, Overloaded | RateLimited | RunFailed) else None,
    )
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 6750, section 3
    if isinstance(error, Overloaded | RateLimited):
        response.headers.update(error.headers)
    return response
