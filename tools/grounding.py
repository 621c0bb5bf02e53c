"""Grounding: which movies and figures a text names, and whether this conversation brought them.

A movie is supported that a tool result or the person has named; a year, rating or count beside it, that a result has.
It judges texts of people and of models alike, and changes none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, combinations, product
from typing import Literal, NamedTuple

from pydantic import JsonValue

from movies.linking import Linker
from movies.links import Candidate, Link
from movies.titles import plain
from providers.base import ChatMessage
from schemas import Mention

LEAST = 0.5  # confidence from which a span counts as a mention
HINT = 0.1  # confidence from which the person may have meant a movie
INVENTED = 0.8  # confidence that words shaped like a title are one, though the catalogue has none of that name
ROUGHLY = 0.1  # how far a figure after "about" or "over" may be off
NO_FIGURES = frozenset({"movie_id", "match", "share", "recommendation_id", "user_id"})

FigureKind = Literal["year", "rating", "count"]


class Figure(NamedTuple):
    """A figure as a text has it."""

    start: int
    end: int
    kind: FigureKind
    value: float
    slack: float  # how far the true value may be off
    of_stars: bool = False  # "9 people gave it 5 stars"

    def fits(self, value: float) -> bool:
        """True for a value that may be told so."""
        return abs(value - self.value) <= self.slack + 1e-6


@dataclass(slots=True)
class Evidence:
    """All that a conversation's tool results and the person's words say.

    Attributes:
        figures: by movie id, the numbers that results have of it.
        bars: the same, of its histogram: how many gave so many stars, from the least stars to the most.
        others: numbers of results and of the person's messages that belong to no movie.
        named: folded titles of the movies that the results name.
        tags: the tags that the results name, in lower case.
    """

    figures: dict[int, set[float]] = field(default_factory=dict)
    bars: dict[int, tuple[float, ...]] = field(default_factory=dict)
    others: set[float] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls, messages: Iterable[ChatMessage], linker: Linker, shown: Iterable[int] = (), stated: str = ""
    ) -> Evidence:
        """All that a conversation brought.

        Args:
            messages: all of it, the present exchange too.
            linker: reads the person's messages.
            shown: ids of movies that earlier lists had, though their messages are left out.
            stated: words about the catalogue, whose figures the model was told.
        """
        found = cls({movie_id: set() for movie_id in shown}, others=set(_numbers(stated)))
        for message in messages:
            if message.role == "tool":
                found._take_result(message.result, None)
            elif message.role == "user":
                found._take_words(message.content, linker)
        return found

    def _take_words(self, text: str, linker: Linker) -> None:
        """Note what a person's words name. They are linked anew: stored mentions are but the sure movies of a message,
        and all that it may have meant supports a claim, series and figures too.
        """
        links = linker.link(text, least=HINT)
        titles = [link for link in links if link.kind in ("movie", "series")]
        for link in titles:
            for movie_id in link.movie_ids:
                self.figures.setdefault(movie_id, set())
        self.others.update(link.low for link in links if link.kind in ("number", "stars") and link.low is not None)
        for found in _NUMBER.finditer(text):
            if not any(link.start <= found.start() < link.end for link in titles):
                self.others.add(_number(found[0]))

    def _take_result(self, value: JsonValue, owner: int | None) -> None:
        """Note every number, under the movie whose object it stands in or beside."""
        if isinstance(value, dict):
            owner = self._owner(value, owner)
            for name, part in value.items():
                if name == "tags" and isinstance(part, list):
                    self.tags.update(str(tag).lower() for tag in part)
                elif name == "histogram" and isinstance(part, dict) and owner is not None:
                    self.bars[owner] = tuple(float(count) for count in part.values() if isinstance(count, int))
                elif name not in NO_FIGURES:
                    self._take_result(part, owner)
        elif isinstance(value, list):
            for part in value:
                self._take_result(part, owner)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            (self.others if owner is None else self.figures[owner]).add(float(value))

    def _owner(self, document: dict[str, JsonValue], owner: int | None) -> int | None:
        """The movie that an object is of, or is about: `{"movie": {"movie_id": 6, …}, "stars": 4.5}`."""
        movie = document.get("movie")
        of = document if "movie_id" in document else movie if isinstance(movie, dict) else {}
        movie_id = of.get("movie_id")
        if not isinstance(movie_id, int):
            return owner
        self.figures.setdefault(movie_id, set())
        self.named.add(plain(str(of.get("title", ""))))
        return movie_id


def mentions(text: str, linker: Linker, evidence: Evidence) -> list[Mention]:
    """The movies that a text names and the figures beside them, by their place, each with whether it is supported.

    Args:
        text: what was said. Offsets are in Unicode code points.
        linker: the catalogue's.
        evidence: what the conversation brought.
    """
    movies = [*_linked(text, linker, evidence)]
    movies += _invented(text, movies, evidence)
    movies.sort(key=lambda mention: mention.start)
    return sorted([*movies, *_figures_beside(text, movies, evidence)], key=lambda mention: (mention.start, mention.end))


def unsupported(found: Sequence[Mention]) -> list[Mention]:
    """Those that nothing in the conversation brought."""
    return [mention for mention in found if not mention.supported]


def _linked(text: str, linker: Linker, evidence: Evidence) -> Iterator[Mention]:
    context = tuple(evidence.figures)
    said = list(_UTTERANCE.finditer(text))
    for link in linker.link(text, context=context):
        if link.kind != "movie" or link.confidence < LEAST or not _is_a_title(text, link.text, link.end):
            continue
        if link.text in evidence.tags or any(_is_within(link, found) for found in said):
            continue
        best = _meant(link.candidates, _year_of(text, link), evidence)
        yield Mention(
            start=link.start,
            end=link.end,
            text=link.text,
            kind="movie",
            movie_id=best.movie_id,
            title=best.title,
            year=best.year,
            confidence=round(link.confidence, 3),
            supported=best.movie_id in evidence.figures,
        )


def _is_within(link: Link, said: re.Match[str]) -> bool:
    """True for a title in an utterance of more words, but not for one that is quoted itself."""
    return said.start() < link.start and link.end < said.end() and said[0].strip("\u201c\u201d?!. ") != link.text


def _is_a_title(text: str, span: str, end: int) -> bool:
    """False for a bare number, which in an answer is a figure unless a year stands behind it."""
    return any(map(str.isalpha, span)) or bool(_BRACKETED.search(span) or _BRACKETED.match(text, end))


def _year_of(text: str, link: Link) -> int | None:
    """The year in brackets in or after a title."""
    found = _BRACKETED.search(link.text) or _BRACKETED.match(text, link.end)
    return int(found[1]) if found else None


def _meant(candidates: Sequence[Candidate], year: int | None, evidence: Evidence) -> Candidate:
    """The movie of that year; else the one that the conversation brought; else the likeliest."""
    of_year = [one for one in candidates if one.year == year]
    brought = [one for one in of_year or candidates if one.movie_id in evidence.figures]
    return next(iter(brought or of_year or candidates))


def _invented(text: str, known: Sequence[Mention], evidence: Evidence) -> Iterator[Mention]:
    """Titles with a year, and emphasised ones, that the catalogue has not."""
    for pattern in (_TITLE_AND_YEAR, _EMPHASISED):
        for found in pattern.finditer(text):
            start, end = found.span("title")
            if any(mention.start < end and start < mention.end for mention in known):
                continue
            title = found["title"].strip()
            if plain(title) in evidence.named or (pattern is _EMPHASISED and not _like_a_title(title)):
                continue
            yield Mention(
                start=start,
                end=end,
                text=found["title"],
                title=title,
                confidence=INVENTED,
                supported=False,
                kind="movie",
            )


def _like_a_title(words: str) -> bool:
    """True for several words of which all but the small ones begin with a capital."""
    parts = words.split()
    return len(parts) > 1 and not words.endswith(":") and all(p[0].isupper() or p in _SMALL_WORDS for p in parts)


def _figures_beside(text: str, movies: Sequence[Mention], evidence: Evidence) -> Iterator[Mention]:
    """The figures of each line that names a movie, or that follows one that does within a paragraph."""
    about: list[Mention] = []
    said = [found.span() for found in _UTTERANCE.finditer(text)]
    for start, end in _lines(text):
        here = [mention for mention in movies if start <= mention.start < end]
        about = here or (about if text[start:end].strip() else [])
        for figure in _figures(text, start, end, here):
            quoted = any(first < figure.start < last for first, last in said)
            if about and not quoted and not _inside_title(figure, here):
                yield _judged(text, figure, about, evidence)


def _inside_title(figure: Figure, here: Sequence[Mention]) -> bool:
    """True for the number of "Toy Story 3", but not for the year of "Heat (1995)"."""
    if figure.kind == "year" and figure.slack == 0:
        return False
    return any(mention.start <= figure.start < mention.end for mention in here)


def _judged(text: str, figure: Figure, about: Sequence[Mention], evidence: Evidence) -> Mention:
    """A figure with the movie that it stands behind, supported where that or another of its line has it."""
    before = [mention for mention in about if mention.start <= figure.start]
    nearest = before[-1] if before else about[0]
    return Mention(
        start=figure.start,
        end=figure.end,
        text=text[figure.start : figure.end],
        kind=figure.kind,
        movie_id=nearest.movie_id,
        title=nearest.title,
        year=nearest.year,
        confidence=nearest.confidence,
        supported=any(
            abs(value - figure.value) <= figure.slack + 1e-6 for value in _values(figure, nearest, about, evidence)
        ),
    )


def _values(figure: Figure, nearest: Mention, about: Sequence[Mention], evidence: Evidence) -> Iterator[float]:
    """The values that a figure may have."""
    if figure.kind == "year" and figure.slack == 0:  # "Heat (1995)" is of this movie alone
        yield from () if nearest.year is None else (float(nearest.year),)
        return
    yield from evidence.others
    known = [evidence.figures.get(mention.movie_id, ()) for mention in about if mention.movie_id is not None]
    yield from (float(mention.year) for mention in about if mention.year is not None)
    yield from chain(*known)
    if figure.kind == "rating" and len(known) > 1:
        yield from (abs(one - other) for a, b in combinations(known, 2) for one, other in product(a, b))
    for mention in about if figure.of_stars else ():
        bars = evidence.bars.get(mention.movie_id or -1, ())
        yield from chain(bars, accumulate(bars), accumulate(reversed(bars)))


def _figures(text: str, start: int, end: int, here: Sequence[Mention]) -> Iterator[Figure]:
    """The figures of a line, each once: what is in brackets after a title, ratings, counts, other years."""
    taken: list[tuple[int, int]] = []
    for pattern, make in _FIGURES:
        for found in pattern.finditer(text, start, end):
            span = found.span("n")
            if any(a < span[1] and span[0] < b for a, b in taken):
                continue
            if (figure := make(found, here)) is not None:
                taken.append(span)
                yield figure


def _year(found: re.Match[str], here: Sequence[Mention]) -> Figure | None:
    """A year; one in brackets right after a title is that movie's own."""
    start, end = found.span("n")
    if _BOUND.search(found.string, max(0, start - 12), start) or _ONWARDS.match(found.string, end):
        return None  # "before 1990" is a condition
    own = any(mention.start < start <= mention.end + 4 for mention in here) and found.string[start - 1] == "("
    return Figure(start, end, "year", float(found["n"]), 0.0 if own else 0.001)


