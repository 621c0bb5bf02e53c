"""Finds the runs of words in a text that are, or nearly are, titles or series of a catalogue, each with its log-odds.

It says nothing of which movie is meant, nor which of runs that overlap to keep.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress, islice, takewhile
from operator import add, attrgetter
from typing import NamedTuple

from movies.link_evidence import WELL_KNOWN, Around, Match, hopeless, joins, movie_logit
from movies.link_titles import (
    ARTICLES,
    KEY,
    LONGER,
    MAIN,
    NICKNAME,
    PIECE,
    PLAIN,
    SHORTEST,
    SPELLINGS,
    Entry,
    Form,
    TitleIndex,
    content,
)
from movies.titles import NUMBERS, PARTS, ROMAN
from movies.words import UNKNOWN_RANK, cues, ranks

NEARLY = 1.2  # log-odds that a title with a slip of the pen loses
RAISED = 3.0  # beside a sure title in a list
SURE_IN_A_LIST = 0.5
ALL_OF_A_MESSAGE = 4.0  # to each of "alien or aliens?"
OR_ANOTHER = 2.5  # more for one of two to choose from, the other of which is sure
SHORT_LIST = 16  # words
MOST_BETWEEN = 12  # characters between two members of a list
NO_TITLE = -6.0  # log-odds of what no list makes a title
BEFORE_A_SLIP = 7  # words of a title before its misspelt one
TELLING_LENGTH = 3  # words of a whole title, within which no other is looked for
LEFT_OF_A_YEAR = 24  # characters
MOST_UNKNOWN, REACH = 6, 4  # unknown words, and words beside one
LIKE_A_TITLE, LIKE_A_WORD = 0.85, 0.88
MOST_SPOKEN_OF, MOST_DATED = 40, 20  # movies, and titles with a year beside
CALLED_SHORTLY = 2.0  # log-odds of a word from a title that was spoken of
TELLING_NAME, TELLING_WORD, TELLING_BITS = 300, 1_500, 14  # ranks of a word, and log2 of those of several
FIRST = {**SPELLINGS, **NUMBERS}  # of words with which titles begin; within titles roman numbers are digits, too

_YEAR_AFTER = re.compile(r"[\s,*_\"'”’]*(?:\(\s*(\d{4})\s*(?:[-–]\s*(?:\d{4})?\s*)?\)|\[(\d{4})\]|(\d{4})(?![\d\w]))")
_YEAR_BEFORE = re.compile(r"(?<!\d)(\d{4})(?:'s|’s)?\s+(?:the )?(?:version of |film |movie )?[\"'“‘*_]*$")
_OR = re.compile(r",?\s(?:or|oder|ou|o|vs\.?|versus)\s", re.IGNORECASE)
_FROM = "from|of|von|de|in|aus|released in|made in|the one from|the one of"
_VERSION = "one|version|film|movie"
_YEAR_NEAR = re.compile(rf"[\s,]*\(?(?:(?:{_FROM})\s(?:the year )?(\d{{4}})\b|(?:the )?(\d{{4}}) (?:{_VERSION})\b)")


class _Elements(NamedTuple):
    """The words of a text as keys have them: an article is none, "part two" is one.

    Attributes:
        firsts: where a title begins with them; `inners`: elsewhere.
        begins, ends: their words; an end is inclusive.
        corrected: those with a misspelt word, and the letters that it should have.
    """

    firsts: list[str]
    inners: list[str]
    begins: list[int]
    ends: list[int]
    corrected: dict[int, int]


def title_spans(index: TitleIndex, around: Around, spoken_of: Sequence[int] = (), *, typed: bool) -> list[Match]:
    """All of them, also those that overlap, or mean something else for all we know.

    Args:
        index: The titles.
        around: The text.
        spoken_of: Ids of movies that may be called by any telling word of their title: "delete Empire".
        typed: Titles that are only much like well-known ones are found, too: "silense of the lams".
    """
    elements = _elements(around.names)
    found = {(match.first, match.last): match for match in _look_up(index, around, elements, range(len(elements.ends)))}
    slips = {at: right for at, right in enumerate(map(index.correct, elements.inners)) if right is not None}
    if slips:
        near = sorted({at for slip in slips for at in range(max(0, slip - BEFORE_A_SLIP), slip + 1)})
        for match in _look_up(index, around, _corrected(elements, slips), near):
            found.setdefault((match.first, match.last), match)
    matches = list(found.values())
    for match in matches:
        match.logit = movie_logit(around, match)
    matches = _without_parts(around, matches)
    if typed:
        _with_twins(index, around, matches)
    matches += _nearly(index, around, matches)
    if typed:
        matches += _misspelt(index, around, elements, matches)
    matches += _called_shortly(index, around, elements, spoken_of, matches)
    _join_lists(around, matches)
    return matches


def _look_up(index: TitleIndex, around: Around, elements: _Elements, starts: Iterable[int]) -> Iterator[Match]:
    """Runs that are in the dictionary, without those within a whole title of three words or more."""
    known, covered = index.known, 0
    singles = [*map(known.get, elements.firsts)]
    pairs = [*map(known.get, map(add, elements.firsts, elements.inners[1:])), None]
    possessives = around.possessives and {
        at: around.possessives[end] for at, end in enumerate(elements.ends) if end in around.possessives
    }
    for at in starts:
        if pairs[at] or (possessives and (at in possessives or at + 1 in possessives)):
            runs = [run for run in _runs_from(known, possessives, elements, at) if at + run[0] > covered]
            if runs and runs[-1][0] >= TELLING_LENGTH and not index.entry(runs[-1][1]).part:
                runs = runs[-1:]
                covered = at + runs[-1][0]
        elif at >= covered and (singles[at] or 0) & KEY:
            runs = [(1, elements.firsts[at], 0)]
        else:
            continue
        for length, key, cut in runs:
            if length > 1 and index.glued(key, elements.inners[at : at + length]):
                continue
            match = _match(around, elements, at, length, index.entry(key), cut)
            if match is not None:
                yield match


def _runs_from(
    known: Mapping[str, int], possessives: Mapping[int, int], elements: _Elements, at: int
) -> list[tuple[int, str, int]]:
    """The keys that begin with an element: their length, and the letters of a possessive that they are without."""
    inners, runs = elements.inners, []
    key = elements.firsts[at]
    value = known.get(key, 0)
    if at in possessives and known.get(inners[at][:-1], 0) & KEY:
        runs.append((1, inners[at][:-1], possessives[at]))
    elif value & KEY:
        runs.append((1, key, 0))
    for place in range(at + 1, min(at + max(value >> 1, 2), len(inners))):
        key += inners[place]
        value = known.get(key, 0)
        if place in possessives and known.get(key[:-1], 0) & KEY:
            runs.append((place - at + 1, key[:-1], possessives[place]))
        elif value & KEY and not key.isdigit():  # "1 1" is no 11
            runs.append((place - at + 1, key, 0))
        if value < LONGER and place == at + 1:
            break
    return runs


def _match(around: Around, elements: _Elements, at: int, length: int, entry: Entry, possessive: int) -> Match | None:
    begin, last = elements.begins[at], elements.ends[at + length - 1]
    if begin == last and hopeless(around, begin, entry.popularity):
        return None
    article = around.names[begin - 1] if begin else ""
    if article in ARTICLES and (article == "the" or article in entry.articles) and around.gaps[begin - 1].isspace():
        begin -= 1
    start, end = around.starts[begin], around.ends[last] - possessive
    if begin < last and "\n" in around.text[start : around.starts[last]]:
        return None
    corrected = elements.corrected and max(elements.corrected.get(place, 0) for place in range(at, at + length))
    return _settled(around, Match(start, end, begin, last, entry, corrected or 0))


def _settled(around: Around, match: Match) -> Match:
    """The match with a year beside it taken in, if it is that of one of its movies."""
    if not around.dated(match.start - LEFT_OF_A_YEAR, match.end + LEFT_OF_A_YEAR):
        return match
    for year, start, end in _years_beside(around.text, match):
        near = [known for known in match.entry.years if abs(known - year) <= 1]
        if near:
            match.meant = year if year in near else near[0]
            match.year = (start, end) != (match.start, match.end)
            match.near = not match.year
            match.start, match.end = min(match.start, start), max(match.end, end)
            break
    return match


def _nearly(index: TitleIndex, around: Around, found: Sequence[Match]) -> Iterator[Match]:
    """Runs of words in the place of a title that are nearly one."""
    taken = {at for match in found if match.last > match.first for at in range(match.first, match.last + 1)}
    runs = [(first, last) for first, last in _title_like(around) if first < last]
    for first, last in [run for run in runs if taken.isdisjoint(range(run[0], run[1] + 1))]:
        for place in index.alike(content(" ".join(around.names[first : last + 1]))):
            entry = index.entry_of([Form(place, MAIN)])
            match = _settled(around, Match(around.starts[first], around.ends[last], first, last, entry))
            match.logit = movie_logit(around, match) - NEARLY
            yield match


def _misspelt(index: TitleIndex, around: Around, elements: _Elements, found: Sequence[Match]) -> Iterator[Match]:
    """Runs about an unknown word that are much like a well-known title: "silense of the lams"."""
    sure = [match for match in found if match.logit > 0 and not match.corrected]
    taken = {at for match in sure for at in _within(match)}
    inners, unknown = elements.inners, [at for at, word in enumerate(elements.inners) if index.unknown(word)]
    for at in unknown[:MOST_UNKNOWN]:
        runs = [
            (first, last)
            for first in range(max(0, at - REACH), at + 1)
            for last in range(at, min(len(inners), at + REACH + 1))
            if taken.isdisjoint(range(elements.begins[first], elements.ends[last] + 1))
        ]
        near = [(_likeness(index, inners[first : last + 1]), first, last) for first, last in runs]
        (key, likeness), first, last = max(near, key=lambda each: each[0][1], default=(("", 0.0), 0, 0))
        match = _match(around, elements, first, last - first + 1, index.entry(key), 0) if likeness else None
        if match is not None and (last > first or not around.capitals[match.first]):
            match.corrected = len(inners[at])
            match.logit = movie_logit(around, match) - NEARLY
            yield match


def _with_twins(index: TitleIndex, around: Around, matches: Sequence[Match]) -> None:
    """Beside a movie that few know, the well-known one that is called nearly so: "inglorious bastards"."""
    several = (match for match in matches if match.last > match.first and not (match.entry.part or match.year))
    for match in list(islice((each for each in several if each.entry.popularity < WELL_KNOWN), MOST_UNKNOWN)):
        if match.logit > NO_TITLE:
            near = index.misspelt("".join(content(" ".join(around.names[match.first : match.last + 1]))), LIKE_A_TITLE)
            known = {form.movie for form in match.entry.forms}
            if near and (others := {form.movie for form in index.forms(near[0])} - known):
                forms = [*match.entry.forms, *(Form(place, NICKNAME) for place in others)]
                match.entry = index.entry_of(forms, match.entry.series)


def _without_parts(around: Around, matches: list[Match]) -> list[Match]:
    """Those but for pieces of titles that are there as a whole, and years as in "Planet of the Apes 1968 or 2001"."""
    pieces = {match.entry.forms[0].movie for match in matches if _is_piece(match)}
    longer = (match for match in matches if pieces and match.last > match.first and not _is_piece(match))
    whole = {(form.movie, at) for match in longer for form in match.entry.forms for at in _within(match)}
    dated = [match for match in matches if match.year][:MOST_DATED]
    kept = [each for each in matches if not (_is_piece(each) and (each.entry.forms[0].movie, each.first) in whole)]
    return [match for match in kept if not any(_is_year_of(around, match, other) for other in dated)]


def _is_piece(match: Match) -> bool:
    return match.entry.single and match.entry.forms[0].kind == PIECE


def _is_year_of(around: Around, match: Match, other: Match) -> bool:
    """True of "2001" in "Planet of the Apes 1968 or 2001"."""
    said, between = around.text[match.start : match.end], around.text[other.end : match.start]
    return said.isdigit() and other.end < match.start and joins(between) and int(said) in other.entry.years


def _likeness(index: TitleIndex, words: Sequence[str]) -> tuple[str, float]:
    """The key that some words are nearly, and how nearly; a single word must begin as it does."""
    said = "".join(words)
    near = index.misspelt(said, LIKE_A_TITLE if len(words) > 1 else LIKE_A_WORD) if len(said) >= SHORTEST else None
    return near if near and (len(words) > 1 or near[0][0] == said[0]) else ("", 0.0)


def _called_shortly(
    index: TitleIndex, around: Around, elements: _Elements, spoken_of: Sequence[int], found: Sequence[Match]
) -> Iterator[Match]:
    """Telling words of titles of movies that were spoken of, but for what is the title of another well-known one."""
    longer = {at for match in found if match.last > match.first and match.logit > 0 for at in _within(match)}
    singles = {match.first: match for match in found if match.last == match.first}
    named = [
        word[:-1] if end in around.possessives else word
        for word, end in zip(elements.inners, elements.ends, strict=True)
    ]
    taken: set[int] = set()
    for place, title in [index.words_of(movie_id) for movie_id in spoken_of[:MOST_SPOKEN_OF]]:
        for at, length in _shared(named, title):
            first, last = elements.begins[at], elements.ends[at + length - 1]
            spots = range(first, last + 1)
            known = singles.get(first) if length == 1 else None
            of_another = known is not None and (known.entry.series or known.entry.popularity > WELL_KNOWN)
            if (
                of_another
                or not (longer | taken).isdisjoint(spots)
                or not _telling(around, first, named[at : at + length])
            ):
                continue
            forms = [*(known.entry.forms if known else ()), Form(place, PIECE)]
            match = _match(around, elements, at, length, index.entry_of(forms), around.possessives.get(last, 0))
            if match is not None:
                match.logit = movie_logit(around, match) + CALLED_SHORTLY
                taken.update(spots)
                yield match


def _within(match: Match) -> range:
    return range(match.first, match.last + 1)


def _shared(said: Sequence[str], title: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The longest runs of words that a text shares with a title, short of all of it: first, length."""
    at = 0
    while at < len(said):
        lengths = [0]
        for begin in [place for place, word in enumerate(title) if word == said[at]]:
            pairs = zip(said[at:], title[begin:], strict=False)
            lengths.append(len(list(takewhile(lambda pair: pair[0] == pair[1], pairs))))
        if 0 < (length := max(lengths)) < len(title):
            yield at, length
        at += max(lengths) or 1


