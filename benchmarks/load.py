"""A lean HTTP client, a lean upstream and figures of processes: what the benchmarks of load share.

A client that costs as much as the service would measure itself; so this one parses no more than it must.
`python -m benchmarks.load PORT` is the upstream.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx

from tests.support.processes import START_SECONDS, environment, wait_for
from tests.support.scripted import DONE, call, chunk, usage
from tests.support.serving import ROOT

LIMIT = 2**20  # bytes that a reader holds
SECRET = "of a benchmark, and of thirty-two bytes"
APART: dict[str, Any] = {"start_new_session": True}  # a share of the processor of its own (Linux's autogroups)
PREFERRED = -20  # nice of such a share
WORDS = 6  # of an answer
PAUSE = 0.005  # seconds between two of them, unless the message says another number; 0 is all at once
_END = chunk(finish="stop") + usage() + DONE


# The client


@dataclass(frozen=True)
class Head:
    """Status and headers of an answer, the names in lower case."""

    status: int
    headers: dict[str, str]


class Connection:
    """One connection to the service, kept open from one request to the next; `source`: the address it comes from."""

    def __init__(self, url: str, token: str | None = None, source: str | None = None) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self._source = (source, 0) if source else None
        self._authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave, whatever is still to come."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(self._host, self._port, limit=LIMIT, local_addr=self._source)
        return self._streams

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Head:
        """Send a request; the head of its answer. `body`: JSON, or bytes as they are."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        head = self.head(method, path, **{"content_length": str(len(content)), **headers})
        _, writer = await self.open()
        writer.write(head + content)
        await writer.drain()
        return await self.answer()

    def head(self, method: str, path: str, **headers: str) -> bytes:
        """The head of a request; `_` in the name of a header stands for `-`."""
        named = {"content_type": "application/json", **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
        return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{self._authorization}{lines}\r\n".encode()

    async def answer(self) -> Head:
        """The head of the next answer."""
        reader, _ = await self.open()
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        return Head(int(first.split(" ")[1]), headers)

    async def body(self, head: Head) -> AsyncIterator[bytes]:
        """The body of an answer, as it comes."""
        reader, _ = await self.open()
        if head.headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                yield (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        elif head.status != 204:
            yield await reader.readexactly(int(head.headers.get("content-length", 0)))
        if head.headers.get("connection") == "close":
            self.close()

    async def json(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status of an answer and what its body says."""
        head = await self.send(method, path, body, **headers)
        raw = b"".join([block async for block in self.body(head)])
        return head.status, json.loads(raw) if raw else None


async def new_token(url: str, name: str, source: str | None = None) -> str:
    """Register an account and sign in."""
    form = f"username={name}&password=password-of-{name}".encode()
    async with Connection(url, source=source) as connection:
        new = {"username": name, "password": f"password-of-{name}"}
        status, told = await connection.json("POST", "/auth/register", new)
        assert status in {201, 409}, told
        urlencoded = {"content_type": "application/x-www-form-urlencoded"}
        status, told = await connection.json("POST", "/auth/token", form, **urlencoded)
        assert status == 200, told
        return str(told["access_token"])


# Figures of a process


@dataclass(frozen=True)
class Figures:
    """Of a process at one moment: megabytes, open files, seconds of CPU."""

    rss: float
    files: int
    cpu: float

    @classmethod
    def of(cls, pid: int) -> Self:
        process = Path(f"/proc/{pid}")
        pages = int((process / "statm").read_text().split()[1])
        times = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
        cpu = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
        return cls(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len([*(process / "fd").iterdir()]), cpu)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of them lies (the nearest one); nan of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def load() -> str:
    """The load of the machine, as a table's foot says it."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


# The service and its upstream, each a process of its own


@dataclass(frozen=True)
class Service:
    """The service, as another process has it: where it is, its id, and what it writes to standard error."""

    url: str
    pid: int
    log: Path


@contextmanager
def service(folder: Path, settings: Mapping[str, str], *, preferred: bool = False) -> Iterator[Service]:
    """`uvicorn main:app` over a data directory, on a free port, with accounts that anybody may make."""
    port = free_port()
    guarded = {"AUTH": "on", "AUTH_SECRET": SECRET, "REGISTRATION": "open"}
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port), "--log-level", "warning"]
    log = folder / "log.txt"
    with log.open("wb") as errors:
        running = subprocess.Popen(
            command, cwd=ROOT, env=environment(folder, None, **{**guarded, **settings}), stderr=errors, **APART
        )
    try:
        wait_for(lambda: running.poll() is not None or _lives(port), START_SECONDS)
        assert running.poll() is None, log.read_text()
        if preferred:
            prefer(running.pid)
        yield Service(f"http://127.0.0.1:{port}", running.pid, log)
    finally:
        running.kill()
        running.wait()


def _lives(port: int) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=5).is_success
    return False


