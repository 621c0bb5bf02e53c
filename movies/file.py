"""A catalogue file, open for reading: refused where it is not whole, and watched for damage while it is in use."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Self

import aiosqlite

from errors import CatalogueError, NoCatalogue
from movies.models import CatalogueInfo
from movies.tables import APPLICATION_ID, FORMAT
from storage.sqlite import Readers

READERS = 3

Row = Sequence[Any]
RunQuery = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]


class CatalogueFile:
    """One catalogue file; it is replaced and not changed, so readers need no lock.

    Attributes:
        info: what is imported.
        damping: C of the movies' scores (`taste.interactions.damped_mean`).
        overall_mean: m of the same, in stars.
    """

    def __init__(self, file: BinaryIO, state: tuple[int, int], readers: Readers, meta: dict[str, Any]) -> None:
        self._file, self._opened_as, self._readers = file, state, readers
        self._damaged = self._closed = False
        self.damping: float = meta["damping"]
        self.info = CatalogueInfo.model_validate(
            {name: meta[name] for name in CatalogueInfo.model_fields if name in meta}
        )
        self.overall_mean = self.info.rating_mean or 0.0

    @classmethod
    async def open(cls, path: Path, *, doubtful: bool = False) -> Self:
        """Open a file; a `doubtful` one, changed since it was put in its place, is read through first.

        Raises:
            NoCatalogue: there is none, or it is damaged.
            CatalogueError: it is something else, or was made by another version.
        """
        uri = _uri(path)
        async with AsyncExitStack() as stack:
            file = stack.enter_context(await asyncio.to_thread(path.open, "rb"))
            state = size, _ = _state(file)
            try:
                readers = await Readers.open(partial(_connect, uri), READERS)
                stack.push_async_callback(readers.close)
                opened = cls(file, state, readers, await _check(readers, path, size, doubtful=doubtful))
            except (sqlite3.DatabaseError, ValueError, KeyError) as error:
                raise NoCatalogue(f"{path} is not a catalogue, or is damaged; import it again") from error
            stack.pop_all()
        return opened

    async def close(self) -> None:
        """Close the file when the queries under way are done; a later one is a CatalogueError."""
        if not self._closed:
            self._closed = True
            await self._readers.close()
            self._file.close()

    @property
    def intact(self) -> bool:
        """True while the file is as it was opened: nobody wrote to it or cut it, and no query found it damaged."""
        return not self._damaged and (self._closed or _state(self._file) == self._opened_as)

    async def fetch(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """All rows of a query; none of a file that was changed under us, whatever they look like."""
        if self._closed:
            raise CatalogueError("This catalogue was closed: another one has taken its place")
        try:
            rows: list[Row] = list(await self._readers.fetch(sql, parameters))
        except sqlite3.DatabaseError as error:
            self._damaged = self._damaged or _is_damage(error)
            if self.intact:
                raise
        if not self.intact:
            raise CatalogueError("The catalogue file was damaged while it was in use")
        return rows


def _uri(path: Path) -> str:
    if not path.is_file():
        raise NoCatalogue(f"There is no catalogue at {path}; import one with: python movielens.py import DIR")
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


def _state(file: BinaryIO) -> tuple[int, int]:
    """Size and time of the last change, to see that someone wrote to the file or cut it."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR)


async def _connect(uri: str) -> aiosqlite.Connection:
    """A connection that maps nothing: a mapped file that someone cuts kills the process (SIGBUS)."""
    reader = await aiosqlite.connect(uri, uri=True)
    await reader.execute("PRAGMA query_only = ON")
    await reader.execute("PRAGMA mmap_size = 0")
    return reader


async def _check(readers: Readers, path: Path, size: int, *, doubtful: bool) -> dict[str, Any]:
    """Read the file's meta data, once it is known to be whole and of our format."""
    if size == 0:
        raise NoCatalogue(f"{path} is not a catalogue: it is empty")
    [(application_id, version, written)] = await readers.fetch(
        """
        SELECT application_id, user_version, page_count * page_size
        FROM pragma_application_id, pragma_user_version, pragma_page_count, pragma_page_size
        """
    )
    if application_id != APPLICATION_ID:
        raise CatalogueError(f"{path} is not a catalogue of this service")
    if version != FORMAT:
        raise CatalogueError(f"{path} was made by another version of this service; import it again")
    if size != written:
        raise NoCatalogue(f"{path} is damaged: it has another size than it was written with; import it again")
    if doubtful and [tuple(row) for row in await readers.fetch("PRAGMA quick_check(1)")] != [("ok",)]:
        raise NoCatalogue(f"{path} is damaged; import it again")
    return {key: json.loads(value) for key, value in await readers.fetch("SELECT key, value FROM meta")}
