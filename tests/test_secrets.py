"""Secrets stay in: the search for them that goes over all tests, and a service that is given every chance to tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pydantic import HttpUrl, SecretStr
from starlette.responses import Response

from settings import Settings
from tests.support import scripted
from tests.support.secrets import AUTH_SECRET, OPENAI_KEY, PASSWORD, TMDB_KEY, leaks_in
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import ask, new_session, replay

PLANTED = """
import logging, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
import httpx
from tests.support.secrets import *

class Talkative(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"padding " * 10_000 + AUTH_SECRET.encode())
        self.wfile.write(b' "mq_' + b"y" * 43 + b'"')

def test_output(): print("the key is", OPENAI_KEY)
def test_errors(): print("the password is", PASSWORD, file=sys.stderr)
def test_log(): logging.getLogger().warning("an api key: %s", "mq_" + "x" * 43)
def test_token(): print("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhY2NfMSJ9." + "x" * 43)
def test_file(tmp_path):
    (tmp_path / "marquee.log").write_text(TMDB_KEY)
    look_through_files(tmp_path)
def test_response():
    with HTTPServer(("127.0.0.1", 0), Talkative) as server, httpx.Client(transport=Searched()) as client:
        threading.Thread(target=server.handle_request).start()
        client.get(f"http://127.0.0.1:{server.server_port}/leak")
def test_given(tmp_path):
    (tmp_path / "chat.db").write_text("ses_" + "mq_" + "y" * 43 + "run_" + "z" * 22)
    look_through_files(tmp_path)
def test_nothing(tmp_path):
    print("all is well")
    (tmp_path / "chat.db").write_text("run_" + "mq_" + "z" * 19 + "ses_" + "z" * 22)
    look_through_files(tmp_path)
"""


def test_the_search_finds_what_is_planted(tmp_path: Path) -> None:
    (tmp_path / "test_leaks.py").write_text(PLANTED)
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", f"--rootdir={tmp_path}"]
    options = ["-p", "tests.support.secrets", "-p", "no:cacheprovider", "-p", "no:xdist", "--show-capture=no"]
    done = subprocess.run([*command, *options, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    for leak in (
        "OPENAI_API_KEY in Captured stdout call",
        "a password in Captured stderr call",
        "an API key in Captured log call",
        "a token in Captured stdout call",
        "TMDB_API_KEY in the file marquee.log",
        "AUTH_SECRET in the answer to GET /leak",
        "an API key in the file chat.db",
    ):
        assert f"A secret got out: {leak}\n" in done.stdout
    assert "7 failed, 1 passed" in done.stdout


async def defect(_: object) -> Response:
    raise ZeroDivisionError(f"{OPENAI_KEY} {AUTH_SECRET}")


def test_a_service_that_is_given_every_chance_tells_nothing(
    llm_settings: Settings, upstream: scripted.Upstream
) -> None:
    """Its answers, its log and its files are looked through by the plugin, like those of every test."""
    told = f"Incorrect API key provided: {OPENAI_KEY}. Authorization: Bearer {OPENAI_KEY}"
    settings = llm_settings.model_copy(
        update={
            "auth": "on",
            "auth_secret": SecretStr(AUTH_SECRET),
            "registration": "open",
            "tmdb_api_key": SecretStr(TMDB_KEY),
            "tmdb_base_url": HttpUrl(upstream.url),
            "openai_base_url": HttpUrl(upstream.url.replace("://", f"://user:{OPENAI_KEY}@")),
            "log_level": "TRACE",
            "log_file": llm_settings.data_dir / "logs" / "marquee.log",
        }
    )
    upstream.queue(
        scripted.error(401, "invalid_api_key", told),
        scripted.Reply(
            [scripted.chunk({"content": "So far"}), scripted.event(f'{{"error": {{"message": "{told}"}}}}')]
        ),
        scripted.Reply([told.encode()], content_type="text/html"),
        scripted.text("Well."),
    )
    with serving(settings) as server:
        server.app.add_route("/docs/defect", defect)
        with server.client() as client:
            sign_in(client)
            session = new_session(client)
            codes = []
            for _ in range(4):
                run = ask(client, session)["run"]
                codes.append(run["error"] and run["error"]["code"])
                replay(client, run["id"])
            assert codes == ["upstream_rejected", *["upstream_unavailable"] * 2, None]
            visit(client, server, session)
        assert leaks_in(repr(settings) + repr(server.app.state.marquee)) == []
        server.stop()
    log = (settings.data_dir / "logs" / "marquee.log").read_text()
    assert "Incorrect API key provided: ***" in log
    assert "ZeroDivisionError: *** ***" in log


def sign_in(client: httpx.Client) -> None:
    name = {"username": "ana", "password": PASSWORD}
    client.post("/auth/register", json=name).raise_for_status()
    token = client.post("/auth/token", data=name).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def visit(client: httpx.Client, server: Server, session: str) -> None:
    """Everything that can be read, and what is refused."""
    client.post("/auth/keys", json={"name": "a program"}).raise_for_status()
    client.post("/auth/token", data={"username": "ana", "password": f"{PASSWORD}, or so"})
    client.post("/auth/register", json={"username": PASSWORD, "password": PASSWORD, "code": 7})
    client.get("/movies/1/poster")
    assert client.get("/docs/defect").status_code == httpx.codes.INTERNAL_SERVER_ERROR
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        if "get" in operations:
            client.get(path.format(session_id=session, run_id="x", movie_id=1, user_id=1, tag="x", name="x"))
    client.get("/metrics")
    assert str(server.settings.tmdb_base_url).startswith("http")


@pytest.mark.parametrize("field", ["openai_api_key", "tmdb_api_key", "auth_secret", "registration_code"])
def test_a_setting_that_is_refused_is_not_shown(field: str) -> None:
    with pytest.raises(ValueError, match=field) as refused:
        Settings(_env_file=None, **{field: [OPENAI_KEY]})  # type: ignore[arg-type]
    shown = str([{key: error[key] for key in ("loc", "msg")} for error in refused.value.errors()])  # type: ignore[attr-defined]
    assert leaks_in(shown) == []
