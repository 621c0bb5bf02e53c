"""The recommender: arrays in, arrays out. Knows neither SQL, HTTP, asyncio nor the files of MovieLens.

`python recommend.py fit|tune|embed|evaluate` works on the catalogue (commands/recommend.py).

Every movie is written as a mix N of the movies with enough ratings (itself, or its nearest by content), so one matrix B
of taste answers for all: a person with weights x on movies has the scores N Bᵀ Nᵀ x. While likes are few, nearness by
who likes them is added, and scores rise where a movie is about the same things. What everybody likes is added last,
less with each like. Each rating's share in a score, and that of popularity, is exact.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import runpy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from files import new_folder, whole_folder
from taste.content import project
from taste.factors import fold_in
from taste.interactions import Floats, Indices, Longs, Mask, Movies, Profile, Ratings, recency, signal
from taste.learning import Config, Fit, Progress, learn
from taste.ranking import (
    NOTHING,
    Ranked,
    Reason,
    Reasons,
    Scores,
    best,
    finds,
    mmr,
    most_telling,
    reasons_of,
    select,
    unit,
)
from taste.weights import Weights

FORMAT = 2  # of a saved model
COLUMNS = ("movie_ids", "years", "rating_count", "rating_mean")  # of the movies, in one file
ARRAYS = ("weights", "scale", "dense", "factors")  # of the model, a file each
VECTOR_WIDTH = 64  # of the projected content by which lists are varied
# For somebody with few likes, chosen by hand-judged lists beside held-out likes (benchmarks/README.md): in units of a
# telling weight of B, of which a like counts 1 and more.
WHY = 3  # own movies named as reasons
POPULAR = 6.0  # weight of popularity at one like, less in proportion with each further one
NEAR = 0.3  # of nearness by who likes both, the same
CONTENT = 5.0  # by so much a score is raised at most where a movie is about the very same
NEAR_OF_SEEDS = 1.5  # the same, where movies like one are asked for
FEW = 20.0  # likes from which nearness and content add nothing
OF_CONTENT = 4.0  # of content where there is no model of taste
TELLING = 10  # of the movies nearest to one, that whose weight is the unit
SAMPLED = 200  # movies, the best known, over which the median of the unit is taken
SUPPORT = 50  # ratings of a seed at which who likes it counts twice as much as what it is
KNOWN_ENOUGH = 120  # movies, the best known, among which a question is sought
MATCH_PULL, MATCH_POPULAR = 0.3, 0.3  # of neighbours and popularity, beside a text's own match of 1

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


class Recommender:
    """Ranks movies for a person, a group, seeds or a text; see the module's docstring for the model.

    Attributes:
        fitted: whether there is a model of taste; without, popularity and content serve.
        version: names model and data; lists of equal versions are comparable.
        config: the hyper-parameters in use.
        movies: the catalogue.
        popularity: float32 [n], 0 to 1: the logarithm of how many liked a movie, by its number of ratings and mean.
        dense: int32 [d], the movies in the linear model.
        weights: B, [d, d].
        near: csr_array float32 [d, d], nearness by who likes them.
        factors: float32 [d, width], of the factor model; width 0 where there is none.
        mix: csr_array float32 [n, d], each movie as a mix of dense ones (N).
    """

    def __init__(self, movies: Movies, config: Config, fit: Fit, version: str) -> None:
        self.movies, self.config, self.version = movies, config, version
        self.dense, self.weights, self.factors = fit.dense, fit.weights, fit.factors
        self.near, self.mix = fit.near, fit.mix
        self._fit = fit
        self._common = fit.factors.T @ fit.factors
        self.fitted = len(fit.dense) > 0
        self.popularity = _popularity(movies)
        known = np.log1p(movies.rating_count)
        self._known = (known / max(known.max(initial=0), 1)).astype(np.float32)
        self._damped = movies.damped_means()
        self._quality = self._damped - np.float32(movies.mean_stars)
        self._vectors = project(movies.features, VECTOR_WIDTH)
        self._by_feature = movies.features.T.tocsr()
        self._mix_t = self.mix.T.tocsr()
        self._strength = np.full(len(movies), config.cold, np.float32)
        self._strength[fit.dense] = 1
        self._unit = self._telling_weight()

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
        return cls(movies, config, fit, _version(config, ratings)) if fit else cls.unfitted(movies, config)

    @classmethod
    def unfitted(cls, movies: Movies, config: Config | None = None) -> Recommender:
        """Bayesian popularity and content alone, until a fitted one is ready."""
        none = Weights(np.empty((0, 0, 1), np.int8), np.empty((0, 0), np.float32))
        mix = sp.csr_array((len(movies), 0), dtype=np.float32)
        near = sp.csr_array((0, 0), dtype=np.float32)
        return cls(movies, config or Config(), Fit(NOTHING, none, near, mix, np.empty((0, 0), np.float32)), "unfitted")

    def with_config(self, config: Config) -> Recommender:
        """The same fit under another fold-in, prior or factor for cold movies."""
        return Recommender(self.movies, config, self._fit, self.version)

    def save(self, folder: Path, content_hash: str) -> None:
        """Write the model as a folder, whole or not at all; an older one there is replaced.

        Args:
            folder: where; its parent exists.
            content_hash: names the catalogue the model belongs to.
        """
        meta = {"format": FORMAT, "content_hash": content_hash, "version": self.version}
        with new_folder(folder) as part:
            np.savez(part / "movies.npz", **{name: getattr(self.movies, name) for name in COLUMNS})
            sp.save_npz(part / "features.npz", self.movies.features, compressed=False)
            sp.save_npz(part / "near.npz", self.near, compressed=False)
            sp.save_npz(part / "mix.npz", self.mix, compressed=False)
            arrays: list[npt.NDArray[Any]] = [self.weights.values, self.weights.scale, self.dense, self.factors]
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
        folder = whole_folder(folder)
        meta = json.loads((folder / "model.json").read_text())
        if (meta["format"], meta["content_hash"]) != (FORMAT, content_hash):
            raise ValueError(f"the model in {folder} belongs to another catalogue")
        near, mix = sp.load_npz(folder / "near.npz"), sp.load_npz(folder / "mix.npz")
        # Not mapped: a mapped file that someone cuts kills the process.
        values, scale, dense, factors = (np.load(folder / f"{name}.npy") for name in ARRAYS)
        fit = Fit(dense, Weights(values, scale), near, mix, factors)
        with np.load(folder / "movies.npz") as columns:
            movies = Movies(features=sp.load_npz(folder / "features.npz"), **{name: columns[name] for name in COLUMNS})
        return cls(movies, Config.of(meta["config"]), fit, meta["version"])

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
            novelty: 0 to 1, how little known the movies are: from 0.7 half as many ratings at most, 1 for finds.
            explain: whether reasons are given.
        """
        profile = profile.latest()
        open_ = self._open(allowed, exclude, profile.movie_index if exclude_seen else NOTHING)
        if not len(profile):
            return self._first_screen(k, open_, diversity, novelty)
        weight = self._fold_in(profile)
        scores = self._scores(profile.movie_index, weight)
        index = self._select(scores, k, open_, diversity, novelty)
        reasons = self._reasons(profile.movie_index, weight, index) if explain else []
        liked = bool((weight > 0).any())
        return Ranked(index, scores.sum[index], "personal" if liked else "popular", reasons)

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
        """Movies for several people at once: by the mean of their standardised scores, or by the least of them.

        Arguments as for `recommend`; a movie that any of them has seen counts as seen. Reasons are the movies of all.
        """
        known = [profile.latest() for profile in profiles if len(profile)]
        open_ = self._open(allowed, exclude, np.concatenate([NOTHING, *(profile.movie_index for profile in known)]))
        if not known:
            return self._first_screen(k, open_, diversity, novelty)
        people = [(profile.movie_index, self._fold_in(profile)) for profile in known]
        each = [self._scores(*person) for person in people]
        parts = _parts(each, open_, how)
        scores = Scores(
            np.sum([part * one.taste for part, one in zip(parts, each, strict=True)], axis=0),
            np.sum([part * one.popularity for part, one in zip(parts, each, strict=True)], axis=0),
        )
        index = self._select(scores, k, open_, diversity, novelty)
        own, place = np.unique(np.concatenate([own for own, _ in people]), return_inverse=True)
        shares = [self._shares(*person, index) * part[index, None] for person, part in zip(people, parts, strict=True)]
        together = np.zeros((len(index), len(own)), np.float32)
        np.add.at(together, (slice(None), place), np.hstack(shares))
        basis = "personal" if any((weight > 0).any() for _, weight in people) else "popular"
        return Ranked(index, scores.sum[index], basis, reasons_of(own, together, scores.of(index), WHY))

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
        near = self._near(seeds, by) if by != "both" or not self.fitted else self._alike(seeds)
        scores = near[0] if len(seeds) == 1 else np.exp(np.log(near + np.float32(0.01)).mean(axis=0)) - np.float32(0.01)
        alike = Scores(scores, np.zeros_like(scores))
        index = self._select(alike, k, open_, diversity, novelty)
        shares = near[:, index] / np.maximum(near[:, index].sum(axis=0), 1e-9) * scores[index]
        return Ranked(index, scores[index], "seeds", reasons_of(seeds, shares.T, alike.of(index), WHY))

    def match_text(self, matched: Indices, match_score: Floats, *, k: int = 10, allowed: Mask | None = None) -> Ranked:
        """Full-text hits, joined by their neighbours and by popularity. There are no reasons besides the words.

        Args:
            matched: int32 [m], the hits.
            match_score: float32 [m], the higher the better (BM25 with its sign turned).
            k: length of the list at most.
            allowed: bool [n].
        """
        if not len(matched):
            return Ranked(NOTHING, np.empty(0, np.float32), "seeds", [])
        match = (np.maximum(match_score, 0) / max(float(match_score.max()), 1e-9)).astype(np.float32)
        leaders = np.argsort(-match, kind="stable")[:20]
        pull = self._pull(matched[leaders], match[leaders] ** 2)
        scores = MATCH_PULL * pull / max(float(pull.max()), 1e-9)
        scores[matched] += match
        open_ = self._open(allowed, NOTHING, NOTHING) & (scores > 0)
        scores += MATCH_POPULAR * self.popularity
        index = select(scores, k, open_, self._vectors)
        return Ranked(index, scores[index], "seeds", [])

    def vary(self, ordered: Indices, *, k: int, diversity: float, novelty: float) -> Longs:
        """Choose from a list that something else has ordered, best first; places in it, int64 [k].

        Args:
            ordered: int32 [m], the list, longer than k to have a choice.
            k: how many.
            diversity: as for `recommend`.
            novelty: as for `recommend`.
        """
        relevance = np.linspace(1, 0, len(ordered), dtype=np.float32)
        if novelty:
            here, count = np.ones(len(ordered), bool), self.movies.rating_count[ordered]
            usual = float(np.median(count[:k]))
            relevance = finds(relevance, here, usual, count, self._quality[ordered], novelty)
        if not diversity:
            return np.argsort(-relevance, kind="stable")[:k]
        return mmr(unit(relevance), self._vectors[ordered], k, diversity)

    def because(self, profile: Profile, movie_index: int, k: int = WHY) -> Reasons:
        """Why a movie has its score: the person's own movies with the largest shares, the others, popularity."""
        profile, target = profile.latest(), np.array([movie_index], np.int32)
        weight = self._fold_in(profile)
        shares = self._shares(profile.movie_index, weight, target)
        return reasons_of(profile.movie_index, shares, self._scores(profile.movie_index, weight).of(target), k)[0]

    def scores(self, profile: Profile) -> Scores:
        """What a person's ratings and popularity say of every movie; the sums rank a list without variety."""
        profile = profile.latest()
        return self._scores(profile.movie_index, self._fold_in(profile))

    def shares(self, profile: Profile, movie_index: int) -> list[Reason]:
        """The shares of all the person's movies in a movie's score by taste, its sum, in the profile's order."""
        profile = profile.latest()
        row = self._shares(profile.movie_index, self._fold_in(profile), np.array([movie_index], np.int32))[0]
        return [Reason(int(index), float(share)) for index, share in zip(profile.movie_index, row, strict=True)]

    def predict_rating(self, profile: Profile, movie_index: int) -> Prediction:
        """The stars a person would give: damped means of movie and person, corrected by their ratings of near movies.

        r̂ = b_ui + Σ s_ij (r_uj − b_uj) / (1/4 + Σ s_ij), b_ui = movie's mean + person's mean deviation (Koren 2008,
        eq. 3 and 10).
        """
        profile = profile.latest()
        residual = profile.stars - self._damped[profile.movie_index]
        own = float(residual.sum()) / (len(profile) + 5)
        near = self._near(np.array([movie_index], np.int32), "both", targets=profile.movie_index)[0] ** 2
        correction = float(near @ (residual - own)) / (0.25 + float(near.sum()))
        stars = float(np.clip(self._damped[movie_index] + own + correction, 0.5, 5))
        support = int(self.movies.rating_count[movie_index])
        # Deviations measured on MovieLens: 0.9 stars on the whole, less for well known movies and people.
        spread = 1.28 * (0.77 + 0.25 / (1 + support) ** 0.5 + 0.15 / (1 + len(profile)) ** 0.5)
        return Prediction(stars, max(0.5, stars - spread), min(5.0, stars + spread), support, int((near > 0.01).sum()))

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
        """The weight of each of a person's ratings."""
        said = signal(profile.stars, self.config.fold_in, profile.mean)
        return said * recency(profile.timestamp, self.config.recency, self.config.recency_span)

    def _scores(self, index: Indices, weight: Floats, near: float = NEAR) -> Scores:
        """What weights on some movies say of all; see the module's docstring.

        Args:
            index: int32 [m].
            weight: float32 [m], above 0 for likes.
            near: weight of nearness by who likes both.
        """
        likes = float(np.maximum(weight, 0).sum())
        popular = np.float32(POPULAR / max(likes, 1)) * self.popularity
        if not self.fitted:
            about = self.movies.features[index].T @ weight / max(float(np.abs(weight).sum()), 1e-9)
            return Scores(np.asarray(OF_CONTENT * (self.movies.features @ about), np.float32), popular)
        row = self.mix[index].T @ weight
        places = np.flatnonzero(row).astype(np.int32)
        dense = self.weights.apply(places, row[places]) / self._unit
        fade, liked = _fade(likes), np.flatnonzero(weight > 0)
        if fade and len(liked):
            row = self.mix[index[liked]].T @ weight[liked]
            places = np.flatnonzero(row)
            dense += np.float32(near * fade) * (self.near[places].T @ row[places])
        taste = (self.mix @ dense) * self._strength
        if self.config.factors.weight and self.factors.shape[1]:
            taste += self._by_factors(index, weight, float(taste.std()))
        return Scores(taste * self._raised(index, weight), popular)

    def _raised(self, index: Indices, weight: Floats, targets: Indices | None = None) -> Floats | float:
        """The factor by which scores rise where a movie is about what the likes are about.

        Args:
            index: int32 [m].
            weight: float32 [m].
            targets: int32 [t], the movies to be looked at; None for all.
        """
        liked = np.flatnonzero(weight > 0)
        likes = float(weight[liked].sum())
        if not (fade := _fade(likes)) or not len(liked):
            return 1.0
        about = sp.csr_array((weight[liked] / np.float32(likes))[None, :]) @ self.movies.features[index[liked]]
        others = self._by_feature if targets is None else self.movies.features[targets].T
        raised: Floats = (1 + CONTENT * fade * (about @ others).toarray()[0]).astype(np.float32)
        return raised

    def _by_factors(self, index: Indices, weight: Floats, unit: float) -> Floats:
        """The factor model's scores with their weight against the linear ones of deviation `unit`."""
        share = self.config.factors.weight
        row = self.mix[index].T @ weight
        places = np.flatnonzero(row > 0).astype(np.int32)
        scores = self.mix @ fold_in(self.factors, self._common, places, row[places], self.config.factors)
        weighted: Floats = (
            scores * self._strength * (share / (1 - share) * unit / max(float(scores.std()), 1e-9))
        ).astype(np.float32)
        return weighted

    def _select(self, scores: Scores, k: int, open_: Mask, diversity: float, novelty: float) -> Indices:
        """The list: the best, or as little known and as varied as is asked for."""
        values = scores.sum
        if novelty and open_.any() and k > 0:
            usual = float(np.median(self.movies.rating_count[best(values, open_, k)]))
            values = scores.taste + np.float32(1 - novelty) * scores.popularity
            values = finds(values, open_, usual, self.movies.rating_count, self._quality, novelty)
        return select(values, k, open_, self._vectors, diversity)

    def _shares(self, index: Indices, weight: Floats, targets: Indices) -> Floats:
        """float32 [targets, index]: how much of each target's score by taste comes from each movie."""
        if not self.fitted:
            alike = (self.movies.features[targets] @ self.movies.features[index].T).toarray()
            return np.asarray(OF_CONTENT * alike * weight / max(float(np.abs(weight).sum()), 1e-9), np.float32)
        sources, ends = self.mix[index], self.mix[targets]
        rows, columns = np.unique(sources.indices), np.unique(ends.indices)
        part = sources[:, rows] @ self.weights.part(rows, columns) / self._unit
        if fade := _fade(float(np.maximum(weight, 0).sum())):
            part[weight > 0] += NEAR * fade * (sources[weight > 0] @ self.near[:, columns]).toarray()
        factor = self._strength[targets] * self._raised(index, weight, targets)
        return np.asarray((ends[:, columns] @ part.T) * weight * factor[:, None], np.float32)

    def _alike(self, seeds: Indices) -> Floats:
        """Likeness of all movies to each seed: what a person who likes that one alone is told; float32 [s, n]."""
        one = np.ones(1, np.float32)
        rows = [self._scores(seeds[i : i + 1], one, NEAR_OF_SEEDS).taste for i in range(len(seeds))]
        return np.maximum(np.stack(rows), 0)

    def _near(self, seeds: Indices, by: By, *, targets: Indices | None = None) -> Floats:
        """Nearness of movies to each seed, about 0 to 1; the fewer ratings a seed has, the more its content counts.

        Args:
            seeds: int32 [s].
            by: what counts.
            targets: int32 [t], the movies to be looked at; None for all.

        Returns:
            float32 [s, n], or with t for n.
        """
        about, mix = self.movies.features[seeds], self.mix[seeds]
        trust = np.ones(len(seeds)) if by == "taste" else self._trust(seeds)
        content = (about @ (self._by_feature if targets is None else self.movies.features[targets].T)).toarray()
        if by == "content" or not self.fitted:
            return np.asarray(content, np.float32)
        taste = (mix @ self.near @ (self._mix_t if targets is None else self.mix[targets].T)).toarray()
        taste *= self._strength if targets is None else self._strength[targets]
        taste *= trust.astype(np.float32)[:, None]
        if by == "both":
            content *= np.float32(0.5)
            taste += content
        return np.asarray(taste, np.float32)

    def _pull(self, seeds: Indices, weight: Floats) -> Floats:
        """Nearness by both of all movies to weighted seeds together, float32 [n]; faster than rows of a matrix."""
        content: Floats = self.movies.features @ (self.movies.features[seeds].T @ weight)
        if not self.fitted:
            return content
        row = self.mix[seeds].T @ (weight * self._trust(seeds)).astype(np.float32)
        places = np.flatnonzero(row)
        taste: Floats = self._strength * (self.mix @ (self.near[places].T @ row[places]))
        return taste + np.float32(0.5) * content

    def _trust(self, seeds: Indices) -> npt.NDArray[np.float64]:
        """The weight of who likes a seed beside what it is: more with its ratings."""
        count = self.movies.rating_count[seeds]
        trust: npt.NDArray[np.float64] = 0.5 + count / (count + SUPPORT)
        return trust

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
        scores = Scores(np.zeros(len(self.movies), np.float32), self.popularity)
        index = self._select(scores, k, open_, max(diversity, 0.4), novelty)
        return Ranked(index, self.popularity[index], "popular", [])

    def _telling_weight(self) -> np.float32:
        """The weight in B of a movie that is near: the tenth largest of a row, median over well known movies."""
        known = np.argsort(-self.movies.rating_count[self.dense], kind="stable")[:SAMPLED].astype(np.int32)
        place = min(TELLING, len(self.dense))
        rows = [self.weights.apply(known[i : i + 1], np.ones(1, np.float32)) for i in range(len(known))]
        found = float(np.median([np.partition(row, -place)[-place] for row in rows])) if rows else 0.0
        return np.float32(found if found > 0 else 1)


