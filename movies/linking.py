"""Links the words of a text to what a catalogue has: movies, series, genres, tags; beside them users, years, numbers.

Spans are looked up first (`movies.link_titles`), then weighed by how plain their words are and what stands around them
(`movies.link_evidence`), and those that overlap least and weigh most are kept.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from movies.link_evidence import Around, Match, joins, movie_logit, sigmoid
from movies.link_titles import (
    ALTERNATIVE,
    ARTICLES,
    LONGEST,
    MAIN,
    NICKNAME,
    SHORT,
    TAIL,
    WEIGHTS,
    Form,
    Series,
    TitleIndex,
    TitleRow,
    content,
)
from movies.links import Candidate, Link, LinkKind
from movies.spans import read_spans
from movies.titles import PARTS, inner_digits, plain_words, split_bare_year, split_year, with_digits
from movies.words import Token, level, ranks, tables, tokens, word_set

LONG_TEXT = 4_000  # characters; a longer text is linked in a thread, off the event loop
MOST_CANDIDATES = 8
PLAIN_TAG = 700  # a tag of one word commoner than this is no tag

PLAIN_TAG_MOVIES = 2  # movies that must carry a tag of one word
_YEAR_AFTER = re.compile(r"[\s,*_\"'”’]*(?:\(\s*(\d{4})\s*(?:[-–]\s*(?:\d{4})?\s*)?\)|\[(\d{4})\]|(\d{4})(?![\d\w]))")
_YEAR_BEFORE = re.compile(r"(?<!\d)(\d{4})(?:'s|’s)?\s+(?:the )?(?:version of |film |movie )?[\"'“‘*_]*$")
_YEAR_NEAR = re.compile(r"[\s,]*(?:from|of|von|de|in|aus|released in|made in)\s(?:the year )?(\d{4})\b")

__all__ = ["LONG_TEXT", "Candidate", "Link", "LinkKind", "Linker", "TitleRow"]


class _Element(NamedTuple):
    """A word of a text as keys have them: an article is none, "part two" is one."""

    first: str  # where a title begins with it
    inner: str
    begin: int  # token
    end: int  # token, inclusive


class _Term(NamedTuple):
    kind: LinkKind
    name: str
    confidence: float


@dataclass(slots=True)
class _Found:
    """A span that is a title or series, with the movies that it could be."""

    match: Match
    forms: list[Form]
    series: Series | None
    year: int | None = None
    likeness: float = 1.0
    logit: float = 0.0


class Linker:
    """Reads texts by one catalogue. Built once of a snapshot; linking changes nothing but a cache of misspelt words."""

    def __init__(self, index: TitleIndex, terms: dict[str, list[_Term]]) -> None:
        self._index, self._terms = index, terms
        self._term_begins: dict[str, int] = {}
        self._genre_words = frozenset(
            key for key, meanings in terms.items() if any(meaning.kind == "genre" for meaning in meanings)
        )

    @classmethod
    def build(cls, titles: Iterable[TitleRow], genres: Iterable[str], tags: Iterable[tuple[str, int]]) -> Linker:
        """A linker of a catalogue's movies, genres, and tags with the number of movies that carry them."""
        terms: dict[str, list[_Term]] = defaultdict(list)
        begins: dict[str, int] = {}
        for words, term in [*_genre_terms(genres), *_tag_terms(tags)]:
            key = "".join(words)
            if all(known.kind != term.kind for known in terms[key]):
                terms[key].append(term)
                begins[words[0]] = max(begins.get(words[0], 1), len(words))
        linker = cls(TitleIndex(titles), dict(terms))
        linker._term_begins = begins
        return linker

    def link(self, text: str, *, context: Sequence[int] = (), least: float = 0.3) -> list[Link]:
        """The spans of a text that mean something, by start; they do not overlap.

        `context` are the ids of movies spoken of so far, newest first: they decide which Heat is meant.
        """
        words = tokens(text)
        around = Around(text, words, self._genre_words)
        found = self._titles(around)
        _join_lists(around, found)
        links = read_spans(text, level(text), words)
        links += self._term_links(around)
        links += [self._title_link(text, item, context) for item in found]
        return _chosen([link for link in links if link.confidence >= least])

    def find(self, text: str, *, context: Sequence[int] = (), limit: int = 5) -> list[Candidate]:
        """The movies that the whole text could mean, as a title; the likest first."""
        title, year = split_year(text.strip())
        if year is None:
            title, year = split_bare_year(title)
        forms = self._whole(title) or self._whole(text)
        likeness = {}
        if not forms:
            near = self._index.likest(content(title), 0.55)
            forms, likeness = [Form(place, MAIN) for place, _ in near], dict(near)
        candidates = self._candidates(forms, title, year, context, limit)
        places = {self._index.rows[place].movie_id: score for place, score in likeness.items()}
        return [one._replace(odds=round(one.odds * places.get(one.movie_id, 1.0), 4)) for one in candidates]

    def _whole(self, title: str) -> list[Form]:
        words = content(title)
        key = "".join(words)
        series = self._index.series(key)
        forms = self._index.forms(key) or [Form(place, SHORT) for place in (series.movies if series else ())]
        if forms:
            return forms
        corrected = [(self._index.correct(word) or (word,))[0] for word in words]
        return self._index.forms("".join(corrected)) if corrected != words else []

    def _titles(self, around: Around) -> list[_Found]:
        elements = list(_elements(around.words))
        found = {(item.match.first, item.match.last): item for item in self._look_up(around, elements)}
        known = self._index.correct
        corrected = [_corrected(element, known(element.inner)) for element in elements]
        if any(new is not old for new, old in zip(corrected, elements, strict=True)):
            for item in self._look_up(around, corrected, elements):
                found.setdefault((item.match.first, item.match.last), item)
        items = list(found.values())
        items += self._alike(around, items)
        for item in items:
            item.logit = movie_logit(around, item.match) - 12 * (1 - item.likeness)
        return items

    def _look_up(
        self, around: Around, elements: Sequence[_Element], originals: Sequence[_Element] | None = None
    ) -> Iterator[_Found]:
        """Runs of words that are a title or series; with originals only those with a corrected word."""
        begins, has = self._index.begins, self._index.has
        for at, element in enumerate(elements):
            longest = min(max(begins.get(element.first, 1), 2), LONGEST, len(elements) - at)
            key = ""
            for length in range(1, longest + 1):
                last = elements[at + length - 1]
                before, key = key, key + (last.inner if length > 1 else last.first)
                if originals is not None and elements[at : at + length] == originals[at : at + length]:
                    continue
                bare = self._bare(around, before, last)
                if has(key) or bare:
                    yield from self._found(
                        around,
                        element,
                        last,
                        key,
                        bare,
                        corrected=len(
                            max(
                                (e.first for e, o in zip(elements[at : at + length], originals or (), strict=False)),
                                key=len,
                                default="",
                            )
                        )
                        if originals
                        else 0,
                    )

    def _bare(self, around: Around, before: str, last: _Element) -> str:
        """The key without the possessive of its last word, if that is a title."""
        token = around.words[last.end]
        if not token.possessive:
            return ""
        bare = before + last.inner[:-1]
        return bare if self._index.has(bare) else ""

    def _found(
        self, around: Around, first: _Element, last: _Element, key: str, bare: str, *, corrected: int
    ) -> Iterator[_Found]:
        end = around.words[last.end].end - (around.words[last.end].possessive if bare else 0)
        forms, series = self._index.forms(bare or key), self._index.series(bare or key)
        articles = frozenset(self._article(form) for form in forms) or frozenset({""})
        begin = first.begin
        if begin and around.words[begin - 1].word in articles | {"the"} and around.words[begin - 1].word in ARTICLES:
            begin -= around.gap(begin - 1).isspace()
        if any("\n" in around.gap(at) for at in range(begin, last.end)):
            return
        match = Match(around.words[begin].start, end, begin, last.end, corrected, articles=articles)
        found = _Found(match, forms, series)
        self._settle(around, found)
        yield found

    def _article(self, form: Form) -> str:
        first = self._index.rows[form.movie].title.partition(" ")[0].lower()
        return first if first in ARTICLES else ""

    def _settle(self, around: Around, found: _Found) -> None:
        """Take in a year beside the title, if it is that of one of its movies; note how popular these are."""
        rows, popularity = self._index.rows, self._index.popularity
        match = found.match
        years = {rows[form.movie].year for form in found.forms}
        for year, start, end in _years_beside(around.text, match):
            near = [known for known in years if known and abs(known - year) <= 1]
            if near:
                found.year = year if year in near else near[0]
                match.year, match.near = (
                    (start, end) != (match.start, match.end),
                    (start, end) == (match.start, match.end),
                )
                match.start, match.end = min(match.start, start), max(match.end, end)
                break
        movies = [form.movie for form in found.forms] + list(found.series.movies if found.series else ())
        match.popularity = max((popularity[movie] for movie in movies), default=0.0)
        match.told = any(form.kind == NICKNAME for form in found.forms)
        match.part = all(form.kind in (SHORT, TAIL) for form in found.forms)
        match.series = found.series is not None

    def _alike(self, around: Around, found: Sequence[_Found]) -> Iterator[_Found]:
        """Runs of words in the place of a title that are nearly one."""
        longer = [item.match for item in found if item.match.last > item.match.first]
        taken = {at for match in longer for at in range(match.first, match.last + 1)}
        for first, last in _title_like(around):
            if last - first < 1 or any(at in taken for at in range(first, last + 1)):
                continue
            near = self._index.alike(content(" ".join(token.word for token in around.words[first : last + 1])))
            if near:
                match = Match(around.words[first].start, around.words[last].end, first, last)
                item = _Found(match, [Form(place, MAIN) for place in near], None, likeness=0.9)
                self._settle(around, item)
                yield item

    def _title_link(self, text: str, found: _Found, context: Sequence[int]) -> Link:
        match = found.match
        span = text[match.start : match.end]
        confidence = round(sigmoid(found.logit), 4)
        links = []
        if found.forms:
            candidates = tuple(self._candidates(found.forms, span, found.year, context, MOST_CANDIDATES))
            ids = tuple(candidate.movie_id for candidate in candidates)
            links.append(Link(match.start, match.end, span, "movie", confidence, candidates, ids))
        if found.series:
            rows = self._index.rows
            ids = tuple(rows[place].movie_id for place in found.series.movies)
            series = Link(match.start, match.end, span, "series", confidence, (), ids, found.series.name)
            links.append(series)
        if len(links) == 2 and (_means_series(text, match.end) or not _very_title(found)):
            links.reverse()
        return replace(links[0], also=tuple(links[1:]))

    def _candidates(
        self, forms: Sequence[Form], span: str, year: int | None, context: Sequence[int], limit: int
    ) -> list[Candidate]:
        rows = self._index.rows
        exact = plain_words(span)
        weights: dict[int, float] = {}
        for form in forms:
            row = rows[form.movie]
            weight = WEIGHTS[form.kind] * (row.rating_count + 0.5)
            weight *= 3.0 if plain_words(row.title) == exact else 1.0
            weight *= _year_weight(year, row.year)
            weight *= 30.0 / (1 + context.index(row.movie_id)) + 1 if row.movie_id in context else 1.0
            weights[form.movie] = max(weight, weights.get(form.movie, 0.0))
        whole = sum(weights.values()) or 1.0
        ranked = sorted(weights, key=lambda place: (-weights[place], rows[place].movie_id))[:limit]
        return [
            Candidate(
                rows[place].movie_id,
                rows[place].title,
                rows[place].year,
                math.floor(1e4 * weights[place] / whole) / 1e4,
            )
            for place in ranked
        ]

    def _term_links(self, around: Around) -> Iterator[Link]:
        words = [(at, token) for at, token in enumerate(around.words) if token.word not in ARTICLES]
        for at, (_, token) in enumerate(words):
            longest = min(max(self._term_begins.get(token.word, 1), 1), len(words) - at)
            key = ""
            for length in range(1, longest + 1):
                last = words[at + length - 1][1]
                key += last.word
                meanings = self._terms.get(key)
                if meanings:
                    text = around.text[token.start : last.end]
                    links = [
                        Link(token.start, last.end, text, term.kind, term.confidence, name=term.name)
                        for term in meanings
                    ]
                    yield replace(links[0], also=tuple(links[1:]))


