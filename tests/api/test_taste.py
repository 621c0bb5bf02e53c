"""A taste against everybody's, ratings over time, and recommendations of own ratings."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from settings import Settings
from tests.api.test_http import is_problem
from tests.support.serving import ROOT, serving


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def mean(stars: list[float]) -> float:
    return round(sum(stars) / len(stars), 4)


SAMPLE = ROOT / "data" / "sample"


@pytest.fixture(scope="module")
def ratings() -> list[dict[str, str]]:
    return rows(SAMPLE, "ratings.csv")


def find(client: httpx.Client, title: str) -> int:
    return int(client.get("/movies", params={"q": title, "limit": 1}).json()["data"][0]["movie_id"])


# GET /movies/{movie_id}/stats?by=


@pytest.mark.parametrize(("by", "form"), [("month", "%Y-%m"), ("year", "%Y")])
def test_ratings_over_time_are_those_of_the_file(
    client: httpx.Client, ratings: list[dict[str, str]], by: str, form: str
) -> None:
    expected: dict[str, list[float]] = defaultdict(list)
    for row in ratings:
        if row["movieId"] == "1":
            expected[datetime.fromtimestamp(int(row["timestamp"]), UTC).strftime(form)].append(float(row["rating"]))
    stats = client.get("/movies/1/stats", params={"by": by}).json()
    assert (stats["by"], [window["window"] for window in stats["windows"]]) == (by, ["7d", "30d", "365d", "all"])
    series = {entry["period"]: (entry["count"], entry["mean"]) for entry in stats["series"]}
    assert {period: given for period, given in series.items() if given[0]} == {
        period: (len(stars), mean(stars)) for period, stars in expected.items()
    }
    assert (min(series), max(series)) == (min(expected), max(expected))
    assert all(entry["mean"] is None for entry in stats["series"] if not entry["count"])
    periods = list(series)
    assert periods == sorted(periods)
    first, last = (int(period[:4]) * 12 + int(period[5:] or 1) for period in (periods[0], periods[-1]))
    assert len(periods) == (last - first) // (1 if by == "month" else 12) + 1


def test_the_series_says_the_same_as_the_tool(client: httpx.Client) -> None:
    stats = client.get("/movies/1/stats", params={"by": "year", "windows": "all"}).json()
    assert sum(entry["count"] for entry in stats["series"]) == stats["windows"][0]["count"]


def test_a_series_is_given_where_it_is_asked_for(client: httpx.Client) -> None:
    stats = client.get("/movies/1/stats").json()
    assert (stats["by"], stats["series"]) == (None, [])
    assert is_problem(client.get("/movies/1/stats", params={"by": "week"}), 422, "validation_error")
    assert is_problem(client.get("/movies/999999/stats", params={"by": "year"}), 404, "not_found")


def test_a_movie_without_ratings_has_an_empty_series(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "unrated"
    folder.mkdir()
    (folder / "movies.csv").write_text("movieId,title,genres\n1,Heat (1995),Crime|Drama\n2,Alien (1979),Horror\n")
    fresh = {**settings.model_dump(exclude_unset=True), "data_dir": tmp_path / "fresh", "movielens_dir": folder}
    with serving(Settings(_env_file=None, **fresh)) as server, server.client() as client:
        assert client.get("/movies/1/stats", params={"by": "month"}).json()["series"] == []
        client.put("/ratings/1", json={"stars": 4})
        client.put("/ratings/2", json={"stars": 2})
        taste = client.get("/taste").json()
        assert (taste["count"], taste["mean"], taste["everybody"]) == (2, 3.0, None)
        assert taste["decades"] == taste["tags"] == taste["typical"] == []


# GET /taste


def test_nothing_rated_is_an_empty_taste(client: httpx.Client) -> None:
    taste = client.get("/taste").json()
    assert (taste["whose"], taste["user_id"], taste["count"], taste["mean"]) == ("you", None, 0, None)
    assert taste["histogram"] == {}
    assert [taste[name] for name in ("genres", "decades", "tags", "typical", "untypical")] == [[], [], [], [], []]
    assert taste["everybody"] > 0


def test_the_taste_of_a_user_is_counted_from_the_file(client: httpx.Client, ratings: list[dict[str, str]]) -> None:
    genres = {row["movieId"]: row["genres"].split("|") for row in rows(SAMPLE, "movies.csv")}
    own = {row["movieId"]: float(row["rating"]) for row in ratings if row["userId"] == "7"}
    taste = client.get("/taste", params={"user_id": 7}).json()
    assert (taste["whose"], taste["user_id"]) == ("MovieLens user 7", 7)
    assert (taste["count"], taste["mean"]) == (len(own), mean(list(own.values())))
    assert {stars: n for stars, n in taste["histogram"].items() if n} == {
        f"{stars}": list(own.values()).count(stars) for stars in sorted(set(own.values()))
    }
    by_genre: dict[str, list[float]] = defaultdict(list)
    for movie, stars in own.items():
        for genre in genres[movie]:
            by_genre[genre].append(stars)
    found = {entry["name"]: (entry["count"], entry["mean"]) for entry in taste["genres"]}
    assert found == {genre: (len(stars), mean(stars)) for genre, stars in by_genre.items() if len(stars) >= 2}
    drama = [float(row["rating"]) for row in ratings if "Drama" in genres[row["movieId"]]]
    [entry] = [entry for entry in taste["genres"] if entry["name"] == "Drama"]
    assert entry["everybody"] == mean(drama)
    assert entry["difference"] == pytest.approx(entry["mean"] - entry["everybody"], abs=1e-4)
    leans = [abs(entry["lean"]) for entry in taste["genres"]]
    assert leans == sorted(leans, reverse=True)


def test_a_lean_is_small_while_ratings_are_few(client: httpx.Client) -> None:
    horror = client.get("/movies", params={"genre": "Horror", "limit": 30}).json()["data"]
    drama = client.get("/movies", params={"genre": "Romance", "limit": 30}).json()["data"]

    def lean() -> float:
        [entry] = [entry for entry in client.get("/taste").json()["genres"] if entry["name"] == "Horror"]
        return float(entry["lean"])

    def rate(count: int) -> None:
        for movie in horror[:count]:
            client.put(f"/ratings/{movie['movie_id']}", json={"stars": 5})
        for movie in drama[:count]:
            client.put(f"/ratings/{movie['movie_id']}", json={"stars": 2})

    rate(2)
    few = lean()
    rate(15)
    assert 0 < few < lean()


def test_typical_movies_are_liked_and_untypical_ones_surprise(client: httpx.Client) -> None:
    for movie in client.get("/movies", params={"genre": "Horror", "limit": 10}).json()["data"]:
        client.put(f"/ratings/{movie['movie_id']}", json={"stars": 1})
    for movie in client.get("/movies", params={"genre": "Romance", "limit": 10}).json()["data"]:
        client.put(f"/ratings/{movie['movie_id']}", json={"stars": 4.5})
    odd = find(client, "The Shining")
    client.put(f"/ratings/{odd}", json={"stars": 5})
    taste = client.get("/taste").json()
    assert taste["untypical"][0]["movie"]["movie_id"] == odd
    assert taste["untypical"][0]["expected"] < 4
    assert all(entry["stars"] >= 4.5 for entry in taste["typical"])
    shown = [entry["movie"]["movie_id"] for entry in taste["typical"] + taste["untypical"]]
    assert len(set(shown)) == len(shown)


def test_only_users_of_the_data_have_a_taste(client: httpx.Client) -> None:
    assert is_problem(client.get("/taste", params={"user_id": 987654}), 404, "not_found")
    assert is_problem(client.get("/taste", params={"user_id": 0}), 404, "not_found")
    assert is_problem(client.get("/taste", params={"user": 7}), 422, "validation_error")


# POST /recommendations from own ratings


@pytest.fixture
def sci_fi(client: httpx.Client) -> list[int]:
    """Own ratings: science fiction is loved."""
    ids = [find(client, title) for title in ("Alien", "Aliens", "The Terminator")]
    for movie_id in ids:
        client.put(f"/ratings/{movie_id}", json={"stars": 5})
    return ids


def recommended(client: httpx.Client, **body: Any) -> dict[str, Any]:
    response = client.post("/recommendations", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_recommendations_follow_own_ratings_at_once(client: httpx.Client, sci_fi: list[int]) -> None:
    before = recommended(client)
    assert before["basis"] == "popular"
    own = recommended(client, own=True)
    assert own["basis"] == "personal"
    assert not {movie["movie_id"] for movie in own["movies"]} & set(sci_fi)
    causes = {cause["movie_id"] for movie in own["movies"] for cause in movie["because"]}
    assert causes - {None} <= set(sci_fi)
    assert causes & set(sci_fi)
    first = own["movies"][0]["movie_id"]
    client.put(f"/ratings/{first}", json={"stars": 1})
    assert first not in [movie["movie_id"] for movie in recommended(client, own=True)["movies"]]


def test_what_is_given_lies_over_own_ratings(client: httpx.Client, sci_fi: list[int]) -> None:
    plain, over = recommended(client, own=True, limit=20), recommended(client, own=True, disliked=sci_fi, limit=20)
    assert (plain["basis"], over["basis"]) == ("personal", "popular")


def test_own_ratings_may_be_none(client: httpx.Client) -> None:
    assert recommended(client, own=True)["basis"] == "popular"
    assert recommended(client, own=True, text="space")["basis"] == "text"
    assert is_problem(client.post("/recommendations", json={"own": "yes"}), 422, "validation_error")
