"""The AI SDK's UI message stream: every chunk by the protocol's schema, the message live, again and stored the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from settings import Settings
from tests.api.test_http import is_problem
from tests.support import scripted
from tests.support.processes import wait_for
from tests.support.scripted import HANG, Gate, Reply, Upstream, call, calls, chunk, text
from tests.support.serving import Server, serving
from tests.support.wire import history, new_session

MOVIES = call("search_movies", {"query": "Heat"})
SEATS = {
    "name": "pick_seat",
    "description": "Lets the person pick a seat.",
    "parameters": {"type": "object", "properties": {"rows": {"type": "integer"}}, "required": ["rows"]},
}


# The protocol, as its documentation has it: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol


class Chunk(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class Start(Chunk):
    type: Literal["start"]
    message_id: str | None = None
    message_metadata: Any = None


class Metadata(Chunk):
    type: Literal["message-metadata"]
    message_metadata: Any


class Step(Chunk):
    type: Literal["start-step", "finish-step"]


class Edge(Chunk):
    type: Literal["text-start", "text-end", "reasoning-start", "reasoning-end"]
    id: str


class Delta(Chunk):
    type: Literal["text-delta", "reasoning-delta"]
    id: str
    delta: str


class Input(Chunk):
    type: Literal["tool-input-available"]
    tool_call_id: str
    tool_name: str
    input: Any
    provider_executed: bool | None = None
    dynamic: bool | None = None


class InputError(Input):
    type: Literal["tool-input-error"]  # type: ignore[assignment]
    error_text: str


class Output(Chunk):
    type: Literal["tool-output-available"]
    tool_call_id: str
    output: Any
    provider_executed: bool | None = None
    dynamic: bool | None = None


class OutputError(Chunk):
    type: Literal["tool-output-error"]
    tool_call_id: str
    error_text: str
    provider_executed: bool | None = None
    dynamic: bool | None = None


class Finish(Chunk):
    type: Literal["finish"]
    finish_reason: Literal["stop", "length", "content-filter", "tool-calls", "error", "interrupted", "other"]


class Abort(Chunk):
    type: Literal["abort"]
    reason: str | None = None


class Failure(Chunk):
    type: Literal["error"]
    error_text: str


ANY = Start | Metadata | Step | Edge | Delta | Input | InputError | Output | OutputError | Finish | Abort | Failure
CHUNK: TypeAdapter[ANY] = TypeAdapter(Annotated[ANY, Field(discriminator="type")])


def chunks_of(body: str) -> list[dict[str, Any]]:
    """The chunks of a whole stream, each checked; nothing comes behind its end."""
    *data, last = [line.removeprefix("data: ") for line in body.split("\n") if line.startswith("data: ")]
    assert last == "[DONE]", body[-300:]
    chunks = [json.loads(each) for each in data]
    for each in chunks:
        CHUNK.validate_python(each)
    ends = [each["type"] in ("finish", "abort", "error") for each in chunks]
    assert (chunks[0]["type"], ends) == ("start", [False] * (len(chunks) - 1) + [True])
    return chunks


def rebuilt(chunks: list[dict[str, Any]], message: dict[str, Any] | None = None) -> dict[str, Any]:
    """The message that a client makes of a stream, by the rules of the SDK's `processUIMessageStream`."""
    made: dict[str, Any] = message or {"role": "assistant", "parts": [], "metadata": {}}
    parts, active = made["parts"], {}
    for each in chunks:
        kind, _, what = each["type"].rpartition("-")
        if each["type"] in ("start", "message-metadata"):
            made["id"] = each.get("messageId", made.get("id"))
            made["metadata"] |= each["messageMetadata"]
        elif each["type"] == "start-step":
            parts.append({"type": "step-start"})
        elif kind in ("text", "reasoning"):
            if what == "start":
                ids = {"id": each["id"]} if kind == "reasoning" else {}
                active[kind, each["id"]] = {"type": kind, **ids, "text": "", "state": "streaming"}
                parts.append(active[kind, each["id"]])
            elif what == "delta":
                active[kind, each["id"]]["text"] += each["delta"]
            else:
                active.pop((kind, each["id"]))["state"] = "done"
        elif kind.startswith("tool-"):
            take_in_tool(parts, each)
    assert not active
    return made


def take_in_tool(parts: list[dict[str, Any]], chunk: dict[str, Any]) -> None:
    state = {"tool-input-available": "input-available", "tool-output-available": "output-available"}
    told = {name: value for name, value in chunk.items() if name not in ("type", "dynamic", "toolName")}
    told["state"] = state.get(chunk["type"], "output-error")
    if "toolName" not in chunk:
        next(part for part in parts if part.get("toolCallId") == chunk["toolCallId"]).update(told)
    elif chunk.get("dynamic"):
        parts.append({"type": "dynamic-tool", "toolName": chunk["toolName"], **told})
    else:
        parts.append({"type": f"tool-{chunk['toolName']}", **told})


