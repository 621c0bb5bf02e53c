"""HTTP: the posters of movies: TMDB's where the operator has a key, drawn ones wherever it has none."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response

from api.dependencies import Service, Tools
from errors import NotFound
from movies.drawing import poster_of
from movies.posters import FAILED_FOR, NoPoster, Poster, PosterUnavailable
from movies.tables import LARGEST_ID

router = APIRouter()

CACHED = "max-age=86400, stale-while-revalidate=604800"
CACHED_BRIEFLY = f"max-age={FAILED_FOR:.0f}"
SHUT_OFF = "default-src 'none'; sandbox"  # what an image may do that is opened as a document
IMAGE: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The image",
        "content": dict.fromkeys(("image/svg+xml", "image/jpeg", "image/png", "image/webp"), IMAGE),
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
    """The movie's poster: that of TMDB where TMDB_API_KEY is set and TMDB has one, else one drawn from what it is.

    The same movie is always drawn the same way, from its title, year, genres and id.
    """
    poster, cached = await _found(service, ctx, movie_id)
    tag = f'"{sha256(poster.content).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": cached, "Content-Security-Policy": SHUT_OFF}
    if tag in [given.strip().removeprefix("W/") for given in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(poster.content, media_type=poster.media_type, headers=headers)


async def _found(service: Service, ctx: Tools, movie_id: int) -> tuple[Poster, str]:
    """The poster, and for how long it may be kept: a drawn one only briefly where TMDB's may come later."""
    catalogue = ctx.snapshot.catalogue
    movies = await catalogue.movies([movie_id])
    if not movies:
        raise NotFound("There is no such movie.")
    drawn = Poster(poster_of(movies[0]), "image/svg+xml")
    tmdb_id = await catalogue.tmdb_id(movie_id) if service.posters.available else None
    if tmdb_id is None:
        return drawn, CACHED
    try:
        return await service.posters.poster(tmdb_id), CACHED
    except NoPoster:
        return drawn, CACHED
    except PosterUnavailable:
        return drawn, CACHED_BRIEFLY
