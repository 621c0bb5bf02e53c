"""Chooses the tags that tell about a movie: the genome's, and those that its viewers typed. Frames in, frames out.

A frame of tags has the columns movie (its index), tag (as shown), plain (as compared), relevance (0 to 1) and spelling
(0 where the movie has the tag as shown, else the place of its first other spelling, from 1), with each movie's rows
best first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from movies.ingest.stats import Floats, Ints, run_starts
from movies.titles import plain

TagsOf: TypeAlias = dict[int, list[tuple[str, float]]]  # movie index: tags with their relevance, best first

GENOME_THRESHOLD = 0.4  # below it a genome tag says little about a movie
WHOLE = np.iinfo(np.uint16).max
TELLING = 30  # tags kept of a movie
LONGEST_TAG = 100  # characters; what is longer is a sentence and no tag
NAMES = {"tag": pl.String, "plain": pl.String}
SCHEMA = {"movie": pl.Int64, "tag": pl.String, "plain": pl.String, "relevance": pl.Float64, "spelling": pl.Int64}


class GenomeStats:
    """The genome as dense uint16 matrices of relevance in 65535ths, one row a movie as movies come."""

    def __init__(self, tags: int) -> None:
        self._tags = tags
        self._movies: list[Ints] = []
        self._rows: list[npt.NDArray[np.uint16]] = []

    def add(self, movie_index: Ints, tag_index: Ints, relevance: Floats) -> None:
        """Take a batch in which each movie has all its tags, one movie after the other."""
        starts = run_starts(movie_index)
        rows = np.zeros((len(starts) - 1, self._tags), np.uint16)
        rows[np.repeat(np.arange(len(rows)), np.diff(starts)), tag_index] = np.rint(relevance * WHOLE)
        self._movies.append(movie_index[starts[:-1]])
        self._rows.append(rows)

    def telling(self, names: Sequence[str]) -> pl.DataFrame:
        """Choose each movie's tags, called by `names`, that are relevant and not said of every movie.

        Ranked by relevance · -log(mean relevance of the tag): what says most about this movie among all.
        """
        if not self._rows:
            return pl.DataFrame(schema=SCHEMA)
        totals = sum(rows.sum(axis=0, dtype=np.float64) for rows in self._rows)
        rarity = -np.log(np.clip(totals / WHOLE / sum(map(len, self._rows)), 1e-6, 1 - 1e-6))
        kept: list[tuple[Ints, Ints, Floats]] = []
        for movie, row in chain.from_iterable(map(zip, self._movies, self._rows)):
            relevant = np.flatnonzero(row >= GENOME_THRESHOLD * WHOLE)
            best = relevant[np.argsort(-(row * rarity)[relevant], kind="stable")][:TELLING]
            kept.append((np.full(len(best), movie), best, row[best] / WHOLE))
        movie_column, tag_column, relevance = (np.concatenate(part) for part in zip(*kept, strict=True))
        called = pl.DataFrame({"tag": names, "plain": list(map(plain, names))}, schema=NAMES)
        return (
            called[tag_column]
            .with_columns(movie=movie_column, relevance=relevance, spelling=pl.lit(0, pl.Int64))
            .select(*SCHEMA)
        )


class TypedTags:
    """Collects tags as they were typed, and ranks each movie's. All but the spellings are numbers, to stay small.

    Attributes:
        other_spellings: once they are ranked, by the tag as compared, how else than shown it was typed, in lower case.
    """

    def __init__(self) -> None:
        self.other_spellings: dict[str, list[str]] = {}
        self._codes: dict[str, int] = {}
        self._parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, movies: Ints, users: Ints, tags: Sequence[str]) -> None:
        """Take tags with the index of the movie that each is of."""
        codes = [self._codes.setdefault(tag, len(self._codes)) for tag in tags]
        self._parts.append((movies, users, np.array(codes, np.int64)))

    def ranked(self) -> pl.DataFrame:
        """Rank by the share of the movie's taggers who used a tag, then by its use anywhere.

        Spellings that compare alike are one tag, shown as it is most often written. `users` is added to the columns.
        """
        if not self._codes:
            return pl.DataFrame(schema={**SCHEMA, "users": pl.Int64})
        movie, user, code = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        user = np.unique(user, return_inverse=True)[1]
        forms, form_of, spelling_of = self._forms(np.bincount(code))
        taggers = np.bincount(_pairs(movie, user)[0])
        usable = form_of[code] >= 0
        tagged = movie[usable] * len(forms) + form_of[code[usable]]
        uses, _ = _pairs(tagged, user[usable])
        first_spelling = _first(*_pairs(tagged, spelling_of[code[usable]]))
        starts = run_starts(uses)
        uses, users = uses[starts[:-1]], np.diff(starts)
        movie, form = np.divmod(uses, max(len(forms), 1))
        relevance = users / taggers[movie]
        order = np.lexsort((form, -relevance, movie))
        shown = forms[form[order]].with_columns(
            movie=movie[order],
            relevance=relevance[order],
            spelling=first_spelling[order],
            users=users[order].astype(np.int64),
        )
        return shown.select(*SCHEMA, "users")

    def _forms(self, times: Ints) -> tuple[pl.DataFrame, Ints, Ints]:
        """The tags as shown and as compared, the most used first; the number of each spelling's, -1 for none; the place
        of the spelling among its tag's, in lower case, 0 as shown.
        """
        spellings: dict[str, list[tuple[int, str]]] = {}
        for tag, code in self._codes.items():
            if len(tag) <= LONGEST_TAG and (form := plain(tag)):
                spellings.setdefault(form, []).append((int(times[code]), tag))
        used = sorted((-sum(count for count, _ in written), form) for form, written in spellings.items())
        number = {form: at for at, (_, form) in enumerate(used)}
        form_of = [number.get(plain(tag), -1) if len(tag) <= LONGEST_TAG else -1 for tag in self._codes]
        shown = {"tag": [max(spellings[form])[1] for form in number], "plain": list(number)}
        places: dict[str, int] = {}  # of spellings other than shown, each of which is of one form
        for form, name in zip(number, shown["tag"], strict=True):
            others = dict.fromkeys(tag.lower() for _, tag in sorted(spellings[form], reverse=True))
            if len(others) > 1:
                self.other_spellings[form] = [other for other in others if other != name.lower()]
                places |= {other: place for place, other in enumerate(self.other_spellings[form], 1)}
        spelling_of = [places.get(tag.lower(), 0) for tag in self._codes]
        return pl.DataFrame(shown, schema=NAMES), np.array(form_of, np.int64), np.array(spelling_of, np.int64)


def _pairs(one: Ints, other: Ints) -> tuple[Ints, Ints]:
    """The different pairs of two columns of small numbers."""
    width = int(other.max(initial=0)) + 1
    pairs = np.sort(one * width + other)  # np.unique would hash, which takes many times as long
    first, second = np.divmod(pairs[run_starts(pairs)[:-1]], width)
    return first, second


def _first(one: Ints, other: Ints) -> Ints:
    """The smallest of the other column for each of the one, of pairs in order."""
    return other[run_starts(one)[:-1]]


def merge_tags(genome: pl.DataFrame, typed: pl.DataFrame) -> pl.DataFrame:
    """Join the genome's tags and the typed ones.

    Where a movie has a genome, a typed tag is added when several viewers used it and the genome has no such tag.
    """
    in_genome = pl.col("movie").is_in(genome["movie"].unique().implode())
    known = pl.col("plain").is_in(genome["plain"].unique().implode())
    typed = typed.filter(~in_genome | ((pl.col("users") > 1) & ~known)).select(*SCHEMA)
    joined = pl.concat([genome.filter(pl.col("plain") != ""), typed])
    joined = joined.unique(["movie", "plain"], keep="first", maintain_order=True).sort("movie", maintain_order=True)
    return joined.filter(pl.int_range(pl.len()).over("movie") < TELLING)


def tags_by_movie(tags: pl.DataFrame) -> TagsOf:
    """The tags of each movie with their relevance, best first."""
    by_movie: TagsOf = {}
    for movie, tag, relevance in zip(*(tags[name].to_list() for name in ("movie", "tag", "relevance")), strict=True):
        by_movie.setdefault(movie, []).append((tag, round(relevance, 4)))
    return by_movie
