"""Have an earlier version of the service write a chat database, for tests/storage/test_upgrade.py.

git worktree add --detach /tmp/earlier COMMIT
python -m tests.support.write_earlier /tmp/earlier tests/storage/earlier
"""

from __future__ import annotations

import gzip
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.processes import environment, wait_for

PORT = 8765
WAITS = {"Accept": "application/json"}


def main(tree: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        with running(tree, data_dir) as client:
            converse(client)
        with running(tree, data_dir, OPENAI_BASE_URL="http://127.0.0.1:9/v1", LLM_MAX_RETRIES="0") as client:
            send(client, opened(client, title="Nobody answers"), "is anybody there?")
        with closing(sqlite3.connect(data_dir / "chat.db")) as written, closing(sqlite3.connect(":memory:")) as copy:
            [version] = written.execute("PRAGMA user_version").fetchone()
            written.backup(copy)
            image = copy.serialize()
    (target / f"version-{version}.db.gz").write_bytes(gzip.compress(image, 9, mtime=0))


@contextmanager
def running(tree: Path, data_dir: Path, **settings: str) -> Iterator[httpx.Client]:
    """The service of a tree."""
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(PORT), "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=tree, env={**os.environ, **environment(data_dir), **settings})
    client = httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=60)
    try:
        wait_for(lambda: answers(client), 120)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(60)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False


def opened(client: httpx.Client, **fields: Any) -> str:
    return str(client.post("/sessions", json=fields).raise_for_status().json()["id"])


def send(client: httpx.Client, session: str, content: str, **headers: str) -> list[dict[str, Any]]:
    response = client.post(f"/sessions/{session}/messages", json={"content": content}, headers={**WAITS, **headers})
    messages: list[dict[str, Any]] = response.raise_for_status().json()["messages"]
    return messages


def converse(client: httpx.Client) -> None:
    """Some of everything that is kept."""
    session = opened(client, title="Crème brûlée 🎬", metadata={"from": "a test"}, user_id=1)
    send(client, session, "recommend me three films like Heat", **{"Idempotency-Key": "one"})
    said = send(client, session, "which westerns are best? 西部")
    client.put(f"/sessions/{session}/messages/{said[-1]['id']}/feedback", json={"rating": "up"}).raise_for_status()
    client.post(f"/sessions/{session}/messages/{said[0]['id']}/retry", headers=WAITS).raise_for_status()
    send(client, opened(client), "I rate The Matrix 4.5 stars")
    movie = client.get("/movies", params={"limit": 1}).json()["data"][0]["movie_id"]
    client.put(f"/ratings/{movie}", json={"stars": 3.5}).raise_for_status()
    client.post("/recommendations", json={"liked": [movie]}).raise_for_status()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
