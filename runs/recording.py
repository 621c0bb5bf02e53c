"""One run as metrics and spans: what its events tell of times and outcomes, and nothing of what is said."""

from __future__ import annotations

import time
from collections.abc import Callable

from llm import ReplyEvent, StepEnded
from schemas import ActionCallEvent, Run, TextDeltaEvent, ToolCallEvent, ToolResultEvent
from telemetry.base import Ended, Metrics
from telemetry.tracing import RunTrace
from tools.registry import TOOLS


class Recording:
    """The record of a live run from its first moment on.

    Attributes:
        trace: the spans of the run.
    """

    def __init__(self, run: Run, metrics: Metrics) -> None:
        self.trace = RunTrace(run.id, run.session_id, run.provider, run.model)
        self._metrics = metrics
        self._on = metrics.on or self.trace.on
        self._began = time.perf_counter()
        self._said_at: float | None = None  # in the present step
        self._has_spoken = False
        self._calls: dict[str, tuple[str, str, float]] = {}  # the name, the outcome unless it succeeds, the time

    @property
    def committed(self) -> Callable[[float, int], None] | None:
        """To be called with the seconds and events of each commit, where anybody wants to know."""
        return self.trace.committed if self.trace.on else None

    def note(self, event: ReplyEvent) -> None:
        """An event, as it happens."""
        if not self._on:
            return
        match event:
            case TextDeltaEvent():
                self._note_text(time.perf_counter())
            case StepEnded():
                self._said_at = None
            case ToolCallEvent():
                self._note_call(event)
            case ToolResultEvent():
                self._note_result(event)
            case ActionCallEvent():
                self._metrics.tool_called("action", "handed_over", 0)

    def ended(self, run: Run) -> None:
        """The end of the run, as it is stored."""
        usage, grounding = run.usage, run.grounding
        tokens = (usage.input_tokens, usage.output_tokens) if usage else (0, 0)
        claims = (grounding.mentions, grounding.unsupported) if grounding else (0, 0)
        self._metrics.run_ended(Ended(run.status, time.perf_counter() - self._began, *tokens, *claims))
        self.trace.ended(run.status, run.error.code if run.error else None, *tokens)

    def _note_text(self, now: float) -> None:
        if not self._has_spoken:
            self._metrics.first_token(now - self._began)
            self._has_spoken = True
        elif self._said_at is not None:
            self._metrics.token_gap(now - self._said_at)
        self._said_at = now

    def _note_call(self, event: ToolCallEvent) -> None:
        tool = event.name if event.name in TOOLS else "unknown"  # a name is a model's, and could be anything
        self._calls[event.call_id] = (tool, "refused" if event.error else "failed", time.perf_counter())
        self.trace.called(event.call_id, tool)

    def _note_result(self, event: ToolResultEvent) -> None:
        tool, failure, began = self._calls.pop(event.call_id)
        outcome = "ok" if event.ok else failure
        self._metrics.tool_called(tool, outcome, time.perf_counter() - began)
        self.trace.returned(event.call_id, outcome)
