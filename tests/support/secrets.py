"""Secrets that the tests give the service, looked for in all that comes out of it: a plugin of pytest.

Searched are what a test captured (standard output and error, logs), what servers in processes of their own wrote there,
every response that a test's client reads, and the files of data directories. A test that finds one fails.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

OPENAI_KEY = "sk-test-secret"
TMDB_KEY = "tmdb-very-secret"
AUTH_SECRET = "of a test, and of thirty-two bytes"
PASSWORD = "password of it"
PLANTED = {
    name: value.encode()
    for name, value in {
        "OPENAI_API_KEY": OPENAI_KEY,
        "TMDB_API_KEY": TMDB_KEY,
        "AUTH_SECRET": AUTH_SECRET,
        "a password": PASSWORD,
    }.items()
}
MADE = {  # what the service makes and gives out once, to whom it is for; alone, since random ids stand side by side
    "an API key": re.compile(rb"(?<![\w-])mq_[\w-]{43}(?![\w-])"),
    "a token": re.compile(rb"(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
}
LONGEST = 1_000  # bytes; a token with all its claims is the longest
OF_OTHERS = ("catalogue.db", "recommender", "embeddings")  # made from public data, and large

_leaks: list[str] = []
_given: dict[bytes, str] = {}  # the made ones that a test's client was given, for the search of files


def leaks_in(written: bytes | str, made: bool = True) -> list[str]:
    """The names of the secrets in a text; `made`: look for tokens and keys, too."""
    data = written.encode(errors="replace") if isinstance(written, str) else written
    found = [name for name, value in PLANTED.items() if value in data]
    return found + [name for name, pattern in MADE.items() if made and pattern.search(data)]


def look_through(place: str, written: bytes | str) -> None:
    """Have the present test fail where there is a secret in what was written there."""
    _leaks.extend(f"{name} in {place}" for name in leaks_in(written))


def look_through_answer(place: str, answer: bytes) -> None:
    """The same for an answer to a client, who may be given tokens and keys: these are noted."""
    _leaks.extend(f"{name} in {place}" for name in leaks_in(answer, made=False))
    _given.update((value, name) for name, pattern in MADE.items() for value in pattern.findall(answer))


def look_through_files(folder: Path) -> None:
    """The same for all files of a data directory but what was imported."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(OF_OTHERS) for part in path.relative_to(folder).parts):
            data = path.read_bytes()
            found = {*leaks_in(data, made=False), *(name for value, name in _given.items() if value in data)}
            _leaks.extend(f"{name} in the file {path.name}" for name in found)


class Searched(httpx.HTTPTransport):
    """The network, with every response looked through while it is read."""

    def __init__(self) -> None:
        super().__init__(verify=False)  # no certificates are read: it speaks to this machine alone

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        place = f"the answer to {request.method} {request.url.path}"
        look_through_answer(place, repr(response.headers.raw).encode())
        assert isinstance(response.stream, httpx.SyncByteStream)
        stream = _Searched(response.stream, place)
        return httpx.Response(response.status_code, headers=response.headers, stream=stream,
                              extensions=response.extensions)  # fmt: skip


class _Searched(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, place: str) -> None:
        self._stream, self._place = stream, place

    def __iter__(self) -> Iterator[bytes]:
        end = b""
        for block in self._stream:
            look_through_answer(self._place, end + block)
            end = (end + block)[-LONGEST:]
            yield block

    def close(self) -> None:
        self._stream.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,  # noqa: ARG001  its name is pytest's
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that let a secret out, wherever it went."""
    report = yield
    for title, written in report.sections:
        if title.endswith(call.when):
            look_through(title, written)
    leaks = sorted(set(_leaks))
    _leaks.clear()
    if leaks and report.passed:
        report.outcome = "failed"
        report.longrepr = "A secret got out: " + "; ".join(leaks)
    return report
