"""The order in which requests begin, and how answers are read, where the event loop is behind."""

from __future__ import annotations

import asyncio
import time

from starlette.types import Message, Receive, Scope, Send

from api.fairness import AT_ONCE, MEMORY, MOST_WAITING, PIECE, Fairness, Ranks
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
    later = 100 + MEMORY / 10
    again = ranks.add("seldom", 1, later)
    assert again < min(ranks.add("often", 1, later), ranks.add("new", 1, later))
    waits = ranks.add("often", 1, later)
    assert waits < ranks.add("seldom", 1, later + 10 * MEMORY)  # whoever waits long is not overtaken for ever


class Held:
    """An application whose requests end when they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gate = asyncio.Event()

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.begun.append(scope["client"][0])
        await self.gate.wait()
        await send({"type": "http.response.start", "status": 200})


class Refusing:
    """An application that knows nobody."""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401})


async def test_whoever_asked_least_begins_first() -> None:
    app = Held()
    turns = Fairness(app)
    app.gate.set()
    await turns(request("a guest of before"), nothing, ignore)
    app.gate.clear()
    asked = [request("a flooder") for _ in range(50)]
    asked += [request("of much", "POST", 100 * PIECE), request("new"), request("a guest of before")]
    tasks = [asyncio.create_task(turns(one, nothing, ignore)) for one in asked]
    await asyncio.sleep(0)
    assert app.begun[1:] == ["a flooder"] * AT_ONCE
    app.gate.set()
    await asyncio.wait(tasks)
    assert set(app.begun[AT_ONCE + 1 : AT_ONCE + 3]) == {"a guest of before", "new"}
    assert app.begun[-1] == "of much"
    assert app.begun.count("a flooder") == 50


async def test_who_is_refused_falls_behind_who_asked_more() -> None:
    app, refused = Held(), Refusing()
    turns = Fairness(app)
    app.gate.set()
    for _ in range(5):
        await turns(request("a guest", "POST"), nothing, ignore)
    turns._app = refused
    for _ in range(3):
        await turns(request("a guesser"), nothing, ignore)
    turns._app = app
    app.begun.clear()
    app.gate.clear()
    asked = [*(request(f"first {number}") for number in range(AT_ONCE)), request("a guesser"), request("a guest")]
    tasks = [asyncio.create_task(turns(one, nothing, ignore)) for one in asked]
    await asyncio.sleep(0)
    app.gate.set()
    await asyncio.wait(tasks)
    assert app.begun[AT_ONCE:] == ["a guest", "a guesser"]


async def test_whoever_leaves_while_waiting_is_passed_over() -> None:
    app = Held()
    turns = Fairness(app)
    tasks = [asyncio.create_task(turns(request(str(number)), nothing, ignore)) for number in range(AT_ONCE + 2)]
    await asyncio.sleep(0)
    tasks[AT_ONCE].cancel()
    app.gate.set()
    await asyncio.wait(tasks)
    assert app.begun == [str(number) for number in range(AT_ONCE + 2) if number != AT_ONCE]


async def test_who_waits_long_for_something_else_holds_nobody_up() -> None:
    app = Held()
    turns = Fairness(app)
    tasks = [asyncio.create_task(turns(request(str(number)), nothing, ignore)) for number in range(3 * AT_ONCE)]
    async with asyncio.timeout(60):
        while len(app.begun) < 3 * AT_ONCE:
            await asyncio.sleep(0.01)
    app.gate.set()
    await asyncio.wait(tasks)
    again = asyncio.create_task(turns(request("1"), nothing, ignore))
    await again
    assert app.begun[-1] == "1"


async def test_where_too_many_wait_the_last_is_sent_away() -> None:
    app, refused = Held(), list[int]()
    turns = Fairness(app)

    async def note(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            refused.append(message["status"])

    asked = [request("a flooder") for _ in range(AT_ONCE + MOST_WAITING)] + [request("another")]
    tasks = [asyncio.create_task(turns(one, nothing, note)) for one in asked]
    async with asyncio.timeout(60):
        while not refused:
            await asyncio.sleep(0)
    app.gate.set()
    await asyncio.wait(tasks)
    assert refused == [503]
    assert "another" in app.begun


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
