"""Runs that nobody works on: settled when their owner died, their replay folded when they are old."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from loguru import logger

from db import Store
from errors import MarqueeError
from runs.journal import PAGE_FRAMES, join
from runs.leases import Lease
from runs.transcript import Transcript, last_event
from schemas import Run
from settings import Settings
from storage.records import Clock, EndedRun, Frame

ALL_FRAMES = 1_000_000
SETTLE_SECONDS = 2.0  # between looks for runs of other processes that died
FOLD_SECONDS = 3_600.0  # between looks for runs whose replay can be shortened
FOLD_BATCH = 100


class Settler:
    """Looks after the runs in the database, now and again."""

    def __init__(self, store: Store, lease: Lease, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._lease = lease
        self._settings = settings
        self._clock = clock
        self._rounds = [
            asyncio.create_task(_repeat(self.settle_all, SETTLE_SECONDS), name="settle"),
            asyncio.create_task(_repeat(self._fold_all, FOLD_SECONDS), name="fold"),
        ]

    def stop(self) -> None:
        """Make no more rounds."""
        for rounds in self._rounds:
            rounds.cancel()

    async def settle_all(self) -> None:
        """Give every run that a dead process left behind its end."""
        for run in await self._store.unsettled_runs(self._lease.id):
            if await self._is_orphan(run.id):
                await self.settle(run)

    async def settle_if_dead(self, run_id: str) -> bool:
        """Settle a run if its owner is dead; whether it is over."""
        if await self._is_orphan(run_id):
            await self.settle_all()
        return await self._store.lease_of(run_id) is None

    async def _is_orphan(self, run_id: str) -> bool:
        """True for a run in progress whose process is dead."""
        lease_id = await self._store.lease_of(run_id)
        return lease_id is not None and not self._lease.is_alive(lease_id)

    async def settle(self, run: Run) -> None:
        """End a run as `interrupted`, from what of it was committed; whoever is faster may do it instead."""
        transcript, sequence = await self._read(run)
        if not sequence:  # deleted meanwhile
            return
        ended = run.model_copy(update={"status": "interrupted", "finished_at": self._clock()})
        messages = transcript.messages("interrupted")
        last = Frame.of(run.id, sequence + 1, last_event(ended, messages))
        if await self._store.settle(last, EndedRun(ended, messages)):
            logger.warning("{} was left without an end; settled as interrupted", run.id)

    async def transcript(self, run: Run) -> Transcript:
        """The committed part of a run."""
        return (await self._read(run))[0]

    async def _read(self, run: Run) -> tuple[Transcript, int]:
        """The committed part of a run, and the sequence of its last event; page by page: others get their turn."""
        transcript, sequence, now = Transcript(run), 0, self._clock()
        while frames := await self._store.load_frames(run.id, after=sequence, limit=PAGE_FRAMES):
            for frame in frames:
                transcript.add(frame.event, now)
            sequence = frames[-1].sequence
        return transcript, sequence

    async def fold(self) -> int:
        """Shorten the replay of runs that ended before the retention time to one event a stretch; returns how many."""
        before = self._clock() - timedelta(seconds=self._settings.replay_retention)
        runs = await self._store.runs_to_fold(before, FOLD_BATCH)
        for run in runs:
            events = [frame.event for frame in await self._store.load_frames(run.id, limit=ALL_FRAMES)]
            folded = [Frame.of(run.id, number, event) for number, event in enumerate(join(events), start=1)]
            await self._store.replace_frames(run.id, folded)
        return len(runs)

    async def forget(self) -> int:
        """Delete ephemeral sessions when their replay's time is over; returns how many."""
        return await self._store.forget_ephemeral(self._clock() - timedelta(seconds=self._settings.replay_retention))

    async def _fold_all(self) -> None:
        await self.forget()
        while await self.fold() == FOLD_BATCH:
            pass


async def _repeat(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Do something now and again after pauses of `seconds`, whatever the disk says."""
    while True:
        try:
            await work()
        except MarqueeError as error:
            logger.warning("The look after old runs is put off: {}", error)
        await asyncio.sleep(seconds)
