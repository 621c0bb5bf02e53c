"""The recommender's input as arrays: a catalogue's ratings, its movies, one person's profile.

The import takes the damped mean from here, so nothing in here may bring scipy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Numbers = TypeVar("Numbers", float, npt.NDArray[Any])
Floats: TypeAlias = npt.NDArray[np.float32]
Indices: TypeAlias = npt.NDArray[np.int32]
Longs: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Sparse: TypeAlias = Any  # scipy.sparse.csr_array of float32: scipy carries no types

PRIOR_RATINGS = 20.0  # a movie's mean is pulled towards the catalogue's as if by this many ratings
PRIOR_OWN_RATINGS = 3.0  # the same for the mean of one person
USUAL_MEAN = 3.5  # stars; the mean of every MovieLens set
ABOVE_MEAN, LEAST_LIKED = 0.5, 3.0  # stars above the own mean from which a movie is liked; and at the least


@dataclass(frozen=True, slots=True)
class SignalConfig:
    """The weights of what a rating says.

    Attributes:
        liked: from here on a movie counts as liked, in stars; of a harsh rater from less on.
        emphasis: what each star above `liked` adds to 1.
        lukewarm: weight of a rating up to a star below `liked`.
        dislike: weight against of half a star; milder ratings below the person's mean in proportion.
    """

    liked: float = 4.0
    emphasis: float = 0.3
    lukewarm: float = 0.2
    dislike: float = 0.2


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

    @property
    def users(self) -> Indices:
        """The user of each rating; int32 [nnz]."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), np.diff(self.indptr))

    def profile(self, user: int) -> Profile:
        """The ratings of one of the catalogue's own users, oldest first."""
        start, stop = self.indptr[user : user + 2]
        return self.part(start + np.argsort(self.timestamp[start:stop], kind="stable"))

    def part(self, places: Longs | slice) -> Profile:
        """Some of the ratings, as one person's."""
        return Profile(self.movie_index[places], self.stars[places], self.timestamp[places])


@dataclass(frozen=True, slots=True)
class Movies:
    """The movies without anybody's history; row i is movie_index i.

    Attributes:
        movie_ids: int64 [n], the external ids.
        years: int16 [n], 0 where unknown.
        features: csr_array float32 [n, n_features], weighted content (`taste.content.content_features`).
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

    def damped_means(self) -> Floats:
        """Each movie's mean, damped by the catalogue's; float32 [n] stars."""
        stars = self.rating_mean * self.rating_count
        damped: Floats = damped_mean(stars, self.rating_count, self.mean_stars, PRIOR_RATINGS).astype(np.float32)
        return damped


@dataclass(frozen=True, slots=True)
class Profile:
    """One person's ratings, oldest first. A bare like enters as 5 stars, a bare dislike as 1.

    Attributes:
        movie_index: int32 [k].
        stars: float32 [k], 0.5 to 5.
        timestamp: int64 [k], Unix seconds.
        now: Unix seconds at which something is asked of them; None where time is to play no part.
    """

    movie_index: Indices
    stars: Floats
    timestamp: Longs
    now: float | None = None

    def __len__(self) -> int:
        return len(self.movie_index)

    @classmethod
    def empty(cls) -> Profile:
        return cls(np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int64))

    def latest(self) -> Profile:
        """The same person with one rating a movie: the last."""
        _, last = np.unique(self.movie_index[::-1], return_index=True)
        return self.part(np.sort(len(self) - 1 - last))

    def part(self, places: Longs) -> Profile:
        """Some of the person's ratings."""
        return Profile(self.movie_index[places], self.stars[places], self.timestamp[places], self.now)

    @property
    def mean(self) -> float:
        """The person's mean, pulled towards the usual one while ratings are few, in stars."""
        return damped_mean(float(self.stars.sum(dtype=np.float64)), len(self), USUAL_MEAN, PRIOR_OWN_RATINGS)


def damped_mean(stars: Numbers, count: Numbers, mean: float, damping: float) -> Numbers:
    """Bayesian mean: (C·m + Σ stars) / (C + n), as if C further ratings had been m.

    Args:
        stars: the sum of the ratings, of one movie or person or of each of many.
        count: n, the number of ratings: a whole number, or as many as `stars`.
        mean: m, the mean of all.
        damping: C.

    >>> damped_mean(5.0 + 5.0, 2, mean=3.5, damping=3.0)
    4.1
    """
    return (damping * mean + stars) / (damping + count)


def mean_rank(user: Indices, timestamp: Longs) -> Floats:
    """Each rating's place in its user's order of time, the oldest 1; those of the same second share their mean place.

    Args:
        user: int32 [nnz], ascending.
        timestamp: int64 [nnz] Unix seconds, ascending within a user.

    >>> mean_rank(np.array([7, 7, 7], np.int32), np.array([100, 100, 200]))
    array([1.5, 1.5, 3. ], dtype=float32)
    """
    n = len(user)
    new_user = np.append(True, user[1:] != user[:-1])[:n]
    new_time = new_user | np.append(True, timestamp[1:] != timestamp[:-1])[:n]
    first_of_user = np.flatnonzero(new_user)[np.cumsum(new_user) - 1]
    first_of_time = np.flatnonzero(new_time)
    size = np.diff(np.append(first_of_time, n))
    middle = (first_of_time + (size - 1) / 2)[np.cumsum(new_time) - 1]
    rank: Floats = (middle - first_of_user + 1).astype(np.float32)
    return rank


def freshness(profile: Profile, span: float, pause: float) -> Floats:
    """Each rating's part in the sitting that goes on, 0 to 1: e^(−(n − rank)/span − elapsed/pause).

    All are 0 where no time is asked for, or where one second for all says that the ratings have no times of their own.

    Args:
        profile: its ratings oldest first.
        span: ratings after which the weight has fallen to 1/e.
        pause: seconds until now after which it has.
    """
    n = len(profile)
    if profile.now is None or not n or profile.timestamp[0] == profile.timestamp[-1]:
        return np.zeros(n, np.float32)
    rank = mean_rank(np.zeros(n, np.int32), profile.timestamp)
    elapsed = np.maximum(profile.now - profile.timestamp, 0)
    fresh: Floats = np.exp((rank - rank[-1]) / span - elapsed / pause).astype(np.float32)
    return fresh


def signal(stars: Floats, config: SignalConfig, mean: float = 0.0) -> Floats:
    """The weights of ratings: 1 and more where liked, a little where nearly, and something against below the own mean.

    Who rates harshly likes what is half a star above their mean: `liked` is the most that it takes.

    Args:
        stars: float32 [k].
        config: the weights.
        mean: the person's mean in stars; 0 where it does not count.

    >>> harsh = np.array([3.5, 3.0, 1.0, 0.5], np.float32)
    >>> signal(harsh, SignalConfig(), mean=2.4).round(2)
    array([ 1.15,  1.  , -0.15, -0.2 ], dtype=float32)
    """
    liked = min(config.liked, max(mean + ABOVE_MEAN, LEAST_LIKED)) if mean else config.liked
    bar = min(mean, liked)
    depth = np.clip((bar - stars) / max(bar - 0.5, 0.5), 0, 1)
    said = np.where(stars >= liked - 1, np.float32(config.lukewarm), 0)
    said = np.where(stars < bar, -config.dislike * depth, said)
    said = np.where(stars >= liked, 1 + config.emphasis * (stars - liked), said)
    weights: Floats = said.astype(np.float32)
    return weights
