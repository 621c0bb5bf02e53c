from __future__ import annotations

import json
from typing import Any

import pytest

from providers.digest import digest
from tests.support.asking import ask
from tools.registry import Toolbox


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("search_movies", {"genres": ["Drama"], "limit": 3}),
        ("search_movies", {"query": "heist with a twist", "limit": 3}),
        ("similar_movies", {"movies": ["Heat"], "limit": 3}),
        ("recommend", {"liked": ["Heat", "Alien", "Fargo"], "limit": 3}),
        ("recommend", {"user_id": 7, "limit": 3}),
    ],
)
async def test_three_movies_cost_little(tools: Toolbox, name: str, args: dict[str, Any]) -> None:
    result = await ask(tools, name, **args)
    short: Any = digest(result)
    assert len(json.dumps(short, ensure_ascii=False, separators=(",", ":"))) < 900
    for told, movie in zip(short["movies"], result["movies"], strict=True):
        assert (told["id"], told["title"], told["year"]) == (movie["movie_id"], movie["title"], movie["year"])
        assert told["genres"] == ", ".join(movie["genres"])
        assert (told["rating"], told["count"]) == (round(movie["rating_mean"], 2), movie["rating_count"])
        assert told.get("because", []) == [f"{m['title']} ({m['year']})" for m in movie["because"] if m["movie_id"]]


async def test_one_movie_is_told_with_its_histogram_and_links(tools: Toolbox) -> None:
    result = await ask(tools, "get_movie", movie="Heat", windows=["365d", "all"])
    short: Any = digest(result)
    assert short["movie"]["histogram"] == {
        stars: count for stars, count in result["movie"]["histogram"].items() if count
    }
    assert short["movie"]["links"][0].startswith("https://www.imdb.com/")
    assert short["windows"][1] == {"window": "all", "count": short["movie"]["count"], "mean": short["movie"]["rating"]}
    assert short["resolved"] == [{"given": "Heat", "taken": "Heat (1995)", "others": ["Heat (1986)"]}]
    assert len(json.dumps(short)) < 900


async def test_an_empty_list_is_said_and_a_digest_is_of_the_result_alone(tools: Toolbox) -> None:
    result = await ask(tools, "search_movies", genres=["Western"], year_from=2030)
    assert digest(result) == {"basis": "popular", "movies": [], "notes": ["No movie passes all the conditions."]}
    assert digest(json.loads(json.dumps(result))) == digest(result)


@pytest.mark.parametrize("result", [None, [], "text", 3.14159, {"movies": [{"title": "Heat"}]}])
def test_other_results_are_told_as_they_are(result: Any) -> None:
    assert digest(result) == (3.14 if result == 3.14159 else result)
