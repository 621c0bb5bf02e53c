"""The linear model of taste: a denoising autoencoder of the EASE family in closed form that also minds order.

B = (G + Λ)⁻¹ (G + η·C), G = XᵀX and Λ = λ + p/(1 − p)·diag(G) (Steck 2020, "Autoencoders that don't overfit towards the
identity"). X holds the users' interactions, its rows and columns scaled down for heavy users and popular items, and
below them content features as further rows. C counts which items were rated soon after which (the idea of SLIT, Choi et
al. 2021, "Session-aware linear item-item models").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from taste.interactions import Floats, Indices, Longs, Sparse, mean_rank

BLOCK = 1024  # rows of a dense matrix handled at once
MOST_IN_ORDER = 8_000  # items, the most frequent, for which C is counted: a dense matrix
NEIGHBOURS = 300  # k, of each item, kept for lookups of what is similar
SUPPORT = 10.0  # common users at which a nearness counts by half
REACH = 3  # spans after which the weight of a pair, e⁻³, is let go


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """Hyper-parameters of the closed form.

    Attributes:
        ridge: λ, the weight of the L2 penalty (Steck 2019, "Embarrassingly shallow autoencoders").
        dropout: p, the chance of an input to be dropped in training (Steck 2020).
        popularity: β, columns are scaled by count^(−β/2).
        activity: u, rows are scaled by count^(−u/2).
        side: weight of the content rows.
        order: η, weight of what was rated soon after what; 0 leaves time out.
        span: τ, ratings in between after which that weight has fallen to 1/e.
    """

    ridge: float = 200.0
    dropout: float = 0.6
    popularity: float = 0.2
    activity: float = 0.15
    side: float = 3.0
    order: float = 0.5
    span: float = 10.0


@dataclass(frozen=True, slots=True)
class Follows:
    """C, for the items it is counted for.

    Attributes:
        items: int32 [m].
        counts: float32 [m, m]: row, what came first; column, what came after it.
    """

    items: Indices
    counts: Floats


def fit_linear(
    interactions: Sparse,
    features: Sparse,
    order: Follows | None,
    config: LinearConfig,
    progress: Callable[[float], None],
) -> tuple[Floats, Sparse]:
    """Fit the item-item weights and find each item's neighbours.

    Args:
        interactions: csr_array float32 [n_users, n_items], what each user's ratings say.
        features: csr_array float32 [n_items, n_features].
        order: what was rated soon after what (`follows`); its counts are overwritten. None leaves time out.
        config: hyper-parameters.
        progress: told the share done, 0 to 1.

    Returns:
        B, float32 [n_items, n_items]: scores are x @ B for a row x of a user's weights. And csr_array float32
        [n_items, n_items], the nearest of each item by who likes them: cosine, damped where few do both.
    """
    # Scaled by count, with mean 1 over the interactions, so that the penalty keeps its meaning.
    rows = _scale(np.diff(interactions.indptr), config.activity)
    columns = _scale(np.bincount(interactions.indices, minlength=interactions.shape[1]), config.popularity)
    scaled = sp.csr_array(sp.diags_array(rows) @ interactions @ sp.diags_array(columns))
    side = sp.csr_array(features.T * np.float32(config.side))
    x = sp.csr_array(sp.vstack([scaled, side[np.diff(side.indptr) > 0]], format="csr", dtype=np.float32))
    if order is not None:
        counts, scale = order.counts, columns[order.items]
        counts *= scale[:, None] * np.float32(config.order)
        counts *= scale
    solve = _solve_wide if x.shape[0] < x.shape[1] / 2 else _solve_tall
    weights, near = solve(x, order, config, progress)
    weights *= columns[:, None]
    progress(1.0)
    return weights, near


def follows(user: Indices, item: Indices, timestamp: Longs, n_items: int, span: float) -> Follows:
    """Count what was liked soon after what: a pair weighs e^(−gap/span), one of the same second in both directions.

    Args:
        user: int32 [nnz], ascending.
        item: int32 [nnz], what each of them liked.
        timestamp: int64 [nnz], ascending within a user.
        n_items: of the model.
        span: in ratings.
    """
    by_count = np.argsort(-np.bincount(item, minlength=n_items), kind="stable")[:MOST_IN_ORDER]
    items = np.sort(by_count).astype(np.int32)
    place = np.full(n_items, -1, np.int64)
    place[items] = np.arange(len(items))
    column, m = place[item], len(items)
    rank = mean_rank(user, timestamp)
    counts = np.zeros(m * m, np.float32)
    np.add.at(counts, column[column >= 0] * (m + 1), np.float32(1))
    for lag in range(1, int(REACH * span) + 1):
        first, then = column[:-lag], column[lag:]
        kept = np.flatnonzero((user[:-lag] == user[lag:]) & (first >= 0) & (then >= 0))
        gap = (rank[lag:] - rank[:-lag])[kept]
        np.add.at(counts, first[kept] * m + then[kept], np.exp(-gap / span, dtype=np.float32))
        tied = kept[gap == 0]
        np.add.at(counts, then[tied] * m + first[tied], np.float32(1))
    return Follows(items, counts.reshape(m, m))


def _scale(counts: Longs, power: float) -> Floats:
    raw = np.maximum(counts, 1).astype(np.float64) ** (-power / 2)
    scaled: Floats = (raw * counts.sum() / max(raw @ counts, 1e-9)).astype(np.float32)
    return scaled


def _penalty(diagonal: Floats, config: LinearConfig) -> Floats:
    penalty: Floats = (config.ridge + config.dropout / (1 - config.dropout) * diagonal).astype(np.float32)
    return penalty


def _solve_wide(
    x: Sparse, order: Follows | None, config: LinearConfig, progress: Callable[[float], None]
) -> tuple[Floats, Sparse]:
    """B for few rows and many items, by the rows' system (Woodbury).

    B = Λ⁻¹(Xᵀ K⁻¹ (X − X Λ⁻¹ C) + C), K = I + X Λ⁻¹ Xᵀ.
    """
    inverse = 1 / _penalty(np.asarray(x.multiply(x).sum(axis=0)), config)
    right = x.toarray()
    scaled = sp.csr_array(x @ sp.diags_array(inverse))
    kernel = (scaled @ x.T).toarray()
    kernel[np.diag_indices_from(kernel)] += 1
    if order is not None:
        right[:, order.items] -= scaled[:, order.items] @ order.counts
    factor = scipy.linalg.cho_factor(kernel, overwrite_a=True, check_finite=False)
    progress(0.5)
    transposed = x.T.tocsr()
    weights: Floats = transposed @ scipy.linalg.cho_solve(factor, right, overwrite_b=True, check_finite=False)
    if order is not None:
        weights[np.ix_(order.items, order.items)] += order.counts
    weights *= inverse[:, None]
    return weights, neighbours(lambda start, stop: (transposed[start:stop] @ x).toarray(), x.shape[1])


def _solve_tall(
    x: Sparse, order: Follows | None, config: LinearConfig, progress: Callable[[float], None]
) -> tuple[Floats, Sparse]:
    """B by the items' system: with P = (G + Λ)⁻¹, B = I − P Λ + P C, in place but for the part that C touches."""
    gram = gram_matrix(x, lambda share: progress(0.4 * share))
    near = neighbours(lambda start, stop: gram[start:stop], len(gram))
    penalty = _penalty(np.diag(gram), config)
    gram[np.diag_indices_from(gram)] += penalty
    inverse = invert(gram)
    progress(0.9)
    for start in range(0, len(inverse), BLOCK):
        rows = inverse[start : start + BLOCK]
        after = rows[:, order.items] @ order.counts if order is not None else 0
        rows *= -penalty
        rows[:, order.items if order is not None else []] += after
    inverse[np.diag_indices_from(inverse)] += 1
    return inverse, near


