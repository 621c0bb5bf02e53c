"""Runs as Server-Sent Events: stored bytes, the same for every follower."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from loguru import logger
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.dependencies import Service
from errors import StorageUnavailable
from schemas import Run
from service import Marquee

RETRY_LINE = b"retry: 2000\n"  # milliseconds until a client that lost the stream comes back
NO_STORE = {"Cache-Control": "no-cache, no-transform"}

# For the OpenAPI document
EVENTS = {  # a body is text, which generated clients hand over as such; the `data` of each of its events is an Event
    "schema": {"anyOf": [{"$ref": "#/components/schemas/Event"}, {"type": "string"}]}
}
ANSWER = {"schema": {"$ref": "#/components/schemas/Answer"}}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The run as Server-Sent Events; the `data` of each is an Event",
        "content": {"text/event-stream": EVENTS},
    },
    201: {
        "description": "The finished run, with `Accept: application/json`",
        "content": {"application/json": ANSWER},
    },
    204: {"description": "The `Last-Event-ID` is that of the run's last event"},
}
FOLLOWED: dict[int | str, dict[str, Any]] = {
    200: STREAM[200],
    204: {"description": "The cursor is that of the run's last event"},
}


async def respond(
    service: Service, account_id: str, request: Request, run: Run, after: int, *, status: int = 200
) -> Response:
    """The run in the form that was asked for; `status`: of a stream."""
    accept = request.headers.get("accept", "")
    if "application/json" in accept and "text/event-stream" not in accept:
        answer = await service.runs.wait(account_id, run.id)
        return JSONResponse(answer.model_dump(mode="json"), 201)
    return await event_stream(service, run, after, status=status)


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
