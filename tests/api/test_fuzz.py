from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.serving import ROOT, Server

FEWEST_REQUESTS = 2_000


def test_no_request_breaks_the_service_or_its_own_document(server: Server) -> None:
    """All of schemathesis's checks over the whole OpenAPI document: no 5xx, no answer outside its schema."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json"]
    options = ["--checks", "all", "--max-examples", "45", "--seed", "20", "--request-timeout", "20", "--no-color"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.support.fuzz_hooks"}
    done = subprocess.run(
        [*command, *options], cwd=server.settings.data_dir, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6_000:]
    generated = re.search(r"(\d[\d,]*) generated", done.stdout)
    assert generated is not None
    assert int(generated[1].replace(",", "")) >= FEWEST_REQUESTS
