"""Import of a data set: ours against the sqlite3 command line's `.import` and against sqlite-utils.

    python -m benchmarks.make_25m /tmp/m25
    python -m benchmarks.importing /tmp/m25 [--repeats 3] [--peers sqlite3,sqlite-utils] [--out benchmarks/results]

The others write typed tables with keys, ours a catalogue: ratings packed user by user, and of the genome, whose every
score is read and ranked, the telling tags of each movie. Each is a command of its own on the same disk, in turns, so
that all meet the same machine. Three jobs:

- whole set: all files, the whole command.
- ratings and movies: the two files that a catalogue needs, the whole command.
- ratings.csv: of that, the table of ratings; of ours the seconds that its summary gives for this file, of the others a
  command that imports nothing else.

Ours does more than the others: it hashes and checks the files, sorts out unknown movies and duplicates, computes
statistics, histories and telling tags, and builds the full-text indexes. In the first two jobs all of that is in its
time; in the third the hashing, the checks and the statistics are.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
OURS, CLI, UTILS = "ours", "sqlite3 .import", "sqlite-utils"
JOBS = {
    "whole set": ("movies.csv", "links.csv", "ratings.csv", "tags.csv", "genome-tags.csv", "genome-scores.csv"),
    "ratings and movies": ("movies.csv", "ratings.csv"),
    "ratings.csv": ("ratings.csv",),
}

SCHEMAS = {
    "ratings": """
        CREATE TABLE ratings (
            userId INTEGER NOT NULL, movieId INTEGER NOT NULL, rating REAL NOT NULL, timestamp INTEGER NOT NULL,
            PRIMARY KEY (userId, movieId)
        ) WITHOUT ROWID;""",
    "genome-scores": """
        CREATE TABLE "genome-scores" (
            movieId INTEGER NOT NULL, tagId INTEGER NOT NULL, relevance REAL NOT NULL, PRIMARY KEY (movieId, tagId)
        ) WITHOUT ROWID;""",
    "tags": """
        CREATE TABLE tags (
            userId INTEGER NOT NULL, movieId INTEGER NOT NULL, tag TEXT NOT NULL, timestamp INTEGER NOT NULL
        );""",
    "genome-tags": """
        CREATE TABLE "genome-tags" (tagId INTEGER PRIMARY KEY, tag TEXT NOT NULL);""",
    "movies": """
        CREATE TABLE movies (movieId INTEGER PRIMARY KEY, title TEXT NOT NULL, genres TEXT NOT NULL);""",
    "links": """
        CREATE TABLE links (movieId INTEGER PRIMARY KEY, imdbId TEXT, tmdbId INTEGER);""",
}


class Cost(NamedTuple):
    """Wall and CPU seconds, peak memory in MB, and the size of the file made in MB."""

    wall: float
    cpu: float
    memory: float
    size: float


def run_ours(source: Path, work: Path) -> list[list[str]]:
    return [[sys.executable, str(ROOT / "movielens.py"), "import", str(source), "--data-dir", str(work)]]


def run_cli(source: Path, work: Path) -> list[list[str]]:
    """As a user would: the tables, then one `.import` a file."""
    lines = [schema for stem, schema in SCHEMAS.items() if (source / f"{stem}.csv").exists()]
    lines += [
        f'.import --csv --skip 1 "{source / stem}.csv" {stem}' for stem in SCHEMAS if (source / f"{stem}.csv").exists()
    ]
    script = work / "import.sql"
    script.write_text("\n".join(lines))
    return [["sqlite3", "-bail", str(work / "catalogue.db"), f".read {script}"]]


def run_utils(source: Path, work: Path) -> list[list[str]]:
    database = str(work / "catalogue.db")
    present = [stem for stem in SCHEMAS if (source / f"{stem}.csv").exists()]
    create = ["sqlite3", database, "\n".join(SCHEMAS[stem] for stem in present)]
    insert = [sys.executable, "-m", "sqlite_utils", "insert", database]
    return [create, *([*insert, stem, str(source / f"{stem}.csv"), "--csv"] for stem in present)]


WAYS: dict[str, Callable[[Path, Path], list[list[str]]]] = {OURS: run_ours, CLI: run_cli, UTILS: run_utils}


def measure(way: str, source: Path, scratch: Path) -> tuple[Cost, str]:
    """Import once into a fresh folder, and remove it; also return what was printed."""
    work = Path(tempfile.mkdtemp(dir=scratch))
    started, cpu, memory, printed = time.perf_counter(), 0.0, 0.0, ""
    for command in WAYS[way](source, work):
        with (work / "printed").open("w+") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, env={**os.environ, "COLUMNS": "200"})
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            printed += output.read()
        if process.returncode:
            raise SystemExit(f"{way} failed: {' '.join(command)[:200]}")
        cpu += used.ru_utime + used.ru_stime
        memory = max(memory, used.ru_maxrss / 1024)
    wall = time.perf_counter() - started
    size = (work / "catalogue.db").stat().st_size / 1e6
    shutil.rmtree(work)
    return Cost(wall, cpu, memory, size), printed


def seconds_of(file: str, summary: str) -> float:
    """Take a file's seconds from our summary: `│ ratings.csv │ 25,000,095 │ 7.52 │ …`."""
    row = next(line for line in summary.splitlines() if f" {file} " in line)
    return float(row.split("│")[3])


