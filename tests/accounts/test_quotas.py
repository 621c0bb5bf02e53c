"""Quotas of a caller: refused in time, told in headers, and nothing is left of what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

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
        assert refused.headers["ratelimit-policy"] == '"live-runs";q=2;qu="concurrent-requests"'
        runs.append(started(bob.client))
        gate.open()
        assert len(set(runs)) == 3


def test_who_takes_all_leaves_room_for_who_comes_next(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    gate = scripted.Gate()
    upstream.otherwise = scripted.Reply([scripted.chunk({"content": "w"}), gate, scripted.event("[DONE]")])
    first: dict[str, Any] = {"json": {"message": {"content": "hello"}}}
    settings = with_accounts(llm_settings.model_copy(update={"max_live_runs": 3}))
    with serving(settings) as server, person(server, "ana") as ana, person(server, "bob") as bob:
        with ana.client.stream("POST", "/sessions", **first, headers={"Idempotency-Key": "k"}) as response:
            mine = response.headers["location"]
        started(ana.client)
        before = ana.client.get("/auth/export").content
        refused = ana.client.post("/sessions", **first)
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert started(bob.client)
        full = bob.client.post("/sessions", **first)
        assert full.headers["ratelimit-policy"] == '"live-runs-of-all";q=3;qu="concurrent-requests"'
        assert full.headers["retry-after"] == "5"
        asked = ana.client.post("/prompts/movies_prompt_per_tag", json={"tag": "heist"})
        assert asked.status_code == 503
        with ana.client.stream("POST", "/sessions", **first, headers={"Idempotency-Key": "k"}) as again:
            assert (again.status_code, again.headers["location"]) == (201, mine)  # whatever the load
        assert ana.client.get("/auth/export").content == before
        gate.open()


def test_a_call_of_the_model_beside_a_session_counts_too(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    upstream.otherwise = scripted.text("Fond of heists.")
    limits = {"messages_per_minute": 2, "tokens_per_day": 45}  # of 15 tokens each
    with serving(with_accounts(llm_settings, **limits)) as server, person(server, "ana") as ana:
        with person(server, "bob") as bob:
            asked = [bob.client.post("/prompts/movies_prompt_per_tag", json={"tag": "heist"}) for _ in range(3)]
        assert [answer.status_code for answer in asked] == [200, 200, 429]
        assert asked[2].headers["ratelimit-policy"] == '"messages";q=2;w=60'
        explained = ana.client.get("/users/7/recommendations", params={"explain": True, "limit": 2})
        assert explained.status_code == 200
    with serving(with_accounts(llm_settings, tokens_per_day=25)) as server, person(server, "cat") as cat:
        asked = [cat.client.post("/prompts/movies_prompt_per_tag", json={"tag": "heist"}) for _ in range(3)]
        assert [answer.status_code for answer in asked] == [200, 200, 429]
        assert asked[2].headers["ratelimit-policy"] == '"tokens";q=25;w=86400'
        assert said(cat.client, cat.client.post("/sessions").json()["id"]).status_code == 429


def test_results_of_actions_are_no_way_round_the_limits(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    upstream.otherwise = scripted.calls(scripted.call("open_page", {}))
    action = {"name": "open_page", "description": "Opens a page.", "parameters": {"type": "object"}}
    with serving(with_accounts(llm_settings, messages_per_minute=2)) as server, person(server, "ana") as ana:
        session = ana.client.post("/sessions", json={"actions": [action]}).json()["id"]
        answers = [said(ana.client, session)]
        for _ in range(2):
            run, call = answers[0].json()["run"], answers[0].json()["messages"][-1]["tool_calls"][0]
            results = {"results": [{"call_id": call["call_id"], "output": 1}]}
            answers.insert(0, ana.client.post(f"/runs/{run['id']}/actions", json=results, headers=WAIT))
        assert [answer.status_code for answer in answers] == [429, 201, 201]
        assert ana.client.get(f"/runs/{run['id']}").json()["status"] == "requires_action"  # and may be continued later


def test_a_session_has_a_key_whatever_the_load(limited: Server) -> None:
    with person(limited, "ana") as ana:
        key = {"Idempotency-Key": "one"}
        first = [ana.client.post("/sessions", headers=key) for _ in range(2)]
        assert first[0].json() == first[1].json()
        ana.client.post("/sessions")
        assert ana.client.post("/sessions").status_code == 409
        assert ana.client.post("/sessions", headers=key).json()["id"] == first[0].json()["id"]
        assert (
            ana.client.post("/sessions", headers=key, json={"title": "other"}).json()["code"] == "idempotency_mismatch"
        )


def test_attempts_are_counted_by_address_too(settings: Settings) -> None:
    by_code = with_accounts(settings, registration="code", registration_code="sesame")
    with serving(by_code) as server, server.client() as client:
        new = {"password": "long enough", "code": "wrong"}
        tries = [client.post("/auth/register", json={**new, "username": f"n{i}"}) for i in range(31)]
        assert [answer.status_code for answer in tries] == [403] * 30 + [429]
        assert tries[30].headers["ratelimit-policy"] == '"sign-ins-by-address";q=30;w=300'
        assert 1 <= int(tries[30].headers["retry-after"]) <= 300


@pytest.mark.parametrize("body", [b"[" * 200, b'{"title":' * 200 + b"1" + b"}" * 200, b'{"metadata":' + b"[" * 10_000])
def test_what_is_nested_too_deeply_is_not_read(body: bytes, client: httpx.Client) -> None:
    refused = client.post("/sessions", content=body, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")
    assert "deep" in refused.json()["detail"]
    said = client.post("/sessions", json={"title": "[" * 150 + '"{' * 20})
    assert said.status_code == 201


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
