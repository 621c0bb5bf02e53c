"""The Python clients: `python clients.py NAME URL`, then the name of a step a line on standard input. See play.py."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
TOWN = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
WEATHER: Any = {"type": "function", "function": {"name": "weather", "description": "Of a town", "parameters": TOWN}}


class OpenAIClient:
    """openai for Python: `create`, the helper that streams, and a loop of tools as its documentation has it."""

    def __init__(self, url: str) -> None:
        self.openai = library("openai").OpenAI(base_url=f"{url}/v1", api_key="none")
        self.completions = self.openai.chat.completions

    def create(self, **more: Any) -> Any:
        return self.completions.create(**{"model": "scripted", "messages": HELLO, **more})

    def texts(self, **more: Any) -> Iterator[str]:
        with self.create(stream=True, **more) as stream:
            yield from (chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

    def whole(self) -> dict[str, Any]:
        return {"text": self.create().choices[0].message.content}

    def stream(self) -> dict[str, Any]:
        with self.completions.stream(model="scripted", messages=HELLO) as stream:
            return {"text": stream.get_final_completion().choices[0].message.content}

    def tools(self) -> dict[str, Any]:
        with self.completions.stream(model="scripted", messages=HELLO, tools=[WEATHER]) as stream:
            message = stream.get_final_completion().choices[0].message
        given = [json.loads(call.function.arguments) for call in message.tool_calls]
        results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in message.tool_calls]
        messages = [*HELLO, message.model_dump(exclude_none=True), *results]
        return {"text": "".join(self.texts(messages=messages, tools=[WEATHER])), "given": given}

    def refused(self) -> None:
        self.whole()

    def broken(self) -> None:
        list(self.texts())

    def cancel(self) -> None:
        next(text for text in self.texts() if text)

    def resume(self) -> dict[str, Any]:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        begun = next(text for text in self.texts(extra_headers=headers) if text)
        left()
        return {"text": "".join(self.texts(extra_headers=headers)), "begun": begun}

    def responses(self) -> dict[str, Any]:
        """A response by the helper that streams, and the rest of it behind each of its events."""
        responses = self.openai.responses
        with responses.stream(model="scripted", input="hello", background=True) as stream:
            seen = [(event.sequence_number, event.type) for event in stream]
            made = stream.get_final_response()
        for number, _ in seen:
            rest = responses.retrieve(made.id, stream=True, starting_after=number)
            assert [(event.sequence_number, event.type) for event in rest] == seen[number + 1 :], number
        return {"text": made.output_text, "cursors": len(seen)}


class LiteLLM(OpenAIClient):
    """litellm, as one of OpenAI's."""

    def __init__(self, url: str) -> None:
        self.litellm = library("litellm")
        self.litellm.suppress_debug_info = True
        self.whereto = {"model": "openai/scripted", "api_base": f"{url}/v1", "api_key": "none"}

    def create(self, **more: Any) -> Any:
        return self.litellm.completion(**{**self.whereto, "messages": HELLO, **more})

    def texts(self, **more: Any) -> Iterator[str]:
        stream = self.create(stream=True, **more)
        try:
            yield from (chunk.choices[0].delta.content or "" for chunk in stream)
        finally:
            stream.completion_stream.response.close()

    def stream(self) -> dict[str, Any]:
        return {"text": "".join(self.texts())}

    def tools(self) -> dict[str, Any]:
        chunks = list(self.create(stream=True, tools=[WEATHER]))
        message = self.litellm.stream_chunk_builder(chunks, messages=HELLO).choices[0].message
        given = [json.loads(call.function.arguments) for call in message.tool_calls]
        results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in message.tool_calls]
        messages = [*HELLO, message.model_dump(exclude_none=True), *results]
        return {"text": "".join(self.texts(messages=messages, tools=[WEATHER])), "given": given}


class LangChain(OpenAIClient):
    """langchain-openai: `invoke`, `stream`, and its messages for a loop of tools."""

    def __init__(self, url: str) -> None:
        self.url = url

    def model(self, **more: Any) -> Any:
        made = library("langchain_openai").ChatOpenAI
        return made(model="scripted", base_url=f"{self.url}/v1", api_key="none", **more)

    def texts(self, extra_headers: dict[str, str] | None = None, **_: Any) -> Iterator[str]:
        yield from (chunk.content for chunk in self.model(default_headers=extra_headers).stream("hello"))

    def whole(self) -> dict[str, Any]:
        return {"text": self.model().invoke("hello").content}

    def stream(self) -> dict[str, Any]:
        return {"text": "".join(self.texts())}

    def tools(self) -> dict[str, Any]:
        kinds = library("langchain_core.messages")
        model = self.model().bind_tools([WEATHER])
        first, *rest = model.stream("hello")
        for chunk in rest:
            first += chunk
        results = [kinds.ToolMessage("sunny", tool_call_id=call["id"]) for call in first.tool_calls]
        answer = model.invoke([kinds.HumanMessage("hello"), first, *results])
        return {"text": answer.content, "given": [call["args"] for call in first.tool_calls]}


class Llm(OpenAIClient):
    """simonw's llm, by the file that names other endpoints."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.home = Path(mkdtemp())
        os.environ |= {"LLM_USER_PATH": str(self.home), "OPENAI_API_KEY": "none"}

    def model(self, headers: dict[str, str] | None = None) -> Any:
        names = {"model_id": "marquee", "model_name": "scripted", "api_base": f"{self.url}/v1"}
        entry: dict[str, Any] = {**names, "supports_tools": True, **({"headers": headers} if headers else {})}
        (self.home / "extra-openai-models.yaml").write_text(json.dumps([entry]))  # JSON is YAML
        return library("llm").get_model("marquee")

    def texts(self, extra_headers: dict[str, str] | None = None, **_: Any) -> Iterator[str]:
        yield from self.model(extra_headers).prompt("hello", stream=True)

    def whole(self) -> dict[str, Any]:
        return {"text": self.model().prompt("hello", stream=False).text()}

    def stream(self) -> dict[str, Any]:
        return {"text": "".join(self.texts())}

    def tools(self) -> dict[str, Any]:
        given = []

        def weather(town: str) -> str:
            """Of a town."""
            given.append({"town": town})
            return "sunny"

        return {"text": "".join(self.model().chain("hello", tools=[weather])), "given": given}

    def cancel(self) -> None:
        """By the command, which somebody stops with Ctrl-C; the library keeps the connection."""
        self.model()
        arguments = [str(Path(sys.executable).with_name("llm")), "-m", "marquee", "hello"]
        with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as command:
            assert command.stdout is not None
            command.stdout.read(5)
            command.send_signal(signal.SIGINT)


def library(name: str) -> Any:
    return importlib.import_module(name)


def left() -> None:
    print(json.dumps({"left": True}), flush=True)


def play(client: OpenAIClient, steps: Iterable[str]) -> None:
    """Each step, and what came of it, a line."""
    for step in steps:
        try:
            told = getattr(client, step.strip())() or {}
        except Exception as error:  # noqa: BLE001  whatever a client raises is what is told
            told = {"raised": type(error).__name__, "message": str(error)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    kinds = {"openai": OpenAIClient, "litellm": LiteLLM, "langchain": LangChain, "llm": Llm}
    play(kinds[sys.argv[1]](sys.argv[2]), sys.stdin)
