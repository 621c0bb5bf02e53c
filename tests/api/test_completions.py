"""Chat Completions as OpenAI's own client has them: streamed and whole, tools of both sides, stops, and what stays."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from openai import APIError, APIStatusError, AuthenticationError, BadRequestError, ConflictError, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from errors import NotFound
from runs.live_run import Caller
from schemas import MessageCreate, SessionCreate
from service import open_marquee
from settings import Settings
from tests.support.processes import Process, environment, wait_for
from tests.support.scripted import DONE, HANG, Reply, Upstream, call, calls, chunk, text, usage
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import history, new_session

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town",
        "parameters": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {"town": {"type": "string"}},
            "required": ["town"],
            "additionalProperties": False,
        },
    },
}
HELLO: list[Any] = [{"role": "user", "content": "hello"}]


@pytest.fixture
def openai(llm_server: Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{llm_server.url}/v1", api_key="none", timeout=60) as client:
        yield client


def said(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(part.choices[0].delta.content or "" for part in chunks if part.choices)


def listed(client: httpx.Client) -> list[Any]:
    sessions: list[Any] = client.get("/sessions").json()["data"]
    return sessions


def streamed(openai: OpenAI, **asked: Any) -> list[ChatCompletionChunk]:
    return list(openai.chat.completions.create(model="scripted", stream=True, **asked))


def test_an_answer_whole_and_streamed(openai: OpenAI, llm_client: httpx.Client, upstream: Upstream) -> None:
    upstream.queue(text("Well, ", "hello."), text("Well, ", "hello."))
    whole = openai.chat.completions.create(model="scripted", messages=HELLO)
    chunks = streamed(openai, messages=HELLO, stream_options={"include_usage": True})
    ChatCompletion.model_validate(whole.model_dump(), strict=False)
    assert whole.choices[0].message.content == said(chunks) == "Well, hello."
    assert (whole.choices[0].finish_reason, chunks[-2].choices[0].finish_reason) == ("stop", "stop")
    assert whole.usage == chunks[-1].usage
    assert (chunks[-1].choices, whole.usage and whole.usage.total_tokens) == ([], 15)
    assert {part.id for part in chunks} == {chunks[0].id}
    assert listed(llm_client) == []
    assert llm_client.get("/sessions", params={"q": "hello"}).json()["data"] == []


def test_usage_is_told_only_when_asked_for(openai: OpenAI, upstream: Upstream) -> None:
    upstream.queue(text("Hi."))
    assert all(part.usage is None and part.choices for part in streamed(openai, messages=HELLO))


def test_fields_of_others_are_passed_over(openai: OpenAI, upstream: Upstream) -> None:
    upstream.queue(text("Hi."))
    extra = {"user": "u", "seed": 1, "store": False, "service_tier": "auto", "logit_bias": {}, "no_such_field": [1]}
    answer = openai.chat.completions.create(
        model="scripted", messages=HELLO, n=1, parallel_tool_calls=True, reasoning_effort="low", extra_body=extra
    )
    assert answer.choices[0].message.content == "Hi."


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"n": 2}, "n"),
        ({"modalities": ["text", "audio"]}, "modalities.1"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages.0"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages.0"),
        ({"tools": [{"type": "function", "function": {"name": "search_movies"}}]}, "tools.0.function.name"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools.0.function.name"),
        ({"tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": 1}}}]}, "tools.0.function"),
        ({"temperature": 3}, "temperature"),
        ({"stop": 4}, "stop"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(openai: OpenAI, asked: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        openai.chat.completions.create(**{"model": "scripted", "messages": HELLO, **asked})
    assert caught.value.type == "invalid_request_error"
    assert str(caught.value.param).startswith(param)


@pytest.mark.parametrize(
    "changed",
    [
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "\ud800"}]}]},
        {"messages": [{"role": "system", "content": "\ud800"}, *HELLO]},
        {"messages": [*HELLO, {"role": "assistant", "content": "\ud800"}, *HELLO]},
        {"stop": "\ud800"},
        {"metadata": {"session_id": "\ud800"}},
    ],
)
def test_half_a_character_is_refused(llm_client: httpx.Client, changed: dict[str, Any]) -> None:
    content = json.dumps({"messages": HELLO, **changed})
    refused = llm_client.post("/v1/chat/completions", content=content, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "validation_error")


def test_what_is_asked_of_the_model_reaches_it(openai: OpenAI, upstream: Upstream) -> None:
    upstream.queue(text('{"a": 1}'))
    openai.chat.completions.create(
        model="another",
        messages=[{"role": "system", "content": "Speak like a pirate."}, *HELLO],
        stop=["END"],
        temperature=0.5,
        max_completion_tokens=77,
        response_format={"type": "json_object"},
    )
    [sent] = upstream.requests
    assert (sent["model"], sent["stop"], sent["temperature"], sent["max_tokens"]) == ("another", ["END"], 0.5, 77)
    assert "Speak like a pirate." in sent["messages"][0]["content"]
    assert sent["response_format"]["type"] == "json_schema"


def test_an_answer_that_is_cut_says_so(openai: OpenAI, upstream: Upstream) -> None:
    upstream.queue(text("Well, ", finish="length"))
    answer = openai.chat.completions.create(model="scripted", messages=HELLO, max_tokens=2)
    assert (answer.choices[0].finish_reason, answer.choices[0].message.content) == ("length", "Well, ")


def test_errors_before_and_within_an_answer(openai: OpenAI, upstream: Upstream) -> None:
    upstream.queue(Reply([b'{"error": {"message": "no"}}'], status=401, content_type="application/json"))
    with pytest.raises(APIStatusError) as caught:
        openai.chat.completions.create(model="scripted", messages=HELLO)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_rejected")
    upstream.queue(Reply([chunk({"content": "Well, "})]))
    with pytest.raises(APIError) as broken:
        streamed(openai, messages=HELLO)
    assert broken.value.code == "upstream_unavailable"
    assert len(upstream.requests) == 2, "what failed is not asked again by the client"


def test_a_conversation_goes_on_where_it_was(openai: OpenAI, llm_client: httpx.Client, upstream: Upstream) -> None:
    """A client sends all of it each time; what our tools found in it is there still."""
    upstream.queue(calls(call("search_movies", {"query": "Heat"})), text("There is Heat."), text("From 1995."))
    first = openai.chat.completions.create(model="scripted", messages=HELLO)
    assert first.choices[0].message.tool_calls is None
    answer: Any = {"role": "assistant", "content": f" {first.choices[0].message.content}\n"}
    second = openai.chat.completions.create(
        model="scripted", messages=[*HELLO, answer, {"role": "user", "content": "from when?"}]
    )
    assert second.choices[0].message.content == "From 1995."
    roles = [message["role"] for message in upstream.requests[-1]["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    upstream.queue(text("Another."))
    edited = [*HELLO, {"role": "assistant", "content": "I never said that."}, {"role": "user", "content": "so?"}]
    openai.chat.completions.create(model="scripted", messages=edited)
    sent = [(message["role"], message["content"]) for message in upstream.requests[-1]["messages"][1:]]
    assert sent == [("user", "hello"), ("assistant", "I never said that."), ("user", "so?")]
    assert listed(llm_client) == []


def asked_weather(openai: OpenAI, messages: list[Any]) -> tuple[Any, str]:
    answer = openai.chat.completions.create(model="scripted", messages=messages, tools=[WEATHER])  # type: ignore[list-item]
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls
    [asked] = message.tool_calls
    assert asked.type == "function"
    assert (asked.function.name, json.loads(asked.function.arguments)) == ("weather", {"town": "Rome"})
    return message.model_dump(exclude_none=True), asked.id


def test_mixed_tools_in_one_step_survive_a_restart(data_dir: Any, upstream: Upstream) -> None:
    both = calls(call("search_movies", {"query": "Heat"}), call("weather", {"town": "Rome"}, "call_2", 1))
    upstream.queue(both, text("Sunny, so stay in and see Heat."))
    env = environment(data_dir, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=upstream.url, OPENAI_MODEL="scripted")
    first = Process(env)
    try:
        first.wait_until_ready()
        with OpenAI(base_url=f"{first.url}/v1", api_key="none") as openai:
            message, call_id = asked_weather(openai, HELLO)
    finally:
        first.kill()
    second = Process(env)
    try:
        second.wait_until_ready()
        with OpenAI(base_url=f"{second.url}/v1", api_key="none") as openai:
            result: Any = {"role": "tool", "tool_call_id": call_id, "content": "sunny"}
            answer = openai.chat.completions.create(
                model="scripted",
                messages=[*HELLO, message, result],
                tools=[WEATHER],  # type: ignore[list-item]
            )
    finally:
        second.kill()
    assert answer.choices[0].message.content == "Sunny, so stay in and see Heat."
    results = [message for message in upstream.requests[-1]["messages"] if message["role"] == "tool"]
    assert [result["tool_call_id"] for result in results] == ["call_1", "call_2"]
    assert "Heat" in results[0]["content"]
    assert results[1]["content"] == '"sunny"'


def test_a_tool_loop_of_which_nothing_is_known(openai: OpenAI, upstream: Upstream) -> None:
    upstream.queue(text("Sunny."))
    asked = {"id": "call_9", "type": "function", "function": {"name": "weather", "arguments": '{"town": "Rome"}'}}
    messages: list[Any] = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "call_9", "content": "sunny"},
    ]
    answer = openai.chat.completions.create(model="scripted", messages=messages, tools=[WEATHER])  # type: ignore[list-item]
    assert answer.choices[0].message.content == "Sunny."
    assert upstream.requests[-1]["messages"][2]["tool_calls"][0]["id"] == "call_9"


def test_the_choice_of_tools_is_the_callers(openai: OpenAI, upstream: Upstream) -> None:
    names: list[set[str]] = []
    chosen: list[Any] = ["none", "required", {"type": "function", "function": {"name": "weather"}}, "auto"]
    for choice in chosen:
        upstream.queue(text("Fine.") if choice in ("none", "auto") else calls(call("weather", {"town": "Rome"})))
        openai.chat.completions.create(
            model="scripted",
            messages=HELLO,
            tools=[WEATHER],  # type: ignore[list-item]
            tool_choice=choice,
        )
        names.append({tool["function"]["name"] for tool in upstream.requests[-1]["tools"]})
    assert [("weather" in offered, len(offered) > 1) for offered in names] == [
        (False, True), (True, False), (True, False), (True, True),
    ]  # fmt: skip
    assert [sent.get("tool_choice") for sent in upstream.requests] == [None, *chosen[1:3], None]


def test_a_session_that_is_kept_is_joined(openai: OpenAI, llm_client: httpx.Client, upstream: Upstream) -> None:
    session = new_session(llm_client)
    upstream.queue(text("One."), text("Two."))
    openai.chat.completions.create(model="scripted", messages=HELLO, metadata={"session_id": session})
    openai.chat.completions.create(model="scripted", messages=HELLO, extra_headers={"X-Session-Id": session})
    told = [(message["role"], message["content"]) for message in history(llm_client, session)]
    assert told == [("user", "hello"), ("assistant", "One."), ("user", "hello"), ("assistant", "Two.")]
    assert [each["id"] for each in listed(llm_client)] == [session]
    with pytest.raises(APIStatusError) as caught:
        openai.chat.completions.create(model="scripted", messages=HELLO, metadata={"session_id": "ses_none"})
    assert (caught.value.status_code, caught.value.code) == (404, "not_found")


def test_a_conflict_reaches_the_server_once(openai: OpenAI, llm_client: httpx.Client, upstream: Upstream) -> None:
    upstream.queue(Reply([chunk({"content": "Well, "}), HANG]))
    session = new_session(llm_client)
    with openai.chat.completions.create(
        model="scripted", messages=HELLO, stream=True, metadata={"session_id": session}
    ) as stream:
        next(stream)
        with pytest.raises(ConflictError) as caught:
            openai.chat.completions.create(model="scripted", messages=HELLO, metadata={"session_id": session})
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"


@pytest.mark.parametrize("leave", ["streamed", "whole"])
def test_who_leaves_stops_the_answer(
    llm_server: Server, llm_client: httpx.Client, upstream: Upstream, leave: str
) -> None:
    upstream.queue(Reply([chunk({"content": "Well, "}), HANG]))
    body = {"messages": HELLO, "stream": leave == "streamed"}
    if leave == "streamed":
        with llm_client.stream("POST", "/v1/chat/completions", json=body) as response:
            blocks = response.iter_bytes()  # kept, or the connection ends with it
            next(blocks)
            assert llm_server.app.state.marquee.runs.count == 1
    else:
        with pytest.raises(httpx.ReadTimeout):
            llm_client.post("/v1/chat/completions", json=body, timeout=1)
    wait_for(lambda: llm_server.app.state.marquee.runs.count == 0)


def test_who_comes_back_with_a_key_finds_the_answer(
    llm_client: httpx.Client, llm_server: Server, upstream: Upstream
) -> None:
    upstream.queue(Reply([*(chunk({"content": f"{n} "}) for n in range(9)), chunk(finish="stop"), usage(), DONE]))
    headers = {"Idempotency-Key": "k"}
    body = {"messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    with llm_client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as response:
        next(response.iter_bytes())
    wait_for(lambda: llm_server.app.state.marquee.runs.count == 0)
    whole = llm_client.post("/v1/chat/completions", json=body, headers=headers).text
    assert len(upstream.requests) == 1
    upstream.queue(text("Second."))
    answer = {"role": "assistant", "content": "".join(f"{n} " for n in range(9))}
    later = {"messages": [*HELLO, answer, *HELLO]}
    for _ in range(2):
        again = llm_client.post("/v1/chat/completions", json=later, headers={"Idempotency-Key": "l"}).json()
        assert again["choices"][0]["message"]["content"] == "Second."
    assert len(upstream.requests) == 2
    ids = [line.removeprefix("id: ") for line in whole.splitlines() if line.startswith("id: ")]
    for cursor in ids:
        rest = llm_client.post("/v1/chat/completions", json=body, headers={**headers, "Last-Event-ID": cursor}).text
        assert rest == _after(whole, cursor)


def _after(whole: str, cursor: str) -> str:
    blocks = whole.split("\n\n")
    place = next(at for at, block in enumerate(blocks) if block.startswith(f"id: {cursor}\n"))
    return "\n\n".join(blocks[place + 1 :])


async def test_what_nobody_keeps_is_gone_after_its_time(llm_settings: Settings, upstream: Upstream) -> None:
    upstream.queue(text("Hi."), text("Hi."))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    async with open_marquee(llm_settings, lambda: now) as marquee:
        kept, _ = await marquee.sessions.open("local", SessionCreate())
        other, _ = await marquee.sessions.open("local", SessionCreate(), ephemeral=True)
        runs = [
            await marquee.runs.send(Caller("local", session), MessageCreate(content="hello"))
            for session in (kept, other)
        ]
        for run in runs:
            await marquee.runs.wait("local", run.id)
        now += timedelta(seconds=llm_settings.replay_retention - 60)
        assert await marquee.runs.settler.forget() == 0
        now += timedelta(seconds=120)
        assert await marquee.runs.settler.forget() == 1
        assert (await marquee.store.load_session("local", kept.id)).id == kept.id
        assert await marquee.store.load_frames(runs[1].id) == []
        with pytest.raises(NotFound):
            await marquee.store.load_session("local", other.id)


def test_who_is_a_stranger_is_told_so_in_the_clients_words(settings: Settings) -> None:
    secret = "a secret of more than thirty-two bytes"
    closed = Settings(_env_file=None, **settings.model_dump(exclude_unset=True), auth="on", auth_secret=secret)
    with serving(closed) as server, OpenAI(base_url=f"{server.url}/v1", api_key="sk-wrong") as openai:
        for ask in (openai.models.list, lambda: openai.chat.completions.create(model="m", messages=HELLO)):
            with pytest.raises(AuthenticationError) as caught:
                ask()
            assert caught.value.type == "authentication_error"


def test_auxiliary_prompts_get_no_tools(openai: OpenAI, upstream: Upstream) -> None:
    upstream.queue(text('{"title": "Heat"}'))
    openai.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "### Task:\nSay a title. rate Heat 5"}]
    )
    assert "tools" not in upstream.requests[-1]


def test_models(openai: OpenAI) -> None:
    assert next(model.id for model in openai.models.list()) == "scripted"


def test_the_offline_guide_answers_and_follows(server: Server, client: httpx.Client) -> None:
    with OpenAI(base_url=f"{server.url}/v1", api_key="none") as openai:
        messages: list[Any] = [{"role": "user", "content": "recommend me three films like Heat"}]
        first = openai.chat.completions.create(model="offline-guide", messages=messages).choices[0].message.content
        assert first
        assert "The Usual Suspects" in first
        messages += [{"role": "assistant", "content": first}, {"role": "user", "content": "why the second one?"}]
        second = openai.chat.completions.create(model="offline-guide", messages=messages).choices[0].message.content
        assert second
        assert "Seven" in second
        title = openai.chat.completions.create(
            model="offline-guide", messages=[{"role": "user", "content": "### Task:\nrate Heat 5"}]
        )
        assert title.choices[0].message.content
    assert client.get("/ratings").json()["data"] == []
    assert client.get("/recommendations").json()["data"][0]["session_id"] is not None


def test_the_documents_lines_run(server: Server) -> None:
    document = (ROOT / "docs/clients.md").read_text().replace("http://127.0.0.1:8000", server.url)
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", document.split("\n## ")[0], re.DOTALL))
    done = subprocess.run(["sh", "-c", blocks["sh"]], capture_output=True, text=True, check=True)
    assert "The Usual Suspects" in json.loads(done.stdout)["choices"][0]["message"]["content"]
    done = subprocess.run([sys.executable, "-c", blocks["python"]], capture_output=True, text=True, check=True)
    assert "The Usual Suspects" in done.stdout
