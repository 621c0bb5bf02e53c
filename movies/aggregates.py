"""Counts over ratings in bulk: by movie, by month, by user, of all ratings or of some. Arrays in, arrays out.

Cells are counts by half-stars, int64 [groups, 16]: of them follow number, mean, least and most, and sums of cells are
cells again. Whole years of everybody's ratings are counted from columns that are read once, when first asked for: about
six bytes a rating stay in memory from then on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from movies.file import Row, RunQuery
from movies.models import Span
from movies.tables import PART_KINDS, STARS_VALUES, pack

EPOCH = date(1970, 1, 1)
DAY = 86_400  # seconds
AT_ONCE = 64  # parts that are joined: some million ratings, so that what is counted of each is worth its cells
DAYS = 2**16  # that the days of a part can tell, months of which fit beside half-stars into 16 bits

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Cells = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

T = TypeVar("T")


class Rated(NamedTuple):
    """Ratings of one person, each with its movie index, half-stars and days since 1970."""

    movies: Ints
    half_stars: Ints
    days: Ints


class Chosen(NamedTuple):
    """The ratings to count: of the movies of a mask, from the first to the last day, by one person or by everybody."""

    movies: Mask
    first: date | None = None
    last: date | None = None
    person: Rated | None = None

    @property
    def everything(self) -> bool:
        """True where every rating is to be counted."""
        return self.person is None and self.days is None and bool(self.movies.all())

    @property
    def days(self) -> tuple[int, int] | None:
        """The first and the last day since 1970; None for all time."""
        if self.first is None and self.last is None:
            return None
        return (self.first or EPOCH).toordinal() - _ORIGIN, (self.last or date.max).toordinal() - _ORIGIN


class Memberships(NamedTuple):
    """The movies of groups: pairs of a group's index in `names` and a movie's index."""

    names: list[str]
    groups: Ints
    movies: Ints


class Part(NamedTuple):
    """The ratings of some users, one user after the other."""

    users: Ints
    counts: npt.NDArray[np.uint32]
    ratings: npt.NDArray[np.uint32]
    days: npt.NDArray[np.uint16]


class Aggregates:
    """Counts over the ratings of a catalogue, through `run`, which takes SQL and returns rows."""

    def __init__(self, run: RunQuery) -> None:
        self._run = run
        self._histograms: asyncio.Task[Cells] | None = None
        self._columns: asyncio.Task[list[Part]] | None = None
        self._carriers: dict[str, Memberships] = {}
        self._groups: dict[str, Cells] = {}
        self._kept: dict[Callable[[Sequence[Part], Chosen], Any], Any] = {}

    async def by_movie(self, chosen: Chosen) -> Cells:
        """Cells of every movie; empty ones of those that are not chosen."""
        if chosen.person is not None:
            movies, half_stars, _ = _of_person(chosen.person, chosen)
            return _counted(pack(movies, half_stars), len(chosen.movies))
        if chosen.days is None:
            cells = np.zeros((len(chosen.movies), STARS_VALUES), np.int64)
            cells[chosen.movies] = (await self._all_histograms())[chosen.movies]
            return cells
        return await self._counted(_by_movie, chosen)

    async def by_month(self, chosen: Chosen) -> tuple[list[str], Cells]:
        """The months, `2016-03`, and cells of each that has any rating, in order of time."""
        if chosen.person is not None:
            _, half_stars, days = _of_person(chosen.person, chosen)
            cells = _counted(pack(_months()[days].astype(np.int64), half_stars), int(_months()[-1]) + 1)
        else:
            cells = await self._counted(_by_month, chosen)
        found = np.flatnonzero(cells.sum(axis=1))
        return [f"{1970 + month // 12}-{month % 12 + 1:02}" for month in found.tolist()], cells[found]

    async def by_user(self, chosen: Chosen) -> tuple[Ints, Ints, Ints]:
        """Of everybody: the ids of users, how many ratings each gave, and their sum in half-stars."""
        return await self._counted(_by_user, chosen)

    async def of_everybody(self, kind: str, of: Memberships) -> Cells:
        """Cells of the groups of a kind over all ratings, made in a thread and kept."""
        if kind not in self._groups:
            self._groups[kind] = await asyncio.to_thread(grouped, await self._all_histograms(), of)
        return self._groups[kind]

    async def carriers(self, table: str) -> Memberships:
        """The movies that carry each genre, or tag."""
        if table in self._carriers:
            return self._carriers[table]
        sql = {
            "genre": "SELECT name, carriers FROM genres ORDER BY genre_id",
            "tag": "SELECT tag, carriers FROM tag_names ORDER BY tag_id",
        }
        rows = await self._run(sql[table], ())
        movies = np.frombuffer(b"".join(carriers for _, carriers in rows), "<u4").astype(np.int64)
        lengths = [len(carriers) // 4 for _, carriers in rows]
        self._carriers[table] = Memberships(
            [name for name, _ in rows], np.repeat(np.arange(len(rows)), lengths), movies
        )
        return self._carriers[table]

    async def _counted(self, count: Callable[[Sequence[Part], Chosen], T], chosen: Chosen) -> T:
        """The counts of everybody, made in a thread; kept where it is of all movies and all time."""
        if not chosen.everything:
            return await asyncio.to_thread(count, await self._parts(), chosen)
        if count not in self._kept:
            self._kept[count] = await asyncio.to_thread(count, await self._parts(), chosen)
        kept: T = self._kept[count]
        return kept

    async def _all_histograms(self) -> Cells:
        if self._histograms is None or _failed(self._histograms):
            self._histograms = asyncio.create_task(self._read_histograms())
        return await asyncio.shield(self._histograms)

    async def _read_histograms(self) -> Cells:
        rows = await self._run("SELECT histogram FROM movies ORDER BY movie_index", ())

        def cells() -> Cells:
            read = np.zeros((len(rows), STARS_VALUES), np.int64)
            read[:, 1:11] = json.loads(f"[{','.join(row[0] for row in rows)}]") if rows else 0
            return read

        return await asyncio.to_thread(cells)

    async def _parts(self) -> list[Part]:
        if self._columns is None or _failed(self._columns):
            self._columns = asyncio.create_task(self._read_parts())
        return await asyncio.shield(self._columns)

    async def _read_parts(self) -> list[Part]:
        """Some of the parts after the other, so that few are in memory twice."""
        parts, numbers = [], [row[0] for row in await self._run("SELECT part FROM rating_parts ORDER BY part", ())]
        for first in range(0, len(numbers), AT_ONCE):
            rows = await self._run(
                "SELECT users, counts, ratings, times FROM rating_parts WHERE part BETWEEN ? AND ? ORDER BY part",
                (numbers[first], numbers[first : first + AT_ONCE][-1]),
            )
            parts.append(await asyncio.to_thread(_joined, rows))
        return parts


def _joined(rows: Sequence[Row]) -> Part:
    """Rows of `rating_parts` as one part."""
    columns = zip(*rows, strict=True)
    users, counts, ratings, times = (
        np.frombuffer(b"".join(blobs), kind) for blobs, kind in zip(columns, PART_KINDS, strict=True)
    )
    return Part(users, counts, ratings, (times // DAY).astype(np.uint16))


def _failed(task: asyncio.Task[T]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def number(cells: Cells) -> Ints:
    """The number of ratings in each row of cells."""
    total: Ints = cells[..., 1:].sum(axis=-1)
    return total


def means(cells: Cells) -> npt.NDArray[np.float64]:
    """The mean stars of each row of cells, NaN where it has none."""
    counts = number(cells)
    stars = cells @ (np.arange(STARS_VALUES) / 2)
    mean: npt.NDArray[np.float64] = np.divide(stars, counts, out=np.full(np.shape(counts), np.nan), where=counts > 0)
    return mean


def by_period(months: Sequence[str], cells: Cells, span: Span) -> tuple[list[str], Cells]:
    """The months, or years, from the first to the last, with cells of each; those in between may be empty.

    >>> periods, filled = by_period(["2016-12", "2018-01"], np.eye(2, STARS_VALUES, 1, np.int64), "year")
    >>> periods, number(filled).tolist()
    (['2016', '2017', '2018'], [1, 0, 1])
    """
    if not months:
        return [], cells
    kind = {"month": "datetime64[M]", "year": "datetime64[Y]"}[span]
    at = np.array(months, "datetime64[M]").astype(kind).astype(np.int64)
    filled = np.zeros((at[-1] - at[0] + 1, STARS_VALUES), np.int64)
    np.add.at(filled, at - at[0], cells)
    return np.arange(at[0], at[-1] + 1).astype(kind).astype(str).tolist(), filled


def grouped(cells: Cells, of: Memberships) -> Cells:
    """The cells of groups of movies."""
    counted = number(cells)[of.movies] > 0
    groups, movies = of.groups[counted], of.movies[counted]
    columns = [
        np.bincount(groups, cells[movies, half_stars], len(of.names)) if half_stars else np.zeros(len(of.names))
        for half_stars in range(STARS_VALUES)
    ]
    return np.stack(columns, axis=1).astype(np.int64)


_ORIGIN = EPOCH.toordinal()


def _months() -> npt.NDArray[np.uint16]:
    """The months since January 1970 of all days that a rating can have."""
    days = np.arange(DAYS).astype("datetime64[D]")
    return days.astype("datetime64[M]").astype(np.uint16)


def _of_person(rated: Rated, chosen: Chosen) -> Rated:
    kept = chosen.movies[rated.movies]
    if chosen.days is not None:
        kept &= (rated.days >= chosen.days[0]) & (rated.days <= chosen.days[1])
    return Rated(rated.movies[kept], rated.half_stars[kept], rated.days[kept])


def _by_movie(parts: Sequence[Part], chosen: Chosen) -> Cells:
    cells = np.zeros((len(chosen.movies), STARS_VALUES), np.int64)
    for part in parts:
        within = _within(part, chosen)
        cells += _counted(part.ratings if within is None else part.ratings[within], len(cells))
    cells[~chosen.movies] = 0
    return cells


def _by_month(parts: Sequence[Part], chosen: Chosen) -> Cells:
    months = _months()
    keys, of_chosen = months * np.uint16(STARS_VALUES), np.repeat(chosen.movies, STARS_VALUES)
    every = bool(chosen.movies.all())
    cells = np.zeros((int(months[-1]) + 1, STARS_VALUES), np.int64)
    for part in parts:
        ratings, days = part.ratings, part.days
        if (within := _within(part, chosen)) is not None:
            ratings, days = _those(within, ratings, days)
        if not every:
            ratings, days = _those(of_chosen[ratings], ratings, days)
        cells += _counted(keys[days] + (ratings & 15).astype(np.uint16), len(cells))
    return cells


def _those(
    mask: Mask, ratings: npt.NDArray[np.uint32], days: npt.NDArray[np.uint16]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]:
    """The ratings of a mask; by their places, which numpy finds and takes in a third of the time of the mask itself."""
    places = np.flatnonzero(mask)
    return ratings[places], days[places]


def _by_user(parts: Sequence[Part], chosen: Chosen) -> tuple[Ints, Ints, Ints]:
    values = _values(chosen)
    users, counts, sums = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for part in parts:
        given = _half_stars(part, chosen, values)
        starts = np.cumsum(part.counts, dtype=np.int64) - part.counts
        users.append(part.users)
        counts.append(np.add.reduceat(given > 0, starts, dtype=np.int64))
        sums.append(np.add.reduceat(given, starts, dtype=np.int64))
    return np.concatenate(users), np.concatenate(counts), np.concatenate(sums)


def _values(chosen: Chosen) -> Bytes:
    """The half-stars of every packed rating; 0 for movies that are not chosen."""
    return np.where(chosen.movies[:, None], np.arange(STARS_VALUES, dtype=np.uint8), np.uint8(0)).ravel()


def _half_stars(part: Part, chosen: Chosen, values: Bytes) -> Bytes:
    """The half-stars of the ratings of a part, 0 for those that are not chosen."""
    given = values[part.ratings]
    if (within := _within(part, chosen)) is not None:
        given *= within
    return given


def _within(part: Part, chosen: Chosen) -> Mask | None:
    """A mask of the ratings that were given in the period; None for all time."""
    if chosen.days is None:
        return None
    first, last = max(chosen.days[0], 0), min(chosen.days[1], DAYS - 1)
    return (part.days >= first) & (part.days <= last)


def _counted(packed: npt.NDArray[np.integer], rows: int) -> Cells:
    return np.bincount(packed, minlength=rows * STARS_VALUES).reshape(-1, STARS_VALUES)
