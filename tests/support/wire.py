"""The tests' way to speak to the service: by the reference client, with a record of every byte, or bit by bit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from client import Client, every
from schemas import MessageCreate, SessionCreate
from tests.support.secrets import look_through_answer

LAST = {"run.completed", "run.cancelled", "run.failed", "run.interrupted", "run.requires_action"}
STREAM = {"Accept": "text/event-stream"}
JSON = {"Accept": "application/json"}

Event = dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """What came over the wire in one go."""

    raw: bytes

    @property
    def frames(self) -> bytes:
        """The frames alone: no pings, no retry line."""
        return b"".join(self.blocks)

    @property
    def blocks(self) -> list[bytes]:
        """Each whole frame; one that was cut off in the middle is left out."""
        blocks = [block.removeprefix(b"retry: 2000\n") + b"\n\n" for block in self.raw.split(b"\n\n")[:-1]]
        return [block for block in blocks if block.startswith(b"id: ")]

    @property
    def seen(self) -> bytes:
        """Every byte of the frames, also of one that was cut off; without pings and the retry line."""
        whole = self.frames
        cut = self.raw.rpartition(b"\n\n")[2].removeprefix(b"retry: 2000\n")
        return whole + (b"" if cut.startswith(b":") else cut)

    @property
    def events(self) -> list[Event]:
        """The frames as events, each checked for its form."""
        return [_event(block) for block in self.blocks]

    @property
    def text(self) -> str:
        return "".join(event["delta"] for event in self.events if event["type"] == "text.delta")

    @property
    def run(self) -> dict[str, Any]:
        """The run as the last event has it, or the first."""
        events = self.events
        return dict((events[-1] if events[-1]["type"] in LAST else events[0])["run"])

    @property
    def outline(self) -> list[str]:
        """The types in order, neighbouring equal ones once."""
        types = [event["type"] for event in self.events]
        return [name for place, name in enumerate(types) if place == 0 or types[place - 1] != name]


def _event(block: bytes) -> Event:
    first, second, third = block.removesuffix(b"\n\n").split(b"\n")
    event: Event = json.loads(third.removeprefix(b"data: "))
    assert first == f"id: {event['sequence']}".encode()
    assert second == f"event: {event['type']}".encode()
    return event


def check_whole(stream: Stream) -> None:
    """A stream from its start to its end: a sequence without gaps, one last event and nothing behind it."""
    events = stream.events
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1)), stream.raw[-2_000:]
    assert events[0]["type"] == "run.created"
    assert [event["type"] in LAST for event in events] == [False] * (len(events) - 1) + [True]


class _Recorder(httpx.AsyncHTTPTransport):
    """The network, with a record of the body of every response."""

    def __init__(self) -> None:
        super().__init__(verify=False)  # no certificates are read: it speaks to this machine alone
        self.bodies: list[bytearray] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        body = bytearray()
        self.bodies.append(body)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        stream = _Recorded(response.stream, body)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )


class _Recorded(httpx.AsyncByteStream):
    """A body that is written down while it is read."""

    def __init__(self, stream: httpx.AsyncByteStream, body: bytearray) -> None:
        self._stream, self._body = stream, body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self._body += part
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def through(client: httpx.Client, work: Callable[[Client], Awaitable[object]]) -> list[bytes]:
    """Have the reference client do something where a test's own client is; the bodies that came over the wire.

    It never tries again: what breaks is the test's to see.
    """
    recorder = _Recorder()
    token = client.headers.get("Authorization", "").removeprefix("Bearer ") or None

    async def done() -> None:
        async with Client(str(client.base_url), token=token, patience=0, transport=recorder) as reference:
            await work(reference)

    asyncio.run(done())
    for body in recorder.bodies:
        look_through_answer("a response", bytes(body))
    return [bytes(body) for body in recorder.bodies]


async def _drained(events: AsyncIterator[Any]) -> None:
    async for _ in events:
        pass


def new_session(client: httpx.Client, **fields: Any) -> str:
    [body] = through(client, lambda api: api.create_session(SessionCreate.model_validate(fields)))
    return str(json.loads(body)["id"])


def send(client: httpx.Client, session: str, content: str = "hello", key: str | None = None, **fields: Any) -> Stream:
    """Send a message and read the whole stream."""
    message = MessageCreate.model_validate({"content": content, **fields})
    [body] = through(client, lambda api: _drained(api.send_message(session, message, key=key)))
    return Stream(body)


def ask(client: httpx.Client, session: str, content: str = "hello", **fields: Any) -> dict[str, Any]:
    """Send a message and wait for the finished answer."""
    message = MessageCreate.model_validate({"content": content, **fields})
    return dict(json.loads(through(client, lambda api: api.ask(session, message))[-1]))


def replay(client: httpx.Client, run_id: str, after: int = 0) -> Stream:
    [body] = through(client, lambda api: _drained(api.follow_run(run_id, after)))
    return Stream(body)


def history(client: httpx.Client, session: str) -> list[dict[str, Any]]:
    """The whole history, page by page."""
    pages = through(client, lambda api: _drained(every(api.list_messages, session, limit=1_000)))
    return [message for page in pages for message in json.loads(page)["data"]]


def read_run(client: httpx.Client, run_id: str) -> dict[str, Any]:
    return dict(json.loads(through(client, lambda api: api.read_run(run_id))[0]))


class Live:
    """A stream that is read bit by bit."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._read = bytearray()
        self._bytes = response.iter_raw()

    @property
    def raw(self) -> bytes:
        """All that was read so far."""
        return bytes(self._read)

    @property
    def run_id(self) -> str:
        """Of the run, once its first event is there."""
        return str(Stream(self.raw).events[0]["run"]["id"])

    def until(self, type_: str, count: int = 1) -> Event:
        """Read until so many whole events of a type are there; the latest of them."""
        while len(found := [event for event in Stream(self.raw).events if event["type"] == type_]) < count:
            self._read += next(self._bytes)
        return found[-1]

    def until_bytes(self, wanted: bytes) -> None:
        """Read until these bytes are there."""
        while self._read.find(wanted, max(0, len(self._read) - 200_000)) < 0:
            self._read += next(self._bytes)

    def rest(self) -> Stream:
        """Read to the end; all that was read."""
        for block in self._bytes:
            self._read += block
        return Stream(self.raw)


@contextmanager
def sending(client: httpx.Client, session: str, content: str = "hello", **fields: Any) -> Iterator[Live]:
    """Send a message and hold its stream."""
    body = {"content": content, **fields}
    with client.stream("POST", f"/sessions/{session}/messages", json=body, headers=STREAM) as response:
        assert response.status_code == 200
        yield Live(response)


@contextmanager
def following(client: httpx.Client, run_id: str, after: int | None = None) -> Iterator[Live]:
    """Hold the stream of a run."""
    headers = {"Last-Event-ID": str(after)} if after is not None else {}
    with client.stream("GET", f"/runs/{run_id}/events", headers=headers) as response:
        assert response.status_code == 200
        yield Live(response)
