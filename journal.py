"""Commit before send: one writer for the events of all live runs, and any number of followers.

The writer takes whatever is pending, joins neighbouring deltas, commits it in one transaction and then wakes the
followers. There is no flush timer: the commit sets the pace.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field

from loguru import logger

from db import EndedRun, Frame, Store
from errors import StorageUnavailable
from schemas import Event, ReasoningDeltaEvent, TextDeltaEvent

TAIL_FRAMES = 256  # kept in memory a live run; a follower further behind reads the database
PENDING_EVENTS = 1_000  # a run that is this far ahead of the disk waits for it
RETRY_SECONDS = 0.5
GIVE_UP_SECONDS = 10.0
POLL_SECONDS = 0.25  # for runs of another process


def encode(run_id: str, sequence: int, event: Event) -> Frame:
    """An event with its place in the run, as it goes over the wire (WHATWG HTML, section 9.2.6)."""
    data = event.model_copy(update={"sequence": sequence}).model_dump_json()
    return Frame(run_id, sequence, f"id: {sequence}\nevent: {event.type}\ndata: {data}\n\n".encode())


def is_last(frame: Frame) -> bool:
    """Whether the frame ends its run."""
    name = frame.data.split(b"\n", 2)[1].removeprefix(b"event: ")
    return name.startswith(b"run.") and name != b"run.created"


@dataclass(slots=True)
class _Live:
    """A run of this process: what waits to be committed, and the newest that was."""

    run_id: str
    sequence: int
    tail: deque[Frame]
    pending: list[Event] = field(default_factory=list)
    ended: EndedRun | None = None
    committed: asyncio.Event = field(default_factory=asyncio.Event)  # set at the next commit, then replaced

    def wake(self) -> None:
        woken, self.committed = self.committed, asyncio.Event()
        woken.set()


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one commit takes from one run; `ended` where its last event is among the frames."""

    live: _Live
    frames: list[Frame]
    ended: EndedRun | None


class Journal:
    """The events of live runs on their way to disk and then to followers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: dict[str, _Live] = {}
        self._work = asyncio.Event()
        self._stalled = False
        self._closing = False
        self._writer = asyncio.create_task(self._write(), name="journal")

    async def close(self) -> None:
        """Commit what is pending and stop."""
        self._closing = True
        self._work.set()
        await self._writer

    def open(self, first: Frame) -> None:
        """Take up a run whose first frame is committed."""
        self._live[first.run_id] = _Live(first.run_id, first.sequence, deque([first], TAIL_FRAMES))

    async def append(self, run_id: str, event: Event) -> None:
        """Hand an event over; waits only while the run is far ahead of the disk."""
        live = self._live[run_id]
        live.pending.append(event)
        self._work.set()
        while len(live.pending) >= PENDING_EVENTS:
            await live.committed.wait()

    async def end(self, run_id: str, event: Event, ended: EndedRun) -> None:
        """Hand the last event over together with the run's final state; returns when both are committed."""
        live = self._live[run_id]
        live.pending.append(event)
        live.ended = ended
        self._work.set()
        while run_id in self._live:
            await live.committed.wait()

    async def follow(self, run_id: str, after: int = 0) -> AsyncGenerator[list[Frame], None]:
        """The run's frames with a sequence above `after`: what is committed at once, then the live ones, to the end.

        Raises:
            StorageUnavailable: The disk has refused the run's next events for GIVE_UP_SECONDS; follow again later.
        """
        while True:
            live = self._live.get(run_id)
            committed = live.committed if live else None
            frames = _from_tail(live, after) or await self._store.load_frames(run_id, after=after, limit=TAIL_FRAMES)
            if frames:
                yield frames
                after = frames[-1].sequence
                if is_last(frames[-1]):
                    return
            elif committed is not None:
                await committed.wait()
                if self._stalled:
                    raise StorageUnavailable("The database cannot be written; the run goes on when it can.")
            elif await self._is_over(run_id, after):
                return
            else:
                await asyncio.sleep(POLL_SECONDS)

    async def _is_over(self, run_id: str, after: int) -> bool:
        """Whether `after` is at or past the run's last event."""
        at_cursor = await self._store.load_frames(run_id, after=max(0, after - 1), limit=1)
        return not at_cursor or is_last(at_cursor[-1])

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            batches = [_take(live) for live in self._live.values() if live.pending]
            if batches:
                await self._commit(batches)
            elif self._closing:
                return

    async def _commit(self, batches: list[_Batch]) -> None:
        """One transaction for all that is pending, tried until the disk takes it; then the followers are woken."""
        frames = [frame for batch in batches for frame in batch.frames]
        await self._persist(frames, [batch.ended for batch in batches if batch.ended])
        for batch in batches:
            batch.live.tail.extend(batch.frames)
            batch.live.sequence = batch.frames[-1].sequence
            if batch.ended:
                del self._live[batch.live.run_id]
            batch.live.wake()
        if self._closing:
            self._work.set()

    async def _persist(self, frames: list[Frame], ended: list[EndedRun]) -> None:
        waited = 0.0
        while True:
            try:
                await self._store.commit(frames, ended)
            except (StorageUnavailable, sqlite3.Error) as error:
                if not waited:
                    logger.error("The journal cannot write and tries again: {}", error)
                waited += RETRY_SECONDS
                self._stalled = waited >= GIVE_UP_SECONDS
                if self._stalled:
                    self._wake_all()
                if self._closing:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._stalled = False
                return

    def _wake_all(self) -> None:
        for live in self._live.values():
            live.wake()


def join(events: list[Event]) -> Iterator[Event]:
    """Events with neighbouring deltas of the same message and kind as one."""
    held: TextDeltaEvent | ReasoningDeltaEvent | None = None
    pieces: list[str] = []
    for event in events:
        if held is not None and type(event) is type(held) and event.message_id == held.message_id:
            pieces.append(event.delta)
            continue
        if held is not None:
            yield held.model_copy(update={"delta": "".join(pieces)})
            held = None
        if isinstance(event, TextDeltaEvent | ReasoningDeltaEvent):
            held, pieces = event, [event.delta]
        else:
            yield event
    if held is not None:
        yield held.model_copy(update={"delta": "".join(pieces)})


def _take(live: _Live) -> _Batch:
    """All that is pending, joined and numbered."""
    pending, live.pending = live.pending, []
    frames = [encode(live.run_id, number, event) for number, event in enumerate(join(pending), live.sequence + 1)]
    return _Batch(live, frames, live.ended)


def _from_tail(live: _Live | None, after: int) -> list[Frame]:
    """The frames above `after`, if the tail reaches back that far."""
    if live is None or not live.tail or live.tail[0].sequence > after + 1:
        return []
    return [frame for frame in live.tail if frame.sequence > after]
