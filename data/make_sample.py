"""Makes the sample catalogue: MovieLens's six files, from tables written by hand.

`sample_movies.tsv` holds what we know or estimate of each movie, `sample_tastes.tsv` the tastes users are mixed of,
`sample_genome.txt` which of the movies' tags the genome has; it leaves out others to keep its file small.
Everything else (users, ratings, who applied which tag when, genome relevances) is drawn with a fixed seed, so that the
same tables give the same bytes. No network, and nothing of GroupLens's data.

    python data/make_sample.py           write data/sample/
    python data/make_sample.py --check   compare instead, and exit with 1 where a file differs
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
SEED = 1895  # the Lumières' first screening
USERS = 640
FEWEST, MEDIAN, MOST = 22, 50, 320  # ratings of a user
DAY = 86_400
FIRST_DAY, LAST_DAY = (int(datetime(*date, tzinfo=UTC).timestamp()) for date in ((2015, 1, 5), (2025, 9, 30)))

Random = np.random.RandomState  # its streams are frozen, a Generator's may change from one numpy to the next
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Row = tuple[object, ...]


@dataclass(frozen=True)
class Movie:
    """A row of `sample_movies.tsv`; `fame` (1 to 10) and `quality` (0.5 to 5 stars) are our estimates."""

    title: str
    year: int
    genres: tuple[str, ...]
    imdb: str
    tmdb: str
    fame: int
    quality: float
    tags: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """What a taste may name: genres, tags, the decade as in '1990s'."""
        return (*self.genres, *self.tags, f"{self.year // 10 * 10}s")

    @property
    def first_day(self) -> int:
        """The earliest time of a rating: the year after release, or the summer of 2025."""
        year, month = (self.year + 1, 1) if self.year < 2025 else (2025, 6)
        return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) if year > 1970 else 0


class Taste(NamedTuple):
    """A row of `sample_tastes.tsv`; `share` is its weight among users."""

    share: float
    likes: tuple[str, ...]
    dislikes: tuple[str, ...]


class Rating(NamedTuple):
    user: int
    movie: int
    stars: float
    timestamp: int


class Catalogue:
    """The movies as arrays; a movie's index is its movieId less one.

    Attributes:
        features: 1.0 where a movie has a feature [n_movies, n_features].
        likeness: cosine of two movies' features, rare ones weighing more [n_movies, n_movies].
        affinity: how much each taste is drawn to each movie, zero mean and unit variance [n_tastes, n_movies].
    """

    def __init__(self, movies: list[Movie], tastes: list[Taste]) -> None:
        self.movies = movies
        self.names = sorted({name for movie in movies for name in movie.features})
        column = {name: index for index, name in enumerate(self.names)}
        self.features = np.zeros((len(movies), len(self.names)))
        for index, movie in enumerate(movies):
            self.features[index, [column[name] for name in movie.features]] = 1.0
        weighted = self.features * np.log(len(movies) / self.features.sum(axis=0))
        weighted /= np.linalg.norm(weighted, axis=1, keepdims=True)
        self.likeness = weighted @ weighted.T
        self.fame = np.array([float(movie.fame) for movie in movies])
        self.quality = np.array([movie.quality for movie in movies])
        self.years = np.array([float(movie.year) for movie in movies])
        self.first_days = np.array([movie.first_day for movie in movies])
        self.shares = np.array([taste.share for taste in tastes])
        weights = np.zeros((len(tastes), len(self.names)))
        for index, taste in enumerate(tastes):
            weights[index, [column[name] for name in taste.likes]] = 1.0
            weights[index, [column[name] for name in taste.dislikes]] = -0.7
        self.affinity = standardised(weights @ self.features.T)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the sample catalogue in data/sample/.")
    parser.add_argument("--check", action="store_true", help="compare with what is there and write nothing")
    check = parser.parse_args().check
    files = make_files(
        Catalogue(read_movies(HERE / "sample_movies.tsv"), read_tastes(HERE / "sample_tastes.tsv")),
        (HERE / "sample_genome.txt").read_text(encoding="utf-8").splitlines(),
    )
    if check:
        return compare(HERE / "sample", files)
    (HERE / "sample").mkdir(exist_ok=True)
    for name, content in files.items():
        (HERE / "sample" / name).write_bytes(content)
        rows = content.count(b"\n") - 1
        print(f"{name}: {rows:,} rows, {len(content):,} bytes")
    return 0


def compare(folder: Path, files: dict[str, bytes]) -> int:
    """Name the files that differ; 1 if any does, else 0."""
    different = [name for name, content in files.items() if (folder / name).read_bytes() != content]
    for name in different:
        print(f"{folder / name} is not what the tables give; run {Path(__file__).name}", file=sys.stderr)
    return int(bool(different))


def make_files(catalogue: Catalogue, genome: list[str]) -> dict[str, bytes]:
    """All six files of the catalogue by name."""
    movies = catalogue.movies
    ratings = draw_ratings(catalogue, Random([SEED, 1]))
    tags = draw_tags(movies, ratings, Random([SEED, 2]))
    relevance = draw_relevance(catalogue, genome, Random([SEED, 3]))
    scores = ((m + 1, t + 1, f"{value:g}") for m, row in enumerate(relevance) for t, value in enumerate(row))
    return {
        "movies.csv": to_csv(
            "movieId,title,genres", ((i, m.title, "|".join(m.genres)) for i, m in enumerate(movies, 1))
        ),
        "links.csv": to_csv("movieId,imdbId,tmdbId", ((i, m.imdb, m.tmdb) for i, m in enumerate(movies, 1))),
        "ratings.csv": to_csv("userId,movieId,rating,timestamp", ((r.user, r.movie + 1, *r[2:]) for r in ratings)),
        "tags.csv": to_csv("userId,movieId,tag,timestamp", tags),
        "genome-tags.csv": to_csv("tagId,tag", enumerate(genome, 1)),
        "genome-scores.csv": to_csv("movieId,tagId,relevance", scores),
    }


def to_csv(header: str, rows: Iterable[Row]) -> bytes:
    """UTF-8 with LF, quoted where a comma asks for it."""
    out = io.StringIO()
    out.write(header + "\n")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def read_movies(path: Path) -> list[Movie]:
    """The hand-written movies, by year and title: their order gives the ids."""
    movies = []
    for row in read_table(path):
        year = re.search(r"\((\d{4})\)$", row["title"])
        if year is None:
            raise ValueError(f"{path.name}: no year in {row['title']!r}")
        tags = tuple(row["tags"].split(", "))
        genres = tuple(row["genres"].split("|"))
        estimates = int(row["fame"]), float(row["quality"])
        movies.append(Movie(row["title"], int(year[1]), genres, row["imdb"], row["tmdb"], *estimates, tags))
    return sorted(movies, key=lambda movie: (movie.year, movie.title))


def read_tastes(path: Path) -> list[Taste]:
    return [
        Taste(float(row["share"]), tuple(row["likes"].split(", ")), tuple(row["dislikes"].split(", ")))
        for row in read_table(path)
    ]


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def draw_ratings(catalogue: Catalogue, rng: Random) -> list[Rating]:
    """All users' ratings, by user and time."""
    return [rating for user in range(1, USERS + 1) for rating in draw_user(catalogue, user, rng)]


