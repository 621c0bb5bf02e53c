"""Responses and Conversations as OpenAI's own client has them: streamed, stored, resumed at every event, continued."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import APIStatusError, BadRequestError, ConflictError, NotFoundError, OpenAI
from openai.types.conversations import ConversationItem
from openai.types.responses import Response, ResponseItem, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from service import open_marquee
from settings import Settings
from tests.storage.test_disk import no_more_writes
from tests.support.processes import environment, process, wait_for
from tests.support.scripted import DONE, HANG, Gate, Reply, Upstream, call, calls, chunk, running, text, usage
from tests.support.secrets import OPENAI_KEY, look_through_files
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import ask, history, new_session

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ITEM: TypeAdapter[Any] = TypeAdapter(ResponseItem)
SAID: TypeAdapter[Any] = TypeAdapter(ConversationItem)
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a town",
    "parameters": {
        "type": "object",
        "properties": {"town": {"type": "string"}},
        "required": ["town"],
        "additionalProperties": False,
    },
    "strict": True,
}
OWN_TOOLS: Any = {"type": "mcp", "server_label": "marquee"}
SEARCH = call("search_movies", {"query": "Heat"})
ROME = call("weather", {"town": "Rome"}, "call_2", 1)
END = [chunk(finish="stop"), usage(), DONE]


@pytest.fixture(scope="module")
def shared(catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Upstream, Server]]:
    """One endpoint and one service for the tests of this module."""
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("responses") / "data"))
    with running() as endpoint:
        settings = Settings(
            _env_file=None,
            data_dir=folder,
            shutdown_grace=1,
            openai_api_key=OPENAI_KEY,
            openai_base_url=endpoint.url,
            openai_model="scripted",
            llm_max_retries=1,
        )
        with serving(settings) as server:
            yield endpoint, server
    look_through_files(folder)


@pytest.fixture
def upstream(shared: tuple[Upstream, Server]) -> Iterator[Upstream]:
    endpoint, _ = shared
    endpoint.requests.clear()
    endpoint.replies.clear()
    endpoint.otherwise = None
    yield endpoint
    assert endpoint.problems == []


@pytest.fixture
def llm_server(shared: tuple[Upstream, Server]) -> Iterator[Server]:
    """The service; what is listed is deleted again."""
    _, server = shared
    yield server
    with server.client() as client:
        for session in client.get("/sessions").json()["data"]:
            if session["live_run_id"]:
                client.post(f"/runs/{session['live_run_id']}/cancel").raise_for_status()
            client.delete(f"/sessions/{session['id']}").raise_for_status()


@pytest.fixture
def openai(llm_server: Server) -> Iterator[Any]:
    with speaking_to(llm_server.url) as client:
        yield client


def speaking_to(url: str) -> Any:
    """The client, unchecked: an item may be one of thirty types."""
    return OpenAI(base_url=f"{url}/v1", api_key="none", timeout=60)


def create(openai: Any, said: Any = "hello", **asked: Any) -> Any:
    """A response, checked by OpenAI's own types."""
    return checked(openai.responses.create(**{"model": "scripted", "input": said, **asked}))


def checked(response: Response) -> Any:
    Response.model_validate(response.to_dict())
    return response


def events_of(stream: Any) -> list[Any]:
    """The events of a stream, each checked by OpenAI's own types."""
    events = list(stream)
    for event in events:
        EVENT.validate_python(event.to_dict())
    return events


def streamed(openai: Any, said: Any = "hello", **asked: Any) -> list[Any]:
    return events_of(openai.responses.create(**{"model": "scripted", "input": said, "stream": True, **asked}))


def resumed(openai: Any, response_id: str, after: int) -> list[Any]:
    return events_of(openai.responses.retrieve(response_id, stream=True, starting_after=after))


def outline(events: Sequence[Any]) -> list[str]:
    """The types in order, without the prefix that all have; neighbouring equal ones once."""
    types = [event.type.removeprefix("response.") for event in events]
    return [name for place, name in enumerate(types) if not place or types[place - 1] != name]


def told(upstream: Upstream, place: int = -1) -> list[tuple[str, str]]:
    """The words that the model was sent in a request, the last one, without the system prompt."""
    return [(message["role"], message["content"]) for message in upstream.requests[place]["messages"][1:]]


