"""The memory of a conversation, read back from its messages: what was said and shown. Keeps nothing itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import cached_property

from pydantic import BaseModel, JsonValue, ValidationError

from movies.models import MovieList, MovieName, Resolved
from movies.titles import title_words
from providers.base import ChatMessage, ToolRequest
from providers.prompts import TRIMMED
from tools.results import (
    Comparison,
    Explanation,
    MovieResult,
    MovieStats,
    Prediction,
    Questions,
    Rated,
    RatingList,
    TasteProfile,
)

Args = dict[str, JsonValue]
Ref = int | str

RESULTS: dict[str, type[BaseModel]] = {
    "search_movies": MovieList,
    "similar_movies": MovieList,
    "recommend_for_user": MovieList,
    "recommend_from_likes": MovieList,
    "popular_movies": MovieList,
    "movies_by_tag": MovieList,
    "recommend_for_group": MovieList,
    "get_movie": MovieResult,
    "rate_movie": Rated,
    "get_user_ratings": RatingList,
    "compare_movies": Comparison,
    "rating_stats": MovieStats,
    "explain_recommendation": Explanation,
    "taste_profile": TasteProfile,
    "predict_rating": Prediction,
    "next_question": Questions,
}
"""The tools the guide knows, each with the shape of its result."""

RESET = re.compile(
    r"\s*(?:let'?s )?(?:start (?:over|again|afresh)|reset|new (?:topic|chat|search)|forget (?:all that|everything)|clear)\b[\s.!]*$",
    re.IGNORECASE,
)
"""After this the person starts anew: what was said before no longer counts."""

OF_SOMETHING = frozenset({"similar_movies", "recommend_from_likes", "recommend_for_group"})
"""The tools whose lists are made from movies or people that were named: a later wish narrows them."""

UNREADABLE = "The tool's answer could not be read."


@dataclass(frozen=True, slots=True)
class Done:
    """A tool call of this conversation and what came of it: a result or an error."""

    name: str
    args: Args
    result: BaseModel | None = None
    error: str = ""

    @property
    def movies(self) -> list[MovieName]:
        """The movies it put before the person, in their order."""
        return _movies_of(self.result) if self.result else []

    @property
    def resolved(self) -> list[Resolved]:
        """The titles that were given, as they were understood."""
        found: list[Resolved] = getattr(self.result, "resolved", [])
        return found


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the person, the calls made for it, and what was answered."""

    text: str
    done: tuple[Done, ...] = ()
    answer: str = ""


@dataclass(frozen=True)
class Memory:
    """The turns before the present message.

    `mentioned` is what this very message has named so far; `trimmed` whether older turns no longer fitted.
    """

    turns: tuple[Turn, ...] = ()
    mentioned: tuple[Ref, ...] = field(default=())
    trimmed: bool = False

    @cached_property
    def done(self) -> tuple[Done, ...]:
        """Every call so far whose result was told, oldest first. What was looked up and kept quiet does not count."""
        return tuple(done for turn in self.turns for done in turn.done if done.result and _told(done, turn.answer))

    @cached_property
    def last_list(self) -> Done | None:
        """The list that "the second one" points into."""
        return next((done for done in reversed(self.done) if len(done.movies) > 1 or _lists(done)), None)

    @cached_property
    def last_listing(self) -> Done | None:
        """The last call that "more" and "from the 80s?" can be said of."""
        return next((done for done in reversed(self.done) if isinstance(done.result, MovieList) and done.movies), None)

    @cached_property
    def last(self) -> Done | None:
        """The call that was spoken of last."""
        return self.done[-1] if self.done else None

    @property
    def listed(self) -> list[MovieName]:
        """The movies of the last list."""
        return self.last_list.movies if self.last_list else []

    @cached_property
    def focus(self) -> Ref | None:
        """The movie that "it" means: named just now, spoken of last, a list's seed, or a list's first."""
        if self.mentioned:
            return self.mentioned[-1]
        if self.pointed is not None:
            return self.pointed
        for done in reversed(self.done):
            if done.name == "similar_movies" and done.resolved:
                return done.resolved[0].movie.movie_id
            if done.movies:
                return done.movies[0].movie_id
        return None

    @cached_property
    def pointed(self) -> int | None:
        """The one movie that the last answer named, where it called no tool: "Then Heat (1995): …"."""
        if not self.turns or self.turns[-1].done:
            return None
        found = [movie_id for movie_id, movie in self.names.items() if f"{movie.title} (" in self.turns[-1].answer]
        return found[0] if len(found) == 1 else None

    @cached_property
    def set_aside(self) -> int | None:
        """The movie that the person has just said they had seen: the last answer began with "Then instead of Heat:"."""
        found = _INSTEAD.match(self.turns[-1].answer) if self.turns else None
        return next((id_ for id_, movie in self.names.items() if found and movie.title == found[1]), None)

    @cached_property
    def names(self) -> dict[int, MovieName]:
        """Every movie that a tool has named, by id."""
        shown = {movie.movie_id: movie for done in self.done for movie in done.movies}
        given = {found.movie.movie_id: found.movie for done in self.done for found in done.resolved}
        return given | shown

    @cached_property
    def shown(self) -> list[int]:
        """Ids of all movies put before the person in lists, latest first, each once."""
        ids = (
            movie.movie_id
            for turn in reversed(self.turns)
            for done in reversed(turn.done)
            if _lists(done)
            for movie in done.movies
            if movie.title in turn.answer
        )
        return list(dict.fromkeys(ids))

    @cached_property
    def liked(self) -> tuple[Ref, ...]:
        """The movies that the person said they like, in this conversation."""
        return self._taste("liked")

    @cached_property
    def disliked(self) -> tuple[Ref, ...]:
        """The movies that the person said they dislike, in this conversation."""
        return self._taste("disliked")

    @cached_property
    def user_id(self) -> int | None:
        """The MovieLens user that the last list or question was about."""
        found = self.last.args.get("user_id") if self.last else None
        return found if isinstance(found, int) else None

    @cached_property
    def persona(self) -> int | None:
        """The MovieLens user that the person said they are."""
        said = (_PERSONA.search(turn.text) for turn in reversed(self.turns))
        return next((int(found[1]) for found in said if found), None)

    @property
    def seed(self) -> int:
        """Changes from turn to turn, so that wording varies and yet repeats exactly on a replay."""
        return len(self.turns)

    def mention(self, refs: tuple[Ref, ...]) -> Memory:
        """The same memory, with movies that this message has just named."""
        return replace(self, mentioned=self.mentioned + refs) if refs else self

    def _taste(self, side: str) -> tuple[Ref, ...]:
        refs = (ref for done in self.done if done.name == "recommend_from_likes" for ref in _resolved_refs(done, side))
        return tuple(dict.fromkeys(refs))


