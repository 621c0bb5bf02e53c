"""What a chat costs when much is stored: a send in a long session, and a read beside searches.

`python -m benchmarks.store` starts the service in a process of its own over a database that the store filled. Figures
are medians over interleaved repeats; what is to be compared is always of the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from db import Store
from schemas import Message, Run, RunCreated, SessionCreate
from storage.opening import open_database
from storage.records import EndedRun, Frame, NewRun, new_id
from storage.sessions import Sessions
from tests.support import scripted
from tests.support.processes import Process, environment, process
from tests.support.wire import ask, new_session

ROOT = Path(__file__).parent.parent

LONG = 10_000  # messages of the long session
OVERALL = 200_000  # messages of all sessions
SESSIONS = 500  # that the others are spread over
SENDS = 25  # in a row, since the system counts CPU in hundredths of a second
REPEATS = 7
READS = 400
SEARCHERS = 6
QUESTION, ANSWER = 12, 120  # words
DELTAS = 100
LETTERS = "eeeettaaooiinnsshhrrddllcumwfgypbvk"  # about as often as in English
COMMON = ["the", "of", "and", "a", "to", "in", "is", "that", "this", "film"]
QUERIES = ("the", "a", "th", "this fi", "of the film", "se", "nowhere")  # the last word is a prefix
SEND_BAR, READ_BAR = 1.3, 2.0  # times a new session's CPU; milliseconds on top of an undisturbed read


# Filling


class Words:
    """Texts whose words are as unevenly frequent as a language's."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        letters = [self._chance.choices(LETTERS, k=self._chance.randrange(3, 10)) for _ in range(20_000)]
        self._words = [*COMMON, *map("".join, letters)]
        weights = [1 / (rank + 1) for rank in range(len(self._words))]
        self._pool = self._chance.choices(self._words, weights, k=200_000)

    def text(self, words: int) -> str:
        start = self._chance.randrange(len(self._pool) - words)
        return " ".join(self._pool[start : start + words])


