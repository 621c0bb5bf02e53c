"""The service under a long load with clients that leave, cancel and retry, and a server that is killed.

`python -m benchmarks.soak` runs three parts within about ten minutes, and then 20,000 runs or an hour of them;
`--part` picks one. The exit status is 0 only where nothing that a client saw was lost and nothing grew.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.endurance import endurance
from benchmarks.load import data_dir
from settings import Settings
from tests.runs.test_durability import FINISH, leave_early, open_handles, paced
from tests.runs.test_kill import check_kept, read_until_cut, step, step_of
from tests.support import scripted
from tests.support.processes import Process, environment, wait_for
from tests.support.scripted import Pause, Reply, call, calls, chunk
from tests.support.serving import serving
from tests.support.wire import LAST, STREAM, Stream, history, new_session

ROOT = Path(__file__).parent.parent

Row = tuple[str, object]
CONTEXT = {"LLM_CONTEXT_TOKENS": "11000", "LLM_IDLE_TIMEOUT": "20"}


# Conversations


@dataclass
class Turn:
    """What a client recorded of one message: its text, and the text of every answer, the newest last."""

    content: str
    answers: list[str] = field(default_factory=list)


@dataclass
class Tally:
    """What happened, over all clients."""

    sent: int = 0
    left: int = 0
    cancelled: int = 0
    retried: int = 0
    resumed_after_kill: int = 0


class Talker:
    """One client with one session. It leaves, comes back, cancels and retries, and writes down what it was told."""

    def __init__(self, server: Reborn, number: int, tally: Tally) -> None:
        self._server = server
        self._chance = random.Random(number)
        self._tally = tally
        self.turns: list[Turn] = []
        self.session = new_session(server.client)
        self.number = number

    def talk(self, messages: int, deadline: float) -> None:
        for count in range(messages):
            if time.monotonic() > deadline:
                return
            turn = Turn(f"session {self.number} message {count}")
            self.turns.append(turn)
            stream = self._answer("messages", {"content": turn.content}, f"send-{count}")
            turn.answers.append(stream.text)
            self._tally.sent += 1
            if self._chance.random() < 0.05:
                self._tally.retried += 1
                path = f"messages/{stream.run['message_id']}/retry"
                turn.answers.append(self._answer(path, None, f"retry-{count}").text)

    def _answer(self, path: str, body: Any, key: str) -> Stream:
        """One run from its first byte to its last, over as many connections as it takes."""
        blocks: list[bytes] = []
        cancel = self._chance.random() < 0.05
        while True:
            try:
                stay = not cancel and self._chance.random() > 0.2
                blocks += self._connection(path, body, key, blocks, stay=stay).blocks
                seen = Stream(b"".join(blocks))
                if blocks and seen.events[-1]["type"] in LAST:
                    assert [event["sequence"] for event in seen.events] == list(range(1, len(blocks) + 1))
                    return seen
                if blocks and cancel:
                    self._tally.cancelled += 1
                    self._server.client.post(f"/runs/{seen.run['id']}/cancel")
                    cancel = False
            except httpx.TransportError:
                self._tally.resumed_after_kill += 1
                self._server.up.wait(60)

    def _connection(self, path: str, body: Any, key: str, blocks: list[bytes], *, stay: bool) -> Stream:
        """What one connection brings; without `stay` it is left early."""
        client = self._server.client
        if blocks:
            run_id = Stream(blocks[0]).run["id"]
            request = client.stream("GET", f"/runs/{run_id}/events", headers={"Last-Event-ID": str(len(blocks))})
        else:
            headers = {**STREAM, "Idempotency-Key": key}
            request = client.stream("POST", f"/sessions/{self.session}/{path}", json=body, headers=headers)
        raw = b""
        with request as response:
            assert response.status_code == 200, response.status_code
            for block in response.iter_raw():
                raw += block
                if not stay and len(raw) > 900:
                    self._tally.left += 1
                    break
        return Stream(raw)

    def losses(self) -> int:
        """Messages of which history says anything else than this client recorded."""
        wrong = 0
        messages = history(self._server.client, self.session)
        starts = [place for place, message in enumerate(messages) if message["role"] == "user"]
        wrong += abs(len(starts) - len(self.turns)) + len(messages) - len({message["id"] for message in messages})
        for turn, start, end in zip(self.turns, starts, [*starts[1:], len(messages)], strict=False):
            wrong += messages[start]["content"] != turn.content
            wrong += _said(_texts(messages[start:end])) != _said(turn.answers)
        return wrong


def _texts(messages: list[dict[str, Any]]) -> list[str]:
    """The answers of one exchange, those that were replaced first."""
    runs: dict[str, str] = {}
    for message in messages:
        if message["role"] == "user":
            runs[message["run_id"]] = ""
        if message["role"] == "assistant":
            runs[message["run_id"]] = runs.get(message["run_id"], "") + message["content"]
    return list(runs.values())


def _said(answers: list[str]) -> list[str]:
    """The first answer, and of its retries those that said anything: one that was cut before leaves no message."""
    return [*answers[:1], *filter(None, answers[1:])]


class Reborn:
    """A server that is killed and started again on the same port."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self.up = threading.Event()
        self.process = Process(env)
        self.process.wait_until_ready()
        self.client = httpx.Client(base_url=self.process.url, timeout=30, limits=httpx.Limits(max_connections=100))
        self.up.set()

    def kill(self) -> None:
        self.up.clear()
        self.process.kill()
        self.process = Process(self._env, port=int(self.process.url.rpartition(":")[2]))
        self.process.wait_until_ready()
        self.up.set()


