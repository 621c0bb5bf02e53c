"""Statistics of the import over ratings: arrays in, arrays out. No SQL, no files.

Ratings over time are kept in two packed forms, both counted back from the newest rating of all, so that "the last N" is
a prefix and never needs a scan: per movie by age in whole hours, newest first, and per whole day by movie index. Both
are little-endian uint32: 28 bits of an age have room for the 136 years that a timestamp can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from movies.tables import LAST_SECOND, MOST_MOVIES, TIME_BITS, pack, unpack
from taste.interactions import damped_mean

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HOUR, DAY = 3_600, 86_400  # seconds
HALVES = 10  # the histogram's bins: half a star to five stars
DENSE = 2**24  # ids below it are looked up in a table

LEAST_DAMPING, MOST_DAMPING = 5.0, 500.0
PIECE = 4_000_000  # ratings worked on at once


class MovieIndex:
    """From ids to positions in their ascending order; `of` gives -1 for an id that is not there."""

    def __init__(self, ids: Ints) -> None:
        self.ids = ids
        self._table = np.full(0, -1, np.int32)
        if len(ids) and ids[-1] < DENSE:
            self._table = np.full(int(ids[-1]) + 1, -1, np.int32)
            self._table[ids] = np.arange(len(ids))

    def of(self, ids: Ints) -> Ints:
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        if len(self._table):
            return np.where(ids < len(self._table), self._table.take(ids, mode="clip"), -1).astype(np.int64)
        at = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
        return np.where(self.ids[at] == ids, at, -1)


class Summary(NamedTuple):
    """Per movie, in order of movie index. `histogram` is int64 [movies, 10]; `scores` in stars."""

    histogram: Ints
    counts: Ints
    means: Floats
    scores: Floats
    damping: float
    overall_mean: float


class RatingStats:
    """Collects ratings in batches. Holds 8 bytes a rating until the histories are made."""

    def __init__(self, movies: int) -> None:
        if movies > MOST_MOVIES:
            raise ValueError("more movies than a packed rating can tell apart")
        self._movies = movies
        self._bins = np.zeros(movies * HALVES, np.int64)
        self._packed: list[Ints] = []
        self.oldest, self.newest = LAST_SECOND, 0

    def add(self, movie_index: Ints, half_stars: Ints, timestamp: Ints) -> None:
        """Take ratings, at least one."""
        self._bins += np.bincount(movie_index * HALVES + half_stars - 1, minlength=len(self._bins))
        self.oldest = min(self.oldest, int(timestamp.min()))
        self.newest = max(self.newest, int(timestamp.max()))
        newest_first = LAST_SECOND - timestamp
        self._packed.append(pack(movie_index << TIME_BITS | newest_first, half_stars))

    def summary(self) -> Summary:
        """Count, mean and score: the mean damped by that of all ratings.

        The damping is the mean number of ratings of a rated movie, held between 5 and 500: a movie is believed as much
        as its catalogue's typical movie when it has as many ratings as that one.
        """
        histogram = self._bins.reshape(-1, HALVES)
        count = histogram.sum(axis=1)
        stars = histogram @ (np.arange(1, HALVES + 1) / 2)
        total = int(count.sum())
        overall = float(stars.sum() / total) if total else 0.0
        damping = float(np.clip(total / max(int((count > 0).sum()), 1), LEAST_DAMPING, MOST_DAMPING))
        mean = np.divide(stars, count, out=np.full(len(count), np.nan), where=count > 0)
        return Summary(histogram, count, mean, damped_mean(stars, count, overall, damping), damping, overall)

    def histories(self) -> Histories:
        """Sort the ratings by movie and by day. Ends the collecting, and takes 12 bytes a rating."""
        packed = _drain(self._packed)
        by_day = _days(packed, self.newest)
        packed.sort()
        by_movie = packed.view("<u4")[: len(packed)]  # in the place of ratings already read
        for here in _pieces(len(packed)):
            key, half_stars = unpack(packed[here])
            by_movie[here] = pack(_age(key, self.newest, HOUR), half_stars)
        return Histories(self._bins.reshape(-1, HALVES).sum(axis=1), by_movie, by_day)


class Histories(NamedTuple):
    """All ratings by movie, newest first, and by day."""

    movie_counts: Ints
    ratings: npt.NDArray[np.uint32]
    by_day: dict[int, list[npt.NDArray[np.uint32]]]

    def of_movies(self) -> Iterator[tuple[int, bytes]]:
        """Yield (movie index, its ratings packed by age) for every rated movie."""
        end = 0
        for movie, count in enumerate(self.movie_counts.tolist()):
            if count:
                yield movie, self.ratings[end : end + count].tobytes()
                end += count

    def of_days(self) -> Iterator[tuple[int, bytes]]:
        """Yield (age, that day's ratings packed by movie index) for every day that has any."""
        for age in sorted(self.by_day):
            yield age, b"".join(part.tobytes() for part in self.by_day[age])


def run_starts(keys: Ints) -> Ints:
    """The starts of the runs of equal keys, and the end of the last."""
    return np.concatenate([[0], np.flatnonzero(np.diff(keys)) + 1, [len(keys)]]) if len(keys) else np.zeros(1, np.int64)


def _drain(parts: list[Ints]) -> Ints:
    """Join arrays, giving each back to the system as soon as it is copied."""
    whole = np.empty(sum(map(len, parts)), np.int64)
    end = len(whole)
    while parts:
        part = parts.pop()
        whole[end - len(part) : end] = part
        end -= len(part)
    return whole


def _pieces(length: int) -> Iterator[slice]:
    return (slice(start, min(start + PIECE, length)) for start in range(0, length, PIECE))


def _age(key: Ints, newest: int, unit: int) -> Ints:
    """Whole hours or days before the newest rating."""
    return np.asarray(((key & LAST_SECOND) - (LAST_SECOND - newest)) // unit, np.int64)


def _days(packed: Ints, newest: int) -> dict[int, list[npt.NDArray[np.uint32]]]:
    """Group ratings by day, piece by piece; numpy sorts 16-bit numbers by radix, far faster than longer ones."""
    days: dict[int, list[npt.NDArray[np.uint32]]] = {}
    for here in _pieces(len(packed)):
        key, half_stars = unpack(packed[here])
        age = _age(key, newest, DAY).astype(np.uint16)
        rated = pack(key >> TIME_BITS, half_stars).astype("<u4")[np.argsort(age, kind="stable")]
        counts = np.bincount(age)
        ends = np.cumsum(counts).tolist()
        for day in np.flatnonzero(counts).tolist():
            days.setdefault(day, []).append(rated[ends[day] - counts[day] : ends[day]])
    return days