def sessions(client: httpx.Client) -> list[str]:
    return [session["id"] for session in client.get("/sessions").json()["data"]]


def conversation_of(response: Any) -> str:
    return str(response.conversation.id)


def test_an_answer_whole_streamed_and_kept(openai: Any, llm_client: httpx.Client, upstream: Upstream) -> None:
    upstream.queue(text("Well, ", "hello."), text("Well, ", "hello."))
    whole = create(openai)
    assert whole.usage
    assert (whole.status, whole.output_text, whole.usage.total_tokens) == ("completed", "Well, hello.", 15)
    events = streamed(openai)
    assert outline(events) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Well, hello."
    assert checked(openai.responses.retrieve(events[-1].response.id)) == events[-1].response
    assert len(sessions(llm_client)) == 2


def test_the_helper_that_streams_and_parses(openai: Any, upstream: Upstream) -> None:
    class Film(BaseModel):
        title: str

    upstream.queue(text('{"title": ', '"Heat"}'))
    with openai.responses.stream(model="scripted", input="a film", text_format=Film) as stream:
        kinds = {event.type for event in stream}
        answer = stream.get_final_response()
    assert answer.output_parsed == Film(title="Heat")
    assert "response.output_text.done" in kinds
    [request] = upstream.requests
    assert request["response_format"]["json_schema"]["name"] == "Film"
    with openai.responses.stream(response_id=answer.id, starting_after=4, text_format=Film) as again:
        assert [event.sequence_number for event in again][:1] == [5]
        assert again.get_final_response().output_parsed == Film(title="Heat")


def test_what_is_asked_of_the_model_reaches_it_and_is_said_again(openai: Any, upstream: Upstream) -> None:
    upstream.queue(calls(call("weather", {"town": "Rome"})))
    asked: dict[str, Any] = {
        "model": "another",
        "instructions": "Speak like a pirate.",
        "temperature": 0.5,
        "max_output_tokens": 77,
        "metadata": {"a": "b"},
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "name": "weather"},
    }
    said = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "hello"}]
    unknown = {"no_such_field": [1], "service_tier": "auto", "reasoning": {"effort": "low"}, "include": [], "user": "u"}
    answer = create(openai, said, **asked, extra_body=unknown)
    [request] = upstream.requests
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("another", 0.5, 77)
    assert [tool["function"]["name"] for tool in request["tools"]] == ["weather"]
    assert all(words in request["messages"][0]["content"] for words in ("Speak like a pirate.", "Be brief."))
    assert answer.to_dict().items() >= {name: value for name, value in asked.items() if name != "tools"}.items()
    assert answer.tools[0].to_dict() == WEATHER


@pytest.mark.parametrize("shown", [False, True])
def test_own_tools_are_shown_to_who_lists_them(openai: Any, upstream: Upstream, shown: bool) -> None:
    upstream.queue(calls(SEARCH, call("explain_nothing", {}, "call_2", 1), say="Let me look."), text("There is Heat."))
    events = streamed(openai, tools=[OWN_TOOLS] if shown else [])
    answer = events[-1].response
    kinds = [item.type for item in answer.output]
    assert kinds == (["message", "mcp_call", "mcp_call", "message"] if shown else ["message", "message"])
    assert any("mcp" in event.type for event in events) == shown
    if shown:
        one, other = answer.output[1:3]
        assert (one.server_label, one.name, json.loads(one.arguments)) == (
            "marquee",
            "search_movies",
            {"query": "Heat"},
        )
        assert "Heat" in one.output
        assert (one.status, other.status) == ("completed", "failed")
        assert other.error
        assert outline(events)[8:14] == [
            "output_item.added", "mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done",
            "mcp_call.completed", "output_item.done",
        ]  # fmt: skip
    stored = openai.conversations.items.list(conversation_of(answer), order="asc")
    assert [item.type for item in stored] == ["message"] * 3


