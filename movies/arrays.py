"""A whole catalogue at once: arrays for fitting the recommender, words for embedding. For a process of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from errors import NoCatalogue
from movies.tables import PART_KINDS, unpack
from movies.titles import has_original_title
from taste.content import content_features
from taste.interactions import Movies, Ratings


class Described(NamedTuple):
    """One movie with all that content is made of; 0 for an unknown year or mean, '' for no description.

    `tags` are the telling ones with their relevance, best first.
    """

    movie_id: int
    title: str
    year: int
    genres: list[str]
    tags: list[tuple[str, float]]
    description: str
    rating_count: int
    rating_mean: float
    source_title: str = ""


def load_described(path: Path) -> list[Described]:
    """All movies of a catalogue file, in order of ids."""
    with _opened(path) as db:
        rows = db.execute(
            """
            SELECT movie_id, title, coalesce(year, 0), genres, top_tags, coalesce(description, ''),
                   rating_count, coalesce(rating_mean, 0), source_title
            FROM movies ORDER BY movie_id
            """
        )
        return [Described._make((*row[:3], json.loads(row[3]), json.loads(row[4]), *row[5:])) for row in rows]


def load_movies(path: Path) -> Movies:
    """All movies of a catalogue file as the recommender takes them."""
    movies = load_described(path)
    years = np.array([movie.year for movie in movies], np.int16)
    texts = [movie.description for movie in movies]
    features = content_features(
        [movie.genres for movie in movies],
        years,
        [movie.tags for movie in movies],
        texts if any(texts) else None,
        [has_original_title(movie.source_title) for movie in movies],
    )
    return Movies(
        np.array([movie.movie_id for movie in movies], np.int64),
        years,
        features,
        np.array([movie.rating_count for movie in movies], np.int32),
        np.array([movie.rating_mean for movie in movies], np.float32),
    )


def load_ratings(path: Path) -> Ratings:
    """All ratings of a catalogue file, user by user in order of movies: about 16 bytes a rating."""
    with _opened(path) as db:
        blobs = db.execute("SELECT counts FROM rating_parts ORDER BY part")
        counts = np.frombuffer(b"".join(row[0] for row in blobs), PART_KINDS[1])
        indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        total, start = int(indptr[-1]), 0
        ratings = Ratings(indptr, np.empty(total, np.int32), np.empty(total, np.float32), np.empty(total, np.int64))
        for packed, times in db.execute("SELECT ratings, times FROM rating_parts ORDER BY part"):
            movies, half_stars = unpack(np.frombuffer(packed, PART_KINDS[2]))
            here = slice(start, start := start + len(movies))
            ratings.movie_index[here], ratings.stars[here] = movies, half_stars / 2
            ratings.timestamp[here] = np.frombuffer(times, PART_KINDS[3])
    return ratings


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise NoCatalogue(f"There is no catalogue at {path}")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            yield db
    except (sqlite3.DatabaseError, ValueError) as error:
        raise NoCatalogue(f"{path} is not a catalogue, or is damaged; import it again") from error
