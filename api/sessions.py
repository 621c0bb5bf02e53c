"""HTTP: sessions, their history and its export, and what was thought of their answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from api.dependencies import Account, After, CountedAs, Key, Limit, Service, SessionOfPath, UserIdQuery
from api.export import MEDIA_TYPES, Format, document, streamed
from api.messages import Respond
from api.openapi import ANSWER, EVENTS, STREAM
from db import LATEST
from errors import Conflict, MarqueeError
from movies.models import Page
from runs.live_run import Caller
from schemas import Action, Feedback, Message, Run, Session, SessionCreate, SessionPatch
from service import Marquee
from storage.sessions import SESSION_CURSOR
from tools.registry import TOOLS

router = APIRouter(tags=["chat"])

_SESSION_OR_ANSWER = {"schema": {"anyOf": [{"$ref": "#/components/schemas/Session"}, ANSWER["schema"]]}}
_OPENED: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "The session; with a `message` its run, streamed or, with `Accept: application/json`, finished",
        "content": {"application/json": _SESSION_OR_ANSWER, "text/event-stream": EVENTS},
        "headers": {"Location": {"description": "Where the session is", "schema": {"type": "string"}}},
    },
    204: STREAM[204],
}


@router.post("/sessions", status_code=201, response_class=Response, responses=_OPENED)
async def create_session(
    service: Service,
    account_id: Account,
    counted: CountedAs,
    respond: Respond,
    body: SessionCreate | None = None,
    idempotency_key: Key = None,
) -> Response:
    """Open a session; every field is optional. With a `message` it is answered at once, as if it were sent then."""
    body = body or SessionCreate()
    await check_actions(service, body.actions)
    async with AsyncExitStack() as stack:
        place = None
        if body.message is not None and not await _is_open(service, account_id, idempotency_key):
            place = await stack.enter_async_context(service.runs.place(account_id, counted))
        session, repeated = await service.sessions.open(account_id, body, idempotency_key, service.quotas.sessions)
        if body.message is None:
            response: Response = JSONResponse(session.model_dump(mode="json"), 201)
        else:
            caller = Caller(account_id, session, idempotency_key, counted, place)
            async with first_message(service, account_id, session, repeated=repeated):
                run = await service.runs.send(caller, body.message)
            response = await respond(run, status=201)
    response.headers["Location"] = f"/sessions/{session.id}"
    return response


async def _is_open(service: Marquee, account_id: str, key: str | None) -> bool:
    """True where a session with this key was opened before."""
    return key is not None and await service.sessions.find(account_id, key) is not None


@asynccontextmanager
async def first_message(service: Marquee, account_id: str, session: Session, *, repeated: bool) -> AsyncIterator[None]:
    """Leave no session where the message that it was opened for is refused, unless it was there before."""
    try:
        yield
    except MarqueeError:
        if not repeated:
            await service.sessions.delete(account_id, session.id)
        raise


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
    return await service.sessions.list(account_id, limit=limit, after=after, q=q, user_id=user_id, live=live)


@router.get("/sessions/{session_id}")
async def read_session(session: SessionOfPath) -> Session:
    """One session."""
    return session


@router.patch("/sessions/{session_id}")
async def change_session(service: Service, account_id: Account, session_id: str, body: SessionPatch) -> Session:
    """Change what is given; null clears."""
    await service.sessions.update(account_id, session_id, body)
    return await service.store.load_session(account_id, session_id)


@router.delete("/sessions/{session_id}", status_code=204)
async def delete_session(service: Service, account_id: Account, session_id: str) -> None:
    """Delete a session with its messages. One that answers right now must be cancelled first."""
    await service.sessions.delete(account_id, session_id)


# History


@router.get("/sessions/{session_id}/messages")
async def list_messages(
    service: Service,
    account_id: Account,
    session: SessionOfPath,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    after: After = None,
    before: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="The id of a message: those just before it; `latest`: the end"),
    ] = None,
) -> Page[Message]:
    """The history, oldest first; what a live run has said so far stands at its end.

    With `before`, `has_more` and `next` lead to older messages.
    """
    live = await service.runs.live_messages(session, account_id)
    page = await service.store.list_messages(session.id, limit=limit, after=after, before=before)
    at_end = before == LATEST if before is not None else not page.has_more
    if not at_end:
        return page
    stored = {message.id for message in page.data}
    said = [message for message in live if message.id not in stored]
    return page.model_copy(update={"data": [*page.data, *said]})


@router.get("/sessions/{session_id}/runs")
async def list_runs(service: Service, session: SessionOfPath, limit: Limit = 20, after: After = None) -> Page[Run]:
    """A session's runs, newest first: those that answered, that failed, that are live."""
    return await service.store.list_runs(session.id, limit=limit, after=after)


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
    return await streamed(document(service.store, session, format), MEDIA_TYPES[format])


# Feedback


@router.put("/sessions/{session_id}/messages/{message_id}/feedback")
async def put_feedback(service: Service, session: SessionOfPath, message_id: str, body: Feedback) -> Message:
    """Say whether an answer was good."""
    rated = await service.sessions.rate(session.id, message_id, body)
    message = await service.store.load_message(session.id, message_id)
    if not rated:
        raise Conflict("Only an answer takes feedback.")
    return message


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
    page = await service.sessions.feedback(account_id, limit=limit, after=after)
    if format == "json":
        return JSONResponse(page.model_dump(mode="json"))
    lines = "".join(entry.model_dump_json() + "\n" for entry in page.data)
    headers = {"X-Next": page.next} if page.next else None
    return PlainTextResponse(lines, headers=headers, media_type="application/jsonl")


async def check_actions(service: Marquee, actions: Sequence[Action]) -> None:
    """Raise Conflict where a name would mean two things, InvalidField where parameters are no schema to check with."""
    taken = set(TOOLS)
    for action in actions:
        if action.name in taken:
            raise Conflict(f"The action {action.name!r} has the name of a built-in tool or of another action.")
        taken.add(action.name)
    await service.checker.check_schemas(
        {f"body.actions.{place}.parameters": action.parameters for place, action in enumerate(actions)}
    )
