"""Links the words of a text to what a catalogue has: movies, series, genres, tags, people; and users, years, numbers.

Spans are looked up (`movies.title_spans`) and weighed by how plain their words are and what stands around them
(`movies.link_evidence`); of those that overlap the weightiest are kept.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from movies.link_evidence import Around, Match, sigmoid
from movies.link_people import PeopleIndex, PersonRow
from movies.link_titles import ARTICLES, KEPT, MAIN, SHORT, Entry, Form, TitleIndex, TitleRow, content
from movies.links import Candidate, Link, LinkKind
from movies.spans import read_spans
from movies.title_spans import title_spans
from movies.titles import plain, plain_words, split_bare_year, split_year
from movies.words import UNKNOWN_RANK, cues, level, ranks, tables, words_of

LONG_TEXT = 4_000  # characters; a longer text is linked in a thread, off the event loop
MOST_CANDIDATES = 8
SPOKEN_OF = 300.0  # by which a movie just spoken of is likelier than its namesakes
PLAIN_GENRE = 0.45
PLAIN_TAG = 700  # a tag of one word commoner than this is no tag

PLAIN_TAG_MOVIES = 2  # movies that must carry a tag of one word
_FOR = frozenset({"for", "fur", "pour", "para", "per"})

__all__ = ["LONG_TEXT", "Candidate", "Link", "LinkKind", "Linker", "PersonRow", "TitleRow"]


class _Term(NamedTuple):
    kind: LinkKind
    name: str
    confidence: float


class Linker:
    """Reads texts by one catalogue. Built once of a snapshot; linking changes nothing but a cache of misspelt words."""

    def __init__(self, index: TitleIndex, terms: dict[str, list[_Term]], people: PeopleIndex) -> None:
        self._index, self._terms, self._people = index, terms, people
        self._term_begins: dict[str, int] = {}
        self._plain = lru_cache(maxsize=KEPT)(plain)
        self._candidates = lru_cache(maxsize=KEPT)(self._make_candidates)
        self._genre_words = _keys_of(terms, "genre")
        self._tag_words = _keys_of(terms, "tag")

    @classmethod
    def build(
        cls,
        titles: Iterable[TitleRow],
        genres: Iterable[str],
        tags: Iterable[tuple[str, int]],
        people: Iterable[PersonRow] = (),
    ) -> Linker:
        """A linker of movies, genres, tags with how many movies carry each, and people, the best known first."""
        terms: dict[str, list[_Term]] = defaultdict(list)
        begins: dict[str, int] = {}
        for words, term in [*_genre_terms(genres), *_tag_terms(tags)]:
            if not words:  # a name without a letter
                continue
            key = "".join(words)
            begins[words[0]] = max(begins.get(words[0], 1), len(words))
            if all(known.kind != term.kind for known in terms[key]):
                terms[key].append(term)
        linker = cls(TitleIndex(titles), dict(terms), PeopleIndex(people))
        linker._term_begins = begins
        return linker

    def link(self, text: str, *, context: Sequence[int] = (), least: float = 0.3, typed: bool = False) -> list[Link]:
        """The spans of a text that mean something, by start; they do not overlap.

        Args:
            text: Anything.
            context: Ids of movies spoken of so far, newest first: they decide which Heat is meant.
            least: The confidence below which nothing is told.
            typed: A person typed it, perhaps in a hurry: what is unknown is compared with well-known titles by sound,
                which takes milliseconds where all else takes half of one.
        """
        words = words_of(text)
        around = Around(text, words, self._genre_words, self._tag_words)
        links = [*read_spans(text, level(text), words), *self._term_links(around), *self._people.links(around)]
        links = [link for link in links if link.confidence >= least]
        spoken_of = tuple(context)
        links += [
            self._title_link(around, match, odds, spoken_of)
            for match in title_spans(self._index, around, spoken_of, typed=typed)
            if (odds := sigmoid(match.logit)) >= least
        ]
        return _chosen(links)

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
        candidates, _ = self._candidates(self._index.entry_of(forms), title, year, tuple(context), limit)
        places = {self._index.rows[place].movie_id: score for place, score in likeness.items()}
        return [one._replace(odds=round(one.odds * places.get(one.movie_id, 1.0), 4)) for one in candidates]

    def movies(self, ids: Iterable[int]) -> list[Candidate]:
        """Movies by id, in the order given."""
        wanted = list(ids)
        rows = {row.movie_id: row for row in self._index.rows if row.movie_id in wanted}
        return [Candidate(each, rows[each].title, rows[each].year, 1.0) for each in wanted if each in rows]

    def beginning(self, name: str) -> list[Candidate]:
        """The movies whose titles are a name of several words, or begin with it, the oldest first."""
        begin = f"{plain(name)} "
        rows = [row for row in self._index.rows if " " in name and f"{plain(row.title)} ".startswith(begin)]
        return [
            Candidate(row.movie_id, row.title, row.year, 1.0) for row in sorted(rows, key=lambda row: row.year or 0)
        ]

    def _whole(self, title: str) -> list[Form]:
        words = content(title)
        key = "".join(words)
        series = self._index.series(key)
        forms = self._index.forms(key) or [Form(place, SHORT) for place in (series.movies if series else ())]
        if forms:
            return forms
        corrected = [self._index.correct(word) or word for word in words]
        return self._index.forms("".join(corrected)) if corrected != words else []

    def _title_link(self, around: Around, match: Match, odds: float, context: tuple[int, ...]) -> Link:
        entry, odds = match.entry, round(odds, 4)
        start, end, span = match.start, match.end, around.text[match.start : match.end]
        candidates, ids = self._candidates(entry, "" if entry.single else span, match.meant, context)
        movie = partial(Link, start, end, span, "movie", odds, candidates, ids)
        if not entry.series:
            return movie()
        series = partial(Link, start, end, span, "series", odds, (), entry.series.movie_ids, entry.series.name)
        if not entry.forms:
            return series()
        if not entry.very or _means_series(around, match):
            return series(also=(movie(),))
        return movie(also=(series(),))

    def _make_candidates(
        self, entry: Entry, span: str, year: int | None, context: tuple[int, ...], limit: int = MOST_CANDIDATES
    ) -> tuple[tuple[Candidate, ...], tuple[int, ...]]:
        """The movies of an entry, the likest first, and their ids."""
        rows = self._index.rows
        if entry.single:
            row = rows[entry.forms[0].movie]
            return (Candidate(row.movie_id, row.title, row.year, 1.0),), (row.movie_id,)
        exact = self._plain(span)
        weights: dict[int, float] = {}
        for form, weight in zip(entry.forms, entry.weights, strict=True):
            row = rows[form.movie]
            factor = (3.0 if self._plain(row.title) == exact else 1.0) * _year_weight(year, row.year)
            factor *= SPOKEN_OF / (1 + context.index(row.movie_id)) if row.movie_id in context else 1.0
            weights[form.movie] = max(weight * factor, weights.get(form.movie, 0.0))
        whole = sum(weights.values()) or 1.0
        ranked = sorted(weights, key=lambda place: (-weights[place], rows[place].movie_id))[:limit]
        odds = {rows[place]: math.floor(1e4 * weights[place] / whole) / 1e4 for place in ranked}
        candidates = [Candidate(row.movie_id, row.title, row.year, share) for row, share in odds.items()]
        return tuple(candidates), tuple([candidate.movie_id for candidate in candidates])

    def _term_links(self, around: Around) -> Iterator[Link]:
        names, begins = around.names, self._term_begins
        for at in [at for at, name in enumerate(names) if name in begins]:
            key, left, last = "", begins[names[at]], at
            while left and last < len(names):
                if names[last] not in ARTICLES:
                    key, left = key + names[last], left - 1
                    if key in self._terms:
                        yield _term_link(around, at, last, self._terms[key], plainly=_of_people(names, at, key))
                last += 1


def _of_people(names: Sequence[str], at: int, key: str) -> bool:
    """True of "kids" and the like where they are someone's, and no kind of movie: "with my kids"."""
    if key not in cues("people"):
        return False
    left = [name for name in names[max(0, at - 6) : at] if name not in ARTICLES][-2:]
    after = [name for name in names[at + 1 : at + 6] if name not in ARTICLES][:1]
    return _FOR.isdisjoint(left) and cues("nouns").isdisjoint(after)


