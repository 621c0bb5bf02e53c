"""An OpenAI-compatible endpoint on a real socket that answers from a script, and checks what it is sent.

Replies are queued; each request takes the next. Requests are validated by OpenAI's own types and by the rules that
its API enforces on top of them: every tool call answered, no answer without a call.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import ConfigDict, TypeAdapter, with_config

PARAMS: TypeAdapter[Any] = TypeAdapter(
    with_config(ConfigDict(arbitrary_types_allowed=True))(CompletionCreateParamsStreaming)
)


# Replies


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence, in seconds; `HANG` never ends."""

    seconds: float


HANG = Pause(3600.0)


class Reset:
    """The connection is reset here."""


RESET = Reset()


class Gate:
    """The answer stops here until the test opens the gate; `reached` tells the test that it has come so far."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened: Future[None] = Future()

    def open(self) -> None:
        if not self.opened.done():
            self.opened.set_result(None)


Piece = bytes | Pause | Reset | Gate


@dataclass(slots=True)
class Reply:
    """What one request gets: a status, headers, and pieces of body with pauses and gates between them.

    With status 0 the pieces are all that is sent, the status line included.
    """

    pieces: Iterable[Piece]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"
    length: int | None = None


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **top: Any) -> bytes:
    """One event with a `chat.completion.chunk`."""
    choice = {"index": 0, "delta": delta if delta is not None else {}, "finish_reason": finish}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "scripted",
        "choices": [choice],
        **top,
    }
    return event(json.dumps(body, ensure_ascii=False))


def event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


DONE = event("[DONE]")


def usage(prompt: int = 10, completion: int = 5) -> bytes:
    return chunk(choices=[], usage={"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 15})


def text(*parts: str, finish: str = "stop") -> Reply:
    """An answer in so many deltas."""
    return Reply([*(chunk({"content": part}) for part in parts), chunk(finish=finish), usage(), DONE])


def call(name: str, arguments: Any, call_id: str = "call_1", index: int = 0) -> dict[str, Any]:
    """A whole tool call as a delta's entry."""
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": raw}}


def calls(*entries: dict[str, Any], say: str = "", split: int = 0) -> Reply:
    """Tool calls, each in one delta or its arguments split into pieces of `split` characters."""
    pieces = [chunk({"content": say})] if say else []
    for entry in entries:
        raw = entry["function"]["arguments"]
        if not split:
            pieces.append(chunk({"tool_calls": [entry]}))
            continue
        first = {**entry, "function": {"name": entry["function"]["name"], "arguments": ""}}
        pieces.append(chunk({"tool_calls": [first]}))
        for start in range(0, len(raw), split):
            part = {"index": entry["index"], "function": {"arguments": raw[start : start + split]}}
            pieces.append(chunk({"tool_calls": [part]}))
    return Reply([*pieces, chunk(finish="tool_calls"), usage(), DONE])


def error(status: int, code: str = "error", message: str = "secret upstream words", **headers: str) -> Reply:
    body = json.dumps({"error": {"message": message, "type": code, "code": code}})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply([body.encode()], status, named, "application/json")


# Small models and their servers

CHARS_PER_TOKEN = 4  # as our prompt and tools have it in today's vocabularies


@dataclass(frozen=True)
class SmallModel:
    """A model that does what small ones do wrong.

    It calls `tool` once, or for ever with `loops`, as long as it is offered tools; an argument for which nothing is
    `given` it fills with `filler`. `form`: of a call, with `{}` for the JSON object; native where it is empty.
    """

    tool: str
    given: dict[str, Any]
    filler: Any = None
    form: str = ""
    loops: bool = False

    def __call__(self, request: dict[str, Any]) -> Reply:
        tools = {entry["function"]["name"]: entry["function"] for entry in request.get("tools") or ()}
        if not tools or (request["messages"][-1]["role"] == "tool" and not self.loops):
            return text("This is ", "what I found.")
        properties = tools[self.tool]["parameters"]["properties"] if self.tool in tools else {}
        arguments = dict.fromkeys(properties, self.filler) | self.given
        if not self.form:
            return calls(call(self.tool, arguments))
        said = self.form.replace("{}", json.dumps({"name": self.tool, "arguments": arguments}))
        return text(*(said[at : at + 3] for at in range(0, len(said), 3)))


