"""Fifteen complaints that people file against other chat pages: none of them is true of this one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Watch
from tests.page.driving import ANSWER, Chat, side_by_side, stepped
from tests.support.network import Network
from tests.support.processes import Process, environment, process, several_workers, wait_for
from tests.support.scripted import Gate, Reply, Upstream, call, calls, error, text
from tests.support.serving import Server

STATE = """(node) => node.getAttribute('aria-pressed') ?? node.getAttribute('aria-expanded')
    ?? node.closest('details')?.open.toString() ?? node.getAttribute('aria-label')"""
WORDS = ("One. ", "Two. ", "Three.")
WHOLE = "One. Two. Three."


def stored(server: Server, session_id: str) -> list[str]:
    """The history as the service has it, without replaced answers."""
    with server.client() as client:
        page = client.get(f"/sessions/{session_id}/messages").json()
    return [message["content"] for message in page["data"] if not message["alternative"]]


def test_refresh_shows_only_the_later_part(chat: Chat, upstream: Upstream) -> None:
    reply, gates = stepped(WORDS)
    upstream.queue(reply)
    chat.send("count")
    gates[0].open()
    chat.expect_said("count", "One. Two.")
    chat.reload()
    chat.expect_said("count", "One. Two.")
    gates[1].open()
    chat.expect_said("count", WHOLE)
    chat.expect_idle()
    chat.reload()
    chat.expect_said("count", WHOLE)
    assert len(upstream.requests) == 1


def test_switching_chats_loses_the_answer(chat: Chat, upstream: Upstream) -> None:
    replies, gates = side_by_side(WORDS, ("Un. ", "Deux. ", "Trois."))
    upstream.queue(*replies)
    chat.send("count")
    chat.expect_said("count", "One.")
    chat.new_chat()
    chat.send("compter")
    chat.expect_said("compter", "Un.")
    gates[0][0].open()
    gates[1][0].open()
    chat.chat_named("count").click()
    chat.expect_said("count", "One. Two.")
    gates[1][1].open()
    gates[0][1].open()
    chat.expect_said("count", WHOLE)
    chat.chat_named("compter").click()
    chat.expect_said("compter", "Un. Deux. Trois.")
    chat.expect_idle()
    chat.chat_named("count").click()
    chat.expect_said("count", WHOLE)


def test_resume_never_fires(page: Page, network: Network, upstream: Upstream, watch: Watch) -> None:
    watch.allowed.append("net::ERR_")
    reply, gates = stepped(WORDS)
    upstream.queue(reply)
    chat = Chat(page, network.url).open()
    chat.send("count")
    chat.expect_said("count", "One.")
    network.cut()
    gates[0].open()
    assert gates[1].reached.wait(10)
    network.mend()
    chat.expect_said("count", "One. Two.")
    gates[1].open()
    chat.expect_said("count", WHOLE)
    chat.expect_idle()


def test_a_deleted_message_strands_history(chat: Chat, upstream: Upstream, llm_server: Server) -> None:
    """The nearest thing here: a message that was edited away, and a chat that was deleted in another tab."""
    upstream.queue(text("Answer A."), text("Answer B."), text("Answer C."))
    chat.ask("a thriller")
    chat.edit_last("a drama")
    chat.expect_said("a drama", "Answer B.")
    chat.reload()
    chat.expect_said("a drama", "Answer B.")
    chat.ask("another")
    chat.expect_said("a drama", "Answer B.", "another", "Answer C.")
    sent = [message["content"] for message in upstream.requests[-1]["messages"] if message["role"] != "system"]
    assert sent == ["a drama", "Answer B.", "another"]
    assert stored(llm_server, chat.session_id) == ["a drama", "Answer B.", "another", "Answer C."]


def test_a_chat_deleted_in_another_tab_strands_nobody(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("Answer A."), text("Answer B."))
    chat.ask("a thriller")
    other = chat.another_tab()
    other.expect_said("a thriller", "Answer A.")
    other.delete("a thriller")
    expect(chat.suggestions.first).to_be_visible()
    chat.ask("a drama")
    chat.expect_said("a drama", "Answer B.")


def test_a_chat_deleted_elsewhere_strands_nobody(
    chat: Chat, upstream: Upstream, llm_server: Server, watch: Watch
) -> None:
    """By another browser: the page hears of it as it sends; what was typed is not lost."""
    watch.allowed.append("404")
    upstream.queue(text("Answer A."), text("Answer B."))
    chat.ask("a thriller")
    with llm_server.client() as client:
        client.delete(f"/sessions/{chat.session_id}").raise_for_status()
    chat.send("a drama")
    expect(chat.problem).to_be_visible()
    expect(chat.composer).to_have_value("a drama")
    chat.new_chat()
    chat.ask("a drama")
    chat.expect_said("a drama", "Answer B.")


def test_a_failed_regenerate_leaves_a_dead_chat(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("Answer A."), error(500), text("Answer B."), text("Answer C."))
    chat.ask("a thriller")
    chat.try_again()
    chat.expect_ended("failed")
    chat.expect_idle()
    chat.reload()
    chat.expect_idle()
    chat.try_again()
    expect(chat.answers.last.locator(ANSWER)).to_have_text("Answer B.")
    chat.earlier_answer("Answer A.")
    chat.ask("another")
    expect(chat.answers.last.locator(ANSWER)).to_have_text("Answer C.")


def test_stop_cannot_end_a_resumed_stream(chat: Chat, upstream: Upstream, llm_server: Server) -> None:
    reply, _ = stepped(WORDS)
    upstream.queue(reply, text("Yes."))
    chat.send("count")
    chat.expect_said("count", "One.")
    chat.reload()
    chat.expect_said("count", "One.")
    chat.stop()
    chat.expect_idle()
    wait_for(lambda: upstream.closed_early)
    chat.expect_ended("cancelled")
    chat.expect_said("count", "One.")
    chat.ask("go on?")
    assert stored(llm_server, chat.session_id) == ["count", "One. ", "go on?", "Yes."]


def test_stuck_for_ever_after_a_restart_of_the_server(
    page: Page, data_dir: Path, upstream: Upstream, watch: Watch
) -> None:
    watch.allowed.append("net::ERR_")
    reply, _ = stepped(WORDS)
    upstream.queue(reply, text("Back."))
    env = environment(data_dir, upstream)
    with process(env) as first:
        chat = Chat(page, first.url).open()
        chat.send("count")
        chat.expect_said("count", "One.")
        first.kill()
    port = int(first.url.rpartition(":")[2])
    second = Process(env, port)
    try:
        second.wait_until_ready()
        chat.expect_idle()
        chat.expect_ended("interrupted")
        chat.expect_said("count", "One.")
        chat.ask("again")
        chat.expect_said("count", "One.", "again", "Back.")
        page.close()
    finally:
        second.kill()


@pytest.mark.parametrize("first", [True, False], ids=["of a new chat", "of a chat"])
def test_a_message_stored_or_billed_twice(
    page: Page, network: Network, upstream: Upstream, llm_server: Server, watch: Watch, *, first: bool
) -> None:
    """The request arrives and its answer is lost: the page cannot know, and asks again."""
    watch.allowed.append("net::ERR_")
    upstream.queue(text("Hello."), text("Answer A."))
    chat = Chat(page, network.url).open()
    before = [] if first else ["hi", "Hello."]
    if first:
        upstream.replies.popleft()
    else:
        chat.ask("hi")
    asked = len(upstream.requests)
    network.drops_answers = True
    chat.send("a thriller")
    wait_for(lambda: len(upstream.requests) == asked + 1)
    network.cut()
    network.drops_answers = False
    network.mend()
    chat.expect_said(*before, "a thriller", "Answer A.")
    chat.expect_idle()
    assert len(upstream.requests) == asked + 1
    assert stored(llm_server, chat.session_id) == [*before, "a thriller", "Answer A."]
    with llm_server.client() as client:
        assert len(client.get("/sessions").json()["data"]) == 1


def test_a_hasty_second_click_sends_nothing_twice(chat: Chat, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(Reply([gate, *text("Answer A.").pieces]))
    chat.composer.fill("a thriller")
    chat.send_button.dblclick(no_wait_after=True)
    assert gate.reached.wait(10)
    chat.composer.press("Enter")
    gate.open()
    chat.expect_said("a thriller", "Answer A.")
    chat.expect_idle()
    assert len(upstream.requests) == 1


def test_the_spinner_survives_stop(chat: Chat, upstream: Upstream) -> None:
    silent = Gate()
    upstream.queue(Reply([silent]))
    chat.send("a thriller")
    assert silent.reached.wait(10)
    expect(chat.busy.first).to_be_visible()
    chat.stop()
    chat.expect_idle()
    expect(chat.busy).to_have_count(0)
    expect(chat.page.get_by_test_id("live")).to_have_count(0)


def test_persisted_but_never_delivered(page: Page, network: Network, upstream: Upstream, watch: Watch) -> None:
    """The answer ends while nobody can be reached; it is there when the network is, without a reload."""
    watch.allowed.append("net::ERR_")
    reply, gates = stepped(WORDS)
    upstream.queue(reply)
    chat = Chat(page, network.url).open()
    chat.send("count")
    chat.expect_said("count", "One.")
    network.cut()
    for gate in gates:
        gate.open()
    wait_for(lambda: not upstream.open)
    network.mend()
    chat.expect_said("count", WHOLE)
    chat.expect_idle()


def test_duplicated_text_on_reconnect(page: Page, network: Network, upstream: Upstream, watch: Watch) -> None:
    watch.allowed.append("net::ERR_")
    words = [f"word{number} " for number in range(5)]
    reply, gates = stepped(words)
    upstream.queue(reply)
    chat = Chat(page, network.url).open()
    chat.send("count")
    for said, gate in enumerate(gates, start=1):
        chat.expect_said("count", "".join(words[:said]).strip())
        network.cut()
        network.mend()
        gate.open()
    chat.expect_said("count", "".join(words).strip())
    chat.expect_idle()
    expect(chat.answers).to_have_count(1)


def test_streams_hang_with_several_workers(page: Page, data_dir: Path, upstream: Upstream) -> None:
    """Whichever process a request reaches: any of them follows what another one answers."""
    names = ("Alpha", "Beta", "Gamma", "Delta")
    replies, gates = side_by_side(*((f"{name} ", "goes ", "on.") for name in names))
    upstream.queue(*replies)
    with several_workers(environment(data_dir, upstream)) as service:
        chat = Chat(page, service.url).open()
        for name in names:
            chat.new_chat()
            chat.send(name)
            chat.expect_said(name, name)
        tabs = [chat.another_tab() for _ in range(2)]
        for tab in tabs:
            tab.expect_said("Delta", "Delta")
        for gate in [gate for steps in gates[:3] for gate in steps]:
            gate.open()
        gates[3][0].open()
        for tab in tabs:
            tab.expect_said("Delta", "Delta goes")
        gates[3][1].open()
        for tab in (chat, *tabs):
            tab.expect_said("Delta", "Delta goes on.")
            tab.expect_idle()
        for name in names[:3]:
            chat.chat_named(name).click()
            chat.expect_said(name, f"{name} goes on.")
            chat.expect_idle()
        for tab in (chat, *tabs):
            tab.page.close()


@pytest.mark.parametrize("how", ["stop", "refresh"])
def test_stop_or_refresh_destroys_the_users_own_message(chat: Chat, upstream: Upstream, how: str) -> None:
    silent = Gate()
    upstream.queue(Reply([silent, *text("Late.").pieces]))
    chat.send("a thriller")
    assert silent.reached.wait(10)
    if how == "stop":
        chat.stop()
        chat.expect_idle()
    chat.reload()
    expect(chat.questions).to_have_text("a thriller")
    silent.open()
    if how == "refresh":
        chat.expect_said("a thriller", "Late.")


def test_what_is_typed_survives_a_refresh(chat: Chat) -> None:
    chat.composer.fill("films like He")
    chat.reload()
    expect(chat.composer).to_have_value("films like He")


def test_the_answer_is_not_read_aloud(chat: Chat, upstream: Upstream) -> None:
    """The live region is given the answer in whole sentences, each once; never pieces of words."""
    said = ["It is *Heat* (1995).", "It has 3.9 stars, e.g. from Dr. Who!", "Shall I go on?"]
    deltas = [" ".join(said)[at : at + 4] for at in range(0, len(" ".join(said)), 4)]
    reply, gates = stepped(deltas)
    upstream.queue(reply)
    chat.listen()
    chat.send("a thriller")
    for gate in gates:
        gate.open()
    chat.expect_idle()
    heard = chat.heard
    spoken = " ".join(heard)
    assert "It is Heat (1995). It has 3.9 stars, e.g. from Dr. Who! Shall I go on?" in re.sub(r"\s+", " ", spoken)
    sentences = [part for part in heard if any(word in part for word in ("Heat", "stars", "Shall"))]
    assert all(part.strip()[-1] in ".!?" for part in sentences), sentences


def test_toggle_state_not_announced(chat: Chat, upstream: Upstream) -> None:
    """Each thing that is on or off, open or closed, says so, and says so when it has changed."""
    upstream.queue(calls(call("search_movies", {"query": "Heat"})), text("Answer A."))
    exchange = chat.ask("a thriller")
    chat.listen()
    toggles = {
        "Side bar": chat.page.get_by_role("button", name="Side bar"),
        "Theme": chat.page.get_by_role("button", name=re.compile("^Theme")),
        "Good answer": exchange.get_by_role("button", name="Good answer"),
        "Tool call": chat.tool_lines.first,
        "Seen": exchange.get_by_role("button", name=re.compile("^Seen")).first,
    }
    for name in ("Theme", "Side bar", "Side bar", "Good answer", "Tool call", "Tool call"):
        before = toggles[name].evaluate(STATE)
        toggles[name].click()
        chat.page.wait_for_function(
            f"([node, before]) => ({STATE})(node) !== before", arg=[toggles[name].element_handle(), before]
        )
        assert before is not None, name
    assert any(words.startswith("Theme") for words in chat.heard)  # its name changes: that alone is not read out
    assert toggles["Seen"].evaluate(STATE) == "false"
