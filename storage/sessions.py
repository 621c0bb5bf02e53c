"""Sessions as they are kept: opened, changed, deleted, listed and searched; and feedback on their answers."""

from __future__ import annotations

import hashlib
import json
import sqlite3

from errors import Conflict, IdempotencyMismatch, NotFound
from movies.models import Page
from schemas import Feedback, FeedbackEntry, Session, SessionCreate, SessionPatch
from storage.records import ACTIONS, SESSIONS, Clock, message_of, new_id, refuse_live_run, session_of, stamp, utc_now
from storage.sqlite import Database

SHORTEST_PREFIX = 2  # letters: a single one begins half of all words
SESSION_CURSOR = r"^[0-9TZ:.-]{27}~\d{1,18}$"  # time of the last activity, and a number


class Sessions:
    """Sessions of one database; `clock` tells the time."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._db = database
        self._clock = clock

    async def open(
        self,
        account_id: str,
        new: SessionCreate,
        idempotency_key: str | None = None,
        most: int | None = None,
        *,
        ephemeral: bool = False,
    ) -> tuple[Session, bool]:
        """A new session; True where one with this key was there before. Its `message` is not sent here.

        Args:
            account_id: whose.
            new: what is known of it.
            idempotency_key: of the request.
            most: sessions that an account may have.
            ephemeral: it is never listed, and gone some time after its last answer.

        Raises:
            IdempotencyMismatch: The key was used with another request.
            Conflict: The account has as many as it may.
        """
        now, session_id, request_hash = stamp(self._clock()), new_id("ses"), _hash(new)
        values = (
            session_id, account_id, new.title, new.model, new.instructions, new.user_id,
            ACTIONS.dump_json(list(new.actions)).decode(), json.dumps(new.metadata), now, now,
            idempotency_key, request_hash, ephemeral,
        )  # fmt: skip

        def added(connection: sqlite3.Connection) -> tuple[sqlite3.Row, bool]:
            earlier = connection.execute(_BY_KEY, (account_id, idempotency_key)).fetchone()
            if not earlier:
                _refuse_more(connection, account_id, None if ephemeral else most)
                connection.execute(_INSERT, values)
            elif earlier["request_hash"] != request_hash:
                raise IdempotencyMismatch
            found = connection.execute(SESSIONS + "WHERE id = ?", (earlier["id"] if earlier else session_id,))
            return found.fetchone(), bool(earlier)

        row, repeated = await self._db.write(added)
        return session_of(row), repeated

    async def find(self, account_id: str, idempotency_key: str) -> Session | None:
        """The session that was opened with this key, if any."""
        row = await self._db.fetch_one(
            SESSIONS + "WHERE account_id = ? AND idempotency_key = ?", (account_id, idempotency_key)
        )
        return session_of(row) if row else None

    async def list(
        self,
        account_id: str,
        *,
        limit: int,
        after: str | None = None,
        q: str | None = None,
        user_id: int | None = None,
        live: bool | None = None,
    ) -> Page[Session]:
        """Latest activity first; with `q`, those whose title or messages have all its words (the last as a prefix)."""
        activity, number = _read_cursor(after) if after else ("~", 0)
        words = _match(q) if q is not None else None
        if words == "":
            return Page(data=[])
        conditions = {"words": words, "user": user_id, "idle": live is False or None}
        given = {name: value for name, value in conditions.items() if value is not None}
        read = self._db.search if words else self._db.fetch
        rows = await read(
            (_LIVE_SESSIONS if live else SESSIONS + "WHERE ")
            + " AND ".join([_BELOW, *(_SESSION_CONDITIONS[name] for name in given)])
            + _LATEST_FIRST,
            {**given, "account": account_id, "activity": activity, "number": number, "limit": limit + 1},
        )
        last = rows[limit - 1] if len(rows) > limit else None
        cursor = _cursor(last["updated_at"], last["number"]) if last else None
        return Page(data=[session_of(row) for row in rows[:limit]], has_more=last is not None, next=cursor)

    async def update(self, account_id: str, session_id: str, patch: SessionPatch) -> None:
        """Change the fields that were set; null clears."""
        values = patch.model_dump(exclude_unset=True)
        if "metadata" in values:
            values["metadata"] = json.dumps(values["metadata"] or {})

        def written(connection: sqlite3.Connection) -> None:
            for column, sql in _UPDATES.items():
                if column in values:
                    connection.execute(sql, (values[column], session_id, account_id))

        await self._db.write(written)

    async def delete(self, account_id: str, session_id: str) -> None:
        """Delete a session with everything in it.

        Raises:
            NotFound: There is no such session.
            RunInProgress: It has a live run; cancel that first.
        """

        def deleted(connection: sqlite3.Connection) -> None:
            refuse_live_run(connection, session_id)
            cursor = connection.execute(_DELETE, (session_id, account_id))
            if cursor.rowcount == 0:
                raise NotFound("There is no such session.")

        await self._db.write(deleted)

    # Feedback

    async def rate(self, session_id: str, message_id: str, feedback: Feedback) -> bool:
        """Note what was thought of an answer; False where the message is none."""
        changed = await self._db.change(
            "UPDATE messages SET rating = ?, comment = ? WHERE id = ? AND session_id = ? AND role = 'assistant'",
            (feedback.rating, feedback.comment, message_id, session_id),
        )
        return changed == 1

    async def feedback(self, account_id: str, *, limit: int, after: str | None = None) -> Page[FeedbackEntry]:
        """Answers that were rated, newest first, each with the message that it answers.

        Raises:
            NotFound: The cursor names no message of the account's.
        """
        before = await self._answer_number(account_id, after) if after else 2**62
        rows = await self._db.fetch(_RATED, {"account": account_id, "before": before, "limit": limit + 1})
        numbers = json.dumps([row["question"] for row in rows])
        asked = await self._db.fetch(
            "SELECT * FROM messages WHERE number IN (SELECT value FROM json_each(?))", (numbers,)
        )
        questions = {row["number"]: message_of(row) for row in asked}
        data = [FeedbackEntry(question=questions[row["question"]], answer=message_of(row)) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(data=data, has_more=more, next=data[-1].answer.id if more else None)

    async def _answer_number(self, account_id: str, message_id: str) -> int:
        row = await self._db.fetch_one(
            """
            SELECT messages.number FROM messages JOIN sessions ON sessions.id = messages.session_id
            WHERE messages.id = ? AND sessions.account_id = ?
            """,
            (message_id, account_id),
        )
        if row is None:
            raise NotFound("The cursor names no answer of yours.")
        return int(row["number"])


_UPDATES = {
    "title": "UPDATE sessions SET title = ? WHERE id = ? AND account_id = ?",
    "model": "UPDATE sessions SET model = ? WHERE id = ? AND account_id = ?",
    "instructions": "UPDATE sessions SET instructions = ? WHERE id = ? AND account_id = ?",
    "user_id": "UPDATE sessions SET user_id = ? WHERE id = ? AND account_id = ?",
    "metadata": "UPDATE sessions SET metadata = ? WHERE id = ? AND account_id = ?",
}
_INSERT = """
    INSERT INTO sessions (id, account_id, title, model, instructions, user_id, actions, metadata, created_at,
                          updated_at, idempotency_key, request_hash, ephemeral)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_DELETE = "DELETE FROM sessions WHERE id = ? AND account_id = ?"
