"""Messages in other languages are put into English, whole phrases at a time, and titles stay titles."""

from __future__ import annotations

import re
import tomllib

import pytest

from language.foreign import WORDS, in_english
from movies.linking import Linker, TitleRow

TITLES = (
    "Heat (1995)", "Titanic (1997)", "Godfather, The (1972)", "Downfall (Untergang, Der) (2004)",
    "Pan's Labyrinth (Laberinto del fauno, El) (2006)", "Taxi Driver (1976)", "Chinatown (1974)",
)  # fmt: skip
LANGUAGES = tomllib.loads(WORDS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def linker() -> Linker:
    """A linker of a few movies."""
    return Linker.build([TitleRow.parse(number, title, 100) for number, title in enumerate(TITLES, 1)], ["War"], [])


@pytest.mark.parametrize(
    ("said", "language", "english"),
    [
        ("hab gestern titanic geschaut, war mega", "de", "i saw titanic, and i loved it"),
        ("ok aber bitte nix nach 2000", "de", "but please nothing after 2000"),
        ("taxi driver und chinatown kenn ich schon", "de", "i have already seen taxi driver and chinatown"),
        ("hab der untergang gesehen, 4,5 sterne", "de", "i saw Downfall (2004) 4.5 stars"),
        ("non en fait titanic c'est 2 et demi", "fr", "change my rating for titanic to 2.5 stars"),
        ("des films de guerre des années 70 stp", "fr", "war movies from the 70s please"),
        ("le doy un 4 al padrino", "es", "i gave The Godfather (1972) 4"),
        ("algo como el laberinto del fauno", "es", "something like Pan's Labyrinth (2006)"),
        ("is the heat a war movie or what", "en", "is the heat a war movie or what"),
    ],
)
def test_a_message_becomes_english_and_titles_stay(linker: Linker, said: str, language: str, english: str) -> None:
    assert in_english(said, linker) == (english, language)


def test_words_of_two_languages_are_of_the_one_spoken_so_far(linker: Linker) -> None:
    assert in_english("und heat?", linker, "de") == ("and heat?", "de")
    assert in_english("heat?", linker, "en") == ("heat?", "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_has_a_word_and_what_its_english_needs(language: str) -> None:
    own = LANGUAGES[language]
    for english, phrases in own["phrases"].items():
        for parts in map(str.split, phrases):
            needed = [part for part in parts if not part.endswith("?") and not re.fullmatch("[A-Z]", part)]
            assert needed, (english, parts)
            assert not any(set(part.split("|")) <= set(own["drop"].split()) for part in needed), (english, parts)
            assert set(re.findall(r"\b[TNDWX]\b", english)) <= set(parts), (english, parts)
