"""Import and download: real files, the real command, a real loopback server, real kills."""

from __future__ import annotations

import csv
import hashlib
import http.server
import io
import json
import os
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import filelock
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import CatalogueError, MalformedFile
from movielens import ImportReport, import_catalogue
from movies.ingest import files, layout, parsing
from movies.ingest.archives import EDITIONS, Folder, Zip, open_source
from movies.ingest.files import MovieFiles
from movies.models import Naming
from movies.tables import PART_KINDS
from movies.titles import parse_title, title_forms
from tests.support.serving import ROOT

MOVIES = """movieId,title,genres
1,Toy Story (1995),Animation|Comedy
2,"Heat, The (1995)",Action
3,Cosmos,(no genres listed)
"""
RATINGS = "userId,movieId,rating,timestamp\n1,1,4.0,100\n1,2,3.5,200\n2,1,0.5,86500\n"
LINKS = "movieId,imdbId,tmdbId\n1,0114709,862\n2,0113277,\n3,,\n"
TAGS = 'userId,movieId,tag,timestamp\n1,1,pixar,5\n2,1,Pixar,6\n2,2,"crime, mostly",7\n'
SMALL = {"movies.csv": MOVIES, "ratings.csv": RATINGS, "links.csv": LINKS, "tags.csv": TAGS}


Files = Mapping[str, str | bytes]


def write(folder: Path, files: Files) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def load(folder: Path, files: Files) -> tuple[Path, ImportReport]:
    source = open_source(write(folder / "files", files))
    target = folder / "data" / "catalogue.db"
    return target, import_catalogue(MovieFiles(source), target)


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def ratings_in(path: Path) -> list[tuple[int, int, float, int]]:
    """(user, movie, stars, time) of all ratings, as they stand."""
    ids = [movie_id for (movie_id,) in rows(path, "SELECT movie_id FROM movies ORDER BY movie_index")]
    found = []
    for part, *blobs in rows(path, "SELECT part, users, counts, ratings, times FROM rating_parts ORDER BY part"):
        users, counts, packed, times = (np.frombuffer(*each) for each in zip(blobs, PART_KINDS, strict=True))
        assert users[0] == part
        given = zip(np.repeat(users, counts).tolist(), packed.tolist(), times.tolist(), strict=True)
        found += [(user, ids[rating >> 4], (rating & 15) / 2, time) for user, rating, time in given]
    return found


def meta(path: Path) -> dict[str, Any]:
    return {key: json.loads(value) for key, value in rows(path, "SELECT key, value FROM meta")}


