"""The cost of a token from the model to the client: the service against what one would write in its place.

`python -m benchmarks.stream` starts upstream and subject each as a process of its own, the subject pinned to one core,
the rest to the others, and takes turns over the subjects. CPU is that of the subject's threads from /proc; what a token
is late is told by one clock, that of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import httpx

from benchmarks.load import ROOT, Connection, data_dir, free_port, load, prefer, quantile, service, upstream
from tests.support.processes import START_SECONDS, wait_for

RATE = 20.0  # tokens a second of a stream
STREAMS = (1, 50, 100, 200, 300, 500)
FAST_STREAMS, FAST_WORDS = 16, 4_000
WINDOW = 5.0  # seconds of a paced round in which all streams speak
BEGIN = 0.02  # seconds between two streams' beginnings: a round begins none while it measures
ANSWERS = 60  # one after another, of one word: what an answer costs apart from its tokens


# Subjects


@dataclass(frozen=True)
class Subject:
    """What is measured: how it is asked, and how its answer is read."""

    name: str
    url: str
    pid: int
    path: str
    body: Callable[[str], Any]
    text: Callable[[Any], str]


@contextmanager
def marquee(core: int, settings: dict[str, str]) -> Iterator[Subject]:
    """The service as it is, with one account for everybody."""
    unbounded = {
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "AUTH": "off",
        "MAX_LIVE_RUNS": "2000",
        "LLM_TOTAL_TIMEOUT": "900",
        "GROUNDING": "off",
    }
    with data_dir() as folder, service(folder, {**settings, **unbounded}, preferred=True) as running:
        pin(running.pid, core)
        yield Subject(
            "Marquee", running.url, running.pid, "/sessions/{}/messages", _content,
            lambda event: event["delta"] if event["type"] == "text.delta" else "",
        )  # fmt: skip


@contextmanager
def peer(name: str, factory: str, core: int, settings: dict[str, str]) -> Iterator[Subject]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"benchmarks.peers:{factory}", "--factory", "--port", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, **settings, "DATABASE": f"{folder}/said.db"}
        with _process([*command, "--log-level", "warning"], core, port, env) as pid:
            url = f"http://127.0.0.1:{port}"
            yield Subject(name, url, pid, "/chat", _content, lambda event: event.get("delta") or _chosen(event))


@contextmanager
def litellm(command: str, core: int, settings: dict[str, str]) -> Iterator[Subject]:
    """LiteLLM's proxy, from an environment of its own."""
    port = free_port()
    model = {"model": "openai/scripted", "api_base": settings["OPENAI_BASE_URL"], "api_key": "sk-benchmark"}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(json.dumps({"model_list": [{"model_name": "scripted", "litellm_params": model}]}))
        env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        started = [command, "--config", str(config), "--port", str(port), "--telemetry", "False"]
        with _process(started, core, port, env) as pid:
            url = f"http://127.0.0.1:{port}"
            yield Subject("LiteLLM", url, pid, "/v1/chat/completions", _completion, _chosen)


@contextmanager
def _process(command: Sequence[str], core: int, port: int, env: dict[str, str]) -> Iterator[int]:
    running = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for(lambda: running.poll() is not None or _listens(port), START_SECONDS)
        assert running.poll() is None, command
        prefer(running.pid)
        pin(running.pid, core)
        yield running.pid
    finally:
        running.kill()
        running.wait()


