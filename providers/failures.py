"""A provider's failures as errors of ours; and what of its own words may stand in the log.

A client reads our words, the address and the model. The provider's text is for the log alone, bounded and redacted.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx2  # what openai 3 speaks HTTP with, over aiohttp
from openai import APIConnectionError, APIStatusError

from errors import (
    ContentFiltered,
    ContextTooLong,
    ParameterRefused,
    RunFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from text import one_line

MAX_LOGGED_CHARS = 2_000
MAX_ERROR_BYTES = 64_000
MIN_SECRET_CHARS = 4  # local servers take any key, and people give them `x`
RETRYABLE = frozenset({408, 409, 429, 500, 502, 503, 504})
BROKEN = (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, OSError)  # what the SDK lets through
NOTHING = (
    "The model's server answered with nothing at all. Most likely the conversation is longer than the context that it "
    "was started with: set LLM_CONTEXT_TOKENS to that, or start it with a larger one."
)

_REPORTED = "The provider reported an error in the middle of the answer."
_BEARER = re.compile(r"bearer\s+[^\s\"',]+", re.IGNORECASE)
_TOKEN = re.compile(r"\b(?:sk|gsk|hf|xai|AIza)[-_]?[\w*.-]{8,}")  # as OpenAI, Groq, Hugging Face, xAI and Google have
_SHORT_TOKEN = re.compile(r"\bsk-[\w*.-]+")
_UNKNOWN_MODEL = re.compile(r"model:?\s+\S{1,200}\s+(?:does not exist|not found|is not found)")
_UNKNOWN_MODEL_WORDS = (
    "model_not_found",
    "invalid model",  # LiteLLM, Mistral
    "invalid_model",
    "unknown model",
    "not a valid model",  # OpenRouter
    "no such model",
    "model not exist",  # DeepSeek
    "model not found",
    "llm provider not provided",  # LiteLLM
)
_TOO_LONG = (
    "context_length",  # OpenAI
    "context length",  # vLLM, LM Studio
    "maximum context",
    "context window",  # llama-cpp-python
    "context_size",  # llama.cpp, and Ollama where it hands on what that says
    "context size",
    "n_ctx",
    "prompt is too long",  # Anthropic
)
_N_CTX = re.compile(r"n_ctx\D{1,10}(\d{3,8})\b")
_CONTEXT = re.compile(r"context (?:length|size|window)\D{1,20}(\d{3,8})\b")
_NO_QUOTA = "The provider's account has no quota left (insufficient_quota); it needs credit or a higher limit."
_NO_MODEL = "The provider does not know this model (HTTP {status}); GET /models lists what it has."
_REJECTED = {
    401: "The provider did not accept the API key (HTTP 401).",
    402: "The provider asks for payment (HTTP 402).",
    403: "The provider does not allow this (HTTP 403).",
    404: "The provider has no such model, or OPENAI_BASE_URL is wrong (HTTP 404).",
}
_REFUSED = "The provider did not accept the request (HTTP {status}); the model may lack tools or structured replies."


@dataclass(frozen=True, slots=True)
class Asked:
    """The model that was asked, where, and with which key."""

    address: str
    model: str | None = None
    key: str | None = None

    @property
    def name(self) -> str:
        """`gpt-4.1-mini at https://api.openai.com/v1`, or the address alone."""
        return one_line(f"{self.model} at {self.address}" if self.model else self.address)

    def named(self, error: RunFailed) -> RunFailed:
        """The error with address and model in its detail."""
        named = type(error)(f"{error.detail} ({self.name})", error.retry_after)
        if isinstance(named, ContextTooLong) and isinstance(error, ContextTooLong):
            named.limit = error.limit
        return named

    def redacted(self, text: str) -> str:
        """Words of the provider for the log: one line, bounded, without the key or what looks like one."""
        if self.key and len(self.key) >= MIN_SECRET_CHARS:
            text = text.replace(self.key, "***")
        for secret in (_BEARER, _TOKEN, _SHORT_TOKEN):
            text = secret.sub("***", text)
        return one_line(text[:MAX_LOGGED_CHARS])


def failure(error: Exception, first_token_seconds: float | None = None) -> RunFailed:
    """An error of the SDK or its transport as one of ours; its text is kept in `said` alone.

    Args:
        error: What was raised before the first byte of an answer.
        first_token_seconds: How long the answer was waited for, where that is what may have run out.
    """
    if isinstance(error, APIStatusError):
        failed, said = _refusal(error), f"HTTP {error.status_code}: {error.response.text}"
    else:
        failed, said = _no_answer(error, first_token_seconds), _chain(error)
    failed.said = said
    return failed


def bound_body(response: httpx2.Response, seconds: float) -> None:
    """Bound the body of an error, which the SDK reads to its end; each block must come within `seconds`."""
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream, seconds)


def timed_out(error: BaseException | None) -> bool:
    """True where a timeout is the cause. The transport calls every connection that failed one, so aiohttp is asked."""
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__cause__
    return False


def may_pass(error: Exception, failed: RunFailed) -> bool:
    """True where the same request may succeed a little later."""
    if isinstance(failed, UpstreamRejected):
        return False
    if isinstance(error, APIStatusError):
        return error.status_code in RETRYABLE
    return isinstance(error, APIConnectionError) and not timed_out(error)


def stream_error(error: Any) -> RunFailed:
    """The error that a provider sent as a body or inside a stream, as one of ours. Its text is kept in `said` alone."""
    failed = _meaning(error)
    failed.said = error if isinstance(error, str) else json.dumps(error, ensure_ascii=False, default=str)
    return failed


def too_slow(seconds: float) -> UpstreamTimeout:
    """No first token came within `seconds`."""
    return UpstreamTimeout(
        f"The model did not begin to answer within {seconds:g} s (LLM_FIRST_TOKEN_TIMEOUT). "
        "A model that is still loading, or a long conversation on slow hardware, takes longer."
    )


class _Bounded(httpx2.AsyncByteStream):
    """The beginning of a body, each block within `seconds`."""

    def __init__(self, stream: httpx2.AsyncByteStream, seconds: float) -> None:
        self._stream = stream
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        blocks = aiter(self._stream)
        while size <= MAX_ERROR_BYTES:
            async with asyncio.timeout(self._seconds):
                block = await anext(blocks, None)
            if block is None:
                return
            yield block
            size += len(block)

    async def aclose(self) -> None:
        await self._stream.aclose()


def _meaning(error: Any) -> RunFailed:
    fields = error if isinstance(error, dict) else {"message": error}
    text = " ".join(str(fields.get(name) or "") for name in ("code", "type", "message")).lower()
    if any(words in text for words in _TOO_LONG):
        return _too_long(json.dumps(fields, default=str))
    if "insufficient_quota" in text:
        return UpstreamRejected(_NO_QUOTA)
    if "rate_limit" in text or "rate limit" in text or "429" in text or "quota" in text:
        return UpstreamRateLimited()
    if "content_filter" in text or "content_policy" in text or "content management policy" in text:
        return ContentFiltered()
    if "invalid_request" in text or "authentication" in text or "invalid_api_key" in text:
        return UpstreamRejected()
    return UpstreamUnavailable(_REPORTED)


def _refusal(error: APIStatusError) -> RunFailed:
    """The meaning of an HTTP status, and of an error code that says more than it."""
    known, status = _meaning(error.body), error.status_code
    if isinstance(known, ContextTooLong) or (isinstance(known, ContentFiltered) and status < 500):
        return known
    if status == 429:
        return known if isinstance(known, UpstreamRejected) else UpstreamRateLimited(retry_after=_retry_after(error))
    if status in {408, 504}:
        return UpstreamTimeout()
    if status >= 500:
        return UpstreamUnavailable(f"The provider failed (HTTP {status}).", _retry_after(error))
    return _rejection(status, error.response.text.lower())


def _too_long(said: str) -> ContextTooLong:
    """The error of a request that is longer than the context, whose tokens most providers name."""
    failed = ContextTooLong()
    if found := _N_CTX.search(said) or _CONTEXT.search(said.lower()):
        failed.limit = int(found[1])
    return failed


def _rejection(status: int, text: str) -> UpstreamRejected:
    """The error of a request that was refused for good."""
    if status in {400, 404, 422} and _names_unknown_model(text):
        return UpstreamRejected(_NO_MODEL.format(status=status))
    if status in {400, 422}:
        return ParameterRefused(_REFUSED.format(status=status))
    return UpstreamRejected(_REJECTED.get(status, f"The provider refused (HTTP {status})."))


def _names_unknown_model(text: str) -> bool:
    return any(words in text for words in _UNKNOWN_MODEL_WORDS) or bool(_UNKNOWN_MODEL.search(text))


def _no_answer(error: Exception, first_token_seconds: float | None) -> RunFailed:
    if timed_out(error):
        waited = first_token_seconds if _caused_by(error, httpx2.ReadTimeout) else None
        return UpstreamTimeout() if waited is None else too_slow(waited)
    if isinstance(error, APIConnectionError):
        return UpstreamUnavailable()
    return UpstreamUnavailable("The provider's answer could not be understood.")


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__
    return False


def _chain(error: BaseException | None) -> str:
    """`APIConnectionError: Connection error. < ConnectError: refused`, from the last to the first cause."""
    links = []
    while error is not None:
        links.append(f"{type(error).__name__}: {error}")
        error = error.__cause__
    return " < ".join(links)


def _retry_after(error: APIStatusError) -> int | None:
    """Seconds that the provider asks to wait (RFC 9110, section 10.2.3; dates are not used by any provider we know)."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return math.ceil(seconds) if 0 <= seconds < 86_400 * 7 else None