def answer(request: dict[str, Any]) -> Reply:
    """A short paced answer, now and then after a look at the catalogue."""
    said = next(m["content"] for m in reversed(request["messages"]) if m["role"] == "user")
    if said.endswith("7") and step_of(request) == 0:
        return calls(call("search_movies", {"query": "Kid"}), say="Let me see. ")
    words = [chunk({"content": f"{said} word {number}. "}) for number in range(6)]
    return Reply([*(piece for word in words for piece in (word, Pause(0.001))), *FINISH])


def conversations(folder: Path, sessions: int, messages: int, kills: int, seconds: float) -> Iterator[Row]:
    """Sessions at once, each with so many messages."""
    tally = Tally()
    with scripted.running() as upstream:
        upstream.otherwise = answer
        server = Reborn(environment(folder, upstream, **CONTEXT))
        talkers = [Talker(server, number, tally) for number in range(sessions)]
        began = time.monotonic()
        with ThreadPoolExecutor(sessions) as pool:
            jobs = [pool.submit(talker.talk, messages, began + seconds) for talker in talkers]
            for number in range(kills):
                share = (number + 1) * sessions * messages // (kills + 1)
                wait_for(partial(_is_far, tally, share, jobs), seconds + 60)
                server.kill()
            for job in jobs:
                job.result()
        spent = time.monotonic() - began
        yield "sessions x messages", f"{sessions} x {messages}"
        yield "messages sent", tally.sent
        yield "messages a second", round(tally.sent / spent)
        yield "left early", tally.left
        yield "cancelled / retried", f"{tally.cancelled} / {tally.retried}"
        yield "SIGKILLs / connections cut", f"{kills} / {tally.resumed_after_kill}"
        yield "messages lost, doubled or changed", sum(talker.losses() for talker in talkers)
        yield "invalid upstream requests", len(upstream.problems)
        server.process.kill()
        yield "chat.db", f"{(folder / 'chat.db').stat().st_size / 1e6:.1f} MB"


def _is_far(tally: Tally, share: int, jobs: Sequence[Future[None]]) -> bool:
    return tally.sent >= share or all(job.done() for job in jobs)


# Disconnects


