"""Chunks of MovieLens's files to columns of values: fast where all is plain, else exactly, row by row.

Long files are read in chunks of whole lines, parsed column-wise by polars. Where a chunk is not plainly clean the csv
module reads it again, row by row: it either finds that all is well (a blank line, a quoted number) or names the exact
line, column and reason. The slow reader is the authority, the fast one only ever agrees with it.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from errors import CatalogueError, MalformedFile
from movies.ingest.layout import RATINGS, Layout
from movies.ingest.stats import Floats, Ints

CHUNK = 4 * 2**20
NEWLINE = ord("\n")
LARGEST_FIELD = 16 * CHUNK  # of quoted text that spans lines, before it is taken for a lost quote
LARGEST_LINE = 2 * LARGEST_FIELD
UNREADABLE = (OSError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)  # a zip raises them
TAG_SCHEMA = {
    "line": pl.Int64, "userId": pl.Int64, "movieId": pl.Int64, "tag": pl.String, "timestamp": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Triples:
    """Rows of ratings (user, movie, stars) or genome scores (movie, tag, relevance), column-wise."""

    lines: Ints
    first: Ints
    second: Ints
    value: Floats
    timestamp: Ints

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, chosen: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> Triples:
        return Triples(
            self.lines[chosen], self.first[chosen], self.second[chosen], self.value[chosen], self.timestamp[chosen]
        )

    def rows(self) -> Iterator[tuple[int, int, float, int]]:
        columns = (self.first.tolist(), self.second.tolist(), self.value.tolist(), self.timestamp.tolist())
        return zip(*columns, strict=True)


def read_triples(chunk: Chunk) -> Triples:
    """The rows of ratings or genome scores."""
    return _fast_triples(chunk) or _exact_triples(chunk)


def read_tags(chunk: Chunk) -> pl.DataFrame:
    """The rows of tags as their users typed them, in the columns of TAG_SCHEMA."""
    frame = _fast_tags(chunk)
    return _exact_tags(chunk) if frame is None else frame


class ChunkReader:
    """Splits a stream after whole lines; with `text` never inside a quoted field that spans lines.

    `digest`, if any, is fed all that is read.
    """

    def __init__(self, file: str, stream: IO[bytes], digest: hashlib._Hash | None, *, text: bool) -> None:
        self._file, self._stream, self._digest, self._text = file, stream, digest, text
        self._rest, self._line = b"", 1
        self.done = 0
        self._read(CHUNK)
        self._rest = self._rest.removeprefix(codecs.BOM_UTF8)

    def line(self) -> bytes:
        """Take the first line off."""
        while b"\n" not in self._rest and len(self._rest) < CHUNK and self._read(CHUNK):
            pass
        head, _, self._rest = self._rest.partition(b"\n")
        self._line += 1
        return head

    def chunks(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield (line number of the first record, number of lines, data)."""
        more, size = True, CHUNK // 2 if self._text else CHUNK
        while more:
            cut = self._rest.rfind(b"\n") + 1
            if self._text and self._rest.count(b'"', 0, cut) % 2 and len(self._rest) < LARGEST_FIELD:
                cut = 0
            data, rest = self._rest[:cut], self._rest[cut:]
            if data:
                lines = int(np.count_nonzero(np.frombuffer(data, np.uint8) == NEWLINE))  # faster than data.count
                yield self._line, lines, data
                self._line += lines
            self._rest = rest
            if len(rest) > LARGEST_LINE:
                raise CatalogueError(f"{self._file}, line {self._line} is longer than {LARGEST_LINE >> 20} MB")
            more = self._read(size)
        if self._rest:
            yield self._line, self._rest.count(b"\n") + 1, self._rest

    def _read(self, size: int) -> bool:
        try:
            block = self._stream.read(size)
        except UNREADABLE as error:
            raise CatalogueError(f"{self._file} cannot be read to its end: {error}") from error
        if self._digest is not None:
            self._digest.update(block)
        self.done += len(block)
        self._rest += block
        return bool(block)