async def fill(path: Path, overall: int = OVERALL) -> str:
    """Fill a chat database with so many messages; the id of the long session."""
    words = Words()
    database = await open_database(path)
    try:
        store = Store(database)
        long = (await Sessions(database).open("local", SessionCreate(title="Long")))[0].id
        others = [(await Sessions(database).open("local", SessionCreate()))[0].id for _ in range(SESSIONS)]
        for _ in range((overall - LONG) // 2 // SESSIONS):
            await _exchanges(store, others, words)
        for _ in range(LONG // 2):
            await _exchanges(store, [long], words)
    finally:
        await database.close()
    return long


async def _exchanges(store: Store, sessions: Sequence[str], words: Words) -> None:
    """An exchange in each session; the ends of all in one transaction, as the journal does it."""
    started = [_new_run(session, words) for session in sessions]
    for new in started:
        await store.start_run(new)
    await store.commit((), [_ended(new.run, words) for new in started])


def _new_run(session: str, words: Words) -> NewRun:
    now = datetime.now(UTC)
    run = Run(
        id=new_id("run"), session_id=session, message_id=new_id("msg"), status="in_progress", provider="openai",
        model="scripted", created_at=now,
    )  # fmt: skip
    message = Message(
        id=run.message_id, session_id=session, run_id=run.id, role="user", content=words.text(QUESTION), created_at=now
    )
    return NewRun(run, [message], Frame.of(run.id, 1, RunCreated(run=run, message=message)), lease_id="none")


def _ended(run: Run, words: Words) -> EndedRun:
    now = datetime.now(UTC)
    answer = Message(
        id=new_id("msg"), session_id=run.session_id, run_id=run.id, role="assistant", content=words.text(ANSWER),
        created_at=now,
    )  # fmt: skip
    return EndedRun(run.model_copy(update={"status": "completed", "finished_at": now}), [answer])


# Measuring


def cpu_ms(pid: int) -> float:
    """What a process has used of the processor, in milliseconds (proc(5), fields 14 and 15 of stat)."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * 1_000 / os.sysconf("SC_CLK_TCK")


def cost_of_sends(server: Process, client: httpx.Client, sessions: Sequence[str]) -> float:
    """Milliseconds of the server's CPU a send, one send in each of the sessions."""
    before = cpu_ms(server.pid)
    for session in sessions:
        ask(client, session, Words(2).text(QUESTION))
    return (cpu_ms(server.pid) - before) / len(sessions)


def measure_sends(server: Process, client: httpx.Client, long: str) -> tuple[float, float]:
    """The medians for new sessions and for the long one."""
    fresh, grown = [], []
    for _ in range(REPEATS):
        fresh.append(cost_of_sends(server, client, [new_session(client) for _ in range(SENDS)]))
        grown.append(cost_of_sends(server, client, [long] * SENDS))
    return statistics.median(fresh[1:]), statistics.median(grown[1:])


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1_000


def measure_reads(server: Process, client: httpx.Client, session: str) -> tuple[float, float]:
    """The medians of a read in milliseconds, alone and beside searchers, in turns."""
    alone, beside = [], []

    def read() -> object:
        return client.get(f"/sessions/{session}").raise_for_status()

    for _ in range(REPEATS):
        alone += [timed(read) for _ in range(READS // REPEATS)]
        with searching(server):
            beside += [timed(read) for _ in range(READS // REPEATS)]
    return statistics.median(alone), statistics.median(beside)


@contextmanager
def searching(server: Process) -> Iterator[None]:
    """Clients that search without a pause, from a process of their own: they must not take this one's time."""
    command = [sys.executable, "-m", "benchmarks.store", "--search", server.url]
    searchers = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert searchers.stdout is not None
    try:
        searchers.stdout.readline()
        yield
    finally:
        searchers.terminate()
        searchers.communicate()


def search(url: str) -> None:
    """SEARCHERS clients, until the process is ended; a line tells that each has had an answer."""
    answered = threading.Barrier(SEARCHERS + 1)

    def searcher(number: int) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            client.get("/sessions", params={"q": QUERIES[number]}).raise_for_status()
            answered.wait()
            while True:
                number += 1
                client.get("/sessions", params={"q": QUERIES[number % len(QUERIES)]}).raise_for_status()

    with ThreadPoolExecutor(SEARCHERS) as pool:
        for number in range(SEARCHERS):
            pool.submit(searcher, number)
        answered.wait()
        print("ready", flush=True)


def measure_searches(client: httpx.Client) -> dict[str, float]:
    """The median of each search in milliseconds, one at a time."""
    return {
        q: statistics.median(timed(partial(client.get, "/sessions", params={"q": q})) for _ in range(REPEATS))
        for q in QUERIES
    }


# The whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="a folder for the filled data directory, used again where it is")
    parser.add_argument("--search", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.search:
        search(options.search)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(options.keep or Path(folder) / "data")


def run(data_dir: Path) -> None:
    note = data_dir / "long"
    if not note.exists():
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True)
        command = [sys.executable, "movielens.py", "import", "data/sample"]
        subprocess.run(command, cwd=ROOT, env=environment(data_dir), check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        note.write_text(asyncio.run(fill(data_dir / "chat.db")))
        print(f"{OVERALL:,} messages stored within {time.monotonic() - began:.0f} s")
    long = note.read_text()
    with scripted.running() as upstream, process(environment(data_dir, upstream)) as server, server.client() as client:
        upstream.otherwise = scripted.text(*Words(3).text(DELTAS).split())
        sends = measure_sends(server, client, long)
        sent = len(upstream.requests[-1]["messages"])
        report(sends, sent, measure_reads(server, client, long), measure_searches(client))


def report(sends: tuple[float, float], sent: int, reads: tuple[float, float], searches: dict[str, float]) -> None:
    table = Table("", "alone or new", "long or beside", "", "bar")
    ratio, more = sends[1] / sends[0], reads[1] - reads[0]
    table.add_row(
        f"a send: CPU, new session against {LONG:,} messages, {sent} of which are sent",
        f"{sends[0]:.1f} ms", f"{sends[1]:.1f} ms", f"× {ratio:.2f}", f"× {SEND_BAR}",
    )  # fmt: skip
    table.add_row(
        f"GET /sessions/{{id}}: p50, alone against {SEARCHERS} searchers",
        f"{reads[0]:.2f} ms", f"{reads[1]:.2f} ms", f"+ {more:.2f} ms", f"+ {READ_BAR} ms",
    )  # fmt: skip
    for q, taken in searches.items():
        table.add_row(f"GET /sessions?q={q}: p50, {OVERALL:,} messages", f"{taken:.1f} ms")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
