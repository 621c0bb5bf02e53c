"""Rows of the chat database as schemas."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from pydantic import TypeAdapter

from schemas import Action, Error, Feedback, Message, Run, Session, TokenUsage, ToolCall
from storage.records import Entry

ACTIONS = TypeAdapter(list[Action])
TOOL_CALLS = TypeAdapter(list[ToolCall])


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
    return Run.model_validate({**fields, "usage": usage, "timings": timings, "error": error})


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
    return Message.model_validate({**fields, "feedback": feedback})


_MESSAGE_COLUMNS = (
    "id", "session_id", "run_id", "role", "content", "status", "reasoning", "call_id", "name", "ok", "alternative",
    "created_at",
)  # fmt: skip


def entry_of(role: str, content: str, tool_calls: str, call_id: str | None, ok: int | None, result: str) -> Entry:
    calls = TOOL_CALLS.validate_json(tool_calls) if tool_calls != "[]" else ()
    return Entry(role, content, calls, call_id, bool(ok), json.loads(result) if result != "null" else None)
