"""Ratings told as a row or a list: "Rango 4, Ratatouille 5". Beside stars, a title needs no sentence around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz

from language.phrases import plain, table
from movies.linking import Linker
from movies.links import Link

LEAST_ODDS, CONFIDENCE = 0.45, 0.9
MOST_STARS, ALIKE = 10, 75
_SEGMENT = re.compile(r"(?:[^;\n,.!?/]|[.!?/](?=\S)|[/!?.](?= \d))+")
_TO = ("for", "to")
_WORD = re.compile(r"[\w'’.!?&-]*\w[!?]?|[★⭐½]+|\d[.,]\d")
_HALF = re.compile(r"\b(?:([0-4]|one|two|three|four) and a half(?: stars?)?|half a star)\b", re.IGNORECASE)
_ZERO = re.compile(r"\b(?:zero|0) stars?\b", re.IGNORECASE)
_SIGNS = re.compile(r"(?:[★⭐]\ufe0f?)+½?")


class Rated(NamedTuple):
    """A title by its place in a text, and the number beside it."""

    start: int
    end: int
    number: Link


def rating_links(text: str, links: Sequence[Link], linker: Linker) -> list[Link]:
    """The links of a text, with the titles that stand directly beside stars."""
    signs = list(_signs(text))
    found = [link for link in links if not any(_meet(link, sign) for sign in signs)] + signs
    rated = list(_rated(text, found))
    for title in rated:
        known = [
            link
            for link in found
            if link.kind in ("movie", "series") and _meet(link, title) and link.confidence >= LEAST_ODDS
        ]
        if known and known[0].end <= title.end:
            continue
        if known and len(rated) < 2:
            continue
        given = text[title.start : title.end]
        candidates = tuple(linker.find(given, limit=3))
        if candidates and candidates[0].odds >= LEAST_ODDS and _titled(given, candidates[0].title):
            ids = tuple(each.movie_id for each in candidates)
            link = Link(title.start, title.end, given, "movie", CONFIDENCE, candidates, ids)
            kept = [each for each in found if each.end <= title.start or each.start >= title.end]
            found = [*(each for each in kept if not _meet(each, title.number)), link, title.number]
    return sorted(found, key=lambda link: link.start)


def _signs(text: str) -> Iterator[Link]:
    """Stars drawn as such, and those with a half in words."""
    for half in _HALF.finditer(text):
        whole = half[1] or "0"
        stars = 0.5 + (float(whole) if whole.isdigit() else table("wholes")[whole.lower()])
        yield Link(half.start(), half.end(), half[0], "stars", CONFIDENCE, low=stars, high=stars)
    for zero in _ZERO.finditer(text):
        yield Link(zero.start(), zero.end(), zero[0], "stars", CONFIDENCE, low=0.0, high=0.0)
    for signs in _SIGNS.finditer(text):
        stars = len(re.findall("[★⭐]", signs[0])) + 0.5 * signs[0].count("½")
        yield Link(signs.start(), signs.end(), signs[0], "stars", CONFIDENCE, low=stars, high=stars)


def _meet(link: Link, title: Rated | Link) -> bool:
    return link.start < title.end and link.end > title.start


def _rated(text: str, links: Sequence[Link]) -> Iterator[Rated]:
    """Titles that fill their part of a segment up to a number, or from one on: "4 for Heat and 5 for Ronin"."""
    for segment in _SEGMENT.finditer(text):
        numbers = _numbers(segment.start(), segment.end(), links)
        if not numbers:
            continue
        ends = [segment.start(), *(number.end for number in numbers)]
        parts = [list(_WORD.finditer(text, at, number.start)) for at, number in zip(ends, numbers, strict=False)]
        behind = list(_WORD.finditer(text, numbers[-1].end, segment.end()))
        if _all_in(parts[0], "before") and (follows := [*parts[1:], behind][0]) and _said(follows[0][0]) in _TO:
            parts, behind = [words[1:] for words in [*parts[1:], behind]], []
        for words, number in zip(parts, numbers, strict=True):
            while words and _said(words[0][0]) in table("rating_lines", "before"):
                words.pop(0)
            while words and _said(words[-1][0]) in table("rating_lines", "between"):
                words.pop()
            if words and _all_in(behind, "after"):
                end = words[-1].end()
                end += text[end : end + 1] == ")"
                first = words[0].start()
                starts = dict.fromkeys([first, max(text.rfind(": ", first, end) + 2, first)])
                yield from (Rated(start, end, number) for start in starts)


def _all_in(words: Sequence[re.Match[str]], name: str) -> bool:
    return all(_said(word[0]) in table("rating_lines", name) for word in words)


def _titled(given: str, title: str) -> bool:
    """True for the title's words, give or take typos; those of a sentence must be the very title, and several."""
    begins = re.sub(r"^(?:the|a|an) ", "", plain(title)).startswith(re.sub(r"^(?:the|a|an) ", "", plain(given)))
    ends = " " in given.strip() and plain(title).endswith(": " + plain(given))
    if not (begins or ends) and fuzz.ratio(plain(given), plain(title)) < ALIKE:
        return False
    words = [_said(word) for word in given.split()]
    if not set(words) & set(table("rating_lines", "never")):
        return True
    return len(words) > 1 and " ".join(words) == " ".join(_said(word) for word in title.split())


def _numbers(start: int, end: int, links: Sequence[Link]) -> list[Link]:
    """The stars of a segment, in words only where no digits are; or the digit that ends a title: "Scream 4"."""
    inside = [link for link in links if start <= link.start and link.end <= end]
    numbers = [link for link in inside if link.kind in ("number", "stars") and 0 < (link.low or 0) <= MOST_STARS]
    digits = [link for link in numbers if link.kind == "stars" or link.text[0].isdigit()]
    if numbers:
        return digits or numbers[-1:]
    last = inside[-1] if inside and inside[-1].kind == "movie" else None
    if last is None or not re.search(r"\s\d$", last.text):
        return []
    stars = float(last.text[-1])
    return [Link(last.end - 1, last.end, last.text[-1], "number", CONFIDENCE, low=stars, high=stars)]


def _said(word: str) -> str:
    return plain(word).strip(".,!?")
