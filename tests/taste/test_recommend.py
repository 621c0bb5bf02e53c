"""The recommender's behaviours, on a small seeded catalogue of four clusters of taste, and on real files."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movielens import import_catalogue
from movies.arrays import load_described, load_movies, load_ratings
from movies.ingest.archives import open_source
from movies.ingest.files import MovieFiles
from recommend import Recommender
from taste import sittings
from taste.content import MOST_TAGS, content_features
from taste.interactions import Movies, Profile, Ratings, SignalConfig, freshness, mean_rank, signal
from taste.learning import Config
from taste.linear_model import LinearConfig, _solve_tall, _solve_wide
from taste.ranking import Ranked, best
from taste.sittings import SittingConfig, fit_next, follows
from taste.weights import Weights
from training.evaluate import DAY, SITTING, ndcg, rank_all, recall, split_moment, split_pauses, split_time, split_users
from training.tune import WORTH, changed, measured, ranked, tune

N_MOVIES, N_USERS, CLUSTERS, UNRATED, PER_USER = 120, 300, 4, 8, 15
RATED = N_MOVIES - UNRATED


def make_catalogue(seed: int = 7) -> tuple[Ratings, Movies]:
    """Users like movies of their own cluster; movie i is of cluster i % 4; the last eight have no ratings."""
    rng = np.random.default_rng(seed)
    popular = 1 / (1 + np.arange(RATED)) ** 0.5
    index, stars = [], []
    for user in range(N_USERS):
        own = np.arange(RATED) % CLUSTERS == user % CLUSTERS
        chance = popular * np.where(own, 1.0, 0.15)
        seen = rng.choice(RATED, size=PER_USER, replace=False, p=chance / chance.sum())
        index.append(seen)
        stars.append(np.where(own[seen], rng.choice([4, 4.5, 5], PER_USER), rng.choice([1, 2, 3.5], PER_USER)))
    indptr = np.arange(N_USERS + 1, dtype=np.int64) * PER_USER
    times = np.tile(1_000_000 + np.arange(PER_USER, dtype=np.int64) * 100, N_USERS)
    ratings = Ratings(indptr, np.concatenate(index).astype(np.int32), np.concatenate(stars).astype(np.float32), times)
    years = (1960 + np.arange(N_MOVIES) % 60).astype(np.int16)
    genres = [[f"genre {i % CLUSTERS}"] for i in range(N_MOVIES)]
    features = content_features(genres, years, [[(f"tag {i % 12}", 2.0)] for i in range(N_MOVIES)])
    bare = Movies(
        np.arange(N_MOVIES, dtype=np.int64) * 10,
        years,
        features,
        np.zeros(N_MOVIES, np.int32),
        np.zeros(N_MOVIES, np.float32),
    )
    return ratings, measured(bare, ratings)


RATINGS, MOVIES = make_catalogue()
ALL = np.arange(N_MOVIES, dtype=np.int32)
PROFILES = st.lists(
    st.tuples(st.integers(0, N_MOVIES - 1), st.sampled_from([0.5, 1, 2, 3, 3.5, 4, 4.5, 5]), st.integers(0, 10**9)),
    max_size=12,
)


@pytest.fixture(scope="module", name="model")
def fitted_model() -> Recommender:
    return Recommender.fit(RATINGS, MOVIES)


@pytest.fixture(scope="module", name="unfitted")
def unfitted_model() -> Recommender:
    return Recommender.unfitted(MOVIES)


def profile_of(index: list[int], stars: list[float]) -> Profile:
    return Profile(np.array(index, np.int32), np.array(stars, np.float32), np.arange(len(index), dtype=np.int64))


def liking(*index: int) -> Profile:
    return profile_of(list(index), [5.0] * len(index))


def seeds_of(*index: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(index, np.int32)


# For a person


def test_likes_of_a_cluster_bring_more_of_it(model: Recommender) -> None:
    listed = model.recommend(liking(1, 5, 9), k=5)
    assert listed.basis == "personal"
    assert set(listed.movie_index % CLUSTERS) == {1}


def test_before_the_fit_content_does_the_same(unfitted: Recommender) -> None:
    assert not unfitted.fitted
    assert set(unfitted.recommend(liking(1, 5, 9), k=5).movie_index % CLUSTERS) == {1}


def test_scores_fall_and_nothing_seen_or_excluded_is_listed(model: Recommender) -> None:
    listed = model.recommend(liking(1, 5, 9), k=N_MOVIES, exclude=seeds_of(13, 17))
    assert not set(listed.movie_index) & {1, 5, 9, 13, 17}
    assert len(listed.movie_index) == N_MOVIES - 5
    assert (np.diff(listed.score) <= 0).all()
    assert {1, 5, 9} <= set(model.recommend(liking(1, 5, 9), k=N_MOVIES, exclude_seen=False).movie_index)


def test_a_filter_is_kept_even_where_it_leaves_less_than_asked(model: Recommender) -> None:
    allowed = ALL % 30 == 0
    assert set(model.recommend(liking(1), k=10, allowed=allowed).movie_index) == {0, 30, 60, 90}
    assert len(model.recommend(liking(1), allowed=np.zeros(N_MOVIES, bool)).movie_index) == 0
    assert allowed.sum() == 4, "the caller's filter is not written to"


def test_dislikes_push_their_neighbours_down(model: Recommender) -> None:
    def places(profile: Profile) -> float:
        order = model.recommend(profile, k=N_MOVIES, exclude_seen=False).movie_index.tolist()
        return float(np.mean([order.index(movie) for movie in range(6, RATED, CLUSTERS)]))

    assert places(profile_of([1, 5, 2, 2 + CLUSTERS * 3], [5, 5, 0.5, 0.5])) > places(liking(1, 5))


def test_an_empty_profile_gets_a_varied_first_screen(model: Recommender, unfitted: Recommender) -> None:
    for one in (model, unfitted):
        listed = one.recommend(Profile.empty(), k=8)
        assert listed.basis == "popular"
        assert len(set(listed.movie_index % CLUSTERS)) == CLUSTERS
        assert [reasons.movies for reasons in listed.reasons] == [[]] * 8
        assert [reasons.popularity for reasons in listed.reasons] == listed.score.tolist()


def test_the_last_rating_of_a_movie_counts(model: Recommender) -> None:
    twice = model.recommend(profile_of([1, 5, 1], [0.5, 5, 5]))
    assert (twice.movie_index == model.recommend(profile_of([5, 1], [5, 5])).movie_index).all()


def test_diversity_and_novelty_change_the_list(model: Recommender) -> None:
    plain, varied = model.recommend(liking(1, 5), k=8), model.recommend(liking(1, 5), k=8, diversity=0.7)
    assert len(set(varied.movie_index % CLUSTERS)) > len(set(plain.movie_index % CLUSTERS))
    lists = [model.recommend(liking(1, 5), k=8, novelty=novelty).movie_index for novelty in (0.0, 0.5, 1.0)]
    counts = [np.median(MOVIES.rating_count[index]) for index in lists]
    assert counts[0] > counts[1] >= counts[2]
    assert MOVIES.rating_count[np.concatenate(lists)].min() > 0


def test_popularity_weighs_less_with_each_like(model: Recommender) -> None:
    spread = [np.ptp(model.scores(liking(*range(1, last, 4))).popularity) for last in (2, 6, 14, 60)]
    assert (np.diff(spread) < 0).all()


def test_of_dislikes_alone_a_list_is_not_personal(model: Recommender, unfitted: Recommender) -> None:
    for one in (model, unfitted):
        assert one.recommend(profile_of([1, 5, 9], [1, 0.5, 2])).basis == "popular"
        assert one.recommend(profile_of([1, 5, 9], [1, 0.5, 4])).basis == "personal"


def test_the_best_of_one_who_rates_harshly_is_liked(model: Recommender) -> None:
    harsh = profile_of([1, 5, 9, 2, 6, 10, 3, 7, 11], [3.5, 3.5, 3.5, 1, 1, 1.5, 1, 0.5, 1])
    listed = model.recommend(harsh, k=5)
    assert set(listed.movie_index % CLUSTERS) == {1}
    assert all(reasons.movies for reasons in listed.reasons)


# Why


def test_shares_sum_to_the_linear_score(model: Recommender, unfitted: Recommender) -> None:
    set_ = profile_of([1, 5, 9, 2, N_MOVIES - 1], [5, 5, 4, 0.5, 5])
    for one, profile in ((model, set_), (model, replace(set_, now=10.0)), (unfitted, set_)):
        for movie in (13, 17, N_MOVIES - 3):
            shares = one.shares(profile, movie)
            taste = float(one.scores(profile).taste[movie])
            assert sum(reason.share for reason in shares) == pytest.approx(taste, rel=2e-3, abs=1e-3)


def test_because_names_the_persons_own_movies_largest_first(model: Recommender) -> None:
    profile = profile_of([1, 5, 2], [5, 5, 0.5])
    listed = model.recommend(profile, k=3)
    for movie, reasons in zip(listed.movie_index, listed.reasons, strict=True):
        assert reasons == model.because(profile, int(movie))
        assert {reason.movie_index for reason in reasons.movies} <= {1, 5}
        shares = [reason.share for reason in reasons.movies]
        assert shares == sorted(shares, reverse=True)


def test_reasons_sum_to_the_score_in_every_list(model: Recommender, unfitted: Recommender) -> None:
    one, other = profile_of([1, 5, 2, 9, 13], [5, 5, 0.5, 4, 3]), profile_of([3, 7, 1], [5, 4.5, 0.5])
    for each in (model, unfitted):
        lists = [each.recommend(one, novelty=novelty) for novelty in (0.0, 0.7)]
        lists += [each.recommend_group([one, other], how=how) for how in ("average", "least_misery")]
        lists += [each.similar(seeds_of(1)), each.similar(seeds_of(1, 2)), each.recommend(Profile.empty())]
        for listed in lists:
            for score, reasons in zip(listed.score, listed.reasons, strict=True):
                told = sum(reason.share for reason in reasons.movies) + reasons.others + reasons.popularity
                assert told == pytest.approx(score, rel=1e-4, abs=1e-4)


@given(st.integers(1, 700), st.integers(1, 40), st.integers(0, 5), st.integers(0, 99))
def test_the_best_are_those_of_a_full_sort(n: int, k: int, levels: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    scores = (draw.integers(0, levels + 1, n) if levels else draw.normal(size=n)).astype(np.float32)
    open_ = draw.random(n) < 0.7
    expected = [place for place in np.lexsort((np.arange(n), -scores)) if open_[place]][:k]
    assert best(scores, open_, k).tolist() == expected


# Other lookups


def test_similar_by_taste_and_content_stay_in_the_cluster(model: Recommender) -> None:
    for by in ("taste", "content", "both"):
        listed = model.similar(seeds_of(2), k=5, by=by)
        assert listed.basis == "seeds"
        assert 2 not in listed.movie_index
        assert set(listed.movie_index % CLUSTERS) == {2}


def test_between_two_seeds_lie_movies_near_to_both() -> None:
    both = [["a"]] * 10 + [["b"]] * 10 + [["a", "b"]] * 3
    features = content_features(both, np.zeros(23, np.int16), [[]] * 23)
    movies = Movies(np.arange(23), np.zeros(23, np.int16), features, np.ones(23, np.int32), np.full(23, 3, np.float32))
    listed = Recommender.unfitted(movies).similar(seeds_of(0, 10), k=3)
    assert set(listed.movie_index) == {20, 21, 22}
    assert [{reason.movie_index for reason in reasons.movies} for reasons in listed.reasons] == [{0, 10}] * 3


def evidence_of(model: Recommender, found: dict[int, float]) -> np.ndarray:
    direct = np.zeros(len(model.movies), np.float32)
    direct[list(found)] = list(found.values())
    return direct


def test_a_text_brings_its_hits_and_their_neighbours(model: Recommender) -> None:
    every = np.ones(len(model.movies), np.float32)
    listed = model.match_text(evidence_of(model, {40: 0.9, 44: 0.7}), every, k=6)
    assert set(listed.movie_index[:2]) == {40, 44}
    assert set(listed.movie_index % CLUSTERS) == {0}
    assert len(model.match_text(evidence_of(model, {}), every).movie_index) == 0


def test_a_weak_match_is_not_shown_beside_a_good_one(model: Recommender) -> None:
    allowed = np.zeros(len(model.movies), bool)
    allowed[[40, 45]] = True
    every = np.ones(len(model.movies), np.float32)
    assert list(model.match_text(evidence_of(model, {40: 0.9, 45: 0.02}), every, allowed=allowed).movie_index) == [40]


def test_what_is_refused_takes_its_nearest_with_it(model: Recommender) -> None:
    told = np.zeros(len(model.movies), np.float32)
    told[:40] = np.arange(40) % CLUSTERS != 0  # of the other clusters it is known that they are about something else
    refused = model.refused(evidence_of(model, {40: 0.9, 44: 0.9, 45: 0.1}), told=told)
    near = np.setdiff1d(np.flatnonzero(refused == 1), [40, 44])
    assert (refused[[40, 44]] == 1).all()
    assert set(near % CLUSTERS) == {0}
    known = told.copy()
    known[near] = 1
    assert (model.refused(evidence_of(model, {40: 0.9, 44: 0.9}), told=known)[near] < 1).all()
    wanted = model.refused(evidence_of(model, {40: 0.9, 44: 0.9}), seeds_of(40))
    assert list(np.flatnonzero(wanted)) == [44]


def test_a_group_by_least_misery_avoids_what_one_cannot_stand(model: Recommender) -> None:
    a, b = profile_of([1, 5, 2], [5, 5, 0.5]), profile_of([3, 7, 1], [5, 5, 0.5])
    for how in ("average", "least_misery"):
        listed = model.recommend_group([a, b, Profile.empty()], k=6, how=how)
        assert not set(listed.movie_index) & {1, 5, 2, 3, 7}
        assert listed.basis == "personal"
    assert model.recommend_group([Profile.empty()], k=4).basis == "popular"
    alone = model.recommend_group([a], k=6, how="least_misery")
    assert (alone.movie_index == model.recommend(a, k=6).movie_index).all()


def test_predicted_stars_follow_the_persons_taste(model: Recommender) -> None:
    profile = profile_of([1, 5, 9, 2, 6, 10], [5, 5, 5, 1, 1, 1])
    liked, disliked = model.predict_rating(profile, 13), model.predict_rating(profile, 14)
    assert liked.stars > disliked.stars
    assert 0.5 <= liked.low < liked.stars < liked.high <= 5
    assert liked.support == MOVIES.rating_count[13]
    assert liked.neighbours > 0
    assert model.predict_rating(Profile.empty(), N_MOVIES - 1).support == 0


def test_questions_differ_in_kind_and_ask_of_known_movies(model: Recommender, unfitted: Recommender) -> None:
    for one in (model, unfitted):
        asked = one.next_question(liking(0), 4)
        assert 0 not in asked
        assert len(set(asked)) == 4
        assert len(set(asked % CLUSTERS)) >= 3
        assert MOVIES.rating_count[asked].min() > np.median(MOVIES.rating_count)


def test_every_movie_can_be_recommended(model: Recommender, unfitted: Recommender) -> None:
    for one in (model, unfitted):
        shown: set[int] = set()
        for movie in range(N_MOVIES):
            shown |= set(one.similar(seeds_of(movie), k=10).movie_index.tolist())
            shown |= set(one.similar(seeds_of(movie), k=10, by="content").movie_index.tolist())
        assert shown == set(range(N_MOVIES))


# Properties


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=PROFILES, k=st.integers(1, 30), diversity=st.sampled_from([0, 0.5, 1]), novelty=st.sampled_from([0, 0.5, 1])
)
def test_any_profile_gets_a_whole_list(
    model: Recommender, rows: list[tuple[int, float, int]], k: int, diversity: float, novelty: float
) -> None:
    rows = sorted(rows, key=lambda row: row[2])
    profile = Profile(
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1] for row in rows], np.float32),
        np.array([row[2] for row in rows], np.int64),
    )
    listed = model.recommend(profile, k=k, diversity=diversity, novelty=novelty)
    assert len(listed.movie_index) == len(set(listed.movie_index)) == len(listed.reasons) == k
    assert np.isfinite(listed.score).all()
    assert not set(listed.movie_index) & {row[0] for row in rows}


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(0, 10**8))
def test_a_rating_is_the_fresher_the_later_and_the_sooner_asked_after(times: list[int], pause: int) -> None:
    timestamp = np.sort(np.array(times, np.int64))
    last = float(timestamp[-1])
    profile = Profile(
        np.arange(len(times), dtype=np.int32), np.full(len(times), 5, np.float32), timestamp, last + pause
    )
    fresh = freshness(profile, 3.0, 3600.0)
    assert (np.diff(fresh) >= -1e-6).all()
    assert ((fresh >= 0) & (fresh <= 1)).all()
    assert (freshness(replace(profile, now=last), 3.0, 3600.0) >= fresh - 1e-6).all()
    assert not freshness(replace(profile, now=None), 3.0, 3600.0).any()


@given(st.floats(0.5, 5), st.floats(0.5, 5))
def test_more_stars_never_say_less(low: float, high: float) -> None:
    said = signal(np.array(sorted([low, high]), np.float32), SignalConfig(), mean=3.4)
    assert said[0] <= said[1] + 1e-6


# Who comes back, and who goes on


def make_walks(seed: int = 3) -> tuple[Ratings, Movies]:
    """Users like what their cluster likes, in sittings in which each walks along one of two orders of all movies."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(RATED) for _ in range(2)]
    index, times = [], []
    for user in range(N_USERS):
        chance = np.where(np.arange(RATED) % CLUSTERS == user % CLUSTERS, 1.0, 0.1)
        seen = rng.choice(RATED, size=2 * PER_USER, replace=False, p=chance / chance.sum())
        for sitting, part in enumerate(np.split(seen, 2)):
            places = np.argsort(orders[rng.integers(2)])[part]
            index.append(part[np.argsort(places)])
            times.append(10**9 + sitting * 30 * DAY + 20 * np.arange(PER_USER))
    stars = rng.choice([4.0, 4.5, 5.0, 2.0], N_USERS * 2 * PER_USER, p=[0.3, 0.3, 0.3, 0.1]).astype(np.float32)
    indptr = np.arange(N_USERS + 1, dtype=np.int64) * 2 * PER_USER
    ratings = Ratings(indptr, np.concatenate(index).astype(np.int32), stars, np.concatenate(times).astype(np.int64))
    return ratings, measured(MOVIES, ratings)


