"""Movies of a tool's result as a table with stars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError
from rich.table import Table
from rich.text import Text

from movies.models import Movie
from text import one_line

MOST_ROWS = 10
MOST_GENRES = 3
FULL, HALF, EMPTY = "★", "½", "☆"


@dataclass(frozen=True, slots=True)
class Row:
    """A movie, and the stars that somebody gave it where the result is about those."""

    movie: Movie
    given: float | None = None


def rows_in(result: JsonValue) -> list[Row]:
    """The movies that a tool's result lists, in its order."""
    if not isinstance(result, dict):
        return []
    listed = result.get("movies") or result.get("ratings")
    return list(_rows(listed)) if isinstance(listed, list) else []


def _rows(listed: list[JsonValue]) -> Iterator[Row]:
    for entry in listed:
        if not isinstance(entry, dict):
            continue
        inner, given = entry.get("movie", entry), entry.get("stars")
        if not isinstance(inner, dict):
            continue
        try:
            movie = Movie.model_validate({name: inner[name] for name in Movie.model_fields if name in inner})
        except ValidationError:  # another service's tool may call anything movies
            continue
        yield Row(movie, given if isinstance(given, float | int) else None)


def stars(value: float | None) -> str:
    """Stars as a picture.

    >>> stars(3.6), stars(4.9), stars(None)
    ('★★★½☆', '★★★★★', '')
    """
    if value is None:
        return ""
    halves = max(0, min(10, round(value * 2)))
    picture = FULL * (halves // 2) + HALF * (halves % 2)
    return picture + EMPTY * (5 - len(picture))


def table(rows: Sequence[Row], most: int = MOST_ROWS) -> Table:
    """The movies, best first as they came, numbered so that they can be named by number."""
    with_own = any(row.given is not None for row in rows)
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", collapse_padding=True)
    drawn.add_column("", justify="right", style="dim", no_wrap=True)
    drawn.add_column("Title", overflow="fold", ratio=3)
    drawn.add_column("Stars", style="yellow", no_wrap=True)
    drawn.add_column("Ratings", justify="right", style="dim", no_wrap=True)
    if with_own:
        drawn.add_column("Given", style="yellow", no_wrap=True)
    drawn.add_column("Genres", style="dim", overflow="ellipsis", no_wrap=True, ratio=2)
    for number, row in enumerate(rows[:most], 1):
        drawn.add_row(*_cells(number, row, with_own=with_own))
    if len(rows) > most:
        drawn.add_row("", Text(f"… and {len(rows) - most} more", style="dim"))
    return drawn


def _cells(number: int, row: Row, *, with_own: bool) -> list[Text]:
    movie = row.movie
    mean = "" if movie.rating_mean is None else f"{stars(movie.rating_mean)} {movie.rating_mean:.1f}"
    own = [f"{row.given:g}" if row.given is not None else ""] if with_own else []
    cells = [f"{number}", movie.called, mean, f"{movie.rating_count:,}", *own, ", ".join(movie.genres[:MOST_GENRES])]
    return [Text(one_line(cell)) for cell in cells]
