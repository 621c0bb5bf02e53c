"""Records that the store takes and gives besides schemas, and its rows as schemas; ids and times."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import JsonValue, TypeAdapter
from pydantic_core import to_json

from errors import RunInProgress
from schemas import (
    EVENT,
    Action,
    Error,
    Event,
    Feedback,
    Grounding,
    Mention,
    Message,
    ResponseFormat,
    Run,
    Sampling,
    Session,
    TextDeltaEvent,
    TokenUsage,
    ToolCall,
)

Clock = Callable[[], datetime]
LOCAL = "local"  # the account of everybody where there are no accounts, and of who works on the data directory itself

_TEXT_DELTA = b'{"type":"text.delta","sequence":%d,"message_id":%b,"delta":%b}'

ACTIONS = TypeAdapter(list[Action])
TOOL_CALLS = TypeAdapter(list[ToolCall])
MENTIONS = TypeAdapter(list[Mention])


@dataclass(frozen=True, slots=True)
class NewRun:
    """The start of a run: the run, the messages it adds at once, its first frame, and what makes a request the same.

    `added`: the user's message, or the results of actions; none for a retry. `sampling` is not stored.
    `request`: how it was asked for, where its answer says so again; the events of such a run are kept as they are.
    """

    run: Run
    added: Sequence[Message]
    first: Frame
    lease_id: str
    title: str | None = None
    response_format: ResponseFormat | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None
    request: str | None = None
    sampling: Sampling | None = None


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run in its final state and the messages that it adds to the history. `asked`: mentions of the user's."""

    run: Run
    messages: Sequence[Message]
    asked: Sequence[Mention] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it goes over the wire; `sequence` counts from 1 in its run."""

    run_id: str
    sequence: int
    data: bytes

    @classmethod
    def of(cls, run_id: str, sequence: int, event: Event) -> Frame:
        """An event with its place in the run, encoded (WHATWG HTML, section 9.2.6)."""
        if type(event) is TextDeltaEvent:  # most are; the same bytes at a quarter of the cost
            data = _TEXT_DELTA % (sequence, to_json(event.message_id), to_json(event.delta))
        else:
            data = event.model_copy(update={"sequence": sequence}).model_dump_json().encode()
        return cls(run_id, sequence, b"id: %d\nevent: %b\ndata: %b\n\n" % (sequence, event.type.encode(), data))

    @property
    def event(self) -> Event:
        """The event, decoded again."""
        return EVENT.validate_json(self.json)

    @property
    def json(self) -> bytes:
        """The event's JSON document."""
        return self.data.split(b"\ndata: ", 1)[1].rstrip(b"\n")

    @property
    def is_text(self) -> bool:
        """True for an increment of the answer's text."""
        return self.data.split(b"\n", 2)[1] == b"event: text.delta"

    @property
    def is_last(self) -> bool:
        """True for the last event of its run."""
        name = self.data.split(b"\n", 2)[1].removeprefix(b"event: ")
        return name.startswith(b"run.") and name != b"run.created"


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens of one run, and when it was created."""

    at: datetime
    tokens: int


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


def refuse_live_run(connection: sqlite3.Connection, session_id: str) -> None:
    """Raise RunInProgress where a session answers right now."""
    row = connection.execute(
        "SELECT id FROM runs WHERE session_id = ? AND status = 'in_progress'", (session_id,)
    ).fetchone()
    if row:
        raise RunInProgress(row["id"])


# Rows as schemas


SESSIONS = """
    SELECT sessions.*, (SELECT id FROM runs WHERE session_id = sessions.id AND status = 'in_progress') AS live
    FROM sessions
"""


def session_of(row: sqlite3.Row) -> Session:
    return Session(
        id=row["id"],
        title=row["title"],
        model=row["model"],
        instructions=row["instructions"],
        user_id=row["user_id"],
        actions=ACTIONS.validate_json(row["actions"]),
        metadata=json.loads(row["metadata"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        live_run_id=row["live"],
    )


def run_of(row: sqlite3.Row) -> Run:
    usage = None
    if row["input_tokens"] is not None:
        usage = TokenUsage(
            input_tokens=row["input_tokens"], output_tokens=row["output_tokens"], estimated=row["usage_estimated"]
        )
    fields: dict[str, Any] = {name: row[name] for name in _RUN_COLUMNS}
    timings = {"first_delta_ms": row["first_delta_ms"], "total_ms": row["total_ms"]}
    error = Error.model_validate_json(row["error"]) if row["error"] else None
    grounding = Grounding.model_validate_json(row["grounding"]) if row["grounding"] else None
    parts = {"usage": usage, "timings": timings, "error": error, "grounding": grounding}
    return Run.model_validate({**fields, **parts})


_RUN_COLUMNS = (
    "id", "session_id", "message_id", "status", "provider", "model", "steps", "continues", "retry_of", "created_at",
    "finished_at", "note",
)  # fmt: skip


def message_of(row: sqlite3.Row) -> Message:
    feedback = Feedback(rating=row["rating"], comment=row["comment"]) if row["rating"] else None
    fields: dict[str, Any] = {name: row[name] for name in _MESSAGE_COLUMNS}
    if row["tool_calls"] != "[]":  # most have neither, and many are read at once
        fields["tool_calls"] = TOOL_CALLS.validate_json(row["tool_calls"])
    if row["result"] != "null":
        fields["result"] = json.loads(row["result"])
    if row["mentions"] != "[]":
        fields["mentions"] = MENTIONS.validate_json(row["mentions"])
    return Message.model_validate({**fields, "feedback": feedback})


_MESSAGE_COLUMNS = (
    "id", "session_id", "run_id", "role", "content", "status", "reasoning", "call_id", "name", "ok", "alternative",
    "created_at",
)  # fmt: skip


def entry_of(role: str, content: str, tool_calls: str, call_id: str | None, ok: int | None, result: str) -> Entry:
    calls = TOOL_CALLS.validate_json(tool_calls) if tool_calls != "[]" else ()
    return Entry(role, content, calls, call_id, bool(ok), json.loads(result) if result != "null" else None)
