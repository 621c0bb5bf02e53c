"""The chat database copied while it is in use, checked, and put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from errors import StorageUnavailable
from files import flush, new_file
from storage.migrations import MIGRATIONS
from storage.sqlite import told

WAIT_SECONDS = 30.0  # for a lock of another program's
_BESIDE = ("-wal", "-shm")  # what SQLite keeps next to a database in use


def back_up(database: Path, target: Path) -> int:
    """Copy the database as it is at this moment, while others write on; returns the bytes of the copy.

    One step, so one read transaction: in write-ahead mode it holds nobody up, and no write makes it begin again.

    Raises:
        StorageUnavailable: One of the files cannot be read or written. An older copy is left as it was.
    """
    if target.resolve() == database.resolve():
        raise StorageUnavailable("That is the database itself.")
    with _terms(), new_file(target) as part:
        part.touch(mode=0o600)
        with closing(_open(database)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        flaws = check(part)
        if flaws:
            raise StorageUnavailable(f"The copy is damaged: {flaws[0]}")
    return target.stat().st_size


def check(database: Path) -> Sequence[str]:
    """The flaws of a database; none for a sound one of ours. It is not changed.

    Raises:
        StorageUnavailable: It cannot be read.
    """
    with _terms(), closing(_open(database)) as connection:
        version = version_in(connection)
        if not 1 <= version <= len(MIGRATIONS):
            return [f"It is no chat database of this program's: its version is {version}, not 1 to {len(MIGRATIONS)}."]
        flaws = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchmany(20)
        return flaws + [f"{table}, row {row}: its row in {parent} is not there." for table, row, parent, _ in orphans]


def restore(backup: Path, database: Path, now: datetime) -> Path | None:
    """Put a copy in the database's place; returns where the one from before is now, if there was one.

    Nobody may have the database open.

    Raises:
        StorageUnavailable: The copy is damaged or cannot be read; nothing was changed.
    """
    if flaws := check(backup):
        raise StorageUnavailable(f"{backup.name} is not restored: {flaws[0]}")
    with _terms():
        earlier = None
        if database.exists():
            earlier = database.with_name(f"{database.stem}-before-{now:%Y%m%dT%H%M%SZ}.db")
            back_up(database, earlier)
        with new_file(database) as part:
            part.touch(mode=0o600)
            with closing(_open(backup)) as source, closing(sqlite3.connect(part)) as copy:
                source.backup(copy, pages=-1)
            for name in _BESIDE:  # they belong to the file from before, which is whole in `earlier`
                database.with_name(database.name + name).unlink(missing_ok=True)
        flush(database.parent)
    return earlier


def version_in(connection: sqlite3.Connection) -> int:
    """The version of an open file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _open(database: Path) -> sqlite3.Connection:
    """A connection for reading."""
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS)


@contextmanager
def _terms() -> Iterator[None]:
    """Errors of SQLite and the system in the user's terms."""
    try:
        yield
    except sqlite3.Error as error:
        raise told(error) from error
    except OSError as error:
        raise StorageUnavailable(f"{error.filename}: {error.strerror}.") from error
