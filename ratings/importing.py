"""An import of ratings: what a file says, which movies it means, what storing it does; then the storing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from errors import Invalid
from movies.models import MovieName
from movies.reader import Catalogue
from ratings.entries import Entry
from ratings.formats import Export, read_export
from ratings.matching import Match, Matcher, MovieRow
from ratings.models import Effect, ImportCounts, ImportReport, ImportRow, RowStatus
from storage.own_ratings import OwnRatings, Seen, Stars

LISTED_IN = "It is only listed: the file does not say that it was seen."


@dataclass(frozen=True, slots=True)
class Plan:
    """An import as it would be done: its report, and what is to be stored."""

    report: ImportReport
    rated: list[Stars]
    seen: list[Seen]


class _Stored(NamedTuple):
    """All that is stored of the caller."""

    rated: dict[int, Stars]
    seen: set[int]


async def import_ratings(
    catalogue: Catalogue,
    ratings: OwnRatings,
    account_id: str,
    data: bytes,
    *,
    filename: str = "",
    choices: Mapping[int, int] | None = None,
    preview: bool = False,
    now: datetime,
) -> ImportReport:
    """Read an export, and store what is certain or chosen in one transaction; with `preview` nothing is stored.

    Args:
        catalogue: the movies that there are.
        ratings: where they are stored.
        account_id: whose they are.
        data: the file's bytes.
        filename: its name, where it has one: a Letterboxd watchlist and a list of watched films differ by nothing else.
        choices: movie ids by row, for rows that could be several movies or none.
        preview: tell only.
        now: the time, for what has no date.

    Raises:
        Invalid: The file is no export that is known, or a choice names no row or no movie.
    """
    stored = _Stored(
        {own.movie_id: own for own in await ratings.all(account_id)},
        {seen.movie_id for seen in await ratings.seen(account_id)},
    )
    movies = await load_movies(catalogue)

    def planned() -> Plan:
        return plan(read_export(data, filename, now), Matcher(movies), stored, choices or {}, now, preview=preview)

    made = await asyncio.to_thread(planned)
    if not preview and (made.rated or made.seen):
        await ratings.add(account_id, made.rated, made.seen)
    return made.report


def plan(
    export: Export, matcher: Matcher, stored: _Stored, choices: Mapping[int, int], now: datetime, *, preview: bool
) -> Plan:
    """The report of an export, and what of it is to be stored."""
    _check(choices, len(export.entries), matcher)
    undated = min((entry.rated_at for entry in export.entries if entry.rated_at), default=now)
    matches = [_matched(entry, matcher, choices.get(row)) for row, entry in enumerate(export.entries, 1)]
    matches = _apart(export.entries, matches)
    counted = _counted(export.entries, matches)
    rows: list[ImportRow] = []
    rated: list[Stars] = []
    seen: list[Seen] = []
    for number, (entry, match) in enumerate(zip(export.entries, matches, strict=True), 1):
        movie_id = match.movie.movie_id if match.movie else -1
        counts_instead = counted.get(movie_id, number)
        effect = _effect(entry, movie_id, stored) if match.movie and counts_instead == number else None
        if effect in ("new", "changed") and entry.stars is not None:
            rated.append(Stars(movie_id, entry.stars, entry.rated_at or undated))
        elif effect == "seen":
            seen.append(Seen(movie_id, entry.rated_at or undated))
        duplicate_of = counts_instead if counts_instead != number else None
        rows.append(_row(number, entry, match, effect, stored.rated.get(movie_id), duplicate_of))
    return Plan(_report(export, rows, preview=preview), rated, seen)


def _report(export: Export, rows: list[ImportRow], *, preview: bool) -> ImportReport:
    return ImportReport(
        format=export.format,
        detected=export.detected,
        preview=preview,
        counts=_counts(rows),
        notes=export.notes,
        rows=rows,
    )


async def load_movies(catalogue: Catalogue) -> list[MovieRow]:
    """All movies of a catalogue as entries are matched with them, the most rated first."""
    rows = await catalogue.fetch(
        """
        SELECT movie_id, title, source_title, year, CAST(imdb_id AS INTEGER), tmdb_id, rating_count FROM movies
        ORDER BY rating_count DESC, movie_id
        """
    )
    return [MovieRow._make(row) for row in rows]


def _check(choices: Mapping[int, int], rows: int, matcher: Matcher) -> None:
    for row, movie_id in choices.items():
        if not 1 <= row <= rows:
            raise Invalid(f"A choice names row {row}; the file has {rows}.")
        if matcher.movie(movie_id) is None:
            raise Invalid(f"A choice for row {row} names movie {movie_id}, which the catalogue does not have.")


def _matched(entry: Entry, matcher: Matcher, choice: int | None) -> Match:
    if entry.problem:
        return Match(None, (), entry.problem)
    if choice is not None:
        return Match(matcher.movie(choice))
    return matcher.match(entry)


def _apart(entries: Sequence[Entry], matches: Sequence[Match]) -> list[Match]:
    """The matches without those of a movie that the file has of its own year, too: the other is another movie."""
    exact = {m.movie.movie_id for e, m in zip(entries, matches, strict=True) if m.movie and m.movie.year == e.year}
    return [
        Match(None, (match.movie,), "The file has this movie, and this one is of another year.")
        if match.movie and match.by_title and match.movie.year != entry.year and match.movie.movie_id in exact
        else match
        for entry, match in zip(entries, matches, strict=True)
    ]


def _counted(entries: Sequence[Entry], matches: Sequence[Match]) -> dict[int, int]:
    """The row that counts for each movie: a rated one before one that is not, then the newest, then the last."""
    best: dict[int, tuple[bool, float, int]] = {}
    for number, (entry, match) in enumerate(zip(entries, matches, strict=True), 1):
        if match.movie is not None:
            rank = (entry.stars is not None, entry.rated_at.timestamp() if entry.rated_at else -1e12, number)
            best[match.movie.movie_id] = max(best.get(match.movie.movie_id, rank), rank)
    return {movie_id: number for movie_id, (*_, number) in best.items()}


def _effect(entry: Entry, movie_id: int, stored: _Stored) -> Effect | None:
    """The effect of storing an entry: the newest date wins, and what has none never takes another's place."""
    already = stored.rated.get(movie_id)
    if entry.stars is None:
        return "seen" if entry.seen and already is None and movie_id not in stored.seen else None
    if already is None:
        return "new"
    if already.stars == entry.stars:
        return "unchanged"
    return "changed" if entry.rated_at is not None and entry.rated_at >= already.rated_at else "older"