def _rating(found: re.Match[str], _: Sequence[Mention]) -> Figure | None:
    """Stars; "8/10" are four."""
    value, scale = _number(found["n"]), 2 if _OF_TEN.search(found[0]) else 1
    if value > 5 * scale or _OR_MORE.match(found.string, found.end()):
        return None
    return Figure(*found.span("n"), "rating", value / scale, _precision(found["n"], found) / scale)


def _count(found: re.Match[str], _: Sequence[Mention]) -> Figure:
    value = _number(found["n"])
    of_stars = _STARS_AFTER.match(found.string, found.end()) is not None
    return Figure(*found.span("n"), "count", value, ROUGHLY * value if _is_rough(found) else 0.0, of_stars)


def _cell(found: re.Match[str], _: Sequence[Mention]) -> Figure | None:
    """A whole number in a cell of a table, unless it is the first of its row, or a year."""
    row = found.string.rfind("\n", 0, found.start()) + 1
    value = _number(found["n"])
    if found.string[row : found.start() + 1].strip() == "|" or 1800 <= value <= 2100:
        return None
    return Figure(*found.span("n"), "count", value, 0.0)


def _precision(digits: str, found: re.Match[str]) -> float:
    """Half a unit of the last digit shown, or more: whole and half stars are rounded, "about" is said loosely."""
    decimals = len(digits.replace(",", ".").partition(".")[2])
    if decimals:
        return 0.5 * 10.0**-decimals
    return 0.5 if _OF_TEN.search(found[0]) or _is_rough(found) else 0.25


