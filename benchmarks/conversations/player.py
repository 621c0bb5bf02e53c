"""Plays conversations over the public HTTP API and judges each answer."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from benchmarks.conversations.expectations import Answer, Conversation, Turn, figures
from benchmarks.conversations.oracle import Oracle
from benchmarks.conversations.reading import Reader, Reading

SLOWEST = 30.0  # seconds from POST to the final event
PATIENCE = 150.0  # seconds without a byte after which a turn is given up
LAST = {"run.completed", "run.cancelled", "run.failed", "run.interrupted", "run.requires_action"}

_UNABLE = re.compile(r"(?:did|do|could|can) ?n['o]t|can't|unable to|not sure (?:i|what)|no sense")
_TO_FOLLOW = (
    "understand", "get that", "follow", "catch", "make sense", "make any sense", "read that", "you mean", "parse"
)  # fmt: skip
_WITHIN = 40  # characters between the two
_AT_A_LOSS = ("beyond me", "rephrase", "other words", "have no film", "that was no help")
_NO_SUCH = re.compile(r"no (?:movie|film|tag|title|genre) (?:called|named|like that|by that name|tagged)")
_ENGLISH_ALONE = re.compile(r"(?:i (?:only )?read|speak).{0,20}english")


class Unplayable(Exception):
    """The service cannot be played against; the message says why."""


@dataclass
class Played:
    """What came of one turn."""

    say: str
    text: str = ""
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    dead_end: bool = False
    invented: list[str] = field(default_factory=list)
    calls: int = 0
    refused: int = 0
    repaired: int = 0
    unsupported: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    steps: int = 0


@dataclass
class Outcome:
    """A conversation with what came of its turns."""

    name: str
    category: str
    language: str
    turns: list[Played]

    @property
    def succeeded(self) -> bool:
        return not any(turn.failures for turn in self.turns)


class Player:
    """One service, spoken to as any client would."""

    def __init__(self, url: str, oracle: Oracle, model: str | None = None) -> None:
        self._client = httpx.Client(base_url=url, timeout=PATIENCE)
        self._oracle, self._reader, self._model = oracle, Reader(oracle), model

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def check(self, *, forget_ratings: bool) -> dict[str, Any]:
        """/health, once the catalogue is surely the one that the oracle has, and nobody's ratings get lost."""
        try:
            health = dict(self._client.get("/health").json())
            own = self._own_ratings()
        except (httpx.HTTPError, ValueError) as exc:
            raise Unplayable(f"{self._client.base_url} does not answer as the service does: {exc}") from exc
        catalogue = health.get("catalogue") or {}
        if catalogue.get("movies") != len(self._oracle.films):
            raise Unplayable(f"the service has {catalogue.get('movies')} movies, movies.csv {len(self._oracle.films)}")
        if own and not forget_ratings:
            raise Unplayable(f"the service holds {len(own)} ratings of yours; --forget-ratings deletes them")
        self._forget_ratings()
        return health

    def play(self, conversations: Sequence[Conversation], jobs: int = 1) -> Iterator[Outcome]:
        """Play all; those whose outcome is in the own ratings one after another, before the others."""
        if jobs == 1:
            yield from map(self._play, conversations)
            return
        yield from (self._play(one) for one in conversations if one.rates)
        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(
                lambda one: self._play(one, alone=False), [one for one in conversations if not one.rates]
            )
        self._forget_ratings()

    def _play(self, conversation: Conversation, *, alone: bool = True) -> Outcome:
        created = self._client.post("/sessions", json={"model": self._model} if self._model else {})
        if not created.is_success:
            raise Unplayable(f"no session can be made: {created.text}")
        session = created.json()["id"]
        told = _Told()
        try:
            turns = [self._turn(session, turn, told) for turn in conversation.turns]
        finally:
            self._client.delete(f"/sessions/{session}")
            if alone:
                self._forget_ratings()
        return Outcome(conversation.name, conversation.category, conversation.language, turns)

    def _turn(self, session: str, turn: Turn, told: _Told) -> Played:
        played = Played(turn.say)
        began = time.perf_counter()
        try:
            events = self._ask(session, turn.say)
        except (httpx.HTTPError, ValueError) as exc:  # also an event that was cut off
            played.failures.append(f"no answer: {type(exc).__name__} {exc}")
            return played
        played.seconds = time.perf_counter() - began
        played.text = "".join(event["delta"] for event in events if event["type"] == "text.delta")
        _count(played, events)
        _check_end(played, events)
        if played.text.strip():
            told.figures.update(figures(turn.say), *(_numbers(event.get("arguments")) for event in events))
            self._judge(turn, played, told, [event["result"] for event in events if event["type"] == "tool.result"])
        told.messages.append(turn.say)
        return played

    def _ask(self, session: str, content: str) -> list[dict[str, Any]]:
        """The events of an answer."""
        body, accept = {"content": content}, {"Accept": "text/event-stream"}
        response = self._client.post(f"/sessions/{session}/messages", json=body, headers=accept)
        response.raise_for_status()
        lines = response.text.split("\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    def _judge(self, turn: Turn, played: Played, told: _Told, results: Sequence[Any]) -> None:
        shown = [place for result in results for place in self._places(result)]
        earlier, before = told.places, "\n".join(told.messages)
        reading = self._reader.read(played.text, said=turn.say, before=before, cards=shown, earlier=earlier)
        told.places.update(shown, reading.mentioned)
        told.figures.update(*(_numbers(result) for result in results))
        false = self._reader.false_figures(played.text, reading.mentions, told.figures)
        played.invented = [*reading.invented, *false]
        played.failures += [f"invented: {fact}" for fact in played.invented]
        played.dead_end = turn.makes_sense and _is_dead_end(played.text, reading)
        if played.dead_end:
            played.failures.append("dead end")
        answer = self._answer(turn, played.text, reading, shown)
        for expectation in turn.expect:
            if wrong := expectation.judge(answer):
                played.failures.append(f"{expectation.text}: {wrong}")

    def _answer(self, turn: Turn, text: str, reading: Reading, shown: Sequence[int]) -> Answer:
        rates = any(expectation.text.split()[0] in {"rated", "unrated", "ratings"} for expectation in turn.expect)
        return Answer(
            text=text,
            named=reading.named,
            mentioned=reading.mentioned,
            affirmed=reading.affirmed,
            listed_though_said=reading.listed_though_said,
            plain=reading.plain,
            bare=reading.bare,
            mentions=reading.mentions,
            cards=frozenset(self._oracle.films[place].movie_id for place in shown),
            ratings=self._own_ratings() if rates else {},
        )

    def _places(self, result: Any) -> Iterator[int]:
        """The movies that stand anywhere in a tool result."""
        if isinstance(result, dict):
            if (movie_id := result.get("movie_id")) in self._oracle.index:
                yield self._oracle.index[movie_id]
            result = list(result.values())
        if isinstance(result, list):
            for one in result:
                yield from self._places(one)

    def _own_ratings(self) -> dict[int, float]:
        found: dict[int, float] = {}
        after: dict[str, str] = {}
        while True:
            response = self._client.get("/ratings", params={"limit": 100, **after})
            response.raise_for_status()
            page = response.json()
            found |= {entry["movie"]["movie_id"]: float(entry["stars"]) for entry in page["data"]}
            if not page.get("has_more"):
                return found
            after = {"after": page["next"]}

    def _forget_ratings(self) -> None:
        for movie_id in self._own_ratings():
            self._client.delete(f"/ratings/{movie_id}").raise_for_status()


@dataclass
class _Told:
    """What a conversation has brought so far: places of movies, figures of tool results, the person's messages."""

    places: set[int] = field(default_factory=set)
    figures: set[float] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)


