"""The files of one MovieLens edition, or of any catalogue in its layout, as typed rows, in order where that is needed.

Stores nothing: whole groups of one user's (or movie's) rows are handed on at a time, whatever the order of the file.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple, TypeVar

import numpy as np
import polars as pl

from errors import CatalogueError
from movies.ingest.archives import Progress, Source
from movies.ingest.layout import (
    GENOME_SCORES,
    GENOME_TAGS,
    LINKS,
    MOVIES,
    NAMING,
    RATINGS,
    TAGS,
    USERS,
    Layout,
    Table,
    naming,
)
from movies.ingest.parsing import UNREADABLE, Chunk, ChunkReader, Triples, read_tags, read_triples
from movies.ingest.stats import Ints
from movies.models import Naming

NO_GENRES = "(no genres listed)"
MOST_REASONS = 3  # kept of a file
LARGEST_NAMING = 2**16  # bytes
PASS_ROWS = 2_000_000  # held in memory at once where a file is not in order

T = TypeVar("T")


class MovieRow(NamedTuple):
    line: int
    movie_id: int
    title: str
    genres: tuple[str, ...]
    description: str | None


class UserRow(NamedTuple):
    line: int
    user_id: int
    profile: str


class LinkRow(NamedTuple):
    line: int
    movie_id: int
    imdb_id: str | None
    tmdb_id: int | None


@dataclass
class FileReport:
    """Counts of a file's rows, and the time they took. `reasons` are the first few for which rows were refused."""

    rows: int = 0
    seconds: float = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)

    def refuse(self, lines: Ints | list[int], reasons: Iterable[str]) -> None:
        """Count rows as refused, and keep the first few with the reason of each."""
        self.refused += len(lines)
        kept = lines[: MOST_REASONS - len(self.reasons)]
        self.reasons += [f"line {line}: {reason}" for line, reason in zip(kept, reasons, strict=False)]


class MovieFiles:
    """The files of one edition, or of any catalogue in MovieLens's layout.

    `reports` counts the rows of each file; `version` is known when all files were read once.
    """

    def __init__(self, source: Source, progress: Progress = lambda *_: None) -> None:
        self.source, self.progress = source, progress
        self.reports: dict[str, FileReport] = {}
        self._present = set(source.names())
        self._digests: dict[str, str] = {}
        self.dat = "movies.csv" not in self._present and "movies.dat" in self._present
        if not self.has(MOVIES):
            raise CatalogueError(f"{source.name} has no {MOVIES.stem}.csv, which a catalogue needs")

    def has(self, table: Table) -> bool:
        return self.file(table) in self._present and not (self.dat and table is USERS)  # ml-1m's tell age and sex

    def file(self, table: Table) -> str:
        return table.stem + (".dat" if self.dat else ".csv")

    def missing(self) -> list[str]:
        """The optional files of a MovieLens edition that are not there."""
        tables = (RATINGS, TAGS) if self.dat else (RATINGS, LINKS, TAGS, GENOME_TAGS, GENOME_SCORES)
        return [self.file(table) for table in tables if not self.has(table)]

    def report(self, table: Table) -> FileReport:
        return self.reports.setdefault(self.file(table), FileReport())

    @property
    def version(self) -> str:
        """A hash of the content of all files read."""
        listing = "\n".join(f"{file} {digest}" for file, digest in sorted(self._digests.items()))
        return hashlib.sha256(listing.encode()).hexdigest()

    def movies(self) -> Iterator[MovieRow]:
        for line, (movie_id, title, genres, description) in self._rows(MOVIES):
            yield MovieRow(line, movie_id, title, _genres(genres or ""), description or None)

    def users(self) -> Iterator[UserRow]:
        for line, values in self._rows(USERS):
            yield UserRow(line, *values)

    def naming(self) -> Naming:
        """The names of the items; movies, where no file says so."""
        if NAMING not in self._present:
            return Naming()
        try:
            with self._opened(NAMING) as stream:
                content = stream.read(LARGEST_NAMING + 1)
        except UNREADABLE as error:
            raise CatalogueError(f"{NAMING} cannot be read to its end: {error}") from error
        if len(content) > LARGEST_NAMING:
            raise CatalogueError(f"{NAMING} is larger than {LARGEST_NAMING // 1024} KB")
        self._digests[NAMING] = hashlib.sha256(content).hexdigest()
        return naming(content)

    def links(self) -> Iterator[LinkRow]:
        for line, values in self._rows(LINKS):
            yield LinkRow(line, *values)

    def genome_tags(self) -> Iterator[tuple[int, str]]:
        for _, (tag_id, tag) in self._rows(GENOME_TAGS):
            yield tag_id, tag

    def tags(self) -> Iterator[pl.DataFrame]:
        """The tags as their users typed them; columns as in TAG_SCHEMA."""
        for chunk in self._chunks(TAGS):
            rows = read_tags(chunk)
            self.report(TAGS).rows += len(rows)
            yield rows

    def triples(self, table: Table) -> Iterator[Triples]:
        """The rows of ratings or genome scores."""
        for chunk in self._chunks(table):
            triples = read_triples(chunk)
            self.report(table).rows += len(triples)
            yield triples

    def _rows(self, table: Table) -> Iterator[tuple[int, list[Any]]]:
        for chunk in self._chunks(table):
            for row in chunk.records():
                self.report(table).rows += 1
                yield row

    def _chunks(self, table: Table) -> Iterator[Chunk]:
        """Read a file in chunks of whole records, hashing it on the way."""
        file, digest = self.file(table), hashlib.sha256()
        self.report(table).rows = 0
        with self._opened(file) as stream:
            reader = ChunkReader(file, stream, digest, text=any(column.dtype is pl.String for column in table.columns))
            layout = Layout.of_dat(file, table) if self.dat else Layout.of_header(file, table, reader.line())
            for first_line, lines, data in reader.chunks():
                yield Chunk(layout, data, first_line, lines)
                self.progress(file, reader.done, self.source.size(file))
        self._digests[file] = digest.hexdigest()

    def _opened(self, file: str) -> IO[bytes]:
        try:
            return self.source.open(file)
        except UNREADABLE as error:
            raise CatalogueError(f"{file} cannot be read: {error}") from error


