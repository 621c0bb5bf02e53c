"""The records that the store takes and gives besides schemas: new and ended runs, frames, entries; ids and times."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import JsonValue

from schemas import EVENT, Event, Message, ResponseFormat, Run, ToolCall

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class NewRun:
    """What starts a run: the run, the messages it adds at once, its first frame, and what makes a request the same.

    `added`: the user's message, or the results of actions; none for a retry.
    """

    run: Run
    added: Sequence[Message]
    first: Frame
    lease_id: str
    title: str | None = None
    response_format: ResponseFormat | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run in its final state and the messages that it adds to the history."""

    run: Run
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it goes over the wire; `sequence` counts from 1 in its run."""

    run_id: str
    sequence: int
    data: bytes

    @classmethod
    def of(cls, run_id: str, sequence: int, event: Event) -> Frame:
        """An event with its place in the run, encoded (WHATWG HTML, section 9.2.6)."""
        data = event.model_copy(update={"sequence": sequence}).model_dump_json()
        return cls(run_id, sequence, f"id: {sequence}\nevent: {event.type}\ndata: {data}\n\n".encode())

    @property
    def event(self) -> Event:
        """The event, decoded again."""
        return EVENT.validate_json(self.data.split(b"\ndata: ", 1)[1])

    @property
    def is_last(self) -> bool:
        """Whether it ends its run."""
        name = self.data.split(b"\n", 2)[1].removeprefix(b"event: ")
        return name.startswith(b"run.") and name != b"run.created"


class Entry(NamedTuple):
    """A stored message as far as a model is sent it: a run reads hundreds, and a Message takes ten times as long.

    `ok`, `result`: of a tool's entry.
    """

    role: str
    content: str
    tool_calls: Sequence[ToolCall]
    call_id: str | None
    ok: bool
    result: JsonValue


def new_id(prefix: str) -> str:
    """An unguessable id: `run_` and 22 characters (128 bits)."""
    return f"{prefix}_{secrets.token_urlsafe(16)}"


def utc_now() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: as text it sorts as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
