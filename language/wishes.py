"""A wish in words as everyone who searches reads it: what a movie should be about, what it must not be, and its years.

The guide, the tools and both routes read with it, so that "anything but horror" leaves out the same movies everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from language.conditions import Conditions, conditions, refused_places
from language.making import Runtime, lengths
from language.masking import Clause, clauses, masked, tidied
from language.phrases import table
from movies.ideas import is_theme
from movies.linking import Linker
from movies.links import Candidate
from movies.models import FIRST_YEAR, LAST_YEAR

MOST_REFUSED, MOST_WORDS = 8, 2
"""Things that are refused at most, and plain words of one: \"no short term memory\" tells a plot."""
PARTS = frozenset(("or", "and", ",", "nor", "no"))
IDLE = "movies movie film films or and all the any a an too very so much many please about with , ( )"


@dataclass(frozen=True)
class Wish:
    """A wish for a list.

    Attributes:
        text: the words of what is wanted, as typed; empty where only something is refused.
        refused: words and tags of what it must not be about, each once.
        named: titles and names of series that are refused.
        genres: of these it must not be.
        like: ids of the movies that it should be like.
        out: ids of movies and series that must not be shown.
        years: first and last year, either open.
        runtime: least and most minutes, either open.
        people: who made it or plays in it, with the role: "directed by Akira Kurosawa", "without Tom Cruise".
    """

    text: str
    refused: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    like: tuple[int, ...] = ()
    out: tuple[int, ...] = ()
    years: tuple[int | None, int | None] = (None, None)
    runtime: Runtime = (None, None)
    people: tuple[str, ...] = ()


def read_wish(text: str, linker: Linker) -> Wish:
    """Read a text that says what one wants to see."""
    text = tidied(text)
    parts = clauses(masked(text, linker.link(text, typed=True)))
    read = [(part, _refused_places(part)) for part in parts]
    told = Conditions()
    for part, _ in read:
        told = told.joined(conditions(part, topics=False))
    refused = [name for part, places in read for name in _refused(part, places)]
    genres = [name for name in told.exclude_genres if any(name in _genres(part, places) for part, places in read)]
    seeds = [seed for part, places in read for seed in _like(part, places)]
    like = [seed.movie_id for seed in seeds]
    out = [movie_id for part, places in read for movie_id in _out(part, places)]
    return Wish(
        text=" ".join(filter(None, (_wanted(part, places) for part, places in read))),
        refused=tuple(dict.fromkeys(refused))[:MOST_REFUSED],
        named=tuple(dict.fromkeys(name for part, places in read for name in _named(part, places)))[:MOST_REFUSED],
        genres=tuple(genres),
        like=tuple(dict.fromkeys(like)),
        out=tuple(dict.fromkeys([*out, *like])),
        years=_bounded(told, [seed.year for seed in seeds if seed.year]),
        runtime=told.runtime or (None, None),
        people=told.people if any(part.links("person") for part in parts) else (),
    )


def _refused_places(part: Clause) -> set[int]:
    """The places of what is refused, where that is a name or few words."""
    places = refused_places(part)
    tokens = [part.tokens[place] for place in sorted(places)]
    rows = [list(row) for parts, row in groupby(tokens, lambda token: token.word in PARTS) if not parts]
    phrases = [[token.said for token in row if token.word not in IDLE.split()] for row in rows]
    few = all(len(words) <= MOST_WORDS or is_theme(" ".join(words)) for words in phrases)
    return places if few or any(token.link for token in tokens) else set()


def _bounded(told: Conditions, like: Sequence[int]) -> tuple[int | None, int | None]:
    """The years that are asked for; of "like Heat but older" those before Heat."""
    apart = {"older": (None, min(like) - 1), "newer": (max(like) + 1, None)} if like else {}
    years = told.years or apart.get(told.relative, (None, None))
    low, high = (year if year and FIRST_YEAR <= year <= LAST_YEAR else None for year in years)
    return low, high


def _genres(part: Clause, places: Iterable[int]) -> set[str]:
    """The genres that are refused by their name."""
    links = (part.tokens[place].link for place in places)
    return {name for link in links if link and link.kind == "genre" for name in link.name.split("|")[:1]}


def _refused(part: Clause, places: set[int]) -> Iterable[str]:
    """Neighbouring plain words as one phrase, tags as they are named."""
    phrase: list[str] = []
    for place in [*sorted(places), None]:
        token = part.tokens[place] if place is not None else None
        plain_word = token is not None and token.link is None
        if token and plain_word and token.word not in _idle():
            phrase.append(token.said)
            continue
        if phrase:
            yield " ".join(phrase)
            phrase = []
        if token and token.link and token.link.kind == "tag":
            yield token.link.name


def _named(part: Clause, places: Iterable[int]) -> Iterable[str]:
    """The titles and series that are refused, as they were typed."""
    tokens = (part.tokens[place] for place in places)
    return (token.said for token in tokens if token.link and token.link.kind in ("movie", "series"))


def _out(part: Clause, places: Iterable[int]) -> Iterable[int]:
    """The movies and series that are refused by name."""
    for place in places:
        link = part.tokens[place].link
        for each in (link, *link.also) if link else ():
            if each.kind == "series" or (each is link and each.kind == "movie"):
                yield from each.movie_ids


def _like(part: Clause, places: Iterable[int]) -> Iterable[Candidate]:
    """The likeliest movie of each title that others should be like; of a series its first."""
    for place, link in part.links("movie", "series"):
        if place not in set(places) and part.has("stance", "before", "similar"):
            yield link.candidates[0] if link.candidates else Candidate(link.movie_ids[0], link.name, None, 1)


def _wanted(part: Clause, places: set[int]) -> str:
    """The words that say what is wanted: no negations, years, lengths or people, no titles that it should be like."""
    cues = {place for spot in part.spots("without", "words") for place in range(*spot)} if places else set()
    apart = {"year", "years", "person", *(("movie", "series") if part.has("stance", "before", "similar") else ())}
    apart_places = {place for place, _ in part.links(*apart)} | lengths(part)
    left = [token.said for place, token in enumerate(part.tokens) if place not in places | cues | apart_places]
    return " ".join(left)


def _idle() -> frozenset[str]:
    return frozenset((*table("asides", "plain").split(), *IDLE.split()))
