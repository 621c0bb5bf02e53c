"""The part of a conversation that a model is sent: whole exchanges, newest first, within a token budget."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain

from pydantic import JsonValue

from movies.models import CatalogueInfo
from providers.base import ChatMessage, ToolRequest, ToolSpec
from providers.digest import digest
from providers.prompts import (
    DATES,
    FACTS_FILTERS,
    INSTRUCTIONS,
    KNOWN,
    KNOWN_WITH_FACTS,
    MORE_GENRES,
    SYSTEM,
    SYSTEM_SMALL,
    TRIMMED,
)
from schemas import Message, ToolCall
from storage.records import Entry

BYTES_PER_TOKEN = 3.5  # measured texts lie between 3 (code, JSON) and 4.5 (English); only an estimate is needed
MESSAGE_TOKENS = 4  # what a chat template adds around an entry
GENRES_NAMED = 30  # in the system prompt
GENRE_CHARS = 50  # what is longer is no name, and a stranger may have written it
UNANSWERED = "(no answer was given)"
CUT_SHORT = "The call was not carried out: the answer was stopped before."

Stored = Entry | Message


def estimate_tokens(text: str) -> int:
    """A guess at the tokens of a text, from its UTF-8 length; said to be one wherever it is shown."""
    return _of_bytes(len(text.encode("utf-8", "replace")))


def message_tokens(message: ChatMessage) -> int:
    """The same for one entry with its calls."""
    calls = sum(estimate_tokens(call.name) + estimate_tokens(call.arguments) for call in message.tool_calls)
    return MESSAGE_TOKENS + estimate_tokens(message.content) + calls


def tool_tokens(tool: ToolSpec) -> int:
    """The same for the description of a tool, which every request carries."""
    return _of_bytes(tool.bytes)


def _of_bytes(size: int) -> int:
    return int(size / BYTES_PER_TOKEN) + 1


def system_prompt(
    info: CatalogueInfo,
    instructions: str | None,
    *,
    small: bool = False,
    genres: Sequence[str] = (),
    whose: str = "",
    today: datetime,
) -> str:
    """The system prompt: it stands before anything else.

    Args:
        instructions: of the application that the person uses.
        small: the short one, for a model with little room.
        genres: of the catalogue, those with the most movies first.
        whose: whose taste is known, as `whose_taste` says it.
    """
    names = [name for name in genres if len(name) <= GENRE_CHARS]
    named = ", ".join(" ".join(name.split()) for name in names[:GENRES_NAMED]) or "none"
    more = len(genres) - min(len(names), GENRES_NAMED)
    text = (SYSTEM_SMALL if small else SYSTEM).format(
        catalogue=info.in_words,
        noun=info.noun,
        plural=info.plural,
        today=f"{today:%d %B %Y}",
        dates=_dates(info),
        whose=whose,
        known=KNOWN_WITH_FACTS if info.facts else KNOWN,
        facts=FACTS_FILTERS if info.facts else "",
        genres=named + MORE_GENRES.format(more=more) if more > 0 else named,
    )
    return text + (INSTRUCTIONS.format(instructions=instructions) if instructions else "")


def whose_taste(info: CatalogueInfo, user_id: int | None, rated: int) -> str:
    """Whose taste is known, for the system prompt.

    Args:
        user_id: the user of the data for whom the session is personalised.
        rated: the number of ratings that the person gave here.
    """
    here = f"rated {rated} {info.noun if rated == 1 else info.plural} here"
    if user_id is not None:
        return f"The person is user {user_id} of the data{f' and {here}' if rated else ''}."
    return f"The person {here}." if rated else "Nothing is known of the person's taste yet."


def _dates(info: CatalogueInfo) -> str:
    if info.oldest_rating is None or info.newest_rating is None:
        return ""
    return DATES.format(oldest=f"{info.oldest_rating:%d %B %Y}", newest=f"{info.newest_rating:%d %B %Y}")


class Conversation:
    """A system prompt, earlier exchanges, and the one that is going on, which is never cut.

    `whole`: the exchanges go back to the beginning of the session. `system` may be changed on the way.
    """

    def __init__(
        self,
        system: str,
        exchanges: Sequence[Sequence[ChatMessage]],
        current: Sequence[ChatMessage],
        *,
        whole: bool = True,
    ) -> None:
        self.system = system
        self._exchanges = exchanges
        self._current = list(current)
        self._whole = whole

    @property
    def messages(self) -> Iterator[ChatMessage]:
        """All entries that are known, oldest first, but for the words that asked for a mended answer."""
        current = (message for place, message in enumerate(self._current) if not place or message.role != "user")
        return chain(*self._exchanges, current)

    @property
    def call_ids(self) -> set[str]:
        """The ids of the calls in the exchange that is going on."""
        return {call.call_id for message in self._current for call in message.tool_calls}

    def add(self, *messages: ChatMessage) -> None:
        """Append to the exchange that is going on."""
        self._current.extend(messages)

    def room(self, budget: int) -> int:
        """The tokens of a budget that are left for earlier exchanges."""
        return budget - message_tokens(ChatMessage("system", self.system)) - _tokens(self._current)

    def within(self, budget: int) -> tuple[ChatMessage, ...]:
        """The system prompt, as many of the newest exchanges as fit into `budget` tokens, and the current one."""
        system = ChatMessage("system", self.system)
        left = self.room(budget)
        kept: list[Sequence[ChatMessage]] = []
        for exchange in reversed(self._exchanges):
            left -= _tokens(exchange)
            if left < 0:
                break
            kept.append(exchange)
        if not self._whole or len(kept) < len(self._exchanges):
            system = ChatMessage("system", self.system + TRIMMED)
        return (system, *(message for exchange in reversed(kept) for message in exchange), *self._current)


async def newest_exchanges(pages: AsyncIterable[Sequence[Stored]], budget: int) -> tuple[list[list[ChatMessage]], bool]:
    """The newest exchanges, oldest first, until `budget` tokens are spent; and whether these are all there are.

    Args:
        pages: A session's entries, newest first. No page is asked for that cannot fit any more.
        budget: Tokens for all of them. The last one taken may go beyond it; one that does so before its first entry
            is read is left out.
    """
    found: list[list[ChatMessage]] = []
    entries: list[Stored] = []  # of the exchange whose beginning is looked for, newest first
    async for page in pages:
        for message in page:
            entries.append(message)
            if message.role == "user":
                found.append(_answered(open_exchange(entries[::-1])))
                entries = []
                budget -= _tokens(found[-1])
        if budget < _tokens(open_exchange(entries[::-1])):
            return found[::-1], False
    return found[::-1], True


def open_exchange(messages: Sequence[Stored]) -> list[ChatMessage]:
    """One exchange as far as it got. A call whose result is missing, because the run was cut short, gets one."""
    entries: list[ChatMessage] = []
    results = {message.call_id: message for message in messages if message.role == "tool"}
    for message in messages:
        if message.role == "user":
            entries.append(ChatMessage("user", message.content))
        elif message.role == "assistant" and (message.content or message.tool_calls):
            entries.append(ChatMessage("assistant", message.content, tuple(map(_request, message.tool_calls))))
            entries += [_result(call, results.get(call.call_id)) for call in message.tool_calls]
    return entries


def tool_content(result: JsonValue, error: str | None) -> str:
    """The outcome of a tool as the model reads it: its digest as compact JSON."""
    return _compact({"error": error} if error is not None else digest(result))


def _compact(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _answered(exchange: list[ChatMessage]) -> list[ChatMessage]:
    """With an answer at its end: some models' templates want the roles to take turns."""
    if exchange[-1].role != "assistant":
        exchange.append(ChatMessage("assistant", UNANSWERED))
    return exchange


def _request(call: ToolCall) -> ToolRequest:
    """The call as it is sent back; refused arguments become an empty object, since some providers parse them."""
    return ToolRequest(call.call_id, call.name, json.dumps(call.arguments or {}, ensure_ascii=False), call.extra)


def _result(call: ToolCall, message: Stored | None) -> ChatMessage:
    if message is None:
        return ChatMessage("tool", tool_content(None, call.error or CUT_SHORT), call_id=call.call_id)
    if call.action and message.ok:  # of whatever form: the client's own, and handed on whole
        content = _compact(message.result)
    else:
        content = tool_content(message.result, None if message.ok else message.content)
    return ChatMessage("tool", content, call_id=call.call_id, result=message.result)


def _tokens(messages: Iterable[ChatMessage]) -> int:
    return sum(map(message_tokens, messages))