def _genre_terms(genres: Iterable[str]) -> Iterator[tuple[list[str], _Term]]:
    """The catalogue's genres by all their words, and names of two genres at once."""
    names = {" ".join(plain_words(genre)): genre for genre in genres}
    for form, genre in names.items():
        yield plain_words(form), _Term("genre", genre, 0.93)
    for form, said in tables()["genres"].items():
        parts = form.split("|")
        if all(part in names for part in parts):
            name = "|".join(names[part] for part in parts)
            for words in said:
                yield words.split(), _Term("genre", name, 0.9)


def _tag_terms(tags: Iterable[tuple[str, int]]) -> Iterator[tuple[list[str], _Term]]:
    for tag, movies in tags:
        words = [word for word in plain_words(tag) if word not in ARTICLES]
        if len(words) > 1 and len(words) < 7:
            yield words, _Term("tag", tag, 0.8 if max(ranks().get(word, 20_000) for word in words) > 500 else 0.4)
        elif words and movies >= PLAIN_TAG_MOVIES and len(words[0]) > 2 and not words[0].isdigit():
            rank = ranks().get(words[0], 20_000)
            if rank > PLAIN_TAG and words[0] not in word_set("plain", "pronouns"):
                yield words, _Term("tag", tag, 0.6 if rank > 2_000 else 0.45)


