"""Sign-in with an OpenID Connect provider: whom its tokens let in, and that nothing else does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import ValidationError

from settings import Settings
from tests.accounts.test_accounts import bearer, person, token, with_accounts
from tests.support.identity import CLIENT_ID, CLIENT_SECRET, Provider, identity_provider
from tests.support.serving import ROOT, Server, serving

OIDC = {"oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET, "oidc_name": "Example"}
HTML = "text/html; charset=utf-8"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def guarded(provider: Provider, catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("oidc") / "data"))
    settings = Settings(
        _env_file=None, data_dir=folder, log_level="WARNING", shutdown_grace=1, trusted_proxies="127.0.0.1"
    )
    with serving(with_accounts(settings, oidc_issuer=provider.url, **OIDC)) as running:
        yield running


@pytest.fixture(autouse=True)
def well_behaved(provider: Provider, guarded: Server, request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test is somebody else's, who comes to a provider that does all right; nobody has tried anything yet."""
    provider.subject, provider.name = request.node.name, "ana"
    guarded.app.state.marquee.accounts._attempts.__init__()
    yield
    provider.wrong, provider.unsigned, provider.down = {}, False, False


@pytest.fixture
def browser(guarded: Server) -> Iterator[httpx.Client]:
    """Keeps cookies and follows where it is sent."""
    with guarded.client() as client:
        yield client


def sent(browser: httpx.Client, **begin: Any) -> httpx.Response:
    """The address that the provider sends a browser back to, not yet followed."""
    if begin:
        address = browser.post("/auth/oidc/login", json=begin).raise_for_status().json()["address"]
    else:
        address = browser.get("/auth/oidc/login").headers["location"]
    return browser.get(address)


def back(browser: httpx.Client, **begin: Any) -> httpx.Response:
    """What the service says to a browser that comes back from the provider."""
    return browser.get(sent(browser, **begin).headers["location"])


def signed_in(browser: httpx.Client, **begin: Any) -> dict[str, Any]:
    arrived = urlsplit(back(browser, **begin).headers["location"])
    assert (arrived.path, arrived.query) == ("/", "")
    pair: dict[str, Any] = browser.post(
        "/auth/oidc/token", json={"code": arrived.fragment.removeprefix("code=")}
    ).json()
    return pair


def whoami(browser: httpx.Client, pair: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = browser.get("/auth/me", headers=bearer(pair["access_token"])).raise_for_status().json()
    return found


def test_somebody_signs_in_twice_and_finds_what_is_theirs(browser: httpx.Client, provider: Provider) -> None:
    assert browser.get("/auth/options").json() == {"registration": "open", "provider": "Example"}
    first = signed_in(browser)
    session = browser.post("/sessions", headers=bearer(first["access_token"])).json()["id"]
    provider.name = "renamed meanwhile"
    again = signed_in(browser)
    assert whoami(browser, again) == whoami(browser, first)
    assert browser.get(f"/sessions/{session}", headers=bearer(again["access_token"])).status_code == 200
    assert browser.post("/auth/refresh", json={"refresh_token": again["refresh_token"]}).status_code == 200
    exported = browser.get("/auth/export", headers=bearer(again["access_token"])).json()
    assert exported["identities"] == [{"issuer": provider.url, "subject": provider.subject}]
    assert browser.delete("/auth/me", headers=bearer(first["access_token"])).status_code == 204
    assert whoami(browser, signed_in(browser))["id"] != whoami_id(exported)


def whoami_id(exported: dict[str, Any]) -> str:
    return str(exported["account"]["id"])


def test_neither_name_nor_e_mail_make_somebody_another(
    browser: httpx.Client, guarded: Server, provider: Provider
) -> None:
    with person(guarded, "dora") as dora:
        provider.name = "dora"
        one = whoami(browser, signed_in(browser))
        provider.subject += " another"  # with the same name and address
        other = whoami(browser, signed_in(browser))
        ids = {one["id"], other["id"], dora.client.get("/auth/me").json()["id"]}
        assert len(ids) == 3
        assert (one["name"], other["name"]) == ("dora-2", "dora-3")
    for password in ("nobody's", "", "null"):
        assert token(guarded, "dora-2", password).status_code in (401, 422)


def test_the_cookie_and_the_addresses_tell_nothing(browser: httpx.Client) -> None:
    begun = browser.get("/auth/oidc/login")
    cookie = begun.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/auth/oidc", "max-age=600"))
    assert "secure" not in cookie
    behind = browser.get("/auth/oidc/login", headers={"X-Forwarded-Proto": "https"})
    assert "secure" in behind.headers["set-cookie"].lower()
    assert "redirect_uri=https%3A" in behind.headers["location"]
    arrived = back(browser)
    assert (arrived.status_code, arrived.headers["cache-control"]) == (302, "no-store")
    assert 'marquee-return=""' in arrived.headers["set-cookie"]
    kept = begun.cookies["marquee-return"]
    code = arrived.headers["location"].partition("#code=")[2]
    assert code not in arrived.headers["location"].partition("#")[0]
    for stolen in (kept, code):
        assert browser.get("/sessions", headers=bearer(stolen)).status_code == 401
        assert browser.post("/auth/refresh", json={"refresh_token": stolen}).status_code == 401


def test_a_code_counts_once_and_ends_the_sign_in_when_it_is_stolen(browser: httpx.Client) -> None:
    code = back(browser).headers["location"].partition("#code=")[2]
    pair = browser.post("/auth/oidc/token", json={"code": code}).json()
    assert whoami(browser, pair)
    assert browser.post("/auth/oidc/token", json={"code": code}).status_code == 401
    assert browser.get("/auth/me", headers=bearer(pair["access_token"])).status_code == 401


def test_a_callback_counts_where_it_was_begun_and_once(browser: httpx.Client, guarded: Server) -> None:
    address = sent(browser).headers["location"]
    with guarded.client() as another:
        assert another.get(address).status_code == 401  # without the cookie
        sent(another)
        assert another.get(address).status_code == 401  # with that of another sign-in
    asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
    for wrong in ({"state": "another"}, {"state": ""}, {"code": ""}, {"code": "another"}, {"error": "access_denied"}):
        refused = browser.get("/auth/oidc/callback", params=asked | wrong)
        assert (refused.status_code, refused.headers["content-type"]) == (401, HTML), wrong
        assert "begin" in refused.text
    kept = browser.cookies["marquee-return"]
    assert browser.get(address).status_code == 302
    replayed = browser.get(address, headers={"Cookie": f"marquee-return={kept}"})
    assert replayed.status_code == 401


NOW_ISH = 1_600_000_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["another"], "azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"aud": None},
        {"iss": "https://another.example"},
        {"iss": None},
        {"exp": NOW_ISH},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
)
def test_an_id_token_is_believed_in_every_claim_or_not_at_all(
    wrong: dict[str, Any], browser: httpx.Client, provider: Provider
) -> None:
    provider.wrong = wrong
    assert back(browser).status_code == 401