def command(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "movielens.py", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def refused(words: str, *arguments: str | Path, **options: Any) -> None:
    """The command ends with one line in the user's terms."""
    done = command(*arguments, **options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".part" in path.name]


# The import


def test_the_real_set_is_imported_whole_and_right(movielens_dir: Path, tmp_path: Path) -> None:
    done = command("import", movielens_dir, "--data-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "100,836" in done.stdout
    assert "rows/s" in done.stdout
    path = tmp_path / "catalogue.db"
    with (movielens_dir / "ratings.csv").open(newline="", encoding="utf-8") as file:
        expected = [(int(u), int(m), float(r), int(t)) for u, m, r, t in list(csv.reader(file))[1:]]
    assert ratings_in(path) == sorted(expected)
    stars: dict[int, list[float]] = defaultdict(list)
    for _, movie_id, value, _ in expected:
        stars[movie_id].append(value)
    for movie_id, count, mean in rows(path, "SELECT movie_id, rating_count, rating_mean FROM movies"):
        assert count == len(stars[movie_id])
        assert mean is None if not count else mean == pytest.approx(sum(stars[movie_id]) / count)
    with (movielens_dir / "movies.csv").open(newline="", encoding="utf-8") as file:
        titles = {int(movie_id): title.strip() for movie_id, title, _ in list(csv.reader(file))[1:]}
    assert dict(rows(path, "SELECT movie_id, source_title FROM movies")) == titles
    assert rows(path, "SELECT count(*) FROM movies WHERE year IS NULL") == [(12,)]
    assert rows(path, "SELECT imdb_id, tmdb_id FROM movies WHERE movie_id = 1") == [("0114709", 862)]
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"ratings.csv": RATINGS.replace("\n", "\r\n"), "movies.csv": MOVIES.replace("\n", "\r\n")},
        {"ratings.csv": "\ufeff" + RATINGS, "movies.csv": "\ufeff" + MOVIES, "tags.csv": "\ufeff" + TAGS},
        {"ratings.csv": RATINGS.rstrip("\n"), "movies.csv": MOVIES.rstrip("\n")},
        {"ratings.csv": RATINGS + "\n  \n\n", "movies.csv": MOVIES + "\r\n"},
        {"ratings.csv": RATINGS.replace("1,2,3.5,200", '"1","2","3.5","200"')},
        {"ratings.csv": RATINGS.replace("1,2,3.5,200", " 1 , 2,3.5 ,200 ")},
        {"ratings.csv": "timestamp,note,rating,movie_id,USERID\n100,x,4.0,1,1\n200,,3.5,2,1\n86500,é,0.5,1,2\n"},
        {"ratings.csv": "userId,movieId,rating,timestamp\n2,1,0.5,86500\n1,2,3.5,200\n1,1,4.0,100\n"},
        {
            "movies.csv": "genres,title,movieId\nAnimation|Comedy,Toy Story (1995),1\n"
            'Action,"Heat, The (1995)",2\n,Cosmos,3\n'
        },
    ],
    ids=[
        "crlf",
        "bom",
        "no last newline",
        "blank lines",
        "quoted",
        "spaces",
        "other order",
        "unsorted",
        "movies' order",
    ],
)
def test_harmless_differences_make_the_same_catalogue(changed: Files, tmp_path: Path) -> None:
    plain, _ = load(tmp_path / "plain", {**SMALL})
    other, report = load(tmp_path / "other", {**SMALL, **changed})
    for sql in (
        "SELECT * FROM rating_parts",
        "SELECT * FROM movies",
        "SELECT * FROM tags ORDER BY 1, 2",
        "SELECT * FROM movie_history",
    ):
        assert rows(other, sql) == rows(plain, sql)
    assert sum(counts.refused for counts in report.files.values()) == 0


@pytest.mark.parametrize(
    ("file", "content", "line", "column", "reason"),
    [
        ("ratings.csv", RATINGS + "3,1,5.5,1\n", 5, "rating", "half-stars from 0.5 to 5"),
        ("ratings.csv", RATINGS + "3,1,0,1\n", 5, "rating", "half-stars"),
        ("ratings.csv", RATINGS + "3,1,3.7,1\n", 5, "rating", "half-stars"),
        ("ratings.csv", RATINGS + "3,1,nan,1\n", 5, "rating", "half-stars"),
        ("ratings.csv", RATINGS + "3,1,good,1\n", 5, "rating", "not a number"),
        ("ratings.csv", RATINGS + "3,1,,1\n", 5, "rating", "not a number"),
        ("ratings.csv", RATINGS + "-3,1,4,1\n", 5, "userId", "not an id"),
        ("ratings.csv", RATINGS + "3,9007199254740992,4,1\n", 5, "movieId", "not an id"),
        ("ratings.csv", RATINGS + "3,99999999999999999999,4,1\n", 5, "movieId", "not an id"),
        ("ratings.csv", RATINGS + "3,1.5,4,1\n", 5, "movieId", "not a whole number"),
        ("ratings.csv", RATINGS + "3,,4,1\n", 5, "movieId", "not a whole number"),
        ("ratings.csv", RATINGS + "3,1,4,1495734000000\n", 5, "timestamp", "not a time in seconds"),
        ("ratings.csv", RATINGS + "3,1,4\n", 5, "timestamp", "3 fields where 4"),
        ("ratings.csv", RATINGS + "3,1,4,5,6\n", 5, "timestamp", "5 fields where 4"),
        ("ratings.csv", RATINGS + "\n\n3,1,x,5\n", 7, "rating", "not a number"),
        ("ratings.csv", RATINGS.encode() + b"3,\xff,4,5\n", 5, "movieId", "not valid UTF-8"),
        ("ratings.csv", RATINGS + '3,"1,4,5\n', 5, "movieId", "not valid CSV"),
        ("ratings.csv", "", 1, "userId", "empty"),
        ("ratings.csv", "userId,movieId,rating\n1,1,4\n", 1, "timestamp", "no such column"),
        (
            "movies.csv",
            b"movieId,title,genres\n1,A (2000),Drama\n2,Caf\xe9 (1999),Drama\n",
            3,
            "title",
            "not valid UTF-8",
        ),
        (
            "movies.csv",
            'movieId,title,genres\n1,"A\nB (2000)",Drama\n2,"C" (1999),Drama\n',
            4,
            "title",
            "not valid CSV",
        ),
        ("movies.csv", "movieId,title,genres\n1, ,Drama\n", 2, "title", "empty"),
        ("movies.csv", "movieId,title,genres\n1,A\0B,Drama\n", 2, "title", "NUL"),
        ("links.csv", "movieId,imdbId,tmdbId\n1,tt01x,3\n", 2, "imdbId", "not an IMDb id"),
        ("tags.csv", TAGS + "1,1,fun,yesterday\n", 5, "timestamp", "not a whole number"),
    ],
)
def test_a_malformed_file_is_refused_and_the_old_catalogue_stays(
    file: str, content: str | bytes, line: int, column: str, reason: str, tmp_path: Path
) -> None:
    target, _ = load(tmp_path, {**SMALL})
    before = target.read_bytes()
    with pytest.raises(MalformedFile) as raised:
        load(tmp_path, {**SMALL, file: content})
    assert (raised.value.file, raised.value.line, raised.value.column) == (file, line, column)
    assert reason in raised.value.reason
    assert target.read_bytes() == before
    assert leftovers(target.parent) == []


