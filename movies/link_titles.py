"""The dictionary of a catalogue's titles and series by which a text is read; misspelt words are corrected.

A key is a title's words without articles and blanks, numbers as digits: `starwars5empirestrikesback`.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from movies.title_match import allowed
from movies.titles import acronym, parse_title, plain_words, split_year, title_words, with_digits
from movies.words import UNKNOWN_RANK, cues, ranks, spelled, tables

SPELLINGS = {  # of the same word
    "vs": "versus", "dr": "doctor", "mister": "mr", "saint": "st", "gray": "grey", "colour": "color",
    "colours": "colors", "theatre": "theater", "favourite": "favorite", "honour": "honor", "neighbours": "neighbors",
}  # fmt: skip
ARTICLES = frozenset({"the", "a", "an"})
MOST_FORMS = 50  # movies of one key
LONGEST = 14  # words of a title that are looked up
RARE = 9_000  # rank of a word
LEAST_ALIKE = 0.8
PLAIN = 120  # rank of a word that is no half of another
MOST_ALIKE = 200  # titles that share a rare word and are compared letter by letter
SHORTEST = 6  # letters of a title that is looked for by its sound
KEPT = 20_000  # entries and corrections, of the words that people use

MAIN, ALTERNATIVE, SHORT, TAIL, NICKNAME, PIECE = range(6)
PARTIAL = (SHORT, TAIL, PIECE)
FAMOUS, OUTWEIGHS = 0.5, 5  # popularity of a movie that a piece of its title means; its ratings to those of all others
PIECE_WORDS, PIECE_BITS, RARELY_ENDS = 3, 18, 150
KINDS = 8
KEY, LONGER = 1, 2  # is a key, longer ones begin so
WEIGHTS = (1.0, 0.9, 0.6, 0.6, 3.0, 0.6)  # of a movie among those of one form, by the kind of the form

_SUBTITLE = re.compile(r"\s*(?::|\s[-\u2013\u2014]\s|;|,? or:?\s(?=how\b|the\b)|\bor:)\s*", re.IGNORECASE)
_NUMBERED = re.compile(r"^(?P<head>.*\D)\s(?:\d{1,2}|[IVX]{2,4}|V)$")
_AND_THE = re.compile(r"^(?P<head>\S+\s\S+.*?) and the (?P<tail>.+)$", re.IGNORECASE)
_HEARD = [
    (re.compile(said), heard)
    for said, heard in (
        ("ight|ite", "it"), ("[ts]ion|shi?o?u?n", "shn"), ("ph", "f"), ("c(?=[eiy])|z", "s"), ("ck|[cq]", "k"),
        ("dj|dg", "j"), ("wh", "w"), ("y|e[aei]|ie", "i"), ("oo|ou", "u"), (r"(.)\1", r"\1"), ("e$", ""),
    )
]  # fmt: skip


class TitleRow(NamedTuple):
    """A movie as the linker needs it."""

    movie_id: int
    title: str
    year: int | None
    rating_count: int
    alternatives: tuple[str, ...] = ()

    @classmethod
    def parse(cls, movie_id: int, source_title: str, rating_count: int = 0) -> TitleRow:
        """Of a title as MovieLens writes it."""
        title = parse_title(source_title)
        return cls(movie_id, title.title, title.year, rating_count, title.alternatives)


class Form(NamedTuple):
    """One way to say a movie: its place among the movies, and the kind of form."""

    movie: int
    kind: int


class Series(NamedTuple):
    name: str
    movies: tuple[int, ...]  # places, by year
    movie_ids: tuple[int, ...]
    told: bool  # by `words.toml`


@dataclass(frozen=True, eq=False, slots=True)
class Entry:
    """The meaning of a key, and what of its movies tells how likely it is meant."""

    forms: list[Form]
    series: Series | None
    popularity: float  # of the most popular movie
    articles: frozenset[str]  # with which titles begin; "" for none
    years: frozenset[int]
    told: bool  # a nickname
    part: bool  # of titles, never a whole one
    single: bool  # of one movie, and no more
    very: bool  # the very title of a movie, or a name as good
    weights: tuple[float, ...]  # of the movies of its forms, before anything is known of the text


class TitleIndex:
    """Titles and series of one catalogue.

    Attributes:
        known: every key of the dictionary, and every word, or two or three, with which longer keys begin. Its value is
            twice the words of the longest that begins so (0 for none), and one more for what is a key itself.
        rows: the movies; everything else names them by their place in it.
        popularity: 0 to 1, of each movie.
    """

    def __init__(self, titles: Iterable[TitleRow]) -> None:
        self.rows = list(titles)
        most = math.log1p(max((row.rating_count for row in self.rows), default=0)) or 1.0
        self.popularity = [math.log1p(row.rating_count) / most for row in self.rows]
        self._contents: list[str] = []
        self._forms: dict[str, int | list[int]] = {}
        self._series: dict[str, Series] = {}
        self.known: dict[str, int] = {}
        self._vocabulary: dict[str, list[int]] = defaultdict(list)
        for place, row in enumerate(self.rows):
            self._add_movie(place, row)
        self._add_series()
        self._add_told()
        self._add_pieces()
        for key in self._forms.keys() | self._series.keys():
            self.known[key] = self.known.get(key, 0) | KEY
        self._buckets = self._make_buckets()
        self._places = {row.movie_id: place for place, row in enumerate(self.rows)}
        self._famous = self._sounds()
        self.correct = lru_cache(maxsize=KEPT)(self._correct)
        self.entry = lru_cache(maxsize=KEPT)(self._make_entry)  # the meaning of one of the keys

    def forms(self, key: str) -> list[Form]:
        """The movies of a key, the most rated first; those that are but partly called so only where none is wholly."""
        found = self._forms.get(key, ())
        forms = [Form(*divmod(code, KINDS)) for code in ([found] if isinstance(found, int) else found)]
        forms.sort(key=lambda form: -self.rows[form.movie].rating_count)
        whole = [form for form in forms if form.kind not in PARTIAL]
        return (whole or forms)[:MOST_FORMS]

    def glued(self, key: str, words: Sequence[str]) -> bool:
        """True of words that only together spell a title, and are too plain for that: "coco on" is no Cocoon."""
        common = [word for word in words if ranks().get(word, UNKNOWN_RANK) < PLAIN]
        forms = [form for form in self.forms(key) if form.kind in (MAIN, PIECE)]
        titles = [f" {self._contents[form.movie]} " for form in forms]
        if forms and forms[0].kind == PIECE:
            return f" {' '.join(words)} " not in titles[0]
        return bool(common and titles) and not any(f" {word} " in title for title in titles for word in common)

    def series(self, key: str) -> Series | None:
        return self._series.get(key)

    def entry_of(self, forms: list[Form], series: Series | None = None) -> Entry:
        """The meaning of any movies."""
        movies = [form.movie for form in forms] + list(series.movies if series else ())
        rows = [self.rows[form.movie] for form in forms]
        firsts = {row.title.partition(" ")[0].lower() for row in rows}
        articles = {first if first in ARTICLES else "" for first in firsts} or {""}
        years = frozenset(row.year for row in rows if row.year)
        popularity = max((self.popularity[movie] for movie in movies), default=0.0)
        part = all(form.kind in PARTIAL for form in forms)
        told = any(form.kind == NICKNAME for form in forms) or (part and series is not None and series.told)
        very = any(form.kind in (MAIN, ALTERNATIVE, NICKNAME) for form in forms)
        weights = tuple(WEIGHTS[form.kind] * (row.rating_count + 0.5) for form, row in zip(forms, rows, strict=True))
        return Entry(forms, series, popularity, frozenset(articles), years, told, part, len(forms) == 1, very, weights)

    def _make_entry(self, key: str) -> Entry:
        return self.entry_of(self.forms(key), self._series.get(key))

    def likest(self, words: Sequence[str], least: float) -> list[tuple[int, float]]:
        """Movies with titles much like these words, the likest first, each with its likeness, 0 to 1."""
        choices = {place: self._contents[place] for place in self._sharing_rare_words(words)}
        found = process.extract(" ".join(words), choices, scorer=fuzz.ratio, score_cutoff=100 * least, limit=10)
        return [(place, score / 100) for _, score, place in found]

    def alike(self, words: Sequence[str]) -> list[int]:
        """Movies with the title that these words were meant to be, but for a slip of the pen or a small word."""
        if len(words) < 2 or len("".join(words)) < 9 or not any(self._uncommon(word) for word in words):
            return []
        near = self.likest(words, LEAST_ALIKE)
        return [place for place, _ in near if self._slipped(words, self._contents[place].split())][:1]

    def unknown(self, word: str) -> bool:
        """True of a word that neither English nor any well-known title has."""
        if len(word) < 3 or not word.isalpha() or word in ranks():
            return False
        return not any(self._is_famous(place) for place in self._vocabulary.get(word, ()))

    def misspelt(self, key: str, least: float) -> tuple[str, float] | None:
        """The key of a well-known title that the words of another were meant to be, and their likeness, 0 to 1."""
        found = process.extractOne(sound(key), self._famous, scorer=fuzz.ratio, score_cutoff=100 * least)
        return (found[2], found[1] / 100) if found else None

    def _sounds(self) -> dict[str, str]:
        """The keys of well-known titles and series, as they sound."""
        whole = [(key, self.forms(key)) for key in self._forms if len(key) >= SHORTEST]
        keys = [key for key, forms in whole if forms[0].kind != PIECE and self._is_famous(forms[0].movie)]
        keys += [key for key, series in self._series.items() if any(map(self._is_famous, series.movies))]
        return {key: sound(key) for key in dict.fromkeys(keys) if len(key) >= SHORTEST}

    def _is_famous(self, place: int) -> bool:
        return self.popularity[place] >= FAMOUS

    def words_of(self, movie_id: int) -> tuple[int, list[str]]:
        """The place of a movie, and the words of its title; none for a movie that is not there."""
        place = self._places.get(movie_id, -1)
        return place, self._contents[place].split() if place >= 0 else []

    @staticmethod
    def _uncommon(word: str) -> bool:
        return ranks().get(word, UNKNOWN_RANK) > 2_000 and word.isalpha()

    def _slipped(self, words: Sequence[str], theirs: Sequence[str]) -> bool:
        """True where words differ by letters that nobody means, or by one small word more or less."""
        if len(words) == len(theirs):
            pairs = [(word, other) for word, other in zip(words, theirs, strict=True) if word != other]
            return all(self._slip(word, other) for word, other in pairs)
        missing = Counter(words) - Counter(theirs), Counter(theirs) - Counter(words)
        odd = [word for more in missing for word in more.elements()]
        return min(len(words), len(theirs)) > 2 and len(odd) == 1 and ranks().get(odd[0], UNKNOWN_RANK) < 100

    def _slip(self, word: str, other: str) -> bool:
        if word in cues("nouns"):
            return False
        plural = word.rstrip("s") == other.rstrip("s") and len(word) > 3
        unmeant = word not in ranks() or (word not in self._vocabulary and len(word) > 5)
        return plural or (unmeant and OSA.distance(word, other) <= min(2, allowed(word)))

    def _sharing_rare_words(self, words: Sequence[str]) -> list[int]:
        known = sorted((self._vocabulary[word] for word in dict.fromkeys(words) if word in self._vocabulary), key=len)
        places: dict[int, None] = {}
        for places_of in known[:3]:
            if len(places_of) <= MOST_ALIKE:
                places.update(dict.fromkeys(places_of))
        return list(places)[: 2 * MOST_ALIKE]

    def _add_movie(self, place: int, row: TitleRow) -> None:
        words = content(row.title)
        self._contents.append(" ".join(words))
        for word in set(words):
            self._vocabulary[word].append(place)
        self._add(words, Form(place, MAIN))
        for name in (row.title, *row.alternatives):
            self._add([word for word in spelled(name) or () if word not in ARTICLES], Form(place, MAIN))
        for name in row.alternatives:
            self._add(content(name), Form(place, ALTERNATIVE))
            for word in set(content(name)):
                self._vocabulary[word].append(place)
        for words, kind in short_forms(row.title):
            self._add(words, Form(place, kind))

    def _add(self, words: Sequence[str], form: Form) -> None:
        if not words:
            return
        self._add_key("".join(words), form)
        self._begin(words)

    def _add_key(self, key: str, form: Form) -> None:
        """Forms are kept as plain numbers: the garbage collector then has nothing to follow."""
        code, found = form.movie * KINDS + form.kind, self._forms.get(key)
        if found is None:
            self._forms[key] = code
        elif isinstance(found, list):
            if found[-1] // KINDS != form.movie:
                found.append(code)
        elif found // KINDS != form.movie:
            self._forms[key] = [found, code]

    def _begin(self, words: Sequence[str]) -> None:
        """Note how long titles are that begin so: with a word, with two or three that may be written as one."""
        length, beginning = min(len(words), LONGEST), ""
        for number, word in enumerate(words[: min(3, length - 1)]):
            beginning += word
            self.known[beginning] = max(self.known.get(beginning, 0), LONGER * (length - number))

    def _add_series(self) -> None:
        """Series are the common beginnings of titles: before a colon, a number, or "and the"."""
        members: dict[str, dict[int, None]] = defaultdict(dict)
        names: dict[str, str] = {}
        for place, row in enumerate(self.rows):
            head = series_head(row.title)
            if head and (words := content(head)):
                members["".join(words)][place] = None
                names.setdefault("".join(words), head)
        for key, places in members.items():
            first = [form.movie for form in self.forms(key) if form.kind == MAIN]
            if len(places) + len(first) > 1:
                self._put_series(content(names[key]), names[key], [*places, *first])
                self._add_initials(names[key], key)

    def _add_initials(self, name: str, key: str) -> None:
        initials = acronym(name)
        if initials and initials not in ranks() and initials not in self._forms and self._well_known(self._series[key]):
            self._series[initials] = self._series[key]

    def _well_known(self, series: Series) -> bool:
        return max(self.popularity[place] for place in series.movies) > 0.7

    def _put_series(self, words: Sequence[str], name: str, places: Iterable[int], *, told: bool = False) -> None:
        by_year = sorted(set(places), key=lambda place: (self.rows[place].year or 0, self.rows[place].movie_id))
        ids = tuple(self.rows[place].movie_id for place in by_year)
        self._series["".join(words)] = Series(name, tuple(by_year), ids, told)
        self._begin(words)

    def _add_told(self) -> None:
        """The series and nicknames of `words.toml`, as far as the catalogue has their movies."""
        for entry in tables()["series"]:
            places = {place for title in entry["titles"] for place in self._beginning(title)}
            if len(places) > 1:
                for alias in entry["aliases"]:
                    self._put_series(content(alias), entry["name"], places, told=True)
        for name, title in {**tables()["nicknames"], **tables()["translated"]}.items():
            for place in self._beginning(title):
                self._add(content(name), Form(place, NICKNAME))

    def _beginning(self, told: str) -> list[int]:
        """Movies with this title, or with titles that begin with these words."""
        title, year = split_year(told)
        words = content(parse_title(title).title)
        places = self._vocabulary.get(max(words, key=len), []) if words else []
        whole = not told.endswith(":") and (year is not None or len(words) == 1)
        return [place for place in places if _begins(self.rows[place], words, year, whole=whole)]

    def _add_pieces(self) -> None:
        """Telling pieces of well-known titles that no other has that many know: "lebowski", "private ryan"."""
        for place, row in enumerate(self.rows):
            if self.popularity[place] < FAMOUS:
                continue
            title = row.title.lower()
            for words in _pieces(self._contents[place].split()):
                key = "".join(words)
                if (
                    words[0] in title
                    and key not in self._forms
                    and key not in self._series
                    and self._outweighs(place, words)
                ):
                    self._add(words, Form(place, PIECE))

    def _outweighs(self, place: int, words: Sequence[str]) -> bool:
        having = (set(self._vocabulary[word]).union(self._vocabulary.get(f"{word}s", ())) for word in words)
        said = " ".join(words)
        others = {other for other in set.intersection(*having) - {place} if f" {said}" in f" {self._contents[other]}"}
        return self.rows[place].rating_count > OUTWEIGHS * sum(self.rows[other].rating_count for other in others)

    def _make_buckets(self) -> dict[tuple[str, int], list[str]]:
        buckets: dict[tuple[str, int], list[str]] = defaultdict(list)
        for word in self._vocabulary:
            if len(word) > 3 and word.isalpha():
                buckets[word[0], len(word)].append(word)
        return dict(buckets)

    def _correct(self, word: str) -> str | None:
        """The word of titles that a misspelt word was meant to be."""
        slips = 2 if len(word) > 8 else 1
        known = {
            word,
            word.rstrip("s"),
            word.removesuffix("es"),
            word.removesuffix("ed"),
            word.removesuffix("ing"),
            word.removesuffix("er"),
        }
        if len(word) < 5 or not word.isalpha() or any(form in ranks() or form in self._vocabulary for form in known):
            return None
        near: list[tuple[int, int, str]] = []
        for length in range(len(word) - slips, len(word) + slips + 1):
            bucket = self._buckets.get((word[0], length), ())
            found = process.extract(word, bucket, scorer=OSA.distance, score_cutoff=slips, limit=4)
            near += [(int(steps), -self._uses(other), other) for other, steps, _ in found]
        return min(near)[2] if near else None

    def _uses(self, word: str) -> int:
        return sum(self.rows[place].rating_count for place in self._vocabulary[word][:50])


def content(title: str) -> list[str]:
    """The words of a title as a key has them: without articles, numbers as digits.

    >>> content("Star Wars: Episode V - The Empire Strikes Back")
    ['star', 'wars', '5', 'empire', 'strikes', 'back']
    """
    words = [SPELLINGS.get(word, word) for word in with_digits(title_words(title))]
    kept = [word for word in words if word not in ARTICLES]
    return (kept if max(map(len, kept), default=1) > 1 else words)[:LONGEST]


def short_forms(title: str) -> list[tuple[list[str], int]]:
    """Parts of a title that people say for it: before and after a colon, and both without what stands between."""
    parts = [part for part in _SUBTITLE.split(title) if part]
    forms: list[tuple[list[str], int]] = []
    if len(parts) > 1:
        forms += [(content(parts[0]), SHORT), (content(parts[-1]), TAIL)]
        forms += [([*content(parts[0]), *content(parts[-1])], SHORT)] if len(parts) > 2 else []
        forms += (
            [(content(" ".join(parts[1:])), TAIL), (content(" ".join(parts[:-1])), SHORT)] if len(parts) > 2 else []
        )
    elif match := _AND_THE.match(title):
        forms += [(content(match["tail"]), TAIL)]
    first, *rest = plain_words(title) or [""]
    if not forms and first in cues("articles") - ARTICLES and len("".join(rest)) > 5:
        forms += [(content(" ".join(rest)), SHORT)]
    return [(words, kind) for words, kind in forms if telling(words)]


def _pieces(title: Sequence[str]) -> Iterator[list[str]]:
    """Runs of a title's words, short of the whole, that say much by themselves."""
    for first in range(len(title)):
        for words in (list(title[first:end]) for end in range(first + 1, min(first + PIECE_WORDS, len(title)) + 1)):
            ranked = [ranks().get(word, UNKNOWN_RANK) for word in words]
            rare = words[0] not in ranks() and len(words[0]) > 3 and words[0].isalpha()
            several = min(ranked[0], ranked[-1]) > RARELY_ENDS and sum(map(math.log2, ranked)) > PIECE_BITS
            if len(words) < len(title) and (rare if len(words) == 1 else several):
                yield words


