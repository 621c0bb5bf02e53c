"""Reads answers in larger pieces while the event loop is behind, so that many of them leave others their turn.

A token that is read alone costs several times its share of a piece: a commit, a wake-up and a write each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

APART = 0.02  # seconds between two looks at the loop
LATE = 0.01  # seconds behind that are nothing out of the ordinary
FADES = 0.7  # of the delay that is remembered from one look to the next
RATIO = 6  # of a pause to the delay that asks for it
LONGEST = 0.4  # seconds of a pause


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
        await asyncio.sleep(min(LONGEST, self._behind * RATIO) if self._behind > LATE else 0)

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
