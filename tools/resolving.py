"""Between words and arrays: titles to movies, people to profiles, rankings to lists. What the tools share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from errors import Unknown
from movies.models import (
    Basis,
    Because,
    Filters,
    ListedMovie,
    Listing,
    Model,
    Movie,
    MovieList,
    Resolved,
)
from movies.reader import genre_form
from taste.interactions import Indices, Profile
from taste.ranking import Ranked, Reason
from tools.registry import Context

SURE = 0.6  # from here on a title counts as found
ALIKE = 0.05  # matches this close to the best could have been meant as well
BEGINNING = 0.85  # quality of a title that begins with what was given
FAR_MORE = 3  # times the ratings
LIKED, DISLIKED = 5.0, 1.0  # stars that a bare like or dislike stands for
TAGS_SEARCHED = 200
FEWEST_LISTED = 3  # below this a list says why it is short


@dataclass(frozen=True, slots=True)
class Person:
    """Someone to recommend to: a profile, and how to call them in an answer."""

    profile: Profile
    whose: str
    user_id: int | None = None


async def resolve(ctx: Context, ref: int | str) -> tuple[Movie, list[Resolved]]:
    """The movie that an id or a title means, and how the title was understood.

    Raises:
        Unknown: There is none, and which ones are near.
    """
    if isinstance(ref, int):
        found = await ctx.snapshot.catalogue.movies([ref])
        if not found:
            raise Unknown(f"There is no movie with id {ref}. Use an id from an earlier result, or a title.")
        return found[0], []
    matches = await ctx.snapshot.catalogue.find_title(ref)
    sure = bool(matches) and matches[0][1] >= SURE
    if not sure and ref.strip().isdigit() and not _could_be_year(ref):  # some models write ids as text
        return await resolve(ctx, int(ref.strip()[:15]))
    if not sure:
        near = "; ".join(movie.called for movie, _ in matches[:3])
        raise Unknown(f"No movie called {ref!r} is in the catalogue." + (f" Near it: {near}." if near else ""))
    best, quality = matches[0]
    others = [movie.only_name() for movie, other in matches[1:] if _could_be_meant(movie, other, best, quality)]
    return best, [Resolved(given=ref, movie=best.only_name(), others=others)]


def _could_be_year(text: str) -> bool:
    """Whether digits are more likely a title, such as 1917 or 2012, than an id."""
    return len(text.strip()) == 4 and text.strip()[:2] in ("18", "19", "20")


def _could_be_meant(movie: Movie, quality: float, best: Movie, best_quality: float) -> bool:
    """Whether a match is as good as the best, or its title goes on and far more people know it."""
    known = movie.rating_count > FAR_MORE * max(best.rating_count, 1)
    return quality >= best_quality - ALIKE or (quality >= BEGINNING and known)


async def resolve_all(ctx: Context, refs: Iterable[int | str]) -> tuple[list[Movie], list[Resolved]]:
    """The same for several; one movie named twice counts once."""
    movies: dict[int, Movie] = {}
    resolved: list[Resolved] = []
    for ref in refs:
        movie, how = await resolve(ctx, ref)
        movies.setdefault(movie.movie_id, movie)
        resolved += how
    return list(movies.values()), resolved


async def person(ctx: Context, user_id: int | None) -> Person:
    """The caller (the session's MovieLens user with the caller's own ratings over it), or a MovieLens user by number.

    Raises:
        Unknown: The data has no such user.
    """
    if user_id is not None and user_id != ctx.user_id:
        rows = await ctx.snapshot.catalogue.user_profile(user_id)
        if not rows:
            raise Unknown(f"The data has no user {user_id}.")
        return Person(_profile(ctx, rows), f"MovieLens user {user_id}", user_id)
    rows = await ctx.snapshot.catalogue.user_profile(ctx.user_id) if ctx.user_id is not None else []
    own = [(own.movie_id, own.stars, int(own.rated_at.timestamp())) for own in await ctx.ratings.all(ctx.account_id)]
    return Person(_profile(ctx, [*rows, *own]), "you", ctx.user_id)


def of_likes(ctx: Context, liked: Sequence[int], disliked: Sequence[int] = ()) -> Profile:
    """Someone known by likes and dislikes alone."""
    now = int(ctx.clock().timestamp())
    return _profile(ctx, [*((i, LIKED, now) for i in liked), *((i, DISLIKED, now) for i in disliked)])


def of_ratings(ctx: Context, ratings: Iterable[tuple[int, float]]) -> Profile:
    """Someone known by ratings of no particular time."""
    now = int(ctx.clock().timestamp())
    return _profile(ctx, [(movie_id, stars, now) for movie_id, stars in ratings])


def _profile(ctx: Context, rows: Sequence[tuple[int, float, int]]) -> Profile:
    """(movie id, stars, Unix seconds) as a profile, oldest first; the last rating of a movie counts."""
    latest = {movie_id: (stars, at) for movie_id, stars, at in rows}
    known = set(ctx.snapshot.ids(ctx.snapshot.indexes(latest)))
    ordered = sorted(((at, movie_id, stars) for movie_id, (stars, at) in latest.items() if movie_id in known))
    return Profile(
        ctx.snapshot.indexes(movie_id for _, movie_id, _ in ordered),
        np.array([stars for *_, stars in ordered], np.float32),
        np.array([at for at, *_ in ordered], np.int64),
    )


async def excluded(ctx: Context, args: Listing) -> Indices:
    """Recommender indexes of what a list must not show."""
    out: list[int] = []
    for ref in args.exclude:
        with suppress(Unknown):  # what is not there cannot appear
            out.append((await resolve(ctx, ref))[0].movie_id)
    if args.exclude_shown and ctx.session_id is not None:
        out += await ctx.ratings.shown(ctx.session_id)
    return ctx.snapshot.indexes(dict.fromkeys(out))


async def check_filters(ctx: Context, filters: Filters) -> None:
    """Tell a filter that nothing can pass from one that nothing happens to pass.

    Raises:
        Unknown: A genre or a tag does not exist, and which ones do.
    """
    genres = [count.name for count in await ctx.snapshot.catalogue.genres()]
    known = {genre_form(genre) for genre in genres}
    for genre in (*filters.genres, *filters.exclude_genres):
        if genre_form(genre) not in known:
            raise Unknown(f"There is no genre {genre!r}. There are: {', '.join(genres)}.")
    for tag in filters.tags:
        await check_tag(ctx, tag)


async def check_tag(ctx: Context, tag: str) -> None:
    """Raise Unknown where no movie has that tag, and say which ones are near."""
    found = [count.name for count in await ctx.snapshot.catalogue.tags(tag, limit=TAGS_SEARCHED)]
    if tag.casefold() not in {name.casefold() for name in found}:
        near = list(dict.fromkeys([*found[:3], *await ctx.snapshot.catalogue.near_tags(tag)]))
        raise Unknown(f"No movie has the tag {tag!r}." + (f" Near it: {', '.join(near)}." if near else ""))


async def listed(ctx: Context, ranked: Ranked) -> list[ListedMovie]:
    """A ranking as whole movies, each with the reasons for it."""
    ids = ctx.snapshot.ids(ranked.movie_index)
    movies = {movie.movie_id: movie for movie in await ctx.snapshot.catalogue.movies(ids)}
    reasons = ranked.reasons or [[]] * len(ids)
    names = await _names(ctx, (reason for row in reasons for reason in row))
    return [
        ListedMovie(
            **movies[movie_id].model_dump(),
            match=round(float(score), 4),
            because=because(names, row),
        )
        for movie_id, score, row in zip(ids, ranked.score, reasons, strict=True)
    ]


async def reasons(ctx: Context, found: Sequence[Reason]) -> list[Because]:
    """Reasons with the names of their movies."""
    return because(await _names(ctx, found), found)


def because(names: dict[int, Movie], found: Sequence[Reason]) -> list[Because]:
    return [
        Because(**names[reason.movie_index].only_name().model_dump(), share=round(reason.share, 4))
        for reason in found
        if reason.share > 0
    ]


async def _names(ctx: Context, found: Iterable[Reason]) -> dict[int, Movie]:
    """Movies of reasons by their index."""
    indexes = sorted({reason.movie_index for reason in found})
    ids = ctx.snapshot.ids(np.array(indexes, np.int32))
    movies = {movie.movie_id: movie for movie in await ctx.snapshot.catalogue.movies(ids)}
    return {index: movies[movie_id] for index, movie_id in zip(indexes, ids, strict=True)}


async def served(
    ctx: Context,
    kind: str,
    args: Model,
    *,
    basis: Basis,
    movies: list[ListedMovie],
    resolved: Sequence[Resolved] = (),
    notes: Sequence[str] = (),
    user_id: int | None = None,
) -> MovieList:
    """A finished list, kept in the history of recommendations."""
    result = MovieList(basis=basis, movies=movies, resolved=list(resolved), notes=[*notes, *_shortage(args, movies)])
    inputs: dict[str, JsonValue] = args.model_dump(mode="json", exclude_defaults=True)
    recommendation_id = await ctx.ratings.remember(
        ctx.account_id,
        result,
        kind=kind,
        inputs=inputs,
        versions=(ctx.snapshot.recommender.version, ctx.snapshot.info.version),
        user_id=user_id,
        session_id=ctx.session_id,
    )
    return result.model_copy(update={"recommendation_id": recommendation_id})


def _shortage(args: Model, movies: Sequence[Movie]) -> list[str]:
    """Why a list is shorter than asked for."""
    if not isinstance(args, Listing) or len(movies) >= min(args.limit, FEWEST_LISTED):
        return []
    return ["No movie passes all the conditions." if not movies else "No other movie passes all the conditions."]
