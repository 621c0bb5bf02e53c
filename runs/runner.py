"""Live runs: start, follow, cancel, retry, continue. A run belongs to the application.

Whoever started it may leave; only `cancel` and the end of the process stop it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loguru import logger
from pydantic import JsonValue

from db import Store
from errors import (
    Conflict,
    Internal,
    Invalid,
    MarqueeError,
    Overloaded,
    RunFailed,
    RunInProgress,
    StorageUnavailable,
    UpstreamTimeout,
)
from llm import Limits, Outcome, Reply, ReplyEvent, StepEnded
from movies.library import Library
from providers.base import Provider
from providers.conversation import Conversation, newest_exchanges, open_exchange, system_prompt, tool_tokens
from runs.journal import Journal, encode
from runs.leases import Boot
from runs.schema_checks import SchemaChecker
from runs.settling import Housekeeper, last_event
from runs.transcript import Transcript
from schemas import (
    ActionResults,
    Answer,
    Error,
    Event,
    Message,
    MessageCreate,
    ResponseFormat,
    Run,
    RunCreated,
    RunStatus,
    Session,
    SessionUpdated,
    TextDeltaEvent,
    Timings,
    TokenUsage,
)
from settings import Settings
from storage.own_ratings import OwnRatings
from storage.records import Clock, EndedRun, Frame, NewRun, new_id, utc_now
from tools.registry import Toolbox

TITLE_CHARS = 60
CANCEL_SECONDS = 0.8  # for the last events to reach the disk, when someone waits for a run to stop
LAST_WORDS_SECONDS = 3.0  # the same when the process ends


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, in which session, and with which key."""

    account_id: str
    session: Session
    idempotency_key: str | None = None


@dataclass(slots=True)
class _Live:
    """A run of this process: what it said, and what of that is committed.

    `stop_as`: what becomes of it when its work is cancelled.
    """

    caller: Caller
    new: NewRun
    transcript: Transcript
    committed: Transcript
    work: asyncio.Task[RunStatus]
    supervisor: asyncio.Task[None]
    stop_as: RunStatus = "interrupted"
    steps: int = 0
    reply: Reply | None = None
    note: str | None = None
    first_delta_at: datetime | None = None


