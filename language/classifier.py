"""The intent of a sentence, learned from examples: ridge regression over its words, word pairs and letter groups.

The sentences stand in `examples.toml` by their label: an act of `language.frame`, and after a dot its aspect. A
sentence is masked: names of movies, genres, years and so on are single words in capitals.

Learning takes longer than a start should, and more than linearly with more sentences; so what was learned is kept where
Python keeps its own compiled modules, with a digest of the sentences and of this module: it depends on nothing else.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import cache_from_source
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from files import new_file

EXAMPLES = Path(__file__).with_name("examples.toml")
LEARNED = Path(cache_from_source(__file__)).with_name("classifier.npz")
PENALTY = 0.25
SHARPNESS = 11.0
"""Turns scores of the regression (about 1 for the right label, 0 for others) into odds; set by cross-validation."""
LETTERS = 4

Floats = NDArray[np.float32]
Indices = NDArray[np.int32]


class Classifier:
    """Labels of masked sentences.

    With X the features of the examples [sentences, features] and Y their labels [sentences, labels], one-hot, the
    weights are Xᵀ(XXᵀ + λI)⁻¹Y: ridge regression in its dual form, since there are fewer sentences than features.
    """

    def __init__(self, labels: Sequence[str], features: Sequence[str], weights: Floats) -> None:
        self.labels, self._weights = labels, weights
        self._columns = {name: place for place, name in enumerate(features)}

    @classmethod
    def learned(cls, sentences: Sequence[str], labels: Sequence[str]) -> Classifier:
        """Learned from sentences and the label of each."""
        from scipy.linalg import cho_factor, cho_solve  # noqa: PLC0415  slow to import, and seldom needed: see above
        from scipy.sparse import csr_array  # noqa: PLC0415

        names, columns = sorted(set(labels)), dict[str, int]()
        found = [_values(_features(sentence), columns, grow=True) for sentence in sentences]
        starts = np.cumsum([0, *(len(places) for places, _ in found)])
        places, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        rows = csr_array((values, places, starts), shape=(len(found), len(columns)))
        right = np.zeros((len(labels), len(names)), np.float32)
        right[np.arange(len(labels)), [names.index(label) for label in labels]] = 1
        gram = (rows @ rows.T).toarray() + PENALTY * np.eye(len(labels), dtype=np.float32)
        factor = cho_factor(gram, overwrite_a=True, check_finite=False)
        return cls(names, list(columns), np.asarray(rows.T @ cho_solve(factor, right, check_finite=False), np.float32))

    @classmethod
    def of_examples(cls) -> Classifier:
        """Learned from `examples.toml`."""
        pairs = [(sentence, label) for label, sentences in examples().items() for sentence in sentences]
        return cls.learned([sentence for sentence, _ in pairs], [label for _, label in pairs])

    @classmethod
    def load(cls, path: Path, digest: str) -> Classifier | None:
        """As it was saved, if it was learned from the same."""
        with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), path.open("rb") as file:
            kept = np.load(file, allow_pickle=False)
            if kept["digest"] == digest:
                return cls(kept["labels"].tolist(), kept["features"].tolist(), kept["weights"])
        return None

    def save(self, path: Path, digest: str) -> None:
        """Keep what was learned from the sentences of a digest.

        Raises:
            OSError: Nothing can be written there.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as part, part.open("wb") as file:
            np.savez(file, digest=digest, labels=self.labels, features=list(self._columns), weights=self._weights)

    def odds(self, sentence: str) -> list[tuple[str, float]]:
        """The labels and their odds, the likeliest first."""
        places, values = _values(_features(sentence), self._columns, grow=False)
        scores = np.exp(SHARPNESS * (values @ self._weights[places]))
        order = np.argsort(-scores)
        return [(self.labels[place], float(scores[place] / scores.sum())) for place in order]


@cache
def examples() -> dict[str, list[str]]:
    """Sentences by label."""
    says: dict[str, list[str]] = tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))["says"]
    return says


@cache
def classifier() -> Classifier:
    """The one classifier: as it was learned before, else learned on first need and kept where that can be."""
    digest = hashlib.sha256(EXAMPLES.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    kept = Classifier.load(LEARNED, digest)
    if kept is not None:
        return kept
    learned = Classifier.of_examples()
    with suppress(OSError):  # a folder that is not ours to write in: it is learned at each start
        learned.save(LEARNED, digest)
    return learned


def _features(sentence: str) -> Counter[str]:
    words = ["^", *sentence.replace("SERIES", "MOVIE").split(), "$"]
    return Counter(_parts(words))


def _parts(words: list[str]) -> Iterator[str]:
    for left, right in pairwise(words):
        yield f"{left} {right}"
        yield right
    yield f"starts {words[1]}"
    for word in words[1:-1]:
        if word.islower() and len(word) > LETTERS:
            yield from (f"~{word[place : place + LETTERS]}" for place in range(len(word) - LETTERS + 1))


def _values(count: Counter[str], columns: dict[str, int], *, grow: bool) -> tuple[Indices, Floats]:
    """Columns of features and their values, of length one in all; unknown features are learned (`grow`) or left out."""
    if grow:
        for name in count:
            columns.setdefault(name, len(columns))
    length = max(sum(number**2 for number in count.values()), 1) ** 0.5
    kept = [(columns[name], number / length) for name, number in count.items() if name in columns]
    return np.array([place for place, _ in kept], np.int32), np.array([value for _, value in kept], np.float32)
