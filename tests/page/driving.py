"""The chat page as a person works it: found by role and name, as a screen reader has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playwright.sync_api import Locator, Page, expect

from tests.support.scripted import DONE, Gate, Reply, chunk, usage

PATIENT = 20_000  # milliseconds, for what takes a reconnection


class Chat:
    """One tab with the page in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.composer = page.get_by_role("textbox", name="Message")
        self.send_button = page.get_by_role("button", name="Send", exact=True)
        self.stop_button = page.get_by_role("button", name="Stop", exact=True)
        self.chats = page.get_by_role("navigation", name="Chats")
        self.banner = page.get_by_role("status", name="Service")
        self.cards = page.locator("[data-testid=movie-card]")

    def open(self, path: str = "") -> Chat:
        self.page.goto(f"{self.url}/{path}")
        return self

    def another_tab(self) -> Chat:
        """A second tab at the same place."""
        place = self.page.evaluate("location.hash")
        return Chat(self.page.context.new_page(), self.url).open(place)

    def reload(self) -> None:
        self.page.reload()

    # Sending

    def send(self, content: str) -> None:
        self.composer.fill(content)
        self.composer.press("Enter")

    def ask(self, content: str) -> Locator:
        """Send, and wait for the whole answer."""
        before = self.answers.count()
        self.send(content)
        answer = self.answers.nth(before)
        self.expect_idle(answer)
        return answer

    def stop(self) -> None:
        self.stop_button.click()

    def expect_idle(self, answer: Locator | None = None) -> None:
        """Nothing is being answered, and one can send."""
        expect(answer or self.answers.last).not_to_have_attribute("data-status", "in_progress", timeout=PATIENT)
        expect(self.stop_button).to_be_hidden()
        expect(self.send_button).to_be_visible()
        expect(self.composer).to_be_enabled()

    # Reading

    @property
    def messages(self) -> Locator:
        return self.page.locator("article[data-role]")

    @property
    def answers(self) -> Locator:
        return self.page.locator("article[data-role=assistant]")

    @property
    def questions(self) -> Locator:
        return self.page.locator("article[data-role=user]")

    @property
    def session_id(self) -> str:
        self.page.wait_for_url(re.compile(r"#/chat/ses_"))
        return str(self.page.evaluate("location.hash")).removeprefix("#/chat/")

    def expect_said(self, *texts: str) -> None:
        """The texts of questions and answers in turn, and nothing besides."""
        expect(self.messages.locator(".text")).to_have_text(list(texts), timeout=PATIENT)

    # The side bar

    def chat_named(self, title: str | re.Pattern[str]) -> Locator:
        return self.chats.get_by_role("link", name=title)

    def new_chat(self) -> None:
        self.page.get_by_role("link", name="New chat").click()
        expect(self.messages).to_have_count(0)

    def of_chat(self, title: str, action: str) -> None:
        """Do one of the things in a chat's menu."""
        entry = self.chats.get_by_role("listitem").filter(has=self.chat_named(title))
        entry.hover()
        entry.get_by_role("button", name=re.compile("Options|Actions|Menu|More", re.IGNORECASE)).click()
        self.page.get_by_role("menuitem", name=action).click()


def stepped(words: Sequence[str]) -> tuple[Reply, list[Gate]]:
    """An answer that waits at a gate before each word but the first."""
    gates = [Gate() for _ in words[1:]]
    pieces = [chunk({"content": words[0]})]
    for gate, word in zip(gates, words[1:], strict=True):
        pieces += [gate, chunk({"content": word})]
    return Reply([*pieces, chunk(finish="stop"), usage(), DONE]), gates


def side_by_side(*answers: Sequence[str]) -> tuple[list[Reply], list[list[Gate]]]:
    """Several such answers, and the gates of each."""
    each = [stepped(words) for words in answers]
    return [reply for reply, _ in each], [gates for _, gates in each]