WALKED = make_walks()


@pytest.fixture(scope="module", name="walked")
def walked_model() -> Recommender:
    return Recommender.fit(*WALKED)


def test_after_a_day_or_without_times_a_profile_is_a_set(walked: Recommender) -> None:
    ratings, _ = WALKED
    told = ratings.profile(0)
    set_ = walked.recommend(told, k=20)
    for now, times in ((float(told.timestamp[-1]) + DAY, told.timestamp), (10.0**9, np.full(len(told), 10**9))):
        other = walked.recommend(replace(told, now=now, timestamp=times), k=20)
        assert other.score == pytest.approx(set_.score, abs=1e-4)
    assert (walked.recommend(replace(told, now=float(told.timestamp[-1])), k=20).score > set_.score).any()


def test_the_order_of_a_sitting_helps_while_it_goes_on_and_not_after() -> None:
    ratings, movies = WALKED
    split = split_pauses(ratings, N_MOVIES, 0)
    model = Recommender.fit(split.train, measured(movies, split.train))
    pause = np.array([case.pause for case in split.cases])
    without = model.with_config(changed(changed(model.config, "sitting.weight", 0.0), "sitting.recency", 0.0))
    gain = ndcg(ranked(model, split, 10), split.cases, 10) - ndcg(ranked(without, split, 10), split.cases, 10)
    assert gain[pause <= SITTING].mean() > 0.02
    assert gain[pause > DAY] == pytest.approx(0, abs=1e-6)


