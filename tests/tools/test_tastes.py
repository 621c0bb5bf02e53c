from __future__ import annotations

import pytest

from errors import ToolError
from tests.support.asking import ask, titles
from tools.registry import Toolbox


async def test_recommendations_rest_on_what_is_known(tools: Toolbox) -> None:
    nothing = await ask(tools, "recommend")
    assert nothing["basis"] == "popular"
    assert "Nothing is known" in nothing["notes"][0]
    liked = await ask(tools, "recommend", liked=["Heat", "Collateral"], disliked=["Titanic"])
    assert liked["basis"] == "seeds"
    assert {cause["title"] for movie in liked["movies"] for cause in movie["because"]} <= {"Heat", "Collateral"}
    user = await ask(tools, "recommend", user_id=7)
    assert user["basis"] == "personal"
    with pytest.raises(ToolError, match="The data has no user 987654"):
        await ask(tools, "recommend", user_id=987654)


async def test_rating_a_movie_is_remembered_and_used(tools: Toolbox) -> None:
    assert (await ask(tools, "rate_movie", movie="Alien", stars=4.5))["previous"] is None
    assert (await ask(tools, "rate_movie", movie="Alien", stars=5))["previous"] == 4.5
    rated = await ask(tools, "get_user_ratings")
    assert (rated["whose"], rated["count"], rated["ratings"][0]["stars"]) == ("you", 1, 5.0)
    mine = await ask(tools, "recommend")
    assert mine["basis"] == "personal"
    why = await ask(tools, "explain_recommendation", movie=mine["movies"][0]["title"])
    assert [cause["title"] for cause in why["because"]] == ["Alien"]
    predicted = await ask(tools, "explain_recommendation", movie="Aliens")
    assert 0.5 <= predicted["low"] <= predicted["predicted_stars"] <= predicted["high"] <= 5
    assert predicted["support"] == 1


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("newest", ["Fargo", "Titanic", "Alien", "Heat"]),
        ("oldest", ["Heat", "Alien", "Titanic", "Fargo"]),
        ("highest", ["Fargo", "Heat", "Alien", "Titanic"]),
        ("lowest", ["Titanic", "Alien", "Fargo", "Heat"]),
    ],
)
async def test_own_ratings_come_in_the_order_asked_for(tools: Toolbox, order: str, expected: list[str]) -> None:
    for movie, stars in {"Heat": 4, "Alien": 3.5, "Titanic": 1, "Fargo": 4}.items():
        await ask(tools, "rate_movie", movie=movie, stars=stars)
    rated = await ask(tools, "get_user_ratings", order=order)
    assert [rating["movie"]["title"] for rating in rated["ratings"]] == expected


async def test_a_user_of_the_data_has_a_taste(tools: Toolbox) -> None:
    nothing = await ask(tools, "taste_profile")
    assert (nothing["mean"], nothing["genres"], nothing["notes"]) == (None, [], ["Nothing is rated yet."])
    taste = await ask(tools, "taste_profile", user_id=7)
    assert taste["ratings"] > 20
    assert taste["favourites"]
    assert taste["genres"] == sorted(taste["genres"], key=lambda genre: -genre["lift"])


async def test_a_group_gets_movies_that_none_has_seen(tools: Toolbox) -> None:
    members = [{"user_id": 7}, {"liked": ["Heat"]}]
    result = await ask(tools, "recommend_for_group", members=members, limit=5)
    assert (result["basis"], len(result["movies"])) == ("group", 5)
    assert "Heat" not in titles(result)


async def test_a_question_is_asked_of_well_known_movies_that_are_not_rated_yet(tools: Toolbox) -> None:
    first = await ask(tools, "next_question", limit=4)
    assert len(first["movies"]) == 4
    assert all(movie["rating_count"] >= 50 for movie in first["movies"])
    await ask(tools, "rate_movie", movie=first["movies"][0]["movie_id"], stars=2)
    assert first["movies"][0]["title"] not in titles(await ask(tools, "next_question", limit=4))
