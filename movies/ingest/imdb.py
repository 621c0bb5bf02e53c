"""IMDb's non-commercial files into facts of a catalogue's movies: running times, who made them, original titles.

The files are read in chunks of whole lines, of which only those of the catalogue's movies are kept: the longest has
ninety million rows. Nothing of them is shipped with this service; https://developer.imdb.com/non-commercial-datasets/
says what they hold and for what they may be used.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
import polars as pl

from errors import CatalogueError, MalformedFile
from movies.ingest.archives import Progress
from movies.ingest.files import MOST_REASONS, FileReport, prefetched
from movies.ingest.parsing import UNREADABLE, ChunkReader

MOST_CAST, MOST_WRITERS, MOST_DIRECTORS = 8, 4, 8  # kept of a movie
LONGEST_RUNTIME = 60_000  # minutes; the longest film of all runs for 51,420
CAST = ("actor", "actress", "self")
GZIP = b"\x1f\x8b"
NULL = "\\N"
SHOWN = 200  # characters of a header

PEOPLE = pl.List(pl.Struct({"person_id": pl.String, "name": pl.String}))
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "imdb_id": pl.String, "found": pl.Boolean, "runtime": pl.Int32, "original_title": pl.String,
    "original_language": pl.String, "imdb_rating": pl.Float64, "imdb_votes": pl.Int64, "directors": PEOPLE,
    "writers": PEOPLE, "cast": PEOPLE,
}  # fmt: skip


class Table(NamedTuple):
    """One of the files: its name without ending, the column by which rows are kept, and what else is read of them."""

    stem: str
    key: str
    columns: tuple[str, ...]
    optional: bool = False


BASICS = Table("title.basics", "tconst", ("primaryTitle", "originalTitle", "runtimeMinutes"))
RATINGS = Table("title.ratings", "tconst", ("averageRating", "numVotes"), optional=True)
CREW = Table("title.crew", "tconst", ("directors", "writers"))
PRINCIPALS = Table("title.principals", "tconst", ("ordering", "nconst", "category"))
AKAS = Table("title.akas", "titleId", ("language", "isOriginalTitle"), optional=True)
NAMES = Table("name.basics", "nconst", ("primaryName",))
TABLES = (BASICS, RATINGS, CREW, PRINCIPALS, AKAS, NAMES)


class ImdbFiles:
    """A folder with IMDb's files, packed or not. `reports` counts the rows of each that was read."""

    def __init__(self, folder: Path, progress: Progress = lambda *_: None) -> None:
        if not folder.is_dir():
            raise CatalogueError(f"There is no folder {folder}. It should hold IMDb's files: {_names(TABLES)}")
        self._progress = progress
        self._paths = {table: path for table in TABLES if (path := _path(folder, table))}
        self.reports: dict[str, FileReport] = {}
        needed = [table for table in TABLES if not (table.optional or self.has(table))]
        if needed:
            raise CatalogueError(f"{folder} has no {_names(needed)}, needed for running times and people")

    def has(self, table: Table) -> bool:
        return table in self._paths

    def missing(self) -> list[str]:
        """The optional files that are not there."""
        return [f"{table.stem}.tsv.gz" for table in TABLES if not self.has(table)]

    def report(self, table: Table) -> FileReport:
        return self.reports.setdefault(self._paths[table].name, FileReport())

    def rows(self, table: Table, keys: pl.Series, only: pl.Expr | None = None) -> pl.DataFrame:
        """The rows with these keys, as text, null where the file says so; of an optional file that is missing none.

        Raises:
            MalformedFile: a column is missing, or a row is not in the layout.
            CatalogueError: the file cannot be read to its end.
        """
        schema = dict.fromkeys((table.key, *table.columns), pl.String)
        if not self.has(table):
            return pl.DataFrame(schema=schema)
        started, report, wanted = time.perf_counter(), self.report(table), pl.col(table.key).is_in(keys.implode())
        kept = [pl.DataFrame(schema=schema)]
        with prefetched(self._chunks(table)) as chunks:
            for layout, data, first_line, lines in chunks:
                report.rows += lines
                kept.append(layout.parse(data, first_line, lines).filter(wanted if only is None else wanted & only))
        report.seconds += time.perf_counter() - started
        return pl.concat(kept)

    def _chunks(self, table: Table) -> Iterator[tuple[_Layout, bytes, int, int]]:
        """Whole lines of a file with the number of the first, and how many they are."""
        path = self._paths[table]
        try:
            with path.open("rb") as raw:
                packed = raw.read(len(GZIP)) == GZIP
                raw.seek(0)
                stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
                reader = ChunkReader(path.name, stream, None, text=False)
                layout = _Layout.of(path.name, table, reader.line())
                for first_line, lines, data in reader.chunks():
                    yield layout, data, first_line, lines
                    self._progress(path.name, raw.tell(), path.stat().st_size)
        except UNREADABLE as error:
            raise CatalogueError(f"{path.name} cannot be read: {error}") from error


