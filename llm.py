"""The loop of an answer: stream a completion, run the tools it calls, and again, until it needs none.

`python llm.py "prompt"` runs it in a terminal (commands/llm.py). One model request is a provider's: providers/, guide/.
"""

from __future__ import annotations

import runpy
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from loguru import logger
from pydantic import JsonValue

from errors import (
    ContentFiltered,
    ContextTooLong,
    InvalidOutput,
    OutputTruncated,
    RunFailed,
    StepLimit,
    ToolError,
    UpstreamUnavailable,
)
from movies.models import Model
from providers.base import (
    ChatMessage,
    ChatRequest,
    Finish,
    Provider,
    ReasoningDelta,
    TextDelta,
    ToolRequest,
    ToolSpec,
    Usage,
)
from providers.conversation import Conversation, estimate_tokens, message_tokens, tool_content, tool_tokens
from providers.prompts import REPAIR
from schemas import (
    Action,
    ActionCallEvent,
    ReasoningDeltaEvent,
    ResponseFormat,
    TextDeltaEvent,
    ToolCallEvent,
    ToolResultEvent,
)
from storage.records import new_id
from tools.registry import Toolbox, find_tool, parse_arguments

DocumentCheck = Callable[[JsonValue, str], Awaitable[str | None]]  # a schema and a text: what is wrong, if anything


@dataclass(frozen=True, slots=True)
class Limits:
    """How far one answer may go: model requests, attempts to mend what is invalid, tokens of context."""

    max_steps: int
    max_repairs: int
    context_tokens: int


@dataclass(frozen=True, slots=True)
class StepEnded:
    """One model request is over. `note`: what is odd about its answer."""

    note: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the answer ended; always the last."""

    status: Literal["completed", "requires_action"]


ReplyEvent = (
    TextDeltaEvent | ReasoningDeltaEvent | ToolCallEvent | ToolResultEvent | ActionCallEvent | StepEnded | Outcome
)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that the model asks for. `arguments`: as the JSON object that they are; `flaw`: why they are none."""

    asked: ToolRequest
    arguments: dict[str, JsonValue]
    flaw: ToolError | None = None


@dataclass(slots=True)
class _Step:
    """What one model request brought, and what its calls were answered."""

    message_id: str
    text: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    finish: Finish | None = None
    thoughts: list[str] = field(default_factory=list)
    answers: list[ChatMessage] = field(default_factory=list)

    @property
    def started(self) -> bool:
        return bool(self.text or self.calls or self.thoughts)

    def answer(self, call: _Call, content: str) -> None:
        """Note what the model is to read of a call's outcome."""
        self.answers.append(ChatMessage("tool", content, call_id=call.asked.call_id))


