"""Entries of exports → movies of the catalogue: by ids first, then by title and year. What is not certain is no match.

People's exports and MovieLens spell titles differently: `The Matrix` and `Matrix, The`, names in other languages in
parentheses, `Star Wars` and `Star Wars: Episode IV - A New Hope`, `&`, numerals, years that differ by one. The forms in
which titles are compared are those of `movies.titles`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from movies.titles import parse_title, title_forms, title_words, with_digits
from ratings.entries import Entry

NAMED = 5  # candidates told
NEAR_YEARS = (0, -1, 1)  # data sets differ by one
DOUBTFUL_YEARS = 3  # a title of a year so far off could still be the same movie
SLIPS = ((6, 0), (11, 1), (16, 2), (10_000, 3))  # letters of a title below which so many slips are no other title
SLIPS_SHOWN = 1  # more, with which a title is shown as one that could be meant
SURE_OF_ANY_YEAR = 12  # letters of a title that may have a slip and a year that differs by one
SHORTEST_END = 8  # letters of a title's last part that stands for the whole

_PARTS = re.compile(r"\s*:\s+|\s+[-\u2013\u2014]\s+|\s*;\s+|\s+or:?\s+(?=\()", re.IGNORECASE)
_HEART = str.maketrans({"\u2665": " heart ", "\u2764": " heart "})


NOT_THERE = "The catalogue does not have it."


class MovieRow(NamedTuple):
    """A movie as it is looked for."""

    movie_id: int
    title: str
    source_title: str
    year: int | None
    imdb_id: int | None
    tmdb_id: int | None


_NOBODY = MovieRow(-1, "", "", None, None, None)


class Match(NamedTuple):
    """The movie that an entry is, or None with the movies that it could be and the reason."""

    movie: MovieRow | None
    candidates: tuple[MovieRow, ...] = ()
    reason: str = ""

    @property
    def ambiguous(self) -> bool:
        return self.movie is None and bool(self.candidates)


class _Name(NamedTuple):
    """One name of a movie, in the forms in which names are compared; `parts` are those between colons and dashes."""

    movie: MovieRow
    joined: str
    parts: tuple[str, ...]
    numbers: tuple[str, ...]


class Matcher:
    """Finds the movies of a catalogue that entries mean."""

    def __init__(self, movies: Iterable[MovieRow]) -> None:
        self._movies = list(movies)
        self._by_id = {movie.movie_id: movie for movie in self._movies}
        self._by_imdb: dict[int, list[MovieRow]] = defaultdict(list)
        self._by_tmdb: dict[int, list[MovieRow]] = defaultdict(list)
        for movie in self._movies:
            if movie.imdb_id:
                self._by_imdb[movie.imdb_id].append(movie)
            if movie.tmdb_id:
                self._by_tmdb[movie.tmdb_id].append(movie)
        self._names_of_year: dict[int, list[_Name]] = {}

    def movie(self, movie_id: int) -> MovieRow | None:
        return self._by_id.get(movie_id)

    def match(self, entry: Entry) -> Match:
        """The movie that an entry is, if that is certain."""
        by_id = self._by_ids(entry)
        if by_id is not None:
            return by_id
        if entry.kind:
            return Match(None, (), f"It is {entry.kind}, not a movie.")
        if not entry.title:
            return Match(None, (), "The catalogue has no movie with this id.")
        found = self._by_title(entry)
        if found.movie is not None and entry.twin:
            return Match(None, (found.movie,), "The file has two movies of this title and year.")
        if found.movie is not None and _other_ids(entry, found.movie):
            return Match(None, (found.movie,), "Title and year fit, and the id is another movie's.")
        return found

    def _by_ids(self, entry: Entry) -> Match | None:
        """The movie with the entry's ids; None where the catalogue has none of them."""
        own = [self._by_id[entry.movie_id]] if entry.movie_id in self._by_id else []
        imdb = self._by_imdb.get(entry.imdb_id or 0, [])
        found = list(dict.fromkeys([*own, *imdb])) or self._by_tmdb.get(entry.tmdb_id or 0, [])
        if own and entry.imdb_id and own[0].imdb_id == entry.imdb_id:
            found = own  # the catalogue may have a movie twice
        if not found:
            return None
        if len(found) > 1:
            return Match(None, tuple(found[:NAMED]), "Its ids are those of several movies.")
        if own and not imdb and entry.title and not _alike(entry, own[0]):
            return Match(None, tuple(found), "The id is that of a movie of another title.")
        return Match(found[0])

    # By title

    @cached_property
    def _by_name(self) -> dict[str, list[MovieRow]]:
        names: dict[str, list[MovieRow]] = defaultdict(list)
        for movie in self._movies:
            for joined in {words.replace(" ", "") for words, _ in title_forms(parse_title(movie.source_title))}:
                names[joined].append(movie)
        return names

    def _by_title(self, entry: Entry) -> Match:
        wanted = _names(entry)
        same = list(dict.fromkeys(movie for name in wanted for movie in self._by_name.get(name.joined, ())))
        if entry.year is None:
            return Match(None, tuple(same[:NAMED]), "There is no year to tell by." if same else NOT_THERE)
        for far in (0, 1):
            of_year = [movie for movie in same if movie.year is not None and abs(movie.year - entry.year) == far]
            of_year = _own_title(wanted, of_year)
            if len(of_year) > 1:
                return Match(None, tuple(of_year[:NAMED]), "Several movies have this title, in about this year.")
            if of_year:
                return Match(of_year[0])
        near = self._in_parts(entry.year, wanted) or self._misspelt(entry.year, wanted)
        return near or _of_other_years(entry.year, same)

    def _in_parts(self, year: int, wanted: Sequence[_Name]) -> Match | None:
        """The one movie of the year whose title has more or fewer parts: `Star Wars: Episode IV - A New Hope`."""
        fitting = {
            name.movie: None
            for name in self._names(year)
            for other in wanted
            if _is_part(other.parts, name.parts) or _is_part(name.parts, other.parts)
        }
        found = list(fitting)
        if len(found) == 1:
            return Match(found[0])
        return (
            Match(None, tuple(found[:NAMED]), "Several movies of the year have it in their title.") if found else None
        )

    def _misspelt(self, year: int, wanted: Sequence[_Name]) -> Match | None:
        """The movie whose title is all but the same; of another year, or by more slips, one that could be meant."""
        near: dict[MovieRow, tuple[bool, int]] = {}  # whether it is doubtful, and the slips
        for name in wanted:
            for far in NEAR_YEARS:
                for other, slips in _near(name, self._names(year + far)):
                    sure = _is_slip(name, other, slips) and (far == 0 or len(name.joined) >= SURE_OF_ANY_YEAR)
                    near[other.movie] = min(near.get(other.movie, (True, 100)), (not sure, slips))
        ranked = sorted(near, key=lambda movie: near[movie])
        if not ranked:
            return None
        best, second = near[ranked[0]], near[ranked[1]] if len(ranked) > 1 else (True, 100)
        if best[0] is False and best < second:
            return Match(ranked[0])
        return Match(None, tuple(ranked[:NAMED]), "No title is quite the same.")

    def _names(self, year: int) -> list[_Name]:
        """The names of a year's movies."""
        if not self._names_of_year:
            names: dict[int, list[_Name]] = defaultdict(list)
            for movie in self._movies:
                if movie.year is not None:
                    parsed = parse_title(movie.source_title)
                    names[movie.year] += [_name(movie, title) for title in (parsed.title, *parsed.alternatives)]
            self._names_of_year = dict(names)
        return self._names_of_year.get(year, [])


