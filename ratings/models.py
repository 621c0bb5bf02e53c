"""The report of an import, row by row, and the export: what crosses HTTP, and what the terminal shows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from movies.models import Model, MovieId, MovieName

ExportFormat = Literal["imdb", "letterboxd", "trakt", "movielens", "marquee"]
RowStatus = Literal["matched", "ambiguous", "unknown", "invalid", "unrated", "duplicate"]
Effect = Literal["new", "changed", "unchanged", "older", "seen"]


class ImportRow(Model):
    """One entry of the file: a rating, or a movie that was seen."""

    row: int = Field(description="Its number, from 1: what `choices` names it by")
    file: str | None = Field(default=None, description="Of an archive, the file that it stands in")
    line: int | None = Field(default=None, description="The line in a CSV file")
    title: str = Field(description="As the file has it")
    year: int | None = None
    stars: float | None = Field(default=None, description="0.5 to 5; the file's own scale brought to half stars")
    rated_at: datetime | None = Field(default=None, description="The date in the file, if any")
    status: RowStatus = Field(
        description="unrated: found, and without a rating; ambiguous, unknown, invalid and duplicate are left out"
    )
    effect: Effect | None = Field(
        default=None, description="What storing it does; older: the rating that is stored here is newer, and stays"
    )
    movie: MovieName | None = None
    candidates: list[MovieName] = Field(default=[], description="Movies that it could be: to choose from")
    reason: str | None = None
    already: float | None = Field(default=None, description="The stars that are stored here for the movie")


class ImportCounts(Model):
    """Rows by status, and by what storing them does."""

    rows: int
    matched: int = 0
    ambiguous: int = 0
    unknown: int = 0
    invalid: int = 0
    unrated: int = 0
    duplicate: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0
    seen: int = Field(default=0, description="Movies that will not be recommended any more, without a rating")


class ImportReport(Model):
    """The rows that an import found and its effect; with `preview` it had none yet."""

    format: ExportFormat
    detected: str = Field(description="The format in words")
    preview: bool
    counts: ImportCounts
    notes: list[str] = []
    rows: list[ImportRow]


class ExportedRating(Model):
    """A movie that was rated or, without stars, seen."""

    movie_id: MovieId
    title: str
    year: int | None
    imdb_id: str | None
    tmdb_id: int | None
    stars: float | None
    rated_at: datetime | None


class RatingsExport(Model):
    """All own ratings, oldest first, then what was seen and not rated."""

    format: Literal["marquee"] = "marquee"
    ratings: list[ExportedRating]
