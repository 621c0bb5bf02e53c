"""Movie data comes in: `python movielens.py download NAME|import DIR|ZIP`, and IMDb's facts: `… enrich DIR|download`.

`python movielens.py ratings FILE` takes over a person's own ratings (commands/ratings.py).

A new catalogue file takes the old one's place when it is whole; until then the old one stays and serves.

Runs in a process of its own: apsw brings its own copy of SQLite, and two copies in one process must not have one file
open. Nothing that the server imports may import this module, or `movies.ingest.build`, which makes the file's content.
"""

from __future__ import annotations

import runpy
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw
import filelock

from errors import CatalogueError
from files import new_file
from movies.ingest.build import Build, open_part
from movies.ingest.facts import KeptFacts, linked_ids, load_facts, new_facts, save_facts, write_facts
from movies.ingest.files import FileReport, MovieFiles
from movies.ingest.imdb import ImdbFiles, read_facts
from movies.models import FactsInfo
from movies.tables import APPLICATION_ID, FORMAT

_URI = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI


@dataclass(frozen=True)
class ImportReport:
    """The report of an import. `seconds` is wall time, `size` the catalogue file's bytes."""

    path: Path
    files: dict[str, FileReport]
    missing: list[str]
    notes: list[str]
    seconds: float
    size: int

    @property
    def rows(self) -> int:
        return sum(report.rows for report in self.files.values())


@dataclass(frozen=True)
class EnrichReport:
    """The report of an enrichment. `seconds` is wall time."""

    path: Path
    files: dict[str, FileReport]
    missing: list[str]
    facts: FactsInfo
    movies: int
    seconds: float


def import_catalogue(files: MovieFiles, target: Path, stage: Callable[[str], None] = lambda _: None) -> ImportReport:
    """Build a catalogue from `files` and put it at `target` when it is whole; until then the old one stays.

    Args:
        files: what to import.
        target: the catalogue file; its folder is made.
        stage: told in words what is being done, between the files.

    Raises:
        MalformedFile: a file is not in its layout.
        CatalogueError: another import runs, or the disk is full or cannot be written.
    """
    with _in_words(target), _only_import(target, wait=False):
        return _import(files, target, stage)


def import_if_needed(
    files: MovieFiles, target: Path, stage: Callable[[str], None] = lambda _: None
) -> ImportReport | None:
    """The same, after any other import that runs; None where a whole catalogue is there by then."""
    with _in_words(target), _only_import(target, wait=True):
        return None if _is_whole(target) else _import(files, target, stage)


def enrich_catalogue(files: ImdbFiles, target: Path, stage: Callable[[str], None] = lambda _: None) -> EnrichReport:
    """Add IMDb's facts to the movies of a catalogue: a copy that has them takes its place, and they are kept beside it.

    Raises:
        MalformedFile: a file is not in its layout.
        CatalogueError: there is no catalogue, none of its movies has an IMDb id, a file cannot be read, another import
            runs, or the disk is full or cannot be written.
    """
    with _in_words(target), _only_import(target, wait=False):
        started = time.perf_counter()
        ids = _imdb_ids(target)
        facts = new_facts(read_facts(files, ids))
        stage("catalogue")
        with new_file(target) as part:
            shutil.copyfile(target, part)
            with closing(open_part(part)) as db, db:
                info, movies = write_facts(db, facts), next(db.execute("SELECT count(*) FROM movies"))[0]
            save_facts(facts, target.parent)
        return EnrichReport(target, files.reports, files.missing(), info, movies, time.perf_counter() - started)


def _imdb_ids(target: Path) -> list[str]:
    if not target.is_file():
        raise CatalogueError(f"There is no catalogue at {target} to enrich; import one first")
    if not _is_whole(target, thorough=False):
        raise CatalogueError(f"{target} is no catalogue of this version, or is damaged; import it again first")
    with closing(apsw.Connection(_uri(target), _URI)) as db:
        ids = linked_ids(db)
    if not ids:
        raise CatalogueError("No movie of the catalogue has an IMDb id (links.csv), by which facts are matched")
    return ids


def _import(files: MovieFiles, target: Path, stage: Callable[[str], None]) -> ImportReport:
    started, (facts, notes) = time.perf_counter(), _kept_facts(target)
    with new_file(target) as part:
        build = Build(part, files, stage, facts)
        build.run()
    seconds, notes = time.perf_counter() - started, [*build.notes, *notes]
    return ImportReport(target, files.reports, files.missing(), notes, seconds, target.stat().st_size)


def _kept_facts(target: Path) -> tuple[KeptFacts | None, list[str]]:
    """The facts that an enrichment left beside the catalogue, or a note on why they are left out."""
    try:
        return load_facts(target.parent), []
    except ValueError as error:
        return None, [f"{error}: the catalogue has no facts of IMDb's; run `python movielens.py enrich` again"]


@contextmanager
def _in_words(target: Path) -> Iterator[None]:
    """Say what the disk refuses as a CatalogueError."""
    try:
        yield
    except (OSError, apsw.FullError, apsw.CantOpenError, apsw.IOError) as error:
        raise CatalogueError(f"The catalogue cannot be written to {target.parent}: {error}") from error


@contextmanager
def _only_import(target: Path, *, wait: bool) -> Iterator[None]:
    """Hold the import lock of `target`, and clear away what imports that died left behind."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(f"{target}.lock", timeout=-1 if wait else 0):
            for stale in target.parent.glob(f"{target.name}.*.part*"):
                stale.unlink(missing_ok=True)
            yield
    except filelock.Timeout:
        raise CatalogueError(f"Another import into {target.parent} is running; try again when it has ended") from None


def _uri(target: Path) -> str:
    return f"{target.resolve().as_uri()}?mode=ro&immutable=1"


def _is_whole(target: Path, *, thorough: bool = True) -> bool:
    """True where the file, read through if `thorough`, is a catalogue of this version."""
    if not target.is_file():
        return False
    try:
        with closing(apsw.Connection(_uri(target), _URI)) as db:
            pages = db.pragma("page_count") * db.pragma("page_size")
            known = (db.pragma("application_id"), db.pragma("user_version"), pages)
            if known != (APPLICATION_ID, FORMAT, target.stat().st_size):
                return False
            return not thorough or db.pragma("quick_check") == "ok"
    except apsw.Error:
        return False


if __name__ == "__main__":
    runpy.run_module(f"commands.{'ratings' if sys.argv[1:2] == ['ratings'] else 'movielens'}", run_name="__main__")