class _Layout(NamedTuple):
    """The columns of one file by its header."""

    file: str
    table: Table
    names: list[str]

    @classmethod
    def of(cls, file: str, table: Table, line: bytes) -> _Layout:
        try:
            names = line.decode().rstrip("\r").split("\t")
        except UnicodeDecodeError:
            raise MalformedFile(file, 1, table.key, "the header is not text in UTF-8") from None
        for column in (table.key, *table.columns):
            if column not in names:
                there = ", ".join(names)[:SHOWN] or "nothing"
                raise MalformedFile(file, 1, column, f"the header has no such column, only {there}")
        return cls(file, table, names)

    def parse(self, data: bytes, first_line: int, lines: int) -> pl.DataFrame:
        """The columns that are read, of rows that are all in the layout."""
        if np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\t")) != lines * (len(self.names) - 1):
            data = self._checked(data, first_line)
        try:
            return self._frame(data)
        except pl.exceptions.PolarsError as error:
            self._checked(data, first_line)
            raise MalformedFile(self.file, first_line, self.table.key, str(error).partition("\n")[0]) from None

    def _frame(self, data: bytes) -> pl.DataFrame:
        columns = (self.table.key, *self.table.columns)
        at = [self.names.index(column) for column in columns]
        frame = pl.read_csv(
            data, has_header=False, separator="\t", quote_char=None, infer_schema=False, columns=sorted(at),
            null_values=NULL,
        )  # fmt: skip
        named = zip(sorted(at), frame.columns, strict=True)
        places = {place: pl.col(name) for place, name in named}
        last = len(self.names) - 1  # a file that was saved with Windows' line ends has a mark left there
        return frame.select(
            (places[place].str.strip_chars_end("\r").replace(NULL, None) if place == last else places[place]).alias(
                name
            )
            for place, name in zip(at, columns, strict=True)
        )

    def _checked(self, data: bytes, first_line: int) -> bytes:
        """The lines that are not blank, if all of them are in the layout."""
        kept = []
        for number, line in enumerate(data.split(b"\n"), first_line):
            if not line.strip(b"\r"):
                continue
            fields = line.split(b"\t")
            try:
                line.decode()
            except UnicodeDecodeError as error:
                at = min(line[: error.start].count(b"\t"), len(self.names) - 1)
                reason = f"not valid UTF-8 (byte 0x{line[error.start]:02x})"
                raise MalformedFile(self.file, number, self.names[at], reason) from None
            if len(fields) != len(self.names):
                reason = f"the line has {len(fields)} fields where {len(self.names)} belong"
                raise MalformedFile(self.file, number, self.names[min(len(fields), len(self.names)) - 1], reason)
            kept.append(line)
        return b"\n".join(kept)


