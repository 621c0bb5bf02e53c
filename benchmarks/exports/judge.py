"""Imports each export of `make.py` into a fresh account over a catalogue: what is matched, what is written wrongly.

`python -m benchmarks.exports.judge DATA_DIR MOVIELENS_DIR`: DATA_DIR holds the catalogue and model of MOVIELENS_DIR.
Seen films are those of the whole export: none of them may be recommended afterwards.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.exports.make import Made, exports, films, links
from movies.library import Library
from movies.titles import split_year
from ratings.entries import Entry
from ratings.importing import import_ratings, load_movies
from ratings.matching import Matcher
from ratings.models import ImportReport
from settings import Settings
from storage.opening import open_database
from storage.own_ratings import OwnRatings
from storage.records import utc_now
from tools.args import Recommend
from tools.context import Context
from tools.tastes import recommend

QUARTERS = 4
FOUND = ("matched", "unrated", "duplicate")


class Verdict(NamedTuple):
    """The outcome of an import: rows that were missed or wrong, and what was recommended afterwards all the same."""

    here: int
    found: int
    missed: list[str]
    wrong: list[str]
    seen_again: int
    seconds: float


async def judged(settings: Settings, made: Made, known: Mapping[str, tuple[str, str]]) -> Verdict:
    """Import an export into an account of its own, and ask for recommendations."""
    library = await Library.open(settings, work=False)
    with tempfile.TemporaryDirectory() as folder:
        database = await open_database(Path(folder) / "chat.db")
        ratings = OwnRatings(database)
        async with library.use() as snapshot:
            began = time.perf_counter()
            report = await import_ratings(
                snapshot.catalogue, ratings, "someone", made.data, filename=made.filename, now=utc_now()
            )
            seconds = time.perf_counter() - began
            shown = await recommend(Context(snapshot, ratings, "someone"), Recommend(limit=50))
        await database.close()
    await library.close()
    here, missed, wrong = matched(report, made, known)
    ids = {int(known[film.imdb_id][0]) for film in made.films if film.imdb_id in known}
    again = sum(movie.movie_id in ids for movie in shown.movies)
    return Verdict(here, here - len(missed), missed, wrong, again, seconds)


def matched(report: ImportReport, made: Made, known: Mapping[str, tuple[str, str]]) -> tuple[int, list[str], list[str]]:
    """The number of rows whose film the catalogue has, those of them that were not found, those found wrongly.

    A movie that is in the catalogue without its IMDb id is nobody's truth, and is not judged.
    """
    told = {int(movie_id) for movie_id, _ in known.values()}
    truth = {(film.title, film.year): film for film in made.films}
    here, missed, wrong = 0, [], []
    for row in report.rows:
        film = truth[split_year(row.title)[0], row.year or 0] if made.titled else made.films[row.row - 1]
        expected = int(known[film.imdb_id][0]) if film.imdb_id in known else None
        given = row.movie.movie_id if row.movie and row.status in FOUND else None
        here += expected is not None
        if given is None and expected is not None:
            missed.append(f"{film.title} ({film.year}): {row.status}. {row.reason} {row.candidates}")
        elif given != expected and (given in told or expected is not None):
            wrong.append(f"{film.title} ({film.year}): {row.movie}")
    return here, missed, wrong


async def taken_for_others(settings: Settings) -> tuple[int, list[str]]:
    """The movies of a catalogue that lacks a quarter of its own in turn: how many, and those taken for another."""
    library = await Library.open(settings, work=False)
    async with library.use() as snapshot:
        movies = await load_movies(snapshot.catalogue)
    await library.close()
    wrong = []
    for turn in range(QUARTERS):
        matcher = Matcher(movie for place, movie in enumerate(movies) if place % QUARTERS != turn)
        for movie in movies[turn::QUARTERS]:
            found = matcher.match(Entry(title=movie.title, year=movie.year)).movie
            if found is not None:
                wrong.append(f"{movie.title} ({movie.year}) → {found.title} ({found.year})")
    return len(movies), wrong


async def main(data_dir: Path, movielens_dir: Path) -> None:
    known = links(movielens_dir)
    table = Table("export", "rows here", "matched", "wrong", "seen again", "seconds", title=f"Exports over {data_dir}")
    troubles: list[str] = []
    for name, made in exports(films(), known).items():
        found = await judged(Settings(_env_file=None, data_dir=data_dir), made, known)
        share = f"{found.found} ({found.found / max(found.here, 1):.1%})"
        table.add_row(
            name, str(found.here), share, str(len(found.wrong)), str(found.seen_again), f"{found.seconds:.2f}"
        )
        troubles += [f"{name}: {trouble}" for trouble in [*found.missed, *found.wrong]]
    console = Console()
    console.print(table)
    for trouble in troubles:
        console.print(trouble, markup=False)
    count, wrong = await taken_for_others(Settings(_env_file=None, data_dir=data_dir))
    console.print(f"Of {count:,} movies that the catalogue lacks in turn, {len(wrong)} are taken for another:")
    console.print("\n".join(wrong), markup=False)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
