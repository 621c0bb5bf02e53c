"""Figures of an evaluation: quality by protocol, history length, popularity and pause; coverage; predicted stars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from recommend import Recommender
from taste.interactions import Indices, Movies, Ratings
from taste.learning import Config
from taste.stars import HIGH, LOW, OWN_DAMPING
from training.baselines import RIDGES, Score, fit_ease, fit_popular
from training.evaluate import (
    DAY,
    SITTING,
    Split,
    ndcg,
    new_users,
    rank_all,
    recall,
    split_pauses,
    split_time,
    split_users,
)
from training.tune import MOST_CASES, SEED, measured, ranked, some_cases

SERVED, DEFAULT, EASE, POPULAR = "Marquee", "Marquee, defaults", "EASE", "most popular"
HISTORY = (1, 3, 5, 10, 20, 50)  # likes told
PAUSES = {
    "to a minute": (-1.0, 60.0),
    "to an hour": (60.0, SITTING),
    "to a day": (SITTING, DAY),
    "longer": (DAY, np.inf),
}
BANDS = 5  # of movies by popularity, each with as many of the ratings
FIRST = 10  # places of a list that are looked at for coverage
TOLD, ASKED = (1, 5, 10, 20, 50), 8  # ratings told, and asked for, of each user for predicted stars
MOST_USERS = 300  # whose stars are predicted

Doubles = npt.NDArray[np.float64]
Lister = Callable[[Split, int], list[Indices]]


@dataclass(frozen=True)
class Figures:
    """A table and a plot.

    Attributes:
        name: of the file.
        title: in words, with the measure.
        groups: the columns, with the number of cases where they differ.
        series: a row for each model, a value a column.
    """

    name: str
    title: str
    groups: list[str]
    series: dict[str, list[float]]


def figures(ratings: Ratings, movies: Movies, config: Config, *, seed: int = 0) -> Iterator[Figures]:
    """All figures, one after the other, over test users that nothing was chosen by.

    Args:
        ratings: of the whole set, in which at least a few users liked five movies.
        movies: of the catalogue.
        config: the hyper-parameters as they are served.
        seed: of the draw of test users.
    """
    n = len(movies)
    ridge = _ridge(split_users(ratings, n, SEED, part="validation"), n)
    split = split_users(ratings, n, seed)
    models = _models(split.train, movies, config, ridge)
    lists = {name: lister(split, 100) for name, lister in models.items()}
    yield Figures(
        "new-users",
        f"{len(split.cases):,} new users, 80 % of their likes told",
        ["NDCG@10", "NDCG@100", "Recall@20"],
        {
            name: [
                float(part.mean()) for part in (_ndcg(each, split, 10), _ndcg(each, split, 100), _recall(each, split))
            ]
            for name, each in lists.items()
        },
    )
    yield _by_popularity(split, lists)
    yield _coverage(split, lists)
    yield _by_history(ratings, n, seed, models)
    pauses = some_cases(split_pauses(ratings, n, seed), 4 * MOST_CASES)
    yield _by_pause("pause", "new users, the next ten likes after a pause: NDCG@10", pauses, models)
    latest = split_time(ratings, n)
    latest = some_cases(latest, 4 * MOST_CASES)
    models = _models(latest.train, movies, config, ridge)
    yield _by_pause("latest", "each user's last 20 % of likes, by the pause before: NDCG@10", latest, models)
    yield from _stars(ratings, movies, config, seed)


def _models(train: Ratings, movies: Movies, config: Config, ridge: float) -> dict[str, Lister]:
    """The rankings: ours as served and by default, and those it is compared with."""
    movies = measured(movies, train)
    found: dict[str, Lister] = {SERVED: partial(ranked, Recommender.fit(train, movies, config))}
    if config != Config():
        found[DEFAULT] = partial(ranked, Recommender.fit(train, movies))
    found[EASE] = partial(_listed, fit_ease(train, len(movies), ridge))
    found[POPULAR] = partial(_listed, fit_popular(train, len(movies)))
    return found


def _listed(score: Score, split: Split, k: int) -> list[Indices]:
    return rank_all(split.cases, split.known, score, k)


def _ridge(validation: Split, n: int) -> float:
    """EASE's ridge, chosen on validation users."""
    few = some_cases(validation, MOST_CASES)

    def quality(ridge: float) -> float:
        return float(_ndcg(_listed(fit_ease(few.train, n, ridge), few, 100), few, 100).mean())

    return max(RIDGES, key=quality)


def _ndcg(lists: list[Indices], split: Split, k: int) -> Doubles:
    return ndcg(lists, split.cases, k)


def _recall(lists: list[Indices], split: Split) -> Doubles:
    return recall(lists, split.cases, 20)


def _by_history(ratings: Ratings, n: int, seed: int, models: dict[str, Lister]) -> Figures:
    """Quality by how many likes are told."""
    series: dict[str, list[float]] = {name: [] for name in models}
    groups = []
    for given in HISTORY:
        split = split_users(ratings, n, seed, given=given)
        enough = [case for case in split.cases if len(case.profile) == given]
        split = some_cases(replace(split, cases=enough), MOST_CASES)
        if not split.cases:
            break
        groups.append(f"{given} ({len(split.cases)})")
        for name, lister in models.items():
            series[name].append(float(_ndcg(lister(split, 10), split, 10).mean()))
    return Figures("history", "likes told (users): NDCG@10", groups, series)