def test_the_exact_line_is_found_in_a_late_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "CHUNK", 300)
    lines = [f"{user},1,4.0,100" for user in range(1, 500)]
    lines[400] = "401,1,4.0,"
    with pytest.raises(MalformedFile, match="line 402, column timestamp"):
        load(tmp_path, {**SMALL, "ratings.csv": "userId,movieId,rating,timestamp\n" + "\n".join(lines)})


def test_rows_that_cannot_be_placed_are_counted_with_the_first_reasons(tmp_path: Path) -> None:
    ratings = RATINGS + "2,77,4,1\n2,78,4,1\n3,2,1.0,500\n3,2,2.0,900\n3,2,3.0,700\n"
    tags = TAGS + "1,99,x,1\n1,1, ,1\n"
    movies = MOVIES + "1,Again (2001),Drama\n"
    target, report = load(tmp_path, {**SMALL, "ratings.csv": ratings, "tags.csv": tags, "movies.csv": movies})
    counts = report.files["ratings.csv"]
    assert (counts.rows, counts.refused) == (8, 4)
    assert "line 5: movie 77 is not in movies.csv" in counts.reasons
    assert [stars for user, _, stars, _ in ratings_in(target) if user == 3] == [2.0]
    assert report.files["tags.csv"].refused == 2
    assert report.files["tags.csv"].reasons == ["line 5: movie 99 is not in movies.csv", "line 6: the tag is empty"]
    assert report.files["movies.csv"].reasons == ["line 5: movie 1 is there already"]
    assert rows(target, "SELECT title FROM movies WHERE movie_id = 1") == [("Toy Story",)]


def test_duplicates_are_named_by_user_and_movie(tmp_path: Path) -> None:
    _, report = load(tmp_path, {**SMALL, "ratings.csv": RATINGS + "2,1,5.0,9\n"})
    assert report.files["ratings.csv"].reasons == ["line 5: user 2 rated movie 1 more than once: the latest counts"]


rating_rows = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 10), st.integers(0, 10**6)), min_size=1, max_size=60
)