# How many stars


def test_ranges_hold_as_often_as_they_say_and_one_rating_does_no_harm() -> None:
    split = split_users(RATINGS, N_MOVIES, 0)
    movies = measured(MOVIES, split.train)
    model = Recommender.fit(split.train, movies)
    inside, ours, means = [], [], []
    for user in np.flatnonzero(np.diff(split.train.indptr) == 0).tolist():
        whole = RATINGS.profile(user)
        for told in (1, 5):
            profile = Profile(whole.movie_index[:told], whole.stars[:told], np.zeros(told, np.int64))
            own = float((profile.stars - movies.damped_means()[profile.movie_index]).sum()) / (told + 5)
            for index, stars in zip(whole.movie_index[told:].tolist(), whole.stars[told:].tolist(), strict=True):
                found = model.predict_rating(profile, index)
                inside.append(found.low <= stars <= found.high)
                ours.append((found.stars - stars) ** 2)
                means.append((movies.damped_means()[index] + own - stars) ** 2)
    assert np.mean(inside) == pytest.approx(0.8, abs=0.04)
    assert np.mean(ours) <= np.mean(means)


# The fit


def test_the_two_ways_to_solve_agree() -> None:
    x = sp.random_array((20, 30), density=0.3, rng=np.random.default_rng(3), format="csr", dtype=np.float32)
    config = LinearConfig(ridge=2, dropout=0.6)
    wide, near = _solve_wide(x, config, lambda _share: None)
    tall, near_tall = _solve_tall(x, config, lambda _share: None)
    assert wide == pytest.approx(tall, abs=1e-4)
    assert near.toarray() == pytest.approx(near_tall.toarray(), abs=1e-5)
    gram = (x.T @ x).toarray().astype(np.float64)
    penalty = np.diag(2 + 1.5 * np.diag(gram))
    assert wide == pytest.approx(np.linalg.solve(gram + penalty, gram), abs=1e-4)


