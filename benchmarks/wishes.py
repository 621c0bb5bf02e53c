"""Wishes in words against lists judged by hand: `python -m benchmarks.wishes DATA_DIR`, an imported ml-latest-small.

For each entry (`POST /recommendations` with a text, and `GET /movies?q=`) NDCG@10, how many of what is shown violate an
exclusion or a period, and the time of one wish in process, by kind. `wishes.toml` has the wishes; its head says how
they were judged. Constants were chosen by `--part tune`; `--part test` was looked at only to be judged; `--part unseen`
was written when both had been used up. With EMBEDDINGS_MODEL set, nearness in meaning takes part.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
import tomllib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from movies.arrays import load_described
from movies.library import Library
from movies.models import MovieQuery, RecommendationRequest
from settings import Settings
from storage.opening import open_database
from storage.own_ratings import OwnRatings
from tools.context import Context
from tools.search import find_movies
from tools.tastes import recommend_for_profile

JUDGED = Path(__file__).with_name("wishes.toml")
GRADES = {"first": 3, "good": 2, "fair": 1}
SHOWN = 10

Entry = Callable[[Context, str], Awaitable[list[int]]]


@dataclass(frozen=True)
class Judged:
    """A wish with grades and violations by source title; `known`: everything that was judged."""

    text: str
    kind: str
    part: str
    grades: Mapping[str, int]
    violations: frozenset[str]
    known: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """One wish through one entry; a share of violations where the wish excludes anything, else None."""

    ndcg: float
    violations: float | None
    milliseconds: float
    unjudged: list[str]


def judged_wishes(path: Path = JUDGED) -> list[Judged]:
    """All wishes of the file."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["wish"]
    return [_judged(row) for row in rows]


def _judged(row: Mapping[str, list[str]]) -> Judged:
    grades = {title: grade for name, grade in GRADES.items() for title in row.get(name, [])}
    text, kind, part = str(row["text"]), str(row["kind"]), str(row["part"])
    violations = frozenset(row.get("violations", []))
    return Judged(text, kind, part, grades, violations, violations | {*grades, *row.get("poor", [])})


def ndcg(shown: Sequence[str], grades: Mapping[str, int]) -> float:
    """NDCG@10 with gains 2^grade − 1."""

    def gain(ranked: Sequence[int]) -> float:
        return sum((2.0**grade - 1) / math.log2(rank) for rank, grade in enumerate(ranked[:SHOWN], start=2))

    best = gain(sorted(grades.values(), reverse=True))
    return gain([grades.get(title, 0) for title in shown]) / best if best else 0.0


async def by_recommendation(ctx: Context, text: str) -> list[int]:
    """`POST /recommendations` with nothing but a text."""
    found = await recommend_for_profile(ctx, RecommendationRequest(text=text, limit=SHOWN))
    return [movie.movie_id for movie in found.movies]


async def by_search(ctx: Context, text: str) -> list[int]:
    """`GET /movies?q=`."""
    return [movie.movie_id for movie in await find_movies(ctx, MovieQuery(query=text), limit=SHOWN)]


ENTRIES: dict[str, Entry] = {"POST /recommendations": by_recommendation, "GET /movies": by_search}


async def play(ctx: Context, entry: Entry, wish: Judged, names: Mapping[int, str]) -> Outcome:
    """Ask for one wish and judge what is shown."""
    begun = time.perf_counter()
    shown = [names[movie_id] for movie_id in await entry(ctx, wish.text)]
    milliseconds = 1000 * (time.perf_counter() - begun)
    wrong = sum(title in wish.violations for title in shown) / max(len(shown), 1) if wish.violations else None
    return Outcome(ndcg(shown, wish.grades), wrong, milliseconds, [title for title in shown if title not in wish.known])


async def measure(folder: Path, wishes: Sequence[Judged]) -> dict[str, list[Outcome]]:
    """Outcomes of each entry, in the order of the wishes."""
    settings = Settings(data_dir=folder)
    names = {movie.movie_id: movie.source_title for movie in load_described(settings.catalogue_path)}
    database = await open_database(settings.chat_path)
    library = await Library.open(settings, work=False)
    try:
        async with library.use(patient=False) as snapshot:
            ctx = Context(snapshot, OwnRatings(database), "benchmark")
            await snapshot.linker()
            await by_search(ctx, "warm")
            return {name: [await play(ctx, entry, wish, names) for wish in wishes] for name, entry in ENTRIES.items()}
    finally:
        await library.close()
        await database.close()


def report(console: Console, wishes: Sequence[Judged], found: Mapping[str, list[Outcome]]) -> None:
    """A table an entry: by kind, and all."""
    for name, outcomes in found.items():
        table = Table("", "wishes", "NDCG@10", "violations", "ms, median", "ms, p99", title=name)
        groups: dict[str, list[Outcome]] = defaultdict(list)
        for wish, outcome in zip(wishes, outcomes, strict=True):
            groups[wish.kind].append(outcome)
        for kind, rows in [*groups.items(), ("all", outcomes)]:
            wrong = [row.violations for row in rows if row.violations is not None]
            times = np.array([row.milliseconds for row in rows])
            table.add_row(
                kind,
                str(len(rows)),
                f"{np.mean([row.ndcg for row in rows]):.3f}",
                f"{np.mean(wrong):.1%}" if wrong else "",
                f"{np.median(times):.1f}",
                f"{np.quantile(times, 0.99):.1f}",
            )
        console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a data directory with ml-latest-small imported and fitted")
    parser.add_argument("--part", choices=["tune", "test", "unseen", "all"], default="test")
    parser.add_argument("--unjudged", action="store_true", help="what is shown that nobody judged, entries mixed")
    options = parser.parse_args()
    wishes = [wish for wish in judged_wishes() if options.part in (wish.part, "all")]
    found = asyncio.run(measure(options.folder, wishes))
    if options.unjudged:
        for at, wish in enumerate(wishes):
            titles = sorted({title for outcomes in found.values() for title in outcomes[at].unjudged})
            print(wish.text, titles, sep="\n    ")
    report(Console(), wishes, found)


if __name__ == "__main__":
    main()