def test_a_tool_loop(openai: Any, upstream: Upstream) -> None:
    """Ours and the caller's in one step; the result goes on behind the response, or with all that was said."""
    both = calls(SEARCH, ROME)
    upstream.queue(both, text("Sunny."), both, text("Sunny."), text("Still."))
    for chained in (True, False):
        events = streamed(openai, "weather?", tools=[WEATHER])
        assert outline(events)[2:-1] == [
            "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        ]  # fmt: skip
        [asked] = events[-1].response.output
        assert (asked.name, json.loads(asked.arguments)) == ("weather", {"town": "Rome"})
        result: Any = {"type": "function_call_output", "call_id": asked.call_id, "output": "sunny"}
        if chained:
            answer = create(openai, [result], tools=[WEATHER], previous_response_id=events[-1].response.id)
        else:
            said = [{"role": "user", "content": "weather?"}, asked.to_dict(), result]
            answer = create(openai, said, tools=[WEATHER])
        assert answer.output_text == "Sunny."
        results = [message["content"] for message in upstream.requests[-1]["messages"] if message["role"] == "tool"]
        assert "Heat" in results[0]
        assert results[1:] == ['"sunny"']
        assert conversation_of(answer) == conversation_of(events[-1].response)
    said += [answer.output[0].to_dict(), {"role": "user", "content": "and now?"}]
    assert conversation_of(create(openai, said)) == conversation_of(answer)  # known by what stands before
    items = [SAID.validate_python(item.to_dict()) for item in openai.conversations.items.list(conversation_of(answer))]
    assert [item.type for item in reversed(items)] == [
        "message", "function_call", "function_call_output", "message", "message", "message"
    ]  # fmt: skip
    assert items[-2].call_id == items[-3].call_id == asked.call_id


def test_a_response_in_the_background_is_polled_and_cancelled(openai: Any, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "Well, "}), gate, chunk({"content": "hello."}), *END]))
    begun = create(openai, background=True)
    assert (begun.status, begun.background, begun.output) == ("queued", True, [])
    wait_for(lambda: checked(openai.responses.retrieve(begun.id)).output_text == "Well, ")
    assert openai.responses.retrieve(begun.id).status == "in_progress"
    gate.open()
    wait_for(lambda: openai.responses.retrieve(begun.id).status == "completed")
    events = resumed(openai, begun.id, -1)
    assert outline(events)[:3] == ["created", "queued", "in_progress"]
    upstream.queue(Reply([chunk({"content": "Well, "}), HANG]))
    with openai.responses.create(model="scripted", input="hello", background=True, stream=True) as stream:
        first = next(stream)
        assert first.type == "response.created"
        wait_for(lambda: openai.responses.retrieve(first.response.id).output_text)
        cancelled = checked(openai.responses.cancel(first.response.id))
        assert (cancelled.status, cancelled.output_text) == ("cancelled", "Well, ")
        last = events_of(stream)[-1]
    assert (last.type, last.response.status) == ("response.incomplete", "cancelled")
    assert openai.responses.cancel(first.response.id) == cancelled


def every_cursor(openai: Any, response_id: str, whole: Sequence[Any]) -> None:
    """Exactly what follows is sent behind each event, in whole and behind the last."""
    for after in range(-1, len(whole) + 1):
        assert resumed(openai, response_id, after) == list(whole[after + 1 :]), after


def test_resuming_at_every_event_live_and_ended(openai: Any, upstream: Upstream) -> None:
    gate = Gate()
    last = Reply([chunk({"content": "There "}), gate, chunk({"content": "is Heat."}), *END])
    upstream.queue(calls(SEARCH, say="Let me look."), last)
    first, seen = None, []
    with openai.responses.create(model="scripted", input="hello", stream=True, tools=[OWN_TOOLS]) as stream:
        for event in stream:
            seen.append(event)
            if getattr(event, "delta", "") == "There ":
                break
        first = seen[0].response.id
        others = [
            openai.responses.retrieve(first, stream=True, starting_after=after) for after in range(-1, len(seen) + 2)
        ]
        gate.open()
        whole = seen + events_of(stream)
    assert whole[-1].response.status == "completed"
    for after, other in enumerate(others, start=-1):
        assert events_of(other) == whole[after + 1 :], after
    every_cursor(openai, first, whole)


