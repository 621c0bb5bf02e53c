"""The metrics of the service for Prometheus, with their names, labels and buckets. Each service has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from telemetry.base import Ended, Metrics, State

# Upper bounds of buckets, in seconds where nothing else is said
GAPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
FIRST_TOKEN = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
RUNS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600)
WORK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
REQUESTS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
EVENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)  # of a commit


class PrometheusMetrics(Metrics):
    """Metrics that are kept in a registry."""

    on = True

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def histogram(name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"marquee_{name}", told, labels, registry=registry, buckets=buckets)

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"marquee_{name}", told, labels, registry=registry)

        self._first_token = histogram(
            "time_to_first_token_seconds", "From the start of a run to the first words of its answer.", FIRST_TOKEN
        )
        self._gap = histogram("token_gap_seconds", "Between two pieces of text of one model request.", GAPS)
        self._runs = histogram("run_duration_seconds", "From the start of a run to its end.", RUNS, "outcome")
        self._tokens = counter("tokens_total", "Tokens of models, as counted or else estimated.", "kind")
        self._claims = counter("claims_total", "Movies and figures named in answers.", "supported")
        self._tools = counter("tool_calls_total", "Tool calls of models.", "tool", "outcome")
        self._tool_seconds = histogram("tool_duration_seconds", "Tool calls that were carried out.", WORK, "tool")
        self._commit_events = histogram("commit_events", "Events in a commit of the journal.", EVENTS)
        self._commit_seconds = histogram("commit_duration_seconds", "Until the disk took a commit.", WORK)
        self._upstream = counter("upstream_errors_total", "Requests to the provider that failed.", "code", "retried")
        self._recommender = histogram(
            "recommender_duration_seconds",
            "Work of the recommender, its wait for a thread included.",
            WORK,
            "operation",
        )
        self._requests = histogram(
            "http_request_duration_seconds", "HTTP requests to their last byte.", REQUESTS, "method", "route", "status"
        )

    def first_token(self, seconds: float) -> None:
        self._first_token.observe(seconds)

    def token_gap(self, seconds: float) -> None:
        self._gap.observe(seconds)

    def run_ended(self, run: Ended) -> None:
        self._runs.labels(run.outcome).observe(run.seconds)
        self._tokens.labels("prompt").inc(run.prompt_tokens)
        self._tokens.labels("completion").inc(run.completion_tokens)
        self._claims.labels("yes").inc(run.claims - run.unsupported_claims)
        self._claims.labels("no").inc(run.unsupported_claims)

    def tool_called(self, tool: str, outcome: str, seconds: float) -> None:
        self._tools.labels(tool, outcome).inc()
        if outcome != "refused":
            self._tool_seconds.labels(tool).observe(seconds)

    def committed(self, events: int, seconds: float) -> None:
        self._commit_events.observe(events)
        self._commit_seconds.observe(seconds)

    def upstream_failed(self, code: str, *, retried: bool) -> None:
        self._upstream.labels(code, "yes" if retried else "no").inc()

    def ranked(self, operation: str, seconds: float) -> None:
        self._recommender.labels(operation).observe(seconds)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).observe(seconds)

    def watch(self, read: Callable[[], State]) -> None:
        self.registry.register(_States(read))


class _States(Collector):
    """The state of the service, read when it is asked for: it costs nothing in between."""

    def __init__(self, read: Callable[[], State]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        state = self._read()
        yield GaugeMetricFamily("marquee_live_runs", "Answers in the making.", state.live_runs)
        yield GaugeMetricFamily("marquee_followers", "Streams of runs that are being read.", state.followers)
        yield GaugeMetricFamily("marquee_pending_events", "Events that are not on the disk yet.", state.pending_events)
        labels = {"name": state.catalogue, "version": state.catalogue_version}
        yield InfoMetricFamily("marquee_catalogue", "The movie data in use.", labels)