def draw_user(catalogue: Catalogue, user: int, rng: Random) -> list[Rating]:
    """A user meets what is famous and to their taste, and likes what is good and to their taste."""
    count = int(np.clip(rng.lognormal(np.log(MEDIAN), 0.75), FEWEST, MOST))
    times = draw_times(count, rng)
    affinity = draw_affinity(catalogue, rng)
    era = draw_era(catalogue.years, rng)
    drawn = 0.5 * catalogue.fame + 1.25 * affinity + era + rng.gumbel(size=len(affinity))
    drawn[catalogue.first_days > times[count // 2]] = -np.inf
    seen = np.argsort(-drawn, kind="stable")[:count]
    generosity, spread = rng.normal(0.0, 0.3), rng.uniform(0.7, 1.3)
    worth = 1.2 * (catalogue.quality[seen] - 3.85) + 0.33 * affinity[seen]
    stars = 2.95 + generosity + spread * (worth + rng.normal(0.0, 0.55, count))
    stars = np.clip(np.round(stars * 2) / 2, 0.5, 5.0)
    slots = place(catalogue.first_days[seen], times, rng)
    ratings = zip(seen.tolist(), stars.tolist(), times[slots].tolist(), strict=True)
    return sorted((Rating(user, *rating) for rating in ratings), key=lambda rating: rating.timestamp)


def draw_affinity(catalogue: Catalogue, rng: Random) -> Floats:
    """One to three of the tastes, one above the others, and the like of a few movies the user holds dear [n_movies]."""
    shares = catalogue.shares / catalogue.shares.sum()
    tastes = rng.choice(len(shares), size=rng.randint(1, 4), replace=False, p=shares)
    weights = rng.dirichlet(np.linspace(3.0, 1.5, len(tastes)))
    shared = standardised(weights @ catalogue.affinity[tastes])
    dear = np.argsort(-(0.3 * catalogue.fame + 1.5 * shared + rng.gumbel(size=len(shared))), kind="stable")[:4]
    own = standardised(catalogue.likeness[dear].sum(axis=0))
    return np.asarray(np.minimum(0.8 * shared + 0.5 * own, 4.0))


def draw_era(years: Floats, rng: Random) -> Floats:
    """Most users keep to the movies of their time, some to none: a penalty in log odds [n_movies]."""
    centre = rng.choice([1955.0, 1975.0, 1990.0, 2000.0, 2010.0], p=[0.08, 0.12, 0.3, 0.3, 0.2])
    width = rng.uniform(15.0, 60.0)
    return np.asarray(np.maximum(-0.5 * ((years - centre) / width) ** 2, -3.0))


def draw_times(count: int, rng: Random) -> Ints:
    """Increasing seconds since 1970, in sittings: some seconds between two ratings, weeks between two sittings."""
    sittings = 1 + int(rng.poisson(count / 35))
    gaps = rng.exponential(70.0 * DAY, sittings)
    gaps[0] = 0.0
    starts = np.cumsum(gaps) * min(1.0, 5 * 365 * DAY / max(gaps.sum(), 1.0))
    starts += rng.uniform(FIRST_DAY, LAST_DAY - starts[-1])
    which = np.sort(rng.randint(0, sittings, count))
    steps = rng.randint(6, 95, count)
    times = np.maximum.accumulate(starts[which].astype(np.int64) + np.cumsum(steps))
    return np.asarray(times + np.arange(count), dtype=np.int64)


def place(first_days: Ints, times: Ints, rng: Random) -> Ints:
    """Give each movie a time of its own, none before its first day; the newest choose first.

    >>> place(np.array([0, 30]), np.array([10, 40]), Random(0)).tolist()
    [0, 1]
    """
    slots = np.full(len(times), -1)
    free = np.ones(len(times), dtype=bool)
    for movie in np.argsort(-first_days, kind="stable"):
        slots[movie] = rng.choice(np.flatnonzero(free & (times >= first_days[movie])))
        free[slots[movie]] = False
    return slots


def draw_tags(movies: list[Movie], ratings: list[Rating], rng: Random) -> list[Row]:
    """Some users tag what they rate with the movie's own tags, the first of them most; rare movies sooner."""
    seen = np.bincount([rating.movie for rating in ratings], minlength=len(movies))
    eagerness = rng.lognormal(-0.4, 1.0, USERS + 1)
    rows: list[Row] = []
    for rating in ratings:
        if rng.random_sample() >= eagerness[rating.user] * (0.035 + 1.2 / (1 + seen[rating.movie])):
            continue
        tags = movies[rating.movie].tags
        odds = 1 / np.sqrt(np.arange(1.0, len(tags) + 1))
        chosen = rng.choice(len(tags), size=min(len(tags), int(rng.randint(1, 4))), replace=False, p=odds / odds.sum())
        at = rating.timestamp + rng.randint(2, 5)
        rows += [(rating.user, rating.movie + 1, tags[tag], at + order) for order, tag in enumerate(chosen)]
    return rows


def draw_relevance(catalogue: Catalogue, genome: list[str], rng: Random) -> Floats:
    """High where a movie has the tag, the higher the earlier it is named; else what its genres and tags suggest.

    Returns:
        Relevances from 0 to 1 [n_movies, n_tags], rounded to at most three decimals.
    """
    columns = [catalogue.names.index(tag) for tag in genome]
    has = catalogue.features[:, columns]
    shares = (catalogue.features.T @ has) / catalogue.features.sum(axis=0)[:, None]  # P(tag | feature)
    shares[columns, np.arange(len(columns))] = 0.0
    suggested = (catalogue.features @ shares) / catalogue.features.sum(axis=1)[:, None]
    low = 0.02 + 1.2 * suggested + np.abs(rng.normal(0.0, 0.025, has.shape))
    relevance = np.minimum(low, 0.5).round(2)
    place_of = {tag: index for index, tag in enumerate(genome)}
    for index, movie in enumerate(catalogue.movies):
        for order, tag in enumerate(movie.tags):
            if tag in place_of:
                high = 0.95 - 0.035 * order + rng.normal(0.0, 0.02)
                relevance[index, place_of[tag]] = np.clip(high, 0.6, 0.995).round(3)
    return np.asarray(relevance)


def standardised(values: Floats) -> Floats:
    """Zero mean and unit variance along the last axis."""
    deviation = values.std(axis=-1, keepdims=True)
    return np.asarray((values - values.mean(axis=-1, keepdims=True)) / np.maximum(deviation, 1e-9))


if __name__ == "__main__":
    sys.exit(main())
