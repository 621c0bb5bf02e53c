"""The result of linking a text: spans with their meaning and confidence. Data alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

LinkKind = Literal["movie", "series", "genre", "tag", "user", "year", "years", "number", "stars", "person"]


class Candidate(NamedTuple):
    """A movie that a span could mean; `odds` 0 to 1, given that the span means a movie."""

    movie_id: int
    title: str
    year: int | None
    odds: float


@dataclass(slots=True, unsafe_hash=True)
class Link:
    """A span of a text and its meaning. Never changed; not frozen only because those take five times as long to make.

    Attributes:
        start: of the span, in Unicode code points of the text as given; `text` is what stands there.
        confidence: 0 to 1, that the span means this here.
        candidates: of a movie, best first.
        movie_ids: of a series all of its movies, by year; of a movie those of its candidates, in their order.
        name: the canonical name of a genre (several joined by "|"), tag, series or person.
        low: user id, number, stars, year, or the first year of "years"; None where it is open.
        high: the last year of "years", None where it is open; else as `low`.
        also: other readings of the very same span.
    """

    start: int
    end: int
    text: str
    kind: LinkKind
    confidence: float
    candidates: tuple[Candidate, ...] = ()
    movie_ids: tuple[int, ...] = ()
    name: str = ""
    low: float | None = None
    high: float | None = None
    also: tuple[Link, ...] = ()
