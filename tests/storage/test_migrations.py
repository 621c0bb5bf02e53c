from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from errors import StorageUnavailable
from schemas import SessionCreate
from storage.migrations import MIGRATIONS
from storage.opening import open_database
from storage.sessions import Sessions


def schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()


def at_version(path: Path, version: int) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for script in MIGRATIONS[:version]:
            connection.executescript(script)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
    return path


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
async def test_a_file_of_any_older_version_becomes_the_newest(tmp_path: Path, version: int) -> None:
    fresh = at_version(tmp_path / "fresh.db", len(MIGRATIONS))
    old = at_version(tmp_path / "old.db", version)
    database = await open_database(old)
    try:
        session, _ = await Sessions(database).open("local", SessionCreate(title="kept"))
        assert session.title == "kept"
    finally:
        await database.close()
    assert schema(old) == schema(fresh)


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = at_version(tmp_path / "chat.db", len(MIGRATIONS))
    before = schema(path)
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        await open_database(path, migrations=[*MIGRATIONS, "CREATE TABLE half (x); CREATE nonsense"])
    assert schema(path) == before
    database = await open_database(path)
    await database.close()


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = at_version(tmp_path / "chat.db", len(MIGRATIONS))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StorageUnavailable, match="newer version"):
        await open_database(path)


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    path.write_text("this is not a database, but it is long enough to be taken for one" * 100)
    with pytest.raises(StorageUnavailable, match="not a database"):
        await open_database(path)
