"""Movies, ratings and lists of them as everyone has them: the models that catalogue, store, tools and routes share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StrictBool, WithJsonSchema
from pydantic_core import PydanticCustomError

from movies.tables import LARGEST_ID

FIRST_YEAR, LAST_YEAR = 1800, 2200

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
Word = Annotated[str, Field(min_length=1, max_length=100)]
RatingCount = Annotated[int, Field(ge=0, le=10_000_000), JsonNumber]
Stars = Annotated[float, Field(ge=0.5, le=5.0, multiple_of=0.5, description="Half-stars, 0.5 to 5"), JsonNumber]
Unit = Annotated[float, Field(ge=0, le=1), JsonNumber]
MeanStars = Annotated[float, Field(ge=0.5, le=5), JsonNumber]
Minutes = Annotated[int, Field(ge=1, le=100_000), JsonNumber]
Noun = Annotated[str, Field(max_length=40, pattern=r"^\w[\w '’-]*$")]
Query = Annotated[str, Field(min_length=1, max_length=500)]
Basis = Literal["search", "personal", "seeds", "popular", "tag", "text", "group"]
Sort = Literal["relevance", "rating", "popularity", "year", "worst", "oldest", "newest"]
Span = Literal["month", "year"]
RatingOrder = Literal["newest", "oldest", "highest", "lowest"]
Window = Annotated[
    str,
    Field(
        pattern=r"^([1-9]\d{0,5}h|[1-9]\d{0,4}d|all)$",
        description="Hours or days back from the newest rating in the data, '12h' or '30d', or 'all'",
    ),
]


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


class Person(Model):
    """Somebody who directed, wrote or plays in movies; `person_id` is IMDb's."""

    person_id: str
    name: str


class Movie(MovieName):
    """A movie as a card shows it. `score` is the mean damped towards the catalogue's (Bayesian), in stars.

    Running time and people are there where facts of IMDb's were added to the catalogue.
    """

    genres: list[str] = []
    tags: list[str] = Field(default=[], description="The most telling tags, best first")
    imdb_url: str | None = None
    tmdb_url: str | None = None
    rating_count: int = 0
    rating_mean: float | None = None
    score: float | None = None
    runtime: int | None = Field(default=None, description="Minutes")
    directors: list[Person] = []
    cast: list[Person] = Field(default=[], description="Who plays in it, by billing; a few in a list")


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
    writers: list[Person] = []
    original_title: str | None = None
    original_language: str | None = Field(default=None, description="A code such as 'ja', where IMDb gives one")
    imdb_rating: float | None = Field(default=None, description="IMDb's mean, 1 to 10, of `imdb_votes`")
    imdb_votes: int | None = None


class Because(MovieName):
    """One of the person's own movies and the share of the score that it contributed."""

    share: float


class OtherShare(Model):
    """The share of a score that all the person's other ratings have together, or what everybody likes."""

    movie_id: None = None
    title: Literal["other ratings", "popularity"]
    share: float


class ListedMovie(Movie):
    """A movie in a list made for someone. `match` orders this one list (larger first) and compares with no other.

    The shares of `because` sum to it.
    """

    match: float | None = None
    because: list[Because | OtherShare] = []

    @property
    def causes(self) -> list[Because]:
        """The person's own movies among the reasons."""
        return [cause for cause in self.because if isinstance(cause, Because)]

    @classmethod
    def of(
        cls, movie: Movie, match: float | None = None, because: list[Because | OtherShare] | None = None
    ) -> ListedMovie:
        """A movie in a list; its parts are valid already."""
        return cls.model_construct(**dict(movie), match=match, because=because or [])


class Resolved(Model):
    """A title that was given, the movie that it was understood as, and others that it could have meant."""

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


class ExplainedRecommendations(MovieList):
    """Recommendations with the prompt, the model's words and, where it tells, its most probable first token."""

    prompt: str | None = None
    text: str | None = None
    most_probable_token: str | None = None


