"""Running times and people over HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from movies.models import IMDB_SOURCE
from settings import Settings
from tests.support.imdb import KUBO, LIND
from tests.support.serving import serving


@pytest.fixture(scope="module")
def known(enriched_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data_dir = Path(shutil.copytree(enriched_dir, tmp_path_factory.mktemp("facts") / "data"))
    with serving(Settings(_env_file=None, data_dir=data_dir, log_level="WARNING")) as server, server.client() as client:
        yield client


def test_a_movie_tells_its_facts_and_the_catalogue_whose_they_are(known: httpx.Client) -> None:
    [found] = known.get("/movies", params={"q": "Heat 1995", "limit": 1}).json()["data"]
    assert (found["runtime"], len(found["cast"])) == (170, 3)
    movie = known.get(f"/movies/{found['movie_id']}").json()
    assert [person["name"] for person in movie["directors"]] == [LIND]
    assert [len(movie["cast"]), movie["original_language"]] == [4, None]
    assert 1 <= movie["imdb_rating"] <= 10
    facts = known.get("/health").json()["catalogue"]["facts"]
    assert facts["attribution"] == IMDB_SOURCE
    assert "non-commercial" in facts["terms"]
    assert facts["movies"] == 809


def test_movies_are_filtered_by_people_and_running_time(known: httpx.Client) -> None:
    def titles(**params: Any) -> set[str]:
        response = known.get("/movies", params={"limit": 200, **params})
        assert response.status_code == 200, response.text
        return {movie["title"] for movie in response.json()["data"]}

    assert {"Alien", "Fargo", "Heat"} <= titles(person="kurosawi")
    assert titles(person=f"directed by {KUBO}", runtime_to=100) == {"Fargo"}
    assert titles(person=[KUBO, f"with {LIND}"]) == {"Alien"}
    assert "Heat" in titles(runtime_from=170, runtime_to=170)


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"person": "Nemo Nullmann"}, 404, "Nobody called 'Nemo Nullmann'"),
        ({"person": ""}, 422, "person"),
        ({"person": ["x"] * 6}, 422, "person"),
        ({"runtime_to": 0}, 422, "runtime_to"),
        ({"runtime_to": "short"}, 422, "runtime_to"),
        ({"people": "Heat"}, 422, "Nearest: 'person'"),
    ],
)
def test_what_cannot_be_is_refused(params: dict[str, str], status: int, words: str, known: httpx.Client) -> None:
    response = known.get("/movies", params=params)
    assert response.status_code == status
    assert words in response.json()["detail"]


def test_without_facts_it_is_said_how_to_get_them(client: httpx.Client) -> None:
    response = client.get("/movies", params={"runtime_to": 90})
    assert response.status_code == 409
    assert "python movielens.py enrich download" in response.json()["detail"]
    assert client.get("/health").json()["catalogue"]["facts"] is None


def test_strange_names_are_read(known: httpx.Client) -> None:
    for name in ('"', "'; --", "*", "a", "по", "%", "by", "with ", "Ω" * 100, "NEAR(", "kurosawi OR"):
        assert known.get("/movies", params={"person": name}).status_code in (200, 404), name
