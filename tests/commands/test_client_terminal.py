"""The chat in a terminal, on a real one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.commands.test_terminal import OSC_52, steers
from tests.support.network import network
from tests.support.processes import Process, environment, wait_for
from tests.support.scripted import DONE, HANG, Gate, Piece, Reply, Upstream, call, calls, chunk, text, usage
from tests.support.serving import ROOT, Server
from tests.support.terminal import CTRL_C, CTRL_D, ENTER, ESCAPE, TAB, UP, Terminal, terminal
from tests.support.wire import ask, history, new_session

Open = Callable[..., Terminal]


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Open]:
    """Opens chats, each on a terminal of its own."""
    with ExitStack() as stack:

        def opened(url: str, *arguments: str, columns: int = 100, lines: int = 30, **env: str) -> Terminal:
            command = ["client.py", "--url", url, *arguments]
            size = {"columns": columns, "lines": lines}
            shown = stack.enter_context(
                terminal({**environment(tmp_path), **env}, *command, state=tmp_path / "state", **size)
            )
            shown.wait_for("Ctrl-D leaves.")
            shown.wait_for("› ".strip())
            return shown

        yield opened


def piped(url: str, stdin: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "client.py", "--url", url, *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def gated(*parts: str) -> tuple[list[Gate], Reply]:
    """An answer in parts, with a gate before each but the first."""
    gates = [Gate() for _ in parts[1:]]
    pieces: list[Piece] = [chunk({"content": parts[0]})]
    for gate, part in zip(gates, parts[1:], strict=True):
        pieces += [gate, chunk({"content": part})]
    return gates, Reply([*pieces, chunk(finish="stop"), usage(), DONE])


# A whole conversation


def test_a_conversation_from_the_first_question_to_the_file(
    chat: Open, server: Server, client: httpx.Client, tmp_path: Path
) -> None:
    shown = chat(server.url)
    shown.say("recommend me three films like Heat")
    shown.wait_for("Movies like Heat (1995):")
    shown.wait_for("1  The Usual Suspects (1995)  ★★★★☆ 4.0")
    shown.wait_for_prompt()
    assert "**" not in shown.text
    shown.say("/why #2")
    shown.wait_for("is close to Heat")
    shown.wait_for_prompt()
    shown.say("/rate #2 4.5")
    shown.wait_for("Seven (1995): ★★★★½ 4.5")
    shown.say("/rate the matrix ★★★")
    shown.wait_for("The Matrix (1999): ★★★☆☆ 3")
    shown.say("/rate heat 5")
    shown.wait_for("Which one is heat? (1-2)")
    shown.say("1")
    shown.wait_for("Heat (1995): ★★★★★ 5")
    shown.say("/name Heists")
    shown.wait_for("This session is called Heists")
    shown.say("/model another")
    shown.wait_for("another answers from now on.")
    shown.say(f"/export {tmp_path}/heists.md")
    shown.wait_for("Written to")
    shown.type(CTRL_D)
    assert shown.wait() == 0
    assert (tmp_path / "heists.md").read_text().startswith("# Heists\n")
    rated = {rating["movie"]["title"]: rating["stars"] for rating in client.get("/ratings").json()["data"]}
    assert rated == {"Heat": 5, "Seven": 4.5, "The Matrix": 3}
    [session] = client.get("/sessions").json()["data"]
    assert (session["title"], session["model"]) == ("Heists", "another")


def test_sessions_are_listed_searched_taken_up_and_deleted(chat: Open, server: Server, client: httpx.Client) -> None:
    for title, said in (("Westerns", "which westerns are best?"), ("Robberies", "films like Heat")):
        ask(client, new_session(client, title=title), said)
    shown = chat(server.url, "-c")
    shown.wait_for("Session: Robberies")
    shown.wait_for("Movies like Heat")
    shown.say("/sessions westerns")
    shown.wait_for("1  Westerns")
    shown.say("/open 1")
    shown.wait_for("› which westerns are best?")
    shown.say("/delete")
    shown.wait_for("Delete Westerns with all its messages? (y/N)")
    shown.say("y")
    shown.wait_for("Deleted.")
    shown.say("/new")
    shown.say("/sessions")
    shown.wait_for("1  Robberies")
    shown.say("/quit")
    assert shown.wait() == 0
    assert [session["title"] for session in client.get("/sessions").json()["data"]] == ["Robberies"]


def test_what_is_wrong_is_said_and_the_chat_goes_on(chat: Open, server: Server) -> None:
    shown = chat(server.url)
    for line, words in (
        ("/nope", "There is no command /nope. /help lists them."),
        ("/rate Heat", "/rate TITLE STARS wants a movie and half a star to five"),
        ("/rate Qwertzuiop 4", "There is no movie like 'Qwertzuiop'."),
        ("/export heat.txt", "/export FILE wants a file whose name ends in .md"),
        ("/name x", "There is no session yet"),
        ("/open 99", "has no number 99"),
        ("/why #3", "The last list has no number 3."),
        ("/open ses_none", "There is no such session."),
        ("/help", "list the sessions, or search them"),
    ):
        shown.say(line)
        shown.wait_for(words)
    shown.say("hello")
    shown.wait_for("I'm Marquee's guide")


def test_ratings_are_taken_over_and_make_a_taste(chat: Open, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    rows = ["tt0113277,9,Heat,1995", "tt0114369,10,Seven,1995", "tt9999999,3,No\x1b[31mwhere,1999"]
    head = "Const,Your Rating,Date Rated,Title,URL,Title Type,IMDb Rating,Year\n"
    split = [row.split(",") for row in rows]
    file.write_text(head + "".join(f"{id_},{n},2020-01-02,{title},u,Movie,8,{year}\n" for id_, n, title, year in split))
    shown = chat(server.url)
    shown.say("/taste")
    shown.wait_for("You have not rated anything yet.")
    shown.say(f"/import {file}")
    shown.wait_for("IMDb's ratings: 3 entries; 2 new, 1 left out.")
    shown.wait_for("Left out: No\\x1b[31mwhere")
    shown.wait_for("Store them? (y/N)")
    shown.say("y")
    shown.wait_for("Stored: 2 new")
    shown.say("/ratings")
    shown.wait_for("Seven (1995)  ★★★★☆ 4.1      122  5")
    shown.say("/taste")
    shown.wait_for("2 ratings, 4.75 stars on average; everybody gives")
    shown.say("/import nowhere.csv")
    shown.wait_for("nowhere.csv cannot be read: No such file or directory.")


def test_the_last_message_is_edited(
    chat: Open, llm_server: Server, llm_client: httpx.Client, upstream: Upstream
) -> None:
    upstream.queue(text("First."), text("Second."), text("Third."))
    shown = chat(llm_server.url)
    shown.say("is Haet good")
    shown.wait_for("First.")
    shown.wait_for_prompt()
    shown.say("/edit is Heat good")
    shown.wait_for("Second.")
    shown.wait_for_prompt()
    shown.say("/edit")
    shown.wait_for("› is Heat good\n")
    shown.say("?")
    shown.wait_for("Third.")
    [session] = llm_client.get("/sessions").json()["data"]
    messages = [message for message in history(llm_client, session["id"]) if not message["alternative"]]
    assert [message["content"] for message in messages] == ["is Heat good?", "Third."]


# Stopping, losing, going on


def test_ctrl_c_stops_the_answer_and_not_the_program(
    chat: Open, llm_server: Server, llm_client: httpx.Client, upstream: Upstream
) -> None:
    upstream.queue(Reply([chunk({"content": "Well, where to begin"}), HANG]), text("Once more."))
    shown = chat(llm_server.url)
    shown.say("hello")
    shown.wait_for("Well, where to begin")
    shown.type(CTRL_C)
    shown.wait_for("Stopped.")
    shown.wait_for_prompt()
    shown.type("half a line" + CTRL_C)
    shown.wait_for("Ctrl-D or /quit leaves.")
    shown.say("/retry")
    shown.wait_for("Once more.")
    shown.type(CTRL_D)
    assert shown.wait() == 0
    [session] = llm_client.get("/sessions").json()["data"]
    said = [(message["content"], message["status"]) for message in history(llm_client, session["id"])]
    assert said == [("hello", "completed"), ("Well, where to begin", "cancelled"), ("Once more.", "completed")]


def test_a_lost_connection_is_told_and_the_answer_goes_on(chat: Open, llm_server: Server, upstream: Upstream) -> None:
    [gate], reply = gated("The beginning ", "and the end.")
    upstream.queue(reply)
    with network(llm_server.address) as way:
        shown = chat(way.url)
        shown.say("hello")
        shown.wait_for("The beginning")
        way.cut()
        shown.wait_for("Trying again")
        gate.open()
        way.mend()
        shown.wait_for("The beginning and the end.")
        assert "Connected again." in shown.text
        assert shown.text.count("The beginning") == 1


def test_a_live_answer_is_taken_up(chat: Open, llm_server: Server, upstream: Upstream) -> None:
    """The window is closed in the middle of an answer; the next one shows it all."""
    [gate], reply = gated("The beginning ", "and the end.")
    upstream.queue(reply)
    first = chat(llm_server.url)
    first.say("hello")
    first.wait_for("The beginning")
    first.close_window()
    second = chat(llm_server.url, "-c")
    second.wait_for("The beginning")
    gate.open()
    second.wait_for("The beginning and the end.")
    second.wait_for_prompt()
    assert second.text.count("The beginning") == 1


def test_a_server_that_dies_under_an_answer(chat: Open, data_dir: Path, upstream: Upstream) -> None:
    upstream.queue(Reply([chunk({"content": "The beginning"}), HANG]), text("Whole."))
    server = Process(environment(data_dir, upstream))
    server.wait_until_ready()
    try:
        shown = chat(server.url)
        shown.say("hello")
        shown.wait_for("The beginning")
        server.kill()
        server = Process(environment(data_dir, upstream), port=int(server.url.rpartition(":")[2]))
        shown.wait_for("The server ended in the middle of this answer; /retry asks again.", 40)
        shown.say("/retry")
        shown.wait_for("Whole.")
    finally:
        server.kill()


# What is drawn


def test_a_long_answer_scrolls_and_stands_there_once(chat: Open, llm_server: Server, upstream: Upstream) -> None:
    items = [f"{number}. item **number** {number}\n" for number in range(1, 81)]
    code = ["\n```python\n", *(f"line_{number} = {number}\n" for number in range(60)), "```\n\n"]
    upstream.queue(text("# A list\n\n", *items, *code, "And ", "that ", "is ", "all."))
    shown = chat(llm_server.url, columns=60, lines=20)
    shown.say("hello")
    shown.wait_for("And that is all.")
    shown.wait_for_prompt()
    lines = [line.strip() for line in shown.scrolled]
    for number in range(1, 81):
        assert lines.count(f"{number} item number {number}") == 1, number
    for number in range(60):
        assert lines.count(f"line_{number} = {number}") == 1, number


def test_hostile_text_steers_nothing(
    chat: Open, llm_server: Server, llm_client: httpx.Client, upstream: Upstream
) -> None:
    new_session(llm_client, title=f"Ti{OSC_52}tle [red]x[/red]")
    hostile = f"A {OSC_52}\x1b[2J\x9b31m\x7f [bold]b[/bold] <script>x</script> [here](https://evil.example/{OSC_52})"
    movie = calls(call(f"get_{OSC_52}movie", {"movie": OSC_52}))
    upstream.queue(movie, text(*hostile), text("Fine."))
    shown = chat(llm_server.url)
    before = len(shown.written)
    shown.say("heat?")
    shown.wait_for("<script>x</script>")
    shown.wait_for_prompt()
    shown.say("/sessions")
    shown.wait_for("[red]x[/red]")
    shown.wait_for_prompt()
    assert "[bold]b[/bold]" in shown.text
    assert "https://evil.example/" in shown.text
    for sent in (b"\x1b]52", b"\x9b31m", b"\x1b[2J", b"\x07", b"\x1b]8"):
        assert sent not in shown.written[before:]
    done = piped(llm_server.url, "heat?\n/sessions\n")
    assert not steers(done.stdout + done.stderr)


@pytest.mark.parametrize("colour", [True, False])
def test_colour_is_off_where_it_is_not_wanted(colour: bool, chat: Open, server: Server) -> None:
    shown = chat(server.url, **({} if colour else {"NO_COLOR": "1"}))
    shown.say("films like Heat")
    shown.wait_for("Movies like Heat")
    shown.wait_for_prompt()
    assert (b"\x1b[33m" in shown.written or b"\x1b[1;33m" in shown.written) is colour
    assert (b"\x1b[3" in shown.written.replace(b"\x1b[3m", b"")) is colour


# The keyboard


def test_commands_and_titles_are_completed(chat: Open, server: Server) -> None:
    shown = chat(server.url)
    shown.type("/ra")
    shown.wait_for("rate a movie, half a star to five")
    shown.type("te the mat")
    shown.wait_for("The Matrix Reloaded (2003)")
    shown.type(TAB)
    shown.wait_for("› /rate The Matrix (1999)")
    shown.type(" 4" + ENTER)
    shown.wait_for("The Matrix (1999): ★★★★☆ 4")
    shown.type("films like the usual susp" + TAB)
    shown.wait_for("› films like The Usual Suspects (1995)")
    shown.say("")
    shown.wait_for("Movies like The Usual Suspects (1995)")
    shown.wait_for_prompt()
    shown.type("one" + ESCAPE + ENTER + "two")
    shown.wait_for("› one\n  two")


def test_keys_typed_while_an_answer_comes_are_the_next_line(chat: Open, llm_server: Server, upstream: Upstream) -> None:
    [gate], reply = gated("The beginning ", "and the end.")
    upstream.queue(reply, text("Once more."))
    shown = chat(llm_server.url)
    shown.say("hello")
    shown.wait_for("The beginning")
    shown.type("films like the usual susp" + TAB)
    gate.open()
    shown.wait_for("The beginning and the end.")
    shown.wait_for("› films like The Usual Suspects (1995)")
    [gate], reply = gated("Again ", "from the start.")
    upstream.queue(reply)
    shown.say("")
    shown.wait_for("Once more.")
    shown.say("hello")
    shown.wait_for("Again")
    shown.type(CTRL_D)
    gate.open()
    assert shown.wait() == 0


def test_typing_does_not_wait_for_titles(chat: Open, server: Server) -> None:
    with network(server.address) as way:
        shown = chat(way.url)
        way.freeze()
        shown.type("/rate the matrix reloaded")
        shown.wait_for("› /rate the matrix reloaded")


def test_the_history_is_the_users_own(chat: Open, server: Server, tmp_path: Path) -> None:
    shown = chat(server.url)
    shown.say("hello")
    shown.wait_for("I'm Marquee's guide")
    shown.wait_for_prompt()
    shown.type(CTRL_D)
    assert shown.wait() == 0
    file = tmp_path / "state/marquee/history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    again = chat(server.url)
    again.type(UP)
    again.wait_for("› hello")


# Without a person, without a server


def test_what_is_piped_in_is_answered_line_by_line(server: Server, client: httpx.Client) -> None:
    done = piped(server.url, "films like Heat\n\nwhy the second one?\n/rate Heat (1995) 4,5\n/ratings\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Movies like Heat (1995):\n\n1. **")
    assert "\n\n**Seven** (1995) is close to Heat" in done.stdout
    assert "\n\nHeat (1995): ★★★★½ 4.5\n" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    [session] = client.get("/sessions").json()["data"]
    assert len([message for message in history(client, session["id"]) if message["role"] == "user"]) == 2


@pytest.mark.parametrize(
    ("stdin", "reason"),
    [
        ("/nope\n", "There is no command /nope"),
        ("/rate heat 4\n", "None was chosen"),
        ("/edit x\n", "Nothing was said"),
    ],
)
def test_a_script_learns_that_something_failed(stdin: str, reason: str, server: Server) -> None:
    done = piped(server.url, stdin)
    assert (done.returncode, reason in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_a_session_that_is_not_there(server: Server) -> None:
    done = piped(server.url, "hello\n", "--session", "ses_none")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "client.py: There is no such session.\n")


def test_another_service_at_the_url(upstream: Upstream) -> None:
    done = piped(upstream.url, "hello\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Is another service at this address" in done.stderr


def test_without_a_server_there_is_one_for_as_long_as_the_chat(data_dir: Path) -> None:
    done = piped("http://127.0.0.1:9", "hello\n", DATA_DIR=str(data_dir))
    assert done.returncode == 0, done.stderr
    assert "I'm Marquee's guide" in done.stdout
    assert "Nothing answers at http://127.0.0.1:9." in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("A server of its own at ")]
    with pytest.raises(httpx.ConnectError):
        httpx.get(line.split()[6].strip(","))


def test_a_server_of_its_own_ends_with_the_chat_however_that_ends(data_dir: Path, tmp_path: Path) -> None:
    env = environment(data_dir)
    with terminal(env, "client.py", state=tmp_path) as shown:
        shown.wait_for("Ctrl-D leaves.", 40)
        [line] = [line for line in shown.rows if line.startswith("A server of its own at ")]
        url = line.split()[6].strip(",")
        assert httpx.get(f"{url}/health/live").is_success
        os.kill(shown.pid, 9)

        def is_gone() -> bool:
            try:
                return not httpx.get(f"{url}/health/live", timeout=1).is_success
            except httpx.TransportError:
                return True

        wait_for(is_gone, 20)


def test_a_server_of_its_own_that_cannot_start_says_why(tmp_path: Path) -> None:
    done = piped("http://127.0.0.1:9", "hello\n", DATA_DIR=str(tmp_path), LLM_MAX_STEPS="none")
    assert done.returncode == 1
    assert "LLM_MAX_STEPS" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_help_has_examples() -> None:
    done = subprocess.run([sys.executable, "client.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "examples:\n  python client.py " in done.stdout