def _is_rough(found: re.Match[str]) -> bool:
    return _ROUGHLY.search(found.string, max(0, found.start() - 20), found.start("n")) is not None


def _number(digits: str) -> float:
    """`1,234` → 1234, `4,5` → 4.5, `3½` → 3.5."""
    if _THOUSANDS.fullmatch(digits):
        return float(re.sub(r"\D", "", digits))
    half = 0.5 if "½" in digits else 0.0
    return float(digits.replace("½", "").replace(",", ".") or 0) + half


def _numbers(text: str) -> Iterator[float]:
    return (_number(found[0]) for found in _NUMBER.finditer(text))


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, start + len(line)
        start += len(line)


_SMALL_WORDS = frozenset(
    ("a", "an", "and", "as", "at", "by", "for", "from", "in", "into", "of", "on", "or", "the", "to", "vs", "with", "de",
     "la", "le", "el", "&", "-", "\u2013")
)  # fmt: skip
_N = r"(?P<n>\d{1,3}(?:[,.\u00a0 ]\d{3})+|\d+(?:[.,]\d+)?½?)"
_OUT_OF = r"out of (?:5|10|five|ten)"
_WHOLE = r"(?<![\d.,])(?P<n>\d{1,3}(?:[,\u00a0 ]\d{3})+|\d+)(?![.,]\d)"
_STARS_AFTER = re.compile(r"[^.\n]{0,20}\b(?:gave|give|with)\b|[^.\n]{0,12}(?:stars|★)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+|\d+(?:[.,]\d+)?½?")
_OF_TEN = re.compile(r"(?:/\s?|out of )(?:10|ten)$", re.IGNORECASE)
_BOUND = re.compile(r"\b(?:before|after|since|until|till|between|and|to|than)\s+$", re.IGNORECASE)
_ONWARDS = re.compile(r"\s+(?:on|onwards?)\b", re.IGNORECASE)
_OR_MORE = re.compile(r"\s*(?:stars?)?\s*(?:or|and) (?:more|above|up|higher|less|fewer|below)\b", re.IGNORECASE)
_UTTERANCE = re.compile(r"\u201c[^\u201c\u201d\n]*\u201d")  # what one could say next, which claims nothing
_THOUSANDS = re.compile(r"\d{1,3}(?:[,.\u00a0 ]\d{3})+")
_BRACKETED = re.compile(r"[*_”\"']{0,3},? ?\(?((?:18|19|20)\d\d)\)")
_ROUGHLY = re.compile(
    r"\b(?:about|around|over|nearly|almost|some|roughly|more than|close to|approximately)\b|~", re.IGNORECASE
)
_PEOPLE = r"(?:ratings?|votes?|people|users?|viewers|raters|reviews?|persons?|times)"
_FIGURES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Sequence[Mention]], Figure | None]], ...] = (
    (re.compile(rf"{_WHOLE}\+?\s+(?:\w+\s+)?{_PEOPLE}\b", re.IGNORECASE), _count),
    (re.compile(rf"\|\s*\**{_WHOLE}\**\s*(?=\|)"), _cell),
    (re.compile(rf"\b(?:rated by|ratings:|votes:)\s*\**{_WHOLE}(?!\s*(?:stars?|/|out))", re.IGNORECASE), _count),
    (re.compile(rf"(?<!\d){_N}\s*-?(?:stars?\b|★|⭐|/\s?(?:5|10)\b|{_OUT_OF}\b)", re.IGNORECASE), _rating),
    (re.compile(r"(?<![\d.,])(?P<n>[0-5][.,]\d{1,2})(?![\d%.,]*\d)"), _rating),
    (re.compile(r"(?<![\w.,-])(?P<n>(?:18|19|20)\d\d)(?![\w%]|-\w|['’]s)"), _year),
)
_CAPITALISED, _SMALL = r"[A-Z0-9][\w'’.!?&:,-]{0,40}", "of|the|and|a|in|to|for|on|with|&"  # words of titles
_TITLE_AND_YEAR = re.compile(
    rf"(?<!\w)(?P<title>{_CAPITALISED}(?:[ ](?:{_CAPITALISED}|{_SMALL})){{0,20}})"
    r"[*_\"”]{0,3} \((?:18|19|20)\d\d\)"
)
_EMPHASISED = re.compile(r"(?<![*_])(?:\*\*|\*|__)(?P<title>[A-Z0-9][^*_\n]{2,80}?)(?:\*\*|\*|__)(?![*_])")
