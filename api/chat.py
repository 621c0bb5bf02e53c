"""HTTP: sessions, messages, runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

from api.export import MEDIA_TYPES, Format, document
from api.web import (
    Account,
    After,
    Key,
    LastEventId,
    Limit,
    ResumedAfter,
    Service,
    SessionOfPath,
    UserIdQuery,
    event_stream,
)
from db import SESSION_CURSOR
from errors import Conflict, MarqueeError
from movies.models import Page
from runs.runner import Caller
from schemas import (
    ActionResults,
    Feedback,
    Message,
    MessageCreate,
    Run,
    Session,
    SessionCreate,
    SessionPatch,
)
from service import Marquee
from tools.registry import TOOLS

router = APIRouter(tags=["chat"])

_EVENTS = {  # a body is text, which generated clients hand over as such; the `data` of each of its events is an Event
    "schema": {"anyOf": [{"$ref": "#/components/schemas/Event"}, {"type": "string"}]}
}
_ANSWER = {"schema": {"$ref": "#/components/schemas/Answer"}}
_SESSION_OR_ANSWER = {"schema": {"anyOf": [{"$ref": "#/components/schemas/Session"}, _ANSWER["schema"]]}}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The run as Server-Sent Events; the `data` of each is an Event",
        "content": {"text/event-stream": _EVENTS},
    },
    201: {
        "description": "The finished run, with `Accept: application/json`",
        "content": {"application/json": _ANSWER},
    },
    204: {"description": "The `Last-Event-ID` is that of the run's last event"},
}
_FOLLOWED: dict[int | str, dict[str, Any]] = {
    200: _STREAM[200],
    204: {"description": "The cursor is that of the run's last event"},
}
_OPENED: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "The session; with a `message` its run, streamed or, with `Accept: application/json`, finished",
        "content": {"application/json": _SESSION_OR_ANSWER, "text/event-stream": _EVENTS},
        "headers": {"Location": {"description": "Where the session is", "schema": {"type": "string"}}},
    },
    204: _STREAM[204],
}


# Sessions


@router.post("/sessions", status_code=201, response_class=Response, responses=_OPENED)
async def create_session(
    service: Service,
    account_id: Account,
    request: Request,
    after: ResumedAfter,
    body: SessionCreate | None = None,
    idempotency_key: Key = None,
) -> Response:
    """Open a session; every field is optional. With a `message` it is answered at once, as if it were sent then."""
    body = body or SessionCreate()
    await _check_actions(service, body)
    session, repeated = await service.store.open_session(account_id, body, idempotency_key)
    if body.message is None:
        response: Response = JSONResponse(session.model_dump(mode="json"), 201)
    else:
        try:
            run = await service.runs.send(Caller(account_id, session, idempotency_key), body.message)
        except MarqueeError:
            if not repeated:  # a request that is refused leaves nothing
                await service.store.delete_session(account_id, session.id)
            raise
        response = await _respond(service, account_id, request, run, after, status=201)
    response.headers["Location"] = f"/sessions/{session.id}"
    return response


@router.get("/sessions")
async def list_sessions(
    service: Service,
    account_id: Account,
    limit: Limit = 20,
    after: Annotated[str | None, Query(pattern=SESSION_CURSOR, description="`next` of the page before")] = None,
    q: Annotated[str | None, Query(max_length=200, description="Words of titles or messages")] = None,
    user_id: UserIdQuery = None,
    live: Annotated[bool | None, Query(description="Only those that answer right now, or only the others")] = None,
) -> Page[Session]:
    """The caller's sessions, latest activity first."""
    return await service.store.list_sessions(account_id, limit=limit, after=after, q=q, user_id=user_id, live=live)


@router.get("/sessions/{session_id}")
async def read_session(session: SessionOfPath) -> Session:
    """One session."""
    return session


@router.patch("/sessions/{session_id}")
async def change_session(service: Service, account_id: Account, session_id: str, body: SessionPatch) -> Session:
    """Change what is given; null clears."""
    return await service.store.update_session(account_id, session_id, body)


@router.delete("/sessions/{session_id}", status_code=204)
async def delete_session(service: Service, account_id: Account, session_id: str) -> None:
    """Delete a session with its messages. One that answers right now must be cancelled first."""
    await service.store.delete_session(account_id, session_id)


# Messages


@router.post("/sessions/{session_id}/messages", response_class=Response, responses=_STREAM)
async def send_message(
    service: Service,
    account_id: Account,
    session: SessionOfPath,
    request: Request,
    after: ResumedAfter,
    body: MessageCreate,
    idempotency_key: Key = None,
) -> Response:
    """Send a message and stream the answer, or, with `Accept: application/json`, wait for it."""
    run = await service.runs.send(Caller(account_id, session, idempotency_key), body)
    return await _respond(service, account_id, request, run, after)


@router.post("/sessions/{session_id}/messages/{message_id}/retry", response_class=Response, responses=_STREAM)
async def retry_message(
    service: Service,
    account_id: Account,
    session: SessionOfPath,
    request: Request,
    after: ResumedAfter,
    message_id: str,
    idempotency_key: Key = None,
) -> Response:
    """Answer the latest message anew; the earlier answer stays readable as an alternative."""
    run = await service.runs.retry(Caller(account_id, session, idempotency_key), message_id)
    return await _respond(service, account_id, request, run, after)


