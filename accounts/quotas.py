"""Quotas of one caller: messages a minute, live runs, sessions, tokens a day; decided before anything is stored.

A caller is an account, or where there are none an address. Counts of messages and live runs are those of this process.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from errors import Overloaded, RateLimited
from settings import Settings
from storage.records import Spent

MINUTE = 60
DAY = timedelta(days=1)
OF_LIVE_RUNS = 5  # seconds after which a caller with too many live runs may try again
APART = 0.03  # seconds between the beginnings of two runs whose callers have others already
MESSAGES = "messages"  # the name of the policy


class Quotas:
    """The limits of the settings. With AUTH=on each has a default, without only what is set holds.

    Attributes:
        sessions: of one account at most; None for any number.
        tokens_a_day: of one account at most; None for any number.
    """

    def __init__(self, settings: Settings) -> None:
        guarded = settings.auth == "on"
        self.tokens_a_day = settings.tokens_per_day
        self._messages = settings.messages_per_minute or (60 if guarded else None)
        self._live_runs = settings.max_live_runs_per_caller or (4 if guarded else None)
        self.sessions = settings.max_sessions_per_account or (10_000 if guarded else None)
        self._minute = RateLimitItemPerMinute(self._messages or 1)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._turn = asyncio.Lock()

    async def take_message(self, caller: str) -> None:
        """Count a message.

        Raises:
            RateLimited: There were too many in the last minute.
        """
        if self._messages is not None and not await self._limiter.hit(self._minute, MESSAGES, caller):
            await self._refuse(caller)

    async def headers(self, caller: str) -> dict[str, str]:
        """The state of a caller's messages (draft-ietf-httpapi-ratelimit-headers-11), where there is a limit."""
        if self._messages is None:
            return {}
        left, wait = await self._window(caller)
        policy = f'"{MESSAGES}";q={self._messages};w={MINUTE}'
        return {"RateLimit-Policy": policy, "RateLimit": f'"{MESSAGES}";r={left};t={wait}'}

    def check_live_runs(self, live: int, free: int) -> None:
        """Raise Overloaded where a caller has as many live runs as one may, so that others find room.

        The fewer are free, the fewer one may have: never more than are left to all others, so that who has none finds
        a place (Choudhury and Hahne, 1998: dynamic thresholds).
        """
        if self._live_runs is not None and live >= min(self._live_runs, free):
            raise Overloaded(f"You have {live} answers in the making; wait for one, or stop it.", OF_LIVE_RUNS)

    async def take_turn(self, live: int) -> None:
        """Wait where a caller has live runs: such runs begin one after the other, and who has none passes them by."""
        if self._live_runs is not None and live:
            async with self._turn:
                await asyncio.sleep(APART)

    async def check_messages(self, caller: str) -> None:
        """Raise RateLimited where `take_message` would; nothing is counted."""
        if self._messages is not None and not await self._limiter.test(self._minute, MESSAGES, caller):
            await self._refuse(caller)

    def check_tokens(self, spent: Sequence[Spent], now: datetime) -> None:
        """Raise RateLimited where the runs of the last day, oldest first, took as many tokens as a day may."""
        if self.tokens_a_day is None or (over := sum(run.tokens for run in spent) - self.tokens_a_day) < 0:
            return
        freed, back = 0, now
        for run in spent:
            freed, back = freed + run.tokens, run.at + DAY
            if freed > over:
                break
        wait = max(1, math.ceil((back - now).total_seconds()))
        raise RateLimited(f"At most {self.tokens_a_day} tokens a day.", wait)

    async def _refuse(self, caller: str) -> NoReturn:
        _, wait = await self._window(caller)
        raise RateLimited(f"At most {self._messages} messages a minute.", wait, await self.headers(caller))

    async def _window(self, caller: str) -> tuple[int, int]:
        """Messages that are left, and seconds until there are more."""
        window = await self._limiter.get_window_stats(self._minute, MESSAGES, caller)
        return max(0, window.remaining), max(1, math.ceil(window.reset_time - time.time()))
