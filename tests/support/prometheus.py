"""A real Prometheus that scrapes one service, configured by deploy/prometheus.yml; and the panels of the dashboard."""

from __future__ import annotations

import json
import math
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.processes import wait_for
from tests.support.serving import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/marquee.json").read_text())
INSTALLED = shutil.which("prometheus") is not None
MISSING = "Prometheus is not installed (Debian: apt-get install prometheus)"


def queries(panel: dict[str, Any], window: str) -> list[str]:
    """The queries of a panel as Grafana would send them, with rates over a window such as `1m`."""
    return [target["expr"].replace("$__rate_interval", window) for target in panel["targets"]]


class Prometheus:
    """The server by its HTTP interface."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    @property
    def ready(self) -> bool:
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False

    def problems(self) -> set[str]:
        """What its last scrapes failed of."""
        targets = self._client.get("/api/v1/targets").json()["data"]["activeTargets"]
        return {str(target["lastError"]) for target in targets if target["lastError"]}

    def value(self, query: str) -> list[dict[str, Any]]:
        """The series of a query right now, those that are numbers."""
        found = self._ask("query", query=query)
        return [series for series in found if not math.isnan(float(series["value"][1]))]

    def values(self, query: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """The series of a query over a time."""
        return self._ask("query_range", query=query, start=start, end=end, step=step)

    def _ask(self, kind: str, **parameters: str | float) -> list[dict[str, Any]]:
        answer = self._client.get(f"/api/v1/{kind}", params=parameters).json()
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])


@contextmanager
def prometheus(folder: Path, target: str, token: str, interval: str) -> Iterator[Prometheus]:
    """The server with its data in a folder, which scrapes `target` (host:port) at an interval such as `200ms`."""
    (folder / "token").write_text(token)
    config = (ROOT / "deploy/prometheus.yml").read_text()
    for theirs, ours in (
        ("/run/secrets/metrics_token", str(folder / "token")), ("marquee:9464", target), ("15s", interval),
    ):  # fmt: skip
        assert theirs in config
        config = config.replace(theirs, ours)
    (folder / "prometheus.yml").write_text(config)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    files = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    command = ["prometheus", *files, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                server = Prometheus(client)
                wait_for(lambda: server.ready, 60)
                yield server
        finally:
            running.kill()
