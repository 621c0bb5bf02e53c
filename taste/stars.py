"""The stars that a person would give, and how far off that may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from taste.interactions import PRIOR_RATINGS, Floats, Indices, Movies, Ratings, damped_mean

OWN_DAMPING = 5.0  # ratings as if by which a person's mean deviation is pulled towards 0
NEAR_DAMPING = 2.0  # the same for the correction by near movies, in units of nearness²
KNOWN = np.array([0, 1, 3, 10, 30])  # ratings of a person from which a row of the spread holds
LOW, HIGH = 0.1, 0.9  # quantiles: between them lie four ratings of five
USUAL_SPREAD = np.tile(np.array([-1.28, 1.28], np.float32), (len(KNOWN), 1))  # before anything is measured
DRAWN_USERS, DRAWN_MOVIES = 500, 6  # whose errors are measured, and over how many movies of each

Near = Callable[[Indices, Indices], Floats]  # nearness of movies to movies, [first, second]


class Estimate(NamedTuple):
    """Stars, not yet cut to the scale, and the nearness² of each of the person's movies."""

    stars: float
    near: Floats


def estimate(mean: float, residual: Floats, near: Floats) -> Estimate:
    """r̂ = b_ui + Σ s_ij (r_uj − b_uj) / (2 + Σ s_ij), b_ui = movie's mean + person's mean deviation.

    Koren 2008, "Factorization meets the neighborhood", eq. 3 and 10; both parts are shrunk so that one rating does not
    do more harm than good.

    Args:
        mean: the movie's damped mean in stars.
        residual: float32 [k], the person's ratings less those movies' damped means.
        near: float32 [k], nearness of those movies to this one, 0 to about 1.
    """
    own = float(residual.sum()) / (len(residual) + OWN_DAMPING)
    weight = near**2
    correction = float(weight @ (residual - own)) / (NEAR_DAMPING + float(weight.sum()))
    return Estimate(mean + own + correction, weight)


def deviation(support: float) -> float:
    """The usual error of a prediction for a movie of so many ratings, up to a factor, in stars."""
    return 0.8 + 0.25 / float(np.sqrt(1 + support))


def spread_at(spread: Floats, known: int) -> tuple[float, float]:
    """The quantiles of errors, in deviations, for a person of so many ratings."""
    low, high = spread[np.searchsorted(KNOWN, known, side="right") - 1].tolist()
    return low, high


def measure_spread(ratings: Ratings, movies: Movies, near: Near) -> Floats:
    """Quantiles of the errors for users of the catalogue, each told of some ratings and asked for others.

    Means are taken without the user's own ratings.

    Returns:
        float32 [len(KNOWN), 2]: in deviations, the lower and the upper one.
    """
    draw = np.random.default_rng(0)
    errors: list[list[float]] = [[] for _ in KNOWN]
    enough = np.flatnonzero(np.diff(ratings.indptr) > DRAWN_MOVIES)
    for user in draw.permutation(enough)[:DRAWN_USERS].tolist():
        start, stop = ratings.indptr[user : user + 2]
        places = start + draw.permutation(stop - start)[: DRAWN_MOVIES + int(KNOWN[-1])]
        index, stars = ratings.movie_index[places], ratings.stars[places]
        mean, count = _without(movies, index, stars)
        likeness = near(index[:DRAWN_MOVIES], index[DRAWN_MOVIES:])
        residual = (stars - mean)[DRAWN_MOVIES:]
        for row, known in enumerate(known for known in KNOWN.tolist() if known <= len(residual)):
            for i in range(DRAWN_MOVIES):
                found = estimate(float(mean[i]), residual[:known], likeness[i, :known])
                errors[row].append((float(stars[i]) - found.stars) / deviation(float(count[i])))
    usual = USUAL_SPREAD[0]
    rows = [np.quantile(each, [LOW, HIGH]) if len(each) >= 100 else usual for each in errors]
    return np.stack(rows).astype(np.float32)


def _without(movies: Movies, index: Indices, stars: Floats) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Damped means and numbers of ratings of movies, had one person not rated them."""
    count = np.maximum(movies.rating_count[index] - 1, 0).astype(np.float64)
    total = movies.rating_mean[index].astype(np.float64) * movies.rating_count[index] - stars
    mean = damped_mean(np.where(count > 0, total, 0.0), count, movies.mean_stars, PRIOR_RATINGS)
    return np.asarray(mean, np.float32), count
