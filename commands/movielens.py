"""The command that brings movie data in: `python movielens.py download NAME|import DIR|ZIP|enrich DIR|download`.

The import itself is in the door; this module talks to the person at the terminal. The server runs it as a process of
its own and never imports it.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Self

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from errors import CatalogueError
from movielens import EnrichReport, ImportReport, enrich_catalogue, import_catalogue, import_if_needed
from movies.ingest.archives import EDITIONS, GROUPLENS, IMDB, download, download_files, open_source
from movies.ingest.files import FileReport, MovieFiles
from movies.ingest.imdb import TABLES, ImdbFiles
from movies.models import IMDB_SOURCE, IMDB_TERMS
from settings import Settings
from text import printable

CATALOGUE = "catalogue.db"
EXAMPLES = """\
examples:
  python movielens.py download ml-latest-small   fetch GroupLens's small edition, verify it and import it
  python movielens.py import ~/ml-25m            import an edition, or any catalogue in its layout, from disk
  python movielens.py enrich download            fetch IMDb's files, and add running times, directors and casts
"""
FACTS = """\
IMDb's files, as https://datasets.imdbws.com has them (.tsv.gz) or unpacked (.tsv); matched by the imdbId of links.csv:
  title.basics      running times and original titles
  title.crew        directors and writers
  title.principals  the leading cast
  name.basics       the names of all these
  title.ratings     optional; IMDb's mean ratings
  title.akas        optional; the original language, where it is given
"download" in place of a folder fetches them, about 1.5 GB, into DATA_DIR/imdb.

A running server takes the enriched catalogue up by itself. The facts are kept in DATA_DIR/imdb.parquet, so that data
imported later has them again.

{attribution}
{terms}
"""
FORMAT = """\
files, in CSV with a header (columns in any order and among others) and UTF-8:
  movies.csv      movieId, title, [genres], [description]     the items, of whatever kind; a year may end the title:
                                                              "Heat (1995)"; genres are separated by |
  ratings.csv     userId, movieId, rating, timestamp          optional; 0.5 to 5 in halves, seconds since 1970
  tags.csv        userId, movieId, tag, timestamp             optional
  users.csv       userId, profile                             optional; what people tell of themselves in words:
                                                              recommended by until they rate something
  links.csv       movieId, [imdbId], [tmdbId]                 optional
  genome-tags.csv, genome-scores.csv                          optional; tagId, tag and movieId, tagId, relevance
  catalogue.toml  noun = "job", plural = "jobs", examples = ["Which jobs are outdoors?"]
                                                              optional; what the items are called, and questions
data/README.md says more; examples/jobs/ is a catalogue of 60 jobs.
"""


class Display:
    """Progress on the terminal: a bar for each file, and what is being made of them. Silent where nobody looks."""

    def __init__(self, console: Console) -> None:
        columns: list[ProgressColumn] = [
            TextColumn("{task.description:<18}"),
            BarColumn(),
            TaskProgressColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        ]
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._bars: dict[str, TaskID] = {}
        self._stage: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def bytes_done(self, name: str, done: int, total: int) -> None:
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(_safe(name), total=total or None)
        self._progress.update(self._bars[name], completed=done, total=total or None)

    def stage(self, name: str) -> None:
        """Show a step whose length is not known, and end the one before."""
        if self._stage is not None:
            self._progress.update(self._stage, total=1, completed=1)
        self._stage = self._progress.add_task(name, total=None)


class _Rate(TransferSpeedColumn):
    """Bytes a second, for what is counted in bytes."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.total and task.total > 1 else Text("")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    args = _parser().parse_args(arguments)
    console, errors = Console(), Console(stderr=True)
    signal.signal(signal.SIGTERM, _stop)
    try:
        data_dir = args.data_dir or Settings().data_dir
        with Display(errors) as display:
            report = _enrich(args, data_dir, display) if args.command == "enrich" else _bring(args, data_dir, display)
    except (CatalogueError, OSError) as error:
        return _refuse(errors, str(error), "enriched" if args.command == "enrich" else "imported")
    except ValidationError as error:
        wrong = error.errors()[0]
        return _refuse(errors, f"the setting {wrong['loc'][0]} is wrong: {wrong['msg']}", "imported")
    except KeyboardInterrupt:
        errors.print("Stopped. Nothing was changed.")
        return 130
    if isinstance(report, EnrichReport):
        print_facts(console, report)
    elif report is not None:
        print_summary(console, report)
    return 0


def _bring(args: argparse.Namespace, data_dir: Path, display: Display) -> ImportReport | None:
    if args.command == "download":
        path = download(args.edition, data_dir, args.base_url, display.bytes_done)
    else:
        path = args.path
    bring = import_if_needed if args.if_needed else import_catalogue
    with closing(open_source(path)) as source:
        return bring(MovieFiles(source, display.bytes_done), data_dir / CATALOGUE, display.stage)


