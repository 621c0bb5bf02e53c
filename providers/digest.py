"""The digest of a tool's result: what a model can use of it, in few tokens. Events and history keep the whole.

A pure function of the result alone, so that a stored result reads the same whenever it is sent again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import JsonValue

TAGS = 3
TAGS_OF_ONE = 8  # of a movie that was asked for by itself
DIRECTORS = 2  # of a movie in a list
DESCRIPTION = 300  # characters
LISTS = frozenset({"movies", "ratings", "groups"})  # that are empty is worth saying

_FOR_MACHINES = frozenset({"recommendation_id", "match", "score", "source_title", "offset"})


def digest(result: JsonValue) -> JsonValue:
    """A result in short.

    Movies are told by id, title, year, running time, directors, genres, a few tags, mean rating, count of ratings, and
    the titles that they are listed because of; cast, links and the histogram only of one that was asked for by itself.
    """
    if not isinstance(result, dict):
        return _short(result)
    found = _short_object(result)
    movie = result.get("movie")
    if isinstance(movie, dict) and "histogram" in movie:
        found["movie"] = _movie(movie) | _details(movie)
    return found


def _short(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_short(item) for item in value]
    if isinstance(value, dict):
        return _short_object(value)
    if isinstance(value, float):
        return round(value, 2)
    return value


def _short_object(value: dict[str, Any]) -> dict[str, JsonValue]:
    if "movie_id" in value and "title" in value:
        return _movie(value)
    if "stars" in value and "rated_at" in value:
        return _rating(value)
    if "window" in value:
        return _without_nothing({name: _short(value.get(name)) for name in ("window", "count", "mean")})
    found = {name: _short(item) for name, item in value.items() if name not in _FOR_MACHINES}
    if "because" in value:
        found["because"] = _titles(value["because"])
    if "resolved" in value:
        found["resolved"] = [how for how in map(_resolved, value["resolved"]) if how["given"] != how["taken"]]
    if "measure" in value:
        found = {name: item for name, item in found.items() if item not in ([], 0) or name == "total"}
    return _without_nothing(found)


def _movie(movie: dict[str, Any]) -> dict[str, JsonValue]:
    """`{"id": 6, "title": "Heat", "year": 1995, "genres": "Action, Crime", "rating": 3.95, "count": 102, …}`."""
    return _without_nothing(
        {
            "id": movie["movie_id"],
            "title": movie["title"],
            "year": movie.get("year"),
            "minutes": movie.get("runtime"),
            "by": _names(movie, "directors", DIRECTORS),
            "genres": ", ".join(movie.get("genres", ())),
            "tags": ", ".join(movie.get("tags", ())[:TAGS]),
            "rating": _short(movie.get("rating_mean")),
            "count": movie.get("rating_count"),
            "because": _titles(movie.get("because", ())),
        }
    )


def _details(movie: dict[str, Any]) -> dict[str, JsonValue]:
    """More of a movie that was asked for by itself."""
    tags = [tag["tag"] for tag in movie.get("top_tags", ())][:TAGS_OF_ONE]
    return _without_nothing(
        {
            "original_title": movie.get("original_title"),
            "original_language": movie.get("original_language"),
            "cast": _names(movie, "cast"),
            "writers": _names(movie, "writers"),
            "imdb_rating": movie.get("imdb_rating"),
            "tags": ", ".join(tags or movie.get("tags", ())),
            "description": (movie.get("description") or "")[:DESCRIPTION],
            "histogram": {stars: count for stars, count in movie.get("histogram", {}).items() if count},
            "links": [movie[name] for name in ("imdb_url", "tmdb_url") if movie.get(name)],
        }
    )


def _names(movie: dict[str, Any], role: str, most: int | None = None) -> str:
    return ", ".join(person["name"] for person in movie.get(role, ())[:most])


def _resolved(resolved: dict[str, Any]) -> dict[str, JsonValue]:
    """The reading of a title; nothing that its movie does not say, where it is just that movie's title."""
    given, movie, others = resolved["given"], resolved["movie"], _titles(resolved.get("others", ()))
    taken = given if not others and given == movie["title"] else _called(movie)
    return _without_nothing({"given": given, "taken": taken, "others": others})


def _rating(rating: dict[str, Any]) -> dict[str, JsonValue]:
    movie = rating["movie"]
    return _without_nothing(
        {
            "id": movie["movie_id"],
            "title": movie["title"],
            "year": movie.get("year"),
            "stars": rating["stars"],
            "rated": str(rating["rated_at"])[:10],
        }
    )


def _titles(movies: Iterable[Any]) -> list[JsonValue]:
    return [_called(movie) for movie in movies if movie["movie_id"] is not None]


def _called(movie: dict[str, Any]) -> str:
    return f"{movie['title']} ({movie['year']})" if movie.get("year") else str(movie["title"])


def _without_nothing(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The fields that say something.

    >>> _without_nothing({"movies": [], "notes": [], "mean": None, "count": 0})
    {'movies': [], 'count': 0}
    """
    return {name: item for name, item in value.items() if name in LISTS or item not in (None, "", [], {})}
