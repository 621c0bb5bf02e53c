"""Figures as pictures, where matplotlib is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from training.report import SERVED, Figures

COLOURS = ("#b3423f", "#d99a6c", "#4a6fa5", "#8a93a0")


def installed() -> bool:
    """True where plots can be made."""
    try:
        import matplotlib as mpl  # noqa: PLC0415  # optional, and slow to import
    except ImportError:
        return False
    mpl.use("Agg")
    return True


def plot(figures: Figures, folder: Path) -> Path:
    """Write one plot: lines where the groups are an order, bars where they are kinds."""
    from matplotlib import pyplot as plt  # noqa: PLC0415  # optional

    chart, axis = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    draw = _bars if figures.name in {"new-users", "coverage", "pause", "latest"} else _lines
    draw(axis, figures)
    axis.set_xticks(range(len(figures.groups)), [group.replace(" (", "\n(") for group in figures.groups])
    axis.set_title(figures.title, fontsize=11)
    axis.grid(axis="y", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    chart.legend(loc="outside lower center", ncols=len(figures.series), frameon=False, fontsize=9)
    path = folder / f"{figures.name}.png"
    chart.savefig(path, dpi=120)
    plt.close(chart)
    return path


def _bars(axis: Any, figures: Figures) -> None:
    width = 0.8 / len(figures.series)
    for number, ((name, values), colour) in enumerate(zip(figures.series.items(), COLOURS, strict=False)):
        places = np.arange(len(values)) + (number - (len(figures.series) - 1) / 2) * width
        axis.bar(places, values, width, label=name, color=colour)


def _lines(axis: Any, figures: Figures) -> None:
    for (name, values), colour in zip(figures.series.items(), COLOURS, strict=False):
        axis.plot(
            range(len(values)), values, marker="o", label=name, color=colour, linewidth=2 if name == SERVED else 1.4
        )
