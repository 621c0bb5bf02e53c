"""Databases that earlier versions of the service wrote (tests/support/write_earlier.py) are taken over as they are."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from settings import Settings
from storage.backup import check
from storage.migrations import MIGRATIONS
from storage.opening import open_database
from tests.commands.test_db import operate
from tests.support.processes import Process, environment
from tests.support.serving import serving
from tests.support.wire import check_whole, replay

EARLIER = Path(__file__).parent / "earlier"
VERSIONS = (3, 5, 7)
PRECIOUS = ("sessions", "runs", "messages", "events", "own_ratings", "recommendations")
RENAMED = {"boot_id": "lease_id"}
FOR_EVER = 10.0**9  # seconds: the files grow old, and their replays are not to be shortened

Rows = dict[str, list[dict[str, Any]]]


def unpack(version: int, path: Path) -> Path:
    path.write_bytes(gzip.decompress((EARLIER / f"version-{version}.db.gz").read_bytes()))
    return path


def rows_in(path: Path) -> Rows:
    """All that is precious, by the present names of columns."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        tables = {table: connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall() for table in PRECIOUS}
    return {
        table: [{RENAMED.get(name, name): row[name] for name in row.keys()} for row in rows]  # noqa: SIM118  a Row
        for table, rows in tables.items()
    }


def frames_of(rows: Rows, run_id: str) -> bytes:
    return b"".join(row["frame"] for row in rows["events"] if row["run_id"] == run_id)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_earlier_version_wrote_is_kept_to_the_byte(settings: Settings, version: int) -> None:
    before = rows_in(unpack(version, settings.chat_path))
    assert min(map(len, before.values())) > 0
    assert {run["status"] for run in before["runs"]} == {"completed", "failed"}
    log = settings.data_dir / "marquee.log"
    settings = settings.model_copy(update={"replay_retention": FOR_EVER, "log_file": log})
    for _ in range(2):
        with serving(settings) as server, server.client() as client:
            for run in before["runs"]:
                stream = replay(client, run["id"])
                check_whole(stream)
                assert stream.frames == frames_of(before, run["id"])
            assert read_all(client) == len(before["messages"])
    migrated = [line for line in log.read_text().splitlines() if "Bringing chat.db" in json.loads(line)["message"]]
    assert len(migrated) == len(MIGRATIONS) - version  # at the first start alone
    after = rows_in(settings.chat_path)
    for table, rows in before.items():
        assert [{name: kept[name] for name in row} for row, kept in zip(rows, after[table], strict=True)] == rows
    assert check(settings.chat_path) == []


def read_all(client: httpx.Client) -> int:
    """Read everything as a client does; the number of messages."""
    sessions = client.get("/sessions").raise_for_status().json()["data"]
    for session in sessions:
        client.get(f"/sessions/{session['id']}/export").raise_for_status()
    assert client.get("/sessions", params={"q": "westerns"}).json()["data"] != []
    assert client.get("/feedback").json()["data"] != []
    assert client.get("/ratings").json()["data"] != []
    assert client.get("/recommendations").json()["data"] != []
    pages = [client.get(f"/sessions/{session['id']}/messages", params={"limit": 200}) for session in sessions]
    return sum(len(page.json()["data"]) for page in pages)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_migration_that_fails_leaves_what_was_written(tmp_path: Path, version: int) -> None:
    path = unpack(version, tmp_path / "chat.db")
    before = rows_in(path)
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        await open_database(
            path,
            migrations=[*MIGRATIONS[:version], "DELETE FROM own_ratings; UPDATE messages SET content = ''; nonsense"],
        )
    assert rows_in(path) == before


def test_a_newer_database_is_refused_in_one_line(data_dir: Path) -> None:
    with closing(sqlite3.connect(unpack(VERSIONS[-1], data_dir / "chat.db"))) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = (data_dir / "chat.db").read_bytes()
    status, written = Process(environment(data_dir)).wait(60)
    assert status != 0
    assert "Marquee cannot start. chat.db was written by a newer version of this program." in written
    assert "Traceback" not in written
    assert operate(data_dir, "migrate").returncode == 1
    assert (data_dir / "chat.db").read_bytes() == before
