"""Rows in order: whole groups of one user's (or movie's) rows at a time, whatever the order of the file. No SQL."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

from movies.ingest.parsing import Triples
from movies.ingest.stats import Ints

T = TypeVar("T")

PASS_ROWS = 2_000_000  # held in memory at once where a file is not in order


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
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for batch in batches:
        keys, counts = _add_counts(keys, counts, *np.unique(batch.first, return_counts=True))
    passes = np.cumsum(counts) // PASS_ROWS
    firsts = keys[np.flatnonzero(np.diff(passes, prepend=-1))].tolist() if len(keys) else []
    return list(zip(firsts, [*firsts[1:], 2**62], strict=True))


def _add_counts(keys: Ints, counts: Ints, more_keys: Ints, more_counts: Ints) -> tuple[Ints, Ints]:
    keys, where = np.unique(np.concatenate([keys, more_keys]), return_inverse=True)
    return keys, np.bincount(where, np.concatenate([counts, more_counts]), len(keys)).astype(np.int64)
