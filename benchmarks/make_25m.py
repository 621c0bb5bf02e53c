"""Makes a seeded data set of MovieLens 25M's shape, in its layout, for benchmarks. All of it is synthetic.

    python -m benchmarks.make_25m DIR [--scale 1.0] [--seed 25]

The counts are those of ml-25m: 25,000,095 ratings by 162,541 users of 62,423 movies (59,047 of them rated), 1,093,360
tags and 15,584,448 genome scores (13,816 movies by 1,128 tags). What makes such files slow or fast to load is kept too:

- popularity is skewed: a movie's share falls as a shifted power of its rank, and the top movie has some 80,000 ratings;
- users have at least 20 ratings, log-normally many, and rate one after the other, sorted by movie;
- ids have gaps (movie ids up to 209,171), half-stars have MovieLens's histogram, relevance has five digits;
- titles have years, articles at the end, quotes and commas; one in thirty tags needs quotes.

With `--scale 0.1` users and tags are a tenth; movies and genome too, so that everything shrinks alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

RATINGS, USERS, MOVIES, TAGS = 25_000_095, 162_541, 62_423, 1_093_360
GENOME_MOVIES, GENOME_TAGS, LARGEST_MOVIE_ID = 13_816, 1_128, 209_171
STARS = np.array([393068, 399490, 1640868, 1262797, 6565022, 3177318, 6640000, 2000000, 1500000, 1421532], float)
HALVES = np.array([1, 3, 2, 5, 6, 7, 8, 9, 4, 10]) / 2
GENRES = [
    "Drama", "Comedy", "Thriller", "Romance", "Action", "Horror", "Documentary", "Crime", "Adventure", "Sci-Fi", "Children",
    "Animation", "Mystery", "Fantasy", "War", "Western", "Musical", "Film-Noir", "IMAX",
]  # fmt: skip
SYLLABLES = [consonant + vowel for consonant in "bcdfghlmnprstvwz" for vowel in "aeio"]
FIRST_SECOND, LAST_SECOND = 789_652_004, 1_574_327_703

Rng = np.random.Generator


def make(folder: Path, scale: float, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    movie_ids = np.sort(rng.choice(np.arange(1, LARGEST_MOVIE_ID + 1), int(MOVIES * scale), replace=False))
    write_movies(folder, rng, movie_ids)
    write_ratings(folder, rng, movie_ids, int(RATINGS * scale), int(USERS * scale))
    write_tags(folder, rng, movie_ids, int(TAGS * scale), int(USERS * scale))
    write_genome(folder, rng, movie_ids[: int(GENOME_MOVIES * scale)])


def write_movies(folder: Path, rng: Rng, movie_ids: npt.NDArray[np.int64]) -> None:
    lines = ["movieId,title,genres"]
    for movie_id in movie_ids.tolist():
        title = words(rng, int(rng.integers(1, 5))).title()
        title += ", The" if rng.random() < 0.2 else ""
        title += f' ("{words(rng, 2).title()}")' if rng.random() < 0.02 else ""
        title += f" ({words(rng, 3).title()})" if rng.random() < 0.1 else ""
        title += f" ({rng.integers(1915, 2020)})" if rng.random() < 0.993 else ""
        genres = "|".join(sorted(rng.choice(GENRES, int(rng.integers(1, 4)), replace=False)))
        lines.append(f"{movie_id},{quoted(title)},{genres if rng.random() < 0.92 else '(no genres listed)'}")
    write_lines(folder / "movies.csv", lines)
    links = (f"{movie_id},{movie_id * 37 % 9_999_999:07d},{movie_id * 3}" for movie_id in movie_ids.tolist())
    write_lines(folder / "links.csv", ["movieId,imdbId,tmdbId", *links])


def write_ratings(folder: Path, rng: Rng, movie_ids: npt.NDArray[np.int64], total: int, users: int) -> None:
    """Write ratings user by user: each draws from the movies by popularity, without repetition."""
    sizes = user_sizes(rng, total, users, len(movie_ids) // 3)
    ranks = rng.permutation(len(movie_ids))
    weights = (ranks + 60.0) ** -1.15
    weights[ranks > len(movie_ids) * 0.946] = 0
    cumulative = np.cumsum(weights / weights.sum())
    with (folder / "ratings.csv").open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\r\n")
        for first in range(0, users, 5_000):
            ratings_of(rng, sizes[first : first + 5_000], first + 1, movie_ids, cumulative).write_csv(
                file, include_header=False, float_precision=1, line_terminator="\r\n"
            )


def ratings_of(
    rng: Rng,
    sizes: npt.NDArray[np.int64],
    first_user: int,
    movie_ids: npt.NDArray[np.int64],
    cumulative: npt.NDArray[np.float64],
) -> pl.DataFrame:
    """Draw the given number of different movies for each user."""
    pairs = np.zeros(0, np.int64)
    missing = sizes.copy()
    while missing.any():
        users = np.repeat(np.arange(len(sizes)), missing + missing // 4)
        movies = np.searchsorted(cumulative, rng.random(len(users))).clip(max=len(movie_ids) - 1)
        drawn = rng.permutation(np.unique(users << 20 | movies))
        fresh = drawn[np.append(pairs, -1)[np.searchsorted(pairs, drawn)] != drawn]
        fresh = fresh[np.argsort(fresh >> 20, kind="stable")]
        owners = fresh >> 20
        position = np.arange(len(fresh)) - np.searchsorted(owners, owners)
        taken = fresh[position < missing[owners]]
        pairs = np.sort(np.concatenate([pairs, np.sort(taken)]), kind="stable")  # two runs: merged
        missing -= np.bincount(taken >> 20, minlength=len(sizes))
    starts = rng.integers(FIRST_SECOND, LAST_SECOND - 10**7, len(sizes))
    owners = pairs >> 20
    return pl.DataFrame(
        {
            "userId": owners + first_user,
            "movieId": movie_ids[pairs & 0xFFFFF],
            "rating": rng.choice(HALVES, len(pairs), p=STARS / STARS.sum()),
            "timestamp": starts[owners] + rng.integers(0, 10**7, len(pairs)),
        }
    )


def user_sizes(rng: Rng, total: int, users: int, most: int) -> npt.NDArray[np.int64]:
    """How many ratings each user gives: 20 and log-normally more, `total` in all."""
    extra = rng.lognormal(3.8, 1.35, users)
    sizes = 20 + (extra * (total - 20 * users) / extra.sum()).astype(np.int64)
    sizes = sizes.clip(max=most)
    short = total - int(sizes.sum())
    sizes += short // users
    sizes[: short % users] += 1
    return np.asarray(sizes, np.int64)


def write_tags(folder: Path, rng: Rng, movie_ids: npt.NDArray[np.int64], total: int, users: int) -> None:
    vocabulary = np.array([words(rng, int(rng.integers(1, 4))) for _ in range(max(total // 15, 50))])
    vocabulary[::30] = [f"{tag}, {words(rng, 1)}" for tag in vocabulary[::30]]
    tag = vocabulary[(len(vocabulary) * rng.random(total) ** 4).astype(np.int64)]
    user = np.sort(rng.integers(1, users + 1, total) // 11 * 11 + 1)
    movie = movie_ids[(len(movie_ids) * rng.random(total) ** 3).astype(np.int64)]
    frame = pl.DataFrame(
        {"userId": user, "movieId": movie, "tag": tag, "timestamp": rng.integers(FIRST_SECOND, LAST_SECOND, total)}
    )
    frame.write_csv(folder / "tags.csv", line_terminator="\r\n")


def write_genome(folder: Path, rng: Rng, movie_ids: npt.NDArray[np.int64]) -> None:
    tags = [f"{number},{quoted(words(rng, int(rng.integers(1, 3))))}" for number in range(1, GENOME_TAGS + 1)]
    write_lines(folder / "genome-tags.csv", ["tagId,tag", *tags])
    common = rng.beta(1, 9, GENOME_TAGS)
    with (folder / "genome-scores.csv").open("wb") as file:
        file.write(b"movieId,tagId,relevance\r\n")
        for frame in genome_frames(rng, movie_ids, common):
            frame.write_csv(file, include_header=False, line_terminator="\r\n")


def genome_frames(
    rng: Rng, movie_ids: npt.NDArray[np.int64], common: npt.NDArray[np.float64]
) -> Iterator[pl.DataFrame]:
    for movies in np.array_split(movie_ids, max(len(movie_ids) // 500, 1)):
        relevance = rng.beta(0.6 + 6 * common, 6, (len(movies), GENOME_TAGS))
        relevance = np.where(rng.random(relevance.shape) < 0.02, 1 - relevance, relevance)
        yield pl.DataFrame(
            {
                "movieId": np.repeat(movies, GENOME_TAGS),
                "tagId": np.tile(np.arange(1, GENOME_TAGS + 1), len(movies)),
                "relevance": (np.rint(relevance.ravel() * 4000) * 25 / 100_000).clip(0.00025, 1),
            }
        )


def words(rng: Rng, count: int) -> str:
    return " ".join("".join(rng.choice(SYLLABLES, int(rng.integers(1, 4)))) for _ in range(count))


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a synthetic data set of ml-25m's shape.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="of everything (default: 1)")
    parser.add_argument("--seed", type=int, default=25)
    args = parser.parse_args()
    make(args.folder, args.scale, args.seed)


if __name__ == "__main__":
    main()
