"""The recommender: arrays in, arrays out. Knows neither SQL, HTTP, asyncio nor the files of MovieLens.

`python recommend.py fit|tune|embed|evaluate` works on the catalogue (commands/recommend.py).

Every movie is written as a mix N of the movies with enough ratings (itself, or its nearest by content), so one matrix B
of taste answers for all: a person with weights x on movies has the scores N Bᵀ Nᵀ x, and each rating's share in a score
is exact.
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
from taste.interactions import Floats, Indices, Longs, Mask, Movies, Profile, Ratings, freshness, signal
from taste.learning import Config, Fit, Progress, learn
from taste.ranking import NOTHING, Ranked, Reason, mmr, most_telling, select, standard, top_reasons, unit
from taste.stars import USUAL_SPREAD, deviation, estimate, measure_spread, spread_at
from taste.weights import Weights

FORMAT = 3  # of a saved model
COLUMNS = ("movie_ids", "years", "rating_count", "rating_mean")  # of the movies, in one file
ARRAYS = ("weights", "scale", "dense", "spread")  # of the model, a file each
SPARSE = ("near", "mix", "following")
TO_BE_TUNED = "to be tuned"  # in place of what was chosen for a model, until it is
VECTOR_WIDTH = 64  # of the projected content by which lists are varied
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
        popularity: float32 [n], 0 to 1: damped mean times the logarithm of the number of ratings.
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
        self.popularity = _popularity(movies)
        known = np.log1p(movies.rating_count)
        self._known = (known / max(known.max(initial=0), 1)).astype(np.float32)
        self._damped = movies.damped_means()
        self._vectors = project(movies.features, VECTOR_WIDTH)
        self._by_feature = movies.features.T.tocsr()
        self._mix_t = self.mix.T.tocsr()
        self._strength = np.full(len(movies), config.cold, np.float32)
        self._strength[fit.dense] = 1

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
        model.spread = measure_spread(ratings, movies, lambda of, to: model._near(of, "both", targets=to))
        return model

    @classmethod
    def unfitted(cls, movies: Movies, config: Config | None = None) -> Recommender:
        """Bayesian popularity and content alone, until a fitted one is ready."""
        none = Weights(np.empty((0, 0, 1), np.int8), np.empty((0, 0), np.float32))
        mix = sp.csr_array((len(movies), 0), dtype=np.float32)
        near = sp.csr_array((0, 0), dtype=np.float32)
        return cls(movies, config or Config(), Fit(NOTHING, none, near, mix, near), "unfitted")

    def with_config(self, config: Config) -> Recommender:
        """The same fit under another fold-in, prior or factor for cold movies."""
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
        folder = whole_folder(folder)
        meta = json.loads((folder / "model.json").read_text())
        if (meta["format"], meta["content_hash"]) != (FORMAT, content_hash):
            raise ValueError(f"the model in {folder} belongs to another catalogue")
        near, mix, following = (sp.load_npz(folder / f"{name}.npz") for name in SPARSE)
        # Not mapped: a mapped file that someone cuts kills the process.
        values, scale, dense, spread = (np.load(folder / f"{name}.npy") for name in ARRAYS)
        fit = Fit(dense, Weights(values, scale), near, mix, following)
        with np.load(folder / "movies.npz") as columns:
            movies = Movies(features=sp.load_npz(folder / "features.npz"), **{name: columns[name] for name in COLUMNS})
        model = cls(movies, Config.of(meta["config"]), fit, meta["version"])
        model.tuning, model.spread = meta["tuning"], spread
        return model

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
            novelty: 0 to 1, how much popular movies are held back.
            explain: whether reasons are given.
        """
        profile = profile.latest()
        open_ = self._open(allowed, exclude, profile.movie_index if exclude_seen else NOTHING)
        if not len(profile):
            return self._first_screen(k, open_, diversity, novelty)
        scores = self._personal(profile)
        index = select(self._held_back(scores, open_, novelty), k, open_, self._vectors, diversity)
        reasons = self._reasons(profile.movie_index, self._fold_in(profile), index) if explain else [[] for _ in index]
        return Ranked(index, scores[index], "personal", reasons)

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
        seen = np.concatenate([NOTHING, *(profile.movie_index for profile in known)])
        open_ = self._open(allowed, exclude, seen)
        if not known:
            return self._first_screen(k, open_, diversity, novelty)
        each = np.stack([standard(self._personal(profile), open_) for profile in known])
        scores = each.mean(axis=0) if how == "average" else each.min(axis=0)
        index = select(self._held_back(scores, open_, novelty), k, open_, self._vectors, diversity)
        weight: Floats = (np.concatenate([self._fold_in(profile) for profile in known]) / len(known)).astype(np.float32)
        return Ranked(index, scores[index], "personal", self._reasons(seen, weight, index))

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
        near = self._near(seeds, by)
        scores = near[0] if len(seeds) == 1 else np.exp(np.log(near + np.float32(0.01)).mean(axis=0)) - np.float32(0.01)
        index = select(self._held_back(scores, open_, novelty), k, open_, self._vectors, diversity)
        shares = near[:, index].T / len(seeds)
        return Ranked(index, scores[index], "seeds", [top_reasons(seeds, row, 3) for row in shares])

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
        return Ranked(index, scores[index], "seeds", [[] for _ in index])

    def vary(self, ordered: Indices, *, k: int, diversity: float, novelty: float) -> Longs:
        """Choose from a list that something else has ordered, best first; places in it, int64 [k].

        Args:
            ordered: int32 [m], the list, longer than k to have a choice.
            k: how many.
            diversity: as for `recommend`.
            novelty: 0 to 1, from the given order to that of the least known.
        """
        unknown = 1 - unit(self._known[ordered])
        relevance = (1 - novelty) * np.linspace(1, 0, len(ordered), dtype=np.float32) + novelty * unknown
        if not diversity:
            return np.argsort(-relevance, kind="stable")[:k]
        return mmr(unit(relevance), self._vectors[ordered], k, diversity)

    def because(self, profile: Profile, movie_index: int, k: int = 3) -> list[Reason]:
        """The person's own movies with the largest shares in a movie's linear score, largest first."""
        profile = profile.latest()
        return self._reasons(profile.movie_index, self._fold_in(profile), np.array([movie_index], np.int32), k)[0]

    def shares(self, profile: Profile, movie_index: int) -> list[Reason]:
        """The shares of all the person's movies in a movie's `linear_score`, its sum, in the profile's order."""
        profile = profile.latest()
        row = self._shares(profile.movie_index, self._fold_in(profile), np.array([movie_index], np.int32))[0]
        return [Reason(int(index), float(share)) for index, share in zip(profile.movie_index, row, strict=True)]

    def linear_score(self, profile: Profile, movie_index: int) -> float:
        """A movie's score without the prior."""
        profile = profile.latest()
        return float(self._linear(profile.movie_index, self._fold_in(profile))[movie_index])

    def predict_rating(self, profile: Profile, movie_index: int) -> Prediction:
        """The stars a person would give (`taste.stars.estimate`), and the range that holds four ratings of five."""
        profile = profile.latest()
        residual = profile.stars - self._damped[profile.movie_index]
        near = self._near(np.array([movie_index], np.int32), "both", targets=profile.movie_index)[0]
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

    def _linear(self, index: Indices, weight: Floats) -> Floats:
        """Scores of all movies from weights on some."""
        if not self.fitted:
            features, liking = self.movies.features, weight[:, 0]
            about = features[index].T @ liking / max(float(np.abs(liking).sum()), 1e-9)
            return np.asarray(features @ about, np.float32)
        row = self.mix[index].T @ weight
        places = np.flatnonzero(row[:, 0]).astype(np.int32)
        dense = self.weights.apply(places, row[places, 0])
        recent = np.flatnonzero(row[:, 1])
        if len(recent):
            dense += self.following[recent].T @ row[recent, 1]
        scores: Floats = (self.mix @ dense) * self._strength
        return scores

    def _personal(self, profile: Profile) -> Floats:
        """Linear scores and the prior, which shrinks as ratings come."""
        scores = self._linear(profile.movie_index, self._fold_in(profile))
        personal: Floats = scores + np.float32(self.config.prior / np.sqrt(len(profile))) * self._known
        return personal

    def _held_back(self, scores: Floats, open_: Mask, novelty: float) -> Floats:
        """Scores less what is popular, in units of the deviation of the scores."""
        if not novelty or not open_.any():
            return scores
        held: Floats = scores - np.float32(4 * novelty * scores[open_].std()) * self._known
        return held

    def _reasons(self, index: Indices, weight: Floats, targets: Indices, k: int = 3) -> list[list[Reason]]:
        """The exact shares of `index` in the linear scores of `targets`, the largest k; dislikes are no reasons."""
        kept = weight[:, 0] > 0
        if not kept.any():
            return [[] for _ in targets]
        return [top_reasons(index[kept], row, k) for row in self._shares(index, weight, targets)[:, kept]]

    def _shares(self, index: Indices, weight: Floats, targets: Indices) -> Floats:
        """float32 [targets, index]: how much of each target's linear score comes from each movie."""
        if not self.fitted:
            alike = (self.movies.features[targets] @ self.movies.features[index].T).toarray()
            liking = weight[:, 0]
            return np.asarray(alike * liking / max(float(np.abs(liking).sum()), 1e-9), np.float32)
        sources, ends = self.mix[index], self.mix[targets]
        rows, columns = np.unique(sources.indices), np.unique(ends.indices)
        part = sources[:, rows] @ self.weights.part(rows, columns)
        shares = (ends[:, columns] @ part.T) * weight[:, 0]
        if weight[:, 1].any():
            shares += (ends @ self.following.T @ sources.T).toarray() * weight[:, 1]
        return np.asarray(shares * self._strength[targets][:, None], np.float32)

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
        scores = self._held_back(self.popularity, open_, novelty)
        index = select(scores, k, open_, self._vectors, max(diversity, 0.4))
        return Ranked(index, self.popularity[index], "popular", [[] for _ in index])


def _popularity(movies: Movies) -> Floats:
    """Damped mean times log(1 + n), 0 to 1."""
    count = np.log1p(movies.rating_count)
    most = max(float(count.max(initial=0)), 1)
    score: Floats = (movies.damped_means() / 5 * (0.05 + count) / (0.05 + most)).astype(np.float32)
    return score


def _version(config: Config, ratings: Ratings) -> str:
    """Names hyper-parameters and data."""
    digest = hashlib.blake2b(repr(config).encode(), digest_size=6)
    for array in (ratings.indptr, ratings.movie_index, ratings.stars, ratings.timestamp):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


if __name__ == "__main__":
    runpy.run_module("commands.recommend", run_name="__main__")
