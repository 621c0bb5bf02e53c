"""A run is stopped through any process over the same data, whichever works on it."""

from __future__ import annotations

import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from settings import Settings
from tests.support.processes import environment, process, several_workers, wait_for
from tests.support.scripted import HANG, Reply, Upstream, chunk, text
from tests.support.secrets import AUTH_SECRET, PASSWORD
from tests.support.serving import serving
from tests.support.wire import Stream, ask, check_whole, following, history, new_session, sending

RUNS = 6
PATIENT = {"LLM_IDLE_TIMEOUT": "600"}  # for as long as a test takes


@pytest.fixture
def half(upstream: Upstream) -> Upstream:
    """An upstream that says a word and then nothing more."""
    upstream.otherwise = Reply([chunk({"content": "Half "}), HANG])
    return upstream


def stop(client: httpx.Client, run_id: str) -> dict[str, Any]:
    """Stop a run as the reference client does: again while the process that has it is too busy to say."""
    answers: list[httpx.Response] = []

    def is_answered() -> bool:
        answers.append(client.post(f"/runs/{run_id}/cancel"))
        return answers[-1].status_code != httpx.codes.SERVICE_UNAVAILABLE

    wait_for(is_answered, 60)
    assert answers[-1].status_code == httpx.codes.OK, answers[-1].text
    return dict(answers[-1].json())


def test_a_stop_reaches_a_run_of_another_process(half: Upstream, data_dir: Path, llm_settings: Settings) -> None:
    """And its followers, there and here; the session is free for the next message. A dead process is not waited for."""
    with (
        process(environment(data_dir, half, **PATIENT)) as theirs,
        theirs.client() as far,
        serving(llm_settings) as ours,
        ours.client() as near,
    ):
        session = new_session(far)
        with sending(far, session) as live:
            live.until("text.delta")
            with following(near, live.run_id) as followed:
                assert stop(near, live.run_id)["status"] == "cancelled"
                whole = live.rest()
                assert followed.rest().frames == whole.frames
        check_whole(whole)
        assert whole.outline[-1] == "run.cancelled"
        assert stop(near, whole.run["id"]) == whole.run  # a second stop changes nothing
        assert [m["content"] for m in history(near, session)] == ["hello", "Half "]
        half.queue(text("Whole."))
        assert ask(near, session)["run"]["status"] == "completed"
        with sending(far, session) as live, ThreadPoolExecutor() as pool:
            live.until("text.delta")
            os.kill(theirs.pid, signal.SIGSTOP)
            stopped = pool.submit(stop, near, live.run_id)
            wait_for(lambda: is_requested(data_dir, live.run_id), 60)
            theirs.kill()
            assert stopped.result()["status"] == "interrupted"


def is_requested(data_dir: Path, run_id: str) -> bool:
    with sqlite3.connect(f"file:{data_dir}/chat.db?mode=ro", uri=True) as connection:
        sql = "SELECT cancel_requested FROM runs WHERE id = ?"
        return bool(connection.execute(sql, (run_id,)).fetchone()[0])


def test_any_worker_stops_any_run(half: Upstream, data_dir: Path) -> None:
    """Each request is a connection of its own, which either worker may get."""
    with several_workers(environment(data_dir, half, **PATIENT)) as server, ThreadPoolExecutor(RUNS) as pool:

        def begin_and_stop(_: int) -> Stream:
            with server.client() as client, sending(client, new_session(client)) as live:
                live.until("text.delta")
                with server.client() as another:
                    assert stop(another, live.run_id)["status"] == "cancelled"
                return live.rest()

        for stream in pool.map(begin_and_stop, range(RUNS)):
            check_whole(stream)
            assert stream.run["status"] == "cancelled"


@pytest.mark.usefixtures("half")
def test_an_account_is_deleted_whose_answer_is_made_elsewhere(llm_settings: Settings) -> None:
    settings = llm_settings.model_copy(
        update={"auth": "on", "auth_secret": SecretStr(AUTH_SECRET), "registration": "open"}
    )
    name = {"username": "ana", "password": PASSWORD}
    with serving(settings) as theirs, theirs.client() as far, serving(settings) as ours, ours.client() as near:
        assert far.post("/auth/register", json=name).status_code == 201
        token = far.post("/auth/token", data=name).json()["access_token"]
        for client in (far, near):
            client.headers["Authorization"] = f"Bearer {token}"
        with sending(far, new_session(far)) as live:
            live.until("text.delta")
            assert near.delete("/auth/me").status_code == 204
            assert live.rest().run["status"] == "cancelled"
