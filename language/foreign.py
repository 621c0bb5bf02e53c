"""Messages in other languages as English, phrase by phrase with the words of `foreign.toml`; titles stay titles.

A phrase is written as in `words.toml`. In it `T` stands for titles and unknown words, also a row of them, `N` for a
number, `D` for a decade, `W` for one word and `X` for several, and so in the English for it. Phrases count in their
order, before words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from files import read_toml
from language.masking import SURE, known
from language.phrases import plain, table
from movies.linking import Linker
from movies.links import Link
from movies.words import UNKNOWN_RANK, ranks

WORDS = Path(__file__).with_name("foreign.toml")
LIKELY = 0.3
"""Confidence from which words that are of no language here are a title."""
FOREIGN, SHORT = 1.5, 0.5
"""The weight of a word that no English person says, and of one of two letters; of a word of English 1."""
TYPO_LENGTH, COMPOUND = 5, 3
COMMON = 6_000
"""The rank up to which a word counts as English."""
_ELISION = re.compile(r"\b([cdjlmnst]|qu|jusqu|lorsqu|puisqu|dell|nell|sull|all|un)['’´`](?=\w)", re.IGNORECASE)
_SHORT_YEAR = re.compile(r"\b(del|du|von|de|aus|vom) '?([3-9]\d)(?=\s*(?:[,.;!?)]|$))")
_OUT_OF = re.compile(r"(?<=\d)\s+(?:von|sur|de|sobre|su|em|van de)\s+(5|10)\b(?!\s*[^\W\d]*(?:pel|fil|ano|year))")
_SPAN = re.compile(r"\b((?:19|20)\d\d)\s+(?:à|a|al|au|bis|até|ate|tot)\s+((?:19|20)\d\d)\b")
_GENITIVE = re.compile(r"(?<=[a-z])['’](?=s\b)")
_THOUSANDS = re.compile(r"(?<=\d)\.(?=\d{3}\b)")
_YEARS_OF = "ann[ée]es|a[ñn]os|anni|jaren|los|gli|les"
_DECADE = re.compile(
    rf"\b(\d{{1,3}}0)er[ns]?\b(?: jahren?)?|\b(?:{_YEARS_OF}) (\d{{1,3}}0)\b(?! *[a-z]*(?:pel|fil|not|vot))",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\d+s\b|\d+(?:[.,/]\d+)*½?|[^\W_]+|\n|[^\w\s¿¡-]|(?<=\s)-(?=\s)")
_BESIDE = re.compile(r"(?<=\() |(?: ,)+(?= [.,;:!?)]|$)| (?=[.,;:!?)])")
_SLOTS = {
    "T": r"((?:[TU]\d+ |·the ·\w+ ·(?:one|two|three) )(?:(?:, |& |(?:{and} )+)*(?:[TU]\d+ ))*)",
    "N": r"(\d[\d./]* )",
    "D": r"(\d+s )",
    "W": r"([^\s.,;!?\d][^\s.,;!?]* )",
    "X": r"((?:[^\s.!?;]+ ){1,9}?)",
}
_DONE = "·"
"""Stands before words that are English now."""


def _spaced(text: str) -> str:
    """A text with its elided words apart, and its years and numbers as they are written in English."""
    text = _THOUSANDS.sub("", _ELISION.sub(r"\1 ", _GENITIVE.sub("", text)))
    text = _SPAN.sub(r"\1 - \2", text)
    return _OUT_OF.sub(r"/\1", _DECADE.sub(_decade, _SHORT_YEAR.sub(r"\1 19\2", text)))


def _decade(said: re.Match[str]) -> str:
    return f"{said[1] or said[2]}s"


class English(NamedTuple):
    """A text in English, and the language that it was said in (ISO 639-1)."""

    text: str
    language: str


def in_english(text: str, linker: Linker, before: str = "en") -> English:
    """A text as English; an English one as it is. `before`: the language of the conversation so far."""
    spaced = _spaced(text)
    if before == "en" and not any(_foreign(plain(word)) for word in _TOKEN.findall(spaced)):
        return English(text, "en")
    links = [link for link in linker.link(spaced, typed=True) if link.kind in ("movie", "series")]
    words = [word for piece in _pieces(spaced, links) if isinstance(piece, str) for word in _TOKEN.findall(piece)]
    language = _language([plain(word) for word in words if word[0].isalpha()], before)
    if language == "en":
        return English(text, language)
    pieces = list(_pieces(spaced, [link for link in links if _stays(link, _vocabulary(language))]))
    return English(_Translation(language).of(pieces), language)


class _Translation:
    """One text in the making: titles and unknown words are kept apart under names such as `T0`."""

    def __init__(self, language: str) -> None:
        self._language, self._kept = language, list[str]()

    def of(self, pieces: Sequence[str | Link]) -> str:
        text = "".join(f"{token} " for piece in pieces for token in self._tokens(piece))
        text = re.sub(rf"(?<!\S)(\d) ([a-z]+ )??(?:{_file()[self._language]['half']}) ", r"\1.5 \2", text)
        for pattern, english in _phrases(self._language):
            text = pattern.sub(partial(_filled, english), text)
        words = [self._word(token) for token in text.split(" ")]
        return _BESIDE.sub("", " ".join(word for word in words if word)).lstrip(",.; ")

    def _tokens(self, piece: str | Link) -> Iterator[str]:
        if not isinstance(piece, str):
            yield self._keep("T", _title(piece))
            return
        for said in _TOKEN.findall(piece):
            if said[0].isalpha():
                known = _known_as(plain(said), self._language)
                if known and known[0] in _file()[self._language]["drop"].split():
                    continue
                yield from [_digits(word, self._language) for word in known] or [self._keep("U", said)]
            else:
                yield said.replace(",", ".") if said[0].isdigit() else said

    def _keep(self, kind: str, said: str) -> str:
        self._kept.append(said)
        return f"{kind}{len(self._kept) - 1}"

    def _word(self, token: str) -> str:
        if token[:1] in ("T", "U") and token[1:].isdigit():
            return self._kept[int(token[1:])]
        return token[1:] if token.startswith(_DONE) else _words(self._language).get(token, token)


def _filled(english: str, found: re.Match[str]) -> str:
    """The English of a phrase, with what stood in its slots."""
    words = (found[part] if part in _SLOTS else f"{_DONE}{part} " for part in english.split())
    return "".join(words)


def _digits(word: str, language: str) -> str:
    """A number in digits, so that phrases know it; every other word as it is."""
    english = _words(language).get(word, word)
    return english if english[:1].isdigit() else word


def _title(link: Link) -> str:
    """A title as the catalogue has it, with its year where that is not what was typed."""
    best = link.candidates[0] if link.candidates else None
    if best is None or link.kind == "series":
        return link.text
    same = plain(link.text) in (plain(best.title), plain(best.title).removeprefix("the "))
    return link.text if same or str(best.year) in link.text else f"{best.title} ({best.year})"


def _stays(link: Link, words: Mapping[str, None]) -> bool:
    """True for a title; not for words of the language that are one as well."""
    foreign = [word in words for word in plain(link.text).split()]
    return link.confidence >= (SURE if any(foreign) else LIKELY) and (not all(foreign) or len(foreign) > 2)


def _pieces(text: str, links: Sequence[Link]) -> Iterator[str | Link]:
    place = 0
    for link in links:
        yield text[place : link.start]
        yield link
        place = link.end
    yield text[place:]


def _known_as(word: str, language: str) -> list[str]:
    """A word as the tables have it: misspelt, without umlauts, in two where it is a compound. None where unknown."""
    listed = _vocabulary(language)
    spelt = re.sub("([aou])e", r"\1", word) if language == "de" else word
    for one in (word, spelt):
        if one in listed:
            return [one]
    for end in _file()[language]["ends"].split():
        if word.endswith(end) and len(word) >= len(end) + COMPOUND:
            begin = word.removesuffix(end)
            return [*(_known_as(begin, language) or [begin]), end]
    if len(word) < TYPO_LENGTH or _is_english(word) or ranks().get(word, UNKNOWN_RANK) < UNKNOWN_RANK:
        return []
    near = process.extractOne(spelt, list(listed), scorer=OSA.distance, score_cutoff=1 if len(word) < 9 else 2)
    return [near[0]] if near and near[0][0] == word[0] and len(near[0]) >= TYPO_LENGTH - 1 else []


# Languages


def _language(words: Sequence[str], before: str) -> str:
    """The language that most words are of; English unless another has more. Words of both say nothing."""
    english = [_is_english(word) for word in words]
    scores = {language: _score(words, english, _vocabulary(language)) for language in _file()}
    if before != "en":
        scores[before] += FOREIGN
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] > 0 else "en"


def _score(said: Sequence[str], english: Sequence[bool], listed: Mapping[str, None]) -> float:
    """The words of a language alone, less those of English alone."""
    pairs = list(zip(said, english, strict=True))
    theirs = sum(FOREIGN if len(word) > 2 else SHORT for word, also in pairs if word in listed and not also)
    return theirs - sum(also and word not in listed for word, also in pairs)


def _is_english(word: str) -> bool:
    if word in known() or word in table("shorthand"):
        return True
    return ranks().get(word, UNKNOWN_RANK) < COMMON and not any(word in _vocabulary(each) for each in _file())


def _foreign(word: str) -> bool:
    """True for a word of a language here that is no English one."""
    return any(word in _vocabulary(language) for language in _file()) and not _is_english(word)


@cache
def _file() -> dict[str, Any]:
    return read_toml(WORDS)


@cache
def _words(language: str) -> dict[str, str]:
    """Single words and their English."""
    return {word: english for english, line in _file()[language]["words"].items() for word in line.split()}


@cache
def _vocabulary(language: str) -> dict[str, None]:
    """Every word of a language that stands in its table."""
    own = _file()[language]
    said = " ".join([own["half"], own["drop"], *(phrase for each in own["phrases"].values() for phrase in each)])
    return dict.fromkeys([*re.findall(r"(?<![\w])[a-z]+", said), *_words(language)])


@cache
def _phrases(language: str) -> list[tuple[re.Pattern[str], str]]:
    rules: dict[str, list[str]] = _file()[language]["phrases"]
    pairs = ((phrase, english) for english, phrases in rules.items() for phrase in phrases)
    return [(re.compile("(?<![^ ])" + _compiled(phrase, language)), english) for phrase, english in pairs]


def _compiled(phrase: str, language: str) -> str:
    return "".join(_part(part, language) for part in phrase.split())


def _part(part: str, language: str) -> str:
    if part in _SLOTS:
        joins = _file()[language]["and"].replace(" ", "|")
        return f"(?P<{part}>{_SLOTS[part][1:]}".replace("{and}", f"(?:{joins})")
    either = "|".join(map(re.escape, part.rstrip("?").split("|")))
    return f"(?:(?:{either}) )" + ("?" if part.endswith("?") else "")
