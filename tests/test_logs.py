"""The log: lines say to which request, account, session and run they belong; its file does not grow for ever."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from starlette.responses import Response

from errors import StorageUnavailable
from logs import set_up
from settings import Settings
from tests.support import scripted
from tests.support.secrets import AUTH_SECRET, PASSWORD
from tests.support.serving import Server, serving
from tests.support.wire import ask, new_session, send

GUARDED = {"auth": "on", "auth_secret": SecretStr(AUTH_SECRET), "registration": "open"}
ANA = {"username": "ana", "password": PASSWORD}
Lines = list[dict[str, Any]]


def logging_to(file: Path, settings: Settings, **more: Any) -> Settings:
    return settings.model_copy(update={"log_level": "INFO", "log_file": file, **more})


def lines_of(server: Server) -> Lines:
    """All that was logged; the service has ended then, so that the last line is there, and whole."""
    server.stop()
    assert server.settings.log_file is not None
    return [json.loads(line) for line in server.settings.log_file.read_text().splitlines()]


def test_a_run_that_fails_says_whose_it_is_and_its_code(
    llm_settings: Settings, upstream: scripted.Upstream, tmp_path: Path
) -> None:
    upstream.queue(scripted.error(401), scripted.text("Well."))
    with serving(logging_to(tmp_path / "logs" / "marquee.log", llm_settings, **GUARDED)) as server:
        with server.client() as client:
            account = client.post("/auth/register", json=ANA).json()["id"]
            token = client.post("/auth/token", data=ANA).json()["access_token"]
            client.headers = httpx.Headers({"Authorization": f"Bearer {token}"})
            session = new_session(client)
            failed, answered = (
                client.post(
                    f"/sessions/{session}/messages",
                    json={"content": "a private wish"},
                    headers={"Accept": "application/json", "X-Request-ID": f"trace-{number}"},
                ).json()["run"]["id"]
                for number in range(2)
            )
            client.get("/runs/run_none")
        lines = lines_of(server)
    of_run = {"request_id": "trace-0", "account": account, "session": session, "run": failed}
    [ended] = [line for line in lines if line["message"].startswith(failed)]
    assert {**of_run, "level": "WARNING", "code": "upstream_rejected"}.items() <= ended.items()
    [refused] = [line for line in lines if line["message"].startswith("The provider failed")]
    assert of_run.items() <= refused.items()
    [well] = [line for line in lines if line["message"].startswith(answered)]
    assert (well["request_id"], well["level"], "code" in well) == ("trace-1", "INFO", False)
    [sent] = [line for line in lines if line.get("route", "").endswith("/messages") and line["request_id"] == "trace-0"]
    assert (sent["method"], sent["status"], sent["account"], sent["session"]) == ("POST", 201, account, session)
    [missing] = [line for line in lines if line.get("code") == "not_found"]
    assert (missing["route"], missing["run"]) == ("/runs/{run_id}", "run_none")
    assert [headers["x-request-id"] for headers in upstream.headers] == ["trace-0", "trace-1"]
    assert not any("a private wish" in json.dumps(line) for line in lines)


async def defect(_: object) -> Response:
    raise ZeroDivisionError


def test_every_answer_has_the_id_of_its_request(settings: Settings, tmp_path: Path) -> None:
    with serving(logging_to(tmp_path / "marquee.log", settings, **GUARDED)) as server:
        server.app.add_route("/docs/defect", defect)
        with server.client() as client:
            for method, path, status in (
                ("GET", "/health/live", 200),
                ("GET", "/sessions", 401),
                ("GET", "/docs/nothing", 404),
                ("POST", "/docs", 405),
                ("POST", "/auth/register", 422),
                ("GET", "/docs/defect", 500),
            ):
                answer = client.request(method, path, headers={"X-Request-ID": f"mine{path}"})
                assert (answer.status_code, answer.headers["x-request-id"]) == (status, f"mine{path}")
            stranger = client.get("/health/live", headers={"X-Request-ID": "mine", "Host": "evil.example"})
            assert (stranger.status_code, stranger.headers["x-request-id"]) == (403, "mine")
            for odd in ("", "two words", "x" * 129, 'quo"te', "é"):
                made = client.get("/health/live", headers=[(b"X-Request-ID", odd.encode())]).headers["x-request-id"]
                assert made != odd
                assert made.isalnum()
        lines = lines_of(server)
    told = [line for line in lines if line.get("request_id") == "mine/docs/defect"]
    assert {(line.get("status"), line.get("code")) for line in told} == {(500, "internal"), (None, None)}
    assert any("ZeroDivisionError" in line.get("exception", "") for line in told)


def test_a_stream_has_the_id_of_its_request(
    upstream: scripted.Upstream, llm_server: Server, llm_client: httpx.Client
) -> None:
    upstream.queue(scripted.text("Well."))
    run = send(llm_client, new_session(llm_client)).run
    [made] = [headers["x-request-id"] for headers in upstream.headers]
    assert made.isalnum()
    with llm_client.stream("GET", f"/runs/{run['id']}/events", headers={"X-Request-ID": "again"}) as response:
        assert response.headers["x-request-id"] == "again"
    assert llm_server.settings.log_requests


def test_the_file_is_begun_anew_and_old_ones_go(settings: Settings, tmp_path: Path) -> None:
    """Its owner's alone; and no line is lost between two files."""
    file = tmp_path / "logs" / "marquee.log"
    with serving(logging_to(file, settings, log_rotation="1 KB", log_retention="3")) as server:
        with server.client() as client:
            for number in range(60):
                client.get("/health/live", headers={"X-Request-ID": f"number-{number}"})
        server.stop()
    files = sorted(file.parent.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert len(files) == 4  # the three and the one that is written
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    numbers = [int(line["request_id"].removeprefix("number-")) for line in lines if "route" in line]
    assert numbers == list(range(60 - len(numbers), 60))


def test_no_line_a_request_where_none_is_wanted(settings: Settings, tmp_path: Path) -> None:
    with serving(logging_to(tmp_path / "marquee.log", settings, log_requests=False)) as server:
        with server.client() as client:
            ask(client, new_session(client))
        lines = lines_of(server)
    assert any(line["message"].startswith("run_") for line in lines)
    assert not any("route" in line for line in lines)


def test_a_file_that_cannot_be_written_is_told_of(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable, match=r"LOG_FILE .* cannot be written: File exists"):
        set_up(logging_to(tmp_path / "file" / "marquee.log", settings))


@pytest.mark.parametrize("wrong", [{"log_rotation": "often"}, {"log_retention": "all"}, {"log_rotation": "20"}])
def test_a_rotation_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="match"):
        Settings(_env_file=None, **wrong)