class Reply:
    """One answer to the last message of a conversation."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        provider: Provider,
        model: str,
        toolbox: Toolbox,
        limits: Limits,
        problem_of: DocumentCheck,
        actions: Sequence[Action] = (),
        response_format: ResponseFormat | None = None,
    ) -> None:
        self._conversation = conversation
        self._provider = provider
        self._model = model
        self._toolbox = toolbox
        self._limits = limits
        self._problem_of = problem_of
        self._actions = {action.name: action for action in actions}
        self._tools = _tools(toolbox.specs, actions)
        self._response_format = response_format
        self._budget = limits.context_tokens - sum(map(tool_tokens, self._tools))
        self._repairs = 0
        self._call_ids = conversation.call_ids
        self._spent: Usage | None = None
        self._open: tuple[_Step, ChatRequest] | None = None

    @property
    def usage(self) -> Usage | None:
        """Tokens of all model requests so far; of one that is cut short, an estimate."""
        if self._open is None:
            return self._spent
        usage = _usage(*self._open)
        return self._spent + usage if self._spent else usage

    async def events(self) -> AsyncGenerator[ReplyEvent, None]:
        """Stream the answer; an `Outcome` is the last event.

        Raises:
            RunFailed: The answer could not be finished; what was yielded before stands.
        """
        for _ in range(self._limits.max_steps):
            step = _Step(new_id("msg"))
            async with aclosing(self._request(step)) as events:
                async for event in events:
                    yield event
            _check_finish(step)
            ended = False
            async with aclosing(self._after(step)) as events:
                async for event in events:
                    yield event
                    ended = isinstance(event, Outcome)
            if ended:
                return
        raise StepLimit

    async def _request(self, step: _Step) -> AsyncGenerator[ReplyEvent, None]:
        """One model request; a context that is too long is trimmed once and tried again."""
        for attempt in (1, 2):
            request = self._chat_request()
            self._open = (step, request)
            try:
                async with aclosing(self._provider.stream(request)) as deltas:
                    async for delta in deltas:
                        event = self._take(step, delta)
                        if event is not None:
                            yield event
            except RunFailed as error:
                if not step.started:
                    self._open = None  # refused, or never reached: nothing to pay for
                if not isinstance(error, ContextTooLong):
                    raise
                sent = sum(map(message_tokens, request.messages))
                self._budget = min(self._budget, sent) // 2
                if attempt == 2 or step.started or self._chat_request() == request:
                    raise
                logger.info("The context was too long; trimmed to {} tokens", self._budget)
            else:
                self._spent, self._open = self.usage, None
                yield StepEnded(_note(step))
                return

    def _chat_request(self) -> ChatRequest:
        return ChatRequest(
            model=self._model,
            messages=self._conversation.within(self._budget),
            tools=self._tools,
            response_format=self._response_format,
        )

    def _take(self, step: _Step, delta: object) -> ReplyEvent | None:
        """Note a delta; the event that it is at once, if any. A structured answer is held back until it is valid."""
        match delta:
            case TextDelta(text):
                step.text.append(text)
                return None if self._response_format else TextDeltaEvent(message_id=step.message_id, delta=text)
            case ReasoningDelta(text):
                step.thoughts.append(text)
                return ReasoningDeltaEvent(message_id=step.message_id, delta=text)
            case ToolRequest():
                step.calls.append(_parsed(self._with_own_id(delta)))
            case Finish():
                step.finish = delta
        return None

    def _with_own_id(self, call: ToolRequest) -> ToolRequest:
        """Some providers number calls from zero in every step; an id must be the only one of its exchange."""
        if call.call_id in self._call_ids:
            call = ToolRequest(new_id("call"), call.name, call.arguments, call.extra)
        self._call_ids.add(call.call_id)
        return call

    async def _after(self, step: _Step) -> AsyncGenerator[ReplyEvent, None]:
        """What follows a whole completion: its tool calls, a repair, or the end."""
        text = "".join(step.text)
        if step.calls:
            if text and self._response_format:
                yield TextDeltaEvent(message_id=step.message_id, delta=text)
            async for event in self._run_calls(step, text):
                yield event
            return
        problem = await self._problem(text)
        if problem is None or self._repairs >= self._limits.max_repairs:
            if self._response_format:
                yield TextDeltaEvent(message_id=step.message_id, delta=text)
            if problem is not None:
                raise InvalidOutput(f"The answer is not valid after {self._repairs} repairs. {problem}")
            yield Outcome("completed")
            return
        self._repairs += 1
        self._conversation.add(ChatMessage("assistant", text), ChatMessage("user", REPAIR.format(problem=problem)))

    async def _problem(self, text: str) -> str | None:
        """Why a structured answer is not valid; None where it is, or where any text will do."""
        if self._response_format is None:
            return None
        return await self._problem_of(self._response_format.json_schema.json_schema, text)

    # Calls

    async def _run_calls(self, step: _Step, text: str) -> AsyncGenerator[ReplyEvent, None]:
        """Run the tools in order; hand actions to the client, if all of the step's are valid."""
        requested = [call for call in step.calls if call.asked.name in self._actions]
        refusals = await self._refusals(requested)
        accepted: list[ActionCallEvent] = []
        for call in step.calls:
            if call in requested and not refusals:
                accepted.append(ActionCallEvent(**_named(step, call), arguments=call.arguments))
                continue
            async for event in self._run_call(step, call, refusals.get(call.asked.call_id)):
                yield event
        for action in accepted:
            yield action
        if accepted:
            yield Outcome("requires_action")
        elif refusals:
            self._count_repair(refusals)
        self._conversation.add(ChatMessage("assistant", text, tuple(map(_sent_back, step.calls))), *step.answers)

    async def _run_call(
        self, step: _Step, call: _Call, refusal: str | None
    ) -> AsyncGenerator[ToolCallEvent | ToolResultEvent, None]:
        """One tool call, from check to result; whatever goes wrong becomes a result that says what to mend."""
        answer = {"message_id": new_id("msg"), "call_id": call.asked.call_id, "name": call.asked.name}
        try:
            args = _checked(call, refusal)
        except ToolError as error:
            yield ToolCallEvent(**_named(step, call), error=str(error))
            step.answer(call, tool_content(None, str(error)))
            yield ToolResultEvent(**answer, ok=False, error=str(error))
            return
        yield ToolCallEvent(**_named(step, call), arguments=args.model_dump(mode="json", exclude_unset=True))
        try:
            result, content = await self._toolbox.run(call.asked.name, args)
        except ToolError as error:
            step.answer(call, tool_content(None, str(error)))
            yield ToolResultEvent(**answer, ok=False, error=str(error))
        else:
            step.answer(call, content)
            yield ToolResultEvent(**answer, ok=True, result=result)

    async def _refusals(self, requested: Sequence[_Call]) -> dict[str, str]:
        """Why the step's actions cannot be handed over, by call; empty where all can be."""
        wrong = {call.asked.call_id: why for call in requested if (why := await self._action_problem(call)) is not None}
        if not wrong:
            return {}
        others = "Not carried out, because another call was not valid. Call it again together with the mended one."
        return {call.asked.call_id: wrong.get(call.asked.call_id, others) for call in requested}

    async def _action_problem(self, call: _Call) -> str | None:
        """What is wrong with the arguments by the action's schema: checked as text, in another process."""
        return await self._problem_of(self._actions[call.asked.name].parameters, call.asked.arguments)

    def _count_repair(self, refusals: dict[str, str]) -> None:
        if self._repairs >= self._limits.max_repairs:
            why = next(iter(refusals.values()))
            raise InvalidOutput(f"The action's arguments are not valid after {self._repairs} repairs. {why}")
        self._repairs += 1


