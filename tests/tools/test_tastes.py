from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from errors import ToolError
from storage.own_ratings import Seen
from tests.support.asking import ask, titles
from tools.registry import Toolbox


async def test_recommendations_rest_on_what_is_known(tools: Toolbox) -> None:
    nothing = await ask(tools, "recommend")
    assert nothing["basis"] == "popular"
    assert "Nothing is known" in nothing["notes"][0]
    liked = await ask(tools, "recommend", liked=["Heat", "Collateral"], disliked=["Titanic"])
    assert liked["basis"] == "seeds"
    causes = {cause["title"] for movie in liked["movies"] for cause in movie["because"]}
    assert causes <= {"Heat", "Collateral", "other ratings", "popularity"}
    assert causes >= {"Heat", "Collateral"}
    for movie in liked["movies"]:
        assert sum(cause["share"] for cause in movie["because"]) == pytest.approx(movie["match"], abs=1e-3)
    disliked = await ask(tools, "recommend", disliked=["Heat", "Titanic"])
    assert disliked["basis"] == "popular"
    assert "Nothing is known that the person likes" in disliked["notes"][0]
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
    assert [cause["title"] for cause in why["because"]] == ["Alien", "popularity"]
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


@pytest.mark.parametrize("title", ["Jaws 4", "jurasic park", "King Kong", "the lord of the", "296"])
async def test_nothing_is_stored_on_a_guess(tools: Toolbox, title: str) -> None:
    rated = await ask(tools, "rate_movie", movie=title, stars=4)
    assert (rated["stored"], rated["movie"]) == (False, None)
    assert rated["candidates"]
    assert "Ask which" in rated["notes"][0]
    assert (await ask(tools, "get_user_ratings"))["count"] == 0


@pytest.mark.parametrize(
    ("title", "meant"),
    [
        ("Heat (1995)", 1995),
        ("heat 1986", 1986),
        ("the matrix", 1999),
        ("Matrix", 1999),
        ("Toy Story", 1995),
        ("Heat", 1995),  # known by far more than that of 1986
    ],
)
async def test_a_certain_title_is_stored(tools: Toolbox, title: str, meant: int) -> None:
    rated = await ask(tools, "rate_movie", movie=title, stars=4)
    assert (rated["stored"], rated["movie"]["year"], rated["candidates"]) == (True, meant, [])


async def test_a_rating_is_removed_and_never_given_and_removed_at_once(tools: Toolbox) -> None:
    await ask(tools, "rate_movie", movie="Alien", stars=4.5)
    removed = await ask(tools, "rate_movie", movie="Alien", remove=True)
    assert (removed["removed"], removed["previous"], removed["stored"]) == (True, 4.5, False)
    again = await ask(tools, "rate_movie", movie="Alien", remove=True)
    assert (again["removed"], again["notes"]) == (False, ["The person had not rated Alien (1979) here."])
    assert (await ask(tools, "get_user_ratings"))["count"] == 0
    for args in ({"stars": 4, "remove": True}, {}):
        with pytest.raises(ToolError, match="Give either stars"):
            await ask(tools, "rate_movie", movie="Alien", **args)


async def test_own_ratings_and_those_of_the_user_of_the_session_are_of_one_person(tools: Toolbox) -> None:
    assert tools.session is not None
    mine = replace(tools, session=tools.session.model_copy(update={"user_id": 7}))
    theirs = await ask(tools, "get_user_ratings", user_id=7, order="highest", limit=1)
    best = theirs["ratings"][0]["movie"]
    rated = {
        movie["movie"]["title"] for movie in (await ask(tools, "get_user_ratings", user_id=7, limit=50))["ratings"]
    }
    assert "Alien (1979)" not in rated
    await ask(mine, "rate_movie", movie=best["movie_id"], stars=0.5)
    new = (await ask(mine, "next_question", limit=1))["movies"][0]
    await ask(mine, "rate_movie", movie=new["movie_id"], stars=3)
    both = await ask(mine, "get_user_ratings")
    assert (both["whose"], both["count"]) == ("you", theirs["count"] + 1)
    assert [r["movie"]["title"] for r in both["ratings"][:2]] == [new["title"], best["title"]]
    assert (await ask(mine, "get_user_ratings", user_id=7))["count"] == both["count"]
    assert (await ask(mine, "get_movie", movie=best["movie_id"]))["own_stars"] == 0.5
    assert (await ask(mine, "taste_profile"))["ratings"] == both["count"]
    assert (await ask(mine, "explain_recommendation", movie=best["movie_id"]))["own_stars"] == 0.5
    assert (await ask(tools, "get_user_ratings", user_id=7))["count"] == theirs["count"]  # outside of that session
    assert (await ask(tools, "get_movie", movie=best["movie_id"]))["own_stars"] == 0.5


