from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.make_sittings import make
from tests.support.serving import ROOT
from training.plots import installed


@pytest.fixture(scope="module", name="rated")
def rated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of people who rate in sittings, in MovieLens's layout."""
    folder = tmp_path_factory.mktemp("rated")
    make(folder, users=100, movies=80, ratings=3_500, seed=5)
    return folder


def run(script: str, *arguments: str | Path, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_set_is_evaluated_by_table_and_plot(rated: Path, tmp_path: Path) -> None:
    done = run("recommend.py", "evaluate", rated, "--out", tmp_path / "out", data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    for said in ("new users", "after a pause", "likes told", "EASE", "most popular", "range", "fifth"):
        assert said in done.stdout
    plots = {path.name for path in (tmp_path / "out").iterdir()}
    if installed():
        assert {"history.png", "popularity.png", "pause.png", "coverage.png", "calibration.png"} <= plots
    else:
        assert "benchmarks/requirements.txt" in done.stdout


def test_a_choice_is_kept_with_the_model_and_by_the_next_fit(tmp_path: Path) -> None:
    make(tmp_path / "few", users=60, movies=50, ratings=1_800, seed=5)
    assert run("movielens.py", "import", tmp_path / "few", data_dir=tmp_path).returncode == 0
    assert run("recommend.py", "fit", "--to-be-tuned", data_dir=tmp_path).returncode == 0
    assert noted(tmp_path) == "to be tuned"
    done = run("recommend.py", "tune", data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    chosen = noted(tmp_path)
    assert chosen in done.stdout
    assert "EASE" in chosen
    assert run("recommend.py", "fit", data_dir=tmp_path).returncode == 0
    assert noted(tmp_path) == chosen


@pytest.mark.parametrize("command", [("fit",), ("tune",), ("evaluate",), ("evaluate", "nowhere")])
def test_without_movies_a_command_says_so(command: tuple[str, ...], tmp_path: Path) -> None:
    done = run("recommend.py", *command, data_dir=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("recommend.py: ")
    assert "Traceback" not in done.stderr


def noted(data_dir: Path) -> str:
    return str(json.loads((data_dir / "recommender" / "model.json").read_text())["tuning"])
