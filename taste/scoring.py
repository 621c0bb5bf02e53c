"""Scores of all movies from weights on some, in their two parts, and the exact share of each movie in them.

A score by taste is N Bᵀ Nᵀ x for weights x, with what comes next in a sitting. While likes are few three things are
done besides, and fade: nearness is added, by who likes both and by what is liked soon after; scores rise where a movie
is about the same things; those far from the best fall back, so that what is nearest leads. What everybody likes is
added last; it weighs less with each like, and least where many rated what is liked. Each step multiplies a movie's
whole score or adds to a like's part of it, so that shares stay exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from taste.interactions import Floats, Indices, Movies, Sparse
from taste.learning import Config, Fit

# Chosen by lists judged by hand beside held-out likes (benchmarks/README.md), in units of a telling weight of B.
POPULAR = 8.0  # weight of popularity ...
DOUBT, RATED = 0.5, 4  # ... over this and the likes, each counted in full only where far more ratings than this are
MIDDLING = 0.5  # popularity that speaks neither for nor against a movie
NEAR, NEAR_OF_SEEDS = 0.6, 1.5  # weight of nearness by who likes both: for a person, for movies like one
SOON = 70.0  # of what is liked soon after what is liked
CONTENT = 5.0  # by so much a score is raised at most where a movie is about the very same
FEW = 20.0  # likes from which nothing is done besides
OF_CONTENT = 10.0  # weight of content where there is no model of taste
NEAREST = 3_000  # movies, about, the nearest by taste, that rise by what they are about ...
SAMPLE = 4_000  # ... estimated from about so many
TELLING = 10  # the unit is the weight of the movie so many places from the nearest ...
SAMPLED = 200  # ... in the median over so many well known movies
FEW_ROWS = 40  # of a sparse matrix that are added one by one
SUPPORT = 50  # ratings of a movie at which who likes it counts twice as much as what it is


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of all movies, in their two parts.

    Attributes:
        taste: float32 [n], what the person's own ratings say.
        popularity: float32 [n], what everybody likes, against what is middling in that.
        factor: float32 [n], by which the parts of all own ratings in a movie's score are multiplied.
    """

    taste: Floats
    popularity: Floats
    factor: Floats

    @property
    def sum(self) -> Floats:
        whole: Floats = self.taste + self.popularity
        return whole


