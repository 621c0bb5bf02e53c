"""Every model about movies that crosses a boundary: resources, filters, tool args and results."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError

FIRST_YEAR, LAST_YEAR = 1800, 2200
LARGEST_ID = 2**53 - 1  # what JSON numbers carry exactly everywhere

T = TypeVar("T")


def _number(value: object) -> object:
    """JSON's true and "1" are not numbers, whatever Python makes of them."""
    if isinstance(value, bool | str):
        raise PydanticCustomError("number_type", "Input should be a number")
    return value


JsonNumber = BeforeValidator(_number)  # stands last, so that the bounds stay in the JSON Schema
MovieId = Annotated[int, Field(ge=0, le=LARGEST_ID, description="A MovieLens movie id"), JsonNumber]
UserId = Annotated[int, Field(ge=0, le=LARGEST_ID, description="A MovieLens user id"), JsonNumber]
Year = Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR), JsonNumber]
Stars = Annotated[float, Field(ge=0.5, le=5.0, multiple_of=0.5, description="Half-stars, 0.5 to 5"), JsonNumber]
Unit = Annotated[float, Field(ge=0, le=1), JsonNumber]
Word = Annotated[str, Field(min_length=1, max_length=100)]
Query = Annotated[str, Field(min_length=1, max_length=500)]
MovieRef = Annotated[
    Annotated[int, Field(ge=0, le=LARGEST_ID)] | Annotated[str, Field(min_length=1, max_length=300)],
    Field(description="A movie_id from an earlier result, or a title, with its year where it is known: 'Heat (1995)'"),
]
Basis = Literal["search", "personal", "seeds", "popular", "tag", "text", "group"]
Sort = Literal["relevance", "rating", "popularity", "year"]
Similarity = Literal["taste", "content", "both"]
RatingOrder = Literal["newest", "oldest", "highest", "lowest"]


class Model(BaseModel):
    """Frozen, and closed: an unknown field is an error, not a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Model, Generic[T]):
    """One page of a list; `next` is the `after` of the following page."""

    data: list[T]
    has_more: bool = False
    next: str | None = None


# Resources


class MovieName(Model):
    """Just enough to tell movies apart."""

    movie_id: MovieId
    title: str
    year: int | None = None

    @property
    def called(self) -> str:
        """As a sentence has it: `Heat (1995)`."""
        return f"{self.title} ({self.year})" if self.year else self.title

    def only_name(self) -> MovieName:
        """Just the name of something larger."""
        return MovieName(movie_id=self.movie_id, title=self.title, year=self.year)


class Movie(MovieName):
    """A movie as a card shows it. `score` is the mean damped towards the catalogue's (Bayesian), in stars."""

    genres: list[str] = []
    tags: list[str] = Field(default=[], description="The most telling tags, best first")
    imdb_url: str | None = None
    tmdb_url: str | None = None
    rating_count: int = 0
    rating_mean: float | None = None
    score: float | None = None


class TagRelevance(Model):
    tag: str
    relevance: float = Field(
        description="0 to 1: the genome's relevance, or the share of taggers where there is no genome"
    )


class MovieDetail(Movie):
    """A movie with all that the catalogue knows of it. `histogram`: count of ratings by stars, '0.5' to '5.0'."""

    source_title: str = Field(description="The title as the data has it: 'Matrix, The (1999)'")
    description: str | None = None
    histogram: dict[str, int] = {}
    top_tags: list[TagRelevance] = []


class Because(MovieName):
    """One of the person's own movies and the share of the score that it contributed."""

    share: float


class ListedMovie(Movie):
    """A movie in a list made for someone. `match` orders this one list (larger first) and compares with no other."""

    match: float | None = None
    because: list[Because] = []


class Resolved(Model):
    """How a title that was given was understood, and which other movies it could have meant."""

    given: str
    movie: MovieName
    others: list[MovieName] = []


class MovieList(Model):
    """Movies, best first, and on what the list rests."""

    basis: Basis
    movies: list[ListedMovie]
    resolved: list[Resolved] = []
    notes: list[str] = Field(default=[], description="What a careful answer should mention")
    recommendation_id: str | None = None


class UserRating(Model):
    movie: Movie
    stars: float
    rated_at: datetime


class OwnRating(UserRating):
    """A rating that the caller gave in this service."""


class WindowStats(Model):
    """Mean and count of a movie's ratings in a window that ends with the newest rating of the catalogue."""

    window: str = Field(description="'7d', '30d', … or 'all'")
    since: datetime | None = None
    until: datetime | None = None
    count: int
    mean: float | None = None


class MovieStats(Model):
    movie: MovieName
    windows: list[WindowStats]
    resolved: list[Resolved] = []