def test_an_id_token_is_signed_by_the_provider(browser: httpx.Client, provider: Provider) -> None:
    provider.unsigned = True
    assert back(browser).status_code == 401
    provider.unsigned = False
    assert back(browser).status_code == 302
    provider.rotate()
    assert whoami(browser, signed_in(browser))


def test_a_provider_that_is_down_is_told_of(browser: httpx.Client, provider: Provider, settings: Settings) -> None:
    address = sent(browser).headers["location"]
    provider.down = True
    refused = browser.get(address)
    assert (refused.status_code, refused.headers["content-type"]) == (502, HTML)
    assert "Example cannot be reached" in refused.text
    nowhere = with_accounts(settings, oidc_issuer="http://127.0.0.1:9", **OIDC)
    with serving(nowhere) as server, server.client() as client:
        for answer in (client.get("/auth/oidc/login"), client.post("/auth/oidc/login")):
            assert answer.status_code == 502
            assert "Example cannot be reached" in answer.text
        assert client.post("/auth/oidc/login").json()["code"] == "upstream_unavailable"


def test_registration_has_its_rules_here_too(settings: Settings, provider: Provider) -> None:
    given: dict[str, Any] = {"oidc_issuer": provider.url, **OIDC}
    by_code = with_accounts(settings, registration="code", registration_code="sesame", **given)
    with serving(by_code) as server, server.client() as browser:
        refused = back(browser)
        assert (refused.status_code, "code for registration" in refused.text) == (403, True)
        assert browser.post("/auth/oidc/login", json={"code": "wrong"}).status_code == 403
        first = whoami(browser, signed_in(browser, code="sesame"))
        assert whoami(browser, signed_in(browser)) == first  # asked for once
    with serving(with_accounts(settings, registration="closed", **given)) as server, server.client() as browser:
        provider.subject = "unknown"
        refused = back(browser)
        assert (refused.status_code, "accounts link NAME unknown" in refused.text) == (403, True)
        assert link(settings, provider, first["name"], "unknown").returncode == 0
        assert whoami(browser, signed_in(browser)) == first
        assert operate(settings, provider, "disable", first["name"]).returncode == 0
        assert back(browser).status_code == 401


def link(settings: Settings, provider: Provider, name: str, subject: str) -> subprocess.CompletedProcess[str]:
    return operate(settings, provider, "link", name, subject)


def operate(settings: Settings, provider: Provider, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DATA_DIR": str(settings.data_dir),
        "OIDC_ISSUER": provider.url,
        "OIDC_CLIENT_ID": CLIENT_ID,
    }
    command = [sys.executable, "db.py", "accounts", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_provider_without_accounts_is_told_of_at_the_start(
    settings: Settings, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    given = {**settings.model_dump(exclude_unset=True), "oidc_issuer": provider.url, **OIDC}
    with serving(Settings(_env_file=None, **given)) as server, server.client() as client:
        assert client.get("/auth/oidc/login").status_code == 404
        assert client.get("/auth/options").status_code == 404
    assert "OIDC_ISSUER is set and AUTH=off" in capfd.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": "https://id.example"},
        {"oidc_client_id": "us"},
        {"oidc_issuer": "http://id.example", "oidc_client_id": "us"},
    ],
)
def test_half_a_provider_is_refused_at_the_start(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="OIDC_ISSUER"):
        Settings(_env_file=None, **given)
