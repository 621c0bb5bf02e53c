"""A caller's own ratings, and the recommendations that were served. They share the chat database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue, TypeAdapter

from errors import NotFound
from movies.models import ListedMovie, MovieList, Recommendation
from storage.records import Clock, new_id, stamp, utc_now
from storage.sqlite import Database

_MOVIES = TypeAdapter(list[ListedMovie])


@dataclass(frozen=True, slots=True)
class Stars:
    """One own rating: stars from 0.5 to 5."""

    movie_id: int
    stars: float
    rated_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A movie that was seen, whether it was rated or not."""

    movie_id: int
    seen_at: datetime


class OwnRatings:
    """Ratings and seen movies by account, and the history of recommendations."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._db = database
        self._clock = clock

    async def put(self, account_id: str, movie_id: int, stars: float) -> float | None:
        """Rate a movie; returns the stars given before, if any."""

        def written(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            rows = connection.execute(
                "SELECT stars FROM own_ratings WHERE account_id = ? AND movie_id = ?", (account_id, movie_id)
            ).fetchall()
            connection.execute(
                """
                INSERT INTO own_ratings (account_id, movie_id, stars, rated_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (account_id, movie_id) DO UPDATE SET stars = excluded.stars, rated_at = excluded.rated_at
                """,
                (account_id, movie_id, stars, stamp(self._clock())),
            )
            return rows

        rows = await self._db.write(written)
        return rows[0]["stars"] if rows else None

    async def add(self, account_id: str, rated: Sequence[Stars], seen: Sequence[Seen]) -> None:
        """Keep ratings and seen movies of an import, all or none; a rating that is newer here stays."""

        def written(connection: sqlite3.Connection) -> None:
            connection.executemany(
                """
                INSERT INTO own_ratings (account_id, movie_id, stars, rated_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (account_id, movie_id) DO UPDATE SET stars = excluded.stars, rated_at = excluded.rated_at
                WHERE excluded.rated_at >= own_ratings.rated_at
                """,
                [(account_id, own.movie_id, own.stars, stamp(own.rated_at)) for own in rated],
            )
            connection.executemany(
                "INSERT INTO own_seen (account_id, movie_id, seen_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(account_id, one.movie_id, stamp(one.seen_at)) for one in seen],
            )

        await self._db.write(written)

    async def seen(self, account_id: str) -> list[Seen]:
        """The movies that an account has seen by its imports, oldest first; its ratings tell of others."""
        rows = await self._db.fetch(
            "SELECT movie_id, seen_at FROM own_seen WHERE account_id = ? ORDER BY seen_at, movie_id", (account_id,)
        )
        return [Seen(row["movie_id"], datetime.fromisoformat(row["seen_at"])) for row in rows]

    async def forget_seen(self, account_id: str, movie_id: int) -> bool:
        """Forget that a movie was seen; False where it was not known."""
        changed = await self._db.change(
            "DELETE FROM own_seen WHERE account_id = ? AND movie_id = ?", (account_id, movie_id)
        )
        return changed > 0

    async def remove(self, account_id: str, movie_id: int) -> float | None:
        """Forget a rating; returns the stars it had, None where there was none."""

        def written(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            return connection.execute(
                "DELETE FROM own_ratings WHERE account_id = ? AND movie_id = ? RETURNING stars",
                (account_id, movie_id),
            ).fetchall()

        rows = await self._db.write(written)
        return rows[0]["stars"] if rows else None

    async def count(self, account_id: str) -> int:
        """The number of an account's ratings."""
        rows = await self._db.fetch("SELECT count(*) AS n FROM own_ratings WHERE account_id = ?", (account_id,))
        return int(rows[0]["n"])

    async def all(self, account_id: str) -> list[Stars]:
        """All ratings of an account, oldest first."""
        rows = await self._db.fetch(
            "SELECT movie_id, stars, rated_at FROM own_ratings WHERE account_id = ? ORDER BY rated_at, movie_id",
            (account_id,),
        )
        return [Stars(row["movie_id"], row["stars"], datetime.fromisoformat(row["rated_at"])) for row in rows]

    async def remember(
        self,
        account_id: str,
        served: MovieList,
        *,
        kind: str,
        inputs: dict[str, JsonValue],
        versions: tuple[str, str],
        user_id: int | None = None,
        session_id: str | None = None,
    ) -> str:
        """Keep a list that is about to be served; returns its id. `versions`: of the model and of the data."""
        recommendation_id = new_id("rec")
        await self._db.change(
            """
                INSERT INTO recommendations (id, account_id, session_id, user_id, kind, basis, inputs, movies,
                                             model_version, data_version, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            (recommendation_id, account_id, session_id, user_id, kind, served.basis, json.dumps(inputs),
             _MOVIES.dump_json(served.movies).decode(), *versions, stamp(self._clock())),
        )  # fmt: skip
        return recommendation_id

    async def recommendations(
        self,
        account_id: str,
        *,
        limit: int,
        after: str | None = None,
        user_id: int | None = None,
        session_id: str | None = None,
    ) -> list[Recommendation]:
        """Lists that were served, newest first, older than the one that `after` names."""
        rows = await self._db.fetch(
            """
            SELECT * FROM recommendations
            WHERE account_id = :account AND number < :before
                AND (:user IS NULL OR user_id = :user) AND (:session IS NULL OR session_id = :session)
            ORDER BY number DESC LIMIT :limit
            """,
            {
                "account": account_id,
                "before": await self._number(account_id, after) if after else 2**62,
                "user": user_id,
                "session": session_id,
                "limit": limit,
            },
        )
        return [
            Recommendation(
                recommendation_id=row["id"],
                created_at=row["created_at"],
                kind=row["kind"],
                user_id=row["user_id"],
                session_id=row["session_id"],
                inputs=json.loads(row["inputs"]),
                movies=_MOVIES.validate_json(row["movies"]),
                basis=row["basis"],
                model_version=row["model_version"],
                data_version=row["data_version"],
            )
            for row in rows
        ]

    async def shown(self, session_id: str) -> Sequence[int]:
        """Ids of all movies that a session's lists showed."""
        rows = await self._db.fetch(
            "SELECT movies FROM recommendations WHERE session_id = ? ORDER BY number", (session_id,)
        )
        return [movie["movie_id"] for row in rows for movie in json.loads(row["movies"])]

    async def _number(self, account_id: str, recommendation_id: str) -> int:
        row = await self._db.fetch_one(
            "SELECT number FROM recommendations WHERE id = ? AND account_id = ?", (recommendation_id, account_id)
        )
        if row is None:
            raise NotFound("The cursor names no recommendation of yours.")
        return int(row["number"])
