"""Learns what the recommender keeps of ratings: the dense movies, their weights, neighbours, successors, stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from taste.content import nearest, project
from taste.deferred import sparse as sp
from taste.interactions import Indices, Movies, Ratings, SignalConfig, Sparse, signal
from taste.linear_model import LinearConfig, fit_linear
from taste.sittings import SittingConfig, fit_next
from taste.weights import Weights

STAND_INS = 12  # dense movies that stand for one without enough ratings
MOST_STAND_INS = 6_000  # chosen from: the best known, whose taste is learnt best
STAND_IN_WIDTH = 128  # of the projected content by which they are chosen

Progress: TypeAlias = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Config:
    """Hyper-parameters; `training.tune` chooses them on a validation split.

    Attributes:
        linear: of the closed form (Steck 2019, 2020).
        sitting: of what comes next while a sitting goes on.
        learn: what ratings say in the fit.
        fold_in: what they say of the person a list is for.
        cold: factor on scores of movies that stand on content alone.
        fewest: interactions a movie needs to enter the linear model.
        most_items: movies in the linear model at most, those with the most interactions.
    """

    linear: LinearConfig = field(default_factory=LinearConfig)
    sitting: SittingConfig = field(default_factory=SittingConfig)
    learn: SignalConfig = field(default_factory=lambda: SignalConfig(lukewarm=0.5, dislike=0.0))
    fold_in: SignalConfig = field(default_factory=SignalConfig)
    cold: float = 0.3
    fewest: int = 2
    most_items: int = 20_000

    @classmethod
    def of(cls, values: dict[str, Any]) -> Config:
        """From what `dataclasses.asdict` made of one."""
        nested = {"linear": LinearConfig(**values["linear"]), "sitting": SittingConfig(**values["sitting"])}
        signals = {name: SignalConfig(**values[name]) for name in ("learn", "fold_in")}
        return cls(**(values | nested | signals))


@dataclass(frozen=True, slots=True)
class Fit:
    """All that is learnt; see the attributes of `Recommender`."""

    dense: Indices
    weights: Weights
    near: Sparse
    mix: Sparse
    following: Sparse


def learn(ratings: Ratings, movies: Movies, config: Config, tell: Progress) -> Fit | None:
    """Fit everything; None where no movie has enough ratings.

    Args:
        ratings: of all users.
        movies: all movies, rated or not.
        config: hyper-parameters.
        tell: told the name of the stage and the share of it done, 0 to 1.
    """
    dense = _enough(ratings, len(movies), config)
    if not len(dense):
        return None
    place = np.full(len(movies), -1, np.int32)
    place[dense] = np.arange(len(dense), dtype=np.int32)
    tell("order", 0.0)
    following = sp.csr_array((len(dense), len(dense)), dtype=np.float32)
    if config.sitting.weight:
        following = fit_next(ratings, place, config.learn.liked, config.sitting)
    interactions = _interactions(ratings, place, len(dense), config)
    exact, near = fit_linear(interactions, movies.features[dense], config.linear, lambda share: tell("taste", share))
    weights = Weights.of(exact)
    del exact  # the largest matrix: what follows needs the room
    tell("content", 0.0)
    mix = _mix(movies, dense)
    tell("done", 1.0)
    return Fit(dense, weights, near, mix, following)


def _enough(ratings: Ratings, n_movies: int, config: Config) -> Indices:
    """The movies with enough interactions for the linear model, ascending."""
    count = np.bincount(ratings.movie_index[signal(ratings.stars, config.learn) > 0], minlength=n_movies)
    by_count = np.argsort(-count, kind="stable")[: config.most_items]
    dense: Indices = np.sort(by_count[count[by_count] >= config.fewest]).astype(np.int32)
    return dense


def _interactions(ratings: Ratings, place: Indices, n_items: int, config: Config) -> Sparse:
    """The weights of users' ratings of the items; csr [n_users, n_items]."""
    said, user = signal(ratings.stars, config.learn), ratings.users
    kept = np.flatnonzero((said > 0) & (place[ratings.movie_index] >= 0))
    return sp.csr_array((said[kept], (user[kept], place[ratings.movie_index[kept]])), shape=(ratings.n_users, n_items))


def _mix(movies: Movies, dense: Indices) -> Sparse:
    """N: a dense movie is itself; any other is a mix of its nearest dense ones by content."""
    n, d = len(movies), len(dense)
    content = project(movies.features, STAND_IN_WIDTH)
    cold = np.setdiff1d(np.arange(n, dtype=np.int32), dense)
    known = np.argsort(-movies.rating_count[dense], kind="stable")[:MOST_STAND_INS].astype(np.int32)
    near = nearest(content[cold], content[dense[known]], STAND_INS).tocoo()
    rows = np.concatenate([dense, cold[near.coords[0]]])
    columns = np.concatenate([np.arange(d, dtype=np.int32), known[near.coords[1]]])
    weights = np.concatenate([np.ones(d, np.float32), near.data])
    return sp.csr_array((weights, (rows, columns)), shape=(n, d), dtype=np.float32)
