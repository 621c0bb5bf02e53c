"""The context of one call of a tool: the data that it may use, and on whose behalf it is made."""

from __future__ import annotations

from dataclasses import dataclass

from movies.library import Snapshot
from storage.own_ratings import OwnRatings
from storage.records import Clock, utc_now


@dataclass(frozen=True, slots=True)
class Context:
    """The caller, and the data as it is at the time of the call.

    `session_id` is None outside of a session; `user_id`: the MovieLens user that the session is personalised for.
    """

    snapshot: Snapshot
    ratings: OwnRatings
    account_id: str
    session_id: str | None = None
    user_id: int | None = None
    clock: Clock = utc_now
