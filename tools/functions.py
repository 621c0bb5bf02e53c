"""What the model may call, and what the HTTP routes call as well: one function a question, typed args in, a typed result out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import numpy as np
from loguru import logger

from errors import CatalogueError, ToolError, Unknown
from movies.embeddings import fuse
from movies.models import (
    Basis,
    CompareMovies,
    Comparison,
    ExplainRecommendation,
    Explanation,
    GetMovie,
    GetUserRatings,
    GroupMember,
    ListedMovie,
    Listing,
    Model,
    Movie,
    MovieDetail,
    MovieList,
    MovieQuery,
    MovieResult,
    MoviesByTag,
    MovieStats,
    NextQuestion,
    PopularMovies,
    Prediction,
    PredictRating,
    Questions,
    Rated,
    RateMovie,
    RatingList,
    RatingStats,
    RecommendationRequest,
    RecommendForGroup,
    RecommendForUser,
    RecommendFromLikes,
    Resolved,
    SearchMovies,
    Similarity,
    SimilarMovies,
    TasteProfile,
    TasteProfileArgs,
    UserRating,
)
from taste.interactions import Profile
from taste.ranking import Ranked
from tools.registry import TOOLS, Context, tool
from tools.resolving import (
    DISLIKED,
    LIKED,
    check_filters,
    check_tag,
    excluded,
    listed,
    of_likes,
    of_ratings,
    person,
    reasons,
    resolve,
    resolve_all,
    served,
)
from tools.taste_profile import taste_of

__all__ = ["TOOLS"]

TITLE_SURE = 0.75  # from here on a query is taken for a title
TEXT_HITS = 500
MEANING_HITS = 100
POOL = 6  # movies looked at for each that is shown, where the list is to be varied
WHY = 5  # reasons in an explanation
NOTHING_KNOWN = "Nothing is known of the person's taste yet; these are widely liked movies."
CONTENT_ONLY = "No model of taste is fitted yet; this rests on popularity and content alone."


@tool
async def search_movies(ctx: Context, args: SearchMovies) -> MovieList:
    """Find movies by title (typos and missing articles are fine) or by words for what they are about, with filters.
    Without a query the filters alone decide.
    """
    await check_filters(ctx, args)
    if args.query is None or args.sort != "relevance":
        movies = _varied(ctx, args, await _searched(ctx, args))
    else:
        movies = await _by_title(ctx, args, args.query) or await _by_text(ctx, args, args.query)
    return await served(ctx, "search_movies", args, basis="search", movies=movies)


@tool
async def get_movie(ctx: Context, args: GetMovie) -> MovieResult:
    """All that the data knows of one movie: year, genres, telling tags, links, rating count, mean and histogram."""
    movie, resolved = await resolve(ctx, args.movie)
    return MovieResult(movie=await _detail(ctx, movie), resolved=resolved)


@tool
async def similar_movies(ctx: Context, args: SimilarMovies) -> MovieList:
    """Movies like one or several others: liked by the same people, of the same kind, or both. Filters narrow it, for
    "like Alien, but funny" or "but newer".
    """
    await check_filters(ctx, args)
    seeds, resolved = await resolve_all(ctx, args.movies)
    ranked = await asyncio.to_thread(
        ctx.snapshot.recommender.similar,
        ctx.snapshot.indexes(movie.movie_id for movie in seeds),
        k=args.limit,
        by=args.by,
        allowed=await ctx.snapshot.allowed(args.filters()),
        exclude=await excluded(ctx, args),
        diversity=args.diversity,
        novelty=args.novelty,
    )
    return await _served(ctx, "similar_movies", args, ranked, resolved=resolved)


@tool
async def recommend_for_user(ctx: Context, args: RecommendForUser) -> MovieList:
    """Recommendations from a person's own ratings: the person you talk to, or a MovieLens user by number. `basis` is
    'popular' where nothing is known of them.
    """
    await check_filters(ctx, args)
    someone = await person(ctx, args.user_id)
    ranked = await _recommend(ctx, someone.profile, args, exclude_seen=not args.include_seen)
    return await _served(ctx, "recommend_for_user", args, ranked, user_id=someone.user_id)


@tool
async def recommend_from_likes(ctx: Context, args: RecommendFromLikes) -> MovieList:
    """Recommendations from movies that the person names as liked or disliked, from words for what it should be about,
    or from both.
    """
    if not (args.liked or args.disliked or args.text):
        raise ToolError("Give at least one of liked, disliked and text.")
    await check_filters(ctx, args)
    liked, resolved = await resolve_all(ctx, args.liked)
    disliked, resolved_too = await resolve_all(ctx, args.disliked)
    profile = of_likes(ctx, [movie.movie_id for movie in liked], [movie.movie_id for movie in disliked])
    if args.text is not None and not len(profile):
        movies = await _by_text(ctx, args, args.text)
        return await served(ctx, "recommend_from_likes", args, basis="text", movies=movies)
    ranked = await _recommend(ctx, profile, args, text=args.text)
    return await _served(ctx, "recommend_from_likes", args, ranked, basis="seeds", resolved=[*resolved, *resolved_too])


@tool
async def recommend_for_group(ctx: Context, args: RecommendForGroup) -> MovieList:
    """Movies for several people at once, each a MovieLens user by number or someone known by likes; an empty member
    is the person you talk to.
    """
    await check_filters(ctx, args)
    ranked = await asyncio.to_thread(
        ctx.snapshot.recommender.recommend_group,
        [await _member(ctx, member) for member in args.members],
        k=args.limit,
        how=args.how,
        allowed=await ctx.snapshot.allowed(args.filters()),
        exclude=await excluded(ctx, args),
        diversity=args.diversity,
        novelty=args.novelty,
    )
    basis: Basis = "popular" if ranked.basis == "popular" else "group"
    return await _served(ctx, "recommend_for_group", args, ranked, basis=basis)


@tool
async def rate_movie(ctx: Context, args: RateMovie) -> Rated:
    """Store the stars (0.5 to 5, in halves) that the person you talk to gives a movie. Recommendations follow at
    once.
    """
    movie, resolved = await resolve(ctx, args.movie)
    previous = await ctx.ratings.put(ctx.account_id, movie.movie_id, args.stars)
    return Rated(movie=movie, stars=args.stars, previous=previous, resolved=resolved)


@tool
async def get_user_ratings(ctx: Context, args: GetUserRatings) -> RatingList:
    """What the person you talk to has rated here, or what a MovieLens user has rated."""
    if (someone := args.user_id) is None:
        return await _own_ratings(ctx, args)
    summary = await ctx.snapshot.catalogue.user_summary(someone)
    if summary is None:
        raise Unknown(f"The data has no user {someone}.")
    ratings = await ctx.snapshot.catalogue.user_ratings(someone, order=args.order, limit=args.limit, offset=0)
    count, mean = summary
    return RatingList(whose=f"MovieLens user {someone}", count=count, mean=round(mean, 2), ratings=ratings)


@tool
async def popular_movies(ctx: Context, args: PopularMovies) -> MovieList:
    """The most rated or best rated movies, of all time or of the last days in the data, of any genre, tag or years.
    Means are damped, so a handful of five stars does not win.
    """
    await check_filters(ctx, args)
    out = ctx.snapshot.ids(await excluded(ctx, args))
    rows = await ctx.snapshot.catalogue.popular(
        args.filters(), since=args.window_days, sort=args.sort, limit=_pool(args), exclude=out
    )
    movies = [ListedMovie(**movie.model_dump(), match=round(damped, 3)) for movie, _, damped in rows]
    movies = _varied(ctx, args, movies)
    notes = [f"Counted over the last {args.window_days} days of the data."] if args.window_days else []
    return await served(ctx, "popular_movies", args, basis="popular", movies=movies, notes=notes)


@tool
async def movies_by_tag(ctx: Context, args: MoviesByTag) -> MovieList:
    """Movies for a theme, mood or device, such as 'time travel' or 'feel-good', most telling first."""
    await check_filters(ctx, args)
    await check_tag(ctx, args.tag)
    tags = list(dict.fromkeys([args.tag, *args.tags]))
    movies = _varied(ctx, args, await _searched(ctx, args.model_copy(update={"tags": tags})))
    return await served(ctx, "movies_by_tag", args, basis="tag", movies=movies)


@tool
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
        taste_likeness=_likeness(ctx, movies, "taste") if ctx.snapshot.recommender.fitted else None,
        content_likeness=_likeness(ctx, movies, "content"),
        resolved=resolved,
    )


@tool
async def rating_stats(ctx: Context, args: RatingStats) -> MovieStats:
    """How a movie was rated over windows of days that end with the newest rating in the data."""
    movie, resolved = await resolve(ctx, args.movie)
    windows = await ctx.snapshot.catalogue.stats(movie.movie_id, args.windows)
    return MovieStats(movie=movie.only_name(), windows=windows, resolved=resolved)


@tool
async def explain_recommendation(ctx: Context, args: ExplainRecommendation) -> Explanation:
    """Why a movie suits someone: their own movies with the largest shares in its score, shared genres and tags."""
    movie, _ = await resolve(ctx, args.movie)
    liked, _ = await resolve_all(ctx, args.liked)
    profile, whose = of_likes(ctx, [other.movie_id for other in liked]), "what was named as liked"
    if not liked:
        someone = await person(ctx, args.user_id)
        profile, whose = someone.profile, someone.whose
    index = int(ctx.snapshot.indexes([movie.movie_id])[0])
    because = await reasons(ctx, ctx.snapshot.recommender.because(profile, index, WHY)) if len(profile) else []
    causes = await ctx.snapshot.catalogue.movies([cause.movie_id for cause in because])
    return Explanation(
        movie=movie,
        whose=whose,
        because=because,
        shared_genres=_shared(movie.genres, (cause.genres for cause in causes)),
        shared_tags=_shared(movie.tags, (cause.tags for cause in causes)),
        predicted_stars=_predicted(ctx, profile, index),
        notes=_explanation_notes(ctx, profile),
    )


@tool
async def taste_profile(ctx: Context, args: TasteProfileArgs) -> TasteProfile:
    """What someone's ratings say of their taste: genres, decades and tags above and below their mean, favourites."""
    someone = await person(ctx, args.user_id)
    movies = await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(someone.profile.movie_index))
    return taste_of(someone.whose, movies, [float(stars) for stars in someone.profile.stars])


