"""The chat page as a person works it: found by role and name, as a screen reader has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playwright.sync_api import Locator, Page, expect

from tests.support.scripted import DONE, Gate, Reply, chunk, usage

QUESTION, ANSWER = "[data-testid=question-text]", "[data-testid=answer-text]:not(:empty)"
LISTEN = """() => {
    window.heard = [];
    const note = (node) => heard.push(node.textContent);
    new MutationObserver((changes) => changes.forEach((it) => it.addedNodes.forEach(note)))
        .observe(document.querySelector('[role=log][aria-live=polite]'), {childList: true});
}"""


class Chat:
    """One tab with the page in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.main = main = page.get_by_role("main")
        self.composer = main.get_by_role("textbox", name="Message", exact=True)
        self.send_button = main.get_by_role("button", name="Send", exact=True)
        self.stop_button = main.get_by_role("button", name="Stop the answer")
        self.suggestions = main.get_by_role("group", name="Examples").get_by_role("button")
        self.follow_ups = main.get_by_role("group", name="What you may ask next").get_by_role("button")
        self.exchanges = page.get_by_test_id("exchange")
        self.questions = page.locator(QUESTION)
        self.answers = main.get_by_role("article", name="Answer", exact=True)
        self.said = page.locator(f"{QUESTION}, {ANSWER}")
        self.tool_lines = page.get_by_test_id("tool-call").locator("summary")
        self.cards = page.get_by_test_id("movie-card")
        self.busy = main.locator("[aria-busy=true], .thinking:visible")
        self.problem = main.get_by_role("alert")
        self.chats = page.get_by_role("navigation", name="Chats")
        self.new_chat_link = self.chats.get_by_role("link", name="New chat", exact=True)

    def open(self, place: str = "") -> Chat:
        self.page.goto(f"{self.url}/{place}")
        return self

    def another_tab(self) -> Chat:
        """A second tab at the same place."""
        return Chat(self.page.context.new_page(), self.url).open(self.page.evaluate("location.hash"))

    def reload(self) -> None:
        self.page.reload()

    # Sending

    def send(self, content: str) -> None:
        self.composer.fill(content)
        self.composer.press("Enter")

    def ask(self, content: str) -> Locator:
        """Send, and wait for the whole answer: its exchange."""
        before = self.exchanges.count()
        self.send(content)
        expect(self.exchanges).to_have_count(before + 1)
        self.expect_idle()
        return self.exchanges.nth(before)

    def stop(self) -> None:
        self.stop_button.click()

    def try_again(self) -> None:
        self.exchanges.last.get_by_role("button", name="Answer again").click()

    def begin_edit(self) -> Locator:
        """The field in which the last message is changed."""
        self.exchanges.last.hover()
        self.exchanges.last.get_by_role("button", name="Edit this message").click()
        return self.page.get_by_role("textbox", name="Edit your message")

    def edit_last(self, content: str) -> None:
        self.begin_edit().fill(content)
        self.page.keyboard.press("Enter")
        expect(self.questions.last).to_have_text(content)
        self.expect_idle()

    def choose_model(self, name: str) -> None:
        self.page.get_by_role("combobox", name="Model").select_option(name)

    # Reading

    def expect_idle(self) -> None:
        """Nothing is being answered, and one can write and send."""
        expect(self.send_button).to_be_visible()
        expect(self.busy).to_have_count(0)
        expect(self.composer).to_be_enabled()

    def expect_said(self, *texts: str) -> None:
        """The texts of questions and answers in turn, and nothing besides."""
        expect(self.said).to_have_text(list(texts))

    def expect_ended(self, status: str) -> None:
        expect(self.exchanges.last.get_by_test_id(f"ended-{status}")).to_be_visible()

    def earlier_answer(self, text: str) -> None:
        self._turn("Earlier answer", text)

    def later_answer(self, text: str) -> None:
        self._turn("Later answer", text)

    def _turn(self, name: str, text: str) -> None:
        self.exchanges.last.get_by_role("button", name=name).click()
        expect(self.answers.last.locator(ANSWER)).to_have_text(text)

    @property
    def session_id(self) -> str:
        self.page.wait_for_url(re.compile(r"#/chat/ses_"))
        return str(self.page.evaluate("location.hash")).removeprefix("#/chat/")

    # The side bar

    def chat_named(self, title: str | re.Pattern[str]) -> Locator:
        return self.entry(title).get_by_role("link")

    def entry(self, title: str | re.Pattern[str]) -> Locator:
        return self.chats.get_by_role("listitem").filter(has_text=title)

    def show_chats(self) -> None:
        """On a phone they are behind a button."""
        button = self.page.get_by_role("button", name="Side bar")
        if button.get_attribute("aria-expanded") == "false":
            button.click()
        expect(self.new_chat_link).to_be_in_viewport()

    def new_chat(self) -> None:
        self.new_chat_link.click()
        expect(self.exchanges).to_have_count(0)

    def of_chat(self, title: str, action: str) -> None:
        """Do one of the things in a chat's menu."""
        self.entry(title).hover()
        self.entry(title).get_by_role("button", name=re.compile("^Options")).click()
        self.page.get_by_role("menuitem", name=action).click()

    def delete(self, title: str) -> None:
        self.of_chat(title, "Delete")
        self.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(self.entry(title)).to_have_count(0)

    def rename(self, title: str, other: str) -> None:
        self.of_chat(title, "Rename")
        self.page.get_by_role("dialog").get_by_role("textbox").fill(other)
        self.page.keyboard.press("Enter")
        expect(self.chat_named(other)).to_be_visible()

    def search(self, words: str) -> None:
        self.chats.get_by_role("searchbox", name="Search chats").fill(words)

    # Keyboard, and what is announced

    def tab_to(self, target: Locator, *, backwards: bool = False) -> None:
        """Press Tab until it has the focus."""
        for _ in range(80):
            if target.evaluate("(it) => it === document.activeElement"):
                return
            self.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        raise AssertionError("the Tab key does not lead there")

    def listen(self) -> None:
        """From now on note what the live region is given."""
        self.page.evaluate(LISTEN)

    @property
    def heard(self) -> list[str]:
        return list(self.page.evaluate("heard"))


def stepped(words: Sequence[str]) -> tuple[Reply, list[Gate]]:
    """An answer that waits at a gate before each word but the first."""
    gates = [Gate() for _ in words[1:]]
    pieces: list[bytes | Gate] = [chunk({"content": words[0]})]
    for gate, word in zip(gates, words[1:], strict=True):
        pieces += [gate, chunk({"content": word})]
    return Reply([*pieces, chunk(finish="stop"), usage(), DONE]), gates


def side_by_side(*answers: Sequence[str]) -> tuple[list[Reply], list[list[Gate]]]:
    """Several such answers, and the gates of each."""
    each = [stepped(words) for words in answers]
    return [reply for reply, _ in each], [gates for _, gates in each]
