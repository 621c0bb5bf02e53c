"""Safety in browsers: whatever is answered loads nothing foreign, is framed by nobody and is taken for nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from settings import Settings
from tests.support.serving import Server, serving


async def broken() -> None:
    raise RuntimeError("a defect")


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    with serving(settings) as running:
        running.app.add_api_route("/broken", broken)
        yield running


def streamed(client: httpx.Client) -> httpx.Response:
    return client.post("/sessions", json={"message": {"content": "hello"}})


def failed(client: httpx.Client) -> httpx.Response:
    return client.get("/broken")


ANSWERS: dict[str, tuple[int, Callable[[httpx.Client], httpx.Response]]] = {
    "page": (200, lambda c: c.get("/")),
    "page again": (304, lambda c: c.get("/", headers={"If-None-Match": c.get("/").headers["etag"]})),
    "script": (200, lambda c: c.get("/static/app.js")),
    "reference": (200, lambda c: c.get("/docs")),
    "its script": (200, lambda c: c.get("/docs/assets/swagger-ui-bundle.js")),
    "document": (200, lambda c: c.get("/openapi.json")),
    "JSON": (200, lambda c: c.get("/movies")),
    "made": (201, lambda c: c.post("/sessions")),
    "nothing": (204, lambda c: c.delete(f"/sessions/{c.post('/sessions').json()['id']}")),
    "events": (201, streamed),
    "file": (200, lambda c: c.get("/ratings/export")),
    "not there": (404, lambda c: c.get("/nowhere")),
    "no such file": (404, lambda c: c.get("/static/nothing.js")),
    "wrong method": (405, lambda c: c.put("/sessions")),
    "wrong": (422, lambda c: c.get("/movies?limit=x")),
    "too large": (413, lambda c: c.post("/sessions", content=b" " * 1_000_001)),
    "wrong Host": (403, lambda c: c.get("/", headers={"Host": "evil.example"})),
    "wrong Origin": (403, lambda c: c.post("/sessions", headers={"Origin": "https://evil.example"})),
    "defect": (500, failed),
}


def test_every_kind_of_answer_says_what_a_browser_may_do_with_it(client: httpx.Client) -> None:
    for kind, (status, ask) in ANSWERS.items():
        answer = ask(client)
        assert answer.status_code == status, (kind, answer.text[:200])
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, kind
        assert "frame-ancestors 'none'" in policy, kind
        assert not re.search(r"unsafe|https?:|\*", policy), kind
        assert answer.headers["referrer-policy"] == "no-referrer", kind
        assert answer.headers["x-content-type-options"] == "nosniff", kind
        assert status == 500 or answer.headers["cross-origin-resource-policy"] == "same-origin", kind
        assert "set-cookie" not in answer.headers, kind
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert answer.headers["cross-origin-opener-policy"] == "same-origin", kind


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_what_is_its_own_and_has_nothing_inline(path: str, client: httpx.Client) -> None:
    page = client.get(path).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", page)
    for address in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert urljoin(str(client.base_url), address).startswith(str(client.base_url)), address
        assert client.get(address).status_code == 200, address


def test_pages_that_may_use_the_service_may_show_its_pictures(settings: Settings) -> None:
    given: dict[str, Any] = {"cors_origins": ("https://chat.example",)}
    with serving(settings.model_copy(update=given)) as server, server.client() as client:
        assert "cross-origin-resource-policy" not in client.get("/movies").headers
