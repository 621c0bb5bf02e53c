from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from settings import Settings
from tests.support import scripted
from tests.support.activity import CLAIM, work
from tests.support.processes import Process, environment, wait_for
from tests.support.scripted import Gate, Reply, Upstream, call, calls, chunk, text, usage
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import new_session, send, sending

TOKEN = "let-prometheus-in"
Labels = dict[str, str]


@dataclass
class Measured:
    """The service with metrics, and where they are."""

    server: Server
    upstream: Upstream
    address: str

    def scrape(self, token: bytes = TOKEN.encode()) -> httpx.Response:
        return httpx.get(self.address, headers=[(b"Authorization", b"Bearer " + token)], timeout=30)

    def samples(self, name: str) -> list[tuple[Labels, float]]:
        families = text_string_to_metric_families(self.scrape().text)
        return [(dict(it.labels), it.value) for family in families for it in family.samples if it.name == name]

    def value(self, name: str, **labels: str) -> float:
        """The sum over all labels but these."""
        return sum(value for found, value in self.samples(name) if labels.items() <= found.items())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def measured(catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    data_dir = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("measured") / "data"))
    port = free_port()
    with scripted.running() as upstream:
        settings = Settings(
            _env_file=None, data_dir=data_dir, log_level="ERROR", metrics="on", metrics_port=port, metrics_token=TOKEN,
            openai_api_key="sk-test-secret", openai_base_url=upstream.url, openai_model="scripted", llm_max_retries=1,
        )  # fmt: skip
        with serving(settings) as server:
            yield Measured(server, upstream, f"http://127.0.0.1:{port}/metrics")


def test_what_happens_is_counted(measured: Measured) -> None:
    def counts() -> dict[str, float]:
        return {name: measured.value(name) for name in COUNTED}

    before = counts()
    with measured.server.client() as client:
        ids = work(client, measured.upstream)
    wait_for(lambda: {name: count - before[name] for name, count in counts().items()} == COUNTED, 30)
    for name, labels in SEEN:
        wait_for(lambda name=name, labels=labels: measured.value(f"marquee_{name}", **labels), 30)  # type: ignore[misc]
    [(catalogue, _)] = measured.samples("marquee_catalogue_info")
    assert catalogue["version"] == measured.server.app.state.marquee.library.info.version
    said = measured.scrape().text
    for secret in (*ids, "sk-test-secret", TOKEN, "tense", "Heat", CLAIM, "get_weather", "no/such", "scripted"):
        assert secret not in said, secret


COUNTED = {  # by one round of work
    "marquee_run_duration_seconds_count": 3,
    "marquee_time_to_first_token_seconds_count": 2,
    "marquee_tokens_total": 45,
    "marquee_tool_calls_total": 2,
    "marquee_upstream_errors_total": 2,
}
SEEN: list[tuple[str, Labels]] = [
    ("run_duration_seconds_count", {"outcome": "completed"}),
    ("run_duration_seconds_count", {"outcome": "failed"}),
    ("token_gap_seconds_count", {}),
    ("tokens_total", {"kind": "completion"}),
    ("claims_total", {"supported": "no"}),
    ("tool_calls_total", {"tool": "recommend", "outcome": "ok"}),
    ("tool_calls_total", {"tool": "unknown", "outcome": "refused"}),
    ("tool_duration_seconds_count", {"tool": "recommend"}),
    ("upstream_errors_total", {"code": "upstream_unavailable", "retried": "yes"}),
    ("upstream_errors_total", {"code": "upstream_rejected", "retried": "no"}),
    ("recommender_duration_seconds_count", {"operation": "similar"}),
    ("commit_events_sum", {}),
    ("commit_duration_seconds_count", {}),
    (
        "http_request_duration_seconds_count",
        {"method": "POST", "route": "/sessions/{session_id}/messages", "status": "200"},
    ),
]


