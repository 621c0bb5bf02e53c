"""What a provider's failures are told as: to the client in our words, in the log in the provider's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from settings import Settings
from tests.support import scripted
from tests.support.processes import environment, process
from tests.support.scripted import HANG, Gate, Reply, call, calls, chunk, error, text
from tests.support.serving import serving
from tests.support.wire import ask, new_session, read_run, send, sending

PICK = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "pick", "schema": PICK}}
VALID = '{"title": "Heat"}'
LITELLM = "/chat/completions: Invalid model name passed in model=scripted. Call `/v1/models` to view available models."
LLAMA_CPP = {
    "detail": [
        {
            "type": "literal_error",
            "loc": ["body", "response_format", "type"],
            "msg": "Input should be 'text' or 'json_object'",
        }
    ]
}


def failed(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    """The error of a run that fails."""
    event = send(client, new_session(client), **fields).events[-1]
    assert event["type"] == "run.failed"
    return dict(event["error"])


@pytest.fixture
def logged(llm_settings: Settings, capfd: pytest.CaptureFixture[str]) -> Iterator[tuple[httpx.Client, Any]]:
    """A client, and what the service has logged by its end, which it comes to then."""
    fields = {**llm_settings.model_dump(exclude_unset=True), "log_format": "json", "log_level": "INFO"}
    with serving(Settings(_env_file=None, **fields)) as server, server.client() as client:

        def lines() -> list[str]:
            server.stop()  # what is written after the answer is there, too, and no line is half written
            # uvicorn's first words are still in the form of the service before
            return [json.loads(line)["message"] for line in capfd.readouterr().err.splitlines() if line.startswith("{")]

        yield client, lines


def test_what_the_provider_said_is_in_the_log_and_not_in_the_answer(
    logged: tuple[httpx.Client, Any], upstream: scripted.Upstream
) -> None:
    client, lines = logged
    said = "no\x1b]52;c;aGk=\x07 such\nluck: sk-test-secret, Bearer abc.def and gsk_0123456789abcdef"
    upstream.queue(error(400, "odd", said + "x" * 5_000))
    told = failed(client)
    assert told["code"] == "upstream_rejected"
    assert told["detail"].endswith(f"(scripted at {upstream.url})")
    assert "luck" not in told["detail"]
    written = lines()
    [line] = [line for line in written if "luck" in line]
    assert "HTTP 400" in line
    assert f"scripted at {upstream.url}/chat/completions" in line
    assert len(line) < 2_200
    assert not any(ord(character) < 32 for character in line)
    for secret in ("sk-test-secret", "abc.def", "gsk_0123456789abcdef"):
        assert secret not in line
    assert any(line.startswith("run_") and "failed (upstream_rejected) after" in line for line in written)


def test_an_error_inside_the_stream_is_logged_too(
    logged: tuple[httpx.Client, Any], upstream: scripted.Upstream
) -> None:
    client, lines = logged
    upstream.queue(Reply([chunk({"content": "Half"}), scripted.event('{"error": {"message": "the GPU is on fire"}}')]))
    assert "fire" not in failed(client)["detail"]
    assert any("the GPU is on fire" in line for line in lines())


def test_credentials_of_the_address_are_not_shown(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    fields = llm_settings.model_dump(exclude_unset=True)
    fields["openai_base_url"] = upstream.url.replace("http://", "http://me:my-password@")
    assert Settings(_env_file=None, **fields).address == upstream.url
    with serving(Settings(_env_file=None, **fields)) as server, server.client() as client:
        assert client.get("/health").json()["provider"]["base_url"] == upstream.url
        upstream.queue(error(401))
        assert failed(client)["detail"].endswith(f"(scripted at {upstream.url})")
        assert upstream.headers[0]["authorization"] == "Basic bWU6bXktcGFzc3dvcmQ="


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, LITELLM),
        (400, "scripted is not a valid model ID"),
        (404, "The model `scripted` does not exist."),
        (404, "model 'scripted' not found, try pulling it first"),
    ],
)
def test_an_unknown_model_is_said_to_be_one(
    status: int, message: str, llm_client: httpx.Client, upstream: scripted.Upstream
) -> None:
    upstream.queue(error(status, "None", message))
    told = failed(llm_client)
    assert told["code"] == "upstream_rejected"
    assert told["detail"].startswith(f"The provider does not know this model (HTTP {status})")


def test_an_account_without_quota_is_not_asked_again(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    upstream.queue(error(429, "insufficient_quota", "You exceeded your current quota"), text("Hello."))
    told = failed(llm_client)
    assert (told["code"], len(upstream.requests)) == ("upstream_rejected", 1)
    assert "no quota left" in told["detail"]


@pytest.mark.parametrize(
    "pieces",
    [[], [scripted.DONE], [b": ping\n\n"], [scripted.RESET]],
    ids=["no body", "only the end mark", "only a keep-alive", "reset"],
)
def test_an_empty_stream_names_the_likely_cause(
    pieces: list[Any], llm_client: httpx.Client, upstream: scripted.Upstream
) -> None:
    upstream.otherwise = Reply(pieces)
    told = failed(llm_client)
    assert told["code"] == "upstream_unavailable"
    assert "LLM_CONTEXT_TOKENS" in told["detail"]


# Deadlines


def in_a_hurry(llm_settings: Settings, **limits: float) -> Settings:
    return Settings(_env_file=None, **{**llm_settings.model_dump(exclude_unset=True), **limits})


@pytest.mark.parametrize(
    "pieces", [[HANG], [chunk({"role": "assistant"}), HANG]], ids=["silence", "a role and then silence"]
)
def test_a_first_token_that_does_not_come_has_its_own_limit(
    pieces: list[Any], llm_settings: Settings, upstream: scripted.Upstream
) -> None:
    hurried = in_a_hurry(llm_settings, llm_first_token_timeout=0.2, llm_idle_timeout=60)
    with serving(hurried) as server, server.client() as client:
        upstream.queue(Reply(pieces))
        told = failed(client)
        assert told["code"] == "upstream_timeout"
        assert "did not begin to answer within 0.2 s (LLM_FIRST_TOKEN_TIMEOUT)" in told["detail"]


def test_no_status_line_is_no_first_token_either(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    hurried = in_a_hurry(llm_settings, llm_first_token_timeout=0.3, llm_idle_timeout=0.2)
    with serving(hurried) as server, server.client() as client:
        upstream.queue(Reply([HANG], status=0))
        assert "LLM_FIRST_TOKEN_TIMEOUT" in failed(client)["detail"]


def test_a_slow_first_token_is_waited_for_longer_than_silence(
    llm_settings: Settings, upstream: scripted.Upstream
) -> None:
    """The answer begins only once the idle limit is past."""
    with serving(in_a_hurry(llm_settings, llm_first_token_timeout=60, llm_idle_timeout=1)) as server:
        upstream.queue(Reply([scripted.Pause(1.2), *text("Warm now.").pieces]))
        with server.client() as client:
            assert send(client, new_session(client)).text == "Warm now."
            upstream.queue(Reply([chunk({"content": "Half"}), HANG]))
            assert "fell silent in the middle of its answer for 1 s" in failed(client)["detail"]


# Endpoints that know json_object alone


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "invalid_request_error", "This response_format type is unavailable now"),
        Reply([json.dumps(LLAMA_CPP).encode()], 422, content_type="application/json"),
    ],
    ids=["DeepSeek", "llama-cpp-python"],
)
def test_a_refused_schema_goes_into_the_prompt(
    refusal: Reply, llm_client: httpx.Client, upstream: scripted.Upstream
) -> None:
    upstream.queue(refusal, text('{"name": "Heat"}'), text(VALID), text(VALID))
    session = new_session(llm_client)
    stream = send(llm_client, session, response_format=FORMAT)
    assert (stream.text, stream.run["steps"]) == (VALID, 2)
    first, *others = upstream.requests
    assert first["response_format"] == FORMAT
    ask(llm_client, session, response_format=FORMAT)
    assert len(upstream.requests) == 4
    for request in upstream.requests[1:]:
        assert request["response_format"] == {"type": "json_object"}
        assert json.dumps(PICK) in request["messages"][0]["content"]
    assert [message["role"] for message in others[0]["messages"]] == ["system", "user"]


def test_another_refusal_is_none_of_the_schema(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    upstream.queue(error(400, "invalid_request_error", "tools are not supported"))
    assert failed(llm_client, response_format=FORMAT)["code"] == "upstream_rejected"
    assert len(upstream.requests) == 1


# Models


def test_a_default_that_the_endpoint_lacks_is_not_listed(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    upstream.models = ["b", "a"]
    listed = llm_client.get("/models").json()
    assert (listed["default"], listed["data"]) == ("scripted", ["a", "b"])
    assert listed["detail"] == "The provider does not list the default model, scripted (OPENAI_MODEL)."


# What an answer cost, and what is odd about it


def uncounted(*pieces: Any) -> Reply:
    """An answer whose tokens the provider does not count."""
    return Reply([*pieces, chunk(finish="stop"), scripted.DONE])


def test_an_estimate_counts_the_tools(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    upstream.queue(uncounted(chunk({"content": "Hello."})))
    usage = ask(llm_client, new_session(llm_client))["run"]["usage"]
    sent = len(json.dumps([upstream.requests[0][part] for part in ("messages", "tools")])) / 3.5
    assert usage["estimated"] is True
    assert 0.8 * sent < usage["input_tokens"] < 1.2 * sent


def test_a_cancelled_run_has_usage(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    gate = Gate()
    upstream.queue(
        calls(call("search_movies", {"query": "Kid"})), Reply([chunk({"content": "A long answer. " * 20}), gate])
    )
    with sending(llm_client, new_session(llm_client)) as live:
        live.until("text.delta")
        assert gate.reached.wait(5)
        llm_client.post(f"/runs/{live.run_id}/cancel")
        run = live.rest().run
    assert (run["status"], run["steps"]) == ("cancelled", 1)
    assert run["usage"]["estimated"] is True
    assert run["usage"]["input_tokens"] > 1_000
    assert 50 < run["usage"]["output_tokens"] < 200
    assert read_run(llm_client, run["id"])["usage"] == run["usage"]


def test_a_run_that_failed_in_the_middle_has_usage_and_a_refused_one_has_none(
    llm_client: httpx.Client, upstream: scripted.Upstream
) -> None:
    upstream.queue(Reply([chunk({"content": "Half"})]), error(401))
    assert send(llm_client, new_session(llm_client)).run["usage"]["input_tokens"] > 1_000
    assert send(llm_client, new_session(llm_client)).run["usage"] is None


def test_a_run_that_the_end_of_the_service_interrupts_has_usage(data_dir: Path, upstream: scripted.Upstream) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "Half"}), gate]))
    with (
        process(environment(data_dir, upstream, SHUTDOWN_GRACE="0")) as service,
        service.client() as client,
        sending(client, new_session(client)) as live,
    ):
        live.until("text.delta")
        assert gate.reached.wait(5)
        service.terminate()
        run = live.rest().run
    assert run["status"] == "interrupted"
    assert run["usage"]["input_tokens"] > 1_000


@pytest.mark.parametrize("count", [2**63, 10**30, -1, -(2**70)])
@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens"])
def test_a_count_that_cannot_be_is_dropped_and_the_answer_stays(
    count: int, field: str, logged: tuple[httpx.Client, Any], upstream: scripted.Upstream
) -> None:
    client, lines = logged
    counts = {"prompt_tokens": 10, "completion_tokens": 5, field: count}
    upstream.queue(Reply([chunk({"content": "Hello."}), chunk(finish="stop"), chunk(choices=[], usage=counts)]))
    run = ask(client, new_session(client))["run"]
    assert (run["status"], run["usage"]["estimated"]) == ("completed", True)
    assert any("usage is dropped" in line and field in line for line in lines())


def test_an_unknown_finish_reason_is_noted(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    upstream.queue(text("Hello.", finish="eos\x1b"), text("Hello."))
    run = ask(llm_client, new_session(llm_client))["run"]
    assert run["status"] == "completed"
    assert run["note"] == "The provider ended the answer with an unknown finish_reason, 'eos\\x1b'."
    assert read_run(llm_client, run["id"])["note"] == run["note"]
    assert ask(llm_client, new_session(llm_client))["run"]["note"] is None
