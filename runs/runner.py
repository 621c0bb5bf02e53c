"""Live runs: start, follow, cancel, retry, continue. A run belongs to the application.

Whoever started it may leave; only `cancel` and the end of the process stop it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from loguru import logger
from pydantic import JsonValue

from accounts.quotas import DAY
from errors import Conflict, Invalid, Overloaded, RunInProgress, StorageUnavailable
from runs.brought import Brought
from runs.leases import Lease
from runs.live_run import Caller, LiveRun, Place, Resources
from runs.settling import Settler
from schemas import (
    ActionResults,
    Answer,
    Message,
    MessageCreate,
    MessageRetry,
    ResponseFormat,
    Run,
    RunCreated,
    Sampling,
    Session,
)
from storage.records import Frame, NewRun, new_id

TITLE_CHARS = 60
CANCEL_SECONDS = 0.8  # for the last events to reach the disk, when someone waits for a run to stop
CANCEL_LOOK_SECONDS = 0.2  # between looks for runs that another process was asked to stop, and for their ends
CANCEL_ELSEWHERE_SECONDS = 10.0  # for another process to see that, and to end its run
LAST_WORDS_SECONDS = 3.0  # the same when the process ends


class Runs:
    """All live runs of the process."""

    def __init__(self, resources: Resources, lease: Lease) -> None:
        self._with = resources
        self._store, self._settings, self._clock = resources.store, resources.settings, resources.clock
        self._lease = lease
        self.settler = Settler(self._store, lease, self._settings, self._clock)
        self._live: dict[str, LiveRun] = {}
        self._launching: set[asyncio.Task[Run]] = set()
        self._places: set[Place] = set()
        self._closing = False
        self._hurried = asyncio.Event()
        self._heeding = asyncio.create_task(self._heed_others(), name="heed")

    @property
    def count(self) -> int:
        """The number of live runs."""
        return len(self._live)

    # Starting

    async def send(
        self,
        caller: Caller,
        body: MessageCreate,
        *,
        brought: Brought | None = None,
        sampling: Sampling | None = None,
        request_hash: str | None = None,
        request: str | None = None,
    ) -> Run:
        """Store a user's message and begin to answer it.

        Args:
            caller: who says it, and in which session.
            body: the message.
            brought: the conversation around it, which is stored with it.
            sampling: the ways of the model's that are asked for.
            request_hash: the identity of the request; that of the message where there is none.
            request: how it is asked for, where the answer is to say so again.

        Raises:
            RunInProgress: The session is busy.
            IdempotencyMismatch: The key was used for another request.
            Overloaded: Too many runs are live.
        """
        self._check_length(body.content)
        request_hash = request_hash or _hash("send", body.model_dump(mode="json", by_alias=True))
        if (earlier := await self._repeated(caller, request_hash)) is not None:
            return earlier
        if body.response_format is not None:
            asked = body.response_format.json_schema.json_schema
            await self._with.checker.check_schemas({"body.response_format.json_schema.schema": asked})
        now = self._clock()
        run = self._new_run(caller, new_id("msg"), body.model, now)
        message = _user_message(run, body.content)
        added = brought.around(run, message) if brought else (message,)
        return await self._start(caller, run, message, added, body.response_format, request_hash, sampling, request)

    async def retry(self, caller: Caller, message_id: str, body: MessageRetry) -> Run:
        """Answer the session's latest user message anew, edited where there is `content`; the rest is kept.

        Raises:
            NotFound: No such message.
            Conflict: It is not the latest of the user's.
        """
        self._check_length(body.content or "")
        changes = body.model_dump(exclude_none=True)
        request_hash = _hash("retry", [message_id, changes] if changes else message_id)
        if (earlier := await self._repeated(caller, request_hash)) is not None:
            return earlier
        message = await self._store.load_message(caller.session.id, message_id)
        latest = await self._store.latest_run(caller.session.id)
        if message.role != "user" or latest is None or latest.message_id != message_id:
            raise Conflict("Only the latest message of the user can be answered anew: later ones build on its answer.")
        edited = body.content is not None and body.content != message.content
        answered = new_id("msg") if edited else message_id
        run = self._new_run(caller, answered, body.model, self._clock(), retry_of=latest.id)
        added = (_user_message(run, body.content),) if edited and body.content else ()
        response_format = await self._store.response_format(latest.id)
        return await self._start(caller, run, *added or (message,), added, response_format, request_hash)

    async def submit(
        self,
        caller: Caller,
        run: Run,
        body: ActionResults,
        *,
        sampling: Sampling | None = None,
        request_hash: str | None = None,
        request: str | None = None,
    ) -> Run:
        """Go on after `requires_action`, with what the client's actions gave; the rest as for `send`.

        Raises:
            Conflict: The run does not wait for results.
            Invalid: These are not the results it waits for.
        """
        request_hash = request_hash or _hash("submit", [run.id, body.model_dump(mode="json")])
        if (earlier := await self._repeated(caller, request_hash)) is not None:
            return earlier
        latest = await self._store.latest_run(caller.session.id)
        if run.status != "requires_action" or latest is None or latest.id != run.id:
            raise Conflict("The run does not wait for the results of actions.")
        now = self._clock()
        continuation = self._new_run(caller, run.message_id, run.model, now, continues=run.id)
        results = _result_messages(continuation, await self._store.run_messages(run.id), body, now)
        message = await self._store.load_message(caller.session.id, run.message_id)
        form = await self._store.response_format(run.id)
        return await self._start(caller, continuation, message, results, form, request_hash, sampling, request)

    def _check_length(self, content: str) -> None:
        if len(content) > self._settings.max_message_chars:
            raise Invalid(f"The message is longer than {self._settings.max_message_chars} characters.")

    async def _repeated(self, caller: Caller, request_hash: str) -> Run | None:
        """The run that the same request with the same key started before, whatever was sent since."""
        if caller.idempotency_key is None:
            return None
        return await self._store.find_run(caller.session.id, caller.idempotency_key, request_hash)

    def _new_run(
        self,
        caller: Caller,
        message_id: str,
        model: str | None,
        now: datetime,
        *,
        retry_of: str | None = None,
        continues: str | None = None,
    ) -> Run:
        asked = None if self._with.provider.name == "offline" else model or caller.session.model
        return Run(
            id=new_id("run"),
            session_id=caller.session.id,
            message_id=message_id,
            status="in_progress",
            provider=self._with.provider.name,
            model=asked or self._with.provider.default_model,
            retry_of=retry_of,
            continues=continues,
            created_at=now,
        )

    async def _start(
        self,
        caller: Caller,
        run: Run,
        message: Message,
        added: Sequence[Message],
        response_format: ResponseFormat | None,
        request_hash: str,
        sampling: Sampling | None = None,
        request: str | None = None,
    ) -> Run:
        """Commit the run and begin its work; neither is undone when the one who asked leaves meanwhile."""
        new = NewRun(
            run=run,
            added=added,
            first=Frame.of(run.id, 1, RunCreated(run=run, message=message)),
            lease_id=self._lease.id,
            title=None if caller.session.title else _title(message.content),
            response_format=response_format,
            idempotency_key=caller.idempotency_key,
            request_hash=request_hash,
            request=request,
            sampling=sampling,
        )
        place = caller.place or await self._take_place(caller.account_id, caller.counted_as)
        place.taken = True
        others = self._callers.count(caller.counted_as) - 1
        launch = asyncio.create_task(self._launch(caller, new, place, others), name=f"launch {run.id}")
        self._launching.add(launch)
        launch.add_done_callback(self._launching.discard)
        launch.add_done_callback(lambda _: self._places.discard(place))
        return await asyncio.shield(launch)

    @asynccontextmanager
    async def place(self, account_id: str, counted_as: str | None) -> AsyncIterator[Place]:
        """Room for a run, or for another answer of the model, held meanwhile, so that nothing is stored for nothing.

        Raises:
            Overloaded, RateLimited: It is one too many, of the caller's or of all.
        """
        place = await self._take_place(account_id, counted_as)
        try:
            yield place
        finally:
            if not place.taken:
                self._places.discard(place)

    async def _take_place(self, account_id: str, counted_as: str | None) -> Place:
        if self._closing:
            raise Overloaded
        quotas = self._with.quotas
        quotas.check_live_runs(self._callers, counted_as)
        self._places.add(place := Place(counted_as))
        try:
            if counted_as is not None:
                await self._check_spent(account_id)
                await quotas.take_message(counted_as)
        except BaseException:
            self._places.discard(place)
            raise
        return place

    @property
    def _callers(self) -> list[str | None]:
        """Whose the runs are that are live or about to be."""
        return [
            *(live.caller.counted_as for live in self._live.values()),
            *(place.counted_as for place in self._places),
        ]

    async def _check_spent(self, account_id: str) -> None:
        if self._with.quotas.tokens_a_day is not None:
            now = self._clock()
            self._with.quotas.check_tokens(account_id, await self._store.spent(account_id, since=now - DAY), now)

    async def _launch(self, caller: Caller, new: NewRun, place: Place, others: int) -> Run:
        await self._with.quotas.take_turn(others)
        try:
            run, repeated = await self._store.start_run(new)
        except RunInProgress as error:
            if not await self.settler.settle_if_dead(error.run_id):
                raise
            run, repeated = await self._store.start_run(new)
        if not repeated:
            live = self._live[run.id] = LiveRun(caller, new, self._with, self.settler, others)
            self._places.discard(place)
            live.ending.add_done_callback(lambda _: self._live.pop(run.id))
        return run

    # Following

    def follow(self, run_id: str, after: int = 0) -> AsyncGenerator[list[Frame], None]:
        """The run's frames above `after`, stored and live, to its end. See Journal.follow."""
        return self._with.journal.follow(run_id, after)

    async def is_at_end(self, run_id: str, after: int) -> bool:
        """True for the cursor of a run's last event: nothing is to come."""
        at_cursor = await self._store.load_frames(run_id, after=after - 1, limit=1)
        return bool(at_cursor) and at_cursor[0].is_last

    async def wait(self, account_id: str, run_id: str) -> Answer:
        """The finished run with the messages it added, the user's first."""
        async with aclosing(self.follow(run_id)) as batches:
            async for _ in batches:
                pass
        run = await self._store.load_run(account_id, run_id)
        messages = await self._store.run_messages(run_id)
        if not any(message.id == run.message_id for message in messages):
            messages.insert(0, await self._store.load_message(run.session_id, run.message_id))
        return Answer(run=run, messages=messages)

    async def live_messages(self, session: Session, account_id: str) -> list[Message]:
        """The messages of the session's live run, as far as they are committed."""
        if session.live_run_id is None:
            return []
        live = self._live.get(session.live_run_id)
        if live is not None:
            return live.committed.messages("in_progress")
        run = await self._store.load_run(account_id, session.live_run_id)
        if run.status != "in_progress":  # it has ended meanwhile, and its messages are stored
            return []
        return (await self.settler.transcript(run)).messages("in_progress")

    # Stopping

    async def cancel(self, run: Run) -> None:
        """Stop a run and keep what was said; returns when its end is committed. Nothing happens to one that ended.

        Raises:
            StorageUnavailable: It is stopped, and its end will be written when the disk takes it.
            Overloaded: It is told to stop, and has not let go yet of what it waits for.
        """
        live = self._live.get(run.id)
        if live is not None:
            live.stop()
            _, unwritten = await asyncio.wait({live.ending}, timeout=CANCEL_SECONDS)
            if unwritten and not live.work.done():
                raise Overloaded("The run is told to stop and has not let go yet; it ends as soon as it does.")
            if unwritten:
                raise StorageUnavailable("The run is stopped; that is noted once the database can be written.")
        elif run.status == "in_progress" and not await self.settler.settle_if_dead(run.id):
            await self._cancel_elsewhere(run.id)

    async def cancel_all(self, account_id: str) -> None:
        """Stop every run of an account.

        Raises:
            StorageUnavailable, Overloaded: As for `cancel`.
        """
        for run in await self._store.live_runs(account_id):
            await self.cancel(run)

    async def _cancel_elsewhere(self, run_id: str) -> None:
        """Have the process that works on a run stop it, and wait for the end; settle it should that process die."""
        await self._store.request_cancel(run_id)
        deadline = asyncio.get_running_loop().time() + CANCEL_ELSEWHERE_SECONDS
        while not await self.settler.settle_if_dead(run_id):
            if asyncio.get_running_loop().time() > deadline:
                raise Overloaded("The run's process is told to stop it and has not done so yet.", retry_after=1)
            await asyncio.sleep(CANCEL_LOOK_SECONDS)

    async def _heed_others(self) -> None:
        """Stop the live runs that other processes were asked to stop."""
        while True:
            await asyncio.sleep(CANCEL_LOOK_SECONDS)
            if not self._live:
                continue
            with suppress(StorageUnavailable):  # looked for again
                for run_id in await self._store.runs_to_cancel(self._lease.id):
                    if run_id in self._live:
                        self._live[run_id].stop()

    def hurry(self) -> None:
        """Cut the grace period of `close` short."""
        self._hurried.set()

    async def close(self) -> None:
        """Let live runs finish within the grace period, then settle the rest; commit all."""
        self._closing = True
        self.settler.stop()
        if self._launching:
            await asyncio.wait(self._launching)
        if self._live:
            logger.info("Waiting up to {} s for {} live runs", self._settings.shutdown_grace, self.count)
        await self._let_end(self._settings.shutdown_grace, unless=self._hurried)
        for live in self._live.values():
            live.work.cancel()
        await self._let_end(LAST_WORDS_SECONDS)
        self._heeding.cancel()
        for live in self._live.values():
            live.ending.cancel()  # only a disk that takes nothing keeps one; it is settled at the next start

    async def _let_end(self, seconds: float, unless: asyncio.Event | None = None) -> None:
        """Wait until no run is live, for so many seconds at most and only until `unless` is set."""
        endings = {live.ending for live in self._live.values()}
        if not endings:
            return
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(asyncio.wait(endings))]
        if unless is not None:
            waits.append(asyncio.create_task(unless.wait()))
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def _user_message(run: Run, content: str) -> Message:
    """The message that a run is to answer."""
    ids = {"id": run.message_id, "session_id": run.session_id, "run_id": run.id}
    return Message(**ids, role="user", content=content, created_at=run.created_at)


def _result_messages(run: Run, asked: Sequence[Message], body: ActionResults, now: datetime) -> list[Message]:
    """The client's results as tool entries; every action that was called must have exactly one."""
    calls = {call.call_id: call for message in asked for call in message.tool_calls if call.action}
    given = [result.call_id for result in body.results]
    if sorted(given) != sorted(calls):
        raise Invalid(f"The run waits for exactly one result for each of these calls: {', '.join(sorted(calls))}.")
    return [
        Message(
            id=new_id("msg"),
            session_id=run.session_id,
            run_id=run.id,
            role="tool",
            call_id=result.call_id,
            name=calls[result.call_id].name,
            ok=True,
            result=result.output,
            created_at=now,
        )
        for result in body.results
    ]


def _title(content: str) -> str:
    """The first words of a message.

    >>> _title("  recommend me   three films ")
    'recommend me three films'
    """
    text = " ".join(content.split())
    if len(text) <= TITLE_CHARS:
        return text
    return text[:TITLE_CHARS].rsplit(" ", 1)[0] + "…"


def _hash(kind: str, body: JsonValue) -> str:
    """The identity of a request: equal for requests that one key may repeat."""
    return hashlib.sha256(json.dumps([kind, body], sort_keys=True).encode()).hexdigest()
