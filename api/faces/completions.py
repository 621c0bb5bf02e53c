"""OpenAI's Chat Completions over the runs of the service: `/v1/chat/completions` and `/v1/models`.

A completion is a fold over the events of its run. A conversation that a client brings along lives in an ephemeral
session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from api.dependencies import Account, CountedAs, Key, LastEventId, Service
from api.faces.asking import Asking
from api.faces.completion_fold import Fold
from api.faces.completion_models import CompletionCreate
from api.faces.following import DONE, failure, stop, waited
from api.messages import streamed
from schemas import Run
from service import Marquee

router = APIRouter(prefix="/v1", include_in_schema=False)


@router.get("/models")
async def list_models(service: Service) -> dict[str, Any]:
    """The models on offer, the default first."""
    provider = service.provider
    found = await provider.models() or [provider.default_model]
    ids = sorted(dict.fromkeys([provider.default_model, *found]), key=lambda name: name != provider.default_model)
    data = [{"id": name, "object": "model", "created": 0, "owned_by": provider.name} for name in ids]
    return {"object": "list", "data": data}


@router.post("/chat/completions")
async def create_completion(
    service: Service,
    account_id: Account,
    counted: CountedAs,
    request: Request,
    body: CompletionCreate,
    key: Key = None,
    last_event_id: LastEventId = "",
    x_session_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Answer a conversation, streamed where `stream` says so."""
    asking = Asking(service, account_id, counted, key, body.wanted)
    session_id = x_session_id or (body.metadata or {}).get("session_id")
    run = await (asking.in_session(str(session_id)) if session_id else asking.alone())
    stays = session_id is not None or key is not None  # whoever has left may come back for the answer
    if body.stream:
        usage = body.stream_options is not None and body.stream_options.include_usage
        chunks = _chunks(service, run, int(last_event_id or 0), with_usage=usage, stays=stays)
        return streamed(service, chunks)
    return await _whole(service, run, request, stays=stays)


async def _chunks(service: Marquee, run: Run, after: int, *, with_usage: bool, stays: bool) -> AsyncIterator[bytes]:
    """The chunks of a run as Server-Sent Events; the last one of an event has its sequence for an id."""
    fold, ended = Fold(with_usage=with_usage), False
    try:
        async with aclosing(service.runs.follow(run.id)) as batches:
            async for batch in batches:
                lines = []
                for frame in batch:
                    chunks = [f"data: {chunk}\n\n" for chunk in fold.add(frame)]
                    if chunks and frame.sequence > after:
                        lines += [*chunks[:-1], f"id: {frame.sequence}\n{chunks[-1]}"]
                    ended = ended or frame.is_last
                yield "".join(lines).encode()
        yield DONE
    finally:
        if not ended and not stays:
            stop(service, run)


async def _whole(service: Marquee, run: Run, request: Request, *, stays: bool) -> Response:
    """The completion as one document, when it is whole."""
    fold = await waited(service, run, Fold(with_usage=False), request, stays=stays)
    if fold.error is None:
        return JSONResponse(fold.whole)
    error = fold.error["error"]
    return failure(error["code"], error["message"])
