"""The AI SDK's UI message of an answer: as chunks, a fold over the events of its runs, and whole, over its messages.

The protocol: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol, "Data Stream Protocol", v1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring
from typing import Any

from pydantic import JsonValue
from pydantic_core import from_json

from schemas import (
    ActionCallEvent,
    Event,
    Message,
    ReasoningDeltaEvent,
    Run,
    RunCreated,
    RunEnded,
    TextDeltaEvent,
    ToolCall,
    ToolCallEvent,
    ToolResultEvent,
)
from storage.records import Frame

_ANSWER = ".answer"  # behind the id of a user's message: the one UI message of all that answers it
_FINISH = {"completed": "stop", "requires_action": "tool-calls"}
_FINISH_OF_ERRORS = {"output_truncated": "length", "content_filtered": "content-filter"}
_INTERRUPTED = "The service was stopped before the answer was whole."


def answer_id(message_id: str) -> str:
    """The id of the UI message that answers a user's message, whichever run does."""
    return message_id + _ANSWER


def tool_call_id(run_id: str, call_id: str) -> str:
    """The id of a call among all of a chat's: clients look for it in all of them."""
    return f"{run_id}.{call_id}"


def error_output(text: str) -> JsonValue:
    """The output of a client's tool that failed, as the session has it."""
    return {"error": text}


class Fold:
    """An answer, event by event, over one run or over several with results of the client's tools between them.

    Attributes:
        goes_on: another run follows this one.
    """

    def __init__(self) -> None:
        self.goes_on = False
        self._run: Run | None = None
        self._step: str | None = None
        self._part: str | None = None
        self._text_chunk = ""
        self._waiting: set[str] = set()

    def add(self, frame: Frame) -> list[str]:
        """Take one event in; the chunks that it is, as JSON. One of text goes a short way: there are so many."""
        if not frame.is_text:
            return [_compact(chunk) for chunk in self._chunks_of(frame.event)]
        event = from_json(frame.json)
        begun = [_compact(chunk) for chunk in self._in_part("text", event["message_id"])]
        return [*begun, f"{self._text_chunk}{encode_basestring(event['delta'])}}}"]

    def results(self, messages: Iterable[Message]) -> list[str]:
        """The results that the client handed in for the calls of the run before, as chunks."""
        assert self._run is not None
        given = [entry for entry in messages if entry.role == "tool" and entry.call_id in self._waiting]
        return [_compact({**_id_of(self._run.id, entry.call_id), **_output(entry)}) for entry in given]

    def _chunks_of(self, event: Event) -> Iterator[dict[str, Any]]:
        match event:
            case RunCreated(run=run):
                yield self._begin(run)
            case ReasoningDeltaEvent(message_id=message_id, delta=delta):
                yield from self._in_part("reasoning", message_id)
                yield {"type": "reasoning-delta", "id": message_id, "delta": delta}
            case TextDeltaEvent(message_id=message_id, delta=delta):
                yield from self._in_part("text", message_id)
                yield {"type": "text-delta", "id": message_id, "delta": delta}
            case ToolCallEvent() | ActionCallEvent():
                yield from self._in_step(event.message_id)
                yield self._call(event)
            case ToolResultEvent():
                yield {**self._id(event.call_id), **_output(event)}
            case RunEnded():
                yield from self._close_step()
                if not self.goes_on:
                    yield _end(event)
            case _:
                pass  # the session is the page's business

    def _begin(self, run: Run) -> dict[str, Any]:
        first, self._run = self._run is None, run
        self._waiting.clear()
        if first:
            return {"type": "start", "messageId": answer_id(run.message_id), "messageMetadata": _metadata(run)}
        return {"type": "message-metadata", "messageMetadata": _metadata(run)}

    def _in_step(self, message_id: str) -> Iterator[dict[str, Any]]:
        """The end of a part, and of the step where another one begins: a request to the model, and its calls."""
        if message_id == self._step:
            yield from self._close_part()
            return
        yield from self._close_step()
        self._step = message_id
        yield {"type": "start-step"}

    def _in_part(self, kind: str, message_id: str) -> Iterator[dict[str, Any]]:
        if (kind, message_id) == (self._part, self._step):
            return
        yield from self._in_step(message_id)
        self._part = kind
        self._text_chunk = _compact({"type": "text-delta", "id": message_id, "delta": ""}).removesuffix('""}')
        yield {"type": f"{kind}-start", "id": message_id}

    def _close_part(self) -> Iterator[dict[str, Any]]:
        if self._part is not None:
            yield {"type": f"{self._part}-end", "id": self._step}
        self._part = None

    def _close_step(self) -> Iterator[dict[str, Any]]:
        yield from self._close_part()
        if self._step is not None:
            yield {"type": "finish-step"}
        self._step = None

    def _call(self, event: ToolCallEvent | ActionCallEvent) -> dict[str, Any]:
        named = {**self._id(event.call_id), "toolName": event.name, "input": event.arguments or {}}
        if isinstance(event, ActionCallEvent):
            self._waiting.add(event.call_id)
            return {"type": "tool-input-available", **named}
        ours = {**named, "dynamic": True, "providerExecuted": True}
        if event.error is not None:
            return {"type": "tool-input-error", **ours, "errorText": event.error}
        return {"type": "tool-input-available", **ours}

    def _id(self, call_id: str) -> dict[str, str]:
        assert self._run is not None
        return _id_of(self._run.id, call_id)


