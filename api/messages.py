"""HTTP: messages, and the runs that answer them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Account, After, Key, LastEventId, ResumedAfter, Service, SessionOfPath
from api.streams import FOLLOWED, STREAM, event_stream, respond
from movies.models import Page
from runs.live_run import Caller
from schemas import ActionResults, Message, MessageCreate, Run

router = APIRouter(tags=["chat"])


@router.post("/sessions/{session_id}/messages", response_class=Response, responses=STREAM)
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
    return await respond(service, account_id, request, run, after)


@router.post("/sessions/{session_id}/messages/{message_id}/retry", response_class=Response, responses=STREAM)
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
    return await respond(service, account_id, request, run, after)


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


# Runs


@router.get("/runs/{run_id}")
async def read_run(service: Service, account_id: Account, run_id: str) -> Run:
    """Status, model, usage, timings, error."""
    return await service.store.load_run(account_id, run_id)


@router.get("/runs/{run_id}/events", response_class=Response, responses=FOLLOWED)
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


@router.post("/runs/{run_id}/actions", response_class=Response, responses=STREAM)
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
    return await respond(service, account_id, request, continuation, after)