def remember(messages: tuple[ChatMessage, ...]) -> tuple[Memory, Turn]:
    """The turns before the last message of the person, and that message with the calls made for it so far."""
    turns: list[Turn] = []
    calls: dict[str, ToolRequest] = {}
    for message in messages:
        if message.role == "user":
            turns.append(Turn(message.content))
            calls = {}
        elif turns and message.role == "assistant":
            calls |= {call.call_id: call for call in message.tool_calls}
            turns[-1] = Turn(turns[-1].text, turns[-1].done, message.content or turns[-1].answer)
        elif turns and (call := calls.get(message.call_id or "")):
            done = (*turns[-1].done, _read(call, message.content))
            turns[-1] = Turn(turns[-1].text, done, turns[-1].answer)
    if not turns:
        return Memory(), Turn("")
    fresh = next((place for place in range(len(turns) - 1, 0, -1) if RESET.match(turns[place - 1].text)), 0)
    trimmed = any(message.role == "system" and TRIMMED in message.content for message in messages[:1])
    return Memory(tuple(turns[fresh:-1]), trimmed=trimmed), turns[-1]


def _read(call: ToolRequest, content: str) -> Done:
    args, document = _json(call.arguments), _json(content)
    if isinstance(error := document.get("error"), str):
        return Done(call.name, args, error=error)
    shape = RESULTS.get(call.name)
    if shape is None:
        return Done(call.name, args, error="unknown")
    try:
        return Done(call.name, args, shape.model_validate(document))
    except ValidationError:
        return Done(call.name, args, error=UNREADABLE)


def _json(text: str) -> Args:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _movies_of(result: BaseModel) -> list[MovieName]:
    if isinstance(result, TasteProfile):
        return list(result.favourites)
    if isinstance(result, RatingList):
        return [rating.movie for rating in result.ratings]
    if isinstance(result, MovieList | Comparison | Questions):
        return list(result.movies)
    movie = getattr(result, "movie", None)
    return [movie] if isinstance(movie, MovieName) else []


_INSTEAD = re.compile(r"Then instead of (.+?):\n")
_PERSONA = re.compile(r"\b(?:i am|i'm|im) (?:movielens )?user (?:number |id |#)?(\d{1,9})\b", re.IGNORECASE)


def _told(done: Done, answer: str) -> bool:
    movies = done.movies
    return not movies or not answer or any(movie.title in answer for movie in movies)


def _lists(done: Done) -> bool:
    return isinstance(done.result, MovieList | Questions) and bool(done.movies)


def _resolved_refs(done: Done, side: str) -> list[Ref]:
    """The ids behind the titles that were given, where the tool said; else the titles as given."""
    given = done.args.get(side)
    known = {found.given.lower(): found.movie.movie_id for found in done.resolved}
    refs = [ref for ref in given if isinstance(ref, int | str)] if isinstance(given, list) else []
    return [known.get(ref.lower(), ref) if isinstance(ref, str) else ref for ref in refs]


def plain_title(title: str) -> str:
    """A title for comparing: as the catalogue compares titles, without accents, case and leading article."""
    return " ".join(title_words(title))
