"""The tools that find movies and facts: by title, words, tag, likeness or rank. They rest on nobody's taste."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from errors import ToolError
from movies.ideas import speaks
from movies.models import ListedMovie, Movie, MovieDetail, MovieList, MovieQuery
from tools.args import CompareMovies, GetMovie, Listing, SearchMovies, Similarity, SimilarMovies
from tools.context import Context
from tools.people import person
from tools.resolving import excluded, listed, movie_list, people_of, resolve, resolve_all, served
from tools.results import Comparison, MovieResult
from tools.spelling import spelled
from tools.wishes import matching, wished

TITLE_MEANT, VERY_TITLE = 0.75, 1.0  # from here on a query is taken for a title; the name of a country only as a whole
TEXT_HITS, BEST_HITS = 500, 50  # by words: in all, and of those that are put in another order
CANDIDATES = 6  # movies looked at for each that is shown, where the list is to be varied


async def search_movies(ctx: Context, args: SearchMovies) -> MovieList:
    """Find movies by title (typos are fine), by words for what they are about, or by filters and order alone.
    With window_days only ratings of the last days of the data count.
    """
    args = await spelled(ctx, args)
    found = await _found(ctx, args)
    return await served(ctx, "search_movies", args, found)


async def get_movie(ctx: Context, args: GetMovie) -> MovieResult:
    """All facts of one movie: year, genres, tags, ratings, histogram, links, what the person gave it. Windows add
    how it was rated lately.
    """
    movie, resolved = await resolve(ctx, args.movie)
    return MovieResult(
        movie=await _detail(ctx, movie),
        windows=await ctx.snapshot.catalogue.stats(movie.movie_id, args.windows) if args.windows else [],
        own_stars=(await person(ctx, None)).stars_of(int(ctx.snapshot.indexes([movie.movie_id])[0])),
        resolved=resolved,
    )


async def similar_movies(ctx: Context, args: SimilarMovies) -> MovieList:
    """Movies like one or several others, by taste, by content or both."""
    args = await spelled(ctx, args)
    seeds, resolved = await resolve_all(ctx, args.movies)
    ranked = await ctx.ranked(
        ctx.snapshot.recommender.similar,
        ctx.snapshot.indexes(movie.movie_id for movie in seeds),
        k=args.limit,
        by=args.by,
        allowed=await ctx.snapshot.allowed(args.filters()),
        exclude=await excluded(ctx, args),
        diversity=args.diversity,
        novelty=args.novelty,
    )
    return await served(ctx, "similar_movies", args, await movie_list(ctx, ranked, resolved=resolved))


async def compare_movies(ctx: Context, args: CompareMovies) -> Comparison:
    """Two to four movies side by side: ratings, genres, tags, and how alike they are."""
    movies, resolved = await resolve_all(ctx, args.movies)
    if len(movies) < 2:
        raise ToolError("These are one and the same movie. Name at least two different ones.")
    details = [await _detail(ctx, movie) for movie in movies]
    return Comparison(
        movies=details,
        genres_in_common=_in_common(movie.genres for movie in movies),
        tags_in_common=_in_common([tag.tag for tag in detail.top_tags] for detail in details),
        people_in_common=_in_common([*people_of(detail), *(one.name for one in detail.writers)] for detail in details),
        taste_likeness=_likeness(ctx, movies, "taste") if ctx.snapshot.recommender.fitted else None,
        content_likeness=_likeness(ctx, movies, "content"),
        resolved=resolved,
    )


async def by_text(ctx: Context, args: Listing, text: str) -> list[ListedMovie]:
    """Movies that fit the words, joined by their neighbours in taste, without what the words refuse."""
    allowed, out = await ctx.snapshot.allowed(args.filters()), await excluded(ctx, args)
    if len(out):
        allowed = np.ones(len(ctx.snapshot.movie_ids), bool) if allowed is None else allowed
        allowed[out] = False
    ranked = await matching(ctx, await wished(ctx, text), allowed, _candidates(args))
    return _varied(ctx, args, await listed(ctx, ranked))


async def find_movies(ctx: Context, query: MovieQuery, *, limit: int, offset: int = 0) -> list[Movie]:
    """Movies that pass the filters, by title, then by what the words wish for; the very title refuses nothing."""
    if query.query is None:
        return await ctx.snapshot.catalogue.search(query, limit=limit, offset=offset)
    wish = await wished(ctx, query.query)
    ranked = await matching(ctx, wish, None, TEXT_HITS if query.sort == "relevance" else BEST_HITS)
    texts = ctx.snapshot.ids(ranked.movie_index)
    return await ctx.snapshot.catalogue.search(query, limit=limit, offset=offset, texts=texts, allowed=wish.allowed)


async def _by_title(ctx: Context, args: Listing, query: str) -> list[ListedMovie]:
    """Movies whose title is what was asked for, if any."""
    out = set(ctx.snapshot.ids(await excluded(ctx, args)))
    allowed = await ctx.snapshot.allowed(args.filters())
    found, meant = [], VERY_TITLE if speaks(query) else TITLE_MEANT
    for movie, quality in await ctx.snapshot.catalogue.find_title(query, args.limit):
        passes = allowed is None or bool(allowed[ctx.snapshot.indexes([movie.movie_id])].all())
        if quality >= meant and passes and movie.movie_id not in out:
            found.append(ListedMovie.of(movie, round(quality, 3)))
    return found


async def _found(ctx: Context, args: SearchMovies) -> MovieList:
    """By rank of a time, by words, or by filters and order alone."""
    if args.window_days is not None:
        return await _ranked(ctx, args, args.window_days)
    if args.query is not None and args.sort == "relevance":
        movies = await _by_title(ctx, args, args.query) or await by_text(ctx, args, args.query)
        return MovieList(basis="search", movies=movies)
    movies = _varied(ctx, args, await _searched(ctx, args))
    return MovieList(basis="popular" if args.query is None else "search", movies=movies)


async def _ranked(ctx: Context, args: SearchMovies, days: int) -> MovieList:
    """The most rated or best rated movies of the last days."""
    out = ctx.snapshot.ids(await excluded(ctx, args))
    sort: Literal["rating", "popularity"] = "rating" if args.sort == "rating" else "popularity"
    rows = await ctx.snapshot.catalogue.popular(
        args.filters(), since=days, sort=sort, limit=_candidates(args), exclude=out
    )
    movies = _varied(ctx, args, [ListedMovie.of(movie, round(damped, 3)) for movie, _, damped in rows])
    return MovieList(basis="popular", movies=movies, notes=[f"Counted over the last {days} days of the data."])


async def _searched(ctx: Context, args: SearchMovies) -> list[ListedMovie]:
    """Movies that pass the filters, in the order asked for."""
    out = set(ctx.snapshot.ids(await excluded(ctx, args)))
    query = MovieQuery(**dict(args.filters()), query=args.query, sort=args.sort)
    movies = await find_movies(ctx, query, limit=_candidates(args) + len(out))
    return [ListedMovie.of(movie) for movie in movies if movie.movie_id not in out]


def _candidates(args: Listing) -> int:
    """The number of movies to look at: more than are shown where they are to be varied."""
    return args.limit * CANDIDATES if args.diversity or args.novelty else args.limit


def _varied(ctx: Context, args: Listing, movies: list[ListedMovie]) -> list[ListedMovie]:
    """The movies to show, as diverse and novel as asked for."""
    indexes = ctx.snapshot.indexes(movie.movie_id for movie in movies)
    places = ctx.snapshot.recommender.vary(indexes, k=args.limit, diversity=args.diversity, novelty=args.novelty)
    return [movies[place] for place in places]


async def _detail(ctx: Context, movie: Movie) -> MovieDetail:
    detail = await ctx.snapshot.catalogue.movie(movie.movie_id)
    assert detail is not None
    return detail


def _likeness(ctx: Context, movies: list[Movie], by: Similarity) -> float | None:
    """The nearness of the second movie to the first, 0 to 1."""
    only = np.zeros(len(ctx.snapshot.movie_ids), bool)
    first, second = ctx.snapshot.indexes(movie.movie_id for movie in movies[:2])
    only[second] = True
    ranked = ctx.snapshot.recommender.similar(np.array([first]), k=1, by=by, allowed=only)
    return round(float(ranked.score[0]), 3) if len(ranked.score) else None


def _in_common(lists: Iterable[Iterable[str]]) -> list[str]:
    """The names that are in every list, in the order of the first: `[["a", "b"], ["b"]]` → `["b"]`."""
    first, *rest = [list(dict.fromkeys(names)) for names in lists]
    return [item for item in first if all(item in other for other in rest)]
