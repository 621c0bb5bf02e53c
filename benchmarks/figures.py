"""Times `query_catalogue` over a data directory, called as the service calls it.

    python -m benchmarks.figures DATA_DIR [--rounds 20]

Prints, for each question, the first time (columns are read once), median and 99th percentile of the rest, and how long
the event loop stood still meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger

from movies.library import Library
from settings import Settings
from storage.opening import open_database
from storage.own_ratings import OwnRatings
from tools.registry import TOOLS, Toolbox

TICK = 0.001  # seconds
QUESTIONS: dict[str, dict[str, Any]] = {
    "how many horror films of the 80s": {"genres": ["Horror"], "year_from": 1980, "year_to": 1989},
    "mean by genre": {"of": "ratings", "by": "genre", "measure": "mean"},
    "most rated tags": {"by": "tag", "measure": "count"},
    "worst with 20 ratings": {"measure": "min", "min_ratings": 20},
    "most rated of 2016": {"of": "ratings", "measure": "list", "since": "2016-01-01", "until": "2016-12-31"},
    "by month, all": {"of": "ratings", "by": "month"},
    "by month, dramas": {"of": "ratings", "by": "month", "genres": ["Drama"]},
    "by user, all": {"of": "ratings", "by": "user"},
    "by user, dramas": {"of": "ratings", "by": "user", "genres": ["Drama"], "measure": "mean", "at_least": 20},
    "by user, since 2010": {"of": "ratings", "by": "user", "since": "2010-01-01"},
    "by genre, since 2010": {"of": "ratings", "by": "genre", "since": "2010-01-01"},
    "user 7 by month": {"of": "ratings", "by": "month", "user_id": 7, "measure": "mean"},
}


async def main(data_dir: Path, rounds: int) -> None:
    logger.remove()
    library = await Library.open(Settings(_env_file=None, data_dir=data_dir), work=False)
    with tempfile.TemporaryDirectory() as folder:
        database = await open_database(Path(folder) / "chat.db")
        async with library.use() as snapshot:
            toolbox = Toolbox(snapshot, OwnRatings(database), "local")
            times = [spent for asked in QUESTIONS for spent in await _play(toolbox, asked, rounds)]
        await database.close()
    await library.close()
    print(f"{'all':34} p50 {np.median(times):6.1f} ms  p99 {np.percentile(times, 99):6.1f} ms")


async def _play(toolbox: Toolbox, question: str, rounds: int) -> list[float]:
    """Ask one question again and again; the times of all but the first, in milliseconds."""
    times, stops = [], [0.0]
    args = TOOLS["query_catalogue"].check(QUESTIONS[question])
    watch = asyncio.create_task(_note_stops(stops))
    for _ in range(rounds + 1):
        started = time.perf_counter()
        await toolbox.run("query_catalogue", args)
        times.append((time.perf_counter() - started) * 1000)
    watch.cancel()
    first, *rest = times
    shown = f"first {first:7.1f} ms  p50 {np.median(rest):6.1f} ms  p99 {np.percentile(rest, 99):6.1f} ms"
    print(f"{question:34} {shown}  loop stood {max(stops) * 1000:5.1f} ms")
    return rest


async def _note_stops(stops: list[float]) -> None:
    """Note, in seconds, how long the event loop did not come round each time."""
    while True:
        started = time.perf_counter()
        await asyncio.sleep(TICK)
        stops.append(time.perf_counter() - started - TICK)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    asyncio.run(main(given.data_dir, given.rounds))
