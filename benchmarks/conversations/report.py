"""The tables of the conversation benchmark, and its results as JSON."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.conversations.expectations import CATEGORIES
from benchmarks.conversations.player import Outcome

Z = 1.959964  # of a two-sided 95 % interval


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927), as fractions.

    >>> [round(bound, 3) for bound in wilson(9, 10)]
    [0.596, 0.982]
    """
    if not n:
        return 0.0, 1.0
    share = successes / n
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def show(console: Console, outcomes: Sequence[Outcome], title: str) -> None:
    """Success by category and language, and what the runs cost."""
    table = Table("", "met", "%", "95 %", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for category in CATEGORIES:
        _row(table, category, [one for one in outcomes if one.category == category])
    table.add_section()
    languages = sorted({one.language for one in outcomes})
    for language in languages if len(languages) > 1 else []:
        _row(table, f"language {language}", [one for one in outcomes if one.language == language])
    table.add_section()
    _row(table, "English", [one for one in outcomes if one.language == "en"])
    _row(table, "other languages", [one for one in outcomes if one.language != "en"])
    _row(table, "all", outcomes)
    console.print(table)
    figures = Table(show_header=False)
    for name, figure in measures(outcomes).items():
        figures.add_row(name, figure)
    console.print(figures)


def show_failure(console: Console, outcome: Outcome) -> None:
    """The texts of a conversation that failed, with every expectation that was not met."""
    console.rule(escape(f"{outcome.name} · {outcome.category}"), align="left")
    for turn in outcome.turns:
        console.print(f"[bold]> {escape(turn.say)}")
        console.print(escape(turn.text.rstrip()), highlight=False)
        for failure in turn.failures:
            console.print(f"[red]✗ {escape(failure)}")


def measures(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The figures beside success, in words."""
    turns = [turn for one in outcomes for turn in one.turns]
    calls, refused = sum(turn.calls for turn in turns), sum(turn.refused for turn in turns)
    marked = [turn.unsupported for turn in turns if turn.unsupported is not None]
    seconds = sorted(turn.seconds for turn in turns if turn.seconds)
    tokens = [sum(turn.input_tokens for turn in turns), sum(turn.output_tokens for turn in turns)]
    estimated = " (estimated)" if any(turn.estimated for turn in turns) else ""
    unsupported = f"{sum(marked)} in {len(marked)} marked answers" if marked else "not marked by the service"
    found = {
        "turns": f"{len(turns)}",
        "dead ends": _share(sum(turn.dead_end for turn in turns), len(turns)),
        "turns with invented facts": _share(sum(bool(turn.invented) for turn in turns), len(turns)),
        "valid calls": _share(calls - refused, calls),
        "refused calls repaired": _share(sum(turn.repaired for turn in turns), refused),
        "unsupported claims": unsupported,
        "tokens in, out, a turn" + estimated: " · ".join(f"{total / max(len(turns), 1):,.0f}" for total in tokens),
    }
    if seconds:
        p95 = seconds[min(len(seconds) - 1, math.ceil(0.95 * len(seconds)) - 1)]
        found["POST to final event"] = f"median {statistics.median(seconds) * 1e3:,.0f} ms · p95 {p95 * 1e3:,.0f} ms"
    return found


def save(path: Path, outcomes: Iterable[Outcome], about: dict[str, Any]) -> None:
    """Everything as JSON, for a comparison with another run."""
    listed = list(outcomes)
    rows = [{**asdict(one), "succeeded": one.succeeded} for one in listed]
    document = {"about": about, "measures": measures(listed), "conversations": rows}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _row(table: Table, name: str, outcomes: Sequence[Outcome]) -> None:
    if not outcomes:
        return
    met = sum(one.succeeded for one in outcomes)
    low, high = wilson(met, len(outcomes))
    table.add_row(name, f"{met}/{len(outcomes)}", f"{met / len(outcomes):.0%}", f"{low:.0%}–{high:.0%}")


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})" if whole else "none"
