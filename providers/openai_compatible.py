"""An OpenAI-compatible endpoint as a provider: requests, deadlines, retries before the first byte, errors as ours.

The SDK does what it does well (authentication, headers, proxies, errors); its raw response is read by chunks.py.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2  # what openai 3 speaks HTTP with, over aiohttp
from loguru import logger
from openai import AsyncOpenAI, DefaultAioHttpClient, OpenAIError
from pydantic import JsonValue

from errors import ParameterRefused, RunFailed, UpstreamTimeout, UpstreamUnavailable
from logs import REQUEST_ID
from providers.base import ChatMessage, ChatRequest, Delta, LastAnswer, ToolRequest, ToolSpec
from providers.chunks import ChunkReader
from providers.failures import BROKEN, NOTHING, Asked, bound_body, failure, may_pass, timed_out, too_slow
from providers.model_list import listed_models
from providers.pacing import Deadline, Pace
from providers.prompts import JSON_ALONE
from providers.text_calls import TextReader
from schemas import Sampling
from settings import DEFAULT_BASE_URL, Settings
from storage.records import utc_now
from telemetry.base import OFF, Metrics

FIRST_RETRY_SECONDS = 0.5
AFTER_FINISH_SECONDS = 5.0  # how long to wait for the usage once the finish reason is known

_BROKE_OFF = "The connection to the model broke off in the middle of its answer."
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")


class OpenAIProvider:
    """OpenAI, Ollama, vLLM, llama.cpp, LM Studio, OpenRouter and whatever else speaks chat completions."""

    name = "openai"
    reads_prompt = True

    def __init__(self, settings: Settings, metrics: Metrics = OFF) -> None:
        self._settings, self._metrics = settings, metrics
        self.default_model = settings.openai_model
        self.last_answer: LastAnswer | None = None
        self._key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else None
        self._pace = Pace()
        self._without_schemas: set[str] = set()  # models whose endpoint knows `json_object` alone
        self._client = AsyncOpenAI(
            api_key=self._key or "none",
            base_url=settings.address,
            default_headers=_basic_auth(settings),
            organization=settings.openai_org_id,
            project=settings.openai_project_id,
            max_retries=0,  # ours below: the SDK would wait two minutes for a Retry-After
            timeout=_timeout(settings),
            http_client=DefaultAioHttpClient(
                follow_redirects=False,
                timeout=_timeout(settings),
                event_hooks={"request": [_name_request], "response": [self._bound_error]},
            ),
        )

    async def models(self) -> list[str]:
        """Ids that the endpoint lists.

        Raises:
            RunFailed: It does not answer, or not in time.
        """
        try:
            return await listed_models(self._client, self._settings.llm_connect_timeout)
        except RunFailed as error:
            raise self._told(error, "models") from None

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Stream one completion; closing the generator closes the connection.

        Raises:
            RunFailed: The endpoint failed, refused, fell silent or broke off.
        """
        asked_at, begun = time.monotonic(), False
        try:
            response = await self._open(request)
            try:
                text = TextReader.of(request)
                with self._pace.reading():
                    async for delta in self._read(response):
                        if not begun:
                            begun = True
                            self._note_answer(asked_at)
                        for meant in text.read(delta):
                            yield meant
            finally:
                await response.aclose()
        except RunFailed as error:
            told = self._told(error, "chat/completions", request.model)
            self._note_answer(asked_at, told)
            raise told from None

    async def close(self) -> None:
        await self._client.close()

    def _note_answer(self, asked_at: float, error: RunFailed | None = None) -> None:
        """Keep when and how the endpoint answered, for who asks for the state of the service."""
        self.last_answer = LastAnswer(utc_now(), int((time.monotonic() - asked_at) * 1000), error)

    def _told(self, error: RunFailed, path: str, model: str | None = None) -> RunFailed:
        """The error with address and model in its detail; what the provider said is in the log."""
        self._metrics.upstream_failed(error.code, retried=False)
        asked = Asked(self._settings.address, model, self._key)
        logger.warning("The provider failed: {}, {}/{}: {}", error.code, asked.name, path, asked.redacted(error.said))
        return asked.named(error)

    async def _open(self, request: ChatRequest) -> httpx2.Response:
        """The response with its body unread. A schema that the endpoint does not take goes into the prompt instead."""
        asked = request.response_format
        if asked is None:
            return await self._send(request, None)
        if request.model not in self._without_schemas:
            try:
                return await self._send(request, asked.model_dump(mode="json", by_alias=True, exclude_none=True))
            except ParameterRefused as refused:
                if not _names_the_format(refused):
                    raise
                logger.info("The endpoint takes no json_schema; the schema goes into the prompt")
        schema = asked.json_schema.json_schema
        response = await self._send(_with_schema_in_prompt(request, schema), {"type": "json_object"})
        self._without_schemas.add(request.model)
        return response

    async def _send(self, request: ChatRequest, form: dict[str, Any] | None) -> httpx2.Response:
        """The response with its body unread, after retries where the failure may pass."""
        body = _body(request, self._settings)
        if form is not None:
            body["response_format"] = form
        for attempt in range(self._settings.llm_max_retries + 1):
            try:
                raw = await self._client.chat.completions.with_raw_response.create(
                    model=request.model, messages=(), stream=True, extra_body=body
                )  # as an extra, or the SDK rebuilds it entry by entry by its types: 0.2 ms for each message
            except (OpenAIError, *BROKEN) as error:
                failed = failure(error, self._settings.llm_first_token_timeout)
                delay = self._delay(error, failed, attempt)
                if delay is None:
                    raise failed from None
                self._metrics.upstream_failed(failed.code, retried=True)
                said = Asked(self._settings.address, request.model, self._key).redacted(failed.said)
                logger.info("The provider failed ({}); trying again in {:.1f} s. {}", failed.code, delay, said)
                await asyncio.sleep(delay)
            else:
                response: httpx2.Response = raw.http_response
                return response
        raise UpstreamUnavailable

    def _delay(self, error: Exception, failed: RunFailed, attempt: int) -> float | None:
        """Seconds until the next attempt; None where there is no use in one."""
        if attempt >= self._settings.llm_max_retries or not may_pass(error, failed):
            return None
        wait = failed.retry_after if failed.retry_after is not None else FIRST_RETRY_SECONDS * 2**attempt
        return wait if wait <= self._settings.llm_max_retry_after else None

    async def _read(self, response: httpx2.Response) -> AsyncGenerator[Delta, None]:
        """Deltas of a response body. Keep-alive comments are no sign of life; before the first token, nothing is."""
        _refuse_web_page(response)
        idle = self._settings.llm_idle_timeout
        reader = ChunkReader()
        blocks, now = _blocks(response), asyncio.get_running_loop().time
        deadline, at = Deadline(), now() + self._settings.llm_first_token_timeout
        try:
            while not reader.done:
                block = await self._next(blocks, deadline, at, reader)
                if block is None:
                    break
                before = reader.events
                for delta in reader.feed(block):
                    yield delta
                if self._pace.wants_pause(block):
                    await self._pace.pause()
                if reader.events > before and (reader.begun or reader.finished):
                    at = now() + (min(idle, AFTER_FINISH_SECONDS) if reader.finished else idle)
        finally:
            deadline.close()
        for delta in reader.end():
            yield delta

    async def _next(self, blocks: Any, deadline: Deadline, at: float, reader: ChunkReader) -> bytes | None:
        """The next bytes; None at the end, which a broken connection is too once the finish reason is known."""
        try:
            block: bytes | None = await deadline.wait(anext(blocks, None), at)
        except BROKEN as error:
            if reader.finished:
                return None
            raise self._broken(error, reader) from None
        return block

    def _broken(self, error: Exception, reader: ChunkReader) -> RunFailed:
        """The error of a body that came to no end."""
        if not timed_out(error):
            return UpstreamUnavailable(NOTHING if reader.silent else _BROKE_OFF)
        if not reader.begun:
            return too_slow(self._settings.llm_first_token_timeout)
        seconds = self._settings.llm_idle_timeout
        return UpstreamTimeout(f"The model fell silent in the middle of its answer for {seconds:g} s.")

    async def _bound_error(self, response: httpx2.Response) -> None:
        if not response.is_success:
            bound_body(response, self._settings.llm_idle_timeout)


