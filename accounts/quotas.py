"""Quotas of one caller: messages a minute, live runs, sessions, tokens a day; decided before anything is stored.

A caller is an account, or where there are none an address. Counts of messages and live runs are those of this process.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.turns import Turns
from accounts.windows import Window, concurrency_headers, window_headers
from errors import Overloaded, RateLimited
from settings import Settings
from storage.records import Spent

DAY = timedelta(days=1)
AT_ONCE = 2  # runs whose conversation is read and put together; who has fewer others goes first
OF_LIVE_RUNS = 5  # seconds after which a caller with too many live runs may try again
APART = 0.03  # seconds between the beginnings of two runs whose callers have others already


class Quotas:
    """The limits of the settings. With AUTH=on each has a default, without only what is set holds.

    Attributes:
        sessions: of one account at most; None for any number.
        tokens_a_day: of one account at most; None for any number.
    """

    def __init__(self, settings: Settings) -> None:
        guarded = settings.auth == "on"
        self.tokens_a_day = settings.tokens_per_day
        self.sessions = settings.max_sessions_per_account or (10_000 if guarded else None)
        self._all_live_runs = settings.max_live_runs
        self._live_runs = settings.max_live_runs_per_caller or (4 if guarded else None)
        self._most = settings.messages_per_minute or (60 if guarded else None)
        self._messages = Window("messages", self._most) if self._most else None
        self._spent_beside: defaultdict[str, deque[Spent]] = defaultdict(deque)
        self._turn = asyncio.Lock()
        self.beginnings = Turns(AT_ONCE)

    async def take_message(self, caller: str) -> None:
        """Count a message.

        Raises:
            RateLimited: There were too many in the last minute.
        """
        if self._messages is not None:
            await self._messages.take(caller, f"At most {self._most} messages a minute.")

    async def headers(self, caller: str) -> dict[str, str]:
        """The state of a caller's messages, where there is a limit."""
        return await self._messages.headers(caller) if self._messages else {}

    def check_live_runs(self, live: Sequence[str | None], caller: str | None) -> None:
        """Raise Overloaded where there is no room for one more run.

        A caller may have so many runs, and where room grows scarce no more than are still free for others: then of n
        who want all of it each gets one part of n + 1, and whoever comes next finds room (the dynamic thresholds of
        Choudhury and Hahne, 1998, with alpha = 1).

        Args:
            live: whose the runs are that are live or about to be.
            caller: whose this one is; None for who works on this machine itself.
        """
        free = self._all_live_runs - len(live)
        if free <= 0:
            headers = concurrency_headers("live-runs-of-all", self._all_live_runs, OF_LIVE_RUNS)
            raise Overloaded(None, OF_LIVE_RUNS, headers)
        if caller is None or self._live_runs is None:
            return
        own = live.count(caller)
        if own >= min(self._live_runs, free):
            headers = concurrency_headers("live-runs", min(self._live_runs, own), OF_LIVE_RUNS)
            raise Overloaded(f"You have {own} answers in the making; wait for one, or stop it.", OF_LIVE_RUNS, headers)

    async def take_turn(self, others: int) -> None:
        """Wait where a caller has other live runs: such runs begin one by one, and who has none passes them by."""
        if self._live_runs is not None and others:
            async with self._turn:
                await asyncio.sleep(APART)

    def note_spent(self, account_id: str, spent: Spent) -> None:
        """Note tokens that an account took beside its runs, which are kept by themselves."""
        if self.tokens_a_day is not None:
            self._spent_beside[account_id].append(spent)

    def check_tokens(self, account_id: str, of_runs: Sequence[Spent], now: datetime) -> None:
        """Raise RateLimited where an account took as many tokens within a day as it may.

        Args:
            account_id: whose.
            of_runs: what its runs of the last day took.
            now: the time.
        """
        if self.tokens_a_day is None:
            return
        beside = self._spent_beside[account_id]
        while beside and beside[0].at <= now - DAY:
            beside.popleft()
        spent = sorted([*of_runs, *beside], key=lambda one: one.at)
        over = sum(one.tokens for one in spent) - self.tokens_a_day
        if over < 0:
            return
        wait = max(1, math.ceil((_freed_at(spent, over, now) - now).total_seconds()))
        headers = window_headers("tokens", self.tokens_a_day, int(DAY.total_seconds()), 0, wait)
        raise RateLimited(f"At most {self.tokens_a_day} tokens a day.", wait, headers)


def _freed_at(spent: Sequence[Spent], over: int, now: datetime) -> datetime:
    """The time at which more than `over` of the tokens, oldest first, are a day old."""
    freed, back = 0, now
    for one in spent:
        freed, back = freed + one.tokens, one.at + DAY
        if freed > over:
            break
    return back
