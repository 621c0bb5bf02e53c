"""Models that ours is measured against: most popular, and EASE, the plainest of the strong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from taste.interactions import Floats, Profile, Ratings, Sparse
from taste.linear_model import gram_matrix, invert
from training.evaluate import LIKED

Score: TypeAlias = Callable[[Profile], Floats]
MOST_ITEMS = 20_000  # of EASE's matrix
RIDGES = (400.0, 200.0, 800.0, 100.0, 1600.0)  # that are tried for it, the likeliest first


def liked_matrix(train: Ratings, n: int) -> Sparse:
    """Csr [n_users, n], 1 where liked."""
    kept = train.stars >= LIKED
    shape = (train.n_users, n)
    return sp.csr_array(
        (np.ones(int(kept.sum()), np.float32), (train.users[kept], train.movie_index[kept])), shape=shape
    )


def liked_row(profile: Profile, n: int) -> Floats:
    """A person's likes as 1, all else 0."""
    row = np.zeros(n, np.float32)
    row[profile.movie_index[profile.stars >= LIKED]] = 1
    return row


def fit_popular(train: Ratings, n: int) -> Score:
    """By how many liked it."""
    count = np.asarray(liked_matrix(train, n).sum(axis=0), np.float32)
    return lambda _profile: count


def fit_ease(train: Ratings, n: int, ridge: float, most_items: int = MOST_ITEMS) -> Score:
    """Steck 2019, in float32, on the movies liked most where there are too many for one matrix."""
    x = liked_matrix(train, n)
    count = np.asarray(x.sum(axis=0))
    items = np.argsort(-count, kind="stable")[: min(most_items, int((count > 0).sum()))]
    gram = gram_matrix(sp.csr_array(x[:, items]), lambda _share: None)
    gram[np.diag_indices_from(gram)] += ridge
    weights = invert(gram)
    weights /= -np.diag(weights).copy()
    weights[np.diag_indices_from(weights)] = 0

    def score(profile: Profile) -> Floats:
        scores = np.full(n, -np.inf, np.float32)
        row = liked_row(profile, n)[items]
        places = np.flatnonzero(row)
        scores[items] = row[places] @ weights[places]
        return scores

    return score