class Chat:
    """A client's chat as `Chat` of the SDK keeps it."""

    def __init__(self, client: httpx.Client, chat_id: str | None = None, **extra: Any) -> None:
        self.id = chat_id or uuid4().hex[:16]
        self.client, self.extra = client, extra
        self.messages: list[dict[str, Any]] = []

    def body(self, **more: Any) -> dict[str, Any]:
        return {"id": self.id, "messages": self.messages, "trigger": "submit-message", **self.extra, **more}

    def say(self, content: str) -> dict[str, Any]:
        self.messages.append({"id": uuid4().hex, "role": "user", "parts": [{"type": "text", "text": content}]})
        return self.messages[-1]

    def send(self, content: str) -> list[dict[str, Any]]:
        self.say(content)
        return self.post()

    def post(self, message: dict[str, Any] | None = None, **more: Any) -> list[dict[str, Any]]:
        """Post the chat, and take the answer in, as the end of `message` where there is one."""
        response = self.client.post("/ui/chat", json=self.body(**more))
        assert response.status_code == 200, response.text
        assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
        assert response.headers["content-type"].startswith("text/event-stream")
        chunks = chunks_of(response.text)
        if message is None:
            self.messages.append(rebuilt(chunks))
        else:
            rebuilt(chunks, message)
        return chunks

    @contextmanager
    def posting(self, **more: Any) -> Iterator[Iterator[str]]:
        """The lines of an answer as they come."""
        with self.client.stream("POST", "/ui/chat", json=self.body(**more)) as response:
            yield response.iter_lines()

    def resumed(self) -> httpx.Response:
        return self.client.get(f"/ui/chat/{self.id}/stream")

    def stored(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.client.get(f"/ui/chat/{self.id}").json()["messages"]
        return messages


@pytest.fixture(scope="module")
def both(catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Upstream]]:
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("ui") / "data"))
    with scripted.running() as endpoint:
        settings = Settings(
            _env_file=None,
            data_dir=folder,
            shutdown_grace=1,
            openai_api_key="sk-test",
            openai_base_url=endpoint.url,
            openai_model="scripted",
            llm_max_retries=0,
        )
        with serving(settings) as server:
            yield server, endpoint
        assert endpoint.problems == []


@pytest.fixture
def upstream(both: tuple[Server, Upstream]) -> Upstream:
    both[1].replies.clear()
    both[1].requests.clear()
    return both[1]


@pytest.fixture
def client(both: tuple[Server, Upstream]) -> Iterator[httpx.Client]:
    with both[0].client() as client:
        yield client


def kinds(message: dict[str, Any]) -> list[str]:
    return [part["type"] for part in message["parts"]]


def said(message: dict[str, Any]) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def test_an_answer_is_the_same_live_resumed_and_stored(client: httpx.Client, upstream: Upstream) -> None:
    gate = Gate()
    thought = [chunk({"reasoning_content": "Hm. "}), chunk({"reasoning_content": "Yes."})]
    end = text("It is ", "“Heat”.\n", "A classic.").pieces
    wrong = call("search_movies", {"query": 5, "limit": "many"}, "call_2", 1)
    upstream.queue(calls(MOVIES, wrong, say="Let me look."), Reply([*thought, *list(end)[:2], gate, *list(end)[2:]]))
    chat = Chat(client)
    assert chat.resumed().status_code == 204
    chat.say("is Heat any good?")
    with chat.posting() as lines:
        live = []
        for line in lines:
            live.append(line)
            if "It is " in line:
                break
        with client.stream("GET", f"/ui/chat/{chat.id}/stream") as again:
            resumed = again.iter_lines()
            begun = [next(resumed) for _ in live]
            assert begun == live
            gate.open()
            live += list(lines)
            begun += list(resumed)
    assert begun == live
    message = rebuilt(chunks_of("\n".join(live)))
    assert kinds(message) == [
        "step-start", "text", "dynamic-tool", "dynamic-tool", "step-start", "reasoning", "text"
    ]  # fmt: skip
    first, second = message["parts"][2:4]
    assert (first["toolName"], first["input"]["query"], first["state"]) == ("search_movies", "Heat", "output-available")
    assert first["output"]["movies"][0]["title"] == "Heat"
    assert (second["state"], second["providerExecuted"]) == ("output-error", True)
    assert said(message) == "Let me look.It is “Heat”.\nA classic."
    assert chat.stored()[1:] == [message]
    assert chat.resumed().status_code == 204
    [session] = client.get("/sessions", params={"q": "Heat"}).json()["data"]
    assert session["id"] == message["metadata"]["sessionId"]


