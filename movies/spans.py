"""Numbers in a text and their meaning: users, years and spans of years, stars, counts. No catalogue.

Reads a leveled text (`movies.words.level`), whose places are those of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain, pairwise
from typing import NamedTuple

from movies.links import Link, LinkKind
from movies.words import Words, cues, tables

FIRST_YEAR, LAST_YEAR = 1880, 2035
LOOKED_AT = 28  # characters left and right of a number
LARGEST = 1e15  # of a number: longer rows of digits mean nothing

_NUMBER = re.compile(r"[\d½](?<![\w.]\d)(?:(?<=½)|\d*(?:[.,]\d+)?(?:\s?½)?)")
_OUT_OF = re.compile(r"\s*(?:/|out of|von|sur|su|van)\s*(5|10|100)(?![\d.,]*\d)")
_DECADE_END = re.compile(r"(?:'?s|er[ns]?|ies)\b(?: jahren?\b)?")
_DECADE_WORD = re.compile(r"(?:\b(?:annees|anos|anni|jaren|decada de(?: los)?)\s+|\b(?:los|les|gli)\s+)'?$")
_PART = re.compile(r"\b(early|mid|late|fruhen|spaten|debut des|fin des)[ -](?:the |to late )?['\u2018\u2019]?$")
_SHORT_YEAR = frozenset("'\u2018\u2019")
_NOT = re.compile(r"\b(?:not|nothing|no|none|never)\s(?:from\s)?$")
_LATER = r"later|newer|after|onwards?|upwards?|up|plus recent"
_OR_LATER = re.compile(rf"\s*(?:(?:or|and|oder|et|y) )?(?:{_LATER})\b|\+| on(?=\W*$|[,.;!?)])")
_OR_EARLIER = re.compile(r"\s*(?:or|and) (?:earlier|older|before)\b")
_OPENING_SIGNS = frozenset({"", *"+aelnopuy"})  # with which these two begin
_TO = re.compile(r"\s?(?:-|\u2013|\u2014|to|and|through|until|till|thru|und|bis|et|a|y)\s?(?:the )?$")
_BETWEEN = re.compile(r"\b(?:between|from|zwischen|von|entre|de|tra)\s(?:the )?$")
_CENTURY = re.compile(r"\b(last|this|20th|21st|twentieth|twenty[ -]first) century\b")
_COUNTED = re.compile(r"\s*(?:\w+ )?(?:ratings?|movies?|films?|users?|people|votes?|reviews?|tags?|titles?|filme)\b")
_USERS_ON = re.compile(r"\s*(?:,|and|&|und|et|y|,\s?and|or|vs\.?)\s*(?:user )?#?$")


class _Years(NamedTuple):
    start: int
    end: int
    low: int
    high: int
    single: bool


def read_spans(text: str, level: str, words: Words) -> list[Link]:
    """Every number that stands in a text, with its meaning."""
    return [
        Link(start, end, text[start:end], kind, confidence, low=low, high=high)
        for start, end, kind, confidence, low, high in chain(_digits(level), _words(level, words), _centuries(level))
    ]


_Span = tuple[int, int, LinkKind, float, float | None, float | None]


def _digits(level: str) -> Iterator[_Span]:
    done, user_end = 0, -1
    for match, following in pairwise(chain(_NUMBER.finditer(level), (None,))):
        if match is None or match.start() < done:
            continue
        on = user_end >= 0 and _USERS_ON.fullmatch(level[user_end : match.start()]) is not None
        span = _user(level, match, on=on) or _stars(level, match) or _years(level, match, following) or _count(match)
        done, user_end = span[1], span[1] if span[2] == "user" else -1
        yield span


def _user(level: str, match: re.Match[str], *, on: bool) -> _Span | None:
    if not match[0].isdigit():
        return None
    before = level[max(0, match.start() - 6) : match.start()].rstrip(" #.")
    named = before[-2:] in _user_endings()
    left = _user_words().search(level, max(0, match.start() - LOOKED_AT), match.start()) if named else None
    user = min(float(match[0]), LARGEST)
    if left is not None:
        return left.start(), match.end(), "user", 0.98, user, user
    return (match.start(), match.end(), "user", 0.9, user, user) if on else None


@cache
def _user_words() -> re.Pattern[str]:
    users = "|".join(sorted(cues("users"), key=len, reverse=True))
    return re.compile(rf"\b(?:movielens )?(?:{users})s?\s*(?:ids?|number|numero|no\.?|nr\.?)?\s*#?\s*$")


@cache
def _user_endings() -> frozenset[str]:
    """The last letters of the words before a user's number; most numbers have none left of them."""
    words = [*cues("users"), "number", "numero", "no", "nr", "id"]
    return frozenset({ending[-2:] for word in words for ending in (word, f"{word}s")})


