"""Commit before send: one writer for the events of all live runs, and any number of followers.

The writer takes of every run what is pending, up to an equal share of COMMIT_BYTES, joins neighbouring deltas, commits
it in one transaction and then wakes the followers. The commit sets the pace, and rests where many runs are live. While
the disk refuses, runs wait; a run whose events can never be written, by a defect, is given up alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from loguru import logger

from db import Store
from errors import Internal, StorageUnavailable
from schemas import Event, ReasoningDeltaEvent, TextDeltaEvent
from storage.records import EndedRun, Frame
from telemetry.base import OFF, Metrics

TAIL_FRAMES = 256  # kept in memory a live run; a follower further behind reads the database
PENDING_EVENTS = 1_000  # a run that is this far ahead of the disk waits for it
DELTA_CHARS = 16_000  # of one frame: from here on deltas are not joined any further, and a longer one is divided
COMMIT_BYTES = 1_000_000  # of one commit, about; every run has its share, so that none waits for another's length
PAGE_FRAMES = 64  # read from the database at a time
PORTION_BYTES = 64_000  # handed to a follower at a time, so that a slow one holds little
REST_SECONDS = 0.00008  # for each live run, between commits: one for many costs little more than one for one
LONGEST_REST = 0.015
CROWD = 20  # live runs up to which there is no rest
RETRY_SECONDS = 0.5
GIVE_UP_SECONDS = 3.0  # until the followers of live runs are sent away
POLL_SECONDS = 0.25  # for runs of another process


Timed = Callable[[float, int], None]  # told the seconds of a commit, and how many events of a run were in it


@dataclass(slots=True)
class _Log:
    """A run of this process: what waits to be committed, and the newest that was."""

    run_id: str
    sequence: int
    tail: deque[Frame]
    keep: Callable[[Event], None]
    timed: Timed | None = None
    pending: deque[Event] = field(default_factory=deque)
    ended: EndedRun | None = None
    committed: asyncio.Event = field(default_factory=asyncio.Event)  # set at the next commit, then replaced
    broken: bool = False

    def wake(self) -> None:
        woken, self.committed = self.committed, asyncio.Event()
        woken.set()

    def reaches(self, after: int) -> bool:
        """True where the tail holds all that follows `after`."""
        return self.tail[0].sequence <= after + 1

    def above(self, after: int) -> list[Frame]:
        """Committed frames above `after`, which the tail reaches."""
        return [self.tail[place] for place in range(min(after - self.sequence, 0), 0)]


@dataclass(frozen=True, slots=True)
class _Batch:
    """The share of one run in one commit; `ended` where its last event is among the frames."""

    live: _Log
    events: list[Event]
    frames: list[Frame]
    ended: EndedRun | None


class Journal:
    """The events of live runs on their way to disk and then to followers. `followers`: how many there are."""

    def __init__(self, store: Store, metrics: Metrics = OFF) -> None:
        self.followers = 0
        self._store = store
        self._metrics = metrics
        self._live: dict[str, _Log] = {}
        self._work = asyncio.Event()
        self._stalled = False
        self._closing = False
        self._writer = asyncio.create_task(self._write(), name="journal")

    async def close(self) -> None:
        """Commit what is pending and stop. What the disk does not take now is settled at the next start."""
        self._closing = True
        self._work.set()
        try:
            await self._writer
        except StorageUnavailable as error:
            logger.error("The last events could not be written: {}", error)

    @property
    def pending(self) -> int:
        """The number of events that are not on the disk yet."""
        return sum(len(live.pending) for live in list(self._live.values()))

    def open(self, first: Frame, keep: Callable[[Event], None], timed: Timed | None = None) -> None:
        """Take up a run whose first frame is committed; `keep` is called with each later event once it is."""
        self._live[first.run_id] = _Log(first.run_id, first.sequence, deque([first], TAIL_FRAMES), keep, timed)

    async def append(self, run_id: str, event: Event) -> None:
        """Hand an event over; waits only while the run is far ahead of the disk.

        Raises:
            Internal: The run was given up.
        """
        live = self._owned(run_id)
        live.pending.extend(_divided(event))
        self._work.set()
        while len(live.pending) >= PENDING_EVENTS and not live.broken:
            await live.committed.wait()

    async def end(self, run_id: str, event: Event, ended: EndedRun) -> None:
        """Hand the last event over together with the run's final state; returns when both are committed.

        Raises:
            Internal: The run was given up.
        """
        live = self._owned(run_id)
        live.pending.append(event)
        live.ended = ended
        self._work.set()
        while run_id in self._live:
            await live.committed.wait()
        if live.broken:
            raise Internal

    async def follow(self, run_id: str, after: int = 0) -> AsyncGenerator[list[Frame], None]:
        """The run's frames with a sequence above `after`: what is committed at once, then the live ones, to the end.

        One with a sequence that the run has not reached gets the whole.

        Raises:
            StorageUnavailable: The disk has refused the run's next events for GIVE_UP_SECONDS; follow again later.
        """
        if not await self._has(run_id, after):  # a power cut or an older backup took what the follower saw
            after = 0
        self.followers += 1
        try:
            async with aclosing(self._follow(run_id, after)) as portions:
                async for portion in portions:
                    yield portion
        finally:
            self.followers -= 1

    async def _follow(self, run_id: str, after: int) -> AsyncGenerator[list[Frame], None]:
        """The same, from a sequence that the run has come to."""
        live: _Log | None = None
        while True:
            committed = self._live[run_id].committed if run_id in self._live else None
            live = self._live.get(run_id, live)  # of one that has ended meanwhile the tail has the end
            if live and not live.broken and live.reaches(after):
                frames = live.above(after)
            else:
                frames = await self._store.load_frames(run_id, after=after, limit=PAGE_FRAMES)
            if frames:
                for portion in _portions(frames):
                    yield portion
                after = frames[-1].sequence
                if frames[-1].is_last:
                    return
            elif committed is not None:
                await committed.wait()
                if self._stalled:
                    raise StorageUnavailable("The database cannot be written; the run goes on when it can.")
            elif await self._is_over(run_id, after):
                return
            else:
                await asyncio.sleep(POLL_SECONDS)

    async def _has(self, run_id: str, sequence: int) -> bool:
        """True where the run has come as far as this sequence."""
        live = self._live.get(run_id)
        if live is not None:
            return sequence <= live.sequence
        return sequence == 0 or bool(await self._store.load_frames(run_id, after=sequence - 1, limit=1))

    def _owned(self, run_id: str) -> _Log:
        live = self._live.get(run_id)
        if live is None:
            raise Internal
        return live

    async def _is_over(self, run_id: str, after: int) -> bool:
        """True where `after` is at or past the run's last event."""
        at_cursor = await self._store.load_frames(run_id, after=max(0, after - 1), limit=1)
        return not at_cursor or at_cursor[-1].is_last

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            if batches := list(self._shares()):
                await self._commit(batches)
            if any(live.pending for live in self._live.values()):
                self._work.set()
            elif self._closing:
                return
            if not self._closing and len(self._live) > CROWD:
                await asyncio.sleep(min(LONGEST_REST, REST_SECONDS * len(self._live)))

    def _shares(self) -> Iterator[_Batch]:
        """The batches of the next commit: of every run its share, and at most one run's long end."""
        pending = [live for live in self._live.values() if live.pending]
        end_allowed = True
        for live in pending:
            try:
                batch = _batch_of(live, COMMIT_BYTES // len(pending), long_end=end_allowed)
            except ValueError:
                self._give_up(live)
                continue
            end_allowed = end_allowed and not (batch.ended and _is_long(batch.ended))
            if batch.frames:
                yield batch

    async def _commit(self, batches: list[_Batch]) -> None:
        """One transaction for all that is pending, tried until the disk takes it; then the followers are woken."""
        began = time.perf_counter()
        try:
            await self._persist(batches)
        except StorageUnavailable:
            raise
        except Exception:  # noqa: BLE001  a defect must not take the other runs with it
            if len(batches) == 1:
                self._give_up(batches[0].live)
                return
            for batch in batches:
                await self._commit([batch])
        else:
            seconds = time.perf_counter() - began
            self._metrics.committed(sum(len(batch.frames) for batch in batches), seconds)
            for batch in batches:
                self._publish(batch, seconds)

    def _publish(self, batch: _Batch, seconds: float) -> None:
        if batch.live.timed is not None:
            batch.live.timed(seconds, len(batch.frames))
        batch.live.tail.extend(batch.frames)
        batch.live.sequence = batch.frames[-1].sequence
        for event in batch.events:
            batch.live.keep(event)
        if batch.ended:
            del self._live[batch.live.run_id]
        batch.live.wake()

    def _give_up(self, live: _Log) -> None:
        """Let go of a run, inside an `except`; what was committed stands, and its owner settles it from there."""
        logger.exception("The events of {} cannot be written", live.run_id)
        live.broken = True
        del self._live[live.run_id]
        live.wake()

    async def _persist(self, batches: list[_Batch]) -> None:
        frames = [frame for batch in batches for frame in batch.frames]
        ended = [batch.ended for batch in batches if batch.ended]
        failing_since: float | None = None
        while frames:
            try:
                await self._store.commit(frames, ended)
            except StorageUnavailable as error:
                if failing_since is None:
                    failing_since = time.monotonic()
                    logger.error("The journal cannot write and tries again: {}", error)
                if self._closing:
                    raise
                self._stalled = time.monotonic() - failing_since >= GIVE_UP_SECONDS
                if self._stalled:
                    for live in self._live.values():
                        live.wake()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._stalled = False
                return


def _portions(frames: list[Frame]) -> Iterator[list[Frame]]:
    """Frames in runs of at most PORTION_BYTES, or of one frame."""
    portion: list[Frame] = []
    size = 0
    for frame in frames:
        size += len(frame.data)
        if portion and size > PORTION_BYTES:
            yield portion
            portion, size = [], len(frame.data)
        portion.append(frame)
    yield portion


def _batch_of(live: _Log, share: int, *, long_end: bool) -> _Batch:
    """The pending events of a run, joined, numbered and encoded: `share` bytes, and what the last frame is over."""
    events: list[Event] = []
    frames: list[Frame] = []
    size = 0
    while live.pending and size < share:
        if live.ended and len(live.pending) == 1 and _is_long(live.ended) and not long_end:
            break
        events.append(_next_joined(live.pending))
        frames.append(Frame.of(live.run_id, live.sequence + len(events), events[-1]))
        size += len(frames[-1].data)
    return _Batch(live, events, frames, None if live.pending else live.ended)


def _is_long(ended: EndedRun) -> bool:
    """True where the end of a run, which holds its last message, would fill a good part of a commit."""
    return any(len(message.content) > 4 * DELTA_CHARS for message in ended.messages)


def _divided(event: Event) -> Iterator[Event]:
    """An event, a long delta as several."""
    if not isinstance(event, TextDeltaEvent | ReasoningDeltaEvent) or len(event.delta) <= DELTA_CHARS:
        yield event
        return
    for start in range(0, len(event.delta), DELTA_CHARS):
        yield event.model_copy(update={"delta": event.delta[start : start + DELTA_CHARS]})


def join(events: Iterable[Event]) -> Iterator[Event]:
    """Events with neighbouring deltas of the same message and kind as one, up to DELTA_CHARS."""
    pending = deque(events)
    while pending:
        yield _next_joined(pending)


def _next_joined(pending: deque[Event]) -> Event:
    """Take the first event off; with a delta those behind it that go on."""
    first = pending.popleft()
    if not pending or not isinstance(first, TextDeltaEvent | ReasoningDeltaEvent):
        return first
    pieces, size = [first.delta], len(first.delta)
    while pending and size < DELTA_CHARS:
        event = pending[0]
        if not isinstance(event, type(first)) or event.message_id != first.message_id:
            break
        pending.popleft()
        pieces.append(event.delta)
        size += len(event.delta)
    return first.model_copy(update={"delta": "".join(pieces)})
