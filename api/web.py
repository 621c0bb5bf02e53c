"""What all routes share: dependencies, event streams, cursors, problems as RFC 9457 has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from difflib import get_close_matches
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from loguru import logger
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from errors import (
    CatalogueError,
    Invalid,
    InvalidField,
    MarqueeError,
    NotFound,
    Overloaded,
    RunFailed,
    RunInProgress,
    StorageUnavailable,
    ToolError,
    Unknown,
)
from movies.models import LARGEST_ID
from schemas import FieldError, Problem, Run, Session
from service import ACCOUNT, Marquee
from tools.context import Context
from tools.registry import Toolbox

PROBLEM_TYPE = "application/problem+json"
RETRY_LINE = b"retry: 2000\n"  # milliseconds until a client that lost the stream comes back
NO_STORE = {"Cache-Control": "no-cache, no-transform"}
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
UserIdQuery = Annotated[int | None, Query(ge=0, le=LARGEST_ID)]


Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key and body give the same run again, also after a restart",
    ),
]
LastEventId = Annotated[
    str, Header(alias="Last-Event-ID", pattern=r"^\d{0,15}$", description="Only events with a larger sequence")
]


def resumed_after(idempotency_key: Key = None, last_event_id: LastEventId = "") -> int:
    """The cursor of a POST that is repeated because its stream broke off; 0 for one that is not."""
    if last_event_id and idempotency_key is None:
        raise Invalid(
            "A POST with Last-Event-ID would do everything a second time. Send an Idempotency-Key with the first "
            "request and again with this one, or go on at GET /runs/{run_id}/events."
        )
    return int(last_event_id or 0)


ResumedAfter = Annotated[int, Depends(resumed_after)]


def refuse_unknown_parameters(request: Request) -> None:
    """Raise Invalid for a query parameter that the route does not read, naming the nearest that it does."""
    known = set(_query_names(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0)
            raise Invalid(
                f"There is no query parameter {name[:100]!r} here." + (f" Nearest: {near[0]!r}." if near else "")
            )


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for part in dependant.dependencies:
        yield from _query_names(part)


async def load_session(service: Service, account_id: Account, session_id: str) -> Session:
    """The session of the path."""
    return await service.store.load_session(account_id, session_id)


SessionOfPath = Annotated[Session, Depends(load_session)]


async def tool_context(service: Service, account_id: Account) -> AsyncIterator[Context]:
    """What the tools' functions want, for a call from outside a session."""
    async with Toolbox(service.library, service.ratings, account_id, clock=service.clock).context() as context:
        yield context


Tools = Annotated[Context, Depends(tool_context)]


# Event streams


async def event_stream(service: Marquee, run: Run, after: int = 0, *, status: int = 200) -> Response:
    """A run's events above `after` as Server-Sent Events: stored bytes, what waits together in one send.

    204 where nothing is to come: that is what ends an EventSource (WHATWG HTML, section 9.2.3).
    """
    if after and not await service.runs.has_after(run, after):
        return Response(status_code=204)
    return EventSourceResponse(
        _frames(service, run.id, after),
        status_code=status,
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
    return refusal(error)


async def _on_tool_error(_: Request, error: Exception) -> JSONResponse:
    kind = NotFound if isinstance(error, Unknown) else Invalid
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
    """What the framework refused, as one of our problems; `allowed`: the methods of the path, where it has any."""
    code = _HTTP_CODES.get(error.status_code, "validation_error" if error.status_code < 500 else "internal")
    response = problem(code, str(error.detail), f"{error.detail}.", status=error.status_code)
    response.headers.update(error.headers or {})
    if error.status_code == 405 and allowed:
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _methods(routers: Sequence[APIRouter], scope: Scope) -> list[str]:
    """What a path answers to, over all of its routes: Starlette names the first one's alone."""
    routes = [route for router in routers for route in router.routes if route.matches(scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in getattr(route, "methods", None) or ()})


async def _on_defect(_: Request, __: Exception) -> JSONResponse:
    return problem("internal", MarqueeError.title, "The error was logged; try again later.")


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
    return problem(
        error.code,
        error.title,
        error.detail,
        errors=[FieldError(path=error.path, message=error.message)] if isinstance(error, InvalidField) else None,
        run_id=error.run_id if isinstance(error, RunInProgress) else None,
        retry_after=error.retry_after if isinstance(error, Overloaded | RunFailed) else None,
    )