@cache
def _star_words() -> re.Pattern[str]:
    return re.compile(rf"[\s-]*(?:{'|'.join(sorted(cues('stars'), key=len, reverse=True))})\b")


@cache
def _star_signs() -> frozenset[str]:
    """The first signs of what makes a number one of stars; few numbers have one of them right of them."""
    return frozenset({word[0] for word in cues("stars")}.union("/ovs", ("",)))


def _sign_after(level: str, end: int) -> str:
    """The first sign after a number but for blanks and hyphens; none where none is near."""
    return level[end : end + LOOKED_AT].replace("-", " ").lstrip()[:1]


def _value(number: str) -> float:
    half = 0.5 if "½" in number else 0.0
    return min(float(number.replace("½", "").strip().replace(",", ".") or 0) + half, LARGEST)


def _stars(level: str, match: re.Match[str]) -> _Span | None:
    value = _value(match[0])
    if _sign_after(level, match.end()) in _star_signs():
        if scale := _OUT_OF.match(level, match.end()):
            stars = value * 5 / int(scale[1])
            return (match.start(), scale.end(), "stars", 0.95, stars, stars) if stars <= 5 else None
        if value <= 10 and (word := _star_words().match(level, match.end())):
            return match.start(), word.end(), "stars", 0.95, value, value
    return (match.start(), match.end(), "stars", 0.7, value, value) if "½" in match[0] and value <= 5 else None


def _years(level: str, match: re.Match[str], following: re.Match[str] | None) -> _Span | None:
    first = _one_years(level, match)
    if first is None:
        return None
    second = _one_years(level, following) if following and following.start() - first.end < LOOKED_AT else None
    if second is not None and second.low >= first.low and _TO.fullmatch(level, first.end, second.start):
        between = _BETWEEN.search(level, max(0, first.start - LOOKED_AT), first.start)
        if between or level[first.end : second.start].split(maxsplit=1)[0] not in ("and", "und", "et", "y", "a"):
            start = between.start() if between else first.start
            return start, second.end, "years", 0.95, first.low, second.high
    return _open_years(level, first) or (
        first.start, first.end, "year" if first.single else "years", 0.9, first.low, first.high
    )  # fmt: skip


def _open_years(level: str, years: _Years) -> _Span | None:
    """Years that are open on one side: "before 1980", "1990 or later"."""
    if directed := _directed_years(level, years):
        return directed
    if _sign_after(level, years.end) not in _OPENING_SIGNS:
        return None
    if right := _OR_LATER.match(level, years.end):
        return years.start, right.end(), "years", 0.93, years.low, None
    if right := _OR_EARLIER.match(level, years.end):
        return years.start, right.end(), "years", 0.93, None, years.high
    return None


def _directed_years(level: str, years: _Years) -> _Span | None:
    """Years after a word such as "before", which few are."""
    start = max(0, years.start - LOOKED_AT)
    before = level[start : years.start].rstrip("'’")
    for article in ("the ", "los ", "les "):
        before = before.removesuffix(article)
    if before[-3:-1] not in _direction_endings():
        return None
    directions = (
        (_direction("earlier"), None, years.low - 1), (_direction("until"), None, years.high),
        (_direction("later"), years.high + 1, None), (_direction("since"), years.low, None),
    )  # fmt: skip
    for pattern, low, high in directions:
        left = pattern.search(level, start, years.start)
        if left and (no := _NOT.search(level, max(0, left.start() - 16), left.start())):
            return no.start(), years.end, "years", 0.93, *_turned(low, high)
        if left and not (left[0].startswith("from") and not _OR_LATER.match(level, years.end)):
            return left.start(), years.end, "years", 0.93, low, high
    return None


@cache
def _direction_endings() -> frozenset[str]:
    """The last letters of such words."""
    return frozenset({word[-2:] for name in ("earlier", "until", "later", "since") for word in cues(name)})