def _listens(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/", timeout=2)
    except httpx.TransportError:
        return False
    return True


def pin(pid: int, core: int) -> None:
    """Keep a process, all of its threads, to one core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def cpu(pid: int) -> float:
    """Seconds that a process's threads have run, by the scheduler's own count."""
    stats = (thread / "schedstat" for thread in Path(f"/proc/{pid}/task").iterdir())
    return sum(int(stat.read_text().split()[0]) for stat in stats) / 1e9


def _content(said: str) -> Any:
    return {"content": said}


def _completion(said: str) -> Any:
    return {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": said}]}


def _chosen(event: Any) -> str:
    """The text of a chunk of OpenAI's."""
    choices = event.get("choices")
    return (choices[0]["delta"].get("content") or "") if choices else ""


# The client


class Answer(asyncio.Protocol):
    """One request and whatever comes back, with the time of each arrival; read when all is over."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.arrivals: list[tuple[float, bytes]] = []
        self.over = asyncio.get_running_loop().create_future()
        self.began = time.monotonic()

    def connection_made(self, transport: Any) -> None:
        transport.write(self._request)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.arrivals.append((time.monotonic(), data))
        if data.endswith(b"0\r\n\r\n"):
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def tokens(self, text_of: Callable[[Any], str]) -> list[float]:
        """When each token arrived; of an answer with any but the expected text, an error."""
        times: list[float] = []
        said: list[str] = []
        rest = b""
        for at, block in self._blocks():
            *lines, rest = (rest + block).split(b"\n")
            text = "".join(text_of(json.loads(line[6:])) for line in lines if line.startswith(b"data: {"))
            said.append(text)
            times += [at] * text.count(" ")
        assert "".join(said) == "".join(f"word{number} " for number in range(len(times))), "".join(said)[-200:]
        return times

    def _blocks(self) -> Iterator[tuple[float, bytes]]:
        """Chunks of the body (RFC 9112, section 7.1), and when their last byte arrived."""
        raw = b"".join(data for _, data in self.arrivals)
        assert raw.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")), raw[:500]
        ends = [*accumulate(len(data) for _, data in self.arrivals)]
        position = raw.index(b"\r\n\r\n") + 4
        while size := int(raw[position : (line := raw.index(b"\r\n", position))], 16):
            position = line + 2 + size + 2
            yield self.arrivals[bisect_left(ends, position)][0], raw[line + 2 : line + 2 + size]


# Rounds


@dataclass(frozen=True)
class Round:
    """Figures of one round: microseconds of CPU a token, milliseconds that tokens came late, tokens of the round."""

    cost: float
    late: list[float]
    first: list[float]
    tokens: int


async def prepare(subject: Subject, streams: int, words: int, pause: float) -> dict[str, bytes]:
    """Requests by the names under which the upstream knows them; each has its session."""
    names = [f"s{random.randrange(10**12)}" for _ in range(streams)]
    return {name: await _request(subject, f"Say words={words} pause={pause} name={name}") for name in names}


async def play(subject: Subject, requests: Iterable[bytes], begin: float = 0) -> list[Answer]:
    """Streams beside each other; `begin` seconds between two beginnings."""
    loop = asyncio.get_running_loop()
    answers: list[Answer] = []
    host, port = subject.url.removeprefix("http://").split(":")
    for request in requests:
        _, answer = await loop.create_connection(partial(Answer, request), host, int(port))
        answers.append(answer)
        await asyncio.sleep(begin)
    return answers


async def _request(subject: Subject, said: str) -> bytes:
    path = subject.path
    async with Connection(subject.url) as connection:
        if "{}" in path:
            _, told = await connection.json("POST", "/sessions", {})
            path = path.format(told["id"])
        body = json.dumps(subject.body(said)).encode()
        return connection.head("POST", path, content_length=str(len(body)), accept="text/event-stream") + body


async def paced(subject: Subject, streams: int, sent_by: str) -> Round:
    """CPU and lateness while all streams speak, their beginnings and ends left out."""
    words = int((BEGIN * streams + WINDOW + 2) * RATE)
    requests = await prepare(subject, streams, words, 1 / RATE)
    answers = await play(subject, requests.values(), BEGIN)
    await asyncio.sleep(0.5)

    def threads():
        d = {}
        for t in Path(f"/proc/{subject.pid}/task").iterdir():
            try:
                st = (t / "status").read_text()
                d[t.name] = (
                    int((t / "schedstat").read_text().split()[0]) / 1e6,
                    *(int(l.split()[1]) for l in st.splitlines() if "ctxt" in l),
                )
            except OSError:
                pass
        return d

    tb = threads()
    iob = Path(f"/proc/{subject.pid}/io").read_text()
    began, before = time.monotonic(), cpu(subject.pid)
    spy = os.environ.get("SPY")
    if os.environ.get("SIG"):
        import signal

        os.kill(subject.pid, signal.SIGUSR1)
    if spy:
        c = [
            "/tmp/venv-spy/bin/py-spy",
            "record",
            "--nonblocking",
            "-p",
            str(subject.pid),
            "-d",
            "5",
            "-r",
            "250",
            "-f",
            "raw",
            "-o",
            spy,
        ]
        await asyncio.to_thread(subprocess.run, c, capture_output=True)
    else:
        await asyncio.sleep(WINDOW)
    if os.environ.get("SIG"):
        os.kill(subject.pid, signal.SIGUSR2)
    ended, after = time.monotonic(), cpu(subject.pid)
    ta = threads()
    if os.environ.get("THREADS"):
        print(
            "\n",
            [
                (k, *(round(a - b) for a, b in zip(v, tb.get(k, (0, 0, 0)))))
                for k, v in ta.items()
                if v[0] - tb.get(k, (0,))[0] > 5
            ],
        )
        ioa = Path(f"/proc/{subject.pid}/io").read_text()
        print(
            [(x.split()[0], int(x.split()[1]) - int(y.split()[1])) for x, y in zip(ioa.splitlines(), iob.splitlines())]
        )
    await asyncio.gather(*(answer.over for answer in answers))
    sent = await asyncio.to_thread(_sent, sent_by)
    late, spoken = [], 0
    for name, answer in zip(requests, answers, strict=True):
        times = answer.tokens(subject.text)
        of_stream = sent[name][:words]
        assert len(times) == words, (len(times), words)
        spoken += sum(began <= at < ended for at in of_stream)
        late += [(came - at) * 1e3 for came, at in zip(times, of_stream, strict=True) if began <= at < ended]
    return Round((after - before) / spoken * 1e6, late, [], spoken)


async def fast(subject: Subject, streams: int, words: int) -> Round:
    requests = await prepare(subject, streams, words, 0)
    before = cpu(subject.pid)
    answers = await play(subject, requests.values())
    await asyncio.gather(*(answer.over for answer in answers))
    after = cpu(subject.pid)
    times = [answer.tokens(subject.text) for answer in answers]
    assert all(len(of_one) == words for of_one in times)
    first = [(of_one[0] - answer.began) * 1e3 for of_one, answer in zip(times, answers, strict=True)]
    return Round((after - before) / (streams * words) * 1e6, [], first, streams * words)


async def fixed(subject: Subject) -> float:
    """Milliseconds of CPU of an answer of one word."""
    requests = await prepare(subject, ANSWERS, 1, 0)
    if os.environ.get("SIGF"):
        import signal

        os.kill(subject.pid, signal.SIGUSR1)
    before = cpu(subject.pid)
    for request in requests.values():
        [answer] = await play(subject, [request])
        await answer.over
    if os.environ.get("SIGF"):
        os.kill(subject.pid, signal.SIGUSR2)
    return (cpu(subject.pid) - before) / ANSWERS * 1e3


def _sent(url: str) -> Any:
    return httpx.get(f"{url}/sent", timeout=60).json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some of the subjects")
    parser.add_argument("--streams", nargs="*", type=int, default=STREAMS, help="paced streams beside each other")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-fast", action="store_true", help="paced streams alone")
    parser.add_argument("--litellm", metavar="COMMAND", help="LiteLLM's proxy, installed apart")
    parser.add_argument("--core", type=int, default=0, help="the subject's")
    options = parser.parse_args()
    others = set(range(os.cpu_count() or 1)) - {options.core}
    os.sched_setaffinity(0, others)
    with suppress(OSError):
        os.setsid()
    prefer(os.getpid())
    asyncio.run(run(options))


async def run(options: argparse.Namespace) -> None:
    with upstream() as settings, ExitStack() as stack:
        subjects = []
        for name, opened in SUBJECTS.items():
            if not options.only or name in options.only:
                subjects.append(stack.enter_context(opened(options.core, settings)))
        if options.litellm:
            subjects.append(stack.enter_context(litellm(options.litellm, options.core, settings)))
        for number in range(options.rounds):
            for subject in subjects:
                print(f"{number} {subject.name:12}", end=" ", flush=True)
                if not options.no_fast:
                    await fast(subject, 1, 100)
                    print(f"fixed {await fixed(subject):.2f} ms", end="; ")
                    one = [(await fast(subject, 1, 100)).first[0] for _ in range(10)]
                    done = await fast(subject, FAST_STREAMS, FAST_WORDS)
                    print(
                        f"full {done.cost:.1f} us, first p50 {quantile(done.first, 0.5):.1f} max {max(done.first):.1f}, one {quantile(one, 0.5):.1f}",
                        end="; ",
                        flush=True,
                    )
                for streams in options.streams:
                    r = await paced(subject, streams, settings["OPENAI_BASE_URL"])
                    print(
                        f"{streams}: {r.cost:.0f} us p50 {quantile(r.late, 0.5):.1f} p99 {quantile(r.late, 0.99):.1f}",
                        end="; ",
                        flush=True,
                    )
                print(load(), flush=True)


SUBJECTS = {
    "pass": partial(peer, "pass-through", "passing"),
    "raw": partial(peer, "raw SDK", "raw"),
    "usual": partial(peer, "usual code", "usual"),
    "committing": partial(peer, "usual, committing", "usual_committing"),
    "marquee": marquee,
}

if __name__ == "__main__":
    main()
