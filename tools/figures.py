"""The tool that counts: figures over the catalogue and its ratings, whole or by group."""

from __future__ import annotations

from movies.models import MovieQuery
from tools.args import QueryCatalogue
from tools.context import Context
from tools.results import QueryResult
from tools.spelling import spelled


async def query_catalogue(ctx: Context, args: QueryCatalogue) -> QueryResult:
    """Count, average or rank movies or ratings that pass the filters, whole or by group. "Which year had most",
    "mean rating of user 7 in 2016 by month".
    """
    args = await spelled(ctx, args)
    ids = await ctx.snapshot.catalogue.matching(args.filters())
    query = MovieQuery(**dict(args.filters()), sort="popularity")
    movies = await ctx.snapshot.catalogue.search(query, limit=args.limit) if args.measure == "list" else []
    return QueryResult(of=args.of, measure=args.measure, by=args.by, total=len(ids), movies=movies)
