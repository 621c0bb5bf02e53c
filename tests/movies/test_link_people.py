"""People in texts: full names, surnames of well-known people, and plain words that are none."""

from __future__ import annotations

import pytest

from movies.linking import Linker, PersonRow, TitleRow
from movies.titles import plain

PEOPLE = (  # the best known first
    "Akira Kurosawa", "Tilda Swinton", "Robert De Niro", "Guillermo del Toro", "Jack Black", "Will Smith",
    "Samuel L. Jackson", "J.J. Abrams", "Emma Stone", "Michael Mann", "Penélope Cruz", "Prince", "Robert Downey Jr.",
    "Jonah Hill", "Oliver Stone", "Terence Young", "Wes Anderson", "Paul Thomas Anderson", "Conan O'Brien",
)  # fmt: skip
TITLES = (
    "Heat (1995)", "Emma (1996)", "Stone (2010)", "Alien (1979)", "Young Frankenstein (1974)", "Ran (1985)",
    "Prince of Egypt, The (1998)",
)  # fmt: skip


@pytest.fixture(scope="module")
def linker() -> Linker:
    titles = [TitleRow.parse(number, title, 1_000) for number, title in enumerate(TITLES, 1)]
    fame = dict(zip(PEOPLE, range(3_000, 0, -100), strict=False))
    people = [PersonRow(name, plain(name), fame[name]) for name in PEOPLE]
    return Linker.build(
        titles, ["Horror", "Comedy"], [("heist", 5)], [*people, PersonRow("Kiyo Kurosawa", "kiyo kurosawa", 9)]
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("movies by Kurosawa", ["Akira Kurosawa"]),
        ("something by kurosawa", ["Akira Kurosawa"]),
        ("Kurosawa's best", ["Akira Kurosawa"]),
        ("with Tilda Swinton", ["Tilda Swinton"]),
        ("horror with tilda swinton please", ["Tilda Swinton"]),
        ("a de niro movie", ["Robert De Niro"]),
        ("del toro films", ["Guillermo del Toro"]),
        ("jack black movies", ["Jack Black"]),
        ("Will Smith was great", ["Will Smith"]),
        ("samuel jackson", ["Samuel L. Jackson"]),
        ("jj abrams or J.J. Abrams", ["J.J. Abrams", "J.J. Abrams"]),
        ("penelope cruz and Robert Downey Jr.", ["Penélope Cruz", "Robert Downey Jr."]),
        ("starring Conan O'Brien", ["Conan O'Brien"]),
        ("what else did Mann direct?", ["Michael Mann"]),
        ("did michael mann direct heat", ["Michael Mann"]),
        ("directed by Stone", ["Emma Stone"]),
        ("movies with Young", ["Terence Young"]),
        ("by Anderson", ["Wes Anderson"]),
        ("by Prince", ["Prince"]),
        ("Emma with Emma Stone", ["Emma Stone"]),
        ("by Kurosawa or Mann", ["Akira Kurosawa", "Michael Mann"]),
        ("when I was young", []),
        ("movies with young people", []),
        ("something with stone walls", []),
        ("i will smith a sword", []),
        ("a prince and a hill", []),
        ("Hill", []),
        ("over the hill, by day", []),
        ("Michael Stone is my friend", []),
        ("Young Frankenstein", []),
        ("The Prince of Egypt", []),
        ("", []),
    ],
)
def test_people_are_linked_where_they_are_meant(text: str, names: list[str], linker: Linker) -> None:
    links = [link for link in linker.link(text, typed=True) if link.kind == "person"]
    assert [link.name for link in links] == names
    assert all(text[link.start : link.end] == link.text for link in links)


def test_titles_stay_where_no_person_is_meant(linker: Linker) -> None:
    links = linker.link("I loved Heat and watched Ran by Kurosawa")
    assert [link.name or link.candidates[0].title for link in links] == ["Heat", "Ran", "Akira Kurosawa"]


def test_any_text_is_read_with_people(linker: Linker) -> None:
    for text in ("'s", "by ", "De Niro's's", "J.J.", "Kurosawa" * 50, "\u0301by\u0301 Kurosawa", "directed\nby\nMann"):
        assert isinstance(linker.link(text, typed=True), list)
