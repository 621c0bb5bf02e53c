"""HTTP: sending messages, and their answers as Server-Sent Events: stored bytes, the same for every follower."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from loguru import logger
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Message, Send

from api.dependencies import Account, CallerInSession, CountedAs, ResumedAfter, Service
from api.openapi import STREAM
from errors import StorageUnavailable
from schemas import MessageCreate, MessageRetry, Run
from service import Marquee

RETRY_LINE = b"retry: 2000\n"  # milliseconds until a client that lost the stream comes back
NO_STORE = {"Cache-Control": "no-cache, no-transform"}

router = APIRouter(tags=["chat"])


class Responder(Protocol):
    """Answers with a run in the form that is asked for; `status`: of a stream."""

    async def __call__(self, run: Run, *, status: int = 200) -> Response: ...


async def responder(
    service: Service, account_id: Account, counted: CountedAs, request: Request, after: ResumedAfter
) -> Responder:
    """Streamed, or finished with `Accept: application/json`."""
    accept = request.headers.get("accept", "")
    waits = "application/json" in accept and "text/event-stream" not in accept

    async def respond(run: Run, *, status: int = 200) -> Response:
        quota = await service.quotas.headers(counted)
        if waits:
            answer = await service.runs.wait(account_id, run.id)
            return JSONResponse(answer.model_dump(mode="json"), 201, quota)
        return await event_stream(service, run, after, status=status, headers=quota)

    return respond


Respond = Annotated[Responder, Depends(responder)]


class EventStream(EventSourceResponse):
    """As the library has it, without a cancel scope around each send: no send has a time limit here."""

    async def _send_with_timeout(self, send: Send, message: Message) -> None:
        await send(message)


@router.post("/sessions/{session_id}/messages", response_class=Response, responses=STREAM)
async def send_message(service: Service, caller: CallerInSession, respond: Respond, body: MessageCreate) -> Response:
    """Send a message and stream the answer, or, with `Accept: application/json`, wait for it."""
    return await respond(await service.runs.send(caller, body))


@router.post("/sessions/{session_id}/messages/{message_id}/retry", response_class=Response, responses=STREAM)
async def retry_message(
    service: Service, caller: CallerInSession, respond: Respond, message_id: str, body: MessageRetry | None = None
) -> Response:
    """Answer the latest message anew, as it was or with other `content`; what was there stays as an alternative."""
    return await respond(await service.runs.retry(caller, message_id, body or MessageRetry()))


async def event_stream(
    service: Marquee, run: Run, after: int = 0, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A run's events above `after` as Server-Sent Events: stored bytes, what waits together in one send.

    204 where nothing is to come: that is what ends an EventSource (WHATWG HTML, section 9.2.3).
    """
    if after and await service.runs.is_at_end(run.id, after):
        return Response(status_code=204)
    return streamed(service, _frames(service, run.id, after), status=status, headers=headers)


def streamed(
    service: Marquee, blocks: AsyncIterator[bytes], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Blocks of events as a stream that nobody keeps."""
    return EventStream(
        blocks,
        status_code=status,
        headers={**NO_STORE, **(headers or {})},
        ping=service.settings.sse_ping,
        ping_message_factory=lambda: ServerSentEvent(comment="ping", sep="\n"),
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