@tool
async def predict_rating(ctx: Context, args: PredictRating) -> Prediction:
    """The stars that someone would probably give a movie, with a range and the number of ratings it rests on."""
    movie, _ = await resolve(ctx, args.movie)
    someone = await person(ctx, args.user_id)
    predicted = ctx.snapshot.recommender.predict_rating(someone.profile, int(ctx.snapshot.indexes([movie.movie_id])[0]))
    return Prediction(
        movie=movie,
        whose=someone.whose,
        stars=round(predicted.stars, 2),
        low=round(predicted.low, 1),
        high=round(predicted.high, 1),
        support=len(someone.profile),
        notes=[] if len(someone.profile) else ["Nothing is known of the person: this is the movie's own mean."],
    )


@tool
async def next_question(ctx: Context, args: NextQuestion) -> Questions:
    """Movies to ask a person about whose taste is unknown: their rating would tell most."""
    someone = await person(ctx, None)
    indexes = await asyncio.to_thread(ctx.snapshot.recommender.next_question, someone.profile, args.limit)
    return Questions(movies=await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(indexes)))


async def recommend_for_profile(ctx: Context, request: RecommendationRequest) -> MovieList:
    """Recommendations for someone whom the data has never seen; not a tool, since models name movies by title.

    Raises:
        Unknown: A movie id that the catalogue lacks, a genre or a tag that does not exist.
    """
    named = {**dict.fromkeys(request.liked, LIKED), **dict.fromkeys(request.disliked, DISLIKED), **request.stars()}
    missing = set(named) - {movie.movie_id for movie in await ctx.snapshot.catalogue.movies(named)}
    if missing:
        raise Unknown(f"The catalogue has no movies with these ids: {', '.join(map(str, sorted(missing)[:10]))}.")
    args = Listing(
        **request.filters.model_dump(), limit=request.limit, diversity=request.diversity, novelty=request.novelty
    )
    await check_filters(ctx, args)
    if request.text is not None and not named:
        movies = await _by_text(ctx, args, request.text)
        return await served(ctx, "recommendations", request, basis="text", movies=movies)
    ranked = await _recommend(ctx, of_ratings(ctx, named.items()), args, text=request.text)
    return await _served(ctx, "recommendations", request, ranked)


