"""What the recommender is told: a catalogue's ratings, what is known of its movies, one person's profile. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Floats: TypeAlias = npt.NDArray[np.float32]
Indices: TypeAlias = npt.NDArray[np.int32]
Longs: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Sparse: TypeAlias = Any  # scipy.sparse.csr_array of float32: scipy carries no types

PRIOR_RATINGS = 20.0  # a movie's mean is pulled towards the catalogue's as if by this many ratings
PRIOR_OWN_RATINGS = 3.0  # the same for the mean of one person
USUAL_MEAN = 3.5  # stars; the mean of every MovieLens set


@dataclass(frozen=True, slots=True)
class Ratings:
    """All ratings of a catalogue, user-major.

    Attributes:
        indptr: int64 [n_users + 1], where each user's ratings begin.
        movie_index: int32 [nnz].
        stars: float32 [nnz], 0.5 to 5.
        timestamp: int64 [nnz], Unix seconds.
    """

    indptr: Longs
    movie_index: Indices
    stars: Floats
    timestamp: Longs

    @property
    def n_users(self) -> int:
        return len(self.indptr) - 1

    def profile(self, user: int) -> Profile:
        """What one of the catalogue's own users is known for, oldest first."""
        here = slice(int(self.indptr[user]), int(self.indptr[user + 1]))
        order = np.argsort(self.timestamp[here], kind="stable")
        return Profile(self.movie_index[here][order], self.stars[here][order], self.timestamp[here][order])


@dataclass(frozen=True, slots=True)
class Movies:
    """What is known of the movies without anybody's history; row i is movie_index i.

    Attributes:
        movie_ids: int64 [n], the external ids.
        years: int16 [n], 0 where unknown.
        features: csr_array float32 [n, n_features], weighted content (`content.content_features`).
        rating_count: int32 [n].
        rating_mean: float32 [n] stars, 0 where unrated.
    """

    movie_ids: Longs
    years: npt.NDArray[np.int16]
    features: Sparse
    rating_count: Indices
    rating_mean: Floats

    def __len__(self) -> int:
        return len(self.movie_ids)

    @property
    def mean_stars(self) -> float:
        """The mean of all ratings of the catalogue, in stars."""
        total = float(self.rating_count.sum(dtype=np.int64))
        return float(self.rating_mean.astype(np.float64) @ self.rating_count) / total if total else USUAL_MEAN

    def damped_mean(self, prior: float = PRIOR_RATINGS) -> Floats:
        """Bayesian means: (C·m + Σ stars) / (C + n), with m the catalogue's mean and C `prior` ratings; float32 [n] stars."""
        total = self.rating_mean * self.rating_count
        damped: Floats = ((prior * self.mean_stars + total) / (prior + self.rating_count)).astype(np.float32)
        return damped


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one person, oldest first. "Liked" enters as 5 stars, "disliked" as 0.5 to 1.

    Attributes:
        movie_index: int32 [k].
        stars: float32 [k], 0.5 to 5.
        timestamp: int64 [k], Unix seconds.
    """

    movie_index: Indices
    stars: Floats
    timestamp: Longs

    def __len__(self) -> int:
        return len(self.movie_index)

    @classmethod
    def empty(cls) -> Profile:
        return cls(np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int64))

    @classmethod
    def of_liked(cls, movie_index: Indices) -> Profile:
        """A profile of liked movies alone, all at the same time."""
        k = len(movie_index)
        return cls(np.asarray(movie_index, np.int32), np.full(k, 5, np.float32), np.zeros(k, np.int64))

    def latest(self) -> Profile:
        """The same person with one rating a movie: the last."""
        _, last = np.unique(self.movie_index[::-1], return_index=True)
        keep = np.sort(len(self) - 1 - last)
        return Profile(self.movie_index[keep], self.stars[keep], self.timestamp[keep])

    @property
    def mean(self) -> float:
        """The person's mean, pulled towards the usual one while ratings are few, in stars."""
        own = float(self.stars.sum(dtype=np.float64))
        return (own + PRIOR_OWN_RATINGS * USUAL_MEAN) / (len(self) + PRIOR_OWN_RATINGS)


def recency(timestamp: Longs, floor: float) -> Floats:
    """How much each of a person's n ratings weighs by its place in time: g + (1 − g)·(rank/n)², rank 1 the oldest.

    Ratings of the same second share their mean rank, so a list without times weighs evenly.
    """
    n = len(timestamp)
    _, place, count = np.unique(timestamp, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    rank = (last - (count - 1) / 2)[place]
    if len(count) == 1:
        return np.ones(n, np.float32)
    weight: Floats = (floor + (1 - floor) * (rank / n) ** 2).astype(np.float32)
    return weight


def signal(stars: Floats, mean: float, liked: float, lukewarm: float, dislike: float) -> Floats:
    """What a rating says: 1 where liked, `lukewarm` from the person's mean up to there, −`dislike` below both.

    Args:
        stars: float32 [k].
        mean: the person's mean in stars.
        liked: from here on a movie counts as liked, in stars.
        lukewarm: the weight of a movie that is neither liked nor below the mean.
        dislike: the weight, counted against, of the worst rating below the mean; milder ones in proportion.
    """
    bar = min(mean, liked)
    depth = np.clip((bar - stars) / max(bar - 0.5, 0.5), 0, 1)
    said: Floats = np.where(stars >= liked, 1.0, np.where(stars >= bar, lukewarm, -dislike * depth)).astype(np.float32)
    return said