def _row(
    number: int, entry: Entry, match: Match, effect: Effect | None, already: Stars | None, duplicate_of: int | None
) -> ImportRow:
    status, reason = _status(entry, match, duplicate_of)
    if effect == "older" and already is not None:
        since = f"of {already.rated_at:%Y-%m-%d}" if entry.rated_at else "has a date and this one has none, and"
        reason = f"The rating that is stored here {since} stays."
    return ImportRow(
        row=number,
        file=entry.file,
        line=entry.line,
        title=entry.title or entry.other_title,
        year=entry.year,
        stars=entry.stars,
        rated_at=entry.rated_at,
        status=status,
        effect=effect,
        movie=_named(match.movie) if match.movie else None,
        candidates=[_named(movie) for movie in match.candidates],
        reason=reason or entry.remark or None,
        already=already.stars if already else None,
    )


def _status(entry: Entry, match: Match, duplicate_of: int | None) -> tuple[RowStatus, str]:
    if entry.problem:
        return "invalid", entry.problem
    if match.movie is None:
        return ("ambiguous" if match.candidates else "unknown"), match.reason
    if duplicate_of is not None:
        return "duplicate", f"Row {duplicate_of} is the same movie, and counts."
    if entry.stars is None:
        return "unrated", match.reason if entry.seen else LISTED_IN
    return "matched", match.reason


def _named(movie: MovieRow) -> MovieName:
    return MovieName(movie_id=movie.movie_id, title=movie.title, year=movie.year)


def _counts(rows: Sequence[ImportRow]) -> ImportCounts:
    found = Counter[str]([row.status for row in rows])
    found.update(row.effect for row in rows if row.effect)
    return ImportCounts(rows=len(rows), **found)
