from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

from telemetry import attributes as names
from tests.support import scripted
from tests.support.collector import Collector, Received, collecting
from tests.support.processes import Process, environment, process, wait_for
from tests.support.scripted import Gate, Reply, Upstream, call, calls, chunk, error, text, usage
from tests.support.wire import new_session, send, sending

QUESTION, ANSWER = "A quiet evening, what is there?", "Nothing louder than rain."
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # of W3C Trace Context


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted.running() as running:
        yield running


@pytest.fixture(scope="module")
def traced(
    catalogue_dir: Path, collector: Collector, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    data_dir = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("traced") / "data"))
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_SERVICE_NAME": "marquee-under-test",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    with process(environment(data_dir, upstream, OPENAI_MODEL="scripted", LLM_MAX_RETRIES="0", **variables)) as started:
        yield started


def finished(collector: Collector, run_id: str) -> Received:
    """The span of a run, once it came."""

    def found() -> list[Received]:
        return [span for span in collector.spans if span.attributes.get(names.RUN_ID) == run_id]

    wait_for(found, 60)
    return found()[0]


def below(collector: Collector, parent: Received) -> list[Received]:
    return [span for span in collector.spans if span.parent_id == parent.span_id]


def test_a_run_is_one_trace(traced: Process, collector: Collector, upstream: Upstream) -> None:
    """From the request to the commits, with the names of the conventions and without anything that was said."""
    arguments = {"text": "gentle and rainy", "limit": 2}
    upstream.queue(calls(call("recommend", arguments), call("get_weather", {}, "call_2", 1)), text(ANSWER))
    with traced.client() as client:
        session = new_session(client)
        run = finished(collector, str(send(client, session, QUESTION).run["id"]))
        client.get("/movies", params={"q": "rainy days"})
    wait_for(lambda: collector.named("POST /sessions/{session_id}/messages"), 60)
    [request] = collector.named("POST /sessions/{session_id}/messages")
    wait_for(lambda: collector.named("GET /movies"), 60)
    parts = below(collector, run)
    assert (run.name, run.parent_id, request.parent_id) == ("invoke_agent Marquee", request.span_id, b"")
    assert {part.name for part in parts} == {
        "chat scripted",
        "execute_tool recommend",
        "execute_tool unknown",
        "commit",
    }
    assert {span.trace_id for span in (request, run, *parts)} == {request.trace_id}
    assert all(run.start <= part.start <= part.end <= run.end for part in parts)
    first, second = sorted((part for part in parts if part.name == "chat scripted"), key=lambda part: part.start)
    assert first.end <= second.start
    assert run.attributes | EXPECTED == run.attributes
    assert second.attributes[names.OUTPUT_TOKENS] == 5
    assert [part.failed for part in parts if part.name == "execute_tool unknown"] == [True]
    assert collector.services == {"marquee-under-test"}
    for words in (QUESTION, ANSWER, "quiet", "rain", "louder", "get_weather", "sk-test-secret"):
        assert words.encode() not in collector.raw, words


EXPECTED = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "Marquee",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "scripted",
    "gen_ai.usage.input_tokens": 20,
    "gen_ai.usage.output_tokens": 10,
    "marquee.run.outcome": "completed",
}


def test_a_run_outlives_its_request_in_the_callers_trace(
    traced: Process, collector: Collector, upstream: Upstream
) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "Well"}), gate, chunk(finish="stop"), usage()]))
    with httpx.Client(base_url=traced.url, timeout=30) as client:
        session = new_session(client)
        address, known = f"/sessions/{session}/messages", len(collector.named("POST /sessions/{session_id}/messages"))
        headers = {"traceparent": TRACEPARENT, "Accept": "text/event-stream"}
        with client.stream("POST", address, json={"content": "hello"}, headers=headers) as response:
            assert response.is_success
            assert gate.reached.wait(30)
        wait_for(lambda: len(collector.named("POST /sessions/{session_id}/messages")) > known, 60)
        gate.open()
        [run_id] = [run["id"] for run in client.get(f"/sessions/{session}/runs").json()["data"]]
    run = finished(collector, run_id)
    request = collector.named("POST /sessions/{session_id}/messages")[-1]
    assert request.trace_id.hex() == run.trace_id.hex() == TRACEPARENT.split("-")[1]
    assert request.parent_id.hex() == TRACEPARENT.split("-")[2]
    assert run.parent_id == request.span_id
    assert request.end < run.end


def test_a_failure_says_its_code(traced: Process, collector: Collector, upstream: Upstream) -> None:
    upstream.queue(error(401))
    with traced.client() as client:
        run = finished(collector, str(send(client, new_session(client)).run["id"]))
    [step] = [part for part in below(collector, run) if part.name == "chat scripted"]
    assert run.failed
    assert step.failed
    assert run.attributes["error.type"] == step.attributes["error.type"] == "upstream_rejected"


def test_a_run_that_is_cancelled_ends_its_spans(traced: Process, collector: Collector, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "Well"}), gate]))
    with traced.client() as client, sending(client, new_session(client)) as live:
        live.until("text.delta")
        assert client.post(f"/runs/{live.run_id}/cancel").is_success
    run = finished(collector, live.run_id)
    assert run.attributes[names.OUTCOME] == "cancelled"
    assert not run.failed


def test_the_names_are_those_of_the_conventions() -> None:
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    ours = {value for name, value in vars(names).items() if name.isupper() and str(value).startswith("gen_ai.")}
    assert len(ours) > 8
    assert ours <= known
    assert not {name for name in ours if "messages" in name or "arguments" in name or "result" in name}


def test_nobody_listens_and_nothing_suffers(catalogue_dir: Path, tmp_path: Path) -> None:
    """A collector that is away costs no answer, and holds no stop up for long."""
    data_dir = Path(shutil.copytree(catalogue_dir, tmp_path / "data"))
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    with process(environment(data_dir, None, SHUTDOWN_GRACE="0", **away)) as started:
        with started.client() as client:
            assert send(client, new_session(client), "hello").run["status"] == "completed"
        started.terminate()
        code, said = started.wait(60)
    assert code == -signal.SIGTERM
    assert "Traceback" not in said
