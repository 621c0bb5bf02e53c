"""The recommender at work on the catalogue of DATA_DIR: `python recommend.py fit|tune|embed|evaluate`.

The server starts `fit` and `embed` as processes of their own when they are missing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from errors import CatalogueError
from movies import embeddings
from movies.arrays import load_movies, load_ratings
from movies.reader import Catalogue
from recommend import Recommender
from settings import Settings
from taste.interactions import Floats, Profile
from text import printable
from training.evaluate import ndcg, rank_all, recall, split_time, split_users
from training.tune import Protocol, measured, ranked, tune

MEASURES = {"NDCG@10": (ndcg, 10), "NDCG@100": (ndcg, 100), "Recall@20": (recall, 20)}


def main() -> int:
    """Run the command; the exit status is 0 where it did what was asked."""
    options = _parser().parse_args()
    settings = Settings()
    try:
        match options.command:
            case "fit":
                fit(settings)
            case "tune":
                fit(settings, options.by)
            case "embed":
                embed(settings)
            case _:
                evaluate(settings)
    except CatalogueError as error:
        sys.stderr.write(f"recommend.py: {printable(str(error))}\n")
        return 1
    return 0


def fit(settings: Settings, tune_by: Protocol | None = None) -> None:
    """Fit a recommender to the catalogue of the settings and save it.

    Args:
        settings: where both are.
        tune_by: for what to choose the hyper-parameters first; None for the defaults.

    Raises:
        CatalogueError: The catalogue cannot be read, or has no ratings to tune by.
    """
    with _progress_bar() as progress:
        task = progress.add_task("reading", total=1.0)

        def tell(stage: str, share: float) -> None:
            progress.update(task, description=stage, completed=share)

        ratings, movies = load_ratings(settings.catalogue_path), load_movies(settings.catalogue_path)
        if tune_by and not len(ratings.stars):
            raise CatalogueError("The catalogue has no ratings to choose parameters by.")
        config = tune(ratings, movies, by=tune_by, progress=tell) if tune_by else None
        recommender = Recommender.fit(ratings, movies, config, tell)
        recommender.save(settings.model_path, asyncio.run(_version(settings.catalogue_path)))


def embed(settings: Settings) -> None:
    """Make the movies' vectors.

    Raises:
        CatalogueError: No model is configured, or it does not answer, or the catalogue cannot be read.
    """
    if settings.embeddings_model is None:
        raise CatalogueError("EMBEDDINGS_MODEL is not set.")
    asyncio.run(embeddings.make(settings))


def evaluate(settings: Settings) -> None:
    """Measure the recommender with its defaults against the most popular movies, by both protocols of the field.

    Raises:
        CatalogueError: The catalogue cannot be read.
    """
    ratings, movies = load_ratings(settings.catalogue_path), load_movies(settings.catalogue_path)
    table = Table("protocol", "model", title=f"{ratings.n_users:,} users, {len(movies):,} movies")
    for measure in MEASURES:
        table.add_column(measure, justify="right")
    with _progress_bar() as bar:
        task = bar.add_task("measuring", total=2)
        for protocol, split in (
            ("new users", split_users(ratings, len(movies), seed=0)),
            ("each user's latest", split_time(ratings, len(movies))),
        ):
            if not split.cases:
                table.add_row(protocol, "too few ratings to measure by", *([""] * len(MEASURES)))
                continue
            model = Recommender.fit(split.train, measured(movies, split.train))
            lists = {
                "Marquee": ranked(model, split),
                "most popular": rank_all(split.cases, split.known, partial(_most_rated, model)),
            }
            for name, found in lists.items():
                figures = [f"{measure(found, split.cases, k).mean():.3f}" for measure, k in MEASURES.values()]
                table.add_row(protocol, name, *figures)
            bar.advance(task)
    Console().print(table)


async def _version(path: Path) -> str:
    """The content hash that ties the model to its catalogue."""
    catalogue = await Catalogue.open(path)
    try:
        return catalogue.info.version
    finally:
        await catalogue.close()


def _progress_bar() -> Progress:
    """A bar on standard error; silent where that is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _most_rated(model: Recommender, _profile: Profile) -> Floats:
    return model.movies.rating_count.astype(np.float32)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="recommend.py", description="Work on the recommender of the catalogue.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fit", help="fit it to the catalogue and save it")
    tuned = commands.add_parser("tune", help="choose its parameters on a validation split, then fit and save")
    tuned.add_argument(
        "--by", choices=("time", "users"), default="time", help="for later ratings of known users, or for new users"
    )
    commands.add_parser("embed", help="make the movies' vectors with the model of EMBEDDINGS_MODEL")
    commands.add_parser("evaluate", help="measure it on held-out ratings of the catalogue")
    return parser


if __name__ == "__main__":
    sys.exit(main())
