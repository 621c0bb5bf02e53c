"""The routes and logs with a language model configured: what it is sent, what it says, and what stays secret."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import httpx
import pytest

from settings import Settings
from tests.support import scripted
from tests.support.serving import Server, serving
from tests.support.wire import ask, new_session

JSON = {"accept": "application/json"}


def with_token(text: str, token: str) -> scripted.Reply:
    """An answer whose first token comes with log probabilities."""
    logprobs = {"content": [{"token": "x", "logprob": -1, "top_logprobs": [{"token": token, "logprob": -0.1}]}]}
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop", "logprobs": logprobs}
    return scripted.Reply([scripted.chunk(choices=[choice]), scripted.DONE])


def test_what_the_model_is_sent_is_valid_on_every_step_and_in_later_messages(
    llm_client: httpx.Client, upstream: scripted.Upstream
) -> None:
    session_id = llm_client.post("/sessions", json={"instructions": "Be brief."}).json()["id"]
    upstream.queue(
        scripted.calls(
            scripted.call("search_movies", {"query": "heat"}, "call_a", 0),
            scripted.call("get_movie", {"movie": "no such movie at all"}, "call_b", 1),
            split=4,
        ),
        scripted.calls(scripted.call("get_movie", '{"movie": ', "call_a")),
        scripted.text("Heat is ", "from 1995."),
        scripted.text("You are welcome."),
    )
    for content in ("When was Heat made?", "thanks"):
        answer = llm_client.post(f"/sessions/{session_id}/messages", json={"content": content}, headers=JSON).json()
        assert answer["run"]["status"] == "completed", answer
    assert answer["run"]["usage"] == {"input_tokens": 10, "output_tokens": 5, "estimated": False}
    first, second, third, later = upstream.requests
    assert [message["role"] for message in first["messages"]] == ["system", "user"]
    assert "Be brief." in first["messages"][0]["content"]
    assert [message["role"] for message in second["messages"][2:]] == ["assistant", "tool", "tool"]
    assert "error" in json.loads(second["messages"][4]["content"])
    assert third["messages"][-2]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert "not JSON" in json.loads(third["messages"][-1]["content"])["error"]
    roles = [message["role"] for message in later["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "tool", "assistant", "tool", "assistant", "user"]
    assert {tool["function"]["name"] for tool in first["tools"]} >= {
        "search_movies",
        "recommend",
        "rate_movie",
    }
    assert later["stream_options"] == {"include_usage": True}


def test_the_models_of_the_provider_are_listed(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    listed = llm_client.get("/models").json()
    assert (listed["default"], listed["data"]) == ("scripted", ["scripted", "other"])
    assert llm_client.get("/health").json()["provider"]["base_url"] == upstream.url


def test_a_provider_that_lists_nothing_still_has_its_default(settings: Settings) -> None:
    nowhere = Settings(_env_file=None, data_dir=settings.data_dir, openai_base_url="http://127.0.0.1:9/v1")
    with serving(nowhere) as server, server.client() as client:
        listed = client.get("/models").json()
        assert listed["data"] == [nowhere.openai_model]
        assert listed["detail"] == "The language model cannot be reached. (http://127.0.0.1:9/v1)"


def test_a_recommendation_is_explained_by_the_model(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    upstream.queue(with_token("Because you like crime.", "Because"))
    explained = llm_client.get("/users/7/recommendations", params={"limit": 3, "explain": True}).json()
    assert (explained["text"], explained["most_probable_token"]) == ("Because you like crime.", "Because")
    assert all(movie["title"] in explained["prompt"] for movie in explained["movies"])
    assert upstream.requests[0]["logprobs"] is True
    assert upstream.requests[0]["messages"][-1]["content"] == explained["prompt"]


def test_a_model_without_log_probabilities_still_answers(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    upstream.queue(scripted.error(400, "logprobs_unsupported"), scripted.text("They all end in a heist."))
    answer = llm_client.post("/prompts/movies_prompt_per_tag", json={"tag": "heist"}).json()
    assert (answer["text"], answer["most_probable_token"]) == ("They all end in a heist.", None)
    assert answer["model"] == "scripted"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/prompts/movies_prompt_per_tag", {"tag": "heist"}),
        ("GET", "/users/7/recommendations?explain=true", None),
    ],
)
def test_a_prompt_has_the_time_of_an_answer(
    method: str, path: str, body: dict[str, str] | None, llm_settings: Settings, upstream: scripted.Upstream
) -> None:
    fields = {**llm_settings.model_dump(exclude_unset=True), "llm_total_timeout": 0.2}
    upstream.otherwise = scripted.Reply([scripted.chunk({"content": "Well"}), scripted.HANG])
    with serving(Settings(_env_file=None, **fields)) as server, server.client() as client:
        response = client.request(method, path, json=body)
    assert (response.status_code, response.json()["code"]) == (504, "upstream_timeout")
    assert "LLM_TOTAL_TIMEOUT" in response.json()["detail"]


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (scripted.error(401), 502, "upstream_rejected"),
        (scripted.error(429, retry_after="60"), 503, "upstream_rate_limited"),
        (scripted.Reply([scripted.chunk({"content": "half"})]), 502, "upstream_unavailable"),
    ],
)
def test_a_prompt_that_fails_is_a_problem(
    llm_client: httpx.Client, upstream: scripted.Upstream, reply: scripted.Reply, status: int, code: str
) -> None:
    upstream.queue(reply, reply)
    failed = llm_client.post("/prompts/ratings_prompt_per_user", json={"user_id": 7})
    assert (failed.status_code, failed.json()["code"]) == (status, code)
    assert "secret upstream words" not in failed.text


def test_a_session_and_a_message_may_name_the_model(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    session_id = llm_client.post("/sessions", json={"model": "of-session"}).json()["id"]
    upstream.queue(scripted.text("one"), scripted.text("two"))
    url = f"/sessions/{session_id}/messages"
    llm_client.post(url, json={"content": "a"}, headers=JSON)
    answer = llm_client.post(url, json={"content": "b", "model": "of-message"}, headers=JSON).json()
    assert [request["model"] for request in upstream.requests] == ["of-session", "of-message"]
    assert answer["run"]["model"] == "of-message"


def test_logs_are_json_lines_without_text_or_key(
    llm_settings: Settings, upstream: scripted.Upstream, capfd: pytest.CaptureFixture[str]
) -> None:
    upstream.queue(scripted.text("a private answer"), scripted.error(401, message="Incorrect key sk-test-secret"))
    fields: dict[str, Any] = {"log_format": "json", "log_level": "INFO"}
    with serving(Settings(_env_file=None, **{**llm_settings.model_dump(exclude_unset=True), **fields})) as server:
        converse(server)
    written = capfd.readouterr().err
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    [sent, _] = [line for line in lines if line.get("route") == "/sessions/{session_id}/messages"]
    assert (sent["method"], sent["status"]) == ("POST", 201)
    assert sent["ms"] > 0
    assert len(sent["request_id"]) == 12
    for secret in ("a private wish", "a private answer", "sk-test-secret"):
        assert secret not in written


def converse(server: Server) -> None:
    with server.client() as client:
        session_id = client.post("/sessions").json()["id"]
        for _ in range(2):
            client.post(f"/sessions/{session_id}/messages", json={"content": "a private wish"}, headers=JSON)


def test_health_knows_the_last_answer(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    """And asks for none itself."""

    def last() -> Any:
        return llm_client.get("/health").json()["provider"]["last_answer"]

    assert last() is None
    session = new_session(llm_client)
    refused = scripted.error(401, message="Incorrect key sk-test-secret")
    broken = scripted.Reply([scripted.chunk({"content": "Half"})])
    for reply, code in (
        (scripted.text("Well."), None),
        (refused, "upstream_rejected"),
        (broken, "upstream_unavailable"),
    ):
        upstream.queue(reply)
        run = ask(llm_client, session)["run"]
        now = last()
        assert (now["code"], now["status"]) == (code, "failed" if code else "ok")
        assert now["detail"] == (run["error"] and run["error"]["detail"])
        assert 0 <= now["latency_ms"] <= run["timings"]["total_ms"] + 1
        began, at, ended = map(datetime.fromisoformat, (run["created_at"], now["at"], run["finished_at"]))
        assert began <= at <= ended
    assert len(upstream.requests) == 3
