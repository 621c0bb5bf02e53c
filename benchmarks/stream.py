"""The cost of a token from the model to the client: the service against what one would write in its place.

`python -m benchmarks.stream` starts upstream and subject each as a process of its own, the subject pinned to one core,
the rest to the others, and takes turns over the subjects. CPU is that of the subject's threads from /proc; what a token
is late is told by one clock, that of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
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
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, product
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks.load import Connection, data_dir, free_port, load, prefer, quantile, service, upstream
from tests.support.processes import START_SECONDS, wait_for
from tests.support.serving import ROOT

RATE = 20.0  # tokens a second of a stream
STREAMS = (1, 16, 50, 100, 200, 300, 500)
FAST_STREAMS, FAST_WORDS = 16, 4_000
WINDOW = 5.0  # seconds of a paced round in which all streams speak
BEGIN = 0.02  # seconds between two streams' beginnings: a round begins none while it measures
_UNGUARDED = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"  # on loopback, for as long as the round takes
ANSWERS = 60  # one after another, of one word: what an answer costs apart from its tokens


# Subjects


@dataclass(frozen=True)
class Subject:
    """A service that is measured: how it is asked, and how its answer is read."""

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
        env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", _UNGUARDED: "true"}
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

    def connection_lost(self, _: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def tokens(self, text_of: Callable[[Any], str], words: int) -> list[float]:
        """When each token arrived; of an answer with any but the expected text, an error."""
        times: list[float] = []
        said: list[str] = []
        rest = b""
        for at, block in self._blocks():
            *lines, rest = (rest + block).split(b"\n")
            text = "".join(text_of(json.loads(line[6:])) for line in lines if line.startswith(b"data: {"))
            said.append(text)
            times += [at] * text.count(" ")
        assert "".join(said) == "".join(f"word{number} " for number in range(words)), "".join(said)[-200:]
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


class Paced(NamedTuple):
    """A paced round: microseconds of CPU a token; milliseconds that tokens came late, and until the first was there."""

    cost: float
    p50: float
    p99: float
    first: float


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


async def paced(subject: Subject, streams: int, sent_by: str) -> Paced:
    """CPU and lateness while all streams speak, their beginnings and ends left out."""
    words = int((BEGIN * streams + WINDOW + 2) * RATE)
    requests = await prepare(subject, streams, words, 1 / RATE)
    answers = await play(subject, requests.values(), BEGIN)
    await asyncio.sleep(0.5)
    began, before = time.monotonic(), cpu(subject.pid)
    await asyncio.sleep(WINDOW)
    ended, after = time.monotonic(), cpu(subject.pid)
    await asyncio.gather(*(answer.over for answer in answers))
    sent = await asyncio.to_thread(lambda: httpx.get(f"{sent_by}/sent", timeout=60).json())
    late, first = [], []
    for name, answer in zip(requests, answers, strict=True):
        arrived = answer.tokens(subject.text, words)
        times = zip(arrived, sent[name][:words], strict=True)
        late += [(came - at) * 1e3 for came, at in times if began <= at < ended]
        first.append((arrived[0] - answer.began) * 1e3)
    cost = (after - before) / len(late) * 1e6
    return Paced(cost, quantile(late, 0.5), quantile(late, 0.99), quantile(first, 0.5))


async def fast(subject: Subject, streams: int, words: int) -> tuple[float, list[float]]:
    """Microseconds of CPU a token, and milliseconds to the first ones, where the upstream sends all at once."""
    requests = await prepare(subject, streams, words, 0)
    before = cpu(subject.pid)
    answers = await play(subject, requests.values())
    await asyncio.gather(*(answer.over for answer in answers))
    cost = (cpu(subject.pid) - before) / (streams * words) * 1e6
    return cost, [(answer.tokens(subject.text, words)[0] - answer.began) * 1e3 for answer in answers]


async def fixed(subject: Subject) -> tuple[float, float]:
    """Milliseconds of CPU of an answer of one word, and until that word is there; one after another."""
    requests = await prepare(subject, ANSWERS, 1, 0)
    first, before = [], cpu(subject.pid)
    for request in requests.values():
        [answer] = await play(subject, [request])
        await answer.over
        first.append((answer.tokens(subject.text, 1)[0] - answer.began) * 1e3)
    return (cpu(subject.pid) - before) / ANSWERS * 1e3, quantile(first, 0.5)


# The whole

Figures = dict[str, dict[str, list[float]]]  # by what is measured, and by subject, one a round

SUBJECTS: dict[str, Callable[[int, dict[str, str]], AbstractContextManager[Subject]]] = {
    "pass": partial(peer, "pass-through", "passing"),
    "raw": partial(peer, "raw SDK", "raw"),
    "usual": partial(peer, "usual code", "usual"),
    "committing": partial(peer, "usual, a commit a token", "usual_committing"),
    "marquee": marquee,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=[*SUBJECTS])
    parser.add_argument("--litellm", metavar="COMMAND", help="LiteLLM's proxy, installed in an environment of its own")
    parser.add_argument("--streams", nargs="*", type=int, default=STREAMS, help="paced streams beside each other")
    parser.add_argument("--words", type=int, default=FAST_WORDS, help="of each of the streams at full speed; 0: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=0, help="the subject's; all else has the others")
    parser.add_argument("--out", type=Path, help="a folder for stream.md and stream.png")
    options = parser.parse_args()
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {options.core})
    with suppress(OSError):
        os.setsid()
    prefer(os.getpid())
    gc.disable()  # the client's pauses would count as the subject's
    figures = asyncio.run(measured(options))
    report(figures, options)


async def measured(options: argparse.Namespace) -> Figures:
    figures: Figures = defaultdict(lambda: defaultdict(list))
    with upstream() as settings, ExitStack() as stack:
        opened = [SUBJECTS[name](options.core, settings) for name in options.only]
        if options.litellm:
            opened.append(litellm(options.litellm, options.core, settings))
        subjects = [stack.enter_context(one) for one in opened]
        for subject in subjects:
            await fixed(subject)  # what is made with the first requests
        for _ in range(options.rounds):
            for subject in subjects if options.words else ():
                for name, value in (await at_full_speed(subject, options.words)).items():
                    figures[name][subject.name].append(value)
            for streams, subject in product(options.streams, subjects):
                one = await paced(subject, streams, settings["OPENAI_BASE_URL"])
                figures[f"paced, {streams}: µs of CPU a token"][subject.name].append(one.cost)
                figures[f"paced, {streams}: ms late, p50"][subject.name].append(one.p50)
                figures[f"paced, {streams}: ms late, p99"][subject.name].append(one.p99)
                figures[f"paced, {streams}: ms to the first token, p50"][subject.name].append(one.first)
                print(f"{subject.name}, {streams}: {one}; {load()}", flush=True)
    return figures


async def at_full_speed(subject: Subject, words: int) -> dict[str, float]:
    answer, first = await fixed(subject)
    cost, firsts = await fast(subject, FAST_STREAMS, words)
    figures = {
        "an answer of one word: ms of CPU": answer,
        "one stream: ms to the first token, p50": first,
        f"{FAST_STREAMS} at full speed: ms to the first token, p50": quantile(firsts, 0.5),
        f"{FAST_STREAMS} at full speed: µs of CPU a token": cost,
    }
    print(f"{subject.name}: {figures}; {load()}", flush=True)
    return figures


def report(figures: Figures, options: argparse.Namespace) -> None:
    """Medians, with the least and the most of the rounds, as Markdown; and a plot of the paced rounds."""
    names = list(dict.fromkeys(name for by_subject in figures.values() for name in by_subject))
    lines = [f"| | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    lines += [f"| {what} | {' | '.join(_spread(of[name]) for name in names)} |" for what, of in figures.items()]
    packages = ("fastapi", "uvicorn", "openai", "aiohttp", "aiosqlite", "pydantic")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    about = (
        f"Medians of {options.rounds} rounds (least to most). {load()}, Python {platform.python_version()}, {versions}."
    )
    table = "\n".join([*lines, "", about, ""])
    print(table)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "stream.md").write_text(table)
        plot(figures, options)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    least, middle, most = (f"{value:.3g}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({least} to {most})" if len(values) > 1 else middle


def plot(figures: Figures, options: argparse.Namespace) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415  only here is it needed

    drawn, axes = plt.subplots(1, 2, figsize=(11, 4))
    for axis, what, log in ((axes[0], "µs of CPU a token", False), (axes[1], "ms late, p99", True)):
        names = figures.get(f"paced, {options.streams[0]}: {what}", {}) if options.streams else {}
        for name in names:
            medians = [statistics.median(figures[f"paced, {n}: {what}"][name]) for n in options.streams]
            axis.plot(options.streams, medians, marker="o", label=name)
        axis.set(xlabel=f"streams, {RATE:g} tokens a second each", ylabel=what, yscale="log" if log else "linear")
        axis.legend()
    drawn.tight_layout()
    drawn.savefig(options.out / "stream.png", dpi=110)


if __name__ == "__main__":
    main()
