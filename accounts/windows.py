"""Moving windows: so many of a thing in a time for each key, counted in this process, and told in RateLimit headers."""

from __future__ import annotations

import math
import time

from errors import RateLimited


class Window:
    """One policy. Several processes each allow as many.

    Args:
        name: of the policy, as headers have it.
        most: how many, in so many `minutes`.
    """

    def __init__(self, name: str, most: int, minutes: int = 1) -> None:
        from limits import RateLimitItemPerMinute  # noqa: PLC0415  without limits nobody waits for the library
        from limits.aio.storage import MemoryStorage  # noqa: PLC0415
        from limits.aio.strategies import MovingWindowRateLimiter  # noqa: PLC0415

        self._name, self._limit = name, RateLimitItemPerMinute(most, minutes)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def take(self, key: str, refusal: str) -> None:
        """Count one of a key's.

        Raises:
            RateLimited: There were too many; `refusal` says so.
        """
        if not await self._limiter.hit(self._limit, key):
            _, wait = await self._state(key)
            raise RateLimited(refusal, wait, await self.headers(key))

    async def headers(self, key: str) -> dict[str, str]:
        """The headers of a key: how many are left to it."""
        left, wait = await self._state(key)
        return window_headers(self._name, self._limit.amount, self._limit.get_expiry(), left, wait)

    async def _state(self, key: str) -> tuple[int, int]:
        """The number that is left, and seconds until there are more."""
        stats = await self._limiter.get_window_stats(self._limit, key)
        return max(0, stats.remaining), max(1, math.ceil(stats.reset_time - time.time()))


def window_headers(name: str, most: int, seconds: int, left: int, wait: int) -> dict[str, str]:
    """A quota of a time window (draft-ietf-httpapi-ratelimit-headers-11)."""
    return {"RateLimit-Policy": f'"{name}";q={most};w={seconds}', "RateLimit": f'"{name}";r={left};t={wait}'}


def concurrency_headers(name: str, most: int, wait: int) -> dict[str, str]:
    """A quota of things at once, all of which are taken."""
    return {
        "RateLimit-Policy": f'"{name}";q={most};qu="concurrent-requests"',
        "RateLimit": f'"{name}";r=0;t={wait}',
    }
