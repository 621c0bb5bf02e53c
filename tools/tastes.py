"""The tools that rest on a person's taste, tell of it or change it: ratings, recommendations, reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np

from errors import ToolError, Unknown
from movies.models import Movie, MovieList, RatingOrder, RecommendationRequest, UserRating
from taste.interactions import Longs, Profile
from taste.ranking import Ranked, Reasons
from tools.args import (
    ExplainRecommendation,
    GetUserRatings,
    GroupMember,
    Listing,
    NextQuestion,
    RateMovie,
    Recommend,
    RecommendForGroup,
    TasteProfileArgs,
)
from tools.context import Context
from tools.people import DISLIKED, LIKED, Person, liker, of_likes, of_ratings, own_rows, person, within
from tools.resolving import (
    CONTENT_ONLY,
    FROM_PROFILE,
    because,
    certain,
    excluded,
    movie_list,
    people_of,
    resolve,
    resolve_all,
    served,
)
from tools.results import Affinity, Explanation, Questions, Rated, RatingList, TasteProfile
from tools.search import by_text
from tools.spelling import spelled
from tools.wishes import matching, wished

WHY = 5  # reasons in an explanation
FEWEST_ALIKE = 2  # ratings that a genre, decade or tag needs to say anything
DAMPING = 3.0  # a group's mean is pulled towards the person's own as if by this many ratings
AFFINITIES = 6
FAVOURITES = 5
ENOUGH_RATINGS = 10
GOOD_MATCHES = 60  # of a text, among which taste decides
ASK_WHICH = "Nothing was stored: it is not certain which movie is meant. Ask which one."
NOBODY_KNOWN = (
    "Nothing is known of the person's taste: no reason is personal, and expected stars are those of everybody."
)
FEW_RATINGS = "Few ratings: take it with a grain of salt."


async def recommend(ctx: Context, args: Recommend) -> MovieList:
    """Movies that suit somebody. Rests on liked and disliked, on text, or else on the ratings of the person or
    of a user.
    """
    args = await spelled(ctx, args)
    if args.liked or args.disliked:
        return await _from_likes(ctx, args)
    if args.text is not None and args.user_id is None:
        found = MovieList(basis="text", movies=await by_text(ctx, args, args.text))
        return await served(ctx, "recommend", args, found)
    someone = await person(ctx, args.user_id)
    fits = someone.text if args.text is None and not len(someone.profile) else None
    if fits is not None and (movies := await by_text(ctx, args, fits)):
        found = MovieList(basis="text", movies=movies, notes=[FROM_PROFILE])
        return await served(ctx, "recommend", args, found, someone.user_id)
    ranked = await _recommend(ctx, someone.profile, args, exclude_seen=not args.include_seen, text=args.text)
    return await served(ctx, "recommend", args, await movie_list(ctx, ranked), someone.user_id)


async def _from_likes(ctx: Context, args: Recommend) -> MovieList:
    liked, resolved = await resolve_all(ctx, args.liked)
    disliked, resolved_too = await resolve_all(ctx, args.disliked)
    ranked = await _recommend(ctx, of_likes(ctx, liked, disliked), args, text=args.text)
    found = await movie_list(ctx, ranked, basis="seeds", resolved=[*resolved, *resolved_too])
    return await served(ctx, "recommend", args, found)


async def recommend_for_group(ctx: Context, args: RecommendForGroup) -> MovieList:
    """Movies for several people at once: users, people known by likes, and {} for the person you talk to."""
    args = await spelled(ctx, args)
    ranked = await ctx.ranked(
        ctx.snapshot.recommender.recommend_group,
        [await _member(ctx, member) for member in args.members],
        k=args.limit,
        how=args.how,
        allowed=await ctx.snapshot.allowed(args.filters()),
        exclude=await excluded(ctx, args),
        diversity=args.diversity,
        novelty=args.novelty,
    )
    return await served(ctx, "recommend_for_group", args, await movie_list(ctx, ranked, basis="group"))


async def rate_movie(ctx: Context, args: RateMovie) -> Rated:
    """Store the stars that the person gives a movie. Removes them with remove. An uncertain title stores nothing and
    gives candidates.
    """
    if args.remove == (args.stars is not None):
        raise ToolError("Give either stars, from 0.5 to 5 in halves, or remove.")
    movie, candidates = await certain(ctx, args.movie)
    if movie is None:
        return Rated(stored=False, candidates=candidates, notes=[ASK_WHICH])
    if args.stars is None:
        return await _removed(ctx, movie)
    previous = await ctx.ratings.put(ctx.account_id, movie.movie_id, args.stars)
    return Rated(stored=True, movie=movie, stars=args.stars, previous=previous)


async def _removed(ctx: Context, movie: Movie) -> Rated:
    previous = await ctx.ratings.remove(ctx.account_id, movie.movie_id)
    notes = [] if previous is not None else [f"The person had not rated {movie.called} here."]
    return Rated(stored=False, removed=previous is not None, movie=movie, previous=previous, notes=notes)


async def get_user_ratings(ctx: Context, args: GetUserRatings) -> RatingList:
    """The ratings of the person, or of a user, by movie, time, filters and order."""
    args = await spelled(ctx, args)
    someone, (movies, resolved) = await person(ctx, args.user_id), await resolve_all(ctx, args.movies)
    profile, kept = someone.profile, within(someone.times, args)
    if (allowed := await ctx.snapshot.allowed(args.filters())) is not None:
        kept &= allowed[profile.movie_index]
    if movies:
        kept &= np.isin(profile.movie_index, ctx.snapshot.indexes(movie.movie_id for movie in movies))
    found = _ordered(someone, np.flatnonzero(kept), args.order)
    page = found[args.offset : args.offset + args.limit]
    shown = await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(profile.movie_index[page]))
    return RatingList(
        whose=someone.whose,
        count=len(found),
        mean=round(float(profile.stars[found].mean(dtype=np.float64)), 4) if len(found) else None,
        ratings=[
            UserRating(movie=movie, stars=stars, rated_at=datetime.fromtimestamp(at, UTC))
            for movie, stars, at in zip(shown, profile.stars[page].tolist(), someone.times[page].tolist(), strict=True)
        ],
        offset=args.offset,
        resolved=resolved,
    )


def _ordered(someone: Person, at: Longs, order: RatingOrder) -> Longs:
    """Places in a profile in the order asked for, the newer rating first among equals."""
    newest_first, stars = -someone.times[at], someone.profile.stars[at].astype(np.float64)
    first = {"newest": newest_first, "oldest": -newest_first, "highest": -stars, "lowest": stars}[order]
    return at[np.lexsort((someone.profile.movie_index[at], newest_first, first))]


async def explain_recommendation(ctx: Context, args: ExplainRecommendation) -> Explanation:
    """Reasons why a movie suits somebody, or would not: expected stars and their movies that speak for it."""
    movie, resolved = await resolve(ctx, args.movie)
    liked, resolved_too = await resolve_all(ctx, args.liked)
    someone = liker(ctx, liked) if liked else await person(ctx, args.user_id)
    profile, index = someone.profile, int(ctx.snapshot.indexes([movie.movie_id])[0])
    recommender, known = ctx.snapshot.recommender, len(profile) > 0
    predicted = recommender.predict_rating(profile, index) if known or movie.rating_count else None
    reasons = recommender.because(profile, index, WHY) if known else Reasons([])
    [causes] = await because(ctx, [reasons])
    theirs = await ctx.snapshot.catalogue.movies(
        ctx.snapshot.ids(np.array([reason.movie_index for reason in reasons.movies], np.int32))
    )
    return Explanation(
        movie=movie,
        whose=someone.whose,
        because=causes,
        shared_genres=_shared(movie.genres, (other.genres for other in theirs)),
        shared_tags=_shared(movie.tags, (other.tags for other in theirs)),
        shared_people=_shared(dict.fromkeys(people_of(movie)), map(people_of, theirs)),
        predicted_stars=round(predicted.stars, 2) if predicted else None,
        low=round(predicted.low, 1) if predicted else None,
        high=round(predicted.high, 1) if predicted else None,
        support=len(profile),
        own_stars=None if liked else someone.stars_of(index),
        resolved=[*resolved, *resolved_too],
        notes=await _explanation_notes(ctx, profile, movie, someone.text),
    )


async def taste_profile(ctx: Context, args: TasteProfileArgs) -> TasteProfile:
    """Somebody's taste by their ratings: genres, decades and tags above and below their mean, favourites."""
    someone = await person(ctx, args.user_id)
    movies = await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(someone.profile.movie_index))
    rated = list(zip(movies, map(float, someone.profile.stars), strict=True))
    mean = sum(stars for _, stars in rated) / max(len(rated), 1)
    favourites = sorted(rated, key=lambda pair: (pair[1], pair[0].score or 0), reverse=True)[:FAVOURITES]
    return TasteProfile(
        whose=someone.whose,
        ratings=len(rated),
        mean=round(mean, 2) if rated else None,
        genres=_affinities([(genre, stars) for movie, stars in rated for genre in movie.genres], mean),
        decades=_affinities([(f"{movie.year // 10 * 10}s", stars) for movie, stars in rated if movie.year], mean),
        tags=_affinities([(tag, stars) for movie, stars in rated for tag in movie.tags], mean),
        favourites=[movie for movie, _ in favourites],
        notes=[] if len(rated) >= ENOUGH_RATINGS else [FEW_RATINGS if rated else "Nothing is rated yet."],
    )


