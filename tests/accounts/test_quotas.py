"""Quotas of a caller: refused in time, told in headers, and nothing is left of what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from accounts.quotas import Quotas
from errors import Overloaded
from settings import Settings
from tests.accounts.test_accounts import person, with_accounts
from tests.support import scripted
from tests.support.serving import Server, serving

WAIT = {"Accept": "application/json"}


def said(client: httpx.Client, session: str, content: str = "hello", **headers: str) -> httpx.Response:
    return client.post(f"/sessions/{session}/messages", json={"content": content}, headers={**WAIT, **headers})


@pytest.fixture
def limited(settings: Settings) -> Iterator[Server]:
    with serving(with_accounts(settings, messages_per_minute=3, max_sessions_per_account=2)) as running:
        yield running


def test_messages_a_minute_are_counted_by_account(limited: Server) -> None:
    with person(limited, "ana") as ana, person(limited, "bob") as bob:
        session = ana.client.post("/sessions").json()["id"]
        answers = [said(ana.client, session, f"hello {i}", **{"Idempotency-Key": f"key {i}"}) for i in range(4)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
        assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
        assert answers[0].headers["ratelimit-policy"] == '"messages";q=3;w=60'
        assert answers[3].json()["code"] == "rate_limited"
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        again = said(ana.client, session, "hello 1", **{"Idempotency-Key": "key 1"})
        assert again.json()["run"]["id"] == answers[1].json()["run"]["id"]  # a stored key answers whatever the load
        history = ana.client.get(f"/sessions/{session}/messages").json()["data"]
        assert [message["content"] for message in history if message["role"] == "user"] == [
            f"hello {i}" for i in range(3)
        ]
        assert said(bob.client, bob.client.post("/sessions").json()["id"]).status_code == 201


def test_a_refused_first_message_leaves_no_session(limited: Server) -> None:
    with person(limited, "ana") as ana:
        session = ana.client.post("/sessions").json()["id"]
        for i in range(3):
            assert said(ana.client, session, f"hello {i}").status_code == 201
        assert ana.client.post("/sessions", json={"message": {"content": "hello"}}, headers=WAIT).status_code == 429
        assert len(ana.client.get("/sessions").json()["data"]) == 1


def test_sessions_of_an_account_are_counted(limited: Server) -> None:
    with person(limited, "ana") as ana:
        assert [ana.client.post("/sessions").status_code for _ in range(3)] == [201, 201, 409]
        first = ana.client.get("/sessions").json()["data"][0]["id"]
        assert ana.client.delete(f"/sessions/{first}").status_code == 204
        assert ana.client.post("/sessions").status_code == 201


def test_one_caller_cannot_take_all_live_runs(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    gate = scripted.Gate()
    for _ in range(3):
        upstream.queue(scripted.Reply([scripted.chunk({"content": "w"}), gate, scripted.event("[DONE]")]))
    with serving(with_accounts(llm_settings, max_live_runs_per_caller=2)) as server, person(server, "bob") as bob:
        with person(server, "ana") as ana:
            runs = [started(who.client) for who in (ana, ana)]
            refused = ana.client.post("/sessions", json={"message": {"content": "hello"}}, headers=WAIT)
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "5"
        runs.append(started(bob.client))
        gate.open()
        assert len(set(runs)) == 3


def test_the_last_free_runs_are_for_who_has_none(settings: Settings) -> None:
    quotas = Quotas(with_accounts(settings))
    quotas.check_live_runs(0, free=1)
    quotas.check_live_runs(1, free=2)
    with pytest.raises(Overloaded):
        quotas.check_live_runs(1, free=1)


def started(client: httpx.Client) -> str:
    """A run that is answering."""
    with client.stream("POST", "/sessions", json={"message": {"content": "hello"}}) as response:
        assert response.status_code == 201
        location = response.headers["location"]
    return str(location)


def test_tokens_of_a_day_are_counted(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    replies: list[Any] = [scripted.text("one"), scripted.text("two"), scripted.text("three")]
    upstream.queue(*replies)
    with serving(with_accounts(llm_settings, tokens_per_day=25)) as server, person(server, "ana") as ana:
        session = ana.client.post("/sessions").json()["id"]
        answers = [said(ana.client, session) for _ in range(3)]  # of 15 tokens each
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert 86_000 < int(answers[2].headers["retry-after"]) <= 86_400


def test_without_accounts_an_address_is_counted_where_that_is_set(settings: Settings) -> None:
    limited = Settings(_env_file=None, **settings.model_dump(exclude_unset=True), messages_per_minute=1)
    with serving(limited) as server, server.client() as client:
        session = client.post("/sessions").json()["id"]
        assert [said(client, session).status_code for _ in range(2)] == [201, 429]


def test_on_localhost_nothing_is_counted(client: httpx.Client) -> None:
    session = client.post("/sessions").json()["id"]
    assert "ratelimit" not in said(client, session).headers