def _count(played: Played, events: Sequence[dict[str, Any]]) -> None:
    """Calls, those refused, and those of them that a later call of the same tool mended; tokens and steps."""
    calls = [event for event in events if event["type"] == "tool.call"]
    played.calls = len(calls)
    for at, call in enumerate(calls):
        if call.get("error") is not None:
            played.refused += 1
            played.repaired += any(
                later["name"] == call["name"] and later["error"] is None for later in calls[at + 1 :]
            )
    if not events:
        return
    run = events[-1].get("run") or {}
    usage = run.get("usage") or {}
    played.steps = run.get("steps") or 0
    played.input_tokens, played.output_tokens = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
    played.estimated = bool(usage.get("estimated"))
    mentions = (events[-1].get("message") or {}).get("mentions")
    if mentions is not None:
        played.unsupported = sum(mention.get("supported") is False for mention in mentions)


def _check_end(played: Played, events: Sequence[dict[str, Any]]) -> None:
    last: dict[str, Any] = events[-1] if events else {"type": "nothing"}
    if last["type"] not in LAST:
        played.failures.append(f"the stream ends with {last['type']}")
    elif last["type"] != "run.completed":
        played.failures.append(f"{last['type']}: {(last.get('error') or {}).get('detail')}")
    elif not played.text.strip():
        played.failures.append("no text")
    if played.seconds > SLOWEST:
        played.failures.append(f"took {played.seconds:.1f} s")


def _is_dead_end(text: str, reading: Reading) -> bool:
    """An answer that names no movie, gives no figure, asks nothing, and only says that it did not understand."""
    silent = not (reading.named or re.search(r"[?？\d]", reading.plain))
    return silent and _is_lost(text.replace("’", "'").lower())


def _is_lost(said: str) -> bool:
    """True of words that own to not having understood, or to having nothing."""
    if any(words in said for words in _AT_A_LOSS) or _NO_SUCH.search(said) or _ENGLISH_ALONE.search(said):
        return True
    after = (said[unable.end() :].partition("\n")[0] for unable in _UNABLE.finditer(said))
    return any(-1 < words.find(verb) <= _WITHIN for words in after for verb in _TO_FOLLOW)


def _numbers(result: Any) -> Iterator[float]:
    """The numbers anywhere in a tool result or a call's arguments, but for ids."""
    if isinstance(result, int | float) and not isinstance(result, bool):
        yield float(result)
    elif isinstance(result, dict):
        for name, one in result.items():
            yield from () if name.endswith("_id") else _numbers(one)
    elif isinstance(result, list):
        for one in result:
            yield from _numbers(one)
