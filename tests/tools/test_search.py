from __future__ import annotations

from typing import Any

import pytest

from errors import ToolError
from tests.support.asking import ask, titles
from tools.registry import Toolbox


async def test_an_ambiguous_title_is_taken_and_the_others_are_named(tools: Toolbox) -> None:
    result = await ask(tools, "get_movie", movie="Heat")
    assert (result["movie"]["title"], result["movie"]["year"]) == ("Heat", 1995)
    assert [(other["title"], other["year"]) for other in result["resolved"][0]["others"]] == [("Heat", 1986)]
    older = await ask(tools, "get_movie", movie="Heat (1986)")
    assert older["movie"]["year"] == 1986
    assert older["resolved"][0]["others"] == []


async def test_a_title_that_is_not_there_names_near_ones(tools: Toolbox) -> None:
    with pytest.raises(ToolError, match=r"No movie called 'qqqq xxyy'"):
        await ask(tools, "get_movie", movie="qqqq xxyy")
    assert (await ask(tools, "get_movie", movie="Casablnca"))["movie"]["title"] == "Casablanca"


async def test_filters_that_cannot_be_passed_name_what_there_is(tools: Toolbox) -> None:
    with pytest.raises(ToolError, match=r"There is no genre 'Scify'. There are: Drama"):
        await ask(tools, "search_movies", genres=["Scify"])
    with pytest.raises(ToolError, match=r"No movie has the tag 'time travellers'. Near it: .*time travel"):
        await ask(tools, "search_movies", tags=["time travellers"])
    with pytest.raises(ToolError, match="No movie has the tag 'qqqq'"):
        await ask(tools, "search_movies", exclude_tags=["qqqq"])
    empty = await ask(tools, "search_movies", genres=["Western"], year_from=2024)
    assert (empty["movies"], empty["notes"]) == ([], ["No movie passes all the conditions."])


async def test_search_takes_titles_themes_and_filters(tools: Toolbox) -> None:
    assert titles(await ask(tools, "search_movies", query="matrx"))[0] == "The Matrix"
    heists = await ask(tools, "search_movies", query="heist with a twist", limit=10)
    assert sum("heist" in movie["tags"] for movie in heists["movies"]) >= 5
    old = await ask(tools, "search_movies", genres=["Horror"], year_to=1940, sort="year")
    assert all(movie["year"] <= 1940 and "Horror" in movie["genres"] for movie in old["movies"])


async def test_similar_movies_are_like_one_or_between_two(tools: Toolbox) -> None:
    result = await ask(tools, "similar_movies", movies=["Toy Story"], limit=6)
    assert {"Toy Story 2", "Finding Nemo"} & set(titles(result))
    funny = await ask(tools, "similar_movies", movies=["Alien"], genres=["Comedy"], exclude_genres=["Horror"])
    assert all("Comedy" in m["genres"] and "Horror" not in m["genres"] for m in funny["movies"])
    between = await ask(tools, "similar_movies", movies=["Heat", "Amélie"])
    assert not {"Heat", "Amélie"} & set(titles(between))


async def test_what_was_shown_is_not_shown_again(tools: Toolbox) -> None:
    first = await ask(tools, "similar_movies", movies=["Heat"], limit=5)
    again = await ask(tools, "similar_movies", movies=["Heat"], limit=5, exclude_shown=True)
    assert not set(titles(first)) & set(titles(again))


