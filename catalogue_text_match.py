"""Which movies a free text could mean: BM25 over their text, more for each idea of the text that a movie has.

An idea is a word, a hyphenated compound, or words that together are a tag ("time travel"). Works on any function that
runs a query; of what people write only folded words reach the full-text expression, so nothing in it is syntax.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from catalogue_titles import plain_words

RunQuery = Callable[[str, Sequence[Any]], Awaitable[list[Sequence[Any]]]]

MAX_WORDS = 24
MAX_IDEAS = 8
LONGEST = 1_000
CANDIDATES = 500
COMMON = 3_000  # movies; an idea that so many have does not tell them apart

STOP_WORDS = frozenset(
    """
    a about all also an and any are as at be but by can could do does film films flick flicks for from give good great has have
    i if im in into is it its just kind like list looking lot lots maybe me movie movies my not of on one or other please
    recommend search see show so some something story suggest tell that the their the them there these they thing this to
    very want watch was we what when where which who whose will with would you your
    """.split()  # noqa: SIM905  # a hundred quoted words would read worse
)

_COMPOUND = re.compile(r"[^\W_]+(?:-[^\W_]+)+")


class TextMatch(NamedTuple):
    """`share` is how many of the text's ideas the movie has, 0 to 1; `score` is BM25 times that share."""

    movie_id: int
    score: float
    share: float


class TextMatcher:
    """Finds movies through `run`, which takes SQL and values and returns rows."""

    def __init__(self, run: RunQuery) -> None:
        self._run = run

    async def find(self, text: str, limit: int = CANDIDATES) -> list[TextMatch]:
        """The movies that match best, best first.

        Where some idea is rare, only movies that have a rare one are looked at: a common one alone says too little, and
        to rank all that have it takes too long. Where all are common, only movies that have all of them, or most.
        """
        ideas = await self._ideas(text[:LONGEST])
        had = {idea: await self._having(phrase(idea), COMMON) for idea in ideas}
        rare = [idea for idea in ideas if len(had[idea]) < COMMON]
        if any(had[idea] for idea in rare):
            scored = await self._scored(f"({any_of(rare)}) AND ({any_of(ideas)})")
        else:
            scored = await self._having_most(ideas)
        for idea in ideas:
            if idea not in rare:
                had[idea] = await self._among(phrase(idea), scored)
        return self._ranked(ideas, had, scored)[:limit]

    def _ranked(
        self, ideas: list[tuple[str, ...]], had: dict[tuple[str, ...], set[int]], scored: dict[int, float]
    ) -> list[TextMatch]:
        matches = []
        for movie_id, score in scored.items():
            share = sum(movie_id in had[idea] for idea in ideas) / len(ideas)
            matches.append(TextMatch(movie_id, score * (share or 0.5 / len(ideas)), share))
        return sorted(matches, key=lambda match: (-match.score, match.movie_id))

    async def _scored(self, expression: str) -> dict[int, float]:
        if not expression:
            return {}
        rows = await self._run(
            """
            SELECT rowid, -rank FROM movie_text WHERE movie_text MATCH ? ORDER BY rank LIMIT ?
            """,
            (expression, CANDIDATES),
        )
        return {int(movie_id): float(score) for movie_id, score in rows}

    async def _having_most(self, ideas: list[tuple[str, ...]]) -> dict[int, float]:
        """Movies that have all ideas; where there is none, all but the last, and so on."""
        for count in range(len(ideas), 0, -1):
            if scored := await self._scored(" AND ".join(map(phrase, ideas[:count]))):
                return scored
        return {}

    async def _ideas(self, text: str) -> list[tuple[str, ...]]:
        """Divide a text into ideas, the longest known tag first: mind bending | time travel | thriller."""
        words = plain_words(text)[:MAX_WORDS]
        runs = [tuple(words[at : at + length]) for length in (3, 2) for at in range(len(words) - length + 1)]
        rows = await self._run(
            "SELECT plain FROM tag_names WHERE plain IN (SELECT value FROM json_each(?))",
            (json.dumps([" ".join(run) for run in runs]),),
        )
        known = {tuple(plain.split()) for (plain,) in rows}
        known |= {tuple(plain_words(compound)) for compound in _COMPOUND.findall(text)}
        return divide(words, known)

    async def _having(self, expression: str, limit: int) -> set[int]:
        rows = await self._run("SELECT rowid FROM movie_text WHERE movie_text MATCH ? LIMIT ?", (expression, limit))
        return {movie_id for (movie_id,) in rows}

    async def _among(self, expression: str, movie_ids: Iterable[int]) -> set[int]:
        """Of these movies those that match; `+` keeps SQLite from looking each one up by itself."""
        rows = await self._run(
            """
            SELECT rowid FROM movie_text WHERE movie_text MATCH ? AND +rowid IN (SELECT value FROM json_each(?))
            """,
            (expression, json.dumps(list(movie_ids))),
        )
        return {movie_id for (movie_id,) in rows}


def phrase(idea: tuple[str, ...]) -> str:
    return f'"{" ".join(idea)}"'


def divide(words: list[str], known: set[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Cut words into known runs and single words that say something; all words where none would be left."""
    ideas: list[tuple[str, ...]] = []
    at = 0
    while at < len(words):
        length = next((n for n in (3, 2) if tuple(words[at : at + n]) in known), 1)
        if length > 1 or words[at] not in STOP_WORDS:
            ideas.append(tuple(words[at : at + length]))
        at += length
    return list(dict.fromkeys(ideas or [(word,) for word in words]))[:MAX_IDEAS]


def any_of(ideas: list[tuple[str, ...]]) -> str:
    """Any idea, and any word of one; neighbours count once more where they stand together."""
    words = dict.fromkeys(word for idea in ideas for word in idea if word not in STOP_WORDS or len(idea) == 1)
    runs = [" ".join(idea) for idea in ideas if len(idea) > 1]
    runs += [f"{one[0]} {other[0]}" for one, other in pairwise(ideas) if len(one) == len(other) == 1]
    return " OR ".join(f'"{term}"' for term in [*words, *runs])