def _term_link(around: Around, first: int, last: int, meanings: Sequence[_Term], *, plainly: bool) -> Link:
    start, end = around.starts[first], around.ends[last]
    span = around.text[start:end]
    also = tuple([Link(start, end, span, term.kind, term.confidence, name=term.name) for term in meanings[1:]])
    term = meanings[0]
    return Link(start, end, span, term.kind, PLAIN_GENRE if plainly else term.confidence, name=term.name, also=also)


def _keys_of(terms: dict[str, list[_Term]], kind: LinkKind) -> frozenset[str]:
    return frozenset(key for key, meanings in terms.items() if any(meaning.kind == kind for meaning in meanings))


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
            yield words, _Term("tag", tag, 0.8 if max(ranks().get(word, UNKNOWN_RANK) for word in words) > 300 else 0.6)
        elif words and movies >= PLAIN_TAG_MOVIES and len(words[0]) > 2 and not words[0].isdigit():
            rank = ranks().get(words[0], UNKNOWN_RANK)
            if rank > PLAIN_TAG and words[0] not in cues("pronouns"):
                yield words, _Term("tag", tag, 0.6 if rank > 2_000 else 0.45)


def _year_weight(wanted: int | None, year: int | None) -> float:
    if wanted is None or year == wanted:
        return 1.0
    return 0.05 if year is not None and abs(year - wanted) == 1 else 0.002


