"""From scores to a list: the best of what may appear, varied and with the popular held back where asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from taste.interactions import Floats, Indices, Longs, Mask

Basis: TypeAlias = Literal["personal", "seeds", "popular"]
NOTHING = np.empty(0, np.int32)
POOL_PER_PLACE = 15  # candidates for each place of a varied list
FEWEST_IN_POOL = 100
RUN = 128


@dataclass(frozen=True, slots=True)
class Reason:
    """One of the person's own movies and its exact share in the linear score (negative where it counts against)."""

    movie_index: int
    share: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """A list, best first.

    Attributes:
        movie_index: int32 [m].
        score: float32 [m]; comparable within one list only.
        basis: on what it rests.
        reasons: for each movie the person's own movies (or seeds) that contributed most.
    """

    movie_index: Indices
    score: Floats
    basis: Basis
    reasons: list[list[Reason]]


def select(scores: Floats, k: int, open_: Mask, vectors: Floats, diversity: float = 0.0) -> Indices:
    """The best k of the open movies, best first.

    Args:
        scores: float32 [n].
        k: at most so many.
        open_: bool [n], what may appear.
        vectors: float32 [n, width], unit rows: what the movies are about.
        diversity: 0 to 1, weight of being unlike those above (MMR, Carbonell & Goldstein 1998).
    """
    if not diversity:
        return best(scores, open_, k)
    pool = best(scores, open_, max(k * POOL_PER_PLACE, FEWEST_IN_POOL))
    return pool[mmr(unit(scores[pool]), vectors[pool], k, diversity)] if len(pool) else pool


def best(scores: Floats, open_: Mask, k: int) -> Indices:
    """The k open movies of the highest scores, best first; ties by index."""
    masked = np.where(open_, scores, -np.inf)
    k = min(k, int(open_.sum()))
    if k <= 0:
        return NOTHING
    # The k-th of the maxima of runs bounds the k-th score from below, and is found in a tenth of the time.
    runs = len(masked) // RUN
    bar = (
        np.partition(masked[: runs * RUN].reshape(runs, RUN).max(axis=1), runs - k)[runs - k] if runs >= k else -np.inf
    )
    places = np.flatnonzero((masked >= bar) & open_)
    ordered: Indices = places[np.lexsort((places, -masked[places]))].astype(np.int32)
    return ordered[:k]


def mmr(relevance: Floats, vectors: Floats, k: int, diversity: float) -> Longs:
    """Maximal marginal relevance: next is the most relevant and least near to those chosen; places in the pool."""
    nearness = np.zeros(len(relevance), np.float32)
    left = np.ones(len(relevance), bool)
    chosen: list[int] = []
    while len(chosen) < min(k, len(relevance)):
        worth = np.where(left, (1 - diversity) * relevance - diversity * nearness, -np.inf)
        place = int(worth.argmax())
        chosen.append(place)
        left[place] = False
        nearness = np.maximum(nearness, vectors @ vectors[place])
    return np.array(chosen, np.int64)


def most_telling(vectors: Floats, known: Longs, asked: Floats, k: int) -> Longs:
    """Greedy D-optimal choice of k among vectors, by how many know each and given those asked already; places."""
    precision = np.eye(vectors.shape[1]) + asked.T.astype(np.float64) @ asked
    covariance = np.linalg.inv(precision)
    left = np.asarray(known, np.float64).copy()
    chosen: list[int] = []
    for _ in range(min(k, len(vectors))):
        pulls = vectors @ covariance
        place = int(np.argmax(np.einsum("ij,ij->i", pulls, vectors) * left))
        chosen.append(place)
        left[place] = 0
        pull = covariance @ vectors[place]
        covariance -= np.outer(pull, pull) / (1 + vectors[place] @ pull)
    return np.array(chosen, np.int64)


def unit(values: Floats) -> Floats:
    """Brought to 0..1."""
    if not len(values):
        return values
    low, high = float(values.min()), float(values.max())
    scaled: Floats = (values - low) / max(high - low, 1e-9)
    return scaled


def standard(values: Floats, open_: Mask) -> Floats:
    """Brought to mean 0 and deviation 1 over the open movies."""
    seen = values[open_]
    if not len(seen):
        return values
    scaled: Floats = (values - seen.mean()) / max(float(seen.std()), 1e-9)
    return scaled


def top_reasons(index: Indices, shares: Floats, k: int) -> list[Reason]:
    """The k largest shares that speak for a movie, largest first."""
    order = np.argsort(-shares, kind="stable")[:k]
    return [Reason(int(index[i]), float(shares[i])) for i in order if shares[i] > 0]
