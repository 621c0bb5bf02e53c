"""What of a long conversation a model is sent: whole exchanges within a budget; history keeps everything."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from providers.base import ChatMessage
from providers.conversation import CUT_SHORT, Conversation, message_tokens, newest_exchanges, open_exchange
from providers.openai_compatible import _message
from providers.prompts import TRIMMED
from schemas import Message, ToolCall
from settings import Settings
from tests.support import scripted
from tests.support.scripted import call, calls, error, event, text
from tests.support.serving import Server, serving
from tests.support.wire import ask, check_whole, history, new_session, send

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BUDGET = 8_500  # of which the prompt and the tools take about 3,500
LONG = "A long story about a film. " * 120  # about 930 tokens


# The rule


def entry(number: int, role: str, **fields: Any) -> Message:
    return Message.model_validate(
        {"id": f"msg_{number}", "session_id": "s", "run_id": "r", "role": role, "created_at": NOW, **fields}
    )


def some_history(chance: random.Random) -> list[Message]:
    """Exchanges as runs leave them: whole, cut short in a call, without an answer, with answers that were replaced."""
    messages: list[Message] = []

    def add(role: str, **fields: Any) -> None:
        messages.append(entry(len(messages), role, **fields))

    for exchange in range(chance.randrange(1, 8)):
        add("user", content=f"question {exchange} " + "x" * chance.randrange(400))
        for step in range(chance.randrange(4)):
            alternative = chance.random() < 0.2
            ids = [f"call_{index}" for index in range(chance.randrange(3))]
            tool_calls = [ToolCall(call_id=f"{step}{name}", name="search_movies", arguments={}) for name in ids]
            content = chance.choice(["", f"answer {exchange}.{step}"])
            add("assistant", content=content, tool_calls=tool_calls, alternative=alternative)
            for tool_call in tool_calls:
                if chance.random() < 0.8:
                    add("tool", call_id=tool_call.call_id, name="x", ok=True, result=[1], alternative=alternative)
    return messages


async def newest_first(history: list[Message]) -> AsyncIterator[list[Message]]:
    yield [message for message in reversed(history) if not message.alternative]


@pytest.mark.parametrize("seed", range(200))
async def test_whatever_the_budget_the_request_is_valid(seed: int) -> None:
    chance = random.Random(seed)
    earlier, _ = await newest_exchanges(newest_first(some_history(chance)), 1_000_000)
    current = open_exchange([entry(1_000, "user", content="now")])
    sent = Conversation("system", earlier, current).within(chance.randrange(1, 2_000))
    assert list(scripted._check_calls([_message(message) for message in sent])) == []
    kept = [list(group) for group in groups(sent[1:])]
    assert kept == [*earlier, current][len(earlier) + 1 - len(kept) :]
    assert (TRIMMED in sent[0].content) == (len(kept) <= len(earlier))


def groups(messages: tuple[ChatMessage, ...]) -> Iterator[list[ChatMessage]]:
    group: list[ChatMessage] = []
    for message in messages:
        if message.role == "user" and group:
            yield group
            group = []
        group.append(message)
    yield group


def test_the_newest_that_fit_are_kept() -> None:
    earlier = [[ChatMessage("user", f"{n}" * 350), ChatMessage("assistant", "ok")] for n in range(10)]
    conversation = Conversation("system", earlier, [ChatMessage("user", "now")])
    everything = sum(map(message_tokens, conversation.within(10**6)))
    assert TRIMMED not in conversation.within(everything)[0].content
    fewer = conversation.within(everything // 2)
    assert sum(map(message_tokens, fewer[1:])) <= everything // 2
    assert [m.content[0] for m in fewer if m.role == "user"] == ["6", "7", "8", "9", "n"]


def test_the_current_exchange_is_never_cut() -> None:
    current = [ChatMessage("user", LONG), ChatMessage("assistant", LONG)]
    sent = Conversation("system", [[ChatMessage("user", "old")]], current).within(10)
    assert list(sent[1:]) == current


def test_a_call_without_its_result_gets_one() -> None:
    tool_calls = [ToolCall(call_id="a", name="x", arguments={}), ToolCall(call_id="b", name="x", error="wrong")]
    [_, _, first, second] = open_exchange(
        [entry(1, "user", content="go"), entry(2, "assistant", tool_calls=tool_calls, status="interrupted")]
    )
    assert CUT_SHORT in first.content
    assert "wrong" in second.content


# The service


@pytest.fixture
def small_server(llm_settings: Settings) -> Iterator[Server]:
    with serving(Settings(_env_file=None, **{**dict(llm_settings), "llm_context_tokens": BUDGET})) as running:
        yield running


@pytest.fixture
def small_client(small_server: Server) -> Iterator[httpx.Client]:
    with small_server.client() as client:
        yield client


def size(request: dict[str, Any]) -> int:
    return len(json.dumps([request["messages"], request.get("tools")]))


def users(request: dict[str, Any]) -> list[str]:
    return [message["content"][:9] for message in request["messages"] if message["role"] == "user"]


def test_a_long_conversation_is_trimmed_and_kept(upstream: scripted.Upstream, small_client: httpx.Client) -> None:
    session = new_session(small_client)
    for number in range(8):
        upstream.queue(calls(call("search_movies", {"query": "Kid", "limit": 1})), text(f"Answer {number}. {LONG}"))
        assert ask(small_client, session, f"Question {number}")["run"]["status"] == "completed"
    first, last = upstream.requests[0], upstream.requests[-1]
    assert TRIMMED not in first["messages"][0]["content"]
    assert TRIMMED in last["messages"][0]["content"]
    kept = users(last)
    assert 1 < len(kept) < 8
    assert kept == [f"Question {number}"[:9] for number in range(8 - len(kept), 8)]
    messages = history(small_client, session)
    assert [m["content"] for m in messages if m["role"] == "user"] == [f"Question {number}" for number in range(8)]
    assert len(messages) == 8 * 4


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "context_length_exceeded"),
        error(400, "invalid_request_error", "This model's maximum context length is 8192 tokens."),
        scripted.Reply([event('{"error": {"code": "context_length_exceeded"}}')]),
    ],
    ids=["code", "words", "in-band"],
)
def test_a_context_error_trims_and_tries_once_more(
    refusal: scripted.Reply, upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    session = new_session(llm_client)
    upstream.queue(*[text(LONG)] * 4)
    for number in range(4):
        ask(llm_client, session, f"Question {number}")
    upstream.queue(refusal, text("Shorter."), text("Next."))
    stream = send(llm_client, session, "And now?")
    check_whole(stream)
    assert stream.text == "Shorter."
    refused, accepted = upstream.requests[-2:]
    assert size(accepted) < 0.8 * size(refused)
    assert len(accepted["tools"]) == 6
    assert (TRIMMED in accepted["messages"][0]["content"]) == (len(accepted["messages"]) < len(refused["messages"]))
    assert users(accepted)[-1] == "And now?"
    assert ask(llm_client, session)["run"]["status"] == "completed"


def test_context_errors_without_end_end_the_answer(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    session = new_session(llm_client)
    upstream.queue(*[text(LONG)] * 4)
    for number in range(4):
        ask(llm_client, session, f"Question {number}")
    upstream.otherwise = error(400, "context_length_exceeded")
    stream = send(llm_client, session, "And now?")
    assert stream.events[-1]["error"]["code"] == "context_too_long"
    assert 6 <= len(upstream.requests) <= 9
    assert users(upstream.requests[-1]) == ["And now?"]
    upstream.otherwise = text("Next.")
    assert ask(llm_client, session)["run"]["status"] == "completed"
    assert len(history(llm_client, session)) == 4 * 2 + 1 + 2


def test_a_message_can_be_retried_for_ever(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    """Replaced answers do not crowd the message out of what is looked at."""
    upstream.otherwise = text("Well.")
    session = new_session(llm_client)
    message_id = ask(llm_client, session)["run"]["message_id"]
    path = f"/sessions/{session}/messages/{message_id}/retry"
    for _ in range(30):
        assert llm_client.post(path, headers={"Accept": "application/json"}).json()["run"]["status"] == "completed"
    assert len(upstream.requests[-1]["messages"]) == 2
    assert sum(m["alternative"] for m in history(llm_client, session)) == 30
