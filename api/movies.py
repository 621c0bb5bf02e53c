"""HTTP: movies, ratings, recommendations. The same functions answer here that the model calls as tools."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from pydantic import StringConstraints
from starlette.convertors import StringConvertor, register_url_convertor

from api import prompts
from api.dependencies import Account, After, CountedAs, Limit, Service, Tools, UserIdQuery
from errors import NotFound
from movies.models import (
    FIRST_YEAR,
    LAST_YEAR,
    Count,
    ExplainedRecommendations,
    Movie,
    MovieDetail,
    MovieList,
    MovieQuery,
    MovieStats,
    OwnRating,
    Page,
    RatingIn,
    RatingOrder,
    Recommendation,
    RecommendationRequest,
    Sort,
    Span,
    TagStats,
    UserRating,
    UserStats,
)
from movies.tables import LARGEST_ID
from tools import search, tastes
from tools.args import Recommend, Similarity, SimilarMovies
from tools.context import Context
from tools.resolving import resolve
from tools.spelling import spelled, tag_called


class Rated(StringConvertor):
    """A movie's id below /ratings: anything but the names of the files there, which have other methods."""

    regex = r"(?!(?:import|export)$)[^/]+"


register_url_convertor("rated", Rated())
router = APIRouter()

T = TypeVar("T")
ListLimit = Annotated[int, Query(ge=1, le=50)]
OneGenre = Annotated[str | None, Query(min_length=1, max_length=100)]
YearQuery = Annotated[int | None, Query(ge=FIRST_YEAR, le=LAST_YEAR)]
UnitQuery = Annotated[float, Query(ge=0, le=1)]
MovieIdPath = Annotated[int, Path(ge=0, le=LARGEST_ID)]
UserIdPath = Annotated[int, Path(ge=0, le=LARGEST_ID)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
PERSON = "Directed it or plays in it; may be repeated; 'directed by …', 'with …', 'without …' for one role"
TagPath = Annotated[str, Path(min_length=1, max_length=100)]


async def searched_words(
    q: Annotated[str | None, Query(min_length=1, max_length=500, description="Words to find; typos are fine")] = None,
    query: Annotated[str | None, Query(min_length=1, max_length=500, include_in_schema=False)] = None,
) -> str | None:
    """The words to look for; `q` was called `query` before."""
    return q if q is not None else query


Words = Annotated[str | None, Depends(searched_words)]


def asked_windows(
    windows: Annotated[
        str,
        Query(
            pattern=r"^([1-9]\d{0,5}h|[1-9]\d{0,4}d|all)(,([1-9]\d{0,5}h|[1-9]\d{0,4}d|all)){0,5}$",
            description="Hours or days back from the newest rating in the data, or 'all'; up to six",
        ),
    ] = "7d,30d,365d,all",
) -> list[str]:
    """The windows of time that a route counts over."""
    return windows.split(",")


Windows = Annotated[list[str], Depends(asked_windows)]


def offset_after(
    after: Annotated[str | None, Query(pattern=r"^o\d{1,15}$", description="`next` of the page before")] = None,
) -> int:
    """The number of entries before a page of a list that is counted through."""
    return int(after.removeprefix("o")) if after else 0


Offset = Annotated[int, Depends(offset_after)]


@router.get("/movies", tags=["movies"])
async def list_movies(
    ctx: Tools,
    words: Words,
    offset: Offset,
    genre: OneGenre = None,
    tag: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    year_from: YearQuery = None,
    year_to: YearQuery = None,
    exclude_tag: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    min_ratings: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    max_ratings: Annotated[int | None, Query(ge=1, le=10_000_000)] = None,
    min_mean: Annotated[float | None, Query(ge=0.5, le=5)] = None,
    max_mean: Annotated[float | None, Query(ge=0.5, le=5)] = None,
    runtime_from: Annotated[int | None, Query(ge=1, le=100_000, description="Minutes")] = None,
    runtime_to: Annotated[int | None, Query(ge=1, le=100_000, description="Minutes")] = None,
    person: Annotated[list[Name], Query(max_length=5, description=PERSON)] = [],  # noqa: B006
    sort: Sort = "relevance",
    limit: Limit = 20,
) -> Page[Movie]:
    """Find movies by title or content, with filters."""
    wanted = MovieQuery(
        query=words,
        genres=[genre] if genre else [],
        tags=[tag] if tag else [],
        year_from=year_from,
        year_to=year_to,
        exclude_tags=[exclude_tag] if exclude_tag else [],
        min_ratings=min_ratings,
        max_ratings=max_ratings,
        min_mean=min_mean,
        max_mean=max_mean,
        runtime_from=runtime_from,
        runtime_to=runtime_to,
        people=person,
        sort=sort,
    )
    wanted = await spelled(ctx, wanted)
    found = await search.find_movies(ctx, wanted, limit=limit + 1, offset=offset)
    return _page(found, limit, offset)


@router.get("/movies/{movie_id}", tags=["movies"])
async def read_movie(ctx: Tools, movie_id: MovieIdPath) -> MovieDetail:
    """All that the data knows of a movie."""
    movie = await ctx.snapshot.catalogue.movie(movie_id)
    if movie is None:
        raise NotFound("There is no such movie.")
    return movie


@router.get("/movies/{movie_id}/similar", tags=["movies"])
async def similar_movies(
    ctx: Tools,
    movie_id: MovieIdPath,
    limit: ListLimit = 10,
    by: Similarity = "both",
    diversity: UnitQuery = 0,
) -> MovieList:
    """Movies like this one, each with a score and the reason."""
    args = SimilarMovies(movies=[movie_id], limit=limit, by=by, diversity=diversity)
    return await search.similar_movies(ctx, args)


@router.get("/movies/{movie_id}/stats", tags=["movies"])
async def rating_stats(
    ctx: Tools,
    movie_id: MovieIdPath,
    windows: Windows,
    by: Annotated[Span | None, Query(description="Add a series by calendar month or year, UTC")] = None,
) -> MovieStats:
    """Mean and count over windows, counted back from the newest rating in the data; and by month or year."""
    movie, _ = await resolve(ctx, movie_id)
    catalogue = ctx.snapshot.catalogue
    return MovieStats(
        movie=movie.only_name(),
        windows=await catalogue.stats(movie_id, windows),
        by=by,
        series=await catalogue.series(movie_id, by) if by else [],
    )


@router.get("/genres", tags=["movies"])
async def list_genres(ctx: Tools) -> Page[Count]:
    """All genres, with how many movies each has."""
    return Page(data=await ctx.snapshot.catalogue.genres())


@router.get("/tags", tags=["movies"])
async def list_tags(
    ctx: Tools,
    words: Words,
    offset: Offset,
    limit: Limit = 50,
) -> Page[Count]:
    """Tags, with how many movies each tells something of."""
    return _page(await ctx.snapshot.catalogue.tags(words, limit=limit + 1, offset=offset), limit, offset)


@router.get("/tags/{tag:path}/stats", tags=["movies"])
async def tag_stats(ctx: Tools, tag: TagPath, windows: Windows) -> TagStats:
    """Mean and count of the ratings of a tag's movies over windows, counted back from the newest rating in the data."""
    name = await tag_called(ctx, tag)
    return TagStats(tag=name, windows=await ctx.snapshot.catalogue.tag_stats(name, windows))


# MovieLens users


@router.get("/users/{user_id}/ratings", tags=["movies"])
async def user_ratings(
    ctx: Tools,
    user_id: UserIdPath,
    offset: Offset,
    order: RatingOrder = "newest",
    limit: Limit = 50,
) -> Page[UserRating]:
    """A MovieLens user's ratings in the order asked for."""
    await _check_user(ctx, user_id)
    found = await ctx.snapshot.catalogue.user_ratings(user_id, order=order, limit=limit + 1, offset=offset)
    return _page(found, limit, offset)


@router.get("/users/{user_id}/stats", tags=["movies"])
async def user_stats(ctx: Tools, user_id: UserIdPath, windows: Windows) -> UserStats:
    """Mean and count of a user's ratings over windows, counted back from the newest rating in the data."""
    await _check_user(ctx, user_id)
    return UserStats(user_id=user_id, windows=await ctx.snapshot.catalogue.user_stats(user_id, windows))


@router.get("/users/{user_id}/recommendations", tags=["recommendations"])
async def recommend_for_user(
    service: Service,
    ctx: Tools,
    user_id: UserIdPath,
    limit: ListLimit = 10,
    genre: OneGenre = None,
    year_from: YearQuery = None,
    exclude_seen: bool = True,
    diversity: UnitQuery = 0,
    novelty: UnitQuery = 0,
    explain: Annotated[bool, Query(description="Add the prompt, the model's words and its first token")] = False,
    *,
    counted: CountedAs,
) -> ExplainedRecommendations:
    """Recommendations for a MovieLens user, each with a score and the ratings it rests on."""
    args = Recommend(
        user_id=user_id,
        limit=limit,
        genres=[genre] if genre else [],
        year_from=year_from,
        include_seen=not exclude_seen,
        diversity=diversity,
        novelty=novelty,
    )
    served = await tastes.recommend(ctx, args)
    if not explain:
        return ExplainedRecommendations(**dict(served))
    async with service.runs.place(ctx.account_id, counted):
        answer = await prompts.explain(service, ctx, served, user_id=user_id, limit=limit)
    said = {"prompt": answer.prompt, "text": answer.text, "most_probable_token": answer.most_probable_token}
    return ExplainedRecommendations(**dict(served), **said)


# Recommendations


@router.post("/recommendations", tags=["recommendations"])
async def recommend(ctx: Tools, body: RecommendationRequest) -> MovieList:
    """Recommendations for someone whom the data has never seen."""
    return await tastes.recommend_for_profile(ctx, body)


@router.get("/recommendations", tags=["recommendations"])
async def list_recommendations(
    service: Service,
    account_id: Account,
    user_id: UserIdQuery = None,
    session_id: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    limit: Limit = 20,
    after: After = None,
) -> Page[Recommendation]:
    """Lists that were served before, newest first."""
    found = await service.ratings.recommendations(
        account_id, limit=limit + 1, after=after, user_id=user_id, session_id=session_id
    )
    more = len(found) > limit
    return Page(data=found[:limit], has_more=more, next=found[limit - 1].recommendation_id if more else None)


# The caller's own ratings


@router.get("/ratings", tags=["ratings"])
async def list_own_ratings(
    service: Service, ctx: Tools, account_id: Account, offset: Offset, limit: Limit = 50
) -> Page[OwnRating]:
    """The caller's ratings, newest first."""
    own = list(reversed(await service.ratings.all(account_id)))
    part = own[offset : offset + limit + 1]
    movies = {movie.movie_id: movie for movie in await ctx.snapshot.catalogue.movies(r.movie_id for r in part)}
    rated = [
        OwnRating(movie=movies[r.movie_id], stars=r.stars, rated_at=r.rated_at) for r in part if r.movie_id in movies
    ]
    more = len(part) > limit
    return Page(data=rated[:limit], has_more=more, next=f"o{offset + limit}" if more else None)


@router.put("/ratings/{movie_id:rated}", tags=["ratings"])
async def put_rating(
    service: Service, ctx: Tools, account_id: Account, movie_id: MovieIdPath, body: RatingIn
) -> OwnRating:
    """Rate a movie, or change the rating; recommendations follow at once."""
    found = await ctx.snapshot.catalogue.movies([movie_id])
    if not found:
        raise NotFound("There is no such movie.")
    await service.ratings.put(account_id, movie_id, body.stars)
    return OwnRating(movie=found[0], stars=body.stars, rated_at=service.clock())


@router.delete("/ratings/{movie_id:rated}", tags=["ratings"], status_code=204)
async def delete_rating(service: Service, account_id: Account, movie_id: MovieIdPath) -> None:
    """Forget a rating, or that a movie was seen."""
    seen = await service.ratings.forget_seen(account_id, movie_id)
    if await service.ratings.remove(account_id, movie_id) is None and not seen:
        raise NotFound("You have not rated that movie.")


async def _check_user(ctx: Context, user_id: int) -> None:
    if await ctx.snapshot.catalogue.user_summary(user_id) is None:
        raise NotFound("The data has no such user.")


def _page(found: list[T], limit: int, offset: int) -> Page[T]:
    """A page of a list that was asked for one more than fits."""
    more = len(found) > limit
    return Page(data=found[:limit], has_more=more, next=f"o{offset + limit}" if more else None)
