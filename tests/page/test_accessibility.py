"""axe-core finds nothing serious in any state of the page, light and dark, on a desk and on a phone."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.page.conftest import DESKTOP, PHONE, Watch
from tests.page.driving import Chat, stepped
from tests.support.scripted import Upstream, call, calls, error, text
from tests.support.serving import Server

AXE = Axe()
GRAVE = {"serious", "critical"}
LOOKS = [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)]
FILM = "**Heat** (1995) is *long*.\n\n1. One\n2. Two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n\n> said\n"


def grave(page: Page) -> list[str]:
    """The violations that matter, each with the node's markup and the reason."""
    found = AXE.run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:150]}: {node['failureSummary']}"
        for violation in found
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


@pytest.fixture(params=LOOKS, ids=["light", "dark", "light phone", "dark phone"])
def look(request: pytest.FixtureRequest, page: Page) -> Page:
    scheme, size = request.param
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(size)
    return page


def test_the_chat_in_every_state(look: Page, llm_server: Server, upstream: Upstream) -> None:
    chat = Chat(look, llm_server.url).open()
    expect(chat.suggestions.first).to_be_visible()
    assert grave(look) == [], "first screen"
    upstream.queue(calls(call("search_movies", {"query": "Heat"})), text(FILM), error(500))
    chat.ask("a thriller")
    assert grave(look) == [], "conversation"
    chat.tool_lines.first.click()
    assert grave(look) == [], "an open tool call"
    chat.try_again()
    chat.expect_ended("failed")
    assert grave(look) == [], "a failure"
    chat.begin_edit()
    assert grave(look) == [], "an edit"
    look.keyboard.press("Escape")
    reply, gates = stepped(("One. ", "Two."))
    upstream.queue(reply)
    chat.send("count")
    expect(chat.answers.last).to_contain_text("One.")
    assert grave(look) == [], "streaming"
    gates[0].open()
    chat.expect_idle()
    chat.show_chats()
    assert grave(look) == [], "side bar"
    chat.of_chat("a thriller", "Delete")
    assert grave(look) == [], "dialog"


@pytest.mark.parametrize("place", ["movies/1", "taste", "explore"])
def test_a_view(look: Page, server: Server, place: str) -> None:
    with server.client() as client:
        for movie, stars in (("1", 4.5), ("2", 2)):
            client.put(f"/ratings/{movie}", json={"stars": stars}).raise_for_status()
    Chat(look, server.url).open(f"#/{place}")
    expect(look.get_by_role("heading", level=1)).to_be_visible()
    look.wait_for_load_state("networkidle")
    assert grave(look) == []
    assert look.evaluate("document.documentElement.scrollWidth") <= look.evaluate("innerWidth")


def test_offline_too(chat: Chat, watch: Watch) -> None:
    watch.allowed.append("net::ERR_")
    chat.page.context.set_offline(True)
    chat.send("hello")
    expect(chat.page.get_by_text(re.compile("offline|connection|reached", re.IGNORECASE)).first).to_be_visible()
    assert grave(chat.page) == []


def test_touch_targets_are_large_enough(look: Page, llm_server: Server, upstream: Upstream) -> None:
    """24 CSS pixels at least everywhere (WCAG 2.2, 2.5.8), 44 where the pointer is a finger."""
    upstream.queue(text("Answer A."))
    chat = Chat(look, llm_server.url).open()
    chat.ask("a film")
    sizes = look.evaluate(
        """() => [...document.querySelectorAll('button, [role=button], input, select, summary')]
            .filter((it) => it.checkVisibility({opacityProperty: true, visibilityProperty: true}))
            .map((it) => [it.getAttribute('aria-label') ?? it.innerText, it.getBoundingClientRect()])
            .filter(([, box]) => box.width && Math.min(box.width, box.height) < 24).map(([name]) => name)"""
    )
    assert sizes == []


def test_the_words_of_each_control_say_what_it_does(chat: Chat, upstream: Upstream) -> None:
    upstream.queue(text("Answer A."))
    chat.ask("a film")
    nameless = chat.page.evaluate(
        """() => [...document.querySelectorAll('button, a, input, textarea, select')]
            .filter((it) => it.checkVisibility())
            .filter((it) => !(it.getAttribute('aria-label') || it.innerText || it.labels?.length || it.title))
            .map((it) => it.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
