"""Files and folders that are replaced whole, also where the process ends or the disk refuses in between."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from files import new_folder, whole_folder
from tests.support.serving import ROOT

REPLACE = """
import os, sys
from pathlib import Path
from files import new_folder

target, fatal, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
renames = 0

def count(event, _):
    global renames
    renames += event == "os.rename"
    if event == "os.rename" and renames == fatal:
        if how == "killed":
            os._exit(9)
        raise OSError("No space left on device")

sys.addaudithook(count)
with new_folder(target) as part:
    (part / "content").write_text("new")
"""


def put(target: Path, content: str) -> None:
    with new_folder(target) as part:
        (part / "content").write_text(content)


@pytest.mark.parametrize("how", ["killed", "refused"])
@pytest.mark.parametrize("fatal", [1, 2])
def test_an_old_folder_outlives_a_failed_replacement(how: str, fatal: int, tmp_path: Path) -> None:
    target = tmp_path / "model"
    put(target, "old")
    command = [sys.executable, "-c", REPLACE, str(target), str(fatal), how]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == (9 if how == "killed" else 1), done.stderr
    assert (whole_folder(target) / "content").read_text() == "old"
    if how == "refused":
        assert list(tmp_path.iterdir()) == [target]
    put(target, "new")
    assert whole_folder(target) == target
    assert (target / "content").read_text() == "new"
