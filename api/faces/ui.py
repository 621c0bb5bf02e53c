"""The AI SDK's UI message stream over the runs of the service: what `useChat` with its own transport speaks to.

A chat is a session: by the session's own id, or by an id of the client's, for which one is opened with the first
message. Streams have no cursor: who comes back gets the answer from its beginning. The models of requests load with
the first one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response
from loguru import logger
from pydantic import JsonValue

from api.dependencies import Account, CountedAs, Key, Service
from api.faces.following import DONE
from api.faces.ui_fold import Fold, answer_id, error_chunk, ui_messages
from api.messages import streamed
from api.sessions import check_actions, first_message
from db import LATEST
from errors import Conflict, StorageUnavailable
from runs.brought import Brought
from runs.live_run import Caller, Place
from schemas import ActionResults, MessageCreate, MessageRetry, Run, Session, SessionCreate
from service import Marquee

HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}
MESSAGES = 1_000  # of a history, at most
EXCHANGE = 200  # runs that may answer one message

router = APIRouter(prefix="/ui/chat", include_in_schema=False)
ChatId = Annotated[str, Path(max_length=200)]


@router.post("")
async def send_chat(
    service: Service, account_id: Account, counted: CountedAs, body: Annotated[JsonValue, Body()], key: Key = None
) -> Response:
    """Answer the chat's last message, answer it anew, or go on with the results of the client's tools."""
    run = await Asking(service, account_id, counted, key, body).run()
    return streamed(service, _chunks(service, [run]), headers=HEADERS)


@router.get("/{chat_id}/stream")
async def resume_chat(service: Service, account_id: Account, chat_id: ChatId) -> Response:
    """The answer that is live, from its beginning; 204 where none is."""
    session = await _find(service, account_id, chat_id)
    if session is None or session.live_run_id is None:
        return Response(status_code=204)
    runs = await _leading_to(service, account_id, session.live_run_id)
    return streamed(service, _chunks(service, runs), headers=HEADERS)


@router.post("/{chat_id}/stop", status_code=204)
async def stop_chat(service: Service, account_id: Account, chat_id: ChatId) -> None:
    """Stop the answer that is live, if one is: a client's `stop` only closes its connection."""
    session = await _find(service, account_id, chat_id)
    if session is not None and session.live_run_id is not None:
        await service.runs.cancel(await service.store.load_run(account_id, session.live_run_id))


@router.get("/{chat_id}")
async def read_chat(service: Service, account_id: Account, chat_id: ChatId) -> dict[str, Any]:
    """The chat's messages as far as they are whole, for a client to begin with; none of a chat that is not known."""
    session = await _find(service, account_id, chat_id)
    if session is None:
        return {"id": chat_id, "messages": []}
    page = await service.store.list_messages(session.id, limit=MESSAGES, before=LATEST)
    return {"id": chat_id, "messages": ui_messages(entry for entry in page.data if not entry.alternative)}


