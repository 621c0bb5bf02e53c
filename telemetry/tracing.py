"""Traces by OpenTelemetry: the spans of runs, model steps, tool calls and commits. FastAPI makes those of requests.

FastAPI also takes up OpenTelemetry's standard variables (`HTTP_SPANS`); where these name no collector or its SDK is not
installed, the API's own spans stand here, which note nothing. Contents are never among the attributes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from opentelemetry import context as current
from opentelemetry import trace
from opentelemetry.trace import Span, StatusCode

from telemetry import attributes as names

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig  # with it all of FastAPI, which a command does not need
    from opentelemetry.context import Context

AGENT_NAME = "Marquee"
HTTP_SPANS: TelemetryConfig = {"auto_configure": True, "metrics": False, "logs": False, "operation_spans": False}
MOST_COMMITS = 20  # of a run, that are spans; of later ones only what is slow
SLOW_COMMIT = 0.1  # seconds

tracer = trace.get_tracer("marquee")  # the API's, which finds the provider when there is one


def begin_tracing() -> bool:
    """Keep the queries of addresses out of spans; False where there are no traces."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        return False
    _without_queries(provider)
    return True


@cache
def _without_queries(provider: trace.TracerProvider) -> None:
    """Have the query of an address, which people type, overwritten in every span of a provider of the SDK."""
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415  installed where it is in use

    class Redaction(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
            if names.QUERY in (getattr(span, "attributes", None) or {}):
                span.set_attribute(names.QUERY, "REDACTED")

    if isinstance(provider, TracerProvider):
        provider.add_span_processor(Redaction())


class RunTrace:
    """The spans of one run, below that of the request that began it, however soon the request is over."""

    def __init__(self, run_id: str, session_id: str, provider: str, model: str) -> None:
        self._span = tracer.start_span(
            f"{names.RUN} {AGENT_NAME}",
            attributes={
                names.OPERATION: names.RUN,
                names.AGENT: AGENT_NAME,
                names.PROVIDER: provider,
                names.MODEL: model,
                names.CONVERSATION: session_id,
                names.RUN_ID: run_id,
            },
        )
        self.on = self._span.is_recording()
        self._context = trace.set_span_in_context(self._span)
        self._calls: dict[str, Span] = {}
        self._commits = 0

    def enter(self) -> None:
        """Have the spans of this task, and of those that it starts, stand below the run's, until the task ends."""
        current.attach(self._context)

    def called(self, call_id: str, tool: str) -> None:
        """The start of a tool call."""
        self._calls[call_id] = tracer.start_span(
            f"{names.CALL} {tool}",
            self._context,
            attributes={
                names.OPERATION: names.CALL,
                names.TOOL: tool,
                names.TOOL_TYPE: "function",
                names.CALL_ID: call_id,
            },
        )

    def returned(self, call_id: str, outcome: str) -> None:
        """The end of a tool call: `ok`, or the kind of its failure."""
        _end(self._calls.pop(call_id), None if outcome == "ok" else outcome)

    def committed(self, seconds: float, events: int) -> None:
        """A commit with events of the run, just now."""
        self._commits += 1
        if self._commits <= MOST_COMMITS or seconds >= SLOW_COMMIT:
            now = time.time_ns()
            span = tracer.start_span(
                "commit", self._context, attributes={names.EVENTS: events}, start_time=now - int(seconds * 1e9)
            )
            span.end(now)

    def ended(self, outcome: str, code: str | None, prompt_tokens: int, completion_tokens: int) -> None:
        """The end of the run, and of what it was in the middle of."""
        for call_id in list(self._calls):
            self.returned(call_id, outcome)
        self._span.set_attributes(
            {
                names.OUTCOME: outcome,
                names.INPUT_TOKENS: prompt_tokens,
                names.OUTPUT_TOKENS: completion_tokens,
                names.COMMITS: self._commits,
            }
        )
        _end(self._span, code)


@contextmanager
def model_step(provider: str, model: str) -> Iterator[Span]:
    """The span of one request to a model, in the current run's. It is not made the current one: generators may use it.

    An error ends it with the error's `code`.
    """
    span = tracer.start_span(
        f"{names.STEP} {model}",
        kind=trace.SpanKind.CLIENT,
        attributes={
            names.OPERATION: names.STEP,
            names.PROVIDER: provider,
            names.MODEL: model,
            names.STREAM: True,
        },
    )
    code = None
    try:
        yield span
    except BaseException as error:
        code = getattr(error, "code", None) or type(error).__name__
        raise
    finally:
        _end(span, code)


def _end(span: Span, code: str | None) -> None:
    if code is not None:
        span.set_attribute(names.ERROR, code)
        span.set_status(StatusCode.ERROR)
    span.end()
