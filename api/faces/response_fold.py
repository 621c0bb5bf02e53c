"""A response as a fold over the events of its run: live, replayed and whole, one and the same rule.

Its events are numbered one by one from 0: a run made by this face keeps its journal as it is, so that a number means
the same event for ever.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import Any

from pydantic_core import from_json

from api.faces.response_items import as_text, function_call, mcp_call, message_item, reasoning_item, text_part
from schemas import (
    ActionCallEvent,
    Error,
    Event,
    ReasoningDeltaEvent,
    Run,
    RunCreated,
    RunEnded,
    TextDeltaEvent,
    ToolCallEvent,
    ToolResultEvent,
)
from storage.records import Frame

UNASKED: dict[str, Any] = {  # of a run that another face began
    "background": False, "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
    "parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None}, "safety_identifier": None, "service_tier": "default",
    "store": True, "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
    "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "presence_penalty": 0.0, "frequency_penalty": 0.0,
    "user": None,
}  # fmt: skip
_STATUS = {"completed": "completed", "requires_action": "completed", "cancelled": "cancelled"}
_INCOMPLETE = {"output_truncated": "max_output_tokens", "content_filtered": "content_filter"}
_CODES = {"upstream_rate_limited": "rate_limit_exceeded", "context_too_long": "invalid_prompt"}
_INTERRUPTED = Error(code="internal", detail="The service was stopped before the answer was whole.")


class Fold:
    """A response, event by event.

    Attributes:
        count: how many events it has come to; the number of the next one.
        error: the reason for which it failed.
    """

    def __init__(self, request: str | None) -> None:
        self.count = 0
        self.error: Error | None = None
        self._request = {**UNASKED, **(json.loads(request) if request else {})}
        self._shows_tools = any(tool["type"] == "mcp" for tool in self._request["tools"])
        self._status = "queued" if self._request["background"] else "in_progress"
        self._reason: str | None = None
        self._output: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None  # the item that is not done, the last one
        self._texts: list[str] = []
        self._speaker: tuple[str, str] | None = None  # the kind of its text, and the message
        self._delta_head = ""
        self._calls: Counter[str] = Counter()  # of each message
        self._said: Counter[tuple[str, str]] = Counter()  # the items of each kind of text of a message
        self._run: Run | None = None

    def add(self, frame: Frame) -> list[str]:
        """Take one event in; the events that it is, as blocks of a stream. One of text goes a short way."""
        if frame.is_text:
            event = from_json(frame.json)
            if self._speaker == ("output_text", event["message_id"]):
                return [self._delta(event["delta"])]
        return list(self._blocks(frame.event))

    def _blocks(self, event: Event) -> Iterator[str]:
        match event:
            case RunCreated(run=run):
                yield from self._begin(run)
            case TextDeltaEvent(message_id=message_id, delta=delta):
                yield from self._say("output_text", message_id, delta)
            case ReasoningDeltaEvent(message_id=message_id, delta=delta):
                yield from self._say("reasoning_text", message_id, delta)
            case ToolCallEvent():
                yield from self._call_tool(event)
            case ToolResultEvent():
                yield from self._end_tool(event)
            case ActionCallEvent():
                yield from self._call_function(event)
            case RunEnded():
                yield from self._end(event)
            case _:
                pass  # sessions are the service's own business

    def _begin(self, run: Run) -> Iterator[str]:
        self._run = run
        yield self._block("response.created", response=self.whole)
        if self._status == "queued":
            yield self._block("response.queued", response=self.whole)
            self._status = "in_progress"
        yield self._block("response.in_progress", response=self.whole)

    def _end(self, event: RunEnded) -> Iterator[str]:
        self._run = run = event.run
        self._status = _STATUS.get(run.status, "failed")
        if self._status == "failed":
            self.error = event.error or _INTERRUPTED
            self._reason = _INCOMPLETE.get(self.error.code)
            if self._reason is not None:
                self._status, self.error = "incomplete", None
        yield from self._close("completed" if self._status == "completed" else "incomplete")
        ended = "incomplete" if self._status == "cancelled" else self._status  # there is no event for that
        yield self._block(f"response.{ended}", response=self.whole)

    # Texts

    def _say(self, kind: str, message_id: str, delta: str) -> Iterator[str]:
        """A text, or a thought, and the beginning of its item where it is the first."""
        if self._speaker != (kind, message_id):
            yield from self._close()
            yield from self._begin_text(kind, message_id)
            self._speaker = kind, message_id
            place = _compact({"type": f"response.{kind}.delta", **self._place, "content_index": 0})
            self._delta_head = f'event: response.{kind}.delta\ndata: {place[:-1]},"logprobs":[],"delta":'
        yield self._delta(delta)

    def _begin_text(self, kind: str, message_id: str) -> Iterator[str]:
        self._said[kind, message_id] += 1
        if (time := self._said[kind, message_id]) > 1:  # a model may think between two parts of a text
            message_id = f"{message_id}_{time}"
        if kind == "reasoning_text":
            yield from self._add(reasoning_item(message_id, "", "in_progress"))
            return
        yield from self._add(message_item(message_id, [], "in_progress"))
        yield self._block("response.content_part.added", **self._place, content_index=0, part=text_part(""))

    def _delta(self, delta: str) -> str:
        self._texts.append(delta)
        self.count += 1
        return f'{self._delta_head}{encode_basestring(delta)},"sequence_number":{self.count - 1}}}\n\n'

    # Calls

    def _call_tool(self, event: ToolCallEvent) -> Iterator[str]:
        yield from self._close()
        self._calls[event.message_id] += 1
        if not self._shows_tools:
            return
        item = mcp_call(event.message_id, self._calls[event.message_id] - 1, event.name)
        yield from self._add(item)
        yield self._block("response.mcp_call.in_progress", **self._place)
        yield from self._tell(item, "mcp_call_arguments", as_text(event.arguments or {}))

    def _end_tool(self, event: ToolResultEvent) -> Iterator[str]:
        if not self._shows_tools or self._open is None:
            return
        if event.ok:
            self._open["output"] = as_text(event.result)
        else:
            content = [{"type": "text", "text": event.error or ""}]
            self._open["error"] = {"type": "mcp_tool_execution_error", "content": content}
        status = "completed" if event.ok else "failed"
        yield self._block(f"response.mcp_call.{status}", **self._place)
        yield from self._close(status)

    def _call_function(self, event: ActionCallEvent) -> Iterator[str]:
        assert self._run is not None
        yield from self._close()
        self._calls[event.message_id] += 1
        place, call = self._calls[event.message_id] - 1, (event.call_id, event.name)
        item = function_call(self._run.id, event.message_id, place, call, "", "in_progress")
        yield from self._add(item)
        yield from self._tell(item, "function_call_arguments", as_text(event.arguments))
        yield from self._close()

    def _tell(self, item: dict[str, Any], kind: str, arguments: str) -> Iterator[str]:
        """The arguments of a call; they come in one piece."""
        yield self._block(f"response.{kind}.delta", **self._place, delta=arguments)
        item["arguments"] = arguments
        yield self._block(f"response.{kind}.done", **self._place, name=item["name"], arguments=arguments)

    # Items

    def _add(self, item: dict[str, Any]) -> Iterator[str]:
        self._open = item
        self._output.append(item)
        yield self._block("response.output_item.added", output_index=len(self._output) - 1, item=item)

    def _close(self, status: str = "completed") -> Iterator[str]:
        """The end of the item that is open, if any."""
        item, self._open, self._speaker = self._open, None, None
        if item is None:
            return
        text, self._texts = "".join(self._texts), []
        if item["type"] == "message":
            part = text_part(text)
            done = {**self._place, "content_index": 0}
            yield self._block("response.output_text.done", **done, text=text, logprobs=[])
            yield self._block("response.content_part.done", **done, part=part)
            item["content"] = [part]
        elif item["type"] == "reasoning":
            yield self._block("response.reasoning_text.done", **self._place, content_index=0, text=text)
            item["content"][0]["text"] = text
        item["status"] = status
        yield self._block("response.output_item.done", output_index=len(self._output) - 1, item=item)

    @property
    def _place(self) -> dict[str, Any]:
        """The item that is spoken of, the last one."""
        return {"item_id": self._output[-1]["id"], "output_index": len(self._output) - 1}

    def _block(self, kind: str, **fields: Any) -> str:
        self.count += 1
        return f"event: {kind}\ndata: {_compact({'type': kind, **fields, 'sequence_number': self.count - 1})}\n\n"

    # The response

    @property
    def whole(self) -> dict[str, Any]:
        """The response as it stands, as one document."""
        run, error = self._run, self.error
        assert run is not None
        ended = run.finished_at if self._status == "completed" else None
        told = error and {"code": _CODES.get(error.code, "server_error"), "message": error.detail, "type": error.code}
        return {
            **self._request,
            "id": response_id(run.id),
            "object": "response",
            "created_at": int(run.created_at.timestamp()),
            "completed_at": ended and int(ended.timestamp()),
            "status": self._status,
            "model": run.model,
            "output": self._so_far,
            "error": told,
            "incomplete_details": self._reason and {"reason": self._reason},
            "usage": self._usage(run),
            "conversation": {"id": conversation_id(run.session_id)} if self._request["store"] else None,
        }

    @property
    def _so_far(self) -> list[dict[str, Any]]:
        """The items, the open one with its text as far as it is there."""
        if self._open is None or self._open["type"] != "message":
            return self._output
        return [*self._output[:-1], {**self._open, "content": [text_part("".join(self._texts))]}]

    def _usage(self, run: Run) -> dict[str, Any] | None:
        if run.usage is None:
            return None
        asked, said = run.usage.input_tokens, run.usage.output_tokens
        return {
            "input_tokens": asked, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": said, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": asked + said,
        }  # fmt: skip


def response_id(run_id: str) -> str:
    """The id of a response: its run's, as clients of OpenAI's look for it."""
    return f"resp_{run_id.removeprefix('run_')}"


def conversation_id(session_id: str) -> str:
    """The id of a conversation: its session's."""
    return f"conv_{session_id.removeprefix('ses_')}"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
