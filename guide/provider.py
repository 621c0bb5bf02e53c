"""The guide that needs no key: a provider like any other, which says only what tools returned.

It keeps no state. A message is read as frames, and each frame has a script: a generator that yields calls, is sent what
came of them, and returns what to say. Each request holds the whole conversation; scripts are played from their start
with the results that are already there, and what they ask for next is the answer to the request.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence
from collections.abc import Set as AbstractSet

from errors import CatalogueError, UpstreamRejected
from guide.answering import script
from guide.dialogue import Dialogue, Done, Turn, remember
from guide.prompts import worded
from guide.reading import read
from guide.scripts import Call, Calls, Scene, Script
from guide.wording import paragraphs, texts
from language.classifier import classifier
from language.frame import Frame
from movies.linking import Linker
from providers.base import ChatRequest, Delta, Finish, LastAnswer, TextDelta, ToolRequest, Usage
from providers.prompts import AUXILIARY

NAME, MODEL = "offline", "offline-guide"
CHARS_PER_TOKEN = 4
MAX_CALLS = 12
READ_AT_ONCE, MOST_READ = 1_000, 6_000
"""Characters of a message up to which reading holds nobody up, so that no thread is needed; and read at all."""
_WORDS = re.compile(r"\s*\S+|\s+$")


class OfflineGuide:
    """Answers without a language model."""

    name = NAME
    default_model = MODEL
    last_answer: LastAnswer | None = None
    reads_prompt = False

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
        calls, text = await _step(request)
        for call in calls:
            yield call
        for word in _WORDS.findall(text):
            yield TextDelta(word)
        told = len(text) + sum(len(call.arguments) for call in calls)
        usage = Usage(_tokens(sum(len(message.content) for message in request.messages)), _tokens(told), estimated=True)
        yield Finish("tool_calls" if calls else "stop", usage)

    def prepare(self) -> None:
        """Begin to learn, in a thread, what the first answer needs."""
        asyncio.get_running_loop().run_in_executor(None, classifier)

    async def close(self) -> None:
        """Nothing is held open."""


def _tokens(characters: int) -> int:
    return -(-characters // CHARS_PER_TOKEN)


async def _step(request: ChatRequest) -> tuple[Sequence[ToolRequest], str]:
    """The calls to make next; where none is left, what to say."""
    dialogue, turn = remember(request.messages)
    if not request.tools and turn.text.startswith(AUXILIARY):
        return [], "{}"  # which is read as JSON: who asks has titles of its own, too
    if not request.tools and not turn.done:
        return [], (request.prompt and worded(request.prompt)) or texts().say["no_prose"][0]
    try:
        frames = await _read(request, dialogue, turn.text[:MOST_READ])
    except CatalogueError:
        return [], texts().say["unreadable"][0]
    info, offered = request.snapshot.info if request.snapshot else None, {tool.name for tool in request.tools}
    acts = [frame.act for frame in frames]
    scenes = (
        Scene(each, dialogue, (*acts[:at], *acts[at + 1 :]), info, tuple(frames)) for at, each in enumerate(frames)
    )
    played = [_play(script(scene), turn, offered) for scene in scenes]
    open_ = {json.dumps([call.name, call.args]): call for part in played if not isinstance(part, str) for call in part}
    if open_:
        made = len(turn.done)
        named = enumerate(list(open_.values())[: MAX_CALLS - made], made + 1)
        return [_request(f"call_{dialogue.seed + 1}_{place}", call) for place, call in named], ""
    foreign = texts().languages.get(frames[0].language, "")
    cut = texts().say["too_long"][0].format(most=MOST_READ) if len(turn.text) > MOST_READ else ""
    said = paragraphs([foreign, cut, *(part for part in played if isinstance(part, str))])
    return [], said or texts().say["failed"][0]


async def _read(request: ChatRequest, dialogue: Dialogue, text: str) -> list[Frame]:
    linker = await request.snapshot.linker() if request.snapshot else Linker.build([], [], [])
    if not classifier.cache_info().currsize:
        await asyncio.to_thread(classifier)
    if len(text) > READ_AT_ONCE:
        return await asyncio.to_thread(read, text, dialogue, linker)
    return read(text, dialogue, linker)


def _request(call_id: str, call: Call) -> ToolRequest:
    return ToolRequest(call_id, call.name, json.dumps(call.args, ensure_ascii=False))


def _play(told: Script, turn: Turn, offered: AbstractSet[str]) -> Calls | str:
    """Run a script over the results that are there: its words, or the calls that are still open."""
    try:
        calls = next(told)
        while True:
            dones = [(call, _result(call, turn, offered)) for call in calls]
            if missing := tuple(call for call, done in dones if done is None):
                told.close()
                return missing
            calls = told.send(tuple(done for _, done in dones if done is not None))
    except StopIteration as ended:
        return str(ended.value)


def _result(call: Call, turn: Turn, offered: AbstractSet[str]) -> Done | None:
    """The result of a call, an error for one that cannot be made, None where it is still to be made."""
    found = next((done for done in turn.done if (done.name, done.args) == (call.name, call.args)), None)
    if found is None and (call.name not in offered or len(turn.done) >= MAX_CALLS):
        return Done(call.name, call.args, error=texts().say["no_look_up"][0])
    return found