class Runs:
    """All live runs of the process."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        provider: Provider,
        library: Library,
        ratings: OwnRatings,
        checker: SchemaChecker,
        boot: Boot,
        settings: Settings,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._journal = journal
        self._provider = provider
        self._library = library
        self._ratings = ratings
        self._checker = checker
        self._boot = boot
        self._settings = settings
        self._clock = clock
        self.house = Housekeeper(store, boot, settings, clock)
        self._live: dict[str, _Live] = {}
        self._launching: set[asyncio.Task[Run]] = set()
        self._closing = False
        self._hurried = asyncio.Event()

    @property
    def count(self) -> int:
        """How many runs are live."""
        return len(self._live)

    # Starting

    async def send(self, caller: Caller, body: MessageCreate) -> Run:
        """Store a user's message and begin to answer it.

        Raises:
            RunInProgress: The session is busy.
            IdempotencyMismatch: The key was used for another request.
            Overloaded: Too many runs are live.
        """
        if len(body.content) > self._settings.max_message_chars:
            raise Invalid(f"The message is longer than {self._settings.max_message_chars} characters.")
        request_hash = _hash("send", body.model_dump(mode="json", by_alias=True))
        if (earlier := await self._repeated(caller, request_hash)) is not None:
            return earlier
        if body.response_format is not None:
            asked = body.response_format.json_schema.json_schema
            await self._checker.check_schemas({"body.response_format.json_schema.schema": asked})
        now = self._clock()
        run = self._new_run(caller, new_id("msg"), body.model, now)
        message = Message(
            id=run.message_id,
            session_id=run.session_id,
            run_id=run.id,
            role="user",
            content=body.content,
            created_at=now,
        )
        return await self._start(caller, run, message, (message,), body.response_format, request_hash)

    async def retry(self, caller: Caller, message_id: str) -> Run:
        """Answer the session's latest user message anew; the earlier answer stays as an alternative.

        Raises:
            NotFound: No such message.
            Conflict: It is not the latest of the user's.
        """
        request_hash = _hash("retry", message_id)
        if (earlier := await self._repeated(caller, request_hash)) is not None:
            return earlier
        message = await self._store.load_message(caller.session.id, message_id)
        latest = await self._store.latest_run(caller.session.id)
        if message.role != "user" or latest is None or latest.message_id != message_id:
            raise Conflict("Only the latest message of the user can be answered anew: later ones build on its answer.")
        run = self._new_run(caller, message_id, None, self._clock(), retry_of=latest.id)
        response_format = await self._response_format(latest.id)
        return await self._start(caller, run, message, (), response_format, request_hash)

    async def submit(self, caller: Caller, run: Run, body: ActionResults) -> Run:
        """Go on after `requires_action`, with what the client's actions gave.

        Raises:
            Conflict: The run does not wait for results.
            Invalid: These are not the results it waits for.
        """
        request_hash = _hash("submit", [run.id, body.model_dump(mode="json")])
        if (earlier := await self._repeated(caller, request_hash)) is not None:
            return earlier
        latest = await self._store.latest_run(caller.session.id)
        if run.status != "requires_action" or latest is None or latest.id != run.id:
            raise Conflict("The run does not wait for the results of actions.")
        now = self._clock()
        continuation = self._new_run(caller, run.message_id, run.model, now, continues=run.id)
        results = _result_messages(continuation, await self._store.run_messages(run.id), body, now)
        message = await self._store.load_message(caller.session.id, run.message_id)
        response_format = await self._response_format(run.id)
        return await self._start(caller, continuation, message, results, response_format, request_hash)

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
        asked = None if self._provider.name == "offline" else model or caller.session.model
        return Run(
            id=new_id("run"),
            session_id=caller.session.id,
            message_id=message_id,
            status="in_progress",
            provider=self._provider.name,
            model=asked or self._provider.default_model,
            retry_of=retry_of,
            continues=continues,
            created_at=now,
        )

    async def _response_format(self, run_id: str) -> ResponseFormat | None:
        text = await self._store.response_format(run_id)
        return ResponseFormat.model_validate_json(text) if text else None

    async def _start(
        self,
        caller: Caller,
        run: Run,
        message: Message,
        added: Sequence[Message],
        response_format: ResponseFormat | None,
        request_hash: str,
    ) -> Run:
        """Commit the run and begin its work; neither is undone when the one who asked leaves meanwhile."""
        if self._closing or self.count + len(self._launching) >= self._settings.max_live_runs:
            raise Overloaded
        new = NewRun(
            run=run,
            added=added,
            frame=encode(run.id, 1, RunCreated(run=run, message=message)).data,
            boot_id=self._boot.id,
            title=None if caller.session.title else _title(message.content),
            response_format=response_format.model_dump_json(by_alias=True) if response_format else None,
            idempotency_key=caller.idempotency_key,
            request_hash=request_hash,
        )
        launch = asyncio.create_task(self._launch(caller, new), name=f"launch {run.id}")
        self._launching.add(launch)
        launch.add_done_callback(self._launching.discard)
        return await asyncio.shield(launch)

    async def _launch(self, caller: Caller, new: NewRun) -> Run:
        try:
            run, repeated = await self._store.start_run(new)
        except RunInProgress as error:
            if not await self.house.settle_if_dead(error.run_id):
                raise
            run, repeated = await self._store.start_run(new)
        if not repeated:
            committed = Transcript(run)
            self._journal.open(Frame(run.id, 1, new.frame), lambda event: committed.add(event, self._clock()))
            self._begin(caller, new, committed)
        return run

    def _begin(self, caller: Caller, new: NewRun, committed: Transcript) -> None:
        run_id = new.run.id
        work = asyncio.create_task(self._work(run_id), name=f"work {run_id}")
        supervisor = asyncio.create_task(self._supervise(run_id), name=f"run {run_id}")
        self._live[run_id] = _Live(caller, new, Transcript(new.run), committed, work, supervisor)

    # Working

    async def _supervise(self, run_id: str) -> None:
        """Wait for a run's work and commit its end. Only the work is ever cancelled, so the end is always written."""
        live = self._live[run_id]
        await asyncio.wait({live.work})
        status, error = _verdict(live)
        try:
            await self._end(live, status, error)
        except Exception:  # noqa: BLE001  a defect: what is committed stands, or the session is busy for ever
            logger.exception("{} has no regular end", run_id)
            await self.house.settle(live.new.run)
        finally:
            del self._live[run_id]

    async def _work(self, run_id: str) -> RunStatus:
        live = self._live[run_id]
        async with asyncio.timeout(self._settings.llm_total_timeout):
            if live.new.title:
                session = await self._store.load_session(live.caller.account_id, live.caller.session.id)
                await self._emit(live, SessionUpdated(session=session))
            live.reply = await self._reply(live)
            async with aclosing(live.reply.events()) as events:
                async for event in events:
                    if isinstance(event, Outcome):
                        return event.status
                    await self._take(live, event)
        raise Internal

    async def _take(self, live: _Live, event: ReplyEvent) -> None:
        if isinstance(event, StepEnded):
            live.steps += 1
            live.note = event.note or live.note
        elif not isinstance(event, Outcome):
            if live.first_delta_at is None and isinstance(event, TextDeltaEvent):
                live.first_delta_at = self._clock()
            await self._emit(live, event)

    async def _emit(self, live: _Live, event: Event) -> None:
        live.transcript.add(event, self._clock())
        await self._journal.append(live.new.run.id, event)

    async def _reply(self, live: _Live) -> Reply:
        """The answer to be, with the conversation up to its message."""
        run, session = live.new.run, live.caller.session
        current = open_exchange(await self._store.exchange(session.id, run.message_id))
        async with self._library.use() as snapshot:
            system = system_prompt(snapshot.info.in_words, session.instructions)
        toolbox = Toolbox(self._library, self._ratings, live.caller.account_id, session, self._clock)
        room = self._settings.llm_context_tokens - sum(map(tool_tokens, toolbox.specs))
        async with aclosing(self._store.earlier_messages(session.id, run.message_id)) as pages:
            earlier, whole = await newest_exchanges(pages, Conversation(system, (), current).room(room))
        response_format = (
            ResponseFormat.model_validate_json(live.new.response_format) if live.new.response_format else None
        )
        return Reply(
            Conversation(system, earlier, current, whole=whole),
            provider=self._provider,
            model=run.model,
            toolbox=toolbox,
            limits=Limits(
                self._settings.llm_max_steps, self._settings.llm_max_repairs, self._settings.llm_context_tokens
            ),
            problem_of=self._checker.document_problem,
            actions=session.actions,
            response_format=response_format.model_dump(mode="json", by_alias=True, exclude_none=True)
            if response_format
            else None,
        )

    async def _end(self, live: _Live, status: RunStatus, error: Error | None) -> None:
        now = self._clock()
        created = live.new.run.created_at
        spent = live.reply.usage if live.reply else None
        usage = spent and TokenUsage(
            input_tokens=spent.input_tokens, output_tokens=spent.output_tokens, estimated=spent.estimated
        )
        timings = Timings(first_delta_ms=_ms(created, live.first_delta_at), total_ms=_ms(created, now))
        run = live.new.run.model_copy(
            update={
                "status": status,
                "error": error,
                "steps": live.steps,
                "usage": usage,
                "note": live.note,
                "timings": timings,
                "finished_at": now,
            }
        )
        messages = live.transcript.messages(status)
        await self._journal.end(run.id, last_event(run, messages), EndedRun(run, messages))
        how = f"{status} ({error.code})" if error else status
        logger.info("{} {} after {} ms, {} steps", run.id, how, timings.total_ms, run.steps)

    # Following

    def follow(self, run_id: str, after: int = 0) -> AsyncGenerator[list[Frame], None]:
        """The run's frames above `after`, stored and live, to its end. See Journal.follow."""
        return self._journal.follow(run_id, after)

    async def has_after(self, run: Run, after: int) -> bool:
        """Whether a follower with this cursor has anything to expect: not exactly at the end of an ended run alone."""
        if run.status == "in_progress" or after == 0:
            return True
        return len(await self._store.load_frames(run.id, after=after - 1, limit=2)) != 1

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
        """What the session's live run has committed so far, as messages."""
        if session.live_run_id is None:
            return []
        live = self._live.get(session.live_run_id)
        if live is not None:
            return live.committed.messages("in_progress")
        run = await self._store.load_run(account_id, session.live_run_id)
        if run.status != "in_progress":  # it has ended meanwhile, and its messages are stored
            return []
        return (await self.house.transcript(run)).messages("in_progress")

    # Stopping

    async def cancel(self, run: Run) -> None:
        """Stop a run and keep what was said; returns when its end is committed. Nothing happens to one that ended.

        Raises:
            Conflict: The run belongs to another process that is alive.
            StorageUnavailable: It is stopped, and its end will be written when the disk takes it.
            Overloaded: It is told to stop, and has not let go yet of what it waits for.
        """
        live = self._live.get(run.id)
        if live is not None:
            live.stop_as = "cancelled"
            live.work.cancel()
            _, unwritten = await asyncio.wait({live.supervisor}, timeout=CANCEL_SECONDS)
            if unwritten and not live.work.done():
                raise Overloaded("The run is told to stop and has not let go yet; it ends as soon as it does.")
            if unwritten:
                raise StorageUnavailable("The run is stopped; that is noted once the database can be written.")
        elif run.status == "in_progress" and not await self.house.settle_if_dead(run.id):
            raise Conflict("The run belongs to another process of this service; stop it there.")

    def hurry(self) -> None:
        """Cut the grace period of `close` short."""
        self._hurried.set()

    async def close(self) -> None:
        """Let live runs finish within the grace period, then settle the rest; commit all."""
        self._closing = True
        self.house.stop()
        if self._launching:
            await asyncio.wait(self._launching)
        if self._live:
            logger.info("Waiting up to {} s for {} live runs", self._settings.shutdown_grace, self.count)
        await self._let_end(self._settings.shutdown_grace, unless=self._hurried)
        for live in self._live.values():
            live.work.cancel()
        await self._let_end(LAST_WORDS_SECONDS)
        for live in self._live.values():
            live.supervisor.cancel()  # only a disk that takes nothing keeps one; it is settled at the next start

    async def _let_end(self, seconds: float, unless: asyncio.Event | None = None) -> None:
        """Wait until no run is live, for so many seconds at most and only until `unless` is set."""
        supervisors = {live.supervisor for live in self._live.values()}
        if not supervisors:
            return
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(asyncio.wait(supervisors))]
        if unless is not None:
            waits.append(asyncio.create_task(unless.wait()))
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def _verdict(live: _Live) -> tuple[RunStatus, Error | None]:
    """How a run ended, from how its work did."""
    if live.work.cancelled():
        return live.stop_as, None
    failure = live.work.exception()
    if failure is None:
        return live.work.result(), None
    if isinstance(failure, TimeoutError):
        failure = UpstreamTimeout("The answer took longer than the time limit (LLM_TOTAL_TIMEOUT).")
    if not isinstance(failure, MarqueeError):
        logger.opt(exception=failure).error("{} failed by a defect of ours", live.new.run.id)
        failure = Internal()
    retry_after = failure.retry_after if isinstance(failure, RunFailed) else None
    return "failed", Error.model_validate({"code": failure.code, "detail": failure.detail, "retry_after": retry_after})


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
    """The first words of a message: `recommend me three films like Heat`."""
    text = " ".join(content.split())
    if len(text) <= TITLE_CHARS:
        return text
    return text[:TITLE_CHARS].rsplit(" ", 1)[0] + "…"


def _hash(kind: str, body: JsonValue) -> str:
    """What makes two requests with one key the same."""
    return hashlib.sha256(json.dumps([kind, body], sort_keys=True).encode()).hexdigest()


def _ms(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else int((end - start).total_seconds() * 1000)
