"""The MCP App in a frame of a host's, sandboxed by the policy that ext-apps 2026-01-26 has for who declares nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.support.serving import ROOT, Server
from tests.support.wire import JSON

APP = ROOT / "api/faces/mcp_app.html"
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "media-src 'self' data:; connect-src 'none'"
)
HOST = """
window.said = [];
window.tell = (message) => frame.contentWindow.postMessage({jsonrpc: "2.0", ...message}, "*");
addEventListener("message", ({data}) => {
  said.push(data);
  if (data.method === "ui/initialize") tell({id: data.id, result: {
    protocolVersion: "2026-01-26", hostInfo: {name: "host", version: "1"}, hostCapabilities: {openLinks: {}},
    hostContext: {theme: "dark", styles: {variables: {"--color-text-primary": "rgb(1, 2, 3)"}}},
  }});
});
window.frame = document.createElement("iframe");
frame.sandbox = "allow-scripts";
frame.srcdoc = HTML;
document.body.append(frame);
"""


@pytest.fixture
def app(page: Page) -> FrameLocator:
    html = APP.read_text()
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page.set_content("<!doctype html><title>Host</title>")
    page.evaluate(HOST.replace("HTML", json.dumps(html.replace("<meta charset", f"{policy}<meta charset", 1))))
    page.wait_for_function("said.some((it) => it.method === 'ui/notifications/initialized')")
    return page.frame_locator("iframe")


def told(page: Page, result: dict[str, Any]) -> None:
    page.evaluate("(params) => tell({method: 'ui/notifications/tool-result', params})", result)


def test_the_app_draws_the_movies_of_a_tools_result(server: Server, page: Page, app: FrameLocator) -> None:
    with server.client() as client:
        for name, arguments in (
            ("similar_movies", {"movies": ["Heat (1995)"], "limit": 3}),
            ("get_movie", {"movie": "Heat (1995)"}),
            ("get_user_ratings", {"user_id": 7, "limit": 2}),
        ):
            params = {"name": name, "arguments": arguments}
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            result = client.post("/mcp", json=body, headers=JSON).json()["result"]
            told(page, result)
            found = result["structuredContent"]
            movies = found.get("movies") or [one["movie"] for one in found.get("ratings", [found])]
            titles = [f"{movie['title']} ({movie['year']})" for movie in movies]
            expect(app.get_by_role("heading")).to_have_text(titles)
    expect(app.locator("body")).to_have_css("color", "rgb(1, 2, 3)")
    app.get_by_role("button", name=f"{titles[0]} on IMDb").click()
    page.wait_for_function("said.some((it) => it.method === 'ui/open-link' && it.params.url.includes('imdb'))")
    page.wait_for_function("said.some((it) => it.method === 'ui/notifications/size-changed' && it.params.height > 50)")
    told(page, {"content": [{"type": "text", "text": "limit: too large."}], "isError": True})
    expect(app.locator("body")).to_contain_text("limit: too large.")
    expect(app.get_by_role("listitem")).to_have_count(0)
    page.evaluate("tell({id: 'bye', method: 'ui/resource-teardown', params: {reason: 'done'}})")
    page.wait_for_function("said.some((it) => it.id === 'bye' && it.result)")


def test_hostile_titles_are_text(page: Page, app: FrameLocator) -> None:
    title = "<img src=x onerror=parent.harmed=1><script>parent.harmed=1</script>"
    movie = {"movie_id": 1, "title": title, "year": None, "genres": [title], "imdb_url": "javascript:parent.harmed=1"}
    told(page, {"structuredContent": {"movies": [movie], "notes": [title]}, "content": []})
    expect(app.get_by_role("heading")).to_have_text(title)
    expect(app.get_by_role("button")).to_have_count(0)
    expect(app.locator("img")).to_have_count(0)
    assert page.evaluate("window.harmed") is None
