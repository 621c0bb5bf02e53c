"""OpenAI's Chat Completions over the runs of the service: `/v1/chat/completions` and `/v1/models`.

A completion is a fold over the events of its run. A conversation that a client brings along lives in an ephemeral
session; it is known again when it comes back with one message more, and so keeps what its tools have found.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from api.dependencies import Account, CountedAs, Key, LastEventId, Service
from api.faces.completion_fold import Fold
from api.faces.completion_models import CompletionCreate, own_results
from api.messages import streamed
from api.problems import problem
from errors import Conflict, Invalid, InvalidField, MarqueeError, NotFound
from providers.prompts import AUXILIARY
from runs.brought import Brought, Said, identity
from runs.live_run import Caller
from schemas import (
    ActionResult,
    ActionResults,
    MessageCreate,
    Run,
    Session,
    SessionCreate,
)
from service import Marquee
from tools.registry import TOOLS

DONE = b"data: [DONE]\n\n"

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
    asking = Asking(service, account_id, counted, key, body)
    session_id = x_session_id or (body.metadata or {}).get("session_id")
    run = await (asking.in_session(str(session_id)) if session_id else asking.alone())
    stays = session_id is not None or key is not None  # whoever has left may come back for the answer
    if body.stream:
        usage = body.stream_options is not None and body.stream_options.include_usage
        chunks = _chunks(service, run, int(last_event_id or 0), with_usage=usage, stays=stays)
        return streamed(service, chunks)
    return await _whole(service, run, request, stays=stays)


class Asking:
    """A request for a completion, and the run that is to answer it."""

    def __init__(
        self, service: Marquee, account_id: str, counted: str | None, key: str | None, body: CompletionCreate
    ) -> None:
        self._service, self._account_id, self._counted, self._key = service, account_id, counted, key
        self._body, self._said = body, body.said
        self._sampling = body.sampling
        self._hash = identity(body.instructions, self._said)

    async def in_session(self, session_id: str) -> Run:
        """The last message, or the results of the caller's tools, in a session that is kept."""
        session = await self._service.store.load_session(self._account_id, session_id)
        caller = await self._caller(session)
        if self._said[-1].role != "tool":
            return await self._send(caller)
        if (run := await self._go_on()) is None or run.session_id != session_id:
            raise Conflict("The session does not wait for these results.")
        return run

    async def alone(self) -> Run:
        """The whole conversation, in the session where its beginning is known, or in a new one."""
        if (earlier := await self._repeated()) is not None:
            return earlier
        known = await (self._go_on() if self._said[-1].role == "tool" else self._known())
        return known or await self._anew()

    async def _repeated(self) -> Run | None:
        """The run that the same request with the same key started before."""
        store = self._service.store
        same = await store.find_completion(self._account_id, self._hash) if self._key else None
        return await store.find_run(same.session_id, self._key, self._hash) if same and self._key else None

    async def _known(self) -> Run | None:
        """The last message, in the session that has what stands before it."""
        if len(self._said) < 3 or self._said[-2].role != "assistant":
            return None
        earlier = await self._service.store.find_completion(
            self._account_id, identity(self._body.instructions, self._said[:-2])
        )
        if earlier is None or await self._answer(earlier) != self._said[-2].content.strip():
            return None
        session = await self._service.store.load_session(self._account_id, earlier.session_id)
        return await self._send(await self._caller(session))

    async def _answer(self, run: Run) -> str:
        """The text of a run, as its client was told it."""
        return (await _folded(self._service, run)).text.strip()

    async def _go_on(self) -> Run | None:
        """The run that follows the results of the caller's tools, where the run that called them is known and waits."""
        results = own_results(self._said)
        [run_id, *others] = {result.call_id.partition(".")[0] for result in results if result.call_id}
        given = [ActionResult(call_id=_call_id(result), output=result.content) for result in results]
        try:
            run = await self._service.store.load_run(self._account_id, run_id)
            session = await self._service.store.load_session(self._account_id, run.session_id)
            caller, body = await self._caller(session), ActionResults(results=given)
            if others:
                return None
            return await self._service.runs.submit(caller, run, body, sampling=self._sampling, request_hash=self._hash)
        except (NotFound, Conflict, Invalid):
            return None

    async def _anew(self) -> Run:
        session, repeated = await self._service.sessions.open(
            self._account_id,
            SessionCreate(model=self._body.model, actions=self._body.actions),
            self._key,
            ephemeral=True,
        )
        try:
            return await self._send(await self._caller(session), whole=True)
        except MarqueeError:
            if not repeated:
                await self._service.sessions.delete(self._account_id, session.id)
            raise

    async def _send(self, caller: Caller, *, whole: bool = False) -> Run:
        """The last message of the user's, with all that stands around it where that is not known yet."""
        asked = max(place for place, entry in enumerate(self._said) if entry.role == "user")
        brought = Brought(*map(_with_own_ids, (self._said[:asked], self._said[asked + 1 :]))) if whole else None
        message = MessageCreate.model_validate(
            {"content": self._said[asked].content, "model": self._body.model, "response_format": self._body.form}
        )
        sampling = self._sampling
        if self._said[asked].content.startswith(AUXILIARY):
            sampling = sampling.model_copy(update={"tool_choice": "required"})  # of the caller's tools, that is: none
        return await self._service.runs.send(
            caller, message, brought=brought, sampling=sampling, request_hash=self._hash
        )

    async def _caller(self, session: Session) -> Caller:
        """The caller with the tools and instructions of this request."""
        actions = self._body.actions
        for place, action in enumerate(actions):
            if action.name in TOOLS or any(action.name == other.name for other in actions[:place]):
                path = f"body.tools.{place}.function.name"
                raise InvalidField(path, f"{action.name!r} is the name of a built-in tool or of another one")
        await self._service.checker.check_schemas(
            {f"body.tools.{place}.function.parameters": action.parameters for place, action in enumerate(actions)}
        )
        told = self._body.instructions or session.instructions
        session = session.model_copy(update={"actions": actions, "instructions": told})
        return Caller(self._account_id, session, self._key, self._counted)


