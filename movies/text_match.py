"""Finds the movies that a free text could mean: BM25 over their text, more for each idea of it that a movie has.

An idea is a word, a hyphenated compound, or words that together are a tag ("time travel"). Of what people write only
folded words reach the full-text expression, so nothing in it is syntax. What is wished for is weighed as evidence: by
the tags that say a theme, by genres, by words of the text and, least, of the title.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from movies.file import RunQuery
from movies.ideas import GENRE_NAMES, LONGEST_TAG, WORD_WEIGHT, Idea, read_ideas, themes
from movies.titles import plain, plain_words, title_words
from movies.tongues import language_of

Ids = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

MAX_WORDS = 24
MAX_IDEAS = 8
PIECE, MAX_CLAUSES = 12, 20  # words and pieces of a text that says more
LONGEST = 2_000
CANDIDATES = 500
COMMON = 3_000  # movies; an idea that so many have does not tell them apart
KEPT = 2_000_000  # movies of all kept terms together, 8 bytes each
SAID, TELLING, LESS, LEAST = 0.85, 0.75, 0.9, 0.4  # trust in a tag as said, in a theme's first, in each further one
DESCRIBED, TITLED = 0.5, 0.3  # trust in words of a description, and of a title
SPOKEN, NAMED = 0.75, 0.85  # trust in the language for a country, and in a film named for a theme
OTHER_GENRE, OTHER_KIND = 0.25, 0.6  # of movies without a genre or country named, or any genre that speaks for a theme
FOREIGN = 0.2  # evidence from which a movie is of a country

STOP_WORDS = frozenset(
    """
    a about all also an and any are as at be but by can could do does film films flick flicks for from give good great
    has have i if im in into is it its just kind like list looking lot lots maybe me movie movies my not of on one or
    other please recommend search see show so some something story suggest tell that the their the them there these they
    thing this to very want watch was we what when where which who whose will with would you your
    """.split()  # noqa: SIM905  # a hundred quoted words would read worse
)

_CLAUSE = re.compile(r"[^.!?;:,\n]+")
_COMPOUND = re.compile(r"[^\W_]+(?:-[^\W_]+)+")


class TextMatch(NamedTuple):
    """`share` is how many of the text's ideas the movie has, 0 to 1; `score` is BM25 times that share."""

    movie_id: int
    score: float
    share: float


class Hits(NamedTuple):
    """The movies that have a term: their places in the order of ids, ascending, and BM25 of the term alone."""

    at: npt.NDArray[np.int32]
    score: npt.NDArray[np.float32]


class Evidence(NamedTuple):
    """The terms that speak for an idea, each with the trust in it, 0 to 1."""

    idea: Idea
    terms: list[tuple[Hits, float]]


class Found(NamedTuple):
    """Evidence for a wish, of all movies.

    Attributes:
        direct: float32 [movies], 0 to 1: how much of the wish a movie's own text has.
        fitting: float32 [movies], 0 to 1: factor for the genres that are named or implied.
        known: True where a theme, a genre or a tag is among the words.
    """

    direct: Scores
    fitting: Scores
    known: bool