def _enrich(args: argparse.Namespace, data_dir: Path, display: Display) -> EnrichReport:
    folder = Path(args.path).expanduser()
    if args.path == "download":
        names = [f"{table.stem}.tsv.gz" for table in TABLES]
        folder = download_files(names, data_dir / "imdb", args.base_url, display.bytes_done)
    return enrich_catalogue(ImdbFiles(folder, display.bytes_done), data_dir / CATALOGUE, display.stage)


def print_facts(console: Console, report: EnrichReport) -> None:
    """The rows of each file, the movies that have which facts, and whose these are."""
    console.print(_files_table(f"Read for {_safe(str(report.path))}", report.files, "unread"))
    facts = report.facts
    table = Table("movies", title="Facts", title_justify="left")
    table.add_column("number", justify="right")
    table.add_column("of all", justify="right")
    numbers = {
        "in the catalogue": report.movies,
        "with an IMDb id": facts.linked,
        "found in IMDb's files": facts.movies,
        "with running time": facts.runtimes,
        "with directors": facts.directors,
        "with cast": facts.cast,
    }
    for name, number in numbers.items():
        table.add_row(name, f"{number:,}", f"{number / max(report.movies, 1):.0%}")
    console.print(table)
    if report.missing:
        console.print(f"Not there, and not needed: {_safe(', '.join(report.missing))}.", soft_wrap=True)
    rows = sum(counts.rows for counts in report.files.values())
    speed = rows / max(report.seconds, 1e-9)
    console.print(f"{rows:,} rows in {report.seconds:.2f} s ({speed:,.0f} rows/s); {facts.people:,} people.")
    console.print(f"{facts.attribution}\n{facts.terms}", soft_wrap=True, highlight=False)


def _files_table(title: str, files: Mapping[str, FileReport], refused: str) -> Table:
    table = Table("file", title=title, title_justify="left")
    for column in ("rows", "seconds", "rows/s", refused):
        table.add_column(column, justify="right")
    why = any(counts.reasons for counts in files.values())
    if why:
        table.add_column(f"why {refused}, the first", overflow="fold")
    for file, counts in files.items():
        rate = f"{counts.rows / counts.seconds:,.0f}" if counts.seconds else ""
        numbers = (f"{counts.rows:,}", f"{counts.seconds:.2f}", rate, f"{counts.refused:,}")
        table.add_row(_safe(file), *numbers, *([_safe("\n".join(counts.reasons))] if why else []))
    return table


def print_summary(console: Console, report: ImportReport) -> None:
    console.print(_files_table(f"Imported into {_safe(str(report.path))}", report.files, "refused"))
    for note in report.notes:
        console.print(f"Note: {_safe(note)}.", soft_wrap=True)
    if report.missing:
        console.print(f"Not there, and not needed: {_safe(', '.join(report.missing))}.", soft_wrap=True)
    speed = report.rows / max(report.seconds, 1e-9)
    whole = f"{report.rows:,} rows in {report.seconds:.2f} s ({speed:,.0f} rows/s) with statistics and search index"
    console.print(f"{whole}; the catalogue takes {report.size / 1e6:,.1f} MB.", soft_wrap=True)


def _refuse(errors: Console, why: str, what: str) -> int:
    errors.print(f"[red]Not {what}:[/] {_safe(why)}", soft_wrap=True)
    return 1


def _safe(text: str) -> str:
    """Words of the data for rich: neither its markup nor the terminal's."""
    return escape(printable(text))


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="movielens.py",
        description="Bring a MovieLens data set into the catalogue, and facts of its movies.",
        epilog=EXAMPLES,
        formatter_class=raw,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("download", help="fetch an edition from GroupLens, verify it and import it")
    fetch.add_argument("edition", metavar="NAME", help=", ".join(EDITIONS))
    fetch.set_defaults(if_needed=False)
    fetch.add_argument("--base-url", default=GROUPLENS, help="where the editions are (default: %(default)s)")
    local = commands.add_parser(
        "import",
        help="import a folder or a zip that is on disk",
        description="Import a MovieLens edition, or any catalogue in its layout, from a folder or a zip.",
        epilog=FORMAT,
        formatter_class=raw,
    )
    local.add_argument("path", metavar="DIR|ZIP", type=Path)
    local.add_argument("--if-needed", action="store_true", help="do nothing where a whole catalogue is there")
    enrich = commands.add_parser(
        "enrich",
        help="add running times, directors and casts from IMDb's non-commercial files",
        description="Add running times, directors, casts and original titles to the catalogue, from IMDb's files.",
        epilog=FACTS.format(attribution=IMDB_SOURCE, terms=IMDB_TERMS),
        formatter_class=raw,
    )
    enrich.add_argument("path", metavar="DIR|download", help="a folder with the files, or the word: fetch them")
    enrich.add_argument("--base-url", default=IMDB, help="where the files are (default: %(default)s)")
    commands.add_parser(
        "ratings", help="take over your ratings from IMDb, Letterboxd, Trakt or MovieLens", add_help=False
    )
    for command in (fetch, local, enrich):
        command.add_argument("--data-dir", type=Path, help="where the catalogue is (default: DATA_DIR, else var)")
    return parser


def _stop(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
