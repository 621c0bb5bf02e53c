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

from movies.titles import parse_title, title_words, with_digits
from ratings.entries import Entry

NAMED = 5  # candidates told
NEAR_YEARS = (0, -1, 1)  # data sets differ by one
DOUBTFUL_YEARS = 3  # a title of a year so far off could still be the same movie
SLIPS = ((6, 0), (11, 1), (16, 2), (10_000, 3))  # letters of a title below which so many slips are no other title
FEWEST_LETTERS = 4  # of a title that may have two of them swapped
SLIPS_SHOWN = 1  # more, with which a title is shown as one that could be meant
SURE_OF_ANY_YEAR = 12  # letters of a title that may have a slip and a year that differs by one
LONGEST_ABBREVIATION = 3  # letters of a last word that is cut short
WELL_KNOWN, FEWEST_RATINGS = 0.6, 10  # times the mean number of ratings, and at least: such titles are shortened
SHORTEST_END = 8  # letters of a title's last part that stands for the whole

_PARTS = re.compile(r"\s*:\s+|\s+[-\u2013\u2014]\s+|\s*;\s+|\s+or:\s+|\s+or\s+(?=\()", re.IGNORECASE)
_THE = re.compile(r"^(?:teh|hte|th|tha)\s", re.IGNORECASE)
_BOULEVARD = re.compile(r"\bBlvd\b\.?", re.IGNORECASE)
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
    rating_count: int = 0


_NOBODY = MovieRow(-1, "", "", None, None, None)


class Match(NamedTuple):
    """The movie that an entry is, or None with the movies that it could be; `reason`: what is to be said of it."""

    movie: MovieRow | None
    candidates: tuple[MovieRow, ...] = ()
    reason: str = ""

    by_title: bool = False


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
        mean = sum(movie.rating_count for movie in self._movies) / max(len(self._movies), 1)
        self._well_known = max(WELL_KNOWN * mean, FEWEST_RATINGS)
        self._by_id = {movie.movie_id: movie for movie in self._movies}
        self._by_imdb: dict[int, list[MovieRow]] = defaultdict(list)
        self._by_tmdb: dict[int, list[MovieRow]] = defaultdict(list)
        for movie in self._movies:
            if movie.imdb_id:
                self._by_imdb[movie.imdb_id].append(movie)
            if movie.tmdb_id:
                self._by_tmdb[movie.tmdb_id].append(movie)

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
        return found._replace(by_title=True)

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
    def _names(self) -> list[_Name]:
        """All names of all movies."""
        parsed = [(movie, parse_title(movie.source_title)) for movie in self._movies]
        return [_name(movie, name) for movie, title in parsed for name in (title.title, *title.alternatives)]

    @cached_property
    def _by_name(self) -> dict[str, list[MovieRow]]:
        found: dict[str, list[MovieRow]] = defaultdict(list)
        for name in self._names:
            found[name.joined].append(name.movie)
        return found

    @cached_property
    def _of_year(self) -> dict[int | None, list[_Name]]:
        found: dict[int | None, list[_Name]] = defaultdict(list)
        for name in self._names:
            found[name.movie.year].append(name)
        return found

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
                return Match(of_year[0], (), f"The catalogue has it of {of_year[0].year}." if far else "")
        near = self._in_parts(entry.year, wanted) or self._misspelt(entry.year, wanted)
        return near or _of_other_years(entry.year, same)

    def _in_parts(self, year: int, wanted: Sequence[_Name]) -> Match | None:
        """The one movie of the year whose title has more or fewer parts: `Star Wars: Episode IV - A New Hope`.

        People shorten the titles of what is well known; of what is not, it is another movie: the film to a short one.
        """
        names = self._of_year.get(year, [])
        shortened = list({n.movie: None for n in names for other in wanted if _is_part(other.parts, n.parts)})
        longer = list({n.movie: None for n in names for other in wanted if _is_part(n.parts, other.parts)})
        twice = [movie for movie in longer if self._goes_by_both(movie, wanted)]
        found = list(dict.fromkeys([*shortened, *longer]))
        if len(found) == 1 and (twice or (shortened and found[0].rating_count >= self._well_known)):
            return Match(found[0])
        return Match(None, tuple(found[:NAMED]), "The title is not quite the same.") if found else None

    def _goes_by_both(self, movie: MovieRow, wanted: Sequence[_Name]) -> bool:
        """True where each part is a name of the movie: `Mad Max 2: The Road Warrior`."""
        parts = [part.replace(" ", "") for name in wanted for part in name.parts]
        return all(movie in self._by_name.get(part, ()) for part in parts)

    def _misspelt(self, year: int, wanted: Sequence[_Name]) -> Match | None:
        """The movie whose title is all but the same; of another year, or by more slips, one that could be meant."""
        near: dict[MovieRow, tuple[bool, int]] = {}  # whether it is doubtful, and the slips
        for name in wanted:
            for far in NEAR_YEARS:
                for other, slips in _near(name, self._of_year.get(year + far, [])):
                    sure = _is_slip(name, other, slips) and (far == 0 or len(name.joined) >= SURE_OF_ANY_YEAR)
                    sure = sure or (far == 0 and (_is_abbreviation(name, other) or _is_swap(name, other, slips)))
                    near[other.movie] = min(near.get(other.movie, (True, 100)), (not sure, slips))
        ranked = sorted(near, key=lambda movie: near[movie])
        if not ranked:
            return None
        best, second = near[ranked[0]], near[ranked[1]] if len(ranked) > 1 else (True, 100)
        if best[0] is False and best < second:
            return Match(ranked[0])
        return Match(None, tuple(ranked[:NAMED]), "The title is not quite the same.")