def _telling(around: Around, first: int, words: Sequence[str]) -> bool:
    ranked = [ranks().get(word, UNKNOWN_RANK) for word in words]
    if any(word in cues("pronouns") or word in around.genre_words or word.isdigit() for word in words):
        return False
    if len(words) > 1:
        return min(ranked[0], ranked[-1]) > PLAIN and sum(map(math.log2, ranked)) > TELLING_BITS
    named = around.cased and around.capitals[first] and not around.begins_sentence(first)
    return len(words[0]) > 3 and ranked[0] > (TELLING_NAME if named else TELLING_WORD)


def _elements(names: Sequence[str]) -> _Elements:
    parts = {}
    if not PARTS.isdisjoint(names):
        for at, word in enumerate(names):
            if word in PARTS and at - 1 not in parts and (part := _part(names, at)):
                parts[at] = part
    begins = [at for at, word in enumerate(names) if word not in ARTICLES and at - 1 not in parts]
    words = [names[at] for at in begins]
    firsts = list(map(FIRST.get, words, words))
    inners, ends = list(map(ROMAN.get, firsts, firsts)), begins.copy()
    for place, at in enumerate(begins) if parts else ():
        if at in parts:
            firsts[place], inners[place], ends[place] = names[at] + parts[at], parts[at], at + 1
    return _Elements(firsts, inners, begins, ends, {})


