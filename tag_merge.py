"""Which tags tell about a movie: the genome's, and those that its viewers typed. Frames in, frames out.

A frame of tags has the columns movie (its index), tag (as shown), plain (as compared) and relevance (0 to 1), with each
movie's rows best first.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from movie_files import TagRows
from movie_stats import TELLING, Ints
from titles import plain

LONGEST_TAG = 100  # characters; what is longer is a sentence and no tag
TYPED = {"movie": pl.Int64, "user": pl.Int64, "movie_id": pl.Int64, "tag": pl.String, "timestamp": pl.Int64}
SCHEMA = {"movie": pl.Int64, "tag": pl.String, "plain": pl.String, "relevance": pl.Float64}


def tag_frame(
    movies: Sequence[int], tags: Sequence[str], plains: Sequence[str], relevances: Sequence[float]
) -> pl.DataFrame:
    return pl.DataFrame({"movie": movies, "tag": tags, "plain": plains, "relevance": relevances}, schema=SCHEMA)


def typed_frame(movies: Ints, rows: TagRows) -> pl.DataFrame:
    """Tags as typed, with the index of the movie that each is of."""
    columns = {
        "movie": movies,
        "user": rows.users,
        "movie_id": rows.movies,
        "tag": rows.tags,
        "timestamp": rows.timestamps,
    }
    return pl.DataFrame(columns, schema=TYPED)


def typed_tags(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Rank tags as typed by the share of the movie's taggers who used them, then by use anywhere.

    Spellings that compare alike are one tag, shown as it is most often written. `users` is added to the columns.
    """
    typed = pl.concat(frames) if frames else pl.DataFrame(schema=TYPED)
    spellings = typed.group_by("tag").len("times").sort("times", "tag", descending=True)
    spellings = spellings.with_columns(pl.Series("plain", map(plain, spellings["tag"]), dtype=pl.String))
    usable = spellings.filter((pl.col("plain") != "") & (pl.col("tag").str.len_chars() <= LONGEST_TAG))
    shown = usable.group_by("plain", maintain_order=True).agg(pl.col("tag").first(), pl.col("times").sum())
    shown = shown.with_row_index("form")
    forms = usable.select("tag", "plain").join(shown.select("plain", "form"), on="plain").select("tag", "form")
    uses = typed.join(forms, on="tag").select("movie", "form", "user").unique()
    taggers = typed.select("movie", "user").unique().group_by("movie").len("taggers")
    ranked = uses.group_by("movie", "form").len("users").join(taggers, on="movie").join(shown, on="form")
    ranked = ranked.with_columns((pl.col("users") / pl.col("taggers")).alias("relevance"))
    ranked = ranked.sort("movie", "relevance", "times", "plain", descending=[False, True, True, False])
    return ranked.select(*SCHEMA, "users")


def merge_tags(genome: pl.DataFrame, typed: pl.DataFrame) -> pl.DataFrame:
    """Join the genome's tags and the typed ones.

    Where a movie has a genome, a typed tag is added when several viewers used it and the genome has no such tag.
    """
    if "users" in typed.columns:
        in_genome = pl.col("movie").is_in(genome["movie"].unique().implode())
        known = pl.col("plain").is_in(genome["plain"].unique().implode())
        typed = typed.filter(~in_genome | ((pl.col("users") > 1) & ~known)).select(*SCHEMA)
    joined = pl.concat([genome.filter(pl.col("plain") != ""), typed])
    joined = joined.unique(["movie", "plain"], keep="first", maintain_order=True).sort("movie", maintain_order=True)
    return joined.filter(pl.int_range(pl.len()).over("movie") < TELLING)


def tags_by_movie(tags: pl.DataFrame) -> dict[int, list[tuple[str, float]]]:
    """The tags of each movie with their relevance, best first."""
    by_movie: dict[int, list[tuple[str, float]]] = {}
    for movie, tag, relevance in tags.select("movie", "tag", "relevance").iter_rows():
        by_movie.setdefault(movie, []).append((tag, round(relevance, 4)))
    return by_movie