def test_resuming_at_every_event_after_a_kill(data_dir: Any, upstream: Upstream) -> None:
    upstream.queue(calls(SEARCH, say="Let me look."), Reply([chunk({"content": "There "}), HANG]))
    env = environment(data_dir, upstream, OPENAI_MODEL="scripted", REPLAY_RETENTION="0.001")
    seen = []
    with (
        process(env) as server,
        speaking_to(server.url) as openai,
        openai.responses.create(
            model="scripted", input="hello", stream=True, background=True, tools=[OWN_TOOLS]
        ) as stream,
    ):
        for event in stream:
            seen.append(event)
            if getattr(event, "delta", "") == "There ":
                break
        server.kill()
    with process(env) as server, speaking_to(server.url) as openai:
        whole = resumed(openai, seen[0].response.id, -1)
        assert whole[: len(seen)] == seen
        assert (whole[-1].type, whole[-1].response.error.code) == ("response.failed", "server_error")
        assert whole[-1].response.output_text == "Let me look.There "
        every_cursor(openai, seen[0].response.id, whole)
        assert checked(openai.responses.retrieve(seen[0].response.id)) == whole[-1].response


async def test_what_is_made_here_is_never_folded(llm_server: Server, upstream: Upstream) -> None:
    gates = [Gate() for _ in range(5)]
    pieces = [piece for number, gate in enumerate(gates) for piece in (chunk({"content": f"{number} "}), gate)]
    upstream.queue(Reply([*pieces, *END]))
    whole = []
    with speaking_to(llm_server.url) as openai:
        for event in openai.responses.create(model="scripted", input="hello", stream=True):
            whole.append(event)
            if event.type == "response.output_text.delta":
                gates.pop(0).open()
    assert not gates
    later = datetime.now(UTC) + timedelta(days=400)
    async with open_marquee(llm_server.settings, lambda: later) as marquee:
        assert await marquee.runs.settler.fold() == 0
    with speaking_to(llm_server.url) as openai:
        every_cursor(openai, whole[0].response.id, whole)


def test_behind_the_latest_and_behind_an_older_response(
    openai: Any, llm_client: httpx.Client, upstream: Upstream
) -> None:
    upstream.queue(calls(SEARCH), text("One."), text("Two."), text("Other two."), text("Three."))
    one = create(openai, "first")
    two = create(openai, "second", previous_response_id=one.id)
    assert (two.previous_response_id, conversation_of(two)) == (one.id, conversation_of(one))
    other = create(openai, "another second", previous_response_id=one.id)
    assert conversation_of(other) != conversation_of(one)
    roles = [role for role, _ in told(upstream)]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]
    assert "Heat" in told(upstream)[2][1]
    three = create(openai, "third", previous_response_id=other.id)
    assert [content for role, content in told(upstream) if role == "user"] == ["first", "another second", "third"]
    assert conversation_of(three) == conversation_of(other)
    assert len(sessions(llm_client)) == 2
    given = [ITEM.validate_python(item.to_dict()) for item in openai.responses.input_items.list(other.id, order="asc")]
    assert [item.content[0].text for item in given] == ["first", "One.", "another second"]
    pages = openai.responses.input_items.list(three.id, limit=2)
    assert [item.content[0].text for item in pages] == ["third", "Other two.", "another second", "One.", "first"]
    with pytest.raises(NotFoundError):
        create(openai, previous_response_id="resp_none")


def test_many_at_once_behind_one_response(openai: Any, upstream: Upstream) -> None:
    upstream.queue(text("One."))
    upstream.otherwise = text("Two.")
    one = create(openai, "first")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: create(openai, "next", previous_response_id=one.id), range(4)))
    assert len({conversation_of(answer) for answer in answers}) == 4
    for place in range(1, 5):
        assert [content for _, content in told(upstream, place)] == ["first", "One.", "next"]
    gate = Gate()
    upstream.queue(Reply([gate, *text("Late.").pieces]))
    late = create(openai, background=True)
    with pytest.raises(ConflictError):
        create(openai, previous_response_id=late.id)
    gate.open()


def test_the_results_of_tools_behind_an_older_response(openai: Any, upstream: Upstream) -> None:
    upstream.queue(calls(SEARCH, ROME), text("Sunny."), text("Rainy."))
    first = create(openai, "weather?", tools=[WEATHER])
    for weather in ("sunny", "rainy"):
        result: Any = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": weather}
        answer = create(openai, [result], tools=[WEATHER], previous_response_id=first.id)
    assert answer.output_text == "Rainy."
    assert [role for role, _ in told(upstream)] == ["user", "assistant", "tool", "tool"]
    assert told(upstream)[-1][1] == '"rainy"'
    assert conversation_of(answer) != conversation_of(first)


