"""The calls of one step of an answer: tools are run in order, actions are handed to the client, if all are valid.

Whatever is wrong with a call becomes a result in words that mend it, never an exception. A call that is repeated within
an answer is told so: small models ask the same again and again.
"""

from __future__ import annotations

import json
from collections import defaultdict
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
from tools.registry import WRITERS, Toolbox, find_tool, parse_arguments

DocumentCheck = Callable[[JsonValue, str], Awaitable[str | None]]  # a schema and a text: what is wrong, if anything
CallEvent = ToolCallEvent | ToolResultEvent | ActionCallEvent

MOST_FAILURES = 3  # steps with one and the same call; then the model gets no tools any more

_REPEATED = "This call was refused before with the same arguments; change them, or answer without it."
_HOPELESS = "This call was refused before with the same arguments. Nothing more can be called; answer the person now."
_SAME = "This call was made before with the same arguments, and the result is the same. Answer with it."
_OTHERS = "Not carried out, because another call was not valid. Call it again together with the mended one."


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that the model asks for. `arguments`: the JSON object that they are; `flaw`: why they are none."""

    asked: ToolRequest
    arguments: dict[str, JsonValue]
    flaw: ToolError | None = None


class Earlier:
    """The outcomes of the calls of an answer so far."""

    def __init__(self) -> None:
        self._failures: defaultdict[str, set[str]] = defaultdict(set)  # the steps in which each call failed
        self._results: dict[str, tuple[JsonValue, str]] = {}

    @property
    def hopeless(self) -> bool:
        """True once a call has failed unchanged as often as it may."""
        return max(map(len, self._failures.values()), default=0) >= MOST_FAILURES

    def failed(self, call: _Call, step: str, why: str) -> str:
        """The words for a call that failed in a step, and why."""
        key = call.asked.name + (call.asked.arguments if call.flaw else json.dumps(call.arguments, sort_keys=True))
        self._failures[key].add(step)
        if len(self._failures[key]) == 1:
            return why
        return f"{_REPEATED if len(self._failures[key]) < MOST_FAILURES else _HOPELESS} {why}"

    def result(self, name: str, args: Model) -> tuple[JsonValue, str] | None:
        """The result that the same call gave, and the same with a word on it for the model. None where it gave none."""
        if (known := self._results.get(_key(name, args))) is None:
            return None
        result, content = known
        return result, f'{{"note":{json.dumps(_SAME)},"result":{content}}}'

    def succeeded(self, name: str, args: Model, result: JsonValue, content: str) -> None:
        """Keep a result, unless the next one may differ; what a writer changes makes all others old."""
        if name in WRITERS:
            self._results.clear()
        if not getattr(args, "exclude_shown", False):
            self._results[_key(name, args)] = result, content


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
        self, toolbox: Toolbox, earlier: Earlier, actions: Mapping[str, Action], problem_of: DocumentCheck
    ) -> AsyncGenerator[CallEvent, None]:
        """Carry them out.

        Args:
            toolbox: the tools of the caller.
            earlier: the calls of the answer before these.
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
                async for event in self._run(call, toolbox, earlier):
                    yield event
            elif wrong:
                for refused in self._refuse(call, wrong.get(call.asked.call_id, _OTHERS)):
                    yield refused
        if self.handed_over:
            for call in requested:
                yield ActionCallEvent(**self._named(call), arguments=call.arguments)

    async def _run(self, call: _Call, toolbox: Toolbox, earlier: Earlier) -> AsyncGenerator[CallEvent, None]:
        """One tool call, from check to result."""
        name = call.asked.name
        try:
            args = _checked(call)
        except ToolError as error:
            for event in self._refuse(call, earlier.failed(call, self._message_id, str(error))):
                yield event
            return
        yield ToolCallEvent(**self._named(call), arguments=args.model_dump(mode="json", exclude_unset=True))
        try:
            if (given := earlier.result(name, args)) is None:
                given = await toolbox.run(name, args)
                earlier.succeeded(name, args, *given)
        except ToolError as error:
            yield self._failed(call, earlier.failed(call, self._message_id, str(error)))
        else:
            result, content = given
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


def callable_in(specs: Iterable[ToolSpec], actions: Sequence[Action]) -> tuple[ToolSpec, ...]:
    """All that the model may call. A session's action stays what it is when a tool of the same name comes up later."""
    own = {action.name: ToolSpec(action.name, action.description, action.parameters) for action in actions}
    return (*(spec for spec in specs if spec.name not in own), *own.values())


def _key(name: str, args: Model) -> str:
    return name + args.model_dump_json()


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
