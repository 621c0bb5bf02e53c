"""Lists over all of an account's sessions: the latest, those with some words in them, the answers that were rated."""

from __future__ import annotations

import json

from errors import NotFound
from movies.models import Page
from schemas import FeedbackEntry, Session
from storage.records import message_of, session_of
from storage.sqlite import Database

SHORTEST_PREFIX = 2  # letters: a single one begins half of all words
SESSION_CURSOR = r"^[0-9TZ:.-]{27}~\d{1,18}$"  # time of the last activity, and a number


class Lists:
    """Pages with cursors, read from one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def sessions(
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
            " AND ".join([_LIVE_SESSIONS if live else _SESSIONS, *(_SESSION_CONDITIONS[name] for name in given)])
            + _LATEST_FIRST,
            {**given, "account": account_id, "activity": activity, "number": number, "limit": limit + 1},
        )
        last = rows[limit - 1] if len(rows) > limit else None
        cursor = _cursor(last["updated_at"], last["number"]) if last else None
        return Page(data=[session_of(row) for row in rows[:limit]], has_more=last is not None, next=cursor)

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


_SESSIONS = """
    SELECT sessions.*, (SELECT id FROM runs WHERE session_id = sessions.id AND status = 'in_progress') AS live
    FROM sessions
    WHERE sessions.account_id = :account AND (sessions.updated_at, sessions.number) < (:activity, :number)
"""
_LIVE_SESSIONS = """
    SELECT sessions.*, runs.id AS live
    FROM runs INDEXED BY one_live_run CROSS JOIN sessions ON sessions.id = runs.session_id
    WHERE runs.status = 'in_progress'
        AND sessions.account_id = :account AND (sessions.updated_at, sessions.number) < (:activity, :number)
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
