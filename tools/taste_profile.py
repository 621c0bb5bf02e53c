"""What someone's ratings say of their taste: means by genre, decade and tag against their own mean. Pure arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from movies.models import Movie
from tools.results import Affinity, TasteProfile

FEWEST = 2  # ratings that a genre, decade or tag needs to say anything
DAMPING = 3.0  # a group's mean is pulled towards the person's own as if by this many ratings
LISTED = 6
FAVOURITES = 5


def taste_of(whose: str, movies: Sequence[Movie], stars: Sequence[float]) -> TasteProfile:
    """The taste behind ratings.

    Args:
        whose: who rated, as an answer would put it.
        movies: what was rated.
        stars: 0.5 to 5, one for each movie.
    """
    if not movies:
        return TasteProfile(
            whose=whose, ratings=0, genres=[], decades=[], tags=[], favourites=[], notes=["Nothing is rated yet."]
        )
    mean = sum(stars) / len(stars)
    rated = list(zip(movies, stars, strict=True))
    genres = [(genre, given) for movie, given in rated for genre in movie.genres]
    decades = [(f"{movie.year // 10 * 10}s", given) for movie, given in rated if movie.year]
    tags = [(tag, given) for movie, given in rated for tag in movie.tags]
    favourites = sorted(rated, key=lambda pair: (pair[1], pair[0].score or 0), reverse=True)[:FAVOURITES]
    return TasteProfile(
        whose=whose,
        ratings=len(rated),
        mean=round(mean, 2),
        genres=_affinities(genres, mean),
        decades=_affinities(decades, mean),
        tags=_affinities(tags, mean),
        favourites=[movie for movie, _ in favourites],
        notes=["Few ratings: take it with a grain of salt."] if len(rated) < 10 else [],
    )


def _affinities(given: Sequence[tuple[str, float]], mean: float) -> list[Affinity]:
    """The groups that stand out most, above before below."""
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
        if len(stars) >= FEWEST
    ]
    strongest = sorted(found, key=lambda affinity: abs(affinity.lift), reverse=True)[:LISTED]
    return sorted(strongest, key=lambda affinity: affinity.lift, reverse=True)
