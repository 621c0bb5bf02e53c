"""A disk that refuses: full, locked, read-only. What was acknowledged stays, and work goes on when it can."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support import scripted
from tests.support.processes import Process, environment, process, wait_for
from tests.support.scripted import DONE, Gate, Reply, chunk, text, usage
from tests.support.serving import ROOT
from tests.support.wire import ask, check_whole, following, history, new_session, read_run, replay, sending

FINISH = [chunk(finish="stop"), usage(), DONE]
SPACE = 40_000_000


@contextmanager
def no_more_writes(server: Process) -> Iterator[None]:
    """The system refuses every write of the process to a file (EFBIG), as it does when a quota is used up."""
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it was to end meanwhile
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not a byte is left on the file system (ENOSPC)."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4_096)
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def small_disk(catalogue_dir: Path, tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with a ready data directory."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SPACE}", "tmpfs", str(mount)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a file system")
    try:
        yield Path(shutil.copytree(catalogue_dir, mount / "data"))
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def answer(gate: Gate) -> Reply:
    return Reply([chunk({"content": "Before. "}), gate, chunk({"content": "After."}), *FINISH])


def refusal(client: httpx.Client) -> dict[str, str]:
    """What a write is told; it must be refused."""
    response = client.post("/sessions", json={})
    assert response.status_code == 503, response.text
    problem: dict[str, str] = response.json()
    assert problem["code"] == "overloaded"
    assert "Traceback" not in response.text
    return problem


def check_stall(
    upstream: scripted.Upstream, client: httpx.Client, stalled: AbstractContextManager[None], words: str
) -> None:
    """While it lasts writes are refused and reads are not, and a live run waits; then it goes on to its end."""
    gate = Gate()
    upstream.queue(answer(gate), text("Next."))
    session = new_session(client)
    with sending(client, session) as live:
        live.until("text.delta")
        run_id = live.run_id
        with stalled:
            assert words in refusal(client)["detail"]
            gate.open()
            assert words in refusal(client)["detail"]
            assert read_run(client, run_id)["status"] == "in_progress"
            assert [m["content"] for m in history(client, session)] == ["hello", "Before. "]
        whole = live.rest()
    check_whole(whole)
    assert (whole.text, whole.run["status"]) == ("Before. After.", "completed")
    assert replay(client, run_id).frames == whole.frames
    assert ask(client, session)["run"]["status"] == "completed"


def test_writes_refused_and_taken_again(upstream: scripted.Upstream, data_dir: Path) -> None:
    with process(environment(data_dir, upstream)) as server, server.client() as client:
        check_stall(upstream, client, no_more_writes(server), "The disk does not answer.")


def test_a_full_disk_and_space_again(upstream: scripted.Upstream, small_disk: Path) -> None:
    with process(environment(small_disk, upstream)) as server, server.client() as client:
        check_stall(upstream, client, full(small_disk.parent), "The disk is full.")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def test_a_locked_database(upstream: scripted.Upstream, data_dir: Path) -> None:
    """Waited for, then said; the lock is taken before the run's next words."""
    gate = Gate()
    upstream.queue(answer(gate))
    with process(environment(data_dir, upstream)) as server, server.client() as client:
        session = new_session(client)
        with sending(client, session) as live:
            live.until("text.delta")
            with locked(data_dir / "chat.db"):
                assert "locked" in refusal(client)["detail"]
                assert len(history(client, session)) == 2
            gate.open()
            whole = live.rest()
        check_whole(whole)
        assert whole.text == "Before. After."
        assert client.post("/sessions", json={}).status_code == 201


