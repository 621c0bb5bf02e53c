from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from settings import Settings
from tests.accounts.test_accounts import person, with_accounts
from tests.support.serving import ROOT, serving

FEWEST_REQUESTS = 400


def test_no_request_breaks_the_service_or_its_own_document(settings: Settings) -> None:
    """All of schemathesis's checks over the whole OpenAPI document; `python -m benchmarks.hostile` does ten times as
    much, without accounts too.
    """
    generous = {"messages_per_minute": 1_000_000}
    with serving(with_accounts(settings, **generous)) as server, person(server, "ana") as ana:
        key = ana.client.post("/auth/keys", json={"name": "fuzzer"}).json()["key"]  # cannot end its own account
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json"]
        options = ["--checks", "all", "--phases", "fuzzing", "--max-examples", "10", "--seed", "20", "--no-color"]
        options += ["--request-timeout", "30", "--header", f"Authorization: Bearer {key}"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.support.fuzz_hooks"}
        folder = server.settings.data_dir
        done = subprocess.run(
            [*command, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-6_000:]
    generated = re.search(r"(\d[\d,]*) generated", done.stdout)
    assert generated is not None
    assert int(generated[1].replace(",", "")) >= FEWEST_REQUESTS
