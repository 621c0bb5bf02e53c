"""An OpenAI-compatible endpoint as a provider: requests, deadlines, retries before the first byte, errors as ours.

The SDK does what it does well (authentication, headers, proxies, errors); its raw response is read by chunks.py.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import aiohttp
import httpx2  # what openai 3 speaks HTTP with, over aiohttp
from loguru import logger
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAioHttpClient, OpenAIError
from pydantic import BaseModel, JsonValue, ValidationError

from chunks import ChunkReader, stream_error
from errors import (
    ContentFiltered,
    ContextTooLong,
    RunFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from providers import ChatMessage, ChatRequest, Delta, ToolRequest, ToolSpec
from settings import DEFAULT_BASE_URL, Settings

FIRST_RETRY_SECONDS = 0.5
MAX_ERROR_BYTES = 64_000
AFTER_FINISH_SECONDS = 5.0  # how long to wait for the usage once the finish reason is known
RETRYABLE = frozenset({408, 409, 429, 500, 502, 503, 504})

_BROKEN = (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, OSError)  # what the SDK lets through
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")


class _Model(BaseModel):
    id: str | None = None


class _Models(BaseModel):
    """A list of models, as far as it is read: the SDK's own type takes a web page for one."""

    data: list[_Model | None] | None = None


class OpenAIProvider:
    """OpenAI, Ollama, vLLM, llama.cpp, LM Studio, OpenRouter and whatever else speaks chat completions."""

    name = "openai"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.default_model = settings.openai_model
        self._client = AsyncOpenAI(
            api_key=settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none",
            base_url=settings.base_url,
            organization=settings.openai_org_id,
            project=settings.openai_project_id,
            max_retries=0,  # ours below: the SDK would wait two minutes for a Retry-After
            timeout=_timeout(settings),
            http_client=DefaultAioHttpClient(
                follow_redirects=False, timeout=_timeout(settings), event_hooks={"response": [_bound_error]}
            ),
        )

    async def models(self) -> list[str]:
        """Ids that the endpoint lists.

        Raises:
            RunFailed: It does not answer, or not in time.
        """
        try:
            async with asyncio.timeout(self._settings.llm_connect_timeout):
                raw = await self._client.models.with_raw_response.list()
            page = _Models.model_validate_json(raw.content)
        except (OpenAIError, ValidationError, *_BROKEN) as error:
            raise failure(error) from None
        return sorted(model.id for model in page.data or () if model is not None and model.id)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Stream one completion; closing the generator closes the connection.

        Raises:
            RunFailed: The endpoint failed, refused, fell silent or broke off.
        """
        response = await self._open(request)
        try:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind in ("text/html", "application/xhtml+xml"):
                raise UpstreamUnavailable("The provider's address answers with a web page; is OPENAI_BASE_URL right?")
            async for delta in self._read(response):
                yield delta
        finally:
            await response.aclose()

    async def close(self) -> None:
        await self._client.close()

    async def _open(self, request: ChatRequest) -> httpx2.Response:
        """The response with its body unread, after retries where the failure may pass."""
        body = _body(request, self._settings)
        for attempt in range(self._settings.llm_max_retries + 1):
            try:
                raw = await self._client.chat.completions.with_raw_response.create(
                    model=request.model, messages=(), stream=True, extra_body=body
                )  # as an extra, or the SDK rebuilds it entry by entry by its types: 0.2 ms for each message
            except (OpenAIError, *_BROKEN) as error:
                failed = failure(error)
                delay = self._delay(error, failed, attempt)
                if delay is None:
                    raise failed from None
                logger.info("The provider failed ({}); trying again in {:.1f} s", failed.code, delay)
                await asyncio.sleep(delay)
            else:
                response: httpx2.Response = raw.http_response
                return response
        raise UpstreamUnavailable

    def _delay(self, error: Exception, failed: RunFailed, attempt: int) -> float | None:
        """Seconds until the next attempt; None where there is no use in one."""
        if attempt >= self._settings.llm_max_retries or not _may_pass(error):
            return None
        wait = failed.retry_after if failed.retry_after is not None else FIRST_RETRY_SECONDS * 2**attempt
        return wait if wait <= self._settings.llm_max_retry_after else None

    async def _read(self, response: httpx2.Response) -> AsyncGenerator[Delta, None]:
        """Deltas of a response body. Keep-alive comments are no sign of life."""
        reader = ChunkReader()
        blocks = response.aiter_bytes()
        deadline = time.monotonic() + self._settings.llm_idle_timeout
        while not reader.done:
            block = await _next(blocks, deadline, reader)
            if block is None:
                break
            before = reader.events
            for delta in reader.feed(block):
                yield delta
            await asyncio.sleep(0)  # blocks that are here already come without a wait, and others want their turn
            if reader.events > before:
                idle = self._settings.llm_idle_timeout
                deadline = time.monotonic() + (min(idle, AFTER_FINISH_SECONDS) if reader.finished else idle)
        for delta in reader.end():
            yield delta


class _Bounded(httpx2.AsyncByteStream):
    """The beginning of a body."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for block in self._stream:
            yield block
            size += len(block)
            if size > MAX_ERROR_BYTES:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound_error(response: httpx2.Response) -> None:
    """Bound the body of an error, which the SDK reads to its end."""
    if not response.is_success and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)