def test_what_is_not_stored_is_not_listed(
    openai: Any, llm_client: httpx.Client, llm_server: Server, upstream: Upstream
) -> None:
    upstream.queue(text("One."), text("Two."), Reply([chunk({"content": "Well, "}), HANG]))
    one = create(openai, store=False)
    assert (one.store, one.conversation) == (False, None)
    said = [{"role": "user", "content": "hello"}, one.output[0].to_dict(), {"role": "user", "content": "more"}]
    create(openai, said, store=False)
    assert told(upstream) == [("user", "hello"), ("assistant", "One."), ("user", "more")]
    with openai.responses.create(model="scripted", input="hello", stream=True, store=False) as stream:
        next(event for event in stream if event.type == "response.output_text.delta")
    wait_for(lambda: llm_server.app.state.marquee.runs.count == 0)  # who leaves stops it
    assert sessions(llm_client) == []
    upstream.queue(text("Kept."))
    kept = create(openai, "keep", previous_response_id=one.id)
    assert [f"ses_{conversation_of(kept).removeprefix('conv_')}"] == sessions(llm_client)


def test_a_conversation_is_a_session(openai: Any, llm_client: httpx.Client, upstream: Upstream) -> None:
    """The page's words are read by the SDK, the SDK's by the page."""
    upstream.queue(calls(SEARCH, say="Let me look."), text("Heat."), text("Two."))
    session = new_session(llm_client, metadata={"from": "page"})
    answer = ask(llm_client, session, "from the page")
    conversation = openai.conversations.retrieve(f"conv_{session.removeprefix('ses_')}")
    assert conversation.metadata == {"from": "page"}
    assert checked(openai.responses.retrieve(f"resp_{answer['run']['id'].removeprefix('run_')}")).status == "completed"
    create(openai, "from the SDK", conversation=conversation.id)
    contents = ["from the page", "Let me look.", "Heat.", "from the SDK", "Two."]
    assert [message["content"] for message in history(llm_client, session) if message["role"] != "tool"] == contents
    items = list(openai.conversations.items.list(conversation.id, limit=2, order="asc"))
    assert [SAID.validate_python(item.to_dict()).content[0].text for item in items] == contents
    assert [item.id for item in openai.conversations.items.list(conversation.id, limit=3)] == [
        item.id for item in reversed(items)
    ]
    assert items[1].id
    assert openai.conversations.items.retrieve(items[1].id, conversation_id=conversation.id) == items[1]
    with pytest.raises(ConflictError):
        openai.responses.create(input=[{"type": "function_call_output", "call_id": "x", "output": "1"}], model="m",
                                conversation=conversation.id)  # fmt: skip


def test_conversations_are_made_changed_and_deleted(openai: Any, llm_client: httpx.Client, upstream: Upstream) -> None:
    upstream.queue(text("Well."))
    made = openai.conversations.create(metadata={"a": "b"}, items=[{"role": "user", "content": "I like crime."}])
    assert (made.object, made.metadata) == ("conversation", {"a": "b"})
    added = openai.conversations.items.create(made.id, items=[{"role": "assistant", "content": "So do I."}])
    assert [item.type for item in added.data] == ["message"]
    answer = create(openai, "then?", conversation={"id": made.id})
    assert told(upstream) == [("user", "I like crime."), ("assistant", "So do I."), ("user", "then?")]
    assert openai.conversations.update(made.id, metadata={"c": "d"}).metadata == {"c": "d"}
    with pytest.raises(BadRequestError, match="cannot be deleted"):
        openai.conversations.items.delete(added.data[0].id or "", conversation_id=made.id)
    openai.responses.delete(answer.id)
    assert len(list(openai.conversations.items.list(made.id))) == 2
    assert openai.conversations.delete(made.id).deleted
    for of, gone in ((openai.conversations, made), (openai.responses, answer)):
        with pytest.raises(NotFoundError):
            of.retrieve(gone.id)
    assert sessions(llm_client) == []


def test_deleting_responses(openai: Any, llm_client: httpx.Client, upstream: Upstream) -> None:
    upstream.queue(text("One."), text("Two."))
    one = create(openai)
    two = create(openai, previous_response_id=one.id)
    with pytest.raises(ConflictError, match="Later answers build on this one"):
        openai.responses.delete(one.id)
    openai.responses.delete(two.id)
    assert [message["content"] for message in history(llm_client, sessions(llm_client)[0])] == ["hello", "One."]
    openai.responses.delete(one.id)
    assert sessions(llm_client) == []
    with pytest.raises(NotFoundError):
        openai.responses.delete(one.id)


