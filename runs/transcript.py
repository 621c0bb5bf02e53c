"""The messages of a run as a fold over its events: live, after a crash and at the end, one and the same rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas import (
    ActionCallEvent,
    Event,
    Message,
    ReasoningDeltaEvent,
    Run,
    RunEnded,
    RunStatus,
    TextDeltaEvent,
    ToolCall,
    ToolCallEvent,
    ToolResultEvent,
)


@dataclass(slots=True)
class _Draft:
    """A message while its events come in; one with an `outcome` is a tool's."""

    created_at: datetime
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    outcome: ToolResultEvent | None = None


class Transcript:
    """The messages of a run so far."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._drafts: dict[str, _Draft] = {}

    def add(self, event: Event, at: datetime) -> None:
        """Take one event in; `at` dates a message that it begins."""
        match event:
            case TextDeltaEvent():
                self._draft(event.message_id, at).texts.append(event.delta)
            case ReasoningDeltaEvent():
                self._draft(event.message_id, at).thoughts.append(event.delta)
            case ToolCallEvent(call_id=call_id, name=name, arguments=arguments, error=error, extra=extra):
                call = ToolCall(call_id=call_id, name=name, arguments=arguments, error=error, extra=extra)
                self._draft(event.message_id, at).calls.append(call)
            case ActionCallEvent(call_id=call_id, name=name, arguments=arguments, extra=extra):
                call = ToolCall(call_id=call_id, name=name, arguments=arguments, extra=extra, action=True)
                self._draft(event.message_id, at).calls.append(call)
            case ToolResultEvent():
                self._draft(event.message_id, at).outcome = event
            case _:
                pass  # the others tell of the run, not of its answer

    def messages(self, status: RunStatus) -> list[Message]:
        """The entries, oldest first. Only the last one can be less than complete, and says so by `status`."""
        entries = [self._message(message_id, draft) for message_id, draft in self._drafts.items()]
        if entries and entries[-1].role == "assistant":
            entries[-1] = entries[-1].model_copy(update={"status": status})
        return entries

    def _draft(self, message_id: str, at: datetime) -> _Draft:
        if message_id not in self._drafts:
            self._drafts[message_id] = _Draft(at)
        return self._drafts[message_id]

    def _message(self, message_id: str, draft: _Draft) -> Message:
        ids = {"id": message_id, "session_id": self._run.session_id, "run_id": self._run.id}
        if (told := draft.outcome) is not None:
            outcome = {"call_id": told.call_id, "name": told.name, "ok": told.ok, "result": told.result}
            return Message(**ids, role="tool", content=told.error or "", **outcome, created_at=draft.created_at)
        return Message(
            **ids,
            role="assistant",
            content="".join(draft.texts),
            reasoning="".join(draft.thoughts) or None,
            tool_calls=draft.calls,
            created_at=draft.created_at,
        )


def last_event(run: Run, messages: Sequence[Message]) -> RunEnded:
    """The end of a run, with the last of what was said."""
    said = [message for message in messages if message.role == "assistant"]
    return RunEnded.model_validate(
        {"type": f"run.{run.status}", "run": run, "message": said[-1] if said else None, "error": run.error}
    )
