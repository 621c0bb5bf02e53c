"""Titles as MovieLens writes them, taken apart; and the plain forms in which titles, genres and tags are compared.

Import and search share these forms: what one writes the other looks up. No SQL, no files.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

MAX_WORDS = 16  # of a query: more words do not make a title clearer

_YEAR = re.compile(r"\s*\(\s*(1[89]\d\d|2[01]\d\d)\s*(?:[-\u2013\u2014/]\s*(?:\d{4})?\s*)?\)\s*$")
_BARE_YEAR = re.compile(r"(?<=\S)[\s,]+(1[89]\d\d|20\d\d)\s*$")
_ALTERNATIVE = re.compile(r"^(?P<head>.*\S)\s*\((?P<inside>(?:[^()]|\([^()]*\))+)\)$")
_ALSO_KNOWN = re.compile(r"^(?:a\.?\s?k\.?\s?a\.?|also known as)\s+", re.IGNORECASE)
_OPEN_END = re.compile(r"(?:(?<!,)\s(?:or|and|of|the|a)|[:&-])$", re.IGNORECASE)
_ARTICLES = {  # at the end of a title, in the languages of movies
    "the", "a", "an", "la", "las", "le", "les", "lo", "los", "l'", "un", "une", "des", "el", "una", "uno", "il", "i",
    "gli", "der", "den", "dem", "det", "das", "dat", "die", "ein", "eine", "de", "het", "een", "o", "os", "as", "um",
    "uma", "ett", "en",
}  # fmt: skip
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc`\u00b4]")
_UNDECOMPOSED = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"})
_ENGLISH_ARTICLES = frozenset({"the", "a", "an"})
PARTS = frozenset({"part", "episode", "chapter", "vol", "volume", "pt"})
ROMAN = {
    "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10", "xi": "11",
    "xii": "12", "xiii": "13",
}  # fmt: skip
NUMBERS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13",
}  # fmt: skip


class Title(NamedTuple):
    """`alternatives` are the other names given in parentheses, without 'a.k.a.'."""

    title: str
    year: int | None
    alternatives: tuple[str, ...] = ()


def parse_title(source: str) -> Title:
    """Take a title of movies.csv apart.

    >>> parse_title("Seven (a.k.a. Se7en) (1995)")
    Title(title='Seven', year=1995, alternatives=('Se7en',))
    >>> parse_title("City of Lost Children, The (Cité des enfants perdus, La) (1995)").alternatives
    ('La Cité des enfants perdus',)
    """
    rest, year = split_year(" ".join(source.split()))
    alternatives: list[str] = []
    while match := _ALTERNATIVE.match(rest):
        if _OPEN_END.search(match["head"]):  # "Birdman: Or (The Unexpected Virtue of Ignorance)" is one title
            break
        alternatives.insert(0, article_first(_ALSO_KNOWN.sub("", match["inside"].strip())))
        rest = match["head"]
    return Title(article_first(rest), year, tuple(alternatives))


def has_original_title(source: str) -> bool:
    """True for a title of movies.csv that gives one in another language in parentheses, as MovieLens does.

    >>> has_original_title("City of Lost Children, The (Cité des enfants perdus, La) (1995)")
    True
    >>> has_original_title("Seven (a.k.a. Se7en) (1995)"), has_original_title("Heat (1995)")
    (False, False)
    """
    return len(parse_title(source).alternatives) > source.casefold().count("(a.k.a")


def split_year(text: str) -> tuple[str, int | None]:
    """Split a year in parentheses off the end; of a range such as (2006-2007) the first."""
    match = _YEAR.search(text)
    if match is None or not text[: match.start()].strip():
        return text.strip(), None
    return text[: match.start()].strip(), int(match[1])


def split_bare_year(text: str) -> tuple[str, int | None]:
    """Split a year without parentheses off the end: 'heat 1995'."""
    match = _BARE_YEAR.search(text)
    return (text[: match.start()].strip(), int(match[1])) if match else (text, None)


def article_first(title: str) -> str:
    """Move an article from the end to the front: "Auberge espagnole, L'" → "L'Auberge espagnole"."""
    rest, _, article = title.rpartition(", ")
    if not rest or article.lower() not in _ARTICLES:
        return title
    return article + ("" if article.endswith("'") else " ") + rest


def fold(text: str) -> str:
    """Lower case without diacritics: what is left to compare letters by."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_UNDECOMPOSED)


def plain_words(text: str) -> list[str]:
    """The folded words of any text; apostrophes join, everything else divides."""
    return _WORD.findall(_APOSTROPHES.sub("", fold(text)).replace("&", " and "))


def plain(text: str) -> str:
    """The form in which tags are compared: 'Time-Travel' → 'time travel'."""
    return " ".join(plain_words(text))


def title_words(title: str) -> list[str]:
    """The words of a title as titles are compared, without a leading article and with plain part numbers.

    >>> title_words("Godfather: Part II, The")
    ['godfather', '2']
    """
    words = plain_words(article_first(title.strip()))[: MAX_WORDS * 2]
    if len(words) > 1 and words[0] in _ENGLISH_ARTICLES:
        words = words[1:]
    return _number_parts(words)


def with_digits(words: list[str]) -> list[str]:
    """Number words as digits: ['oceans', 'eleven'] → ['oceans', '11']."""
    return [NUMBERS.get(word, word) for word in words]


def title_forms(title: Title) -> list[tuple[str, bool]]:
    """Every form under which a movie is found by its title; and whether it is of the main title."""
    forms: dict[str, bool] = {}
    for name, main in [(title.title, True), *((name, False) for name in title.alternatives)]:
        words = title_words(name)
        for form in (words, with_digits(words)):
            if form:
                forms.setdefault(" ".join(form), main)
    return list(forms.items())


def acronym(title: str) -> str | None:
    """The initials of a title's part before the colon, of three words or more: 'lotr'."""
    words = title_words(title.partition(":")[0])
    return "".join(word[0] for word in words) if len(words) > 2 else None


def _number_parts(words: list[str]) -> list[str]:
    numbered: list[str] = []
    for position, word in enumerate(words):
        after_part = position > 0 and words[position - 1] in PARTS
        number = ROMAN.get(word, word) if position else word
        if after_part:
            number = {"i": "1"}.get(word, NUMBERS.get(word, number))
        if after_part and number.isdigit() and len(numbered) > 1:
            numbered.pop()
        numbered.append(number)
    return numbered
