"""A service with AUTH=on: registration, sign-in, tokens, keys, the end of an account, the operator's commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from pydantic import SecretStr, ValidationError

from settings import Settings
from tests.support import scripted
from tests.support.secrets import AUTH_SECRET, PASSWORD
from tests.support.serving import ROOT, Server, serving

SECRET = AUTH_SECRET


@dataclass(frozen=True)
class Person:
    """Somebody with an account, signed in."""

    name: str
    client: httpx.Client
    access: str
    refresh: str

    @property
    def claims(self) -> dict[str, Any]:
        decoded: dict[str, Any] = jwt.decode(self.access, options={"verify_signature": False})
        return decoded


def with_accounts(settings: Settings, **more: Any) -> Settings:
    given = {"auth": "on", "auth_secret": AUTH_SECRET, "registration": "open", **more}
    return Settings(_env_file=None, **settings.model_dump(exclude_unset=True), **given)


@pytest.fixture
def guarded(settings: Settings) -> Iterator[Server]:
    with serving(with_accounts(settings)) as running:
        yield running


@pytest.fixture
def guarded_llm(llm_settings: Settings) -> Iterator[Server]:
    with serving(with_accounts(llm_settings)) as running:
        yield running


def register(server: Server, name: str, password: str = PASSWORD) -> httpx.Response:
    with server.client() as client:
        return client.post("/auth/register", json={"username": name, "password": password})


def token(server: Server, name: str, password: str = PASSWORD) -> httpx.Response:
    with server.client() as client:
        return client.post("/auth/token", data={"username": name, "password": password})


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


@contextmanager
def person(server: Server, name: str) -> Iterator[Person]:
    assert register(server, name).status_code == 201
    pair = token(server, name).json()
    with server.client(headers=bearer(pair["access_token"])) as client:
        yield Person(name, client, pair["access_token"], pair["refresh_token"])


# Whose it is


def test_the_taste_of_one_is_not_that_of_another(guarded: Server) -> None:
    with person(guarded, "ana") as ana, person(guarded, "bob") as bob:
        ana.client.put("/ratings/1", json={"stars": 5})
        for who, seen in ((ana, True), (bob, False)):
            answer = who.client.post("/sessions", json={"message": {"content": "which films did I rate?"}},
                                     headers={"Accept": "application/json"}).json()  # fmt: skip
            [title] = [own["movie"]["title"] for own in ana.client.get("/ratings").json()["data"]]
            assert (title.split(",")[0] in answer["messages"][-1]["content"]) is seen


# Registration and sign-in


def test_registration_is_open_by_a_code_or_closed(settings: Settings) -> None:
    with serving(with_accounts(settings, registration="closed")) as server:
        refused = register(server, "ana")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    with (
        serving(with_accounts(settings, registration="code", registration_code="sesame")) as server,
        server.client() as client,
    ):
        new = {"username": "ana", "password": "long enough"}
        assert client.post("/auth/register", json=new).status_code == 403
        assert client.post("/auth/register", json={**new, "code": "sésame"}).status_code == 403
        assert client.post("/auth/register", json={**new, "code": "sesame"}).status_code == 201


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a\x00b", "<ana>"])
def test_a_name_is_of_letters_and_digits(guarded: Server, name: str) -> None:
    assert register(guarded, name).status_code == 422


def test_a_name_is_given_once_whatever_its_case(guarded: Server) -> None:
    assert register(guarded, "Zoë").status_code == 201
    for again in ("zoë", "ZOE\u0308", "Zoë"):
        taken = register(guarded, again)
        assert taken.status_code in (409, 422), again
    assert token(guarded, "zOË").status_code == 200


def test_a_short_password_is_refused_and_shown_to_nobody(guarded: Server) -> None:
    refused = register(guarded, "ana", "hunter2")
    assert refused.status_code == 422
    assert "hunter2" not in refused.text


def test_wrong_names_and_wrong_passwords_are_told_alike(guarded: Server) -> None:
    register(guarded, "ana")
    wrong, nobody = token(guarded, "ana", "not of it"), token(guarded, "nobody", "password of it")
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json() == nobody.json()


def test_passwords_are_not_tried_at_leisure(guarded: Server) -> None:
    register(guarded, "ana")
    answers = [token(guarded, "ana", f"guess number {i}") for i in range(12)]
    assert [answer.status_code for answer in answers].count(401) <= 10
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 300
    assert token(guarded, "bob").status_code == 401  # another name is still heard


# Tokens


def test_a_refresh_token_is_used_up_and_ends_the_sign_in_when_it_is_stolen(guarded: Server) -> None:
    with person(guarded, "ana") as ana, guarded.client() as client:
        tokens = [ana.refresh]
        for _ in range(2):
            answer = client.post("/auth/refresh", json={"refresh_token": tokens[-1]})
            assert answer.headers["cache-control"] == "no-store"
            tokens.append(answer.json()["refresh_token"])
        assert client.get("/auth/me", headers=bearer(answer.json()["access_token"])).status_code == 200
        assert client.post("/auth/refresh", json={"refresh_token": tokens[0]}).status_code == 401
        assert client.post("/auth/refresh", json={"refresh_token": tokens[2]}).status_code == 401
        assert client.get("/auth/me", headers=bearer(answer.json()["access_token"])).status_code == 401


def test_two_tabs_may_refresh_at_the_same_moment(guarded: Server) -> None:
    with person(guarded, "ana") as ana, guarded.client() as client:
        pairs = [client.post("/auth/refresh", json={"refresh_token": ana.refresh}).json() for _ in range(2)]
        for pair in pairs:
            assert client.get("/auth/me", headers=bearer(pair["access_token"])).status_code == 200


def test_a_new_password_ends_every_sign_in(guarded: Server) -> None:
    with person(guarded, "ana") as ana:
        other = token(guarded, "ana").json()
        change = {"password": "password of it", "new_password": "another password"}
        wrong = ana.client.post("/auth/password", json={**change, "password": "not of it"})
        assert (wrong.status_code, wrong.json()["code"]) == (403, "forbidden")
        assert ana.client.post("/auth/password", json=change).status_code == 204
        for access in (ana.access, other["access_token"]):
            assert httpx.get(f"{guarded.url}/auth/me", headers=bearer(access)).status_code == 401
    assert token(guarded, "ana").status_code == 401
    assert token(guarded, "ana", "another password").status_code == 200


def test_a_key_does_what_programs_do_and_no_more(guarded: Server) -> None:
    with person(guarded, "ana") as ana:
        made = ana.client.post("/auth/keys", json={"name": "my script"}).json()
        assert made["key"] not in ana.client.get("/auth/keys").text
        with guarded.client(headers=bearer(made["key"])) as program:
            assert program.post("/sessions", json={}).status_code == 201
            assert program.get("/auth/me").json()["name"] == "ana"
            for method, path in (("POST", "/auth/keys"), ("POST", "/auth/logout"), ("DELETE", "/auth/me"),
                                 ("POST", "/auth/password"), ("DELETE", f"/auth/keys/{made['id']}")):  # fmt: skip
                change = {"name": "x", "password": "password of it", "new_password": "another password"}
                body = {"name": "x"} if path == "/auth/keys" else {k: v for k, v in change.items() if k != "name"}
                assert program.request(method, path, json=body).status_code == 403, path
            assert ana.client.delete(f"/auth/keys/{made['id']}").status_code == 204
            assert program.get("/auth/me").status_code == 401


# The end of an account


def test_a_deleted_account_leaves_no_word_in_the_files(guarded_llm: Server, upstream: scripted.Upstream) -> None:
    upstream.queue(scripted.text("Xylophonist is a fine word."), scripted.text("And you said it."))
    folder = guarded_llm.settings.data_dir
    with person(guarded_llm, "ana") as ana, person(guarded_llm, "bob") as bob:
        for who, words in ((ana, "quizzaciously said by ana"), (bob, "kept by bob")):
            who.client.post("/sessions", json={"title": f"{words} too", "message": {"content": words}},
                            headers={"Accept": "application/json"}).raise_for_status()  # fmt: skip
        assert ana.client.get("/sessions?q=quizzaciously").json()["data"]
        assert ana.client.delete("/auth/me").status_code == 204
        assert len(bob.client.get("/sessions?q=kept").json()["data"]) == 1
    assert token(guarded_llm, "ana").status_code == 401
    kept = b"".join(path.read_bytes() for path in folder.glob("chat.db*"))
    assert b"kept by bob" in kept
    for word in (b"quizzaciously", b"Xylophonist", b"quizzac", b"xylophonist"):
        assert word not in kept, word


def test_an_account_is_exported_whole(guarded: Server) -> None:
    with person(guarded, "ana") as ana:
        for i in range(3):
            ana.client.post("/sessions", json={"title": f"chat {i}"})
        ana.client.post("/sessions", json={"message": {"content": "hello"}}, headers={"Accept": "application/json"})
        ana.client.put("/ratings/1", json={"stars": 4.5})
        watched = "Date,Name,Year,Letterboxd URI\n2024-01-01,Heat,1995,x\n"
        ana.client.post("/ratings/import?filename=watched.csv", content=watched).raise_for_status()
        ana.client.post("/recommendations", json={"limit": 2})
        document = ana.client.get("/auth/export").json()
    assert document["account"]["name"] == "ana"
    assert {entry["session"]["title"] for entry in document["sessions"]} >= {"chat 0", "chat 1", "chat 2", "hello"}
    assert any(m["content"] == "hello" for entry in document["sessions"] for m in entry["messages"])
    assert document["ratings"][0]["stars"] == 4.5
    assert [one["seen_at"] for one in document["seen"]] == ["2024-01-01T00:00:00+00:00"]
    assert len(document["recommendations"]) == 1


# The operator


def operate(data_dir: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "db.py", "accounts", *arguments], cwd=ROOT, input=typed, check=False,
                          env={**os.environ, "DATA_DIR": str(data_dir)}, capture_output=True, text=True)  # fmt: skip


def test_the_operator_adds_adopts_disables_and_sets_passwords(settings: Settings) -> None:
    with serving(settings) as server, server.client() as client:  # AUTH=off: everybody is one
        client.post("/sessions", json={"title": "from before"})
        client.put("/ratings/1", json={"stars": 3})
    with serving(with_accounts(settings, registration="closed")) as server:
        assert "1 sessions" in operate(settings.data_dir, "add", "Ana", "--adopt", typed=f"{PASSWORD}\n").stdout
        assert operate(settings.data_dir, "add", "ana", typed=f"{PASSWORD}\n").returncode == 1
        short = operate(settings.data_dir, "add", "bob", typed="short\n")
        assert (short.returncode, "8" in short.stderr, "Traceback" in short.stderr) == (1, True, False)
        assert "Password: " in operate(settings.data_dir, "add", "bob", "--generate").stdout
        assert "bob" in operate(settings.data_dir, "list").stdout
        access = token(server, "ana").json()["access_token"]
        with server.client(headers=bearer(access)) as client:
            assert [session["title"] for session in client.get("/sessions").json()["data"]] == ["from before"]
            assert [own["stars"] for own in client.get("/ratings").json()["data"]] == [3]
            assert operate(settings.data_dir, "disable", "ana").returncode == 0
            assert client.get("/sessions").status_code == 401
        assert token(server, "ana").status_code == 401
        assert operate(settings.data_dir, "enable", "ana").returncode == 0
        assert operate(settings.data_dir, "password", "ana", typed="another password\n").returncode == 0
        assert token(server, "ana", "another password").status_code == 200
        assert operate(settings.data_dir, "disable", "nobody").returncode == 1


def test_without_accounts_there_is_nobody_to_sign_in(client: httpx.Client) -> None:
    assert client.get("/sessions").status_code == 200
    for method, path, body in (("GET", "/auth/me", None), ("POST", "/auth/refresh", {"refresh_token": "x"})):
        assert client.request(method, path, json=body).status_code == 404


@pytest.mark.parametrize("secret", [None, "", "thirty-one bytes are one too few"[:31]])
def test_a_short_secret_is_refused_at_the_start(secret: str | None, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="AUTH_SECRET"):
        Settings(_env_file=None, data_dir=tmp_path, auth="on", auth_secret=SecretStr(secret) if secret else None)


def test_a_sign_in_ends_when_it_is_not_used(guarded: Server) -> None:
    with person(guarded, "ana") as ana:
        until = jwt.decode(ana.refresh, options={"verify_signature": False})["exp"]
        assert until - ana.claims["iat"] == timedelta(days=guarded.settings.sign_in_days).total_seconds()
