"""Tabs, chats and networks that come and go while answers stream."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.page.conftest import Watch
from tests.page.driving import Chat, stepped
from tests.support.network import Network
from tests.support.processes import wait_for
from tests.support.scripted import Gate, Reply, Upstream, text
from tests.support.serving import Server

WORDS = ("One. ", "Two. ", "Three.")
WHOLE = "One. Two. Three."


def test_offline_and_back(chat: Chat, upstream: Upstream, watch: Watch) -> None:
    """The browser says that there is no network: so does the page, nothing typed is lost, and it goes on by itself."""
    watch.allowed.append("net::ERR_")
    reply, gates = stepped(WORDS)
    upstream.queue(reply, text("Answer B."))
    chat.send("count")
    chat.expect_said("count", "One.")
    chat.page.context.set_offline(True)
    expect(chat.page.get_by_test_id("network-offline")).to_be_visible()
    for gate in gates:
        gate.open()
    wait_for(lambda: not upstream.open)
    chat.page.context.set_offline(False)
    chat.expect_said("count", WHOLE)
    expect(chat.page.get_by_test_id("network-offline")).to_have_count(0)
    chat.expect_idle()


def test_a_message_sent_without_a_network_is_not_lost(chat: Chat, upstream: Upstream, watch: Watch) -> None:
    """It waits, or stays in the field: and once the network is back it is sent, once."""
    watch.allowed.append("net::ERR_")
    upstream.queue(text("Answer A."))
    chat.page.context.set_offline(True)
    chat.send("a thriller")
    expect(chat.page.get_by_test_id("network-offline")).to_be_visible()
    chat.page.context.set_offline(False)
    if chat.composer.input_value():
        chat.composer.press("Enter")
    chat.expect_said("a thriller", "Answer A.")
    assert len(upstream.requests) == 1


def test_a_second_tab_follows_live(chat: Chat, upstream: Upstream) -> None:
    """Opened in mid-answer, it sees the beginning too; what it asks, the first sees without a reload."""
    reply, gates = stepped(WORDS)
    upstream.queue(reply, text("Four."))
    chat.send("count")
    chat.expect_said("count", "One.")
    other = chat.another_tab()
    other.expect_said("count", "One.")
    gates[0].open()
    other.expect_said("count", "One. Two.")
    gates[1].open()
    for tab in (chat, other):
        tab.expect_said("count", WHOLE)
        tab.expect_idle()
    other.ask("and then?")
    chat.page.bring_to_front()
    chat.expect_said("count", WHOLE, "and then?", "Four.")


def test_a_stop_in_one_tab_is_seen_in_the_other(chat: Chat, upstream: Upstream) -> None:
    reply, _ = stepped(WORDS)
    upstream.queue(reply)
    chat.send("count")
    chat.expect_said("count", "One.")
    other = chat.another_tab()
    other.expect_said("count", "One.")
    other.stop()
    for tab in (chat, other):
        tab.expect_idle()
        tab.expect_said("count", "One.")


def test_a_send_into_a_chat_that_answers_elsewhere(chat: Chat, upstream: Upstream, watch: Watch) -> None:
    """A tab that did not hear of it yet is told, keeps what was typed, and sees the other's answer."""
    watch.allowed.append("409")
    gate = Gate()
    upstream.queue(text("Answer A."), Reply([gate, *text("Answer B.").pieces]))
    chat.ask("a thriller")
    other = chat.another_tab()
    other.expect_said("a thriller", "Answer A.")
    chat.send("a drama")
    assert gate.reached.wait(10)
    other.composer.fill("a comedy")
    other.composer.press("Enter")
    gate.open()
    other.expect_idle()
    expect(other.page.get_by_text("Answer B.").first).to_be_visible()
    assert "a comedy" in (other.composer.input_value(), *other.questions.all_inner_texts())


def test_a_chat_that_answers_is_deleted(chat: Chat, upstream: Upstream, llm_server: Server) -> None:
    reply, _ = stepped(WORDS)
    upstream.queue(reply, text("Answer B."))
    chat.send("count")
    chat.expect_said("count", "One.")
    chat.delete("count")
    expect(chat.exchanges).to_have_count(0)
    wait_for(lambda: upstream.closed_early)
    chat.ask("a drama")
    chat.expect_said("a drama", "Answer B.")
    with llm_server.client() as client:
        assert [session["title"] for session in client.get("/sessions").json()["data"]] == ["a drama"]


def test_a_deletion_of_another_chat_leaves_the_answer_alone(chat: Chat, upstream: Upstream) -> None:
    reply, gates = stepped(WORDS)
    upstream.queue(text("Answer A."), reply)
    chat.ask("a thriller")
    chat.new_chat()
    chat.send("count")
    chat.expect_said("count", "One.")
    chat.delete("a thriller")
    for gate in gates:
        gate.open()
    chat.expect_said("count", WHOLE)


def test_a_visit_to_a_movie_and_back_loses_nothing(chat: Chat, upstream: Upstream) -> None:
    reply, gates = stepped(WORDS)
    upstream.queue(reply)
    chat.send("count")
    chat.expect_said("count", "One.")
    chat.page.evaluate("location.hash = '#/explore'")
    expect(chat.exchanges).to_have_count(0)
    gates[0].open()
    chat.page.go_back()
    chat.expect_said("count", "One. Two.")
    gates[1].open()
    chat.expect_said("count", WHOLE)


def test_the_mark_of_a_chat_that_answers_goes_when_it_has(chat: Chat, upstream: Upstream) -> None:
    """Also where one looks at another chat meanwhile."""
    reply, gates = stepped(WORDS)
    upstream.queue(reply, text("Answer B."))
    chat.send("count")
    chat.expect_said("count", "One.")
    chat.new_chat()
    chat.ask("a drama")
    entry = chat.entry("count")
    expect(entry).to_contain_text(re.compile("answering", re.IGNORECASE))
    for gate in gates:
        gate.open()
    expect(entry).not_to_contain_text(re.compile("answering", re.IGNORECASE))


def test_a_slow_network_is_told_of(page: Page, network: Network, upstream: Upstream, watch: Watch) -> None:
    """Requests that nobody answers: the page says so, and recovers."""
    watch.allowed.append("net::ERR_")
    upstream.queue(text("Answer A."))
    chat = Chat(page, network.url).open()
    network.drops_answers = True
    chat.send("a thriller")
    expect(page.get_by_test_id("network-slow")).to_be_visible()
    network.cut()
    network.drops_answers = False
    network.mend()
    chat.expect_said("a thriller", "Answer A.")
    chat.expect_idle()
    assert len(upstream.requests) == 1