async def test_ratings_come_by_movie_time_filter_and_page(tools: Toolbox) -> None:
    every = (await ask(tools, "get_user_ratings", user_id=7, order="oldest", limit=50))["ratings"]
    year = every[20]["rated_at"][:4]
    of_year = await ask(tools, "get_user_ratings", user_id=7, since=year, until=year, limit=50)
    assert of_year["count"] >= 1
    assert all(rating["rated_at"][:4] == year for rating in of_year["ratings"])
    comedies = await ask(tools, "get_user_ratings", user_id=7, genres=["Comedy"], limit=50)
    assert all("Comedy" in rating["movie"]["genres"] for rating in comedies["ratings"])
    stars = [rating["stars"] for rating in comedies["ratings"]]
    if comedies["count"] <= 50:
        assert comedies["mean"] == pytest.approx(sum(stars) / len(stars), abs=1e-4)
    page = await ask(tools, "get_user_ratings", user_id=7, order="oldest", limit=5, offset=10)
    assert page["ratings"] == every[10:15]
    one = await ask(tools, "get_user_ratings", user_id=7, movies=[every[3]["movie"]["movie_id"]])
    assert (one["count"], one["ratings"]) == (1, [every[3]])
    with pytest.raises(ToolError, match="The data has no user 987654"):
        await ask(tools, "get_user_ratings", user_id=987654)


async def test_0_is_the_person_where_the_data_has_no_such_user(tools: Toolbox) -> None:
    assert (await ask(tools, "get_user_ratings", user_id=0))["whose"] == "you"


@pytest.mark.parametrize("asked", [{"liked": ["Heat"]}, {"text": "heist with a twist"}, {}])
async def test_what_the_person_rated_is_not_recommended_unless_asked_for(tools: Toolbox, asked: dict[str, Any]) -> None:
    first = await ask(tools, "recommend", **asked)
    seen = first["movies"][0]
    await ask(tools, "rate_movie", movie=seen["movie_id"], stars=3)
    assert seen["title"] not in titles(await ask(tools, "recommend", **asked, limit=20))
    assert seen["title"] in titles(await ask(tools, "recommend", **asked, limit=20, include_seen=True))


async def test_of_somebody_unknown_stars_are_expected_as_of_everybody(tools: Toolbox) -> None:
    why = await ask(tools, "explain_recommendation", movie="Heat (1995)")
    assert (why["support"], why["because"], why["own_stars"]) == (0, [], None)
    assert why["predicted_stars"] == pytest.approx(why["movie"]["rating_mean"], abs=0.3)
    assert "no reason is personal" in why["notes"][0]


async def test_what_was_seen_is_not_recommended(tools: Toolbox) -> None:
    """Alone, by words, and with others; unless the person asks for it."""
    member: dict[str, Any] = {"members": [{}, {"liked": ["Heat (1995)"]}], "limit": 20}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("recommend", {"limit": 20}),
        ("recommend", {"text": "heist", "limit": 20}),
        ("recommend_for_group", member),
    ]
    for name, args in asked:
        before = {movie["movie_id"] for movie in (await ask(tools, name, **args))["movies"]}
        await tools.ratings.add("local", [], [Seen(movie_id, datetime(2024, 1, 1, tzinfo=UTC)) for movie_id in before])
        after = {movie["movie_id"] for movie in (await ask(tools, name, **args))["movies"]}
        assert after
        assert not after & before
    again = await ask(tools, "recommend", limit=20, include_seen=True)
    assert {movie["movie_id"] for movie in again["movies"]} & {
        one.movie_id for one in await tools.ratings.seen("local")
    }
