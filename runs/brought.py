"""Conversations that a request brings along: their entries as messages of a run, and what makes two the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from schemas import Message, Run, ToolCall
from storage.records import new_id

KIND = "chat:"  # of the identities, among those of other requests (storage/migrations.py has an index of them)


class Said(NamedTuple):
    """One entry as the caller knows it: its tool calls are calls of the caller's own functions."""

    role: Literal["user", "assistant", "tool"]
    content: str
    tool_calls: Sequence[ToolCall] = ()
    call_id: str | None = None


class Brought(NamedTuple):
    """The entries before the message that is answered, and those behind it: calls of the caller's own, and results.

    A Message is one of another session's, which is copied.
    """

    before: Sequence[Said | Message] = ()
    after: Sequence[Said | Message] = ()

    def around(self, run: Run, message: Message) -> tuple[Message, ...]:
        """All of it as messages that a run adds to its session."""
        return (*_messages_of(run, self.before), message, *_messages_of(run, self.after))


def _messages_of(run: Run, said: Sequence[Said | Message]) -> list[Message]:
    """The entries as messages that a run adds to its session."""
    return messages_of(run.session_id, run.id, run.created_at, said)


def messages_of(session_id: str, run_id: str, at: datetime, said: Sequence[Said | Message]) -> list[Message]:
    """The entries as messages of a session."""
    names = {call.call_id: call.name for entry in said for call in entry.tool_calls}
    ids = {"session_id": session_id, "run_id": run_id}
    return [
        entry.model_copy(update={**ids, "id": new_id("msg"), "alternative": False, "feedback": None})
        if isinstance(entry, Message)
        else Message(
            id=new_id("msg"),
            session_id=session_id,
            run_id=run_id,
            role=entry.role,
            content="" if entry.role == "tool" else entry.content,
            tool_calls=list(entry.tool_calls),
            call_id=entry.call_id,
            name=names.get(entry.call_id or ""),
            ok=True if entry.role == "tool" else None,
            result=entry.content if entry.role == "tool" else None,
            created_at=at,
        )
        for entry in said
    ]


def identity(instructions: str, said: Sequence[Said]) -> str:
    """Equal for conversations that read alike, whatever white space stands around an entry."""
    entries = [
        [entry.role, entry.content.strip(), [call.call_id for call in entry.tool_calls], entry.call_id]
        for entry in said
    ]
    return KIND + hashlib.sha256(json.dumps([instructions, entries]).encode()).hexdigest()