def test_errors_before_within_and_behind_an_answer(openai: Any, upstream: Upstream) -> None:
    upstream.queue(Reply([b'{"error": {"message": "no"}}'], status=401, content_type="application/json"))
    with pytest.raises(APIStatusError) as caught:
        create(openai)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_rejected")
    upstream.queue(Reply([chunk({"content": "Well, "})]))
    last = streamed(openai)[-1]
    assert (last.type, last.response.status, last.response.output_text) == ("response.failed", "failed", "Well, ")
    assert (last.response.error.code, last.response.error.type) == ("server_error", "upstream_unavailable")
    upstream.queue(text("Well, ", finish="length"))
    cut = create(openai, max_output_tokens=2)
    assert cut.incomplete_details
    assert (cut.status, cut.output_text, cut.incomplete_details.reason) == ("incomplete", "Well, ", "max_output_tokens")
    assert cut.output[0].status == "incomplete"
    assert len(upstream.requests) == 3, "what failed is not asked again by the client"


def test_a_disk_that_refuses_is_an_event(data_dir: Any, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "Well, "}), gate, chunk({"content": "hello."}), *END]))
    with process(environment(data_dir, upstream, OPENAI_MODEL="scripted")) as server, speaking_to(server.url) as openai:
        stream = openai.responses.create(model="scripted", input="hello", stream=True)
        seen = [next(stream)]
        while seen[-1].type != "response.output_text.delta":
            seen.append(next(stream))
        with no_more_writes(server):
            gate.open()
            [error] = events_of(stream)
        assert (error.type, error.code, error.sequence_number) == ("error", "overloaded", seen[-1].sequence_number)
        rest = resumed(openai, seen[0].response.id, error.sequence_number)
        assert rest[-1].response.output_text == "Well, hello."
        every_cursor(openai, seen[0].response.id, seen + rest)


def test_auxiliary_prompts_leave_no_session(openai: Any, llm_client: httpx.Client, upstream: Upstream) -> None:
    upstream.queue(text("Heat"))
    create(openai, "### Task:\nSay a title.")
    assert sessions(llm_client) == []
    assert "tools" not in upstream.requests[-1]


def test_who_comes_back_with_a_key_finds_the_answer(openai: Any, upstream: Upstream) -> None:
    upstream.queue(text("One."), text("Two."))
    one = [create(openai, extra_headers={"Idempotency-Key": "a"}) for _ in range(2)]
    assert one[0] == one[1]
    two = [create(openai, previous_response_id=one[0].id, extra_headers={"Idempotency-Key": "b"}) for _ in range(2)]
    assert two[0] == two[1]
    assert len(upstream.requests) == 2


