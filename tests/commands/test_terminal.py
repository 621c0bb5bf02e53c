from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import scripted
from tests.support.serving import ROOT


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
    assert "**Heat** (1995)" in done.stdout


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


# What reaches the terminal

OSC_52 = "\x1b]52;c;aGFjaw==\x07"  # writes to the clipboard


def steers(text: str) -> bool:
    """Whether there is anything in it that a terminal obeys."""
    return any((ord(character) < 32 and character not in "\n\t") or 127 <= ord(character) < 160 for character in text)


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_control_characters_of_a_model_never_reach_the_terminal(
    flags: tuple[str, ...], data_dir: Path, upstream: scripted.Upstream
) -> None:
    upstream.queue(
        scripted.calls(scripted.call(f"get_{OSC_52}movie", {"movie": OSC_52})),
        scripted.Reply(
            [
                scripted.chunk({"reasoning_content": f"Hm {OSC_52}"}),
                *(scripted.chunk({"content": part}) for part in ("It is ", *OSC_52, "\x9b31m\x7f\r", "\n\tHeat.")),
                scripted.chunk(finish="stop"),
                scripted.DONE,
            ]
        ),
    )
    done = run(data_dir, "heat?", *flags, OPENAI_BASE_URL=upstream.url)
    assert done.returncode == 0, done.stderr
    assert not steers(done.stdout)
    assert not steers(done.stderr)
    if flags:
        deltas = [json.loads(line) for line in done.stdout.splitlines()]
        said = "".join(event["delta"] for event in deltas if event["type"] == "text.delta")
        assert said == f"It is {OSC_52}\x9b31m\x7f\r\n\tHeat."
    else:
        assert done.stdout == "It is \\x1b]52;c;aGFjaw==\\x07\\x9b31m\\x7f\n\tHeat.\n"