class TextMatcher:
    """Finds movies through `run`, which takes SQL over a catalogue's tables with its values and returns rows.

    BM25 of several terms is the sum of each one's, so what was found for a term is kept and serves every later text.
    """

    def __init__(self, run: RunQuery) -> None:
        self._run = run
        self._movie_ids: Ids | None = None
        self._kept: dict[str, Hits] = {}
        self._spoken: dict[str, Hits] | None = None
        self._room = KEPT

    async def find(self, text: str, limit: int = CANDIDATES) -> list[TextMatch]:
        """The movies that match best, best first; a text too long for one search is searched for clause by clause."""
        parts = clauses(text)
        found = [match for part in parts for match in await self._find(part)]
        return found[:limit] if len(parts) == 1 else together(found, len(parts))[:limit]

    async def in_common(self, text: str, movie_id: int) -> list[str]:
        """The ideas of a text that a movie has, in the text's order."""
        at = int(np.searchsorted(await self._ids(), movie_id))
        ideas = dict.fromkeys([" ".join(idea) for part in clauses(text) for idea in await self._ideas(part)])
        had = await self._hits(f'"{idea}"' for idea in ideas)
        return [idea for idea, hits in zip(ideas, had, strict=True) if at in hits.at]

    async def weigh(self, text: str) -> Found:
        """The evidence of a wish; one that says more than a few ideas is searched for by its words."""
        ideas, movies = await self._wished(text[:LONGEST]), len(await self._ids())
        if len(ideas) > MAX_IDEAS:
            return await self._by_words(text)
        if not any(idea.known for idea in ideas):
            return await self._by_words(" ".join(idea.words for idea in ideas) or text)
        evidence = [await self._evidence(idea) for idea in ideas]
        genres = {name for each in evidence for name in (*each.idea.theme.must, *each.idea.theme.soft)}
        had = dict(zip(genres, await self._hits(f'genres : "{plain(name)}"' for name in genres), strict=True))
        return await asyncio.to_thread(together_found, evidence, had, movies)

    async def warm(self) -> None:
        """Look the tags and films of all themes and the languages up, so that nobody waits for their first use."""
        await self._languages()
        for theme in dict.fromkeys(themes().values()):
            await self._hits(about(tag) for tag in theme.tags)
            if theme.films:
                await self._films(theme.films)

    async def _by_words(self, text: str) -> Found:
        ids, matches = await self._ids(), await self.find(text)
        direct = np.zeros(len(ids), np.float32)
        if matches:
            best = max(match.score for match in matches)
            direct[np.searchsorted(ids, [match.movie_id for match in matches])] = [m.score / best for m in matches]
        return Found(direct, np.ones_like(direct), known=False)

    async def _wished(self, text: str) -> list[Idea]:
        words = plain_words(text)
        rows = await self._run("SELECT plain, name FROM genres", ())
        genres: dict[str, str] = {form: name for form, name in rows}  # noqa: C416  rows are of any
        genres |= {other: genres[name] for other, name in GENRE_NAMES.items() if name in genres}
        return read_ideas(text, genres, await self._known_tags(words, LONGEST_TAG))

    async def _known_tags(self, words: list[str], longest: int) -> set[str]:
        """The runs of words that are a tag."""
        runs = [words[at : at + n] for n in range(2, longest + 1) for at in range(len(words) - n + 1)]
        rows = await self._run(
            "SELECT plain FROM tag_names WHERE plain IN (SELECT value FROM json_each(?))",
            (json.dumps([" ".join(run) for run in runs]),),
        )
        return {name for (name,) in rows}

    async def _evidence(self, idea: Idea) -> Evidence:
        """The terms of an idea: a theme's tags, the words as they were said, those of a description or a title."""
        trusts = [(about(tag), TELLING * max(LESS**rank, LEAST)) for rank, tag in enumerate(idea.theme.tags)]
        said = plain(idea.words)
        if idea.theme.tags or not idea.theme.must:  # the name of a genre alone is looked for among genres alone
            title = TITLED if idea.known else TITLED * WORD_WEIGHT
            trusts += [(f'{{genres tags more_tags}} : "{said}"', SAID), (f'description : "{said}"', DESCRIBED)]
            trusts += [(f'title : "{said}"', title)]
        hits = await self._hits(term for term, _ in trusts)
        if idea.theme.tongues:
            spoken = await self._languages()
            hits += [spoken[name] for name in idea.theme.tongues if name in spoken]
            trusts += [("", SPOKEN)] * (len(hits) - len(trusts))
        if idea.theme.films:
            hits.append(await self._films(idea.theme.films))
            trusts.append(("", NAMED))
        return Evidence(idea, [(each, trust) for each, (_, trust) in zip(hits, trusts, strict=True) if len(each.at)])

    async def _find(self, text: str) -> list[TextMatch]:
        """The movies that match one clause best, best first.

        Where some idea is rare, only movies that have a rare one are looked at: a common one alone says too little.
        Where all are common, only movies that have all of them, or most.
        """
        ideas, ids = await self._ideas(text), await self._ids()
        had = await self._hits(f'"{" ".join(idea)}"' for idea in ideas)
        rare = [idea for idea, hits in zip(ideas, had, strict=True) if len(hits.at) < COMMON]
        if any(0 < len(hits.at) < COMMON for hits in had):
            scores = total(await self._hits(terms(rare)), len(ids))
            scores += total(await self._hits(terms(ideas)), len(ids)) * (scores > 0)
        else:
            scores = having_most(had, len(ids))
        return ranked(ids, scores, had)

    async def _ideas(self, text: str) -> list[tuple[str, ...]]:
        """Divide a text into ideas, the longest known tag first: mind bending | time travel | thriller."""
        words = plain_words(text)[:MAX_WORDS]
        known = {tuple(name.split()) for name in await self._known_tags(words, 3)}
        known |= {tuple(plain_words(compound)) for compound in _COMPOUND.findall(text)}
        return divide(words, known)

    async def _ids(self) -> Ids:
        if self._movie_ids is None:
            rows = await self._run("SELECT movie_id FROM movies ORDER BY movie_id", ())
            self._movie_ids = np.array([movie_id for (movie_id,) in rows], np.int64)
        return self._movie_ids

    async def _languages(self) -> dict[str, Hits]:
        """The movies of each language as "@fr", and as "@" all that are not in English, as far as can be told."""
        if self._spoken is None:
            sql = "SELECT source_title, json_extract(facts, '$.original_language') FROM movies ORDER BY movie_id"
            self._spoken = spoken = await asyncio.to_thread(by_language, await self._run(sql, ()))
            return spoken
        return self._spoken

    async def _films(self, named: Sequence[str]) -> Hits:
        """The films that the catalogue has of those that are named with their years; the first score most."""
        if (key := named[0] + str(len(named))) not in self._kept:
            wanted = [(title, int(year)) for title, _, year in (name.rpartition(" ") for name in named)]
            forms = ["".join(title_words(title)) for title, _ in wanted]
            rows = await self._run(
                """
                SELECT joined, year, movie_id FROM title_forms JOIN movies USING (movie_id)
                WHERE joined IN (SELECT value FROM json_each(?)) ORDER BY rating_count
                """,
                (json.dumps(forms),),
            )
            found = {(joined, year): movie_id for joined, year, movie_id in rows}
            years = [[(form, year + far) for far in (0, 1, -1)] for form, (_, year) in zip(forms, wanted, strict=True)]
            movies = [next((found[each] for each in near if each in found), None) for near in years]
            rank = {movie_id: place for place, movie_id in enumerate(movies) if movie_id is not None}
            places = np.searchsorted(await self._ids(), np.array(sorted(rank), np.int64)).astype(np.int32)
            scores = [1 - rank[movie_id] / len(named) for movie_id in sorted(rank)]
            self._keep(key, Hits(places, np.array(scores, np.float32)))
        return self._kept[key]

    async def _hits(self, expressions: Iterable[str]) -> list[Hits]:
        return await asyncio.gather(*map(self._hits_of, expressions))

    async def _hits_of(self, term: str) -> Hits:
        """The movies of one term; as one row, since for as many rows as movies Python takes longer than SQLite."""
        if term not in self._kept:
            rows = await self._run(
                """
                SELECT json_group_array(rowid), json_group_array(-rank) FROM movie_text WHERE movie_text MATCH ?
                """,
                (term,),
            )
            movie_ids, scores = map(json.loads, rows[0])
            places = np.searchsorted(await self._ids(), np.array(movie_ids, np.int64))
            self._keep(term, Hits(places.astype(np.int32), np.array(scores, np.float32)))
        return self._kept[term]

    def _keep(self, term: str, hits: Hits) -> None:
        """Keep what was found, and let go of the oldest where it gets too much."""
        self._forget(term)
        while self._kept and self._room < weight(hits):
            self._forget(next(iter(self._kept)))
        self._kept[term] = hits
        self._room -= weight(hits)

    def _forget(self, term: str) -> None:
        if term in self._kept:
            self._room += weight(self._kept.pop(term))


