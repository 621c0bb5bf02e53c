"""The operator's commands on a database that is in use."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from settings import Settings
from tests.support import scripted
from tests.support.serving import ROOT, serving


def operate(data_dir: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "db.py", *map(str, arguments)], cwd=ROOT, check=False, text=True,
                          env={**os.environ, "DATA_DIR": str(data_dir)}, capture_output=True)  # fmt: skip


def replay(client: httpx.Client, run_id: str) -> bytes:
    return client.get(f"/runs/{run_id}/events").content


def chat(client: httpx.Client, content: str) -> str:
    body = {"message": {"content": content}}
    answer = client.post("/sessions", json=body, headers={"Accept": "application/json"}).json()
    return str(answer["run"]["id"])


def test_a_backup_while_streams_run_is_restored_byte_for_byte(
    llm_settings: Settings, upstream: scripted.Upstream, tmp_path: Path
) -> None:
    patient = llm_settings.model_copy(update={"llm_idle_timeout": 60})
    gate, data_dir, copy = scripted.Gate(), patient.data_dir, tmp_path / "copy.db"
    catalogue = (data_dir / "catalogue.db").read_bytes()
    slow = scripted.Reply([scripted.chunk({"content": "so far"}), gate, scripted.chunk({"content": " on"}, "stop"),
                           scripted.event("[DONE]")])  # fmt: skip
    upstream.queue(scripted.text("kept"), slow, scripted.text("after"))
    with serving(patient) as server, server.client() as client:
        kept = chat(client, "before the backup")
        before = replay(client, kept)
        live = threading.Thread(target=chat, args=(client, "while it is made"))
        live.start()
        while not client.get("/sessions?live=true").json()["data"]:
            pass
        made = operate(data_dir, "backup", copy)
        assert made.returncode == 0, made.stderr
        assert operate(data_dir, "restore", copy).returncode == 1  # the server runs
        gate.open()
        live.join()
        lost = chat(client, "after the backup")
    assert copy.stat().st_mode & 0o077 == 0
    assert operate(data_dir, "check", copy).stdout == "copy.db is sound.\n"
    restored = operate(data_dir, "restore", copy)
    assert restored.returncode == 0, restored.stderr
    with serving(patient) as again, again.client() as client:
        assert replay(client, kept) == before
        assert client.get(f"/runs/{lost}").status_code == 404
        statuses = {run["status"] for run in runs_of(client)}
        assert statuses == {"completed", "interrupted"}  # what was live when the copy was made
    assert (data_dir / "catalogue.db").read_bytes() == catalogue
    [earlier] = data_dir.glob("chat-before-*.db")
    assert b"after the backup" in earlier.read_bytes()


def runs_of(client: httpx.Client) -> list[dict[str, str]]:
    sessions = client.get("/sessions").json()["data"]
    histories = [client.get(f"/sessions/{session['id']}/messages").json()["data"] for session in sessions]
    return [client.get(f"/runs/{history[0]['run_id']}").json() for history in histories]


def test_what_is_no_sound_backup_is_not_restored(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as server, server.client() as client:
        chat(client, "mine")
    copy, database = tmp_path / "copy.db", settings.chat_path
    assert operate(settings.data_dir, "backup", copy).returncode == 0
    for flaw in ("empty", "text", "of another program", "cut", "newer", "missing"):
        damaged = Path(shutil.copy(copy, tmp_path / "damaged.db"))
        damage(damaged, flaw)
        refused = operate(settings.data_dir, "restore", damaged)
        assert (flaw, refused.returncode, "Traceback" in refused.stderr) == (flaw, 1, False), refused.stderr
        assert refused.stderr.startswith("db.py: ")
        written = database.read_bytes() + b"".join(path.read_bytes() for path in database.parent.glob("chat.db-wal"))
        assert b"mine" in written
        assert not list(settings.data_dir.glob("*before*")) + list(settings.data_dir.glob("*.part"))
    assert operate(settings.data_dir, "check").returncode == 0


def damage(copy: Path, flaw: str) -> None:
    match flaw:
        case "empty":
            copy.write_bytes(b"")
        case "text":
            copy.write_text("no database\n" * 1000)
        case "cut":
            os.truncate(copy, copy.stat().st_size // 2)
        case "missing":
            copy.unlink()
        case _:
            if flaw == "of another program":
                copy.unlink()
            with sqlite3.connect(copy) as connection:
                connection.execute("CREATE TABLE others (x)")
                connection.execute(f"PRAGMA user_version = {99 if flaw == 'newer' else 0:d}")


def test_a_backup_into_a_folder_has_the_time_in_its_name(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as server, server.client() as client:
        chat(client, "mine")
    for _ in range(2):
        assert operate(settings.data_dir, "backup", tmp_path).returncode == 0
    assert all(path.name.startswith("chat-2") for path in tmp_path.glob("chat-*"))
    assert operate(settings.data_dir, "backup", settings.chat_path).returncode == 1
    assert operate(settings.data_dir, "backup", tmp_path / "no" / "folder.db").returncode == 1
    assert operate(tmp_path / "nothing", "backup", tmp_path / "x.db").returncode == 1
    assert "newest" in operate(settings.data_dir, "migrate").stdout
