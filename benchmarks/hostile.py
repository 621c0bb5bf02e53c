"""Requests that nobody means: 5,000 by schemathesis and hostile bytes, with AUTH=on and off. No 5xx, no hang, no leak.

`python -m benchmarks.hostile` starts the service as a process of its own and prints, by part, the answers by class, the
slowest, and the memory of the process before and after. The exit status is 0 only where every bar is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.load import Connection, Figures, Service, data_dir, load, new_token, service
from tests.support.serving import ROOT

FEWEST = 5_000  # requests of schemathesis
EXAMPLES = 60  # of one operation and phase
TIMES = 5  # that hostile bytes are sent
AT_ONCE = 16
PATIENCE = 30.0  # seconds without an answer or an end are a hang
RSS_BAR = 50.0  # megabytes
SETTINGS = {
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "json",
    "REQUEST_TIMEOUT": "3",
    "MESSAGES_PER_MINUTE": "1000000",
    "ACCESS_TOKEN_MINUTES": "1440",
}
DEEP = 10_000
BIG = 10_000_000

NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "NUL": b"\x00" * 100,
    "NUL in a string": b'{"content": "a\x00b", "title": "a\x00b"}',
    "invalid UTF-8": b'{"content": "\xff\xfe\xed\xa0\x80", "title": "\xc0\xaf"}',
    "UTF-16": '{"content": "hello"}'.encode("utf-16"),
    "deep arrays": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "numbers": b'{"limit": NaN, "stars": Infinity, "k": -Infinity}',
    "form": b"username=%00&password=%FF%FE&grant_type=password&" + b"a=b&" * 5_000,
    "multipart": b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n\x00\r\n--x',
    "zip": b"PK\x03\x04" + b"\xff" * 400,
}
JSON: dict[str, Any] = {
    "escaped NUL": {"content": "a\0b", "title": "\0", "username": "\0" * 9, "password": "\0" * 20},
    "lone surrogates": {
        "content": "\ud800",
        "title": "\udfff\ud800",
        "username": "\ud800abc",
        "password": "\udc00" * 9,
    },
    "closed and deep": json.loads("[" * 900 + "]" * 900),
    "deep member": {"metadata": json.loads("[" * 900 + "]" * 900), "content": [[[[]]]], "actions": [{}]},
    "wrong types": dict.fromkeys(("content", "title", "movies", "actions", "results", "message", "ratings"), 1.5),
    "long integers": {"limit": 10**4_000, "user_id": -(10**4_000), "movie_id": 2**63, "stars": 1e308, "k": 2**64},
    "10 MB": {"content": "x" * BIG},
}
RAW_INTEGER = (
    b'{"limit": ' + b"9" * 10_000 + b', "movie_id": ' + b"9" * 10_000 + b', "content": ' + b"9" * 10_000 + b"}"
)


def bodies() -> Iterator[tuple[str, bytes]]:
    """Hostile bodies, sent to every operation that takes one."""
    yield from NOT_JSON.items()
    yield "integers of 10,000 digits", RAW_INTEGER
    yield "closed, 10,000 deep", b'{"content": ' + b"[" * DEEP + b"]" * DEEP + b"}"
    yield from ((name, json.dumps(value).encode()) for name, value in JSON.items())


def streams(authorization: str, session: str) -> Iterator[tuple[str, list[bytes]]]:
    """Hostile bytes on a connection; between two pieces a moment passes."""
    host = f"Host: localhost\r\n{authorization}"
    get = f"GET /sessions HTTP/1.1\r\n{host}".encode()
    post = f"POST /sessions/{session}/messages HTTP/1.1\r\n{host}Content-Type: application/json\r\n".encode()
    smuggled = f"GET /smuggled HTTP/1.1\r\n{host}\r\n".encode()
    body = b'{"content": "hello"}'
    for name, path in PATHS.items():
        yield f"path: {name}", [f"GET {path} HTTP/1.1\r\n{host}\r\n".encode("latin-1")]
    yield "1,000 headers", [get + b"".join(b"X-%d: y\r\n" % number for number in range(1_000)) + b"\r\n"]
    yield "a header of 1 MB", [get + b"X-A: " + b"y" * 1_000_000 + b"\r\n\r\n"]
    yield "headers without end", [get, *[b"X-A: b\r\n" * 5_000] * 20]
    yield "NUL in a header", [get + b"X-A: a\x00b\r\n\r\n"]
    yield "bare LF, folded line", [get.replace(b"\r\n", b"\n") + b"X-A: a\n b\n\n"]
    yield (
        "a token of NUL and bytes",
        [b"GET /sessions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n\r\n"],
    )
    yield "two hosts", [get + b"Host: example.com\r\n\r\n"]
    yield "CL and TE", [post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled]
    yield (
        "TE and CL",
        [post + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n5c\r\n" + smuggled + b"0\r\n\r\n"],
    )
    yield "two CL", [post + b"Content-Length: 0\r\nContent-Length: 20\r\n\r\n" + body + smuggled]
    yield "TE twice", [post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled]
    yield "odd TE", [post + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled]
    yield "TE before a colon", [post + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled]
    for length in (b"-1", b"+20", b"1e3", b"0x14", b"99999999999999999999", b""):
        yield f"CL of {length!r}", [post + b"Content-Length: " + length + b"\r\n\r\n" + body]
    for size in (b"zz", b"-5", b"FFFFFFFFFFFFFFFFFFFF", b"5;" + b"x" * 100_000, b"\x00"):
        yield (
            f"chunk of {size[:8]!r}",
            [post + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello\r\n0\r\n\r\n"],
        )
    yield "chunks of one byte", [post + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 50_000 + b"0\r\n\r\n"]
    yield (
        "10 MB in chunks",
        [post + b"Transfer-Encoding: chunked\r\n\r\n", *[b"186a0\r\n" + b" " * 100_000 + b"\r\n"] * 100],
    )
    yield "a slow body", [post + b"Content-Length: 20\r\n\r\n", *(bytes([each]) for each in body[:15])]
    yield "a slow head", [bytes([each]) for each in get[:15]]
    yield "half a body", [post + b"Content-Length: 20\r\n\r\n" + body[:9]]
    yield "1,000 in a pipeline", [(get + b"\r\n") * 1_000]
    yield "expects to go on", [post + b"Expect: 100-continue\r\nContent-Length: 20\r\n\r\n"]
    yield "websocket", [get + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"]
    yield "HTTP/2", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 9]
    yield "TLS", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2]
    yield "HTTP/0.9", [b"GET /\r\n\r\n"]
    yield "HTTP/9.9", [f"GET / HTTP/9.9\r\n{host}\r\n".encode()]
    yield "no method", [b" / HTTP/1.1\r\n\r\n"]
    yield "bytes", [os.urandom(10_000)]
    yield "NUL", [b"\x00" * 10_000]


PATHS = {
    "NUL": "/sessions/%00",
    "raw NUL": "/sessions/\x00",
    "surrogate": "/sessions/%ED%A0%80",
    "not UTF-8": "/movies?q=%FF%FE",
    "surrogate in the query": "/movies?q=%ED%A0%80&q=%00",
    "percent": "/movies/%/%zz?q=%",
    "long": "/movies?q=" + "a" * 60_000,
    "too long": "/" + "a" * 200_000,
    "dots": "/static/..%2f..%2fsettings.py",
    "raw dots": "/static/../../settings.py",
    "absolute": "http://example.com/sessions",
    "star": "*",
    "large number": "/movies/" + "9" * 5_000,
    "many parameters": "/movies?" + "&".join(f"p{number}=1" for number in range(5_000)),
    "slashes": "//" * 5_000,
    "letters of others": "/sessions/\xe9\xff",
}


@dataclass
class Part:
    """What came of one part."""

    name: str
    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    rss: tuple[float, float] = (0.0, 0.0)

    def count(self, status: str, seconds: float, what: str) -> None:
        self.sent += 1
        self.statuses[f"{status[0]}xx" if status.isdecimal() else status] += 1
        self.slowest = max(self.slowest, (seconds, what))
        if status == "hang" or status.startswith("5"):
            self.odd.append(f"{status}: {what}")

    @property
    def grown(self) -> float:
        return self.rss[1] - self.rss[0]

    @property
    def good(self) -> bool:
        return not self.odd and self.grown < RSS_BAR


# By the document


def fuzz(running: Service, token: str | None, name: str, examples: int = EXAMPLES) -> Part:
    """All of schemathesis's checks over the whole document; its requests as the service's log has them."""
    part = Part(name)
    start = running.log.stat().st_size
    before = Figures.of(running.pid).rss
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{running.url}/openapi.json"]
    command += ["--checks", "all", "--max-examples", str(examples), "--seed", "20", "--request-timeout", str(PATIENCE)]
    command += ["--header", f"Authorization: Bearer {token}"] if token else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.support.fuzz_hooks"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "--no-color"], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        part.odd.append(re.sub(r"\n{3,}", "\n\n", done.stdout)[-4_000:])
    part.rss = (before, Figures.of(running.pid).rss)
    with running.log.open() as log:
        log.seek(start)
        for line in log:
            with suppress(ValueError, KeyError, TypeError):
                told = json.loads(line)
                what = f"{told['method']} {told['route']}"
                part.count(str(told["status"]), told["ms"] / 1e3, what)
    return part


# Bytes


async def send_bytes(running: Service, token: str | None, name: str, times: int = TIMES) -> Part:
    """Every hostile body to every operation, and every stream of bytes, so many times; a few at once."""
    part, turn = Part(name), asyncio.Semaphore(AT_ONCE)
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    async with Connection(running.url, token) as connection:
        _, session = await connection.json("POST", "/sessions", {})
        _, document = await connection.json("GET", "/openapi.json")
    before = Figures.of(running.pid).rss
    for number in range(times):
        cases = [
            *_operations(document, session["id"], authorization),
            *((what, pieces, number % 2 == 1) for what, pieces in streams(authorization, session["id"])),
        ]
        watch = asyncio.create_task(_stays_awake(running, part))
        await asyncio.gather(*(_one(running, what, pieces, turn, part, half) for what, pieces, half in cases))
        watch.cancel()
    await asyncio.sleep(4)  # what was left half-way is let go
    part.rss = (before, Figures.of(running.pid).rss)
    return part


def _operations(document: Any, session: str, authorization: str) -> Iterator[tuple[str, list[bytes], bool]]:
    """Every operation that takes a body, with every body."""
    for path, operations in document["paths"].items():
        for method in [name for name in operations if "requestBody" in operations[name]]:
            where = re.sub(r"\{\w+\}", "1", path.replace("{session_id}", session))
            kind = next(iter(operations[method]["requestBody"]["content"]))
            for what, body in bodies():
                head = (
                    f"{method.upper()} {where} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: {kind}\r\n"
                )
                head += f"Accept: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
                yield f"{method} {path}: {what}", [head.encode() + body], False


async def _one(
    running: Service, what: str, pieces: list[bytes], turn: asyncio.Semaphore, part: Part, half_closed: bool
) -> None:
    """Send the pieces and read until the service ends or answers; `half_closed`: say at once that no more comes."""
    host, _, port = running.url.removeprefix("http://").partition(":")
    async with turn:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            async with asyncio.timeout(PATIENCE):
                status = await _exchange(reader, writer, pieces, half_closed=half_closed)
        except TimeoutError:
            status = "hang"
        except ConnectionError:
            status = "reset"
        writer.transport.abort()
        part.count(status, time.perf_counter() - began, what)


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: list[bytes], *, half_closed: bool
) -> str:
    with suppress(OSError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0.1 if len(piece) < 100 else 0)
        if half_closed:
            writer.write_eof()
    said = await reader.read(4_096)
    worst = max((int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)), default=None)
    return "closed" if worst is None else str(worst)


async def _stays_awake(running: Service, part: Part) -> None:
    """Ask for a sign of life meanwhile; the slowest counts as well."""
    async with Connection(running.url) as connection:
        while True:
            began = time.perf_counter()
            status, _ = await connection.json("GET", "/health/live")
            part.count(str(status), time.perf_counter() - began, "a sign of life meanwhile")
            await asyncio.sleep(0.1)


# All of it


def measure(examples: int, times: int) -> Iterator[Part]:
    """Both parts, with AUTH=on and off."""
    with data_dir() as ready, tempfile.TemporaryDirectory() as work:
        for auth in ("on", "off"):
            folder = Path(shutil.copytree(ready, Path(work) / auth))
            with service(folder, {**SETTINGS, "AUTH": auth}) as running:
                token = asyncio.run(_key(running.url)) if auth == "on" else None
                fuzz(running, token, "warm", examples=2)
                yield fuzz(running, token, f"schemathesis, AUTH={auth}", examples)
                yield asyncio.run(send_bytes(running, token, f"bytes, AUTH={auth}", times))


async def _key(url: str) -> str:
    """An API key, which cannot end its own account whatever is asked with it."""
    async with Connection(url, await new_token(url, "fuzzer")) as connection:
        _, made = await connection.json("POST", "/auth/keys", {"name": "fuzzer"})
    return str(made["key"])


def table(parts: list[Part]) -> Table:
    made = Table(title=f"Hostile requests; {load()}")
    for column in ("", "requests", "answers", "slowest", "RSS before, after", "bars"):
        made.add_column(column)
    for part in parts:
        answers = ", ".join(f"{status}: {count}" for status, count in sorted(part.statuses.items()))
        rss = f"{part.rss[0]:.0f}, {part.rss[1]:.0f} MB"
        slowest = f"{part.slowest[0]:.2f} s, {part.slowest[1]}"
        made.add_row(part.name, str(part.sent), answers, slowest, rss, "kept" if part.good else "lost")
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="of schemathesis, an operation and phase")
    parser.add_argument("--times", type=int, default=TIMES, help="that hostile bytes are sent")
    options = parser.parse_args()
    parts = []
    for part in measure(options.examples, options.times):
        parts.append(part)
        print(f"{part.name}: {part.sent}", *Counter(part.odd), sep="\n  ", flush=True)
    Console(width=180).print(table(parts))
    few = any(part.sent < FEWEST for part in parts if part.name.startswith("schemathesis"))
    return 1 if few or not all(part.good for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main())