def about(tag: str) -> str:
    """A tag as an expression of full-text search."""
    return f'{{tags more_tags}} : "{tag}"'


def by_language(rows: Iterable[Sequence[Any]]) -> dict[str, Hits]:
    """Places of the movies of each language: rows are an original title and, where IMDb gives one, its language."""
    found: dict[str, list[int]] = defaultdict(list)
    for at, (title, told) in enumerate(rows):
        language = told or language_of(title)
        if language is not None and language != "en":
            found["@"].append(at)
            found[f"@{language}"].append(at)
    return {name: Hits(np.array(at, np.int32), np.ones(len(at), np.float32)) for name, at in found.items()}


def strength(terms: list[tuple[Hits, float]], movies: int) -> Scores:
    """The evidence of several terms together, float32 [movies]: 1 − Π (1 − trust · share of the term's best score)."""
    doubt = np.ones(movies, np.float32)
    for hits, trust in terms:
        share = 0.6 + 0.4 * hits.score / max(float(hits.score.max()), 1e-9)
        doubt[hits.at] *= 1 - np.float32(trust) * share
    return 1 - doubt


def together_found(evidence: list[Evidence], genres: dict[str, Hits], movies: int) -> Found:
    """The evidence of all ideas, each weighted by how few movies have it."""
    whole, direct = 0.0, np.zeros(movies, np.float32)
    fitting = fits([each.idea for each in evidence], genres, movies)
    for idea, terms in evidence:
        if not terms:
            continue
        found = strength(terms, movies)
        weight = max(math.log(movies / (1 + np.count_nonzero(found > 0.05))) / math.log(max(movies, 2)), 0.1)
        weight *= 1 if idea.known else WORD_WEIGHT
        direct += np.float32(weight) * found
        whole += weight
        if idea.theme.tongues:
            fitting[found < FOREIGN] *= np.float32(OTHER_GENRE)
    if not whole:
        named = any(each.idea.theme.must for each in evidence)
        return Found(np.full(movies, 0.5 if named else 0, np.float32) * fitting, fitting, known=True)
    return Found(direct / np.float32(whole) * fitting, fitting, known=True)