def test_what_is_liked_soon_after_counts_more_and_ties_count_both_ways() -> None:
    user, item, times = np.array([[0, 0, 0, 0, 1], [0, 1, 2, 3, 0], [10, 20, 20, 30, 5]], np.int32)
    liked = np.array([True, True, True, True, True])

    def count(
        times: np.ndarray[tuple[int], np.dtype[np.int32]], liked: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> Any:
        counts = np.zeros((4, 4), np.float32)
        follows(counts, user, item.astype(np.int64), times.astype(np.int64), liked, span=1.5)
        return counts

    counts = count(times, liked)
    assert counts[0, 1] == counts[0, 2] > counts[0, 3] > 0
    assert counts[1, 2] == counts[2, 1] == 1
    assert counts[1, 0] == counts[3, 0] == 0
    assert not counts.diagonal().any()
    disliked = count(times, liked & (item != 1))
    assert disliked[0, 1] == disliked[2, 1] == 0 < disliked[1, 2], "what was not liked leads on, and is not led to"
    assert not count(np.where(item == 3, times + 2 * SITTING, times), liked)[:, 3].any()


def test_transitions_are_the_same_counted_at_once_or_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    ratings, place = WALKED[0], np.arange(N_MOVIES, dtype=np.int32)
    whole = fit_next(ratings, place, 4.0, SittingConfig())
    monkeypatch.setattr(sittings, "PART", 2_000)
    assert len(sittings._parts(ratings.indptr)) == 5
    parts = fit_next(ratings, place, 4.0, SittingConfig())
    assert whole.nnz > 0
    assert parts.toarray() == pytest.approx(whole.toarray(), abs=1e-5)


def test_ranks_of_the_same_second_are_shared() -> None:
    ranks = mean_rank(np.array([0, 0, 0, 4, 4], np.int32), np.array([1, 1, 2, 0, 9]))
    assert ranks.tolist() == [1.5, 1.5, 3, 1, 2]


def test_weights_in_eight_bits_are_near_to_exact() -> None:
    matrix = np.random.default_rng(0).normal(0, 1, (1100, 1100)).astype(np.float32)
    weights = Weights.of(matrix)
    np.fill_diagonal(matrix, 0)
    items, x = np.array([3, 17, 1040], np.int32), np.array([1, 0.5, -0.2], np.float32)
    assert weights.apply(items, x) == pytest.approx(x @ matrix[items], abs=0.05)
    assert weights.part(items, items) == pytest.approx(matrix[np.ix_(items, items)], abs=0.03)


def test_a_catalogue_without_ratings_is_served_by_content() -> None:
    none = Ratings(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int64))
    model = Recommender.fit(none, measured(MOVIES, none))
    assert not model.fitted
    assert set(model.recommend(liking(3), k=5).movie_index % CLUSTERS) == {3}
    assert len(model.next_question(Profile.empty(), 3)) == 3


