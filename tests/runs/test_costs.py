"""The costs of an answer, counted and not timed: ways to a thread and back, statements, rows that are read."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from db import EARLIER_PAGE, FRAMES_AT_ONCE, Store
from runs.live_run import Caller
from schemas import Message, MessageCreate, Run, RunCreated, Session, SessionCreate, TextDeltaEvent
from service import Marquee, open_marquee
from settings import Settings
from storage.opening import open_database
from storage.records import Frame, NewRun, new_id, utc_now
from storage.sessions import Sessions
from storage.sqlite import Database
from tests.support.scripted import Upstream, text

APART = ("one_live_run", "FROM events")  # looks after all runs, which no send causes; a follower that came late
OF_A_COMMIT = re.compile(r"BEGIN IMMEDIATE|COMMIT|INSERT INTO events ")

# The most that one send may cost, answer included. What would be more is a decision: docs/architecture.md says which
# costs remain, and why.
MOST_READS = 5
MOST_ROWS = 5
MOST_WRITES = 24  # statements beside those of commits, with those of triggers and of the index of words


@dataclass
class Costs:
    """Ways to a thread of SQLite and back; what the writer and the readers are asked; rows that come of it."""

    hops: int = 0
    writes: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    rows: int = 0


@asynccontextmanager
async def counted(database: Database) -> AsyncIterator[Costs]:
    """All that a database is asked meanwhile."""
    costs, readers = Costs(), database._readers._connections

    def note(_: FrameType, event: str, function: Any) -> None:
        costs.hops += (
            event == "c_call" and function.__name__ == "put_nowait" and function.__self__ is database._writer._tx
        )

    def row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> sqlite3.Row:
        costs.rows += cursor.description[-1][0] != "frame"
        return sqlite3.Row(cursor, values)

    await database._writer.set_trace_callback(costs.writes.append)
    for reader in readers:
        await reader.set_trace_callback(costs.reads.append)
        reader.row_factory = row  # type: ignore[assignment]
    sys.setprofile(note)
    try:
        yield costs
    finally:
        sys.setprofile(None)
        await database._writer.set_trace_callback(None)  # type: ignore[arg-type]
        for reader in readers:
            await reader.set_trace_callback(None)  # type: ignore[arg-type]
            reader.row_factory = sqlite3.Row
    costs.reads = [sql for sql in costs.reads if not any(map(sql.__contains__, APART))]


@pytest.mark.parametrize("count", [1, FRAMES_AT_ONCE, 3 * FRAMES_AT_ONCE])
async def test_a_commit_is_one_way_to_the_thread_and_few_statements(tmp_path: Path, count: int) -> None:
    database = await open_database(tmp_path / "chat.db")
    try:
        session, _ = await Sessions(database).open("local", SessionCreate())
        run = Run(
            id=new_id("run"), session_id=session.id, message_id=new_id("msg"), status="in_progress", provider="test",
            model="test", created_at=utc_now(),
        )  # fmt: skip
        asked = Message(
            id=run.message_id, session_id=session.id, run_id=run.id, role="user", content="?", created_at=utc_now()
        )
        store = Store(database)
        async with counted(database) as begun:
            first = Frame.of(run.id, 1, RunCreated(run=run, message=asked))
            await store.start_run(NewRun(run=run, added=[asked], first=first, lease_id="test"))
        said = TextDeltaEvent(message_id="msg_1", delta="word ")
        frames = [Frame.of(run.id, number, said) for number in range(2, count + 2)]
        async with counted(database) as committed:
            await store.commit(frames)
        assert (begun.hops, committed.hops) == (1, 1)
        assert len(committed.writes) == 2 + (count + FRAMES_AT_ONCE - 1) // FRAMES_AT_ONCE
        assert (await store.load_frames(run.id))[1:] == frames
    finally:
        await database.close()


async def test_a_send_costs_no_more_in_a_long_session(upstream: Upstream, llm_settings: Settings) -> None:
    """It reads a page of what was said before, however much that is."""
    upstream.otherwise = text(*["word "] * 100)
    async with open_marquee(llm_settings) as service:
        new, _ = await service.sessions.open("local", SessionCreate(title="New"))
        long, _ = await service.sessions.open("local", SessionCreate(title="Long"))
        first = await _answer(service, long)
        await service.store.add_messages(
            long.id, [_said(long, first, number) for number in range(10 * EARLIER_PAGE)], utc_now()
        )
        await _answer(service, new)  # what is made with the first one
        async with counted(service.database) as in_new:
            await _answer(service, new)
        async with counted(service.database) as in_long:
            await _answer(service, long)
    for costs, rows in (in_new, MOST_ROWS), (in_long, MOST_ROWS + EARLIER_PAGE):
        assert len(costs.reads) <= MOST_READS, costs.reads
        assert costs.rows <= rows
        assert len([sql for sql in costs.writes if not OF_A_COMMIT.match(sql.strip())]) <= MOST_WRITES, costs.writes


def _said(session: Session, run_id: str, number: int) -> Message:
    """A message so long that few of its kind fit into a request."""
    ids = {"id": new_id("msg"), "session_id": session.id, "run_id": run_id}
    role = "assistant" if number % 2 else "user"
    return Message(**ids, role=role, content="long " * 2_000, created_at=utc_now())


async def _answer(service: Marquee, session: Session) -> str:
    run = await service.runs.send(Caller("local", session), MessageCreate(content="hello"))
    frames = [frame async for batch in service.runs.follow(run.id) for frame in batch]
    assert frames[-1].event.type == "run.completed"
    return run.id