def disconnects(folder: Path, count: int) -> Iterator[Row]:
    """Clients that reset their connection after a random number of bytes."""
    with scripted.running() as upstream:
        upstream.otherwise = paced(5)
        settings = Settings(
            _env_file=None, data_dir=folder, log_level="ERROR", openai_base_url=upstream.url, llm_context_tokens=11_000
        )
        with serving(settings) as server, server.client() as client:
            leave_early(server, new_session(client), 10**6)
            runs = server.app.state.marquee.runs
            loop = runs.settler._rounds[0].get_loop()  # noqa: SLF001  the loop that the service runs in
            before = len(asyncio.all_tasks(loop)), open_handles()
            sessions = [new_session(client) for _ in range(count)]
            chance = random.Random(1)
            with ThreadPoolExecutor(32) as pool:
                list(pool.map(lambda session: leave_early(server, session, chance.randrange(3_000)), sessions))
            wait_for(lambda: runs.count == 0 and upstream.open == 0, 60)
            wait_for(lambda: len(asyncio.all_tasks(loop)) <= before[0] and open_handles() <= before[1] + 2, 60)
            ends = [message["status"] for session in sessions for message in history(client, session)]
            yield "disconnects", count
            yield "runs that began", len(ends) // 2
            yield "runs stopped by it", len(ends) - ends.count("completed")
            yield "tasks before / after", f"{before[0]} / {len(asyncio.all_tasks(loop))}"
            yield "file handles before / after", f"{before[1]} / {open_handles()}"


# Kills


def kills(folder: Path, count: int, seconds: float) -> Iterator[Row]:
    """SIGKILL at random moments of ten answers; the next start is held against what their clients saw."""
    chance = random.Random(2)
    seen: list[tuple[str, Stream]] = []
    done = lost = total = 0
    deadline = time.monotonic() + seconds
    with scripted.running() as upstream:
        upstream.otherwise = lambda request: Reply(step(step_of(request), lambda: Pause(chance.uniform(0, 0.01))))
        env = environment(folder, upstream, **CONTEXT)
        while done <= count and time.monotonic() < deadline:
            server = Process(env)
            server.wait_until_ready()
            with server.client() as client:
                lost += sum(not _kept(client, session, stream) for session, stream in seen)
                total += sum(len(stream.seen) for _, stream in seen)
                sessions = [new_session(client) for _ in range(10)]
            with ThreadPoolExecutor(10) as pool:
                jobs = [pool.submit(read_until_cut, server, session) for session in sessions]
                time.sleep(chance.uniform(0.02, 0.5))
                server.kill()
                streams = [job.result() for job in jobs]
            seen = [pair for pair in zip(sessions, streams, strict=True) if pair[1].blocks]
            done += 1
        yield "SIGKILLs", done - 1
        yield "bytes seen by clients", total
        yield "answers with anything lost", lost


def _kept(client: httpx.Client, session: str, stream: Stream) -> bool:
    try:
        check_kept(client, session, stream)
    except AssertionError:
        return False
    return True


# All of it


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["conversations", "disconnects", "kills", "endurance"])
    parser.add_argument("--sessions", type=int, default=24)
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--disconnects", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=300, help="at most, for conversations and for kills")
    parser.add_argument("--runs", type=int, default=20_000, help="at most, for endurance")
    parser.add_argument("--minutes", type=float, default=60, help="at most, for endurance")
    parser.add_argument("--plot", type=Path, default=ROOT / "benchmarks/out/soak.png")
    options = parser.parse_args()
    good = True
    with data_dir() as ready, tempfile.TemporaryDirectory() as work:
        parts: dict[str, Callable[[Path], Iterator[Row]]] = {
            "conversations": lambda at: conversations(at, options.sessions, options.messages, 2, options.seconds),
            "disconnects": lambda at: disconnects(at, options.disconnects),
            "kills": lambda at: kills(at, options.kills, options.seconds),
            "endurance": lambda at: endurance(at, options.runs, options.minutes, options.plot),
        }
        for name, part in parts.items():
            if options.part in {None, name}:
                rows = list(part(Path(shutil.copytree(ready, Path(work) / name))))
                good = good and all(not value for label, value in rows if "lost" in label or "stopped" in label)
                print(f"\n{name}")
                print("\n".join(f"  {label:<36} {value}" for label, value in rows), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
