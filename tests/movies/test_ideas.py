"""The tables of themes and of the films that are named for them, and languages by original titles."""

from __future__ import annotations

import re
import tomllib

import pytest

from movies.ideas import FILMS, THEMES, read_ideas, says_nothing
from movies.tongues import language_of


def test_films_are_named_for_themes_that_there_are() -> None:
    films = tomllib.loads(FILMS.read_text(encoding="utf-8"))["films"]
    themes = tomllib.loads(THEMES.read_text(encoding="utf-8"))["themes"]
    assert set(films) <= {names.partition("|")[0] for names in themes}
    named = [film for row in films.values() for film in row.split("; ")]
    assert [film for film in named if not re.fullmatch(r"\S.* (?:18|19|20)\d\d", film)] == []


def test_a_country_is_a_language_and_its_films() -> None:
    [idea, genre] = read_ideas("korean thriller", {"thriller": "Thriller"}, set())
    assert idea.theme.tongues == ("@ko",)
    assert "Memories of Murder 2003" in idea.theme.films
    assert genre.theme.must == ("Thriller",)


def test_words_that_tell_nothing_of_a_film() -> None:
    assert says_nothing("something from the, but please")
    assert not says_nothing("something from Berlin")


@pytest.mark.parametrize(
    ("title", "language"),
    [
        ("Lives of Others, The (Das leben der Anderen) (2006)", "de"),
        ("Secret in Their Eyes, The (El secreto de sus ojos) (2009)", "es"),
        ("Bicycle Thieves (a.k.a. The Bicycle Thief) (Ladri di biciclette) (1948)", "it"),
        ("Girl with the Dragon Tattoo, The (Män som hatar kvinnor) (2009)", "sv"),
        ("Once Upon a Time in China (Wong Fei Hung) (1991)", "zh"),
        ("Sympathy for Mr. Vengeance (Boksuneun naui geot) (2002)", "ko"),
        ("My Neighbor Totoro (Tonari no Totoro) (1988)", "ja"),
        ("Raiders of the Lost Ark (Indiana Jones and the Raiders of the Lost Ark) (1981)", None),
        ("Bram Stoker's Dracula (1992)", None),
        ("", None),
    ],
)
def test_the_language_of_a_title(title: str, language: str | None) -> None:
    assert language_of(title) == language
