"""The promises of a commit: NORMAL survives a killed process, FULL a power cut too, and the file is always sound."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

from db import Store
from schemas import Run, SessionCreate
from storage.opening import open_database
from storage.records import Frame, NewRun, new_id, utc_now
from storage.sessions import Sessions
from tests.support.unsynced import Disk, Done, Recorder

COMMITS = 50
FRAME_BYTES = 150_000  # so that two checkpoints come on the way
CUTS_BETWEEN = 40  # at any moment, also amid a commit or a checkpoint
POWER_CUT = (0.0, 0.5, 0.9)  # the share of unsynced writes that reached the disk all the same
KILLED = (1.0,)  # the system has them, and writes them in the end


async def recorded(folder: Path, synchronous: Literal["NORMAL", "FULL"]) -> list[Done]:
    """What the store does to its files while a run's events are committed, one by one; the first is the run's start."""
    recorder = Recorder()
    with recorder.listening():
        database = await open_database(folder / "chat.db", synchronous)
        store = Store(database)
        session, _ = await Sessions(database).open("local", SessionCreate())
        run = Run(
            id=new_id("run"), session_id=session.id, message_id=new_id("msg"), status="in_progress", provider="test",
            model="test", created_at=utc_now(),
        )  # fmt: skip
        await store.start_run(NewRun(run=run, added=[], first=Frame(run.id, 1, b"1"), lease_id="test"))
        recorder.acknowledge()
        for sequence in range(2, COMMITS + 1):
            await store.commit([Frame(run.id, sequence, bytes(FRAME_BYTES))])
            recorder.acknowledge()
        log = list(recorder.log)  # a clean end is no power cut
        await database.close()
    return log


def survivors(folder: Path) -> int:
    """How many commits are in the files of a folder, which must be sound and hold the first so many."""
    with closing(sqlite3.connect(folder / "chat.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            return 0
        sequences = [row[0] for row in connection.execute("SELECT sequence FROM events ORDER BY sequence")]
    assert sequences == list(range(1, len(sequences) + 1))
    return len(sequences)


def cut(log: list[Done], folder: Path, shares: tuple[float, ...]) -> list[tuple[int, int]]:
    """Commits that were acknowledged and those that survived, for a cut after each commit and at random moments."""
    chance = random.Random(7)
    moments = {place for place, done in enumerate(log) if done.kind == "acknowledged"}
    moments |= set(chance.sample(range(min(moments), len(log)), CUTS_BETWEEN))
    disk, left, found = Disk(), folder / "left", []
    for place, done in enumerate(log):
        disk.take(done)
        for share in shares if place in moments else ():
            disk.leave(left, share, chance)
            found.append((disk.acknowledged, survivors(left)))
            shutil.rmtree(left)
    assert disk.acknowledged == COMMITS
    return found


async def test_at_full_a_power_cut_takes_no_commit(tmp_path: Path) -> None:
    found = cut(await recorded(tmp_path, "FULL"), tmp_path, POWER_CUT)
    assert [pair for pair in found if pair[1] < pair[0]] == []


async def test_at_normal_a_power_cut_takes_the_latest_commits_at_most(tmp_path: Path) -> None:
    found = cut(await recorded(tmp_path, "NORMAL"), tmp_path, POWER_CUT)
    assert any(left < acknowledged for acknowledged, left in found)
    assert all(left > 0 for _, left in found[-len(POWER_CUT) :])  # what a checkpoint carried over is safe


async def test_at_normal_a_killed_process_takes_no_commit(tmp_path: Path) -> None:
    found = cut(await recorded(tmp_path, "NORMAL"), tmp_path, KILLED)
    assert [pair for pair in found if pair[1] < pair[0]] == []
