"""Posters on the page: TMDB's over the drawn ones where the operator has a key, the drawn ones wherever that fails."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from settings import Settings
from tests.api.test_posters import Tmdb, scripted_tmdb, with_key
from tests.page.conftest import Watch
from tests.support.serving import Server, serving

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HEAT = "#/explore/q=Heat+1995"


@pytest.fixture
def tmdb() -> Iterator[Tmdb]:
    with scripted_tmdb() as script:
        yield script


@pytest.fixture
def server(settings: Settings, tmdb: Tmdb) -> Iterator[Server]:
    """The service with a key of the scripted TMDB."""
    with serving(with_key(settings, tmdb)) as running:
        yield running


def test_a_poster_of_tmdb_lies_over_the_drawn_one(page: Page, server: Server, tmdb: Tmdb) -> None:
    tmdb.image = DOT
    page.goto(f"{server.url}/{HEAT}")
    poster = page.get_by_test_id("poster").first
    expect(poster.locator("img.shown")).to_be_visible()
    expect(poster.locator("svg")).to_be_attached()


def test_the_drawn_one_stays_where_tmdb_has_none(page: Page, server: Server, tmdb: Tmdb, watch: Watch) -> None:
    watch.allowed.append("404")
    tmdb.status = 404
    page.goto(f"{server.url}/{HEAT}")
    poster = page.get_by_test_id("poster").first
    with page.expect_response("**/poster"):
        expect(poster.locator("svg")).to_be_visible()
    expect(poster.locator("img")).to_have_count(0)


def test_without_a_key_nobody_is_asked(page: Page, settings: Settings) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with serving(settings) as server:
        page.goto(f"{server.url}/{HEAT}")
        expect(page.get_by_test_id("poster").first.locator("svg")).to_be_visible()
        page.wait_for_load_state("networkidle")
    assert not [url for url in asked if url.endswith("/poster") or not url.startswith(server.url)]