def _name(movie: MovieRow, title: str) -> _Name:
    words = with_digits(title_words(title.translate(_HEART)))
    parts = tuple(" ".join(with_digits(title_words(part))) for part in _PARTS.split(title.translate(_HEART)))
    numbers = tuple(word for word in words if not word.isalpha())
    return _Name(movie, "".join(words), tuple(part for part in parts if part), numbers)


def _names(entry: Entry) -> list[_Name]:
    """The names that an entry gives, each once, those in parentheses too."""
    titles: dict[str, None] = {}
    for title in (entry.title, entry.other_title):
        parsed = parse_title(title)
        titles |= dict.fromkeys((parsed.title, *parsed.alternatives))
    names = {name.joined: name for title in titles if (name := _name(_NOBODY, title)).joined}
    return list(names.values())


def _own_title(wanted: Sequence[_Name], movies: list[MovieRow]) -> list[MovieRow]:
    """Of several movies those that have it as their first title, if any."""
    if len(movies) < 2:
        return movies
    joined = {name.joined for name in wanted}
    own = [movie for movie in movies if _name(movie, parse_title(movie.source_title).title).joined in joined]
    return own or movies


def _is_part(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """True for the first part of a title, its first and last without those between, or a last one of some length."""
    if not short or len(short) >= len(long):
        return False
    if short[0] == long[0]:
        rest = iter(long)
        return all(part in rest for part in short)
    last = " ".join(short)
    return long[-len(short) :] == short and " " in last and len(last) > SHORTEST_END


def _near(name: _Name, others: Sequence[_Name]) -> Iterator[tuple[_Name, int]]:
    """The names nearest to one, with the slips between them."""
    found = process.extract(
        name.joined,
        [other.joined for other in others],
        scorer=OSA.distance,
        score_cutoff=_slips(name) + SLIPS_SHOWN,
        limit=NAMED,
    )
    for _, slips, place in found:
        yield others[place], int(slips)


def _slips(name: _Name) -> int:
    return next(slips for letters, slips in SLIPS if len(name.joined) < letters)


def _is_slip(name: _Name, other: _Name, slips: int) -> bool:
    """True where the difference is one of spelling: not one of numbers, and not of one and many."""
    plural = {name.joined, other.joined} in ({name.joined, f"{name.joined}s"}, {other.joined, f"{other.joined}s"})
    return slips <= _slips(name) and name.numbers == other.numbers and not plural


def _alike(entry: Entry, movie: MovieRow) -> bool:
    """True where an entry with a movie's id could be that movie: by its year, or by its title."""
    if entry.year is None or movie.year is None or abs(entry.year - movie.year) <= 1:
        return True
    theirs = {words.replace(" ", "") for words, _ in title_forms(parse_title(movie.source_title))}
    return any(name.joined in theirs for name in _names(entry))


def _other_ids(entry: Entry, movie: MovieRow) -> bool:
    """True where the entry's id cannot be the movie's."""
    if entry.imdb_id and movie.imdb_id:
        return entry.imdb_id != movie.imdb_id
    if entry.tmdb_id and movie.tmdb_id:
        return entry.tmdb_id != movie.tmdb_id
    return entry.movie_id is not None


def _of_other_years(year: int, same: Sequence[MovieRow]) -> Match:
    """Movies of the same title and other years: the same with a date in doubt, or another movie."""
    near = [movie for movie in same if movie.year is None or abs(movie.year - year) <= DOUBTFUL_YEARS]
    if near:
        return Match(None, tuple(near[:NAMED]), "The catalogue has the title, of another year.")
    return Match(None, (), NOT_THERE)
