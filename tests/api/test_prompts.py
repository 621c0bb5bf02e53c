from __future__ import annotations

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