@dataclass(frozen=True)
class Window:
    """A server that gives its model so many tokens of context: what is longer it cuts, refuses, or leaves unanswered.

    `lost`: the answer of the model where it has not seen the question.
    """

    model: Callable[[dict[str, Any]], Reply]
    manner: str
    tokens: int = 4_096
    lost: Reply = field(default_factory=lambda: calls(call("search_movies", {"query": "?"})))

    def __call__(self, request: dict[str, Any]) -> Reply:
        counted = len(json.dumps([request["messages"], request.get("tools")])) // CHARS_PER_TOKEN
        if counted <= self.tokens:
            return _counting(self.model(request), counted)
        if self.manner == "refuses":
            words = f"request ({counted} tokens) exceeds the available context size ({self.tokens} tokens)"
            return error(400, "exceed_context_size_error", words)
        return Reply([]) if self.manner == "is silent" else _counting(self.lost, self.tokens)


def _counting(reply: Reply, prompt: int) -> Reply:
    """The reply with another count of the prompt's tokens."""
    return Reply([usage(prompt) if piece == usage() else piece for piece in reply.pieces])


# The server


class Upstream:
    """The endpoint. `requests` holds the bodies it was sent, `open` how many answers are being sent right now."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.problems: list[str] = []
        self.replies: deque[Reply | Callable[[dict[str, Any]], Reply]] = deque()
        self.otherwise: Reply | Callable[[dict[str, Any]], Reply] | None = None
        self.models: list[str] = ["scripted", "other"]
        self.instead_of_models: Reply | None = None
        self.embed: Callable[[str], list[float]] | None = None
        self.open = 0
        self.closed_early: list[float] = []  # when, by the monotonic clock
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def queue(self, *replies: Reply | Callable[[dict[str, Any]], Reply]) -> None:
        """What the next requests get, in order."""
        self.replies.extend(replies)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens on the port meanwhile."""
        self._run(self._stop_listening())
        try:
            yield
        finally:
            self._run(self._listen())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self.handle, "127.0.0.1", self.port, limit=2**24)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (request := await _read_request(reader)) is not None:
                method, path, headers, body = request
                reply = self._reply(method, path, headers, body)
                await self._send(reader, writer, reply)
                if reply.length is None:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _reply(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        if path.endswith("/models") and self.instead_of_models is not None:
            return self.instead_of_models
        if path.endswith("/models"):
            data = [{"id": name, "object": "model", "created": 1, "owned_by": "us"} for name in self.models]
            return _json({"object": "list", "data": data})
        if path.endswith("/embeddings") and self.embed is not None:
            texts = json.loads(body)["input"]
            data = [{"object": "embedding", "index": at, "embedding": self.embed(it)} for at, it in enumerate(texts)]
            return _json(
                {"object": "list", "data": data, "model": "e", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
            )
        if not path.endswith("/chat/completions") or method != "POST":
            return _json({"error": {"message": "no such route"}}, 404)
        request = json.loads(body)
        self.requests.append(request)
        self.headers.append(headers)
        self.problems += check(request)
        reply = self.replies.popleft() if self.replies else self.otherwise or error(500, "script_is_empty")
        return reply(request) if callable(reply) else reply

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Reply) -> None:
        headers = {"content-type": reply.content_type, **reply.headers}
        headers |= {"content-length": str(reply.length)} if reply.length is not None else {"connection": "close"}
        head = f"HTTP/1.1 {reply.status} Scripted\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items())
        if reply.status:
            writer.write(head.encode() + b"\r\n")
        self.open += 1
        gone = asyncio.ensure_future(reader.read(1)) if reply.length is None else None
        try:
            for piece in reply.pieces:
                if isinstance(piece, Reset):
                    writer.transport.abort()
                    return
                if isinstance(piece, Gate | Pause):
                    if await (_sleep(piece.seconds, gone) if isinstance(piece, Pause) else _pass(piece, gone)):
                        self.closed_early.append(time.monotonic())
                        return
                    continue
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            self.closed_early.append(time.monotonic())
            raise
        finally:
            self.open -= 1
            if gone is not None:
                gone.cancel()


async def _sleep(seconds: float, gone: asyncio.Future[bytes] | None) -> bool:
    """Pause; True at once when the client leaves meanwhile."""
    if gone is None:
        await asyncio.sleep(seconds)
        return False
    done, _ = await asyncio.wait({gone}, timeout=seconds)
    return bool(done)


async def _pass(gate: Gate, gone: asyncio.Future[bytes] | None) -> bool:
    """Wait for the gate; True at once when the client leaves meanwhile."""
    gate.reached.set()
    opened = asyncio.wrap_future(gate.opened)
    waited: set[asyncio.Future[Any]] = {opened, gone} if gone else {opened}
    done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    return opened not in done


def _json(value: Any, status: int = 200) -> Reply:
    body = json.dumps(value).encode()
    return Reply([body], status, content_type="application/json", length=len(body))


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes] | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
    return method, path, headers, await reader.readexactly(int(headers.get("content-length", 0)))


