"""A wish in words means the same to both routes, the tools and the guide: what it refuses is nowhere shown."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from language.wishes import read_wish
from movies.link_titles import TitleRow
from movies.linking import Linker
from movies.models import Movie
from settings import Settings
from tests.support.asking import ask
from tests.support.serving import ROOT, serving
from tools.registry import Toolbox

Passes = Callable[[Movie], bool]

WISHES: list[tuple[str, Passes]] = [
    ("anything but horror", lambda movie: "Horror" not in movie.genres),
    ("a thriller that isn't a horror movie", lambda movie: "Horror" not in movie.genres),
    ("a comedy, nothing romantic", lambda movie: "Romance" not in movie.genres),
    ("science fiction from the 80s", lambda movie: 1980 <= (movie.year or 0) <= 1989),
    ("drama, nothing before 1990", lambda movie: (movie.year or 0) >= 1990),
    ("crime, not comedies, before 2000", lambda movie: "Comedy" not in movie.genres and 0 < (movie.year or 0) < 2000),
]

WAITED = {"Accept": "application/json"}
LINKER = Linker.build(
    [TitleRow.parse(1, "Matrix, The (1999)", 500), TitleRow.parse(2, "No Country for Old Men (2007)", 200)],
    ["Horror", "Comedy", "Romance", "Sci-Fi", "War"],
    [("aliens", 14), ("World War II", 9), ("serial killer", 8)],
)


@pytest.mark.parametrize(
    ("text", "wanted", "refused", "genres", "years"),
    [
        ("space movie without aliens", "space movie", ("aliens",), (), (None, None)),
        ("anything but horror", "", (), ("Horror",), (None, None)),
        ("a comedy, nothing romantic", "a comedy ,", (), ("Romance",), (None, None)),
        ("war movie, no world war ii", "war movie ,", ("World War II",), (), (None, None)),
        ("horror before 1980", "horror", (), (), (None, 1979)),
        ("1950s science fiction", "science fiction", (), (), (1950, 1959)),
        ("a thriller that isn't about serial killers", "a thriller that", ("serial killers",), (), (None, None)),
        ("no gore or talking animals please", "please", ("gore", "talking animals"), (), (None, None)),
        ("guy with no short term memory", "guy with no short term memory", (), (), (None, None)),
        ("No Country for Old Men", "No Country for Old Men", (), (), (None, None)),
    ],
)
def test_a_wish_is_read(
    text: str, wanted: str, refused: tuple[str, ...], genres: tuple[str, ...], years: tuple[int | None, int | None]
) -> None:
    wish = read_wish(text, LINKER)
    assert (wish.text, wish.refused, wish.genres, wish.years) == (wanted, refused, genres, years)


def test_older_than_what_it_should_be_like() -> None:
    assert read_wish("like The Matrix but older", LINKER).years == (None, 1998)
    assert read_wish("like The Matrix but newer", LINKER).years == (2000, None)


def test_a_length_is_read_apart_from_the_words() -> None:
    wish = read_wish("a comedy under two hours", LINKER)
    assert (wish.text, wish.runtime) == ("a comedy under", (None, 120))


def test_what_it_should_be_like_is_no_word_of_it() -> None:
    wish = read_wish("like The Matrix but funnier", LINKER)
    assert wish.like == wish.out == (1,)
    assert "Matrix" not in wish.text
    assert "funnier" in wish.text


@pytest.mark.parametrize(("text", "passes"), WISHES)
def test_routes_and_guide_leave_out_what_is_refused(client: httpx.Client, text: str, passes: Passes) -> None:
    listed = client.get("/movies", params={"q": text, "limit": 20}).json()["data"]
    recommended = client.post("/recommendations", json={"text": text, "limit": 20}).json()["movies"]
    session = client.post("/sessions", json={}).json()["id"]
    said = client.post(f"/sessions/{session}/messages", json={"content": f"recommend {text}"}, headers=WAITED)
    for movies in (listed, recommended):
        assert len(movies) >= 3
        assert all(passes(Movie(**_plain(movie))) for movie in movies)
    shown = client.get("/recommendations", params={"session_id": session}).json()["data"]
    assert said.status_code in (200, 201)
    assert shown
    assert all(passes(movie) for row in shown for movie in (Movie(**_plain(each)) for each in row["movies"]))


def _plain(movie: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in movie.items() if name in Movie.model_fields}


@pytest.mark.parametrize(("text", "passes"), WISHES)
async def test_tools_leave_out_what_is_refused(tools: Toolbox, text: str, passes: Passes) -> None:
    searched = await ask(tools, "search_movies", query=text, limit=20)
    recommended = await ask(tools, "recommend", text=text, limit=20)
    for result in (searched, recommended):
        movies = [Movie(**_plain(movie)) for movie in result["movies"]]
        assert len(movies) >= 3
        assert all(map(passes, movies))


@pytest.fixture(scope="module")
def real_client(tmp_path_factory: pytest.TempPathFactory, movielens_dir: Path) -> Iterator[httpx.Client]:
    """The service over ml-latest-small."""
    folder = tmp_path_factory.mktemp("real")
    environment = {**os.environ, "DATA_DIR": str(folder)}
    for command in (["movielens.py", "import", str(movielens_dir)], ["recommend.py", "fit"]):
        subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, check=True)
    with serving(Settings(_env_file=None, data_dir=folder, log_level="WARNING")) as server, server.client() as client:
        yield client


def titles(client: httpx.Client, text: str, **body: object) -> list[str]:
    movies = client.post("/recommendations", json={"text": text, "limit": 10, **body}).json()["movies"]
    return [movie["title"] for movie in movies]


def test_themes_find_what_they_mean(real_client: httpx.Client) -> None:
    assert {"12 Angry Men", "A Few Good Men"} <= set(titles(real_client, "courtroom drama"))
    assert "Murder on the Orient Express" in titles(real_client, "whodunit")
    assert not {"Gremlins", "Alien"} & set(titles(real_client, "anything but horror"))


@pytest.mark.parametrize(
    ("text", "series"),
    [
        ("spy movie but not james bond", {"Goldfinger", "Casino Royale", "Dr. No"}),
        (
            "sci-fi but not star wars or star trek",
            {"Star Wars: Episode IV - A New Hope", "Star Trek"},
        ),
        ("superhero movie but not marvel", {"Iron Man", "The Avengers", "X-Men", "Spider-Man"}),
    ],
)
def test_a_series_is_left_out_by_its_name(real_client: httpx.Client, text: str, series: set[str]) -> None:
    shown = titles(real_client, text)
    listed = real_client.get("/movies", params={"q": text, "limit": 10}).json()["data"]
    assert len(shown) >= 5
    assert not series & {*shown, *(movie["title"] for movie in listed)}


def test_a_country_is_told_by_its_language(real_client: httpx.Client) -> None:
    assert {"Old Boy", "Memories of Murder", "I Saw the Devil"} <= set(titles(real_client, "korean thriller"))
    assert {"Delicatessen", "Amelie"} & set(titles(real_client, "french comedy"))
    assert not {"Amelie", "City of God", "Spirited Away"} & set(titles(real_client, "a drama, no subtitles"))


def test_words_that_say_nothing_are_not_searched_for(real_client: httpx.Client) -> None:
    shown = titles(real_client, "something from the 80s but not a horror movie")
    assert {"Back to the Future", "The Princess Bride"} & set(shown)


def test_a_refusal_leaves_what_is_well_known_to_be_about_something_else(real_client: httpx.Client) -> None:
    shown = titles(real_client, "sci-fi without time travel")
    assert {"The Matrix", "Blade Runner"} & set(shown)
    assert not {"Back to the Future", "Twelve Monkeys", "The Terminator", "Looper"} & set(shown)


def test_a_title_refuses_nothing(real_client: httpx.Client) -> None:
    for title in ("No Country for Old Men", "Not Another Teen Movie", "Nothing to Lose", "Anything Else"):
        assert real_client.get("/movies", params={"q": title}).json()["data"][0]["title"] == title


def test_taste_orders_what_fits_the_words(real_client: httpx.Client) -> None:
    plain_list = titles(real_client, "whodunit")
    mine = titles(real_client, "whodunit", liked=[903, 904, 908])  # Vertigo, Rear Window, North by Northwest
    assert mine != plain_list
    assert not set(mine) & {"Vertigo", "Rear Window", "North by Northwest"}
