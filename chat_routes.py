"""HTTP: sessions, messages, runs."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from sse_starlette import EventSourceResponse

from db import SESSION_CURSOR
from errors import Conflict
from movie_schemas import Page
from runs import Caller
from schemas import (
    ActionResults,
    Answer,
    Feedback,
    Message,
    MessageCreate,
    Run,
    Session,
    SessionCreate,
    SessionPatch,
)
from tools import TOOLS
from web import Account, After, Limit, Service, SessionOfPath, event_stream

router = APIRouter(tags=["chat"])

EXPORT_PAGE = 1_000
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key and body give the same run again, also after a restart",
    ),
]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "The run as Server-Sent Events", "content": {"text/event-stream": {}}},
    201: {"description": "The finished run, with `Accept: application/json`", "model": Answer},
}


# Sessions


@router.post("/sessions", status_code=201)
async def create_session(
    service: Service, account_id: Account, response: Response, body: SessionCreate | None = None
) -> Session:
    """Open a session; every field is optional."""
    body = body or SessionCreate()
    _check_actions(body)
    session = await service.store.create_session(account_id, body)
    response.headers["Location"] = f"/sessions/{session.id}"
    return session


@router.get("/sessions")
async def list_sessions(
    service: Service,
    account_id: Account,
    limit: Limit = 20,
    after: Annotated[str | None, Query(pattern=SESSION_CURSOR, description="`next` of the page before")] = None,
    q: Annotated[str | None, Query(max_length=200, description="Words of titles or messages")] = None,
) -> Page[Session]:
    """The caller's sessions, latest activity first."""
    return await service.store.list_sessions(account_id, limit=limit, after=after, q=q)


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


@router.post("/sessions/{session_id}/messages", responses=_STREAM, response_model=None)
async def send_message(
    service: Service,
    account_id: Account,
    session: SessionOfPath,
    request: Request,
    body: MessageCreate,
    idempotency_key: Key = None,
) -> Response:
    """Send a message and stream the answer, or, with `Accept: application/json`, wait for it."""
    run = await service.runs.send(Caller(account_id, session, idempotency_key), body)
    return await _respond(service, account_id, request, run)


@router.post("/sessions/{session_id}/messages/{message_id}/retry", responses=_STREAM, response_model=None)
async def retry_message(
    service: Service,
    account_id: Account,
    session: SessionOfPath,
    request: Request,
    message_id: str,
    idempotency_key: Key = None,
) -> Response:
    """Answer the latest message anew; the earlier answer stays readable as an alternative."""
    run = await service.runs.retry(Caller(account_id, session, idempotency_key), message_id)
    return await _respond(service, account_id, request, run)


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
    "/sessions/{session_id}/export",
    response_model=None,
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
    format: Annotated[Literal["json", "jsonl", "markdown"], Query()] = "json",  # noqa: A002  the contract's name
) -> Response:
    """The whole history as one document."""
    messages: list[Message] = []
    page: Page[Message] = Page(data=[], next=None, has_more=True)
    while page.has_more:
        page = await service.store.list_messages(session.id, limit=EXPORT_PAGE, after=page.next)
        messages += page.data
    if format == "jsonl":
        lines = "".join(message.model_dump_json() + "\n" for message in messages)
        return PlainTextResponse(lines, media_type="application/jsonl")
    if format == "markdown":
        return PlainTextResponse(_markdown(session, messages), media_type="text/markdown")
    return JSONResponse(
        {"session": session.model_dump(mode="json"), "messages": [m.model_dump(mode="json") for m in messages]}
    )


# Runs


@router.get("/runs/{run_id}")
async def read_run(service: Service, account_id: Account, run_id: str) -> Run:
    """Status, model, usage, timings, error."""
    return await service.store.load_run(account_id, run_id)


@router.get(
    "/runs/{run_id}/events",
    response_model=None,
    responses={200: _STREAM[200], 204: {"description": "The cursor is at the end of the run"}},
)
async def follow_run(
    service: Service,
    account_id: Account,
    run_id: str,
    after: Annotated[int | None, Query(ge=0, le=2**53, description="Only events with a larger sequence")] = None,
    last_event_id: Annotated[str, Header(pattern=r"^\d{0,15}$", description="The same, as EventSource sends it")] = "",
) -> Response:
    """The run's events again, byte for byte; live while the run is."""
    run = await service.store.load_run(account_id, run_id)
    cursor = after if after is not None else int(last_event_id or 0)
    if not await service.runs.has_after(run, cursor):
        return Response(status_code=204)
    return event_stream(service, run_id, cursor)


@router.post("/runs/{run_id}/cancel")
async def cancel_run(service: Service, account_id: Account, run_id: str) -> Run:
    """Stop generating; what was said is kept. A run that ended stays as it is."""
    await service.runs.cancel(await service.store.load_run(account_id, run_id))
    return await service.store.load_run(account_id, run_id)


@router.post("/runs/{run_id}/actions", responses=_STREAM, response_model=None)
async def submit_actions(
    service: Service,
    account_id: Account,
    request: Request,
    run_id: str,
    body: ActionResults,
    idempotency_key: Key = None,
) -> Response:
    """Hand in what the client's actions gave; a new run goes on from there."""
    run = await service.store.load_run(account_id, run_id)
    session = await service.store.load_session(account_id, run.session_id)
    continuation = await service.runs.submit(Caller(account_id, session, idempotency_key), run, body)
    return await _respond(service, account_id, request, continuation)


async def _respond(service: Service, account_id: str, request: Request, run: Run) -> Response | EventSourceResponse:
    """The run in the form that was asked for."""
    accept = request.headers.get("accept", "")
    if "application/json" in accept and "text/event-stream" not in accept:
        answer = await service.runs.wait(account_id, run.id)
        return JSONResponse(answer.model_dump(mode="json"), 201)
    return event_stream(service, run.id)


def _check_actions(body: SessionCreate) -> None:
    """Raise Conflict where a name would mean two things."""
    taken = set(TOOLS)
    for action in body.actions:
        if action.name in taken:
            raise Conflict(f"The action {action.name!r} has the name of a built-in tool or of another action.")
        taken.add(action.name)


def _markdown(session: Session, messages: list[Message]) -> str:
    """The conversation for reading: who said what, calls in short."""
    parts = [f"# {session.title or 'Untitled session'}"]
    for message in messages:
        if message.role == "tool":
            continue
        who = {"user": "You", "assistant": "Marquee"}[message.role]
        note = " (an earlier answer)" if message.alternative else ""
        note += f" ({message.status.replace('_', ' ')})" if message.status != "completed" else ""
        calls = [f"> {call.name} {json.dumps(call.arguments, ensure_ascii=False)}" for call in message.tool_calls]
        parts.append("\n\n".join([f"**{who}**{note}", *([message.content] if message.content else []), *calls]))
    return "\n\n".join(parts) + "\n"
