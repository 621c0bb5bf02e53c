"""The store of what is said: messages, runs, events, and the session they belong to. One method, one transaction.

Typed things come out, never rows. Sessions are opened, listed and searched in storage/sessions.py; own ratings share
the file (storage/own_ratings.py); the catalogue is a file of its own.
"""

from __future__ import annotations

import json
import runpy
import sqlite3
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import chain

from errors import IdempotencyMismatch, NotFound
from movies.models import Page
from schemas import Message, ResponseFormat, Run, Session
from storage.records import (
    MENTIONS,
    SESSIONS,
    TOOL_CALLS,
    EndedRun,
    Entry,
    Frame,
    NewRun,
    Spent,
    entry_of,
    message_of,
    refuse_live_run,
    run_of,
    session_of,
    stamp,
)
from storage.sqlite import Database

FRAMES_AT_ONCE = 64  # stored by one statement
EARLIER_PAGE = 50  # read at a time on the way back through a session
LATEST = "latest"  # in the place of a message's id: the end of the history


class Store:
    """Messages, runs and events of one database.

    Methods that take an `account_id` raise NotFound for what belongs to another account, as if it did not exist.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    # Sessions

    async def load_session(self, account_id: str, session_id: str) -> Session:
        row = await self._db.fetch_one(SESSIONS + "WHERE id = ? AND account_id = ?", (session_id, account_id))
        if row is None:
            raise NotFound("There is no such session.")
        return session_of(row)

    # Messages

    async def list_messages(
        self, session_id: str, *, limit: int, after: str | None = None, before: str | None = None
    ) -> Page[Message]:
        """Stored messages, oldest first; `before` gives those just before it, or the LATEST. A live run's are not here.

        Raises:
            NotFound: A cursor names no message of the session.
        """
        first = await self._message_number(session_id, after) if after else 0
        end = await self._message_number(session_id, before) if before else None
        backwards = end is not None and after is None
        rows = await self._db.fetch(
            _MESSAGES_BACKWARDS if backwards else _MESSAGES_FORWARDS,
            {"session": session_id, "first": first, "end": end, "limit": limit + 1},
        )
        page = rows[:limit]
        more = len(rows) > limit
        cursor = page[-1]["id"] if more else None
        messages = [message_of(row) for row in (reversed(page) if backwards else page)]
        return Page(data=messages, has_more=more, next=cursor)

    async def exchange(self, session_id: str, message_id: str) -> list[Entry]:
        """A session's entries from one on, oldest first, without answers that a retry replaced."""
        rows = await self._db.fetch(
            """
            SELECT role, content, tool_calls, call_id, ok, result FROM messages
            WHERE session_id = :session AND alternative = 0
                AND number >= (SELECT number FROM messages WHERE id = :message) ORDER BY number
            """,
            {"session": session_id, "message": message_id},
        )
        return [entry_of(*row) for row in rows]

    async def earlier_messages(self, session_id: str, message_id: str) -> AsyncGenerator[list[Entry], None]:
        """Pages of the entries before one, newest first, without answers that a retry replaced."""
        before = message_id
        while True:
            rows = await self._db.fetch(_EARLIER, (session_id, before, EARLIER_PAGE))
            yield [entry_of(*row) for _, *row in rows]
            if len(rows) < EARLIER_PAGE:
                return
            before = rows[-1]["id"]

    async def run_messages(self, run_id: str) -> list[Message]:
        """The messages that one run added to the history."""
        rows = await self._db.fetch("SELECT * FROM messages WHERE run_id = ? ORDER BY number", (run_id,))
        return [message_of(row) for row in rows]

    async def add_messages(self, session_id: str, messages: Sequence[Message], at: datetime) -> None:
        """Add to the end of a history what no run said.

        Raises:
            RunInProgress: The session answers right now.
        """

        def added(connection: sqlite3.Connection) -> None:
            refuse_live_run(connection, session_id)
            connection.execute("UPDATE sessions SET updated_at = ? WHERE id = ?", (stamp(at), session_id))
            _insert_messages(connection, messages)

        await self._db.write(added)

    async def load_message(self, session_id: str, message_id: str) -> Message:
        row = await self._db.fetch_one(
            "SELECT * FROM messages WHERE id = ? AND session_id = ?", (message_id, session_id)
        )
        if row is None:
            raise NotFound("There is no such message.")
        return message_of(row)

    async def _message_number(self, session_id: str, message_id: str) -> int:
        if message_id == LATEST:
            return 2**62
        row = await self._db.fetch_one(
            "SELECT number FROM messages WHERE id = ? AND session_id = ?", (message_id, session_id)
        )
        if row is None:
            raise NotFound("The cursor names no message of this session.")
        return int(row["number"])

    # Runs

    async def start_run(self, new: NewRun) -> tuple[Run, bool]:
        """Commit the run, its user message and its first event; True where a run with this key was there before.

        Raises:
            IdempotencyMismatch: The key was used with another request.
            RunInProgress: The session has a live run.
            NotFound: The session was deleted meanwhile.
        """
        return await self._db.write(partial(_start_run, new))

    async def find_run(self, session_id: str, idempotency_key: str, request_hash: str) -> Run | None:
        """The run that this key started, if any.

        Raises:
            IdempotencyMismatch: The key was used with another request.
        """
        rows = await self._db.fetch(_BY_KEY, (session_id, idempotency_key))
        return _same_request(rows, request_hash)

    async def load_run(self, account_id: str, run_id: str) -> Run:
        row = await self._db.fetch_one(
            """
            SELECT runs.* FROM runs JOIN sessions ON sessions.id = runs.session_id
            WHERE runs.id = ? AND sessions.account_id = ?
            """,
            (run_id, account_id),
        )
        if row is None:
            raise NotFound("There is no such run.")
        return run_of(row)

    async def list_runs(self, session_id: str, *, limit: int, after: str | None = None) -> Page[Run]:
        """A session's runs, newest first.

        Raises:
            NotFound: The cursor names no run of the session.
        """
        below = await self._run_number(session_id, after) if after else 2**62
        rows = await self._db.fetch(
            "SELECT * FROM runs WHERE session_id = ? AND number < ? ORDER BY number DESC LIMIT ?",
            (session_id, below, limit + 1),
        )
        more = len(rows) > limit
        return Page(
            data=[run_of(row) for row in rows[:limit]], has_more=more, next=rows[limit - 1]["id"] if more else None
        )

    async def _run_number(self, session_id: str, run_id: str) -> int:
        row = await self._db.fetch_one("SELECT number FROM runs WHERE id = ? AND session_id = ?", (run_id, session_id))
        if row is None:
            raise NotFound("The cursor names no run of this session.")
        return int(row["number"])

    async def latest_run(self, session_id: str) -> Run | None:
        """The newest run of a session."""
        return next(iter((await self.list_runs(session_id, limit=1)).data), None)

    async def spent(self, account_id: str, *, since: datetime) -> list[Spent]:
        """The tokens of an account's runs since then, oldest first."""
        rows = await self._db.fetch(
            """
            SELECT runs.created_at, runs.input_tokens + runs.output_tokens AS tokens
            FROM sessions JOIN runs ON runs.session_id = sessions.id
            WHERE sessions.account_id = :account AND sessions.updated_at >= :since AND runs.created_at >= :since
                AND runs.input_tokens IS NOT NULL
            ORDER BY runs.created_at
            """,
            {"account": account_id, "since": stamp(since)},
        )
        return [Spent(datetime.fromisoformat(row["created_at"]), row["tokens"]) for row in rows]

    async def lease_of(self, run_id: str) -> str | None:
        """The lease of the process that works on a run; None where the run is over."""
        row = await self._db.fetch_one("SELECT lease_id FROM runs WHERE id = ? AND status = 'in_progress'", (run_id,))
        return row["lease_id"] if row else None

    async def find_completion(self, account_id: str, request_hash: str) -> Run | None:
        """The newest run that answered such a conversation, where its session did not go on since."""
        row = await self._db.fetch_one(
            """
            SELECT runs.* FROM runs JOIN sessions ON sessions.id = runs.session_id
            WHERE runs.request_hash = :hash AND substr(runs.request_hash, 1, 5) = 'chat:'
                AND sessions.account_id = :account AND NOT EXISTS (
                    SELECT 1 FROM runs AS later WHERE later.session_id = runs.session_id AND later.number > runs.number)
            ORDER BY runs.number DESC LIMIT 1
            """,
            {"hash": request_hash, "account": account_id},
        )
        return run_of(row) if row else None

    async def response_format(self, run_id: str) -> ResponseFormat | None:
        """The form of answer that a run was asked for, if any."""
        row = await self._db.fetch_one("SELECT response_format FROM runs WHERE id = ?", (run_id,))
        return ResponseFormat.model_validate_json(row["response_format"]) if row and row["response_format"] else None

    async def unsettled_runs(self, lease_id: str) -> list[Run]:
        """Runs that say `in_progress` and are not of this lease."""
        rows = await self._db.fetch(
            "SELECT * FROM runs INDEXED BY one_live_run WHERE status = 'in_progress' AND lease_id <> ?", (lease_id,)
        )
        return [run_of(row) for row in rows]

    async def live_runs(self, account_id: str) -> list[Run]:
        """The runs of an account that are in progress, in whatever process."""
        rows = await self._db.fetch(
            """
            SELECT runs.* FROM runs INDEXED BY one_live_run CROSS JOIN sessions ON sessions.id = runs.session_id
            WHERE runs.status = 'in_progress' AND sessions.account_id = ?
            """,
            (account_id,),
        )
        return [run_of(row) for row in rows]

    async def request_cancel(self, run_id: str) -> None:
        """Note that a run is to be stopped, for the process that works on it."""
        await self._db.change("UPDATE runs SET cancel_requested = 1 WHERE id = ? AND status = 'in_progress'", (run_id,))

    async def runs_to_cancel(self, lease_id: str) -> list[str]:
        """The runs of one process that another one was asked to stop."""
        rows = await self._db.fetch(
            """
            SELECT id FROM runs INDEXED BY one_live_run
            WHERE status = 'in_progress' AND cancel_requested = 1 AND lease_id = ?
            """,
            (lease_id,),
        )
        return [row["id"] for row in rows]

    # Events

    async def commit(self, frames: Sequence[Frame], ended: Iterable[EndedRun] = ()) -> None:
        """Commit events of any runs and, with their last events, the runs that ended."""

        def committed(connection: sqlite3.Connection) -> None:
            _insert_frames(connection, frames)
            for end in ended:
                _end_run(connection, end)

        await self._db.write(committed)

    async def settle(self, last: Frame, ended: EndedRun) -> bool:
        """Commit the end of a run whose owner died, unless someone else was faster; whether it was this call."""

        def settled(connection: sqlite3.Connection) -> bool:
            if not _end_run(connection, ended):
                return False
            _insert_frames(connection, [last])
            return True

        return await self._db.write(settled)

    async def load_frames(self, run_id: str, *, after: int = 0, limit: int = 1_000) -> list[Frame]:
        """Committed events of a run with a sequence above `after`, in order."""
        rows = await self._db.fetch(
            "SELECT sequence, frame FROM events WHERE run_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            (run_id, after, limit),
        )
        return [Frame(run_id, row["sequence"], row["frame"]) for row in rows]

    async def runs_to_fold(self, ended_before: datetime, limit: int = 100) -> list[Run]:
        """Ended runs whose events were not folded yet, oldest first."""
        rows = await self._db.fetch(
            "SELECT * FROM runs WHERE folded = 0 AND finished_at < ? ORDER BY finished_at LIMIT ?",
            (stamp(ended_before), limit),
        )
        return [run_of(row) for row in rows]

    async def forget_ephemeral(self, used_before: datetime) -> int:
        """Delete the ephemeral sessions that were last used before then and do not answer; returns how many."""
        return await self._db.change(
            """
                DELETE FROM sessions WHERE ephemeral = 1 AND updated_at < ? AND id NOT IN (
                    SELECT session_id FROM runs INDEXED BY one_live_run WHERE status = 'in_progress')
                """,
            (stamp(used_before),),
        )

    async def replace_frames(self, run_id: str, frames: Sequence[Frame]) -> None:
        """Put a shorter replay in the place of an ended run's events; nothing where the run was deleted meanwhile."""

        def replaced(connection: sqlite3.Connection) -> None:
            cursor = connection.execute("UPDATE runs SET folded = 1 WHERE id = ?", (run_id,))
            if cursor.rowcount == 1:
                connection.execute("DELETE FROM events WHERE run_id = ?", (run_id,))
                _insert_frames(connection, frames)

        await self._db.write(replaced)


