"""A square matrix of item-item weights in 16 bits a weight, which can stay on disk, mapped into memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from interactions import Floats, Indices

LARGEST = 32_767  # of int16
BLOCK = 16  # rows turned into float32 at once: they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Weights:
    """B in fixed point: row i is values[i] · scale[i]. Its diagonal is zero: no movie recommends itself.

    Attributes:
        values: int16 [n, n].
        scale: float32 [n].
    """

    values: npt.NDArray[np.int16]
    scale: Floats

    @classmethod
    def of(cls, matrix: Floats, path: Path | None = None) -> Weights:
        """From float32 [n, n]; with a path the values are written there at once instead of into memory."""
        n = len(matrix)
        values: npt.NDArray[np.int16] = (
            np.empty((n, n), np.int16) if path is None else np.lib.format.open_memmap(path, "w+", np.int16, (n, n))
        )
        scale = np.empty(n, np.float32)
        for start in range(0, n, 512):
            block = matrix[start : start + 512].copy()
            block[np.arange(len(block)), np.arange(start, start + len(block))] = 0
            scale[start : start + 512] = np.maximum(np.abs(block).max(axis=1), 1e-12) / LARGEST
            values[start : start + 512] = np.rint(block / scale[start : start + 512, None])
        return cls(values, scale)

    @classmethod
    def load(cls, folder: Path) -> Weights:
        return cls(np.load(folder / "weights.npy", mmap_mode="r"), np.load(folder / "scale.npy"))

    def save(self, folder: Path) -> None:
        np.save(folder / "weights.npy", self.values)
        np.save(folder / "scale.npy", self.scale)

    def __len__(self) -> int:
        return len(self.scale)

    def apply(self, items: Indices, weight: Floats) -> Floats:
        """Scores x @ B for a row x that is `weight` at `items`; float32 [n]."""
        x = weight * self.scale[items]
        scores = np.zeros(len(self), np.float32)
        for start in range(0, len(items), BLOCK):
            chosen = slice(start, start + BLOCK)
            scores += x[chosen] @ self.values[items[chosen]].astype(np.float32)
        return scores

    def part(self, rows: Indices, columns: Indices) -> Floats:
        """Some rows and columns; float32 [rows, columns]."""
        chosen: Floats = self.values[np.ix_(rows, columns)] * self.scale[rows][:, None]
        return chosen
