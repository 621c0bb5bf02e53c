"""Fits the recommender to a catalogue and saves it; the hyper-parameters are chosen first where that is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from movies.arrays import load_movies, load_ratings
from movies.reader import Catalogue
from recommend import Recommender
from settings import Settings
from training.tune import Protocol, tune


def fit(settings: Settings, tune_by: Protocol | None = None) -> None:
    """Fit a recommender to the catalogue of the settings and save it.

    Args:
        settings: where both are.
        tune_by: for what to choose the hyper-parameters first; None for the defaults.

    Raises:
        CatalogueError: The catalogue cannot be read.
    """
    with progress_bar() as progress:
        task = progress.add_task("reading", total=1.0)

        def tell(stage: str, share: float) -> None:
            progress.update(task, description=stage, completed=share)

        ratings, movies = load_ratings(settings.catalogue_path), load_movies(settings.catalogue_path)
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


def progress_bar() -> Progress:
    """A bar on standard error; silent where that is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
