"""Facts of movies beside the catalogue and in it: kept as one file, so that an import of new data has them again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import numpy as np
import polars as pl
from pydantic_core import to_json

from files import new_file
from movies.ingest.imdb import SCHEMA
from movies.models import FactsInfo
from movies.titles import plain

FILE = "imdb.parquet"  # beside the catalogue
READ_AT = "read_at"
ROLES = ("directors", "writers", "cast")
IN_JSON = ("original_title", "original_language", "imdb_rating", "imdb_votes", *ROLES)


class KeptFacts(NamedTuple):
    """Facts in the columns of `movies.ingest.imdb.SCHEMA`, and when they were read of IMDb's files."""

    frame: pl.DataFrame
    read_at: datetime


def save_facts(facts: KeptFacts, folder: Path) -> None:
    """Keep facts beside a catalogue, in place of earlier ones."""
    with new_file(folder / FILE) as part:
        facts.frame.write_parquet(part, metadata={READ_AT: facts.read_at.isoformat()})


def load_facts(folder: Path) -> KeptFacts | None:
    """The facts that are kept beside a catalogue.

    Raises:
        ValueError: they cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        frame = pl.read_parquet(path).match_to_schema(pl.Schema(SCHEMA))
        return KeptFacts(frame, datetime.fromisoformat(pl.read_parquet_metadata(path)[READ_AT]))
    except (pl.exceptions.PolarsError, OSError, KeyError, ValueError) as error:
        raise ValueError(f"{FILE} cannot be read") from error


def new_facts(frame: pl.DataFrame) -> KeptFacts:
    """Facts that were read just now."""
    return KeptFacts(frame, datetime.now(UTC))


def linked_ids(db: apsw.Connection) -> list[str]:
    """The IMDb ids of a catalogue's movies."""
    return [imdb_id for (imdb_id,) in db.execute("SELECT imdb_id FROM movies WHERE imdb_id IS NOT NULL ORDER BY 1")]


def write_facts(db: apsw.Connection, facts: KeptFacts) -> FactsInfo:
    """Put facts in the place of those that a catalogue has; returns how many movies have which."""
    rows = list(db.execute("SELECT movie_index, imdb_id, rating_count FROM movies WHERE imdb_id IS NOT NULL"))
    linked = pl.DataFrame(rows, {"movie": pl.Int64, "imdb_id": pl.String, "ratings": pl.Int64}, orient="row")
    known = linked.join(facts.frame, "imdb_id", "left")
    found = known.filter(pl.col("found"))
    db.execute("UPDATE movies SET runtime = NULL, facts = NULL WHERE facts IS NOT NULL")
    db.executemany("UPDATE movies SET runtime = ?, facts = ? WHERE movie_index = ?", _rows(found))
    info = FactsInfo(
        read_at=facts.read_at,
        linked=linked.height,
        unread=known["found"].null_count(),
        movies=found.height,
        runtimes=found["runtime"].count(),
        people=_write_people(db, found),
        **{role: int((found[role].list.len() > 0).sum()) for role in ("directors", "cast")},
    )
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('facts', ?)", (info.model_dump_json(),))
    return info


def _rows(found: pl.DataFrame) -> Iterator[tuple[int | None, str, int]]:
    """Running time, other facts as JSON without what is not known, and the index of each movie."""
    for row in found.select("movie", "runtime", *IN_JSON).iter_rows(named=True):
        movie, runtime = row.pop("movie"), row.pop("runtime")
        yield runtime, to_json({name: value for name, value in row.items() if value}).decode(), movie


def _write_people(db: apsw.Connection, found: pl.DataFrame) -> int:
    """Write the people who directed or play, the most known first: whose movies have most ratings."""
    db.execute("DELETE FROM people; INSERT INTO people_parts (people_parts) VALUES ('delete-all')")
    rows = [
        (number, person_id, name, plain(name), fame, _packed(directed), _packed(acted))
        for number, (person_id, name, fame, directed, acted) in enumerate(_people(found).iter_rows(), 1)
    ]
    db.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    db.executemany("INSERT INTO people_parts (rowid, name) VALUES (?, ?)", ((row[0], f"^{row[3]}$") for row in rows))
    return len(rows)


def _people(found: pl.DataFrame) -> pl.DataFrame:
    """Each person with the ratings of all their movies, and the movies that they directed and play in."""
    made_by = pl.concat(
        found.select("movie", "ratings", pl.lit(role).alias("role"), pl.col(role).alias("person"))
        .explode("person")
        .drop_nulls("person")
        .unnest("person")
        for role in ("directors", "cast")
    ).filter(pl.col("person_id").is_not_null())
    once = made_by.unique(["person_id", "movie"]).group_by("person_id").agg(fame=pl.col("ratings").sum())
    of_role = {role: pl.col("movie").filter(pl.col("role") == role).sort() for role in ("directors", "cast")}
    people = made_by.group_by("person_id").agg(pl.col("name").first(), **of_role).join(once, "person_id")
    people = people.sort(["fame", "person_id"], descending=[True, False])
    return people.select("person_id", "name", "fame", "directors", "cast")


def _packed(movies: Any) -> bytes:
    return np.array(movies, "<u4").tobytes()