_EARLIER = """
    SELECT id, role, content, tool_calls, call_id, ok, result FROM messages
    WHERE session_id = ? AND number < (SELECT number FROM messages WHERE id = ?) AND alternative = 0
    ORDER BY number DESC LIMIT ?
"""
_MESSAGES_FORWARDS = """
    SELECT * FROM messages WHERE session_id = :session AND number > :first AND (:end IS NULL OR number < :end)
    ORDER BY number LIMIT :limit
"""
_MESSAGES_BACKWARDS = """
    SELECT * FROM messages WHERE session_id = :session AND number < :end ORDER BY number DESC LIMIT :limit
"""
_REPLACE = """
    UPDATE messages SET alternative = 1 WHERE (role <> 'user' OR id <> :message) AND run_id IN (
        SELECT id FROM runs WHERE session_id = :session AND message_id = (SELECT message_id FROM runs WHERE id = :run)
    )
"""
_INSERT_FRAME = "INSERT INTO events (run_id, sequence, frame) VALUES (?, ?, ?)"
_BY_KEY = "SELECT * FROM runs WHERE session_id = ? AND idempotency_key = ?"


def _start_run(new: NewRun, connection: sqlite3.Connection) -> tuple[Run, bool]:
    run = new.run
    if (earlier := _same_key(connection, new)) is not None:
        return earlier, True
    refuse_live_run(connection, run.session_id)
    if run.retry_of is not None:
        connection.execute(_REPLACE, {"session": run.session_id, "message": run.message_id, "run": run.retry_of})
    _touch_session(connection, new)
    _insert_run(connection, new)
    _insert_messages(connection, new.added)
    _insert_frames(connection, [new.first])
    return run, False