def test_a_description_is_content_too() -> None:
    texts = [
        "Engineer for compilers and parsers",
        "Nurse in a children's ward",
        "Compilers: engineer wanted",
        "Ward nurse, nights",
    ]
    features = content_features([[]] * 4, np.zeros(4, np.int16), [[]] * 4, texts)
    near = (features @ features.T).toarray()
    assert near[0, 2] > near[0, 1]
    assert near[1, 3] > near[1, 2]


def test_of_very_many_tags_the_strongest_count() -> None:
    many = [[(f"tag {i}", (i * 7 % 100) / 100) for i in range(1, 100)] for _ in range(3)]
    features = content_features([[]] * 3, np.zeros(3, np.int16), many)
    assert np.diff(features.indptr).tolist() == [MOST_TAGS] * 3


# Kept on disk


def test_a_saved_model_answers_the_same(model: Recommender, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for _ in range(2):
        model.save(folder, "abc")
    assert [path.name for path in tmp_path.iterdir()] == ["model"], "nothing of the writing stays"
    loaded = Recommender.load(folder, "abc")
    assert not isinstance(loaded.weights.values, np.memmap)  # a file that is cut under a map ends the process
    assert (loaded.version, loaded.fitted, loaded.config) == (model.version, True, Config())
    for profile in (liking(1, 5), Profile.empty()):
        assert _same(loaded.recommend(profile), model.recommend(profile))


def _same(a: Ranked, b: Ranked) -> bool:
    return (a.movie_index == b.movie_index).all() and (a.score == b.score).all() and a.reasons == b.reasons


def test_a_model_of_another_catalogue_is_refused(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model", "abc")
    with pytest.raises(ValueError, match="another catalogue"):
        Recommender.load(tmp_path / "model", "abd")
    with pytest.raises(FileNotFoundError):
        Recommender.load(tmp_path / "none", "abc")


def test_a_save_that_fails_leaves_the_old_model(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model", "abc")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))  # the system refuses larger files, as a full disk does
    try:
        with pytest.raises(OSError, match=r"File too large|requested and"):
            model.save(tmp_path / "model", "abd")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Recommender.load(tmp_path / "model", "abc").version == model.version
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_versions_tell_data_and_parameters_apart(model: Recommender) -> None:
    assert Recommender.fit(RATINGS, MOVIES).version == model.version
    assert Recommender.fit(RATINGS, MOVIES, Config(fewest=3)).version != model.version
    assert Recommender.fit(make_catalogue(8)[0], MOVIES).version != model.version


# Evaluation


def test_no_split_shows_what_it_asks_for() -> None:
    validated = {tuple(case.relevant) for case in split_users(RATINGS, N_MOVIES, 0, part="validation").cases}
    for split in (
        split_users(RATINGS, N_MOVIES, 0),
        split_users(RATINGS, N_MOVIES, 0, given=3),
        split_pauses(RATINGS, N_MOVIES, 0),
        split_time(RATINGS, N_MOVIES),
        split_moment(RATINGS, N_MOVIES),
    ):
        assert split.cases
        assert len(split.train.stars) < len(RATINGS.stars)
        for case in split.cases:
            assert not set(case.relevant) & set(case.seen)
            assert set(case.profile.movie_index) <= set(case.seen)
            assert split.known[case.relevant].all()
    assert validated


def test_by_time_nothing_told_is_later_than_what_is_asked_for() -> None:
    for case in split_time(RATINGS, N_MOVIES).cases:
        assert case.profile.timestamp.max() <= RATINGS.timestamp[PER_USER - 1 - len(case.relevant)]


def test_measures_of_known_lists() -> None:
    case = replace(split_users(RATINGS, N_MOVIES, 0).cases[0], relevant=seeds_of(1, 2))
    assert ndcg([seeds_of(1, 2, 3)], [case], 3).tolist() == [1]
    assert ndcg([seeds_of(3, 1, 4)], [case], 3)[0] == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
    assert recall([seeds_of(3, 1, 4)], [case], 3).tolist() == [0.5]


def test_ours_beats_most_popular_on_clustered_data() -> None:
    split = split_users(RATINGS, N_MOVIES, 1)
    known = measured(MOVIES, split.train)
    popular = rank_all(split.cases, split.known, lambda _profile: known.rating_count.astype(np.float32), 10)
    ours = ranked(Recommender.fit(split.train, known), split, 10)
    assert ndcg(ours, split.cases, 10).mean() > ndcg(popular, split.cases, 10).mean() + 0.05


def test_tuning_takes_what_ranks_better_and_says_what_it_is_worth() -> None:
    sets = {"learn.emphasis": (0.3,)}
    told: list[str] = []
    bad = changed(Config(), "sitting.weight", 0.0)
    tuned = tune(
        *WALKED,
        before=bad,
        sets=sets,
        sittings={"sitting.weight": (0.0, 3.0)},
        progress=lambda name, _: told.append(name),
    )
    assert tuned
    assert tuned.values["sitting.weight"] == 3
    assert tuned.config.most_items == Config().most_items
    assert told == ["learn.emphasis", "sitting.weight", "comparing", "done"]
    new = tuned.quality["within a sitting, NDCG@10"]
    assert new["tuned"] >= new["before"] + WORTH
    assert new["tuned"] > new["most popular"]
    assert "sitting.weight 3" in str(tuned)


def test_tuning_ends_when_time_is_up_and_keeps_what_was_there() -> None:
    tuned = tune(*WALKED, seconds=0.0)
    assert tuned
    assert (tuned.config, tuned.values, tuned.whole) == (Config(), {}, False)
    assert "time was up" in str(tuned)


def test_too_few_users_choose_nothing() -> None:
    none = Ratings(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int64))
    assert tune(none, MOVIES) is None


# The real files, where they are


def test_on_real_files_the_bars_are_passed(movielens_dir: Path, tmp_path: Path) -> None:
    path = import_catalogue(MovieFiles(open_source(movielens_dir)), tmp_path / "catalogue.db").path
    ratings, movies = load_ratings(path), load_movies(path)
    titles = np.array([movie.title for movie in load_described(path)])
    split = split_users(ratings, len(movies), 0, given=5)
    known = measured(movies, split.train)
    model = Recommender.fit(split.train, known)
    popular = rank_all(split.cases, split.known, lambda _profile: known.rating_count.astype(np.float32), 10)
    assert ndcg(ranked(model, split, 10), split.cases, 10).mean() > ndcg(popular, split.cases, 10).mean() + 0.02
    toys = model.similar(np.flatnonzero(titles == "Toy Story").astype(np.int32))
    assert {"Toy Story 2", "A Bug's Life"} <= set(titles[toys.movie_index])
    assert len(set(model.recommend(Profile.empty(), k=10).movie_index)) == 10
