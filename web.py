"""What all routes share: problems as RFC 9457 has them, dependencies, event streams, cursors, middleware."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from loguru import logger
from pydantic import ValidationError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from errors import (
    CatalogueError,
    Invalid,
    InvalidField,
    MarqueeError,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    RunFailed,
    RunInProgress,
    StorageUnavailable,
    ToolError,
    Unknown,
)
from marquee import ACCOUNT, Marquee
from movie_schemas import LARGEST_ID
from schemas import FieldError, Problem, Session
from toolbox import Context

PROBLEM_TYPE = "application/problem+json"
RETRY_LINE = b"retry: 2000\n"  # milliseconds until a client that lost the stream comes back
NO_STORE = {"Cache-Control": "no-cache, no-transform"}
DRAINED = 20  # times the limit that is read of a body that is too large
STATUS = {
    "not_found": 404,
    "validation_error": 422,
    "conflict": 409,
    "run_in_progress": 409,
    "idempotency_mismatch": 409,
    "unauthorized": 401,
    "forbidden": 403,
    "rate_limited": 429,
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
_HTTP_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 413: "payload_too_large", 429: "rate_limited"}


# Dependencies


def marquee(request: Request) -> Marquee:
    """The running service."""
    service: Marquee = request.app.state.marquee
    return service


Service = Annotated[Marquee, Depends(marquee)]


def account() -> str:
    """Who calls."""
    return ACCOUNT


Account = Annotated[str, Depends(account)]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most")]
After = Annotated[str | None, Query(min_length=1, max_length=200, description="`next` of the page before")]
AfterOffset = Annotated[str | None, Query(pattern=r"^o\d{1,15}$", description="`next` of the page before")]
MovieIdPath = Annotated[int, Path(ge=0, le=LARGEST_ID)]
UserIdPath = Annotated[int, Path(ge=0, le=LARGEST_ID)]


async def load_session(service: Service, account_id: Account, session_id: str) -> Session:
    """The session of the path."""
    return await service.store.load_session(account_id, session_id)


SessionOfPath = Annotated[Session, Depends(load_session)]


async def tool_context(service: Service, account_id: Account) -> AsyncIterator[Context]:
    """What the tools' functions want, for a call from outside a session."""
    async with service.library.use() as shelf:
        yield Context(shelf, service.ratings, account_id, clock=service.clock)


Tools = Annotated[Context, Depends(tool_context)]


# Event streams


def event_stream(service: Marquee, run_id: str, after: int = 0) -> EventSourceResponse:
    """A run's events as Server-Sent Events: stored bytes, what waits together in one send."""
    return EventSourceResponse(
        _frames(service, run_id, after),
        headers=NO_STORE,
        ping=service.settings.sse_ping,
        ping_message_factory=_ping,
        sep="\n",
    )


async def _frames(service: Marquee, run_id: str, after: int) -> AsyncIterator[bytes]:
    head = RETRY_LINE  # in the block of the first event: some clients take a block of its own for an event
    try:
        async with aclosing(service.runs.follow(run_id, after)) as batches:
            async for batch in batches:
                yield head + b"".join(frame.data for frame in batch)
                head = b""
    except StorageUnavailable as error:
        logger.warning("A follower of {} is sent away: {}", run_id, error.detail)  # it comes back by itself


def _ping() -> ServerSentEvent:
    return ServerSentEvent(comment="ping")


# Cursors of lists that are counted through


def read_offset(cursor: str | None) -> int:
    """How many entries lie before a page."""
    return int(cursor.removeprefix("o")) if cursor else 0


def offset_cursor(offset: int) -> str:
    """The cursor of the page that begins after `offset` entries."""
    return f"o{offset}"


# Problems


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
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else None
    content = body.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status, headers, media_type=PROBLEM_TYPE)


async def _on_marquee_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MarqueeError)
    return problem(
        error.code,
        error.title,
        error.detail,
        errors=[FieldError(path=error.path, message=error.message)] if isinstance(error, InvalidField) else None,
        run_id=error.run_id if isinstance(error, RunInProgress) else None,
        retry_after=error.retry_after if isinstance(error, Overloaded | RunFailed) else None,
    )