def _elements(words: Sequence[Token]) -> Iterator[_Element]:
    at = 0
    while at < len(words):
        word = words[at].word
        following = inner_digits(words[at + 1].word) if at + 1 < len(words) else ""
        if word in PARTS and (following.isdigit() or (words[at + 1 : at + 2] and words[at + 1].word == "i")):
            yield _Element(word + following, "1" if following == "i" else following, at, at + 1)
            at += 2
            continue
        if word not in ARTICLES:
            yield _Element(with_digits([word])[0], inner_digits(word), at, at)
        at += 1


def _corrected(element: _Element, spellings: Sequence[str]) -> _Element:
    if not spellings:
        return element
    return element._replace(first=spellings[0], inner=spellings[0])


def _blank(between: str) -> bool:
    return between.strip(" ") == ""


def _years_beside(text: str, match: Match) -> Iterator[tuple[int, int, int]]:
    """Years right after a title, right before it, or near it; with the span that belongs to the title."""
    if after := _YEAR_AFTER.match(text, match.end):
        yield int(after[1] or after[2] or after[3]), match.start, after.end()
    if before := _YEAR_BEFORE.search(text, max(0, match.start - 24), match.start):
        yield int(before[1]), before.start(), match.end
    if near := _YEAR_NEAR.match(text, match.end):
        yield int(near[1]), match.start, match.end


