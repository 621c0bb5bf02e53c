"""HTTP: the caller's own ratings as files: exports of other services in, and all of it out again."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from api.dependencies import Account, Service, Tools
from errors import Invalid
from ratings.exporting import as_csv, export_ratings
from ratings.importing import import_ratings
from ratings.models import ImportReport, RatingsExport

router = APIRouter(tags=["ratings"])

FILE = {
    "required": True,
    "description": "The file itself: CSV, JSON or ZIP, whatever its name and type",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
EXPORTS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def chosen(
    choices: Annotated[
        str | None,
        Query(
            pattern=r"^\d{1,5}:\d{1,15}(,\d{1,5}:\d{1,15})*$",
            max_length=50_000,
            description="Movies chosen for rows that are not certain, as row:movie_id by commas: 3:1036,17:6874",
        ),
    ] = None,
) -> dict[int, int]:
    """Movie ids by row."""
    pairs = [pair.split(":") for pair in (choices or "").split(",") if pair]
    return {int(row): int(movie_id) for row, movie_id in pairs}


Choices = Annotated[dict[int, int], Depends(chosen)]


@router.post("/ratings/import", openapi_extra={"requestBody": FILE}, response_model=ImportReport)
async def import_own_ratings(
    service: Service,
    ctx: Tools,
    account_id: Account,
    request: Request,
    choices: Choices,
    filename: Annotated[str, Query(max_length=255, description="What the file is called, where it has a name")] = "",
    preview: Annotated[bool, Query(description="Tell what would be stored, and store nothing")] = False,
) -> Response:
    """Take over the ratings of an export of IMDb, Letterboxd, Trakt or MovieLens, or of this service.

    What is certain, or chosen, is stored with its date in one transaction; of two ratings of a movie the newer counts,
    so that the same file twice changes nothing. Films that were watched and not rated are not recommended any more.
    """
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise Invalid("Send the file itself as the body, not a form: curl --data-binary @FILE.")
    report = await import_ratings(
        ctx.snapshot.catalogue,
        service.ratings,
        account_id,
        await request.body(),
        filename=filename,
        choices=choices,
        preview=preview,
        now=service.clock(),
    )
    content = await asyncio.to_thread(report.model_dump_json)  # tens of thousands of rows, maybe
    return Response(content, media_type="application/json")


@router.get(
    "/ratings/export",
    response_class=Response,
    responses={
        200: {
            "description": "All own ratings, and what was seen",
            "model": RatingsExport,
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
)
async def export_own_ratings(
    service: Service,
    ctx: Tools,
    account_id: Account,
    format: Annotated[Literal["csv", "json"], Query()] = "csv",  # noqa: A002  the contract's name
) -> Response:
    """The caller's ratings as a file; importing it again gives the same ratings."""
    export = await export_ratings(ctx.snapshot.catalogue, service.ratings, account_id)
    content = await asyncio.to_thread(as_csv if format == "csv" else RatingsExport.model_dump_json, export)
    headers = {"Content-Disposition": f'attachment; filename="marquee-ratings.{format}"'}
    return Response(content, media_type=EXPORTS[format], headers=headers)
