"""A few connections that read one SQLite file, each handed to one query at a time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import aiosqlite


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