def test_control_characters_of_data_never_reach_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / f"a{OSC_52}b"
    command = [sys.executable, "movielens.py", "import", "--data-dir", str(folder)]
    for source, code in (("data/sample", 0), (f"nowhere{OSC_52}", 1)):
        done = subprocess.run([*command, source], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code
        assert not steers(done.stdout + done.stderr)


def test_a_failure_of_the_provider_does_not_steer_the_terminal(data_dir: Path, upstream: scripted.Upstream) -> None:
    upstream.queue(scripted.error(401))
    done = run(data_dir, "hello", "--model", f"big{OSC_52}", OPENAI_BASE_URL=upstream.url)
    assert done.returncode == 1
    assert "big" in done.stderr
    assert not steers(done.stderr)


def test_whoever_reads_no_further_ends_the_answer_quietly(data_dir: Path, upstream: scripted.Upstream) -> None:
    gate = scripted.Gate()
    more: Iterator[scripted.Piece] = itertools.cycle([scripted.chunk({"content": "And on. "}), scripted.Pause(0.01)])
    upstream.queue(scripted.Reply(itertools.chain([scripted.chunk({"content": "First.\n"}), gate], more)))
    environment = {**os.environ, "DATA_DIR": str(data_dir), "OPENAI_BASE_URL": upstream.url}
    with subprocess.Popen(
        [sys.executable, "llm.py", "hello"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"First.\n"
        process.stdout.close()
        gate.open()
        assert process.wait(20) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""
    with closing(sqlite3.connect(data_dir / "chat.db")) as database:
        assert database.execute("SELECT status FROM runs").fetchall() == [("cancelled",)]


def test_a_broken_pipe_does_not_trouble_the_import(tmp_path: Path) -> None:
    command = [sys.executable, "movielens.py", "import", "data/sample", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(120)
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert (tmp_path / "catalogue.db").exists()


# Prompts


def asked(upstream: scripted.Upstream) -> list[str]:
    return [str(request["messages"][-1]["content"]) for request in upstream.requests]


def test_a_prompt_needs_no_quotes(data_dir: Path, upstream: scripted.Upstream) -> None:
    upstream.otherwise = scripted.text("Heat.")
    words = ("recommend", "me", "a", "film")
    for arguments in ((*words, "--model", "m"), ("--model", "m", *words), ("recommend", "--model", "m", *words[1:])):
        done = run(data_dir, *arguments, OPENAI_BASE_URL=upstream.url)
        assert (done.returncode, done.stdout) == (0, "Heat.\n"), done.stderr
    assert asked(upstream) == ["recommend me a film"] * 3
    assert [request["model"] for request in upstream.requests] == ["m"] * 3


def test_what_is_piped_in_joins_the_prompt(data_dir: Path, tmp_path: Path, upstream: scripted.Upstream) -> None:
    upstream.otherwise = scripted.text("Good.")
    for arguments in (("sum", "up"), ()):
        assert run(data_dir, *arguments, stdin="A film.\nLong.\n", OPENAI_BASE_URL=upstream.url).returncode == 0
    file = tmp_path / "review.txt"
    file.write_text("From a file.")
    environment = {**os.environ, "DATA_DIR": str(data_dir), "OPENAI_BASE_URL": upstream.url}
    with file.open() as review:
        subprocess.run([sys.executable, "llm.py", "sum up"], cwd=ROOT, env=environment, stdin=review, check=True)
    assert asked(upstream) == ["sum up\n\nA film.\nLong.", "A film.\nLong.", "sum up\n\nFrom a file."]


@pytest.mark.parametrize("silent", ["pipe", "terminal", "nothing"])
def test_a_standard_input_that_says_nothing_is_not_waited_for(
    silent: str, data_dir: Path, upstream: scripted.Upstream
) -> None:
    upstream.otherwise = scripted.text("Good.")
    reader, writer = os.openpty() if silent == "terminal" else os.pipe()
    stdin = subprocess.DEVNULL if silent == "nothing" else (writer if silent == "terminal" else reader)
    environment = {**os.environ, "DATA_DIR": str(data_dir), "OPENAI_BASE_URL": upstream.url}
    try:
        done = subprocess.run(
            [sys.executable, "llm.py", "hello"],
            cwd=ROOT,
            env=environment,
            stdin=stdin,
            capture_output=True,
            timeout=60,
            check=True,
        )
    finally:
        os.close(reader)
        os.close(writer)
    assert done.stdout == b"Good.\n"
    assert (b"Nothing comes from standard input" in done.stderr) is (silent == "pipe")
    assert asked(upstream) == ["hello"]


def test_input_that_is_no_text_is_one_clear_line(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "llm.py", "sum up"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data_dir)},
        input=b"\xff\xfe",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"llm.py: Standard input is not text in UTF-8.\n")


def test_the_guide_may_be_called_from_any_folder(data_dir: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "DATA_DIR": os.path.relpath(data_dir, ROOT)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "llm.py"), "hello"],
        cwd=elsewhere,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(elsewhere.iterdir()) == []
    with closing(sqlite3.connect(data_dir / "chat.db")) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_a_slip_in_a_setting_is_told(data_dir: Path) -> None:
    done = run(data_dir, "hello", OPENAI_APIKEY="sk-secret")
    assert "OPENAI_APIKEY is no setting and is not read. Do you mean OPENAI_API_KEY?" in done.stderr
    assert "sk-secret" not in done.stderr


# Going on, instructions, forms, usage


def test_the_last_session_goes_on(data_dir: Path) -> None:
    assert run(data_dir, "-c", "hello").returncode == 0  # even where there is none
    first = run(data_dir, "recommend me three films like Heat")
    other = run(data_dir, "-c", "why the second one?")
    assert session_of(other) == session_of(first)
    assert "is close to Heat" in other.stdout


def test_instructions_and_usage(data_dir: Path, upstream: scripted.Upstream) -> None:
    upstream.queue(scripted.text("Oh, Heat."), scripted.text("Ah, Heat."))
    first = run(data_dir, "heat?", "-s", "Answer in verse.", "-u", "-m", "m", OPENAI_BASE_URL=upstream.url)
    assert first.returncode == 0, first.stderr
    assert "m: 10 tokens in, 5 out; 1 step; " in first.stderr
    run(data_dir, "-c", "again", "-s", "Answer in prose.", OPENAI_BASE_URL=upstream.url)
    systems = [request["messages"][0]["content"] for request in upstream.requests]
    assert [word in system for word, system in zip(("verse", "prose"), systems, strict=True)] == [True, True]
    assert "verse" not in systems[1]


def test_an_answer_by_a_schema(data_dir: Path, tmp_path: Path, upstream: scripted.Upstream) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    file = tmp_path / "film.json"
    file.write_text(json.dumps(schema))
    for given in (str(file), json.dumps(schema)):
        upstream.queue(scripted.text('{"title": 1}'), scripted.text('{"title": "Heat"}'))
        done = run(data_dir, "--schema", given, "the best film", OPENAI_BASE_URL=upstream.url)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith('{"title": "Heat"}\n')


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("nowhere.json", "--schema: nowhere.json cannot be read: No such file or directory."),
        ('{"type":', "--schema: that is no JSON: "),
        ('{"type": "objectt"}', "The schema cannot be used"),
    ],
)
def test_a_schema_that_is_none(given: str, reason: str, data_dir: Path, upstream: scripted.Upstream) -> None:
    done = run(data_dir, "--schema", given, "hello", OPENAI_BASE_URL=upstream.url)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (1, "", False)
    assert reason in done.stderr.splitlines()[-1]


def test_the_word_chat_starts_the_chat(data_dir: Path) -> None:
    done = run(data_dir, "chat", stdin="films like Heat\nwhy the second one?\n")
    assert done.returncode == 0, done.stderr
    assert "is close to Heat" in done.stdout
    assert run(data_dir, "chat", "--json").stderr == "llm.py: chat takes none of --schema, --json and --usage.\n"


def test_help_has_examples(data_dir: Path) -> None:
    assert "examples:\n  python llm.py " in run(data_dir, "--help").stdout
