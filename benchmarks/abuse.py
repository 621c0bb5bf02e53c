"""A hundred clients that behave beside four hundred that do not, and live streams beside 2,000 idle connections.

`python -m benchmarks.abuse` starts the service with AUTH=on and its own limits, a scripted upstream, those who behave
and those who abuse as a process each. Rounds alone and disturbed take turns; all of it stays on loopback addresses.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from accounts.accounts import Accounts
from accounts.passwords import Passwords
from benchmarks.load import (
    APART,
    SECRET,
    Connection,
    Figures,
    data_dir,
    load,
    new_token,
    prefer,
    quantile,
    service,
    upstream,
)
from schemas import ApiKeyCreate
from settings import Settings
from storage.accounts import AccountStore
from storage.opening import open_database
from storage.records import utc_now
from tests.support.processes import wait_for
from tests.support.serving import ROOT

GOOD, BAD, IDLE, STREAMS = 100, 400, 2_000, 40
THINK = 8.0  # seconds between an answer and the next question, on average
PACE = 0.2  # seconds from one attempt of an abuser to its next, at least: the machine has to bear them as well
START = 4.0  # seconds for the processes of a round to be there
BAR = 3.0  # times the p99 of time to first event alone
PASSWORD = "the password of everybody"
ANSWER = "words=20 pause=0.03"  # what the upstream is asked for
LONG_ANSWER = "words=100 pause=0.1"
STREAM = {"accept": "text/event-stream"}
LOST = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError)


# Those who behave


@dataclass
class Seen:
    """Of those who behave: seconds to the first event, between events, to sign in; and answers that were none."""

    first: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    sign_ins: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, other: dict[str, Any]) -> None:
        self.first += other["first"]
        self.gaps += other["gaps"]
        self.sign_ins += other["sign_ins"]
        self.failed.update(other["failed"])


async def behave(url: str, keys: Sequence[str], end: float, think: float) -> Seen:
    """Everybody talks in a session of their own; one of them signs in every second."""
    seen = Seen()
    await asyncio.gather(
        *(_talk(url, key, number, end, think, seen) for number, key in enumerate(keys)),
        _keep_signing_in(url, end, seen),
    )
    return seen


async def _talk(url: str, key: str, number: int, end: float, think: float, seen: Seen) -> None:
    chance = random.Random(number)
    async with Connection(url, key, f"127.2.0.{number + 1}") as connection:
        _, session = await connection.json("POST", "/sessions", {})
        await asyncio.sleep(chance.uniform(0, think))
        while time.time() < end:
            try:
                await _ask(connection, f"/sessions/{session['id']}/messages", seen)
            except LOST as error:
                seen.failed[type(error).__name__] += 1
            await asyncio.sleep(chance.uniform(0.5, 1.5) * think)


async def _ask(connection: Connection, path: str, seen: Seen) -> None:
    began = last = time.perf_counter()
    head = await connection.send("POST", path, {"content": ANSWER}, **STREAM)
    if head.status != 200:
        seen.failed[str(head.status)] += 1
        async for _ in connection.body(head):
            pass
        return
    first = True
    async for block in connection.body(head):
        now = time.perf_counter()
        if first:
            seen.first.append(now - began)
        elif b"text.delta" in block:
            seen.gaps.append(now - last)
        first, last = False, now


async def _keep_signing_in(url: str, end: float, seen: Seen) -> None:
    number = 0
    while time.time() < end:
        began = time.perf_counter()
        try:
            await asyncio.wait_for(new_token(url, f"new{number}-{end:.0f}", f"127.3.0.{number % 250 + 1}"), 60)
            seen.sign_ins.append(time.perf_counter() - began)
        except (*LOST, AssertionError, TimeoutError) as error:
            seen.failed[f"sign-in {error}"[:60]] += 1
        number += 1
        await asyncio.sleep(1)


# Those who do not


Abuse = Callable[["Abuser"], Awaitable[str]]


@dataclass(frozen=True)
class Abuser:
    """One of those: with an address of its own, and an account."""

    url: str
    key: str
    source: str
    number: int
    chance: random.Random

    def connection(self, key: str | None = None) -> Connection:
        return Connection(self.url, key, self.source)

    @asynccontextmanager
    async def raw(self, sent: bytes) -> AsyncIterator[asyncio.StreamReader]:
        """A connection over which these bytes were sent; what comes back is for who likes to read it."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=8_192, local_addr=(self.source, 0))
        try:
            writer.write(sent)
            yield reader
        finally:
            writer.transport.abort()


