"""The example of a page in a real browser, and the reference page."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest
from playwright.sync_api import Page, expect

from settings import Settings
from tests.page.conftest import Watch
from tests.support.network import network_to
from tests.support.scripted import HANG, Gate, Reply, Upstream, call, calls, chunk, text
from tests.support.serving import ROOT, Server, serving


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def example(name: str = "browser") -> Iterator[str]:
    """A folder of `examples/` on an origin of its own."""
    handler = functools.partial(Quiet, directory=str(ROOT / "examples" / name))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{files.server_port}"
        files.shutdown()


def across_origins(settings: Settings, origin: str) -> AbstractContextManager[Server]:
    return serving(settings.model_copy(update={"cors_origins": (origin,)}))


def test_the_example_streams_and_goes_on_when_the_network_comes_back(
    llm_settings: Settings, upstream: Upstream, page: Page, watch: Watch
) -> None:
    watch.allowed.append("net::ERR_")
    gates = [Gate(), Gate()]
    pieces = [chunk({"content": "one "}), gates[0], chunk({"content": "two "}), gates[1], *text("three").pieces]
    upstream.queue(Reply(pieces))
    with example() as origin, across_origins(llm_settings, origin) as server, network_to(server) as network:
        page.goto(f"{origin}/?service={network.url}")
        page.get_by_role("button").click()
        expect(page.locator("pre")).to_have_text("one ")
        network.cut()
        gates[0].open()
        assert gates[1].reached.wait(10)
        network.mend()
        expect(page.locator("pre")).to_have_text("one two ")
        gates[1].open()
        expect(page.locator("pre")).to_have_text("one two three\n(completed)\n")
        with server.client() as client:
            [session] = client.get("/sessions").json()["data"]
            roles = [message["role"] for message in client.get(f"/sessions/{session['id']}/messages").json()["data"]]
        assert roles == ["user", "assistant"]
        page.close()


def test_usechat_goes_on_after_a_reload(llm_settings: Settings, upstream: Upstream, page: Page) -> None:
    if not (ROOT / "examples/usechat/bundle.js").exists():
        pytest.skip("there is no bundle: `npm install && npm run bundle` in examples/usechat")
    gates = [Gate(), Gate()]
    pieces = [chunk({"content": "one "}), gates[0], chunk({"content": "two "}), gates[1], *text("three").pieces]
    upstream.queue(calls(call("search_movies", {"query": "Heat"})), Reply(pieces), text("again"), Reply([HANG]))
    with example("usechat") as origin, across_origins(llm_settings, origin) as server:
        page.goto(f"{origin}/?service={server.url}")
        page.get_by_label("Message").fill("hello")
        page.get_by_role("button", name="Send").click()
        answer = page.locator("article.assistant")
        expect(answer).to_contain_text("one ")
        page.reload()
        expect(answer).to_contain_text("one ")
        gates[0].open()
        expect(answer).to_contain_text("one two ")
        page.reload()
        gates[1].open()
        expect(answer).to_contain_text("one two three")
        expect(answer).to_contain_text("search_movies")
        page.get_by_role("button", name="Again").click()
        expect(answer).to_have_text("again")
        page.get_by_role("button", name="Again").click()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Again")).to_be_visible()
        page.reload()
        expect(page.locator("article")).to_have_count(1)
        page.close()


def test_an_event_source_with_a_cursor_in_its_url_sees_every_event_once(
    llm_settings: Settings, upstream: Upstream, page: Page, watch: Watch
) -> None:
    """It repeats the URL, cursor and all, when it comes back; and it stops when the run is over."""
    watch.allowed.append("net::ERR_")
    gates = [Gate(), Gate()]
    pieces = [chunk({"content": "one "}), gates[0], chunk({"content": "two "}), gates[1], *text("three").pieces]
    upstream.queue(Reply(pieces))
    with example() as origin, across_origins(llm_settings, origin) as server, network_to(server) as network:
        page.goto(origin)
        page.evaluate(
            """async (service) => {
                const body = JSON.stringify({message: {content: "hello"}});
                const headers = {"Content-Type": "application/json"};
                const answer = await fetch(`${service}/sessions`, {method: "POST", headers, body});
                const begin = new TextDecoder().decode((await answer.body.getReader().read()).value);
                const run = JSON.parse(begin.match(/^data: (.*)$/m)[1]).run;
                window.seen = [];
                window.source = new EventSource(`${service}/runs/${run.id}/events?after=2`);
                const note = (event) => window.seen.push(Number(event.lastEventId));
                for (const type of ["text.delta", "run.completed"]) window.source.addEventListener(type, note);
            }""",
            network.url,
        )
        page.wait_for_function("window.seen.length === 1")
        network.cut()
        gates[0].open()
        assert gates[1].reached.wait(10)
        network.mend()
        page.wait_for_function("window.seen.length === 2")
        gates[1].open()
        page.wait_for_function("window.source.readyState === EventSource.CLOSED")
        assert page.evaluate("window.seen") == [3, 4, 5, 6]
        page.close()


def test_the_reference_page_shows_the_operations(server: Server, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/docs")
    expect(page.locator("#operations-chat-send_message")).to_be_visible()
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(map(len, paths.values())))
    assert all(url.startswith((server.url, "data:")) for url in asked)
