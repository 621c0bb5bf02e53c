"""Exports of other services, read: which one a file is, and its entries. Knows no catalogue.

- IMDb: `Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,…`; until 2024 without `Original Title`, until
  2017 `position,const,created,modified,description,Title,Title type,Directors,You rated,…`. 1 to 10 points.
- Letterboxd: a ZIP with `ratings.csv`, `diary.csv`, `watched.csv`, `likes/films.csv` and more, or one of them:
  `Date,Name,Year,Letterboxd URI,Rating`. Half stars; titles and years, no ids. Its import format has ids.
- Trakt: JSON lists of `{rating, rated_at, type, movie: {title, year, ids: {imdb, tmdb}}}`, alone or in a ZIP; of
  `watched-movies` and `watched-history` without a rating. 1 to 10 points.
- MovieLens: `userId,movieId,rating,timestamp` of one user; `movie_id,imdb_id,tmdb_id,rating,average_rating,title` as
  movielens.org exports an account.
- our own, as CSV in MovieLens's manner or JSON.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from io import StringIO
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from errors import Invalid
from movies.titles import split_year
from ratings.entries import Entry, clean, merged, whole_id, with_date, with_stars, year_of
from ratings.files import TextFile, read_files
from ratings.models import ExportFormat

MOST_ROWS = 50_000
LONGEST_FIELD = 100_000  # characters
MOST_HEADER = 10_000  # characters of a first line
DELIMITERS = ",;\t"
NO_MOVIE = "It names no movie: no title and no id."
KNOWN = "an IMDb, Letterboxd, Trakt or MovieLens export"

_NO_LETTER = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a CSV format by their plain names (`Your Rating` is `yourrating`), the first that is there.

    Attributes:
        needs: the columns that tell it from the others.
        scale: the most points that can be given.
        unrated_seen: whether a row without a rating is a movie that was seen.
    """

    format: ExportFormat
    name: str
    needs: frozenset[str]
    scale: int = 5
    rating: tuple[str, ...] = ("rating",)
    date: tuple[str, ...] = ("date",)
    title: tuple[str, ...] = ("title",)
    unrated_seen: bool = True


LAYOUTS = (  # the first that fits
    Layout(
        "imdb",
        "IMDb's ratings",
        frozenset({"const"}),
        scale=10,
        rating=("yourrating", "yourated"),
        date=("daterated", "created"),
        unrated_seen=False,
    ),
    Layout(
        "letterboxd",
        "Letterboxd's export",
        frozenset({"letterboxduri", "name", "year"}),
        date=("watcheddate", "date"),
        title=("name",),
    ),
    Layout(
        "letterboxd",
        "Letterboxd's import format",
        frozenset({"title", "rating10"}),
        scale=10,
        rating=("rating10",),
        date=("watcheddate",),
    ),
    Layout("marquee", "an export of this service", frozenset({"movieid", "rating", "imdbid", "date"})),
    Layout(
        "movielens",
        "MovieLens ratings",
        frozenset({"movieid", "rating"}),
        date=("timestamp",),
        unrated_seen=False,
    ),
)
NO_MOVIES = {  # IMDb's kinds of title, as they were and are written
    "tvseries": "a TV series",
    "tvminiseries": "a TV series",
    "miniseries": "a TV series",
    "tvepisode": "a TV episode",
    "episode": "a TV episode",
    "videogame": "a video game",
    "podcastseries": "a podcast",
    "podcastepisode": "a podcast",
    "musicvideo": "a music video",
    "serietv": "a TV series",
    "miniserietv": "a TV series",
    "fernsehserie": "a TV series",
}
NO_RATINGS = ("watchlist", "collection", "comments", "profile", "hidden", "followers", "following", "friends")
IN_ORDER = ("ratings", "diary", "reviews", "watched", "history", "films")  # the files of an archive that count, by rank


class Export(NamedTuple):
    """The content of an export."""

    format: ExportFormat
    detected: str
    entries: list[Entry]
    notes: list[str]


class _Read(NamedTuple):
    """One file, read."""

    format: ExportFormat
    name: str
    file: str
    entries: list[Entry]


def read_export(data: bytes, filename: str, now: datetime) -> Export:
    """Read a file that somebody sends. Its content decides what it is, whatever its name ends with.

    Raises:
        Invalid: It is no export that is known, or not whole, or too large.
    """
    files, archived = read_files(data, filename)
    if not archived:
        [file] = files
        read = _read(file, now)
        if read is None:
            raise Invalid(_unknown(file))
        listed = merged([read.entries]) if read.format in ("letterboxd", "trakt") else read.entries
        if any(word in file.name for word in NO_RATINGS):
            listed = [replace(entry, seen=False) for entry in listed]
        return _export(read.format, read.name, listed)
    return _of_archive(files, now)