async def flood(one: Abuser) -> str:
    """Messages, a session each, whose answers are long and not waited for."""
    async with one.connection(one.key) as connection:
        for _ in range(20):
            head = await connection.send("POST", "/sessions", {"message": {"content": LONG_ANSWER}}, **STREAM)
            if "chunked" in head.headers.get("transfer-encoding", ""):
                break  # it is left
            async for _ in connection.body(head):
                pass
        return str(head.status)


async def guess(one: Abuser) -> str:
    """Passwords, for a name that is there and for any."""
    name = one.chance.choice([f"good{one.chance.randrange(GOOD)}", f"name{one.chance.randrange(10**6)}"])
    form = f"username={name}&password=guess{one.chance.random()}".encode()
    async with one.connection() as connection:
        status, _ = await connection.json("POST", "/auth/token", form, content_type="application/x-www-form-urlencoded")
    return str(status)


async def read_slowly(one: Abuser) -> str:
    """A long answer, of which little is read, and slowly."""
    body = json.dumps({"message": {"content": "words=400 pause=0.02"}}).encode()
    head = one.connection(one.key).head("POST", "/sessions", content_length=str(len(body)), **STREAM)
    async with one.raw(head + body) as reader:
        said = await reader.read(16)
        for _ in range(20):
            await asyncio.sleep(0.5)
            await reader.read(64)
    return said[9:12].decode()


async def stop_halfway(one: Abuser) -> str:
    """A body that does not arrive whole; with a valid key, for one without is not waited for."""
    head = one.connection(one.key).head("POST", "/sessions", content_length="500")
    async with one.raw(head + b'{"title": "') as reader:
        return (await reader.read(16))[9:12].decode()


async def send_too_much(one: Abuser) -> str:
    """Bodies of 6 MB, in pieces, announced or not."""
    announced = one.chance.random() < 0.5
    length = {"content_length": str(6_000_000)} if announced else {"transfer_encoding": "chunked"}
    host, _, port = one.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(one.source, 0))
    try:
        writer.write(one.connection(one.key).head("POST", "/sessions", **length))
        piece = b" " * 30_000 if announced else b"7530\r\n" + b" " * 30_000 + b"\r\n"
        for _ in range(200):
            writer.write(piece)
            await writer.drain()
            if reader.at_eof():
                break
        return (await asyncio.wait_for(reader.read(16), 1))[9:12].decode()
    finally:
        writer.transport.abort()


