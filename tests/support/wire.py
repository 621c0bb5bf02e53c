"""How the tests speak to the service: streams as bytes and as events, histories, runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

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


def new_session(client: httpx.Client, **fields: Any) -> str:
    response = client.post("/sessions", json=fields)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def send(client: httpx.Client, session: str, content: str = "hello", key: str | None = None, **fields: Any) -> Stream:
    """Send a message and read the whole stream."""
    headers = {**STREAM, **({"Idempotency-Key": key} if key else {})}
    response = client.post(f"/sessions/{session}/messages", json={"content": content, **fields}, headers=headers)
    assert response.status_code == 200, response.text
    return Stream(response.content)


def ask(client: httpx.Client, session: str, content: str = "hello", **fields: Any) -> dict[str, Any]:
    """Send a message and wait for the finished answer."""
    response = client.post(f"/sessions/{session}/messages", json={"content": content, **fields}, headers=JSON)
    assert response.status_code == 201, response.text
    return dict(response.json())


def replay(client: httpx.Client, run_id: str, **params: Any) -> Stream:
    response = client.get(f"/runs/{run_id}/events", params=params)
    assert response.status_code == 200, response.text
    return Stream(response.content)


def history(client: httpx.Client, session: str) -> list[dict[str, Any]]:
    """The whole history, page by page."""
    messages: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(f"/sessions/{session}/messages", params={"limit": 1000, **cursor}).json()
        messages += page["data"]
        if not page["has_more"]:
            return messages
        cursor = {"after": page["next"]}


def read_run(client: httpx.Client, run_id: str) -> dict[str, Any]:
    return dict(client.get(f"/runs/{run_id}").json())


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
