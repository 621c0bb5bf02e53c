"""HTTP: runs: their state, their events again, cancelling them, results of the client's actions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.dependencies import Account, CountedAs, Key, LastEventId, Service
from api.messages import Respond, event_stream
from api.openapi import FOLLOWED, STREAM
from runs.live_run import Caller
from schemas import ActionResults, Run

router = APIRouter(tags=["chat"])


@router.get("/runs/{run_id}")
async def read_run(service: Service, account_id: Account, run_id: str) -> Run:
    """Status, model, usage, timings, error."""
    return await service.store.load_run(account_id, run_id)


@router.get("/runs/{run_id}/events", response_class=Response, responses=FOLLOWED)
async def follow_run(
    service: Service,
    account_id: Account,
    run_id: str,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only events with a larger sequence")] = 0,
    last_event_id: LastEventId = "",
) -> Response:
    """The run's events again, byte for byte; live while the run is. Of two cursors the larger counts."""
    run = await service.store.load_run(account_id, run_id)
    return await event_stream(service, run, max(after, int(last_event_id or 0)))


@router.post("/runs/{run_id}/cancel")
async def cancel_run(service: Service, account_id: Account, run_id: str) -> Run:
    """Stop generating; what was said is kept. A run that ended stays as it is."""
    await service.runs.cancel(await service.store.load_run(account_id, run_id))
    return await service.store.load_run(account_id, run_id)


@router.post("/runs/{run_id}/actions", response_class=Response, responses=STREAM)
async def submit_actions(
    service: Service,
    account_id: Account,
    counted: CountedAs,
    respond: Respond,
    run_id: str,
    body: ActionResults,
    idempotency_key: Key = None,
) -> Response:
    """Hand in what the client's actions gave; a new run goes on from there."""
    run = await service.store.load_run(account_id, run_id)
    session = await service.store.load_session(account_id, run.session_id)
    return await respond(await service.runs.submit(Caller(account_id, session, idempotency_key, counted), run, body))