async def _recommend(
    ctx: Context, profile: Profile, args: Listing, *, exclude_seen: bool = True, text: str | None = None
) -> Ranked:
    """A personal ranking under the filters, of the movies that match the text where there is one."""
    allowed = await ctx.snapshot.allowed(args.filters())
    if text is not None:
        hits = np.zeros(len(ctx.snapshot.movie_ids), bool)
        found = await _text_hits(ctx, text)
        hits[ctx.snapshot.indexes(movie_id for movie_id, _ in found)] = True
        allowed = hits if allowed is None else hits & allowed
    return await asyncio.to_thread(
        ctx.snapshot.recommender.recommend,
        profile,
        k=args.limit,
        allowed=allowed,
        exclude=await excluded(ctx, args),
        exclude_seen=exclude_seen,
        diversity=args.diversity,
        novelty=args.novelty,
    )


async def _served(
    ctx: Context,
    kind: str,
    args: Model,
    ranked: Ranked,
    *,
    basis: Basis | None = None,
    resolved: Sequence[Resolved] = (),
    user_id: int | None = None,
) -> MovieList:
    """A ranking as a list with its notes."""
    notes = [NOTHING_KNOWN] if ranked.basis == "popular" else []
    notes += [] if ctx.snapshot.recommender.fitted else [CONTENT_ONLY]
    return await served(
        ctx,
        kind,
        args,
        basis=ranked.basis if ranked.basis == "popular" or basis is None else basis,
        movies=await listed(ctx, ranked),
        resolved=resolved,
        notes=notes,
        user_id=user_id,
    )