def read_facts(files: ImdbFiles, imdb_ids: Sequence[str]) -> pl.DataFrame:
    """The facts of the movies with these ids (`0113277`), a row each in the columns of SCHEMA.

    Raises:
        CatalogueError: a file cannot be read, or is not in its layout.
    """
    wanted = pl.Series("tconst", [f"tt{imdb_id}" for imdb_id in dict.fromkeys(imdb_ids)], pl.String)
    basics = _basics(files, files.rows(BASICS, wanted).unique("tconst", keep="first"))
    ratings = files.rows(RATINGS, wanted).unique("tconst", keep="first")
    crew = files.rows(CREW, wanted).unique("tconst", keep="first")
    principals = files.rows(PRINCIPALS, wanted, pl.col("category").is_in(CAST))
    original = (pl.col("isOriginalTitle") == "1") & pl.col("language").is_not_null()
    akas = files.rows(AKAS, wanted, original).unique("titleId", keep="first")
    roles = {
        "directors": _listed(crew, "directors", MOST_DIRECTORS),
        "writers": _listed(crew, "writers", MOST_WRITERS),
        "cast": _cast(principals),
    }
    facts = wanted.to_frame().join(basics, "tconst", "left").with_columns(pl.col("found").fill_null(value=False))
    facts = facts.join(akas.select(tconst="titleId", original_language="language"), "tconst", "left")
    facts = facts.join(_rated(ratings), "tconst", "left")
    for role, people in _named(files, roles).items():
        facts = facts.join(people.rename({"people": role}), "tconst", "left")
    facts = facts.with_columns(imdb_id=pl.col("tconst").str.slice(2))
    return facts.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _basics(files: ImdbFiles, rows: pl.DataFrame) -> pl.DataFrame:
    """Running times, and titles of origin where they differ; a running time that is none is counted and left out."""
    minutes = pl.col("runtimeMinutes").cast(pl.Int32, strict=False)
    runtime = pl.when(minutes.is_between(1, LONGEST_RUNTIME)).then(minutes)
    other = pl.when(pl.col("originalTitle") != pl.col("primaryTitle")).then(pl.col("originalTitle"))
    read = rows.with_columns(runtime.alias("runtime"), _clean(other).alias("original_title"), found=pl.lit(value=True))
    _refuse(
        files,
        BASICS,
        read.filter(pl.col("runtime").is_null() & pl.col("runtimeMinutes").is_not_null()),
        "runtimeMinutes",
    )
    return read.select("tconst", "found", "runtime", "original_title")


def _rated(rows: pl.DataFrame) -> pl.DataFrame:
    mean, votes = (
        pl.col("averageRating").cast(pl.Float64, strict=False),
        pl.col("numVotes").cast(pl.Int64, strict=False),
    )
    read = rows.select("tconst", imdb_rating=pl.when(mean.is_between(1, 10)).then(mean), imdb_votes=votes)
    return read.filter(pl.col("imdb_rating").is_not_null() & (pl.col("imdb_votes") > 0))


def _refuse(files: ImdbFiles, table: Table, rows: pl.DataFrame, column: str) -> None:
    """Count values that cannot be read, with the first few of them."""
    report = files.report(table)
    report.refused += rows.height
    for key, value in rows.select(table.key, column).head(MOST_REASONS - len(report.reasons)).iter_rows():
        report.reasons.append(f"{key}: {column} is {value[:SHOWN]!r}")


def _listed(crew: pl.DataFrame, role: str, most: int) -> pl.DataFrame:
    """The people of a column of title.crew, in its order: tconst, nconst, place."""
    people = crew.select("tconst", nconst=pl.col(role).str.split(",").list.head(most)).drop_nulls().explode("nconst")
    return people.with_columns(place=pl.int_range(pl.len()).over("tconst"))


def _cast(principals: pl.DataFrame) -> pl.DataFrame:
    """The first of the cast, in the order of their billing."""
    billed = principals.with_columns(place=pl.col("ordering").cast(pl.Int64, strict=False)).drop_nulls()
    billed = billed.sort("tconst", "place").unique(["tconst", "nconst"], keep="first", maintain_order=True)
    return billed.select("tconst", "nconst", "place").group_by("tconst", maintain_order=True).head(MOST_CAST)


def _named(files: ImdbFiles, roles: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The people of each role by movie, with names; those whom the file of names lacks are counted, and left out."""
    ids = pl.concat([people["nconst"] for people in roles.values()]).unique()
    names = files.rows(NAMES, ids).unique("nconst", keep="first").with_columns(_clean(pl.col("primaryName")))
    names = names.filter(pl.col("primaryName").is_not_null())
    lacking = ids.to_frame().join(names, "nconst", "anti").sort("nconst")
    _refuse(files, NAMES, lacking.with_columns(primaryName=pl.lit("not there")), "primaryName")
    person = pl.struct(person_id="nconst", name="primaryName").alias("people")
    return {
        role: people.join(names, "nconst").sort("tconst", "place").group_by("tconst", maintain_order=True).agg(person)
        for role, people in roles.items()
    }


def _clean(text: pl.Expr) -> pl.Expr:
    """A text without control characters; null where nothing is left."""
    plain = text.str.replace_all(r"[\x00-\x1f\x7f-\x9f]", "").str.strip_chars()
    return pl.when(plain != "").then(plain)


def _path(folder: Path, table: Table) -> Path | None:
    paths = (folder / f"{table.stem}{ending}" for ending in (".tsv.gz", ".tsv"))
    return next((path for path in paths if path.is_file()), None)


def _names(tables: Sequence[Table]) -> str:
    return ", ".join(f"{table.stem}.tsv.gz" for table in tables)
