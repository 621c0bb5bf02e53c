"""OpenAI's Responses over the runs of the service: `/v1/responses`. A response is a fold over the events of its run.

It is stored unless it says otherwise, and can be followed from any of its events for as long as it is kept.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from loguru import logger

from api.dependencies import Account, CountedAs, Key, Service
from api.faces.asking import Asking
from api.faces.following import DONE, failure, stop, waited
from api.faces.response_fold import Fold
from api.faces.response_items import last_input, list_items
from api.faces.response_models import ResponseCreate
from api.messages import streamed
from errors import Invalid, InvalidField, NotFound, StorageUnavailable
from runs.journal import PAGE_FRAMES
from schemas import Run
from service import Marquee

ItemLimit = Annotated[int, Query(ge=1, le=100)]
ItemOrder = Annotated[Literal["asc", "desc"], Query()]
ItemCursor = Annotated[str | None, Query(max_length=200)]

router = APIRouter(prefix="/v1", include_in_schema=False)


@router.post("/responses", response_model=None)
async def create_response(
    service: Service, account_id: Account, counted: CountedAs, request: Request, body: ResponseCreate, key: Key = None
) -> Response:
    """Answer what is said, streamed where `stream` says so, at once where it is to go on in the background."""
    known = await service.histories.find_messages(account_id, body.references)
    run = await _started(Asking(service, account_id, counted, key, body.wanted(known)), body)
    stays = body.kept or key is not None  # whoever has left may come back for the answer
    fold = await _new_fold(service, run)
    if body.stream:
        return streamed(service, _blocks(service, run, fold, -1, stays=stays))
    if not body.background:
        return _told(await waited(service, run, fold, request, stays=stays))
    [first] = await service.store.load_frames(run.id, limit=1)
    fold.add(first)
    return JSONResponse({**fold.whole, "status": "queued"})


async def _started(asking: Asking, body: ResponseCreate) -> Run:
    """The run that answers, in the session that the request names, or in its own."""
    try:
        if body.conversation is not None:
            return await asking.next_in(session_id(body.conversation.id))
        if body.previous_response_id is not None:
            return await asking.after(run_id(body.previous_response_id))
        return await asking.alone()
    except InvalidField as error:  # a schema is at fault by the name that it has in other requests
        path = error.path.replace("body.response_format.json_schema", "body.text.format")
        raise InvalidField(path, error.message) from None


async def _load_run(service: Service, account_id: Account, response_id: str) -> Run:
    """The run of the path's response."""
    return await service.store.load_run(account_id, run_id(response_id))


RunOfPath = Annotated[Run, Depends(_load_run)]


@router.get("/responses/{response_id}", response_model=None)
async def read_response(
    service: Service,
    run: RunOfPath,
    stream: Annotated[bool, Query()] = False,
    starting_after: Annotated[int, Query(ge=-1, le=2**53)] = -1,
) -> Response:
    """A response as it stands, or with `stream` its events behind one of them, to its end."""
    if stream:
        return streamed(service, _blocks(service, run, await _new_fold(service, run), starting_after, stays=True))
    return JSONResponse(await _as_it_stands(service, run))


@router.post("/responses/{response_id}/cancel", response_model=None)
async def cancel_response(service: Service, run: RunOfPath) -> Response:
    """Stop answering; what was said is kept. A response that ended stays as it is."""
    await service.runs.cancel(run)
    return JSONResponse(await _as_it_stands(service, run))


@router.delete("/responses/{response_id}", response_model=None)
async def delete_response(service: Service, response_id: str, run: RunOfPath) -> dict[str, Any]:
    """Delete a response with its input; one that later ones build on is not deleted before them."""
    request = json.loads(await service.histories.request_of(run.id) or "{}")
    await service.histories.delete_run(run, with_session=not request.get("conversation", True))
    return {"id": response_id, "object": "response", "deleted": True}


@router.get("/responses/{response_id}/input_items", response_model=None)
async def list_input_items(
    service: Service, run: RunOfPath, limit: ItemLimit = 20, order: ItemOrder = "desc", after: ItemCursor = None
) -> dict[str, Any]:
    """All that stood before a response, in its own request and in those before it."""
    last, newest_first = await last_input(service, run), order == "desc"
    return await list_items(service, run.session_id, limit=limit, newest_first=newest_first, after=after, last=last)


@router.post("/responses/compact", response_model=None)
@router.post("/responses/input_tokens", response_model=None)
async def refuse() -> None:
    """Say that there is none of it."""
    raise Invalid("Compaction and the counting of tokens are not offered: what does not fit is left out by itself.")


@router.get("/responses", response_model=None)
async def refuse_socket() -> None:
    """Say so to who would open a WebSocket."""
    raise Invalid("There is no WebSocket here: POST with `stream`, and go on with GET /v1/responses/{id}?stream=true.")


def run_id(response_id: str) -> str:
    """The run of a response."""
    return f"run_{response_id.removeprefix('resp_').removeprefix('run_')}"


def session_id(conversation_id: str) -> str:
    """The session of a conversation; a session's own id will do, too."""
    return f"ses_{conversation_id.removeprefix('conv_').removeprefix('ses_')}"


async def _new_fold(service: Marquee, run: Run) -> Fold:
    return Fold(await service.histories.request_of(run.id))


def _told(fold: Fold) -> Response:
    """The response as one document, when it is whole."""
    return failure(fold.error.code, fold.error.detail) if fold.error else JSONResponse(fold.whole)


async def _as_it_stands(service: Marquee, run: Run) -> dict[str, Any]:
    """The response as far as it is committed."""
    fold, sequence = await _new_fold(service, run), 0
    while frames := await service.store.load_frames(run.id, after=sequence, limit=PAGE_FRAMES):
        for frame in frames:
            fold.add(frame)
        sequence = frames[-1].sequence
    if not sequence:
        raise NotFound("There is no such run.")  # it was deleted meanwhile
    return fold.whole


async def _blocks(service: Marquee, run: Run, fold: Fold, after: int, *, stays: bool) -> AsyncIterator[bytes]:
    """The events of a response above `after`, as Server-Sent Events."""
    ended = False
    try:
        async with aclosing(service.runs.follow(run.id)) as batches:
            async for batch in batches:
                blocks = []
                for frame in batch:
                    first = fold.count
                    blocks += fold.add(frame)[max(0, after + 1 - first) :]
                    ended = ended or frame.is_last
                if blocks:
                    yield "".join(blocks).encode()
        yield DONE
    except StorageUnavailable as error:
        logger.warning("A follower of {} is sent away: {}", run.id, error.detail)
        yield _error(error, max(after, fold.count - 1))
    finally:
        if not ended and not stays:
            stop(service, run)


def _error(error: StorageUnavailable, sequence: int) -> bytes:
    """The event for who has to come back later, with the number of the last one before it: none is passed by."""
    told = {"type": "error", "code": error.code, "message": error.detail, "param": None, "sequence_number": sequence}
    return f"event: error\ndata: {json.dumps(told)}\n\n".encode()