class NotInOrderError(Exception):
    """A group goes on after other groups came: the file has to be read another way."""


def groups(batches: Iterator[Triples], refuse: Callable[[Triples], None]) -> Iterator[Triples]:
    """Yield batches sorted by (first, second), each pair once, each group of one `first` whole.

    Of several rows for one pair the last by timestamp, then by line, is kept; the others go to `refuse`.

    Raises:
        NotInOrderError: the groups do not come in ascending order.
    """
    last, held = -1, None
    for batch in batches:
        joined = batch if held is None else _join([held, batch])
        if not len(joined):
            continue
        ordered = _sorted(joined, refuse)
        cut = int(np.searchsorted(ordered.first, ordered.first[-1]))
        if ordered.first[0] <= last:
            raise NotInOrderError
        if cut:
            last = int(ordered.first[cut - 1])
            yield ordered.take(slice(cut))
        held = ordered.take(slice(cut, None))
    if held is not None:
        yield held


def sorted_passes(read: Callable[[], Iterator[Triples]]) -> Iterator[Triples]:
    """Read all rows several times, each time keeping the next range of `first` that fits in memory."""
    for low, high in _ranges(read()):
        kept = [batch.take((batch.first >= low) & (batch.first < high)) for batch in read()]
        yield _join(kept)


@contextmanager
def prefetched(items: Iterator[T], depth: int = 2) -> Iterator[Iterator[T]]:
    """Run an iterator in a thread of its own, from now on and `depth` items ahead of whoever takes them.

    An error in the thread is raised where its items are taken. Leaving the `with` ends the thread.
    """
    reader = ThreadPoolExecutor(1)
    ahead = deque(reader.submit(next, items, None) for _ in range(depth))

    def taken() -> Iterator[T]:
        while (item := ahead.popleft().result()) is not None:
            ahead.append(reader.submit(next, items, None))
            yield item

    try:
        yield taken()
    finally:
        reader.shutdown(cancel_futures=True)


def _genres(text: str) -> tuple[str, ...]:
    if text.strip() == NO_GENRES:
        return ()
    return tuple(dict.fromkeys(genre.strip() for genre in text.split("|") if genre.strip()))


def _sorted(rows: Triples, refuse: Callable[[Triples], None]) -> Triples:
    same, rising = rows.first[1:] == rows.first[:-1], rows.first[1:] > rows.first[:-1]
    if bool((rising | (same & (rows.second[1:] > rows.second[:-1]))).all()):
        return rows
    rows = rows.take(np.lexsort((rows.lines, rows.timestamp, rows.second, rows.first)))
    superseded = np.append((rows.first[1:] == rows.first[:-1]) & (rows.second[1:] == rows.second[:-1]), False)
    if superseded.any():
        refuse(rows.take(superseded))
        rows = rows.take(~superseded)
    return rows


def _join(parts: list[Triples]) -> Triples:
    columns = ("lines", "first", "second", "value", "timestamp")
    return Triples(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


def _ranges(batches: Iterator[Triples]) -> list[tuple[int, int]]:
    """Divide all values of `first` into ranges of about PASS_ROWS rows."""
    keys, counts = np.zeros(0, np.int64), np.zeros(0)
    for batch in batches:
        keys, where = np.unique(np.concatenate([keys, batch.first]), return_inverse=True)
        counts = np.bincount(where, np.append(counts, np.ones(len(batch))), len(keys)).astype(np.float64)
    passes = np.cumsum(counts) // PASS_ROWS
    firsts = keys[np.flatnonzero(np.diff(passes, prepend=-1))].tolist() if len(keys) else []
    return list(zip(firsts, [*firsts[1:], 2**62], strict=True))
