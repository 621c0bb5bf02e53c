"""Makes a seeded data set with known structure, in MovieLens's layout: people of mixed tastes who rate in sittings.

    python -m benchmarks.make_sittings DIR [--users 6040] [--movies 3700] [--ratings 1000000] [--seed 1]

What is known of it, because it was put there:

- a person is a mixture of a few of twelve tastes; what they have seen follows taste and popularity, and what they give
  follows quality, taste and their own level;
- they rate in sittings, days to years apart. In a sitting they walk along one of the site's lists and rate what they
  have seen of it, so what comes next within minutes depends on what came just before, and after a pause on taste alone;
- some ratings share a second (a page sent at once); genres and tags are those of a movie's tastes, with some noise.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

TASTES = 12
LISTS = 8  # that the site shows; each has its own order of all movies
GENRES = [
    "Drama", "Comedy", "Thriller", "Romance", "Action", "Horror", "Documentary", "Crime", "Sci-Fi", "Children", "War",
    "Western",
]  # fmt: skip
FIRST_SECOND, LAST_SECOND = 956_703_932, 1_046_454_590
SITTING = 25.0  # ratings in a sitting, the mean; the first is longer
PAUSE = 12.0  # days between sittings, the median
PAGE = 0.3  # the share of ratings that are sent in the same second as the one before

Rng = np.random.Generator
Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """The movies as they are.

    Attributes:
        tastes: [movies, tastes], rows sum to 1.
        fame: [movies], the logarithm of how often a movie is seen.
        quality: [movies] stars.
        places: [lists, movies], each movie's place in each list.
    """

    tastes: Doubles
    fame: Doubles
    quality: Doubles
    places: Longs


def make(folder: Path, users: int, movies: int, ratings: int, seed: int) -> None:
    """Write movies.csv, links.csv, tags.csv and ratings.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    world = make_world(rng, movies)
    write_movies(folder, rng, world)
    sizes = 20 + rng.lognormal(0, 1.1, users) * (ratings / users - 20) / np.exp(1.1**2 / 2)
    sizes = np.minimum(sizes, movies / 3).astype(np.int64)
    rows = [ratings_of(rng, world, int(size)) for size in sizes]
    movie, stars, seconds = (np.concatenate(column) for column in zip(*rows, strict=True))
    user = np.repeat(np.arange(1, users + 1), [len(row[0]) for row in rows])
    frame = pl.DataFrame({"userId": user, "movieId": movie + 1, "rating": stars, "timestamp": seconds})
    frame.sort("userId", "movieId").write_csv(folder / "ratings.csv", float_precision=1)


def make_world(rng: Rng, movies: int) -> World:
    """Draw the movies; lists keep movies of a taste together, so that neighbours in a list are often alike."""
    tastes = rng.dirichlet(np.full(TASTES, 0.15), movies)
    fame = -1.1 * np.log(rng.permutation(movies) + 20.0)
    quality = 3.4 + 0.45 * rng.normal(size=movies) + 0.1 * (fame - fame.mean())
    lead = tastes[:, rng.integers(0, TASTES, LISTS)].T
    keys = -fame / 4 + lead + 1.6 * rng.normal(size=(LISTS, movies))
    return World(tastes, fame, quality, keys.argsort(axis=1).argsort(axis=1))


def ratings_of(rng: Rng, world: World, size: int) -> tuple[Longs, Doubles, Longs]:
    """One person's movies, stars and seconds, in order of time."""
    own = rng.dirichlet(np.full(TASTES, 0.25))
    fit = world.tastes @ own
    chance = world.fame + 3.2 * fit / fit.max() + rng.gumbel(size=len(fit))
    seen = np.argsort(-chance)[:size]
    order = walk(rng, world, seen)
    movie = np.concatenate(order)
    level = 0.35 * rng.normal()
    stars = world.quality[movie] + 1.1 * (fit[movie] / fit.max() - 0.4) + level + 0.75 * rng.normal(size=len(movie))
    return movie, np.clip(np.rint(2 * stars) / 2, 0.5, 5), seconds_of(rng, [len(part) for part in order])


def walk(rng: Rng, world: World, seen: Longs) -> list[Longs]:
    """The sittings: in each, what is seen and not yet rated along one list from some place on."""
    left, sittings, mean = seen, [], 3 * SITTING
    while len(left):
        length = 1 + int(rng.exponential(mean))
        places = world.places[rng.integers(LISTS), left]
        turned = (places - rng.integers(0, world.places.shape[1])) % world.places.shape[1]
        order = np.argsort(turned)
        sittings.append(left[order[:length]])
        left, mean = left[order[length:]], SITTING
    return sittings


def seconds_of(rng: Rng, lengths: list[int]) -> Longs:
    """Unix seconds of each rating: seconds apart within a sitting, days or years between two."""
    steps = rng.exponential(12, sum(lengths)) * (rng.random(sum(lengths)) > PAGE)
    firsts = np.cumsum([0, *lengths[:-1]])
    steps[firsts] = 86_400 * PAUSE * rng.lognormal(0, 1.6, len(firsts))
    start = rng.integers(FIRST_SECOND, LAST_SECOND)
    seconds: Longs = (start + np.cumsum(steps)).astype(np.int64)
    return seconds


def write_movies(folder: Path, rng: Rng, world: World) -> None:
    """A movie's genres are its strongest tastes, one in ten another; its tags name them more narrowly."""
    n = len(world.fame)
    ids, first, second = np.arange(1, n + 1), *np.argsort(-world.tastes, axis=1)[:, :2].T
    first = np.where(rng.random(n) < 0.1, rng.integers(0, TASTES, n), first)
    genres = ["|".join(dict.fromkeys((GENRES[a], GENRES[b]))) for a, b in zip(first, second, strict=True)]
    titles = [f"Movie {i} ({year})" for i, year in zip(ids, rng.integers(1930, 2003, n), strict=True)]
    pl.DataFrame({"movieId": ids, "title": titles, "genres": genres}).write_csv(folder / "movies.csv")
    pl.DataFrame({"movieId": ids, "imdbId": [f"{i:07d}" for i in ids], "tmdbId": ids}).write_csv(folder / "links.csv")
    tagged = np.flatnonzero(rng.random(n) < 0.4)
    tags = [f"{GENRES[first[i]].lower()} {rng.integers(0, 5)}" for i in tagged]
    frame = pl.DataFrame({"userId": tagged % 50 + 1, "movieId": ids[tagged], "tag": tags})
    frame.with_columns(timestamp=pl.lit(LAST_SECOND)).write_csv(folder / "tags.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a seeded data set with known structure.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--users", type=int, default=6_040)
    parser.add_argument("--movies", type=int, default=3_700)
    parser.add_argument("--ratings", type=int, default=1_000_000, help="about so many")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    make(args.folder, args.users, args.movies, args.ratings, args.seed)


if __name__ == "__main__":
    main()
