"""The recommender at work on the catalogue of DATA_DIR: `python recommend.py fit|tune|embed|evaluate`.

The server starts `fit`, `tune` and `embed` as processes of their own when what they make is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from errors import CatalogueError
from movies import embeddings
from movies.arrays import load_movies, load_ratings
from movies.library import NO_MODEL
from movies.reader import Catalogue
from recommend import TO_BE_TUNED, Recommender
from settings import ROOT, Settings
from taste.learning import Config
from taste.learning import Progress as Told
from text import printable
from training.evaluate import split_users
from training.plots import installed, plot
from training.report import Figures, figures
from training.tune import tune as choose

REQUIREMENTS = "benchmarks/requirements.txt"
TOO_FEW = "as they were: too few users liked five movies to choose by"
OUT = ROOT / "benchmarks" / "out"


def main() -> int:
    """Run the command; the exit status is 0 where it did what was asked."""
    options = _parser().parse_args()
    settings = Settings()
    try:
        match options.command:
            case "fit":
                fit(settings, to_be_tuned=options.to_be_tuned)
            case "tune":
                tune(settings)
            case "embed":
                embed(settings)
            case _:
                evaluate(settings, options.folder, options.out)
    except CatalogueError as error:
        sys.stderr.write(f"recommend.py: {printable(str(error))}\n")
        return 1
    return 0


def fit(settings: Settings, *, to_be_tuned: bool = False) -> None:
    """Fit a recommender to the catalogue of the settings and save it.

    What was chosen for the same catalogue is kept; else it has the defaults.

    Args:
        settings: where both are.
        to_be_tuned: whether a running server is to choose the hyper-parameters afterwards.

    Raises:
        CatalogueError: The catalogue cannot be read.
    """
    version = asyncio.run(_version(settings.catalogue_path))
    with _progress() as tell:
        before = _saved(settings, version)
        ratings, movies = load_ratings(settings.catalogue_path), load_movies(settings.catalogue_path)
        recommender = Recommender.fit(ratings, movies, before.config if before and before.tuning else None, tell)
        recommender.tuning = (before.tuning if before else None) or (TO_BE_TUNED if to_be_tuned else None)
        recommender.save(settings.model_path, version)


def tune(settings: Settings) -> None:
    """Choose the hyper-parameters on validation users of the catalogue, fit with them and save; the choice is said.

    Where nothing better is found, the model of the defaults stays as it is.

    Raises:
        CatalogueError: The catalogue cannot be read, or has too few ratings to choose by.
    """
    os.nice(10)  # requests go first
    version = asyncio.run(_version(settings.catalogue_path))
    with _progress() as tell:
        ratings, movies = load_ratings(settings.catalogue_path), load_movies(settings.catalogue_path)
        tuned = choose(ratings, movies, progress=tell)
        saved = _saved(settings, version)
        config = tuned.config if tuned else Config()
        same = saved is not None and saved.config == config and saved.fitted
        recommender = saved if same and saved else Recommender.fit(ratings, movies, config, tell)
        recommender.tuning = str(tuned) if tuned else TOO_FEW
        recommender.save(settings.model_path, version)
    Console().print(recommender.tuning, highlight=False, soft_wrap=True)


def embed(settings: Settings) -> None:
    """Make the movies' vectors.

    Raises:
        CatalogueError: No model is configured, or it does not answer, or the catalogue cannot be read.
    """
    if settings.embeddings_model is None:
        raise CatalogueError("EMBEDDINGS_MODEL is not set.")
    asyncio.run(embeddings.make(settings))


def evaluate(settings: Settings, folder: Path | None, out: Path) -> None:
    """Measure the recommender as it is served against EASE and the most popular movies: tables, and plots in a folder.

    Args:
        settings: where the catalogue is that is measured where no folder is given.
        folder: a MovieLens set, imported for the time being, or a data directory.
        out: of the plots.

    Raises:
        CatalogueError: The catalogue cannot be read, or has too few ratings to measure by.
    """
    with TemporaryDirectory() as scratch:
        path, model = _to_evaluate(settings, folder, Path(scratch))
        ratings, movies = load_ratings(path), load_movies(path)
    console = Console()
    console.print(f"{ratings.n_users:,} users, {len(movies):,} movies, {len(ratings.stars):,} ratings", highlight=False)
    if not split_users(ratings, len(movies), 0).cases:
        raise CatalogueError("Too few users of this catalogue liked five movies: there is nothing to measure by.")
    with _progress() as tell:
        tuned = None if model and model.tuning else choose(ratings, movies, progress=tell)
    config = tuned.config if tuned else (model.config if model else Config())
    console.print(f"Parameters: {tuned or (model.tuning if model else None) or 'the defaults'}", highlight=False)
    plots = installed()
    out.mkdir(parents=True, exist_ok=True)
    for found in figures(ratings, movies, config):
        console.print(_table(found))
        if plots:
            plot(found, out)
    where = f"Plots are in {out}." if plots else f"No plots: pip install -r {REQUIREMENTS} brings matplotlib."
    console.print(where, highlight=False)


def _to_evaluate(settings: Settings, folder: Path | None, scratch: Path) -> tuple[Path, Recommender | None]:
    """The catalogue to be measured, and the model that is kept with it, if there is one."""
    if folder is not None and not (folder / settings.catalogue_path.name).is_file():
        # The import brings polars and a second copy of SQLite: a fit does without.
        from movielens import import_catalogue  # noqa: PLC0415
        from movies.ingest.archives import open_source  # noqa: PLC0415
        from movies.ingest.files import MovieFiles  # noqa: PLC0415

        return import_catalogue(MovieFiles(open_source(folder)), scratch / "catalogue.db").path, None
    if folder is not None:
        settings = settings.model_copy(update={"data_dir": folder})
    return settings.catalogue_path, _saved(settings, asyncio.run(_version(settings.catalogue_path)))


def _saved(settings: Settings, version: str) -> Recommender | None:
    """The model of this catalogue, where there is a whole one."""
    try:
        return Recommender.load(settings.model_path, version)
    except NO_MODEL:
        return None


def _table(found: Figures) -> Table:
    table = Table("", *found.groups, title=found.title, title_justify="left")
    digits = 3 if max(max(values) for values in found.series.values()) < 2 else 2
    for name, values in found.series.items():
        table.add_row(name, *(f"{value:.{digits}f}" for value in values))
    return table


async def _version(path: Path) -> str:
    """The content hash that ties the model to its catalogue."""
    catalogue = await Catalogue.open(path)
    try:
        return catalogue.info.version
    finally:
        await catalogue.close()


@contextmanager
def _progress() -> Iterator[Told]:
    """A bar on standard error; where that is no terminal, a line on standard output for each stage and each tenth."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    said: list[str] = [""]
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=1.0)

        def tell(stage: str, share: float) -> None:
            bar.update(task, description=stage, completed=share)
            line = f"{stage}, {int(share * 10) * 10} %"
            if not console.is_terminal and line != said[0]:
                said[0] = line
                with suppress(BrokenPipeError):  # who started us may be gone; the work is worth finishing
                    os.write(sys.stdout.fileno(), f"{line}\n".encode())

        yield tell


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="recommend.py", description="Work on the recommender of the catalogue.")
    commands = parser.add_subparsers(dest="command", required=True)
    fitted = commands.add_parser("fit", help="fit it to the catalogue and save it")
    fitted.add_argument("--to-be-tuned", action="store_true", help="and have a running server choose its parameters")
    commands.add_parser("tune", help="choose its parameters on validation users, then fit and save")
    commands.add_parser("embed", help="make the movies' vectors with the model of EMBEDDINGS_MODEL")
    measured = commands.add_parser("evaluate", help="measure it on held-out ratings: tables and plots")
    measured.add_argument(
        "folder", type=Path, nargs="?", help="a MovieLens set or a data directory (default: DATA_DIR's catalogue)"
    )
    measured.add_argument("--out", type=Path, default=OUT, help="folder for the plots (default: benchmarks/out)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
