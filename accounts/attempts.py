"""Attempts to sign in, counted per name and per address, so that nobody tries passwords at leisure."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from errors import RateLimited

OF_NAME = RateLimitItemPerMinute(10, 5)  # in five minutes
OF_ADDRESS = RateLimitItemPerMinute(30, 5)


class Attempts:
    """Counts in this process: several workers each allow as many."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def count(self, name: str, address: str) -> None:
        """Count an attempt.

        Raises:
            RateLimited: There were too many.
        """
        for limit, kind, key in ((OF_NAME, "name", name), (OF_ADDRESS, "address", address)):
            if not await self._limiter.hit(limit, kind, key):
                window = await self._limiter.get_window_stats(limit, kind, key)
                wait = max(1, math.ceil(window.reset_time - time.time()))
                raise RateLimited("Too many attempts to sign in; try again later.", wait)