def neighbours(gram: Callable[[int, int], Floats], n: int) -> Sparse:
    """About the k nearest of each item: g_ij / √(g_ii g_jj) · g_ij / (g_ij + support), 0 to 1; csr float32 [n, n].

    Where items are many, the place of the k-th is estimated from a part of them.

    Args:
        gram: rows start to stop of XᵀX.
        n: items.
    """
    starts = range(0, n, BLOCK)
    diagonal = np.concatenate([np.diagonal(gram(start, start + BLOCK), offset=start) for start in starts])
    length = np.sqrt(np.maximum(diagonal, 1e-9))
    step = max(1, n // 4000)
    place = min(max(1, NEIGHBOURS // step), n // step)
    kept = []
    for start in starts:
        near = gram(start, start + BLOCK) / length[start : start + BLOCK, None]
        near *= near / length / (near + SUPPORT / length[start : start + BLOCK, None])
        near[np.arange(len(near)), np.arange(start, start + len(near))] = 0
        bar = np.partition(near[:, ::step], -place, axis=1)[:, -place]
        near[near < np.maximum(bar, 1e-6)[:, None]] = 0
        kept.append(sp.csr_array(near))
    return sp.csr_array(sp.vstack(kept, format="csr"))


def gram_matrix(x: Sparse, progress: Callable[[float], None]) -> Floats:
    """XᵀX as a dense matrix, a block of rows at a time."""
    n = x.shape[1]
    gram = np.zeros((n, n), np.float32)
    transposed = x.T.tocsr()
    for start in range(0, n, BLOCK):
        gram[start : start + BLOCK] = (transposed[start : start + BLOCK] @ x).toarray()
        progress(min(1.0, (start + BLOCK) / n))
    return gram


def invert(matrix: Floats) -> Floats:
    """The inverse of a symmetric positive definite matrix, which is overwritten: LAPACK's Cholesky in float32."""
    factor, failed = scipy.linalg.lapack.spotrf(matrix.T, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    inverse, _ = scipy.linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    for start in range(0, len(inverse), BLOCK):
        stop = start + BLOCK
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
        corner = np.tril(inverse[start:stop, start:stop])
        inverse[start:stop, start:stop] = corner + np.tril(corner, -1).T
    whole: Floats = inverse.T
    return whole
