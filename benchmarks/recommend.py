"""Ours against what people install: `python -m benchmarks.recommend DIR` on any set in MovieLens's layout.

Both protocols of the field: new users (Liang et al. 2018: 60 % of the users to learn from, 80 % of a new user's liked
movies told, the rest to be found) and time (each user's last 20 %, and the last 20 % of all). Every model is tuned on
the same validation split, which no test user is in. Peers learn from liked movies alone (4 stars and more), as they are
commonly used; ours also from the ratings below, and once more from likes alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from movies.titles import has_original_title
from recommend import Recommender
from taste.content import content_features
from taste.interactions import Floats, Movies, Profile, Ratings, SignalConfig
from taste.learning import Config
from training.baselines import Score, fit_ease, fit_popular, liked_matrix, liked_row
from training.evaluate import Split, ndcg, rank_all, recall, split_moment, split_time, split_users
from training.tune import SEED, measured, ranked, tune

FIRST_RATINGS = (1, 3, 5)
REQUESTS = 300  # timed

Fit: TypeAlias = Callable[..., Score]


@dataclass(frozen=True)
class Peer:
    """A way to rank, and the parameters that are tried for it on the validation split."""

    name: str
    fit: Fit
    grid: list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """One measure of one model over so many users: its mean and standard error, and by how much ours is above."""

    protocol: str
    users: int
    model: str
    measure: str
    mean: float
    error: float
    lead: float
    lead_error: float


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="holds movies.csv, ratings.csv, and tags.csv where there are tags")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("var/benchmarks/recommend"),
        help="folder for report.md, report.json, quality.png",
    )
    parser.add_argument("--seeds", type=int, default=5, help="draws of test users")
    parser.add_argument(
        "--no-tune", action="store_true", help="ours with its defaults, peers with the first of their parameters"
    )
    parser.add_argument("--peers", default="", help="comma-separated names; all by default")
    options = parser.parse_args(arguments)
    console = Console()
    ratings, movies = read_movielens(options.folder)
    console.print(
        f"{options.folder.name}: {ratings.n_users:,} users, {len(movies):,} movies, {len(ratings.stars):,} ratings"
    )
    peers = [peer for peer in available(console) if not options.peers or peer.name in options.peers.split(",")]
    with Progress(console=console) as bar:
        figures, chosen = quality(ratings, movies, peers, options.seeds, tuned=not options.no_tune, bar=bar)
    costs = cost(ratings, movies, chosen["Marquee"])
    options.out.mkdir(parents=True, exist_ok=True)
    report(console, options.out, options.folder.name, figures, costs, chosen)


def read_movielens(folder: Path) -> tuple[Ratings, Movies]:
    """A folder's files as arrays; ratings in order of user and time."""
    table = pl.read_csv(folder / "movies.csv", infer_schema_length=0).with_row_index("index")
    index = table.select(pl.col("movieId"), pl.col("index").cast(pl.Int32))
    rated = pl.read_csv(folder / "ratings.csv", schema_overrides={"movieId": pl.String, "timestamp": pl.Int64})
    rated = rated.join(index, on="movieId").sort("userId", "timestamp")
    per_user = rated.group_by("userId", maintain_order=True).len()["len"].to_numpy()
    ratings = Ratings(
        np.concatenate([[0], np.cumsum(per_user)]).astype(np.int64),
        rated["index"].to_numpy(),
        rated["rating"].cast(pl.Float32).to_numpy(),
        rated["timestamp"].to_numpy(),
    )
    n = len(table)
    genres = [[name for name in text.split("|") if not name.startswith("(")] for text in table["genres"].fill_null("")]
    years = table["title"].str.extract(r"\((\d{4})\)\s*$").cast(pl.Int16).fill_null(0).to_numpy()
    texts = table["description"].fill_null("").to_list() if "description" in table.columns else None
    foreign = [has_original_title(title) for title in table["title"]]
    features = content_features(genres, years, _tags(folder, index, n), texts, foreign)
    ids = table["movieId"].cast(pl.Int64).to_numpy()
    return ratings, measured(Movies(ids, years, features, np.zeros(n, np.int32), np.zeros(n, np.float32)), ratings)


def _tags(folder: Path, index: pl.DataFrame, n: int) -> list[list[tuple[str, float]]]:
    tags: list[list[tuple[str, float]]] = [[] for _ in range(n)]
    if not (folder / "tags.csv").exists():
        return tags
    table = pl.read_csv(folder / "tags.csv", infer_schema_length=0).join(index, on="movieId").drop_nulls("tag")
    counted = (
        table.with_columns(pl.col("tag").str.to_lowercase().str.strip_chars())
        .group_by("index", "tag")
        .len()
        .sort("index", "tag")
    )
    for place, tag, count in counted.iter_rows():
        tags[place].append((tag, float(count)))
    return tags


