"""Responses and Conversations as OpenAI's own client has them: streamed, stored, resumed at every event, continued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from openai import OpenAI
from openai.types.conversations import ConversationItem
from openai.types.responses import Response, ResponseItem, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.support.scripted import Upstream, call, text
from tests.support.serving import Server

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


@pytest.fixture
def openai(llm_server: Server) -> Iterator[OpenAI]:
    with speaking_to(llm_server.url) as client:
        yield client


def speaking_to(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key="none", timeout=60)


def create(openai: OpenAI, said: Any = "hello", **asked: Any) -> Response:
    """A response, by OpenAI's own types."""
    response: Response = openai.responses.create(**{"model": "scripted", "input": said, **asked})
    return checked(response)


def checked(response: Response) -> Response:
    Response.model_validate(response.to_dict(), strict=True)
    return response


def events_of(stream: Any) -> list[Any]:
    """The events of a stream, each of them by OpenAI's own types."""
    events = list(stream)
    for event in events:
        EVENT.validate_python(event.to_dict(), strict=True)
    return events


def streamed(openai: OpenAI, said: Any = "hello", **asked: Any) -> list[Any]:
    return events_of(openai.responses.create(**{"model": "scripted", "input": said, "stream": True, **asked}))


def outline(events: Sequence[Any]) -> list[str]:
    """The types in order, without the prefix that most have; neighbouring equal ones once."""
    types = [event.type.removeprefix("response.") for event in events]
    return [name for place, name in enumerate(types) if not place or types[place - 1] != name]


def sent(upstream: Upstream) -> list[tuple[str, str]]:
    """What the model was told last, without the system prompt."""
    return [(message["role"], message["content"]) for message in upstream.requests[-1]["messages"][1:]]


def test_an_answer_whole_streamed_and_kept(openai: OpenAI, llm_client: httpx.Client, upstream: Upstream) -> None:
    upstream.queue(text("Well, ", "hello."), text("Well, ", "hello."))
    whole = create(openai)
    assert (whole.status, whole.output_text, whole.usage and whole.usage.total_tokens) == (
        "completed",
        "Well, hello.",
        15,
    )
    events = streamed(openai)
    assert outline(events) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Well, hello."
    last = events[-1].response
    assert checked(openai.responses.retrieve(last.id)) == last
    assert len(llm_client.get("/sessions").json()["data"]) == 2