def _part(names: Sequence[str], at: int) -> str:
    """The number of a part, in digits: after "episode" also "i"."""
    following = names[at + 1] if at + 1 < len(names) else ""
    number = "1" if following == "i" else ROMAN.get(following) or NUMBERS.get(following, following)
    return number if number.isdigit() else ""


def _corrected(elements: _Elements, slips: Mapping[int, str]) -> _Elements:
    firsts, inners = elements.firsts.copy(), elements.inners.copy()
    for at, right in slips.items():
        firsts[at] = inners[at] = right
    return elements._replace(firsts=firsts, inners=inners, corrected={at: len(right) for at, right in slips.items()})


def _years_beside(text: str, match: Match) -> Iterator[tuple[int, int, int]]:
    """Years right after a title, right before it, or near it; with the span that belongs to the title."""
    if after := _YEAR_AFTER.match(text, match.end):
        yield int(after[1] or after[2] or after[3]), match.start, after.end()
    if before := _YEAR_BEFORE.search(text, max(0, match.start - LEFT_OF_A_YEAR), match.start):
        yield int(before[1]), before.start(), match.end
    if near := _YEAR_NEAR.match(text, match.end):
        yield int(near[1] or near[2]), match.start, match.end


def _title_like(around: Around) -> Iterator[tuple[int, int]]:
    """Runs of words with capitals, in quotation marks, or after "like", as first and last word."""
    capitals, names, before, done = around.capitals, around.names, cues("before"), 0
    after_cue = {at for at, name in enumerate(names[:-1], 1) if name in before}
    for at in sorted(after_cue.union(compress(range(len(names)), capitals))):
        if at < done:
            continue
        if capitals[at] and around.cased:
            end = at
            while end + 1 < len(names) and _goes_on(around, end):
                end += 1
            while end > at and not capitals[end] and not names[end].isdigit():
                end -= 1
            done = end + 1
            yield at, end
        elif at in after_cue:
            yield at, _end_of_phrase(around, at)