def test_a_long_refusal_sends_followers_away_and_cancel_still_stops(
    upstream: scripted.Upstream, data_dir: Path
) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "Before. "}), gate, chunk({"content": "After. "}), scripted.HANG]))
    with process(environment(data_dir, upstream)) as server, server.client() as client:
        session = new_session(client)
        with sending(client, session) as live:
            live.until("text.delta")
            run_id = live.run_id
            with no_more_writes(server):
                gate.open()
                seen = live.rest()
                assert seen.outline[-1] == "text.delta"
                stopped = client.post(f"/runs/{run_id}/cancel")
                assert (stopped.status_code, stopped.json()["code"]) == (503, "overloaded")
                wait_for(lambda: upstream.closed_early)
        with following(client, run_id) as again:
            whole = again.rest()
        check_whole(whole)
        assert whole.frames.startswith(seen.frames)
        assert whole.run["status"] == "cancelled"
        assert [m["content"] for m in history(client, session)] == ["hello", whole.text]


def test_a_stop_with_a_disk_that_refuses(upstream: scripted.Upstream, data_dir: Path) -> None:
    """The process ends in time, and the next start settles the run from what was committed."""
    gate = Gate()
    upstream.queue(answer(gate))
    env = environment(data_dir, upstream, SHUTDOWN_GRACE="0.2")
    with process(env) as server, server.client() as client:
        session = new_session(client)
        with sending(client, session) as live:
            live.until("text.delta")
            run_id = live.run_id
            with no_more_writes(server):
                gate.open()
                server.terminate()
                seen = live.rest()
                _, errors = server.wait(30)
        assert "Traceback" not in errors, errors
    with process(env) as server, server.client() as client:
        whole = replay(client, run_id)
        check_whole(whole)
        assert whole.frames.startswith(seen.frames)
        assert whole.run["status"] == "interrupted"
        assert [m["content"] for m in history(client, session)] == ["hello", "Before. "]


def test_a_read_only_disk_is_said_at_the_start(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk.parent)], check=True)
    command = [sys.executable, "llm.py", "Hello?"]
    env = environment(small_disk)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"llm.py: The data directory {small_disk} cannot be written.\n"
    status, errors = Process(env).wait()
    assert status != 0
    assert f"The data directory {small_disk} cannot be written." in errors


def test_a_file_that_is_no_database_is_said_at_the_start(data_dir: Path) -> None:
    (data_dir / "chat.db").write_bytes(b"This is not a database, but long enough to be one. " * 100)
    command = [sys.executable, "llm.py", "Hello?"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(data_dir), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (1, "llm.py: The database file is not a database.\n")


def reasons(client: httpx.Client) -> list[str]:
    """Why the service is degraded; the process itself lives all the while."""
    assert client.get("/health/live").json() == {"status": "ok"}
    health = client.get("/health").json()
    assert health["status"] == ("degraded" if health["reasons"] else "ok")
    return list(health["reasons"])


def test_health_tells_of_writes_that_are_refused(data_dir: Path) -> None:
    with process(environment(data_dir)) as server, server.client() as client:
        assert reasons(client) == []
        with no_more_writes(server):
            wait_for(lambda: reasons(client) == ["The disk does not answer."])
        wait_for(lambda: reasons(client) == [])


def test_health_tells_of_a_full_disk(small_disk: Path) -> None:
    with process(environment(small_disk)) as server, server.client() as client:
        assert reasons(client) == []
        with full(small_disk.parent):
            wait_for(lambda: reasons(client) == ["The disk is full."])
        wait_for(lambda: reasons(client) == [])


def test_nothing_is_written_into_a_file_that_is_gone(data_dir: Path) -> None:
    chat, aside = data_dir / "chat.db", data_dir / "aside.db"
    with process(environment(data_dir)) as server, server.client() as client:
        kept = new_session(client)
        chat.rename(aside)
        assert "deleted or replaced" in refusal(client)["detail"]
        wait_for(lambda: len(reasons(client)) == 1)
        chat.write_bytes(b"")
        assert "deleted or replaced" in refusal(client)["detail"]
        assert client.get(f"/sessions/{kept}").status_code == 200
        aside.replace(chat)
        assert client.post("/sessions").status_code == 201
        wait_for(lambda: reasons(client) == [])