def test_items_that_are_only_named(openai: Any, upstream: Upstream) -> None:
    upstream.queue(calls(ROME, say="I ask."), text("Sunny."))
    asked = create(openai, "weather?", tools=[WEATHER])
    names = [{"type": "item_reference", "id": item.id} for item in asked.output]
    result = {"type": "function_call_output", "call_id": asked.output[1].call_id, "output": "sunny"}
    answer = create(openai, [{"role": "user", "content": "weather?"}, *names, result], tools=[WEATHER])
    assert conversation_of(answer) == conversation_of(asked)


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"input": []}, "input"),
        ({"input": " "}, "input"),
        ({"input": [{"role": "assistant", "content": "x"}]}, "input.0"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input.0"),
        ({"input": [{"type": "computer_call_output"}]}, "input.0"),
        ({"input": [{"type": "item_reference", "id": "msg_none"}]}, "input.0.id"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": NaN}'}]}, "input.0.arg"),
        ({"input": [{"type": "item_reference", "id": "msg_" + "x" * 22}]}, "input.0.id"),
        ({"tools": [{"type": "web_search"}]}, "tools.0"),
        ({"tools": [{"type": "mcp", "server_label": "others", "server_url": "http://x"}]}, "tools.0.mcp.server_label"),
        ({"tools": [{**WEATHER, "name": "search_movies"}]}, "tools.0.name"),
        ({"tools": [{**WEATHER, "parameters": {"type": 1}}]}, "tools.0.parameters"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"temperature": 3}, "temperature"),
        ({"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}}, "text.format.json_schema.name"),
        ({"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": 1}}}}, "text.format.schema"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"background": True, "store": False}, "background"),
        ({"conversation": "conv_x", "previous_response_id": "resp_x"}, "previous_response_id"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(openai: Any, asked: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        openai.responses.create(**{"model": "scripted", "input": "hello", **asked})
    assert caught.value.type == "invalid_request_error"
    assert str(caught.value.param).startswith(param)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/conversations", "/v1/chat/completions"])
@pytest.mark.parametrize("value", ["NaN", '"\\ud800"'])
def test_no_json_is_refused(llm_client: httpx.Client, path: str, value: str) -> None:
    said = f'[{{"role": "user", "content": {value}}}]'
    body = f'{{"input": {said}, "items": {said}, "messages": {said}, "instructions": {value}}}'
    response = llm_client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "validation_error")


def test_what_is_not_offered_says_so(openai: Any, llm_client: httpx.Client) -> None:
    with pytest.raises(BadRequestError, match="Compaction"):
        openai.responses.compact(model="scripted", input="hello")
    assert "no WebSocket" in llm_client.get("/v1/responses").json()["error"]["message"]
    items = (openai.responses.input_items.list, openai.conversations.items.list)
    for ask_for in (openai.responses.retrieve, openai.responses.cancel, openai.conversations.retrieve, *items):
        with pytest.raises(NotFoundError):
            ask_for("none")
    with pytest.raises(NotFoundError):
        create(openai, conversation="conv_none")
    session = openai.conversations.create()
    for item in ("fc_x", f"msg_{'x' * 22}", f"msg_{'x' * 22}_1"):
        with pytest.raises(NotFoundError):
            openai.conversations.items.retrieve(item, conversation_id=session.id)
    with pytest.raises(BadRequestError, match="instructions go with each response"):
        openai.conversations.items.create(session.id, items=[{"role": "system", "content": "x"}])


def test_a_conflict_reaches_the_server_once(openai: Any, upstream: Upstream) -> None:
    upstream.queue(Reply([chunk({"content": "Well, "}), HANG]))
    conversation = openai.conversations.create(items=[]).id
    begun = create(openai, conversation=conversation, background=True)
    with pytest.raises(ConflictError) as caught:
        create(openai, conversation=conversation)
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"
    with pytest.raises(ConflictError):
        openai.responses.delete(begun.id)
    openai.responses.cancel(begun.id)


def test_thoughts_are_items_of_their_own(openai: Any, upstream: Upstream) -> None:
    pieces = [chunk({"reasoning_content": "Hm"}), chunk({"content": "A"}), chunk({"reasoning_content": "Hm"})]
    upstream.queue(Reply([*pieces, chunk({"content": "B"}), *END]))
    events = streamed(openai)
    answer = events[-1].response
    assert [item.type for item in answer.output] == ["reasoning", "message", "reasoning", "message"]
    assert len({item.id for item in answer.output}) == 4
    assert answer.output_text == "AB"
    assert "reasoning_text.delta" in outline(events)


def test_the_offline_guide_answers_and_follows(server: Server) -> None:
    with speaking_to(server.url) as openai:
        first = create(openai, "recommend me three films like Heat", model="offline-guide")
        assert "The Usual Suspects" in first.output_text
        second = create(openai, "why the second one?", model="offline-guide", previous_response_id=first.id)
        assert "Seven" in second.output_text


def test_the_documents_lines_run(server: Server) -> None:
    document = (ROOT / "docs/clients.md").read_text().replace("http://127.0.0.1:8000", server.url)
    section = document.split("\n## Responses and Conversations\n")[1].split("\n## ")[0]
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL))
    done = subprocess.run(["sh", "-c", blocks["sh"]], capture_output=True, text=True, check=True)
    numbers = re.findall(r'"sequence_number":(\d+)}', done.stdout)
    assert [int(number) for number in numbers] == list(range(5, 5 + len(numbers)))
    assert "event: response.mcp_call.completed" in done.stdout
    assert "The Usual Suspects" in done.stdout
    done = subprocess.run([sys.executable, "-c", blocks["python"]], capture_output=True, text=True, check=True)
    assert "The Usual Suspects" in done.stdout
    assert re.findall(r" (user|assistant)$", done.stdout, re.MULTILINE) == ["user", "assistant"] * 2
