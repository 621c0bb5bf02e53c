"""The recommender: arrays in, arrays out. Knows neither SQL, HTTP, asyncio nor the files of MovieLens.

`python recommend.py fit|tune|embed|evaluate` works on the catalogue (commands/recommend.py).

Every movie is written as a mix N of the movies with enough ratings (itself, or its nearest by content), so one matrix B
of taste answers for all: a person with weights x on movies has the scores N Bᵀ Nᵀ x, and each rating's share in a score
is exact (`taste.scoring`, which says what else a score is made of).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import runpy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from files import new_folder, whole_folder
from taste.content import project
from taste.deferred import sparse as sp
from taste.interactions import Floats, Indices, Longs, Mask, Movies, Profile, Ratings, freshness, signal
from taste.learning import Config, Fit, Progress, learn
from taste.ranking import (
    NOTHING,
    Basis,
    Ranked,
    Reason,
    Reasons,
    best,
    finds,
    mmr,
    most_telling,
    reasons_of,
    select,
    unit,
)
from taste.scoring import Scorer, Scores
from taste.stars import USUAL_SPREAD, deviation, estimate, measure_spread, spread_at
from taste.weights import Weights

FORMAT = 3  # of a saved model
COLUMNS = ("movie_ids", "years", "rating_count", "rating_mean")  # of the movies, in one file
ARRAYS = ("weights", "scale", "dense", "spread")  # of the model, a file each
SPARSE = ("near", "mix", "following")
TO_BE_TUNED = "to be tuned"  # in place of what was chosen for a model, until it is
VECTOR_WIDTH = 64  # of the projected content by which lists are varied
WHY = 3  # own movies named as reasons
KNOWN_ENOUGH = 120  # movies, the best known, among which a question is sought
# Of a wish in words (benchmarks/wishes.py), beside what a movie's own text says of 1:
MATCH_PULL, MATCH_MEANING = 0.3, 0.3  # nearness in taste to the best matches, nearness by a language model
MATCH_SEEDS, MATCH_BAR = 30, 15  # best matches; the place of the movie whose nearness counts in full
MATCH_QUALITY = 0.45  # the part of a score that popularity and mean stars decide
LIKE_POWER, LIKE_QUALITY = 0.75, 0.2  # of a wish for what is like a movie: exponent of likeness, part of quality
MATCH_LEAST = 0.15  # of the best score, below which nothing is shown
REFUSED, REFUSED_CHANCE = 0.2, 0.2  # evidence, or else share among the nearest, that rule a movie out
REFUSED_TOLD = 0.5  # part of that share that counts where a movie is well known itself

By: TypeAlias = Literal["taste", "content", "both"]


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


@dataclass(frozen=True, slots=True)
class About:
    """A model as it can be told without reading all of it: its version, and how it was tuned (see Recommender)."""

    version: str
    tuning: str | None = None
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def fitted(self) -> bool:
        """True where there is a model of taste."""
        return self.version != UNFITTED.version

    @classmethod
    def read(cls, folder: Path, content_hash: str) -> About:
        """That of a saved model.

        Raises:
            ValueError: the folder holds a model of another catalogue or another format.
            FileNotFoundError: there is none.
        """
        meta = json.loads((whole_folder(folder) / "model.json").read_text())
        if (meta["format"], meta["content_hash"]) != (FORMAT, content_hash):
            raise ValueError(f"the model in {folder} belongs to another catalogue")
        return cls(meta["version"], meta["tuning"], meta["config"])


UNFITTED = About("unfitted")


class Recommender:
    """Ranks movies for a person, a group, seeds or a text; see the module's docstring for the model.

    Attributes:
        fitted: whether there is a model of taste; without, popularity and content serve.
        version: names model and data; lists of equal versions are comparable.
        config: the hyper-parameters in use.
        movies: the catalogue.
        popularity: float32 [n], 0 to 1: the logarithm of how many liked a movie.
        dense: int32 [d], the movies in the linear model.
        weights: B, [d, d].
        near: csr_array float32 [d, d], nearness by who likes them.
        following: csr_array float32 [d, d], what is liked next within a sitting (T).
        mix: csr_array float32 [n, d], each movie as a mix of dense ones (N).
        spread: float32 [r, 2], quantiles of the errors of predicted stars (`taste.stars`).
        tuning: how the hyper-parameters were chosen and what they are worth, in words; None where nobody chose.
    """

    def __init__(self, movies: Movies, config: Config, fit: Fit, version: str) -> None:
        self.movies, self.config, self.version = movies, config, version
        self.dense, self.weights, self.following = fit.dense, fit.weights, fit.following
        self.near, self.mix = fit.near, fit.mix
        self.tuning: str | None = None
        self.spread = USUAL_SPREAD
        self._fit = fit
        self.fitted = len(fit.dense) > 0
        self._scorer = Scorer(movies, config, fit)
        self.popularity = self._scorer.popularity
        known = np.log1p(movies.rating_count)
        self._known = (known / max(known.max(initial=0), 1)).astype(np.float32)
        self._damped = movies.damped_means()
        self._quality = self._damped - np.float32(movies.mean_stars)
        self._vectors = project(movies.features, VECTOR_WIDTH)
        self._told: tuple[Floats, Floats] | None = None

    @classmethod
    def fit(
        cls, ratings: Ratings, movies: Movies, config: Config | None = None, progress: Progress = lambda *_: None
    ) -> Recommender:
        """Fit on a catalogue's ratings.

        Args:
            ratings: of all users.
            movies: all movies, rated or not.
            config: hyper-parameters; None for the defaults.
            progress: told the name of the stage and the share done, 0 to 1.
        """
        config = config or Config()
        fit = learn(ratings, movies, config, progress)
        if fit is None:
            return cls.unfitted(movies, config)
        model = cls(movies, config, fit, _version(config, ratings))
        model.spread = measure_spread(ratings, movies, model._scorer.near)
        return model

    @classmethod
    def unfitted(cls, movies: Movies, config: Config | None = None) -> Recommender:
        """Bayesian popularity and content alone, until a fitted one is ready."""
        none = Weights(np.empty((0, 0, 1), np.int8), np.empty((0, 0), np.float32))
        mix = sp.csr_array((len(movies), 0), dtype=np.float32)
        near = sp.csr_array((0, 0), dtype=np.float32)
        return cls(movies, config or Config(), Fit(NOTHING, none, near, mix, near), UNFITTED.version)

    def with_config(self, config: Config) -> Recommender:
        """The same fit under another fold-in, or factor for cold movies."""
        model = Recommender(self.movies, config, self._fit, self.version)
        model.spread = self.spread
        return model

    def save(self, folder: Path, content_hash: str) -> None:
        """Write the model as a folder, whole or not at all; an older one there is replaced.

        Args:
            folder: where; its parent exists.
            content_hash: names the catalogue the model belongs to.
        """
        meta = {"format": FORMAT, "content_hash": content_hash, "version": self.version, "tuning": self.tuning}
        with new_folder(folder) as part:
            np.savez(part / "movies.npz", **{name: getattr(self.movies, name) for name in COLUMNS})
            sp.save_npz(part / "features.npz", self.movies.features, compressed=False)
            for name in SPARSE:
                sp.save_npz(part / f"{name}.npz", getattr(self, name), compressed=False)
            arrays: list[npt.NDArray[Any]] = [self.weights.values, self.weights.scale, self.dense, self.spread]
            for name, array in zip(ARRAYS, arrays, strict=True):
                np.save(part / f"{name}.npy", array)
            (part / "model.json").write_text(json.dumps(meta | {"config": dataclasses.asdict(self.config)}, indent=1))

    @classmethod
    def load(cls, folder: Path, content_hash: str) -> Recommender:
        """Read a saved model with its movies into memory.

        Raises:
            ValueError: the folder holds a model of another catalogue or another format.
            FileNotFoundError: there is none.
        """
        about, folder = About.read(folder, content_hash), whole_folder(folder)
        near, mix, following = (sp.load_npz(folder / f"{name}.npz") for name in SPARSE)
        # Not mapped: a mapped file that someone cuts kills the process.
        values, scale, dense, spread = (np.load(folder / f"{name}.npy") for name in ARRAYS)
        fit = Fit(dense, Weights(values, scale), near, mix, following)
        with np.load(folder / "movies.npz") as columns:
            movies = Movies(features=sp.load_npz(folder / "features.npz"), **{name: columns[name] for name in COLUMNS})
        model = cls(movies, Config.of(about.config), fit, about.version)
        model.tuning, model.spread = about.tuning, spread
        return model

    @property
    def about(self) -> About:
        """The model in short."""
        return About(self.version, self.tuning)

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
        explain: bool = True,
    ) -> Ranked:
        """Movies for one person; for an empty profile a varied first screen.

        Args:
            profile: what is known of the person.
            k: length of the list at most.
            allowed: bool [n], the movies that pass the caller's filters.
            exclude: int32, movies not to show.
            exclude_seen: whether the profile's own movies stay out.
            diversity: 0 to 1, how much a movie unlike those above it is preferred (MMR, Carbonell & Goldstein 1998).
            novelty: 0 to 1, how little known the movies are: from 0.7 on half as many ratings at most, 1 for finds.
            explain: whether reasons are given.
        """
        profile = profile.latest()
        open_ = self._open(allowed, exclude, profile.movie_index if exclude_seen else NOTHING)
        if not len(profile):
            return self._first_screen(k, open_, diversity, novelty)
        weight = self._fold_in(profile)
        scores = self._scorer.scores(profile.movie_index, weight)
        index = self._select(scores.taste, scores.popularity, k, open_, diversity, novelty)
        reasons = self._reasons(profile.movie_index, weight, scores, index) if explain else []
        return Ranked(index, scores.sum[index], _basis(weight), reasons)

    def recommend_group(
        self,
        profiles: Sequence[Profile],
        *,
        k: int = 10,
        how: Literal["average", "least_misery"] = "average",
        allowed: Mask | None = None,
        exclude: Indices = NOTHING,
        diversity: float = 0.0,
        novelty: float = 0.0,
    ) -> Ranked:
        """Movies for several people at once: by the mean of their scores, or by the least of them.

        A person's scores count in units of the best that they could be shown. Arguments as for `recommend`; a movie
        that any of them has seen counts as seen. Reasons are the movies of all.
        """
        known = [profile.latest() for profile in profiles if len(profile)]
        seen = np.concatenate([NOTHING, *(profile.movie_index for profile in known)])
        open_ = self._open(allowed, exclude, seen)
        if not known:
            return self._first_screen(k, open_, diversity, novelty)
        weights = [self._fold_in(profile) for profile in known]
        each = [self._scorer.scores(person.movie_index, weight) for person, weight in zip(known, weights, strict=True)]
        parts = _parts([scores.sum for scores in each], open_, how)
        taste: Floats = np.einsum("ij,ij->j", parts, [scores.taste for scores in each])
        popularity: Floats = np.einsum("ij,ij->j", parts, [scores.popularity for scores in each])
        index = self._select(taste, popularity, k, open_, diversity, novelty)
        shares = [
            self._scorer.shares(person.movie_index, weight, scores, index) * part[index, None]
            for person, weight, scores, part in zip(known, weights, each, parts, strict=True)
        ]
        liked = np.concatenate(weights)[:, 0] > 0
        reasons = reasons_of(seen[liked], np.hstack(shares)[:, liked], taste[index], popularity[index], WHY)
        return Ranked(index, (taste + popularity)[index], _basis(np.concatenate(weights)), reasons)

    def similar(
        self,
        seeds: Indices,
        *,
        k: int = 10,
        by: By = "both",
        allowed: Mask | None = None,
        exclude: Indices = NOTHING,
        diversity: float = 0.0,
        novelty: float = 0.0,
    ) -> Ranked:
        """Movies like one or several others; for several, those near to all (the geometric mean of the nearness).

        Args:
            seeds: int32 [s], at least one.
            by: whether by who likes them, by what they are, or both.
        """
        seeds = np.unique(np.asarray(seeds, np.int32))
        open_ = self._open(allowed, exclude, seeds)
        near = self._likeness(seeds, by)
        scores = near[0] if len(seeds) == 1 else np.exp(np.log(near + np.float32(0.01)).mean(axis=0)) - np.float32(0.01)
        nothing = np.zeros_like(scores)
        index = self._select(scores, nothing, k, open_, diversity, novelty)
        shares = near[:, index] / np.maximum(near[:, index].sum(axis=0), 1e-9) * scores[index]
        reasons = reasons_of(seeds, shares.T, scores[index], nothing[index], WHY)
        return Ranked(index, scores[index], "seeds", reasons)

    def match_text(
        self,
        direct: Floats,
        fitting: Floats,
        *,
        k: int = 10,
        allowed: Mask | None = None,
        like: Indices = NOTHING,
        meaning: Floats | None = None,
    ) -> Ranked:
        """Movies that fit a wish in words, joined by their neighbours in taste; few good ones, no padding.

        There are no reasons besides the words.

        Args:
            direct: float32 [n], 0 to 1, how much of the wish a movie's own text has.
            fitting: float32 [n], 0 to 1, factor for genres that are named or implied.
            k: length of the list at most.
            allowed: bool [n].
            like: int32, movies that it should be like, besides the words.
            meaning: float32 [n], 0 to 1, nearness by a language model, where there is one.
        """
        open_ = self._open(allowed, like, NOTHING)
        match = self._like_these(like, direct, fitting) if len(like) else self._with_neighbours(direct, fitting)
        if meaning is not None:
            match = match + (1 - match) * np.float32(MATCH_MEANING) * meaning * fitting
        part = np.float32(LIKE_QUALITY if len(like) else MATCH_QUALITY)
        quality = (self.popularity + np.clip(self._quality / 2 + np.float32(0.5), 0, 1)) / 2
        scores: Floats = (match * (1 - part + part * quality)).astype(np.float32)
        best = float(scores[open_].max(initial=0))
        index = select(scores, k, open_ & (scores > 0) & (scores >= best * MATCH_LEAST), self._vectors)
        return Ranked(index, scores[index], "seeds", [Reasons([]) for _ in index])

    def refused(self, direct: Floats, like: Indices = NOTHING, *, told: Floats | None = None) -> Floats:
        """Each movie's share of what somebody does not want, float32 [n]: 1 rules it out, less holds it back.

        Args:
            direct: float32 [n], 0 to 1, how much a movie's own text has of it.
            like: int32, movies that are wanted all the same.
            told: float32 [n], 0 to 1, how well known it is what each movie is about: where many of those nearest to a
                movie that are well known have it, the movie may have it, too. None where nearness does not count.
        """
        said = direct > REFUSED
        said[like] = False
        refused, seeds = said.astype(np.float32), np.flatnonzero(said).astype(np.int32)
        if len(seeds) and told is not None:
            having = self._scorer.pull(seeds, np.ones(len(seeds), np.float32))
            others = self._near_told(told) - self._scorer.pull(seeds, told[seeds])
            chance = having / np.maximum(having + others, np.float32(1e-6))
            refused = np.maximum(refused, np.clip(chance / REFUSED_CHANCE, 0, 1) * (1 - REFUSED_TOLD * told))
        return refused

    def _near_told(self, told: Floats) -> Floats:
        """Nearness of all movies to those that are well known, float32 [n]; the last is kept."""
        if self._told is None or self._told[0] is not told:
            seeds = np.flatnonzero(told).astype(np.int32)
            self._told = told, self._scorer.pull(seeds, told[seeds])
        return self._told[1]

    def _with_neighbours(self, direct: Floats, fitting: Floats) -> Floats:
        """Matches, and those near to the best of them in taste."""
        leaders = np.argsort(-direct, kind="stable")[:MATCH_SEEDS].astype(np.int32)
        best = float(direct[leaders[0]]) if len(leaders) else 0.0
        if best <= 0:
            return direct
        pull = self._scorer.pull(leaders, (direct[leaders] / best) ** 2)
        place = min(MATCH_BAR, len(pull))
        bar = max(float(np.partition(pull, -place)[-place]), 1e-9)
        near = np.clip(pull / bar, 0, 1) * np.float32(MATCH_PULL * best)
        joined: Floats = direct + (1 - direct) * near * fitting
        return joined

    def _like_these(self, like: Indices, direct: Floats, fitting: Floats) -> Floats:
        """Likeness to movies, raised by what is wished for besides."""
        near = self._scorer.alike(like).mean(axis=0) if self.fitted else self._scorer.near(like).mean(axis=0)
        near = (np.maximum(near, 0) / max(float(near.max()), 1e-9)) ** LIKE_POWER
        best = float(direct.max(initial=0))
        matched: Floats = near * fitting * (1 + direct / best) / 2 if best > 0 else near * fitting
        return matched

    def vary(self, ordered: Indices, *, k: int, diversity: float, novelty: float) -> Longs:
        """Choose from a list that something else has ordered, best first; places in it, int64 [k].

        Args:
            ordered: int32 [m], the list, longer than k to have a choice.
            k: how many.
            diversity: as for `recommend`.
            novelty: as for `recommend`.
        """
        relevance = np.linspace(1, 0, len(ordered), dtype=np.float32)
        if novelty and k > 0 and len(ordered):
            here, count = np.ones(len(ordered), bool), self.movies.rating_count[ordered]
            usual = float(np.median(count[:k]))
            relevance = finds(relevance, here, usual, count, self._quality[ordered], novelty)
        if not diversity:
            return np.argsort(-relevance, kind="stable")[:k]
        return mmr(unit(relevance), self._vectors[ordered], k, diversity)

    def because(self, profile: Profile, movie_index: int, k: int = WHY) -> Reasons:
        """Reasons for a movie's score: the person's own movies with the largest shares, the others, popularity."""
        profile = profile.latest()
        weight = self._fold_in(profile)
        scores = self._scorer.scores(profile.movie_index, weight)
        return self._reasons(profile.movie_index, weight, scores, np.array([movie_index], np.int32), k)[0]

    def shares(self, profile: Profile, movie_index: int) -> list[Reason]:
        """The shares of all the person's movies in a movie's score by taste, its sum, in the profile's order."""
        profile = profile.latest()
        weight = self._fold_in(profile)
        scores = self._scorer.scores(profile.movie_index, weight)
        row = self._scorer.shares(profile.movie_index, weight, scores, np.array([movie_index], np.int32))[0]
        return [Reason(int(index), float(share)) for index, share in zip(profile.movie_index, row, strict=True)]

    def scores(self, profile: Profile) -> Scores:
        """Scores of every movie by a person's ratings and by popularity."""
        profile = profile.latest()
        return self._scorer.scores(profile.movie_index, self._fold_in(profile))

    def predict_rating(self, profile: Profile, movie_index: int) -> Prediction:
        """The stars a person would give (`taste.stars.estimate`), and the range that holds four ratings of five."""
        profile = profile.latest()
        residual = profile.stars - self._damped[profile.movie_index]
        near = self._scorer.near(np.array([movie_index], np.int32), profile.movie_index)[0]
        stars, weight = estimate(float(self._damped[movie_index]), residual, near)
        support = int(self.movies.rating_count[movie_index])
        low, high = (edge * deviation(support) for edge in spread_at(self.spread, len(profile)))
        low, high, stars = (float(np.clip(edge, 0.5, 5)) for edge in (stars + low, stars + high, stars))
        return Prediction(stars, low, high, support, int((weight > 0.01).sum()))

    def next_question(self, profile: Profile, k: int = 5) -> Indices:
        """Movies whose rating would tell most about this person, among those popular enough to be known; int32 [k].

        Greedy D-optimal design over the movies' vectors: the next is the one whose rating has the largest variance
        given those already known, times how likely the person knows it (Rubens et al. 2015, "Active learning in
        recommender systems").
        """
        profile = profile.latest()
        known = self._known.astype(np.float64) ** 4
        known[profile.movie_index] = 0
        pool = np.argsort(-known, kind="stable")[: max(KNOWN_ENOUGH, 4 * k)]
        pool = (
            pool[known[pool] > 0]
            if known.any()
            else np.setdiff1d(np.arange(len(known)), profile.movie_index)[:KNOWN_ENOUGH]
        )
        vectors = self._taste_vectors(np.concatenate([pool, profile.movie_index]).astype(np.int32), pool)
        return pool[most_telling(vectors[: len(pool)], known[pool] + 1e-9, vectors[len(pool) :], k)].astype(np.int32)

    def _open(self, allowed: Mask | None, exclude: Indices, seen: Indices) -> Mask:
        """The movies that may appear."""
        open_ = np.ones(len(self.movies), bool) if allowed is None else allowed.copy()
        open_[exclude] = False
        open_[seen] = False
        return open_

    def _fold_in(self, profile: Profile) -> Floats:
        """The weights of each of a person's ratings, float32 [k, 2]: for taste, and for what comes next."""
        sitting = self.config.sitting
        fresh = freshness(profile, sitting.memory, sitting.pause)
        said = signal(profile.stars, self.config.fold_in, profile.mean)
        return np.stack([said * (1 + sitting.recency * fresh), sitting.weight * fresh], axis=1).astype(np.float32)

    def _likeness(self, seeds: Indices, by: By) -> Floats:
        """Likeness of all movies to each seed; float32 [s, n]."""
        if by == "both" and self.fitted:
            return self._scorer.alike(seeds)
        return self._scorer.near(seeds, taste=by != "content", content=by != "taste")

    def _select(
        self, taste: Floats, popularity: Floats, k: int, open_: Mask, diversity: float, novelty: float
    ) -> Indices:
        """The list: the best, or as little known and as varied as is asked for."""
        values: Floats = taste + popularity
        if novelty and k > 0 and open_.any():
            usual = float(np.median(self.movies.rating_count[best(values, open_, k)]))
            less = taste + np.float32(1 - novelty) * popularity
            values = finds(less, open_, usual, self.movies.rating_count, self._quality, novelty)
        return select(values, k, open_, self._vectors, diversity)

    def _reasons(self, index: Indices, weight: Floats, scores: Scores, of: Indices, k: int = WHY) -> list[Reasons]:
        """The exact shares of `index` in the scores of the movies `of`; what is not liked is no reason by itself."""
        shares, liked = self._scorer.shares(index, weight, scores, of), weight[:, 0] > 0
        return reasons_of(index[liked], shares[:, liked], scores.taste[of], scores.popularity[of], k)

    def _taste_vectors(self, index: Indices, landmarks: Longs) -> Floats:
        """Vectors that tell people apart: nearness to some well known movies, and content; unit rows."""
        vectors = self._vectors[index]
        if self.fitted:
            near = (self.mix[index] @ self.near @ self.mix[landmarks].T).toarray()
            vectors = np.concatenate([near, 0.3 * vectors], axis=1).astype(np.float32)
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return vectors

    def _first_screen(self, k: int, open_: Mask, diversity: float, novelty: float) -> Ranked:
        """A list that anybody may like, varied."""
        nothing = np.zeros_like(self.popularity)
        index = self._select(nothing, self.popularity, k, open_, max(diversity, 0.4), novelty)
        return Ranked(
            index, self.popularity[index], "popular", [Reasons([], 0.0, float(self.popularity[i])) for i in index]
        )


def _basis(weight: Floats) -> Basis:
    """Personal where anything is liked; of dislikes alone a list knows what to leave out, not what suits."""
    return "personal" if (weight[:, 0] > 0).any() else "popular"


def _parts(each: Sequence[Floats], open_: Mask, how: str) -> Floats:
    """The part of each person's scores in a group's, float32 [people, n]: all alike, or only the least pleased's."""
    units = 1 / np.array([[max(float(scores[open_].max(initial=0)), 1e-9)] for scores in each], np.float32)
    if how == "average":
        return np.repeat(units / np.float32(len(each)), len(open_), axis=1)
    least = (np.stack(each) * units).argmin(axis=0)
    parts: Floats = np.where(least == np.arange(len(each))[:, None], units, np.float32(0))
    return parts


def _version(config: Config, ratings: Ratings) -> str:
    """Names hyper-parameters and data."""
    digest = hashlib.blake2b(repr(config).encode(), digest_size=6)
    for array in (ratings.indptr, ratings.movie_index, ratings.stars, ratings.timestamp):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


if __name__ == "__main__":
    runpy.run_module("commands.recommend", run_name="__main__")
