"""Few likes, likeness and finds: `python -m benchmarks.tastes DIR`, or --synthetic for a seeded set of known tastes.

What is listed for one like, and as like a movie, against the lists judged by hand (judged.toml, whose head says how);
how far these lists are the chart; held-out likes of new users with 1, 3, 5 and all of their likes told; and how little
known the movies are that novelty brings. EASE, item-kNN and the most popular stand beside it, each with the parameters
that benchmarks.recommend chose for ml-latest-small.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.recommend import fit_knn, read_movielens
from movies.titles import parse_title
from recommend import Recommender
from taste.content import content_features
from taste.interactions import Floats, Indices, Movies, Profile, Ratings
from training.baselines import fit_ease, fit_popular
from training.evaluate import Case, Split, ndcg, rank_all, split_users
from training.tune import measured, ranked

JUDGED = Path(__file__).with_name("judged.toml")
GRADES = {"first": 3, "good": 2, "fair": 1}
SHOWN = 10
MOST_RATED = 20
TOLD: tuple[int | None, ...] = (1, 3, 5, None)
NOVELTIES = (0.0, 0.3, 0.5, 0.7, 1.0)
TASTES, MOVIES, USERS = 12, 900, 900  # of the synthetic set

Kind: TypeAlias = Literal["like", "likeness"]
Lists: TypeAlias = Callable[[int], Sequence[int]]  # the first ten for one movie
Score: TypeAlias = Callable[[Profile], Floats]


@dataclass(frozen=True)
class Catalogue:
    """A set of ratings with what is judged of it.

    Attributes:
        genres: of each movie.
        judged: for each movie, by index, the grades of others.
    """

    name: str
    ratings: Ratings
    movies: Movies
    genres: list[frozenset[str]]
    judged: dict[Kind, dict[int, dict[int, int]]]


@dataclass(frozen=True)
class Chart:
    """How far lists for single likes are the chart, means over the likes: of ten shown, how many are ...

    Attributes:
        most_rated: of the twenty most rated.
        of_genre: of a genre of what is liked.
        overlap: mean Jaccard overlap of genres.
    """

    most_rated: float
    of_genre: float
    overlap: float


def read(folder: Path) -> Catalogue:
    """A folder in MovieLens's layout, and the judgements on those of its movies that are judged."""
    ratings, movies = read_movielens(folder)
    table = pl.read_csv(folder / "movies.csv", infer_schema_length=0)
    genres = [frozenset(text.split("|")) for text in table["genres"].fill_null("")]
    return Catalogue(folder.name, ratings, movies, genres, judgements(table["title"].to_list()))


def judgements(titles: Sequence[str]) -> dict[Kind, dict[int, dict[int, int]]]:
    """Grades by index of a catalogue's movies, of the cases that it has: by title and year, whatever other names."""
    place = {_name(title): i for i, title in enumerate(titles)}
    table = tomllib.loads(JUDGED.read_text())
    found: dict[Kind, dict[int, dict[int, int]]] = {"like": {}, "likeness": {}}
    for kind, cases in found.items():
        for case in table[kind]:
            if (movie := place.get(_name(case["movie"]))) is not None:
                named = [(place.get(_name(title)), grade) for word, grade in GRADES.items() for title in case[word]]
                cases[movie] = {other: grade for other, grade in named if other is not None}
    return found


def _name(title: str) -> tuple[str, int | None]:
    parsed = parse_title(title)
    return parsed.title.casefold(), parsed.year


def graded(listed: Iterable[int], grades: Mapping[int, int]) -> float:
    """NDCG@10 with the grades as gains."""
    discount = 1 / np.log2(np.arange(2, SHOWN + 2))
    gains = [grades.get(int(movie), 0) for movie in listed][:SHOWN]
    best = sorted(grades.values(), reverse=True)[:SHOWN]
    return float(np.dot(gains, discount[: len(gains)]) / np.dot(best, discount[: len(best)]))


