"""The recommender: arrays in, arrays out. Knows neither SQL, HTTP, asyncio nor files of MovieLens.

Every movie is written as a mix of the movies with enough ratings (itself, or its nearest by content), so one matrix B of taste answers for
all: a person's scores are N B Nᵀ-fold sums of their own ratings' weights, and each rating's share in a score is exact.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import scipy.sparse as sp

from autoencoder import LinearConfig, fit_linear
from content import nearest, project
from interactions import Floats, Indices, Longs, Mask, Movies, Profile, Ratings, Sparse, recency, signal

__all__ = ["Config", "Movies", "Prediction", "Profile", "Ranked", "Ratings", "Reason", "Recommender"]

FORMAT = 1  # of a saved model
NOTHING = np.empty(0, np.int32)
POOL = 20  # candidates a place of the list, when it is to be varied
NEIGHBOURS = 20  # dense movies that stand for one without enough ratings
WIDTH = 128  # of the projected content

Basis: TypeAlias = Literal["personal", "seeds", "popular"]
Progress: TypeAlias = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Config:
    """Hyper-parameters; `tune.tune` chooses them on a validation split.

    Attributes:
        linear: of the closed form (Steck 2019, 2020).
        fewest: ratings a movie needs to enter the linear model.
        most_items: movies in the linear model at most, those with the most ratings.
        liked: from here on a rating counts as liked, in stars.
        lukewarm: weight of a rating from the person's mean up to `liked`, in the fold-in.
        dislike: weight against of the worst rating below the person's mean, in the fold-in.
        recency: g, the weight of the oldest rating in the fold-in; the newest has 1.
        prior: weight of popularity for a person with one rating; it shrinks with the root of their number.
        cold: factor on scores of movies that stand on content alone.
    """

    linear: LinearConfig = field(default_factory=LinearConfig)
    fewest: int = 3
    most_items: int = 20_000
    liked: float = 4.0
    lukewarm: float = 0.2
    dislike: float = 0.2
    recency: float = 0.5
    prior: float = 0.2
    cold: float = 0.7


@dataclass(frozen=True, slots=True)
class Reason:
    """One of the person's own movies and its exact share in the linear score (negative where it counts against)."""

    movie_index: int
    share: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """A list, best first.

    Attributes:
        movie_index: int32 [m].
        score: float32 [m]; comparable within one list only.
        basis: on what it rests.
        reasons: for each movie the person's own movies (or seeds) that contributed most.
    """

    movie_index: Indices
    score: Floats
    basis: Basis
    reasons: list[list[Reason]]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A predicted rating.

    Attributes:
        stars: 0.5 to 5.
        low: lower end of the range that holds about four ratings of five.
        high: its upper end.
        support: ratings of the movie in the catalogue that it rests on.
        neighbours: the person's own movies near to it that it rests on.
    """

    stars: float
    low: float
    high: float
    support: int
    neighbours: int


class Recommender:
    """Ranks movies for a person, a group, seeds or a text; see the module's docstring for the model.

    Attributes:
        fitted: whether there is a model of taste; without, popularity and content serve.
        version: names model and data; lists of equal versions are comparable.
        config: the hyper-parameters in use.
        popularity: float32 [n], 0 to 1: damped mean times the logarithm of the number of ratings.
        dense: int32 [d], the movies in the linear model.
        weights: float [d, d], B.
        mix: csr_array float32 [n, d], each movie as a mix of dense ones (N).
    """

    def __init__(
        self, movies: Movies, config: Config, dense: Indices, weights: Floats, mix: Sparse, version: str
    ) -> None:
        self.movies = movies
        self.config = config
        self.version = version
        self.dense = dense
        self.weights = weights
        self.mix = mix
        self.fitted = len(dense) > 0
        self.popularity = _popularity(movies)
        self._prior = np.log1p(movies.rating_count) / max(np.log1p(movies.rating_count.max(initial=0)), 1)
        self._damped = movies.damped_mean()
        self._content = project(movies.features, WIDTH)
        self._is_dense = np.zeros(len(movies), bool)
        self._is_dense[dense] = True
        self._strength = np.where(self._is_dense, 1, config.cold).astype(np.float32)

    @classmethod
    def fit(
        cls, ratings: Ratings, movies: Movies, config: Config | None = None, progress: Progress | None = None
    ) -> Recommender:
        """Fit on a catalogue's ratings.

        Args:
            ratings: of all users.
            movies: all movies, rated or not.
            config: hyper-parameters; None for the defaults.
            progress: told the name of the stage and the share done, 0 to 1.
        """
        config = config or Config()
        tell = progress or (lambda stage, share: None)
        liked = ratings.stars >= config.liked
        users = np.repeat(np.arange(ratings.n_users, dtype=np.int32), np.diff(ratings.indptr))[liked]
        items = ratings.movie_index[liked]
        count = np.bincount(items, minlength=len(movies))
        by_count = np.argsort(-count, kind="stable")[: config.most_items]
        dense = np.sort(by_count[count[by_count] >= config.fewest]).astype(np.int32)
        if not len(dense):
            return cls.unfitted(movies, config)
        place = np.full(len(movies), -1, np.int32)
        place[dense] = np.arange(len(dense))
        kept = place[items] >= 0
        ones = np.ones(int(kept.sum()), np.float32)
        interactions = sp.csr_array((ones, (users[kept], place[items[kept]])), shape=(ratings.n_users, len(dense)))
        tell("taste", 0.0)
        weights = fit_linear(interactions, movies.features[dense], config.linear, lambda share: tell("taste", share))
        tell("content", 0.0)
        mix = _mix(movies, dense)
        tell("content", 1.0)
        return cls(movies, config, dense, weights, mix, _version(config, ratings))

    @classmethod
    def unfitted(cls, movies: Movies, config: Config | None = None) -> Recommender:
        """Bayesian popularity and content alone, until a fitted one is ready."""
        empty = sp.csr_array((len(movies), 0), dtype=np.float32)
        return cls(movies, config or Config(), NOTHING, np.empty((0, 0), np.float32), empty, "unfitted")

    def save(self, folder: Path, content_hash: str) -> None:
        """Write the model as a folder, whole or not at all; an older one there is replaced.

        Args:
            folder: where; its parent exists.
            content_hash: names the catalogue the model belongs to.
        """
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            self._write(temporary, content_hash)
            old = temporary.with_name(temporary.name + "-old")
            if folder.exists():
                os.replace(folder, old)
            os.replace(temporary, folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _write(self, folder: Path, content_hash: str) -> None:
        np.save(folder / "weights.npy", self.weights.astype(np.float16))
        np.save(folder / "dense.npy", self.dense)
        sp.save_npz(folder / "mix.npz", self.mix, compressed=False)
        meta = {"format": FORMAT, "content_hash": content_hash, "version": self.version, "n_movies": len(self.movies)}
        (folder / "model.json").write_text(json.dumps(meta | {"config": dataclasses.asdict(self.config)}, indent=1))

    @classmethod
    def load(cls, folder: Path, movies: Movies, content_hash: str) -> Recommender:
        """Read a saved model; its weights stay on disk, mapped into memory.

        Raises:
            ValueError: the folder holds a model of another catalogue or another format.
            FileNotFoundError: there is none.
        """
        meta = json.loads((folder / "model.json").read_text())
        if meta["format"] != FORMAT or meta["content_hash"] != content_hash or meta["n_movies"] != len(movies):
            raise ValueError(f"the model in {folder} belongs to another catalogue")
        values = meta["config"]
        config = Config(**(values | {"linear": LinearConfig(**values["linear"])}))
        weights = np.load(folder / "weights.npy", mmap_mode="r")
        return cls(
            movies, config, np.load(folder / "dense.npy"), weights, sp.load_npz(folder / "mix.npz"), meta["version"]
        )

    def recommend(
        self,
        profile: Profile,
        *,
        k: int = 10,
        allowed: Mask | None = None,
        exclude: Indices = NOTHING,
        exclude_seen: bool = True,
        diversity: float = 0.0,
        novelty: float = 0.0,
    ) -> Ranked:
        """Movies for one person; for an empty profile a varied first screen.

        Args:
            profile: what is known of the person.
            k: length of the list at most.
            allowed: bool [n], the movies that pass the caller's filters.
            exclude: int32, movies not to show.
            exclude_seen: whether the profile's own movies stay out.
            diversity: 0 to 1, how much a movie unlike those above it is preferred (MMR, Carbonell & Goldstein 1998).
            novelty: 0 to 1, how much popular movies are held back.
        """
        profile = profile.latest()
        out = np.concatenate([exclude, profile.movie_index]) if exclude_seen else exclude
        open_ = self._open(allowed, out)
        if not len(profile):
            return self._first_screen(k, open_, max(diversity, 0.5), novelty)
        scores = self._personal(profile)
        index, score = self._select(scores, k, open_, diversity, novelty)
        return Ranked(index, score, "personal", self._reasons(profile.movie_index, self._signal(profile), index))

    def recommend_group(
        self,
        profiles: Sequence[Profile],
        *,
        k: int = 10,
        how: Literal["average", "least_misery"] = "average",
        allowed: Mask | None = None,
        exclude: Indices = NOTHING,
        exclude_seen: bool = True,
        diversity: float = 0.0,
        novelty: float = 0.0,
    ) -> Ranked:
        """Movies for several people at once: by the mean of their standardised scores, or by the least of them.

        Arguments as for `recommend`; a movie that any of them has seen counts as seen.
        """
        known = [profile.latest() for profile in profiles if len(profile)]
        seen = np.concatenate([NOTHING, *(profile.movie_index for profile in known)])
        open_ = self._open(allowed, np.concatenate([exclude, seen]) if exclude_seen else exclude)
        if not known:
            return self._first_screen(k, open_, max(diversity, 0.5), novelty)
        each = np.stack([_standard(self._personal(profile), open_) for profile in known])
        scores = each.mean(axis=0) if how == "average" else each.min(axis=0)
        index, score = self._select(scores, k, open_, diversity, novelty)
        return Ranked(
            index,
            score,
            "personal",
            self._reasons(seen, np.concatenate([self._signal(p) for p in known]) / len(known), index),
        )

    def similar(
        self,
        seeds: Indices,
        *,
        k: int = 10,
        by: Literal["taste", "content", "both"] = "both",
        allowed: Mask | None = None,
        exclude: Indices = NOTHING,
        diversity: float = 0.0,
        novelty: float = 0.0,
    ) -> Ranked:
        """Movies like one or several others; for several, those near to all of them (the geometric mean of the nearness).

        Args:
            seeds: int32 [s].
            by: whether by who likes them, by what they are, or both.
        """
        seeds = np.unique(np.asarray(seeds, np.int32))
        near = np.stack([self._near(int(seed), by) for seed in seeds])
        scores = np.exp(np.log(np.maximum(near, 1e-6)).mean(axis=0)).astype(np.float32)
        index, score = self._select(
            scores, k, self._open(allowed, np.concatenate([exclude, seeds])), diversity, novelty
        )
        shares = near[:, index].T / len(seeds)
        return Ranked(index, score, "seeds", [_top_reasons(seeds, row, 3) for row in shares])

    def match_text(self, matched: Indices, match_score: Floats, *, k: int = 10, allowed: Mask | None = None) -> Ranked:
        """Full-text hits, joined by their neighbours in taste and by popularity.

        Args:
            matched: int32 [m], the hits.
            match_score: float32 [m], the higher the better (BM25 with its sign turned).
        """
        scores = np.zeros(len(self.movies), np.float32)
        if len(matched):
            match = np.maximum(match_score, 0) / max(float(match_score.max()), 1e-9)
            pull = self._linear(matched, match.astype(np.float32) ** 2)
            scores += 0.3 * np.maximum(pull, 0) / max(float(pull.max()), 1e-9)
            scores[matched] += match
            scores += 0.3 * self.popularity * (scores > 0.05)
        index, score = self._select(scores, k, self._open(allowed, NOTHING) & (scores > 0.05), 0.0, 0.0)
        return Ranked(index, score, "seeds", self._reasons(matched, match_score, index) if len(matched) else [])

    def because(self, profile: Profile, movie_index: int, k: int = 3) -> list[Reason]:
        """The person's own movies with the largest shares in a movie's linear score, largest first."""
        profile = profile.latest()
        return self._reasons(profile.movie_index, self._signal(profile), np.array([movie_index], np.int32), k)[0]

    def shares(self, profile: Profile, movie_index: int) -> list[Reason]:
        """The shares of all the person's movies in a movie's linear score, in the profile's order."""
        profile = profile.latest()
        row = self._shares(profile.movie_index, self._signal(profile), np.array([movie_index], np.int32))[0]
        return [Reason(int(index), float(share)) for index, share in zip(profile.movie_index, row, strict=True)]

    def linear_score(self, profile: Profile, movie_index: int) -> float:
        """The linear part of a movie's score: what the shares of all the person's movies sum to."""
        profile = profile.latest()
        return float(self._linear(profile.movie_index, self._signal(profile))[movie_index])

    def predict_rating(self, profile: Profile, movie_index: int) -> Prediction:
        """The stars a person would give: damped means of movie and person, corrected by their ratings of near movies.

        r̂ = b_ui + Σ s_ij (r_uj − b_uj) / (1 + Σ s_ij), b_ui = movie's mean + person's mean deviation (Koren 2008, eq. 3 and 10).
        """
        profile = profile.latest()
        residual = profile.stars - self._damped[profile.movie_index]
        own = float(residual.sum()) / (len(profile) + 5)
        near = np.maximum(self._content[profile.movie_index] @ self._content[movie_index], 0) ** 2
        correction = float(near @ (residual - own)) / (1 + float(near.sum()))
        stars = float(np.clip(self._damped[movie_index] + own + correction, 0.5, 5))
        support = int(self.movies.rating_count[movie_index])
        spread = 1.28 * (0.85 + 0.4 / np.sqrt(1 + support) + 0.3 / np.sqrt(1 + len(profile)))
        return Prediction(stars, max(0.5, stars - spread), min(5.0, stars + spread), support, int((near > 0.1).sum()))

    def next_question(self, profile: Profile, k: int = 5) -> Indices:
        """Movies whose rating would tell most about this person, among those popular enough to be known; int32 [k]."""
        profile = profile.latest()
        known = self._prior.astype(np.float64) ** 4
        known[profile.movie_index] = 0
        pool = np.argsort(-known)[: max(200, 4 * k)]
        pool = pool[known[pool] > 0]
        return _most_telling(self._content, known, pool, profile.movie_index, k)

    def _open(self, allowed: Mask | None, out: Indices) -> Mask:
        """The movies that may appear."""
        open_ = np.ones(len(self.movies), bool) if allowed is None else allowed.copy()
        open_[out] = False
        return open_

    def _signal(self, profile: Profile) -> Floats:
        """The weight of each of a person's ratings in the fold-in."""
        config = self.config
        said = signal(profile.stars, profile.mean, config.liked, config.lukewarm, config.dislike)
        return said * recency(profile.timestamp, config.recency)

    def _mixed(self, index: Indices, weight: Floats) -> tuple[Indices, Floats]:
        """Weights on any movies as weights on dense ones."""
        row = self.mix[index].T @ weight
        places = np.flatnonzero(row).astype(np.int32)
        return places, row[places]

    def _linear(self, index: Indices, weight: Floats) -> Floats:
        """Scores of all movies from weights on some."""
        if not self.fitted:
            features = self.movies.features
            pull = features[index].T @ weight / max(float(np.abs(weight).sum()), 1e-9)
            unfitted: Floats = np.asarray(features @ pull, np.float32)
            return unfitted
        places, row = self._mixed(index, weight)
        pull = row @ self.weights[places].astype(np.float32, copy=False)
        scores: Floats = np.asarray(self.mix @ pull, np.float32) * self._strength
        return scores

    def _personal(self, profile: Profile) -> Floats:
        """Linear scores and the prior, which shrinks as ratings come."""
        linear = self._linear(profile.movie_index, self._signal(profile))
        scores: Floats = (linear + self.config.prior / np.sqrt(len(profile)) * self._prior).astype(np.float32)
        return scores

    def _reasons(self, index: Indices, weight: Floats, targets: Indices, k: int = 3) -> list[list[Reason]]:
        """The exact shares of `index` in the linear scores of `targets`, the largest k of each."""
        if not len(index):
            return [[] for _ in targets]
        shares = self._shares(index, weight, targets)
        return [_top_reasons(index, row, k) for row in shares]

    def _shares(self, index: Indices, weight: Floats, targets: Indices) -> Floats:
        """float32 [targets, index]: how much of each target's linear score comes from each movie."""
        if not self.fitted:
            near = (self.movies.features[targets] @ self.movies.features[index].T).toarray()
            return np.asarray(near * weight / max(float(np.abs(weight).sum()), 1e-9), np.float32)
        sources, ends = self.mix[index], self.mix[targets]
        rows, columns = np.unique(sources.indices), np.unique(ends.indices)
        part = self.weights[rows[:, None], columns[None, :]].astype(np.float32)
        shares = ends[:, columns] @ part.T @ sources[:, rows].T.toarray()
        return np.asarray(shares * weight * self._strength[targets][:, None], np.float32)

    def _near(self, seed: int, by: Literal["taste", "content", "both"]) -> Floats:
        """Nearness of all movies to one, 0 to 1."""
        content = np.maximum(self._content @ self._content[seed], 0)
        if by == "content" or not self.fitted:
            return content
        pull = self._linear(np.array([seed], np.int32), np.ones(1, np.float32))
        pull[seed] = 0
        taste = np.maximum(pull, 0) / max(float(pull.max()), 1e-9)
        if by == "taste":
            return taste
        support = self.movies.rating_count[seed] / (self.movies.rating_count[seed] + 50)
        both: Floats = (support * taste + (1 - support / 2) * content).astype(np.float32) / (1 + support / 2)
        return both

    def _first_screen(self, k: int, open_: Mask, diversity: float, novelty: float) -> Ranked:
        """What anybody may like, varied."""
        index, score = self._select(self.popularity, k, open_, diversity, novelty)
        return Ranked(index, score, "popular", [[] for _ in index])

    def _select(self, scores: Floats, k: int, open_: Mask, diversity: float, novelty: float) -> tuple[Indices, Floats]:
        """The best k of the open movies, varied by MMR where asked."""
        if novelty:
            scores = scores - novelty * self._prior.astype(np.float32) * float(np.std(scores[open_])) * 2
        pool = _best(scores, open_, k * POOL if diversity else k)
        if diversity and len(pool) > 1:
            pool = pool[_mmr(_unit(scores[pool]), self._content[pool], k, diversity)]
        return pool, scores[pool]