@settings(max_examples=12, deadline=None)
@given(rating_rows, st.integers(150, 1000), st.integers(5, 40))
def test_any_order_of_ratings_gives_what_a_dictionary_would(
    tmp_path_factory: pytest.TempPathFactory, given_rows: list[tuple[int, int, int, int]], chunk: int, pass_rows: int
) -> None:
    expected: dict[tuple[int, int], tuple[float, int]] = {}
    for user, movie, half, timestamp in given_rows:
        if movie < 4 and timestamp >= expected.get((user, movie), (0, -1))[1]:
            expected[user, movie] = (half / 2, timestamp)
    text = "userId,movieId,rating,timestamp\n" + "".join(f"{u},{m},{h / 2},{t}\n" for u, m, h, t in given_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "CHUNK", chunk)
        patch.setattr(files, "PASS_ROWS", pass_rows)
        target, report = load(tmp_path_factory.mktemp("any"), {**SMALL, "ratings.csv": text})
    stored = {(user, movie): (stars, timestamp) for user, movie, stars, timestamp in ratings_in(target)}
    assert stored == expected
    assert report.files["ratings.csv"].rows == len(given_rows)
    assert report.files["ratings.csv"].refused == len(given_rows) - len(expected)
    histories = rows(target, "SELECT movie_id, ratings FROM movie_history JOIN movies USING (movie_index)")
    newest = max((timestamp for _, timestamp in expected.values()), default=0)
    for movie_id, packed in histories:
        mine = [((newest - t) // 3600 << 4) | int(s * 2) for (_, m), (s, t) in expected.items() if m == movie_id]
        stored_history = np.frombuffer(packed, "<u4").tolist()
        assert sorted(stored_history) == sorted(mine)
        assert [item >> 4 for item in stored_history] == sorted(item >> 4 for item in mine)


def test_large_ids_are_stored_as_they_are(tmp_path: Path) -> None:
    largest = 2**53 - 1
    movies = f"movieId,title,genres\n7,Small (2000),Drama\n{largest},Large (2000),Drama\n"
    ratings = f"userId,movieId,rating,timestamp\n{largest},7,4.5,4294967295\n{largest},{largest},0.5,0\n"
    target, _ = load(tmp_path, {"movies.csv": movies, "ratings.csv": ratings})
    assert ratings_in(target) == [(largest, 7, 4.5, 4294967295), (largest, largest, 0.5, 0)]


# Editions


def test_ml_1m_and_ml_10m_are_read(tmp_path: Path) -> None:
    old: Files = {
        "movies.dat": (
            "1::Toy Story (1995)::Animation|Comedy\n2::Misérables, Les (1995)::Drama\n3::A::B (1999)::Drama\n"
        ).encode("latin-1"),
        "ratings.dat": "1::2::5::978300760\n1::1::3::978302109\n2::3::4::978301968\n",
        "users.dat": "1::F::1::10::48067\n",
    }
    target, report = load(tmp_path / "1m", old)
    assert rows(target, "SELECT title, year FROM movies") == [
        ("Toy Story", 1995),
        ("Les Misérables", 1995),
        ("A::B", 1999),
    ]
    assert [stars for _, _, stars, _ in ratings_in(target)] == [3.0, 5.0, 4.0]
    assert report.missing == ["tags.dat"]
    newer = {
        "movies.dat": "1::Toy Story (1995)::Animation\n2::Misérables, Les (1995)::Drama\n",
        "ratings.dat": "1::1::4.5::978300760\n1::2::5::838985046\n",
        "tags.dat": "1::2::tear::jerker::1215184630\n",
    }
    target, _ = load(tmp_path / "10m", newer)
    assert rows(target, "SELECT title FROM movies") == [("Toy Story",), ("Les Misérables",)]
    assert rows(target, "SELECT tag FROM tags") == [("tear::jerker",)]
    with pytest.raises(MalformedFile, match=r"ratings.dat, line 2, column timestamp"):
        load(tmp_path / "bad", {**old, "ratings.dat": "1::2::5::978300760\n1::1::3\n"})


def test_the_genome_gives_telling_tags(tmp_path: Path) -> None:
    names = ["original", "pixar", "heist", "war"]
    genome = {
        "genome-tags.csv": "tagId,tag\n" + "".join(f"{number},{name}\n" for number, name in enumerate(names, 1)),
        "genome-scores.csv": "movieId,tagId,relevance\n1,1,0.9\n1,2,0.85\n1,3,0.02\n1,4,0.0\n"
        "2,1,0.95\n2,3,0.7\n2,2,0.1\n2,4,0.45\n",
    }
    target, report = load(tmp_path, {**SMALL, **genome})
    assert meta(target)["genome_scores"] == 8
    assert rows(target, "SELECT tags FROM movies WHERE movie_id = 1") == [('["pixar","original"]',)]
    assert rows(target, "SELECT tags FROM movies WHERE movie_id = 2") == [('["heist","war","original"]',)]
    assert report.missing == []
    _, report = load(
        tmp_path, {**SMALL, **genome, "genome-scores.csv": genome["genome-scores.csv"] + "2,9,0.5\n77,1,0.5\n"}
    )
    assert report.files["genome-scores.csv"].refused == 2
    shuffled = {
        **genome,
        "genome-scores.csv": "movieId,tagId,relevance\n2,1,0.9500000000000\n2,3,0.7000000000000\n"
        "3,1,0.50000000000000000000000\n1,1,0.90000000000000000000000\n",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "CHUNK", 40)
        target, report = load(tmp_path, {**SMALL, **shuffled})
    told = rows(target, "SELECT movie_id, tags FROM movies ORDER BY movie_id")
    assert told == [(1, '["original","pixar"]'), (2, '["heist","original"]'), (3, '["original"]')]
    assert report.notes == ["genome-scores.csv is not in order of movies: read in several passes"]
    with pytest.raises(MalformedFile, match="relevance runs from 0 to 1"):
        load(tmp_path, {**SMALL, **genome, "genome-scores.csv": "movieId,tagId,relevance\n1,1,1.5\n"})


def test_any_catalogue_in_this_layout_is_imported(tmp_path: Path) -> None:
    jobs = {
        "movies.csv": "movieId,title,description\n10,Baker,Bakes bread before dawn\n11,Night nurse,\n",
        "ratings.csv": "userId,movieId,rating,timestamp\n1,10,5,100\n",
    }
    target, report = load(tmp_path, jobs)
    assert rows(target, "SELECT title, year, description FROM movies") == [
        ("Baker", None, "Bakes bread before dawn"),
        ("Night nurse", None, None),
    ]
    assert report.missing == ["links.csv", "tags.csv", "genome-tags.csv", "genome-scores.csv"]


def test_the_format_is_told_by_help_and_document() -> None:
    tables = (value for value in vars(layout).values() if isinstance(value, layout.Table))
    named = [(f"{table.stem}.csv", [column.name for column in table.columns]) for table in tables]
    named.append((layout.NAMING, list(Naming.model_fields)))
    for told in (command("import", "--help").stdout, (ROOT / "data/README.md").read_text()):
        for file, keys in named:
            assert [name for name in (file, *keys) if name not in told] == []


def test_what_a_catalogue_needs_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"files has no movies\.csv"):
        load(tmp_path, {"ratings.csv": RATINGS})
    with pytest.raises(CatalogueError, match=r"has no movies\.csv"):
        load(tmp_path / "empty", {})


def test_no_ratings_at_all_is_a_catalogue_too(tmp_path: Path) -> None:
    target, _ = load(tmp_path, {**SMALL, "ratings.csv": "userId,movieId,rating,timestamp\n"})
    assert rows(target, "SELECT rating_count, rating_mean, score FROM movies") == [(0, None, None)] * 3


def test_ratings_may_be_missing(tmp_path: Path) -> None:
    target, report = load(tmp_path, {"movies.csv": MOVIES, "tags.csv": TAGS})
    assert "ratings.csv" in report.missing
    assert rows(target, "SELECT rating_count, rating_mean, score FROM movies") == [(0, None, None)] * 3
    assert meta(target)["newest_rating"] is None


def test_users_may_tell_of_themselves(tmp_path: Path) -> None:
    users = 'userId,age,profile\n1,30,Likes heists.\n8,,"Fond of\nwesterns, old ones"\n8,,Again\n9,, \n'
    target, report = load(tmp_path, {**SMALL, "users.csv": users})
    assert rows(target, "SELECT * FROM users") == [(1, "Likes heists."), (8, "Fond of\nwesterns, old ones")]
    assert report.files["users.csv"].reasons == ["line 5: user 8 is there already", "line 6: the profile is empty"]
    assert meta(target)["users"] == 3  # two who rated, one who did not
    with pytest.raises(MalformedFile, match=r"users.csv, line 1, column profile: the header has no such column"):
        load(tmp_path / "bad", {**SMALL, "users.csv": "userId,about\n1,x\n"})


def test_a_catalogue_names_its_items(tmp_path: Path) -> None:
    plain, _ = load(tmp_path / "plain", SMALL)
    assert [meta(plain)[key] for key in ("noun", "plural", "examples")] == ["movie", "movies", []]
    named = 'noun = "job"\nplural = "jobs"\nexamples = ["Who needs a baker?"]\n'
    target, _ = load(tmp_path / "named", {**SMALL, "catalogue.toml": named})
    assert [meta(target)[key] for key in ("noun", "plural", "examples")] == ["job", "jobs", ["Who needs a baker?"]]
    assert meta(target)["version"] != meta(plain)["version"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('noun = "job"\n', "catalogue.toml, key plural: it is missing"),
        ('noun = "job"\nplural = 3\n', "catalogue.toml, key plural: Input should be a valid string"),
        ('noun = "a job\\n"\nplural = "jobs"\n', "catalogue.toml, key noun: it holds characters that do not belong"),
        (
            'noun = "job"\nplural = "jobs"\nexample = []\n',
            "key example: there is no such key, only noun, plural, ",
        ),
        ('noun = "job"\nplural = "jobs"\nexamples = ["a", ""]\n', "key examples.1: String should have at least 1 char"),
        ("noun = job\n", "catalogue.toml cannot be read as TOML: Invalid value (at line 1, column 8)"),
        (b"noun = '\xff'", "catalogue.toml is not valid UTF-8 (byte 8)"),
        ("noun = " + "[" * 60_000, "catalogue.toml cannot be read as TOML: maximum recursion"),
        ("noun = " + "9" * 6_000, "catalogue.toml cannot be read as TOML: Exceeds the limit"),
        ("#" * 70_000, "catalogue.toml is larger than 64 KB"),
    ],
)
def test_wrong_names_are_refused_by_file_and_key(content: str | bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as raised:
        load(tmp_path, {**SMALL, "catalogue.toml": content})
    assert reason in str(raised.value)
    assert leftovers(tmp_path / "data") == []


@pytest.mark.parametrize(
    ("source", "title", "year"),
    [
        ("Matrix, The (1999)", "The Matrix", 1999),
        ("Seven (a.k.a. Se7en) (1995)", "Seven", 1995),
        ("Auberge espagnole, L' (2002)", "L'Auberge espagnole", 2002),
        (
            "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)",
            "The Good, the Bad and the Ugly",
            1966,
        ),
        ("(500) Days of Summer (2009)", "(500) Days of Summer", 2009),
        (
            "Birdman: Or (The Unexpected Virtue of Ignorance) (2014)",
            "Birdman: Or (The Unexpected Virtue of Ignorance)",
            2014,
        ),
        ("Death Note (2006\u20132007)", "Death Note", 2006),
        ("Fawlty Towers (1975-1979)", "Fawlty Towers", 1975),
        ("Doctor Who (1973- ) ", "Doctor Who", 1973),
        ("Cosmos", "Cosmos", None),
        ("2001", "2001", None),
        ("(2001)", "(2001)", None),
        ("Blade Runner 2049  (2017)", "Blade Runner 2049", 2017),
    ],
)
def test_titles_are_taken_apart(source: str, title: str, year: int | None) -> None:
    assert parse_title(source)[:2] == (title, year)


@given(st.text(max_size=60))
def test_no_title_breaks_the_parser(source: str) -> None:
    title = parse_title(source)
    assert title.year is None or 1800 <= title.year <= 2199
    title_forms(title)


def test_the_version_is_a_hash_of_the_content(tmp_path: Path) -> None:
    def version(name: str, files: Files) -> str:
        target, _ = load(tmp_path / name, files)
        return str(rows(target, "SELECT value FROM meta WHERE key = 'version'")[0][0])

    assert version("one", {**SMALL}) == version("two", {**SMALL})
    assert version("one", {**SMALL}) != version("other", {**SMALL, "tags.csv": TAGS.replace("crime", "grime")})


# The command


def test_errors_are_one_line_in_the_users_terms(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad", {**SMALL, "ratings.csv": RATINGS + "1,3,nine,5\n"})
    for arguments, words in (
        (("import", tmp_path / "nowhere"), "There is nothing at"),
        (("import", bad), "ratings.csv, line 5, column rating: 'nine' is not a number"),
        (("import", bad / "movies.csv"), "is not a zip file"),
        (("download", "ml-999"), "There is no edition 'ml-999'"),
    ):
        refused(words, *arguments, "--data-dir", tmp_path / "data")


def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", SMALL)
    (folder / "tags.csv").unlink()
    (folder / "tags.csv").symlink_to("/proc/self/mem")
    for path, words in ((folder, "tags.csv cannot be read"), (Path("/proc/1/fdinfo"), "Permission denied")):
        if words == "Permission denied" and os.geteuid() == 0:
            continue  # root may read everything
        refused(words, "import", path, "--data-dir", tmp_path / "data")
    refused("llm_max_steps", "import", folder, env={**os.environ, "LLM_MAX_STEPS": "many"})


def test_a_full_disk_is_said_and_changes_nothing(tmp_path: Path) -> None:
    target, _ = load(tmp_path, {**SMALL})
    before = target.read_bytes()
    limit: Callable[[], None] = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # noqa: E731
    refused("cannot be written", "import", tmp_path / "files", "--data-dir", target.parent, preexec_fn=limit)
    assert target.read_bytes() == before
    assert leftovers(target.parent) == []


def test_a_zip_is_imported_with_or_without_a_top_folder(tmp_path: Path) -> None:
    for top in ("", "ml-tiny/"):
        path = tmp_path / "ml-tiny.zip"
        path.write_bytes(zipped({top + name: content for name, content in SMALL.items()}))
        done = command("import", path, "--data-dir", tmp_path / "data")
        assert done.returncode == 0, done.stderr
    assert len(ratings_in(tmp_path / "data" / "catalogue.db")) == 3


def test_a_second_import_at_once_is_told_so(tmp_path: Path) -> None:
    target, _ = load(tmp_path, {**SMALL})
    with filelock.FileLock(f"{target}.lock"):
        refused("Another import", "import", tmp_path / "files", "--data-dir", target.parent)


@pytest.fixture(scope="session")
def larger_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough ratings for an import to be killed in the middle of each of its steps."""
    rng = random.Random(7)
    movies = "movieId,title,genres\n" + "".join(
        f"{n},Number {n} of many (19{n % 90 + 10}),Drama\n" for n in range(1, 3001)
    )
    ratings = (
        f"{user},{movie},{rng.randint(1, 10) / 2},{user * 1000}"
        for user in range(1, 1501)
        for movie in range(1, 3001, 15)
    )
    files = {"movies.csv": movies, "ratings.csv": "userId,movieId,rating,timestamp\n" + "\n".join(ratings)}
    return write(tmp_path_factory.mktemp("larger"), files)


@pytest.mark.parametrize(
    ("signum", "delays"),
    [(signal.SIGKILL, (0.0, 0.08, 0.16, 0.24)), (signal.SIGTERM, (0.0, 0.15)), (signal.SIGINT, (0.0, 0.15))],
    ids=["kill", "terminate", "interrupt"],
)
def test_an_import_killed_at_any_moment_changes_nothing(
    signum: signal.Signals, delays: tuple[float, ...], larger_set: Path, tmp_path: Path
) -> None:
    target, _ = load(tmp_path, {**SMALL})
    before, killed = target.read_bytes(), 0
    for delay in delays:
        process = subprocess.Popen(
            [sys.executable, "movielens.py", "import", larger_set, "--data-dir", target.parent],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while process.poll() is None and not leftovers(target.parent):
            time.sleep(0.005)
        time.sleep(delay)
        process.send_signal(signum)
        _, errors = process.communicate(timeout=30)
        if process.returncode == 0:  # too late
            break
        killed += 1
        assert target.read_bytes() == before
        assert "Traceback" not in errors
        assert signum == signal.SIGKILL or leftovers(target.parent) == []
    assert killed >= 1
    done = command("import", larger_set, "--data-dir", target.parent)
    assert done.returncode == 0
    assert leftovers(target.parent) == []
    assert len(ratings_in(target)) == 300_000


# Zips that mean harm


def zipped(files: Files, *, links: tuple[str, ...] = ()) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = ((stat.S_IFLNK if name in links else stat.S_IFREG) | 0o644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


EVIL = {
    "parent": (zipped({**SMALL, "../evil.csv": "x"}), "leaves the folder"),
    "deep parent": (zipped({**SMALL, "a/b/../../../evil.csv": "x"}), "leaves the folder"),
    "absolute": (zipped({**SMALL, "/etc/evil.csv": "x"}), "leaves the folder"),
    "backslash": (zipped({**SMALL, "..\\evil.csv": "x"}), "leaves the folder"),
    "drive": (zipped({**SMALL, "C:\\evil.csv": "x"}), "leaves the folder"),
    "link": (zipped({**SMALL, "tags.csv": "/etc/passwd"}, links=("tags.csv",)), "is a link"),
    "bomb": (zipped({**SMALL, "tags.csv": b"0" * 50_000_000}), "far more than it holds"),
    "two folders": (zipped({**SMALL, "other/ratings.csv": RATINGS}), "more than one folder"),
    "no zip": (b"PK not really", "not a zip file"),
    "cut": (zipped({**SMALL})[:-60], "not a zip file"),
    "damaged": (
        zipped({**SMALL}).replace(b"movies.csv", b"movies.csv", 1)[:80] + b"\0\1\2" + zipped({**SMALL})[83:],
        "cannot be read",
    ),
}


@pytest.mark.parametrize("name", EVIL)
def test_an_evil_zip_is_refused(name: str, tmp_path: Path) -> None:
    content, reason = EVIL[name]
    (tmp_path / "evil.zip").write_bytes(content)
    refused(reason, "import", tmp_path / "evil.zip", "--data-dir", tmp_path / "data")
    assert [path.name for path in tmp_path.rglob("*evil*")] == ["evil.zip"]
    assert not (tmp_path / "data" / "catalogue.db").exists()


# The download


class Site(http.server.BaseHTTPRequestHandler):
    """GroupLens's site in small: serves `files`, breaks the connection after `cuts` bytes, once a number."""

    files: ClassVar[dict[str, bytes]] = {}
    cuts: ClassVar[list[int]] = []
    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        body = self.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        cut = self.cuts.pop(0) if self.cuts and self.path.endswith(".zip") else None
        self.wfile.write(body[start:] if cut is None else body[start : start + cut])

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def site(zip_bytes: bytes, *, md5: str | None = None, cuts: tuple[int, ...] = ()) -> Iterator[str]:
    published = f"MD5 (ml-latest-small.zip) = {md5 or hashlib.md5(zip_bytes).hexdigest()}\n".encode()
    Site.files = {"/data/ml-latest-small.zip": zip_bytes, "/data/ml-latest-small.zip.md5": published}
    Site.cuts, Site.ranges = list(cuts), []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/data"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_edition_is_downloaded_verified_and_imported(tmp_path: Path) -> None:
    content = zipped({"ml-latest-small/" + name: text for name, text in SMALL.items()})
    with site(content) as url:
        for _ in range(2):
            done = command("download", "ml-latest-small", "--base-url", url, "--data-dir", tmp_path)
            assert done.returncode == 0, done.stderr
        assert Site.ranges == [None, None, None]  # MD5 and zip, then the MD5 alone
    assert len(ratings_in(tmp_path / "catalogue.db")) == 3
    assert (tmp_path / "ml-latest-small.zip").read_bytes() == content


def test_a_broken_connection_is_taken_up_again(tmp_path: Path) -> None:
    with site(zipped({**SMALL}), cuts=(100, 50)) as url:
        done = command("download", "ml-latest-small", "--base-url", url, "--data-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert Site.ranges == [None, None, "bytes=100-", "bytes=150-"]
    assert len(ratings_in(tmp_path / "catalogue.db")) == 3


def test_a_bad_download_leaves_nothing_behind(tmp_path: Path) -> None:
    content = zipped({**SMALL})
    for options, words in (
        ({"md5": "0" * 32}, "does not match its published MD5"),
        ({"cuts": (10,) * 20}, "cannot be fetched"),
    ):
        with site(content, **options) as url:
            refused(words, "download", "ml-latest-small", "--base-url", url, "--data-dir", tmp_path)
        assert list(tmp_path.iterdir()) == []
    with site(content) as url:
        refused("ml-25m.zip.md5 answered 404", "download", "ml-25m", "--base-url", url, "--data-dir", tmp_path)
    refused("cannot be fetched", "download", "ml-25m", "--base-url", "http://127.0.0.1:9", "--data-dir", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_evil_download_is_not_imported(tmp_path: Path) -> None:
    with site(EVIL["parent"][0]) as url:
        refused("leaves the folder", "download", "ml-latest-small", "--base-url", url, "--data-dir", tmp_path)
    assert not (tmp_path / "catalogue.db").exists()


def test_all_public_editions_are_known() -> None:
    assert {"ml-latest-small", "ml-latest", "ml-20m", "ml-25m", "ml-32m", "ml-1m", "ml-10m"} == set(EDITIONS)


def test_both_kinds_of_source_agree(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", {**SMALL})
    (tmp_path / "set.zip").write_bytes(zipped({**SMALL}))
    archive = Zip(tmp_path / "set.zip")
    assert (archive.name, archive.names()) == (Folder(folder).name, Folder(folder).names())
    for name in archive.names():
        with archive.open(name) as packed, Folder(folder).open(name) as plain:
            assert packed.read() == plain.read()
    archive.close()


def test_nothing_that_the_server_imports_brings_apsw() -> None:
    code = "import main, sys; assert 'apsw' not in sys.modules and 'movielens' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60, env={**os.environ})
