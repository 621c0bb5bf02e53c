"""Conversations with known outcomes, played against a service: `python -m benchmarks.conversation --help`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.conversations.expectations import Conversation, load
from benchmarks.conversations.oracle import Malformed, Oracle

FOLDER = Path(__file__).parent / "conversations"


def main() -> int:
    options = _options()
    try:
        oracle = Oracle(options.movielens)
    except Malformed as exc:
        print(exc, file=sys.stderr)
        return 2
    conversations: list[Conversation] = []
    wrong: list[str] = []
    for path in options.files or sorted(FOLDER.glob("*.toml")):
        found, problems = load(path, oracle)
        conversations += found
        wrong += problems
        print(f"{path.name}: {len(found)} conversations, {sum(len(one.turns) for one in found)} turns")
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversation", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILES", help="conversations; both parts by default")
    parser.add_argument("--check", action="store_true", help="only check that every expectation can be read and met")
    folder = os.environ.get("MOVIELENS_DIR")
    parser.add_argument("--movielens", type=Path, default=folder, required=not folder, help="default: MOVIELENS_DIR")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
