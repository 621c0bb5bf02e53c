"""A language model as the service sees it: a request in, typed deltas out.

Implementations: providers/openai_compatible.py and guide/provider.py.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, Protocol

from pydantic import JsonValue

from errors import RunFailed
from movies.library import Snapshot
from providers.prompts import Filled
from schemas import ResponseFormat, Sampling

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "tool_calls", "length", "content_filter", "refusal"]


AS_IT_COMES = Sampling()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """An increment of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """An increment of what the model thinks aloud; shown apart from the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A whole tool call as the model wants it; `arguments` is raw JSON text and may be malformed.

    `extra` is whatever else the provider attached to the call and wants back with it (Gemini's thought signature).
    """

    call_id: str
    name: str
    arguments: str
    extra: dict[str, JsonValue] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model request. `estimated` where the provider did not count them.

    `cached_tokens`: of the input, as some providers say; for a few these are not part of their `input_tokens`.
    """

    input_tokens: int
    output_tokens: int
    estimated: bool = False
    cached_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Finish:
    """The regular end of a model request; always the last delta. A stream without one has failed.

    `first_token`: the most probable first token, where the request asked for log probabilities and got them.
    `unknown_reason`: the provider's word where we do not know it; `reason` is `stop` then.
    """

    reason: FinishReason
    usage: Usage | None = None
    first_token: str | None = None
    unknown_reason: str | None = None


Delta = TextDelta | ReasoningDelta | ToolRequest | Finish


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One entry of the conversation as a model reads it.

    An assistant's entry may carry `tool_calls`; each is answered by an entry of role `tool` with the same `call_id`,
    whose `content` is a JSON document, and whose `result` is the whole of what `content` tells a model in short.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolRequest, ...] = ()
    call_id: str | None = None
    result: JsonValue = None


@dataclass(frozen=True)
class ToolSpec:
    """A function the model may call; `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: dict[str, JsonValue]

    @cached_property
    def bytes(self) -> int:
        """The length of it all, which is asked for with every request."""
        return len(f"{self.name}{self.description}{json.dumps(self.parameters)}".encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One model request.

    `snapshot`: the movie data as the run has it; `prompt`: the template that the message was filled in from. Only the
    built-in guide looks at these two.
    """

    model: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    response_format: ResponseFormat | None = None
    sampling: Sampling = AS_IT_COMES
    logprobs: bool = False
    snapshot: Snapshot | None = None
    prompt: Filled | None = None


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The last answer of an endpoint: `latency_ms` until its first token, or until it failed with `error`."""

    at: datetime
    latency_ms: int
    error: RunFailed | None = None


class Provider(Protocol):
    """A source of answers. Failures are raised as errors.RunFailed.

    `reads_prompt`: False where a system prompt and descriptions of tools tell it nothing, so that none are made.
    `last_answer`: None where nobody was asked yet, or there is nobody to ask.
    """

    name: str
    default_model: str
    reads_prompt: bool

    @property
    def last_answer(self) -> LastAnswer | None: ...

    async def models(self) -> list[str]:
        """Ids of the models on offer."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Answer one request. Closing the generator early closes the connection to the provider."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