_SEQUEL_AFTER = re.compile(
    r"\s(?:[2-9]|1\d|[IVX]{2,4})\b(?!\)|[.,/]\d)|:\s(?!\d+[.,/]\d)\w|\s(?:part|episode|chapter)\b", re.IGNORECASE
)
_SERIES_AFTER = re.compile(
    r"['’]?s?\s+(?:\w+\s)?(?:movies|films|series|trilogy|saga|franchise|sequels|universe|filme)\b", re.IGNORECASE
)


def _means_series(around: Around, match: Match) -> bool:
    """True before "movies", and before a number or subtitle that no title of the series has."""
    if _SERIES_AFTER.match(around.text, match.end):
        return True
    if match.year or around.rated(match) or around.rates(match.first):
        return False
    return _SEQUEL_AFTER.match(around.text, match.end) is not None


def _chosen(links: list[Link]) -> list[Link]:
    """Of overlapping spans those that weigh most together; readings of the same span become one link."""
    links.sort(key=_END_AND_START)
    merged = [_merged(list(same)) for _, same in groupby(links, _END_AND_START)]
    ends = [link.end for link in merged]
    totals, before = [0.0], list[int]()  # before: the links that may stand beside each; -1 of those left out
    for at, link in enumerate(merged):
        free = bisect_right(ends, link.start, 0, at)
        total = totals[free] + _weight(link)
        taken = total > totals[at]
        totals.append(total if taken else totals[at])
        before.append(free if taken else -1)
    chosen, at = [], len(merged)
    while at > 0:
        at -= 1
        if before[at] >= 0:
            chosen.append(merged[at])
            at = before[at]
    return chosen[::-1]


def _merged(same: list[Link]) -> Link:
    if len(same) == 1 and (not same[0].also or (len(same[0].also) == 1 and _rank(same[0]) <= _rank(same[0].also[0]))):
        return same[0]
    readings = [reading for link in same for reading in (replace(link, also=()), *link.also)]
    readings.sort(key=_rank)
    return replace(readings[0], also=tuple(readings[1:]))


def _rank(link: Link) -> float:
    return -link.confidence * _KIND_WEIGHTS.get(link.kind, 1.0)


_END_AND_START = attrgetter("end", "start")
_KIND_WEIGHTS = {"number": 0.55, "year": 0.6, "tag": 0.8}


def _weight(link: Link) -> float:
    words = len(link.text.split())
    return link.confidence * _KIND_WEIGHTS.get(link.kind, 1.0) * (words + 0.04 * len(link.text))
