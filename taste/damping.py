"""The mean of few ratings, held back by the mean of many."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy.typing as npt

Numbers = TypeVar("Numbers", float, npt.NDArray[Any])


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
