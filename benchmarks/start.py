"""Start-up: importing the service, one answer in a terminal, a server's first answers; beside the frameworks alone.

    python -m benchmarks.start [--data-dir DIR] [--rounds 9] [--root TREE]

What is measured takes turns with `python -c "import fastapi, openai"`, so that all meet the same machine; medians, and
ratios to that. Compiled modules are kept (one round before the first is not counted). Without a data directory one with
the sample, fitted and tuned, is made. `--root` measures another tree of the service, such as an older one.

- `import main`; `llm.py "hi"`: the whole process, to its end.
- `/health`: from the start of `uvicorn main:app` to the first answer.
- first message: from then, sent at once, to its first `text.delta`.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

ROOT = Path(__file__).parent.parent
FRAMEWORKS, IMPORT, ANSWER = "import fastapi, openai", "import main", 'llm.py "hi"'
COMMANDS = {FRAMEWORKS: ["-c", FRAMEWORKS], IMPORT: ["-c", IMPORT], ANSWER: ["llm.py", "hi"]}
HEALTH, FIRST = "uvicorn main:app to /health", "first message to its first words"
PATIENCE = 120.0  # seconds


class Cost(NamedTuple):
    """Seconds by the clock and of the processor."""

    wall: float
    cpu: float


def environment(data_dir: Path) -> dict[str, str]:
    """That of a service over a folder, without a developer's own settings; compiled modules are kept."""
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**passed, "DATA_DIR": str(data_dir), "LOG_LEVEL": "WARNING"}


def spent() -> float:
    """Seconds of the processor of the processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(arguments: list[str], root: Path, data_dir: Path) -> Cost:
    """The cost of a process."""
    began, cpu = time.perf_counter(), spent()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment(data_dir),
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    return Cost(time.perf_counter() - began, spent() - cpu)


@contextmanager
def server(root: Path, data_dir: Path) -> Iterator[tuple[str, int]]:
    """Address and process of a server that was just started."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=root, env=environment(data_dir), start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def first_answers(root: Path, data_dir: Path) -> dict[str, Cost]:
    """What the first answers of a server cost."""
    began = time.perf_counter()
    with server(root, data_dir) as (url, pid), httpx.Client(base_url=url, timeout=PATIENCE) as client:
        until_healthy(client, began)
        healthy, cpu = time.perf_counter(), cpu_of(pid)
        session = client.post("/sessions", json={}).raise_for_status().json()["id"]
        with client.stream("POST", f"/sessions/{session}/messages", json={"content": "hi"}) as answer:
            next(line for line in answer.iter_lines() if line == "event: text.delta")
            said, later = time.perf_counter(), cpu_of(pid)
    return {HEALTH: Cost(healthy - began, cpu), FIRST: Cost(said - healthy, later - cpu)}


def until_healthy(client: httpx.Client, began: float) -> None:
    while time.perf_counter() - began < PATIENCE:
        try:
            client.get("/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.005)
        else:
            return
    raise SystemExit("The server does not answer.")


def cpu_of(pid: int) -> float:
    """Seconds of the processor of a process that runs."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(root: Path, data_dir: Path, rounds: int) -> dict[str, Cost]:
    """Median costs, in turns."""
    costs: dict[str, list[Cost]] = {name: [] for name in (*COMMANDS, HEALTH, FIRST)}
    for turn in range(rounds + 1):
        found = {name: run(arguments, root, data_dir) for name, arguments in COMMANDS.items()}
        found |= first_answers(root, data_dir)
        for name, cost in found.items() if turn else ():
            costs[name].append(cost)
    return {name: Cost(*map(statistics.median, zip(*each, strict=True))) for name, each in costs.items()}


def make_data_dir(folder: Path) -> None:
    """The sample, fitted and tuned, so that nothing is worked out beside what is measured."""
    for arguments in (["movielens.py", "import"], ["recommend.py", "fit"], ["recommend.py", "tune"]):
        run(arguments, ROOT, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--root", type=Path, default=ROOT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        data_dir = (options.data_dir or Path(made)).resolve()
        if options.data_dir is None:
            make_data_dir(data_dir)
        costs = measure(options.root, data_dir, options.rounds)
    print(
        f"Medians of {options.rounds}; load {os.getloadavg()[0]:.1f}\n\n| | s | × | CPU s | × |\n|---|---|---|---|---|"
    )
    for name, cost in costs.items():
        ratios = [part / base for part, base in zip(cost, costs[FRAMEWORKS], strict=True)]
        print(f"| {name} | {cost.wall:.2f} | {ratios[0]:.2f} | {cost.cpu:.2f} | {ratios[1]:.2f} |")


if __name__ == "__main__":
    main()
