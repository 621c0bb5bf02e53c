"""The order in which requests begin, and how answers are read, where the event loop is behind."""

from __future__ import annotations

import asyncio
import time

from starlette.types import Message, Receive, Scope, Send

from api.fairness import PIECE, Ranks, Turns
from providers.pacing import Pace


def request(address: str, method: str = "GET", length: int = 0) -> Scope:
    headers = [(b"content-length", str(length).encode())]
    return {"type": "http", "method": method, "path": "/", "headers": headers, "client": (address, 1)}


async def nothing() -> Message:
    return {"type": "http.request"}


async def ignore(_: Message) -> None:
    pass


def test_ranks_fade_alike_and_never_need_the_time() -> None:
    ranks = Ranks()
    for _ in range(5):
        ranks.add("often", 1, now=100)
    ranks.add("seldom", 1, now=100)
    again = ranks.add("seldom", 1, now=101)
    assert again < min(ranks.add("often", 1, now=101), ranks.add("new", 1, now=101))
    waits = ranks.add("often", 1, now=102)
    assert waits < ranks.add("seldom", 1, now=200)  # whoever waits long is not overtaken for ever


async def test_whoever_asked_least_begins_first() -> None:
    begun: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        begun.append(scope["client"][0])

    turns = Turns(app)
    await turns(request("a guest of before"), nothing, ignore)
    flood = [turns(request("a flooder"), nothing, ignore) for _ in range(50)]
    large = turns(request("of much", "POST", 100 * PIECE), nothing, ignore)
    others = [turns(request(who), nothing, ignore) for who in ("new", "a guest of before")]
    await asyncio.gather(*flood, large, *others)
    assert begun.index("a guest of before", 1) < 4
    assert begun.index("new") < begun.index("of much")
    assert begun.count("a flooder") == 50


async def test_whoever_leaves_while_waiting_is_passed_over() -> None:
    begun: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        begun.append(scope["client"][0])

    turns = Turns(app)
    waiting = [asyncio.create_task(turns(request(str(number)), nothing, ignore)) for number in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.wait(waiting)
    assert sorted(begun) == ["0", "2"]


async def test_answers_are_read_in_larger_pieces_while_the_loop_is_behind() -> None:
    pace = Pace()
    loop = asyncio.get_running_loop()
    with pace.reading():
        time.sleep(0.1)  # noqa: ASYNC251  something holds the loop
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        began = loop.time()
        await pace.pause()
        assert loop.time() - began >= 0.1
