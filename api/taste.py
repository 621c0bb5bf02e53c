"""HTTP: somebody's taste, by their ratings against everybody's."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import Tools, UserIdQuery
from errors import NotFound
from movies.models import Taste
from tools import leanings

router = APIRouter()


@router.get("/taste", tags=["ratings"])
async def read_taste(ctx: Tools, user_id: UserIdQuery = None) -> Taste:
    """The caller's taste by their own ratings, or that of a MovieLens user."""
    if user_id is not None and await ctx.snapshot.catalogue.user_summary(user_id) is None:
        raise NotFound("The data has no such user.")
    return await leanings.taste(ctx, user_id)