async def next_question(ctx: Context, args: NextQuestion) -> Questions:
    """Movies to ask the person about whose taste is unknown: a rating of these tells most."""
    someone = await person(ctx, None)
    indexes = await ctx.ranked(ctx.snapshot.recommender.next_question, someone.profile, args.limit)
    return Questions(movies=await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(indexes)))


async def recommend_for_profile(ctx: Context, request: RecommendationRequest) -> MovieList:
    """Recommendations for someone whom the data has never seen, or from the caller's own ratings.

    Not a tool, since models name movies by title.

    Raises:
        Unknown: A movie id that the catalogue lacks, a genre or a tag that does not exist.
    """
    named = {**dict.fromkeys(request.liked, LIKED), **dict.fromkeys(request.disliked, DISLIKED), **request.stars()}
    missing = set(named) - set(ctx.snapshot.ids(ctx.snapshot.indexes(named)))
    if missing:
        raise Unknown(f"The catalogue has no movies with these ids: {', '.join(map(str, sorted(missing)[:10]))}.")
    args = Listing(**dict(request.filters), limit=request.limit, diversity=request.diversity, novelty=request.novelty)
    args = await spelled(ctx, args)
    profile = of_ratings(ctx, named, await own_rows(ctx) if request.own else ())
    if request.text is not None and not len(profile):
        movies = await by_text(ctx, args, request.text)
        return await served(ctx, "recommendations", request, MovieList(basis="text", movies=movies))
    ranked = await _recommend(ctx, profile, args, text=request.text)
    return await served(ctx, "recommendations", request, await movie_list(ctx, ranked))