async def reconnect(one: Abuser) -> str:
    """Connections that are opened and left, some in the middle of a request."""
    async with one.raw(one.chance.choice([b"", b"GET /health/live HTT", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"])):
        return "left"


async def come_with_nothing(one: Abuser) -> str:
    """Requests with tokens that are none, ten over one connection."""
    token = one.chance.choice(["mq_" + "a" * 43, "eyJhbGciOiJub25lIn0.e30.", "x" * 400])
    async with one.connection(token) as connection:
        for _ in range(10):
            status, _ = await connection.json("GET", "/sessions")
    return str(status)


KINDS: tuple[Abuse, ...] = (flood, guess, read_slowly, stop_halfway, send_too_much, reconnect, come_with_nothing)


async def abuse(url: str, keys: Sequence[str], end: float, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Each does what it does again and again; how often, and what it was told, by kind."""
    told: dict[str, Counter[str]] = {name: Counter() for name in names}
    people = [Abuser(url, key, f"127.1.{n // 250}.{n % 250 + 1}", n, random.Random(n)) for n, key in enumerate(keys)]
    work = [_again(kind, one, end, told) for one in people if (kind := KINDS[one.number % len(KINDS)]).__name__ in told]
    await asyncio.gather(*work)
    return {name: dict(counter) for name, counter in told.items()}


async def _again(kind: Abuse, one: Abuser, end: float, told: dict[str, Counter[str]]) -> None:
    await asyncio.sleep(one.chance.uniform(0, PACE))
    while (began := time.time()) < end:
        try:
            async with asyncio.timeout(end - began):
                answer = await kind(one)
        except TimeoutError:
            answer = "still waiting"
        except LOST as error:
            answer = type(error).__name__
        told[kind.__name__][answer or "closed"] += 1
        await asyncio.sleep(PACE - (time.time() - began))


# Idle connections


@contextmanager
def idle_connections(url: str, count: int) -> Iterator[Callable[[], int]]:
    """So many connections without a request; the function opens those anew that were let go, and says how many."""
    host, _, port = url.removeprefix("http://").partition(":")

    def connect(number: int) -> socket.socket:
        source = (f"127.4.{number // 250}.{number % 250 + 1}", 0)
        return socket.create_connection((host, int(port)), timeout=30, source_address=source)

    def renew() -> int:
        gone = 0
        for number, each in enumerate(held):
            each.setblocking(False)
            with suppress(BlockingIOError, ConnectionError):
                each.recv(1)
                each.close()
                held[number] = connect(number)
                gone += 1
        return gone

    held = [connect(number) for number in range(count)]
    try:
        yield renew
    finally:
        for each in held:
            each.close()


# Rounds


@dataclass(frozen=True)
class Round:
    """One that is measured; `also`: what runs beside it, given its seconds."""

    name: str
    people: int
    think: float
    also: str = ""


ROUNDS = {
    "abuse": (Round("alone", GOOD, THINK), Round("abused", GOOD, THINK, "abuse")),
    "idle": (Round("streams alone", STREAMS, 0.2), Round("beside idle connections", STREAMS, 0.2, "idle")),
}


@dataclass
class Outcome:
    """Of all rounds of one name."""

    seen: Seen = field(default_factory=Seen)
    rounds: list[Seen] = field(default_factory=list)
    told: dict[str, Counter[str]] = field(default_factory=dict)
    cpu: list[float] = field(default_factory=list)
    rss: float = 0.0


def play(
    which: Round,
    url: str,
    pid: int,
    keys: dict[str, list[str]],
    seconds: float,
    outcome: Outcome,
    kinds: Sequence[str],
) -> None:
    """One round: the processes start, wait for the same moment, and say what they saw."""
    begin = time.time() + START
    arguments = {"url": url, "begin": begin, "end": begin + seconds}
    good = _child("behave", **arguments, keys=keys["good"][: which.people], think=which.think)
    prefer(good.pid)
    bad = _child("abuse", **arguments, keys=keys["bad"], names=kinds) if which.also == "abuse" else None
    time.sleep(begin - time.time())
    if bad is not None:
        prefer(bad.pid)
    before = Figures.of(pid)
    if which.also == "idle":
        with idle_connections(url, IDLE) as renew:
            while time.time() < begin + seconds:
                outcome.told.setdefault("idle", Counter())["let go and opened again"] += renew()
                time.sleep(0.5)
    else:
        time.sleep(seconds)
    after = Figures.of(pid)
    outcome.cpu.append((after.cpu - before.cpu) / seconds)
    outcome.rss = max(outcome.rss, after.rss)
    told = json.loads(good.communicate()[0])
    outcome.seen.add(told)
    outcome.rounds.append(Seen())
    outcome.rounds[-1].add(told)
    for kind, counts in json.loads(bad.communicate()[0]).items() if bad else ():
        outcome.told.setdefault(kind, Counter()).update(counts)


def _child(part: str, **arguments: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.abuse", "--child", part]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **APART)
    assert child.stdin is not None
    child.stdin.write(json.dumps(arguments))
    child.stdin.close()
    child.stdin = None
    return child


def child(part: str) -> None:
    """The process of those who behave, or who do not."""
    given = json.load(sys.stdin)
    _many_files()
    time.sleep(max(0.0, given.pop("begin") - time.time()))
    if part == "behave":
        seen = asyncio.run(behave(**given))
        print(json.dumps(vars(seen)))
    else:
        print(json.dumps(asyncio.run(abuse(**given))))


def _many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8_192)), hard))


# All of it


async def make_keys(folder: Path, rounds: int) -> dict[str, list[str]]:
    """Accounts, all with one password, and an API key of each; other abusers for each round."""
    settings = Settings(_env_file=None, data_dir=folder, auth="on", auth_secret=SecretStr(SECRET))
    database = await open_database(settings.chat_path)
    try:
        store = AccountStore(database, utc_now)
        accounts = Accounts(store, settings, utc_now)
        hashed = await Passwords().hash(PASSWORD)
        keys: dict[str, list[str]] = {}
        for group, count in {"good": GOOD, **{f"bad{number}": BAD for number in range(rounds)}}.items():
            made = [
                await store.add(f"{group}-{number}" if group != "good" else f"good{number}", hashed)
                for number in range(count)
            ]
            keys[group] = [(await accounts.make_key(account, ApiKeyCreate(name="benchmark"))).key for account in made]
    finally:
        await database.close()
    return keys


async def _is_quiet(url: str, key: str) -> bool:
    async with Connection(url, key) as connection:
        _, health = await connection.json("GET", "/health")
    return bool(health["live_runs"] == 0)


def measure(parts: Sequence[str], rounds: int, seconds: float, kinds: Sequence[str]) -> dict[str, Outcome]:
    """Rounds alone and disturbed in turns."""
    outcomes: dict[str, Outcome] = {}
    with data_dir() as folder, upstream() as named:
        keys = asyncio.run(make_keys(folder, rounds))
        with service(folder, named, preferred=True) as running:
            play(Round("warm", GOOD, 1), running.url, running.pid, {"good": keys["good"]}, 4, Outcome(), kinds)
            for part in parts:
                for number in range(rounds):
                    for which in ROUNDS[part]:
                        outcome = outcomes.setdefault(which.name, Outcome())
                        mine = {"good": keys["good"], "bad": keys[f"bad{number}"]}
                        play(which, running.url, running.pid, mine, seconds, outcome, kinds)
                        wait_for(lambda: asyncio.run(_is_quiet(running.url, keys["good"][0])), 120)
            print(f"log of the service: {running.log.stat().st_size / 1e3:.0f} kB")
    return outcomes


def table(outcomes: dict[str, Outcome]) -> Table:
    """What those who behave saw, in milliseconds."""
    made = Table(title=f"{GOOD} who behave, {BAD} who do not; {load()}")
    for column in ("", "answers", "first event p50", "p99", "p99 by round", "gap p50", "p99", "sign-in p50", "p99"):
        made.add_column(column, justify="left" if not column else "right")
    made.add_column("CPU, RSS of the service")
    made.add_column("failed")
    for name, outcome in outcomes.items():
        seen = outcome.seen
        by_round = ", ".join(f"{quantile(one.first, 0.99) * 1e3:.0f}" for one in outcome.rounds)
        figures = [_ms(seen.first, 0.5), _ms(seen.first, 0.99), by_round]
        figures += [_ms(values, share) for values in (seen.gaps, seen.sign_ins) for share in (0.5, 0.99)]
        spent = f"{statistics.median(outcome.cpu):.2f}, {outcome.rss:.0f} MB"
        made.add_row(name, str(len(seen.first)), *figures, spent, str(dict(seen.failed) or "none"))
    return made


def _ms(values: Sequence[float], share: float) -> str:
    return f"{quantile(values, share) * 1e3:.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=list(ROUNDS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20, help="of a round")
    names = [kind.__name__ for kind in KINDS]
    parser.add_argument("--kinds", nargs="+", choices=names, default=names, help="of abuse")
    parser.add_argument("--child", choices=["behave", "abuse"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return 0
    _many_files()
    parts = [options.part] if options.part else list(ROUNDS)
    outcomes = measure(parts, options.rounds, options.seconds, options.kinds)
    Console(width=200).print(table(outcomes))
    for outcome in outcomes.values():
        for kind, counts in outcome.told.items():
            print(f"  {kind:<20} {dict(counts.most_common())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
