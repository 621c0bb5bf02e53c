"""The context of one call of a tool: the data that it may use, and on whose behalf it is made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from movies.library import Snapshot
from storage.own_ratings import OwnRatings
from storage.records import Clock, utc_now
from telemetry.base import OFF, Metrics

P = ParamSpec("P")
T = TypeVar("T")


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
    metrics: Metrics = OFF

    async def ranked(self, rank: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a function of the recommender, worked out in a thread; its time is noted by its name."""
        began = time.perf_counter()
        result = await asyncio.to_thread(rank, *args, **kwargs)
        self.metrics.ranked(getattr(rank, "__name__", "other"), time.perf_counter() - began)
        return result
