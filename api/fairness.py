"""Begins requests in turn where they come faster than they can be answered: whoever asked least of late goes first.

A few are in the making at a time; while no more come, none waits. Who asks seldom is answered at once, whoever else
floods, and of those who flood each has the same share.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from http import HTTPStatus
from typing import TypeAlias, TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from accounts.accounts import Identity
from accounts.turns import Turns
from api.authentication import caller_address
from api.middleware import SAFE, OnRequests, announced
from api.problems import refusal
from errors import Overloaded

T = TypeVar("T")
Remembered: TypeAlias = OrderedDict[str, T]

MEMORY = 300.0  # seconds in which what was given to a caller fades to a third
UNKNOWN = 400.0  # of whoever was not here before: twice what a person takes who never stops talking
CHANGING = 5.0  # of a request that changes something, as one that begins an answer; 1 of any other
REFUSED = 20.0  # of one that is refused, or left before it is answered, beside that
AT_ONCE = 4  # requests in the making
MOST_WAITING = 2_000  # requests
LONGEST = 0.1  # seconds for which one is taken to need the processor
PIECE = 65_536  # bytes of a body that count as one more
KNOWN = 10_000  # callers, and credentials, that are remembered


class Ranks:
    """Callers by what they were given of late: the cost of their requests, weighted exponentially by age.

    Such a sum s at the time t is kept as log(s) + t / MEMORY. All sums fade alike, so ranks stay in order without being
    told the time, and a request that waits is not overtaken for ever.
    """

    def __init__(self) -> None:
        self._ranks: Remembered[float] = OrderedDict()

    def add(self, caller: str, cost: float, now: float) -> float:
        """Add the cost of a request to a caller's; the rank that it has. `now`: seconds of a monotonic clock."""
        at = now / MEMORY
        before = self._ranks.get(caller)
        rank = at + math.log(cost + (UNKNOWN if before is None else math.exp(before - at)))
        _remember(self._ranks, caller, rank)
        return rank


class Fairness(OnRequests):
    """Has few requests at a time in the making; a caller is an account, or an address where none is known.

    A request that waits for something else than the processor (an answer, a password's hash) soon counts no more.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._ranks = Ranks()
        self._known: Remembered[str] = OrderedDict()
        self._turns = Turns(AT_ONCE, MOST_WAITING)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        credential = Headers(scope=scope).get("authorization", "")
        caller = self._known.get(credential) or caller_address(Request(scope))
        try:
            await self._turns.take(self._ranks.add(caller, _cost(scope), time.monotonic()))
        except Overloaded as error:
            await refusal(error)(scope, receive, send)
            return
        timer = asyncio.get_running_loop().call_later(LONGEST, self._turns.pass_on)

        def let_go() -> None:
            if not timer.cancelled() and timer.when() > asyncio.get_running_loop().time():
                timer.cancel()
                self._turns.pass_on()

        async def weighed() -> Message:
            message = await receive()
            if (size := len(message.get("body", b""))) >= PIECE:
                self._ranks.add(caller, size / PIECE, time.monotonic())
            return message

        answered = False

        async def noted(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"] < HTTPStatus.BAD_REQUEST
                self._note(scope, credential)
                let_go()
            await send(message)

        try:
            await self._app(scope, weighed, noted)
        finally:
            let_go()
            if not answered:
                self._ranks.add(caller, REFUSED, time.monotonic())

    def _note(self, scope: Scope, credential: str) -> None:
        """Note the account of a credential that was found good."""
        identity: Identity | None = scope.get("state", {}).get("identity")
        if identity is not None and credential:
            _remember(self._known, credential, identity.account.id)


def _remember(kept: Remembered[T], key: str, value: T) -> None:
    """Keep a value, and forget the one that was not told of for the longest time where there are too many."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > KNOWN:
        kept.popitem(last=False)


def _cost(scope: Scope) -> float:
    """Of a request, as far as its head tells."""
    return (1.0 if scope["method"] in SAFE else CHANGING) + announced(scope) / PIECE