def available(console: Console) -> list[Peer]:
    """The peers that can be run here."""
    peers = [
        Peer("most popular", fit_popular, [{}]),
        Peer("item-kNN", fit_knn, [{"k": k, "shrink": shrink} for k in (50, 100, 200) for shrink in (10, 50)]),
        Peer("EASE", fit_ease, [{"ridge": ridge} for ridge in (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)]),
    ]
    try:
        import implicit  # noqa: F401, PLC0415  # optional
    except ImportError:
        console.print("[yellow]implicit is not installed (benchmarks/requirements.txt): no ALS, no BPR[/]")
        return peers
    als = [
        {"factors": f, "regularization": r, "alpha": a}
        for f in (32, 64, 128)
        for r in (0.1, 1.0, 10.0)
        for a in (1.0, 5.0)
    ]
    bpr = [
        {"factors": f, "regularization": r, "iterations": i}
        for f in (64, 128)
        for r in (0.01, 0.05)
        for i in (100, 300)
    ]
    return [*peers, Peer("implicit ALS", fit_als, als), Peer("implicit BPR", fit_bpr, bpr)]


def fit_knn(train: Ratings, n: int, k: int, shrink: float) -> Score:
    """Cosine item-kNN with shrinkage; each item keeps its k nearest."""
    x = liked_matrix(train, n)
    length = np.sqrt(np.maximum(np.asarray(x.sum(axis=0)), 1))
    rows = []
    for start in range(0, n, 1024):
        near = (x.T.tocsr()[start : start + 1024] @ x).toarray() / (
            np.outer(length[start : start + 1024], length) + shrink
        )
        near[np.arange(len(near)), np.arange(start, start + len(near))] = 0
        near[near < np.partition(near, -k, axis=1)[:, -k][:, None]] = 0
        rows.append(sp.csr_array(near, dtype=np.float32))
    nearest = sp.csr_array(sp.vstack(rows))
    return lambda profile: np.asarray(nearest @ liked_row(profile, n), np.float32)


def fit_als(train: Ratings, n: int, factors: int, regularization: float, alpha: float) -> Score:
    """Implicit's ALS; a person's factors are solved anew from their liked movies, seen in training or not."""
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415  # optional

    matrix = sp.csr_matrix(liked_matrix(train, n))
    model = AlternatingLeastSquares(
        factors=factors, regularization=regularization, alpha=alpha, iterations=15, random_state=0
    )
    model.fit(matrix, show_progress=False)

    def score(profile: Profile) -> Floats:
        return np.asarray(
            model.item_factors @ model.recalculate_user(0, sp.csr_matrix(liked_row(profile, n)[None])), np.float32
        )

    return score


