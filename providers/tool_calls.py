"""Tool calls put together from the fragments of a stream, whatever a provider makes of their index and id.

Protocol: OpenAI's `chat.completion.chunk`, `choices[].delta.tool_calls`. Each quirk has its case in the corpus.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, JsonValue

from errors import UpstreamUnavailable
from json_schema import check_document
from providers.base import ToolRequest
from text import scalars

MAX_CALLS = 128  # in one completion
UNREADABLE = "The provider sent something that is not a chat completion."


class Loose(BaseModel):
    """Only what we read is checked; the rest is the provider's own business."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class FunctionFragment(Loose):
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)
    name: str | None = None
    arguments: str | dict[str, Any] | list[Any] | None = None


class CallFragment(Loose):
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionFragment | None = None


class CallAssembler:
    """Puts fragments of tool calls together, whatever the provider makes of index and id."""

    def __init__(self) -> None:
        self._partials: list[_Partial] = []

    def __bool__(self) -> bool:
        return bool(self._partials)

    def add(self, fragment: CallFragment) -> None:
        function = fragment.function or FunctionFragment()
        partial = self._find(fragment, function.name or "")
        if partial is None:
            partial = _Partial(fragment.index, fragment.id or None, function.name or "")
            self._partials.append(partial)
            if len(self._partials) > MAX_CALLS:
                raise UpstreamUnavailable(UNREADABLE)
        partial.name = partial.name or function.name or ""
        partial.call_id = partial.call_id or fragment.id or None
        partial.pieces.append(arguments_text(function.arguments))
        partial.extra |= fragment.model_extra or {}
        if function.model_extra:
            partial.extra["function"] = function.model_extra

    def requests(self) -> list[ToolRequest]:
        """All calls, each with an id of its own."""
        requests: dict[str, ToolRequest] = {}
        for partial in self._partials:
            call_id = scalars(partial.call_id or "")
            if not call_id or call_id in requests:
                call_id = f"call_{uuid4().hex[:24]}"
            requests[call_id] = partial.request(call_id)
        return list(requests.values())

    def _find(self, fragment: CallFragment, name: str) -> _Partial | None:
        """The call that a fragment continues: by id, else by index, else the latest; None where it starts a new one.

        A name with an unknown id starts a new call, unless the call at its index still lacks the end of its arguments:
        some providers give every fragment an id of its own, others use index 0 for every call.
        """
        for partial in self._partials if fragment.id else ():
            if partial.call_id == fragment.id and fragment.index in (None, partial.index):
                return partial
        if fragment.index is not None:
            same = [partial for partial in self._partials if partial.index == fragment.index]
        else:
            same = self._partials
        if not same:
            return None
        return None if name and _starts_anew(same[-1], name, fragment) else same[-1]


@dataclass(slots=True)
class _Partial:
    """A tool call while its fragments come in."""

    index: int | None
    call_id: str | None
    name: str
    pieces: list[str] = field(default_factory=list)
    extra: dict[str, JsonValue] = field(default_factory=dict)

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)

    @property
    def complete(self) -> bool:
        """True once the arguments are a JSON document."""
        arguments = self.arguments
        if not arguments.rstrip().endswith("}"):
            return False
        try:
            json.loads(arguments)
        except (ValueError, RecursionError):
            return False
        return True

    def request(self, call_id: str) -> ToolRequest:
        """The whole call."""
        return ToolRequest(call_id, scalars(self.name), scalars(self.arguments) or "{}", _sound(self.extra))


def _starts_anew(partial: _Partial, name: str, fragment: CallFragment) -> bool:
    """True where a fragment with this name begins another call than `partial`."""
    if not partial.arguments.strip():
        return fragment.index is None or name != partial.name
    return partial.complete


def arguments_text(arguments: str | dict[str, Any] | list[Any] | None) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return json.dumps(arguments, ensure_ascii=False)


def _sound(extra: dict[str, JsonValue]) -> dict[str, JsonValue] | None:
    """The extras that a provider attached to a call, if they can be sent back as JSON."""
    try:
        check_document(extra)
    except ValueError:
        return None
    return extra or None