def judge(catalogue: Catalogue, kind: Kind, lists: Lists, fewest: int = SHOWN) -> float:
    """Mean NDCG@10 over the cases of which the catalogue has at least so many good answers."""
    cases = catalogue.judged[kind].items()
    return float(np.mean([graded(lists(movie), grades) for movie, grades in cases if len(grades) >= fewest]))


def chart(catalogue: Catalogue, lists: Lists) -> Chart:
    """The lists for the judged single likes against the chart."""
    top = set(np.argsort(-catalogue.movies.rating_count, kind="stable")[:MOST_RATED].tolist())
    rows = []
    for movie in catalogue.judged["like"]:
        own, shown = catalogue.genres[movie], [int(other) for other in lists(movie)]
        shared = [len(catalogue.genres[other] & own) / len(catalogue.genres[other] | own) for other in shown]
        rows.append((sum(other in top for other in shown), sum(share > 0 for share in shared), float(np.mean(shared))))
    return Chart(*(float(value) for value in np.mean(rows, axis=0)))


def liking(*movies: int) -> Profile:
    """Somebody known by likes alone."""
    n = len(movies)
    return Profile(np.array(movies, np.int32), np.full(n, 5, np.float32), np.zeros(n, np.int64))


def ours(model: Recommender) -> dict[Kind, Lists]:
    return {
        "like": lambda movie: model.recommend(liking(movie), explain=False).movie_index.tolist(),
        "likeness": lambda movie: model.similar(np.array([movie], np.int32)).movie_index.tolist(),
    }


def of_scores(score: Score) -> dict[Kind, Lists]:
    """A peer that knows scores alone lists the same for both."""

    def lists(movie: int) -> list[int]:
        scores = np.array(score(liking(movie)), np.float64)
        scores[movie] = -np.inf
        return [int(other) for other in np.argsort(-scores, kind="stable")[:SHOWN]]

    return {"like": lists, "likeness": lists}


def peers(train: Ratings, n: int) -> dict[str, Score]:
    return {
        "EASE": fit_ease(train, n, 200.0),
        "item-kNN": fit_knn(train, n, 100, 10),
        "most popular": fit_popular(train, n),
    }


def held_out(catalogue: Catalogue, seeds: int, part: str = "test") -> dict[str, list[list[float]]]:
    """NDCG@100 of new users by model; a row a seed, a column a number of likes told."""
    n = len(catalogue.movies)
    found: dict[str, list[list[float]]] = {}
    for seed in range(seeds):
        splits = [split_users(catalogue.ratings, n, seed, part=part, given=told) for told in TOLD]
        train = splits[0].train
        model = Recommender.fit(train, measured(catalogue.movies, train))
        rows = {"Marquee": [ranked(model, split) for split in splits]}
        rows |= {name: [_listed(score, split) for split in splits] for name, score in peers(train, n).items()}
        for name, lists in rows.items():
            cases: list[Sequence[Case]] = [split.cases for split in splits]
            values = [float(ndcg(row, here, 100).mean()) for row, here in zip(lists, cases, strict=True)]
            found.setdefault(name, []).append(values)
    return found


def _listed(score: Score, split: Split) -> list[Indices]:
    return rank_all(split.cases, split.known, score)


def medians(model: Recommender, profiles: Sequence[Profile], novelty: float) -> tuple[float, float, int]:
    """Of lists of one novelty: the mean of their median counts of ratings, of their damped means; the fewest."""
    lists = [model.recommend(profile, novelty=novelty, explain=False).movie_index for profile in profiles]
    counts = [float(np.median(model.movies.rating_count[index])) for index in lists]
    quality = model.movies.damped_means()
    fewest = min(int(model.movies.rating_count[index].min()) for index in lists)
    return float(np.mean(counts)), float(np.mean([quality[index].mean() for index in lists])), fewest