async def _by_title(ctx: Context, args: Listing, query: str) -> list[ListedMovie]:
    """Movies whose title is what was asked for, if any."""
    out = set(ctx.snapshot.ids(await excluded(ctx, args)))
    allowed = await ctx.snapshot.allowed(args.filters())
    found = []
    for movie, quality in await ctx.snapshot.catalogue.find_title(query, args.limit):
        passes = allowed is None or bool(allowed[ctx.snapshot.indexes([movie.movie_id])].all())
        if quality >= TITLE_SURE and passes and movie.movie_id not in out:
            found.append(ListedMovie(**movie.model_dump(), match=round(quality, 3)))
    return found


async def _by_text(ctx: Context, args: Listing, text: str) -> list[ListedMovie]:
    """Movies that fit the words: full-text hits joined by their neighbours in taste."""
    hits, allowed = await _text_hits(ctx, text), await ctx.snapshot.allowed(args.filters())
    out = await excluded(ctx, args)
    if len(out):
        allowed = np.ones(len(ctx.snapshot.movie_ids), bool) if allowed is None else allowed
        allowed[out] = False
    ranked = await asyncio.to_thread(
        ctx.snapshot.recommender.match_text,
        ctx.snapshot.indexes(movie_id for movie_id, _ in hits),
        np.array([score for _, score in hits], np.float32),
        k=_pool(args),
        allowed=allowed,
    )
    return _varied(ctx, args, await listed(ctx, ranked))


async def _text_hits(ctx: Context, text: str) -> list[tuple[int, float]]:
    """Movies that fit the words, joined by those that fit their meaning where an embedding model is configured."""
    words = await ctx.snapshot.catalogue.text_scores(text, TEXT_HITS)
    if ctx.snapshot.meanings is None:
        return words
    try:
        return fuse(words, await ctx.snapshot.meanings.search(text, MEANING_HITS))
    except CatalogueError as error:
        logger.warning("Searching by words alone: {}", error)
        return words


