"""Phrases of `words.toml`, found in masked text.

A phrase is words apart by spaces: `a|b` is either, `a?` may be left out, `~` is up to three plain words; words in
capitals stand for what was linked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from files import read_toml

WORDS = Path(__file__).with_name("words.toml")

_GAP = r"(?:[^\sA-Z,]+ ){0,3}?"


class Spot(NamedTuple):
    """A phrase in a clause: its first token, and the one after its last."""

    first: int
    end: int


@cache
def table(*path: str) -> Any:
    """A part of the file."""
    found: Any = _file()
    for key in path:
        found = found[key]
    return found


def plain(word: str) -> str:
    """A word in lower case, without accents and with a straight apostrophe."""
    letters = unicodedata.normalize("NFKD", word.replace("’", "'").replace("ß", "ss")).lower()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def spots(text: str, *path: str) -> list[Spot]:
    """The places of a list of phrases in a masked text, longest first where they overlap.

    Args:
        text: Tokens, each with a space after it.
        path: Keys of the list in the file.
    """
    if _words(path).isdisjoint(_tokens(text)):
        return []
    return [
        Spot(text.count(" ", 0, found.start()), text.count(" ", 0, found.end()))
        for found in _regex(path).finditer(text)
    ]


def has(text: str, *path: str) -> bool:
    """True where any phrase of a list occurs."""
    return not _words(path).isdisjoint(_tokens(text)) and _regex(path).search(text) is not None


@cache
def vocabulary() -> frozenset[str]:
    """Every plain word that a phrase is made of."""
    return frozenset(re.findall(r"[a-z']{2,}", " ".join(_strings(_file()))))


@cache
def _file() -> dict[str, Any]:
    return read_toml(WORDS)


@lru_cache(64)
def _tokens(text: str) -> frozenset[str]:
    return frozenset(text.split(" "))


@cache
def _words(path: tuple[str, ...]) -> frozenset[str]:
    """Words of which each match has one. Most lists are ruled out by them, and their patterns are never made."""
    parts = [next(filter(_is_needed, phrase.split()), None) for phrase in table(*path)]
    if None in parts:
        raise ValueError(f"A phrase of {path} in {WORDS.name} may be left out altogether.")
    return frozenset(word for part in parts if part for word in _either(part))


def _is_needed(part: str) -> bool:
    return part != "~" and not part.endswith("?")


def _either(part: str) -> list[str]:
    """The words that a part is one of.

    >>> _either("saw|watched?"), _either("NAME")
    (['saw', 'watched'], ['MOVIE', 'SERIES'])
    """
    words = part.rstrip("?").split("|")
    return [name for word in words for name in (("MOVIE", "SERIES") if word == "NAME" else (word,))]


@cache
def _regex(path: tuple[str, ...]) -> re.Pattern[str]:
    phrases = sorted(table(*path), key=lambda phrase: -len(phrase.split()))
    return re.compile("(?<![^ ])(?:" + "|".join(map(_compiled, phrases)) + ")")


def _compiled(phrase: str) -> str:
    return "".join(map(_part, phrase.split()))


def _part(part: str) -> str:
    if part == "~":
        return _GAP
    either = "|".join(map(re.escape, _either(part)))
    return f"(?:(?:{either}) )" + ("?" if part.endswith("?") else "")


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)
