"""A provider whose requests are spans of the trace of their run."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from opentelemetry.trace import Span

from providers.base import ChatRequest, Delta, Finish, LastAnswer, Provider
from telemetry import attributes as names
from telemetry.tracing import model_step


class Traced:
    """Hands everything on, and notes how long it took and how it ended; nothing of what was said."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.name, self.default_model = provider.name, provider.default_model
        self.reads_prompt = provider.reads_prompt

    @property
    def last_answer(self) -> LastAnswer | None:
        return self._provider.last_answer

    async def models(self) -> list[str]:
        return await self._provider.models()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        began, first = time.perf_counter(), True
        with model_step(self.name, request.model) as span:
            async with aclosing(self._provider.stream(request)) as deltas:
                async for delta in deltas:
                    if first:
                        span.set_attribute(names.FIRST_CHUNK, time.perf_counter() - began)
                        first = False
                    if isinstance(delta, Finish):
                        _note_end(span, delta)
                    yield delta

    async def close(self) -> None:
        await self._provider.close()


def _note_end(span: Span, finish: Finish) -> None:
    span.set_attribute(names.FINISH_REASONS, (finish.reason,))
    if finish.usage is not None:
        span.set_attribute(names.INPUT_TOKENS, finish.usage.input_tokens)
        span.set_attribute(names.OUTPUT_TOKENS, finish.usage.output_tokens)