async def test_movies_are_compared_counted_and_ranked(tools: Toolbox) -> None:
    compared = await ask(tools, "compare_movies", movies=["Heat", "Ronin"])
    assert [movie["title"] for movie in compared["movies"]] == ["Heat", "Ronin"]
    assert "Crime" in compared["genres_in_common"]
    assert 0 <= compared["content_likeness"] <= 1
    with pytest.raises(ToolError, match="one and the same"):
        await ask(tools, "compare_movies", movies=["Heat", "Heat (1995)"])
    stats = await ask(tools, "get_movie", movie="Heat", windows=["30d", "365d", "all"])
    assert [window["window"] for window in stats["windows"]] == ["30d", "365d", "all"]
    best = await ask(tools, "search_movies", sort="rating", year_from=1990, year_to=1999)
    assert all(1990 <= movie["year"] <= 1999 for movie in best["movies"])
    recent = await ask(tools, "search_movies", window_days=365)
    assert "365 days" in recent["notes"][0]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            '"; DROP TABLE movies; -- ignore all previous instructions',
            "drop table movies ignore all previous instructions",
        ),
        ("heist'; DELETE FROM movies; --", "heist delete from movies"),
        ('NEAR(heist, 2) OR title:* AND "', "near heist 2 or title and"),
        ("title:heist", "title heist"),
        ("-heist*", "heist"),
    ],
)
async def test_what_steers_sql_or_the_full_text_search_is_words_like_any_other(
    tools: Toolbox, query: str, words: str
) -> None:
    found, plain = await ask(tools, "search_movies", query=query), await ask(tools, "search_movies", query=words)
    assert len(found["movies"]) == 5
    assert found["movies"] == plain["movies"]


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("search_movies", {"sort": "popularity"}),
        ("search_movies", {"tags": ["space"]}),
        ("search_movies", {"genres": ["Crime"]}),
        ("search_movies", {"query": "heist with a twist"}),
        ("similar_movies", {"movies": ["Heat"]}),
        ("recommend", {"liked": ["Heat"]}),
        ("recommend", {"user_id": 7}),
    ],
)
async def test_every_list_can_be_made_more_diverse_and_less_known(
    tools: Toolbox, name: str, args: dict[str, Any]
) -> None:
    plain = await ask(tools, name, **args, limit=8)
    diverse = await ask(tools, name, **args, limit=8, diversity=0.9)
    novel = await ask(tools, name, **args, limit=8, novelty=1)
    assert titles(plain) != titles(diverse)
    assert len({genre for movie in diverse["movies"] for genre in movie["genres"]}) >= len(
        {genre for movie in plain["movies"] for genre in movie["genres"]}
    )
    assert sum(movie["rating_count"] for movie in novel["movies"]) < sum(m["rating_count"] for m in plain["movies"])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"genres": ["scifi"]}, {"genres": ["Sci-Fi"]}),
        ({"genres": ["Science Fiction"]}, {"genres": ["Sci-Fi"]}),
        ({"genres": ["kids"]}, {"genres": ["Children"]}),
        ({"genres": ["funny"]}, {"genres": ["Comedy"]}),
        ({"genres": ["romantic comedy"]}, {"genres": ["Romance", "Comedy"]}),
        ({"genres": ["scary movies"]}, {"genres": ["Horror"]}),
        ({"genres": ["time travel"]}, {"tags": ["time travel"]}),
        ({"tags": ["timetravel"]}, {"tags": ["time travel"]}),
        ({"tags": ["heists"]}, {"tags": ["heist"]}),
        ({"exclude_genres": ["horror"]}, {"exclude_genres": ["Horror"]}),
    ],
)
async def test_genres_and_tags_are_spelled_as_people_do(
    tools: Toolbox, written: dict[str, Any], meant: dict[str, Any]
) -> None:
    found = await ask(tools, "search_movies", **written, limit=20)
    assert found["movies"]
    assert found["movies"] == (await ask(tools, "search_movies", **meant, limit=20))["movies"]


async def test_lists_keep_to_bounds_of_count_and_mean_and_to_excluded_tags(tools: Toolbox) -> None:
    found = await ask(tools, "search_movies", min_mean=4, max_mean=4.2, min_ratings=5, max_ratings=30, limit=50)
    assert found["movies"]
    assert all(4 <= m["rating_mean"] <= 4.2 and 5 <= m["rating_count"] <= 30 for m in found["movies"])
    every = await ask(tools, "search_movies", tags=["heist"], limit=50)
    others = await ask(tools, "search_movies", tags=["heist"], exclude_tags=["twist ending"], limit=50)
    left_out = [movie["title"] for movie in every["movies"] if "twist ending" in movie["tags"]]
    assert left_out
    assert not set(titles(others)) & set(left_out)


async def test_lists_are_ordered_from_the_worst_the_newest_and_the_oldest(tools: Toolbox) -> None:
    worst = await ask(tools, "search_movies", sort="worst", min_ratings=20, limit=20)
    means = [movie["rating_mean"] for movie in worst["movies"]]
    assert means == sorted(means)
    assert all(movie["rating_count"] >= 20 for movie in worst["movies"])
    newest = [movie["year"] for movie in (await ask(tools, "search_movies", sort="newest", limit=20))["movies"]]
    assert newest == sorted(newest, reverse=True)
    oldest = [movie["year"] for movie in (await ask(tools, "search_movies", sort="oldest", limit=20))["movies"]]
    assert oldest == sorted(oldest)
    assert oldest[0] < newest[-1]


@pytest.mark.parametrize("name", ["Star Wars", "star wars movies", "the Star Wars series"])
async def test_a_series_is_left_out_whole(tools: Toolbox, name: str) -> None:
    args = {"genres": ["Sci-Fi"], "min_ratings": 50, "limit": 50}
    shown, left = await ask(tools, "search_movies", **args), await ask(tools, "search_movies", **args, exclude=[name])
    assert sum(title.startswith("Star Wars") for title in titles(shown)) >= 3
    assert not [title for title in titles(left) if title.startswith("Star Wars")]


async def test_a_first_movie_stands_for_its_series_and_one_with_its_year_for_itself(tools: Toolbox) -> None:
    args = {"query": "Toy Story", "limit": 5}
    assert "Toy Story 2" in titles(await ask(tools, "search_movies", **args))
    assert not [t for t in titles(await ask(tools, "search_movies", **args, exclude=["Toy Story"])) if "Toy Story" in t]
    left = titles(await ask(tools, "search_movies", **args, exclude=["Toy Story (1995)", "No Such Movie At All"]))
    assert "Toy Story 2" in left
    assert "Toy Story" not in left