@contextmanager
def running() -> Iterator[Upstream]:
    """The endpoint on a free port of the loopback interface, in a thread of its own."""
    upstream = Upstream()
    loop = upstream._loop
    stop, ready = asyncio.Event(), threading.Event()

    async def serve() -> None:
        await upstream._listen()
        ready.set()
        await stop.wait()
        await upstream._stop_listening()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield upstream
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


# What OpenAI would refuse


def check(request: dict[str, Any]) -> list[str]:
    """What is wrong with a request, by OpenAI's types and by its rules for tool calls."""
    problems = []
    try:
        PARAMS.validate_python(request, strict=False)
    except ValueError as failure:
        problems.append(str(failure))
    unknown = set(request) - set(CompletionCreateParamsStreaming.__annotations__) - _INHERITED
    problems += [f"unknown parameter {name}" for name in sorted(unknown)]
    return problems + list(_check_calls(request["messages"])) + list(_check_tools(request.get("tools")))


_INHERITED = {
    name for base in CompletionCreateParamsStreaming.__mro__ for name in getattr(base, "__annotations__", {})
} | {
    "messages", "model", "frequency_penalty", "logprobs", "max_completion_tokens", "max_tokens", "parallel_tool_calls",
    "response_format", "stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs",
}  # fmt: skip


def _check_calls(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Each assistant's calls are answered at once, each by one tool message, and none answers nothing."""
    waiting: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                yield f"tool message for {message['tool_call_id']}, which was not called"
            waiting.discard(message["tool_call_id"])
            continue
        if waiting:
            yield f"{sorted(waiting)} not answered before a {message['role']} message"
        waiting = {entry["id"] for entry in message.get("tool_calls") or ()}
        yield from _check_message(message)
    if waiting:
        yield f"{sorted(waiting)} never answered"


def _check_message(message: dict[str, Any]) -> Iterator[str]:
    called = message.get("tool_calls") or ()
    if len({entry["id"] for entry in called}) < len(called):
        yield "two calls with one id"
    if not all(isinstance(json.loads(entry["function"]["arguments"]), dict) for entry in called):
        yield "arguments that are not an object"
    for entry in called:
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", entry["function"]["name"]):
            yield f"a call of {entry['function']['name']!r}"
    if not message.get("content") and not called:
        yield f"an empty {message['role']} message"


def _check_tools(tools: list[dict[str, Any]] | None) -> Iterator[str]:
    names = [entry["function"]["name"] for entry in tools or ()]
    if len(set(names)) < len(names):
        yield "two tools with one name"
    for entry in tools or ():
        function = entry["function"]
        if function["parameters"].get("type") != "object":
            yield f"{function['name']}: parameters are no object"
        if not function.get("description") or len(function["description"]) > 1024:
            yield f"{function['name']}: no description, or one too long"
