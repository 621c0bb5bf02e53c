"""The beginning of an answer that a face was asked for: the session that it belongs to, and its run.

A conversation that a client brings along is known again when it comes back with one message more, and so keeps what
the service's own tools have found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from weakref import WeakValueDictionary

from api.faces.completion_fold import Fold
from api.faces.following import folded
from api.sessions import first_message
from errors import Conflict, Invalid, InvalidField, NotFound
from providers.prompts import AUXILIARY
from runs.brought import Brought, Said, identity
from runs.live_run import Caller
from schemas import (
    Action,
    ActionResult,
    ActionResults,
    Message,
    MessageCreate,
    ResponseFormat,
    Run,
    Sampling,
    Session,
    SessionCreate,
)
from service import Marquee
from tools.registry import TOOLS


class Wanted(NamedTuple):
    """The contents of a request, in whatever words it came.

    `actions`: the caller's own functions, by the paths of their fields. `kept`: its session is one like any other, not
    an ephemeral one. `request`: what its answer says of it again, if anything.
    """

    model: str | None
    instructions: str
    said: Sequence[Said]
    actions: Mapping[str, Action]
    form: ResponseFormat | None
    sampling: Sampling
    kept: bool = False
    request: str | None = None


class Asking:
    """A request for an answer, and the run that is to give it."""

    def __init__(self, service: Marquee, account_id: str, counted: str | None, key: str | None, wanted: Wanted) -> None:
        self._service, self._account_id, self._counted, self._key = service, account_id, counted, key
        self._wanted, self._said = wanted, wanted.said
        self._hash = self._identity(wanted.said)

    async def in_session(self, session_id: str) -> Run:
        """The last message, or the results of the caller's tools, in a session that is kept."""
        return await self._in(await self._service.store.load_session(self._account_id, session_id), whole=False)

    async def next_in(self, session_id: str) -> Run:
        """All of it behind what was said in a session."""
        self._hash = f"next:{self._hash}"  # what stands before is not among it
        return await self._in(await self._service.store.load_session(self._account_id, session_id), whole=True)

    async def after(self, run_id: str) -> Run:
        """All of it behind a run: in its session where that is the latest one there, else in a copy up to it.

        Raises:
            RunInProgress: That run is not at its end.
        """
        store, self._hash = self._service.store, f"next:{self._hash}"
        run = await store.load_run(self._account_id, run_id)
        session = await store.load_session(self._account_id, run.session_id)
        if self._key and (earlier := await store.find_run(session.id, self._key, self._hash)) is not None:
            return earlier
        async with _turns.setdefault(session.id, asyncio.Lock()):  # of many at once behind the same one, one is first
            latest = await store.latest_run(session.id)
            ephemeral = await self._service.histories.is_ephemeral(session.id)
            if latest is not None and latest.id == run.id and ephemeral != self._wanted.kept:
                return await self._in(session, whole=True)
        copied = SessionCreate.model_validate(session.model_dump(include=_COPIED))
        return await self._anew(copied, [*await self._service.histories.up_to(run), *self._said])

    async def _in(self, session: Session, *, whole: bool) -> Run:
        if self._said[-1].role != "tool":
            return await self._send(await self._caller(session), self._said, whole=whole)
        if (run := await self._go_on()) is None or run.session_id != session.id:
            raise Conflict("The session does not wait for these results.")
        return run

    async def alone(self) -> Run:
        """The whole conversation, in the session where its beginning is known, or in a new one."""
        if (earlier := await self._repeated()) is not None:
            return earlier
        known = await (self._go_on() if self._said[-1].role == "tool" else self._known())
        if known is not None:
            return known
        actions = [] if self._wanted.kept else list(self._wanted.actions.values())  # of this request alone
        return await self._anew(SessionCreate(model=self._wanted.model, actions=actions), self._said)

    def _identity(self, said: Sequence[Said]) -> str:
        told = self._wanted.instructions
        return identity(f"kept\n{told}" if self._wanted.kept else told, said)

    async def _repeated(self) -> Run | None:
        """The run that the same request with the same key started before."""
        store = self._service.store
        same = await store.find_completion(self._account_id, self._hash) if self._key else None
        return await store.find_run(same.session_id, self._key, self._hash) if same and self._key else None

    async def _known(self) -> Run | None:
        """The last message, in the session that has what stands before it."""
        if len(self._said) < 3 or self._said[-2].role != "assistant":
            return None
        earlier = await self._service.store.find_completion(self._account_id, self._identity(self._said[:-2]))
        if earlier is None or await self._answer(earlier) != self._said[-2].content.strip():
            return None
        session = await self._service.store.load_session(self._account_id, earlier.session_id)
        return await self._send(await self._caller(session), self._said)

    async def _answer(self, run: Run) -> str:
        """The text of a run, as its client was told it."""
        return (await folded(self._service, run, Fold(with_usage=False))).text.strip()

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
            return await self._service.runs.submit(
                caller, run, body, sampling=self._wanted.sampling, request_hash=self._hash, request=self._wanted.request
            )
        except (NotFound, Conflict, Invalid):
            return None

    async def _anew(self, new: SessionCreate, said: Sequence[Said | Message]) -> Run:
        """All of it in a session that is made for it."""
        most, ephemeral = self._service.quotas.sessions, not self._wanted.kept
        session, repeated = await self._service.sessions.open(
            self._account_id, new, self._key, most, ephemeral=ephemeral
        )
        async with first_message(self._service, self._account_id, session, repeated=repeated):
            return await self._send(await self._caller(session), said, whole=True)

    async def _send(self, caller: Caller, said: Sequence[Said | Message], *, whole: bool = False) -> Run:
        """The last message of the user's, with all that stands around it where that is not known yet."""
        at = max(place for place, entry in enumerate(said) if entry.role == "user")
        brought = Brought(*map(with_own_ids, (said[:at], said[at + 1 :]))) if whole else None
        message = MessageCreate.model_validate(
            {"content": said[at].content, "model": self._wanted.model, "response_format": self._wanted.form}
        )
        sampling = self._wanted.sampling
        if message.content.startswith(AUXILIARY):
            sampling = sampling.model_copy(update={"tool_choice": "required"})  # of the caller's tools, that is: none
        return await self._service.runs.send(
            caller,
            message,
            brought=brought,
            sampling=sampling,
            request_hash=self._hash,
            request=self._wanted.request,
        )

    async def _caller(self, session: Session) -> Caller:
        """The caller with the tools and instructions of this request."""
        actions, names = self._wanted.actions, set(TOOLS)
        for path, action in actions.items():
            if action.name in names:
                raise InvalidField(f"{path}.name", f"{action.name!r} is the name of a built-in tool or of another one")
            names.add(action.name)
        await self._service.checker.check_schemas(
            {f"{path}.parameters": action.parameters for path, action in actions.items()}
        )
        told = self._wanted.instructions or session.instructions
        session = session.model_copy(update={"actions": list(actions.values()), "instructions": told})
        return Caller(self._account_id, session, self._key, self._counted)


