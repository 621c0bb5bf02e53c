"""Facts of IMDb's: files of that layout and of our own making, the real command, a real loopback server."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any, ClassVar

import pytest

from errors import CatalogueError, MalformedFile
from movielens import enrich_catalogue, import_catalogue
from movies.ingest import parsing
from movies.ingest.archives import open_source
from movies.ingest.files import MovieFiles
from movies.ingest.imdb import ImdbFiles
from movies.models import IMDB_SOURCE
from tests.movies.ingest.test_import import SMALL, Files, command, leftovers, meta, refused, rows, write
from tests.support.imdb import HEAT, imdb_texts, write_imdb
from tests.support.serving import ROOT

WANTED = [("0114709", "Toy Story (1995)"), ("0113277", "Heat (1995)")]
TEXTS = imdb_texts(WANTED)


def loaded(folder: Path, files: Files = SMALL) -> Path:
    """A catalogue of few movies, in `folder/data`."""
    target = folder / "data" / "catalogue.db"
    import_catalogue(MovieFiles(open_source(write(folder / "files", files))), target)
    return target


def facts(target: Path, movie_id: int) -> Any:
    [(runtime, text)] = rows(target, f"SELECT runtime, facts FROM movies WHERE movie_id = {movie_id}")
    return runtime, json.loads(text) if text else None


def test_facts_come_into_the_catalogue_and_everything_else_stays(tmp_path: Path) -> None:
    target = loaded(tmp_path)
    before = rows(target, "SELECT movie_id, title, tags, score FROM movies"), meta(target)
    report = enrich_catalogue(ImdbFiles(write_imdb(tmp_path / "imdb", TEXTS)), target)
    runtime, told = facts(target, 2)
    assert runtime == 170
    assert [person["name"] for person in told["directors"]] == HEAT["directors"]
    assert [person["name"] for person in told["cast"]] == HEAT["cast"]
    assert all(person["person_id"].startswith("nm9") for person in told["cast"])
    assert facts(target, 1)[1]["original_title"] == "Titre 0"
    assert facts(target, 1)[1]["original_language"] == "ja"
    assert facts(target, 3) == (None, None)  # without an IMDb id
    assert (report.movies, report.facts.linked, report.facts.movies, report.facts.unread) == (3, 2, 2, 0)
    after = rows(target, "SELECT movie_id, title, tags, score FROM movies"), meta(target)
    told_of = after[1].pop("facts")
    assert after == before
    assert told_of["attribution"] == IMDB_SOURCE
    assert [name for (name,) in rows(target, "SELECT name FROM people ORDER BY number")][:1] == ["Pia del Valle"]
    assert leftovers(target.parent) == []


def test_twice_is_as_once_and_packed_is_as_unpacked(tmp_path: Path) -> None:
    target = loaded(tmp_path)
    asked = "SELECT runtime, facts FROM movies", "SELECT * FROM people"
    found = []
    for packed in (True, False, True):
        folder = write_imdb(tmp_path / f"imdb{packed}", TEXTS, packed=packed)
        enrich_catalogue(ImdbFiles(folder), target)
        found.append([rows(target, sql) for sql in asked])
    assert found[0] == found[1] == found[2]


def test_data_that_are_imported_later_have_the_facts_again(tmp_path: Path) -> None:
    target = loaded(tmp_path)
    enrich_catalogue(ImdbFiles(write_imdb(tmp_path / "imdb", TEXTS)), target)
    enriched = facts(target, 2)
    more = {
        **SMALL, "movies.csv": SMALL["movies.csv"] + "4,Alien (1979),Horror\n",
        "links.csv": SMALL["links.csv"] + "4,0078748,\n",
    }  # fmt: skip
    report = import_catalogue(MovieFiles(open_source(write(tmp_path / "more", more))), target)
    assert facts(target, 2) == enriched
    assert facts(target, 4) == (None, None)
    assert "IMDb's facts of 2 movies were kept" in report.notes[0]
    assert "Of 1 movies with an IMDb id no facts were ever read" in report.notes[1]
    (target.parent / "imdb.parquet").write_bytes(b"PAR1 no more")
    report = import_catalogue(MovieFiles(open_source(tmp_path / "more")), target)
    assert "imdb.parquet cannot be read" in report.notes[0]
    assert facts(target, 2) == (None, None)


def changed(stem: str, old: str, new: str) -> dict[str, str | bytes]:
    assert old in TEXTS[stem]
    return {**TEXTS, stem: TEXTS[stem].replace(old, new)}


HOSTILE: dict[str, tuple[dict[str, str | bytes], str]] = {
    "no column": (changed("title.basics", "runtimeMinutes", "minutes"), "line 1, column runtimeMinutes: the header"),
    "commas": ({**TEXTS, "title.crew": "tconst,directors,writers\n"}, "only tconst,directors,writers"),
    "empty": ({**TEXTS, "title.crew": ""}, "the header has no such column, only nothing"),
    "binary": ({**TEXTS, "title.crew": b"\xff\xfe\x00\x01\n"}, "the header is not text in UTF-8"),
    "too few fields": (changed("title.principals", "tt0113277\t1\t", "tt0113277\t"), "has 5 fields where 6 belong"),
    "too many fields": (changed("name.basics", "Mara Lindqvist", "Mara\tLindqvist"), "has 7 fields where 6 belong"),
    "no UTF-8": (
        {**TEXTS, "name.basics": TEXTS["name.basics"].encode().replace(b"Mara", b"Mar\xe9")}, "byte 0xe9",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_malformed_file_is_refused_and_the_old_catalogue_stays(name: str, tmp_path: Path) -> None:
    texts, words = HOSTILE[name]
    target = loaded(tmp_path)
    before = target.read_bytes()
    refused(words, "enrich", write_imdb(tmp_path / "imdb", texts), "--data-dir", target.parent)
    assert target.read_bytes() == before
    assert not (target.parent / "imdb.parquet").exists()
    assert leftovers(target.parent) == []


def test_the_line_is_named(tmp_path: Path) -> None:
    target = loaded(tmp_path)
    text = changed("title.principals", "tt0113277\t3\t", "tt0113277\t")["title.principals"]
    assert isinstance(text, str)
    line = next(number for number, row in enumerate(text.split("\n"), 1) if row.count("\t") == 4)
    with pytest.raises(MalformedFile, match=f"line {line}, "):
        enrich_catalogue(ImdbFiles(write_imdb(tmp_path / "imdb", {**TEXTS, "title.principals": text})), target)


@pytest.mark.parametrize("spoil", ["cut", "flipped", "renamed"])
def test_a_damaged_archive_is_refused(spoil: str, tmp_path: Path) -> None:
    folder, target = write_imdb(tmp_path / "imdb"), loaded(tmp_path)
    path = folder / "title.principals.tsv.gz"
    whole = path.read_bytes()
    middle = len(whole) // 2
    spoilt = {
        "cut": whole[:middle],
        "flipped": whole[:middle] + bytes(byte ^ 0xFF for byte in whole[middle : middle + 64]) + whole[middle + 64 :],
        "renamed": b"PK\3\4" + whole,
    }[spoil]
    path.write_bytes(spoilt)
    words = "the header" if spoil == "renamed" else "cannot be read"
    refused(words, "enrich", folder, "--data-dir", target.parent)
    assert facts(target, 2) == (None, None)


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "LARGEST_LINE", 10_000_000)
    target = loaded(tmp_path)
    text = TEXTS["title.crew"] + "tt1\t" + "x" * 20_000_000
    with pytest.raises(CatalogueError, match=r"title.crew.tsv.gz, line 4 is longer than"):
        enrich_catalogue(ImdbFiles(write_imdb(tmp_path / "imdb", {**TEXTS, "title.crew": text})), target)


def test_harmless_oddities_are_read_or_counted(tmp_path: Path) -> None:
    target = loaded(tmp_path)
    odd = {stem: text.replace("\n", "\r\n") + "\r\n" for stem, text in TEXTS.items()}
    odd["title.basics"] = odd["title.basics"].replace("\t81\t", "\tReality-TV\t")
    odd["name.basics"] = odd["name.basics"].replace("Pia del Valle", "Pia \x1b[31mdel Valle\x07")
    odd["title.crew"] = odd["title.crew"].replace("nm9000001", "nm9000001,nm77")
    report = enrich_catalogue(ImdbFiles(write_imdb(tmp_path / "imdb", odd)), target)
    assert facts(target, 1)[0] is None
    assert report.files["title.basics.tsv.gz"].reasons == ["tt0114709: runtimeMinutes is 'Reality-TV'"]
    assert report.files["name.basics.tsv.gz"].reasons == ["nm77: primaryName is 'not there'"]
    told = facts(target, 2)
    assert told[0] == 170
    assert [person["name"] for person in told[1]["cast"]][-1] == "Pia [31mdel Valle"
    assert [person["name"] for person in told[1]["writers"]] == HEAT["writers"]


def test_optional_files_may_be_missing_and_others_may_not(tmp_path: Path) -> None:
    target, folder = loaded(tmp_path), write_imdb(tmp_path / "imdb", TEXTS)
    for stem in ("title.ratings", "title.akas"):
        (folder / f"{stem}.tsv.gz").unlink()
    done = command("enrich", folder, "--data-dir", target.parent)
    assert done.returncode == 0, done.stderr
    assert "Not there, and not needed: title.ratings.tsv.gz, title.akas.tsv.gz." in done.stdout
    (folder / "title.crew.tsv.gz").unlink()
    refused("has no title.crew.tsv.gz", "enrich", folder, "--data-dir", target.parent)
    refused("There is no folder", "enrich", tmp_path / "nowhere", "--data-dir", target.parent)


def test_what_cannot_be_enriched_is_said(tmp_path: Path) -> None:
    folder = write_imdb(tmp_path / "imdb", TEXTS)
    refused("There is no catalogue at", "enrich", folder, "--data-dir", tmp_path / "empty")
    target = loaded(tmp_path, {name: text for name, text in SMALL.items() if name != "links.csv"})
    refused("No movie of the catalogue has an IMDb id", "enrich", folder, "--data-dir", target.parent)
    target.write_bytes(b"no catalogue")
    refused("is no catalogue of this version", "enrich", folder, "--data-dir", target.parent)


def test_the_summary_says_how_many_have_what_and_whose_it_is(tmp_path: Path) -> None:
    target = loaded(tmp_path)
    done = command(
        "enrich",
        write_imdb(tmp_path / "imdb", TEXTS),
        "--data-dir",
        target.parent,
        env={**os.environ, "COLUMNS": "160"},
    )
    assert done.returncode == 0, done.stderr
    for words in ("title.principals.tsv.gz", "with running time", "67%", IMDB_SOURCE, "non-commercial"):
        assert words in done.stdout


def test_the_command_is_told_by_help_and_document() -> None:
    help_, document = command("enrich", "--help").stdout, (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for words in ("title.basics", "title.crew", "title.principals", "name.basics", "title.akas", IMDB_SOURCE):
        assert words in help_
        assert words in document
    assert "python movielens.py enrich download" in command("--help").stdout


# The download


class Imdb(http.server.BaseHTTPRequestHandler):
    """IMDb's site in small: serves `files`, breaks the connection after `cut` bytes, once."""

    files: ClassVar[dict[str, bytes]] = {}
    cut: ClassVar[list[int]] = []
    asked: ClassVar[list[tuple[str, str, str | None]]] = []
    etag: ClassVar[str] = '"1"'
    changed_at: ClassVar[float] = 1_700_000_000

    def do_HEAD(self) -> None:
        self._begin(self.files[self.path.strip("/")], 200)

    def do_GET(self) -> None:
        name = self.path.strip("/")
        if name not in self.files:
            self.send_error(404)
            return
        begun, body = self.headers.get("Range"), self.files[name]
        self.asked.append((name, self.command, begun))
        same = self.headers.get("If-Range") in (None, self.etag)
        body = body[int(begun.removeprefix("bytes=").removesuffix("-")) :] if begun and same else body
        self._begin(body, 206 if begun and same else 200)
        self.wfile.write(body[: self.cut.pop()] if self.cut else body)

    def _begin(self, body: bytes, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", self.etag)
        self.send_header("Last-Modified", formatdate(self.changed_at, usegmt=True))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def site(folder: Path, *, cut: int | None = None) -> Iterator[str]:
    Imdb.files = {path.name: path.read_bytes() for path in folder.iterdir()}
    Imdb.cut, Imdb.asked = [] if cut is None else [cut], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Imdb)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_files_are_fetched_once_and_taken_up_where_they_broke(tmp_path: Path) -> None:
    target, folder = loaded(tmp_path), write_imdb(tmp_path / "imdb", TEXTS)
    with site(folder, cut=40) as url:
        for _ in range(2):
            done = command("enrich", "download", "--base-url", url, "--data-dir", target.parent)
            assert done.returncode == 0, done.stderr
        assert [begun for _, _, begun in Imdb.asked] == [None, "bytes=40-", None, None, None, None, None]
        assert facts(target, 2)[0] == 170
        shutil.rmtree(target.parent / "imdb")
        del Imdb.files["name.basics.tsv.gz"]
        refused("name.basics.tsv.gz answered 404", "enrich", "download", "--base-url", url, "--data-dir", target.parent)
        assert leftovers(target.parent / "imdb") == []
    refused("cannot be fetched", "enrich", "download", "--base-url", "http://127.0.0.1:9", "--data-dir", target.parent)


def test_a_newer_file_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, folder = loaded(tmp_path), write_imdb(tmp_path / "imdb", TEXTS)
    with site(folder) as url:
        assert command("enrich", "download", "--base-url", url, "--data-dir", target.parent).returncode == 0
        monkeypatch.setattr(Imdb, "changed_at", 4_000_000_000)
        Imdb.files["title.basics.tsv.gz"] = gzip.compress(TEXTS["title.basics"].replace("\t170\t", "\t171\t").encode())
        assert command("enrich", "download", "--base-url", url, "--data-dir", target.parent).returncode == 0
    assert facts(target, 2)[0] == 171