def _by_popularity(split: Split, lists: dict[str, list[Indices]]) -> Figures:
    """The share of the liked movies that are found among 20, by bands of popularity that hold as many ratings each."""
    band = _bands(split)
    held = _count(band, [case.relevant for case in split.cases])
    series = {}
    for name, each in lists.items():
        hits = [list_[:20][np.isin(list_[:20], case.relevant)] for list_, case in zip(each, split.cases, strict=True)]
        series[name] = (_count(band, hits) / np.maximum(held, 1)).tolist()
    size = np.bincount(band[split.known], minlength=BANDS)
    groups = [f"{count:,} movies" for count in size.tolist()]
    return Figures("popularity", "liked movies found in 20, from the most to the least rated fifth", groups, series)


def _coverage(split: Split, lists: dict[str, list[Indices]]) -> Figures:
    """The share of the known movies that anybody is shown in ten places, and of what is shown by bands."""
    band, known = _bands(split), int(split.known.sum())
    series = {}
    for name, each in lists.items():
        shown = [list_[:FIRST] for list_ in each]
        counts = _count(band, shown)
        different = len(np.unique(np.concatenate(shown)))
        series[name] = [different / known, *(counts / max(counts.sum(), 1)).tolist()]
    groups = ["different movies", *(f"fifth {number + 1}" for number in range(BANDS))]
    return Figures("coverage", f"what is shown in {FIRST} places, by fifths of popularity", groups, series)


def _bands(split: Split) -> npt.NDArray[np.int64]:
    """The band of each movie, the most rated first."""
    count = np.bincount(split.train.movie_index, minlength=len(split.known))
    order = np.argsort(-count, kind="stable")
    share = np.cumsum(count[order]) / max(count.sum(), 1)
    band = np.empty(len(count), np.int64)
    band[order] = np.minimum((share * BANDS - 1e-9).astype(np.int64), BANDS - 1)
    return band


def _count(band: npt.NDArray[np.int64], lists: list[Indices]) -> Doubles:
    return np.bincount(band[np.concatenate(lists)], minlength=BANDS).astype(np.float64)


def _by_pause(name: str, title: str, split: Split, models: dict[str, Lister]) -> Figures:
    """Quality by the time from the last rating that is told to the first that is to be found."""
    pause = np.array([case.pause for case in split.cases])
    parts = {label: (pause > low) & (pause <= high) for label, (low, high) in PAUSES.items()}
    parts = {label: part for label, part in parts.items() if part.any()}
    values = {model: _ndcg(lister(split, 10), split, 10) if split.cases else pause for model, lister in models.items()}
    series = {model: [float(each[part].mean()) for part in parts.values()] for model, each in values.items()}
    return Figures(name, title, [f"{label} ({part.sum()})" for label, part in parts.items()], series)


def _stars(ratings: Ratings, movies: Movies, config: Config, seed: int) -> Iterator[Figures]:
    """Errors of predicted stars by how many ratings are told, and the calibration of both star and range."""
    train, users, _ = new_users(ratings, len(movies), seed, "test")
    movies = measured(movies, train)
    model = Recommender.fit(train, movies, config)
    mean = movies.damped_means()
    rows = []
    for user in users[:MOST_USERS].tolist():
        whole = ratings.profile(user)
        order = np.random.default_rng([seed, user]).permutation(len(whole))
        for told in TOLD:
            if told + ASKED > len(whole):
                break
            profile = replace(whole.part(order[:told]), timestamp=np.zeros(told, np.int64))
            own = float((profile.stars - mean[profile.movie_index]).sum()) / (told + OWN_DAMPING)
            for place in order[-ASKED:].tolist():
                index, stars = int(whole.movie_index[place]), float(whole.stars[place])
                found = model.predict_rating(profile, index)
                bias = float(np.clip(mean[index] + own, 0.5, 5))
                rows.append((told, stars, found.stars, bias, found.low - 1e-6 <= stars <= found.high + 1e-6))
    if rows:
        yield from _star_figures(np.array(rows, np.float64))


def _star_figures(rows: Doubles) -> Iterator[Figures]:
    told, stars, found, bias, inside = rows.T
    parts = [told == each for each in TOLD if (told == each).any()]
    errors = {
        "Marquee": [float(np.sqrt(np.mean((found - stars)[part] ** 2))) for part in parts],
        "means alone": [float(np.sqrt(np.mean((bias - stars)[part] ** 2))) for part in parts],
    }
    held = {
        "stars in the range": [float(inside[part].mean()) for part in parts],
        "as it says": [HIGH - LOW] * len(parts),
    }
    groups = [f"{int(told[part][0])} ({part.sum()})" for part in parts]
    yield Figures("stars", "error of predicted stars (RMSE) by ratings told (predictions)", groups, errors)
    yield Figures("ranges", "how often the range holds the stars, by ratings told (predictions)", groups, held)
    edges = np.quantile(found, np.linspace(0, 1, 11))
    place = np.clip(np.searchsorted(edges, found, side="right") - 1, 0, 9)
    filled = [number for number in range(10) if (place == number).any()]
    yield Figures(
        "calibration",
        "predicted stars, by tenths, and the stars given",
        [str(number + 1) for number in filled],
        {
            "predicted": [float(found[place == number].mean()) for number in filled],
            "given": [float(stars[place == number].mean()) for number in filled],
        },
    )