def _name(movie: MovieRow, title: str) -> _Name:
    title = _BOULEVARD.sub("Boulevard", title.translate(_HEART))
    words = with_digits(title_words(title))
    parts = tuple(" ".join(with_digits(title_words(part))) for part in _PARTS.split(title))
    numbers = tuple(word for word in words if not word.isalpha())
    return _Name(movie, "".join(words), tuple(part for part in parts if part), numbers)


def _names(entry: Entry) -> list[_Name]:
    """The names that an entry gives, each once, those in parentheses too."""
    titles: dict[str, None] = {}
    for title in (entry.title, entry.other_title):
        parsed = parse_title(title)
        titles |= dict.fromkeys((parsed.title, *parsed.alternatives))
    names = {name.joined: name for title in titles if (name := _name(_NOBODY, _THE.sub("", title))).joined}
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
    return slips <= _slips(name) and _is_spelling(name, other)


def _is_swap(name: _Name, other: _Name, slips: int) -> bool:
    """True for two neighbours swapped in a title too short for other slips: `Fagro`. `Cure` is another than `Cube`."""
    swapped = slips == 1 and sorted(name.joined) == sorted(other.joined)
    return swapped and len(name.joined) >= FEWEST_LETTERS and _is_spelling(name, other)


def _is_spelling(name: _Name, other: _Name) -> bool:
    """True where the difference is one of spelling: not one of numbers, of the first letter, or of one and many."""
    plural = {name.joined, other.joined} in ({name.joined, f"{name.joined}s"}, {other.joined, f"{other.joined}s"})
    same_start = name.joined[:1] == other.joined[:1]
    return name.numbers == other.numbers and same_start and not plural


def _is_abbreviation(name: _Name, other: _Name) -> bool:
    """True where the last word is cut short: `Mulholland Dr.`"""
    (*words, last), (*others, whole) = (" ".join(one.parts).split() or [""] for one in (name, other))
    return bool(words) and words == others and len(last) <= LONGEST_ABBREVIATION and whole.startswith(last)


def _alike(entry: Entry, movie: MovieRow) -> bool:
    """True where an entry with a movie's id could be that movie: by its year, or by its title."""
    if entry.year is None or movie.year is None or abs(entry.year - movie.year) <= 1:
        return True
    title = parse_title(movie.source_title)
    theirs = {_name(movie, name).joined for name in (title.title, *title.alternatives)}
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
