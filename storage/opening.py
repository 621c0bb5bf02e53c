"""The chat database is opened: private, by one process at a time, and brought to its newest version."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import aiosqlite
from filelock import AsyncFileLock
from loguru import logger

from errors import StorageUnavailable
from storage.migrations import MIGRATIONS
from storage.sqlite import LONG_LOG, Database, Readers, Writer, told

C = TypeVar("C", bound=aiosqlite.Connection)

READERS = 3
ROWS = 64  # that a cursor fetches at a time
BUSY_TIMEOUT_MS = 5_000
PRIVATE = 0o600  # the mode of a file that is nobody else's business
MOST_PAGES = 8_000  # of the write-ahead log, 32 MB, until a commit itself brings it into the file


async def open_database(
    path: Path, synchronous: Literal["NORMAL", "FULL"] = "NORMAL", migrations: Sequence[str] = MIGRATIONS
) -> Database:
    """Open the file, made where it is missing.

    Args:
        path: The database file.
        synchronous: `NORMAL` survives a killed process, `FULL` a power cut too.
        migrations: SQL scripts; number n takes the file from version n to n + 1.

    Raises:
        StorageUnavailable: The file cannot be opened, or was written by a newer version of this program.
    """
    async with one_opener(path):
        _make_private(path)
        writer = await _connect(path, "rwc", Writer)
        try:
            await _prepare(writer, synchronous)
            await _migrate(writer, path, migrations)
        except sqlite3.Error as error:
            await writer.close()
            raise told(error) from error
        except BaseException:
            await writer.close()
            raise
        connect = partial(_connect, path, "ro", aiosqlite.Connection)
        readers, searcher = await Readers.open(connect, READERS), await Readers.open(connect, 1)
        emptier = await Readers.open(partial(_connect, path, "rwc", aiosqlite.Connection), 1)
        return Database(path, writer, readers, searcher, emptier)


async def _prepare(writer: aiosqlite.Connection, synchronous: Literal["NORMAL", "FULL"]) -> None:
    await writer.execute("PRAGMA journal_mode = WAL")
    await writer.execute("PRAGMA synchronous = FULL" if synchronous == "FULL" else "PRAGMA synchronous = NORMAL")
    await writer.execute("PRAGMA foreign_keys = ON")
    await writer.execute(f"PRAGMA journal_size_limit = {LONG_LOG:d}")
    await writer.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES:d}")


async def _migrate(writer: aiosqlite.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Run what the file has not seen, each script in a transaction of its own."""
    while (version := await _version_of(writer)) < len(migrations):
        logger.info("Bringing {} to version {}", path.name, version + 1)
        try:
            await writer.executescript(
                f"BEGIN IMMEDIATE; {migrations[version]}; PRAGMA user_version = {version + 1:d}; COMMIT"
            )
        except sqlite3.Error:
            await writer.rollback()
            if await _version_of(writer) <= version:  # else another process was faster
                raise
    if version > len(migrations):
        raise StorageUnavailable(f"{path.name} was written by a newer version of this program.")


def _make_private(path: Path) -> None:
    """Let nobody but the owner read or write the file; SQLite gives those beside it the same mode."""
    try:
        path.touch(mode=PRIVATE, exist_ok=False)
    except FileExistsError:
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            _tighten(file)
    except OSError:
        pass  # SQLite will say it


def _tighten(file: Path) -> None:
    """Take from a file what others may do with it. It is not opened: closing it would free SQLite's locks on it."""
    try:
        if file.stat().st_mode & 0o077:
            file.chmod(PRIVATE)
    except FileNotFoundError:
        pass
    except OSError as error:
        logger.warning("Others may read {}, and that cannot be changed: {}", file.name, error.strerror)


@asynccontextmanager
async def one_opener(path: Path) -> AsyncIterator[None]:
    """Keep other processes from opening the file: two that make a file a WAL database at once are told it is locked."""
    try:
        lock = AsyncFileLock(path.with_name(f"{path.name}.lock"), mode=PRIVATE)
        await lock.acquire()
    except OSError as error:
        raise StorageUnavailable(f"The data directory {path.parent} cannot be written.") from error
    try:
        yield
    finally:
        await lock.release()


async def _connect(path: Path, mode: Literal["ro", "rwc"], kind: type[C]) -> C:
    """A connection in autocommit mode with named columns."""
    try:
        connection = kind(partial(sqlite3.connect, _uri(path, mode), uri=True, isolation_level=None), ROWS)
        await connection
        connection.row_factory = sqlite3.Row
        await connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS:d}")
    except sqlite3.Error as error:
        raise told(error) from error
    return connection


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


async def _version_of(connection: aiosqlite.Connection) -> int:
    """The version of the file, `PRAGMA user_version`."""
    [row] = await connection.execute_fetchall("PRAGMA user_version")
    return int(row[0])
