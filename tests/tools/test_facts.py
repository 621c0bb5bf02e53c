"""Running times and people as the tools have them, over the sample with facts of our own making."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from errors import ToolError, Unknown
from providers.digest import digest
from tests.support.asking import ask, titles
from tests.support.imdb import DEL_VALLE, KUBO, LIND, STONE
from tests.tools.conftest import toolbox
from tests.tools.test_registry import told
from tools.registry import Toolbox


@pytest.fixture
async def known(enriched_dir: Path, tmp_path: Path) -> AsyncIterator[Toolbox]:
    async with toolbox(Path(shutil.copytree(enriched_dir, tmp_path / "enriched"))) as tools:
        yield tools


async def test_a_movie_has_running_time_and_people(known: Toolbox) -> None:
    movie = (await ask(known, "get_movie", movie="Heat (1995)"))["movie"]
    assert movie["runtime"] == 170
    assert [person["name"] for person in movie["directors"]] == [LIND]
    assert [person["name"] for person in movie["cast"]] == [KUBO, "Otto Brandt", "Terence Young", DEL_VALLE]
    short: Any = digest({"movie": movie})
    assert (short["movie"]["minutes"], short["movie"]["by"]) == (170, LIND)
    assert short["movie"]["cast"].startswith(f"{KUBO}, Otto Brandt")


@pytest.mark.parametrize(
    ("people", "found"),
    [
        ([LIND], {"Heat", "Alien", "Fargo"}),
        ([f"directed by {LIND}"], {"Heat", "Fargo"}),
        ([f"with {LIND}"], {"Alien"}),
        (["kurosawi"], {"Heat", "Alien", "Fargo"}),
        (["by Akiro Kurosawy"], {"Alien", "Fargo"}),
        (["with kurosavi"], {"Heat"}),
        (["del Valle"], {"Heat", "Toy Story"}),
        ([KUBO, "directed by mara lindqvist"], {"Heat", "Fargo"}),
        ([KUBO, "without Lindqvist"], set()),
        ([KUBO, "without Pia del Valle"], {"Alien", "Fargo"}),
    ],
)
async def test_people_are_found_by_name_surname_or_slip(people: list[str], found: set[str], known: Toolbox) -> None:
    told = {"Heat", "Alien", "Fargo", "Toy Story"}
    for tool in ("search_movies", "recommend"):
        result = await ask(known, tool, people=people, limit=50)
        assert {title for title in titles(result) if title in told} == found


@pytest.mark.parametrize("tool", ["search_movies", "recommend", "query_catalogue"])
async def test_running_times_are_bounds(tool: str, known: Toolbox) -> None:
    more = {"measure": "list"} if tool == "query_catalogue" else {}
    result = await ask(known, tool, runtime_from=80, runtime_to=90, limit=50, **more)
    assert len(result["movies"]) > 5
    assert all(80 <= movie["runtime"] <= 90 for movie in result["movies"])


async def test_wishes_know_people_and_running_times(known: Toolbox) -> None:
    result = await ask(known, "recommend", text=f"something directed by {LIND}", limit=50)
    assert all(LIND in [person["name"] for person in movie["directors"]] for movie in result["movies"])
    assert {"Heat", "Fargo"} <= set(titles(result))
    assert not {"Heat", "Fargo"} & set(titles(await ask(known, "recommend", text=f"a drama without {LIND}", limit=50)))
    short = await ask(known, "recommend", text="a comedy under 90 minutes", limit=50)
    assert short["movies"]
    assert all(movie["runtime"] <= 90 for movie in short["movies"])


async def test_nobody_is_taken_for_another(known: Toolbox) -> None:
    with pytest.raises(Unknown, match="Nobody called 'Quentin Xyzzy'"):
        await ask(known, "search_movies", people=["Quentin Xyzzy"])
    with pytest.raises(Unknown, match=r"Nobody called 'Okonja Kerminka'"):
        await ask(known, "search_movies", people=["Okonja Kerminka"])


async def test_without_facts_it_is_said_how_to_get_them(tools: Toolbox) -> None:
    for args in ({"people": [STONE]}, {"runtime_to": 90}):
        with pytest.raises(ToolError, match=r"python movielens\.py enrich download"):
            await ask(tools, "search_movies", **args)
    assert "runtime_to" not in await told(tools)
    assert "no plots, casts, directors" in await told(tools)


async def test_a_model_is_told_of_facts_in_few_words(known: Toolbox) -> None:
    """By the tokens of o200k these are 2,950."""
    text = await told(known)
    assert "runtime_from, runtime_to: minutes" in text
    assert "no plots or streaming services" in text
    assert len(text) < 12_500
    assert len(await told(known, small=True)) < 3_600


@pytest.mark.parametrize(
    ("name", "args"),
    [("search_movies", {"genres": ["Drama"]}), ("recommend", {"liked": ["Heat", "Alien", "Fargo"]}), ("recommend", {})],
)
async def test_three_movies_cost_little(known: Toolbox, name: str, args: dict[str, Any]) -> None:
    short = digest(await ask(known, name, limit=3, **args))
    assert len(json.dumps(short, ensure_ascii=False, separators=(",", ":"))) < 960