def test_what_is_going_on_is_seen(measured: Measured) -> None:
    gate, scrape = Gate(), measured.value
    measured.upstream.queue(Reply([chunk({"content": "Well"}), gate, chunk(finish="stop"), usage()]))
    with measured.server.client() as client, sending(client, new_session(client)):
        assert gate.reached.wait(30)
        wait_for(lambda: scrape("marquee_followers") == 1, 30)
        assert scrape("marquee_live_runs") == 1
        gate.open()
        wait_for(lambda: scrape("marquee_live_runs") == scrape("marquee_pending_events") == 0, 30)
    wait_for(lambda: scrape("marquee_followers") == 0, 30)


def test_what_strangers_make_up_is_one_label(measured: Measured) -> None:
    """Addresses, methods, and the names of tools that a model invents."""
    with measured.server.client() as client:
        for number in range(20):
            client.get(f"/made-up/{number}")
            client.request(f"BREW{number}", "/sessions")
        measured.upstream.queue(calls(*(call(f"tool_{n}", {}, f"call_{n}", n) for n in range(20))), text("Well."))
        send(client, new_session(client))
        assert client.get("/static/app.js").is_success
    requests = "marquee_http_request_duration_seconds_count"
    wait_for(lambda: measured.value(requests, method="other") == 20, 30)
    wait_for(lambda: measured.value(requests, method="GET", route="other") >= 20, 30)
    wait_for(lambda: measured.value(requests, route="/static", status="200") == 1, 30)
    assert measured.value("marquee_tool_calls_total", tool="unknown") >= 20
    said = measured.scrape().text
    assert "made-up" not in said
    assert "tool_1" not in said


def test_only_who_has_the_token_reads_them_and_not_at_the_service(measured: Measured) -> None:
    assert measured.scrape().is_success
    assert httpx.get(measured.address).status_code == 401
    assert measured.scrape(b"let-prometheus-im").status_code == 401
    assert measured.scrape("wörtlich".encode()).status_code == 401
    assert httpx.get(measured.address.replace("/metrics", "/")).status_code == 404
    with measured.server.client() as client:
        assert client.get("/metrics").status_code == 404


def test_prometheus_own_check_finds_nothing(measured: Measured) -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    said = measured.scrape().text
    done = subprocess.run([promtool, "check", "metrics"], input=said, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_port_that_is_taken_stops_the_start_in_one_line(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        service = Process(environment(data_dir, None, METRICS="on", METRICS_PORT=port))
        code, said = service.wait(60)
    assert code == 3
    [line] = [line for line in said.splitlines() if "METRICS_PORT" in line]
    assert f"Marquee cannot start. The metrics cannot be served at 127.0.0.1:{port}" in line
    assert "Traceback" not in said


def test_a_command_beside_the_service_leaves_the_port_alone(measured: Measured) -> None:
    """The same `.env` serves both."""
    given = {"METRICS": "on", "METRICS_PORT": str(measured.server.settings.metrics_port)}
    done = subprocess.run(
        [sys.executable, "llm.py", "hello"],
        cwd=ROOT,
        env=environment(measured.server.settings.data_dir, None, **given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7"])
def test_beyond_this_machine_they_need_a_token(host: str) -> None:
    given: dict[str, Any] = {"metrics": "on", "metrics_host": host}
    with pytest.raises(ValidationError, match="METRICS_TOKEN"):
        Settings(_env_file=None, **given)
    assert TOKEN not in repr(Settings(_env_file=None, **given, metrics_token=TOKEN))


def test_what_is_off_is_not_imported(data_dir: Path) -> None:
    """Neither prometheus_client nor OpenTelemetry's SDK, though both are installed."""
    script = (
        "import asyncio, sys\nfrom service import open_marquee\nfrom settings import Settings\nimport main\n"
        "async def opened():\n    async with open_marquee(Settings()) as service:\n"
        "        return type(service.provider).__name__, type(service.metrics).__name__\n"
        "print(asyncio.run(opened()), [it for it in sys.modules if it.startswith(('prometheus', 'opentelemetry.sdk'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment(data_dir), capture_output=True, text=True, check=False
    )
    assert done.stdout == "('OfflineGuide', 'Metrics') []\n", done.stderr
