"""Prompt templates filled in from the data, each by a function of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from errors import NotFound
from movies.models import Filters, ListedMovie, Movie, MovieList, RatingOrder, UserRating
from providers.prompts import TEMPLATES, Filled, PerGenre, PerMovie, PerTag, PerTaste, PerUser
from tools.args import GetUserRatings, Recommend, SearchMovies
from tools.context import Context
from tools.search import search_movies
from tools.spelling import spelled
from tools.tastes import get_user_ratings, recommend

WINDOWS = ("30d", "365d", "all")
LONGEST_PROFILE = 2_000  # characters of what a user tells of themselves


async def ratings_prompt_per_user(ctx: Context, args: PerUser) -> Filled:
    """A user's highest and lowest ratings."""
    highest, lowest = await _rated(ctx, args, "highest"), await _rated(ctx, args, "lowest")
    others = [rating for rating in lowest if rating not in highest]
    values = {"highest": _stars(highest, await _own_words(ctx, args.user_id)), "lowest": _stars(others)}
    return _filled(ctx, "ratings_prompt_per_user", values)


async def recommendations_prompt_per_user(ctx: Context, args: PerUser) -> Filled:
    """A user's highest ratings, and what they are recommended."""
    return await of_recommended(ctx, await _recommended(ctx, args), args)


async def of_recommended(ctx: Context, served: MovieList, args: PerUser) -> Filled:
    """A user's highest ratings, and a list that was made before."""
    ratings = await _rated(ctx, args, "highest")
    values = {"ratings": _stars(ratings, await _own_words(ctx, args.user_id)), "recommendations": _lines(served.movies)}
    return _filled(ctx, "recommendations_prompt_per_user", values)


async def recommendations_prompt_per_taste(ctx: Context, args: PerTaste) -> Filled:
    """A taste in words, and what the user is recommended."""
    movies = (await _recommended(ctx, args)).movies
    values = {"taste": args.taste, "recommendations": _lines(movies)}
    return _filled(ctx, "recommendations_prompt_per_taste", values)


async def movies_prompt_per_tag(ctx: Context, args: PerTag) -> Filled:
    """The movies of a tag."""
    tagged = await search_movies(ctx, SearchMovies(tags=[args.tag], limit=args.limit))
    lines = [f"{movie.called}{await _relevance(ctx, movie, args.tag)}" for movie in tagged.movies]
    return _filled(ctx, "movies_prompt_per_tag", {"tag": args.tag, "movies": _listed(lines)})


async def movies_prompt_per_genre(ctx: Context, args: PerGenre) -> Filled:
    """The best rated movies of a genre."""
    filters = await spelled(ctx, Filters(genres=[args.genre]))
    best = await ctx.snapshot.catalogue.popular(filters, sort="rating", limit=args.limit)
    lines = [f"{movie.called}: {movie.rating_mean:.2f} of {movie.rating_count}" for movie, *_ in best]
    return _filled(ctx, "movies_prompt_per_genre", {"genre": args.genre, "movies": _listed(lines)})


async def ratings_prompt_per_movie(ctx: Context, args: PerMovie) -> Filled:
    """A movie's ratings by stars and over time, and its tags.

    Raises:
        NotFound: There is no such movie.
    """
    movie = await ctx.snapshot.catalogue.movie(args.movie_id)
    if movie is None:
        raise NotFound("There is no such movie.")
    windows = await ctx.snapshot.catalogue.stats(args.movie_id, WINDOWS)
    over_time = [f"{part.window}: {part.count} ratings, mean {part.mean}" for part in windows if part.mean is not None]
    values = {
        "title": movie.called,
        "histogram": _listed([f"{stars} stars: {count}" for stars, count in movie.histogram.items() if count]),
        "windows": _listed(over_time),
        "tags": ", ".join(movie.tags) or "nothing",
    }
    return _filled(ctx, "ratings_prompt_per_movie", values)


_FUNCTIONS: tuple[Callable[[Context, Any], Awaitable[Filled]], ...] = (
    ratings_prompt_per_user,
    recommendations_prompt_per_user,
    recommendations_prompt_per_taste,
    movies_prompt_per_tag,
    movies_prompt_per_genre,
    ratings_prompt_per_movie,
)
FILLING = {function.__name__: function for function in _FUNCTIONS}  # of each template


def _filled(ctx: Context, name: str, values: Mapping[str, str]) -> Filled:
    info = ctx.snapshot.info
    return Filled(TEMPLATES[name], {**values, "noun": info.noun, "plural": info.plural})


async def _rated(ctx: Context, args: PerUser, order: RatingOrder) -> list[UserRating]:
    found = await get_user_ratings(ctx, GetUserRatings(user_id=args.user_id, order=order, limit=args.limit))
    return found.ratings


async def _recommended(ctx: Context, args: PerUser) -> MovieList:
    return await recommend(ctx, Recommend(user_id=args.user_id, limit=args.limit))


async def _own_words(ctx: Context, user_id: int) -> str:
    """A user's words about themselves; '' where the data has none."""
    return (await ctx.snapshot.catalogue.user_text(user_id) or "")[:LONGEST_PROFILE]


async def _relevance(ctx: Context, movie: Movie, tag: str) -> str:
    """`: 0.93`, the relevance of a tag for a movie; '' where the data has none."""
    detail = await ctx.snapshot.catalogue.movie(movie.movie_id)
    known = detail.top_tags if detail else []
    return next((f": {one.relevance:.2f}" for one in known if one.tag.casefold() == tag.casefold()), "")


def _stars(ratings: Sequence[UserRating], own_words: str = "") -> str:
    """`- Heat (1995): 4.5` for each rating, and the person's own words under it."""
    lines = _listed([f"{rating.movie.called}: {rating.stars:g}" for rating in ratings])
    return f"{lines}\nIn their own words: {own_words}" if own_words else lines


def _lines(movies: Sequence[ListedMovie]) -> str:
    """`- Heat (1995), because of Ronin (1998)` for each movie."""
    return _listed([f"{movie.called}{_because(movie)}" for movie in movies])


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "- none"


def _because(movie: ListedMovie) -> str:
    causes = ", ".join(cause.called for cause in movie.causes)
    return f", because of {causes}" if causes else ""
