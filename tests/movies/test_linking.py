from __future__ import annotations

import asyncio
import csv
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movies.library import Library
from movies.linking import Link, Linker, TitleRow
from settings import Settings
from tests.support.serving import ROOT

HERE = Path(__file__).parent
CASES: dict[str, Any] = tomllib.loads((HERE / "linking_cases.toml").read_text(encoding="utf-8"))
COUNTED = {"movie", "series", "genre", "user", "year", "years", "stars"}
SURE = 0.5


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def make_linker(folder: Path, more_titles: list[str]) -> Linker:
    """A linker of a folder in MovieLens's layout, and more titles with a few ratings each."""
    counts = Counter(row["movieId"] for row in rows(folder, "ratings.csv"))
    movies = rows(folder, "movies.csv")
    titles = [TitleRow.parse(int(row["movieId"]), row["title"], counts[row["movieId"]]) for row in movies]
    known = {row["title"] for row in movies}
    more = [title for title in more_titles if title not in known]
    titles += [TitleRow.parse(10**7 + number, title, 30) for number, title in enumerate(more)]
    genres = {genre for row in movies for genre in row["genres"].split("|")} - {"(no genres listed)"}
    carried = {(row["tag"].lower(), row["movieId"]) for row in rows(folder, "tags.csv")}
    return Linker.build(titles, sorted(genres), Counter(tag for tag, _ in carried).items())


@pytest.fixture(scope="module")
def linker() -> Linker:
    return make_linker(ROOT / "data" / "sample", CASES["more_titles"])


def meaning(link: Link) -> str:
    """A link as the cases have it."""
    if link.kind == "movie":
        best = link.candidates[0]
        return f"movie {best.title} ({best.year})"
    if link.kind == "years":
        return f"years {'' if link.low is None else int(link.low)}-{'' if link.high is None else int(link.high)}"
    return f"{link.kind} {link.name}" if link.name else f"{link.kind} {link.low:g}"


def counted(links: list[Link], expected: list[str]) -> Counter[str]:
    said = [meaning(link) for link in links if link.confidence >= SURE]
    return Counter(one for one in said if one.split()[0] in COUNTED or one in expected)


def test_sentences_as_people_type_them(linker: Linker) -> None:
    right = linked = wanted = 0
    for case in CASES["cases"]:
        expected = Counter(case["links"])
        said = counted(linker.link(case["text"], typed=True), case["links"])
        right, linked, wanted = right + (said & expected).total(), linked + said.total(), wanted + expected.total()
        if said != expected:
            print(case["text"], "→", dict(said - expected), "instead of", dict(expected - said))
    print("precision", right / linked, "recall", right / wanted)
    assert right / linked >= 0.95
    assert right / wanted >= 0.95


@pytest.mark.parametrize("case", [case for case in CASES["cases"] if case.get("trap")], ids=lambda case: case["text"])
def test_plain_words_are_no_titles(linker: Linker, case: dict[str, Any]) -> None:
    said = counted(linker.link(case["text"], typed=True), case["links"])
    assert {one for one in said if one.startswith(("movie", "series"))} == set()


def links(linker: Linker, text: str, kind: str, **options: Any) -> list[Link]:
    return [link for link in linker.link(text, typed=True, **options) if link.kind == kind]


def test_a_year_belongs_to_the_span_of_its_title(linker: Linker) -> None:
    texts = ["see Heat (1995) now", "heat 1995", "the 1995 heat was fine", "I prefer the 1986 Heat"]
    spans = [links(linker, text, "movie")[0] for text in texts]
    assert [span.text for span in spans] == ["Heat (1995)", "heat 1995", "1995 heat", "1986 Heat"]
    assert [span.candidates[0].year for span in spans] == [1995, 1995, 1995, 1986]