class UserRating(Model):
    movie: Movie
    stars: float
    rated_at: datetime


class OwnRating(UserRating):
    """A rating that the caller gave in this service."""


class WindowStats(Model):
    """Mean and count of ratings in a window that ends with the newest rating of the catalogue."""

    window: str = Field(description="'12h', '7d', '30d', … or 'all'")
    since: datetime | None = None
    until: datetime | None = None
    count: int
    mean: float | None = None


class PeriodStats(Model):
    """Count and mean of the ratings of one calendar month or year, UTC."""

    period: str = Field(description="'2016-03', or '2016'")
    count: int
    mean: float | None = None


class MovieStats(Model):
    """The ratings of a movie over time: in `windows`, and by month or year in `series`, where that is asked for."""

    movie: MovieName
    windows: list[WindowStats]
    by: Span | None = None
    series: list[PeriodStats] = Field(default=[], description="From the first rating to the last, gaps with count 0")
    resolved: list[Resolved] = []


class UserStats(Model):
    """A user's ratings over time."""

    user_id: int
    windows: list[WindowStats]


class TagStats(Model):
    """The ratings of all movies that carry a tag, over time."""

    tag: str
    windows: list[WindowStats]


class Leaning(Model):
    """A genre, decade or tag in somebody's ratings, beside everybody's.

    `lean` orders: the stars by which they favour it more than everybody does, beyond how far they rate above or below
    others at all; nearer to 0 the fewer ratings it rests on.
    """

    name: str
    count: int
    mean: float
    everybody: float | None = Field(default=None, description="Mean of all users' ratings of such movies")
    difference: float | None = Field(default=None, description="`mean` less `everybody`")
    lean: float


class TastedMovie(UserRating):
    """A movie that somebody rated. `expected`: the stars that the rest of their taste would lead one to expect."""

    expected: float
    everybody: float | None = Field(default=None, description="Mean of all users' ratings of the movie")


class Taste(Model):
    """Somebody's ratings against everybody's; `genres`, `decades` and `tags` by how surely they lean, surest first."""

    whose: str = Field(description="'you' or 'MovieLens user N'")
    user_id: int | None = None
    count: int
    mean: float | None = None
    everybody: float | None = Field(default=None, description="Mean of all ratings of the catalogue")
    histogram: dict[str, int] = Field(default={}, description="Number of ratings by stars, '0.5' to '5.0'")
    genres: list[Leaning] = []
    decades: list[Leaning] = []
    tags: list[Leaning] = []
    typical: list[TastedMovie] = Field(default=[], description="Liked, and most like what they like")
    untypical: list[TastedMovie] = Field(default=[], description="Farthest from what was to be expected of them")


class Count(Model):
    """A genre or a tag, and how many movies carry it."""

    name: str
    movies: int


class Naming(Model):
    """The names of a catalogue's items, one and several, and questions that people may ask of it."""

    noun: Noun = "movie"
    plural: Noun = "movies"
    examples: list[Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]] = Field(
        default=[], max_length=10
    )


IMDB_SOURCE = "Information courtesy of IMDb (https://www.imdb.com). Used with permission."
IMDB_TERMS = "For personal and non-commercial use alone: https://developer.imdb.com/non-commercial-datasets/"


class FactsInfo(Model):
    """The facts of IMDb's that were added to a catalogue: the numbers of movies that have them, and of people.

    `linked` movies have an IMDb id; `unread` of these came to the catalogue after the facts were read.
    """

    attribution: str = IMDB_SOURCE
    terms: str = IMDB_TERMS
    read_at: datetime
    linked: int
    unread: int
    movies: int
    runtimes: int
    directors: int
    cast: int
    people: int


