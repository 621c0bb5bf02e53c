"""Hostile text in answers, titles, tags and arguments: it is shown as text, and nothing of it is carried out."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from settings import Settings
from tests.movies.ingest.test_any_catalogue import bring
from tests.page.driving import ANSWER, Chat
from tests.page.hostile import ONE_LINE, PAYLOADS
from tests.support.scripted import Upstream, call, calls, text
from tests.support.serving import Server, serving
from tests.support.wire import JSON

FOUND = """() => [...document.querySelectorAll('body *')].flatMap((node) => {
    const named = [...node.attributes].filter((it) =>
        /^on/i.test(it.name) || it.name === 'srcdoc' || it.name === 'ping' ||
        (['href', 'src', 'action', 'formaction', 'data', 'xlink:href'].includes(it.name)
            && !/^(https?:|#|\\/|blob:|mailto:)/i.test(it.value.trim())));
    const strange = ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'BASE', 'META', 'LINK', 'MARQUEE', 'VIDEO'];
    const odd = strange.includes(node.nodeName.toUpperCase());
    return odd || named.length ? [node.outerHTML.slice(0, 200)] : [];
})"""


def assert_unharmed(page: Page) -> None:
    assert page.evaluate("window.harmed") is None
    assert page.evaluate(FOUND) == []
    strangers = page.evaluate("[...document.querySelectorAll('img')].map((it) => new URL(it.src, location).origin)")
    assert set(strangers) <= {page.evaluate("location.origin")}


def click_every_link(page: Page) -> None:
    """As a person would who trusts what is written; new tabs are not opened."""
    page.evaluate(
        """() => document.querySelectorAll('main a').forEach((link) => {
            link.addEventListener('click', (event) => event.preventDefault(), {capture: true});
            link.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
            link.click();
        })"""
    )


def test_hostile_answers(chat: Chat, upstream: Upstream) -> None:
    """Each in a paragraph of its own, streamed a few characters at a time, and again from the history."""
    for share in (PAYLOADS[:20], PAYLOADS[20:40], PAYLOADS[40:]):
        said = "\n\n".join(share)
        upstream.queue(text(*(said[at : at + 7] for at in range(0, len(said), 7))))
        answer = chat.ask("say it")
        expect(answer.locator(ANSWER).first).to_contain_text("harmed")
        assert_unharmed(chat.page)
    chat.reload()
    expect(chat.exchanges).to_have_count(3)
    click_every_link(chat.page)
    assert_unharmed(chat.page)


def test_hostile_questions_and_titles_of_chats(chat: Chat, upstream: Upstream, llm_server: Server) -> None:
    upstream.otherwise = text("Indeed.")
    with llm_server.client() as client:
        for payload in ONE_LINE:
            client.post("/sessions", json={"title": payload}).raise_for_status()
    for payload in PAYLOADS[:12:3]:
        chat.ask(payload)
    chat.reload()
    expect(chat.chats.get_by_text("window.harmed").nth(10)).to_be_attached()
    assert_unharmed(chat.page)


def test_hostile_arguments_and_errors_of_tools(chat: Chat, upstream: Upstream) -> None:
    for payload in PAYLOADS[:10]:
        upstream.queue(calls(call("search_movies", {"query": payload[:200]})), text(payload))
        chat.ask("find it")
    upstream.queue(calls(call("no_such_tool", {"<b onclick=window.harmed=1>": PAYLOADS[0]})), text("."))
    chat.ask("call it")
    for line in chat.tool_lines.all():
        line.click()
    assert_unharmed(chat.page)


@pytest.fixture(scope="module")
def hostile_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue whose titles, genres and tags are the payloads."""
    folder = tmp_path_factory.mktemp("hostile")
    movies = [(number, f"{title} (1999)", f"Drama|{title[:60].replace('|', '/')}") for number, title in _numbered()]
    ratings = [(user, number, 3 + (user + number) % 5 / 2, 1_000_000_000 + user) for user in range(1, 6)
               for number, _ in _numbered()]  # fmt: skip
    tags = [(user, number, title[:90], 1_000_000_000) for user in (1, 2) for number, title in _numbered()]
    links = [(number, f"{number:07}", number) for number, _ in _numbered()]
    _write(folder / "movies.csv", ("movieId", "title", "genres"), movies)
    _write(folder / "ratings.csv", ("userId", "movieId", "rating", "timestamp"), ratings)
    _write(folder / "tags.csv", ("userId", "movieId", "tag", "timestamp"), tags)
    _write(folder / "links.csv", ("movieId", "imdbId", "tmdbId"), links)
    bring(folder, folder / "data")
    return folder / "data"


def _numbered() -> Iterator[tuple[int, str]]:
    yield from enumerate(ONE_LINE, start=1)


def _write(path: Path, head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def test_a_hostile_catalogue(hostile_catalogue: Path, page: Page) -> None:
    """Its titles, genres and tags on cards, on movies' pages, in lists and in filters."""
    settings = Settings(_env_file=None, data_dir=hostile_catalogue, log_level="WARNING", shutdown_grace=1)
    with serving(settings) as server:
        chat = Chat(page, server.url).open()
        chat.ask("recommend me a drama")
        expect(chat.cards.first).to_be_visible()
        assert_unharmed(page)
        chat.open("#/explore")
        expect(page.get_by_text(re.compile("window.harmed")).first).to_be_visible()
        assert_unharmed(page)
        for number, _ in list(_numbered())[:8]:
            chat.open(f"#/movies/{number}")
            expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("harmed|<", re.IGNORECASE))
            assert_unharmed(page)
        chat.open("#/taste")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert_unharmed(page)
        page.close()


ODD: tuple[object, ...] = (
    None, 0, "", [], {}, "<b>x</b>", [[[]]], {"movies": 3}, {"movies": [None, 1, {}]}, {"movie": "<b>x</b>"},
    {"movies": [{"movie_id": "x", "title": None, "genres": [1]}]}, {"ratings": {"a": 1}}, {"favourites": {}},
)  # fmt: skip


def test_results_of_actions_of_any_shape(page: Page, upstream: Upstream, llm_server: Server) -> None:
    """Clients hand in whatever JSON they like: the chat is shown all the same, and goes on."""
    parameters = {"type": "object", "properties": {"at": {"type": "string"}}}
    upstream.otherwise = text("Done.")
    with llm_server.client() as client:
        session = client.post(
            "/sessions", json={"actions": [{"name": "book", "description": "Book.", "parameters": parameters}]}
        ).json()["id"]
        for number, output in enumerate(ODD):
            upstream.queue(calls(call("book", {"at": "<i>now</i>"}, f"call_{number}")))
            asked = client.post(f"/sessions/{session}/messages", json={"content": "book it"}, headers=JSON).json()
            results = {"results": [{"call_id": f"call_{number}", "output": output}]}
            client.post(f"/runs/{asked['run']['id']}/actions", json=results, headers=JSON).raise_for_status()
        upstream.queue(calls(call("book", {}, "call_last")))
        client.post(f"/sessions/{session}/messages", json={"content": "book it"}, headers=JSON).raise_for_status()
    chat = Chat(page, llm_server.url).open(f"#/chat/{session}")
    expect(chat.questions).to_have_count(len(ODD) + 1)
    expect(chat.main.get_by_text("Done.")).to_have_count(len(ODD))
    assert_unharmed(page)
    chat.ask("and now?")
    expect(chat.main.get_by_text("Done.")).to_have_count(len(ODD) + 1)
