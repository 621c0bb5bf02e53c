"""HTTP: messages, and the runs that answer them as Server-Sent Events: stored bytes, the same for every follower."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from loguru import logger
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.dependencies import Account, After, CallerInSession, Key, LastEventId, ResumedAfter, Service, SessionOfPath
from api.openapi import FOLLOWED, STREAM
from errors import StorageUnavailable
from movies.models import Page
from runs.live_run import Caller
from schemas import ActionResults, Message, MessageCreate, Run
from service import Marquee

RETRY_LINE = b"retry: 2000\n"  # milliseconds until a client that lost the stream comes back
NO_STORE = {"Cache-Control": "no-cache, no-transform"}

router = APIRouter(tags=["chat"])


class Responder:
    """Answers with a run in the form that the request asks for: streamed, or finished with `Accept: application/json`."""

    def __init__(self, service: Service, account_id: Account, request: Request, after: ResumedAfter) -> None:
        accept = request.headers.get("accept", "")
        self._waits = "application/json" in accept and "text/event-stream" not in accept
        self._service, self._account_id, self._after = service, account_id, after

    async def __call__(self, run: Run, *, status: int = 200) -> Response:
        """The response; `status`: of a stream."""
        if self._waits:
            answer = await self._service.runs.wait(self._account_id, run.id)
            return JSONResponse(answer.model_dump(mode="json"), 201)
        return await event_stream(self._service, run, self._after, status=status)


Respond = Annotated[Responder, Depends()]


@router.post("/sessions/{session_id}/messages", response_class=Response, responses=STREAM)
async def send_message(service: Service, caller: CallerInSession, respond: Respond, body: MessageCreate) -> Response:
    """Send a message and stream the answer, or, with `Accept: application/json`, wait for it."""
    return await respond(await service.runs.send(caller, body))


@router.post("/sessions/{session_id}/messages/{message_id}/retry", response_class=Response, responses=STREAM)
async def retry_message(service: Service, caller: CallerInSession, respond: Respond, message_id: str) -> Response:
    """Answer the latest message anew; the earlier answer stays readable as an alternative."""
    return await respond(await service.runs.retry(caller, message_id))


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
    respond: Respond,
    run_id: str,
    body: ActionResults,
    idempotency_key: Key = None,
) -> Response:
    """Hand in what the client's actions gave; a new run goes on from there."""
    run = await service.store.load_run(account_id, run_id)
    session = await service.store.load_session(account_id, run.session_id)
    return await respond(await service.runs.submit(Caller(account_id, session, idempotency_key), run, body))


# Streams


async def event_stream(service: Marquee, run: Run, after: int = 0, *, status: int = 200) -> Response:
    """A run's events above `after` as Server-Sent Events: stored bytes, what waits together in one send.

    204 where nothing is to come: that is what ends an EventSource (WHATWG HTML, section 9.2.3).
    """
    if after and await service.runs.is_at_end(run.id, after):
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