class Count(Model):
    """A genre or a tag, and how many movies carry it."""

    name: str
    movies: int


class CatalogueInfo(Model):
    """What is imported. `version` is a hash of the files' content."""

    name: str
    version: str
    movies: int
    ratings: int
    users: int
    tags: int
    genome_scores: int
    rating_mean: float | None
    oldest_rating: datetime | None
    newest_rating: datetime | None
    imported_at: datetime


# Filters


class Filters(Model):
    """Which movies may appear at all. Every condition must hold."""

    genres: list[Word] = Field(default=[], max_length=5, description="Each must be among the movie's genres")
    exclude_genres: list[Word] = Field(default=[], max_length=10, description="None may be among the movie's genres")
    tags: list[Word] = Field(
        default=[], max_length=5, description="Each must be a telling tag of the movie, e.g. 'heist'"
    )
    year_from: Year | None = Field(default=None, description="First year of release, inclusive")
    year_to: Year | None = Field(default=None, description="Last year of release, inclusive")
    min_ratings: Annotated[int, Field(ge=0, le=10_000_000), JsonNumber] = Field(
        default=0, description="At least this many ratings"
    )

    def filters(self) -> Filters:
        """The conditions alone."""
        return Filters(**{name: getattr(self, name) for name in Filters.model_fields})


class MovieQuery(Filters):
    """A search of the catalogue. Without `query` the filters alone decide."""

    query: Query | None = Field(default=None, description="Words of a title, typo-tolerant, or of genres and tags")
    sort: Sort = Field(default="relevance", description="Without a query, 'relevance' means popularity")


# Tool args. Descriptions are read by the model.


class Listing(Filters):
    """What every tool that gives a list takes besides its own args."""

    limit: Annotated[int, Field(ge=1, le=50)] = Field(default=5, description="How many movies")
    exclude: list[MovieRef] = Field(default=[], max_length=50, description="Movies that must not appear")
    exclude_shown: bool = Field(default=False, description="Leave out every movie that this session was shown before")
    diversity: Unit = Field(
        default=0, description="0: the best only; towards 1: as different from each other as can be"
    )
    novelty: Unit = Field(default=0, description="0: as scored; towards 1: lesser-known movies first")


class SearchMovies(Listing):
    query: Query | None = Field(
        default=None,
        description="A title or part of one (typos are fine), or words for what it is about: 'heist with a twist'",
    )
    sort: Sort = Field(default="relevance", description="Order of the result")


class GetMovie(Model):
    movie: MovieRef


class SimilarMovies(Listing):
    movies: list[MovieRef] = Field(
        min_length=1, max_length=5, description="One or more; for several: close to all of them"
    )
    by: Similarity = Field(default="both", description="taste: liked by the same people; content: same genres and tags")


class RecommendForUser(Listing):
    user_id: UserId | None = Field(
        default=None,
        description="A MovieLens user whom the person names by number; leave out to mean the person you talk to",
    )
    include_seen: bool = Field(default=False, description="Also movies that were rated already")


class RecommendFromLikes(Listing):
    liked: list[MovieRef] = Field(default=[], max_length=30, description="Movies the person likes")
    disliked: list[MovieRef] = Field(default=[], max_length=30, description="Movies the person dislikes")
    text: Query | None = Field(default=None, description="What it should be about or feel like, in a few words")


class RateMovie(Model):
    movie: MovieRef
    stars: Stars


class GetUserRatings(Model):
    user_id: UserId | None = Field(default=None, description="A MovieLens user; leave out for the person you talk to")
    order: RatingOrder = "newest"
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class PopularMovies(Listing):
    window_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None,
        description="Only ratings of the last days before the newest rating in the data; leave out for all time",
    )
    sort: Literal["rating", "popularity"] = Field(
        default="popularity", description="popularity: most ratings; rating: best damped mean"
    )


class MoviesByTag(Listing):
    tag: Word = Field(description="A theme, mood or device: 'time travel', 'feel-good', 'twist ending'")


class CompareMovies(Model):
    movies: list[MovieRef] = Field(min_length=2, max_length=4)


class RatingStats(Model):
    movie: MovieRef
    windows: list[Annotated[str, Field(pattern=r"^([1-9]\d{0,4}d|all)$")]] = Field(
        default=["30d", "365d", "all"],
        min_length=1,
        max_length=6,
        description="Days back from the newest rating, or 'all'",
    )


class ExplainRecommendation(Model):
    movie: MovieRef = Field(description="The movie that was, or could be, recommended")
    user_id: UserId | None = Field(default=None, description="A MovieLens user; leave out for the person you talk to")
    liked: list[MovieRef] = Field(
        default=[], max_length=30, description="The likes it was recommended from, if it was that way"
    )