def fits(ideas: list[Idea], genres: dict[str, Hits], movies: int) -> Scores:
    """Factors for the genres that are named, and those of which any speaks for a theme; float32 [movies]."""
    fitting = np.ones(movies, np.float32)
    for name in {name for idea in ideas for name in idea.theme.must}:
        without = np.ones(movies, bool)
        without[genres[name].at] = False
        fitting[without] *= np.float32(OTHER_GENRE)
    soft = {name for idea in ideas for name in idea.theme.soft}
    if soft:
        without = np.ones(movies, bool)
        for name in soft:
            without[genres[name].at] = False
        fitting[without] *= np.float32(OTHER_KIND)
    return fitting


def clauses(text: str) -> list[str]:
    """A text as it is; one that says more than a search takes in its clauses, those cut to pieces if need be.

    >>> clauses("Calm nurse, fond of old people; no nights, no weekends, part-time, near the sea")[:3]
    ['Calm nurse', 'fond of old people', 'no nights']
    """
    text = text[:LONGEST]
    if sum(word not in STOP_WORDS for word in plain_words(text)) <= MAX_IDEAS:
        return [text]
    words = [clause.split() for clause in _CLAUSE.findall(text)]
    return [" ".join(row[at : at + PIECE]) for row in words for at in range(0, len(row), PIECE)][:MAX_CLAUSES] or [text]


def together(found: list[TextMatch], parts: int) -> list[TextMatch]:
    """The matches of all parts of a text as one list: scores are added, shares averaged."""
    sums: dict[int, tuple[float, float]] = {}
    for movie_id, score, share in found:
        scores, shares = sums.get(movie_id, (0.0, 0.0))
        sums[movie_id] = scores + score, shares + share / parts
    matches = [TextMatch(movie_id, *added) for movie_id, added in sums.items()]
    return sorted(matches, key=lambda match: (-match.score, match.movie_id))


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


def terms(ideas: list[tuple[str, ...]]) -> list[str]:
    """Every word of the ideas, and every idea; neighbours count once more where they stand together."""
    words = dict.fromkeys(word for idea in ideas for word in idea if word not in STOP_WORDS or len(idea) == 1)
    runs = [" ".join(idea) for idea in ideas if len(idea) > 1]
    runs += [f"{one[0]} {other[0]}" for one, other in pairwise(ideas) if len(one) == len(other) == 1]
    return [f'"{term}"' for term in [*words, *runs]]


def total(hits: list[Hits], movies: int) -> Scores:
    """BM25 of several terms together, float32 [movies]; 0 where a movie has none."""
    scores = np.zeros(movies, np.float32)
    for term in hits:
        scores[term.at] += term.score
    return scores


def counted(hits: list[Hits], movies: int) -> npt.NDArray[np.int32]:
    """The number of the terms that each movie has."""
    counts = np.zeros(movies, np.int32)
    for term in hits:
        counts[term.at] += 1
    return counts


def having_most(had: list[Hits], movies: int) -> Scores:
    """Scores of the movies that have all ideas; where there is none, all but the last, and so on."""
    for count in range(len(had), 0, -1):
        if (having := counted(had[:count], movies) == count).any():
            return np.where(having, total(had[:count], movies), np.float32(0))
    return np.zeros(movies, np.float32)


def ranked(ids: Ids, scores: Scores, had: list[Hits]) -> list[TextMatch]:
    """The movies of the highest scores, by score times share; half a share where only a word of an idea fits."""
    at = np.flatnonzero(scores)
    at = at[np.argsort(-scores[at], kind="stable")[:CANDIDATES]]
    counts = counted(had, len(ids))[at]
    weighted = scores[at] * np.maximum(counts, 0.5) / max(len(had), 1)
    order = np.lexsort((ids[at], -weighted))
    columns = ids[at][order], weighted[order], counts[order] / max(len(had), 1)
    return [TextMatch(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def weight(hits: Hits) -> int:
    """Room that a term takes, in movies; what Python itself takes is that of about a hundred."""
    return 100 + len(hits.at)