_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
_COPIED = {"title", "model", "instructions", "user_id", "metadata"}  # of a session whose history is copied


def check_words(said: Sequence[Said], path: str, *, needed: bool = True) -> None:
    """Raise InvalidField where the message that is to be answered is empty, or `needed` and not there."""
    asked = next((entry.content for entry in reversed(said) if entry.role == "user"), " " if needed else "-")
    if not asked.strip():
        raise InvalidField(path, "there is no text in the last message of the user's")


def own_results(said: Sequence[Said]) -> list[Said]:
    """The results of tools that stand at the end of a conversation."""
    results: list[Said] = []
    for entry in reversed(said):
        if entry.role != "tool":
            break
        results.insert(0, entry)
    return results


def _call_id(result: Said) -> str:
    """The id of a call as its run knows it."""
    return (result.call_id or "").partition(".")[2] or "unknown"


def with_own_ids(said: Sequence[Said | Message]) -> list[Said | Message]:
    """The entries with the ids of calls as providers take them: at most 40 characters."""
    return [
        entry
        if isinstance(entry, Message)
        else entry._replace(
            tool_calls=[call.model_copy(update={"call_id": _own_id(call.call_id)}) for call in entry.tool_calls],
            call_id=entry.call_id and _own_id(entry.call_id),
        )
        for entry in said
    ]


def _own_id(call_id: str) -> str:
    run_id, point, rest = call_id.partition(".")
    return rest if point and run_id.startswith("run_") and rest else call_id
