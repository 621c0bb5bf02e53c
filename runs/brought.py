"""Conversations that a request brings along: their entries as messages of a run, and what makes two the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
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
    """The entries before the message that is answered, and those behind it: calls of the caller's own, and results."""

    before: Sequence[Said] = ()
    after: Sequence[Said] = ()

    def around(self, run: Run, message: Message) -> tuple[Message, ...]:
        """All of it as messages that a run adds to its session."""
        return (*_messages_of(run, self.before), message, *_messages_of(run, self.after))


def _messages_of(run: Run, said: Sequence[Said]) -> list[Message]:
    """The entries as messages that a run adds to its session."""
    names = {call.call_id: call.name for entry in said for call in entry.tool_calls}
    return [
        Message(
            id=new_id("msg"),
            session_id=run.session_id,
            run_id=run.id,
            role=entry.role,
            content="" if entry.role == "tool" else entry.content,
            tool_calls=list(entry.tool_calls),
            call_id=entry.call_id,
            name=names.get(entry.call_id or ""),
            ok=True if entry.role == "tool" else None,
            result=entry.content if entry.role == "tool" else None,
            created_at=run.created_at,
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