def _popularity(movies: Movies) -> Floats:
    """Damped mean times log(1 + n), 0 to 1."""
    count = np.log1p(movies.rating_count)
    scale = max(float(count.max(initial=0)), 1) * 5
    score: Floats = (movies.damped_mean() * (0.05 + count) / (0.05 + scale)).astype(np.float32)
    return score


def _mix(movies: Movies, dense: Indices) -> Sparse:
    """N: a dense movie is itself; any other is a mix of its nearest dense ones by content."""
    n, d = len(movies), len(dense)
    content = project(movies.features, WIDTH)
    cold = np.setdiff1d(np.arange(n, dtype=np.int32), dense)
    near = nearest(content[cold], content[dense], NEIGHBOURS).tocoo()
    rows = np.concatenate([dense, cold[near.coords[0]]])
    columns = np.concatenate([np.arange(d, dtype=np.int32), near.coords[1]])
    weights = np.concatenate([np.ones(d, np.float32), near.data])
    return sp.csr_array((weights, (rows, columns)), shape=(n, d), dtype=np.float32)


def _version(config: Config, ratings: Ratings) -> str:
    """Names hyper-parameters and data."""
    digest = hashlib.blake2b(repr(config).encode(), digest_size=6)
    for array in (ratings.indptr, ratings.movie_index, ratings.stars, ratings.timestamp):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _best(scores: Floats, open_: Mask, k: int) -> Indices:
    """The k open movies of the highest scores, best first; ties by index."""
    masked = np.where(open_, scores, -np.inf)
    k = min(k, int(open_.sum()))
    if k <= 0:
        return NOTHING
    top = np.argpartition(-masked, k - 1)[:k] if k < len(masked) else np.arange(len(masked))
    best: Indices = top[np.lexsort((top, -masked[top]))].astype(np.int32)
    return best[:k]


