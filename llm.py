"""The loop of an answer: stream a completion, run the tools it calls, and again, until it needs none.

`python llm.py "prompt"` runs it in a terminal (commands/llm.py). One model request is a provider's: providers/, guide/.
"""

from __future__ import annotations

import runpy
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

from loguru import logger

from errors import (
    ContentFiltered,
    ContextTooLong,
    InvalidOutput,
    OutputTruncated,
    RunFailed,
    StepLimit,
    UpstreamUnavailable,
)
from providers.base import ChatMessage, ChatRequest, Finish, Provider, ReasoningDelta, TextDelta, ToolRequest, Usage
from providers.conversation import Conversation, estimate_tokens, message_tokens, tool_tokens
from providers.prompts import REPAIR
from schemas import Action, ReasoningDeltaEvent, ResponseFormat, TextDeltaEvent
from storage.records import new_id
from tools.calls import CallEvent, Calls, DocumentCheck, callable_in
from tools.registry import Toolbox


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one answer: model requests, attempts to mend what is invalid, tokens of context."""

    max_steps: int
    max_repairs: int
    context_tokens: int


@dataclass(frozen=True, slots=True)
class StepEnded:
    """One model request is over. `note`: what is odd about its answer."""

    note: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of the answer; always the last."""

    status: Literal["completed", "requires_action"]


ClaimCheck = Callable[[str], Awaitable[str | None]]  # the claims of a text that nothing supports, if any
ReplyEvent = TextDeltaEvent | ReasoningDeltaEvent | CallEvent | StepEnded | Outcome


@dataclass(slots=True)
class _Step:
    """The yield of one model request."""

    message_id: str
    text: list[str] = field(default_factory=list)
    calls: list[ToolRequest] = field(default_factory=list)
    finish: Finish | None = None
    thoughts: list[str] = field(default_factory=list)

    @property
    def started(self) -> bool:
        return bool(self.text or self.calls or self.thoughts)


class Reply:
    """One answer to the last message of a conversation.

    With `claims_of` its text is held back until that finds nothing, or it was mended once; so is a structured one.
    """

    def __init__(
        self,
        conversation: Conversation,
        *,
        provider: Provider,
        model: str,
        toolbox: Toolbox,
        limits: Limits,
        problem_of: DocumentCheck,
        claims_of: ClaimCheck | None = None,
        actions: Sequence[Action] = (),
        response_format: ResponseFormat | None = None,
    ) -> None:
        self._conversation = conversation
        self._provider = provider
        self._model = model
        self._toolbox = toolbox
        self._limits = limits
        self._problem_of = problem_of
        self._claims_of = claims_of
        self._actions = {action.name: action for action in actions}
        self._tools = callable_in(toolbox, self._actions)
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
                        event = self._event(step, delta)
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
            snapshot=self._toolbox.snapshot,
        )

    def _event(self, step: _Step, delta: object) -> ReplyEvent | None:
        """Note a delta; the event that it is at once, if any."""
        match delta:
            case TextDelta(text):
                step.text.append(text)
                return None if self._held_back else TextDeltaEvent(message_id=step.message_id, delta=text)
            case ReasoningDelta(text):
                step.thoughts.append(text)
                return ReasoningDeltaEvent(message_id=step.message_id, delta=text)
            case ToolRequest():
                step.calls.append(self._with_own_id(delta))
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
        """The events after a whole completion: of its calls, a repair, or the end."""
        text = "".join(step.text)
        if step.calls:
            if text and self._held_back:
                yield TextDeltaEvent(message_id=step.message_id, delta=text)
            calls = Calls(step.message_id, step.calls)
            async for event in calls.events(self._toolbox, self._actions, self._problem_of):
                yield event
            self._conversation.add(ChatMessage("assistant", text, calls.sent_back), *calls.answers)
            if calls.handed_over:
                yield Outcome("requires_action")
            elif (why := calls.refusal) is not None:
                if self._repairs >= self._limits.max_repairs:
                    raise InvalidOutput(f"The action's arguments are not valid after {self._repairs} repairs. {why}")
                self._repairs += 1
            return
        problem = await self._problem(text)
        if (mend := await self._mend(text, problem)) is not None:
            self._conversation.add(ChatMessage("assistant", text), ChatMessage("user", mend))
            return
        if self._held_back:
            yield TextDeltaEvent(message_id=step.message_id, delta=text)
        if problem is not None:
            raise InvalidOutput(f"The answer is not valid after {self._repairs} repairs. {problem}")
        yield Outcome("completed")

    @property
    def _held_back(self) -> bool:
        """True where no text is shown before it was checked."""
        return self._response_format is not None or self._claims_of is not None

    async def _mend(self, text: str, problem: str | None) -> str | None:
        """The words that ask for another answer; None where this one stands, or enough were asked for."""
        if problem is not None:
            if self._repairs >= self._limits.max_repairs:
                return None
            self._repairs += 1
            return REPAIR.format(problem=problem)
        if self._claims_of is None or self._response_format is not None:
            return None
        claims_of, self._claims_of = self._claims_of, None  # it is mended once; the next one is marked
        return await claims_of(text)

    async def _problem(self, text: str) -> str | None:
        """The flaw of a structured answer; None where it is valid, or where any text will do."""
        if self._response_format is None:
            return None
        return await self._problem_of(self._response_format.json_schema.json_schema, text)


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
    said = "".join(step.thoughts + step.text) + "".join(call.name + call.arguments for call in step.calls)
    sent = sum(map(message_tokens, request.messages)) + sum(map(tool_tokens, request.tools))
    if request.response_format is not None:
        sent += estimate_tokens(request.response_format.model_dump_json(by_alias=True))
    return Usage(sent, estimate_tokens(said), estimated=True)


def _note(step: _Step) -> str | None:
    """A remark for the client on a completion that is taken as whole."""
    if step.finish is None or step.finish.unknown_reason is None:
        return None
    return f"The provider ended the answer with an unknown finish_reason, '{step.finish.unknown_reason}'."


if __name__ == "__main__":
    runpy.run_module("commands.llm", run_name="__main__")  # it stands above this module: started, not imported
