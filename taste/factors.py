"""A small factor model of taste, to be averaged with the linear one: implicit alternating least squares.

min Σ c_ui (1 − w_u·h_i)² + α₀ Σ (w_u·h_i)² + λ Σ_u (n_u + α₀ n)·‖w_u‖² + the same for items (Hu et al. 2008; the form
and the frequency-scaled penalty of Rendle et al. 2022, "Revisiting the performance of iALS").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from taste.interactions import Floats, Indices, Sparse

BATCH = 4_000_000  # numbers in a batch of rows solved together
MOST_USERS = 40_000  # to learn items from; more change little and cost minutes


@dataclass(frozen=True, slots=True)
class FactorConfig:
    """Hyper-parameters of the factor model.

    Attributes:
        weight: of its standardised scores beside the linear ones, 0 to 1; 0 leaves it out.
        width: numbers a movie is described by.
        unobserved: α₀, weight of what was not rated.
        ridge: λ.
        sweeps: rounds of alternating solutions.
    """

    weight: float = 0.0
    width: int = 64
    unobserved: float = 0.1
    ridge: float = 0.01
    sweeps: int = 8


def fit_factors(interactions: Sparse, config: FactorConfig, progress: Callable[[float], None]) -> Floats:
    """Learn the items' factors.

    Args:
        interactions: csr_array float32 [n_users, n_items], the weights c.
        config: hyper-parameters.
        progress: told the share done, 0 to 1.

    Returns:
        float32 [n_items, width].
    """
    draw = np.random.default_rng(0)
    if interactions.shape[0] > MOST_USERS:
        interactions = interactions[np.sort(draw.choice(interactions.shape[0], MOST_USERS, replace=False))]
    by_item = sp.csr_array(interactions.T)
    first = draw.normal(0, 0.1 / np.sqrt(config.width), (interactions.shape[1], config.width))
    items: Floats = first.astype(np.float32)
    for sweep in range(config.sweeps):
        users = _solve_rows(interactions, items, config)
        items = _solve_rows(by_item, users, config)
        progress((sweep + 1) / config.sweeps)
    return items


def fold_in(items: Floats, common: Floats, chosen: Indices, weight: Floats, config: FactorConfig) -> Floats:
    """Scores of all items for a new user with weights on some.

    Args:
        items: float32 [n, width].
        common: float32 [width, width], itemsᵀ items.
        chosen: int32 [k].
        weight: float32 [k], above 0.
        config: as in the fit.
    """
    own = items[chosen]
    left = own.T @ (own * weight[:, None]) + config.unobserved * common
    left[np.diag_indices_from(left)] += config.ridge * (len(chosen) + config.unobserved * len(items))
    scores: Floats = items @ np.linalg.solve(left, own.T @ weight).astype(np.float32)
    return scores


def _solve_rows(rows: Sparse, others: Floats, config: FactorConfig) -> Floats:
    """Each row's factors given the other side's, in batches of rows of like length, padded with zeros."""
    count = np.diff(rows.indptr)
    common = config.unobserved * (others.T @ others)
    padded = np.vstack([others, np.zeros((1, others.shape[1]), np.float32)])
    solved = np.zeros((rows.shape[0], others.shape[1]), np.float32)
    order = np.argsort(count, kind="stable")
    order = order[count[order] > 0]
    start = 0
    while start < len(order):
        longest = int(count[order[min(start + 64, len(order) - 1)]])
        batch = order[start : start + max(1, min(64, BATCH // (longest * others.shape[1])))]
        start += len(batch)
        solved[batch] = _solve_batch(rows, batch, padded, common, config)
    return solved


def _solve_batch(rows: Sparse, batch: Indices, padded: Floats, common: Floats, config: FactorConfig) -> Floats:
    count = np.diff(rows.indptr)[batch]
    place = np.arange(int(count.max()))
    inside = place < count[:, None]
    flat = np.where(inside, rows.indptr[batch][:, None] + place, 0)
    index = np.where(inside, rows.indices[flat], len(padded) - 1)
    weight = np.where(inside, rows.data[flat], 0).astype(np.float32)
    own = padded[index]
    left = np.matmul((own * weight[:, :, None]).transpose(0, 2, 1), own) + common
    penalty = config.ridge * (count + config.unobserved * (len(padded) - 1))
    left += penalty.astype(np.float32)[:, None, None] * np.eye(padded.shape[1], dtype=np.float32)
    right = np.matmul(weight[:, None, :], own)[:, 0, :]
    solved: Floats = np.linalg.solve(left, right[:, :, None])[:, :, 0]
    return solved