def fit_bpr(train: Ratings, n: int, factors: int, regularization: float, iterations: int) -> Score:
    """Implicit's BPR; it knows no new users, so a person is the mean of their liked movies' factors."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking  # noqa: PLC0415  # optional

    model = BayesianPersonalizedRanking(
        factors=factors, regularization=regularization, iterations=iterations, random_state=0
    )
    model.fit(sp.csr_matrix(liked_matrix(train, n)), show_progress=False)
    items = np.asarray(model.item_factors, np.float32)

    def score(profile: Profile) -> Floats:
        row = liked_row(profile, n)
        return np.asarray(items @ (row @ items) / max(float(row.sum()), 1), np.float32)

    return score


def quality(
    ratings: Ratings, movies: Movies, peers: list[Peer], seeds: int, *, tuned: bool, bar: Progress
) -> tuple[list[Figure], dict[str, Any]]:
    """All figures, and the parameters chosen."""
    n = len(movies)
    chosen: dict[str, Any] = {"Marquee": Config()}
    figures: list[Figure] = []
    if tuned:
        chosen = choose_all(ratings, movies, peers, bar)
    else:
        chosen |= {f"{by}: {peer.name}": peer.grid[0] for by in ("users", "time") for peer in peers}
    splits: dict[str, Callable[[], Iterator[Split]]] = {
        "new users": lambda: (split_users(ratings, n, seed) for seed in range(seeds)),
        "time, each user's": lambda: iter([split_time(ratings, n)]),
        "time, of all": lambda: iter([split_moment(ratings, n)]),
    }
    for protocol, draw in splits.items():
        task = bar.add_task(protocol, total=None)
        figures += compare(protocol, list(draw()), movies, peers, chosen)
        bar.update(task, total=1, completed=1)
    figures += first_ratings(ratings, movies, chosen["Marquee"], seeds)
    return figures, chosen


def choose_all(ratings: Ratings, movies: Movies, peers: list[Peer], bar: Progress) -> dict[str, Any]:
    """The parameters of ours, and of every peer for each protocol, chosen on validation users."""
    task = bar.add_task("choosing: Marquee", total=len(peers) + 1.0)
    tuned = tune(ratings, movies, progress=lambda _name, share: bar.update(task, completed=share))
    chosen: dict[str, Any] = {"Marquee": tuned.config if tuned else Config()}
    n = len(movies)
    splits = {
        "users": (split_users(ratings, n, SEED, part="validation"), 100),
        "time": (split_time(ratings, n, part="validation"), 10),
    }
    for peer in peers:
        bar.update(task, description=f"choosing: {peer.name}")
        for by, (validation, k) in splits.items():
            chosen[f"{by}: {peer.name}"] = choose(peer, validation, n, k)
        bar.advance(task)
    return chosen


def choose(peer: Peer, validation: Split, n: int, k: int) -> dict[str, Any]:
    """The parameters that rank the validation split best."""
    if len(peer.grid) == 1:
        return peer.grid[0]

    def of(parameters: dict[str, Any]) -> float:
        lists = rank_all(validation.cases, validation.known, peer.fit(validation.train, n, **parameters), k)
        return float(ndcg(lists, validation.cases, k).mean())

    return max(peer.grid, key=of)


def compare(
    protocol: str, splits: list[Split], movies: Movies, peers: list[Peer], chosen: dict[str, Any]
) -> list[Figure]:
    """Ours and the peers on the same cases."""
    by = "users" if protocol == "new users" else "time"
    measures: list[tuple[str, Any]] = [
        ("NDCG@10", (ndcg, 10)),
        ("NDCG@100", (ndcg, 100)),
        ("R@20", (recall, 20)),
        ("R@50", (recall, 50)),
    ]
    values: dict[tuple[str, str], list[npt.NDArray[np.float64]]] = {}
    for split in splits:
        known = measured(movies, split.train)
        lists = {
            "Marquee": ranked(Recommender.fit(split.train, known, chosen["Marquee"]), split),
            "Marquee, likes alone": ranked(Recommender.fit(split.train, known, likes_alone(chosen["Marquee"])), split),
        }
        for peer in peers:
            score = peer.fit(split.train, len(movies), **chosen[f"{by}: {peer.name}"])
            lists[peer.name] = rank_all(split.cases, split.known, score)
        for model, list_ in lists.items():
            for label, (measure, k) in measures:
                values.setdefault((model, label), []).append(measure(list_, split.cases, k))
    return [figure(protocol, model, label, each, values["Marquee", label]) for (model, label), each in values.items()]


def likes_alone(config: Config) -> Config:
    """Ours told no more than the peers: liked or not."""
    only = SignalConfig(emphasis=0.0, lukewarm=0.0, dislike=0.0)
    return replace(config, learn=only, fold_in=only)


def figure(
    protocol: str, model: str, label: str, each: list[npt.NDArray[np.float64]], ours: list[npt.NDArray[np.float64]]
) -> Figure:
    """Mean and standard error over seeds, or over users where there is one split; the lead of ours is paired."""
    mean, error = _mean_error(each)
    lead, lead_error = _mean_error([a - b for a, b in zip(ours, each, strict=True)])
    return Figure(protocol, sum(map(len, each)), model, label, mean, error, lead, lead_error)


def _mean_error(each: list[npt.NDArray[np.float64]]) -> tuple[float, float]:
    sample = np.array([values.mean() for values in each]) if len(each) > 1 else each[0]
    return float(sample.mean()), float(sample.std(ddof=1) / np.sqrt(len(sample)))


def first_ratings(ratings: Ratings, movies: Movies, config: Config, seeds: int) -> list[Figure]:
    """NDCG@10 with one, three and five ratings known, against most popular."""
    values: dict[tuple[int, str], list[npt.NDArray[np.float64]]] = {}
    for seed in range(seeds):
        train = split_users(ratings, len(movies), seed, given=1).train
        model = Recommender.fit(train, measured(movies, train), config)
        popular = fit_popular(train, len(movies))
        for given in FIRST_RATINGS:
            split = split_users(ratings, len(movies), seed, given=given)
            lists = {
                "Marquee": ranked(model, split, 10),
                "most popular": rank_all(split.cases, split.known, popular, 10),
            }
            for name, list_ in lists.items():
                values.setdefault((given, name), []).append(ndcg(list_, split.cases, 10))
    return [
        figure(f"first ratings: {g}", name, "NDCG@10", each, values[g, "Marquee"]) for (g, name), each in values.items()
    ]


def cost(ratings: Ratings, movies: Movies, config: Config) -> dict[str, float]:
    """Seconds to fit, milliseconds a request (p50, p99), peak memory of this process in MB."""
    start = time.perf_counter()
    model = Recommender.fit(ratings, movies, config)
    costs = {"fit s": time.perf_counter() - start, "movies in the linear model": float(len(model.dense))}
    draw = np.random.default_rng(0)
    heavy = np.argsort(np.abs(np.diff(ratings.indptr) - 200))[:REQUESTS]
    profiles = [ratings.profile(int(user)) for user in draw.permutation(heavy)]
    seeds = draw.integers(0, len(movies), (REQUESTS, 1)).astype(np.int32)
    tasks: dict[str, list[Callable[[], object]]] = {
        "recommend, 200 ratings": [partial(model.recommend, profile) for profile in profiles],
        "the same, varied": [partial(model.recommend, profile, diversity=0.5) for profile in profiles],
        "similar": [partial(model.similar, seed) for seed in seeds],
        "next question": [partial(model.next_question, profile, 5) for profile in profiles[:50]],
    }
    for name, calls in tasks.items():
        calls[0]()
        milliseconds = [_timed(call) for call in calls]
        costs |= {
            f"{name}, p50 ms": float(np.median(milliseconds)),
            f"{name}, p99 ms": float(np.quantile(milliseconds, 0.99)),
        }
    return costs | {"peak memory of the benchmark MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


def report(
    console: Console, out: Path, name: str, figures: list[Figure], costs: dict[str, float], chosen: dict[str, Any]
) -> None:
    """The table in the terminal, report.md, report.json and quality.png."""
    lines = [f"# Recommenders on {name}", ""]
    for protocol in dict.fromkeys(f.protocol for f in figures):
        here = [f for f in figures if f.protocol == protocol]
        labels = list(dict.fromkeys(f.measure for f in here))
        table = Table("model", *labels, "ours leads by", title=f"{protocol} ({here[0].users:,} users)")
        lines += [
            f"## {protocol} ({here[0].users:,} users)",
            "",
            f"| model | {' | '.join(labels)} | ours leads by |",
            "|---" * (len(labels) + 2) + "|",
        ]
        for model in dict.fromkeys(f.model for f in here):
            row = {f.measure: f for f in here if f.model == model}
            cells = [f"{row[label].mean:.4f} ± {row[label].error:.4f}" for label in labels]
            leads = (
                ""
                if model == "Marquee"
                else ", ".join(f"{row[m].lead:+.4f} ± {row[m].lead_error:.4f} {m}" for m in labels[:2])
            )
            table.add_row(model, *cells, leads)
            lines.append(f"| {model} | {' | '.join(cells)} | {leads} |")
        console.print(table)
        lines.append("")
    lines += [
        "## Cost",
        "",
        "| | |",
        "|---|---|",
        *(f"| {label} | {value:,.2f} |" for label, value in costs.items()),
        "",
    ]
    console.print("\n".join(f"{label}: {value:,.2f}" for label, value in costs.items()))
    parameters = {key: asdict(value) if isinstance(value, Config) else value for key, value in chosen.items()}
    lines += [
        "## Chosen on validation",
        "",
        "```json",
        json.dumps(parameters, indent=1),
        "```",
        "",
        f"{sys.version.split()[0]}, numpy {np.__version__}",
    ]
    (out / "report.md").write_text("\n".join(lines) + "\n")
    (out / "report.json").write_text(
        json.dumps({"figures": [asdict(f) for f in figures], "cost": costs, "chosen": parameters}, indent=1)
    )
    plot(console, out / "quality.png", figures)


def plot(console: Console, path: Path, figures: list[Figure]) -> None:
    """Bars with standard errors, a panel a protocol."""
    try:
        import matplotlib as mpl  # noqa: PLC0415  # optional
    except ImportError:
        console.print("[yellow]matplotlib is not installed (benchmarks/requirements.txt): no plot[/]")
        return
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # optional

    panels = [("new users", "NDCG@100"), ("time, each user's", "NDCG@10"), ("time, of all", "NDCG@10")]
    chart, axes = plt.subplots(1, len(panels), figsize=(13, 4), layout="constrained")
    for axis, (protocol, measure) in zip(axes, panels, strict=True):
        here = [f for f in figures if (f.protocol, f.measure) == (protocol, measure)]
        colours = ["#b3423f" if f.model == "Marquee" else "#8a93a0" for f in here]
        axis.barh([f.model for f in here], [f.mean for f in here], xerr=[f.error for f in here], color=colours)
        axis.invert_yaxis()
        axis.set_title(f"{protocol}: {measure}")
    chart.savefig(path, dpi=120)
    console.print(f"written: {path.parent}")


if __name__ == "__main__":
    main()