def _of_archive(files: Sequence[TextFile], now: datetime) -> Export:
    """The files that count, each movie once."""
    ranked = sorted((rank, file) for file in files if (rank := _rank(file.name)) is not None)
    read = [found for _, file in ranked if (found := _read(file, now)) is not None]
    if not read:
        raise Invalid(f"The archive holds no ratings: {KNOWN} has ratings.csv or ratings-movies.json in it.")
    first = read[0]
    same = [found for found in read if found.format == first.format]
    groups = [[replace(entry, file=found.file) for entry in found.entries] for found in same]
    if "ratings" not in first.file:
        groups.insert(0, [])
    return _export(first.format, f"{first.name} ({', '.join(found.file for found in same)})", merged(groups))


def _rank(path: str) -> int | None:
    """The place of an archive's file among those that count; None of one that does not."""
    name, folder = PurePosixPath(path).name, PurePosixPath(path).parent.name
    if any(word in name for word in NO_RATINGS) or (folder == "likes" and name != "films.csv"):
        return None
    return next((rank for rank, word in enumerate(IN_ORDER) if word in name), None)


def _export(kind: ExportFormat, name: str, entries: list[Entry]) -> Export:
    if len(entries) > MOST_ROWS:
        raise Invalid(f"The file has {len(entries):,} entries; at most {MOST_ROWS:,} are taken at once.")
    notes = []
    if entries and not any(entry.stars or entry.seen or entry.problem for entry in entries):
        notes.append(
            "Nothing in it is rated, and it does not say that it was seen, as a watchlist does not. "
            "If this is Letterboxd's list of watched films, send it under its own name, watched.csv."
        )
    return Export(kind, clean(name), entries, notes)


def _read(file: TextFile, now: datetime) -> _Read | None:
    """A file as the first format that fits; None where none does."""
    name = clean(PurePosixPath(file.name).name)
    if file.text.lstrip()[:1] in ("[", "{"):
        return _of_json(file, name, now)
    rows = list(_rows(file))  # all, so that one too many is known before any is looked at
    header = rows.pop(0)[1] if rows else []
    columns = _columns(header)
    layout = next((layout for layout in LAYOUTS if layout.needs <= columns.keys()), None)
    if layout is None:
        return None
    entries = list(_entries(layout, header, rows, now))
    if layout.format == "letterboxd" and "rating" not in columns and not ("watched" in name or "films" in name):
        entries = [replace(entry, seen=False) for entry in entries]
    if layout.format == "letterboxd" and "watcheddate" not in columns:
        entries = _with_twins(entries)
    return _Read(layout.format, layout.name, name, entries)


# CSV


