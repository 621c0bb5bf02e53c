"""The command that takes over a person's ratings: `python movielens.py ratings FILE`, and `--export FILE` out again.

It works on the data directory itself, beside a service that runs over it or without one.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from loguru import logger
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from errors import CatalogueError, MarqueeError
from files import new_file
from movies.library import Library
from movies.reader import Catalogue
from ratings.exporting import as_csv, export_ratings
from ratings.importing import import_ratings
from ratings.models import ImportReport, ImportRow, RatingsExport
from settings import Settings
from storage.opening import open_database
from storage.own_ratings import OwnRatings
from storage.records import LOCAL, utc_now
from text import one_line

ROWS_SHOWN = 40
IN_DOUBT = ("ambiguous", "unknown", "invalid", "duplicate")
EFFECTS = {
    "new": "new",
    "changed": "another rating than here",
    "unchanged": "here already",
    "older": "older than here, left out",
    "seen": "seen and not rated: not recommended any more",
}


class _Place(NamedTuple):
    catalogue: Catalogue
    ratings: OwnRatings


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = _parser()
    args = parser.parse_args(sys.argv[2:] if arguments is None else arguments)
    if args.file is None and args.export is None:
        parser.error("name a FILE to take over, or --export FILE")
    console, errors = Console(), Console(stderr=True)
    logger.remove()
    logger.add(sys.stderr, level="ERROR", format="{message}")
    try:
        return asyncio.run(_run(args, console))
    except (MarqueeError, CatalogueError) as error:
        return _refuse(errors, str(error))
    except OSError as error:
        return _refuse(errors, f"{error.filename}: {error.strerror}")
    except ValidationError as error:
        wrong = error.errors()[0]
        return _refuse(errors, f"the setting {wrong['loc'][0]} is wrong: {wrong['msg']}")
    except (KeyboardInterrupt, EOFError):
        errors.print("Stopped. Nothing was stored.")
        return 130


async def _run(args: argparse.Namespace, console: Console) -> int:
    settings = Settings(data_dir=args.data_dir) if args.data_dir else Settings()
    async with _opened(settings) as place:
        if args.file is not None:
            await _import(args, place, console)
        if args.export is not None:
            await _export(args.export, place, console)
    return 0


async def _import(args: argparse.Namespace, place: _Place, console: Console) -> None:
    data = await asyncio.to_thread(args.file.read_bytes)

    async def imported(*, preview: bool) -> ImportReport:
        return await import_ratings(
            place.catalogue,
            place.ratings,
            LOCAL,
            data,
            filename=args.file.name,
            choices=dict(args.choose),
            preview=preview,
            now=utc_now(),
        )

    report = await imported(preview=True)
    show(console, report, everything=args.all)
    counts = report.counts
    if not counts.new + counts.changed + counts.seen:
        console.print("There is nothing to store.")
    elif args.yes or (sys.stdin.isatty() and console.input("Store this? \\[y/N] ").strip().lower() in ("y", "yes")):
        stored = (await imported(preview=False)).counts
        console.print(f"Stored. Ratings: {stored.new + stored.changed:,}; seen movies: {stored.seen:,}.")
    else:
        console.print("Nothing was stored. With --yes it is, without a question.")


async def _export(path: Path, place: _Place, console: Console) -> None:
    export = await export_ratings(place.catalogue, place.ratings, LOCAL)
    text = RatingsExport.model_dump_json(export, indent=1) if path.suffix == ".json" else as_csv(export)
    with new_file(path) as part:
        part.write_bytes(text.encode())
    console.print(f"{len(export.ratings):,} movies written to {_safe(str(path))}.", soft_wrap=True)


def show(console: Console, report: ImportReport, *, everything: bool = False) -> None:
    """The report as a table: what is in doubt first, and how much there is of the rest."""
    ordered = sorted(report.rows, key=lambda row: row.status not in IN_DOUBT)
    shown = ordered if everything else ordered[:ROWS_SHOWN]
    table = Table("row", "in the file", "stars", "rated", "", "movie here, or why not", title_justify="left")
    table.title = f"{_safe(report.detected)}: {report.counts.rows:,} rows"
    for row in shown:
        table.add_row(*map(_safe, _cells(row)))
    console.print(table)
    if len(shown) < len(ordered):
        console.print(f"And {len(ordered) - len(shown):,} more; --all shows every row.")
    counts = report.counts.model_dump()
    found = [f"{counts[name]:,} {name}" for name in ("matched", "unrated", *IN_DOUBT) if counts[name]]
    console.print(f"{', '.join(found) or 'No rows'}.", soft_wrap=True)
    for name, words in EFFECTS.items():
        if counts[name]:
            console.print(f"  {counts[name]:,} {words}", soft_wrap=True)
    for note in report.notes:
        console.print(f"Note: {_safe(note)}", soft_wrap=True)


def _cells(row: ImportRow) -> tuple[str, ...]:
    title = f"{row.title} ({row.year})" if row.year else row.title
    could_be = "; ".join(f"{movie.called} = {row.row}:{movie.movie_id}" for movie in row.candidates)
    found = row.movie.called if row.movie else ""
    said = " ".join(part for part in (found, row.reason or "", f"--choose {could_be}" if could_be else "") if part)
    stars = "" if row.stars is None else f"{row.stars:g}"
    day = f"{row.rated_at:%Y-%m-%d}" if row.rated_at else ""
    return str(row.row), title, stars, day, row.status, said


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[_Place]:
    library = await Library.open(settings, work=False)
    try:
        database = await open_database(settings.chat_path, settings.sqlite_synchronous)
        try:
            async with library.use() as snapshot:
                yield _Place(snapshot.catalogue, OwnRatings(database))
        finally:
            await database.close()
    finally:
        await library.close()


def _choice(text: str) -> tuple[int, int]:
    row, _, movie_id = text.partition(":")
    return int(row), int(movie_id)


def _refuse(errors: Console, why: str) -> int:
    errors.print(f"[red]Not imported:[/] {_safe(why)}", soft_wrap=True)
    return 1


def _safe(text: str) -> str:
    return escape(one_line(text))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="movielens.py ratings",
        description="Take over your ratings from an export of IMDb (CSV), Letterboxd (ZIP or CSV), Trakt (JSON or "
        "ZIP), MovieLens or this service. What would be stored is shown first.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="the export")
    parser.add_argument("--yes", action="store_true", help="store without asking")
    parser.add_argument("--all", action="store_true", help="show every row")
    parser.add_argument(
        "--choose",
        metavar="ROW:ID",
        type=_choice,
        action="append",
        default=[],
        help="the movie of a row that is in doubt",
    )
    parser.add_argument("--export", metavar="FILE", type=Path, help="write all your ratings, as CSV or .json")
    parser.add_argument("--data-dir", type=Path, help="where the data is (default: DATA_DIR, else var)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