async def _searched(ctx: Context, args: SearchMovies | MoviesByTag) -> list[ListedMovie]:
    """Movies that pass the filters, in the order asked for."""
    out = set(ctx.snapshot.ids(await excluded(ctx, args)))
    query = MovieQuery(
        **args.filters().model_dump(),
        query=args.query if isinstance(args, SearchMovies) else None,
        sort=args.sort if isinstance(args, SearchMovies) else "relevance",
    )
    movies = await ctx.snapshot.catalogue.search(query, limit=_pool(args) + len(out), offset=0)
    return [ListedMovie(**movie.model_dump()) for movie in movies if movie.movie_id not in out]


def _pool(args: Listing) -> int:
    """How many movies to look at: more than are shown where they are to be varied."""
    return args.limit * POOL if args.diversity or args.novelty else args.limit


def _varied(ctx: Context, args: Listing, movies: list[ListedMovie]) -> list[ListedMovie]:
    """The movies to show, as diverse and novel as asked for."""
    indexes = ctx.snapshot.indexes(movie.movie_id for movie in movies)
    places = ctx.snapshot.recommender.vary(indexes, k=args.limit, diversity=args.diversity, novelty=args.novelty)
    return [movies[place] for place in places]


async def _detail(ctx: Context, movie: Movie) -> MovieDetail:
    detail = await ctx.snapshot.catalogue.movie(movie.movie_id)
    assert detail is not None
    return detail


async def _member(ctx: Context, member: GroupMember) -> Profile:
    """One of a group as a profile."""
    if not (member.liked or member.disliked):
        return (await person(ctx, member.user_id)).profile
    liked, _ = await resolve_all(ctx, member.liked)
    disliked, _ = await resolve_all(ctx, member.disliked)
    return of_likes(ctx, [movie.movie_id for movie in liked], [movie.movie_id for movie in disliked])


_ORDERS = {
    "newest": lambda rating: (rating.rated_at, rating.stars),
    "highest": lambda rating: (rating.stars, rating.rated_at),
    "lowest": lambda rating: (-rating.stars, rating.rated_at),
}


async def _own_ratings(ctx: Context, args: GetUserRatings) -> RatingList:
    """The caller's ratings; those of the session's MovieLens user where the caller gave none here."""
    own = {rating.movie_id: rating for rating in await ctx.ratings.all(ctx.account_id)}
    if not own and ctx.user_id is not None:
        return await get_user_ratings(ctx, args.model_copy(update={"user_id": ctx.user_id}))
    movies = await ctx.snapshot.catalogue.movies(list(own))
    ratings = [
        UserRating(movie=movie, stars=own[movie.movie_id].stars, rated_at=own[movie.movie_id].rated_at)
        for movie in movies
    ]
    ratings.sort(key=_ORDERS[args.order], reverse=True)
    mean = round(sum(rating.stars for rating in ratings) / len(ratings), 2) if ratings else None
    return RatingList(whose="you", count=len(ratings), mean=mean, ratings=ratings[: args.limit])


def _likeness(ctx: Context, movies: list[Movie], by: Similarity) -> float | None:
    """How near the second movie is to the first, 0 to 1."""
    only = np.zeros(len(ctx.snapshot.movie_ids), bool)
    first, second = ctx.snapshot.indexes(movie.movie_id for movie in movies[:2])
    only[second] = True
    ranked = ctx.snapshot.recommender.similar(np.array([first]), k=1, by=by, allowed=only)
    return round(float(ranked.score[0]), 3) if len(ranked.score) else None


def _predicted(ctx: Context, profile: Profile, index: int) -> float | None:
    return round(ctx.snapshot.recommender.predict_rating(profile, index).stars, 2) if len(profile) else None


def _explanation_notes(ctx: Context, profile: Profile) -> list[str]:
    if not len(profile):
        return ["Nothing is known of the person's taste: there is no personal reason."]
    return [] if ctx.snapshot.recommender.fitted else [CONTENT_ONLY]


def _in_common(lists: Iterable[Iterable[str]]) -> list[str]:
    """What is in every list, in the order of the first: `[["a", "b"], ["b"]]` → `["b"]`."""
    first, *rest = [list(names) for names in lists]
    return [item for item in first if all(item in other for other in rest)]


def _shared(names: Iterable[str], others: Iterable[Iterable[str]]) -> list[str]:
    """Those of `names` that occur in any of the others."""
    known = {item for other in others for item in other}
    return [item for item in names if item in known]
