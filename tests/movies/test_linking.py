from __future__ import annotations

import csv
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from movies.linking import Link, Linker, TitleRow
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
        said = counted(linker.link(case["text"]), case["links"])
        right, linked, wanted = right + (said & expected).total(), linked + said.total(), wanted + expected.total()
        if said != expected:
            print(case["text"], "→", dict(said - expected), "instead of", dict(expected - said))
    print("precision", right / linked, "recall", right / wanted)
    assert right / linked >= 0.95
    assert right / wanted >= 0.95


@pytest.mark.parametrize("case", [case for case in CASES["cases"] if case.get("trap")], ids=lambda case: case["text"])
def test_plain_words_are_no_titles(linker: Linker, case: dict[str, Any]) -> None:
    said = counted(linker.link(case["text"]), case["links"])
    assert {one for one in said if one.startswith(("movie", "series"))} == set()
