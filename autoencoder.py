"""The linear model of taste: a denoising autoencoder of the EASE family in closed form, normalised for popularity.

B = (G + Λ)⁻¹ G with G = XᵀX and Λ = λ + p/(1 − p)·diag(G) (Steck 2020, "Autoencoders that don't overfit towards the identity"). X holds the
users' interactions, its rows and columns scaled down for heavy users and popular movies, and below them content features as further rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from interactions import Floats, Sparse


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """Hyper-parameters of the closed form.

    Attributes:
        ridge: λ, the weight of the L2 penalty (Steck 2019).
        dropout: p, the chance of an input to be dropped in training (Steck 2020).
        popularity: β, columns are scaled by count^(−β/2).
        activity: u, rows are scaled by count^(−u/2).
        side: weight of the content rows.
    """

    ridge: float = 200.0
    dropout: float = 0.5
    popularity: float = 0.1
    activity: float = 0.15
    side: float = 1.0


def fit_linear(
    interactions: Sparse, features: Sparse, config: LinearConfig, progress: Callable[[float], None] = lambda share: None
) -> Floats:
    """Fit the item-item weights.

    Args:
        interactions: csr_array float32 [n_users, n_items], 1 where a user liked an item.
        features: csr_array float32 [n_items, n_features], unit rows.
        config: hyper-parameters.
        progress: told the share done, 0 to 1.

    Returns:
        float32 [n_items, n_items]: scores are x @ B for a row x of a user's weights.
    """
    rows, columns = _scales(interactions, config)
    scaled = sp.csr_array(sp.diags_array(rows) @ interactions @ sp.diags_array(columns))
    gram = _gram(scaled, progress)
    if config.side:
        side = features.multiply(config.side).T.tocsr()
        gram += _gram(side, lambda share: None)
    weights = _denoise(gram, config)
    progress(1.0)
    weights *= columns[:, None]
    return weights


def _scales(x: Sparse, config: LinearConfig) -> tuple[Floats, Floats]:
    """Scales of rows and columns by count, of mean 1 over the interactions so that the penalty keeps its meaning."""

    def scale(counts: Floats, power: float) -> Floats:
        raw = np.maximum(counts, 1).astype(np.float64) ** (-power / 2)
        mean = (raw * counts).sum() / max(counts.sum(), 1)
        scaled: Floats = (raw / mean).astype(np.float32)
        return scaled

    return scale(np.diff(x.indptr), config.activity), scale(
        np.bincount(x.indices, minlength=x.shape[1]), config.popularity
    )


def _gram(x: Sparse, progress: Callable[[float], None], block: int = 1024) -> Floats:
    """XᵀX as a dense matrix, a block of rows at a time."""
    n = x.shape[1]
    gram = np.zeros((n, n), np.float32)
    transposed = x.T.tocsr()
    for start in range(0, n, block):
        gram[start : start + block] = (transposed[start : start + block] @ x).toarray()
        progress(0.6 * min(1.0, (start + block) / n))
    return gram


def _denoise(gram: Floats, config: LinearConfig) -> Floats:
    """B = (G + Λ)⁻¹ G = I − (G + Λ)⁻¹ Λ, by Cholesky factors in float32 and in place."""
    penalty = (config.ridge + config.dropout / (1 - config.dropout) * np.diag(gram)).astype(np.float32)
    gram[np.diag_indices_from(gram)] += penalty
    inverse = _inverse(gram)
    inverse *= -penalty
    inverse[np.diag_indices_from(inverse)] += 1
    return inverse


def _inverse(matrix: Floats) -> Floats:
    """The inverse of a symmetric positive definite matrix, which is overwritten."""
    factor, failed = scipy.linalg.lapack.spotrf(matrix.T, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    inverse, _ = scipy.linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    block = 1024
    for start in range(0, len(inverse), block):
        stop = start + block
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
        corner = np.tril(inverse[start:stop, start:stop])
        inverse[start:stop, start:stop] = corner + np.tril(corner, -1).T
    symmetric: Floats = inverse.T
    return symmetric
