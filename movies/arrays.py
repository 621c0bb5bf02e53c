"""A whole catalogue as numpy arrays, for fitting the recommender. Synchronous: for a process of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from errors import NoCatalogue

BATCH = 1_000_000  # rows on their way into the arrays


@dataclass(frozen=True)
class MovieArrays:
    """What is known of each movie, by movie index: the position in ascending order of ids.

    Attributes:
        movie_ids: int64 [movies], ascending.
        years: int16 [movies]; 0 where unknown.
        rating_count: int32 [movies].
        rating_mean: float32 [movies] in stars; NaN where there is no rating.
        genres: names, per movie.
        tags: telling tags with their relevance, best first, per movie.
        titles: as an answer would call them, per movie.
        descriptions: per movie, '' where there is none; None where the catalogue has no descriptions at all.
    """

    movie_ids: npt.NDArray[np.int64]
    years: npt.NDArray[np.int16]
    rating_count: npt.NDArray[np.int32]
    rating_mean: npt.NDArray[np.float32]
    genres: list[list[str]]
    tags: list[list[tuple[str, float]]]
    titles: list[str]
    descriptions: list[str] | None


@dataclass(frozen=True)
class RatingArrays:
    """All ratings, user by user, each user's by ascending movie index (compressed sparse rows).

    Attributes:
        user_ids: int64 [users], ascending.
        indptr: int64 [users + 1]; user u's ratings are indptr[u] to indptr[u + 1].
        movie_index: int32 [ratings].
        stars: float32 [ratings].
        timestamp: int64 [ratings], seconds since 1970.
    """

    user_ids: npt.NDArray[np.int64]
    indptr: npt.NDArray[np.int64]
    movie_index: npt.NDArray[np.int32]
    stars: npt.NDArray[np.float32]
    timestamp: npt.NDArray[np.int64]


def load_movies(path: Path) -> MovieArrays:
    """Read all movies of a catalogue file."""
    with _opened(path) as db:
        rows = db.execute(
            """
            SELECT movie_id, coalesce(year, 0), rating_count, rating_mean, genres, top_tags, title,
                   coalesce(description, '')
            FROM movies ORDER BY movie_id
            """
        ).fetchall()
    ids, years, counts, means, genres, tags, titles, descriptions = zip(*rows, strict=True) if rows else ((),) * 8
    return MovieArrays(
        np.array(ids, np.int64),
        np.array(years, np.int16),
        np.array(counts, np.int32),
        np.array(means, np.float64).astype(np.float32),  # None becomes NaN
        [json.loads(names) for names in genres],
        [[(tag, relevance) for tag, relevance in json.loads(top)] for top in tags],
        list(titles),
        list(descriptions) if any(descriptions) else None,
    )


def load_ratings(path: Path) -> RatingArrays:
    """Read all ratings of a catalogue file: about 20 bytes a rating, and 16 MB besides."""
    with _opened(path) as db:
        users = db.execute("SELECT user_id, count(*) FROM ratings GROUP BY user_id ORDER BY user_id").fetchall()
        counts = np.array([count for _, count in users], np.int64)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        movie_ids = np.array(
            [movie_id for (movie_id,) in db.execute("SELECT movie_id FROM movies ORDER BY movie_id")], np.int64
        )
        total = int(indptr[-1])
        movie_index, stars, timestamp = (
            np.empty(total, np.int32),
            np.empty(total, np.float32),
            np.empty(total, np.int64),
        )
        rows = db.execute(
            """
            SELECT movie_id, timestamp << 4 | CAST(stars * 2 AS INTEGER) FROM ratings ORDER BY user_id, movie_id
            """
        )
        for start, batch in _batches(rows):
            part = slice(start, start + len(batch))
            movie_index[part] = np.searchsorted(movie_ids, batch[:, 0])
            stars[part] = (batch[:, 1] & 15) / 2
            timestamp[part] = batch[:, 1] >> 4
    return RatingArrays(np.array([user for user, _ in users], np.int64), indptr, movie_index, stars, timestamp)


def _batches(rows: sqlite3.Cursor) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Yield (position of the first row, int64 [rows, 2])."""
    start, flat = 0, chain.from_iterable(rows)
    while len(values := np.fromiter(islice(flat, 2 * BATCH), np.int64)):
        batch = values.reshape(-1, 2)
        yield start, batch
        start += len(batch)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise NoCatalogue(f"There is no catalogue at {path}")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            yield db
    except (sqlite3.DatabaseError, ValueError) as error:
        raise NoCatalogue(f"{path} is not a catalogue, or is damaged; import it again") from error
