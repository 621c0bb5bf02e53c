"""Conversations with known outcomes, played against a service: by category, what share of them came out right.

Without --url the service is started over MovieLens's files, with the built-in guide; with it, any model behind a
service of yours is measured: its catalogue must be the same files. Own ratings are deleted between conversations.
The head of conversations/work.toml says how a conversation is written.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track

from benchmarks.conversations import report
from benchmarks.conversations.expectations import Conversation, load
from benchmarks.conversations.oracle import Malformed, Oracle
from benchmarks.conversations.player import Player, Unplayable
from tests.support.processes import environment, process, wait_for

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "conversations"


def main() -> int:
    options = _options()
    console = Console(stderr=True)
    try:
        oracle = Oracle(options.movielens)
        conversations, sound = _load(options, oracle, console)
        if options.check or not sound:
            return 0 if sound else 1
        if options.url:
            return _play(options, options.url, oracle, conversations)
        with _service(options.movielens, console) as url:
            return _play(options, url, oracle, conversations)
    except (Malformed, Unplayable, httpx.HTTPError) as exc:
        console.print(str(exc), style="red", markup=False)
        return 2


def _load(options: argparse.Namespace, oracle: Oracle, console: Console) -> tuple[list[Conversation], bool]:
    """The conversations asked for; and whether all of the files can be played."""
    chosen: list[Conversation] = []
    problems: list[str] = []
    for path in options.files or sorted(FOLDER.glob("*.toml")):
        found, wrong = load(path, oracle)
        chosen += found
        problems += wrong
        console.print(f"{path.name}: {len(found)} conversations, {sum(len(one.turns) for one in found)} turns")
    for problem in problems:
        console.print(problem, style="red", markup=False, soft_wrap=True)
    if options.only:
        chosen = [one for one in chosen if any(word in {one.name, one.category} for word in options.only)]
        if not chosen and not problems:
            raise Unplayable(f"there is no conversation and no category called {' or '.join(options.only)}")
    return chosen, not problems


def _play(options: argparse.Namespace, url: str, oracle: Oracle, conversations: Sequence[Conversation]) -> int:
    console = Console()
    with Player(url, oracle, options.model) as player:
        health = player.check(forget_ratings=options.forget_ratings)
        if not options.url and health["provider"]["name"] != "offline":
            raise Unplayable("your .env names a provider, so the guide would not answer: start the service, give --url")
        model = options.model or health["provider"]["model"]
        playing = player.play(conversations, options.jobs)
        progress = Console(stderr=True)
        outcomes = list(track(playing, str(model), len(conversations), console=progress, transient=True))
    for outcome in outcomes:
        if options.verbose and not outcome.succeeded:
            report.show_failure(console, outcome)
    report.show(console, outcomes, f"{model}, {health['catalogue']['name']}")
    if options.save:
        report.save(options.save, outcomes, {"model": model, "catalogue": health["catalogue"], "url": url})
    return 0


@contextmanager
def _service(movielens: Path, console: Console) -> Iterator[str]:
    """The service over the files, fitted, with the built-in guide, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        for command in (["movielens.py", "import", str(movielens.resolve())], ["recommend.py", "fit"]):
            console.print(" ".join(["python", *command]), style="dim")
            done = subprocess.run(
                [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise Unplayable(done.stderr.strip() or f"{command[0]} failed")
        with process(env) as running:
            wait_for(lambda: httpx.get(f"{running.url}/health").json()["recommender"]["fitted"], seconds=60)
            yield running.url


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversation", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILES", help="conversations; all parts by default")
    parser.add_argument("--check", action="store_true", help="only check that every expectation can be read and met")
    parser.add_argument("--url", help="a running service; without it one is started")
    parser.add_argument("--model", help="the model to ask for, where the service offers several")
    parser.add_argument("--only", action="append", metavar="NAME|CATEGORY", help="may be given several times")
    parser.add_argument("--jobs", type=int, choices=range(1, 65), default=1, metavar="N", help="so many at a time")
    parser.add_argument("--verbose", action="store_true", help="print every conversation that fails")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write everything as JSON")
    parser.add_argument("--forget-ratings", action="store_true", help="delete the ratings that the service holds")
    folder = os.environ.get("MOVIELENS_DIR")
    parser.add_argument("--movielens", type=Path, default=folder or None, help="its folder; default: MOVIELENS_DIR")
    options = parser.parse_args()
    if options.movielens is None:
        parser.error("say where MovieLens's files are, by --movielens or MOVIELENS_DIR")
    return options


if __name__ == "__main__":
    sys.exit(main())
