"""Tokens of a text in folded form, and the shipped tables of words that reading needs.

The tables are `words.toml` and `common_words.txt` beside this module. No catalogue, no titles.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, partial
from itertools import accumulate, repeat
from pathlib import Path
from typing import Any, NamedTuple

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
_NAME_JOINED = re.compile(rf"\b(?:{_JOINED})", re.IGNORECASE)
_FIGURE = re.compile(r"(\d+)(?:([.,])(\d+))?(/\d+)?")
_APOSTROPHE = re.compile("['\u2018\u2019\u02bc`\u00b4]")
_JOINTS = re.compile("['\u2018\u2019\u02bc`\u00b4*.-]")
_MARKS = re.compile("[\u0300-\u036f]")
UNKNOWN_RANK = 20_001  # of words that are not among the commonest


class Token(NamedTuple):
    """A word of a text as it is compared: folded, apostrophes left out."""

    start: int
    end: int
    word: str
    capital: bool
    possessive: int  # letters of a possessive at the end, apostrophe included: 2 in "Alien's"


_MAKE = partial(tuple.__new__, Token)  # of fields, faster than Token(*fields)


@cache
def tables() -> dict[str, Any]:
    return tomllib.loads((_FOLDER / "words.toml").read_text(encoding="utf-8"))


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


def tokens(text: str) -> list[Token]:
    """The words of a text.

    >>> [token.word for token in tokens("Schindler's List & Léon")]
    ['schindlers', 'list', 'and', 'leon']
    >>> [token.word for token in tokens("M*A*S*H 3,92/5, the A-Team")]
    ['mash', '3.92/5', 'the', 'ateam']
    """
    ascii_alone = text.isascii()
    pieces = _split_ascii(text.lower()) if ascii_alone else _TOKEN.split(text)
    edges, sources = list(accumulate(map(len, pieces))), pieces[1::2]
    starts, ends = edges[:-1:2], edges[1::2]
    words = sources if ascii_alone else [source.lower() for source in sources]
    capitals = [text[start].isupper() for start in starts]
    found = list(map(_MAKE, zip(starts, ends, words, capitals, repeat(0), strict=False)))
    for at in [at for at, source in enumerate(sources) if not (source.isalnum() and source.isascii())]:
        found[at] = _token(text[starts[at] : ends[at]], starts[at])
    return found


def _split_ascii(lower: str) -> list[str]:
    """The words of a text and what stands between them, by turns; few texts have words that need the slower way."""
    return (_ASCII_TOKEN if _SIGN_WITHIN.search(lower) else _SIMPLE_TOKEN).split(lower)


def is_figure(word: str) -> bool:
    """True of numbers in digits, also of "4.5" and "9/10"."""
    return word.replace(".", "").replace("/", "").isdigit()


def spelled(name: str) -> list[str] | None:
    """The words of a name that are not those between its signs: of "M*A*S*H", "The A-Team", "Paranoia 1.0"."""
    return [token.word for token in tokens(name)] if _NAME_JOINED.search(name) else None


def _token(source: str, start: int) -> Token:
    """A word with apostrophes, diacritics or combining marks; or the sign for "and"."""
    if source == "&":
        return Token(start, start + 1, "and", capital=False, possessive=0)
    if figure := _FIGURE.fullmatch(source):
        thousands = figure[2] == "," and len(figure[3]) == 3
        word = source.replace(",", "" if thousands else ".")
        return Token(start, start + len(source), word, capital=False, possessive=0)
    word = _MARKS.sub("", _JOINTS.sub("", fold(source)))
    possessive = 2 if len(source) > 3 and source[-1] in "sS" and _APOSTROPHE.match(source[-2]) else 0
    return Token(start, start + len(source), word, source[0].isupper(), possessive)


@cache
def _level_character(character: str) -> str:
    folded = fold(character)
    if len(folded) == 1:
        return folded
    lower = character.lower()
    return lower if len(lower) == 1 else character
