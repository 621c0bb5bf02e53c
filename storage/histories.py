"""Histories of sessions beyond their next answer: requests of runs, copies, items by their ids, deletions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from errors import Conflict
from schemas import Message, Run
from storage.records import message_of, refuse_live_run
from storage.sqlite import Database


class Histories:
    """Those of one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def request_of(self, run_id: str) -> str | None:
        """The request of a run, where it is kept."""
        row = await self._db.fetch_one("SELECT request FROM runs WHERE id = ?", (run_id,))
        return row["request"] if row else None

    async def continued_by(self, run_id: str) -> str | None:
        """The run whose actions were carried out for this one, if any."""
        row = await self._db.fetch_one("SELECT continues FROM runs WHERE id = ?", (run_id,))
        return row["continues"] if row else None

    async def is_ephemeral(self, session_id: str) -> bool:
        """True for a session that is never listed, and gone some time after its last answer."""
        row = await self._db.fetch_one("SELECT ephemeral FROM sessions WHERE id = ?", (session_id,))
        return row is not None and bool(row["ephemeral"])

    async def up_to(self, run: Run) -> list[Message]:
        """A session's messages up to the end of a run, oldest first, without answers that a retry replaced."""
        rows = await self._db.fetch(
            """
            SELECT * FROM messages
            WHERE session_id = :session AND (alternative = 0 OR run_id = :run OR id = :message)
                AND number <= (SELECT max(number) FROM messages WHERE run_id = :run OR id = :message) ORDER BY number
            """,
            {"session": run.session_id, "run": run.id, "message": run.message_id},
        )
        return [message_of(row) for row in rows]

    async def find_messages(self, account_id: str, ids: Sequence[str]) -> dict[str, Message]:
        """Those of these messages that the account has, by their ids."""
        if not ids:
            return {}
        rows = await self._db.fetch(
            """
            SELECT messages.* FROM messages JOIN sessions ON sessions.id = messages.session_id
            WHERE messages.id IN (SELECT value FROM json_each(?)) AND sessions.account_id = ?
            """,
            (json.dumps(list(ids)), account_id),
        )
        return {row["id"]: message_of(row) for row in rows}

    async def delete_run(self, run: Run, *, with_session: bool) -> None:
        """Delete the latest run of a session and the messages that it added, and an empty session where it made one.

        Raises:
            Conflict: A later run builds on it.
            RunInProgress: It is live; cancel it first.
        """

        def deleted(connection: sqlite3.Connection) -> None:
            refuse_live_run(connection, run.session_id)
            latest = connection.execute(_LATEST_RUN, (run.session_id,)).fetchone()
            if latest is None or latest["id"] != run.id:
                raise Conflict("Later answers build on this one: delete them first, or the whole conversation.")
            connection.execute("DELETE FROM messages WHERE run_id = ?", (run.id,))
            connection.execute("DELETE FROM runs WHERE id = ?", (run.id,))
            if with_session:
                connection.execute(_DELETE_EMPTY, {"session": run.session_id})

        await self._db.write(deleted)


_LATEST_RUN = "SELECT id FROM runs WHERE session_id = ? ORDER BY number DESC LIMIT 1"
_DELETE_EMPTY = """
    DELETE FROM sessions WHERE id = :session AND NOT EXISTS (SELECT 1 FROM messages WHERE session_id = :session)
"""
