"""The arguments of the tools. Their descriptions are read by the model."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from movies.models import Filters, Model, Query, RatingOrder, Stars, Unit, UserId, Window
from movies.tables import LARGEST_ID

MovieRef = Annotated[
    Annotated[int, Field(ge=0, le=LARGEST_ID)] | Annotated[str, Field(min_length=1, max_length=300)],
    Field(description="A movie_id from an earlier result, or a title, with its year where it is known: 'Heat (1995)'"),
]
Someone = Annotated[UserId | None, Field(description="A MovieLens user; leave out for the person you talk to")]
Similarity = Literal["taste", "content", "both"]
ListOrder = Literal["relevance", "rating", "popularity", "worst", "newest", "oldest"]
Grouping = Literal["none", "genre", "decade", "year", "tag", "user", "month", "stars", "rated_year"]


class Listing(Filters):
    """The args that every tool that gives a list takes besides its own."""

    limit: Annotated[int, Field(ge=1, le=50)] = Field(default=5, description="How many movies")
    exclude: list[MovieRef] = Field(
        default=[], max_length=50, description="Movies, or series by name, that must not appear"
    )
    exclude_shown: bool = Field(default=False, description="Leave out every movie that this session was shown before")
    diversity: Unit = Field(
        default=0, description="0: the best only; towards 1: as different from each other as can be"
    )
    novelty: Unit = Field(default=0, description="0: as scored; towards 1: lesser-known movies first")


class SearchMovies(Listing):
    query: Query | None = Field(
        default=None,
        description="A title, or words such as 'heist with a twist'",
    )
    sort: ListOrder = "relevance"
    window_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None, description="Days back from the newest rating"
    )


class GetMovie(Model):
    movie: MovieRef
    windows: list[Window] = Field(default=[], max_length=6, description="'24h', '30d', '365d', 'all'")


class CompareMovies(Model):
    movies: list[MovieRef] = Field(min_length=2, max_length=4)


class SimilarMovies(Listing):
    movies: list[MovieRef] = Field(
        min_length=1, max_length=5, description="One or more; for several: close to all of them"
    )
    by: Similarity = "both"


class Recommend(Listing):
    liked: list[MovieRef] = Field(default=[], max_length=30)
    disliked: list[MovieRef] = Field(default=[], max_length=30)
    text: Query | None = Field(default=None, description="What it should be about or feel like")
    user_id: Someone = None
    include_seen: bool = Field(default=False, description="Also what was rated already")


class GroupMember(Model):
    """One of a group: a MovieLens user, somebody known by likes, or, if empty, the person."""

    user_id: UserId | None = None
    liked: list[MovieRef] = Field(default=[], max_length=30)
    disliked: list[MovieRef] = Field(default=[], max_length=30)


class RecommendForGroup(Listing):
    members: list[GroupMember] = Field(
        min_length=2, max_length=8, description="Each by user_id or by likes; {} is the person you talk to"
    )
    how: Literal["average", "least_misery"] = Field(default="least_misery", description="least_misery: nobody suffers")


class RateMovie(Model):
    movie: MovieRef
    stars: Stars | None = None
    remove: bool = Field(default=False, description="Delete the person's rating instead")


class Period(Model):
    """When ratings were given."""

    since: date | None = Field(default=None, description="First day of rating: '2016-01-31'")
    until: date | None = Field(default=None, description="Last day")


class GetUserRatings(Filters, Period):
    user_id: Someone = None
    movies: list[MovieRef] = Field(default=[], max_length=30, description="Only these")
    order: RatingOrder = "newest"
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class QueryCatalogue(Filters, Period):
    of: Literal["movies", "ratings"] = Field(
        default="movies", description="A mean is of movies' means, or of single ratings"
    )
    measure: Literal["count", "mean", "min", "max", "histogram", "list"] = "count"
    by: Grouping = Field(
        default="none", description="year and decade are of release; month and rated_year of the rating"
    )
    query: Query | None = Field(default=None, description="Words of the title")
    user_id: UserId | None = Field(default=None, description="Only this user's ratings")
    own: bool = Field(default=False, description="Only the person's ratings")
    movies: list[MovieRef] = Field(default=[], max_length=30, description="Only these movies")
    sort_by: Literal["count", "mean", "name"] | None = Field(default=None)
    order: Literal["desc", "asc"] | None = None
    at_least: Annotated[int, Field(ge=1, le=10_000_000)] | None = Field(
        default=None, description="Leave out groups with fewer"
    )
    limit: Annotated[int, Field(ge=1, le=50)] = 12


class ExplainRecommendation(Model):
    movie: MovieRef = Field(description="The movie that was, or could be, recommended")
    user_id: Someone = None
    liked: list[MovieRef] = Field(default=[], max_length=30, description="The likes it was recommended from")


class TasteProfileArgs(Model):
    user_id: Someone = None


class NextQuestion(Model):
    limit: Annotated[int, Field(ge=1, le=10)] = Field(default=4, description="How many movies to ask about")