class Asking:
    """A request of a chat's, and the run that is to answer it."""

    def __init__(self, service: Marquee, account_id: str, counted: str, key: str | None, body: JsonValue) -> None:
        from api.faces.ui_models import read  # noqa: PLC0415  models take their time to be made

        self._service, self._account_id, self._counted, self._key = service, account_id, counted, key
        self._body = read(body)

    async def run(self) -> Run:
        """The run, of a session that was there or that is opened for it.

        Raises:
            Conflict: The chat does not stand where the client has it.
        """
        body, store = self._body, self._service.store
        await check_actions(self._service, body.actions or ())
        session = await _find(self._service, self._account_id, body.id)
        latest = await store.latest_run(session.id) if session else None
        if body.last.role == "assistant":
            return await self._go_on(session, latest)
        message = MessageCreate(content=body.content, model=body.model)
        if session is None:
            return await self._anew(message)
        again = body.trigger == "regenerate-message" or body.message_id == body.last.id
        if latest is None or not again or body.answer_before == answer_id(latest.message_id):
            return await self._service.runs.send(self._caller(session), message)
        if not await self._stands_before(latest):
            raise Conflict("Only the latest message can be answered anew: later ones build on its answer.")
        retry = MessageRetry(content=message.content, model=body.model)
        return await self._service.runs.retry(self._caller(session), latest.message_id, retry)

    async def _anew(self, message: MessageCreate) -> Run:
        """The run of a chat that is not known, with the texts that the client brings along."""
        runs, sessions = self._service.runs, self._service.sessions
        async with runs.place(self._account_id, self._counted) as place:
            session, repeated = await sessions.open(
                self._account_id, SessionCreate(), _session_key(self._body.id), self._service.quotas.sessions
            )
            async with first_message(self._service, self._account_id, session, repeated=repeated):
                brought = Brought(self._body.earlier)
                return await runs.send(self._caller(session, place), message, brought=brought)

    async def _go_on(self, session: Session | None, latest: Run | None) -> Run:
        """The run that follows the results of the client's tools."""
        if session is None or latest is None or answer_id(latest.message_id) != self._body.last.id:
            raise Conflict("The last message is no answer of this chat's that waits for the results of tools.")
        asked = await self._service.store.run_messages(latest.id)
        call_ids = [call.call_id for entry in asked for call in entry.tool_calls if call.action]
        results = self._body.results(latest.id, call_ids)
        if latest.status != "requires_action" or not results:
            raise Conflict("This answer does not wait for the results of tools, or none of them is here.")
        return await self._service.runs.submit(self._caller(session), latest, ActionResults(results=results))

    async def _stands_before(self, latest: Run) -> bool:
        """True where the client's last answer is the one before the latest message's."""
        runs = (await self._service.store.list_runs(latest.session_id, limit=EXCHANGE)).data
        first = next((place for place, run in enumerate(runs) if not (run.retry_of or run.continues)), EXCHANGE)
        before = [answer_id(run.message_id) for run in runs[first + 1 : first + 2]]
        return not before or self._body.answer_before in before

    def _caller(self, session: Session, place: Place | None = None) -> Caller:
        """The caller with the tools and instructions of this request, where it has any."""
        told = {"actions": self._body.actions, "instructions": self._body.instructions}
        given = {name: value for name, value in told.items() if value is not None}
        key = self._key
        return Caller(self._account_id, session.model_copy(update=given), key, self._counted, place)


def _session_key(chat_id: str) -> str:
    """The key that opens the session of a client's own id once."""
    return f"ui:{chat_id}"


async def _find(service: Marquee, account_id: str, chat_id: str) -> Session | None:
    """The session of a chat; None for an id of the client's for which none was opened yet.

    Raises:
        NotFound: It is the id of a session that is not there, or another's.
    """
    if chat_id.startswith("ses_"):
        return await service.store.load_session(account_id, chat_id)
    return await service.sessions.find(account_id, _session_key(chat_id))


async def _leading_to(service: Marquee, account_id: str, run_id: str) -> list[Run]:
    """A run after those that it continues: together they are one UI message."""
    runs = [await service.store.load_run(account_id, run_id)]
    while (before := runs[0].continues) is not None:
        runs.insert(0, await service.store.load_run(account_id, before))
    return runs


async def _chunks(service: Marquee, runs: Sequence[Run]) -> AsyncIterator[bytes]:
    """The chunks of an answer as Server-Sent Events."""
    fold = Fold()
    try:
        for run in runs:
            fold.goes_on = run is not runs[-1]
            if run is not runs[0]:
                yield _events(fold.results(await service.store.run_messages(run.id)))
            async with aclosing(service.runs.follow(run.id)) as batches:
                async for batch in batches:
                    yield _events(chunk for frame in batch for chunk in fold.add(frame))
    except StorageUnavailable as error:
        logger.warning("A follower of {} is sent away: {}", runs[-1].id, error.detail)
        yield _events([error_chunk(error.detail)])
    yield DONE


def _events(chunks: Iterable[str]) -> bytes:
    return "".join(f"data: {chunk}\n\n" for chunk in chunks).encode()
