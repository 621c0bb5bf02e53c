"""The guide that needs no key: a provider like any other, which says only what tools returned.

It keeps no state. A message is read as frames, and each frame has a script: a generator that yields calls, is sent what
came of them, and returns what to say. Each request holds the whole conversation; scripts are played from their start
with the results that are already there, and what they ask for next is the answer to the request.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

from errors import UpstreamRejected
from guide.answering import script
from guide.dialogue import Dialogue, Done, Turn, remember
from guide.frame import Frame
from guide.prompts import worded
from guide.reading import read
from guide.scripts import Call, Calls, Scene, Script
from guide.wording import paragraphs, texts
from movies.linking import Linker
from movies.models import CatalogueInfo
from providers.base import ChatRequest, Delta, Finish, TextDelta, ToolRequest, Usage

NAME, MODEL = "offline", "offline-guide"
CHARS_PER_TOKEN = 4
MAX_CALLS = 12
READ_AT_ONCE = 2_000
"""Characters of a message up to which reading holds nobody up; longer ones are read in a thread."""
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
            raise UpstreamRejected(texts().say["no_structure"][0])
        step = await _step(request)
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


async def _step(request: ChatRequest) -> Step:
    dialogue, turn = remember(request.messages)
    if not request.tools and not turn.done:
        return Step(text=(request.prompt and worded(request.prompt)) or texts().say["no_prose"][0])
    frames = await _read(request, dialogue, turn.text)
    results = _Results(turn, frozenset(tool.name for tool in request.tools))
    info = request.snapshot.info if request.snapshot else None
    played = [_play(each, results) for each in _scripts(frames, dialogue, info)]
    calls = {json.dumps([call.name, call.args]): call for part in played if not isinstance(part, str) for call in part}
    if calls:
        wanted = list(calls.values())[: MAX_CALLS - len(turn.done)]
        return Step(calls=tuple(_requests(wanted, dialogue.seed + 1, len(turn.done))))
    foreign = texts().languages.get(frames[0].language, "") if frames else ""
    said = paragraphs([foreign, *(part for part in played if isinstance(part, str))])
    return Step(text=said or texts().say["failed"][0])


async def _read(request: ChatRequest, dialogue: Dialogue, text: str) -> list[Frame]:
    linker = await request.snapshot.linker() if request.snapshot else Linker.build([], [], [])
    if len(text) > READ_AT_ONCE:
        return await asyncio.to_thread(read, text, dialogue, linker)
    return read(text, dialogue, linker)


def _scripts(frames: list[Frame], dialogue: Dialogue, info: CatalogueInfo | None) -> Iterable[Script]:
    for place, frame in enumerate(frames):
        beside = tuple(other.act for other in (*frames[:place], *frames[place + 1 :]))
        yield script(Scene(frame, dialogue, beside, info))


@dataclass(frozen=True, slots=True)
class _Results:
    """The results of this turn's calls so far."""

    turn: Turn
    available: frozenset[str]

    def take(self, call: Call) -> Done | None:
        """The result of a call, an error for one that cannot be made, None where it is still to be made."""
        same = (done for done in self.turn.done if done.name == call.name and done.args == call.args)
        if found := next(same, None):
            return found
        if call.name not in self.available or len(self.turn.done) >= MAX_CALLS:
            return Done(call.name, call.args, error=texts().say["no_look_up"][0])
        return None


def _play(told: Script, results: _Results) -> Calls | str:
    """Run a script over the results that are there: its words, or the calls that are still open."""
    try:
        calls = next(told)
        while True:
            dones = [(call, results.take(call)) for call in calls]
            if missing := tuple(call for call, done in dones if done is None):
                break
            calls = told.send(tuple(done for _, done in dones if done is not None))
    except StopIteration as ended:
        return str(ended.value)
    told.close()
    return missing


def _requests(calls: Iterable[Call], turn: int, made: int) -> Iterable[ToolRequest]:
    for place, call in enumerate(calls, made + 1):
        yield ToolRequest(f"call_{turn}_{place}", call.name, json.dumps(call.args, ensure_ascii=False))


def _usage(request: ChatRequest, step: Step) -> Usage:
    read_ = sum(len(message.content) for message in request.messages)
    said = len(step.text) + sum(len(call.arguments) for call in step.calls)
    return Usage(-(-read_ // CHARS_PER_TOKEN), -(-said // CHARS_PER_TOKEN), estimated=True)