async def _on_tool_error(_: Request, error: Exception) -> JSONResponse:
    kind = NotFound if isinstance(error, Unknown) else Invalid
    return problem(kind.code, kind.title, str(error))


async def _on_catalogue_error(_: Request, error: Exception) -> JSONResponse:
    logger.error("The catalogue failed: {}", error)
    return problem("internal", "The catalogue cannot be read", "The movie data cannot be read right now.", status=503)


async def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [FieldError(path=".".join(map(str, item["loc"])), message=item["msg"]) for item in error.errors()]
    detail = "; ".join(f"{item.path}: {item.message}" for item in found[:3])
    return problem("validation_error", Invalid.title, detail or "It is not valid.", errors=found)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "validation_error" if error.status_code < 500 else "internal")
    response = problem(code, str(error.detail), f"{error.detail}.", status=error.status_code)
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        response.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return response


def _methods(request: Request) -> set[str]:
    """What the path answers to, over all of its routes."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in routes for method in getattr(route, "methods", None) or ()}


async def _on_defect(_: Request, __: Exception) -> JSONResponse:
    return problem("internal", MarqueeError.title, "The error was logged; try again later.")


def install(app: FastAPI) -> None:
    """Give an application our error responses, middleware and OpenAPI document."""
    app.add_exception_handler(MarqueeError, _on_marquee_error)
    app.add_exception_handler(ToolError, _on_tool_error)
    app.add_exception_handler(CatalogueError, _on_catalogue_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_defect)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog)
    app.add_middleware(ClearStart)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document with our problem as every operation's error."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        schemas = document["components"]["schemas"]
        schemas |= Problem.model_json_schema(ref_template="#/components/schemas/{model}").pop("$defs", {})
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas["Problem"].pop("$defs", None)
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        error = {
            "description": "What went wrong",
            "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = error
        app.openapi_schema = document
    return app.openapi_schema


# Middleware, plain ASGI: nothing is buffered and nobody is cancelled


class BodyLimit:
    """Refuses bodies above the limit of the settings, announced or not. What fits is handed on in one piece."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = scope["app"].state.marquee.settings.max_body_bytes
        body = await self._read(receive, limit)
        if body is None:
            refusal = PayloadTooLarge(f"The body is larger than {limit} bytes.")
            await problem(refusal.code, refusal.title, refusal.detail)(scope, receive, send)
            return
        messages = deque([body])

        async def read_already() -> Message:
            return messages.popleft() if messages else await receive()

        await self._app(scope, read_already, send)

    async def _read(self, receive: Receive, limit: int) -> Message | None:
        """The whole body as one message; None where it is too large.

        What is too large is read on for a while and dropped: a client that still sends would not see the answer.
        """
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            size += len(message.get("body", b""))
            if size <= limit:
                pieces.append(message.get("body", b""))
            if not message.get("more_body") or size > limit * DRAINED:
                break
        return {"type": "http.request", "body": b"".join(pieces)} if size <= limit else None


class ClearStart:
    """Says in one line why the service cannot start, where the reason is the user's to mend."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            reason = _reason(sys.exception()) if message["type"] == "lifespan.startup.failed" else None
            await send({**message, "message": f"Marquee cannot start. {reason}"} if reason else message)

        await self._app(scope, receive, told if scope["type"] == "lifespan" else send)


def _reason(error: BaseException | None) -> str | None:
    """What to mend, for the errors that a user can mend."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in error.errors())
    return str(error) if isinstance(error, MarqueeError | CatalogueError) else None


class RequestLog:
    """One line a request: id, method, route, status, milliseconds. Never a body, a query or a header's value."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid4().hex[:12]
        began = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            _log(scope, request_id, status, (time.perf_counter() - began) * 1000)


def _log(scope: Scope, request_id: str, status: int, elapsed: float) -> None:
    route = getattr(scope.get("route"), "path", "-")  # the template: a path's own text could be anything
    fields = {
        "request_id": request_id,
        "method": scope["method"],
        "route": route,
        "status": status,
        "ms": round(elapsed, 1),
    }
    logger.bind(**fields).info("{} {} {} {} {:.1f} ms", request_id, scope["method"], route, status, elapsed)
