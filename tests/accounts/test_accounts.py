"""A service with AUTH=on: who is let in, and that nobody reaches what belongs to another."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from pydantic import SecretStr, ValidationError

from settings import Settings
from tests.support import scripted
from tests.support.serving import ROOT, Server, serving

SECRET = "of a test, and of thirty-two bytes"
OPEN = {"/health/live", "/auth/register", "/auth/token", "/auth/refresh"}
BODIES: dict[str, Any] = {  # of operations that name something of an account's
    "send_message": {"content": "hello"},
    "change_session": {"title": "mine now"},
    "put_feedback": {"rating": "up"},
    "submit_actions": {"results": [{"call_id": "call", "output": 1}]},
}


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
    given = {"auth": "on", "auth_secret": SECRET, "registration": "open", "refusals_per_minute": 1_000_000, **more}
    return Settings(_env_file=None, **settings.model_dump(exclude_unset=True), **given)


@pytest.fixture
def guarded(settings: Settings) -> Iterator[Server]:
    with serving(with_accounts(settings)) as running:
        yield running


@pytest.fixture
def guarded_llm(llm_settings: Settings) -> Iterator[Server]:
    with serving(with_accounts(llm_settings)) as running:
        yield running


def register(server: Server, name: str, password: str = "password of it") -> httpx.Response:
    with server.client() as client:
        return client.post("/auth/register", json={"username": name, "password": password})


def token(server: Server, name: str, password: str = "password of it") -> httpx.Response:
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


def operations(server: Server) -> list[tuple[str, str, str]]:
    """Method, path and id of every operation of the document."""
    with server.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    found = [(method, path, operation) for path, each in paths.items() for method, operation in each.items()]
    return [(method.upper(), path, operation["operationId"]) for method, path, operation in found]


def filled(path: str) -> str:
    """A path with something in the place of each parameter."""
    return (
        path.replace("{tag}", "crime").replace("{name}", "x").replace("{", "").replace("}", "") if "{" in path else path
    )


# Who is let in


def test_every_operation_refuses_every_credential_that_is_worth_nothing(guarded: Server) -> None:
    with person(guarded, "ana") as ana, person(guarded, "gone") as gone:
        revoked = token(guarded, "ana").json()["access_token"]
        with guarded.client(headers=bearer(revoked)) as leaving:
            assert leaving.post("/auth/logout").status_code == 204
        key = gone.client.post("/auth/keys", json={"name": "k"}).json()["key"]
        assert gone.client.delete("/auth/me").status_code == 204
        claims = ana.claims
        header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
        unsigned = f"{header}.{ana.access.split('.')[1]}."
        past = int(datetime.now(UTC).timestamp()) - 1
        worthless = {
            "no token": {},
            "no bearer": {"Authorization": "Basic YW5hOnBhc3N3b3Jk"},
            "garbage": bearer("x.y.z"),
            "expired": bearer(jwt.encode({**claims, "exp": past}, SECRET, "HS256")),
            "never expires": bearer(jwt.encode({k: v for k, v in claims.items() if k != "exp"}, SECRET, "HS256")),
            "wrong signature": bearer(jwt.encode(claims, "another secret of thirty-two bytes", "HS256")),
            "wrong algorithm": bearer(jwt.encode(claims, SECRET * 2, "HS512")),
            "unsigned": bearer(unsigned),
            "wrong audience": bearer(jwt.encode({**claims, "aud": "others"}, SECRET, "HS256")),
            "wrong issuer": bearer(jwt.encode({**claims, "iss": "others"}, SECRET, "HS256")),
            "another's sign-in": bearer(jwt.encode({**claims, "sub": "acc_other"}, SECRET, "HS256")),
            "for refreshing": bearer(ana.refresh),
            "revoked": bearer(revoked),
            "deleted account": bearer(gone.access),
            "deleted account's key": bearer(key),
            "no such key": bearer("mq_" + "x" * 43),
        }
        closed = [(method, path) for method, path, _ in operations(guarded) if path not in OPEN]
        assert len(closed) > 40
        with guarded.client() as client:
            for what, headers in worthless.items():
                for method, path in closed:
                    response = client.request(method, filled(path), headers=headers)
                    assert response.status_code == 401, (what, method, path, response.text)
                    assert response.json()["code"] == "unauthorized"
                    assert response.headers["www-authenticate"] == "Bearer"
        assert ana.client.get("/auth/me").json()["name"] == "ana"


def test_what_belongs_to_another_does_not_exist(guarded: Server) -> None:
    with person(guarded, "ana") as ana, person(guarded, "eve") as eve:
        answer = ana.client.post("/sessions", json={"message": {"content": "my secret film is Heat"}},
                                 headers={"Accept": "application/json"}).json()  # fmt: skip
        run = answer["run"]
        assert ana.client.put("/ratings/1", json={"stars": 5}).status_code == 200
        assert ana.client.post("/recommendations", json={"limit": 2}).status_code == 200
        key = ana.client.post("/auth/keys", json={"name": "of ana"}).json()
        theirs = {
            "session_id": run["session_id"],
            "run_id": run["id"],
            "message_id": run["message_id"],
            "key_id": key["id"],
        }
        eves = eve.client.post("/auth/keys", json={"name": "of eve"}).json()["key"]
        tried = 0
        for credential in (eve.access, eves):
            with guarded.client(headers=bearer(credential)) as client:
                for method, path, name in operations(guarded):
                    if not any(f"{{{parameter}}}" in path for parameter in theirs):
                        continue
                    tried += 1
                    response = client.request(method, path.format(**theirs), json=BODIES.get(name))
                    allowed = {404, 403} if "key_id" in path else {404}  # a key may not revoke any
                    assert response.status_code in allowed, (method, path, response.text)
                    assert "Heat" not in response.text
                for path in ("/sessions", "/sessions?q=secret", "/ratings", "/recommendations", "/feedback"):
                    assert client.get(path).json()["data"] == [], path
                assert client.get(f"/recommendations?session_id={run['session_id']}").json()["data"] == []
                assert client.delete("/ratings/1").status_code == 404
                assert "Heat" not in client.get("/auth/export").text
                assert len(client.get("/ratings/export").text.splitlines()) == 1
        assert tried >= 2 * 12
        assert len(ana.client.get(f"/sessions/{run['session_id']}/messages").json()["data"]) >= 2
        assert [own["stars"] for own in ana.client.get("/ratings").json()["data"]] == [5]


def test_the_taste_of_one_is_not_that_of_another(guarded: Server) -> None:
    with person(guarded, "ana") as ana, person(guarded, "bob") as bob:
        ana.client.put("/ratings/1", json={"stars": 5})
        for who, seen in ((ana, True), (bob, False)):
            answer = who.client.post("/sessions", json={"message": {"content": "which films did I rate?"}},
                                     headers={"Accept": "application/json"}).json()  # fmt: skip
            [title] = [own["movie"]["title"] for own in ana.client.get("/ratings").json()["data"]]
            assert (title.split(",")[0] in answer["messages"][-1]["content"]) is seen


def test_health_and_documents_are_open_and_the_rest_is_not(guarded: Server) -> None:
    with guarded.client() as client:
        assert client.get("/health/live").json() == {"status": "ok"}
        assert client.get("/docs").status_code == 200
        document = client.get("/openapi.json").json()
        assert client.get("/health").status_code == 401
        assert client.get("/nowhere").status_code == 401
    assert document["security"] == [{"bearer": []}]
    opened = {path for path, each in document["paths"].items() for one in each.values() if one.get("security") == []}
    assert opened == OPEN


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
        assert "1 sessions" in operate(settings.data_dir, "add", "Ana", "--adopt", typed="password of it\n").stdout
        assert operate(settings.data_dir, "add", "ana", typed="password of it\n").returncode == 1
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