def sound(key: str) -> str:
    """A key as it is heard, nearly: "twilite" and "twilight" are one.

    >>> sound("twilite") == sound("twilight"), sound("incepshun") == sound("inception")
    (True, True)
    """
    for said, heard in _HEARD:
        key = said.sub(heard, key)
    return key


def telling(words: Sequence[str]) -> bool:
    """True of parts of titles that say which one: not of "The Movie", "Part 2" or "Revenge"."""
    ranked = [ranks().get(word, UNKNOWN_RANK) for word in words if not word.isdigit()]
    if not ranked:
        return False
    return max(ranked) > RARE or (len(ranked) > 1 and sum(math.log2(rank) for rank in ranked) > 18)


def series_head(title: str) -> str | None:
    """The part of a title that its series' titles share.

    >>> [series_head(title) for title in ("Toy Story 2", "Harry Potter and the Goblet of Fire", "Heat")]
    ['Toy Story', 'Harry Potter', None]
    """
    head = _SUBTITLE.split(title)[0]
    if head == title and (match := _AND_THE.match(title)):
        return match["head"]
    if match := _NUMBERED.match(head):
        return match["head"]
    return head if head != title else None


def _begins(row: TitleRow, words: Sequence[str], year: int | None, *, whole: bool) -> bool:
    if year is not None and row.year != year:
        return False
    theirs = content(row.title)
    return theirs == list(words) if whole else theirs[: len(words)] == list(words)