def _rows(file: TextFile) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV file with their numbers, without blank ones; divided by what divides the first most often."""
    head = file.text.lstrip()[:MOST_HEADER].partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(StringIO(file.text, newline=""), delimiter=delimiter, strict=True)
    line, count = 1, -1  # the header is no row
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                count += 1
                if count > MOST_ROWS:
                    raise Invalid(f"The file has more than {MOST_ROWS:,} rows; at most so many are taken at once.")
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise Invalid(f"{file.name or 'The file'} cannot be read from line {line} on: {error}.") from error


def _entries(
    layout: Layout, header: Sequence[str], rows: Iterable[tuple[int, list[str]]], now: datetime
) -> Iterator[Entry]:
    """The rows as entries; one with more or fewer fields than the header would be read wrongly, and is not."""
    columns = _columns(header)
    users: set[str] = set()
    for line, fields in rows:
        while len(fields) > len(header) and not fields[-1].strip():  # as spreadsheets add them
            fields.pop()
        if len(fields) != len(header):
            problem = f"It has {len(fields)} fields, and the header {len(header)}."
            yield Entry(title=clean(" ".join(fields))[:100], problem=problem, line=line)
            continue
        values = {column: fields[place].strip() for column, place in columns.items()}
        users.add(values.get("userid", ""))
        if len(users) > 1:
            raise Invalid(
                "These are the ratings of several users. One person's ratings can be imported here; "
                "a whole data set comes in by: python movielens.py import DIR"
            )
        yield _entry(layout, values, line, now)


def _with_twins(entries: list[Entry]) -> list[Entry]:
    """The entries, those marked that share title and year: Letterboxd lists a movie once, so they are several."""
    counts = Counter(entry.key for entry in entries)
    return [replace(entry, twin=counts[entry.key] > 1) for entry in entries]


def _columns(header: Sequence[str]) -> dict[str, int]:
    """The places of columns by their plain names; of two of one name the first."""
    return {_plain(column): place for place, column in reversed(list(enumerate(header)))}


def _entry(layout: Layout, values: dict[str, str], line: int, now: datetime) -> Entry:
    def first(names: Sequence[str]) -> str:
        return next((values[name] for name in names if values.get(name)), "")

    title = first(layout.title)
    movielens = layout.format in ("movielens", "marquee")
    entry = Entry(
        title=clean(title),
        year=year_of(first(("year", "releaseyear"))) or (split_year(title)[1] if movielens else None),
        other_title=clean(first(("originaltitle",))),
        imdb_id=whole_id(first(("const", "imdbid"))),
        tmdb_id=whole_id(first(("tmdbid",))),
        movie_id=whole_id(first(("movieid",))) if movielens else None,
        seen=layout.unrated_seen,
        kind=NO_MOVIES.get(_plain(first(("titletype",))), ""),
        line=line,
    )
    entry = with_date(with_stars(entry, first(layout.rating), layout.scale), first(layout.date), now)
    if not title and not any(entry.ids):
        return replace(entry, problem=NO_MOVIE)
    if layout.format == "movielens" and entry.stars is None and not entry.problem:
        return replace(entry, problem="It has no rating.")
    return entry


def _plain(column: str) -> str:
    """The name of a column as layouts have it: `Your Rating` is `yourrating`."""
    return _NO_LETTER.sub("", column.casefold())


def _unknown(file: TextFile) -> str:
    head = clean(file.text.lstrip()[:300].partition("\n")[0])[:120]
    return f"This is not {KNOWN}. Its first line is: {head}"


# JSON


def _of_json(file: TextFile, name: str, now: datetime) -> _Read | None:
    """Trakt's lists, or our own export."""
    try:
        document = json.loads(file.text)
    except (ValueError, RecursionError) as error:
        where = f"it is wrong in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "it is too deep"
        raise Invalid(f"{name or 'The file'} is no valid JSON: {where}.") from error
    if isinstance(document, dict) and document.get("format") == "marquee":
        entries = [_own(item, now) for item in _listed(document.get("ratings"))]
        return _Read("marquee", "an export of this service", name, entries)
    items = _listed(document)
    if isinstance(document, dict):
        items = [item for part in ("movies", "shows") for item in _listed(document.get(part))]
    entries = [_watched(item, now) for item in items]
    if not any(isinstance(item, dict) and _medium(item) for item in items):
        return None
    return _Read("trakt", "Trakt's export", name, entries)


def _listed(value: object) -> list[Any]:
    found = value if isinstance(value, list) else []
    if len(found) > MOST_ROWS:
        raise Invalid(f"The file has {len(found):,} entries; at most {MOST_ROWS:,} are taken at once.")
    return found


def _medium(item: dict[str, Any]) -> str:
    """The key under which Trakt tells of what was rated or watched."""
    return next((name for name in ("show", "movie", "season", "episode") if isinstance(item.get(name), dict)), "")


def _watched(item: object, now: datetime) -> Entry:
    """An item of Trakt's lists: rated, watched, or only listed."""
    if not isinstance(item, dict) or not (medium := _medium(item)):
        return Entry(problem="It is not in Trakt's layout: it has no movie.")
    about = item[medium]
    ids = about["ids"] if isinstance(about.get("ids"), dict) else {}
    date = item.get("rated_at") or item.get("last_watched_at") or item.get("watched_at")
    entry = Entry(
        title=clean(about.get("title")),
        year=year_of(about.get("year")),
        imdb_id=whole_id(ids.get("imdb")),
        tmdb_id=whole_id(ids.get("tmdb")) if medium == "movie" else None,
        seen=any(name in item for name in ("rating", "last_watched_at", "watched_at", "plays")),
        kind="" if medium == "movie" else "a TV series",
    )
    if not entry.title and not any(entry.ids):
        return replace(entry, problem=NO_MOVIE)
    return with_date(with_stars(entry, item.get("rating") or None, 10), date, now)


def _own(item: object, now: datetime) -> Entry:
    if not isinstance(item, dict):
        return Entry(problem="It is no rating.")
    entry = Entry(
        title=clean(item.get("title")),
        year=year_of(item.get("year")),
        imdb_id=whole_id(item.get("imdb_id")),
        tmdb_id=whole_id(item.get("tmdb_id")),
        movie_id=whole_id(item.get("movie_id")),
    )
    if not entry.title and not any(entry.ids):
        return replace(entry, problem=NO_MOVIE)
    return with_date(with_stars(entry, item.get("stars"), 5), item.get("rated_at"), now)
