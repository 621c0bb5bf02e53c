"""Chooses the recommender's hyper-parameters on validation users; test users are never looked at."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from recommend import Recommender
from taste.interactions import Indices, Movies, Ratings
from taste.learning import Config, Progress
from training.baselines import RIDGES, fit_ease, fit_popular
from training.evaluate import DAY, SITTING, Case, Split, ndcg, rank_all, split_pauses, split_users

# Tried in this order, the most telling first, each with what was best of those before it: what sets of likes tell, by
# NDCG@100 of new users; then what the order of a sitting tells, by NDCG@10 of what comes next.
SETS: dict[str, tuple[float, ...]] = {
    "linear.ridge": (1.5, 3.0, 6.0, 12.0, 24.0),
    "linear.dropout": (0.3, 0.5, 0.7, 0.8),
    "linear.popularity": (0.0, 0.1, 0.2, 0.3, 0.4),
    "learn.lukewarm": (0.25, 0.5),
    "linear.side": (1.0, 3.0, 5.0),
    "linear.activity": (0.0, 0.15, 0.3, 0.6),
    "learn.emphasis": (0.0, 0.3, 0.6),
    "fold_in.emphasis": (0.0, 0.3, 0.6),
}
SITTINGS: dict[str, tuple[float, ...]] = {
    "sitting.weight": (0.0, 1.0, 3.0, 6.0, 12.0),
    "sitting.recency": (0.0, 1.0, 2.0, 4.0, 8.0),
    "sitting.memory": (1.5, 3.0, 6.0),
    "sitting.pause": (600.0, 3600.0, 14_400.0),
}
SEED = 100  # of the draws; the users of a validation split are the same whatever the seed
MOST_ITEMS = 6_000  # in the linear model while choosing: the time of a fit grows with the third power
MOST_USERS = 12_000  # of a large set, drawn to learn from while choosing
MOST_CASES = 600  # measured of each split
SECONDS = 150.0  # of the processor, for the search: after them the best so far is taken
WORTH = 0.002  # gain of NDCG below which the choice before stays: nobody is served other films for nothing


@dataclass(frozen=True, slots=True)
class Tuned:
    """A choice, and what it is worth.

    Attributes:
        config: the hyper-parameters.
        values: those that were chosen otherwise than before, by name.
        quality: on validation users, by measure and model; the measures are those of `report`.
        tried: so many choices were measured.
        seconds: of the processor that it took.
        whole: whether all was tried; else time was up.
    """

    config: Config
    values: dict[str, float]
    quality: dict[str, dict[str, float]]
    tried: int
    seconds: float
    whole: bool

    def __str__(self) -> str:
        measures = "; ".join(
            f"{measure}: " + ", ".join(f"{model} {value:.3f}" for model, value in each.items())
            for measure, each in self.quality.items()
        )
        chosen = ", ".join(f"{name} {value:g}" for name, value in self.values.items()) or "as they were"
        cut = "" if self.whole else ", then time was up"
        return f"{chosen} ({self.tried} choices in {self.seconds:.0f} s{cut}). On validation users {measures}"


def tune(
    ratings: Ratings,
    movies: Movies,
    *,
    before: Config | None = None,
    sets: Mapping[str, tuple[float, ...]] = SETS,
    sittings: Mapping[str, tuple[float, ...]] = SITTINGS,
    seconds: float = SECONDS,
    progress: Progress = lambda *_: None,
) -> Tuned | None:
    """The hyper-parameters that rank best for validation users, one after the other (coordinate search).

    A value is changed where its gain is above the noise of the cases; all changes, where together they gain `WORTH`
    beyond it.

    Args:
        ratings: of the whole set; of a large one a part of the users is drawn.
        movies: of the catalogue; counts and means are taken again from the training part.
        before: the choice to begin with and to keep where nothing better is found; None for the defaults.
        sets: values to try by the name of the parameter, in this order, for what sets tell.
        sittings: the same for what the order of a sitting tells.
        seconds: of the processor (a machine that has other work to do takes longer), after which no more is tried.
        progress: told what is tried and the share done, 0 to 1.

    Returns:
        None where the users are too few to choose by.
    """
    begun, before = time.process_time(), before or Config()
    ratings = some_users(ratings, MOST_USERS)
    users = some_cases(split_users(ratings, len(movies), SEED, part="validation"), MOST_CASES)
    pauses = some_cases(split_pauses(ratings, len(movies), SEED, part="validation"), MOST_CASES)
    if not users.cases:
        return None
    movies = measured(movies, users.train)
    search = _Search(movies, begun + seconds, progress, len(sets) + len(sittings) + 2)
    start = replace(before, most_items=min(MOST_ITEMS, before.most_items))
    still = changed(start, "sitting.weight", 0.0)  # which spares each fit the counting of what comes next
    best = replace(search.through(sets, users, 100, still), sitting=start.sitting)
    best = search.through(sittings, pauses, 10, best) if pauses.cases else best
    chosen = _chosen(search, best, start, users, pauses)
    quality = _quality(search, chosen, start, users, pauses)
    progress("done", 1.0)
    config = replace(chosen, most_items=before.most_items)
    values = {name: value_of(chosen, name) for name in [*sets, *sittings]}
    values = {name: value for name, value in values.items() if value != value_of(start, name)}
    return Tuned(config, values, quality, search.tried, time.process_time() - begun, search.whole)


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


def some_cases(split: Split, most: int) -> Split:
    """Of many cases some, drawn at random."""
    if len(split.cases) <= most:
        return split
    drawn = np.sort(np.random.default_rng(0).choice(len(split.cases), most, replace=False))
    return replace(split, cases=[split.cases[i] for i in drawn])


def value_of(config: Config, name: str) -> float:
    """A parameter by its name, "linear.ridge" or "fewest"."""
    outer, _, inner = name.partition(".")
    whole = getattr(config, outer)
    return float(getattr(whole, inner) if inner else whole)


def changed(config: Config, name: str, value: float) -> Config:
    """A copy with one parameter changed."""
    outer, _, inner = name.partition(".")
    whole: Any = replace(getattr(config, outer), **{inner: value}) if inner else value
    return replace(config, **{outer: whole})


class _Search:
    """Coordinate search; the last fit is kept, as many choices change what is asked of it alone."""

    def __init__(self, movies: Movies, deadline: float, progress: Progress, steps: int) -> None:
        self.movies, self.deadline = movies, deadline
        self.progress, self.steps, self.step = progress, steps, 0
        self.fitted: tuple[object, Recommender | None] = (None, None)
        self.measured: dict[object, npt.NDArray[np.float64]] = {}
        self.whole = True

    @property
    def tried(self) -> int:
        return len(self.measured)

    def through(self, grid: Mapping[str, tuple[float, ...]], split: Split, k: int, config: Config) -> Config:
        """The best of the values of each parameter, one after the other."""
        for name, values in grid.items():
            self.tell(name)
            config = self.of(name, values, split, k, config)
        return config

    def of(self, name: str, values: Sequence[float], split: Split, k: int, config: Config) -> Config:
        """The best value of one parameter, others as they are; the present one where the gain may be chance.

        From the present value it goes on in a direction for as long as that gains.
        """
        best, present = config, self.quality(config, split, k)
        own = value_of(config, name)
        for side in ([v for v in values if v > own], [v for v in reversed(values) if v < own]):
            for value in side:
                if time.process_time() > self.deadline:
                    self.whole = False
                    return best
                tried = changed(config, name, value)
                gain = self.quality(tried, split, k) - present
                if gain.mean() <= _error(gain):
                    break
                best, present = tried, present + gain
            if best is not config:
                break
        return best

    def quality(self, config: Config, split: Split, k: int) -> npt.NDArray[np.float64]:
        """NDCG@k of each case."""
        key = (config, id(split), k)
        if key not in self.measured:
            model = self.fit(split.train, config).with_config(config)
            self.measured[key] = ndcg(ranked(model, split, k), split.cases, k)
        return self.measured[key]

    def fit(self, train: Ratings, config: Config) -> Recommender:
        """A model for the parameters of learning; the last is kept."""
        key = (config.linear, config.learn, config.sitting.weight > 0, config.fewest, config.most_items)
        if self.fitted[0] != key or self.fitted[1] is None:
            self.fitted = (None, None)  # two at once are not needed
            self.fitted = (key, Recommender.fit(train, self.movies, config))
        model = self.fitted[1]
        assert model is not None
        return model

    def tell(self, stage: str) -> None:
        """Say which step begins."""
        self.progress(stage, self.step / self.steps)
        self.step += 1


def _chosen(search: _Search, best: Config, start: Config, users: Split, pauses: Split) -> Config:
    """The changes for sets, and those for sittings, each where they gain enough."""
    sets = replace(best, sitting=start.sitting)
    if not _worth(search.quality(sets, users, 100) - search.quality(start, users, 100)):
        sets = start
    both = replace(sets, sitting=best.sitting)
    if not pauses.cases or not _worth(search.quality(both, pauses, 10) - search.quality(sets, pauses, 10)):
        return sets
    return both


def _worth(gain: npt.NDArray[np.float64]) -> bool:
    """True where the gain is above `WORTH` even if it is a standard error less."""
    return bool(gain.mean() - _error(gain) > WORTH)


def _error(gain: npt.NDArray[np.float64]) -> float:
    return float(gain.std() / np.sqrt(len(gain)))


def _quality(
    search: _Search, chosen: Config, start: Config, users: Split, pauses: Split
) -> dict[str, dict[str, float]]:
    """Quality of the choice, of what was there before, of EASE and of the most popular movies, by measure."""
    search.tell("comparing")
    n = len(search.movies)
    found: dict[str, dict[str, npt.NDArray[np.float64]]] = {"tuned": {}, "before": {}, "EASE": {}, "most popular": {}}
    splits = [(users, 100), (pauses, 10)]
    for name, config in (("tuned", chosen), ("before", start)):
        found[name] = {str(k): search.quality(config, split, k) for split, k in splits if split.cases}
    peers = {"EASE": [partial(fit_ease, ridge=ridge, most_items=MOST_ITEMS) for ridge in RIDGES]}
    peers["most popular"] = [partial(fit_popular)]
    for name, fits in peers.items():
        tries: list[dict[str, npt.NDArray[np.float64]]] = []
        for fit in fits:
            if tries and time.process_time() > search.deadline:
                break
            score = fit(users.train, n)
            tries.append(
                {
                    str(k): ndcg(rank_all(split.cases, split.known, score, k), split.cases, k)
                    for split, k in splits
                    if split.cases
                }
            )
        found[name] = max(tries, key=lambda each: each["100"].mean())
    return {
        measure: {name: round(float(values[str(k)][part].mean()), 4) for name, values in found.items()}
        for measure, k, part in report(pauses.cases)
    }


def report(pauses: Sequence[Case]) -> list[tuple[str, int, Any]]:
    """Names of measures, their k, and the cases they are taken over; a measure without cases is left out."""
    pause = np.array([case.pause for case in pauses])
    parts = [("within a sitting, NDCG@10", pause <= SITTING), ("after a day, NDCG@10", pause > DAY)]
    every: list[tuple[str, int, Any]] = [("new users, NDCG@100", 100, slice(None))]
    return every + [(name, 10, part) for name, part in parts if part.any()]
