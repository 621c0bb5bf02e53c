"""The context that each model is taken to have, and so what it is sent: as set, or less once its endpoint shows it.

What an endpoint shows is kept while the process lives. Ollama and llama.cpp give a model 4,096 tokens unless told else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from loguru import logger

from providers.base import ChatMessage, ChatRequest, Finish, Usage
from providers.conversation import message_tokens, tool_tokens

SMALL_BELOW = 8_000  # tokens of context, where all tools would leave too little for what they find
LEAST_CONTEXT = 1_000  # tokens; Ollama cuts to half of its context, and no server has one below 2,048
CHARS_PER_TOKEN = 5.5  # of messages, at most: our prompt has 4.0 in o200k, English prose up to 4.8
TOOL_CHARS_PER_TOKEN = 4.5  # of the tools, which are JSON: 3.9 in o200k, and templates add words of their own
CONTEXT_UNIT = 1_024  # tokens
EMPTY_ANSWERS = 2  # in a row, each mended by a shorter request: one alone may be a hiccup of any endpoint

_ADVICE = "Give the model a larger context there, or set LLM_CONTEXT_TOKENS to three quarters of what it has."

ToolSet = Literal["auto", "full", "small"]


class Contexts:
    """The contexts of all models.

    Args:
        tools: which set of tools models are offered (LLM_TOOLS).
        tokens: of context, for models of which nothing else is known (LLM_CONTEXT_TOKENS).
    """

    def __init__(self, tools: ToolSet, tokens: int) -> None:
        self._tools = tools
        self._tokens = tokens
        self._learned: dict[str, int] = {}
        self._cuts: dict[str, str] = {}
        self._mended: Counter[str] = Counter()

    def tokens(self, model: str) -> int:
        """The tokens that a request to a model may have."""
        return min(self._tokens, self._learned.get(model, self._tokens))

    def is_small(self, tokens: int) -> bool:
        """True where a model with this context is to be offered the small set of tools."""
        return self._tools == "small" or (self._tools == "auto" and tokens < SMALL_BELOW)

    @property
    def problems(self) -> list[str]:
        """The troubles that only the operator can mend, in sentences: models whose server cuts requests or answers."""
        return list(self._cuts.values())

    def in_words(self, model: str) -> str:
        """The tools that a model is offered, and why it is less than was set."""
        offered = "the small set of tools" if self.is_small(self.tokens(model)) else "all tools"
        learned = f", since its server takes no more than about {self.tokens(model):,} tokens a request"
        return f"{model} is offered {offered}{learned if model in self._learned else ''}."

    def answered(self, model: str, tokens: int, *, refused: bool, came_empty: bool) -> None:
        """A request within so many tokens was answered, after a longer one was refused, or came back empty."""
        if came_empty:
            self._mended[model] += 1
        elif tokens >= self.tokens(model):
            self._mended.pop(model, None)
        if refused or (came_empty and self._mended[model] >= EMPTY_ANSWERS):
            self._learn(model, tokens)
            logger.info("{} is sent up to {} tokens from now on: it had no answer to more", model, self.tokens(model))

    def cut(self, model: str, tokens: int, words: str) -> None:
        """A request, or the answer to it, was cut to fit; from now on they have so many tokens."""
        if model not in self._cuts:
            self._cuts[model] = f"{words} {_ADVICE}"
            logger.warning("{}", self._cuts[model])
        self._learn(model, tokens)

    def _learn(self, model: str, tokens: int) -> None:
        self._learned[model] = max(LEAST_CONTEXT, min(tokens, self.tokens(model)))


def request_tokens(request: ChatRequest) -> int:
    """An estimate of a request's tokens."""
    return sum(map(message_tokens, request.messages)) + sum(map(tool_tokens, request.tools))


def shorter(sent: int, limit: int | None) -> int:
    """The tokens to send where `sent` were too many: three quarters of the limit, to leave room for the answer.

    Half where no limit is known, or where the estimate is below it already.
    """
    fitting = limit * 3 // 4 if limit else sent
    return fitting if fitting < sent else sent // 2


def tokens_read(request: ChatRequest, usage: Usage | None) -> int | None:
    """The tokens that a server has read of a request, where these are not all; None where they are.

    Told from its count being too small for the request's characters, runs of white space counted as one. Our estimate
    by bytes would not do: it is 2 to 3 times too high for Cyrillic or Indic text in large vocabularies. A count below
    LEAST_CONTEXT is none of a whole context: some servers leave out what they had cached.
    """
    if usage is None or usage.estimated or (read := usage.input_tokens + usage.cached_tokens) < LEAST_CONTEXT:
        return None
    return read if read < _fewest_tokens(request) else None


def full_context(finish: Finish) -> int | None:
    """The context that an answer has filled to its end; None where it has not, or was cut off by another limit.

    Told from the sum of a request and an answer that was too long: contexts are set in whole units of 1,024.
    """
    if finish.usage is None or finish.usage.estimated or finish.reason != "length":
        return None
    total = finish.usage.input_tokens + finish.usage.output_tokens
    return total if total >= LEAST_CONTEXT and total % CONTEXT_UNIT == 0 else None


def _fewest_tokens(request: ChatRequest) -> float:
    """The tokens that a request has in any vocabulary, and in most some more."""
    texts = [text for message in request.messages for text in _texts(message)]
    tools = [
        tool.name + tool.description + json.dumps(tool.parameters, separators=(",", ":")) for tool in request.tools
    ]
    return sum(map(_characters, texts)) / CHARS_PER_TOKEN + sum(map(len, tools)) / TOOL_CHARS_PER_TOKEN


def _texts(message: ChatMessage) -> Iterator[str]:
    yield message.content
    yield from (call.arguments for call in message.tool_calls)


def _characters(text: str) -> int:
    return len(" ".join(text.split()))
