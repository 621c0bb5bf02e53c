"""`python movielens.py ratings`, as people run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.serving import ROOT

EXPORT = """\
Date,Name,Year,Letterboxd URI,Rating
2024-05-01,Heat,1995,https://boxd.it/1,4.5
2024-05-02,The Shawshenk Redemption,1994,https://boxd.it/2,5
2024-05-03,\x1b]52;c;x\x07 [bold]Nobody Made This,1999,https://boxd.it/3,3
"""


def run(data_dir: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATA_DIR": str(data_dir), "COLUMNS": "200"}
    command = [sys.executable, "movielens.py", "ratings", *map(str, arguments)]
    null = subprocess.DEVNULL
    return subprocess.run(command, cwd=ROOT, env=environment, stdin=null, capture_output=True, text=True, check=False)


def test_ratings_come_in_and_go_out(data_dir: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "letterboxd.csv", tmp_path / "out.csv"
    file.write_text(EXPORT)
    preview = run(data_dir, file)
    assert preview.returncode == 0, preview.stderr
    assert "2 matched, 1 unknown." in preview.stdout
    assert "Nothing was stored." in preview.stdout
    assert "\x1b" not in preview.stdout
    stored = run(data_dir, file, "--yes", "--all")
    assert "Stored. Ratings: 2; seen movies: 0." in stored.stdout, stored.stderr
    assert "There is nothing to store." in run(data_dir, file, "--yes").stdout
    written = run(data_dir, "--export", out)
    assert "2 movies written" in written.stdout
    assert '"Heat (1995)"' in out.read_text()
    again = run(data_dir, out)
    assert "2 here already" in again.stdout


def test_a_row_in_doubt_can_be_chosen(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "letterboxd.csv"
    file.write_text("Date,Name,Year,Letterboxd URI,Rating\n2024-05-01,Heat,,https://boxd.it/1,4.5\n")
    assert "1:720" in run(data_dir, file).stdout
    assert "Ratings: 1" in run(data_dir, file, "--choose", "1:720", "--yes").stdout


def test_what_cannot_be_taken_over_is_said_in_a_line(data_dir: Path, tmp_path: Path) -> None:
    prose = tmp_path / "prose.csv"
    prose.write_text("Dear sir")
    for path, reason in ((prose, "Its first line is: Dear sir"), (tmp_path / "none.csv", "No such file")):
        done = run(data_dir, path)
        assert done.returncode == 1
        assert done.stderr.startswith("Not imported:")
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert run(data_dir).returncode == 2
    empty = run(tmp_path / "empty", prose)
    assert (empty.returncode, "import one with" in empty.stderr) == (1, True)