class CatalogueInfo(Naming):
    """The imported data. `version` is a hash of the files' content; `movies` and `users` count what is in it.

    A user rated something, or told of themselves in words.
    """

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
    facts: FactsInfo | None = Field(default=None, description="None until `python movielens.py enrich` was run")

    @property
    def in_words(self) -> str:
        """The catalogue in a few words: `sample: 1,228 movies and 94,000 ratings by 600 people`."""
        items = f"{self.name}: {self.movies:,} {self.noun if self.movies == 1 else self.plural}"
        if self.newest_rating is None:
            return f"{items}, without ratings"
        rated = f"{self.ratings:,} ratings by {self.users:,} people, the newest from {self.newest_rating:%B %Y}"
        return f"{items} and {rated}"


# Filters


class Filters(Model):
    """Conditions on the movies that may appear at all. Every one must hold."""

    genres: list[Word] = Field(default=[], max_length=5, description="Each must be among the movie's genres")
    exclude_genres: list[Word] = Field(default=[], max_length=10, description="None may be among the movie's genres")
    tags: list[Word] = Field(
        default=[], max_length=5, description="Each must be a telling tag of the movie, e.g. 'heist'"
    )
    exclude_tags: list[Word] = Field(default=[], max_length=10, description="None may be a tag of the movie")
    year_from: Year | None = Field(default=None, description="First year of release, inclusive")
    year_to: Year | None = Field(default=None, description="Last year of release, inclusive")
    min_ratings: RatingCount = Field(default=0, description="At least this many ratings")
    max_ratings: Annotated[int, Field(ge=1, le=10_000_000), JsonNumber] | None = Field(
        default=None, description="At most this many ratings"
    )
    min_mean: MeanStars | None = Field(default=None, description="Mean rating of at least this many stars")
    max_mean: MeanStars | None = Field(default=None, description="Mean rating of at most this many stars")
    runtime_from: Minutes | None = Field(default=None, description="Shortest running time in minutes, inclusive")
    runtime_to: Minutes | None = Field(default=None, description="Longest running time in minutes, inclusive")
    people: list[Word] = Field(
        default=[],
        max_length=5,
        description="Each must have directed it or play in it: 'Tilda Swinton'; in one role: 'directed by Clint "
        "Eastwood', 'with Clint Eastwood'; 'without Clint Eastwood'",
    )

    def filters(self) -> Filters:
        """The conditions alone."""
        return Filters(**{name: getattr(self, name) for name in Filters.model_fields})


class MovieQuery(Filters):
    """A search of the catalogue. Without `query` the filters alone decide."""

    query: Query | None = Field(default=None, description="Words of a title, typo-tolerant, or of genres and tags")
    sort: Sort = Field(default="relevance", description="Without a query, 'relevance' means popularity")


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


# Requests


class RatingIn(Model):
    stars: Stars


_STARS_BY_ID = {
    "type": "object",
    "description": "Stars by movie id",
    "patternProperties": {r"^\d{1,15}$": {"type": "number", "minimum": 0.5, "maximum": 5, "multipleOf": 0.5}},
    "additionalProperties": False,
    "maxProperties": 2_000,
}


class RecommendationRequest(Model):
    """Someone whom the data has never seen, by likes, dislikes, ratings or words; or the caller."""

    liked: list[MovieId] = Field(default=[], max_length=200)
    disliked: list[MovieId] = Field(default=[], max_length=200)
    ratings: Annotated[
        dict[Annotated[str, Field(pattern=r"^\d{1,15}$")], Stars], WithJsonSchema(_STARS_BY_ID), Field(max_length=2_000)
    ] = {}
    own: StrictBool = Field(
        default=False, description="The caller's own ratings too; what is given here lies over them"
    )
    text: Query | None = None
    filters: Filters = Filters()
    limit: Annotated[int, Field(ge=1, le=50), JsonNumber] = 10
    diversity: Unit = 0
    novelty: Unit = 0

    def stars(self) -> dict[int, float]:
        """The given ratings by movie id."""
        return {int(movie_id): stars for movie_id, stars in self.ratings.items()}
