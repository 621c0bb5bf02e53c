"""Measures of a ranking, by the two protocols of the field: random hold-out of new users, and time; and by pause."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from taste.interactions import Indices, Longs, Mask, Profile, Ratings

LIKED = 4.0  # stars, from which a movie counts as liked: a positive
FEWEST_POSITIVES = 5  # of a user who is evaluated
HELD_OUT = 0.2  # of the user's positives
VALIDATION = 20_000_101  # seed of the draw of validation users
MOST_USERS = 10_000  # evaluated at once (Liang et al. 2018)
SITTING, DAY = 3_600, 86_400  # seconds between two ratings: at most, in one sitting; at least, of someone who came back
CUTS = 3  # of one user's ratings after pauses of a kind
NEXT = 10  # liked movies after a cut that are to be found


@dataclass(frozen=True, slots=True)
class Case:
    """One user to be ranked for.

    Attributes:
        profile: what the model is told.
        seen: int32, movies that do not count in the list.
        relevant: int32, movies that should be in it.
        pause: seconds from the last that is told to the first that is to be found; NaN where the order plays no part.
    """

    profile: Profile
    seen: Indices
    relevant: Indices
    pause: float = math.nan


@dataclass(frozen=True, slots=True)
class Split:
    """Ratings to learn from, and cases to be measured by; `known` are the movies a model can have learnt of."""

    train: Ratings
    cases: list[Case]
    known: Mask


def new_users(ratings: Ratings, n_movies: int, seed: int, part: str) -> tuple[Ratings, Longs, Mask]:
    """The ratings to learn from, the users of a part ("validation" or "test"), and the movies that can be known.

    A fifth of the users is for validation, whatever the seed, so that nobody is ever tested who was chosen by; a fifth
    is for testing (10,000 of each at most), the rest for training.
    """
    positive = ratings.stars >= LIKED
    user = ratings.users
    many = np.flatnonzero(np.bincount(user[positive], minlength=ratings.n_users) >= FEWEST_POSITIVES)
    size = min(MOST_USERS, len(many) // 5)
    validation = np.random.default_rng(VALIDATION).permutation(many)[:size]
    test = np.random.default_rng(seed).permutation(np.setdiff1d(many, validation))[:size]
    held = {"validation": validation, "test": test}
    train = keep(ratings, ~np.isin(user, np.concatenate([validation, test])))
    known = np.zeros(n_movies, bool)
    known[train.movie_index[train.stars >= LIKED]] = True
    return train, held[part], known


def split_users(ratings: Ratings, n_movies: int, seed: int, *, part: str = "test", given: int | None = None) -> Split:
    """Strong generalisation (Liang et al. 2018): of new users 80 % of the liked movies are told, the rest to be found.

    Args:
        ratings: of the whole set.
        n_movies: of the catalogue.
        seed: of the draw.
        part: "validation" or "test".
        given: tell this many of the 80 % alone; the rest of them stays out of the lists all the same.
    """
    train, held, known = new_users(ratings, n_movies, seed, part)
    cases = [_random_case(ratings, int(u), known, seed, given) for u in held]
    return Split(train, [case for case in cases if case], known)


def split_pauses(ratings: Ratings, n_movies: int, seed: int, *, part: str = "test") -> Split:
    """New users as in `split_users`, cut where they went on within an hour and where they came back after a day.

    Some such places of each user are drawn; all that was rated before is told, the next liked movies are to be found.
    """
    train, held, known = new_users(ratings, n_movies, seed, part)
    return Split(train, [case for user in held for case in _paused_cases(ratings, int(user), known, seed)], known)


def split_time(ratings: Ratings, n_movies: int, *, part: str = "test") -> Split:
    """By time: each user's last 20 % of liked movies are to be found, from all that was rated before the first of them.

    For validation the same is done once more to what is left of the test's split.
    """
    return _split_in_time(ratings, n_movies, part, each_user=True)


def split_moment(ratings: Ratings, n_movies: int, *, part: str = "test") -> Split:
    """By one moment: the last 20 % of all ratings are to be found, for those users who had liked movies before."""
    return _split_in_time(ratings, n_movies, part, each_user=False)


def ndcg(ranked: Sequence[Indices], cases: Sequence[Case], k: int) -> npt.NDArray[np.float64]:
    """Discounted gain of the first k of each list over the best possible; float64 [cases]."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    gains = [
        float(np.isin(list_[:k], case.relevant) @ discount[: len(list_[:k])])
        for list_, case in zip(ranked, cases, strict=True)
    ]
    best = [float(discount[: min(k, len(case.relevant))].sum()) for case in cases]
    ratios: npt.NDArray[np.float64] = np.array(gains) / np.array(best)
    return ratios


def recall(ranked: Sequence[Indices], cases: Sequence[Case], k: int) -> npt.NDArray[np.float64]:
    """Share of the relevant movies among the first k, of those that k places can hold; float64 [cases]."""
    hits = [float(np.isin(list_[:k], case.relevant).sum()) for list_, case in zip(ranked, cases, strict=True)]
    ratios: npt.NDArray[np.float64] = np.array(hits) / np.array([min(k, len(case.relevant)) for case in cases])
    return ratios


