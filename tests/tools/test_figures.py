"""Figures against an independent count over the CSV files of the same data."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import polars as pl
import pytest

from errors import ToolError
from movielens import import_catalogue
from movies import aggregates
from movies.ingest.archives import open_source
from movies.ingest.files import MovieFiles
from movies.library import SAMPLE, Library
from movies.titles import split_year
from settings import Settings
from tests.support.asking import ask
from tools.registry import Toolbox


@pytest.fixture(scope="module")
def movies() -> pl.DataFrame:
    read = pl.read_csv(SAMPLE / "movies.csv")
    year = pl.col("title").map_elements(lambda title: split_year(title)[1], return_dtype=pl.Int64)
    return read.with_columns(pl.col("genres").str.split("|"), year.alias("year"))


@pytest.fixture(scope="module")
def ratings(movies: pl.DataFrame) -> pl.DataFrame:
    """Each rating with its movie, the month it was given in, and its year."""
    at = pl.from_epoch("timestamp", time_unit="s")
    return (
        pl.read_csv(SAMPLE / "ratings.csv")
        .with_columns(at.dt.strftime("%Y-%m").alias("month"), at.dt.strftime("%Y").alias("rated_year"))
        .join(movies, on="movieId")
    )


@pytest.fixture(scope="module")
def rated(movies: pl.DataFrame, ratings: pl.DataFrame) -> pl.DataFrame:
    """Each movie with its count and mean, null for none."""
    of_movie = ratings.group_by("movieId").agg(pl.len().alias("count"), pl.col("rating").mean().alias("mean"))
    return movies.join(of_movie, on="movieId", how="left").with_columns(pl.col("count").fill_null(0))


def has(genre: str) -> pl.Expr:
    return pl.col("genres").list.contains(genre)


FILTERS: list[tuple[dict[str, Any], pl.Expr]] = [
    ({}, pl.lit(value=True)),
    ({"genres": ["Horror"], "year_from": 1980, "year_to": 1989}, has("Horror") & pl.col("year").is_between(1980, 1989)),
    ({"exclude_genres": ["Drama"], "min_ratings": 20}, ~has("Drama") & (pl.col("count") >= 20)),
    ({"max_ratings": 30, "min_mean": 3.5}, (pl.col("count") <= 30) & (pl.col("mean") >= 3.5)),
    ({"max_mean": 3, "genres": ["Comedy", "Romance"]}, has("Comedy") & has("Romance") & (pl.col("mean") <= 3)),
    ({"genres": ["Western"], "year_from": 2100}, pl.lit(value=False)),
]


@pytest.mark.parametrize(("filters", "passes"), FILTERS)
async def test_movies_are_counted_and_averaged(
    tools: Toolbox, rated: pl.DataFrame, filters: dict[str, Any], passes: pl.Expr
) -> None:
    found = await ask(tools, "query_catalogue", **filters)
    expected = rated.filter(passes)
    assert found["total"] == len(expected)
    for name in ("mean", "min", "max"):
        value = getattr(expected["mean"], name)()
        assert found[name] == (None if value is None else pytest.approx(value, abs=1e-4))
    assert bool(found["notes"]) == (not len(expected))


@pytest.mark.parametrize(("filters", "passes"), FILTERS)
async def test_ratings_are_counted_and_averaged(
    tools: Toolbox, rated: pl.DataFrame, ratings: pl.DataFrame, filters: dict[str, Any], passes: pl.Expr
) -> None:
    found = await ask(tools, "query_catalogue", of="ratings", measure="histogram", **filters)
    expected = ratings.join(rated.filter(passes), on="movieId", how="semi")
    assert found["total"] == len(expected)
    assert found["mean"] == (pytest.approx(expected["rating"].mean(), abs=1e-4) if len(expected) else None)
    counts = dict(expected["rating"].value_counts().iter_rows())
    assert found["histogram"] == {str(half / 2): counts.get(half / 2, 0) for half in range(1, 11)}


def groups(found: Any) -> dict[str, tuple[int, float]]:
    assert found["group_count"] == len(found["groups"])
    return {group["name"]: (group["count"], group["mean"]) for group in found["groups"]}


def expected_groups(frame: pl.DataFrame, by: str, value: str) -> dict[str, tuple[int, Any]]:
    found = frame.group_by(by).agg(pl.len(), pl.col(value).mean().round(4)).drop_nulls(by)
    return {
        str(name): (count, None if mean is None else pytest.approx(mean, abs=1.01e-4))
        for name, count, mean in found.iter_rows()
    }


@pytest.mark.parametrize("by", ["genre", "decade", "year"])
async def test_movies_are_grouped_by_what_they_have(tools: Toolbox, rated: pl.DataFrame, by: str) -> None:
    found = await ask(tools, "query_catalogue", by=by, year_from=1985, limit=50)
    recent = rated.filter(pl.col("year") >= 1985)
    assert groups(found) == expected_groups(_by(recent, by), by, "mean")


@pytest.mark.parametrize("by", ["genre", "decade", "year", "month", "rated_year", "stars", "user"])
@pytest.mark.parametrize("quantile", [0, 0.5])
async def test_ratings_are_grouped(tools: Toolbox, ratings: pl.DataFrame, by: str, quantile: float) -> None:
    """Of all time, and of the newer half."""
    midnight = int(ratings["timestamp"].quantile(quantile) or 0) // 86_400 * 86_400
    since = datetime.fromtimestamp(midnight, UTC).date().isoformat() if quantile else None
    found = await ask(tools, "query_catalogue", of="ratings", by=by, genres=["Horror"], since=since, limit=50)
    horror = ratings.filter(has("Horror") & (pl.col("timestamp") >= midnight))
    expected = expected_groups(_by(horror, by), by, "rating")
    assert found["total"] == len(horror)
    assert found["group_count"] == len(expected)
    told = {group["name"]: (group["count"], group["mean"]) for group in found["groups"]}
    assert told == {name: expected[name] for name in told}
    assert len(told) == min(len(expected), 50)
    if by not in ("month", "stars"):
        most = sorted((count for count, _ in expected.values()), reverse=True)[:50]
        assert [count for count, _ in told.values()] == most


def _by(frame: pl.DataFrame, by: str) -> pl.DataFrame:
    """The frame with its group in a column of that name."""
    if by == "genre":
        return frame.explode("genres").rename({"genres": "genre"}).filter(pl.col("genre") != "(no genres listed)")
    if by == "decade":
        return frame.with_columns((pl.col("year") // 10 * 10).cast(pl.String).alias("decade") + "s")
    if by == "user":
        return frame.with_columns((pl.lit("user ") + pl.col("userId").cast(pl.String)).alias("user"))
    return frame.with_columns(pl.col("rating").cast(pl.String).alias("stars")) if by == "stars" else frame


async def test_one_person_is_counted_by_month_and_period(tools: Toolbox, ratings: pl.DataFrame) -> None:
    user = ratings.filter(pl.col("userId") == 7)
    year = user["rated_year"].mode()[0]
    found = await ask(
        tools, "query_catalogue", of="ratings", measure="mean", by="month", user_id=7, since=year, until=year
    )
    theirs = user.filter(pl.col("rated_year") == year)
    assert found["whose"] == "MovieLens user 7"
    assert groups(found) == expected_groups(theirs, "month", "rating")
    assert [group["name"] for group in found["groups"]] == sorted(theirs["month"].unique())
    movies = await ask(tools, "query_catalogue", user_id=7, genres=["Comedy"])
    assert movies["total"] == len(user.filter(has("Comedy")))
    with pytest.raises(ToolError, match="The data has no user 987654"):
        await ask(tools, "query_catalogue", user_id=987654)
    assert (await ask(tools, "query_catalogue", user_id=0))["whose"] is None


async def test_the_worst_the_best_and_the_most_rated_are_ranked(tools: Toolbox, rated: pl.DataFrame) -> None:
    known = rated.filter(pl.col("count") >= 20)
    worst = await ask(tools, "query_catalogue", measure="min", min_ratings=20, limit=5)
    assert worst["min"] == pytest.approx(known["mean"].min(), abs=1e-4)
    assert [m["rating_mean"] for m in worst["movies"]] == pytest.approx(known["mean"].sort()[:5].to_list(), abs=1e-4)
    best = await ask(tools, "query_catalogue", measure="list", sort_by="mean", at_least=20, limit=5)
    assert [m["rating_mean"] for m in best["movies"]] == pytest.approx(
        known["mean"].sort(descending=True)[:5].to_list(), abs=1e-4
    )
    assert best["notes"] == []
    rash = await ask(tools, "query_catalogue", measure="max")
    if rash["movies"][0]["rating_count"] < 5:
        assert "very few ratings" in rash["notes"][0]
    most = await ask(tools, "query_catalogue", measure="list", limit=3)
    assert [m["rating_count"] for m in most["movies"]] == rated["count"].sort(descending=True)[:3].to_list()
    named = await ask(tools, "query_catalogue", measure="list", sort_by="name", limit=5)
    titles = [movie["title"] for movie in named["movies"]]
    assert titles == sorted(titles)


async def test_movies_are_ranked_by_the_ratings_of_a_time(tools: Toolbox, ratings: pl.DataFrame) -> None:
    year = ratings["rated_year"].mode()[0]
    found = await ask(tools, "query_catalogue", of="ratings", measure="list", since=year, until=year, limit=3)
    of_year = ratings.filter(pl.col("rated_year") == year).group_by("movieId").agg(pl.len(), pl.col("rating").mean())
    counts = {movie_id: (count, mean) for movie_id, count, mean in of_year.iter_rows()}
    for group in found["groups"]:
        count, mean = counts[group["movie_id"]]
        assert (group["count"], group["mean"]) == (count, pytest.approx(mean, abs=1e-4))
    assert found["groups"][0]["count"] == max(count for count, _ in counts.values())


async def test_groups_may_have_to_be_of_a_size_and_come_in_any_order(tools: Toolbox, rated: pl.DataFrame) -> None:
    found = await ask(tools, "query_catalogue", by="year", at_least=20, sort_by="mean", order="asc", limit=50)
    expected = {name for name, (count, _) in expected_groups(rated, "year", "mean").items() if count >= 20}
    assert {group["name"] for group in found["groups"]} == expected
    means = [group["mean"] for group in found["groups"]]
    assert means == sorted(means)


async def test_tags_group_the_movies_that_a_filter_by_them_finds(tools: Toolbox) -> None:
    found = await ask(tools, "query_catalogue", by="tag", limit=5)
    for group in found["groups"]:
        alone = await ask(tools, "query_catalogue", tags=[group["name"]])
        assert (alone["total"], alone["mean"]) == (group["count"], group["mean"])


async def test_a_count_by_a_tag_tells_how_else_it_was_typed(
    tools: Toolbox, movielens_dir: Path, tmp_path: Path
) -> None:
    import_catalogue(MovieFiles(open_source(movielens_dir)), tmp_path / "catalogue.db")
    library = await Library.open(Settings(_env_file=None, data_dir=tmp_path), work=False)
    async with library.use() as snapshot:
        found = await ask(replace(tools, snapshot=snapshot), "query_catalogue", tags=["time travel"])
        alone = await ask(replace(tools, snapshot=snapshot), "query_catalogue", tags=["heist"])
    await library.close()
    assert (found["total"], found["as_spelled"], alone["as_spelled"]) == (14, 13, None)
    assert found["notes"][-1] == (
        "“time travel” was also typed as “time-travel” (1 more), which is taken as the same tag."
    )
    assert not any("typed" in note for note in alone["notes"])


async def test_words_of_titles_and_named_movies_are_counted(tools: Toolbox, movies: pl.DataFrame) -> None:
    found = await ask(tools, "query_catalogue", query="story", measure="list", limit=50)
    assert found["total"] == len(movies.filter(pl.col("title").str.to_lowercase().str.contains(r"\bstory\b")))
    assert all("story" in movie["title"].lower() for movie in found["movies"])
    heat = await ask(tools, "query_catalogue", of="ratings", movies=["Heat (1995)"])
    assert heat["total"] == (await ask(tools, "get_movie", movie="Heat (1995)"))["movie"]["rating_count"]


async def test_own_ratings_are_counted_with_those_of_the_user_of_the_session(
    tools: Toolbox, ratings: pl.DataFrame
) -> None:
    assert tools.session is not None
    assert (await ask(tools, "query_catalogue", of="ratings", own=True))["total"] == 0
    mine = replace(tools, session=tools.session.model_copy(update={"user_id": 7}))
    theirs = ratings.filter(pl.col("userId") == 7)
    new = (await ask(mine, "next_question", limit=1))["movies"][0]
    await ask(mine, "rate_movie", movie=new["movie_id"], stars=0.5)
    for args in ({"own": True}, {"user_id": 7}):
        found = await ask(mine, "query_catalogue", of="ratings", **args)
        assert (found["whose"], found["total"]) == ("you", len(theirs) + 1)
    now = str(tools.clock().year)
    assert groups(await ask(mine, "query_catalogue", of="ratings", own=True, by="month", since=now))
    assert (await ask(tools, "query_catalogue", of="ratings", user_id=7))["total"] == len(theirs)


@pytest.mark.parametrize("name", ["_by_movie", "_by_month", "_by_user"])
async def test_ratings_are_not_counted_on_the_event_loop(tools: Toolbox, name: str) -> None:
    by = {"_by_movie": "genre", "_by_month": "month", "_by_user": "user"}[name]
    seen: set[Any] = set()

    def note(frame: FrameType, _: str, __: object) -> None:
        seen.add(frame.f_code)

    sys.setprofile(note)
    try:
        await ask(tools, "query_catalogue", of="ratings", by=by, since="2018")
    finally:
        sys.setprofile(None)
    assert aggregates.Aggregates.by_movie.__code__ in seen or by != "genre"
    assert getattr(aggregates, name).__code__ not in seen
