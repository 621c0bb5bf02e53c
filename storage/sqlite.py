"""One SQLite file: a writer behind a lock, readers, one more for searches, migrations. Knows no table."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import aiosqlite
from filelock import AsyncFileLock
from loguru import logger

from errors import StorageUnavailable
from storage.readers import Readers

READERS = 3
BUSY_TIMEOUT_MS = 5_000
QUEUE_SECONDS = 10.0  # for a transaction to wait for others of this process
PRIVATE = 0o600  # the mode of a file that is nobody else's business
PROBE_SECONDS = 2.0  # for which the answer of the last probe stands
PROBE_WAIT_SECONDS = 1.0
WAL_BYTES = 64_000_000  # what is kept of the write-ahead log after a burst

_REASONS = {
    sqlite3.SQLITE_FULL: "The disk is full.",
    sqlite3.SQLITE_READONLY: "The database is read-only.",
    sqlite3.SQLITE_BUSY: "The database is locked by another program.",
    sqlite3.SQLITE_LOCKED: "The database is locked by another program.",
    sqlite3.SQLITE_IOERR: "The disk does not answer.",
    sqlite3.SQLITE_CANTOPEN: "The database file cannot be opened.",
    sqlite3.SQLITE_CORRUPT: "The database file is damaged.",
    sqlite3.SQLITE_NOTADB: "The database file is not a database.",
}


class Database:
    """A WAL database, opened by `open()`.

    Every write goes through `transaction()`; reads take any of the readers, searches the one that is theirs: a search
    takes a core for a while, and a second one at the same time would take it from everybody else. A write never waits
    for the network.
    """

    def __init__(self, path: Path, writer: aiosqlite.Connection, readers: Readers, searcher: Readers) -> None:
        self._path = path
        self._file = _identity(path)
        self._probe: asyncio.Task[str | None] | None = None
        self._probed_at = 0.0
        self._writer = writer
        self._readers = readers
        self._searcher = searcher
        self._lock = asyncio.Lock()

    @classmethod
    async def open(
        cls, path: Path, migrations: Sequence[str], synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    ) -> Database:
        """Open the file, made where it is missing, and bring it to the newest version.

        Args:
            path: The database file.
            migrations: SQL scripts; number n takes the file from version n to n + 1.
            synchronous: `NORMAL` survives a killed process, `FULL` a power cut too.

        Raises:
            StorageUnavailable: The file cannot be opened, or was written by a newer version of this program.
        """
        async with _one_opener(path):
            _make_private(path)
            return await cls._open(path, migrations, synchronous)

    @classmethod
    async def _open(cls, path: Path, migrations: Sequence[str], synchronous: Literal["NORMAL", "FULL"]) -> Database:
        writer = await _connect(path, "rwc")
        try:
            await writer.execute("PRAGMA journal_mode = WAL")
            await writer.execute(
                "PRAGMA synchronous = FULL" if synchronous == "FULL" else "PRAGMA synchronous = NORMAL"
            )
            await writer.execute("PRAGMA foreign_keys = ON")
            await writer.execute(f"PRAGMA journal_size_limit = {WAL_BYTES:d}")
            await _migrate(writer, path, migrations)
        except sqlite3.Error as error:
            await writer.close()
            raise _or_defect(error) from error
        except BaseException:
            await writer.close()
            raise
        connect = partial(_connect, path, "ro")
        return cls(path, writer, await Readers.open(connect, READERS), await Readers.open(connect, 1))

    async def close(self) -> None:
        """Finish what is being written and close every connection."""
        if self._probe is not None:
            await asyncio.wait({self._probe})
        async with self._lock:
            for connections in (self._readers, self._searcher, self._writer):
                await connections.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """The writer inside BEGIN IMMEDIATE; committed at the end, rolled back on any exception.

        aiosqlite queues a statement before it waits, so the rollback of a cancelled task still runs before the next
        transaction begins.

        Raises:
            StorageUnavailable: Disk full, read-only or locked, or the file is gone. Nothing was kept.
        """
        async with self._turn():
            if _identity(self._path) != self._file:
                raise StorageUnavailable(
                    "The database file was deleted or replaced; put it back, or restart the service."
                )
            try:
                await self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                await self._writer.commit()
            except sqlite3.Error as error:
                await self._writer.rollback()
                raise _or_defect(error) from error
            except BaseException:
                await self._writer.rollback()
                raise

    async def trouble(self) -> str | None:
        """The reason why nothing can be written, if any: by a real write, at most one in PROBE_SECONDS."""
        if self._probe is None or (self._probe.done() and time.monotonic() - self._probed_at > PROBE_SECONDS):
            self._probe = asyncio.create_task(self._try_to_write(), name="probe")
        await asyncio.wait({self._probe}, timeout=PROBE_WAIT_SECONDS)
        return self._probe.result() if self._probe.done() else "The database is busy."

    async def _try_to_write(self) -> str | None:
        """Write the version that stands in the file anew, and commit it."""
        try:
            async with self.transaction() as connection:
                await connection.execute(f"PRAGMA user_version = {await _version(connection):d}")
        except StorageUnavailable as error:
            return error.detail
        finally:
            self._probed_at = time.monotonic()
        return None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """The writer's lock. Whoever waits too long is told: behind a locked file each turn takes BUSY_TIMEOUT_MS."""
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                await self._lock.acquire()
        except TimeoutError:
            raise StorageUnavailable("The database is busy.") from None
        try:
            yield
        finally:
            self._lock.release()

    async def fetch(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of one query."""
        return await _fetch(self._readers, sql, parameters)

    async def search(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query that may take long; it waits for other searches, and no other read waits for it."""
        return await _fetch(self._searcher, sql, parameters)

    async def fetch_one(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        """The first row of one query, if any."""
        rows = await self.fetch(sql, parameters)
        return rows[0] if rows else None


async def _fetch(readers: Readers, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> list[sqlite3.Row]:
    try:
        return await readers.fetch(sql, parameters)
    except sqlite3.Error as error:
        raise _or_defect(error) from error


def _identity(path: Path) -> tuple[int, int] | None:
    """The identity of the file at a path."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _or_defect(error: sqlite3.Error) -> Exception:
    """The error in the user's terms where it is the storage's fault, as it is where it is a defect of ours."""
    reason = _REASONS.get((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF)
    return StorageUnavailable(reason) if reason else error


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
async def _one_opener(path: Path) -> AsyncIterator[None]:
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


async def _connect(path: Path, mode: Literal["ro", "rwc"]) -> aiosqlite.Connection:
    """A connection in autocommit mode with named columns."""
    try:
        connection = await aiosqlite.connect(_uri(path, mode), uri=True, isolation_level=None)
        connection.row_factory = sqlite3.Row
        await connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS:d}")
    except sqlite3.Error as error:
        raise _or_defect(error) from error
    return connection


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


async def _migrate(writer: aiosqlite.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Run what the file has not seen, each script in a transaction of its own."""
    while (version := await _version(writer)) < len(migrations):
        logger.info("Bringing {} to version {}", path.name, version + 1)
        try:
            await writer.executescript(
                f"BEGIN IMMEDIATE; {migrations[version]}; PRAGMA user_version = {version + 1:d}; COMMIT"
            )
        except sqlite3.Error:
            await writer.rollback()
            if await _version(writer) <= version:  # else another process was faster
                raise
    if version > len(migrations):
        raise StorageUnavailable(f"{path.name} was written by a newer version of this program.")


async def _version(connection: aiosqlite.Connection) -> int:
    [row] = await connection.execute_fetchall("PRAGMA user_version")
    return int(row[0])