def rank_all(
    cases: Sequence[Case], known: Mask, score: Callable[[Profile], npt.NDArray[np.float32]], k: int = 100
) -> list[Indices]:
    """The best k known, unseen movies of each case by a function of scores."""
    lists = []
    for case in cases:
        scores = np.where(known, score(case.profile), -np.inf)
        scores[case.seen] = -np.inf
        top = np.argpartition(-scores, min(k, len(scores) - 1))[:k]
        lists.append(top[np.argsort(-scores[top], kind="stable")].astype(np.int32))
    return lists


def keep(ratings: Ratings, kept: Mask) -> Ratings:
    """The chosen ratings; users without any stay as empty rows."""
    count = np.bincount(ratings.users[kept], minlength=ratings.n_users)
    indptr = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    return Ratings(indptr, ratings.movie_index[kept], ratings.stars[kept], ratings.timestamp[kept])


def by_time(ratings: Ratings) -> Ratings:
    """The same ratings, each user's oldest first."""
    order = np.lexsort((ratings.timestamp, ratings.users))
    return Ratings(ratings.indptr, ratings.movie_index[order], ratings.stars[order], ratings.timestamp[order])


def _paused_cases(ratings: Ratings, user: int, known: Mask, seed: int) -> list[Case]:
    whole = ratings.profile(user)
    gap = np.diff(whole.timestamp, prepend=whole.timestamp[:1])
    liked = (whole.stars >= LIKED) & known[whole.movie_index]
    before: Longs = np.cumsum(liked) - liked
    possible = (before >= FEWEST_POSITIVES) & (liked.sum() - before > 0)
    draw, cases = np.random.default_rng([seed, user]), []
    for kind in (gap <= SITTING, gap > DAY):
        places = np.flatnonzero(kind & possible)
        for cut in np.sort(draw.permutation(places)[:CUTS]).tolist():
            now = float(whole.timestamp[cut])
            out = cut + np.flatnonzero(liked[cut:])[:NEXT]
            told = replace(whole.part(np.arange(cut)), now=now)
            cases.append(Case(told, told.movie_index, whole.movie_index[out], float(gap[cut])))
    return cases


def _random_case(ratings: Ratings, user: int, known: Mask, seed: int, given: int | None) -> Case | None:
    whole = ratings.profile(user)
    places = np.flatnonzero((whole.stars >= LIKED) & known[whole.movie_index])
    if len(places) < FEWEST_POSITIVES:
        return None
    draw = np.random.default_rng([seed, user])
    out = np.sort(draw.choice(places, max(1, int(HELD_OUT * len(places))), replace=False))
    rest = np.setdiff1d(places, out)
    told = whole.part(rest if given is None else np.sort(draw.permutation(rest)[:given]))
    return Case(told, whole.movie_index[rest], whole.movie_index[out])


def _split_in_time(ratings: Ratings, n_movies: int, part: str, *, each_user: bool) -> Split:
    """Leave out relevant movies that nobody rated before: no model of ratings can find them (Liang et al. 2018)."""
    train, cases = _cut(ratings, each_user=each_user)
    if part == "validation":
        train, cases = _cut(train, each_user=each_user)
    known = np.zeros(n_movies, bool)
    known[train.movie_index] = True
    cut = [replace(case, relevant=case.relevant[known[case.relevant]]) for case in cases]
    cut = [case for case in cut if len(case.relevant)]
    if len(cut) > MOST_USERS:
        cut = [cut[i] for i in np.random.default_rng(0).choice(len(cut), MOST_USERS, replace=False)]
    return Split(train, cut, known)


def _cut(ratings: Ratings, *, each_user: bool) -> tuple[Ratings, list[Case]]:
    """Cut each user's ratings before the last 20 % of what they liked, or all at one moment."""
    ratings = by_time(ratings)
    moment = 0 if each_user else np.quantile(ratings.timestamp, 1 - HELD_OUT)
    kept = np.ones(len(ratings.stars), bool)
    cases = []
    for start, stop in pairwise(ratings.indptr.tolist()):
        places = start + np.flatnonzero(ratings.stars[start:stop] >= LIKED)
        if each_user and len(places) < FEWEST_POSITIVES:
            continue
        if each_user:
            cut = int(places[-max(1, int(HELD_OUT * len(places)))])
        else:
            cut = start + int(np.searchsorted(ratings.timestamp[start:stop], moment))
        kept[cut:stop] = False
        out = places[places >= cut]
        if 0 < len(out) < len(places):
            now = float(ratings.timestamp[out[0]])
            told = replace(ratings.part(slice(start, cut)), now=now)
            cases.append(Case(told, told.movie_index, ratings.movie_index[out], now - float(told.timestamp[-1])))
    return keep(ratings, kept), cases