@cache
def _direction(name: str) -> re.Pattern[str]:
    """Words such as "before", right before a year."""
    return re.compile(rf"\b(?:{'|'.join(sorted(cues(name), key=len, reverse=True))})[ -](?:the |los |les )?['’]?$")


def _turned(low: int | None, high: int | None) -> tuple[int | None, int | None]:
    """The years that are left when these are excluded: "not before 1990"."""
    return (high + 1, None) if high is not None else (None, low - 1 if low is not None else None)


def _one_years(level: str, match: re.Match[str]) -> _Years | None:
    """A year or decade without what stands around it."""
    number, start, end = match[0], match.start(), match.end()
    if not number.isdigit() or len(number) not in (2, 4):
        return None
    value, short = int(number), len(number) == 2
    whole = value % 10 == 0
    ending = _DECADE_END.match(level, end) if whole else None
    word = _DECADE_WORD.search(level, max(0, start - LOOKED_AT), start) if whole and not ending else None
    if ending or (word and (short or FIRST_YEAR <= value <= LAST_YEAR)):
        first = value + (1900 if value >= 20 else 2000) if short else value
        begins = word.start() if word else start - (level[start - 1 : start] in "'\u2018\u2019")
        return _part(level, max(0, begins) if start else 0, ending.end() if ending else end, first)
    if short and level[start - 1 : start] in _SHORT_YEAR:
        year = value + (1900 if value > 35 else 2000)
        return _Years(start - 1, end, year, year, single=True)
    if short or not FIRST_YEAR <= value <= LAST_YEAR or _COUNTED.match(level, end):
        return None if short or not FIRST_YEAR <= value <= LAST_YEAR else _counted_year(level, match, value)
    return _Years(start, end, value, value, single=True)


def _counted_year(level: str, match: re.Match[str], value: int) -> _Years | None:
    """A year before "movies" is a year, before "ratings" a count."""
    after = level[match.end() : match.end() + LOOKED_AT].split()
    if any(word.startswith(("rating", "vote", "user", "people", "review", "tag")) for word in after[:2]):
        return None
    return _Years(match.start(), match.end(), value, value, single=True)


def _part(level: str, start: int, end: int, decade: int) -> _Years:
    """A decade, or the early, middle or late part of it."""
    left = _PART.search(level, max(0, start - LOOKED_AT), start)
    low, high = _PARTS[left[1]] if left else (0, 9)
    return _Years(left.start() if left else start, end, decade + low, decade + high, single=False)


_PARTS = {
    "early": (0, 3), "mid": (4, 6), "late": (7, 9), "fruhen": (0, 3), "spaten": (7, 9), "debut des": (0, 3),
    "fin des": (7, 9),
}  # fmt: skip


def _count(match: re.Match[str]) -> _Span:
    value = _value(match[0])
    return match.start(), match.end(), "number", 0.9, value, value


def _words(level: str, words: Words) -> Iterator[_Span]:
    """Numbers and decades written as words: "the early eighties", "five stars", "a couple"."""
    numbers, decades, said = tables()["numbers"], tables()["decades"], _number_words()
    for at, name in [(at, name) for at, name in enumerate(words.names) if name in said]:
        if name in decades:
            years = _part(level, words.starts[at], words.ends[at], decades[name])
            yield _open_years(level, years) or (years.start, years.end, "years", 0.93, years.low, years.high)
        else:
            yield from _number_word(level, words, at, float(numbers[name]))


@cache
def _number_words() -> frozenset[str]:
    return frozenset({*tables()["numbers"], *tables()["decades"]})


def _number_word(level: str, words: Words, at: int, value: float) -> Iterator[_Span]:
    name, start, end = words.names[at], words.starts[at], words.ends[at]
    if half := _AND_A_HALF.match(level, end):
        end, value = half.end(), value + 0.5
    if value <= 10 and (word := _star_words().match(level, end)):
        yield start, word.end(), "stars", 0.95, value, value
    elif name != "one":
        of_an_article = at and name in ("couple", "dozen") and words.names[at - 1] == "a"
        yield words.starts[at - 1] if of_an_article else start, end, "number", 0.75, value, value


_AND_A_HALF = re.compile(r" and a half\b")


def _centuries(level: str) -> Iterator[_Span]:
    if "century" not in level:
        return
    for match in _CENTURY.finditer(level):
        ours = match[1] in ("this", "21st") or match[1].startswith("twenty")
        yield match.start(), match.end(), "years", 0.9, 2000 if ours else 1900, None if ours else 1999