def _fade(likes: float) -> float:
    """What nearness and content weigh beside the linear model: 1 at one like, 0 where likes are many."""
    return max(0.0, 1 / max(likes, 1) - 1 / FEW)


def _parts(each: Sequence[Scores], open_: Mask, how: str) -> list[Floats]:
    """The part that each person's scores have in those of a group, by movie; each float32 [n].

    A person's scores count in units of the best that they could be shown. By least misery the one decides who would
    be least pleased.
    """
    tops = [max(float(one.sum[open_].max(initial=0)), 1e-9) for one in each]
    if how == "average":
        return [np.full(len(open_), 1 / (top * len(each)), np.float32) for top in tops]
    least = np.argmin([one.sum / top for one, top in zip(each, tops, strict=True)], axis=0)
    return [np.where(least == i, 1 / top, 0).astype(np.float32) for i, top in enumerate(tops)]


def _popularity(movies: Movies) -> Floats:
    """The logarithm of 1 + how many liked a movie, 0 to 1.

    With a mean of 3.5 about half the ratings are 4 stars or more, with each half star a fifth more or less.
    """
    liked = movies.rating_count * np.clip((movies.damped_means() - 2.4) / 2.2, 0.02, 1)
    score = np.log1p(liked)
    return (score / max(float(score.max(initial=0)), 1e-9)).astype(np.float32)


def _version(config: Config, ratings: Ratings) -> str:
    """Names hyper-parameters and data."""
    digest = hashlib.blake2b(repr(config).encode(), digest_size=6)
    for array in (ratings.indptr, ratings.movie_index, ratings.stars, ratings.timestamp):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


if __name__ == "__main__":
    runpy.run_module("commands.recommend", run_name="__main__")
