"""The facts that answers are judged by, computed from MovieLens's CSV files alone, by no code of the service's.

A `PRED` is a mask over all films, an `EXPR` a number, an `EXPR-LIST` a ranking. work.toml says how they are written.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movies.titles import article_first, parse_title, plain, title_words

Mask = NDArray[np.bool_]
FILES = ("movies.csv", "ratings.csv", "tags.csv", "links.csv")
DAY = 86_400
FEW = 3  # films that an answer would name one by one

_TOKEN = re.compile(r"""(?:[^\s'"]|'(?:[^']|'(?=\w))*'(?=[\s|]|$)|"[^"]*")+""")
_ALTERNATIVE = re.compile(r"""(?:[^|'"]|'(?:[^']|'(?=\w))*'(?=[|]|$)|"[^"]*")+""")
_TERM = re.compile(r"(?P<key>[a-z-]+)(?P<sign>>=|<=|:|=|>|<)(?P<value>.+)")
_SPAN = re.compile(r"(?P<first>\d{4})?(?P<dash>-)?(?P<last>\d{4})?")
_COMPARE: dict[str, Callable[[NDArray[np.float64], float], Mask]] = {
    ">=": np.greater_equal, "<=": np.less_equal, ">": np.greater, "<": np.less, "=": np.equal,
}  # fmt: skip


class Malformed(Exception):
    """An expectation that cannot be read, or that no answer can meet; the message says why."""


@dataclass(frozen=True)
class Film:
    """A row of movies.csv: `names` are its title and its other titles, articles first."""

    movie_id: int
    names: tuple[str, ...]
    year: int | None
    genres: frozenset[str]
    imdb: str

    @property
    def label(self) -> str:
        """
        >>> Film(6, ("Heat",), 1995, frozenset(), "").label
        'Heat (1995)'
        """
        return f"{self.names[0]} ({self.year})" if self.year else self.names[0]


class Ranked(NamedTuple):
    """An entry of a ranking: a film's place in the catalogue, or a genre, year or decade; and its figure."""

    entry: int | str
    figure: float


class Oracle:
    """The CSV files of one folder, and every question that an expectation can ask of them."""

    def __init__(self, folder: Path) -> None:
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise Malformed(f"{folder} is no MovieLens folder: it has no {', '.join(missing)}")
        imdb = pl.read_csv(folder / "links.csv", schema_overrides={"imdbId": pl.String})
        links = dict(zip(imdb["movieId"].to_list(), imdb["imdbId"].to_list(), strict=True))
        movies = pl.read_csv(folder / "movies.csv").iter_rows()
        self.films = [_film(movie_id, title, genres, links) for movie_id, title, genres in movies]
        self.index = {film.movie_id: place for place, film in enumerate(self.films)}
        ratings = pl.read_csv(folder / "ratings.csv", schema_overrides={"rating": pl.Float64})
        self.rater = ratings["userId"].to_numpy()
        self.rated = np.array([self.index[movie_id] for movie_id in ratings["movieId"].to_list()], dtype=np.int64)
        self.stars = ratings["rating"].to_numpy()
        self.time = ratings["timestamp"].to_numpy()
        self._tags = _tagged(folder / "tags.csv", self.index)
        self.years = np.array([film.year or 0 for film in self.films], dtype=np.float64)
        self.counts = np.bincount(self.rated, minlength=len(self.films)).astype(np.float64)
        with np.errstate(invalid="ignore"):
            self.means = np.bincount(self.rated, self.stars, minlength=len(self.films)) / self.counts

    # Films

    def films_of(self, reference: str) -> list[int]:
        """The films that 'Title (Year)' names: one, but for the few that movies.csv has twice."""
        parsed = parse_title(reference)
        places = self._by_title.get((" ".join(title_words(parsed.title)), parsed.year))
        if not places:
            raise Malformed(f"movies.csv has no film “{reference}”")
        return places

    @cached_property
    def _by_title(self) -> dict[tuple[str, int | None], list[int]]:
        """The main titles, and where none is so called the other ones."""
        main: dict[tuple[str, int | None], list[int]] = defaultdict(list)
        other: dict[tuple[str, int | None], list[int]] = defaultdict(list)
        for place, film in enumerate(self.films):
            for number, name in enumerate(film.names):
                (other if number else main)[" ".join(title_words(name)), film.year].append(place)
        return {**other, **main}

    @cached_property
    def genres(self) -> frozenset[str]:
        return frozenset(genre for film in self.films for genre in film.genres)

    # PRED

    def mask(self, pred: str | Iterable[str]) -> Mask:
        """The films for which a predicate holds."""
        terms = tokens(pred) if isinstance(pred, str) else list(pred)
        if not terms:
            raise Malformed("a predicate is missing; “any” stands for every film")
        return np.asarray(np.logical_and.reduce([self._term(term) for term in terms]), dtype=bool)

    def satisfiable(self, pred: str | Iterable[str]) -> Mask:
        """The mask of a predicate that some film meets."""
        found = self.mask(pred)
        if not found.any():
            raise Malformed(f"no film meets “{pred if isinstance(pred, str) else ' '.join(pred)}”")
        return found

    def _term(self, term: str) -> Mask:
        if term.startswith("!"):
            return ~self._term(term[1:])
        key, sign = "", ""
        found = np.zeros(len(self.films), dtype=bool)
        for alternative in _ALTERNATIVE.findall(term):
            match = _TERM.fullmatch(alternative)
            if match:
                key, sign = match["key"], match["sign"]
            found |= self._simple(key, sign, unquote(match["value"] if match else alternative))
        return found

    def _simple(self, key: str, sign: str, value: str) -> Mask:
        """One alternative of a term; after the first, `genre:A|B`, key and sign are those before."""
        if not key and value == "any":
            return np.ones(len(self.films), dtype=bool)
        if sign in _COMPARE:
            return self._compared(key, sign, value)
        tests = {
            "genre": self._of_genre, "year": self._of_years, "tag": self._with_tag, "movie": self._one_of,
            "title": self._titled, "seen-by": self._seen_by, "shares-genre": self._sharing,
        }  # fmt: skip
        if key not in tests or sign != ":":
            raise Malformed(f"“{key}{sign}{value}” is no predicate")
        return tests[key](value)

    def _compared(self, key: str, sign: str, value: str) -> Mask:
        columns = {"ratings": self.counts, "mean": self.means, "year": self.years}
        if key not in columns:
            raise Malformed(f"“{key}” cannot be compared; “ratings”, “mean” and “year” can")
        with np.errstate(invalid="ignore"):
            return _COMPARE[sign](columns[key], number(value))

    def _of_genre(self, value: str) -> Mask:
        if value not in self.genres:
            raise Malformed(f"“{value}” is no genre of movies.csv")
        return self._having(lambda film: value in film.genres)

    def _of_years(self, value: str) -> Mask:
        match = _SPAN.fullmatch(value)
        if match is None or not (match["first"] or match["last"]):
            raise Malformed(f"“{value}” is neither a year nor a span such as 1990-1999")
        first = int(match["first"] or 1)
        last = int(match["last"] or 9999) if match["dash"] else first
        return np.asarray((self.years >= first) & (self.years <= last))

    def _with_tag(self, value: str) -> Mask:
        places = self._tags.get(value.casefold())
        if not places:
            raise Malformed(f"tags.csv has no tag “{value}”")
        return self._marked(places)

    def _one_of(self, value: str) -> Mask:
        return self._marked(self.films_of(value))

    def _titled(self, value: str) -> Mask:
        wanted = plain(value)
        return self._having(lambda film: any(wanted in plain(name) for name in film.names))

    def _seen_by(self, value: str) -> Mask:
        return self._marked(self.rated[self._of_user(value)])

    def _sharing(self, value: str) -> Mask:
        genres = frozenset[str]().union(*(self.films[place].genres for place in self.films_of(value)))
        return self._having(lambda film: bool(film.genres & genres))

    def _having(self, test: Callable[[Film], bool]) -> Mask:
        return np.array([test(film) for film in self.films], dtype=bool)

    def _marked(self, places: Iterable[int] | NDArray[np.int64]) -> Mask:
        found = np.zeros(len(self.films), dtype=bool)
        found[list(places)] = True
        return found

    def _of_user(self, value: str) -> Mask:
        found = self.rater == int(number(value))
        if not found.any():
            raise Malformed(f"ratings.csv has no user {value}")
        return np.asarray(found)

    # EXPR

    def value(self, expression: str) -> float:
        """The number that an expression stands for."""
        head, *rest = tokens(expression) or [""]
        kinds: dict[str, Callable[[list[str]], float]] = {
            "count": lambda pred: float(self.mask(pred).sum()),
            "ratings": lambda pred: float(self.counts[self.satisfiable(pred)].sum()),
            "mean": lambda pred: _mean(self.stars[self.satisfiable(pred)[self.rated]]),
            "mean-of-means": lambda pred: _mean(self.means[self.satisfiable(pred) & (self.counts > 0)]),
            "users": lambda pred: float(len(np.unique(self.rater[self.mask(pred or ["any"])[self.rated]]))),
            "user": self._user_figure, "year": self._year, "tagcount": self._tag_count, "stars": self._stars_given,
            "window": self._window,
        }  # fmt: skip
        if head not in kinds:
            raise Malformed(f"“{expression}” is no expression: it begins with none of {', '.join(kinds)}")
        try:
            found = kinds[head](rest)
        except (ValueError, IndexError) as exc:
            raise Malformed(f"“{expression}” is not complete") from exc
        if np.isnan(found):
            raise Malformed(f"“{expression}” has no value: there are no such ratings")
        return found

    def subject(self, expression: str) -> set[int]:
        """The few films that an expression is about; none where it is about many, or about no film."""
        head, *rest = tokens(expression)
        if head in {"year", "stars", "window"}:
            return set(self.films_of(unquote(next(token for token in rest if token[0] in "'\""))))
        about_films = head in {"ratings", "mean", "users"} and rest
        places = np.flatnonzero(self.mask(rest)).tolist() if about_films else []
        return set(places) if len(places) <= FEW else set()

    def _user_figure(self, rest: list[str]) -> float:
        user, figure, *terms = rest
        figures: dict[str, Callable[[NDArray[np.float64]], float]] = {
            "count": len, "mean": np.mean, "min": np.min, "max": np.max,
        }  # fmt: skip
        if figure not in figures:
            raise Malformed(f"of a user there are {', '.join(figures)}, not “{figure}”")
        wanted = self._of_user(user)
        months = self.time.astype("datetime64[s]").astype("datetime64[M]").astype(str)
        for term in [term for term in terms if term.startswith(("year-rated:", "month-rated:"))]:
            wanted &= np.char.startswith(months, term.partition(":")[2])
        pred = [term for term in terms if "-rated:" not in term]
        stars = self.stars[wanted & self.mask(pred or ["any"])[self.rated]]
        if not len(stars) and figure != "count":
            raise Malformed(f"user {user} gave no such ratings")
        return float(figures[figure](stars))

    def _year(self, rest: list[str]) -> float:
        (title,) = rest
        return float(self.years[self.films_of(unquote(title))[0]])

    def _tag_count(self, rest: list[str]) -> float:
        (tag,) = rest
        return float(self._with_tag(unquote(tag)).sum())

    def _stars_given(self, rest: list[str]) -> float:
        stars, title = rest
        given = self._one_of(unquote(title))[self.rated] & (self.stars == number(stars))
        return float(given.sum())

    def _window(self, rest: list[str]) -> float:
        title, window = rest
        unit = {"d": DAY, "h": 3_600}.get(window[-1])
        if unit is None:
            raise Malformed(f"“{window}” is no window such as 365d or 24h")
        since = self.time.max() - number(window[:-1]) * unit
        return float((self._one_of(unquote(title))[self.rated] & (self.time > since)).sum())

    # EXPR-LIST

    def ranking(self, expression: str) -> list[Ranked]:
        """The entries of a list, in its order."""
        head, _, pred = expression.partition(" where ")
        words = head.split()
        if len(words) < 3 or "by" not in words:
            raise Malformed(f"“{expression}” is no list such as “movies by mean desc where genre:Horror”")
        falling = words[-1] != "asc"
        subject, figure = words[: words.index("by")], words[words.index("by") + 1]
        wanted = self.satisfiable(pred or "any")
        if subject[0] == "user":
            ranked = self._by_user(subject, wanted)
        elif subject == ["movies"]:
            ranked = self._movies_by(figure, wanted)
        else:
            ranked = self._groups_by(subject[0], figure, wanted)
        return sorted(ranked, key=lambda entry: -entry.figure if falling else entry.figure)

    def _by_user(self, subject: list[str], wanted: Mask) -> list[Ranked]:
        rows = self._of_user(subject[-1]) & wanted[self.rated]
        return [
            Ranked(int(place), float(stars)) for place, stars in zip(self.rated[rows], self.stars[rows], strict=True)
        ]

    def _movies_by(self, figure: str, wanted: Mask) -> list[Ranked]:
        columns = {"mean": self.means, "count": self.counts, "year": self.years}
        if figure not in columns:
            raise Malformed(f"movies are ranked by {', '.join(columns)}, not by “{figure}”")
        places = np.flatnonzero(wanted & (self.counts > 0) & ((self.years > 0) | (figure != "year")))
        return [Ranked(int(place), float(columns[figure][place])) for place in places]

    def _groups_by(self, subject: str, figure: str, wanted: Mask) -> list[Ranked]:
        members: dict[str, list[int]] = defaultdict(list)
        for place in np.flatnonzero(wanted):
            for group in _groups(subject, self.films[place]):
                members[group].append(int(place))
        figures: dict[str, Callable[[Mask], float]] = {
            "count": lambda mask: float(mask.sum()),
            "ratings": lambda mask: float(self.counts[mask].sum()),
            "mean": lambda mask: (
                float(self.stars[mask[self.rated]].mean()) if self.counts[mask].sum() else float("nan")
            ),
        }
        if figure not in figures:
            raise Malformed(f"{subject} are ranked by {', '.join(figures)}, not by “{figure}”")
        ranked = [Ranked(group, figures[figure](self._marked(places))) for group, places in members.items()]
        return [entry for entry in ranked if not np.isnan(entry.figure)]


def tokens(text: str) -> list[str]:
    """Split at spaces outside quotes.

    >>> tokens("genre:Comedy !movie:'Schindler\\'s List (1993)' year:1995")
    ['genre:Comedy', "!movie:'Schindler's List (1993)'", 'year:1995']
    """
    if _TOKEN.sub("", text).strip():
        raise Malformed(f"the quotes of “{text}” do not match")
    return _TOKEN.findall(text)


def unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Malformed(f"“{text}” is no number") from None


def _mean(stars: NDArray[np.float64]) -> float:
    return float(stars.mean()) if len(stars) else float("nan")


def _film(movie_id: int, title: str, genres: str, links: dict[int, str]) -> Film:
    parsed = parse_title(title)
    named = frozenset(genre for genre in genres.split("|") if not genre.startswith("("))
    return Film(
        movie_id, (article_first(parsed.title), *parsed.alternatives), parsed.year, named, links.get(movie_id, "")
    )


def _tagged(path: Path, index: dict[int, int]) -> dict[str, set[int]]:
    tagged: dict[str, set[int]] = defaultdict(set)
    for movie_id, tag in pl.read_csv(path, schema_overrides={"tag": pl.String})["movieId", "tag"].iter_rows():
        tagged[tag.strip().casefold()].add(index[movie_id])
    return tagged


def _groups(subject: str, film: Film) -> list[str]:
    """The genres, the year or the decade of a film."""
    if subject == "genres":
        return sorted(film.genres)
    if subject not in {"years", "decades"}:
        raise Malformed(f"there are lists of movies, genres, years, decades and of a user, none of “{subject}”")
    if not film.year:
        return []
    return [str(film.year) if subject == "years" else f"{film.year // 10 * 10}s"]