def _call_id(result: Said) -> str:
    """The id of a call as its run knows it."""
    return (result.call_id or "").partition(".")[2] or "unknown"


def _with_own_ids(said: list[Said]) -> list[Said]:
    """The entries with the ids of calls as providers take them: at most 40 characters."""
    return [
        entry._replace(
            tool_calls=[call.model_copy(update={"call_id": _own_id(call.call_id)}) for call in entry.tool_calls],
            call_id=entry.call_id and _own_id(entry.call_id),
        )
        for entry in said
    ]


def _own_id(call_id: str) -> str:
    run_id, point, rest = call_id.partition(".")
    return rest if point and run_id.startswith("run_") and rest else call_id


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
            _stop(service, run)


async def _whole(service: Marquee, run: Run, request: Request, *, stays: bool) -> Response:
    """The completion as one document, when it is whole."""
    reading, leaving = asyncio.create_task(_folded(service, run)), asyncio.create_task(_left(request))
    try:
        await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not reading.done() and not stays:
            _stop(service, run)
    fold = await reading
    if fold.error is None:
        return JSONResponse(fold.whole)
    error = fold.error["error"]
    response = problem(error["code"], "The answer could not be finished", error["message"])
    response.headers["x-should-retry"] = "false"  # what may pass was tried again upstream
    return response


async def _folded(service: Marquee, run: Run) -> Fold:
    """A run to its end."""
    fold = Fold(with_usage=False)
    async with aclosing(service.runs.follow(run.id)) as batches:
        async for batch in batches:
            for frame in batch:
                fold.add(frame)
    return fold


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


_stopping: set[asyncio.Task[None]] = set()


def _stop(service: Marquee, run: Run) -> None:
    """Cancel a run that nobody will ask for again."""
    task = asyncio.create_task(service.runs.cancel(run))
    _stopping.add(task)
    task.add_done_callback(_stopping.discard)
