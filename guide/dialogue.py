"""A conversation as the guide has it before it: turns, the calls made in each, and what came of them.

It is read back from the messages each time; nothing is kept. Calls are told as the frames that they were made from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import BaseModel, JsonValue, ValidationError

from language.frame import Act, Frame, Ref
from language.standing import Told
from movies.links import Link
from movies.models import Filters, ListedMovie, MovieList, MovieName, Resolved
from providers.base import ChatMessage, ToolRequest
from providers.prompts import TRIMMED
from tools.registry import TOOLS
from tools.results import Comparison, QueryResult, Questions, RatingList, TasteProfile

Args = dict[str, JsonValue]

USUAL_COUNT = 5
ACTS: dict[str, Act] = {"search_movies": "find", "query_catalogue": "find", "similar_movies": "like"}
SORTS = ("relevance", "rating", "popularity", "worst", "newest", "oldest")
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
    def users(self) -> list[int]:
        """The MovieLens users it was about."""
        about = [self.args, *(each for each in _many(self.args.get("members")) if isinstance(each, dict))]
        return [user for each in about if isinstance(user := each.get("user_id"), int)]

    @property
    def resolved(self) -> list[Resolved]:
        """The titles that were given, as they were understood."""
        found: list[Resolved] = getattr(self.result, "resolved", [])
        return found

    @property
    def is_list(self) -> bool:
        """True for a list that "the second one" can point into."""
        return isinstance(self.result, MovieList | Questions | QueryResult) and bool(self.movies)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the person, the calls made for it, what was answered, and what the person spoke of.

    Attributes:
        links: All that its text names.
        named: Movies by name; `theirs`: those of them that are somebody else's: "my mom's favourite is Heat".
        pointed: The movie referred to: "the second one".
        users: MovieLens users.
        told: The tastes that hold from then on.
    """

    text: str
    done: tuple[Done, ...] = ()
    answer: str = ""
    named: tuple[Ref, ...] = ()
    theirs: tuple[Ref, ...] = ()
    pointed: tuple[Ref, ...] = ()
    users: tuple[int, ...] = ()
    links: tuple[Link, ...] = ()
    told: Told = field(default_factory=Told)

    @property
    def singles(self) -> list[Ref]:
        """The movies that results told of one by one; those that the person named where there are none."""
        shown = {movie.movie_id for done in self.done for movie in done.movies}
        rivals = {other for each in self.named if each.movie_id in shown for other in each.others}
        told = [done.movies[0] for done in self.done if done.movies and not done.is_list]
        told = [movie for movie in told if movie.movie_id not in rivals]
        listed = any(done.is_list for done in self.done)
        return [as_ref(movie) for movie in told] or ([] if listed else list(self.named))

    @property
    def focus(self) -> Ref | None:
        """The movie that it was about: a result's only one, the last that the person named, a list's first."""
        listed = [done.movies for done in self.done if done.is_list]
        picked = [as_ref(movies[0]) for movies in listed if len(movies) == 1]
        first = [as_ref(movies[0]) for movies in listed]
        return next(iter([*self.singles[-1:], *picked, *self.named[-1:], *self.pointed, *first]), None)


def as_ref(movie: MovieName) -> Ref:
    """A movie that was shown, which is sure."""
    return Ref(movie_id=movie.movie_id, title=movie.title, year=movie.year)


@dataclass(frozen=True)
class Dialogue:
    """The turns before the present message. `trimmed`: older ones no longer fitted."""

    turns: tuple[Turn, ...] = ()
    trimmed: bool = False

    @cached_property
    def done(self) -> tuple[Done, ...]:
        """Every call so far that gave a result, oldest first."""
        return tuple(done for turn in self.turns for done in turn.done if done.result is not None)

    @cached_property
    def last_list(self) -> Done | None:
        """The list that was shown last."""
        return next((done for done in reversed(self.done) if done.is_list), None)

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """Ids of all movies put before the person, the latest first, each once."""
        ids = (movie.movie_id for done in reversed(self.done) for movie in done.movies)
        return tuple(dict.fromkeys(ids))

    @property
    def seed(self) -> int:
        """Changes from turn to turn, so that wording varies and yet repeats exactly on a replay."""
        return len(self.turns)


def remember(messages: tuple[ChatMessage, ...]) -> tuple[Dialogue, Turn]:
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
            done = (*turns[-1].done, _read(call, message))
            turns[-1] = Turn(turns[-1].text, done, turns[-1].answer)
    trimmed = any(message.role == "system" and TRIMMED in message.content for message in messages[:1])
    return Dialogue(tuple(turns[:-1]), trimmed), turns[-1] if turns else Turn("")


def _read(call: ToolRequest, message: ChatMessage) -> Done:
    """A call with its result, as far as both can be read: a session may be older than a tool."""
    args, told = _json(call.arguments), _json(message.content)
    if isinstance(error := told.get("error"), str):
        return Done(call.name, args, error=error)
    if call.name not in TOOLS:
        return Done(call.name, args, error=UNREADABLE)
    try:
        return Done(call.name, args, TOOLS[call.name].result.model_validate(message.result))
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
    if isinstance(result, MovieList | Comparison | Questions | QueryResult):
        return list(result.movies)
    movie = getattr(result, "movie", None)
    return [movie] if isinstance(movie, MovieName) else []


# A list's call as a frame


def frame_of(done: Done, names: Mapping[int, Ref]) -> Frame:
    """The frame that a list was made from, as far as its call's arguments tell.

    Args:
        done: The call.
        names: Movies that the conversation named, by id.
    """
    args = done.args
    excluded = _many(args.get("exclude"))
    members = [member for member in _many(args.get("members")) if isinstance(member, dict)]
    liked = [movie for member in members for movie in _many(member.get("liked"))] or _many(args.get("liked"))
    by = {"mean": "worst" if args.get("order") == "asc" else "rating", "count": "popularity"}
    sort = args.get("sort") or by.get(str(args.get("sort_by")))
    return Frame.model_validate(
        {
            "act": ACTS.get(done.name, "recommend"),
            "movies": _refs(_many(args.get("movies")), names),
            "liked": _refs(liked, names),
            "disliked": _refs(_many(args.get("disliked")), names),
            "exclude": _refs(excluded, names),
            "exclude_series": tuple(name for name in excluded if isinstance(name, str)),
            "filters": {name: args[name] for name in Filters.model_fields if args.get(name) is not None},
            "text": args.get("query") or args.get("text"),
            "count": args.get("limit") if args.get("limit") != USUAL_COUNT else None,
            "users": tuple(done.users),
            "own": any("user_id" not in member for member in members),
            "sort": sort if sort in SORTS else None,
            **{name: args[name] for name in ("novelty", "diversity", "window_days") if args.get(name) is not None},
        }
    )


def names_of(dialogue: Dialogue) -> dict[int, Ref]:
    """Every movie that results named, by id: those understood, those listed, those given as reasons."""
    understood = [each.movie for done in dialogue.done for each in done.resolved]
    listed = [movie for done in dialogue.done for movie in done.movies]
    causes = [cause for movie in listed if isinstance(movie, ListedMovie) for cause in movie.causes]
    return {movie.movie_id: as_ref(movie) for movie in (*understood, *listed, *causes)}


def _many(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _refs(values: Iterable[JsonValue], names: Mapping[int, Ref]) -> tuple[Ref, ...]:
    """Ids as movies; titles that another model gave are found again among what was resolved."""
    by_title = {each.title.lower(): each for each in names.values()}
    known = (names.get(value) if isinstance(value, int) else by_title.get(str(value).lower()) for value in values)
    return tuple(each for each in known if each)