class Scorer:
    """Scores over one fit.

    Attributes:
        popularity: float32 [n], 0 to 1: the logarithm of how many liked a movie, by its number of ratings and mean.
    """

    def __init__(self, movies: Movies, config: Config, fit: Fit) -> None:
        self.movies, self.fit = movies, fit
        self.fitted = len(fit.dense) > 0
        self.popularity = _popularity(movies)
        self._by_feature = movies.features.T.tocsr()
        self._mix_t = fit.mix.T.tocsr()
        self._strength = np.full(len(movies), config.cold, np.float32)
        self._strength[fit.dense] = 1
        self._unit = self._telling_weight()

    def scores(self, index: Indices, weight: Floats) -> Scores:
        """Scores of all movies for a person's ratings.

        Args:
            index: int32 [m], what they rated.
            weight: float32 [m, 2]: for taste, above 0 where liked; for what comes next.
        """
        liking, count = np.maximum(weight[:, 0], 0), self.movies.rating_count[index]
        evidence = float(liking @ (count / (count + RATED)))
        popular = np.float32(POPULAR / (DOUBT + evidence)) * (self.popularity - np.float32(MIDDLING))
        if not self.fitted:
            about = self.movies.features[index].T @ _normed(weight)
            taste = np.asarray(OF_CONTENT * (self.movies.features @ about), np.float32)
            return Scores(taste, popular, np.ones(len(self.movies), np.float32))
        taste, factor = self._taste(index, weight, NEAR)
        if fade := _fade(float(liking.sum())):
            factor = factor * _led(taste * factor, fade)
        return Scores(taste * factor, popular, factor)

    def shares(self, index: Indices, weight: Floats, scores: Scores, targets: Indices) -> Floats:
        """The share of each target's score by taste that comes from each movie; float32 [targets, index].

        Args:
            index: int32 [m].
            weight: float32 [m, 2].
            scores: of these.
            targets: int32 [t].
        """
        if not self.fitted:
            alike = (self.movies.features[targets] @ self.movies.features[index].T).toarray()
            return np.asarray(OF_CONTENT * alike * _normed(weight), np.float32)
        sources, ends = self.fit.mix[index], self.fit.mix[targets]
        rows, columns = np.unique(sources.indices), np.unique(ends.indices)
        weight, liking = self._with_next(weight), np.maximum(weight[:, 0], 0)
        part = (sources[:, rows] @ self.fit.weights.part(rows, columns)) * weight[:, :1]
        if weight[:, 1].any():
            part += (sources @ self.fit.following)[:, columns].toarray() * weight[:, 1:]
        part /= self._unit
        if fade := _fade(float(liking.sum())):
            part += (sources @ self.fit.near)[:, columns].toarray() * (NEAR * fade * liking)[:, None]
        return np.asarray((ends[:, columns] @ part.T) * scores.factor[targets][:, None], np.float32)

    def alike(self, seeds: Indices) -> Floats:
        """Likeness of all movies to each seed, 0 and more: scores by taste for liking that alone; float32 [s, n]."""
        one = np.array([[1, 0]], np.float32)
        each = [self._taste(seeds[i : i + 1], one, NEAR_OF_SEEDS) for i in range(len(seeds))]
        return np.maximum([taste * factor for taste, factor in each], np.float32(0))

    def near(
        self, seeds: Indices, targets: Indices | None = None, *, taste: bool = True, content: bool = True
    ) -> Floats:
        """Nearness of movies to each seed, about 0 to 1; the fewer ratings a seed has, the more its content counts.

        Args:
            seeds: int32 [s].
            targets: int32 [t], the movies to be looked at; None for all.
            taste: whether who likes them counts.
            content: whether what they are counts.

        Returns:
            float32 [s, n], or with t for n.
        """
        about, mix = self.movies.features[seeds], self.fit.mix[seeds]
        others = self._by_feature if targets is None else self.movies.features[targets].T
        if not (taste and self.fitted):
            return np.asarray((about @ others).toarray(), np.float32)
        near = (mix @ self.fit.near @ (self._mix_t if targets is None else self.fit.mix[targets].T)).toarray()
        near *= self._strength if targets is None else self._strength[targets]
        if content:
            near *= self._trust(seeds).astype(np.float32)[:, None]
            near += np.float32(0.5) * (about @ others).toarray()
        return np.asarray(near, np.float32)

    def pull(self, seeds: Indices, weight: Floats) -> Floats:
        """Nearness by both of all movies to weighted seeds together, float32 [n]; faster than rows of a matrix."""
        content: Floats = self.movies.features @ (self.movies.features[seeds].T @ weight)
        if not self.fitted:
            return content
        row = self.fit.mix[seeds].T @ (weight * self._trust(seeds)).astype(np.float32)
        places = np.flatnonzero(row)
        taste: Floats = self._strength * (self.fit.mix @ (self.fit.near[places].T @ row[places]))
        return taste + np.float32(0.5) * content

    def _dense(self, index: Indices, weight: Floats) -> Floats:
        """The scores of the movies in the linear model, in units of a telling weight; float32 [d].

        Args:
            index: int32 [m].
            weight: float32 [m, 3], for taste, for what comes next, for nearness by who likes both.
        """
        row = self.fit.mix[index].T @ weight
        places = np.flatnonzero(row[:, 0]).astype(np.int32)
        dense = self.fit.weights.apply(places, row[places, 0])
        _add_rows(dense, self.fit.following, row[:, 1])
        dense /= self._unit
        _add_rows(dense, self.fit.near, row[:, 2])
        return dense

    def _taste(self, index: Indices, weight: Floats, near: float) -> tuple[Floats, Floats]:
        """Scores by taste, and factors for them: scores rise where a movie is about what is liked.

        Args:
            index: int32 [m].
            weight: float32 [m, 2].
            near: weight of nearness by who likes both.
        """
        liking = np.maximum(weight[:, 0], 0)
        likes = float(liking.sum())
        fade = _fade(likes)
        whole = np.column_stack([self._with_next(weight), near * fade * liking]).astype(np.float32)
        taste: Floats = self.fit.mix @ self._dense(index, whole)
        if not (fade and likes):
            return taste, self._strength
        step = max(1, len(taste) // SAMPLE)
        part = np.sort(taste[::step])
        nearest = np.flatnonzero(taste > max(float(part[-min(NEAREST // step, len(part))]), 0))
        about, factor = np.zeros(self.movies.features.shape[1], np.float32), self._strength.copy()
        _add_rows(about, self.movies.features, (liking / likes).astype(np.float32), index)
        factor[nearest] *= 1 + np.float32(CONTENT * fade) * (self.movies.features[nearest] @ about)
        return taste, factor

    def _with_next(self, weight: Floats) -> Floats:
        """The weights with that of what comes next raised where likes are few."""
        liking = np.maximum(weight[:, 0], 0)
        soon = weight[:, 1] + np.float32(SOON * _fade(float(liking.sum()))) * self._unit * liking
        return np.stack([weight[:, 0], soon], axis=1)

    def _trust(self, seeds: Indices) -> npt.NDArray[np.float64]:
        """The weight of who likes a seed beside what it is: more with its ratings."""
        count = self.movies.rating_count[seeds]
        trust: npt.NDArray[np.float64] = 0.5 + count / (count + SUPPORT)
        return trust

    def _telling_weight(self) -> np.float32:
        """The weight in B of a movie that is near to another, in the median over well known movies."""
        dense, one = self.fit.dense, np.ones(1, np.float32)
        known = np.argsort(-self.movies.rating_count[dense], kind="stable")[:SAMPLED].astype(np.int32)
        place = min(TELLING, len(dense))
        rows = [self.fit.weights.apply(known[i : i + 1], one) for i in range(len(known))]
        found = float(np.median([np.partition(row, -place)[-place] for row in rows])) if rows else 0.0
        return np.float32(found if found > 0 else 1)


def _fade(likes: float) -> float:
    """The weight of what is done for few likes: 1 at one, 0 from `FEW` on."""
    return max(0.0, 1 / max(likes, 1) - 1 / FEW)


def _led(taste: Floats, fade: float) -> Floats:
    """Factors that bring positive scores near to their squares, in units of the tenth best, as far as `fade` says."""
    place = min(TELLING, len(taste))
    bar = float(np.partition(taste, -place)[-place])
    if bar <= 0:
        return np.ones_like(taste)
    return np.where(taste > 0, np.float32(1 - fade) + np.float32(fade / bar) * taste, np.float32(1))


def _add_rows(to: Floats, matrix: Sparse, weight: Floats, rows: Indices | None = None) -> None:
    """Add weighted rows of a matrix to a vector; for a few, in a tenth of the time that scipy takes to choose them.

    Args:
        to: float32 [columns], which is changed.
        matrix: csr_array [n, columns].
        weight: float32 [n], or with rows [m].
        rows: int32 [m]; None for all.
    """
    places = np.flatnonzero(weight)
    chosen = places if rows is None else rows[places]
    if len(chosen) > FEW_ROWS:
        to += matrix[chosen].T @ weight[places]
        return
    for row, factor in zip(chosen.tolist(), weight[places].tolist(), strict=True):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        to[matrix.indices[part]] += np.float32(factor) * matrix.data[part]


def _normed(weight: Floats) -> Floats:
    """Weights for taste that sum to 1, signs aside."""
    liking = weight[:, 0]
    normed: Floats = liking / max(float(np.abs(liking).sum()), 1e-9)
    return normed


def _popularity(movies: Movies) -> Floats:
    """The logarithm of 1 + how many liked a movie, 0 to 1.

    With a mean of 3.5 about half the ratings are 4 stars or more, with each half star a fifth more or less.
    """
    liked = movies.rating_count * np.clip((movies.damped_means() - 2.4) / 2.2, 0.02, 1)
    score = np.log1p(liked)
    popularity: Floats = (score / max(float(score.max(initial=0)), 1e-9)).astype(np.float32)
    return popularity
