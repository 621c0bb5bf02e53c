"""People as profiles: the person, users of the data, somebody known by likes alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
import numpy.typing as npt

from errors import Unknown
from movies.models import Movie
from taste.interactions import Profile
from tools.args import Period
from tools.context import Context

DAY = 86_400  # seconds
LIKED, DISLIKED = 5.0, 1.0  # stars that a bare like or dislike stands for

Row = tuple[int, float, float]  # movie id, stars, Unix seconds


@dataclass(frozen=True, slots=True)
class Person:
    """Someone to recommend to: a profile, and how to call them in an answer.

    Attributes:
        times: of the profile's ratings, in Unix seconds, to the fraction of a second.
        text: what they tell of themselves in words.
    """

    profile: Profile
    times: npt.NDArray[np.float64]
    whose: str
    user_id: int | None = None
    text: str | None = None

    def stars_of(self, movie_index: int) -> float | None:
        """The stars that they gave a movie."""
        given = self.profile.stars[self.profile.movie_index == movie_index]
        return float(given[0]) if len(given) else None


async def person(ctx: Context, user_id: int | None) -> Person:
    """The caller (the session's MovieLens user with the caller's own ratings over it), or a MovieLens user by number.

    0, with which some models fill in what they leave out, is the caller unless the data has such a user.

    Raises:
        Unknown: The data has no such user.
    """
    if user_id is not None and user_id != ctx.user_id:
        rows, text = await _of_data(ctx, user_id)
        if rows or text is not None:
            profile, times = _profile(ctx, rows)
            return Person(profile, times, f"MovieLens user {user_id}", user_id, text)
        if user_id != 0:
            raise Unknown(f"The data has no user {user_id}.")
    rows, text = await _of_data(ctx, ctx.user_id) if ctx.user_id is not None else ([], None)
    profile, times = _profile(ctx, [*rows, *await own_rows(ctx)])
    return Person(profile, times, "you", ctx.user_id, text)


def within(times: npt.NDArray[np.float64], period: Period) -> npt.NDArray[np.bool_]:
    """A mask of the times that lie in a period of whole days, UTC."""
    kept = np.ones(len(times), bool)
    if period.since is not None:
        kept &= times >= _midnight(period.since)
    if period.until is not None:
        kept &= times < _midnight(period.until) + DAY
    return kept


def of_likes(ctx: Context, liked: Iterable[Movie], disliked: Iterable[Movie] = ()) -> Profile:
    """Someone known by likes and dislikes alone."""
    stars = {movie.movie_id: LIKED for movie in liked} | {movie.movie_id: DISLIKED for movie in disliked}
    return of_ratings(ctx, stars)


def liker(ctx: Context, liked: Sequence[Movie]) -> Person:
    """Somebody known by what was named as liked."""
    profile = of_likes(ctx, liked)
    return Person(profile, profile.timestamp.astype(np.float64), "what was named as liked")


def of_ratings(ctx: Context, stars: Mapping[int, float], before: Iterable[Row] = ()) -> Profile:
    """Someone known by ratings of no particular time, given by movie id, and by ratings from before them."""
    now = ctx.clock().timestamp()
    return _profile(ctx, [*before, *((movie_id, given, now) for movie_id, given in stars.items())])[0]


async def own_rows(ctx: Context) -> list[Row]:
    """The caller's own ratings, oldest first."""
    return [(own.movie_id, own.stars, own.rated_at.timestamp()) for own in await ctx.ratings.all(ctx.account_id)]


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()


async def _of_data(ctx: Context, user_id: int) -> tuple[list[Row], str | None]:
    """The ratings of a user of the data, and what they tell of themselves in words."""
    catalogue = ctx.snapshot.catalogue
    return [*await catalogue.user_profile(user_id)], await catalogue.user_text(user_id)


def _profile(ctx: Context, rows: Sequence[Row]) -> tuple[Profile, npt.NDArray[np.float64]]:
    """Ratings as a profile, oldest first, with their times; the last rating of a movie counts."""
    latest = {movie_id: (stars, at) for movie_id, stars, at in rows}
    known = set(ctx.snapshot.ids(ctx.snapshot.indexes(latest)))
    ordered = sorted(((at, movie_id, stars) for movie_id, (stars, at) in latest.items() if movie_id in known))
    times = np.array([at for at, *_ in ordered], np.float64)
    profile = Profile(
        ctx.snapshot.indexes(movie_id for _, movie_id, _ in ordered),
        np.array([stars for *_, stars in ordered], np.float32),
        times.astype(np.int64),
        ctx.clock().timestamp(),
    )
    return profile, times
