"""Fits the recommender to a catalogue, in a process of its own: `python fit.py`, or started by the server.

`python fit.py --tune` chooses the hyper-parameters on a validation split first; they are stored with the model.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from catalogue import Catalogue
from catalogue_arrays import load_ratings
from errors import CatalogueError
from library import recommender_movies
from printable import printable
from recommend import Ratings, Recommender
from recommend_tune import Protocol, tune
from settings import Settings


def main() -> int:
    """Fit and save; the exit status is 0 where a model was saved."""
    parser = argparse.ArgumentParser(prog="python fit.py", description="Fit the recommender to the catalogue.")
    parser.add_argument("--tune", action="store_true", help="choose the hyper-parameters on a validation split first")
    parser.add_argument(
        "--by",
        choices=("time", "users"),
        default="time",
        help="tune for later ratings of known users, or for new users",
    )
    options = parser.parse_args()
    try:
        fit(Settings(), options.by if options.tune else None)
    except CatalogueError as error:
        sys.stderr.write(f"fit.py: {printable(str(error))}\n")
        return 1
    return 0


def fit(settings: Settings, tune_by: Protocol | None = None) -> None:
    """Fit a recommender to the catalogue of the settings and save it.

    Args:
        settings: where both are.
        tune_by: for what to choose the hyper-parameters first; None for the defaults.

    Raises:
        CatalogueError: The catalogue cannot be read.
    """
    with _progress() as progress:
        task = progress.add_task("reading", total=1.0)

        def tell(stage: str, share: float) -> None:
            progress.update(task, description=stage, completed=share)

        movies = recommender_movies(settings.catalogue_path)
        table = load_ratings(settings.catalogue_path)
        ratings = Ratings(table.indptr, table.movie_index, table.stars, table.timestamp)
        config = tune(ratings, movies, by=tune_by, progress=tell) if tune_by else None
        recommender = Recommender.fit(ratings, movies, config, tell)
        recommender.save(settings.model_path, asyncio.run(_version(settings.catalogue_path)))


async def _version(path: Path) -> str:
    """The content hash that ties the model to its catalogue."""
    catalogue = await Catalogue.open(path)
    try:
        return (await catalogue.info()).version
    finally:
        await catalogue.close()


def _progress() -> Progress:
    """A bar on standard error; silent where that is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


if __name__ == "__main__":
    sys.exit(main())