def _unit(values: Floats) -> Floats:
    """Brought to 0..1."""
    low, high = float(values.min()), float(values.max())
    unit: Floats = (values - low) / max(high - low, 1e-9)
    return unit


def _standard(values: Floats, open_: Mask) -> Floats:
    """Mean 0 and deviation 1 over the open movies."""
    seen = values[open_]
    if not len(seen):
        return values
    standard: Floats = (values - seen.mean()) / max(float(seen.std()), 1e-9)
    return standard


def _mmr(relevance: Floats, vectors: Floats, k: int, diversity: float) -> Longs:
    """Maximal marginal relevance: next is always the one of most relevance less nearness to those chosen."""
    nearness = np.zeros(len(relevance), np.float32)
    left = np.ones(len(relevance), bool)
    chosen: list[int] = []
    while len(chosen) < min(k, len(relevance)):
        worth = np.where(left, (1 - diversity) * relevance - diversity * nearness, -np.inf)
        best = int(worth.argmax())
        chosen.append(best)
        left[best] = False
        nearness = np.maximum(nearness, vectors @ vectors[best])
    return np.array(chosen, np.int64)


def _top_reasons(index: Indices, shares: Floats, k: int) -> list[Reason]:
    order = np.argsort(-shares, kind="stable")[:k]
    return [Reason(int(index[i]), float(shares[i])) for i in order if shares[i] > 0]


def _most_telling(vectors: Floats, known: Floats, pool: Longs, asked: Indices, k: int) -> Indices:
    """Greedy D-optimal choice: the movie whose rating has the largest variance given those asked, times how likely it is known."""
    precision = np.eye(vectors.shape[1])
    for vector in vectors[asked].astype(np.float64):
        precision += np.outer(vector, vector)
    chosen: list[int] = []
    for _ in range(min(k, len(pool))):
        spread = np.einsum("ij,ij->i", vectors[pool] @ np.linalg.inv(precision), vectors[pool])
        best = int(pool[np.argmax(spread * known[pool] * ~np.isin(pool, chosen))])
        chosen.append(best)
        precision += np.outer(vectors[best], vectors[best])
    return np.array(chosen, np.int32)
