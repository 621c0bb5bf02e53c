from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import scripted
from conftest import ROOT


def run(
    data_dir: Path, *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "llm.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data_dir), **environment},
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def session_of(done: subprocess.CompletedProcess[str]) -> str:
    [line] = [line for line in done.stderr.splitlines() if line.startswith("session ")]
    return line.removeprefix("session ")


def test_the_guide_says_who_it_is_and_that_it_is_offline(data_dir: Path) -> None:
    done = run(data_dir, "hey who are you and what can you do for me?")
    assert done.returncode == 0, done.stderr
    assert "offline guide" in done.stdout
    assert "No OPENAI_API_KEY" in done.stderr


def test_a_session_goes_on(data_dir: Path) -> None:
    first = run(data_dir, "recommend me three films like Heat")
    assert "similar_movies(" in first.stderr
    second = run(data_dir, "another one", "--session", session_of(first))
    assert second.returncode == 0
    assert session_of(second) == session_of(first)
    assert "Heat" not in second.stdout.split("1.")[1].split("\n")[0]


def test_the_prompt_may_come_from_standard_input(data_dir: Path) -> None:
    done = run(data_dir, stdin="is Heat any good?\n")
    assert done.returncode == 0
    assert "Heat (1995)" in done.stdout


def test_events_are_printed_as_json_lines(data_dir: Path) -> None:
    done = run(data_dir, "hello", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[-1]["type"]) == ("run.created", "run.completed")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "There is no prompt."),
        (("hello", "--session", "ses_none"), "There is no such session."),
    ],
)
def test_a_failure_is_one_clear_line(data_dir: Path, arguments: tuple[str, ...], reason: str) -> None:
    done = run(data_dir, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"llm.py: {reason}\n"


def test_a_wrong_setting_is_one_clear_line(data_dir: Path) -> None:
    done = run(data_dir, "hello", LLM_MAX_STEPS="none")
    assert done.returncode == 1
    assert done.stderr.startswith("llm.py: llm_max_steps: ")
    assert "Traceback" not in done.stderr


def test_a_language_model_answers_where_one_is_configured(data_dir: Path, upstream: scripted.Upstream) -> None:
    upstream.queue(
        scripted.calls(scripted.call("get_movie", {"movie": "Heat"}), split=3),
        scripted.text("Heat ", "is ", "from 1995."),
    )
    done = run(data_dir, "heat?", "--model", "big-one", OPENAI_BASE_URL=upstream.url, OPENAI_API_KEY="sk-test")
    assert (done.returncode, done.stdout) == (0, "Heat is from 1995.\n")
    assert "get_movie(movie='Heat')" in done.stderr
    assert [request["model"] for request in upstream.requests] == ["big-one", "big-one"]


def test_ctrl_c_stops_the_answer_and_keeps_what_was_said(data_dir: Path, upstream: scripted.Upstream) -> None:
    upstream.queue(scripted.Reply([scripted.chunk({"content": "Well, "}), scripted.HANG]))
    environment = {**os.environ, "DATA_DIR": str(data_dir), "OPENAI_BASE_URL": upstream.url}
    with subprocess.Popen(
        [sys.executable, "llm.py", "hello"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"Well,"
        process.send_signal(signal.SIGINT)
        assert process.wait(8) == 130
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    with closing(sqlite3.connect(data_dir / "chat.db")) as database:
        assert database.execute("SELECT content, status FROM messages WHERE role = 'assistant'").fetchall() == [
            ("Well, ", "cancelled")
        ]


def test_a_failed_answer_exits_with_its_reason(data_dir: Path, upstream: scripted.Upstream) -> None:
    upstream.queue(scripted.error(401, "invalid_api_key", "Incorrect API key sk-test"))
    done = run(data_dir, "hello", OPENAI_BASE_URL=upstream.url, OPENAI_API_KEY="sk-test")
    assert done.returncode == 1
    reason = f"The provider did not accept the API key (HTTP 401). (gpt-4.1-mini at {upstream.url})"
    assert done.stderr.splitlines()[-1] == f"llm.py: {reason}"
    assert "sk-test" not in done.stderr