def _year_weight(wanted: int | None, year: int | None) -> float:
    if wanted is None or year == wanted:
        return 1.0
    return 0.05 if year is not None and abs(year - wanted) == 1 else 0.002


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
        elif at and words[at - 1].word in word_set("cues", "before"):
            while (
                end + 1 < len(words)
                and _blank(around.gap(end))
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
    return following.capital or following.word.isdigit() or following.word in word_set("cues", "small")


def _join_lists(around: Around, found: list[_Found]) -> None:
    """Raise what stands beside a sure title in a list: "Alien, big and heat"."""
    by_start = sorted(found, key=lambda item: (item.match.start, -item.match.end))
    for items, forward in ((by_start, True), (sorted(found, key=lambda item: -item.match.end), False)):
        sure: list[_Found] = []
        for item in items:
            if any(_neighbours(around.text, item.match, other.match, forward=forward) for other in sure[-6:]):
                item.logit += 3.0 if item.logit > -6 else 0.0
            if item.logit > 0.5:
                sure.append(item)


def _neighbours(text: str, match: Match, other: Match, *, forward: bool) -> bool:
    left, right = (other, match) if forward else (match, other)
    return 0 < right.start - left.end < 12 and joins(text[left.end : right.start])


_SEQUEL_AFTER = re.compile(r"\s(?:[2-9]|1\d|[IVX]{2,4})\b|:\s\w|\s(?:part|episode|chapter)\b", re.IGNORECASE)
_SERIES_AFTER = re.compile(
    r"['’]?s?\s+(?:\w+\s)?(?:movies|films|series|trilogy|saga|franchise|sequels|universe|filme)\b", re.IGNORECASE
)


def _means_series(text: str, end: int) -> bool:
    return _SERIES_AFTER.match(text, end) is not None or _SEQUEL_AFTER.match(text, end) is not None


def _very_title(found: _Found) -> bool:
    return any(form.kind in (MAIN, ALTERNATIVE, NICKNAME) for form in found.forms)


def _chosen(links: list[Link]) -> list[Link]:
    """Of overlapping spans those that weigh most together; readings of the same span become one link."""
    merged = [_merged(same) for same in _by_span(links)]
    merged.sort(key=lambda link: (link.end, link.start))
    ends = [link.end for link in merged]
    best: list[tuple[float, Link | None, int]] = [(0.0, None, 0)]
    for at, link in enumerate(merged):
        before = _ending_by(ends, link.start, at)
        taken = best[before][0] + _weight(link)
        best.append((taken, link, before) if taken > best[at][0] else (best[at][0], None, at))
    chosen = []
    at = len(merged)
    while at > 0:
        _, kept, before = best[at]
        if kept is not None:
            chosen.append(kept)
        at = before
    return chosen[::-1]


def _ending_by(ends: Sequence[int], start: int, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        if ends[middle] <= start:
            low = middle + 1
        else:
            high = middle
    return low


def _by_span(links: Sequence[Link]) -> list[list[Link]]:
    spans: dict[tuple[int, int], list[Link]] = defaultdict(list)
    for link in links:
        spans[link.start, link.end].append(link)
    return list(spans.values())


def _merged(same: list[Link]) -> Link:
    readings = [reading for link in same for reading in (replace(link, also=()), *link.also)]
    readings.sort(key=lambda link: -link.confidence * _KIND_WEIGHTS.get(link.kind, 1.0))
    return replace(readings[0], also=tuple(readings[1:]))


_KIND_WEIGHTS = {"number": 0.55, "year": 0.6, "tag": 0.8}


def _weight(link: Link) -> float:
    words = len(link.text.split())
    return link.confidence * _KIND_WEIGHTS.get(link.kind, 1.0) * (words + 0.04 * len(link.text))
