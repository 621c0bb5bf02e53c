"""A chat completion as a fold over the events of its run: live, replayed and whole, one and the same rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import Any

from pydantic_core import from_json

from api.faces.errors import error_of
from api.problems import STATUS
from schemas import ActionCallEvent, Event, ReasoningDeltaEvent, Run, RunCreated, RunEnded
from storage.records import Frame

_FINISH = {"completed": "stop", "requires_action": "tool_calls", "cancelled": "stop"}
_FINISH_OF_ERRORS = {"output_truncated": "length", "content_filtered": "content_filter"}
_TEXT_CHUNK_END = '},"logprobs":null,"finish_reason":null}]}'
_INTERRUPTED = "The service was stopped before the answer was whole."


class Fold:
    """A completion, event by event.

    Attributes:
        error: The reason for which it has no regular end.
    """

    def __init__(self, *, with_usage: bool) -> None:
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self.error: dict[str, Any] | None = None
        self._with_usage = with_usage
        self._head: dict[str, Any] = {}
        self._message_id: str | None = None
        self._calls: list[dict[str, Any]] = []
        self._finish: str | None = None
        self._text_chunk = ""
        self._run: Run | None = None

    def add(self, frame: Frame) -> list[str]:
        """Take one event in; the chunks that it is, as JSON. One of text goes a short way: there are so many."""
        if not frame.is_text:
            return [_compact(chunk) for chunk in self._chunks_of(frame.event)]
        event = from_json(frame.json)
        delta = self._spaced(event["message_id"], event["delta"])
        return [f"{self._text_chunk}{encode_basestring(delta)}{_TEXT_CHUNK_END}"]

    def _chunks_of(self, event: Event) -> Iterator[dict[str, Any]]:
        match event:
            case RunCreated(run=run):
                created = int(run.created_at.timestamp())
                self._run = run
                self._head = {"id": f"chatcmpl-{run.id}", "created": created, "model": run.model}
                self._text_chunk = _compact(self._chunk({"content": ""})).removesuffix(f'""{_TEXT_CHUNK_END}')
                yield self._chunk({"role": "assistant", "content": ""})
            case ReasoningDeltaEvent(delta=delta):
                self._thoughts.append(delta)
                yield self._chunk({"reasoning_content": delta})
            case ActionCallEvent():
                yield self._chunk({"tool_calls": [{"index": len(self._calls), **self._call(event)}]})
            case RunEnded():
                yield from self._end(event)
            case _:
                pass  # the service's own tools, and its sessions, are its own business

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _spaced(self, message_id: str, delta: str) -> str:
        """The text, apart from what was said before a tool was called."""
        if message_id != self._message_id and self._texts:
            delta = f"\n\n{delta}"
        self._message_id = message_id
        self._texts.append(delta)
        return delta

    def _call(self, event: ActionCallEvent) -> dict[str, Any]:
        assert self._run is not None
        function = {"name": event.name, "arguments": json.dumps(event.arguments, ensure_ascii=False)}
        call = {"id": f"{self._run.id}.{event.call_id}", "type": "function", "function": function}
        self._calls.append(call)
        return call

    def _end(self, event: RunEnded) -> Iterator[dict[str, Any]]:
        self._run = run = event.run
        code = event.error.code if event.error else "internal"
        self._finish = _FINISH.get(run.status) or _FINISH_OF_ERRORS.get(code)
        if self._finish is None:
            detail = event.error.detail if event.error else _INTERRUPTED
            self.error = error_of(code, detail, status=STATUS[code])
            yield {**self._head, "object": "chat.completion.chunk", "choices": [], **self.error}
            return
        yield self._chunk({}, self._finish)
        if self._with_usage:
            yield {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage()}

    def _usage(self) -> dict[str, int]:
        spent = self._run.usage if self._run else None
        asked, said = (spent.input_tokens, spent.output_tokens) if spent else (0, 0)
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}

    @property
    def text(self) -> str:
        """All that was said."""
        return "".join(self._texts)

    @property
    def whole(self) -> dict[str, Any]:
        """The completion as one document."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None, "refusal": None}
        if self._thoughts:
            message["reasoning_content"] = "".join(self._thoughts)
        if self._calls:
            message["tool_calls"] = self._calls
        elif message["content"] is None:
            message["content"] = ""
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage()}


def _compact(value: object) -> str:
    """A document as clients of the wire format have it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