def _end_of_phrase(around: Around, at: int) -> int:
    end, most = at, min(at + 6, len(around.names) - 1)
    while end < most and around.gaps[end].strip(" ") == "" and around.names[end + 1] not in ("and", "or", "but"):
        end += 1
    return end


def _goes_on(around: Around, at: int) -> bool:
    if around.gaps[at].strip(" :-'&") != "":
        return False
    following = around.names[at + 1]
    return around.capitals[at + 1] or following.isdigit() or following in cues("small")


def _join_lists(around: Around, found: list[Match]) -> None:
    """Raise what stands beside a sure title in a list: "Alien, big and heat"; and two that are all of a message."""
    by_end = sorted(found, key=attrgetter("end"), reverse=True)
    by_start = sorted(by_end, key=attrgetter("start"))
    if by_start and len(around.names) <= SHORT_LIST:
        _join_all_of_a_message(around, by_start)
    _raise_beside(around, by_start, forward=True)
    _raise_beside(around, by_end, forward=False)


def _raise_beside(around: Around, matches: Sequence[Match], *, forward: bool) -> None:
    """Raise what stands beside one that is sure, in the order read; backward, places are counted from the end."""
    sure, furthest = list[int](), -sys.maxsize
    for match in matches:
        edge = match.start if forward else -match.end
        if edge - furthest < MOST_BETWEEN:
            for other in [other for other in sure[-6:] if 0 < edge - other < MOST_BETWEEN]:
                left, right = (other, edge) if forward else (-edge, -other)
                if joins(around.text[left:right]):
                    more = OR_ANOTHER if _to_choose(around, match, left) else 0.0
                    match.logit += RAISED + more if match.logit + more > NO_TITLE else 0.0
                    break
        if match.logit > SURE_IN_A_LIST:
            sure.append(match.end if forward else -match.start)
            furthest = max(furthest, sure[-1])


def _to_choose(around: Around, match: Match, left: int) -> bool:
    """True of one of two titles joined by "or", where the words belong to nothing else."""
    if around.names[match.first] in cues("pronouns") or _OR.match(around.text, left) is None:
        return False
    if left == match.end:
        return around.opens(match.first)
    return around.closed(match.end)


def _join_all_of_a_message(around: Around, matches: list[Match]) -> None:
    first, last = around.compared
    for left in (match for match in matches if match.first <= first):
        for right in (match for match in matches if match.last >= last):
            if joins(around.text[left.end : right.start]):
                left.logit, right.logit = left.logit + ALL_OF_A_MESSAGE, right.logit + ALL_OF_A_MESSAGE
