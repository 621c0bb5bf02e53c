"""A square matrix of item-item weights in eight bits a weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from taste.interactions import Floats, Indices

LARGEST = 127  # of int8
WIDE = 1024  # columns that share one scale: a few large weights must not coarsen a whole row
CHUNK = 16  # rows turned into float32 at once: they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Weights:
    """B in fixed point. Its diagonal is zero: no movie recommends itself.

    Attributes:
        values: int8 [n, parts, 1024], each row in parts of 1024 columns, the last filled up with zeros.
        scale: float32 [n, parts], by which the values of a part are multiplied.
    """

    values: npt.NDArray[np.int8]
    scale: Floats

    @classmethod
    def of(cls, matrix: Floats) -> Weights:
        """From float32 [n, n]."""
        n = len(matrix)
        parts = -(-n // WIDE)
        values, scale = np.empty((n, parts, WIDE), np.int8), np.empty((n, parts), np.float32)
        for start in range(0, n, WIDE):
            rows = matrix[start : start + WIDE]
            block = np.zeros((len(rows), parts * WIDE), np.float32)
            block[:, :n] = rows
            block[np.arange(len(rows)), np.arange(start, start + len(rows))] = 0
            cut = block.reshape(len(rows), parts, WIDE)
            here = np.maximum(np.abs(cut).max(axis=2), np.float32(1e-12)) / LARGEST
            scale[start : start + WIDE] = here
            values[start : start + WIDE] = np.rint(cut / here[:, :, None])
        return cls(values, scale)

    def __len__(self) -> int:
        return len(self.scale)

    def apply(self, items: Indices, weight: Floats) -> Floats:
        """Scores x @ B for a row x that is `weight` at `items`; float32 [n]."""
        scores = np.zeros(self.values.shape[1:], np.float32)
        for start in range(0, len(items), CHUNK):
            chosen = items[start : start + CHUNK]
            factor = weight[start : start + CHUNK, None] * self.scale[chosen]
            rows = self.values[chosen].astype(np.float32)
            scores += np.matmul(factor.T[:, None, :], rows.transpose(1, 0, 2))[:, 0, :]
        return scores.ravel()[: len(self)]

    def part(self, rows: Indices, columns: Indices) -> Floats:
        """Some rows and columns; float32 [rows, columns]."""
        part, place = np.divmod(columns, WIDE)
        chosen: Floats = self.values[rows[:, None], part, place] * self.scale[rows[:, None], part]
        return chosen
