"""Many short runs, one after the other for an hour: memory, open files and the log of the database must stay level.

A part of `python -m benchmarks.soak`. Clients with accounts talk, look things up, leave, come back, cancel and delete.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import Connection, Figures, load, new_token, service, upstream

CLIENTS = 8
MESSAGES = 20  # of a session
EVERY = 5.0  # seconds between two looks at the process
WARM = 0.1  # of the runs, which fill caches and pools
RSS_BAR = 1.0  # megabytes per 1,000 runs
WAL_BAR = 50.0  # megabytes
FILES_BAR = 0.5  # more of them per 1,000 runs
SETTINGS = {
    "ACCESS_TOKEN_MINUTES": "1440",
    "MESSAGES_PER_MINUTE": "1000000",
    "LLM_CONTEXT_TOKENS": "11000",
}


@dataclass(frozen=True)
class Sample:
    """The process after so many runs; `wal`: megabytes."""

    runs: int
    rss: float
    files: int
    wal: float


@dataclass
class Progress:
    """Runs that ended, and when no more are to begin."""

    most: int
    deadline: float
    runs: int = 0
    odd: int = 0
    samples: list[Sample] = field(default_factory=list)

    def goes_on(self) -> bool:
        return self.runs < self.most and time.monotonic() < self.deadline


def endurance(folder: Path, runs: int, minutes: float, plot: Path) -> Iterator[tuple[str, object]]:
    """So many runs, or as many as the minutes allow."""
    progress = Progress(runs, time.monotonic() + minutes * 60)
    began = time.monotonic()
    with upstream() as named, service(folder, {**SETTINGS, **named}) as running:
        asyncio.run(_all(running.url, running.pid, folder / "chat.db-wal", progress))
        spent = time.monotonic() - began
        cpu = Figures.of(running.pid).cpu
    kept = [sample for sample in progress.samples if sample.runs >= WARM * progress.runs]
    rss, files = (_slope(kept, name) for name in ("rss", "files"))
    wal = max(sample.wal for sample in progress.samples)
    draw(progress.samples, plot)
    yield "runs", f"{progress.runs} in {spent / 60:.1f} min, {cpu / progress.runs * 1000:.1f} ms CPU each; {load()}"
    yield "answers that were none", progress.odd
    yield "RSS after warm-up / at the end", f"{kept[0].rss:.1f} / {kept[-1].rss:.1f} MB"
    yield "RSS per 1,000 runs", f"{rss:+.2f} MB (bar: {RSS_BAR})"
    yield "open files, least to most", f"{min(it.files for it in kept)} to {max(it.files for it in kept)}"
    yield "open files per 1,000 runs", f"{files:+.2f} (bar: {FILES_BAR})"
    yield "WAL at most", f"{wal:.1f} MB (bar: {WAL_BAR:.0f})"
    yield "bars lost", sum([rss >= RSS_BAR, files >= FILES_BAR, wal >= WAL_BAR, progress.odd > 0])


async def _all(url: str, pid: int, wal: Path, progress: Progress) -> None:
    watch = asyncio.create_task(_watch(pid, wal, progress))
    tokens = [await new_token(url, f"client{number}", f"127.0.1.{number + 1}") for number in range(CLIENTS)]
    await asyncio.gather(*(_talk(url, token, progress, random.Random(n)) for n, token in enumerate(tokens)))
    await asyncio.sleep(EVERY)  # what was left behind ends
    watch.cancel()


async def _watch(pid: int, wal: Path, progress: Progress) -> None:
    while True:
        progress.samples.append(_sample(pid, wal, progress.runs))
        await asyncio.sleep(EVERY)


def _sample(pid: int, wal: Path, runs: int) -> Sample:
    now = Figures.of(pid)
    return Sample(runs, now.rss, now.files, wal.stat().st_size / 1e6)


async def _talk(url: str, token: str, progress: Progress, chance: random.Random) -> None:
    """One client: session after session, every third one deleted at its end."""
    sessions = 0
    while progress.goes_on():
        async with Connection(url, token) as connection:
            _, session = await connection.json("POST", "/sessions", {"title": f"session {sessions}"})
            for _ in range(MESSAGES):
                if progress.goes_on():
                    await _say(connection, session["id"], progress, chance)
            sessions += 1
            if sessions % 3 == 0:
                await connection.json("DELETE", f"/sessions/{session['id']}")


async def _say(connection: Connection, session: str, progress: Progress, chance: random.Random) -> None:
    """One message, and its answer to the end: read, waited for, cancelled, or left and followed again."""
    manner = chance.choices(["read", "wait", "look", "cancel", "leave"], [70, 10, 10, 5, 5])[0]
    content = "look it up with a tool" if manner == "look" else "hello"
    accept = "application/json" if manner == "wait" else "text/event-stream"
    path = f"/sessions/{session}/messages"
    head = await connection.send("POST", path, {"content": content}, accept=accept)
    said = b""
    async for block in connection.body(head):
        said += block
        if manner in {"cancel", "leave"} and b"text.delta" in said:
            run = said.partition(b'"run":{"id":"')[2].partition(b'"')[0].decode()
            connection.close()
            await _end(connection, run, cancel=manner == "cancel")
            break
    progress.runs += 1
    progress.odd += head.status not in {200, 201} or (manner == "read" and b"run.completed" not in said)


async def _end(connection: Connection, run: str, *, cancel: bool) -> None:
    """Stop a run that was left, or come back to it."""
    if cancel:
        await connection.json("POST", f"/runs/{run}/cancel")
        return
    head = await connection.send("GET", f"/runs/{run}/events?after=1")
    async for _ in connection.body(head):
        pass


def _slope(samples: Sequence[Sample], name: str) -> float:
    """More of it per 1,000 runs, by least squares."""
    pairs = [(sample.runs / 1_000, float(getattr(sample, name))) for sample in samples]
    mean_x, mean_y = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in pairs)
    return sum((x - mean_x) * (y - mean_y) for x, y in pairs) / spread if spread else 0.0


def draw(samples: Sequence[Sample], path: Path) -> None:
    """The course of memory, files and log over the runs, as a picture where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  not needed by anything else
    except ImportError:
        print("  no plot: matplotlib is not installed")
        return
    figure = Figure(figsize=(8, 6), layout="constrained")
    runs = [sample.runs for sample in samples]
    for place, (name, label) in enumerate([("rss", "RSS, MB"), ("files", "open files"), ("wal", "WAL, MB")], start=1):
        axes = figure.add_subplot(3, 1, place)
        axes.plot(runs, [getattr(sample, name) for sample in samples], linewidth=1)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    axes.set_xlabel("runs")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)