async def _name_request(request: httpx2.Request) -> None:
    """Hand the id of our client's request on, so that the endpoint's log and ours can be read together."""
    if (request_id := REQUEST_ID.get()) is not None:
        request.headers["X-Request-ID"] = request_id


def _basic_auth(settings: Settings) -> dict[str, str] | None:
    """Credentials of the address, which stand where the key would."""
    url = httpx2.URL(settings.base_url)
    if not url.username and not url.password:
        return None
    credentials = f"{url.username}:{url.password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}


def _blocks(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body as it comes; of one that is not encoded through fewer hands for each block."""
    stream = response.stream
    if isinstance(stream, httpx2.AsyncByteStream) and "content-encoding" not in response.headers:
        return aiter(stream)
    return response.aiter_bytes()


def _refuse_web_page(response: httpx2.Response) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        failed = UpstreamUnavailable("The provider's address answers with a web page; is OPENAI_BASE_URL right?")
        failed.said = f"HTTP {response.status_code}, a body of type {kind}"
        raise failed


def _names_the_format(refused: RunFailed) -> bool:
    """True for a refusal of the form that the answer should have."""
    said = refused.said.lower()
    return "response_format" in said or "json_schema" in said


def _with_schema_in_prompt(request: ChatRequest, schema: JsonValue) -> ChatRequest:
    """The same for an endpoint that can be asked for JSON, but not for a schema."""
    told = JSON_ALONE.format(schema=json.dumps(schema, ensure_ascii=False))
    first, *others = request.messages
    if first.role == "system":
        messages = (replace(first, content=first.content + told), *others)
    else:
        messages = (ChatMessage("system", told.strip()), *request.messages)
    return replace(request, messages=messages)


def _timeout(settings: Settings) -> httpx2.Timeout:
    return httpx2.Timeout(
        max(settings.llm_idle_timeout, settings.llm_first_token_timeout), connect=settings.llm_connect_timeout
    )


def _body(request: ChatRequest, settings: Settings) -> dict[str, Any]:
    """The request in OpenAI's words."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": 1}
    if request.tools and request.sampling.tool_choice not in ("auto", "none"):
        body["tool_choice"] = _tool_choice(request.sampling.tool_choice)
    return body | _sampling(request.sampling, settings)


def _sampling(asked: Sampling, settings: Settings) -> dict[str, Any]:
    """The ways of the model's that the request asks for, or else the settings."""
    most = "max_completion_tokens" if settings.base_url == DEFAULT_BASE_URL else "max_tokens"  # as OpenAI renamed it
    ways = {
        "temperature": settings.llm_temperature if asked.temperature is None else asked.temperature,
        "top_p": asked.top_p,
        "stop": list(asked.stop) or None,
        most: settings.llm_max_output_tokens if asked.max_output_tokens is None else asked.max_output_tokens,
    }
    return {name: value for name, value in ways.items() if value is not None}


def _tool_choice(name: str) -> JsonValue:
    return name if name == "required" else {"type": "function", "function": {"name": name}}


def _message(message: ChatMessage) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.content}
    if message.tool_calls:
        calls = [_call(call) for call in message.tool_calls]
        return {"role": "assistant", "content": message.content or None, "tool_calls": calls}
    return {"role": message.role, "content": message.content}


def _call(call: ToolRequest) -> dict[str, Any]:
    """A call as it came, with what the provider wants back."""
    extra: dict[str, Any] = dict(call.extra or {})
    of_function: dict[str, JsonValue] = extra.pop("function", {})
    name = _NOT_IN_NAMES.sub("_", call.name)[:64] or "unknown"  # a name that OpenAI refuses would brick the session
    function = {**of_function, "name": name, "arguments": call.arguments}
    return {**extra, "id": call.call_id, "type": "function", "function": function}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}
