"""The linear model of taste: a denoising autoencoder of the EASE family in closed form, over sets without order.

B = (G + Λ)⁻¹ G, G = XᵀX and Λ = λ + p/(1 − p)·diag(G) (Steck 2020, "Autoencoders that don't overfit towards the
identity"). X holds the users' interactions, its rows and columns scaled down for heavy users and popular items, and
below them content features as further rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from taste.deferred import linalg
from taste.deferred import sparse as sp
from taste.interactions import Floats, Longs, Sparse

BLOCK = 1024  # rows of a dense matrix handled at once
NEIGHBOURS = 300  # k, of each item, kept for lookups of what is similar
SUPPORT = 10.0  # common users at which a nearness counts by half


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """Hyper-parameters of the closed form.

    Attributes:
        ridge: λ/√users, λ the weight of the L2 penalty (Steck 2019, "Embarrassingly shallow autoencoders"): the more
            users, the larger the λ that ranks best, from some 150 for 600 users to 500 and more for 6,000.
        dropout: p, the chance of an input to be dropped in training (Steck 2020).
        popularity: β, columns are scaled by count^(−β/2).
        activity: u, rows are scaled by count^(−u/2).
        side: weight of the content rows.
    """

    ridge: float = 6.0
    dropout: float = 0.7
    popularity: float = 0.2
    activity: float = 0.15
    side: float = 3.0


def fit_linear(
    interactions: Sparse,
    features: Sparse,
    config: LinearConfig,
    progress: Callable[[float], None],
) -> tuple[Floats, Sparse]:
    """Fit the item-item weights and find each item's neighbours.

    Args:
        interactions: csr_array float32 [n_users, n_items], what each user's ratings say.
        features: csr_array float32 [n_items, n_features].
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
    config = replace(config, ridge=config.ridge * max(int((np.diff(interactions.indptr) > 0).sum()), 1) ** 0.5)
    solve = _solve_wide if x.shape[0] < x.shape[1] / 2 else _solve_tall
    weights, near = solve(x, config, progress)
    weights *= columns[:, None]
    progress(1.0)
    return weights, near


def _scale(counts: Longs, power: float) -> Floats:
    raw = np.maximum(counts, 1).astype(np.float64) ** (-power / 2)
    scaled: Floats = (raw * counts.sum() / max(raw @ counts, 1e-9)).astype(np.float32)
    return scaled


def _penalty(diagonal: Floats, config: LinearConfig) -> Floats:
    penalty: Floats = (config.ridge + config.dropout / (1 - config.dropout) * diagonal).astype(np.float32)
    return penalty


def _solve_wide(x: Sparse, config: LinearConfig, progress: Callable[[float], None]) -> tuple[Floats, Sparse]:
    """B for few rows and many items, by the rows' system (Woodbury): Λ⁻¹ Xᵀ K⁻¹ X, K = I + X Λ⁻¹ Xᵀ."""
    inverse = 1 / _penalty(np.asarray(x.multiply(x).sum(axis=0)), config)
    kernel = (x @ sp.diags_array(inverse) @ x.T).toarray()
    kernel[np.diag_indices_from(kernel)] += 1
    factor = linalg.cho_factor(kernel, overwrite_a=True, check_finite=False)
    progress(0.5)
    transposed = x.T.tocsr()
    weights: Floats = transposed @ linalg.cho_solve(factor, x.toarray(), overwrite_b=True, check_finite=False)
    weights *= inverse[:, None]
    return weights, neighbours(lambda start, stop: (transposed[start:stop] @ x).toarray(), x.shape[1])


def _solve_tall(x: Sparse, config: LinearConfig, progress: Callable[[float], None]) -> tuple[Floats, Sparse]:
    """B by the items' system, in place: I − (G + Λ)⁻¹ Λ."""
    gram = gram_matrix(x, lambda share: progress(0.4 * share))
    near = neighbours(lambda start, stop: gram[start:stop], len(gram))
    penalty = _penalty(np.diag(gram), config)
    gram[np.diag_indices_from(gram)] += penalty
    inverse = invert(gram)
    progress(0.9)
    inverse *= -penalty
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
    factor, failed = linalg.lapack.spotrf(matrix.T, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    for start in range(0, len(inverse), BLOCK):
        stop = start + BLOCK
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
        corner = np.tril(inverse[start:stop, start:stop])
        inverse[start:stop, start:stop] = corner + np.tril(corner, -1).T
    whole: Floats = inverse.T
    return whole
