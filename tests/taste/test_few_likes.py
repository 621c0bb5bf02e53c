"""Lists for one like, likeness and finds on the sample: what is liked leads, and each figure has a bar to reach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.tastes import (
    Catalogue,
    chart,
    held_out,
    judge,
    liking,
    medians,
    of_scores,
    ours,
    peers,
    read,
    synthetic,
)
from recommend import Recommender
from taste.interactions import Profile

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
# NDCG@10 of the judged lists, above item-kNN's: the sample lacks some of the answers, and nobody rated anything in it.
LIKE, LIKENESS = 0.1, 0.05
MOST_RATED, OF_GENRE, OVERLAP = 3, 8, 1.5  # of ten; of ten; times that of the most popular
LEADS = (0.01, 0.02, 0.03)  # NDCG@100 above the most popular with 1, 3 and 5 likes told
FEWEST = 5  # ratings of a find


@pytest.fixture(scope="module", name="sample")
def sample_catalogue() -> Catalogue:
    return read(SAMPLE)


@pytest.fixture(scope="module", name="model")
def fitted_model(sample: Catalogue) -> Recommender:
    return Recommender.fit(sample.ratings, sample.movies)


def test_one_like_leads_and_not_the_chart(sample: Catalogue, model: Recommender) -> None:
    lists, others = ours(model)["like"], peers(sample.ratings, len(sample.movies))
    assert judge(sample, "like", lists) >= judge(sample, "like", of_scores(others["item-kNN"])["like"]) + LIKE
    shown, popular = chart(sample, lists), chart(sample, of_scores(others["most popular"])["like"])
    assert shown.most_rated <= MOST_RATED
    assert shown.of_genre >= OF_GENRE
    assert shown.overlap >= OVERLAP * popular.overlap


def test_what_is_like_a_movie_is_what_one_who_knows_would_name(sample: Catalogue, model: Recommender) -> None:
    other = of_scores(peers(sample.ratings, len(sample.movies))["item-kNN"])["likeness"]
    assert judge(sample, "likeness", ours(model)["likeness"]) >= judge(sample, "likeness", other) + LIKENESS


@pytest.mark.parametrize("told", range(len(LEADS)))
def test_few_likes_tell_more_than_the_chart(told: int, leads: list[float]) -> None:
    assert leads[told] >= LEADS[told]


@pytest.fixture(scope="module", name="leads")
def leads_over_most_popular(sample: Catalogue) -> list[float]:
    found = held_out(sample, seeds=2)
    leads = np.mean(found["Marquee"], axis=0) - np.mean(found["most popular"], axis=0)
    return [float(lead) for lead in leads]


def test_of_a_known_taste_one_like_brings_nearly_all() -> None:
    catalogue = synthetic()
    model = Recommender.fit(catalogue.ratings, catalogue.movies)
    for kind, lists in ours(model).items():
        assert judge(catalogue, kind, lists) >= 0.9


@pytest.mark.parametrize("known", [True, False])
def test_novelty_halves_the_median_and_brings_finds(sample: Catalogue, model: Recommender, known: bool) -> None:
    profiles = [liking(movie) for movie in sample.judged["like"]] if known else [Profile.empty()]
    lists = [medians(model, profiles, novelty) for novelty in (0.0, 0.3, 0.7, 1.0)]
    counts = [count for count, *_ in lists]
    assert counts == sorted(counts, reverse=True)
    assert counts[2] <= counts[0] / 2
    _, quality, fewest = lists[3]
    assert fewest >= FEWEST
    assert quality >= sample.movies.mean_stars


def test_popularity_is_never_most_of_what_a_like_brings(sample: Catalogue, model: Recommender) -> None:
    shares = []
    for movie in sample.judged["like"]:
        listed = model.recommend(liking(movie))
        shares += [reasons.popularity / score for reasons, score in zip(listed.reasons, listed.score, strict=True)]
    assert np.mean(shares) < 0.5


def test_diversity_makes_a_list_less_alike(sample: Catalogue, model: Recommender) -> None:
    def alike(diversity: float) -> float:
        lists = [model.recommend(liking(movie), diversity=diversity).movie_index for movie in sample.judged["like"]]
        rows = [sample.movies.features[index] for index in lists]
        return float(np.mean([(row @ row.T).toarray()[np.triu_indices(row.shape[0], 1)].mean() for row in rows]))

    values = [alike(diversity) for diversity in (0.0, 0.3, 0.7)]
    assert values == sorted(values, reverse=True)
    assert values[2] < values[0] / 2
