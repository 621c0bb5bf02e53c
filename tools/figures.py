"""The tool that counts: figures over the catalogue and its ratings, whole, by group or as a ranking."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from movies.aggregates import Cells, Chosen, Ints, Mask, Memberships, Rated, grouped, means, number
from movies.models import Filters, Movie
from taste.interactions import Indices
from tools.args import QueryCatalogue
from tools.context import Context
from tools.people import DAY, Person, person
from tools.resolving import resolve_all
from tools.results import Group, QueryResult
from tools.spelling import spelled

Floats = npt.NDArray[np.float64]
Of = Literal["movies", "ratings"]

STARS = [f"{half_stars / 2}" for half_stars in range(1, 11)]
BY_RATING = ("user", "month", "rated_year")  # groups of ratings alone: a movie is in many of them
IN_ORDER = ("month", "stars")  # told in their own order, where all of them are told
LISTED = ("list", "min", "max")
FEW = 5
FEW_RATINGS = "Some of these means rest on very few ratings: at_least leaves them out."
NOTHING = "Nothing passes all the conditions."
MOST_SPELLINGS = 3  # of a tag, told by name
COUNTED_IN_RATINGS = "These groups count ratings."


@dataclass(frozen=True, slots=True)
class _Table:
    """Groups by name, with number and mean (NaN for none), and the least and the most where these are asked for."""

    names: Sequence[str]
    counts: Ints
    means: Floats
    least: Floats = field(default_factory=lambda: np.zeros(0))
    most: Floats = field(default_factory=lambda: np.zeros(0))

    def groups(self, at: Ints, *, ends: bool) -> list[Group]:
        """Some of the groups, with the least and the most if `ends`."""
        return [
            Group(
                name=self.names[row],
                count=int(self.counts[row]),
                mean=_rounded(self.means[row]),
                min=_rounded(self.least[row]) if ends and len(self.least) else None,
                max=_rounded(self.most[row]) if ends and len(self.most) else None,
            )
            for row in at.tolist()
        ]


async def query_catalogue(ctx: Context, args: QueryCatalogue) -> QueryResult:
    """Count, average or rank movies or ratings that pass the filters, whole or by group. "Which year had most",
    "mean rating of user 7 in 2016 by month".
    """
    args = await spelled(ctx, args)
    movies, resolved = await resolve_all(ctx, args.movies)
    someone = await _whose(ctx, args)
    chosen = Chosen(await _passing(ctx, args, movies), args.since, args.until, _rated(someone))
    found = await (_by_rating if args.by in BY_RATING else _by_movie)(ctx, args, chosen)
    histogram = found.histogram if args.measure == "histogram" else {}
    notes = [*([COUNTED_IN_RATINGS] if found.of != args.of else []), *found.notes]
    counted = args.tags if args.measure == "count" else []
    spellings = {tag: await ctx.snapshot.catalogue.other_spellings(tag) for tag in counted}
    notes += [_spellings(tag, others) for tag, others in spellings.items() if others]
    added = sum(sum(others.values()) for others in spellings.values())
    whole = found.of == "movies" and found.by == "none" and args.filters() == Filters(tags=args.tags)
    plain = whole and len(spellings) == 1 and not (someone or args.query or args.movies)
    return found.model_copy(
        update={
            "whose": someone.whose if someone else None,
            "as_spelled": found.total - added if plain and added else None,
            "histogram": histogram,
            "resolved": resolved,
            "notes": [*notes, *([] if found.total else [NOTHING])],
        }
    )


def _spellings(tag: str, others: Mapping[str, int]) -> str:
    """Words for the other spellings that are counted as one tag, with the movies of all that each adds."""
    more = [f"{len(others) - MOST_SPELLINGS} others"] if len(others) > MOST_SPELLINGS else []
    told = [f"“{other}” ({added:,} more)" for other, added in list(others.items())[:MOST_SPELLINGS]]
    return f"“{tag}” was also typed as {', '.join(told + more)}, which is taken as the same tag."


async def _whose(ctx: Context, args: QueryCatalogue) -> Person | None:
    """The one whose ratings are meant; None for everybody. 0 is what some models send for nobody."""
    if args.own:
        return await person(ctx, None)
    if args.user_id == 0 and await ctx.snapshot.catalogue.user_summary(0) is None:
        return None
    return await person(ctx, args.user_id) if args.user_id is not None else None


def _rated(someone: Person | None) -> Rated | None:
    if someone is None:
        return None
    profile = someone.profile
    half_stars = np.rint(profile.stars * 2).astype(np.int64)
    return Rated(profile.movie_index.astype(np.int64), half_stars, (someone.times // DAY).astype(np.int64))


async def _passing(ctx: Context, args: QueryCatalogue, movies: Sequence[Movie]) -> Mask:
    """A mask of the movies that pass, by filters, by words of the title and by name."""
    allowed = await ctx.snapshot.allowed(args.filters())
    mask = np.ones(len(ctx.snapshot.movie_ids), bool) if allowed is None else allowed
    if args.query is not None:
        mask &= _only(ctx, await ctx.snapshot.catalogue.titled(args.query))
    if movies:
        mask &= _only(ctx, [movie.movie_id for movie in movies])
    return mask


def _only(ctx: Context, movie_ids: Sequence[int]) -> Mask:
    mask = np.zeros(len(ctx.snapshot.movie_ids), bool)
    mask[ctx.snapshot.indexes(movie_ids)] = True
    return mask


# By what is known of each rating


async def _by_rating(ctx: Context, args: QueryCatalogue, chosen: Chosen) -> QueryResult:
    """By user, month or year of the rating."""
    aggregates = ctx.snapshot.catalogue.aggregates
    if args.by != "user":
        return await asyncio.to_thread(_by_time, args, *await aggregates.by_month(chosen))
    if chosen.person is None:
        return await asyncio.to_thread(_by_user, args, *await aggregates.by_user(chosen))
    cells = (await aggregates.by_movie(chosen)).sum(axis=0, keepdims=True)
    table = _of_cells(["you" if args.own or args.user_id == ctx.user_id else f"user {args.user_id}"], cells)
    return _result(args, "ratings", _whole(cells[0]), table)


def _by_time(args: QueryCatalogue, names: list[str], cells: Cells) -> QueryResult:
    """By month, or by year."""
    if args.by == "rated_year":
        years, groups = np.unique([name[:4] for name in names] or np.zeros(0, str), return_inverse=True)
        names = years.tolist()
        cells = grouped(cells, Memberships(names, groups.astype(np.int64), np.arange(len(cells))))
    return _result(args, "ratings", _whole(cells.sum(axis=0)), _of_cells(names, cells))


def _by_user(args: QueryCatalogue, users: Ints, counts: Ints, sums: Ints) -> QueryResult:
    """By user: of each the number of ratings and their sum in half-stars."""
    given = counts > 0
    table = _Table(_UserNames(users[given]), counts[given], sums[given] / 2 / counts[given])
    total = int(counts.sum())
    mean = round(int(sums.sum()) / 2 / total, 4) if total else None
    return _result(args, "ratings", {"total": total, "mean": mean}, table)


class _UserNames(Sequence[str]):
    """The names of users, made when one is told: there may be 100,000 of them."""

    def __init__(self, ids: Ints) -> None:
        self._ids = ids

    def __getitem__(self, at: Any) -> Any:
        return f"user {self._ids[at]}"

    def __len__(self) -> int:
        return len(self._ids)


# By what is known of each movie


async def _by_movie(ctx: Context, args: QueryCatalogue, chosen: Chosen) -> QueryResult:
    """As a whole, as a ranking, or by what movies have: genre, tag, year, decade, stars."""
    cells = await ctx.snapshot.catalogue.aggregates.by_movie(chosen)
    if args.by in ("none", "stars"):
        of, order = None, await ctx.snapshot.catalogue.by_title() if args.sort_by == "name" else []
    else:
        of, order = await ctx.snapshot.catalogue.memberships(args.by), []
    result, best = await asyncio.to_thread(_over_movies, args, chosen, cells, of, ctx.snapshot.indexes(order))
    if args.by != "none" or args.measure not in LISTED:
        return result
    movies = await ctx.snapshot.catalogue.movies(ctx.snapshot.ids(best.astype(np.int32)))
    named = zip(movies, result.groups, strict=True)
    groups = [group.model_copy(update={"name": m.called, "movie_id": m.movie_id}) for m, group in named]
    return result.model_copy(update={"movies": movies, "groups": groups if args.of == "ratings" else []})


def _over_movies(
    args: QueryCatalogue, chosen: Chosen, cells: Cells, of: Memberships | None, by_title: Indices
) -> tuple[QueryResult, Ints]:
    """The figures, and the movies of a ranking, of which `groups` has the figures."""
    counts, mean = number(cells), means(cells)
    unrated = chosen.person is None and chosen.days is None and args.of == "movies"  # are counted as well
    least = args.at_least if args.by == "none" and args.at_least is not None else int(not unrated)
    counted = chosen.movies & (counts >= least)
    cells[~counted] = 0
    whole = _whole(cells.sum(axis=0)) if args.of == "ratings" else _of_means(mean[counted])
    if of is not None:
        table = _of_cells(of.names, grouped(cells, of)) if args.of == "ratings" else _of_movies(of, mean, counted)
        return _result(args, args.of, whole, table), np.zeros(0, np.int64)
    if args.by == "stars":
        bins = cells.sum(axis=0)[1:11] if args.of == "ratings" else _bins(mean[counted])
        table = _Table(STARS, bins, np.where(bins > 0, np.arange(1, 11) / 2, np.nan))
        return _result(args, args.of, whole, table), np.zeros(0, np.int64)
    best = _ranked(args, counts, mean, np.flatnonzero(counted), by_title)
    ranking = _Table([""] * len(counts), counts, mean).groups(best, ends=False)
    few = args.measure in LISTED and _sort_by(args) == "mean" and bool((counts[best] < FEW).any())
    notes = [FEW_RATINGS] if few and args.at_least is None and not args.min_ratings else []
    listed = ranking if args.measure in LISTED else []
    return QueryResult(of=args.of, measure=args.measure, by="none", groups=listed, notes=notes, **whole), best


def _ranked(args: QueryCatalogue, counts: Ints, mean: Floats, at: Ints, by_title: Indices) -> Ints:
    """The movies of a ranking by count, mean or title, the better known first among equals."""
    if _sort_by(args) == "name":
        place = np.empty(len(counts), np.int64)
        place[by_title] = np.arange(len(by_title))
        key = place[at].astype(np.float64)
    else:
        at = at[counts[at] > 0] if _sort_by(args) == "mean" else at
        key = mean[at] if _sort_by(args) == "mean" else counts[at].astype(np.float64)
    return at[np.lexsort((at, -counts[at], -key if _descending(args) else key))][: args.limit]


# Figures of groups


def _of_cells(names: Sequence[str], cells: Cells) -> _Table:
    """Groups of ratings; those without any are left out."""
    kept = np.flatnonzero(number(cells))
    cells = cells[kept]
    least = (cells[:, 1:] > 0).argmax(axis=1) + 1 if len(kept) else np.zeros(0)
    most = 15 - (cells[:, :0:-1] > 0).argmax(axis=1) if len(kept) else np.zeros(0)
    return _Table([names[at] for at in kept.tolist()], number(cells), means(cells), least / 2, most / 2)


def _of_movies(of: Memberships, mean: Floats, counted: Mask) -> _Table:
    """Groups of movies, with the mean, least and most of the means of their rated movies; empty ones are left out."""
    kept = counted[of.movies]
    groups, given = of.groups[kept], mean[of.movies[kept]]
    counts = np.bincount(groups, minlength=len(of.names))
    rated = ~np.isnan(given)
    ratable = np.bincount(groups[rated], minlength=len(of.names))
    sums = np.bincount(groups[rated], given[rated], len(of.names))
    least, most = np.full(len(of.names), np.inf), np.full(len(of.names), -np.inf)
    np.minimum.at(least, groups[rated], given[rated])
    np.maximum.at(most, groups[rated], given[rated])
    some = ratable > 0
    averages = np.divide(sums, ratable, out=np.full(len(sums), np.nan), where=some)
    least[~some], most[~some] = np.nan, np.nan
    found = np.flatnonzero(counts)
    names = [of.names[at] for at in found.tolist()]
    return _Table(names, counts[found], averages[found], least[found], most[found])


def _whole(cells: Ints) -> dict[str, Any]:
    """The figures of ratings."""
    stars = np.flatnonzero(cells[1:]) + 1
    return {
        "total": int(cells[1:].sum()),
        "mean": _rounded(float(means(cells))),
        "min": stars[0] / 2 if len(stars) else None,
        "max": stars[-1] / 2 if len(stars) else None,
        "histogram": _histogram(cells[1:11]),
    }


def _of_means(mean: Floats) -> dict[str, Any]:
    """The figures of movies by their means; the histogram is of means at the nearest half star."""
    rated = mean[~np.isnan(mean)]
    ends = {"mean": rated.mean(), "min": rated.min(), "max": rated.max()} if len(rated) else {}
    return {
        "total": len(mean),
        "histogram": _histogram(_bins(mean)),
        **{name: _rounded(value) for name, value in ends.items()},
    }


def _histogram(counts: Ints) -> dict[str, int]:
    return dict(zip(STARS, counts.tolist(), strict=True))


def _bins(mean: Floats) -> Ints:
    rated = mean[~np.isnan(mean)]
    return np.bincount(np.floor(rated * 2 + 0.5).astype(np.int64), minlength=11)[1:11]


def _result(args: QueryCatalogue, of: Of, whole: dict[str, Any], table: _Table) -> QueryResult:
    at = _chosen_groups(args, table)
    return QueryResult(
        of=of,
        measure=args.measure,
        by=args.by,
        group_count=len(at),
        groups=table.groups(at[: args.limit], ends=args.measure in ("min", "max")),
        **whole,
    )


def _chosen_groups(args: QueryCatalogue, table: _Table) -> Ints:
    """The groups that are large enough, in the order asked for, the larger first among equals, then by name."""
    at = np.flatnonzero(table.counts >= (args.at_least or 1))
    if args.by in IN_ORDER and args.sort_by is None and len(at) <= args.limit:
        return at if args.order != "desc" else at[::-1]
    if _sort_by(args) == "name":
        names = sorted(at.tolist(), key=lambda row: table.names[row], reverse=_descending(args))
        return np.array(names, np.int64)
    if _sort_by(args) == "mean":
        at = at[~np.isnan(table.means[at])]
    key = table.means[at] if _sort_by(args) == "mean" else table.counts[at].astype(np.float64)
    return at[np.lexsort((at, -table.counts[at], -key if _descending(args) else key))]


def _sort_by(args: QueryCatalogue) -> str:
    return args.sort_by or ("mean" if args.measure in ("mean", "min", "max") else "count")


def _descending(args: QueryCatalogue) -> bool:
    if args.order is not None:
        return args.order == "desc"
    return args.measure != "min" and args.sort_by != "name"


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