def test_a_chat_goes_on_and_may_be_any_session(client: httpx.Client, upstream: Upstream) -> None:
    session = new_session(client)
    chat = Chat(client, session)
    upstream.queue(text("One."), text("Two."))
    assert chat.send("first")[-1] == {"type": "finish", "finishReason": "stop"}
    chat.send("second")
    assert [(entry["role"], entry["content"]) for entry in history(client, session)] == [
        ("user", "first"), ("assistant", "One."), ("user", "second"), ("assistant", "Two."),
    ]  # fmt: skip
    assert [message["parts"] for message in chat.stored()] == [message["parts"] for message in chat.messages]
    assert chat.stored()[3] == chat.messages[3]


def test_stopping_ends_in_abort_and_leaving_stops_nothing(
    both: tuple[Server, Upstream], client: httpx.Client, upstream: Upstream
) -> None:
    upstream.queue(Reply([chunk({"content": "Well, "}), HANG]))
    chat = Chat(client)
    chat.say("hello")
    with chat.posting() as lines:
        next(line for line in lines if "Well, " in line)
    assert both[0].app.state.marquee.runs.count == 1
    with client.stream("GET", f"/ui/chat/{chat.id}/stream") as again:
        resumed = again.iter_lines()
        seen = [next(resumed)]
        assert client.post(f"/ui/chat/{chat.id}/stop").status_code == 204
        seen += list(resumed)
    chunks = chunks_of("\n".join(seen))
    assert chunks[-1]["type"] == "abort"
    assert chat.stored()[1] == rebuilt(chunks)
    assert said(rebuilt(chunks)) == "Well, "
    wait_for(lambda: both[0].app.state.marquee.runs.count == 0)
    assert client.post(f"/ui/chat/{chat.id}/stop").status_code == 204


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (Reply([b'{"error": {"message": "no"}}'], status=401, content_type="application/json"), "error"),
        (Reply([chunk({"content": "Well, "})]), "error"),
        (text("Well, ", finish="length"), "finish"),
    ],
)
def test_an_answer_that_fails_says_so(client: httpx.Client, upstream: Upstream, reply: Reply, end: str) -> None:
    upstream.queue(reply)
    last = Chat(client).send("hello")[-1]
    assert last["type"] == end
    assert last.get("finishReason", "length") == "length"
    assert "secret" not in last.get("errorText", "")


def test_the_latest_message_is_answered_anew_or_edited(client: httpx.Client, upstream: Upstream) -> None:
    upstream.queue(text("One."), text("Two."), text("Two again."), text("Three."))
    chat = Chat(client)
    chat.send("first")
    chat.send("second")
    older = chat.messages[:1]
    refused = client.post("/ui/chat", json=chat.body(messages=older, trigger="regenerate-message"))
    assert is_problem(refused, 409, "conflict")
    answered = chat.messages.pop()
    chat.post(trigger="regenerate-message", messageId=answered["id"])
    assert said(chat.messages[-1]) == "Two again."
    del chat.messages[-2:]
    edited = chat.say("third")
    chat.post(messageId=edited["id"])
    assert [said(message) for message in chat.stored()] == ["first", "One.", "third", "Three."]
    assert chat.stored()[-1] == chat.messages[-1]
    sent = [(entry["role"], entry["content"]) for entry in upstream.requests[-1]["messages"][1:]]
    assert sent == [("user", "first"), ("assistant", "One."), ("user", "third")]