async def _recommend(
    ctx: Context, profile: Profile, args: Listing, *, exclude_seen: bool = True, text: str | None = None
) -> Ranked:
    """A personal ranking under the filters, of the movies that fit the text well where there is one."""
    allowed = await ctx.snapshot.allowed(args.filters())
    if text is not None:
        good = await matching(ctx, await wished(ctx, text), allowed, GOOD_MATCHES)
        allowed = np.zeros(len(ctx.snapshot.movie_ids), bool)
        allowed[good.movie_index] = True
    return await ctx.ranked(
        ctx.snapshot.recommender.recommend,
        profile,
        k=args.limit,
        allowed=allowed,
        exclude=await excluded(ctx, args),
        exclude_seen=exclude_seen,
        diversity=args.diversity,
        novelty=args.novelty,
    )


async def _member(ctx: Context, member: GroupMember) -> Profile:
    """One of a group as a profile."""
    if not (member.liked or member.disliked):
        return (await person(ctx, member.user_id)).profile
    liked, _ = await resolve_all(ctx, member.liked)
    disliked, _ = await resolve_all(ctx, member.disliked)
    return of_likes(ctx, liked, disliked)


def _affinities(given: Sequence[tuple[str, float]], mean: float) -> list[Affinity]:
    """The groups that stand out most from the person's mean, above before below."""
    groups: dict[str, list[float]] = defaultdict(list)
    for group, stars in given:
        groups[group].append(stars)
    found = [
        Affinity(
            name=group,
            ratings=len(stars),
            mean=round(sum(stars) / len(stars), 2),
            lift=round((sum(stars) - mean * len(stars)) / (len(stars) + DAMPING), 2),
        )
        for group, stars in groups.items()
        if len(stars) >= FEWEST_ALIKE
    ]
    strongest = sorted(found, key=lambda affinity: abs(affinity.lift), reverse=True)[:AFFINITIES]
    return sorted(strongest, key=lambda affinity: affinity.lift, reverse=True)


async def _explanation_notes(ctx: Context, profile: Profile, movie: Movie, text: str | None) -> list[str]:
    if not len(profile):
        if text and (words := await ctx.snapshot.catalogue.words_in_common(text, movie.movie_id)):
            return [f"It has these words of the profile: {', '.join(words)}."]
        return [NOBODY_KNOWN]
    return [] if ctx.snapshot.recommender.fitted else [CONTENT_ONLY]


def _shared(names: Iterable[str], others: Iterable[Iterable[str]]) -> list[str]:
    """Those of `names` that occur in any of the others."""
    known = {item for other in others for item in other}
    return [item for item in names if item in known]