_COUNT = "SELECT count(*) FROM sessions WHERE account_id = ? AND ephemeral = 0"
_BY_KEY = "SELECT id, request_hash FROM sessions WHERE account_id = ? AND idempotency_key = ?"
_BELOW = (
    "sessions.account_id = :account AND sessions.ephemeral = 0 AND "
    "(sessions.updated_at, sessions.number) < (:activity, :number)"
)
_LIVE_SESSIONS = """
    SELECT sessions.*, runs.id AS live
    FROM runs INDEXED BY one_live_run CROSS JOIN sessions ON sessions.id = runs.session_id
    WHERE runs.status = 'in_progress' AND
"""
# Words: from the latest session on, each is looked through until so many have them. The plus sign keeps SQLite from
# trying every match in every session.
_SESSION_CONDITIONS = {
    "words": """
        (sessions.number IN (SELECT rowid FROM title_search WHERE title_search MATCH :words)
            OR EXISTS (SELECT 1 FROM messages WHERE session_id = sessions.id AND +number IN (
                SELECT rowid FROM message_search WHERE message_search MATCH :words)))
    """,
    "user": "sessions.user_id = :user",
    "idle": "sessions.id NOT IN (SELECT session_id FROM runs INDEXED BY one_live_run WHERE status = 'in_progress')",
}
_LATEST_FIRST = " ORDER BY sessions.updated_at DESC, sessions.number DESC LIMIT :limit"
_RATED = """
    SELECT messages.*, asked.number AS question
    FROM messages INDEXED BY messages_with_feedback
        JOIN sessions ON sessions.id = messages.session_id
        JOIN runs ON runs.id = messages.run_id
        JOIN messages AS asked ON asked.id = runs.message_id
    WHERE messages.rating IS NOT NULL AND messages.number < :before AND sessions.account_id = :account
    ORDER BY messages.number DESC LIMIT :limit
"""


def _refuse_more(connection: sqlite3.Connection, account_id: str, most: int | None) -> None:
    """Raise Conflict where an account has as many sessions as it may."""
    if most is None:
        return
    [count] = connection.execute(_COUNT, (account_id,)).fetchone()
    if count >= most:
        raise Conflict(f"You have {count} sessions, as many as one may; delete some.")


def _hash(new: SessionCreate) -> str:
    """The identity of a request for a session: equal for equal requests."""
    body = json.dumps(new.model_dump(mode="json", by_alias=True), sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def _cursor(activity: str, number: int) -> str:
    return f"{activity}~{number}"


def _read_cursor(cursor: str) -> tuple[str, int]:
    """The two halves of something that matches SESSION_CURSOR."""
    activity, number = cursor.split("~")
    return activity, int(number)


def _match(q: str) -> str:
    """An FTS5 query for all words, the last as a prefix unless it is a letter.

    >>> print(_match("heat (rob"))
    "heat" AND "rob"*
    """
    words = "".join(c if c.isalnum() else " " for c in q).split()
    prefix = "*" if words and len(words[-1]) >= SHORTEST_PREFIX else ""
    return " AND ".join(f'"{word}"' for word in words) + prefix
