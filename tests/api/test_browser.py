"""What runs in a browser, in a real one: Debian's Chromium, driven by Playwright. Skipped where there is none."""

from __future__ import annotations

import functools
import http.server
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from settings import Settings
from tests.support.scripted import Gate, Reply, Upstream, chunk, text
from tests.support.serving import ROOT, Server, serving

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on whose console nothing may be complained of but the network, which the tests cut."""
    complaints: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        yield page
    assert [said for said in complaints if "net::ERR_" not in said] == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def example() -> Iterator[str]:
    """`examples/browser/` on an origin of its own."""
    handler = functools.partial(Quiet, directory=str(ROOT / "examples/browser"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{files.server_port}"
        files.shutdown()


class Network:
    """A TCP proxy before the service, that can be cut and mended."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.is_up = True
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self.is_up = False
        for pair in self._pairs:
            _close(*pair)

    def mend(self) -> None:
        self.is_up = True

    def close(self) -> None:
        self.cut()
        _close(self._listener)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self.is_up:
                    client.close()
                    continue
                pair = (client, socket.create_connection(self._target))
                self._pairs.append(pair)
                for source, sink in (pair, pair[::-1]):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    _close(source, sink)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def test_the_example_streams_and_goes_on_when_the_network_comes_back(
    llm_settings: Settings, upstream: Upstream, page: Page
) -> None:
    gates = [Gate(), Gate()]
    pieces = [chunk({"content": "one "}), gates[0], chunk({"content": "two "}), gates[1], *text("three").pieces]
    upstream.queue(Reply(pieces))
    with example() as origin, serving(llm_settings.model_copy(update={"cors_origins": (origin,)})) as server:
        network = Network(server.address)
        page.goto(f"{origin}/?service=http://127.0.0.1:{network.port}")
        page.get_by_role("button").click()
        expect(page.locator("pre")).to_have_text("one ")
        network.cut()
        gates[0].open()
        assert gates[1].reached.wait(10)
        network.mend()
        expect(page.locator("pre")).to_have_text("one two ", timeout=20_000)
        gates[1].open()
        expect(page.locator("pre")).to_have_text("one two three\n(completed)\n", timeout=20_000)
        with server.client() as client:
            [session] = client.get("/sessions").json()["data"]
            roles = [message["role"] for message in client.get(f"/sessions/{session['id']}/messages").json()["data"]]
        assert roles == ["user", "assistant"]
        page.close()
        network.close()


def test_an_event_source_with_a_cursor_in_its_url_sees_every_event_once(
    llm_settings: Settings, upstream: Upstream, page: Page
) -> None:
    """It repeats the URL, cursor and all, when it comes back; and it stops when the run is over."""
    gates = [Gate(), Gate()]
    pieces = [chunk({"content": "one "}), gates[0], chunk({"content": "two "}), gates[1], *text("three").pieces]
    upstream.queue(Reply(pieces))
    with example() as origin, serving(llm_settings.model_copy(update={"cors_origins": (origin,)})) as server:
        network = Network(server.address)
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
            f"http://127.0.0.1:{network.port}",
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
        network.close()


def test_the_reference_page_shows_the_operations(server: Server, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/")
    expect(page.locator("#operations-chat-send_message")).to_be_visible(timeout=20_000)
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(map(len, paths.values())), timeout=20_000)
    assert all(url.startswith((server.url, "data:")) for url in asked)