class TasteProfileArgs(Model):
    user_id: UserId | None = Field(default=None, description="A MovieLens user; leave out for the person you talk to")


class PredictRating(Model):
    movie: MovieRef
    user_id: UserId | None = Field(default=None, description="A MovieLens user; leave out for the person you talk to")


class GroupMember(Model):
    """One of a group: a MovieLens user, or somebody known by likes."""

    user_id: UserId | None = None
    liked: list[MovieRef] = Field(default=[], max_length=30)
    disliked: list[MovieRef] = Field(default=[], max_length=30)


class RecommendForGroup(Listing):
    members: list[GroupMember] = Field(min_length=2, max_length=8)
    how: Literal["average", "least_misery"] = Field(
        default="least_misery", description="average: best on the whole; least_misery: nobody suffers"
    )


class NextQuestion(Model):
    limit: Annotated[int, Field(ge=1, le=10)] = Field(default=4, description="How many movies to ask about")


# Tool results that are not a list of movies


class MovieResult(Model):
    movie: MovieDetail
    resolved: list[Resolved] = []


class Rated(Model):
    movie: Movie
    stars: float
    previous: float | None = Field(default=None, description="The stars given before, if any")
    resolved: list[Resolved] = []


class RatingList(Model):
    """Ratings of one person; `whose` is 'you' or 'MovieLens user N'."""

    whose: str
    count: int
    mean: float | None = None
    ratings: list[UserRating]


class Comparison(Model):
    """Movies side by side. `in_common`: genres and tags that all share. `likeness`: 0 to 1 by taste and by content."""

    movies: list[MovieDetail]
    genres_in_common: list[str]
    tags_in_common: list[str]
    taste_likeness: float | None = None
    content_likeness: float | None = None
    resolved: list[Resolved] = []


class Explanation(Model):
    """Why a movie suits someone: their own movies by their share in the score, and what the movies have in common."""

    movie: Movie
    whose: str
    because: list[Because]
    shared_genres: list[str]
    shared_tags: list[str]
    predicted_stars: float | None = None
    notes: list[str] = []


class Affinity(Model):
    name: str
    ratings: int
    mean: float = Field(description="Mean stars given to movies of this genre, tag or decade")
    lift: float = Field(description="Stars above the person's own mean")


class TasteProfile(Model):
    whose: str
    ratings: int
    mean: float | None = None
    genres: list[Affinity]
    decades: list[Affinity]
    tags: list[Affinity]
    favourites: list[Movie]
    notes: list[str] = []


class Prediction(Model):
    """An expected rating with its likely range, and on how many of the person's ratings it rests."""

    movie: Movie
    whose: str
    stars: float | None = None
    low: float | None = None
    high: float | None = None
    support: int
    notes: list[str] = []


class Questions(Model):
    """Movies whose rating would tell most about a new person."""

    movies: list[Movie]


# Bodies and resources of the movie routes


_STARS_BY_ID = {
    "type": "object",
    "description": "Stars by movie id",
    "patternProperties": {r"^\d{1,15}$": {"type": "number", "minimum": 0.5, "maximum": 5, "multipleOf": 0.5}},
    "additionalProperties": False,
    "maxProperties": 2_000,
}


class RecommendationRequest(Model):
    """Someone whom the data has never seen, by likes, dislikes, ratings or words."""

    liked: list[MovieId] = Field(default=[], max_length=200)
    disliked: list[MovieId] = Field(default=[], max_length=200)
    ratings: Annotated[
        dict[Annotated[str, Field(pattern=r"^\d{1,15}$")], Stars], WithJsonSchema(_STARS_BY_ID), Field(max_length=2_000)
    ] = {}
    text: Query | None = None
    filters: Filters = Filters()
    limit: Annotated[int, Field(ge=1, le=50), JsonNumber] = 10
    diversity: Unit = 0
    novelty: Unit = 0

    def stars(self) -> dict[int, float]:
        """The given ratings by movie id."""
        return {int(movie_id): stars for movie_id, stars in self.ratings.items()}


class RatingIn(Model):
    stars: Stars


class Recommendation(Model):
    """A list that was served, with what it was made from and by which model on which data."""

    recommendation_id: str
    created_at: datetime
    kind: str = Field(description="The tool or route that made it")
    user_id: UserId | None = None
    session_id: str | None = None
    inputs: dict[str, JsonValue]
    movies: list[ListedMovie]
    basis: Basis
    model_version: str
    data_version: str


class ExplainedRecommendations(MovieList):
    """Recommendations with the rendered prompt, the model's words, and its most probable first token, where it tells."""

    prompt: str | None = None
    text: str | None = None
    most_probable_token: str | None = None
