"""The calls of one step of an answer: tools are run in order, actions are handed to the client, if all are valid.

Whatever is wrong with a call becomes a result in words that mend it, never an exception.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue

from errors import ToolError
from movies.models import Model
from providers.base import ChatMessage, ToolRequest, ToolSpec
from providers.conversation import tool_content
from schemas import Action, ActionCallEvent, ToolCallEvent, ToolResultEvent
from storage.records import new_id
from tools.registry import Toolbox, find_tool, parse_arguments

DocumentCheck = Callable[[JsonValue, str], Awaitable[str | None]]  # a schema and a text: what is wrong, if anything
CallEvent = ToolCallEvent | ToolResultEvent | ActionCallEvent

_OTHERS = "Not carried out, because another call was not valid. Call it again together with the mended one."


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that the model asks for. `arguments`: the JSON object that they are; `flaw`: why they are none."""

    asked: ToolRequest
    arguments: dict[str, JsonValue]
    flaw: ToolError | None = None


class Calls:
    """The calls of one step.

    Attributes:
        answers: the outcome of each tool, as the model reads it.
        handed_over: True where the client is to carry out actions.
        refusal: what is wrong with the first action that is not valid; None where none is.
    """

    def __init__(self, message_id: str, asked: Iterable[ToolRequest]) -> None:
        self.answers: list[ChatMessage] = []
        self.handed_over = False
        self.refusal: str | None = None
        self._message_id = message_id
        self._calls = list(map(_parsed, asked))

    @property
    def sent_back(self) -> tuple[ToolRequest, ...]:
        """The calls as the model reads them again: some providers fail on arguments that are not a JSON object."""
        return tuple(replace(call.asked, arguments="{}") if call.flaw else call.asked for call in self._calls)

    async def events(
        self, toolbox: Toolbox, actions: Mapping[str, Action], problem_of: DocumentCheck
    ) -> AsyncGenerator[CallEvent, None]:
        """Carry them out.

        Args:
            toolbox: the tools of the caller.
            actions: the client's own, by name.
            problem_of: checks arguments, as text, by the schema of an action.
        """
        requested = [call for call in self._calls if call.asked.name in actions]
        wrong = {
            call.asked.call_id: why
            for call in requested
            if (why := await problem_of(actions[call.asked.name].parameters, call.asked.arguments)) is not None
        }
        self.refusal = next(iter(wrong.values()), None)
        self.handed_over = bool(requested) and not wrong
        for call in self._calls:
            if call not in requested:
                async for event in self._run(call, toolbox):
                    yield event
            elif wrong:
                for refused in self._refuse(call, wrong.get(call.asked.call_id, _OTHERS)):
                    yield refused
        if self.handed_over:
            for call in requested:
                yield ActionCallEvent(**self._named(call), arguments=call.arguments)

    async def _run(self, call: _Call, toolbox: Toolbox) -> AsyncGenerator[CallEvent, None]:
        """One tool call, from check to result."""
        try:
            args = _checked(call)
        except ToolError as error:
            for event in self._refuse(call, str(error)):
                yield event
            return
        yield ToolCallEvent(**self._named(call), arguments=args.model_dump(mode="json", exclude_unset=True))
        try:
            result, content = await toolbox.run(call.asked.name, args)
        except ToolError as error:
            yield self._failed(call, str(error))
        else:
            self._answer(call, content, result)
            yield ToolResultEvent(**_answering(call), ok=True, result=result)

    def _refuse(self, call: _Call, why: str) -> Sequence[CallEvent]:
        """A call that is not carried out."""
        return ToolCallEvent(**self._named(call), error=why), self._failed(call, why)

    def _failed(self, call: _Call, why: str) -> ToolResultEvent:
        self._answer(call, tool_content(None, why))
        return ToolResultEvent(**_answering(call), ok=False, error=why)

    def _answer(self, call: _Call, content: str, result: JsonValue = None) -> None:
        self.answers.append(ChatMessage("tool", content, call_id=call.asked.call_id, result=result))

    def _named(self, call: _Call) -> dict[str, Any]:
        """The fields that every event of a call has."""
        asked = call.asked
        return {"message_id": self._message_id, "call_id": asked.call_id, "name": asked.name, "extra": asked.extra}


def callable_in(toolbox: Toolbox, actions: Mapping[str, Action]) -> tuple[ToolSpec, ...]:
    """All that the model may call. A session's action stays what it is when a tool of the same name comes up later."""
    own = [ToolSpec(action.name, action.description, action.parameters) for action in actions.values()]
    return (*(spec for spec in toolbox.specs if spec.name not in actions), *own)


def _parsed(asked: ToolRequest) -> _Call:
    try:
        return _Call(asked, parse_arguments(asked.arguments))
    except ToolError as flaw:
        return _Call(asked, {}, flaw)


def _checked(call: _Call) -> Model:
    """The args of a call of a tool, or ToolError."""
    tool = find_tool(call.asked.name)
    if call.flaw is not None:
        raise call.flaw
    return tool.check(call.arguments)


def _answering(call: _Call) -> dict[str, Any]:
    return {"message_id": new_id("msg"), "call_id": call.asked.call_id, "name": call.asked.name}
