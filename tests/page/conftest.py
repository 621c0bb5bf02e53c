"""A browser for each file of tests, a profile for each test, and the real service; nothing may be complained of.

Skipped where there is no Chromium.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, ViewportSize, expect, sync_playwright

from settings import Settings
from tests.page.driving import Chat
from tests.support.network import Network, network_to
from tests.support.serving import Server

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
DESKTOP = ViewportSize(width=1280, height=800)
GRAVE = ("error", "warning")
HERE = Path(__file__).parent
PATIENT = 60_000  # milliseconds: two cores run other tests beside these, and nothing that works waits so long
PHONE = ViewportSize(width=390, height=844)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test in a browser may be tried twice: on a crowded machine Chromium now and then never asks for a module."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for a whole session of tests: Playwright's loop would run on where tests want one of their own."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    expect.set_options(timeout=PATIENT)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@dataclass
class Watch:
    """Complaints of all pages of a test: errors of scripts and of the console, breaches of the policy for content.

    `allowed`: words of those that the test itself brings about, such as of a network that it cuts; at the end of a test
    the service may be stopped before the browser.
    """

    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=lambda: ["net::ERR_CONNECTION_REFUSED"])

    def page(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(_told(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type in GRAVE else None)

    def unexpected(self) -> list[str]:
        return [said for said in self.complaints if not any(words in said for words in self.allowed)]


def _told(error: Error) -> str:
    return f"{error.message}\n{error.stack}"


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    assert watch.unexpected() == []


@pytest.fixture
def context(browser: Browser, watch: Watch) -> Iterator[BrowserContext]:
    with browser.new_context(viewport=DESKTOP, reduced_motion="reduce") as context:
        context.set_default_timeout(PATIENT)
        context.on("page", watch.page)
        context.expose_function("policyBreach", lambda what: watch.complaints.append(f"policy: {what}"))
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (it) => "
            "policyBreach(`${it.violatedDirective} ${it.blockedURI} ${it.sample}`))"
        )
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def llm_settings(llm_settings: Settings) -> Settings:
    """Patient: a test looks at the page while the upstream waits at a gate."""
    patience = {"llm_first_token_timeout": 60, "llm_idle_timeout": 60, "llm_max_retries": 0}
    return llm_settings.model_copy(update=patience)


@pytest.fixture
def network(llm_server: Server) -> Iterator[Network]:
    """Between the browser and the service with the scripted upstream."""
    with network_to(llm_server) as network:
        yield network


Open = Callable[..., Chat]


@pytest.fixture
def guide(server: Server, page: Page) -> Chat:
    """The first screen of the service with the built-in guide."""
    return Chat(page, server.url).open()


@pytest.fixture
def chat(llm_server: Server, page: Page) -> Chat:
    """The first screen of the service with the scripted upstream."""
    return Chat(page, llm_server.url).open()
