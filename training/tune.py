"""Chooses the recommender's hyper-parameters on a validation split; the test split is never looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np

from recommend import Recommender
from taste.interactions import Indices, Movies, Ratings
from taste.learning import Config, Progress
from training.evaluate import Split, ndcg, split_time, split_users

Protocol: TypeAlias = Literal["time", "users"]

# Tried in this order, the most telling first, each with what was best of those before it.
GRID: dict[str, tuple[float, ...]] = {
    "sitting.recency": (0.0, 1.0, 3.0),
    "linear.ridge": (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0),
    "linear.dropout": (0.3, 0.5, 0.7),
    "learn.lukewarm": (0.0, 0.3, 0.5),
    "linear.side": (1.0, 2.0, 3.0, 5.0),
    "linear.popularity": (0.0, 0.1, 0.2, 0.3),
    "linear.activity": (0.0, 0.15, 0.3, 0.6),
    "learn.emphasis": (0.0, 0.3, 0.6),
    "fold_in.emphasis": (0.0, 0.3, 0.6),
    "fold_in.lukewarm": (0.0, 0.2),
}
AGAIN = ("linear.ridge",)
PRIORS = (0.05, 0.1, 0.2, 0.4)
FIRST_RATINGS = (1, 3, 5)  # with so many known, the prior is chosen
MOST_ITEMS = 8_000  # in the linear model while choosing: the time of a fit grows with the third power
MOST_USERS = 20_000  # of a large set, drawn to learn from while choosing


def tune(
    ratings: Ratings,
    movies: Movies,
    *,
    by: Protocol = "time",
    seeds: tuple[int, ...] = (100, 101),
    grid: Mapping[str, tuple[float, ...]] = GRID,
    progress: Progress = lambda *_: None,
) -> Config:
    """The hyper-parameters that rank best on validation splits, one after the other (coordinate search).

    Args:
        ratings: of the whole set.
        movies: of the catalogue; counts and means are taken again from the training part.
        by: "time" for NDCG@10 of each user's later ratings, "users" for NDCG@100 of new users' hidden ones.
        seeds: of the draws of users.
        grid: values to try by the name of the parameter, in this order.
        progress: told what is tried and the share done, 0 to 1.
    """
    ratings = some_users(ratings, MOST_USERS)
    if by == "time":
        best = _Search([split_time(ratings, len(movies), part="validation")], movies, 10)
    else:
        splits = [split_users(ratings, len(movies), seed, part="validation") for seed in seeds]
        best = _Search(splits, movies, 100)
    config = replace(Config(), most_items=MOST_ITEMS)
    names = [*grid, *(name for name in AGAIN if name in grid)]
    for i, name in enumerate(names):
        progress(name, i / (len(names) + 1))
        config = best.of(name, grid[name], config)
    progress("prior", len(names) / (len(names) + 1))
    first = [split_users(ratings, len(movies), seeds[0], part="validation", given=given) for given in FIRST_RATINGS]
    shared = [replace(split, train=first[0].train) for split in first]
    config = _Search(shared, movies, 10).of("prior", PRIORS, config)
    progress("done", 1.0)
    return replace(config, most_items=Config().most_items)


def measured(movies: Movies, train: Ratings) -> Movies:
    """The movies with counts and means of the training ratings alone."""
    count = np.bincount(train.movie_index, minlength=len(movies)).astype(np.int32)
    total = np.bincount(train.movie_index, train.stars, minlength=len(movies))
    return replace(movies, rating_count=count, rating_mean=(total / np.maximum(count, 1)).astype(np.float32))


def ranked(model: Recommender, split: Split, k: int = 100) -> list[Indices]:
    """The model's lists for a split's cases, of movies that any model could have learnt of."""
    return [
        model.recommend(case.profile, k=k, allowed=split.known, exclude=case.seen, explain=False).movie_index
        for case in split.cases
    ]


def some_users(ratings: Ratings, most: int) -> Ratings:
    """Of a large set the ratings of `most` users, drawn at random."""
    if ratings.n_users <= most:
        return ratings
    users = np.sort(np.random.default_rng(0).choice(ratings.n_users, most, replace=False))
    count = np.diff(ratings.indptr)[users]
    places = np.isin(ratings.users, users)
    indptr = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    return Ratings(indptr, ratings.movie_index[places], ratings.stars[places], ratings.timestamp[places])


class _Search:
    """Coordinate search over one set of splits; a fit is kept as long as only the fold-in changes."""

    def __init__(self, splits: list[Split], movies: Movies, k: int) -> None:
        self.splits = splits
        self.movies = [measured(movies, split.train) for split in splits]
        self.k = k
        self.fitted: tuple[str, dict[int, Recommender]] = ("", {})
        self.measured: dict[str, float] = {}

    def of(self, name: str, values: tuple[float, ...], config: Config) -> Config:
        """The best of some values of one parameter, others as they are."""
        return max((changed(config, name, value) for value in values), key=self.quality)

    def quality(self, config: Config) -> float:
        """Mean NDCG@k over the splits."""
        key = repr(config)
        if key not in self.measured:
            each = []
            for split, movies in zip(self.splits, self.movies, strict=True):
                model = self._fit(split, movies, config).with_config(config)
                each.append(ndcg(ranked(model, split, self.k), split.cases, self.k).mean())
            self.measured[key] = float(np.mean(each))
        return self.measured[key]

    def _fit(self, split: Split, movies: Movies, config: Config) -> Recommender:
        key = repr((config.linear, config.sitting.span, config.sitting.shrink, config.learn, config.fewest, config.most_items))
        if key != self.fitted[0]:
            self.fitted = (key, {})
        fits = self.fitted[1]
        if id(split.train) not in fits:
            fits[id(split.train)] = Recommender.fit(split.train, movies, config)
        return fits[id(split.train)]


def changed(config: Config, name: str, value: float) -> Config:
    """A copy with one parameter changed, "linear.ridge" or "prior"."""
    outer, _, inner = name.partition(".")
    whole: Any = replace(getattr(config, outer), **{inner: value}) if inner else value
    return replace(config, **{outer: whole})