def _tools(specs: Iterable[ToolSpec], actions: Sequence[Action]) -> tuple[ToolSpec, ...]:
    """What the model may call. A session's action stays what it is when a tool of the same name comes up later."""
    names = {action.name for action in actions}
    own = [ToolSpec(action.name, action.description, action.parameters) for action in actions]
    return (*(spec for spec in specs if spec.name not in names), *own)


def _check_finish(step: _Step) -> None:
    """Raise where a completion came to an end that is not one of an answer."""
    match step.finish:
        case None:
            raise UpstreamUnavailable("The answer broke off before its end.")
        case Finish("length"):
            raise OutputTruncated
        case Finish("content_filter"):
            raise ContentFiltered
        case Finish("refusal"):
            raise ContentFiltered("The model refused to answer.")
        case _ if not step.calls and not "".join(step.text).strip():
            raise UpstreamUnavailable("The model gave an empty answer.")


def _usage(step: _Step, request: ChatRequest) -> Usage:
    """The provider's count, or our estimate."""
    if step.finish is not None and step.finish.usage is not None:
        return step.finish.usage
    said = "".join(step.thoughts + step.text) + "".join(call.asked.name + call.asked.arguments for call in step.calls)
    sent = sum(map(message_tokens, request.messages)) + sum(map(tool_tokens, request.tools))
    if request.response_format is not None:
        sent += estimate_tokens(request.response_format.model_dump_json(by_alias=True))
    return Usage(sent, estimate_tokens(said), estimated=True)


def _note(step: _Step) -> str | None:
    """What a client should know of a completion that is taken as whole."""
    if step.finish is None or step.finish.unknown_reason is None:
        return None
    return f"The provider ended the answer with an unknown finish_reason, '{step.finish.unknown_reason}'."


def _parsed(asked: ToolRequest) -> _Call:
    try:
        return _Call(asked, parse_arguments(asked.arguments))
    except ToolError as flaw:
        return _Call(asked, {}, flaw)


def _checked(call: _Call, refusal: str | None) -> Model:
    """The args of a call of a tool, or ToolError."""
    if refusal is not None:
        raise ToolError(refusal)
    tool = find_tool(call.asked.name)
    if call.flaw is not None:
        raise call.flaw
    return tool.check(call.arguments)


def _named(step: _Step, call: _Call) -> dict[str, Any]:
    """What every event of a call says of it."""
    asked = call.asked
    return {"message_id": step.message_id, "call_id": asked.call_id, "name": asked.name, "extra": asked.extra}


def _sent_back(call: _Call) -> ToolRequest:
    """The call as the model reads it again: some providers fail on arguments that are not a JSON object."""
    return replace(call.asked, arguments="{}") if call.flaw else call.asked


if __name__ == "__main__":
    runpy.run_module("commands.llm", run_name="__main__")  # it stands above this module: started, not imported
