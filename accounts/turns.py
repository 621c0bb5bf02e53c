"""Turns at what only a few may do at a time: a semaphore whose waiters go by rank."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heapify, heappop, heappush
from itertools import count

from errors import Overloaded


class Turns:
    """So many have their turn at a time; of those who wait the lowest rank goes first, and of one rank who came first.

    Args:
        at_once: who may have their turn at a time.
        most_waiting: who may wait; None for any number.
    """

    def __init__(self, at_once: int, most_waiting: int | None = None) -> None:
        self._free = at_once
        self._most = most_waiting
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    async def take(self, rank: float) -> None:
        """Return when it is the turn of who has this rank. It lasts until `pass_on`.

        Raises:
            Overloaded: Too many wait, and this one would be the last.
        """
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (rank, next(self._numbers), turn))
        if self._most is not None and len(self._waiting) > self._most:
            self._send_last_away()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.pass_on()
            raise

    @asynccontextmanager
    async def turn(self, rank: float) -> AsyncIterator[None]:
        """A turn that ends with the block."""
        await self.take(rank)
        try:
            yield
        finally:
            self.pass_on()

    def pass_on(self) -> None:
        """End a turn: it goes to whoever comes first by rank."""
        while self._waiting:
            *_, turn = heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _send_last_away(self) -> None:
        last = max(self._waiting)
        self._waiting.remove(last)
        heapify(self._waiting)
        if not last[-1].done():
            last[-1].set_exception(Overloaded("More requests wait than can be answered."))