def _same_key(connection: sqlite3.Connection, new: NewRun) -> Run | None:
    """The earlier run of the same key and request, if any."""
    if new.idempotency_key is None:
        return None
    rows = connection.execute(_BY_KEY, (new.run.session_id, new.idempotency_key)).fetchall()
    return _same_request(rows, new.request_hash)


def _same_request(rows: list[sqlite3.Row], request_hash: str | None) -> Run | None:
    if not rows:
        return None
    if rows[0]["request_hash"] != request_hash:
        raise IdempotencyMismatch
    return run_of(rows[0])


def _touch_session(connection: sqlite3.Connection, new: NewRun) -> None:
    session_id = new.run.session_id
    cursor = connection.execute(
        "UPDATE sessions SET updated_at = ? WHERE id = ?", (stamp(new.run.created_at), session_id)
    )
    if cursor.rowcount == 0:
        raise NotFound("There is no such session.")
    if new.title:  # apart, since whatever names the title has it indexed anew
        connection.execute("UPDATE sessions SET title = ? WHERE id = ? AND title IS NULL", (new.title, session_id))


def _insert_run(connection: sqlite3.Connection, new: NewRun) -> None:
    run = new.run
    form = new.response_format and new.response_format.model_dump_json(by_alias=True)
    connection.execute(
        """
        INSERT INTO runs (id, session_id, message_id, status, provider, model, response_format, continues, retry_of,
                          lease_id, idempotency_key, request_hash, request, folded, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (run.id, run.session_id, run.message_id, run.status, run.provider, run.model, form, run.continues, run.retry_of,
         new.lease_id, new.idempotency_key, new.request_hash, new.request, new.request is not None,
         stamp(run.created_at)),
    )  # fmt: skip


def _end_run(connection: sqlite3.Connection, end: EndedRun) -> bool:
    """Give a live run its final state and its messages; False, and nothing done, where it had ended before."""
    run = end.run
    usage = run.usage
    cursor = connection.execute(
        """
        UPDATE runs SET status = ?, steps = ?, input_tokens = ?, output_tokens = ?, usage_estimated = ?,
            first_delta_ms = ?, total_ms = ?, error = ?, note = ?, grounding = ?, finished_at = ?
        WHERE id = ? AND status = 'in_progress'
        """,
        (run.status, run.steps, usage and usage.input_tokens, usage and usage.output_tokens, usage and usage.estimated,
         run.timings.first_delta_ms, run.timings.total_ms, run.error and run.error.model_dump_json(), run.note,
         run.grounding and run.grounding.model_dump_json(),
         stamp(run.finished_at) if run.finished_at else None, run.id),
    )  # fmt: skip
    if cursor.rowcount == 1:
        _insert_messages(connection, end.messages)
        if end.asked:
            asked = MENTIONS.dump_json(list(end.asked)).decode()
            connection.execute("UPDATE messages SET mentions = ? WHERE id = ?", (asked, run.message_id))
    return cursor.rowcount == 1


def _insert_messages(connection: sqlite3.Connection, messages: Sequence[Message]) -> None:
    connection.executemany(
        """
        INSERT INTO messages (id, session_id, run_id, role, content, status, reasoning, tool_calls, call_id, name, ok,
                              result, mentions, alternative, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
            (m.id, m.session_id, m.run_id, m.role, m.content, m.status, m.reasoning,
             TOOL_CALLS.dump_json(m.tool_calls).decode(), m.call_id, m.name, m.ok,
             json.dumps(m.result, ensure_ascii=False), MENTIONS.dump_json(m.mentions).decode(), m.alternative,
             stamp(m.created_at))
            for m in messages
        ],
    )  # fmt: skip


def _insert_frames(connection: sqlite3.Connection, frames: Sequence[Frame]) -> None:
    """Many rows a statement: with each one the thread lets go of the interpreter and waits to get it back."""
    for place in range(0, len(frames), FRAMES_AT_ONCE):
        rows = [(frame.run_id, frame.sequence, frame.data) for frame in frames[place : place + FRAMES_AT_ONCE]]
        connection.execute(_INSERT_FRAME + ", (?, ?, ?)" * (len(rows) - 1), [*chain.from_iterable(rows)])


if __name__ == "__main__":
    runpy.run_module("commands.db", run_name="__main__")
