"""From words to arrays and back, as all tools need it: titles to movies, people to profiles, rankings to lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

import numpy as np
from pydantic import JsonValue

from errors import Unknown
from movies.models import Basis, Because, ListedMovie, Model, Movie, MovieList, MovieName, OtherShare, Resolved
from taste.interactions import Indices
from taste.ranking import Ranked, Reasons
from tools.args import GroupMember, Listing, Recommend, RecommendForGroup
from tools.context import Context
from tools.people import person
from tools.spelling import series

TITLE_FOUND = 0.6  # quality of a match from which a title counts as found
ALIKE = 0.05  # matches this close to the best could have been meant as well
BEGINNING = 0.85  # quality of a title that begins with what was given
FAR_MORE = 3  # times the ratings
CERTAIN = 0.95  # quality of a match that is a movie's own title
NAMED = 5  # movies that could be meant
FAR_BETTER_KNOWN = 10  # times the ratings
FEWEST_LISTED = 3  # below this a list says why it is short
LEAST_SHARE = 0.0005  # of a score, told beside those of movies
NOTHING_KNOWN = "Nothing is known of the person's taste yet; these are widely liked movies."
NOTHING_LIKED = "Nothing is known that the person likes; these are widely liked movies, not near to what they dislike."
FROM_PROFILE = "This rests on the profile in words: nothing is rated yet."
CONTENT_ONLY = "No model of taste is fitted yet; this rests on popularity and content alone."


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


async def certain(ctx: Context, ref: int | str) -> tuple[Movie | None, list[MovieName]]:
    """The movie that is meant without doubt, or None and those that could be: for what is written.

    A title is certain that is a movie's own, of which no other is known by a tenth as many. The very letters decide
    before an article does: `Heat` is not `The Heat`.

    Raises:
        Unknown: There is no such id, or nothing near the title.
    """
    if isinstance(ref, int):
        return (await resolve(ctx, ref))[0], []
    matches = await ctx.snapshot.catalogue.find_title(ref)
    if not matches:
        return None, await _near(ctx, ref)
    own = [movie for movie, quality in matches if quality >= CERTAIN]
    meant = [movie for movie in own if movie.title.casefold() in ref.strip().casefold()[: len(movie.title)]] or own
    rivals = [movie.rating_count for movie in meant[1:]]
    if meant and max(rivals, default=-1) < meant[0].rating_count / FAR_BETTER_KNOWN:
        return meant[0], []
    return None, [movie.only_name() for movie, _ in matches]


async def _near(ctx: Context, title: str) -> list[MovieName]:
    """The meaning of a title that nothing has: a text of digits may be an id, any other one is for the linker."""
    ids = [int(title[:15])] if title.isdigit() else [c.movie_id for c in (await ctx.snapshot.linker()).find(title)]
    ids = ids or (await series(ctx, title))[:NAMED]
    if not (found := await ctx.snapshot.catalogue.movies(ids)):
        raise Unknown(f"No movie called {title!r} is in the catalogue.")
    return [movie.only_name() for movie in found]


async def resolve_all(ctx: Context, refs: Iterable[int | str]) -> tuple[list[Movie], list[Resolved]]:
    """The same for several; one movie named twice counts once."""
    movies: dict[int, Movie] = {}
    resolved: list[Resolved] = []
    for ref in refs:
        movie, how = await resolve(ctx, ref)
        movies.setdefault(movie.movie_id, movie)
        resolved += how
    return list(movies.values()), resolved


async def excluded(ctx: Context, args: Listing) -> Indices:
    """Recommender indexes of what a list must not show."""
    out = [movie_id for ref in args.exclude for movie_id in await _all_of(ctx, ref)]
    if args.exclude_shown and ctx.session_id is not None:
        out += await ctx.ratings.shown(ctx.session_id)
    if isinstance(args, Recommend) and args.user_id is None and not args.include_seen:
        out += ctx.snapshot.ids((await person(ctx, None)).profile.movie_index)
    if _for_the_person(args):
        out += [seen.movie_id for seen in await ctx.ratings.seen(ctx.account_id)]
    return ctx.snapshot.indexes(dict.fromkeys(out))


def _for_the_person(args: Listing) -> bool:
    """True for a list of what the person could watch next, alone or with others."""
    if isinstance(args, RecommendForGroup):
        return any(member == GroupMember() for member in args.members)
    return isinstance(args, Recommend) and args.user_id is None and not args.include_seen


async def _all_of(ctx: Context, ref: int | str) -> list[int]:
    """The movies that a name stands for: a whole series, or the one of that title; what is not there cannot appear."""
    found = await series(ctx, ref) if isinstance(ref, str) else []
    with suppress(Unknown):
        found.append((await resolve(ctx, ref))[0].movie_id)
    return found


async def listed(ctx: Context, ranked: Ranked) -> list[ListedMovie]:
    """A ranking as whole movies, each with the reasons for it."""
    movies = await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(ranked.movie_index))
    causes = await because(ctx, ranked.reasons)
    scores = [round(float(score), 4) for score in ranked.score]
    return [ListedMovie.of(*parts) for parts in zip(movies, scores, causes, strict=True)]


async def because(ctx: Context, reasons: Sequence[Reasons]) -> list[list[Because | OtherShare]]:
    """The recommender's reasons by name, row by row; the shares of a row sum to its score."""
    indexes = sorted({reason.movie_index for row in reasons for reason in row.movies})
    movies = await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(np.array(indexes, np.int32)))
    names = {index: dict(movie.only_name()) for index, movie in zip(indexes, movies, strict=True)}
    return [
        [
            *(Because(**names[reason.movie_index], share=round(reason.share, 4)) for reason in row.movies),
            *_others(row),
        ]
        for row in reasons
    ]


def _others(row: Reasons) -> list[OtherShare]:
    rest = [
        OtherShare(title="other ratings", share=round(row.others, 4)),
        OtherShare(title="popularity", share=round(row.popularity, 4)),
    ]
    return [share for share in rest if abs(share.share) >= LEAST_SHARE]


async def movie_list(
    ctx: Context, ranked: Ranked, *, basis: Basis | None = None, resolved: Sequence[Resolved] = ()
) -> MovieList:
    """A ranking as a list, with notes on what it rests on; `basis`, in place of its own unless that is popularity."""
    popular = ranked.basis == "popular"
    notes = [_unknown(ranked)] if popular else []
    notes += [] if ctx.snapshot.recommender.fitted else [CONTENT_ONLY]
    movies = await listed(ctx, ranked)
    return MovieList(
        basis=ranked.basis if popular else basis or ranked.basis, movies=movies, resolved=list(resolved), notes=notes
    )


def _unknown(ranked: Ranked) -> str:
    """The reason why a list rests on popularity: nothing is rated, or nothing of it is liked."""
    return NOTHING_LIKED if any(reasons.others for reasons in ranked.reasons) else NOTHING_KNOWN


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
