"""Wishes in words, read the same way by every tool and route: what fits, and what must not be shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from loguru import logger

from errors import CatalogueError
from language.wishes import Wish, read_wish
from movies.ideas import is_theme, says_nothing
from movies.models import Filters
from movies.text_match import Found
from taste.interactions import Floats, Indices, Mask
from taste.ranking import Ranked
from tools.context import Context

MEANT = 100  # movies that a language model is asked for


@dataclass(frozen=True, slots=True)
class Wished:
    """A wish over one catalogue.

    Attributes:
        found: the evidence of its words.
        like: the movies that it should be like.
        allowed: bool [n], what is not refused; None where nothing is.
        meaning: float32 [n], nearness in meaning, where an embedding model is configured.
    """

    found: Found
    like: Indices
    allowed: Mask | None
    meaning: Floats | None


async def wished(ctx: Context, text: str) -> Wished:
    """Read a wish: its words, its exclusions, its years."""
    wish = await _read(ctx, text)
    catalogue, n = ctx.snapshot.catalogue, len(ctx.snapshot.movie_ids)
    if wish.like or not says_nothing(wish.text):
        found = await catalogue.weigh(wish.text)
    else:  # only refusals, years or lengths: whatever is well liked
        found = Found(np.full(n, 0.5, np.float32), np.ones(n, np.float32), known=True)
    like = ctx.snapshot.indexes(wish.like)
    allowed, meaning = await _allowed(ctx, wish), None if wish.like or not wish.text else await _meaning(ctx, wish.text)
    themed = (name for name in wish.named if is_theme(name))  # "marvel" is a series, and more than that
    for about in (*wish.refused, *themed):
        said = await catalogue.weigh(about)
        told = await catalogue.told() if said.known and not wish.like else None
        refused = await ctx.ranked(ctx.snapshot.recommender.refused, said.direct, like, told=told)
        allowed = both(allowed, refused < 1)
        held = 1 - refused
        found = Found(found.direct * held, found.fitting * held, found.known)
    return Wished(found, like, allowed, meaning)


async def matching(ctx: Context, wish: Wished, allowed: Mask | None, k: int) -> Ranked:
    """The movies that fit a wish, best first, few where few do."""
    return await ctx.ranked(
        ctx.snapshot.recommender.match_text,
        wish.found.direct,
        wish.found.fitting,
        k=k,
        allowed=both(allowed, wish.allowed),
        like=wish.like,
        meaning=wish.meaning,
    )


def both(one: Mask | None, other: Mask | None) -> Mask | None:
    """The movies that both let pass; None where all do."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


async def _read(ctx: Context, text: str) -> Wish:
    """The wish; where titles cannot be linked, its words as they are."""
    try:
        linker = await ctx.snapshot.linker()
    except CatalogueError:
        return Wish(text)
    return await asyncio.to_thread(read_wish, text, linker)


async def _allowed(ctx: Context, wish: Wish) -> Mask | None:
    """The movies that are not refused by genre, year, length, person or name; None where all pass."""
    low, high = wish.years
    shortest, longest = wish.runtime if ctx.snapshot.info.facts is not None else (None, None)
    filters = Filters(
        exclude_genres=list(wish.genres)[:10],
        year_from=low,
        year_to=high,
        runtime_from=shortest,
        runtime_to=longest,
        people=list(wish.people)[:5],
    )
    allowed = await ctx.snapshot.allowed(filters)
    out = [*wish.out, *[movie_id for name in wish.named for movie_id in await ctx.snapshot.catalogue.titled(name)]]
    if out:
        allowed = np.ones(len(ctx.snapshot.movie_ids), bool) if allowed is None else allowed
        allowed[ctx.snapshot.indexes(out)] = False
    return allowed


async def _meaning(ctx: Context, text: str) -> Floats | None:
    """Nearness in meaning, 0 to 1 from the hundredth to the nearest; None where no model is, or it does not answer."""
    if ctx.snapshot.meanings is None:
        return None
    try:
        near = await ctx.snapshot.meanings.search(text, MEANT)
    except CatalogueError as error:
        logger.warning("Searching by words alone: {}", error)
        return None
    meaning = np.zeros(len(ctx.snapshot.movie_ids), np.float32)
    if near:
        best, last = near[0][1], near[-1][1]
        places = ctx.snapshot.indexes(movie_id for movie_id, _ in near)
        meaning[places] = [(score - last) / max(best - last, 1e-9) for _, score in near][: len(places)]
    return meaning
