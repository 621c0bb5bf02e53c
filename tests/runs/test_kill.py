"""SIGKILL of a real server, at every event index of an answer and at random moments: nothing that was seen is lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.support import scripted
from tests.support.processes import Process, environment, process
from tests.support.scripted import DONE, Gate, Pause, Reply, call, chunk, usage
from tests.support.wire import Live, Stream, ask, check_whole, history, new_session, replay, sending

WORDS = (10, 10, 8)  # of the texts before, between and after the tool calls
SEARCHES = (2, 1, 0)  # calls after each text
FINISH = [chunk(finish="stop"), usage(), DONE]
RANDOM_KILLS = 2

Between = Callable[[], scripted.Piece]


def step_of(request: dict[str, Any]) -> int:
    """Which step of the answer a request is for: how often the assistant spoke since the user did."""
    roles = [message["role"] for message in request["messages"]]
    return roles[len(roles) - roles[::-1].index("user") :].count("assistant")


def step(number: int, between: Between) -> list[scripted.Piece]:
    """One step of the answer: something before each word, then calls or the end."""
    pieces: list[scripted.Piece] = []
    for word in range(WORDS[number]):
        pieces += [between(), chunk({"content": f"step{number} word{word} "})]
    pieces.append(between())
    for index in range(SEARCHES[number]):
        pieces.append(chunk({"tool_calls": [call("search_movies", {"query": "Kid"}, f"call_{index}", index)]}))
    return [*pieces, *FINISH]


class Staged:
    """Answers that stop before each word, one session at a time let on by its client."""

    def __init__(self, sessions: int) -> None:
        count = sum(WORDS) + len(WORDS)
        self.gates = [[Gate() for _ in range(count)] for _ in range(sessions)]

    def reply(self, request: dict[str, Any]) -> Reply:
        session = int(request["messages"][-1]["content"]) if step_of(request) == 0 else self._session(request)
        number = step_of(request)
        gates = iter(self.gates[session][sum(WORDS[:number]) + number :])
        return Reply(step(number, lambda: next(gates)))

    @staticmethod
    def _session(request: dict[str, Any]) -> int:
        return int(next(m["content"] for m in reversed(request["messages"]) if m["role"] == "user"))


def watch(server: Process, number: int, session: str, gates: list[Gate], still: threading.Barrier) -> Stream:
    """Read one answer, letting it on `number` times; then hold it until the server is dead."""
    with server.client() as client, sending(client, session, str(number)) as live:
        live.until("session.updated")
        for opened, gate in enumerate(gates[:number], start=1):
            assert gate.reached.wait(20)
            gate.open()
            read_up_to(live, opened)
        still.wait(60)
        return Stream(until_cut(live))


def read_up_to(live: Live, opened: int) -> None:
    """Read all that comes when so many gates are open."""
    ends = [sum(WORDS[: place + 1]) + place + 1 for place in range(len(WORDS))]  # gates open when a step ends
    live.until("text.delta", opened - sum(opened >= end for end in ends))
    if results := sum(count for end, count in zip(ends, SEARCHES, strict=True) if opened >= end):
        live.until("tool.result", results)
    if opened == ends[-1]:
        live.until("run.completed")


def until_cut(live: Live) -> bytes:
    """All bytes up to where the connection broke."""
    with suppress(httpx.TransportError):
        live.rest()
    return live.raw


def test_kill_at_every_event_index(upstream: scripted.Upstream, data_dir: Path) -> None:
    """One run stands at each index when the server is killed; that is as many kill points as runs."""
    count = sum(WORDS) + len(WORDS) + 1
    staged = Staged(count)
    upstream.otherwise = staged.reply
    still = threading.Barrier(count + 1)
    env = environment(data_dir, upstream, LLM_IDLE_TIMEOUT="60")
    with process(env) as server, server.client() as client, ThreadPoolExecutor(count) as pool:
        sessions = [new_session(client) for _ in range(count)]
        jobs = [
            pool.submit(watch, server, number, session, staged.gates[number], still)
            for number, session in enumerate(sessions)
        ]
        still.wait(60)
        server.kill()
        streams = [job.result() for job in jobs]
    points = {len(stream.blocks) for stream in streams}
    assert len(points) >= 30, sorted(points)
    check_after_restart(env, upstream, sessions, streams)


def test_kill_in_motion(upstream: scripted.Upstream, data_dir: Path) -> None:
    """At random moments of many paced answers, again and again on the same data."""
    chance = random.Random(7)
    upstream.otherwise = lambda request: Reply(step(step_of(request), lambda: Pause(chance.uniform(0, 0.01))))
    env = environment(data_dir, upstream)
    for _ in range(RANDOM_KILLS):
        with process(env) as server, server.client() as client, ThreadPoolExecutor(10) as pool:
            sessions = [new_session(client) for _ in range(10)]
            jobs = [pool.submit(read_until_cut, server, session) for session in sessions]
            timer = threading.Timer(chance.uniform(0.05, 0.6), server.kill)
            timer.start()
            streams = [job.result() for job in jobs]
            timer.join()
        check_after_restart(env, upstream, sessions, streams)


def read_until_cut(server: Process, session: str) -> Stream:
    try:
        with server.client() as client, sending(client, session, "0") as live:
            return Stream(until_cut(live))
    except httpx.TransportError:
        return Stream(b"")


def check_after_restart(
    env: dict[str, str], upstream: scripted.Upstream, sessions: list[str], streams: list[Stream]
) -> None:
    """Start again and hold every session against what its client saw."""
    script, upstream.otherwise = upstream.otherwise, scripted.text("Next.")
    with process(env) as server, server.client() as client:
        for session, stream in zip(sessions, streams, strict=True):
            if stream.blocks:
                check_kept(client, session, stream)
            assert ask(client, session, "And now?")["run"]["status"] == "completed"
    upstream.otherwise = script


def check_kept(client: httpx.Client, session: str, stream: Stream) -> None:
    """Every byte that was seen is in the replay; replay and history say the same; there is one end."""
    whole = replay(client, stream.run["id"])
    check_whole(whole)
    assert whole.frames.startswith(stream.seen)
    assert whole.run["status"] in {"interrupted", "completed"}
    messages = history(client, session)
    assert [message["role"] for message in messages[:1]] == ["user"]
    assert "".join(m["content"] for m in messages if m["role"] == "assistant") == whole.text
    assert whole.text.startswith(stream.text)
    results = [event["result"] for event in whole.events if event["type"] == "tool.result"]
    assert [m["result"] for m in messages if m["role"] == "tool"] == results
