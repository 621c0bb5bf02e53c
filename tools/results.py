"""The results of the tools that are more than a list of movies."""

from __future__ import annotations

from pydantic import Field

from movies.models import Because, Model, Movie, MovieDetail, MovieName, Resolved, UserRating, WindowStats


class MovieResult(Model):
    movie: MovieDetail
    resolved: list[Resolved] = []


class MovieStats(Model):
    movie: MovieName
    windows: list[WindowStats]
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
    """The reasons why a movie suits someone: their own movies by share in its score, and what these have in common."""

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
