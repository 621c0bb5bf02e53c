"""A run followed to its end by a face: folded, and stopped where nobody will come back for it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Protocol, TypeVar

from fastapi import Request, Response

from api.problems import problem
from schemas import Run
from service import Marquee
from storage.records import Frame

DONE = b"data: [DONE]\n\n"  # the end of a stream, as OpenAI's and the AI SDK's clients wait for it


class AnyFold(Protocol):
    """Something that takes the events of a run one by one."""

    def add(self, frame: Frame) -> object:
        """Take one event in."""


F = TypeVar("F", bound=AnyFold)


async def folded(service: Marquee, run: Run, fold: F) -> F:
    """A run to its end."""
    async with aclosing(service.runs.follow(run.id)) as batches:
        async for batch in batches:
            for frame in batch:
                fold.add(frame)
    return fold


async def waited(service: Marquee, run: Run, fold: F, request: Request, *, stays: bool) -> F:
    """The same for a client that waits; unless the run `stays`, it is stopped when the client leaves."""
    reading, leaving = asyncio.create_task(folded(service, run, fold)), asyncio.create_task(_left(request))
    try:
        await asyncio.wait({reading, leaving} if not stays else {reading}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not reading.done() and not stays:
            stop(service, run)
    return await reading


def failure(code: str, detail: str) -> Response:
    """The answer to who waited for a run that failed."""
    response = problem(code, "The answer could not be finished", detail)
    response.headers["x-should-retry"] = "false"  # what may pass was tried again upstream
    return response


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


_stopping: set[asyncio.Task[None]] = set()


def stop(service: Marquee, run: Run) -> None:
    """Cancel a run that nobody will ask for again."""
    task = asyncio.create_task(service.runs.cancel(run))
    _stopping.add(task)
    task.add_done_callback(_stopping.discard)
