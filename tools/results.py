"""The results of the tools that are more than a list of movies."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from movies.models import (
    Because,
    Model,
    Movie,
    MovieDetail,
    MovieName,
    OtherShare,
    Resolved,
    UserRating,
    WindowStats,
)


class MovieResult(Model):
    """All of one movie; `windows` as asked for; `own_stars`: those that the person gave it."""

    movie: MovieDetail
    windows: list[WindowStats] = []
    own_stars: float | None = None
    resolved: list[Resolved] = []


class Rated(Model):
    """A rating that was stored or removed. Where it was not sure which movie is meant, nothing was: ask which."""

    stored: bool
    removed: bool = False
    movie: Movie | None = None
    stars: float | None = None
    previous: float | None = Field(default=None, description="The stars given before, if any")
    candidates: list[MovieName] = Field(default=[], description="Movies that could be meant, where none was sure")
    resolved: list[Resolved] = []
    notes: list[str] = []


class RatingList(Model):
    """Ratings of one person; `whose` is 'you' or 'MovieLens user N'. `count` and `mean` are of all that match."""

    whose: str
    count: int
    mean: float | None = None
    ratings: list[UserRating]
    offset: int = 0
    resolved: list[Resolved] = []
    notes: list[str] = []


class Group(Model):
    """A group of movies or ratings. `mean`, `min` and `max` are stars, of movies' means or of single ratings."""

    name: str
    count: int
    mean: float | None = None
    min: float | None = None
    max: float | None = None
    movie_id: int | None = None


class QueryResult(Model):
    """A figure over the catalogue: of all that matches, by group, or as a list."""

    of: Literal["movies", "ratings"]
    measure: Literal["count", "mean", "min", "max", "histogram", "list"]
    by: Literal["none", "genre", "decade", "year", "tag", "user", "month", "stars", "rated_year"]
    whose: str | None = Field(default=None, description="Whose ratings, where not everybody's")
    total: int = Field(description="Number of all movies or ratings that match")
    as_spelled: int | None = Field(
        default=None, description="Number of movies with the tag in exactly this spelling, where `total` has more"
    )
    mean: float | None = None
    min: float | None = None
    max: float | None = None
    group_count: int = Field(default=0, description="Number of all groups; `groups` may hold fewer")
    groups: list[Group] = []
    movies: list[Movie] = []
    histogram: dict[str, int] = Field(default={}, description="Number by stars, '0.5' to '5.0'")
    resolved: list[Resolved] = []
    notes: list[str] = []


class Comparison(Model):
    """Movies side by side. `in_common`: what all share. `likeness`: 0 to 1 by taste and by content."""

    movies: list[MovieDetail]
    genres_in_common: list[str]
    tags_in_common: list[str]
    people_in_common: list[str] = Field(default=[], description="Who directed, wrote or plays in all of them")
    taste_likeness: float | None = None
    content_likeness: float | None = None
    resolved: list[Resolved] = []


class Explanation(Model):
    """The reasons why a movie suits someone, and how well: their movies by share in its score, and what these share.

    `predicted_stars`, likely between `low` and `high`, rest on `support` ratings. `own_stars`: what they gave it.
    """

    movie: Movie
    whose: str
    because: list[Because | OtherShare]
    shared_genres: list[str]
    shared_tags: list[str]
    shared_people: list[str] = Field(default=[], description="Who directed it or plays in it, and in one of theirs")
    predicted_stars: float | None = None
    low: float | None = None
    high: float | None = None
    support: int = 0
    own_stars: float | None = None
    resolved: list[Resolved] = []
    notes: list[str] = []

    @property
    def causes(self) -> list[Because]:
        """The person's own movies among the reasons."""
        return [cause for cause in self.because if isinstance(cause, Because)]


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


class Questions(Model):
    """Movies whose rating would tell most about a new person."""

    movies: list[Movie]
