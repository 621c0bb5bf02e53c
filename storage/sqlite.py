"""One SQLite file in use: a writer behind a lock, readers, one more for searches. Knows no table."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite

from errors import StorageUnavailable

T = TypeVar("T")

LONG_LOG = 4_000_000  # bytes from which on the write-ahead log is brought into the file
EMPTYING_SECONDS = 0.2  # between two times
QUEUE_SECONDS = 10.0  # for a transaction to wait for others of this process
PROBE_SECONDS = 2.0  # for which the answer of the last probe stands
PROBE_WAIT_SECONDS = 1.0

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


def told(error: sqlite3.Error) -> Exception:
    """The error in the user's terms where it is the storage's fault, itself where it is a defect of ours."""
    reason = _REASONS.get((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF)
    return StorageUnavailable(reason) if reason else error


class Writer(aiosqlite.Connection):
    """A connection that can be given a whole piece of work at once: one way to its thread and back, not one a line."""

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Have the thread do it. It is done whole, also where nobody waits for it any more."""
        done: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return done


class Readers:
    """A pool; the connection used last is used first, since its cache is warm."""

    def __init__(self, connections: Sequence[aiosqlite.Connection]) -> None:
        self._connections = connections
        self._free = list(connections)
        self._turn = asyncio.Semaphore(len(connections))

    @classmethod
    async def open(cls, connect: Callable[[], Awaitable[aiosqlite.Connection]], count: int) -> Self:
        """Open `count` connections, or none where one of them fails."""
        connections: list[aiosqlite.Connection] = []
        try:
            while len(connections) < count:
                connections.append(await connect())
        except BaseException:
            await cls(connections).close()
            raise
        return cls(connections)

    async def close(self) -> None:
        """Close every connection once the queries that wait for one are done; a later query is a ValueError."""
        for _ in self._connections:
            await self._turn.acquire()
        for connection in self._connections:
            await connection.close()
            self._turn.release()

    async def fetch(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of one query."""
        async with self._turn:
            connection = self._free.pop()
            try:
                return list(await connection.execute_fetchall(sql, parameters))
            finally:
                self._free.append(connection)


class Database:
    """A WAL database, opened by `opening.open_database`.

    Every write goes through `write()`; reads take any of the readers, searches the one that is theirs: a search takes a
    core for a while, and a second one at the same time would take it from everybody else.
    """

    def __init__(self, path: Path, writer: Writer, readers: Readers, searcher: Readers, emptier: Readers) -> None:
        self._path = path
        self._log = f"{path}-wal"
        self._log_is_long = asyncio.Event()
        self._emptier = emptier
        self._emptying = asyncio.create_task(self._empty_log(), name="checkpoints")
        self._file = _identity(path)
        self._probe: asyncio.Task[str | None] | None = None
        self._probed_at = 0.0
        self._writer = writer
        self._readers = readers
        self._searcher = searcher
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Finish what is being written and close every connection."""
        if self._probe is not None:
            await asyncio.wait({self._probe})
        self._emptying.cancel()
        async with self._lock:
            for connections in (self._readers, self._searcher, self._emptier, self._writer):
                await connections.close()

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Commit a piece of work and give its result; an exception of its rolls back.

        It runs in the writer's thread, and is done whole where the caller is cancelled meanwhile.

        Raises:
            StorageUnavailable: Disk full, read-only or locked, or the file is gone. Nothing was kept.
        """
        async with self._turn():
            self._check_file()
            try:
                return await self._writer.run(partial(_committed, work))
            except sqlite3.Error as error:
                raise told(error) from error
            finally:
                if _size(self._log) > LONG_LOG:
                    self._log_is_long.set()

    async def change(self, sql: str, values: Sequence[Any]) -> int:
        """Commit one statement; returns how many rows it changed."""
        return await self.write(lambda connection: connection.execute(sql, values).rowcount)

    def _check_file(self) -> None:
        if _identity(self._path) != self._file:
            raise StorageUnavailable("The database file was deleted or replaced; put it back, or restart the service.")

    async def _empty_log(self) -> None:
        """Bring the write-ahead log into the file beside the commits, which would wait for the disk if they did it.

        A writer that never rests gets ahead of this; then a commit does what is left (`wal_autocheckpoint`).
        """
        while True:
            await self._log_is_long.wait()
            self._log_is_long.clear()
            with suppress(sqlite3.Error):  # the next commit tells of a disk that refuses
                await self._emptier.fetch("PRAGMA wal_checkpoint(PASSIVE)")
            await asyncio.sleep(EMPTYING_SECONDS)

    async def truncate_log(self) -> None:
        """Bring the write-ahead log into the file and empty it, as far as readers let it."""
        async with self._turn():
            await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    async def trouble(self) -> str | None:
        """The reason why nothing can be written, if any: by a real write, at most one in PROBE_SECONDS."""
        if self._probe is None or (self._probe.done() and time.monotonic() - self._probed_at > PROBE_SECONDS):
            self._probe = asyncio.create_task(self._try_to_write(), name="probe")
        await asyncio.wait({self._probe}, timeout=PROBE_WAIT_SECONDS)
        return self._probe.result() if self._probe.done() else "The database is busy."

    async def _try_to_write(self) -> str | None:
        """Write the version that stands in the file anew, and commit it."""

        def written(connection: sqlite3.Connection) -> None:
            [version] = connection.execute("PRAGMA user_version").fetchone()
            connection.execute(f"PRAGMA user_version = {version:d}")

        try:
            await self.write(written)
        except StorageUnavailable as error:
            return error.detail
        finally:
            self._probed_at = time.monotonic()
        return None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """The writer's lock. Whoever waits too long is told: behind a locked file each turn takes 5 s."""
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


def _committed(work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = work(connection)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return result


async def _fetch(readers: Readers, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> list[sqlite3.Row]:
    try:
        return await readers.fetch(sql, parameters)
    except sqlite3.Error as error:
        raise told(error) from error


def _size(path: str) -> int:
    """The bytes of a file; 0 where it is not there."""
    try:
        return os.stat(path).st_size  # noqa: PTH116  half the time, and every commit asks
    except OSError:
        return 0


def _identity(path: Path) -> tuple[int, int] | None:
    """The identity of the file at a path."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
