"""The dashboard's queries, asked of a real Prometheus that scrapes the service at work."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings import Settings
from tests.support.activity import work
from tests.support.processes import wait_for
from tests.support.prometheus import DASHBOARD, INSTALLED, MISSING, prometheus, queries
from tests.support.scripted import Upstream
from tests.support.serving import serving
from tests.telemetry.test_metrics import TOKEN, free_port


@pytest.mark.skipif(not INSTALLED, reason=MISSING)
def test_no_panel_is_empty(llm_settings: Settings, upstream: Upstream, tmp_path: Path) -> None:
    port = free_port()
    given = llm_settings.model_dump(exclude_unset=True)
    settings = Settings(_env_file=None, **given, metrics="on", metrics_port=port, metrics_token=TOKEN)
    empty = [query for panel in DASHBOARD["panels"] for query in queries(panel, "1m")]
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with (
        serving(settings) as server,
        server.client() as client,
        prometheus(folder, f"127.0.0.1:{port}", TOKEN, "200ms") as source,
    ):

        def all_filled() -> bool:
            work(client, upstream)
            empty[:] = [query for query in empty if not source.value(query)]
            return not empty

        try:
            wait_for(all_filled, 90)
        except AssertionError:
            pytest.fail(f"Nothing came of {empty}; {source.problems()}")
