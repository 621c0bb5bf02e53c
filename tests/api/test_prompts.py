from __future__ import annotations

import re

import httpx
import pytest

from main import app
from providers.prompts import TEMPLATES


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_has_a_route_that_takes_its_args(name: str) -> None:
    body = app.openapi()["paths"][f"/prompts/{name}"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": f"#/components/schemas/{TEMPLATES[name].args.__name__}"}


def test_a_prompt_is_filled_in_and_a_list_is_explained_by_the_same(client: httpx.Client) -> None:
    asked = client.post("/prompts/recommendations_prompt_per_user", json={"user_id": 7, "limit": 2}).json()
    explained = client.get("/users/7/recommendations", params={"limit": 2, "explain": True}).json()
    assert (explained["prompt"], explained["text"]) == (asked["prompt"], asked["text"])
    *rated, first, second = [line for line in asked["prompt"].splitlines() if line.startswith("- ")]
    assert [line.rpartition(": ")[2] for line in rated] == ["5", "5"]
    for line, movie in zip((first, second), explained["movies"], strict=True):
        assert line.startswith(f"- {movie['title']} ({movie['year']}), because of {movie['because'][0]['title']}")


def prompt(client: httpx.Client, name: str, **body: object) -> str:
    response = client.post(f"/prompts/{name}", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["prompt"])


def stars_in(lines: str) -> list[float]:
    return [float(line.rpartition(": ")[2]) for line in lines.splitlines() if line.startswith("- ")]


def test_the_taste_prompt_has_the_highest_ratings_and_the_lowest(client: httpx.Client) -> None:
    highest, lowest = prompt(client, "ratings_prompt_per_user", user_id=7, limit=4).split("And these lowest:")
    for order, lines in (("highest", highest), ("lowest", lowest)):
        page = client.get("/users/7/ratings", params={"order": order, "limit": 4}).json()["data"]
        assert stars_in(lines) == [rating["stars"] for rating in page]
        assert stars_in(lines) == sorted(stars_in(lines), reverse=order == "highest")
    assert "And these lowest:\n- none\n" in prompt(client, "ratings_prompt_per_user", user_id=107, limit=50)


def test_the_tag_prompt_has_each_movies_relevance(client: httpx.Client) -> None:
    said = prompt(client, "movies_prompt_per_tag", tag="heist", limit=3)
    lines = [line for line in said.splitlines() if line.startswith("- ")]
    assert len(lines) == 3
    title, _, relevance = lines[0].removeprefix("- ").rpartition(": ")
    found = client.get("/movies", params={"q": title}).json()["data"][0]
    detail = client.get(f"/movies/{found['movie_id']}").json()
    assert next(tag["relevance"] for tag in detail["top_tags"] if tag["tag"] == "heist") == pytest.approx(
        float(relevance), abs=0.005
    )


def test_prompts_of_a_genre_and_a_movie(client: httpx.Client) -> None:
    said = prompt(client, "movies_prompt_per_genre", genre="western", limit=3)
    lines = [line for line in said.splitlines() if line.startswith("- ")]
    assert len(lines) == 3
    assert all(1 <= float(line.rpartition(": ")[2].split(" of ")[0]) <= 5 for line in lines)
    heat = client.get("/movies", params={"q": "Heat (1995)"}).json()["data"][0]
    said = prompt(client, "ratings_prompt_per_movie", movie_id=heat["movie_id"])
    assert "People rated Heat (1995)" in said
    assert f"- all: {heat['rating_count']} ratings, mean {heat['rating_mean']}" in said


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("ratings_prompt_per_user", {"user_id": 999_999}),
        ("movies_prompt_per_genre", {"genre": "no such"}),
        ("movies_prompt_per_tag", {"tag": "no such"}),
        ("ratings_prompt_per_movie", {"movie_id": 999_999}),
    ],
)
def test_what_is_not_there_is_said(name: str, body: dict[str, object], client: httpx.Client) -> None:
    response = client.post(f"/prompts/{name}", json=body)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


BODIES: dict[str, dict[str, object]] = {
    "ratings_prompt_per_user": {"user_id": 7},
    "recommendations_prompt_per_user": {"user_id": 7},
    "recommendations_prompt_per_taste": {"user_id": 7, "taste": "quiet films"},
    "movies_prompt_per_tag": {"tag": "heist"},
    "movies_prompt_per_genre": {"genre": "Western"},
    "ratings_prompt_per_movie": {"movie_id": 1},
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_guide_words_every_template_from_what_is_filled_in(name: str, client: httpx.Client) -> None:
    """Each title and figure of its words stands in the prompt: nothing is told that was not given."""
    answer = client.post(f"/prompts/{name}", json=BODIES[name]).json()
    filled_in = {line.removeprefix("- ") for line in answer["prompt"].splitlines() if line.startswith("- ")}
    named = [title for line in filled_in if (title := re.split(r": |, because", line)[0]) in answer["text"]]
    assert named, answer["text"]
    told = re.sub(r"\d+ of \d+", "", answer["text"])  # a sum of what is listed
    assert all(number in answer["prompt"] for number in re.findall(r"\d+(?:\.\d+)?", told))
