"""Own ratings out again: JSON, or CSV in MovieLens's manner with titles, ids and dates. An import gives them back."""

from __future__ import annotations

import csv
from datetime import datetime
from io import StringIO

from movies.reader import Catalogue
from ratings.models import ExportedRating, RatingsExport
from storage.own_ratings import OwnRatings

COLUMNS = ("movieId", "rating", "timestamp", "title", "imdbId", "tmdbId", "date")


async def export_ratings(catalogue: Catalogue, ratings: OwnRatings, account_id: str) -> RatingsExport:
    """All that an account rated, oldest first, then what it has seen.

    Of a movie that the catalogue no longer has the id is given, and no title.
    """
    own = await ratings.all(account_id)
    seen = {one.movie_id: one.seen_at for one in await ratings.seen(account_id)}
    for rated in own:
        seen.pop(rated.movie_id, None)
    kept: list[tuple[int, float | None, datetime]] = [(one.movie_id, one.stars, one.rated_at) for one in own]
    kept += [(movie_id, None, at) for movie_id, at in seen.items()]
    rows = await catalogue.fetch("SELECT movie_id, title, year, imdb_id, tmdb_id FROM movies")
    known = {row[0]: row for row in rows}
    entries = []
    for kept_id, stars, at in kept:
        movie_id, title, year, imdb_id, tmdb_id = known.get(kept_id, (kept_id, "", None, None, None))
        entries.append(
            ExportedRating(
                movie_id=movie_id,
                title=title,
                year=year,
                imdb_id=imdb_id and f"tt{imdb_id}",
                tmdb_id=tmdb_id,
                stars=stars,
                rated_at=at,
            )
        )
    return RatingsExport(ratings=entries)


def as_csv(export: RatingsExport) -> str:
    """The export as CSV, every text in quotes; a row without a rating is a movie that was seen."""
    file = StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    for one in export.ratings:
        title = f"{one.title} ({one.year})" if one.year else one.title
        at = one.rated_at
        writer.writerow([
            one.movie_id,
            "" if one.stars is None else one.stars,
            "" if at is None else int(at.timestamp()),
            title,
            one.imdb_id or "",
            "" if one.tmdb_id is None else one.tmdb_id,
            "" if at is None else at.isoformat(),
        ])  # fmt: skip
    return file.getvalue()
