"""A conversation from the first visit on: sent, answered, stopped, tried again, edited, rated, kept and found again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.page.conftest import PHONE, Watch
from tests.page.driving import ANSWER, Chat, stepped
from tests.support.scripted import Gate, Reply, Upstream, call, calls, chunk, error, text
from tests.support.serving import Server


def test_a_first_visit_shows_what_can_be_asked(guide: Chat) -> None:
    """And that the built-in guide answers over the sample, and how to change it. One press is a conversation."""
    expect(guide.composer).to_be_focused()
    expect(guide.suggestions.nth(3)).to_be_visible()
    expect(guide.page.get_by_text("OPENAI_API_KEY")).to_be_visible()
    expect(guide.page.get_by_text(re.compile("sample", re.IGNORECASE)).first).to_be_visible()
    guide.suggestions.first.click()
    expect(guide.exchanges).to_have_count(1)
    guide.expect_idle()
    assert guide.session_id


def test_a_whole_conversation(guide: Chat) -> None:
    """Films with cards, what was asked on top of that, tool calls to look into; and all of it again after a reload."""
    answer = guide.ask("recommend me three films like Heat")
    expect(answer.get_by_test_id("movie-card")).to_have_count(3)
    guide.tool_lines.first.click()
    expect(answer.get_by_text("recommend", exact=False).first).to_be_visible()
    guide.ask("only from the nineties")
    guide.ask("why the first one?")
    expect(guide.chat_named(re.compile("recommend me three films"))).to_have_attribute("aria-current", "page")
    said = guide.said.all_inner_texts()
    assert len(said) >= 6
    guide.reload()
    expect(guide.said).to_have_count(len(said))
    assert guide.said.all_inner_texts() == said


def test_a_title_in_an_answer_leads_to_its_movie(guide: Chat) -> None:
    answer = guide.ask("tell me about Heat (1995)")
    answer.locator(ANSWER).get_by_role("link", name=re.compile("Heat")).first.click()
    expect(guide.page.get_by_role("heading", name=re.compile("Heat")).first).to_be_visible()
    guide.page.go_back()
    expect(guide.exchanges.last).to_be_visible()


def test_what_nothing_supports_is_marked(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("See \U0001f3ac *Toy Story* (1995), it is fun."))  # the sign is two units of UTF-16
    answer = chat.ask("something for children")
    marked = answer.locator(".unsupported").first
    expect(marked).to_have_text(re.compile(r"^Toy Story"))


def test_enter_sends_and_with_shift_breaks_the_line(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("Yes."))
    chat.composer.press_sequentially("one")
    chat.composer.press("Shift+Enter")
    chat.composer.press_sequentially("two")
    chat.composer.press("Enter")
    expect(chat.questions).to_have_text("one\ntwo")
    chat.expect_idle()
    assert upstream.requests[0]["messages"][-1]["content"] == "one\ntwo"
    expect(chat.composer).to_have_value("")


def test_nothing_but_blanks_is_not_sent(chat: Chat, upstream: Upstream) -> None:
    chat.composer.fill("  \n ")
    chat.composer.press("Enter")
    expect(chat.exchanges).to_have_count(0)
    assert upstream.requests == []


def test_stop_keeps_what_was_said(chat: Chat, upstream: Upstream) -> None:
    reply, _ = stepped(("One. ", "Two."))
    upstream.queue(reply)
    chat.send("count")
    chat.expect_said("count", "One.")
    chat.stop()
    chat.expect_idle()
    chat.expect_said("count", "One.")
    chat.expect_ended("cancelled")
    expect(chat.composer).to_be_focused()


def test_escape_stops_too(chat: Chat, upstream: Upstream) -> None:
    reply, _ = stepped(("One. ", "Two."))
    upstream.queue(reply)
    chat.send("count")
    chat.expect_said("count", "One.")
    chat.page.keyboard.press("Escape")
    chat.expect_idle()


def test_answers_tried_again_are_kept_to_be_looked_at(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("Answer A."), text("Answer B."), text("Answer C."))
    chat.ask("a film")
    chat.try_again()
    chat.expect_said("a film", "Answer B.")
    chat.expect_idle()
    chat.try_again()
    chat.expect_said("a film", "Answer C.")
    chat.expect_idle()
    for _ in range(2):
        chat.earlier_answer("Answer B.")
        chat.earlier_answer("Answer A.")
        chat.later_answer("Answer B.")
        chat.later_answer("Answer C.")
        chat.reload()
        chat.expect_said("a film", "Answer C.")


def test_the_last_message_is_edited(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("Answer A."), text("Answer B."))
    chat.ask("a thriler")
    chat.edit_last("a thriller")
    chat.expect_said("a thriller", "Answer B.")
    assert upstream.requests[-1]["messages"][-1]["content"] == "a thriller"


def test_an_edit_is_given_up_by_escape(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("Answer A."))
    chat.ask("a thriller")
    chat.begin_edit().fill("something else")
    chat.page.keyboard.press("Escape")
    chat.expect_said("a thriller", "Answer A.")
    assert len(upstream.requests) == 1


def test_follow_ups_lead_on(guide: Chat) -> None:
    guide.ask("recommend me a film")
    expect(guide.follow_ups.first).to_be_visible()
    words = guide.follow_ups.first.inner_text()
    guide.follow_ups.first.click()
    expect(guide.questions.last).to_have_text(words)
    guide.expect_idle()


def test_feedback_is_stored_and_shown(chat: Chat, upstream: Upstream, llm_server: Server) -> None:
    upstream.queue(text("Answer A."))
    chat.ask("a film")
    good = chat.exchanges.last.get_by_role("button", name="Good answer")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    with llm_server.client() as client:
        [entry] = client.get("/feedback").json()["data"]
    assert (entry["question"]["content"], entry["answer"]["feedback"]["rating"]) == ("a film", "up")
    chat.reload()
    expect(chat.exchanges.last.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")


def test_an_answer_is_copied_as_it_was_written(chat: Chat, upstream: Upstream) -> None:
    chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    upstream.queue(text("See *Heat* & **Ran**."))
    answer = chat.ask("a film")
    answer.get_by_role("button", name="Copy the answer").click()
    chat.page.wait_for_function("async () => (await navigator.clipboard.readText()) === 'See *Heat* & **Ran**.'")


@pytest.mark.parametrize("form", ["Markdown", "JSON"])
def test_a_chat_is_exported(chat: Chat, upstream: Upstream, form: str) -> None:
    upstream.queue(text("Answer A."))
    chat.ask("a film")
    with chat.page.expect_download() as download:
        chat.of_chat("a film", f"Export as {form}")
    content = Path(download.value.path()).read_text()
    assert "Answer A." in content
    assert (json.loads(content)["messages"][0]["content"] if form == "JSON" else content.strip()).count("a film")


def test_chats_are_found_renamed_and_deleted(chat: Chat, upstream: Upstream, llm_server: Server) -> None:
    upstream.queue(text("Answer A."), text("Answer D."))
    chat.ask("a thriller")
    chat.new_chat()
    chat.ask("about space")
    chat.search("Answer A")  # words of an answer
    expect(chat.chat_named("about space")).to_have_count(0)
    chat.chat_named("a thriller").click()
    chat.expect_said("a thriller", "Answer A.")
    chat.search("")
    chat.rename("a thriller", "Crime")
    chat.delete("Crime")
    expect(chat.exchanges).to_have_count(0)
    chat.reload()
    expect(chat.chat_named("about space")).to_be_visible()
    with llm_server.client() as client:
        assert [session["title"] for session in client.get("/sessions").json()["data"]] == ["about space"]


def test_a_deletion_asks_first(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("Answer A."))
    chat.ask("a thriller")
    chat.of_chat("a thriller", "Delete")
    chat.page.keyboard.press("Escape")
    expect(chat.chat_named("a thriller")).to_be_visible()


def test_the_model_is_chosen(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("Answer A."))
    chat.choose_model("other")
    chat.ask("a film")
    assert upstream.requests[0]["model"] == "other"


def test_a_failure_is_told_in_words_and_can_be_tried_again(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(error(500), text("Answer A."))
    chat.send("a film")
    chat.expect_ended("failed")
    chat.expect_idle()
    assert "secret upstream words" not in chat.page.content()
    chat.try_again()
    chat.expect_said("a film", "Answer A.")


def test_a_keyboard_is_enough(chat: Chat, upstream: Upstream) -> None:
    """From the address bar: ask, look into a tool call, rate the answer, rename the chat, begin another."""
    upstream.queue(calls(call("search_movies", {"query": "Heat"})), text("Answer A."), text("Answer B."))
    keyboard = chat.page.keyboard
    keyboard.type("a thriller")
    keyboard.press("Enter")
    chat.expect_said("a thriller", "Answer A.")
    chat.expect_idle()
    chat.tab_to(chat.tool_lines.first, backwards=True)
    keyboard.press("Enter")
    expect(chat.page.get_by_text('"query"').or_(chat.page.get_by_text("query")).first).to_be_visible()
    chat.tab_to(chat.exchanges.last.get_by_role("button", name="Good answer"))
    keyboard.press("Enter")
    expect(chat.exchanges.last.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    chat.tab_to(chat.new_chat_link)
    keyboard.press("Enter")
    expect(chat.exchanges).to_have_count(0)
    expect(chat.composer).to_be_focused()
    keyboard.type("a drama")
    keyboard.press("Enter")
    chat.expect_said("a drama", "Answer B.")


def test_a_phone(chat: Chat, upstream: Upstream) -> None:
    """The side bar is out of the way; with the keyboard open the newest words and the field are still seen."""
    page = chat.page
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    upstream.queue(text(*(f"Line {number}.\n\n" for number in range(40))))
    chat.ask("go on")
    expect(chat.new_chat_link).not_to_be_in_viewport()
    page.set_viewport_size({"width": PHONE["width"], "height": 420})
    expect(chat.composer).to_be_in_viewport(ratio=1)
    expect(chat.main.get_by_text("Line 39.")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    chat.show_chats()
    chat.chat_named("go on").click()
    expect(chat.new_chat_link).not_to_be_in_viewport()


def test_who_reads_is_not_torn_away(chat: Chat, upstream: Upstream) -> None:
    """An answer is read from its beginning; at its end one is kept there, unless one scrolls back."""
    lines = [chunk({"content": f"Line {number}.\n\n"}) for number in range(120)]
    gates = [Gate(), Gate(), Gate()]
    upstream.queue(
        Reply([*lines[:50], gates[0], *lines[50:80], gates[1], *lines[80:], gates[2], *text("The end.").pieces])
    )
    chat.send("go on")
    expect(chat.questions).to_be_in_viewport()
    chat.page.get_by_role("button", name="To the latest message").click()
    expect(chat.main.get_by_text("Line 49.")).to_be_in_viewport()
    gates[0].open()
    expect(chat.main.get_by_text("Line 79.")).to_be_in_viewport()
    chat.page.mouse.move(640, 300)
    chat.page.mouse.wheel(0, -1500)
    expect(chat.main.get_by_text("Line 79.")).not_to_be_in_viewport()
    gates[1].open()
    expect(chat.main.get_by_text("Line 119.")).to_be_attached()
    expect(chat.main.get_by_text("Line 79.")).not_to_be_in_viewport()
    chat.page.get_by_role("button", name="To the latest message").click()
    gates[2].open()
    expect(chat.main.get_by_text("The end.")).to_be_in_viewport()
    chat.expect_idle()


def test_the_theme_is_remembered(chat: Chat) -> None:
    """As the system has it, light, dark."""
    light, dark = "rgb(251, 250, 248)", "rgb(19, 18, 22)"
    expect(chat.page.locator("body")).to_have_css("background-color", light)
    chat.page.emulate_media(color_scheme="dark")
    expect(chat.page.locator("body")).to_have_css("background-color", dark)
    chat.page.get_by_role("button", name=re.compile("^Theme")).click()
    expect(chat.page.locator("body")).to_have_css("background-color", light)
    chat.reload()
    expect(chat.page.locator("body")).to_have_css("background-color", light)
    chat.page.get_by_role("button", name=re.compile("^Theme")).click()
    expect(chat.page.locator("body")).to_have_css("background-color", dark)


def test_an_address_of_nothing_says_so(chat: Chat, watch: Watch) -> None:
    watch.allowed.append("404")
    for place in ("#/chat/ses_nothing", "#/movies/999999999"):
        chat.open(place)
        expect(
            chat.page.get_by_text(re.compile("no such|not found|no longer|nothing", re.IGNORECASE)).first
        ).to_be_visible()
    chat.open()
    expect(chat.composer).to_be_visible()
