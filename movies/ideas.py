"""A wish's words as ideas: themes that people name (themes.toml), genres, tags of the catalogue, and single words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import NamedTuple

from files import read_toml
from movies.titles import plain_words

THEMES, FILMS = Path(__file__).with_name("themes.toml"), Path(__file__).with_name("films.toml")
LONGEST_TAG = 4  # words
WORD_WEIGHT = 0.5  # of a word that nothing is known of, beside a theme

GENRE_NAMES = {  # what people call MovieLens's genres
    "science fiction": "sci fi",
    "scifi": "sci fi",
    "kids": "children",
    "family": "children",
    "animated": "animation",
    "cartoon": "animation",
    "noir": "film noir",
    "romantic": "romance",
    "documentaries": "documentary",
    "comedies": "comedy",
    "musicals": "musical",
    "westerns": "western",
    "thrillers": "thriller",
}

Words = tuple[str, ...]


class Theme(NamedTuple):
    """The tags that say a theme, closest first; genres it must have; genres, languages and films that speak for it."""

    tags: Words = ()
    must: Words = ()
    soft: Words = ()
    tongues: Words = ()
    films: Words = ()


class Idea(NamedTuple):
    """A part of a wish. `known` is False of a word of which nothing but the word is known."""

    words: str
    theme: Theme = Theme()
    known: bool = True


def read_ideas(text: str, genres: Mapping[str, str], tags: AbstractSet[str]) -> list[Idea]:
    """Cut a text into ideas, the longest first at each place; words that say nothing are left out.

    Args:
        text: what is wanted.
        genres: names by plain form.
        tags: plain forms of tags of several words.
    """
    words = plain_words(text)
    found: dict[str, Idea] = {}
    at = 0
    while at < len(words):
        idea, length = _idea_at(words, at, genres, tags)
        if idea is not None:
            found.setdefault(" ".join(idea.theme.tags) or idea.words, idea)
        at += length
    return list(found.values())


def _idea_at(
    words: Sequence[str], at: int, genres: Mapping[str, str], tags: AbstractSet[str]
) -> tuple[Idea | None, int]:
    """The idea that begins at a word, and how many words it takes."""
    for length in range(min(_longest(), len(words) - at), 0, -1):
        part = words[at : at + length]
        said, key = " ".join(part), tuple(map(stem, part))
        if (theme := themes().get(key)) is not None:
            return Idea(said, theme), length
        if genre := genres.get(said) or genres.get(" ".join(key)):
            return Idea(said, Theme(must=(genre,))), length
        if length > 1 and said in tags:
            return Idea(said, _within(part, genres)), length
    return (None if words[at] in _idle() else Idea(words[at], known=False)), 1


def _within(words: Sequence[str], genres: Mapping[str, str]) -> Theme:
    """The theme that is a part of a tag, with its genres: of "courtroom drama" that of courtrooms, and Drama."""
    parts = [tuple(map(stem, words[a:b])) for a in range(len(words)) for b in range(a + 1, len(words) + 1)]
    theme = next((themes()[part] for part in parts if part in themes()), Theme())
    return theme._replace(must=(*theme.must, *(genres[word] for word in words if word in genres)))


def stem(word: str) -> str:
    """A word without the ending of a plural.

    >>> stem("knights"), stem("spies"), stem("witches"), stem("chess")
    ('knight', 'spy', 'witch', 'chess')
    """
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y" if len(word) > 5 or word == "spies" else word[:-1]
    return word[:-2] if word.endswith(("ches", "shes", "sses", "xes", "zes")) else word[:-1]


def says_nothing(text: str) -> bool:
    """True where no word of a text tells one film from another."""
    return all(word in _idle() for word in plain_words(text))


def is_theme(text: str) -> bool:
    """True where the whole text is the name of a theme."""
    return tuple(map(stem, plain_words(text))) in themes()


def speaks(word: str) -> bool:
    """True of a word for a country that movies are told by their language to be of: "korean"."""
    theme = themes().get(tuple(map(stem, plain_words(word))))
    return theme is not None and theme.tongues != ()


@cache
def themes() -> dict[Words, Theme]:
    """Themes by the stems of what people say."""
    return dict(_read())


def _read() -> Iterator[tuple[Words, Theme]]:
    films = read_toml(FILMS)["films"]
    for said, names in _file()["themes"].items():
        named = tuple(filter(None, films.get(said.partition("|")[0], "").split("; ")))
        tags = tuple(" ".join(plain_words(name)) for name in names if name[0].islower() or name[0].isdigit())
        must = tuple(name[1:] for name in names if name.startswith("+"))
        soft = tuple(name for name in names if name[0].isupper())
        tongues = tuple(name for name in names if name.startswith("@"))
        for each in said.split("|"):
            yield tuple(map(stem, plain_words(each))), Theme(tags, must, soft, tongues, named)


@cache
def _file() -> dict[str, dict[str, list[str]]]:
    return read_toml(THEMES)


@cache
def _longest() -> int:
    return max(LONGEST_TAG, *map(len, themes()))


@cache
def _idle() -> frozenset[str]:
    return frozenset(word for row in _file()["idle"].values() for words in row for word in words.split())