@router.get("/sessions/{session_id}/messages")
async def list_messages(
    service: Service,
    account_id: Account,
    session: SessionOfPath,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    after: After = None,
    before: Annotated[
        str | None, Query(min_length=1, max_length=200, description="The id of a message: those just before it")
    ] = None,
) -> Page[Message]:
    """The history, oldest first; what a live run has said so far stands at its end."""
    live = await service.runs.live_messages(session, account_id)
    page = await service.store.list_messages(session.id, limit=limit, after=after, before=before)
    if page.has_more or before is not None:
        return page
    stored = {message.id for message in page.data}
    return Page(data=[*page.data, *(message for message in live if message.id not in stored)])


@router.put("/sessions/{session_id}/messages/{message_id}/feedback")
async def put_feedback(service: Service, session: SessionOfPath, message_id: str, body: Feedback) -> Message:
    """Say whether an answer was good."""
    return await service.store.put_feedback(session.id, message_id, body)


@router.get(
    "/feedback",
    response_class=Response,
    responses={
        200: {
            "description": "The list; with `format=jsonl` the same entries, a line each, and the cursor in `X-Next`",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Page_FeedbackEntry_"}},
                "application/jsonl": {"schema": {"type": "string"}},
            },
        }
    },
)
async def list_feedback(
    service: Service,
    account_id: Account,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    after: After = None,
    format: Annotated[Literal["json", "jsonl"], Query()] = "json",  # noqa: A002  as for an export
) -> Response:
    """Answers that were rated, newest first, each with the message that it answers."""
    page = await service.store.list_feedback(account_id, limit=limit, after=after)
    if format == "json":
        return JSONResponse(page.model_dump(mode="json"))
    lines = "".join(entry.model_dump_json() + "\n" for entry in page.data)
    headers = {"X-Next": page.next} if page.next else None
    return PlainTextResponse(lines, headers=headers, media_type="application/jsonl")


@router.get(
    "/sessions/{session_id}/export",
    response_class=Response,
    responses={
        200: {
            "description": "The whole session",
            "content": {"application/json": {}, "application/jsonl": {}, "text/markdown": {}},
        }
    },
)
async def export_session(
    service: Service,
    session: SessionOfPath,
    format: Annotated[Format, Query()] = "json",  # noqa: A002  the contract's name
) -> Response:
    """The whole history as one document."""
    pieces = document(service.store, session, format)
    first = await anext(pieces)  # a store that cannot be read is said before the status is

    async def whole() -> AsyncIterator[str]:
        yield first
        async for piece in pieces:
            yield piece

    return StreamingResponse(whole(), media_type=MEDIA_TYPES[format])


# Runs


@router.get("/runs/{run_id}")
async def read_run(service: Service, account_id: Account, run_id: str) -> Run:
    """Status, model, usage, timings, error."""
    return await service.store.load_run(account_id, run_id)


@router.get("/runs/{run_id}/events", response_class=Response, responses=_FOLLOWED)
async def follow_run(
    service: Service,
    account_id: Account,
    run_id: str,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only events with a larger sequence")] = 0,
    last_event_id: LastEventId = "",
) -> Response:
    """The run's events again, byte for byte; live while the run is. Of two cursors the larger counts."""
    run = await service.store.load_run(account_id, run_id)
    return await event_stream(service, run, max(after, int(last_event_id or 0)))


@router.post("/runs/{run_id}/cancel")
async def cancel_run(service: Service, account_id: Account, run_id: str) -> Run:
    """Stop generating; what was said is kept. A run that ended stays as it is."""
    await service.runs.cancel(await service.store.load_run(account_id, run_id))
    return await service.store.load_run(account_id, run_id)


@router.post("/runs/{run_id}/actions", response_class=Response, responses=_STREAM)
async def submit_actions(
    service: Service,
    account_id: Account,
    request: Request,
    after: ResumedAfter,
    run_id: str,
    body: ActionResults,
    idempotency_key: Key = None,
) -> Response:
    """Hand in what the client's actions gave; a new run goes on from there."""
    run = await service.store.load_run(account_id, run_id)
    session = await service.store.load_session(account_id, run.session_id)
    continuation = await service.runs.submit(Caller(account_id, session, idempotency_key), run, body)
    return await _respond(service, account_id, request, continuation, after)


async def _respond(
    service: Service, account_id: str, request: Request, run: Run, after: int, *, status: int = 200
) -> Response:
    """The run in the form that was asked for; `status`: of a stream."""
    accept = request.headers.get("accept", "")
    if "application/json" in accept and "text/event-stream" not in accept:
        answer = await service.runs.wait(account_id, run.id)
        return JSONResponse(answer.model_dump(mode="json"), 201)
    return await event_stream(service, run, after, status=status)


async def _check_actions(service: Marquee, body: SessionCreate) -> None:
    """Raise Conflict where a name would mean two things, InvalidField where parameters are no schema to check with."""
    taken = set(TOOLS)
    for action in body.actions:
        if action.name in taken:
            raise Conflict(f"The action {action.name!r} has the name of a built-in tool or of another action.")
        taken.add(action.name)
    await service.checker.check_schemas(
        {f"body.actions.{place}.parameters": action.parameters for place, action in enumerate(body.actions)}
    )