@contextmanager
def data_dir() -> Iterator[Path]:
    """A ready data directory: the sample imported, its recommender fitted."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder) / "data")
        for command in (["movielens.py", "import", "data/sample"], ["recommend.py", "fit"]):
            subprocess.run([sys.executable, *command], cwd=ROOT, env=env, check=True, capture_output=True)
        yield Path(folder) / "data"


def prefer(pid: int) -> None:
    """Give what is measured its processor on a machine that others use, where that is allowed (Linux's autogroups)."""
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(PREFERRED))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def upstream() -> Iterator[dict[str, str]]:
    """The upstream as a process of its own; the settings that name it."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.load", str(port)]
    running = subprocess.Popen(command, cwd=ROOT, **APART)
    try:
        wait_for(lambda: _answers(port), 60)
        prefer(running.pid)
        yield {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "OPENAI_API_KEY": "sk-benchmark"}
    finally:
        running.terminate()
        running.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _pieces(request: dict[str, Any]) -> Iterator[bytes | float]:
    """An answer of a few words, with pauses between them.

    A message may end with `words=N` or `pause=SECONDS`; one that ends with `tool` is looked up first.
    """
    said = next(m["content"] for m in reversed(request["messages"]) if m["role"] == "user")
    asked = dict(part.split("=", 1) for part in said.split() if "=" in part)
    if said.endswith("tool") and request["messages"][-1]["role"] == "user":
        yield _framed(
            chunk({"tool_calls": [call("search_movies", {"query": "Kid"})]}) + chunk(finish="tool_calls") + DONE
        )
        return
    words, pause = int(asked.get("words", WORDS)), float(asked.get("pause", PAUSE))
    if not pause:
        yield _at_once(words)
        return
    for number in range(words):
        yield _framed(chunk({"content": f"word{number} "}))
        yield pause
    yield _framed(_END)


@cache
def _at_once(words: int) -> bytes:
    """A whole answer, made before it is asked for again: an upstream faster than whatever is measured."""
    return b"".join(_framed(chunk({"content": f"word{number} "})) for number in range(words)) + _framed(_END)


def _framed(piece: bytes) -> bytes:
    """A chunk of a body (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


class _Timetable:
    """When each piece of an answer is due, and when it was sent; answers by the `name=` in their message."""

    sent: ClassVar[dict[str, list[float]]] = {}

    def __init__(self, request: bytes) -> None:
        name = re.search(rb"name=(\w+)", request)
        self._times = self.sent.setdefault(name[1].decode(), []) if name else []
        self._due = time.monotonic()

    def note(self) -> None:
        self._times.append(time.monotonic())

    async def wait(self, seconds: float) -> None:
        """Until so long after the last piece was due, so that one late answer of the system makes no other late."""
        self._due += seconds
        await asyncio.sleep(max(0.0, self._due - time.monotonic()))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            asked = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(asked.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            body = await reader.readexactly(length)
            if not length:
                told = json.dumps(
                    _Timetable.sent if b" /v1/sent " in asked else {"object": "list", "data": []}
                ).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(told) + told)
                continue
            writer.write(head)
            timetable = _Timetable(body)
            for piece in _pieces(json.loads(body)):
                if isinstance(piece, float):
                    await timetable.wait(piece)
                    continue
                timetable.note()
                writer.write(piece)
                await writer.drain()
            writer.write(b"0\r\n\r\n")
    writer.close()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port, limit=2**24, backlog=1_000)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1])))
