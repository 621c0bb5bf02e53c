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
FEWEST_OF_A_FIND = 5  # ratings from which a find is more than the word of one or two, when only finds are wanted
FINDS = 20  # ratings up to which a movie is a find, however little known a list is
RAREST = 0.05  # share of a plain list's median count up to which a movie is one, where ratings are many
FAR_FIND = 0.05  # worth of a find far from the taste beside one next to it
QUALITY = 1.5  # exponent of a star above the mean when only finds are wanted


@dataclass(frozen=True, slots=True)
class Reason:
    """One of the person's own movies and its exact share in a score (negative where it counts against)."""

    movie_index: int
    share: float


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a movie has its score, of which these are the shares: their sum is the score.

    Attributes:
        movies: of the person's own movies those that speak for it most, largest first.
        others: the share of all their other ratings, for and against.
        popularity: the share of what everybody likes.
    """

    movies: list[Reason]
    others: float = 0.0
    popularity: float = 0.0


@dataclass(frozen=True, slots=True)
class Ranked:
    """A list, best first.

    Attributes:
        movie_index: int32 [m].
        score: float32 [m]; comparable within one list only.
        basis: on what it rests.
        reasons: for each movie why it has its score; empty where they were not asked for.
    """

    movie_index: Indices
    score: Floats
    basis: Basis
    reasons: list[Reasons]


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


def reasons_of(index: Indices, shares: Floats, taste: Floats, popularity: Floats, k: int) -> list[Reasons]:
    """Rows of shares as reasons: the largest k that speak for each movie, all others in one, popularity.

    Args:
        index: int32 [m], the person's own movies; one named twice counts once.
        shares: float32 [targets, m].
        taste: float32 [targets], the scores by taste, of which these are shares.
        popularity: float32 [targets], what popularity adds.
        k: own movies named at most.
    """
    own, place = np.unique(index, return_inverse=True)
    together = np.zeros((len(own), len(shares)), np.float32)
    np.add.at(together, place, shares.T)
    found = []
    for row, whole, popular in zip(together.T, taste, popularity, strict=True):
        named = [Reason(int(own[i]), float(row[i])) for i in np.argsort(-row, kind="stable")[:k] if row[i] > 0]
        others = float(whole) - sum(reason.share for reason in named)
        found.append(Reasons(named, others, float(popular)))
    return found


def finds(scores: Floats, open_: Mask, usual: float, count: Indices, quality: Floats, novelty: float) -> Floats:
    """Scores by which little known movies lead: the more novelty, the fewer ratings a movie may have.

    Movies known to more than usual·2·(1 − novelty)^1.5 come after all others, and so do those that hardly anybody
    rated: their means are noise. Among the rest, quality counts besides.

    Args:
        scores: float32 [n], the less of them from popularity, the more novelty.
        open_: bool [n], what may appear; at least one.
        usual: the median count of ratings of the list without novelty.
        count: int32 [n], ratings of each movie.
        quality: float32 [n], damped means less that of all, in stars.
        novelty: above 0, to 1.
    """
    most = max(usual * max(2 * (1 - novelty) ** 1.5, RAREST), FINDS)
    late = np.where(count > most, 1 + count / max(float(count.max()), 1.0), 0)
    late += np.where(count < FEWEST_OF_A_FIND * novelty, 3 - count / FEWEST_OF_A_FIND, 0)
    eligible = open_ & (late == 0) if (open_ & (late == 0)).any() else open_
    low, high = float(scores[eligible].min()), float(scores[eligible].max())
    near = np.clip((scores - low) / max(high - low, 1e-9), 0, 1) + FAR_FIND * novelty
    worth = near * np.exp(QUALITY * novelty * quality)
    found: Floats = (worth - (float(worth[open_].max()) + 1) * late).astype(np.float32)
    return found
