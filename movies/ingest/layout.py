"""The layout of a catalogue's files, MovieLens's and two more: tables, columns, the check of each value.

No other place knows it.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable
from typing import NamedTuple, Self

import polars as pl
from pydantic import ValidationError

from errors import CatalogueError, MalformedFile
from movies.models import Naming, Noun
from movies.tables import LARGEST_ID, LAST_SECOND

_WHOLE = re.compile(r"[+-]?[0-9]{1,25}")


class Column(NamedTuple):
    """`parse` raises ValueError with the reason; numbers are from `least` to `most`; `optional` may be absent."""

    name: str
    parse: Callable[[str], float | str | None]
    dtype: type[pl.DataType] = pl.String
    optional: bool = False
    least: float = 0
    most: float = LARGEST_ID


class Table(NamedTuple):
    """One file: `stem` and the columns in the order of the `.dat` editions, which have no header."""

    stem: str
    columns: tuple[Column, ...]


def identifier(text: str) -> int:
    return _whole_number(text, LARGEST_ID, "an id: ids run from 0 to 2^53 - 1")


def seconds(text: str) -> int:
    return _whole_number(text, LAST_SECOND, "a time in seconds since 1970")


def half_stars(text: str) -> float:
    number = _number(text)
    if not (0.5 <= number <= 5 and (number * 2).is_integer()):
        raise ValueError(f"{text.strip()!r} is not a rating: ratings are half-stars from 0.5 to 5")
    return number


def fraction(text: str) -> float:
    number = _number(text)
    if not 0 <= number <= 1:
        raise ValueError(f"{text.strip()!r} is not a relevance: relevance runs from 0 to 1")
    return number


def words(text: str) -> str:
    if "\0" in text:
        raise ValueError("the text holds a NUL character")
    return text.strip()


def some_words(text: str) -> str:
    if not (cleaned := words(text)):
        raise ValueError("the text is empty")
    return cleaned


def imdb_id(text: str) -> str | None:
    digits = text.strip().removeprefix("tt")
    if digits and not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        raise ValueError(f"{text.strip()!r} is not an IMDb id")
    return digits.zfill(7) if digits else None


def optional_id(text: str) -> int | None:
    """An id that may be missing; pandas writes it as '862.0'."""
    return identifier(text.strip().removesuffix(".0")) if text.strip() else None


USER = Column("userId", identifier, pl.Int64)
MOVIE = Column("movieId", identifier, pl.Int64)
TIMESTAMP = Column("timestamp", seconds, pl.Int64, most=LAST_SECOND)

STARS = Column("rating", half_stars, pl.Float64, least=0.5, most=5)
RELEVANCE = Column("relevance", fraction, pl.Float64, most=1)

RATINGS = Table("ratings", (USER, MOVIE, STARS, TIMESTAMP))
MOVIES = Table(
    "movies",
    (
        MOVIE,
        Column("title", some_words),
        Column("genres", words, optional=True),
        Column("description", words, optional=True),
    ),
)
LINKS = Table("links", (MOVIE, Column("imdbId", imdb_id, optional=True), Column("tmdbId", optional_id, optional=True)))
USERS = Table("users", (USER, Column("profile", words)))
TAGS = Table("tags", (USER, MOVIE, Column("tag", words), TIMESTAMP))
GENOME_TAGS = Table("genome-tags", (Column("tagId", identifier, pl.Int64), Column("tag", some_words)))
GENOME_SCORES = Table("genome-scores", (MOVIE, Column("tagId", identifier, pl.Int64), RELEVANCE))


NAMING = "catalogue.toml"


class NamingFile(Naming):
    """The names of the items as a file gives them: one is no use without the other."""

    noun: Noun
    plural: Noun


def naming(content: bytes) -> Naming:
    """Read catalogue.toml.

    Raises:
        CatalogueError: it is no TOML, or a key is missing, unknown or wrong; the text names it.
    """
    try:
        return NamingFile.model_validate(tomllib.loads(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{NAMING} is not valid UTF-8 (byte {error.start})") from None
    except ValidationError as error:
        raise CatalogueError(f"{NAMING}, {_first_wrong(error)}") from None
    except (ValueError, RecursionError) as error:  # not TOML, a number without end, lists in lists without end
        raise CatalogueError(f"{NAMING} cannot be read as TOML: {error}") from None


def _first_wrong(error: ValidationError) -> str:
    """`key examples.2: Input should be a valid string`; the keys that there are where it is none of them."""
    wrong = error.errors(include_url=False, include_input=False)[0]
    reason = {
        "missing": "it is missing",
        "extra_forbidden": f"there is no such key, only {', '.join(Naming.model_fields)}",
        "string_pattern_mismatch": "it holds characters that do not belong there",
    }.get(wrong["type"], wrong["msg"])
    return f"key {'.'.join(map(str, wrong['loc']))}: {reason}"


class Layout(NamedTuple):
    """The columns of a table in one file, whose whole header is `names`."""

    file: str
    table: Table
    names: list[str]
    dat: bool

    @classmethod
    def of_dat(cls, file: str, table: Table) -> Self:
        return cls(file, table, [column.name for column in table.columns if column.name != "description"], dat=True)

    @classmethod
    def of_header(cls, file: str, table: Table, line: bytes) -> Self:
        """Read the header of a CSV file; columns may stand in any order and among others."""
        first = table.columns[0].name
        try:
            names = [name.strip() for name in next(csv.reader([line.decode().rstrip("\r")], strict=True), [])]
        except (UnicodeDecodeError, csv.Error):
            raise MalformedFile(file, 1, first, "the header cannot be read as CSV in UTF-8") from None
        if not any(names):
            raise MalformedFile(file, 1, first, "the file is empty, or its header is missing")
        layout = cls(file, table, names, dat=False)
        for column, at in zip(table.columns, layout.positions(), strict=True):
            if at is None and not column.optional:
                raise MalformedFile(file, 1, column.name, f"the header has no such column, only {', '.join(names)}")
        return layout

    def positions(self) -> list[int | None]:
        """The place of each column in a row; None for one that is absent."""
        known = {_key(name): at for at, name in reversed(list(enumerate(self.names)))}
        return [known.get(_key(column.name)) for column in self.table.columns]


def _key(name: str) -> str:
    return name.replace("_", "").casefold()


def _whole_number(text: str, most: int, what: str) -> int:
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"{text.strip()!r} is not a whole number")
    if not 0 <= (number := int(text)) <= most:
        raise ValueError(f"{text.strip()!r} is not {what}")
    return number


def _number(text: str) -> float:
    try:
        return float(text.replace("_", "?"))
    except ValueError:
        raise ValueError(f"{text.strip()!r} is not a number") from None
