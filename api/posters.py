"""HTTP: the posters of movies, where the operator has a key."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response

from api.dependencies import Service, Tools
from errors import NotFound
from movies.tables import LARGEST_ID

router = APIRouter()

CACHED = "public, max-age=86400, stale-while-revalidate=604800"
IMAGE: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The image",
        "content": dict.fromkeys(("image/jpeg", "image/png", "image/webp"), IMAGE),
    },
    304: {"description": "It is the one that `If-None-Match` names"},
}


@router.get("/movies/{movie_id}/poster", tags=["movies"], response_class=Response, responses=RESPONSES)
async def read_poster(
    service: Service,
    ctx: Tools,
    movie_id: Annotated[int, Path(ge=0, le=LARGEST_ID)],
    if_none_match: Annotated[str, Header(max_length=1_000)] = "",
) -> Response:
    """The movie's poster at TMDB, where TMDB_API_KEY is set; `/health` tells by `posters` whether it is."""
    if not await ctx.snapshot.catalogue.movies([movie_id]):
        raise NotFound("There is no such movie.")
    tmdb_id = await ctx.snapshot.catalogue.tmdb_id(movie_id)
    if tmdb_id is None:
        raise NotFound("The data does not say which movie of TMDB this is, so it has no poster.")
    poster = await service.posters.poster(tmdb_id)
    tag = f'"{sha256(poster.content).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": CACHED}
    if tag in [given.strip().removeprefix("W/") for given in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(poster.content, media_type=poster.media_type, headers=headers)