def synthetic(seed: int = 7) -> Catalogue:
    """A seeded set of known tastes: movie i is of taste i % 12, users like one or two; every third has no genre.

    Good answers to a like are the movies of its taste, the better known the better; there are no others.
    """
    draw = np.random.default_rng(seed)
    taste, fame = np.arange(MOVIES) % TASTES, 1 / (1 + np.arange(MOVIES)) ** 0.7
    index, stars, lengths = [], [], []
    for _ in range(USERS):
        own = np.isin(taste, draw.choice(TASTES, draw.integers(1, 3), replace=False))
        chance = fame * np.where(own, 1, 0.12)
        seen = draw.choice(MOVIES, draw.integers(15, 60), replace=False, p=chance / chance.sum())
        index.append(seen)
        stars.append(np.clip(np.rint(2 * draw.normal(np.where(own[seen], 4.3, 3.1), 0.7)) / 2, 0.5, 5))
        lengths.append(len(seen))
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    times = np.concatenate([1_000_000_000 + np.arange(length) * 86_400 for length in lengths])
    ratings = Ratings(indptr, np.concatenate(index).astype(np.int32), np.concatenate(stars).astype(np.float32), times)
    named = [[f"taste {group}"] if i % 3 else [] for i, group in enumerate(taste.tolist())]
    years = np.full(MOVIES, 1990, np.int16)
    bare = Movies(
        np.arange(MOVIES, dtype=np.int64),
        years,
        content_features(named, years, [[]] * MOVIES),
        np.zeros(MOVIES, np.int32),
        np.zeros(MOVIES, np.float32),
    )
    genres = [frozenset({f"taste {group}"}) for group in taste.tolist()]
    judged = {
        i: dict.fromkeys((np.flatnonzero((taste == taste[i]) & (np.arange(MOVIES) != i))).tolist(), 3)
        for i in range(0, 400, 13)
    }
    return Catalogue("synthetic", ratings, measured(bare, ratings), genres, {"like": judged, "likeness": judged})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "folder", type=Path, nargs="?", help="holds movies.csv, ratings.csv, and tags.csv where there are tags"
    )
    parser.add_argument("--synthetic", action="store_true", help="a seeded set in place of a folder")
    parser.add_argument("--seeds", type=int, default=5, help="draws of test users")
    options = parser.parse_args(arguments)
    if options.synthetic == (options.folder is not None):
        parser.error("give either a folder or --synthetic")
    catalogue = synthetic() if options.synthetic else read(options.folder)
    report(Console(), catalogue, options.seeds)


def report(console: Console, catalogue: Catalogue, seeds: int) -> None:
    """The three tables."""
    model = Recommender.fit(catalogue.ratings, catalogue.movies)
    models = {"Marquee": ours(model)}
    models |= {name: of_scores(score) for name, score in peers(catalogue.ratings, len(catalogue.movies)).items()}
    few = Table("", "like, NDCG@10", "likeness, NDCG@10", "of the 20 most rated", "share a genre", "genre overlap")
    for name, lists in models.items():
        seen = chart(catalogue, lists["like"])
        values = [judge(catalogue, kind, lists[kind]) for kind in ("like", "likeness")]
        few.add_row(
            name, *(f"{v:.3f}" for v in values), f"{seen.most_rated:.1f}", f"{seen.of_genre:.1f}", f"{seen.overlap:.2f}"
        )
    console.print(f"{catalogue.name}: one like", few)
    hidden = Table("", *(f"{told or 'all'} told" for told in TOLD), title="held-out likes of new users, NDCG@100")
    found = held_out(catalogue, seeds)
    for name, rows in found.items():
        leads = np.array(rows) - np.array(found["most popular"])
        cells = zip(np.mean(rows, axis=0), leads.mean(axis=0), strict=True)
        hidden.add_row(name, *(f"{value:.4f} ({lead:+.4f})" for value, lead in cells))
    console.print(hidden)
    finds = Table(
        "novelty", "median count", "damped mean", "fewest", "first screen: median count", "damped mean", "fewest"
    )
    profiles = [liking(movie) for movie in catalogue.judged["like"]]
    for novelty in NOVELTIES:
        both = [medians(model, who, novelty) for who in (profiles, [Profile.empty()])]
        finds.add_row(f"{novelty:g}", *(f"{value:.4g}" for row in both for value in row))
    console.print(finds)


if __name__ == "__main__":
    main()
