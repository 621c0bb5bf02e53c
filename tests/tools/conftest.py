from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from movies.library import Library
from schemas import SessionCreate
from settings import Settings
from storage.opening import open_database
from storage.own_ratings import OwnRatings
from storage.sessions import Sessions
from tools.registry import Toolbox


@asynccontextmanager
async def toolbox(data_dir: Path) -> AsyncIterator[Toolbox]:
    """The tools for one caller in a session, over a data directory."""
    settings = Settings(_env_file=None, data_dir=data_dir)
    database = await open_database(settings.chat_path)
    library = await Library.open(settings, work=False)
    session, _ = await Sessions(database).open("local", SessionCreate())
    async with library.use() as snapshot:
        yield Toolbox(snapshot, OwnRatings(database), "local", session)
    await library.close()
    await database.close()


@pytest.fixture
async def tools(data_dir: Path) -> AsyncIterator[Toolbox]:
    """The tools over a data directory of the test's own."""
    async with toolbox(data_dir) as tools:
        yield tools
