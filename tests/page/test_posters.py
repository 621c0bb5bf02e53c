"""Posters on the page: TMDB's where the operator has a key, the drawn ones wherever it has none."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from settings import Settings
from tests.accounts.test_accounts import register, token, with_accounts
from tests.api.test_posters import Tmdb, scripted_tmdb, with_key
from tests.support.serving import Server, serving

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def tmdb() -> Iterator[Tmdb]:
    with scripted_tmdb() as script:
        yield script


@pytest.fixture
def server(settings: Settings, tmdb: Tmdb) -> Iterator[Server]:
    """The service with a key of the scripted TMDB."""
    with serving(with_key(settings, tmdb)) as running:
        yield running


def poster(page: Page, server: Server) -> Locator:
    """The first poster, loaded as what it is."""
    page.goto(f"{server.url}/#/explore/q=Heat+1995")
    found = page.get_by_test_id("poster").first
    expect(found).to_be_visible()
    page.wait_for_function("(image) => image.complete && image.naturalWidth", arg=found.element_handle())
    return found


def width(found: Locator) -> int:
    return int(found.evaluate("(image) => image.naturalWidth"))


def test_a_poster_of_tmdb_is_shown(page: Page, server: Server, tmdb: Tmdb) -> None:
    tmdb.image = DOT
    assert width(poster(page, server)) == 1


def test_it_is_drawn_where_tmdb_has_none(page: Page, server: Server, tmdb: Tmdb) -> None:
    tmdb.status = 404
    assert width(poster(page, server)) > 1


def test_without_a_key_nobody_else_is_asked(page: Page, settings: Settings) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with serving(settings) as server:
        assert width(poster(page, server)) > 1
        page.wait_for_load_state("networkidle")
    assert [url for url in asked if url.endswith("/poster")]
    assert not [url for url in asked if not url.startswith(server.url)]


def test_who_is_signed_in_sees_posters(page: Page, settings: Settings) -> None:
    """Though the address of an image goes without a token."""
    with serving(with_accounts(settings)) as server:
        register(server, "ana")
        tokens = json.dumps(token(server, "ana").json())
        page.add_init_script(f"localStorage.setItem('marquee:tokens', JSON.stringify({{...{tokens}, until: 1e15}}))")
        assert str(poster(page, server).get_attribute("src")).startswith(f"blob:{server.url}")
