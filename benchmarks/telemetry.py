"""The cost of metrics and traces: `python -m benchmarks.telemetry`, microseconds of the event loop.

The least of several rounds, since other work on the machine only ever adds.
"""

from __future__ import annotations

from collections.abc import Callable
from timeit import repeat

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest

from runs.recording import Recording
from schemas import Run, TextDeltaEvent, ToolCallEvent, ToolResultEvent
from storage.records import utc_now
from telemetry.base import OFF, Metrics
from telemetry.metrics import PrometheusMetrics

ROUNDS = 7
RUN = Run(
    id="run_1", session_id="ses_1", message_id="msg_1", status="completed", provider="openai", model="m",
    created_at=utc_now(),
)  # fmt: skip
TOKEN = TextDeltaEvent(message_id="msg_1", delta="word ")
CALLED = ToolCallEvent(message_id="msg_1", call_id="call_1", name="recommend", arguments={})
RETURNED = ToolResultEvent(message_id="msg_2", call_id="call_1", name="recommend", ok=True, result={})


def cost(work: Callable[[], object], times: int) -> float:
    """Microseconds of one time."""
    return min(repeat(work, number=times, repeat=ROUNDS)) / times * 1e6


def whole_run(metrics: Metrics) -> None:
    """A run with one tool call and one commit, without its tokens."""
    recording = Recording(RUN, metrics)
    recording.note(CALLED)
    recording.note(RETURNED)
    if recording.committed is not None:
        recording.committed(0.001, 3)
    metrics.committed(3, 0.001)
    recording.ended(RUN)


def report(name: str, metrics: Metrics) -> None:
    recording = Recording(RUN, metrics)
    token = cost(lambda: recording.note(TOKEN), 100_000)
    print(f"{name:22} {token:6.2f} µs a token, {cost(lambda: whole_run(metrics), 2_000):7.1f} µs a run")


def main() -> None:
    metrics = PrometheusMetrics()
    report("off", OFF)
    report("metrics", metrics)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    trace.set_tracer_provider(provider)
    report("metrics and traces", metrics)
    print(f"{'a scrape':22} {cost(lambda: generate_latest(metrics.registry), 20) / 1_000:6.2f} ms, in another thread")


if __name__ == "__main__":
    main()
