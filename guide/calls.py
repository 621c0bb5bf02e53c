"""Calls of earlier turns as the frames that they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from guide.dialogue import Dialogue, Done, as_ref
from language.frame import Act, Aggregate, Frame, Ref
from movies.models import Filters, ListedMovie, MovieName

USUAL_COUNT = 5
ACTS: dict[str, Act] = {
    "search_movies": "find",
    "similar_movies": "like",
    "recommend": "recommend",
    "recommend_for_group": "recommend",
    "next_question": "recommend",
    "get_movie": "fact",
    "compare_movies": "compare",
    "rate_movie": "rate",
    "get_user_ratings": "ratings",
    "query_catalogue": "statistic",
    "explain_recommendation": "predict",
    "taste_profile": "taste",
}


def frame_of(done: Done, names: Mapping[int, Ref]) -> Frame | None:
    """The frame that a call was made from, as far as its arguments tell.

    Args:
        done: The call.
        names: Movies that the conversation named, by id.
    """
    if (act := ACTS.get(done.name)) is None:
        return None
    args = done.args
    act = "find" if args.get("measure") == "list" else act
    excluded = _many(args.get("exclude"))
    members = [member for member in _many(args.get("members")) if isinstance(member, dict)]
    liked = [movie for member in members for movie in _many(member.get("liked"))] or _many(args.get("liked"))
    return Frame.model_validate(
        {
            "act": act,
            "movies": _refs([*_many(args.get("movies")), *_many(args.get("movie"))], names),
            "liked": _refs(liked, names),
            "disliked": _refs(_many(args.get("disliked")), names),
            "exclude": _refs(excluded, names),
            "exclude_series": tuple(name for name in excluded if isinstance(name, str)),
            "filters": {name: args[name] for name in Filters.model_fields if args.get(name) is not None},
            "text": args.get("query") or args.get("text"),
            "count": args.get("limit") if args.get("limit") != USUAL_COUNT and act in _LISTS else None,
            "users": tuple(user for part in (args, *members) if isinstance(user := part.get("user_id"), int)),
            "own": any("user_id" not in member for member in members),
            "aggregate": _aggregate(args) if act == "statistic" else None,
            **{name: args[name] for name in _SAME if args.get(name) is not None},
            "order": args.get("order") if act == "ratings" else None,
            "sort": _sort(args),
        }
    )


def _sort(args: Mapping[str, JsonValue]) -> str | None:
    """The order of a list, in whichever words the tool that made it takes it."""
    by = {"mean": "worst" if args.get("order") == "asc" else "rating", "count": "popularity"}
    sort = args.get("sort") or (by.get(str(args.get("sort_by"))) if args.get("measure") == "list" else None)
    return str(sort) if sort in _SORTS else None


_LISTS: tuple[Act, ...] = ("find", "like", "recommend")
_SAME = ("novelty", "diversity", "window_days", "stars")
_SORTS = ("relevance", "rating", "popularity", "worst", "newest", "oldest")


def names_of(dialogue: Dialogue) -> dict[int, Ref]:
    """Every movie that results named, by id: those listed, those understood, those given as reasons."""
    found: dict[int, Ref] = {}
    for done in dialogue.done:
        found |= {movie.movie_id: as_ref(movie) for movie in _named(done)}
    return found


def _named(done: Done) -> Iterator[MovieName]:
    yield from done.movies
    for resolved in done.resolved:
        yield resolved.movie
        yield from resolved.others
    for movie in done.movies:
        if isinstance(movie, ListedMovie):
            yield from movie.causes


def _aggregate(args: Mapping[str, JsonValue]) -> Aggregate:
    given = {name: args[name] for name in Aggregate.model_fields if args.get(name) is not None}
    return Aggregate.model_validate(given | {"ascending": args.get("order") == "asc"})


def _many(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _refs(values: Iterable[JsonValue], names: Mapping[int, Ref]) -> tuple[Ref, ...]:
    """Ids as movies; titles that another model gave are found again among what was resolved."""
    by_title = {each.title.lower(): each for each in names.values()}
    found = []
    for value in values:
        if isinstance(value, int):
            found.append(names.get(value) or Ref(movie_id=value, title=""))
        elif isinstance(value, str) and (known := by_title.get(value.lower())):
            found.append(known)
    return tuple(found)
