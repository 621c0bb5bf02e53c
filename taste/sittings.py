"""Likes that follow within a sitting: counted transitions from movie to movie, beside the taste of sets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from taste.deferred import sparse as sp
from taste.interactions import Floats, Indices, Longs, Mask, Ratings, Sparse, mean_rank

MOST_ITEMS = 8_000  # the most frequent, for which transitions are counted: a dense matrix
MOST_NEXT = 200  # transitions kept of each item
REACH = 2  # spans after which the weight of a pair is let go
SAME_SITTING = 3600  # seconds between two ratings at most
PART = 1_000_000  # ratings counted at once, to bound memory
MOST_PARTS = 8  # more change little and cost time


@dataclass(frozen=True, slots=True)
class SittingConfig:
    """Hyper-parameters of what comes next.

    Attributes:
        weight: of transitions beside taste, while the sitting goes on; 0 leaves them out.
        recency: what the newest ratings' weight for taste has more than that of old ones.
        memory: ratings after which what was rated has faded to 1/e of its weight for what comes next.
        pause: seconds after which a sitting has come to its end by 1/e.
        span: ratings between two after which the weight of their transition has fallen to 1/e.
        shrink: counts that a movie's transitions are shrunk by.
    """

    weight: float = 3.0
    recency: float = 2.0
    memory: float = 3.0
    pause: float = 3600.0
    span: float = 10.0
    shrink: float = 80.0


def fit_next(ratings: Ratings, place: Indices, liked: float, config: SittingConfig) -> Sparse:
    """Weights of items by how much more often they are liked soon after another was rated than after any.

    T_ij = (c_ij − c_i· c_·j / c··) / (c_i· + shrink), where positive: what was rated, liked or not, tells in which of
    the site's lists a person is.

    Args:
        ratings: of all users.
        place: int32 [n_movies], the item of each movie, -1 for none.
        liked: stars from which what came next counts.
        config: hyper-parameters.

    Returns:
        csr_array float32 [n_items, n_items], row: what was rated; column: what was liked next.
    """
    n = int((place >= 0).sum())
    item = place[ratings.movie_index]
    frequency = np.bincount(item[item >= 0], minlength=n)
    chosen = np.sort(np.argsort(-frequency, kind="stable")[:MOST_ITEMS]).astype(np.int32)
    column = np.full(n + 1, -1, np.int64)  # the last for movies that are no items
    column[chosen] = np.arange(len(chosen))
    counts = np.zeros((len(chosen), len(chosen)), np.float32)
    for first, last in _parts(ratings.indptr):
        part = slice(ratings.indptr[first], ratings.indptr[last])
        user = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(ratings.indptr[first : last + 1]))
        order = np.lexsort((ratings.timestamp[part], user))
        rated = (column[item[part]][order], ratings.timestamp[part][order], ratings.stars[part][order] >= liked)
        follows(counts, user, *rated, span=config.span)
    found = _lift(counts, config.shrink).tocoo()
    places = (chosen[found.coords[0]], chosen[found.coords[1]])
    return sp.csr_array((found.data, places), shape=(n, n), dtype=np.float32)


def follows(counts: Floats, user: Indices, item: Longs, timestamp: Longs, liked: Mask, *, span: float) -> None:
    """Count what was liked soon after what was rated: a pair weighs e^(−gap/span), one of the same second in both ways.

    Args:
        counts: float32 [n_items, n_items], to which is added: row, what came first; column, what was liked after it.
        user: int32 [nnz], ascending.
        item: int64 [nnz], what each of them rated; -1 counts for nothing but a step.
        timestamp: int64 [nnz], ascending within a user.
        liked: bool [nnz].
        span: in ratings.
    """
    rank = mean_rank(user, timestamp)
    flat, n_items = counts.reshape(-1), len(counts)
    for lag in range(1, int(REACH * span) + 1):
        near = (user[:-lag] == user[lag:]) & (timestamp[lag:] - timestamp[:-lag] <= SAME_SITTING)
        first = np.flatnonzero(near & (item[:-lag] >= 0) & (item[lag:] >= 0))
        then = first + lag
        gap = rank[then] - rank[first]
        for source, target, counted in ((first, then, liked[then]), (then, first, liked[first] & (gap == 0))):
            pair = item[source[counted]] * n_items + item[target[counted]]
            np.add.at(flat, pair, np.exp(-gap[counted] / span, dtype=np.float32))


def _parts(indptr: Longs) -> list[tuple[int, int]]:
    """Runs of users with about `PART` ratings each; of very many runs some, evenly spread."""
    edges = np.unique(np.searchsorted(indptr, np.arange(0, indptr[-1] + PART, PART))).clip(max=len(indptr) - 1)
    runs = list(pairwise(np.unique(edges).tolist()))
    return runs[:: -(-len(runs) // MOST_PARTS)] if runs else []


def _lift(counts: Floats, shrink: float) -> Sparse:
    """The largest positive lifts of each row; the counts are overwritten."""
    rows, total = counts.sum(axis=1), max(float(counts.sum(dtype=np.float64)), 1e-9)
    counts -= rows[:, None] * (counts.sum(axis=0) / np.float32(total))
    counts /= (rows + np.float32(shrink))[:, None]
    np.fill_diagonal(counts, 0)
    place = min(MOST_NEXT, len(counts))
    bar = np.partition(counts, len(counts) - place, axis=1)[:, len(counts) - place] if len(counts) else rows
    counts[counts < np.maximum(bar, np.float32(1e-6))[:, None]] = 0
    return sp.csr_array(counts)
