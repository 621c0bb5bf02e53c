"""The messages of a run as a fold over its events: live, after a crash and at the end, one and the same rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from schemas import (
    ActionCallEvent,
    Event,
    Message,
    ReasoningDeltaEvent,
    Run,
    RunCreated,
    RunEnded,
    RunStatus,
    SessionUpdated,
    TextDeltaEvent,
    ToolCall,
    ToolCallEvent,
    ToolResultEvent,
)


class Transcript:
    """The messages of a run so far."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._drafts: dict[str, dict[str, Any]] = {}
        self._texts: dict[str, list[str]] = {}
        self._thoughts: dict[str, list[str]] = {}

    def add(self, event: Event, at: datetime) -> None:
        """Take one event in; `at` dates a message that it begins."""
        match event:
            case TextDeltaEvent():
                self._answer(event.message_id, at)
                self._texts.setdefault(event.message_id, []).append(event.delta)
            case ReasoningDeltaEvent():
                self._answer(event.message_id, at)
                self._thoughts.setdefault(event.message_id, []).append(event.delta)
            case ToolCallEvent():
                fields = event.model_dump(include={"call_id", "name", "arguments", "error", "extra"})
                self._answer(event.message_id, at)["tool_calls"].append(ToolCall(**fields))
            case ActionCallEvent():
                fields = event.model_dump(include={"call_id", "name", "arguments", "extra"})
                self._answer(event.message_id, at)["tool_calls"].append(ToolCall(**fields, action=True))
            case ToolResultEvent():
                self._draft(event.message_id, "tool", at).update(_result(event))
            case RunCreated() | SessionUpdated() | RunEnded():
                pass  # they tell of the run, not of its answer

    def messages(self, status: RunStatus) -> list[Message]:
        """The entries, oldest first. Only the last one can be less than complete, and says so by `status`."""
        entries = [self._entry(draft) for draft in self._drafts.values()]
        if entries and entries[-1].role == "assistant":
            entries[-1] = entries[-1].model_copy(update={"status": status})
        return entries

    def _answer(self, message_id: str, at: datetime) -> dict[str, Any]:
        return self._draft(message_id, "assistant", at)

    def _draft(self, message_id: str, role: str, at: datetime) -> dict[str, Any]:
        if message_id not in self._drafts:
            self._drafts[message_id] = {"id": message_id, "role": role, "created_at": at, "tool_calls": []}
        return self._drafts[message_id]

    def _entry(self, draft: dict[str, Any]) -> Message:
        message_id = draft["id"]
        return Message.model_validate(
            {
                "session_id": self._run.session_id,
                "run_id": self._run.id,
                "content": "".join(self._texts.get(message_id, ())),
                "reasoning": "".join(self._thoughts.get(message_id, ())) or None,
                **draft,
            }
        )


def last_event(run: Run, messages: Sequence[Message]) -> RunEnded:
    """The end of a run, with the last of what was said."""
    said = [message for message in messages if message.role == "assistant"]
    return RunEnded.model_validate(
        {"type": f"run.{run.status}", "run": run, "message": said[-1] if said else None, "error": run.error}
    )


def _result(event: ToolResultEvent) -> dict[str, Any]:
    """The fields of a tool's entry; an error is its content."""
    fields = event.model_dump(include={"call_id", "name", "ok", "result"})
    return {**fields, "content": event.error or ""}
