"""The recommender's behaviours, on a small seeded catalogue of four clusters of taste."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from content import content_features
from recommend import Config, Movies, Profile, Ratings, Recommender

N_MOVIES, N_USERS, CLUSTERS, UNRATED = 120, 300, 4, 8


def make_catalogue(seed: int = 7) -> tuple[Ratings, Movies]:
    """Users like movies of their own cluster; movie i is of cluster i % 4; the last eight have no ratings."""
    rng = np.random.default_rng(seed)
    rows, indptr = [], [0]
    popular = 1 / (1 + np.arange(N_MOVIES - UNRATED)) ** 0.5
    for user in range(N_USERS):
        own = np.arange(N_MOVIES - UNRATED) % CLUSTERS == user % CLUSTERS
        chance = popular * np.where(own, 1.0, 0.15)
        seen = rng.choice(N_MOVIES - UNRATED, size=15, replace=False, p=chance / chance.sum())
        stars = np.where(own[seen], rng.choice([4, 4.5, 5], 15), rng.choice([1, 2, 3.5], 15))
        rows.append((seen, stars, 1_000_000 + np.arange(15) * 100))
        indptr.append(indptr[-1] + 15)
    index = np.concatenate([r[0] for r in rows]).astype(np.int32)
    stars = np.concatenate([r[1] for r in rows]).astype(np.float32)
    ratings = Ratings(np.array(indptr, np.int64), index, stars, np.concatenate([r[2] for r in rows]).astype(np.int64))
    count = np.bincount(index, minlength=N_MOVIES).astype(np.int32)
    mean = (np.bincount(index, stars, minlength=N_MOVIES) / np.maximum(count, 1)).astype(np.float32)
    years = (1960 + np.arange(N_MOVIES) % 60).astype(np.int16)
    genres = [[f"genre {i % CLUSTERS}"] for i in range(N_MOVIES)]
    tags = [[(f"tag {i % 12}", 2.0)] for i in range(N_MOVIES)]
    features = content_features(genres, years, tags)
    return ratings, Movies(np.arange(N_MOVIES, dtype=np.int64) * 10, years, features, count, mean)


RATINGS, MOVIES = make_catalogue()


@pytest.fixture(scope="module", name="model")
def fitted_model() -> Recommender:
    return Recommender.fit(RATINGS, MOVIES)


def profile_of(index: list[int], stars: list[float]) -> Profile:
    return Profile(np.array(index, np.int32), np.array(stars, np.float32), np.arange(len(index), dtype=np.int64))


def test_likes_of_a_cluster_bring_more_of_it(model: Recommender) -> None:
    ranked = model.recommend(profile_of([1, 5, 9], [5, 5, 4]), k=5)
    assert ranked.basis == "personal"
    assert set(ranked.movie_index % CLUSTERS) == {1}


def test_shares_sum_to_the_linear_score(model: Recommender) -> None:
    profile = profile_of([1, 5, 9, 2, N_MOVIES - 1], [5, 5, 4, 0.5, 5])
    for movie in (13, 17, N_MOVIES - 3):
        shares = model.shares(profile, movie)
        assert sum(reason.share for reason in shares) == pytest.approx(model.linear_score(profile, movie), rel=1e-4, abs=1e-6)


def test_a_saved_model_answers_the_same(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model", "abc")
    loaded = Recommender.load(tmp_path / "model", MOVIES, "abc")
    profile = profile_of([1, 5], [5, 4])
    assert (loaded.recommend(profile).movie_index == model.recommend(profile).movie_index).all()
    assert loaded.version == model.version and loaded.fitted and loaded.config == Config()
    with pytest.raises(ValueError):
        Recommender.load(tmp_path / "model", MOVIES, "another")