class Chunk(NamedTuple):
    """Whole records of one file, as bytes."""

    layout: Layout
    data: bytes
    first_line: int
    lines: int

    def records(self) -> Iterator[tuple[int, list[Any]]]:
        """Parse row by row; yield (line number, a value for each column).

        Raises:
            MalformedFile: at the first row that is not in the layout.
        """
        columns = list(zip(self.layout.table.columns, self.layout.positions(), strict=True))
        for line, row in self._split():
            if len(row) != len(self.layout.names):
                reason = f"the line has {len(row)} fields where {len(self.layout.names)} belong"
                raise MalformedFile(self.layout.file, line, self._column_at(len(row)), reason)
            values: list[Any] = []
            for column, at in columns:
                try:
                    values.append(None if at is None else column.parse(row[at]))
                except ValueError as error:
                    raise MalformedFile(self.layout.file, line, column.name, str(error)) from None
            yield line, values

    def _split(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the non-blank rows as text, each with the line on which it starts."""
        text = self._decode()
        if self.layout.dat:
            for number, line in enumerate(text.split("\n")):
                if line.strip():
                    yield self.first_line + number, _split_dat(line.rstrip("\r"), len(self.layout.names))
            return
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        start = 0
        try:
            for row in reader:
                if len(row) > 1 or (row and row[0].strip()):
                    yield self.first_line + start, row
                start = reader.line_num
        except csv.Error as error:
            at_fault = self.data.split(b"\n")[start].decode(errors="replace")
            column = self._column_at(at_fault.partition('"')[0].count(","))
            raise MalformedFile(self.layout.file, self.first_line + start, column, f"not valid CSV: {error}") from None

    def _decode(self) -> str:
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            if self.layout.dat:  # ml-1m
                return self.data.decode("latin-1")
            before = self.data.count(b"\n", 0, error.start)
            at_fault = self.data.split(b"\n")[before].decode(errors="replace")
            column = self._column_at(at_fault.partition("\ufffd")[0].count(","))
            byte = self.data[error.start]
            reason = f"not valid UTF-8 (byte 0x{byte:02x})"
            raise MalformedFile(self.layout.file, self.first_line + before, column, reason) from None

    def _column_at(self, position: int) -> str:
        return self.layout.names[min(position, len(self.layout.names) - 1)]


def _split_dat(line: str, width: int) -> list[str]:
    """Split at '::', where the text in the middle may hold it too: 'a::b::c::d' in three is a, 'b::c', d."""
    fields = line.split("::")
    surplus = len(fields) - width
    if surplus <= 0 or width < 3:
        return fields
    at = 1 if width == 3 else 2
    return [*fields[:at], "::".join(fields[at : at + surplus + 1]), *fields[at + surplus + 1 :]]


def _fast_frame(layout: Layout, data: bytes, lines: int) -> pl.DataFrame | None:
    """Parse plain lines column-wise; None where anything at all is out of the ordinary."""
    names = [str(at) for at in range(len(layout.names))]
    wanted = dict(zip((str(at) for at in layout.positions()), layout.table.columns, strict=True))
    schema = {name: wanted[name].dtype if name in wanted else pl.String for name in names}
    try:
        frame = pl.read_csv(data, has_header=False, schema=schema, quote_char=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    numbers = [(frame[name], column) for name, column in wanted.items() if column.dtype is not pl.String]
    within = (values.is_between(column.least, column.most).all(ignore_nulls=False) for values, column in numbers)
    if frame.height != lines or not all(within):
        return None
    return frame.select(pl.col(name).alias(column.name) for name, column in wanted.items())


def _fast_triples(chunk: Chunk) -> Triples | None:
    data = chunk.data
    if chunk.layout.dat:
        if b"," in data:
            return None
        data = data.replace(b"::", b",")
    frame = _fast_frame(chunk.layout, data, chunk.lines)
    if frame is None:
        return None
    if chunk.layout.table is RATINGS and (frame["rating"] * 2 % 1 != 0).any():
        return None
    return _triples(frame, np.arange(chunk.first_line, chunk.first_line + frame.height))


def _exact_triples(chunk: Chunk) -> Triples:
    records = list(chunk.records())
    schema = {column.name: column.dtype for column in chunk.layout.table.columns}
    frame = pl.DataFrame([values for _, values in records], schema, orient="row")
    return _triples(frame, np.array([line for line, _ in records], np.int64))


def _triples(frame: pl.DataFrame, lines: Ints) -> Triples:
    columns = [values.to_numpy() for values in frame]
    timestamp = columns[3] if len(columns) > 3 else np.zeros(len(lines), np.int64)
    return Triples(lines, columns[0], columns[1], columns[2], timestamp)


def _fast_tags(chunk: Chunk) -> pl.DataFrame | None:
    """Parse the lines without a quote column-wise and the few others one by one; None where quotes span lines."""
    if chunk.layout.dat or b"\0" in chunk.data:
        return None
    lines = chunk.data.removesuffix(b"\n").split(b"\n")
    quoted = [at for at, line in enumerate(lines) if b'"' in line]
    if any(lines[at].count(b'"') % 2 for at in quoted):
        return None
    simple = b"\n".join(line for line in lines if b'"' not in line) if quoted else chunk.data
    frame = _fast_frame(chunk.layout, simple, len(lines) - len(quoted)) if simple else None
    if frame is None:
        return None
    numbers = np.delete(np.arange(chunk.first_line, chunk.first_line + len(lines)), quoted)
    tag = pl.col("tag").fill_null("").str.strip_chars()
    rows = frame.with_columns(tag, line=numbers).select(*TAG_SCHEMA)
    try:
        others = _exact_tags(chunk._replace(data=b"\n".join(lines[at] for at in quoted), first_line=0))
    except MalformedFile:  # by a line number that is not the file's
        return None
    at = np.array(quoted, np.int64)[others["line"].to_numpy()]
    return rows.vstack(others.with_columns(line=chunk.first_line + at))


def _exact_tags(chunk: Chunk) -> pl.DataFrame:
    return pl.DataFrame([(line, *values) for line, values in chunk.records()], TAG_SCHEMA, orient="row")
