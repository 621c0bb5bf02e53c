"""Begins requests in turn where the event loop is behind: whoever asked least of late goes first.

While requests come no faster than they are answered, none waits. Where they do, who asks seldom is answered at once,
whoever else floods; and of those who flood each has the same share.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from heapq import heappop, heappush
from itertools import count

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from accounts.accounts import Identity
from api.middleware import SAFE, OnRequests, announced

MEMORY = 10.0  # seconds in which what was given to a caller fades to a third
UNKNOWN = 20.0  # of whoever was not here before: those who were go first
CHANGING = 5.0  # of a request that changes something, as one that begins an answer; 1 of any other
PIECE = 65_536  # bytes of a body that count as one more
KNOWN = 10_000  # callers, and credentials, that are remembered


class Ranks:
    """Callers by what they were given of late: the cost of their requests, weighted exponentially by age.

    Such a sum s at the time t is kept as log(s) + t / MEMORY. All sums fade alike, so ranks stay in order without being
    told the time, and a request that waits is not overtaken for ever.
    """

    def __init__(self) -> None:
        self._ranks: OrderedDict[str, float] = OrderedDict()

    def add(self, caller: str, cost: float, now: float) -> float:
        """Add the cost of a request to a caller's; the rank that it has. `now`: seconds of a monotonic clock."""
        at = now / MEMORY
        before = self._ranks.get(caller)
        rank = at + math.log(cost + (UNKNOWN if before is None else math.exp(before - at)))
        self._ranks[caller] = rank
        self._ranks.move_to_end(caller)
        if len(self._ranks) > KNOWN:
            self._ranks.popitem(last=False)
        return rank


class Turns(OnRequests):
    """Has requests begin one by one; a caller is an account, or an address where the credential is not known."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._ranks = Ranks()
        self._known: OrderedDict[str, str] = OrderedDict()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._taken = False

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        credential = Headers(scope=scope).get("authorization", "")
        caller = self._known.get(credential) or (scope.get("client") or ("unknown",))[0]
        await self._turn(caller, _cost(scope))

        async def weighed() -> Message:
            message = await receive()
            if (size := len(message.get("body", b""))) >= PIECE:
                self._ranks.add(caller, size / PIECE, time.monotonic())
            return message

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._remember(scope, credential)
            await send(message)

        await self._app(scope, weighed, noted)

    async def _turn(self, caller: str, cost: float) -> None:
        """Return when it is the caller's turn."""
        loop = asyncio.get_running_loop()
        rank = self._ranks.add(caller, cost, time.monotonic())
        if not self._taken:
            self._take()
            return
        turn: asyncio.Future[None] = loop.create_future()
        heappush(self._waiting, (rank, next(self._numbers), turn))
        await turn

    def _take(self) -> None:
        """Have the next request begin in the loop's next turn."""
        self._taken = True
        asyncio.get_running_loop().call_soon(self._pass_on)

    def _pass_on(self) -> None:
        """Give the turn to whoever comes first by rank."""
        self._taken = False
        while self._waiting and not self._taken:
            *_, turn = heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                self._take()

    def _remember(self, scope: Scope, credential: str) -> None:
        """Note the account of a credential that was found good."""
        identity: Identity | None = scope.get("state", {}).get("identity")
        if identity is None or not credential:
            return
        self._known[credential] = identity.account.id
        self._known.move_to_end(credential)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)


def _cost(scope: Scope) -> float:
    """Of a request, as far as its head tells."""
    return (1.0 if scope["method"] in SAFE else CHANGING) + announced(scope) / PIECE
