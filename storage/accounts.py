"""Accounts as they are kept: names, hashes of passwords and keys, sign-ins; and all that belongs to one, at its end."""

from __future__ import annotations

import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from errors import Conflict, NotFound
from schemas import Account, ApiKey
from storage.records import Clock, new_id, stamp
from storage.sqlite import Database

MERGED = 500  # pages of the full-text index that are merged in one transaction
MOST_KEYS = 50  # of one account
LONGEST_NAME = 40  # characters of a name that a provider gives


@dataclass(frozen=True, slots=True)
class KeptAccount:
    """An account with what only the check of a password reads; None for one that has no password."""

    account: Account
    password_hash: str | None


class AccountStore:
    """Accounts, sign-ins and API keys of one database; `clock` tells the time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    # Accounts

    async def add(self, name: str, password_hash: str) -> Account:
        """A new account.

        Raises:
            Conflict: The name is taken, in whatever case.
        """
        values = (new_id("acc"), name, name_key(name), password_hash, stamp(self._clock()))
        added = await self._db.change(
            """
            INSERT INTO accounts (id, name, name_key, password_hash, created_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (name_key) DO NOTHING
            """,
            values,
        )
        if added == 0:
            raise Conflict("This name is taken.")
        return await self.load(values[0])

    async def load(self, account_id: str) -> Account:
        """An account by its id.

        Raises:
            NotFound: There is none.
        """
        row = await self._db.fetch_one("SELECT * FROM accounts WHERE id = ?", (account_id,))
        if row is None:
            raise NotFound("There is no such account.")
        return _account_of(row)

    async def find(self, name: str) -> KeptAccount | None:
        """The account of a name, in whatever case."""
        row = await self._db.fetch_one("SELECT * FROM accounts WHERE name_key = ?", (name_key(name),))
        return KeptAccount(_account_of(row), row["password_hash"] or None) if row else None

    async def all(self) -> list[Account]:
        """Every account, oldest first."""
        return [_account_of(row) for row in await self._db.fetch("SELECT * FROM accounts ORDER BY created_at, id")]

    async def of_identity(self, issuer: str, subject: str) -> Account | None:
        """The account of somebody whom a provider knows by this subject."""
        row = await self._db.fetch_one(_OF_IDENTITY, (issuer, subject))
        return _account_of(row) if row else None

    async def add_identity(self, issuer: str, subject: str, name: str) -> Account:
        """A new account, without a password, for somebody whom a provider knows; by a name that is free, near `name`.

        Where the subject has an account meanwhile, that one.
        """

        def written(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            rows = connection.execute(_OF_IDENTITY, (issuer, subject)).fetchall()
            if not rows:
                account_id, free = new_id("acc"), _free_name(connection, name)
                connection.execute(
                    "INSERT INTO accounts (id, name, name_key, password_hash, created_at) VALUES (?, ?, ?, '', ?)",
                    (account_id, free, name_key(free), stamp(self._clock())),
                )
                connection.execute(_IDENTIFY, (issuer, subject, account_id))
                rows = connection.execute(_OF_IDENTITY, (issuer, subject)).fetchall()
            return rows

        rows = await self._db.write(written)
        return _account_of(rows[0])

    async def link(self, account_id: str, issuer: str, subject: str) -> None:
        """Let somebody whom a provider knows sign in to an account.

        Raises:
            Conflict: They have another one.
        """

        def written(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            connection.execute(_IDENTIFY, (issuer, subject, account_id))
            return connection.execute(_OF_IDENTITY, (issuer, subject)).fetchall()

        rows = await self._db.write(written)
        if rows[0]["id"] != account_id:
            raise Conflict(f"This subject signs in to {rows[0]['name']}.")

    async def identities(self, account_id: str) -> list[tuple[str, str]]:
        """Issuer and subject of those who sign in to an account with a provider."""
        rows = await self._db.fetch("SELECT issuer, subject FROM identities WHERE account_id = ?", (account_id,))
        return [(row["issuer"], row["subject"]) for row in rows]

    async def change_password(self, account_id: str, password_hash: str) -> None:
        """Keep another hash, and end every sign-in of the account."""

        def written(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE accounts SET password_hash = ? WHERE id = ?", (password_hash, account_id))
            connection.execute("DELETE FROM sign_ins WHERE account_id = ?", (account_id,))

        await self._db.write(written)

    async def disable(self, account_id: str, *, disabled: bool) -> None:
        """Let nobody in by this account until it is enabled again; what belongs to it stays."""

        def written(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE accounts SET disabled = ? WHERE id = ?", (disabled, account_id))
            connection.execute("DELETE FROM sign_ins WHERE account_id = ?", (account_id,))

        await self._db.write(written)

    async def hand_over(self, giver: str, receiver: str) -> int:
        """Give one account's sessions, ratings and recommendations to another; returns the number of sessions.

        Where both rated a movie, the receiver's rating stays.
        """

        def written(connection: sqlite3.Connection) -> int:
            cursor = connection.execute(
                "UPDATE sessions SET account_id = ?, idempotency_key = NULL WHERE account_id = ?", (receiver, giver)
            )
            for statement in _HAND_OVER:
                connection.execute(statement, (receiver, giver))
            return cursor.rowcount

        return await self._db.write(written)

    async def delete(self, account_id: str) -> None:
        """Delete an account with all that belongs to it, so that no copy of its words is left in the file.

        Deleted words leave the full-text index only when its parts are merged, and a freed page keeps its text unless
        it is overwritten.
        """
        await self._run("PRAGMA secure_delete = ON")
        try:

            def written(connection: sqlite3.Connection) -> None:
                for statement in _BELONGINGS:
                    connection.execute(statement, (account_id,))

            await self._db.write(written)
            for statement in _MERGES:
                await self._merge(statement)
        finally:
            await self._run("PRAGMA secure_delete = OFF")
        await self._db.truncate_log()

    async def _merge(self, statement: str) -> None:
        """Merge a full-text index into one part, a bounded step a transaction (SQLite's FTS5, section 6.8)."""
        pages = -MERGED  # begins to merge all parts; from then on a positive number goes on
        while await self._run(statement, (pages,)) >= 2:
            pages = MERGED

    async def _run(self, statement: str, values: tuple[int, ...] = ()) -> int:
        """One statement; returns how many rows it changed, in the index's own tables too."""

        def written(connection: sqlite3.Connection) -> int:
            before = connection.total_changes
            connection.execute(statement, values)
            return connection.total_changes - before

        return await self._db.write(written)

    # Sign-ins

    async def open_sign_in(self, account_id: str, sign_in_id: str, refresh_id: str, expires_at: datetime) -> None:
        """Begin a sign-in; those of the account that are over go."""
        now = stamp(self._clock())

        def written(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM sign_ins WHERE account_id = ? AND expires_at < ?", (account_id, now))
            connection.execute(
                """
                INSERT INTO sign_ins (id, account_id, refresh_id, refreshed_at, expires_at) VALUES (?, ?, ?, ?, ?)
                """,
                (sign_in_id, account_id, refresh_id, now, stamp(expires_at)),
            )

        await self._db.write(written)

    async def account_of_sign_in(self, account_id: str, sign_in_id: str) -> Account | None:
        """The account, where the sign-in is its own and not revoked, and the account not disabled."""
        row = await self._db.fetch_one(
            """
            SELECT accounts.* FROM sign_ins JOIN accounts ON accounts.id = sign_ins.account_id
            WHERE sign_ins.id = ? AND accounts.id = ? AND accounts.disabled = 0
            """,
            (sign_in_id, account_id),
        )
        return _account_of(row) if row else None

    async def renew_sign_in(
        self, sign_in_id: str, refresh_id: str, successor: str, *, since: datetime, expires_at: datetime
    ) -> bool:
        """Put the next refresh token in a sign-in's; False, and the sign-in ended, where this one was used before.

        A token that was used a moment ago, after `since`, counts still: its answer may have been lost.
        """

        def written(connection: sqlite3.Connection) -> int:
            cursor = connection.execute(
                """
                UPDATE sign_ins SET refresh_id = :successor, earlier_refresh_id = :used,
                    refreshed_at = CASE refresh_id WHEN :used THEN :now ELSE refreshed_at END, expires_at = :expires
                WHERE id = :id AND (refresh_id = :used OR (earlier_refresh_id = :used AND refreshed_at > :since))
                """,
                {
                    "successor": successor,
                    "used": refresh_id,
                    "now": stamp(self._clock()),
                    "expires": stamp(expires_at),
                    "id": sign_in_id,
                    "since": stamp(since),
                },
            )
            if cursor.rowcount == 0:
                connection.execute("DELETE FROM sign_ins WHERE id = ?", (sign_in_id,))
            return cursor.rowcount

        changed = await self._db.write(written)
        return changed == 1

    async def close_sign_in(self, sign_in_id: str) -> None:
        await self._db.change("DELETE FROM sign_ins WHERE id = ?", (sign_in_id,))

    # API keys

    async def add_key(self, account_id: str, name: str, digest: bytes) -> ApiKey:
        """Keep a key's digest.

        Raises:
            Conflict: The account has as many as it may.
        """
        key_id, now = new_id("key"), stamp(self._clock())

        def written(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT count(*) FROM api_keys WHERE account_id = ?", (account_id,)).fetchone()
            if row[0] >= MOST_KEYS:
                raise Conflict(f"An account has at most {MOST_KEYS} keys; revoke one first.")
            connection.execute(
                "INSERT INTO api_keys (id, account_id, name, digest, created_at) VALUES (?, ?, ?, ?, ?)",
                (key_id, account_id, name, digest, now),
            )

        await self._db.write(written)
        return ApiKey(id=key_id, name=name, created_at=datetime.fromisoformat(now))

    async def keys(self, account_id: str) -> list[ApiKey]:
        """An account's keys, oldest first."""
        rows = await self._db.fetch(
            "SELECT id, name, created_at FROM api_keys WHERE account_id = ? ORDER BY created_at, id", (account_id,)
        )
        return [ApiKey.model_validate(dict(row)) for row in rows]

    async def account_of_key(self, digest: bytes) -> Account | None:
        """The account that a key stands for, unless it is disabled."""
        row = await self._db.fetch_one(
            """
            SELECT accounts.* FROM api_keys JOIN accounts ON accounts.id = api_keys.account_id
            WHERE api_keys.digest = ? AND accounts.disabled = 0
            """,
            (digest,),
        )
        return _account_of(row) if row else None

    async def remove_key(self, account_id: str, key_id: str) -> None:
        """Revoke a key.

        Raises:
            NotFound: The account has no such key.
        """
        if await self._db.change("DELETE FROM api_keys WHERE id = ? AND account_id = ?", (key_id, account_id)) == 0:
            raise NotFound("You have no such key.")


_OF_IDENTITY = """
    SELECT accounts.* FROM identities JOIN accounts ON accounts.id = identities.account_id
    WHERE identities.issuer = ? AND identities.subject = ?
"""
_IDENTIFY = """
    INSERT INTO identities (issuer, subject, account_id) VALUES (?, ?, ?) ON CONFLICT (issuer, subject) DO NOTHING
"""
_HAND_OVER = (
    "UPDATE OR IGNORE own_ratings SET account_id = ? WHERE account_id = ?",
    "UPDATE OR IGNORE own_seen SET account_id = ? WHERE account_id = ?",
    "UPDATE recommendations SET account_id = ? WHERE account_id = ?",
)
_BELONGINGS = (
    "DELETE FROM sessions WHERE account_id = ?",
    "DELETE FROM own_ratings WHERE account_id = ?",
    "DELETE FROM own_seen WHERE account_id = ?",
    "DELETE FROM recommendations WHERE account_id = ?",
    "DELETE FROM accounts WHERE id = ?",
)
_MERGES = (
    "INSERT INTO message_search (message_search, rank) VALUES ('merge', ?)",
    "INSERT INTO title_search (title_search, rank) VALUES ('merge', ?)",
)


def _free_name(connection: sqlite3.Connection, name: str) -> str:
    """A name that nobody has: this one, or with a number behind it."""
    kept = "".join(c for c in name.replace(" ", ".") if c.isalnum() or c in "_.@+-")[:LONGEST_NAME] or "somebody"
    tried = chain([kept], (f"{kept}-{number}" for number in range(2, 100)), (f"{kept}-{new_id('')}" for _ in range(9)))
    for candidate in tried:
        taken = connection.execute("SELECT 1 FROM accounts WHERE name_key = ?", (name_key(candidate),)).fetchone()
        if not taken:
            return candidate
    raise Conflict("No free name was found.")


def name_key(name: str) -> str:
    """The form in which names are compared: whoever looks the same is the same.

    >>> name_key("Ana") == name_key("ＡＮＡ")
    True
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _account_of(row: sqlite3.Row) -> Account:
    return Account(id=row["id"], name=row["name"], disabled=bool(row["disabled"]), created_at=row["created_at"])
