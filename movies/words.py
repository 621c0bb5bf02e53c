"""The words of a text in folded form, and the shipped tables of words that reading needs.

The tables are `words.toml` and `common_words.txt` beside this module. No catalogue, no titles.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from files import read_toml
from movies.titles import fold

_FOLDER = Path(__file__).parent
_RATING, _DECIMAL = r"\d+(?:[.,]\d+)?/(?:5|10)(?![\d/])", r"\d+[.,]\d+(?![.,]?\d)"
_LETTERS = r"[a-z](?:\*[a-z])+(?![a-z])|[a-z](?:\.[a-z]){2,}(?![a-z])|a-[a-z0-9]+"  # M*A*S*H, S.W.A.T., A-Team
_JOINED = f"{_RATING}|{_DECIMAL}|{_LETTERS}"
_WORD = "[^\\W_\u0300-\u036f](?:[^\\W_]|[\u0300-\u036f])*(?:['\u2018\u2019\u02bc`\u00b4][^\\W_]+)*"
_TOKEN = re.compile(f"({_JOINED}|{_WORD}|&)", re.IGNORECASE)
_ASCII_TOKEN = re.compile(f"({_JOINED}|[a-z0-9]+(?:['`][a-z0-9]+)*|&)")
_SIMPLE_TOKEN = re.compile("([a-z0-9]+(?:['`][a-z0-9]+)*|&)")
_SIGN_WITHIN = re.compile(r"[.,/*](?<=[\da-z].)[\da-z]|-(?<=\ba-)[\da-z]")
_SIGNS_WITHIN = frozenset(".,/*-")
_NAME_JOINED = re.compile(rf"\b(?:{_JOINED})", re.IGNORECASE)
_FIGURE = re.compile(r"(\d+)(?:([.,])(\d+))?(/\d+)?")
_APOSTROPHE = re.compile("['\u2018\u2019\u02bc`\u00b4]")
_JOINTS = re.compile("['\u2018\u2019\u02bc`\u00b4*.-]")
_MARKS = re.compile("[\u0300-\u036f]")
UNKNOWN_RANK = 20_001  # of words that are not among the commonest


class Words(NamedTuple):
    """The words of a text, as columns: a text has many, and a row for each would take as long as to find it.

    Attributes:
        names: as they are compared: folded, apostrophes left out.
        starts, ends: places in the text; `gaps`: what stands between each and the next.
        capitals: True of those that begin with one.
        possessives: by place among the words, the letters of a possessive at the end: 2 in "Alien's".
    """

    names: list[str]
    starts: list[int]
    ends: list[int]
    gaps: list[str]
    capitals: list[bool]
    possessives: dict[int, int]


@cache
def tables() -> dict[str, Any]:
    return read_toml(_FOLDER / "words.toml")


@cache
def cues(name: str) -> frozenset[str]:
    """The words or phrases of a list in one of the tables.

    >>> "the" in cues("articles")
    True
    """
    lists = (tables()[table] for table in ("cues", "plain", "roles", "directions"))
    said = next(table[name] for table in lists if name in table)
    return frozenset(said.split() if isinstance(said, str) else said)


@cache
def ranks() -> dict[str, int]:
    """The rank of the commonest words of English, from 1, and of other languages' commonest, at 300."""
    lines = (_FOLDER / "common_words.txt").read_text(encoding="utf-8").splitlines()
    words = " ".join(line for line in lines if not line.startswith("#")).split()
    ranked = {word: rank for rank, word in enumerate(words, 1)}
    return {**dict.fromkeys(cues("foreign"), 300), **ranked}


def level(text: str) -> str:
    """The text in lower case without diacritics, of the same length, so that places in it are places in the text.

    >>> level("Amélie ½")
    'amelie ½'
    """
    if text.isascii():
        return text.lower()
    return "".join(map(_level_character, text))


def words_of(text: str) -> Words:
    """The words of a text.

    >>> words_of("Schindler's List & Léon").names
    ['schindlers', 'list', 'and', 'leon']
    >>> words_of("M*A*S*H 3,92/5, the A-Team").names
    ['mash', '3.92/5', 'the', 'ateam']
    """
    ascii_alone = text.isascii()
    pieces = _split_ascii(text.lower()) if ascii_alone else _TOKEN.split(text)
    edges, names = list(accumulate(map(len, pieces))), pieces[1::2]
    starts, ends = edges[:-1:2], edges[1::2]
    capitals = list(map(str.isupper, map(text.__getitem__, starts)))
    odd = [at for at, name in enumerate(names) if not (name.isalnum() and (ascii_alone or name.isascii()))]
    names = names if ascii_alone else [name.lower() for name in names]
    possessives = {}
    for at in odd:
        source = text[starts[at] : ends[at]]
        names[at] = _folded(source)
        if len(source) > 3 and source[-1] in "sS" and _APOSTROPHE.match(source[-2]):
            possessives[at] = 2
    return Words(names, starts, ends, pieces[2::2], capitals, possessives)


def _split_ascii(lower: str) -> list[str]:
    """The words of a text and what stands between them, by turns; few texts have words that need the slower way."""
    pieces = _SIMPLE_TOKEN.split(lower)
    simple = _SIGNS_WITHIN.isdisjoint(pieces[2::2]) or not _SIGN_WITHIN.search(lower)
    return pieces if simple else _ASCII_TOKEN.split(lower)


def is_figure(word: str) -> bool:
    """True of numbers in digits, also of "4.5" and "9/10"."""
    return word[:1].isdigit() and word.replace(".", "").replace("/", "").isdigit()


def spelled(name: str) -> list[str] | None:
    """The words of a name that are not those between its signs: of "M*A*S*H", "The A-Team", "Paranoia 1.0"."""
    return words_of(name).names if _NAME_JOINED.search(name) else None


def _folded(source: str) -> str:
    """A word with apostrophes, diacritics or combining marks, or a figure; or the sign for "and"."""
    if source == "&":
        return "and"
    if figure := _FIGURE.fullmatch(source):
        thousands = figure[2] == "," and len(figure[3]) == 3
        return source.replace(",", "" if thousands else ".")
    return _MARKS.sub("", _JOINTS.sub("", fold(source)))


@cache
def _level_character(character: str) -> str:
    folded = fold(character)
    if len(folded) == 1:
        return folded
    lower = character.lower()
    return lower if len(lower) == 1 else character
