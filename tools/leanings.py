"""Somebody's ratings against everybody's: genres, decades and tags, typical movies. For the route; not a tool."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from movies.aggregates import Cells, Memberships, grouped, means, number
from movies.tables import STARS_VALUES, pack
from taste.interactions import Longs, Movies, Profile
from tools.context import Context
from tools.people import Person, person
from tools.results import Leaning, Taste, TastedMovie

Floats = npt.NDArray[np.float64]

KINDS = ("genre", "decade", "tag")
FEWEST_ALIKE = 2  # ratings that a genre, decade or tag needs to say anything
DAMPING = 8.0  # a lean is pulled towards 0 as if by this many ratings without one
MOST = 20  # groups of a kind that are told on each side
FEWEST_TYPICAL = 5  # ratings from which some are typical
TYPICAL = 6  # movies that are told


class _Leans(NamedTuple):
    """The groups of one kind: who is in them, cells of the person and of everybody, and the lean of each."""

    of: Memberships
    own: Cells
    everybody: Cells
    lean: Floats


class _Figures(NamedTuple):
    """Figures over a person's ratings; the last two are places in the profile."""

    own: Cells
    leans: Mapping[str, _Leans]
    expected: Floats
    typical: Longs
    untypical: Longs


async def taste(ctx: Context, user_id: int | None) -> Taste:
    """The taste of the caller, or of a MovieLens user, by their ratings.

    Raises:
        Unknown: The data has no such user.
    """
    someone, catalogue = await person(ctx, user_id), ctx.snapshot.catalogue
    mean_of_all = None if catalogue.info.rating_mean is None else round(catalogue.info.rating_mean, 4)
    if not len(someone.profile):
        return Taste(whose=someone.whose, user_id=user_id, count=0, everybody=mean_of_all)
    kinds = {kind: await catalogue.memberships(kind) for kind in KINDS}
    everybody = {kind: await catalogue.aggregates.of_everybody(kind, of) for kind, of in kinds.items()}
    found = await asyncio.to_thread(_figures, someone.profile, kinds, everybody, ctx.snapshot.recommender.movies)
    total = found.own.sum(axis=0)
    return Taste(
        whose=someone.whose,
        user_id=user_id,
        count=int(number(total)),
        mean=round(float(means(total)), 4),
        everybody=mean_of_all,
        histogram={f"{half / 2}": int(total[half]) for half in range(1, 11)},
        genres=_leanings(found.leans["genre"]),
        decades=_leanings(found.leans["decade"]),
        tags=_leanings(found.leans["tag"]),
        typical=await _tasted(ctx, someone, found, found.typical),
        untypical=await _tasted(ctx, someone, found, found.untypical),
    )


def _figures(
    profile: Profile, kinds: Mapping[str, Memberships], everybody: Mapping[str, Cells], movies: Movies
) -> _Figures:
    packed = pack(profile.movie_index.astype(np.int64), np.rint(profile.stars * 2).astype(np.int64))
    own = np.bincount(packed, minlength=len(movies) * STARS_VALUES).reshape(-1, STARS_VALUES)
    mean = float(means(own.sum(axis=0)))
    leans = {kind: _lean(own, mean, of, everybody[kind], movies.mean_stars) for kind, of in kinds.items()}
    pull = np.mean([_pull(lean, len(movies))[profile.movie_index] for lean in leans.values()], axis=0)
    above = profile.mean - movies.mean_stars
    expected = (movies.damped_means()[profile.movie_index] + above + pull).clip(0.5, 5)
    stars = profile.stars.astype(np.float64)
    if len(stars) < FEWEST_TYPICAL:
        return _Figures(own, leans, expected, np.zeros(0, np.int64), np.zeros(0, np.int64))
    liked = np.flatnonzero(stars > mean) if (stars > mean).any() else np.arange(len(stars))
    typical = liked[np.lexsort((-stars[liked], -pull[liked]))][:TYPICAL]
    surprise = np.argsort(-np.abs(stars - expected), kind="stable")
    return _Figures(own, leans, expected, typical, surprise[~np.isin(surprise, typical)][:TYPICAL])


def _lean(own: Cells, mean: float, of: Memberships, everybody: Cells, mean_of_all: float) -> _Leans:
    """Of each group n / (n + C) · ((own mean there − own mean) − (everybody's mean there − everybody's mean))."""
    theirs = grouped(own, of)
    above, usual = np.nan_to_num(means(theirs) - mean), np.nan_to_num(means(everybody) - mean_of_all)
    count = number(theirs)
    return _Leans(of, theirs, everybody, np.where(count > 0, count / (count + DAMPING) * (above - usual), 0.0))


def _pull(leans: _Leans, movies: int) -> Floats:
    """The mean lean of each movie's groups."""
    of = leans.of
    sums = np.bincount(of.movies, leans.lean[of.groups], movies)
    return np.asarray(sums / np.maximum(np.bincount(of.movies, minlength=movies), 1), np.float64)


def _leanings(leans: _Leans) -> list[Leaning]:
    count, mean, everybody = number(leans.own), means(leans.own), means(leans.everybody)
    at = np.flatnonzero(count >= FEWEST_ALIKE)
    surest = at[np.lexsort((-count[at], -np.abs(leans.lean[at])))]
    liked = leans.lean[surest] > 0
    told = np.sort(np.concatenate([np.flatnonzero(liked)[:MOST], np.flatnonzero(~liked)[:MOST]]))
    return [
        Leaning(
            name=leans.of.names[row],
            count=int(count[row]),
            mean=round(float(mean[row]), 4),
            everybody=_rounded(everybody[row]),
            difference=_rounded(mean[row] - everybody[row]),
            lean=round(float(leans.lean[row]), 4),
        )
        for row in surest[told].tolist()
    ]


async def _tasted(ctx: Context, someone: Person, found: _Figures, at: Longs) -> list[TastedMovie]:
    profile = someone.profile
    movies = await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(profile.movie_index[at]))
    return [
        TastedMovie(
            movie=movie,
            stars=float(profile.stars[place]),
            rated_at=datetime.fromtimestamp(someone.times[place], UTC),
            expected=round(float(found.expected[place]), 2),
            everybody=movie.rating_mean,
        )
        for movie, place in zip(movies, at.tolist(), strict=True)
    ]


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
