"""Finds the runs of words in a text that are, or nearly are, titles or series of a catalogue, each with its log-odds.

It says nothing of which movie is meant, nor which of runs that overlap to keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from movies.link_evidence import Around, Match, hopeless, joins, movie_logit
from movies.link_titles import ARTICLES, MAIN, SPELLINGS, Entry, Form, TitleIndex, content
from movies.titles import NUMBERS, PARTS, ROMAN
from movies.words import Token, cues

NEARLY = 1.2  # log-odds that a title with a slip of the pen loses
RAISED = 3.0  # beside a sure title in a list
SURE_IN_A_LIST = 0.5
ALL_OF_A_MESSAGE = 4.0  # to each of "alien or aliens?"
SHORT_LIST = 16  # words
BEFORE_A_SLIP = 7  # words of a title before its misspelt one
TELLING_LENGTH = 3  # words of a whole title, within which no other is looked for
LEFT_OF_A_YEAR = 24  # characters

_YEAR_AFTER = re.compile(r"[\s,*_\"'”’]*(?:\(\s*(\d{4})\s*(?:[-–]\s*(?:\d{4})?\s*)?\)|\[(\d{4})\]|(\d{4})(?![\d\w]))")
_YEAR_BEFORE = re.compile(r"(?<!\d)(\d{4})(?:'s|’s)?\s+(?:the )?(?:version of |film |movie )?[\"'“‘*_]*$")
_FOUR_DIGITS = re.compile(r"\d{4}")
_YEAR_NEAR = re.compile(r"[\s,]*(?:from|of|von|de|in|aus|released in|made in)\s(?:the year )?(\d{4})\b")


class _Element(NamedTuple):
    """A word of a text as keys have them: an article is none, "part two" is one."""

    first: str  # where a title begins with it
    inner: str
    begin: int  # token
    end: int  # token, inclusive
    corrected: bool = False


@dataclass(slots=True)
class TitleSpan:
    """A run of words that is a title or series; `year` is that of a movie of it, named beside."""

    match: Match
    entry: Entry
    year: int | None = None
    logit: float = 0.0


def title_spans(index: TitleIndex, around: Around) -> list[TitleSpan]:
    """All of them, also those that overlap, or mean something else for all we know."""
    elements = list(_elements(around.words))
    found = {(span.match.first, span.match.last): span for span in _look_up(index, around, elements)}
    corrected = [_corrected(element, index.correct(element.inner)) for element in elements]
    slips = [at for at, element in enumerate(corrected) if element.corrected]
    if slips:
        near = sorted({at for slip in slips for at in range(max(0, slip - BEFORE_A_SLIP), slip + 1)})
        for span in _look_up(index, around, corrected, near):
            found.setdefault((span.match.first, span.match.last), span)
    spans = list(found.values())
    for span in spans:
        span.logit = movie_logit(around, span.match)
    spans += _nearly(index, around, spans)
    _join_lists(around, spans)
    return spans


def _look_up(
    index: TitleIndex, around: Around, elements: Sequence[_Element], starts: Sequence[int] | None = None
) -> Iterator[TitleSpan]:
    """Runs that are in the dictionary, without those within a whole title of three words or more."""
    covered = 0
    for at in range(len(elements)) if starts is None else starts:
        runs = [
            (length, key, cut) for length, key, cut in _keys_from(index, around, elements, at) if at + length > covered
        ]
        if runs and runs[-1][0] >= TELLING_LENGTH and not index.entry(runs[-1][1]).part:
            runs = runs[-1:]
            covered = at + runs[-1][0]
        for length, key, cut in runs:
            yield from _span(around, elements[at : at + length], index.entry(key), cut)


def _keys_from(
    index: TitleIndex, around: Around, elements: Sequence[_Element], at: int
) -> Iterator[tuple[int, str, int]]:
    """The keys that begin with an element: their length, and the letters of a possessive that they are without."""
    keys, begins, key = index.keys, index.begins, ""
    longest = max(begins.get(elements[at].first, 1), 2)
    for length, last in enumerate(elements[at : at + longest]):
        before, key = key, key + (last.inner if length else last.first)
        possessive = around.words[last.end].possessive
        if possessive and before + last.inner[:-1] in keys:
            yield length + 1, before + last.inner[:-1], possessive
        elif key in keys and not (length and key.isdigit()):  # "1 1" is no 11
            yield length + 1, key, 0
        if length == 1 and key not in begins:
            return


def _span(around: Around, elements: Sequence[_Element], entry: Entry, possessive: int) -> Iterator[TitleSpan]:
    begin, last = elements[0].begin, elements[-1].end
    if begin == last and hopeless(around, begin, (around.words[begin].word,), entry.popularity):
        return
    article = around.word(begin - 1)
    if article in ARTICLES and (article == "the" or article in entry.articles) and around.gap(begin - 1).isspace():
        begin -= 1
    if "\n" in around.text[around.words[begin].start : around.words[last].start]:
        return
    end = around.words[last].end - possessive
    corrected = max((len(element.first) for element in elements if element.corrected), default=0)
    yield _settled(around, Match(around.words[begin].start, end, begin, last, corrected), entry)


def _settled(around: Around, match: Match, entry: Entry) -> TitleSpan:
    """The span with a year beside it taken in, if it is that of one of its movies."""
    match.articles, match.popularity, match.told = entry.articles, entry.popularity, entry.told
    match.part, match.series = entry.part, entry.series is not None
    span = TitleSpan(match, entry)
    for year, start, end in _years_beside(around.text, match):
        near = [known for known in entry.years if abs(known - year) <= 1]
        if near:
            span.year = year if year in near else near[0]
            match.year = (start, end) != (match.start, match.end)
            match.near = not match.year
            match.start, match.end = min(match.start, start), max(match.end, end)
            break
    return span


def _nearly(index: TitleIndex, around: Around, found: Sequence[TitleSpan]) -> Iterator[TitleSpan]:
    """Runs of words in the place of a title that are nearly one."""
    longer = [span.match for span in found if span.match.last > span.match.first]
    taken = {at for match in longer for at in range(match.first, match.last + 1)}
    for first, last in _title_like(around):
        if first == last or any(at in taken for at in range(first, last + 1)):
            continue
        for place in index.alike(content(" ".join(token.word for token in around.words[first : last + 1]))):
            match = Match(around.words[first].start, around.words[last].end, first, last)
            span = _settled(around, match, index.entry_of([Form(place, MAIN)]))
            span.logit = movie_logit(around, match) - NEARLY
            yield span


def _elements(words: Sequence[Token]) -> Iterator[_Element]:
    at = 0
    while at < len(words):
        word = words[at].word
        if word in PARTS and (part := _part(words, at)):
            yield _Element(word + part, part, at, at + 1)
            at += 1
        elif word not in ARTICLES:
            first = NUMBERS.get(word) or SPELLINGS.get(word, word)
            yield _Element(first, ROMAN.get(word, first), at, at)
        at += 1


def _part(words: Sequence[Token], at: int) -> str:
    """The number of a part, in digits: after "episode" also "i"."""
    following = words[at + 1].word if at + 1 < len(words) else ""
    number = "1" if following == "i" else ROMAN.get(following) or NUMBERS.get(following, following)
    return number if number.isdigit() else ""


def _corrected(element: _Element, spelling: str | None) -> _Element:
    return element if spelling is None else element._replace(first=spelling, inner=spelling, corrected=True)


def _years_beside(text: str, match: Match) -> Iterator[tuple[int, int, int]]:
    """Years right after a title, right before it, or near it; with the span that belongs to the title."""
    if not _FOUR_DIGITS.search(text, max(0, match.start - LEFT_OF_A_YEAR), match.end + LEFT_OF_A_YEAR):
        return
    if after := _YEAR_AFTER.match(text, match.end):
        yield int(after[1] or after[2] or after[3]), match.start, after.end()
    if before := _YEAR_BEFORE.search(text, max(0, match.start - LEFT_OF_A_YEAR), match.start):
        yield int(before[1]), before.start(), match.end
    if near := _YEAR_NEAR.match(text, match.end):
        yield int(near[1]), match.start, match.end


def _title_like(around: Around) -> Iterator[tuple[int, int]]:
    """Runs of words with capitals, in quotation marks, or after "like", as first and last word."""
    words = around.words
    at = 0
    while at < len(words):
        end = at
        if words[at].capital and around.cased:
            while end + 1 < len(words) and _goes_on(around, end):
                end += 1
            while end > at and not words[end].capital and not words[end].word.isdigit():
                end -= 1
            yield at, end
        elif at and words[at - 1].word in cues("before"):
            while (
                end + 1 < len(words)
                and around.gap(end).strip(" ") == ""
                and end - at < 6
                and words[end + 1].word not in ("and", "or", "but")
            ):
                end += 1
            yield at, end
            end = at
        at = end + 1


def _goes_on(around: Around, at: int) -> bool:
    following = around.words[at + 1]
    if around.gap(at).strip(" :-'&") != "":
        return False
    return following.capital or following.word.isdigit() or following.word in cues("small")


def _join_lists(around: Around, found: list[TitleSpan]) -> None:
    """Raise what stands beside a sure title in a list: "Alien, big and heat"; and two that are all of a message."""
    by_start = sorted(found, key=lambda span: (span.match.start, -span.match.end))
    for spans, forward in ((by_start, True), (sorted(found, key=lambda span: -span.match.end), False)):
        sure: list[TitleSpan] = []
        for span in spans:
            if any(_neighbours(around.text, span.match, other.match, forward=forward) for other in sure[-6:]):
                span.logit += RAISED if span.logit > -6 else 0.0
            if span.logit > SURE_IN_A_LIST:
                sure.append(span)
    if by_start and len(around.words) <= SHORT_LIST:
        _join_all_of_a_message(around, by_start)


def _join_all_of_a_message(around: Around, spans: list[TitleSpan]) -> None:
    first, last = around.whole
    for left in (span for span in spans if span.match.first <= first):
        for right in (span for span in spans if span.match.last >= last):
            if joins(around.text[left.match.end : right.match.start]):
                left.logit, right.logit = left.logit + ALL_OF_A_MESSAGE, right.logit + ALL_OF_A_MESSAGE


def _neighbours(text: str, match: Match, other: Match, *, forward: bool) -> bool:
    left, right = (other.end, match.start) if forward else (match.end, other.start)
    return 0 < right - left < 12 and joins(text[left:right])
