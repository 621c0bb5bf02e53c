"""What can be said of deploy/ without a container: schemas, linters, and that its files agree with each other."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from settings import Settings
from telemetry.metrics import PrometheusMetrics
from tests.support.prometheus import DASHBOARD
from tests.support.serving import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = (DEPLOY / "compose.yaml").read_text()
PROMETHEUS = (DEPLOY / "prometheus.yml").read_text()


def run(*command: str) -> str:
    """Both outputs of a command that is to succeed."""
    search = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PATH": search}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_compose_keeps_to_the_specification() -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml")


def test_the_linter_finds_nothing_in_the_dockerfile() -> None:
    run("hadolint", "deploy/Dockerfile")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_prometheus_takes_its_configuration() -> None:
    run("promtool", "check", "config", "--syntax-only", "deploy/prometheus.yml")


def test_the_files_agree() -> None:
    port = Settings.model_fields["metrics_port"].default
    assert f"targets: [marquee:{port}]" in PROMETHEUS
    assert f"EXPOSE 8000 {port}" in (DEPLOY / "Dockerfile").read_text()
    assert "secrets:\n      - metrics_token" in COMPOSE
    for name in re.findall(r"^      ([A-Z_]+):", COMPOSE, re.MULTILINE):
        assert name.startswith(("OTEL_", "GF_", "FORWARDED_")) or name.lower() in Settings.model_fields, name
    for name in re.findall(r"- (\./\S+?):", COMPOSE):
        assert (DEPLOY / name).exists(), name
    folder = re.search(r"path: (\S+)", (DEPLOY / "grafana/provisioning/dashboards/marquee.yaml").read_text())
    assert folder
    assert f"./grafana/dashboards:{folder[1]}:ro" in COMPOSE


def test_the_service_in_compose_can_change_nothing_but_its_data() -> None:
    service = COMPOSE.split("\n  marquee:\n")[1].split("\n  prometheus:\n")[0]
    for line in ("read_only: true", "- data:/data", "cap_drop: [ALL]", "- no-new-privileges:true", "- 127.0.0.1:8000"):
        assert line in service
    assert "HEALTHCHECK" in (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER 10001", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)


def test_the_image_has_what_the_service_imports(tmp_path: Path) -> None:
    """The files that .dockerignore lets through are enough, and no more than that."""
    patterns = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    kept = [line[1:] for line in patterns if line.startswith("!")]
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in tracked:
        top = name.split("/")[0]
        if any(name == it or name.startswith(f"{it}/") or (fnmatch.fnmatch(name, it) and top == name) for it in kept):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    doors = "import main, movielens, recommend, db, llm, commands.movielens, commands.recommend"
    subprocess.run([sys.executable, "-B", "-c", doors], cwd=tmp_path, check=True, env={"PATH": os.environ["PATH"]})
    assert (tmp_path / "data/sample").is_dir()
    assert not {"tests", "docs", "deploy", "benchmarks", ".git"} & {path.name for path in tmp_path.iterdir()}


# The dashboard


def test_the_panels_are_whole_and_lie_side_by_side() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert {"type", "description", "fieldConfig", "options", "gridPos"} <= panel.keys()
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    assert not [(one["title"], other["title"]) for one, other in combinations(panels, 2) if overlap(one, other)]


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    a, b = one["gridPos"], other["gridPos"]
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    return not beside and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def test_every_panel_asks_the_source_that_is_provisioned() -> None:
    source = (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    for panel in DASHBOARD["panels"]:
        for part in (panel, *panel["targets"]):
            assert f"uid: {part['datasource']['uid']}\n" in source


def test_every_metric_is_on_the_dashboard() -> None:
    """What is read at a scrape alone is left to the test that asks."""
    queries = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    kept = {family.name for family in PrometheusMetrics().registry.collect() if family.name.startswith("marquee_")}
    assert len(kept) > 10
    assert not {name for name in kept if name not in queries}
