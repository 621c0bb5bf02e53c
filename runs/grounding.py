"""The grounding of a run: the mentions of its messages, made at its end, and what a strict answer has to mend."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from loguru import logger

from errors import CatalogueError
from movies.library import Snapshot
from movies.linking import Linker
from providers.conversation import Conversation
from providers.prompts import UNSUPPORTED
from schemas import Grounding, Mention, Message, Run
from tools.grounding import Evidence, mentions, unsupported

LONG = 4_000  # characters from which a text is read in a thread
NAMED = 6  # unsupported mentions that the model is told of


@dataclass(frozen=True, slots=True)
class Grounder:
    """Reads with the linker of the run's data; `conversation` grows while the run goes on.

    `question`: the person's message; `stated`: words about the catalogue, which a model is told; `shown`: ids of the
    movies that lists of the session had before.
    """

    linker: Linker
    conversation: Conversation
    question: str
    stated: str
    shown: Sequence[int] = ()

    @classmethod
    async def begin(
        cls, snapshot: Snapshot, conversation: Conversation, question: str, shown: Sequence[int] = ()
    ) -> Grounder | None:
        """The grounder of a run; None where the catalogue cannot be read: the run goes on without."""
        try:
            return cls(await snapshot.linker(), conversation, question, snapshot.info.in_words, shown)
        except CatalogueError as error:
            logger.warning("No mentions are marked: {}", error)
            return None

    async def problem(self, text: str) -> str | None:
        """The claims of an answer that nothing supports, in words for the model; None where there are none."""
        [found] = await self._mentions(text)
        wrong = unsupported(found)[:NAMED]
        if not wrong:
            return None
        return UNSUPPORTED.format(claims="; ".join(map(_claim, wrong)))

    async def mark(self, run: Run, messages: Sequence[Message]) -> tuple[Run, list[Message], list[Mention]]:
        """The run with its count, its messages with their mentions, and the mentions of the person's message."""
        said = [message for message in messages if message.role == "assistant" and message.content]
        asked, *each = await self._mentions(self.question, *(message.content for message in said))
        of = {message.id: found for message, found in zip(said, each, strict=True)}
        marked = [message.model_copy(update={"mentions": of.get(message.id, [])}) for message in messages]
        found = [mention for message in marked for mention in message.mentions]
        grounding = Grounding(mentions=len(found), unsupported=len(unsupported(found)))
        named = [mention for mention in asked if mention.movie_id is not None and mention.kind == "movie"]
        theirs = [mention.model_copy(update={"supported": True}) for mention in named]
        return run.model_copy(update={"grounding": grounding}), marked, theirs

    async def _mentions(self, *texts: str) -> list[list[Mention]]:
        """The mentions of each text, by what the conversation has brought so far."""
        if sum(map(len, texts)) < LONG:
            return self._read(texts)
        return await asyncio.to_thread(self._read, texts)

    def _read(self, texts: Sequence[str]) -> list[list[Mention]]:
        evidence = Evidence.of(self.conversation.messages, self.linker, self.shown, self.stated)
        return [mentions(text, self.linker, evidence) for text in texts]


def _claim(mention: Mention) -> str:
    """A claim as the model is told of it: `"4.7" (the rating of Heat)`."""
    return (
        f"{mention.text!r}" if mention.kind == "movie" else f"{mention.text!r} (the {mention.kind} of {mention.title})"
    )
