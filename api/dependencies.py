"""Dependencies of routes, settled before the first byte: the service, the caller, the session of the path, cursors.

All are `async`, also where they wait for nothing: FastAPI sends every other one to a thread of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from difflib import get_close_matches
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.dependencies.models import Dependant

from api.authentication import account_id, caller_address
from errors import Invalid
from movies.tables import LARGEST_ID
from runs.live_run import Caller
from schemas import Session
from service import Marquee
from storage.records import LOCAL
from tools.context import Context


async def marquee(request: Request) -> Marquee:
    """The running service."""
    service: Marquee = request.app.state.marquee
    return service


Service = Annotated[Marquee, Depends(marquee)]


Account = Annotated[str, Depends(account_id)]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most")]
After = Annotated[str | None, Query(min_length=1, max_length=200, description="`next` of the page before")]
UserIdQuery = Annotated[int | None, Query(ge=0, le=LARGEST_ID)]


Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key and body give the same run again, also after a restart",
    ),
]
LastEventId = Annotated[
    str, Header(alias="Last-Event-ID", pattern=r"^\d{0,15}$", description="Only events with a larger sequence")
]


async def resumed_after(idempotency_key: Key = None, last_event_id: LastEventId = "") -> int:
    """The cursor of a POST that is repeated because its stream broke off; 0 for one that is not."""
    if last_event_id and idempotency_key is None:
        raise Invalid(
            "A POST with Last-Event-ID would do everything a second time. Send an Idempotency-Key with the first "
            "request and again with this one, or go on at GET /runs/{run_id}/events."
        )
    return int(last_event_id or 0)


ResumedAfter = Annotated[int, Depends(resumed_after)]


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise Invalid for a query parameter that the route does not read, naming the nearest that it does."""
    known = set(_query_names(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0)
            raise Invalid(
                f"There is no query parameter {name[:100]!r} here." + (f" Nearest: {near[0]!r}." if near else "")
            )


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for part in dependant.dependencies:
        yield from _query_names(part)


async def load_session(service: Service, account_id: Account, session_id: str) -> Session:
    """The session of the path."""
    return await service.store.load_session(account_id, session_id)


async def counted_as(account_id: Account, request: Request) -> str:
    """The caller whose limits hold: an account, or where there are none an address."""
    return account_id if account_id != LOCAL else caller_address(request)


CountedAs = Annotated[str, Depends(counted_as)]


async def counted_call(service: Service, account_id: Account, counted: CountedAs) -> AsyncIterator[None]:
    """A call of the model beside a session: it counts as a message does, and is live meanwhile."""
    async with service.runs.place(account_id, counted):
        yield


SessionOfPath = Annotated[Session, Depends(load_session)]


async def caller_in_session(
    account_id: Account, session: SessionOfPath, counted: CountedAs, idempotency_key: Key = None
) -> Caller:
    """The caller in the session of the path."""
    return Caller(account_id, session, idempotency_key, counted)


CallerInSession = Annotated[Caller, Depends(caller_in_session)]


async def tool_context(service: Service, account_id: Account) -> AsyncIterator[Context]:
    """The context of tools' functions for a call from outside a session."""
    async with service.library.use() as snapshot:
        await snapshot.ready()
        yield Context(snapshot, service.ratings, account_id, clock=service.clock, metrics=service.metrics)


Tools = Annotated[Context, Depends(tool_context)]