def test_which_namesake_is_meant_is_decided_by_what_was_spoken_of(linker: Linker) -> None:
    [usual] = links(linker, "have you seen Heat?", "movie")
    other = usual.candidates[1]
    [spoken_of] = links(linker, "have you seen Heat?", "movie", context=[other.movie_id])
    assert [usual.candidates[0].year, spoken_of.candidates[0].year] == [1995, 1986]
    assert spoken_of.movie_ids == tuple(candidate.movie_id for candidate in spoken_of.candidates)


def test_a_series_has_its_movies_by_year(linker: Linker) -> None:
    [series] = links(linker, "all the toy story movies", "series")
    [movie] = links(linker, "toy story", "movie")
    assert len(series.movie_ids) == 4
    assert series.movie_ids[0] == movie.movie_ids[0]
    assert [(link.kind, link.name) for link in movie.also] == [("series", "Toy Story")]


def test_words_of_two_meanings_have_both(linker: Linker) -> None:
    [link] = [link for link in linker.link("something with aliens") if link.text == "aliens"]
    assert (link.kind, {also.kind for also in link.also} <= {"movie", "series"}) == ("tag", True)


def test_a_title_is_found_by_the_whole_text(linker: Linker) -> None:
    asked = [
        "heat 1986",
        "the godfahter",
        "Eternal Sunshine",
        "lotr",
        "shawshenk redemtion",
        "Amelie",
        "no such film at all",
    ]
    found = [[candidate.title for candidate in linker.find(text)][:1] for text in asked]
    assert found[:2] == [["Heat"], ["The Godfather"]]
    assert linker.find("heat 1986")[0].year == 1986
    assert found[2] == ["Eternal Sunshine of the Spotless Mind"]
    assert found[3][0].startswith("The Lord of the Rings")
    assert found[4:6] == [["The Shawshank Redemption"], ["Amélie"]]
    assert found[6] == []


PIECES = [
    "Alien", "the ", "Heat (1995)", "\u00bd", "8/10", "A\u0301me\u0301lie", "\u0130", "\U0001f600", "'", "\n", "user 7",
    "&", "ﬁlm", "ß", "90s", " and ",
    "\x00", "between 1990 and 1999", "9" * 40, "…", "“Up”", "part ii", "d'", "’s", "-", "ǆ", "٣", " ",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=80))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spans_are_places_in_the_text_and_do_not_overlap(linker: Linker, text: str) -> None:
    end = 0
    for link in linker.link(text, least=0.0):
        assert end <= link.start < link.end <= len(text)
        assert text[link.start : link.end] == link.text
        assert 0 <= link.confidence <= 1
        assert sum(candidate.odds for candidate in link.candidates) <= 1
        end = link.end
    linker.find(text)


def test_nothing_is_linked_in_nothing(linker: Linker) -> None:
    empty = Linker.build([], [], [])
    assert [empty.link("I loved Alien (1979), 4 stars")[-1].low, empty.find("Alien"), linker.link("")] == [4.0, [], []]


async def test_a_snapshot_builds_one_linker(data_dir: Path) -> None:
    library = await Library.open(Settings(_env_file=None, data_dir=data_dir), work=False)
    try:
        async with library.use() as snapshot:
            first, second = await asyncio.gather(snapshot.linker(), snapshot.linker())
            assert first is second
            assert [link.name for link in first.link("a sci-fi film")] == ["Sci-Fi"]
            assert first.link("The Matrix (1999)")[0].movie_ids == (851,)
    finally:
        await library.close()


@given(st.lists(st.text(max_size=20), max_size=5), st.text(max_size=10), st.text(max_size=30))
@settings(max_examples=50, deadline=None)
def test_any_catalogue_is_read(titles: list[str], name: str, text: str) -> None:
    rows = [TitleRow.parse(number, title, number) for number, title in enumerate(titles)]
    linker = Linker.build(rows, [name], [(name, 3)])
    for title in titles:
        said = f"I loved {title} {text}"
        assert all(said[link.start : link.end] == link.text for link in linker.link(said, least=0.0))
        linker.find(title)
