"""The content of movies as weighted features: genres, era, language, tags, words of a description. No ratings here."""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from taste.deferred import sparse as sp
from taste.interactions import Floats, Sparse

WORD = re.compile(r"[^\W\d_][\w'’-]+")
# Weights of the kinds of features against each other, before rows are brought to length 1. Time is weak: movies of one
# year are not alike for that.
GENRE, ERA, YEAR, FOREIGN, TAG, WORDS = 1.0, 0.5, 0.3, 0.7, 1.0, 1.0
ERAS, ERA_SPAN = range(1890, 2051, 10), 10.0  # middles of eras; years after which nearness to one is 1/e
MOST_WORDS = 20_000  # of a vocabulary, the most frequent
MOST_TAGS = 40  # of one movie
BLOCK = 512  # rows whose nearest are looked for at once
FEWEST_MOVIES = 2  # a feature that one movie alone has tells nothing of another


def content_features(
    genres: Sequence[Sequence[str]],
    years: npt.NDArray[np.int16],
    tags: Sequence[Sequence[tuple[str, float]]],
    descriptions: Sequence[str] | None = None,
    foreign: Sequence[bool] | None = None,
) -> Sparse:
    """Content of each movie as one row of length 1 (or 0, where nothing is known).

    Each kind (genres, era, language, tags, words) is weighted by inverse document frequency and brought to its own
    weight; all are laid side by side.

    Args:
        genres: the genres of each movie.
        years: int16 [n], 0 where unknown.
        tags: (tag, weight) of each movie; the weight is a count or a genome relevance.
        descriptions: a text for each movie, where the catalogue has one.
        foreign: true for each movie whose original title is in another language, where that is known.

    Returns:
        csr_array float32 [n, n_features].
    """
    kinds = [
        GENRE * _bag([[(name.casefold(), 1.0) for name in names] for names in genres], fewest=1),
        ERA * _bag([_eras(int(year)) for year in years], fewest=1),
        YEAR * _bag([_years(int(year)) for year in years], fewest=1),
        TAG * _bag([_strongest(row) for row in tags], FEWEST_MOVIES),
    ]
    if descriptions is not None:
        kinds.append(WORDS * _bag([_words(text) for text in descriptions], FEWEST_MOVIES))
    if foreign is not None:
        kinds.append(FOREIGN * _bag([[("foreign", 1.0)] if given else [] for given in foreign], FEWEST_MOVIES))
    return unit_rows(sp.csr_array(sp.hstack(kinds, format="csr", dtype=np.float32)))


def unit_rows(matrix: Sparse) -> Sparse:
    """The rows brought to Euclidean length 1; empty rows stay empty."""
    norms = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    scale = 1 / np.where(norms > 0, norms, 1)
    return sp.csr_array(sp.diags_array(scale.astype(np.float32)) @ matrix)


def unit_vectors(vectors: Floats) -> Floats:
    """The same for a dense matrix."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
    return unit


def nearest(rows: Floats, others: Floats, k: int) -> Sparse:
    """The k nearest `others` of each row by inner product, as weights that sum to 1.

    Args:
        rows: float32 [n, f].
        others: float32 [m, f], at least one.
        k: neighbours of each row.

    Returns:
        csr_array float32 [n, m].
    """
    k = min(k, len(others))
    columns = np.empty((len(rows), k), np.int32)
    weights = np.empty((len(rows), k), np.float32)
    for start in range(0, len(rows), BLOCK):
        near = rows[start : start + BLOCK] @ others.T
        top = np.argpartition(-near, k - 1, axis=1)[:, :k]
        columns[start : start + BLOCK] = top
        weights[start : start + BLOCK] = np.take_along_axis(near, top, axis=1)
    weights = np.maximum(weights, 1e-6) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    indptr = np.arange(0, len(rows) * k + 1, k)
    return sp.csr_array((weights.ravel(), columns.ravel(), indptr), shape=(len(rows), len(others)))


def project(features: Sparse, width: int) -> Floats:
    """The features in fewer dimensions, inner products about kept; float32 [n, width], unit rows.

    Random projection (Achlioptas 2003).
    """
    plane = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), size=(features.shape[1], width))
    return unit_vectors(np.asarray(features @ plane, np.float32))


def _eras(year: int) -> list[tuple[str, float]]:
    """The eras that a year lies in or near to, so that what is two decades apart is still a little alike.

    >>> [(era, round(weight, 2)) for era, weight in _eras(1994) if weight > 0.5]
    [('1990', 0.67), ('2000', 0.55)]
    """
    near = [(str(era), math.exp(-abs(year - era) / ERA_SPAN)) for era in ERAS] if year else []
    return [(era, weight) for era, weight in near if weight > 0.1]


def _years(year: int) -> list[tuple[str, float]]:
    """A year and, half as much with each step, those around it.

    >>> _years(1994)[2:5]
    [('1993', 0.5), ('1994', 1.0), ('1995', 0.5)]
    """
    return [(str(year + step), 0.5 ** abs(step)) for step in range(-3, 4)] if year else []


def _strongest(row: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """A movie's most weighty tags: all 1,128 of the genome would make every movie a little like every other."""
    kept = heapq.nlargest(MOST_TAGS, row, key=lambda pair: pair[1])
    return [(tag.casefold().strip(), math.log1p(weight)) for tag, weight in kept]


def _words(text: str) -> list[tuple[str, float]]:
    counts = Counter(word.casefold() for word in WORD.findall(text) if len(word) > 2)
    return [(word, 1 + math.log(count)) for word, count in counts.items()]


def _bag(rows: Iterable[Sequence[tuple[str, float]]], fewest: int) -> Sparse:
    """Named weights to a matrix of tf-idf, rows of length 1; names seen in fewer than `fewest` rows are left out."""
    listed = [dict(row) for row in rows]
    seen = Counter(name for row in listed for name, weight in row.items() if name and weight > 0)
    kept = [name for name, count in seen.most_common(MOST_WORDS) if count >= fewest]
    column = {name: i for i, name in enumerate(kept)}
    pairs = [
        (i, column[name], weight)
        for i, row in enumerate(listed)
        for name, weight in row.items()
        if name in column and weight > 0
    ]
    places = np.array([(i, j) for i, j, _ in pairs], np.int32).reshape(-1, 2)
    weights = np.array([weight for *_, weight in pairs], np.float32)
    idf = np.array([math.log(1 + len(listed) / seen[name]) for name in kept], np.float32)
    bag = sp.coo_array(
        (weights * idf[places[:, 1]], (places[:, 0], places[:, 1])), shape=(len(listed), len(kept)), dtype=np.float32
    )
    return unit_rows(sp.csr_array(bag))