def _metadata(run: Run) -> dict[str, str]:
    return {"sessionId": run.session_id, "runId": run.id}


def _id_of(run_id: str, call_id: str | None) -> dict[str, str]:
    return {"toolCallId": tool_call_id(run_id, call_id or "")}


def _output(outcome: ToolResultEvent | Message) -> dict[str, Any]:
    """The output of a tool, or the reason for which it has none."""
    ours = {"dynamic": True, "providerExecuted": True} if isinstance(outcome, ToolResultEvent) else {}
    problem = _problem(outcome)
    if problem is not None:
        return {"type": "tool-output-error", "errorText": problem, **ours}
    return {"type": "tool-output-available", "output": outcome.result, **ours}


def _problem(outcome: ToolResultEvent | Message) -> str | None:
    """The reason for which a tool gave nothing: of ours, or, in the form of `error_output`, of the client's."""
    if not outcome.ok:
        return (outcome.error if isinstance(outcome, ToolResultEvent) else outcome.content) or "It failed."
    match outcome.result:
        case {"error": str(text), **rest} if isinstance(outcome, Message) and not rest:
            return text
    return None


def _end(event: RunEnded) -> dict[str, Any]:
    if event.run.status == "cancelled":
        return {"type": "abort", "reason": "cancelled"}
    finish = _FINISH.get(event.run.status) or _FINISH_OF_ERRORS.get(event.error.code if event.error else "")
    if finish is not None:
        return {"type": "finish", "finishReason": finish}
    return {"type": "error", "errorText": event.error.detail if event.error else _INTERRUPTED}


def error_chunk(text: str) -> str:
    """The end of a stream that cannot be told to its end."""
    return _compact({"type": "error", "errorText": text})


def ui_messages(entries: Iterable[Message]) -> list[dict[str, Any]]:
    """Stored messages as the UI messages that their streams made; what replaced answers said is left out."""
    found: list[dict[str, Any]] = []
    asked: Message | None = None
    for entry in entries:
        if entry.role == "user":
            asked = entry
            found.append({"id": entry.id, "role": "user", "parts": [{"type": "text", "text": entry.content}]})
        elif asked is not None:
            if found[-1]["role"] == "user":
                found.append({"id": answer_id(asked.id), "role": "assistant", "parts": []})
            found[-1]["metadata"] = {"sessionId": entry.session_id, "runId": entry.run_id}
            _add_parts(found[-1]["parts"], entry)
    return found


def _add_parts(parts: list[dict[str, Any]], entry: Message) -> None:
    """Take one entry of an answer in."""
    if entry.role == "tool":
        part = next(it for it in reversed(parts) if it.get("toolCallId", "").endswith(f".{entry.call_id}"))
        problem = _problem(entry)
        part["state"] = "output-available" if problem is None else "output-error"
        part |= {"output": entry.result} if problem is None else {"errorText": problem}
        return
    parts.append({"type": "step-start"})
    if entry.reasoning:
        parts.append({"type": "reasoning", "id": entry.id, "text": entry.reasoning, "state": "done"})
    if entry.content:
        parts.append({"type": "text", "text": entry.content, "state": "done"})
    parts += [_part_of(entry.run_id, call) for call in entry.tool_calls]


def _part_of(run_id: str, call: ToolCall) -> dict[str, Any]:
    named = {"state": "input-available", **_id_of(run_id, call.call_id), "input": call.arguments or {}}
    if call.action:
        return {"type": f"tool-{call.name}", **named}
    ours = {"type": "dynamic-tool", "toolName": call.name, **named, "providerExecuted": True}
    return ours if call.error is None else {**ours, "state": "output-error", "errorText": call.error}


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
