"""Lets those wait who are refused again and again, so that refusing them takes nobody else's turn.

Each refusal costs little, and thousands a second cost all there is. A refusal counts for the account, or where there
is none for the address; whoever has more of them than a minute may is answered late. With AUTH=on, or where it is set.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from accounts.accounts import Identity
from api.middleware import OnRequests
from api.problems import refusal
from errors import RateLimited
from settings import Settings

COSTS = {400: 1, 401: 1, 403: 1, 408: 5, 413: 15, 429: 1, 503: 1}  # of an answer: more where a body was read
USUAL = 30  # refusals a minute that cost nothing, where the settings name no other number
LONGEST = 5.0  # seconds that a request waits
MOST_WAITING = 10  # of one caller; more are refused at once
KNOWN = 10_000  # credentials that are remembered


class Tarpit(OnRequests):
    """Counts refusals in this process: several workers each allow as many."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._known: OrderedDict[str, str] = OrderedDict()
        self._waiting: Counter[str] = Counter()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings: Settings = scope["app"].state.marquee.settings
        most = settings.refusals_per_minute or (USUAL if settings.auth == "on" else None)
        if most is None:
            await self._app(scope, receive, send)
            return
        limit = RateLimitItemPerMinute(most)
        credential = Headers(scope=scope).get("authorization", "")
        if not await self._wait(limit, self._caller(scope, credential)):
            await refusal(RateLimited("Too many requests were refused; wait.", int(LONGEST)))(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._remember(scope, credential)
                if cost := COSTS.get(message["status"]):
                    await self._count(limit, self._caller(scope, credential), cost)
            await send(message)

        await self._app(scope, receive, counted)

    async def _count(self, limit: RateLimitItemPerMinute, caller: str, cost: int) -> None:
        """Count a refusal; where less is left than it costs, that."""
        left = (await self._limiter.get_window_stats(limit, caller)).remaining
        if left > 0:
            await self._limiter.hit(limit, caller, cost=min(cost, left))

    async def _wait(self, limit: RateLimitItemPerMinute, caller: str) -> bool:
        """Wait until the caller may have one more refusal, or long enough; False where too many wait already."""
        if await self._limiter.test(limit, caller):
            return True
        if self._waiting[caller] >= MOST_WAITING:
            return False
        window = await self._limiter.get_window_stats(limit, caller)
        with self._counted_as_waiting(caller):
            await asyncio.sleep(min(LONGEST, max(0.0, window.reset_time - time.time())))
        return True

    @contextmanager
    def _counted_as_waiting(self, caller: str) -> Iterator[None]:
        self._waiting[caller] += 1
        try:
            yield
        finally:
            self._waiting[caller] -= 1
            if not self._waiting[caller]:
                del self._waiting[caller]

    def _caller(self, scope: Scope, credential: str) -> str:
        """The account of a credential that was good a while ago, else the address."""
        client = scope.get("client")
        return self._known.get(credential) or (client[0] if client else "unknown")

    def _remember(self, scope: Scope, credential: str) -> None:
        """Note the account of a credential that was found good."""
        identity: Identity | None = scope.get("state", {}).get("identity")
        if identity is None:
            return
        self._known[credential] = identity.account.id
        self._known.move_to_end(credential)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
