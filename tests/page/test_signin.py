"""Accounts on the page: nobody sees anything before, nothing is left behind after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from settings import Settings
from tests.accounts.test_accounts import register, with_accounts
from tests.page.conftest import Watch
from tests.page.driving import Chat
from tests.support.identity import CLIENT_ID, CLIENT_SECRET, identity_provider
from tests.support.secrets import PASSWORD
from tests.support.serving import Server, serving


@pytest.fixture
def guarded(settings: Settings) -> Iterator[Server]:
    with serving(with_accounts(settings)) as running:
        yield running


@pytest.fixture
def signed_out(guarded: Server, page: Page, watch: Watch) -> Chat:
    watch.allowed.append("401")  # Chromium notes every refusal
    return Chat(page, guarded.url).open()


def fill(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    fill(page, name, password)
    page.get_by_role("button", name="Sign in").click()


def test_an_account_is_made_used_and_left(signed_out: Chat) -> None:
    page = signed_out.page
    page.get_by_role("button", name="Make an account").click()
    fill(page, "ana", "password of it")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    signed_out.ask("hello")
    expect(signed_out.chats.get_by_role("link", name="hello")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="hello")).to_have_count(0)
    assert "token" not in page.evaluate("JSON.stringify(localStorage)")
    sign_in(page, "ana")
    expect(signed_out.chats.get_by_role("link", name="hello")).to_be_visible()


def test_a_wrong_password_is_told_and_the_form_stays(signed_out: Chat, guarded: Server, watch: Watch) -> None:
    watch.allowed.append("403")
    register(guarded, "ana")
    sign_in(signed_out.page, "ana", "not of it")
    expect(signed_out.page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    signed_out.page.keyboard.press("Escape")
    expect(signed_out.page.get_by_role("dialog", name="Sign in")).to_be_visible()


def test_a_token_is_refreshed_before_it_ends(signed_out: Chat, guarded: Server) -> None:
    page = signed_out.page
    register(guarded, "ana")
    sign_in(page, "ana")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    before = page.evaluate("localStorage.getItem('marquee:tokens')")
    page.evaluate("""() => {
        const tokens = JSON.parse(localStorage.getItem('marquee:tokens'));
        localStorage.setItem('marquee:tokens', JSON.stringify({...tokens, until: 0}));
    }""")
    signed_out.ask("hello")
    after = page.evaluate("localStorage.getItem('marquee:tokens')")
    assert before.split('"refresh_token"')[1] != after.split('"refresh_token"')[1]


def test_who_is_disabled_in_mid_chat_is_asked_to_sign_in(signed_out: Chat, guarded: Server) -> None:
    page = signed_out.page
    register(guarded, "ana")
    sign_in(page, "ana")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    with guarded.client() as client:
        token = page.evaluate("JSON.parse(localStorage.getItem('marquee:tokens')).access_token")
        assert client.post("/auth/logout", headers={"Authorization": f"Bearer {token}"}).status_code == 204
    signed_out.send("hello")
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()


@pytest.fixture
def with_provider(settings: Settings) -> Iterator[Server]:
    with identity_provider() as provider:
        given = {"oidc_issuer": provider.url, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
        with serving(with_accounts(settings, **given, oidc_name="Example")) as running:
            yield running


def test_somebody_signs_in_with_the_provider(with_provider: Server, page: Page, watch: Watch) -> None:
    watch.allowed.append("401")
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    Chat(page, with_provider.url).open()
    page.get_by_role("link", name="Sign in with Example").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.url == f"{with_provider.url}/"
    assert any("/auth/oidc/callback" in url for url in seen)
    token = page.evaluate("JSON.parse(localStorage.getItem('marquee:tokens')).access_token")
    assert not [url for url in seen if token in url]
