"""The guide that needs no key: a provider like any other, which reads by rules and says only what tools returned.

It keeps no state. An intent has a script: a generator that yields calls, is sent what came of each, and returns what to
say. Each request holds the whole conversation; scripts are played from their start with the results that are already
there, and what they ask for next is the answer to the request.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field

from errors import UpstreamRejected
from guide import lists, scripts, wording
from guide.memory import Done, Intent, Memory, Turn, remember
from guide.prompts import worded
from guide.scripts import Call, Scene, Script
from guide.understanding import understand
from providers.base import ChatRequest, Delta, Finish, TextDelta, ToolRequest, Usage

NAME, MODEL = "offline", "offline-guide"
CHARS_PER_TOKEN = 4
MAX_CALLS = 12
_WORDS = re.compile(r"\s*\S+|\s+$")


class OfflineGuide:
    """Answers without a language model."""

    name = NAME
    default_model = MODEL

    async def models(self) -> list[str]:
        """The one model on offer."""
        return [MODEL]

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Answer one request.

        Raises:
            UpstreamRejected: A structured reply was asked for.
        """
        if request.response_format is not None:
            raise UpstreamRejected(wording.NO_STRUCTURE)
        step = _step(request)
        for call in step.calls:
            yield call
        for word in _WORDS.findall(step.text):
            yield TextDelta(word)
        yield Finish("tool_calls" if step.calls else "stop", _usage(request, step))

    async def close(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True, slots=True)
class Step:
    """The answer to one request: calls to make, or the text."""

    calls: tuple[ToolRequest, ...] = ()
    text: str = ""


def _step(request: ChatRequest) -> Step:
    if not request.tools:
        return Step(text=(request.prompt and worded(request.prompt)) or wording.NO_PROSE)
    memory, turn = remember(request.messages)
    results = _Results(turn, frozenset(tool.name for tool in request.tools))
    played = [_play(_script(intent, memory), results) for intent in understand(turn.text, memory)]
    if wanted := [part for part in played if isinstance(part, Call)]:
        return Step(calls=tuple(_requests(wanted, memory.seed + 1, len(turn.done))))
    return Step(text=wording.paragraphs(dict.fromkeys(part for part in played if isinstance(part, str))))


@dataclass(slots=True)
class _Results:
    """The results of this turn's calls so far; each is handed out once, to the call it answers."""

    turn: Turn
    available: frozenset[str]
    used: set[int] = field(default_factory=set)

    def take(self, call: Call) -> Done | None:
        """The result of a call, an error for a tool that is not on offer, None where it is still to be made."""
        if call.name not in self.available or len(self.turn.done) >= MAX_CALLS:
            return Done(call.name, call.args, error="I can't look that up here.")
        for index, done in enumerate(self.turn.done):
            if index not in self.used and done.name == call.name and done.args == call.args:
                self.used.add(index)
                return done
        return None


def _play(dialogue: Script, results: _Results) -> Call | str:
    """Run a script over the results that are there: its words, or the first call that is still open."""
    try:
        call = next(dialogue)
        while (done := results.take(call)) is not None:
            call = dialogue.send(done)
    except StopIteration as ended:
        return str(ended.value)
    dialogue.close()
    return call


def _requests(calls: Iterable[Call], turn: int, made: int) -> Iterable[ToolRequest]:
    for place, call in enumerate(calls, made + 1):
        yield ToolRequest(f"call_{turn}_{place}", call.name, json.dumps(call.args, ensure_ascii=False))


def _usage(request: ChatRequest, step: Step) -> Usage:
    read = sum(len(message.content) for message in request.messages)
    said = len(step.text) + sum(len(call.arguments) for call in step.calls)
    return Usage(-(-read // CHARS_PER_TOKEN), -(-said // CHARS_PER_TOKEN), estimated=True)


def _script(intent: Intent, memory: Memory) -> Script:
    """The script for an intent; kinds without one of their own are fixed texts."""
    return _SCRIPTS.get(intent.kind, scripts.say_text)(Scene(intent, memory))


_SCRIPTS: dict[str, Callable[[Scene], Script]] = {
    "repeat": scripts.repeat,
    "recommend": lists.recommend,
    "unsure": lists.unsure,
    "none": lists.none_of_them,
    "likes": lists.likes,
    "similar": lists.similar,
    "popular": lists.popular,
    "group": lists.group,
    "more": lists.more,
    "refine": lists.refine,
    "seen": lists.seen,
    "why": lists.why,
    "meant": lists.meant,
    "details": scripts.details,
    "rated": scripts.rated,
    "lately": scripts.lately,
    "fact": scripts.fact,
    "trait": scripts.trait,
    "compare": scripts.compare,
    "lookup": lists.lookup,
    "rate": scripts.rate,
    "ratings": scripts.ratings,
    "taste": scripts.taste,
    "predict": scripts.predict,
}