@pytest.mark.parametrize("given", [{"seat": 7}, None])
def test_the_clients_tools_are_its_own_to_carry_out(client: httpx.Client, upstream: Upstream, given: Any) -> None:
    """Beside one of ours in one step; the message goes on where it stopped, and a resumed one has all of it."""
    gate = Gate()
    seats = call("pick_seat", {"rows": 3}, "call_2", 1)
    upstream.queue(calls(MOVIES, seats), calls(call("pick_seat", {"rows": 4}, "call_2")))
    upstream.queue(Reply([chunk({"content": "Seat "}), gate, *text("seven.").pieces]))
    chat = Chat(client, actions=[SEATS])
    assert chat.send("a seat for Heat")[-1] == {"type": "finish", "finishReason": "tool-calls"}
    message = chat.messages[-1]
    assert chat.stored()[-1] == message
    ours, asked = message["parts"][1:]
    assert (ours["state"], ours["providerExecuted"]) == ("output-available", True)
    assert (asked["type"], asked["input"], asked["state"]) == ("tool-pick_seat", {"rows": 3}, "input-available")
    assert "providerExecuted" not in asked
    waiting = client.post("/ui/chat", json=chat.body(messageId=message["id"]))
    assert is_problem(waiting, 409, "conflict")
    told = {"state": "output-available", "output": given} if given else {"state": "output-error", "errorText": "full"}
    asked.update(told)
    assert chat.post(message, messageId=message["id"])[-1] == {"type": "finish", "finishReason": "tool-calls"}
    assert chat.stored()[-1] == message
    message["parts"][-1].update(told)
    with chat.posting(messageId=message["id"]) as lines:
        live = [next(lines)]
        with client.stream("GET", f"/ui/chat/{chat.id}/stream") as again:
            resumed = again.iter_lines()
            seen = [next(resumed)]
            gate.open()
            seen += list(resumed)
        live += list(lines)
    rebuilt(chunks_of("\n".join(live)), message)
    assert kinds(message) == [
        "step-start", "dynamic-tool", "tool-pick_seat", "step-start", "tool-pick_seat", "step-start", "text"
    ]  # fmt: skip
    assert rebuilt(chunks_of("\n".join(seen))) == message == chat.stored()[-1]
    result = json.loads(upstream.requests[-1]["messages"][-1]["content"])
    assert result == (given or {"error": "full"})
    again_handed_in = client.post("/ui/chat", json=chat.body(messageId=message["id"]))
    assert is_problem(again_handed_in, 409, "conflict")


def test_a_chat_that_is_not_known_brings_its_texts_along(client: httpx.Client, upstream: Upstream) -> None:
    upstream.queue(text("Fine."))
    chat = Chat(client)
    chat.messages = [
        {"id": "s", "role": "system", "parts": [{"type": "text", "text": "Speak like a pirate."}]},
        {"id": "a", "role": "user", "parts": [{"type": "text", "text": "hello"}]},
        {"id": "b", "role": "assistant", "parts": [{"type": "step-start"}, {"type": "text", "text": "Ahoy."}]},
    ]
    chat.send("how are you?")
    system, *sent = upstream.requests[-1]["messages"]
    assert "Speak like a pirate." in system["content"]
    assert [entry["content"] for entry in sent] == ["hello", "Ahoy.", "how are you?"]


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"id": None}, "body.id"),
        ({"id": "a/b"}, "body.id"),
        ({"messages": []}, "body.messages"),
        ({"messages": [{"id": "a", "role": "user", "parts": []}]}, "body.messages.0"),
        ({"messages": [{"id": "a", "role": "system", "parts": [{"type": "text", "text": "x"}]}]}, "body.messages.0"),
        ({"messages": [{"id": "a", "role": "user", "content": "v4"}]}, "body.messages.0.parts"),
        ({"messages": [{"id": "a", "role": "user", "parts": [{"type": "file"}]}]}, "body.messages.0.parts.0"),
        ({"trigger": "resume"}, "body.trigger"),
        ({"actions": [{"name": "no spaces", "parameters": {"type": "object"}}]}, "body.actions.0.name"),
        ({"actions": [{"name": "x", "parameters": {"type": "object", "properties": 1}}]}, "body.actions.0.parameters"),
    ],
)
def test_bad_input_is_refused_by_name(client: httpx.Client, changed: dict[str, Any], path: str) -> None:
    chat = Chat(client)
    chat.say("hello")
    refused = client.post("/ui/chat", json=chat.body(**changed))
    assert is_problem(refused, 422, "validation_error")
    assert any(error["path"].startswith(path) for error in refused.json()["errors"]), refused.text
    assert client.get(f"/ui/chat/{chat.id}").json()["messages"] == []


def test_what_is_no_chat_is_refused(client: httpx.Client) -> None:
    chat = Chat(client, "ses_none")
    chat.say("hello")
    answers = [
        client.post("/ui/chat", json=chat.body()),
        client.post("/ui/chat/ses_none/stop"),
        client.get("/ui/chat/ses_none"),
        chat.resumed(),
    ]
    assert all(is_problem(answer, 404, "not_found") for answer in answers)
    half = json.dumps(Chat(client).body(messages=[{**chat.messages[0], "parts": [{"type": "text", "text": "\ud800"}]}]))
    for content in ("[1]", "{", '"x"', "", half):
        answer = client.post("/ui/chat", content=content, headers={"Content-Type": "application/json"})
        assert is_problem(answer, 422, "validation_error")
    called = client.post("/ui/chat", json=Chat(client, actions=[{**SEATS, "name": "search_movies"}]).body(messages=[
        {"id": "a", "role": "user", "parts": [{"type": "text", "text": "x"}]}
    ]))  # fmt: skip
    assert is_problem(called, 409, "conflict")
