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
from recommend import Ratings, Recommender
from settings import Settings


def main() -> int:
    """Fit and save; the exit status is 0 where a model was saved."""
    settings = Settings()
    parser = argparse.ArgumentParser(prog="python fit.py", description="Fit the recommender to the catalogue.")
    parser.add_argument("catalogue", nargs="?", type=Path, default=settings.catalogue_path)
    parser.add_argument("model", nargs="?", type=Path, default=settings.model_path)
    options = parser.parse_args()
    try:
        fit(options.catalogue, options.model)
    except CatalogueError as error:
        sys.stderr.write(f"fit.py: {error}\n")
        return 1
    return 0


def fit(catalogue: Path, model: Path) -> None:
    """Fit a recommender to a catalogue file and save it.

    Raises:
        CatalogueError: The file cannot be read.
    """
    with _progress() as progress:
        task = progress.add_task("reading", total=1.0)
        movies = recommender_movies(catalogue)
        table = load_ratings(catalogue)
        ratings = Ratings(table.indptr, table.movie_index, table.stars, table.timestamp)
        recommender = Recommender.fit(
            ratings, movies, progress=lambda stage, share: progress.update(task, description=stage, completed=share)
        )
        recommender.save(model, asyncio.run(_version(catalogue)))


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