async def _next(blocks: Any, deadline: float, reader: ChunkReader) -> bytes | None:
    """The next bytes; None at the end, which a broken connection is too once the finish reason is known."""
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            block: bytes | None = await anext(blocks, None)
    except _BROKEN as error:
        if reader.finished:
            return None
        if _timed_out(error):
            raise UpstreamTimeout("The model fell silent in the middle of its answer.") from None
        raise UpstreamUnavailable("The connection to the model broke off in the middle of its answer.") from None
    return block


def failure(error: Exception) -> RunFailed:
    """The SDK's error as one of ours. Nothing of its text is kept but what we recognise in it."""
    if isinstance(error, APIStatusError):
        return _refusal(error)
    if _timed_out(error):
        return UpstreamTimeout()
    if isinstance(error, APIConnectionError):
        return UpstreamUnavailable()
    return UpstreamUnavailable("The provider's answer could not be understood.")


def _timed_out(error: BaseException | None) -> bool:
    """Whether a timeout is the cause. The transport calls every connection that failed one, so aiohttp is asked."""
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__cause__
    return False


def _refusal(error: APIStatusError) -> RunFailed:
    """The meaning of an HTTP status, and of an error code that says more than it."""
    known, status = stream_error(error.body), error.status_code
    if isinstance(known, ContextTooLong | ContentFiltered) and status < 500:
        return known
    if status == 429:
        return UpstreamRateLimited(retry_after=_retry_after(error))
    if status in {408, 504}:
        return UpstreamTimeout()
    if status >= 500:
        return UpstreamUnavailable(f"The provider failed (HTTP {status}).", _retry_after(error))
    return UpstreamRejected(_REJECTED.get(status, f"The provider refused (HTTP {status})."))


_REJECTED = {
    400: "The provider did not accept the request (HTTP 400); the model may lack tools or structured replies.",
    401: "The provider did not accept the API key (HTTP 401).",
    403: "The provider does not allow this (HTTP 403).",
    404: "The provider has no such model, or OPENAI_BASE_URL is wrong (HTTP 404).",
}


def _may_pass(error: Exception) -> bool:
    if isinstance(error, APIStatusError):
        return error.status_code in RETRYABLE
    return isinstance(error, APIConnectionError) and not _timed_out(error)


def _retry_after(error: APIStatusError) -> int | None:
    """Seconds that the provider asks to wait (RFC 9110, section 10.2.3; dates are not used by any provider we know)."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return math.ceil(seconds) if 0 <= seconds < 86_400 * 7 else None


def _timeout(settings: Settings) -> httpx2.Timeout:
    return httpx2.Timeout(settings.llm_idle_timeout, connect=settings.llm_connect_timeout)


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
    if request.response_format is not None:
        body["response_format"] = request.response_format
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": 1}
    if settings.llm_temperature is not None:
        body["temperature"] = settings.llm_temperature
    if settings.llm_max_output_tokens is not None:  # OpenAI renamed it; the others kept the old name
        name = "max_completion_tokens" if settings.base_url == DEFAULT_BASE_URL else "max_tokens"
        body[name] = settings.llm_max_output_tokens
    return body


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
