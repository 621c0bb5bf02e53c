"""The loop of an answer: stream a completion, run the tools it calls, and again, until it needs none.

`python llm.py "prompt"` runs it in a terminal (commands/llm.py). One model request is a provider's: providers/, guide/.
"""

from __future__ import annotations

import runpy
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal

from errors import (
    ContentFiltered,
    ContextTooLong,
    InvalidOutput,
    NothingCame,
    OutputTruncated,
    ParameterRefused,
    RunFailed,
    StepLimit,
    UpstreamUnavailable,
)
from providers.base import (
    AS_IT_COMES,
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
from providers.contexts import LEAST_CONTEXT, Contexts, full_context, request_tokens, shorter, tokens_read
from providers.conversation import Conversation, estimate_tokens, tool_tokens
from providers.prompts import CLOSING, REPAIR
from schemas import Action, ReasoningDeltaEvent, ResponseFormat, Sampling, TextDeltaEvent
from storage.records import new_id
from tools.calls import CallEvent, Calls, DocumentCheck, Earlier
from tools.registry import Toolbox

_CUT = (
    "The server of {model} read {left:,} of the about {sent:,} tokens of a request and cut the rest without a word, "
    "so that its answer may miss what was said before."
)
_FULL = "An answer of {model} was cut off, since it filled the {left:,} tokens of context that its server gives."
_ASKED_AGAIN = " The model was asked again with less."


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one answer: model requests, attempts to mend what is invalid."""

    max_steps: int
    max_repairs: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A system prompt and the tools that it speaks of: all that a model is told."""

    system: str
    tools: tuple[ToolSpec, ...]

    def room(self, context: int) -> int:
        """The tokens of a context that are left for messages."""
        return context - sum(map(tool_tokens, self.tools))


@dataclass(frozen=True, slots=True)
class Offers:
    """All tools, or those for a small context."""

    full: Offer
    small: Offer

    def choose(self, *, small: bool) -> Offer:
        return self.small if small else self.full


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
    """The yield of one model request.

    `closing`: it is made without tools, so that the answer comes to an end; `held_back`: its text is not shown yet.
    """

    message_id: str
    closing: bool
    held_back: bool
    text: list[str] = field(default_factory=list)
    calls: list[ToolRequest] = field(default_factory=list)
    finish: Finish | None = None
    thoughts: list[str] = field(default_factory=list)
    note: str | None = None

    @property
    def started(self) -> bool:
        return bool(self.text or self.calls or self.thoughts)

    @property
    def is_shown(self) -> bool:
        return bool(self.thoughts or (self.text and not self.held_back))

    @property
    def to_run(self) -> list[ToolRequest]:
        return [] if self.closing else self.calls

    @property
    def is_empty(self) -> bool:
        """True for a regular end with nothing before it."""
        return self.finish is not None and self.finish.reason == "stop" and not self.started

    def clear(self) -> None:
        """Begin anew; what was remarked stays."""
        self.text, self.calls, self.thoughts, self.finish = [], [], [], None


class Reply:
    """One answer to the last message of a conversation.

    With `claims_of` its text is held back until that finds nothing, or it was mended once; so is a structured one. Text
    before tool calls is left out where that finds something: the model says it again when it has looked it up.
    """

    def __init__(
        self,
        conversation: Conversation,
        *,
        provider: Provider,
        model: str,
        toolbox: Toolbox,
        offers: Offers,
        contexts: Contexts,
        limits: Limits,
        problem_of: DocumentCheck,
        claims_of: ClaimCheck | None = None,
        actions: Sequence[Action] = (),
        response_format: ResponseFormat | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        self._conversation = conversation
        self._provider = provider
        self._model = model
        self._toolbox = toolbox
        self._offers = offers
        self._contexts = contexts
        self._limits = limits
        self._problem_of = problem_of
        self._claims_of = claims_of
        self._actions = {action.name: action for action in actions}
        self._response_format = response_format
        self._sampling = sampling or AS_IT_COMES
        self._fit(contexts.tokens(model))
        self._repairs, self._mended = 0, False
        self._earlier = Earlier()
        self._refused = self._came_empty = False
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
        for number in range(1, self._limits.max_steps + 1):
            closing = self._earlier.hopeless or 1 < number == self._limits.max_steps
            step = _Step(new_id("msg"), closing, held_back=self._held_back)
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
        """One model request; one with less in it where that turns out to be too long and nothing is shown yet."""
        while True:
            request = self._chat_request(step)
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
                if step.started or not self._shrinks_after(error, step, request):
                    raise _at_the_end(error, step) from None
            else:
                self._spent, self._open = self.usage, None
                if not self._shrinks_after_answer(step, request):
                    yield StepEnded(_note(step))
                    return
                step.clear()

    def _shrinks_after(self, error: RunFailed, step: _Step, request: ChatRequest) -> bool:
        """True where a shorter request is to follow a failure: of one too long, or of one that nothing came to."""
        if isinstance(error, ContextTooLong):
            self._refused = True
            return self._shrink(step, request, error.limit)
        return isinstance(error, NothingCame) and self._shrinks_after_nothing(step, request)

    def _shrinks_after_nothing(self, step: _Step, request: ChatRequest) -> bool:
        """The same for an empty answer, with which llama-cpp-python refuses what is too long."""
        self._came_empty = True
        return request_tokens(request) > LEAST_CONTEXT and self._shrink(step, request)

    def _shrinks_after_answer(self, step: _Step, request: ChatRequest) -> bool:
        """True where a shorter request is to follow an answer: one to a request that was cut, or an empty one."""
        if (cut := _cut(step, request)) is not None:
            left, words = cut
            again = self._shrink(step, request, left) and not step.is_shown
            self._contexts.cut(self._model, self._context, words)
            step.note = words + (_ASKED_AGAIN if again else "")
            return again
        if step.is_empty:
            return self._shrinks_after_nothing(step, request)
        self._contexts.answered(self._model, self._context, refused=self._refused, came_empty=self._came_empty)
        self._refused = self._came_empty = False
        return False

    def _shrink(self, step: _Step, request: ChatRequest, limit: int | None = None) -> bool:
        """Take a smaller context from now on; False where the request stays as it was even so."""
        self._fit(min(self._context, shorter(request_tokens(request), limit)))
        return self._chat_request(step) != request

    def _fit(self, context: int) -> None:
        """Choose what the model is offered, and how much of the conversation it is sent, by its context in tokens."""
        self._context = context
        self._offer = self._offers.choose(small=self._contexts.is_small(context))
        self._room = self._offer.room(context)
        self._conversation.system = self._offer.system

    def _chat_request(self, step: _Step) -> ChatRequest:
        messages = self._conversation.within(self._room)
        if step.closing:
            messages = (replace(messages[0], content=messages[0].content + CLOSING), *messages[1:])
        return ChatRequest(
            model=self._model,
            messages=messages,
            tools=() if step.closing else self._offer.tools,
            response_format=self._response_format,
            sampling=self._sampling,
            snapshot=self._toolbox.snapshot,
        )

    def _event(self, step: _Step, delta: object) -> ReplyEvent | None:
        """Note a delta; the event that it is at once, if any."""
        match delta:
            case TextDelta(text):
                step.text.append(text)
                return None if step.held_back else TextDeltaEvent(message_id=step.message_id, delta=text)
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
        if step.to_run:
            text = "" if await self._claims(text) is not None else text
            if text and step.held_back:
                yield TextDeltaEvent(message_id=step.message_id, delta=text)
            calls = Calls(step.message_id, step.to_run)
            async for event in calls.events(self._toolbox, self._earlier, self._actions, self._problem_of):
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
        if (mend := await self._mend(step, text, problem)) is not None:
            self._conversation.add(ChatMessage("assistant", text), ChatMessage("user", mend))
            return
        if step.held_back:
            yield TextDeltaEvent(message_id=step.message_id, delta=text)
        if problem is not None:
            raise InvalidOutput(f"The answer is not valid after {self._repairs} repairs. {problem}")
        yield Outcome("completed")

    @property
    def _held_back(self) -> bool:
        """True where no text is shown before it was checked."""
        return self._response_format is not None or self._claims_of is not None

    async def _mend(self, step: _Step, text: str, problem: str | None) -> str | None:
        """The words that ask for another answer; None where this one stands, or enough were asked for."""
        if problem is not None:
            if self._repairs >= self._limits.max_repairs:
                return None
            self._repairs += 1
            return REPAIR.format(problem=problem)
        if self._mended or step.closing or self._limits.max_steps == 1:
            return None
        self._mended = True  # once; the next one is marked
        return await self._claims(text)

    async def _claims(self, text: str) -> str | None:
        """The claims of a text that nothing supports; None where there are none, or nobody asks."""
        if self._claims_of is None or self._response_format is not None or not text:
            return None
        return await self._claims_of(text)

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
        case _ if not step.to_run and not "".join(step.text).strip():
            raise _at_the_end(UpstreamUnavailable("The model gave an empty answer."), step)


def _cut(step: _Step, request: ChatRequest) -> tuple[int, str] | None:
    """The context in which a request or its answer was cut, and words for it; None where neither was."""
    if step.finish is None:
        return None
    read, full = tokens_read(request, step.finish.usage), full_context(step.finish)
    if (left := read or full) is None:
        return None
    return left, (_CUT if read else _FULL).format(model=request.model, left=left, sent=request_tokens(request))


def _at_the_end(error: RunFailed, step: _Step) -> RunFailed:
    """The error, or that of a model that gives no answer without tools, or whose endpoint refuses to."""
    no_answer = isinstance(error, ParameterRefused) or step.finish is not None
    return StepLimit() if step.closing and no_answer else error


def _usage(step: _Step, request: ChatRequest) -> Usage:
    """The provider's count, or our estimate."""
    if step.finish is not None and step.finish.usage is not None:
        return step.finish.usage
    said = "".join(step.thoughts + step.text) + "".join(call.name + call.arguments for call in step.calls)
    sent = request_tokens(request)
    if request.response_format is not None:
        sent += estimate_tokens(request.response_format.model_dump_json(by_alias=True))
    return Usage(sent, estimate_tokens(said), estimated=True)


def _note(step: _Step) -> str | None:
    """A remark for the client on a completion that is taken as whole."""
    if step.finish is None or step.finish.unknown_reason is None:
        return step.note
    unknown = f"The provider ended the answer with an unknown finish_reason, '{step.finish.unknown_reason}'."
    return f"{step.note} {unknown}" if step.note else unknown


if __name__ == "__main__":
    runpy.run_module("commands.llm", run_name="__main__")  # it stands above this module: started, not imported
