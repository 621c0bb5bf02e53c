"""Movie data comes in: `python movielens.py download NAME` and `python movielens.py import DIR|ZIP`.

`python movielens.py ratings FILE` takes over a person's own ratings (commands/ratings.py).

A new catalogue file takes the old one's place when it is whole; until then the old one stays and serves.

Runs in a process of its own: apsw brings its own copy of SQLite, and two copies in one process must not have one file
open. Nothing that the server imports may import this module, or `movies.ingest.build`, which makes the file's content.
"""

from __future__ import annotations

import runpy
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
from movies.ingest.build import Build
from movies.ingest.files import FileReport, MovieFiles
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


def _import(files: MovieFiles, target: Path, stage: Callable[[str], None]) -> ImportReport:
    started = time.perf_counter()
    with new_file(target) as part:
        build = Build(part, files, stage)
        build.run()
    seconds = time.perf_counter() - started
    return ImportReport(target, files.reports, files.missing(), build.notes, seconds, target.stat().st_size)


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


def _is_whole(target: Path) -> bool:
    """True where the file, read through, is a catalogue of this version."""
    if not target.is_file():
        return False
    try:
        with closing(apsw.Connection(f"{target.resolve().as_uri()}?mode=ro&immutable=1", _URI)) as db:
            pages = db.pragma("page_count") * db.pragma("page_size")
            known = (db.pragma("application_id"), db.pragma("user_version"), pages)
            return known == (APPLICATION_ID, FORMAT, target.stat().st_size) and db.pragma("quick_check") == "ok"
    except apsw.Error:
        return False


if __name__ == "__main__":
    runpy.run_module(f"commands.{'ratings' if sys.argv[1:2] == ['ratings'] else 'movielens'}", run_name="__main__")
