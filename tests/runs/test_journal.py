"""Fairness among runs: what is long waits for its turn, what is short does not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db import Store
from runs.journal import COMMIT_BYTES, DELTA_CHARS, Journal
from runs.transcript import last_event
from schemas import Message, Run, RunCreated, SessionCreate, TextDeltaEvent
from storage.opening import open_database
from storage.records import EndedRun, Frame, NewRun, new_id, utc_now
from storage.sessions import Sessions

LONG, RUNS = 4_000_000, 6


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    database = await open_database(tmp_path / "chat.db")
    yield Store(database)
    await database.close()


async def begin(store: Store, journal: Journal) -> Run:
    """A run in a session of its own, committed and taken up."""
    session, _ = await Sessions(store._db).open("local", SessionCreate())
    run = Run(
        id=new_id("run"), session_id=session.id, message_id=new_id("msg"), status="in_progress", provider="test",
        model="test", created_at=utc_now(),
    )  # fmt: skip
    asked = Message(
        id=run.message_id, session_id=session.id, run_id=run.id, role="user", content="?", created_at=run.created_at
    )
    first = Frame.of(run.id, 1, RunCreated(run=run, message=asked))
    await store.start_run(NewRun(run=run, added=[asked], first=first, lease_id="test"))
    journal.open(first, lambda _: None)
    return run


async def finish(journal: Journal, run: Run, text: str) -> None:
    """Say all and end, as a run does whose upstream sent everything at once."""
    message = Message(
        id=new_id("msg"), session_id=run.session_id, run_id=run.id, role="assistant", content=text,
        status="completed", created_at=utc_now(),
    )  # fmt: skip
    await journal.append(run.id, TextDeltaEvent(message_id=message.id, delta=text))
    ended = run.model_copy(update={"status": "completed", "finished_at": utc_now()})
    await journal.end(run.id, last_event(ended, [message]), EndedRun(ended, [message]))


async def test_a_short_run_goes_with_the_next_commit(store: Store) -> None:
    """It was handed over behind long ones, and is over before any of them; they lose nothing."""
    journal = Journal(store)
    long = [await begin(store, journal) for _ in range(RUNS)]
    short = await begin(store, journal)
    ends = [asyncio.create_task(finish(journal, run, "x" * LONG)) for run in long]
    await finish(journal, short, "Short.")
    written = [await store.load_frames(run.id, limit=10_000) for run in long]
    assert [(await store.load_run("local", run.id)).status for run in long] == ["in_progress"] * RUNS
    assert all(len(frames) > 1 for frames in written)  # each had its share
    assert sum(len(frame.data) for frames in written for frame in frames) < 4 * COMMIT_BYTES
    await asyncio.gather(*ends)
    await journal.close()
    for run in long:
        check_whole(await store.load_frames(run.id, limit=10_000))
        assert [len(message.content) for message in await store.run_messages(run.id)] == [1, LONG]


def check_whole(frames: list[Frame]) -> None:
    """No gap, and no frame but the last, which holds the whole message, is long."""
    assert [frame.sequence for frame in frames] == list(range(1, len(frames) + 1))
    assert max(len(frame.data) for frame in frames[:-1]) < 2 * DELTA_CHARS
    assert b"event: run.completed" in frames[-1].data[:100]
