"""Titles that stand beside stars: "Rango 4, Ratatouille 5". There a title needs no sentence around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz

from language.phrases import plain, table
from movies.linking import Linker
from movies.links import Link
from movies.words import ranks

SURE, CONFIDENCE = 0.45, 0.9
MOST_STARS, ALIKE, VERY_ALIKE = 10, 75, 88
LONGEST, COMMON = 7, 250
"""The most words of a title that is looked for in a sentence; the rank up to which a word by itself is none."""
_WORD = re.compile(r"[\w'’.!?&:-]*\w[!?]?|[★⭐½]+")
_HALF = re.compile(
    r"\b(?:([0-4]|one|two|three|four) (?:and|n) a half(?: stars?)?|half a star|(?:a )?half star)\b", re.IGNORECASE
)
_ZERO = re.compile(r"\b(?:zero|0) stars?\b", re.IGNORECASE)
_SIGNS = re.compile(r"(?:[★⭐]\ufe0f?)+½?")
_LISTED = re.compile(r"(?:^|(?<=[\s:(]))(\d)[.)](?=\s)")
_END = re.compile(r"[;\n]|[.,!?](?=\s|$)")
_ASIDE = re.compile(r"(?:\s*\([^()]*\)|,? the [\w' ]{1,30} (?:one|version|film|movie)|,? from (?:19|20)?\d\d)\W*$")
_LAST = re.compile(r"(?<=\S) ([1-5])$")
_TO = re.compile(r"(?:\s*stars?)?\s+(?:for|to|goes to|on)\s+", re.IGNORECASE)


def rating_links(text: str, links: Sequence[Link], linker: Linker) -> list[Link]:
    """The links of a text, with the titles that stand beside stars; numbers that only count a list are none."""
    signs = list(_signs(text))
    listed = list(_LISTED.finditer(text))
    places = {found.start(1) for found in listed} if [int(found[1]) for found in listed][:2] == [1, 2] else set()
    links = [link for link in links if not any(_meet(link, sign) for sign in signs) and link.start not in places]
    found = sorted([*links, *signs], key=lambda link: link.start)
    numbers = [each for each in found if each.kind in ("number", "stars") and _can_be_stars(text, each)]
    rows = sum(link.kind in ("movie", "series") and _is_sure(link) for link in found) > 1 and len(numbers) > 1
    explicit = any(each.kind == "stars" for each in numbers)
    tells = rows or explicit or bool(_words(text) & set(table("rating_lines", "tells")[0].split("|")))
    begin = 0
    for number in numbers:
        title = _before(text, begin, number, found, linker, tells=tells) or _after(text, number, found, linker)
        if title:
            found = sorted([*(each for each in found if not _meet(each, title)), title], key=lambda link: link.start)
        begin = number.end
    return [part for link in found for part in _split(text, link, found, linker, rows=len(numbers) > 1 or tells)]


def _can_be_stars(text: str, number: Link) -> bool:
    """False for a number by itself in brackets: "my kid (8)"."""
    aside = text[number.start - 1 : number.start] == "(" and text[number.end : number.end + 1] == ")"
    return 0 < (number.low or 0) <= MOST_STARS and not aside


def _split(text: str, link: Link, links: Sequence[Link], linker: Linker, *, rows: bool) -> Sequence[Link]:
    """A title that ends in the stars it is given, where all others have theirs: "Tangled 5, Cars 2"."""
    digit = _LAST.search(link.text) if link.kind == "movie" and rows else None
    follows = next((each for each in links if each.start >= link.end), None)
    ends = _END.search(text, link.end)
    given = follows and follows.kind in ("number", "stars") and (ends is None or follows.start < ends.start())
    name = link.text[: digit.start()] if digit else ""
    same = next(iter(linker.find(name, limit=1)), None) if name and not given else None
    others = [each for each in links if each.kind == "movie" and each.end <= link.start]
    set_against = others and text[others[-1].end : link.start].strip(" .") in ("or", "vs", "versus", "against")
    if (
        same is None
        or set_against
        or digit is None
        or not others
        or fuzz.ratio(_bare(name), _bare(same.title)) < VERY_ALIKE
    ):
        return [link]
    title = Link(link.start, link.start + len(name), name, "movie", CONFIDENCE, (same,), (same.movie_id,))
    stars = float(digit[1])
    return [title, Link(link.end - 1, link.end, digit[1], "number", CONFIDENCE, low=stars, high=stars)]


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


def _before(text: str, begin: int, number: Link, links: Sequence[Link], linker: Linker, *, tells: bool) -> Link | None:
    """The title between a place and the stars behind it, where no sure one is linked there."""
    said = text[begin : number.start].rstrip(" :-,=.?!")
    before, size = "", len(said) + 1
    while len(before := said) < size:
        size, said = len(before), _ASIDE.sub("", before).rstrip(" :-,=.?!")
    ends = [found.end() for found in _END.finditer(said)]
    words = list(_WORD.finditer(text, begin + max(ends, default=0), begin + len(said)))
    while words and _said(words[-1][0]) in table("rating_lines", "between"):
        words.pop()
    if not words or any(_is_sure(link) and words[0].start() <= link.start < number.start for link in links):
        return None
    trimmed = words
    while trimmed and _said(trimmed[0][0]) in table("rating_lines", "before"):
        trimmed = trimmed[1:]
    colons = [at for at, word in enumerate(trimmed) if word[0].endswith(":") or text[word.end()] == ":"]
    wholes = [words[at:] for at in range(len(words) - len(trimmed) + 1)]  # a title can begin so: "Mean Girls 4"
    spans = [span for span in (*wholes, trimmed[colons[-1] + 1 :] if colons else []) if span]
    named = any(_is_sure(link) and begin <= link.start < number.start for link in links)
    apart = _END.search(text, words[-1].end(), number.start) is not None
    spans += (
        [words[-size:] for size in range(min(len(words), LONGEST), 0, -1)] if tells and not (named or apart) else []
    )
    return next(
        filter(None, (_title(text, span, linker, whole=len(span) == len(trimmed) and not apart) for span in spans)),
        None,
    )


def _after(text: str, number: Link, links: Sequence[Link], linker: Linker) -> Link | None:
    """The title behind stars and "for" or "to"."""
    led = _TO.match(text, number.end)
    if led is None or any(_is_sure(link) and link.start == led.end() for link in links):
        return None
    stop = _END.search(text, led.end())
    words = list(_WORD.finditer(text, led.end(), stop.start() if stop else len(text)))[:LONGEST]
    spans = (words[:size] for size in range(len(words), 0, -1))
    return next(filter(None, (_title(text, span, linker, whole=False) for span in spans)), None)


def _title(text: str, words: Sequence[re.Match[str]], linker: Linker, *, whole: bool) -> Link | None:
    """The link of words that are a title. `whole`: nothing but the title stands there."""
    given = text[words[0].start() : words[-1].end()]
    said = [_said(word[0]) for word in words]
    if len(said) == 1 and not given[0].isupper() and ranks().get(said[0], COMMON) < COMMON:
        return None
    candidates = tuple(linker.find(given, limit=3))
    if not candidates or candidates[0].odds < SURE or not _is_title(given, said, candidates[0].title, whole=whole):
        return None
    ids = tuple(each.movie_id for each in candidates)
    return Link(words[0].start(), words[-1].end(), given, "movie", CONFIDENCE, candidates, ids)


def _is_title(given: str, said: Sequence[str], title: str, *, whole: bool) -> bool:
    """True for the title's words, give or take typos; words of a sentence must be the very title, and several."""
    one, other = _bare(given), _bare(title)
    begins = other.startswith(f"{one}:") or (whole and len(said) > 1 and other.startswith(one))
    ends = " " in given.strip() and other.endswith(f": {one}")
    if not (begins or ends) and fuzz.ratio(one, other) < (ALIKE if whole else VERY_ALIKE):
        return False
    if not set(said) & set(table("rating_lines", "never")):
        return True
    return len(said) > 1 and list(said) == [_said(word) for word in title.split()]


def _bare(title: str) -> str:
    return re.sub(r"^(?:the|a|an) ", "", plain(title))


def _is_sure(link: Link) -> bool:
    return link.kind in ("movie", "series") and link.confidence >= SURE


def _meet(link: Link, other: Link) -> bool:
    return link.start < other.end and link.end > other.start


def _words(text: str) -> set[str]:
    return {_said(word) for word in text.split()}


def _said(word: str) -> str:
    return plain(word).strip(".,!?:;()")
