"""The page at one process of a service, and the answer in another."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from settings import Settings
from tests.page.driving import Chat
from tests.support.scripted import HANG, Reply, Upstream, chunk
from tests.support.serving import Server, serving
from tests.support.wire import sending


def test_the_page_stops_an_answer_of_another_process(
    page: Page, llm_server: Server, llm_settings: Settings, upstream: Upstream
) -> None:
    upstream.otherwise = Reply([chunk({"content": "Half of it"}), HANG])
    with serving(llm_settings) as theirs, theirs.client() as client:
        session = client.post("/sessions").json()["id"]
        with sending(client, session) as live:
            live.until("text.delta")
            chat = Chat(page, llm_server.url).open(f"#/chat/{session}")
            expect(chat.answers.last).to_contain_text("Half of it")
            chat.stop()
            assert live.rest().run["status"] == "cancelled"
        chat.expect_idle()
        expect(page.get_by_text("Stopped. What was said so far is kept.")).to_be_visible()