def compare(source: Path, ways: list[str], repeats: int, scratch: Path) -> dict[str, dict[str, Cost]]:
    """Median costs of each job and way, measured in turns."""
    costs: dict[str, dict[str, list[Cost]]] = {job: {way: [] for way in ways} for job in JOBS}
    for _ in range(repeats):
        for job in JOBS:
            for way in ways:
                if (job, way) == ("ratings.csv", OURS):
                    continue  # part of the job before
                cost, printed = measure(way, links(source, scratch, job), scratch)
                costs[job][way].append(cost)
                print(f"{job}: {way} {cost.wall:.1f} s", file=sys.stderr)
                if (job, way) == ("ratings and movies", OURS):
                    costs["ratings.csv"][OURS].append(cost._replace(wall=seconds_of("ratings.csv", printed)))
    return {
        job: {way: Cost(*map(statistics.median, zip(*measured, strict=True))) for way, measured in of_job.items()}
        for job, of_job in costs.items()
    }


def links(source: Path, scratch: Path, job: str) -> Path:
    """A folder of links to the files of a job."""
    folder = scratch / job.replace(" ", "-")
    folder.mkdir(exist_ok=True)
    for name in JOBS[job]:
        if (source / name).exists() and not (folder / name).exists():
            (folder / name).symlink_to((source / name).resolve())
    return folder


def rows_of(results: dict[str, dict[str, Cost]]) -> list[list[str]]:
    rows = []
    for job, costs in results.items():
        baseline = costs.get(CLI)
        for way, cost in costs.items():
            ratio = f"{cost.wall / baseline.wall:.2f}" if baseline else ""
            part = (job, way) == ("ratings.csv", OURS)  # of a command: only its time is known
            others = ["", "", ""] if part else [f"{cost.cpu:.1f}", f"{cost.memory:,.0f}", f"{cost.size:,.0f}"]
            rows.append([job, way, f"{cost.wall:.1f}", ratio, *others])
    return rows


HEADINGS = ["job", "way", "wall s", "x sqlite3", "CPU s", "peak MB", "file MB"]


def report(results: dict[str, dict[str, Cost]], source: Path, repeats: int, out: Path) -> None:
    rows = rows_of(results)
    table = Table(*HEADINGS, title=f"Import of {source.name}: medians of {repeats}")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    out.mkdir(parents=True, exist_ok=True)
    lines = [" | ".join(row) for row in [HEADINGS, ["---"] * len(HEADINGS), *rows]]
    text = f"Import of {source.name}, medians of {repeats}, {os.cpu_count()} cores.\n\n" + "\n".join(
        f"| {line} |" for line in lines
    )
    (out / "import.md").write_text(text + "\n", encoding="utf-8")
    plot(results, out / "import.png")


def plot(results: dict[str, dict[str, Cost]], path: Path) -> None:
    """Draw the wall times, where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # optional
    except ImportError:
        return
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots(1, len(results), squeeze=False)[0]
    for axis, (job, costs) in zip(axes, results.items(), strict=True):
        bars = axis.barh(list(costs), [cost.wall for cost in costs.values()])
        axis.bar_label(bars, fmt="%.1f s")
        axis.set_title(job)
        axis.invert_yaxis()
        axis.margins(x=0.2)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure imports of a data set.")
    parser.add_argument("source", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--peers", default="sqlite3", help="sqlite3,sqlite-utils: the second takes minutes at full size"
    )
    parser.add_argument("--scratch", type=Path, help="where the files are made (default: beside the source)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    args = parser.parse_args()
    peers = {"sqlite3": CLI, "sqlite-utils": UTILS}
    ways = [OURS, *(peers[name] for name in args.peers.split(","))]
    with tempfile.TemporaryDirectory(dir=args.scratch or args.source.parent) as folder:
        scratch = Path(folder)
        results = compare(args.source, ways, args.repeats, scratch)
    report(results, args.source, args.repeats, args.out)


if __name__ == "__main__":
    main()
