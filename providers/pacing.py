"""Reads answers in larger pieces while the event loop is behind, so that many of them leave others their turn.

A token that is read alone costs several times its share of a piece: a commit, a wake-up and a write each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

APART = 0.02  # seconds between two looks at the loop
LATE = 0.02  # seconds behind that are nothing out of the ordinary: one commit of many runs, sent to their followers
FADES = 0.7  # of the delay that is remembered from one look to the next
RATIO = 6  # of a pause to the delay beyond that
LONGEST = 0.4  # seconds of a pause
FULL = 4_096  # bytes of a block behind which there may be another: a short one is all that had come


class Deadline:
    """A time limit of each of many waits in one task, by one timer for them all: asyncio.timeout makes one each."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._at: float | None = None
        self._expired = False
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, awaitable: Awaitable[T], at: float) -> T:
        """The result of a wait that may last until then, a time of the event loop's.

        Raises:
            TimeoutError: It lasted longer.
        """
        self._at = at
        if self._timer is None or at < self._timer.when():
            self._set(at)
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self._expired and self._task.uncancel() <= self._cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._at = None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, at: float) -> None:
        self.close()
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        """End the wait, or look again when the present one may end, or a later one."""
        now = self._loop.time()
        self._timer = None
        if self._at is None:
            return
        if now < self._at:
            self._set(self._at)
            return
        self._expired = True
        self._task.cancel()


class Pace:
    """The delay of the event loop, as a timer sees it that runs while anything is read."""

    def __init__(self) -> None:
        self._behind = 0.0
        self._readers = 0
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Have the loop watched meanwhile."""
        self._readers += 1
        if self._timer is None:
            self._watch()
        try:
            yield
        finally:
            self._readers -= 1

    async def pause(self) -> None:
        """Give others their turn, for longer where the loop is behind."""
        late = self._behind - LATE
        await asyncio.sleep(min(LONGEST, late * RATIO) if late > 0 else 0)

    def wants_pause(self, block: bytes) -> bool:
        """True where the loop is behind, or after a long block: more may be here, and would come without a wait."""
        return len(block) >= FULL or self._behind > LATE

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(APART, self._look, loop.time() + APART)

    def _look(self, due: float) -> None:
        late = asyncio.get_running_loop().time() - due
        self._behind = max(late, self._behind * FADES)
        self._timer = None
        if self._readers:
            self._watch()
        else:
            self._behind = 0.0
