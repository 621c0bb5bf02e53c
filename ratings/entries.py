"""One entry of an export, whatever its format, and the values in it: stars, dates, years, ids."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from movies.models import FIRST_YEAR, LAST_YEAR
from movies.tables import LARGEST_ID
from text import one_line

LONGEST_TITLE = 300
LARGEST_SECONDS = 1e11  # what is larger counts milliseconds
CLOCKS_DIFFER = timedelta(days=2)  # that a date may lie ahead: clocks and zones

_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_ID = re.compile(r"(?:tt)?(\d{1,15})(?:\.0)?$", re.ASCII)
_WHOLE_SECONDS = re.compile(r"\d{1,15}(?:\.\d+)?$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """A movie in an export as it stands there: by ids, by title and year, or both.

    Attributes:
        other_title: in the original language.
        seen: the person saw it, also where they gave no stars.
        kind: of what is no movie, in words: "TV series"; else empty.
        problem: the reason why the entry cannot be used; else empty.
        remark: something to say of it that does not stand in its way.
        twin: whether another movie of the file has the same title and year.
    """

    title: str = ""
    year: int | None = None
    other_title: str = ""
    imdb_id: int | None = None
    tmdb_id: int | None = None
    movie_id: int | None = None
    stars: float | None = None
    rated_at: datetime | None = None
    seen: bool = True
    kind: str = ""
    problem: str = ""
    remark: str = ""
    twin: bool = False
    file: str | None = None
    line: int | None = None

    @property
    def ids(self) -> tuple[int | None, ...]:
        return self.imdb_id, self.tmdb_id, self.movie_id

    @property
    def key(self) -> object:
        """Equal for the same movie in the files of one export."""
        return (self.kind, self.imdb_id or self.tmdb_id or (self.title.casefold(), self.year))


def merged(groups: list[list[Entry]]) -> list[Entry]:
    """The entries of the files of one export, a movie once; the first file decides on its stars, else the newest.

    Two entries of the first file stay two, even of one title and year: they may be two movies.
    """
    kept: list[Entry] = []
    places: dict[object, tuple[int, int]] = {}  # by key: in which group it was found, and where it is kept
    for number, group in enumerate(groups):
        for entry in group:
            found, place = places.get(entry.key, (number, -1))
            if entry.problem or place < 0 or (number == 0 and entry.stars is not None):
                places.setdefault(entry.key, (number, len(kept)))
                kept.append(entry)
            elif _is_better(entry, kept[place], same_group=found == number):
                kept[place], places[entry.key] = entry, (number, place)
    return kept


def _is_better(entry: Entry, held: Entry, *, same_group: bool) -> bool:
    if held.problem or (entry.stars is None) != (held.stars is None):
        return held.stars is None
    never = datetime.min.replace(tzinfo=UTC)
    return same_group and (entry.rated_at or never) > (held.rated_at or never)


def clean(text: object) -> str:
    """A title as it can be shown: on one line, bounded, without control characters."""
    return one_line(" ".join(str(text or "").split()))[:LONGEST_TITLE]


def whole_id(value: object) -> int | None:
    """An id as a number: `tt0113277`, `0113277` and `113277.0` are one.

    >>> whole_id("tt0113277"), whole_id("113277.0"), whole_id("nm0000199")
    (113277, 113277, None)
    """
    match = _ID.match(str(value).strip()) if value is not None and not isinstance(value, bool) else None
    number = int(match[1]) if match else 0
    return number if 0 < number <= LARGEST_ID else None


def year_of(value: object) -> int | None:
    """The first year in a field: `1995`, `1995.0`, `2019-2021`."""
    match = _FOUR_DIGITS.search(str(value or ""))
    year = int(match[0]) if match else 0
    return year if FIRST_YEAR <= year <= LAST_YEAR else None


def with_stars(entry: Entry, value: object, scale: int) -> Entry:
    """The entry with its rating, from `scale` points (5 or 10) to half stars; with a problem where it is no rating."""
    said = str("" if value is None else value).strip().replace(",", ".")
    if not said:
        return entry
    try:
        halves = float(said) * 10 / scale
    except ValueError:
        return replace(entry, problem=f"{clean(said)[:40]!r} is no rating.")
    if 1 <= halves <= 10 and halves == int(halves):
        return replace(entry, stars=halves / 2)
    range_ = "a whole number from 1 to 10" if scale == 10 else "0.5 to 5 in halves"
    return replace(entry, problem=f"The rating {clean(said)[:40]} is not {range_}.")


def with_date(entry: Entry, value: object, now: datetime) -> Entry:
    """The entry with its date; without one, and a remark, where it cannot be."""
    said = str("" if value is None else value).strip()
    if not said:
        return entry
    at = _time(said)
    if at is None or not datetime(1900, 1, 1, tzinfo=UTC) <= at <= now + CLOCKS_DIFFER:
        return replace(entry, remark=f"The date {clean(said)[:40]!r} was not understood.")
    return replace(entry, rated_at=at)


def _time(said: str) -> datetime | None:
    """A time in UTC: ISO 8601, Unix seconds or milliseconds, or the form that IMDb had."""
    try:
        if len(said) > 8 and _WHOLE_SECONDS.match(said):
            seconds = float(said)
            return datetime.fromtimestamp(seconds / (1_000 if seconds > LARGEST_SECONDS else 1), UTC)
        at = _old_imdb(said) if said[:1].isalpha() else datetime.fromisoformat(said)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _old_imdb(said: str) -> datetime:
    """`Sat Dec 31 00:00:00 2016`, as IMDb wrote until 2017."""
    return datetime.strptime(said, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
