"""From words to arrays and back, as all tools need it: titles to movies, people to profiles, rankings to lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from errors import Unknown
from movies.models import Basis, Because, Filters, ListedMovie, Model, Movie, MovieList, Resolved
from movies.reader import genre_form
from taste.interactions import Indices, Profile
from taste.ranking import Ranked, Reason
from tools.args import Listing
from tools.context import Context

TITLE_FOUND = 0.6  # quality of a match from which a title counts as found
ALIKE = 0.05  # matches this close to the best could have been meant as well
BEGINNING = 0.85  # quality of a title that begins with what was given
FAR_MORE = 3  # times the ratings
LIKED, DISLIKED = 5.0, 1.0  # stars that a bare like or dislike stands for
TAGS_SEARCHED = 200
FEWEST_LISTED = 3  # below this a list says why it is short
NOTHING_KNOWN = "Nothing is known of the person's taste yet; these are widely liked movies."
FROM_PROFILE = "This rests on what the person tells of themselves in words; they rated nothing."
CONTENT_ONLY = "No model of taste is fitted yet; this rests on popularity and content alone."


@dataclass(frozen=True, slots=True)
class Person:
    """Someone to recommend to: a profile, and how to call them in an answer. `text`: what they tell of themselves."""

    profile: Profile
    whose: str
    user_id: int | None = None
    text: str | None = None


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
    sure = bool(matches) and matches[0][1] >= TITLE_FOUND
    if not sure and ref.strip().isdigit() and not _could_be_year(ref):  # some models write ids as text
        return await resolve(ctx, int(ref.strip()[:15]))
    if not sure:
        near = "; ".join(movie.called for movie, _ in matches[:3])
        raise Unknown(f"No movie called {ref!r} is in the catalogue." + (f" Near it: {near}." if near else ""))
    best, quality = matches[0]
    others = [movie.only_name() for movie, other in matches[1:] if _could_be_meant(movie, other, best, quality)]
    return best, [Resolved(given=ref, movie=best.only_name(), others=others)]


def _could_be_year(text: str) -> bool:
    """True for digits that are more likely a title, such as 1917 or 2012, than an id."""
    return len(text.strip()) == 4 and text.strip()[:2] in ("18", "19", "20")


def _could_be_meant(movie: Movie, quality: float, best: Movie, best_quality: float) -> bool:
    """True for a match that is as good as the best, or whose title goes on and far more people know it."""
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
        rows, text = await _of_data(ctx, user_id)
        if not rows and text is None:
            raise Unknown(f"The data has no user {user_id}.")
        return Person(_profile(ctx, rows), f"MovieLens user {user_id}", user_id, text)
    rows, text = await _of_data(ctx, ctx.user_id) if ctx.user_id is not None else ([], None)
    own = [(own.movie_id, own.stars, int(own.rated_at.timestamp())) for own in await ctx.ratings.all(ctx.account_id)]
    return Person(_profile(ctx, [*rows, *own]), "you", ctx.user_id, text)


async def _of_data(ctx: Context, user_id: int) -> tuple[list[tuple[int, float, int]], str | None]:
    """The ratings of a user of the data, and what they tell of themselves in words."""
    catalogue = ctx.snapshot.catalogue
    return await catalogue.user_profile(user_id), await catalogue.user_text(user_id)


async def own_stars(ctx: Context, movie: Movie) -> float | None:
    """The stars that the person gave a movie."""
    someone = await person(ctx, None)
    at = someone.profile.movie_index == ctx.snapshot.indexes([movie.movie_id])[0]
    return float(someone.profile.stars[at][0]) if at.any() else None


def of_likes(ctx: Context, liked: Iterable[Movie], disliked: Iterable[Movie] = ()) -> Profile:
    """Someone known by likes and dislikes alone."""
    stars = {movie.movie_id: LIKED for movie in liked} | {movie.movie_id: DISLIKED for movie in disliked}
    return of_ratings(ctx, stars)


def of_ratings(ctx: Context, stars: Mapping[int, float]) -> Profile:
    """Someone known by ratings of no particular time, given by movie id."""
    now = int(ctx.clock().timestamp())
    return _profile(ctx, [(movie_id, given, now) for movie_id, given in stars.items()])


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
    movies = await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(ranked.movie_index))
    causes = await because(ctx, ranked.reasons)
    scores = [round(float(score), 4) for score in ranked.score]
    return [ListedMovie.of(*parts) for parts in zip(movies, scores, causes, strict=True)]


async def because(ctx: Context, reasons: Sequence[Sequence[Reason]]) -> list[list[Because]]:
    """The movies that the recommender's reasons name, row by row; those that count against are left out."""
    indexes = sorted({reason.movie_index for row in reasons for reason in row})
    movies = await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(np.array(indexes, np.int32)))
    names = {index: dict(movie.only_name()) for index, movie in zip(indexes, movies, strict=True)}
    return [
        [Because(**names[reason.movie_index], share=round(reason.share, 4)) for reason in row if reason.share > 0]
        for row in reasons
    ]


async def movie_list(
    ctx: Context, ranked: Ranked, *, basis: Basis | None = None, resolved: Sequence[Resolved] = ()
) -> MovieList:
    """A ranking as a list, with notes on what it rests on; `basis`, in place of its own unless that is popularity."""
    popular = ranked.basis == "popular"
    notes = [NOTHING_KNOWN] if popular else []
    notes += [] if ctx.snapshot.recommender.fitted else [CONTENT_ONLY]
    movies = await listed(ctx, ranked)
    return MovieList(
        basis=ranked.basis if popular else basis or ranked.basis, movies=movies, resolved=list(resolved), notes=notes
    )


async def served(ctx: Context, kind: str, args: Model, found: MovieList, user_id: int | None = None) -> MovieList:
    """A finished list, with a note where it is short, kept in the history of recommendations."""
    found = found.model_copy(update={"notes": [*found.notes, *_shortage(args, found.movies)]})
    inputs: dict[str, JsonValue] = args.model_dump(mode="json", exclude_defaults=True)
    recommendation_id = await ctx.ratings.remember(
        ctx.account_id,
        found,
        kind=kind,
        inputs=inputs,
        versions=(ctx.snapshot.recommender.version, ctx.snapshot.info.version),
        user_id=user_id,
        session_id=ctx.session_id,
    )
    return found.model_copy(update={"recommendation_id": recommendation_id})


def _shortage(args: Model, movies: Sequence[Movie]) -> list[str]:
    """The reason why a list is shorter than asked for, as a note."""
    if not isinstance(args, Listing) or len(movies) >= min(args.limit, FEWEST_LISTED):
        return []
    return ["No movie passes all the conditions." if not movies else "No other movie passes all the conditions."]
