"""One live run: from the conversation up to its message to its last event. It belongs to the application."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from loguru import logger

from accounts.quotas import Quotas
from db import Store
from errors import CatalogueError, Internal, MarqueeError, RunFailed, UpstreamTimeout
from llm import Limits, Offer, Offers, Outcome, Reply, ReplyEvent, StepEnded
from movies.library import Library, Snapshot
from providers.base import AS_IT_COMES, Provider
from providers.contexts import Contexts
from providers.conversation import Conversation, newest_exchanges, open_exchange, system_prompt, whose_taste
from runs.grounding import Grounder
from runs.journal import Journal
from runs.recording import Recording
from runs.schema_checks import SchemaChecker
from runs.settling import Settler
from runs.transcript import Transcript, last_event
from schemas import Error, Event, Mention, Run, RunStatus, Session, SessionUpdated, TextDeltaEvent, Timings, TokenUsage
from settings import Settings
from storage.own_ratings import OwnRatings
from storage.records import Clock, EndedRun, NewRun
from telemetry.base import OFF, Metrics
from tools.calls import callable_in
from tools.registry import Toolbox


@dataclass(eq=False, slots=True)
class Place:
    """Room for a run that is not live yet. `counted_as`: whose limits hold; `taken`: by a run that begins."""

    counted_as: str | None
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """The one who asks, in which session, and with which key.

    `counted_as`: whose limits hold; None for who works on this machine itself. `place`: that is held already.
    """

    account_id: str
    session: Session
    idempotency_key: str | None = None
    counted_as: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """All that runs work with."""

    store: Store
    journal: Journal
    provider: Provider
    contexts: Contexts
    library: Library
    ratings: OwnRatings
    checker: SchemaChecker
    quotas: Quotas
    settings: Settings
    clock: Clock
    metrics: Metrics = OFF


class LiveRun:
    """A run of this process, made when it is committed; its work begins at once.

    Attributes:
        caller: the one who asked.
        work: the task that answers; it may be cancelled at any time.
        ending: the task that sees the end committed. Only the work is ever cancelled, so the end is always written.
        committed: what of it is on the disk.
    """

    def __init__(self, caller: Caller, new: NewRun, resources: Resources, settler: Settler, others: int) -> None:
        self.run = new.run
        self._others = others
        self._stop_as: RunStatus = "interrupted"
        self.committed = Transcript(new.run)
        self.caller = caller
        self._new = new
        self._with = resources
        self._said = Transcript(new.run)
        self._steps = 0
        self._reply: Reply | None = None
        self._grounder: Grounder | None = None
        self._note: str | None = None
        self._first_delta_at: datetime | None = None
        self._recording = Recording(new.run, resources.metrics)
        resources.journal.open(
            new.first, lambda event: self.committed.add(event, resources.clock()), self._recording.committed
        )
        whose = {"account": caller.account_id, "session": new.run.session_id, "run": new.run.id}
        with logger.contextualize(**whose):  # of what the two tasks log, beside the id of the request
            self.work = asyncio.create_task(self._answer(), name=f"work {new.run.id}")
            self.ending = asyncio.create_task(self._see_through(settler), name=f"run {new.run.id}")

    def stop(self) -> None:
        """Stop the work as somebody wants it: the run ends as `cancelled`."""
        self._stop_as = "cancelled"
        if not self.work.cancelling():  # a second time would cut short how it lets go of the provider
            self.work.cancel()

    async def _see_through(self, settler: Settler) -> None:
        await asyncio.wait({self.work})
        try:
            await self._end()
        except Exception:  # noqa: BLE001  a defect: what is committed stands, or the session is busy for ever
            logger.exception("{} has no regular end", self.run.id)
            self._recording.ended(self.run.model_copy(update={"status": "interrupted"}))
            await settler.settle(self.run)

    async def _end(self) -> None:
        status, error = self._verdict()
        run = self._ended(status, error)
        messages, asked = self._said.messages(status), list[Mention]()
        if self._grounder is not None:
            run, messages, asked = await self._grounder.mark(run, messages)
        await self._with.journal.end(run.id, last_event(run, messages), EndedRun(run, messages, asked))
        self._recording.ended(run)
        how = f"{status} ({error.code})" if error else status
        log = logger.bind(code=error.code) if error else logger
        log.log(
            "WARNING" if error else "INFO", "{} {} after {} ms, {} steps", run.id, how, run.timings.total_ms, run.steps
        )

    async def _answer(self) -> RunStatus:
        self._recording.trace.enter()
        async with asyncio.timeout(self._with.settings.llm_total_timeout):
            if self._new.title:
                session = await self._with.store.load_session(self.caller.account_id, self.run.session_id)
                await self._emit(SessionUpdated(session=session))
            async with self._with.library.use() as snapshot:
                async with self._with.quotas.beginnings.turn(self._others):
                    self._reply = await self._begin_reply(snapshot)
                async with aclosing(self._reply.events()) as events:
                    async for event in events:
                        if isinstance(event, Outcome):
                            return event.status
                        await self._pass_on(event)
        raise Internal

    async def _begin_reply(self, snapshot: Snapshot) -> Reply:
        """The answer to be, with the conversation up to its message, over one state of the data."""
        store, settings, session = self._with.store, self._with.settings, self.caller.session
        contexts = self._with.contexts
        current = open_exchange(await store.exchange(session.id, self.run.message_id))
        whose = (self._with.ratings, self.caller.account_id, session)
        toolbox = Toolbox(snapshot, *whose, self._with.clock, self._with.metrics)
        offers = await self._offers(toolbox)
        context = contexts.tokens(self.run.model)
        offer = offers.choose(small=contexts.is_small(context))
        room = Conversation(offer.system, (), current).room(offer.room(context))
        async with aclosing(store.earlier_messages(session.id, self.run.message_id)) as pages:
            earlier, whole = await newest_exchanges(pages, room)
        conversation = Conversation(offer.system, earlier, current, whole=whole)
        if settings.grounding != "off":
            shown = () if whole else await self._with.ratings.shown(session.id)  # what is left out was shown, too
            self._grounder = await Grounder.begin(snapshot, conversation, current[0].content, shown)
        return Reply(
            conversation,
            provider=self._with.provider,
            model=self.run.model,
            toolbox=toolbox,
            offers=offers,
            contexts=contexts,
            limits=Limits(settings.llm_max_steps, settings.llm_max_repairs),
            problem_of=self._with.checker.document_problem,
            claims_of=self._grounder.problem if self._grounder and settings.grounding == "strict" else None,
            actions=session.actions,
            response_format=self._new.response_format,
            sampling=self._new.sampling,
        )

    async def _offers(self, toolbox: Toolbox) -> Offers:
        """All tools, or few of them, each with a system prompt of its own and the session's actions."""
        choice, actions = (self._new.sampling or AS_IT_COMES).tool_choice, self.caller.session.actions
        reads = self._with.provider.reads_prompt
        ours, few = (toolbox.specs, toolbox.small_specs) if reads else (toolbox.names, toolbox.names)
        if choice == "none":
            actions = []
        elif choice != "auto":
            ours, few = (), ()
        full, small = await self._prompts(toolbox.snapshot) if reads else ("", "")
        return Offers(
            full=Offer(full, callable_in(ours, actions)),
            small=Offer(small, callable_in(few, actions)),
        )

    async def _prompts(self, snapshot: Snapshot) -> tuple[str, str]:
        """The system prompt beside all tools, and beside few."""
        info, session = snapshot.info, self.caller.session
        prompt = partial(
            system_prompt,
            info,
            session.instructions,
            genres=await _genres(snapshot),
            whose=whose_taste(info, session.user_id, await self._with.ratings.count(self.caller.account_id)),
            today=self._with.clock(),
        )
        return prompt(), prompt(small=True)

    async def _pass_on(self, event: ReplyEvent) -> None:
        self._recording.note(event)
        if isinstance(event, StepEnded):
            self._steps += 1
            self._note = event.note or self._note
        elif not isinstance(event, Outcome):
            if self._first_delta_at is None and isinstance(event, TextDeltaEvent):
                self._first_delta_at = self._with.clock()
            await self._emit(event)

    async def _emit(self, event: Event) -> None:
        self._said.add(event, self._with.clock())
        await self._with.journal.append(self.run.id, event)

    def _verdict(self) -> tuple[RunStatus, Error | None]:
        """The status and error of the run, from how its work ended."""
        if self.work.cancelled():
            return self._stop_as, None
        failure = self.work.exception()
        if failure is None:
            return self.work.result(), None
        if isinstance(failure, TimeoutError):
            failure = UpstreamTimeout("The answer took longer than the time limit (LLM_TOTAL_TIMEOUT).")
        if not isinstance(failure, MarqueeError):
            logger.opt(exception=failure).error("{} failed by a defect of ours", self.run.id)
            failure = Internal()
        retry_after = failure.retry_after if isinstance(failure, RunFailed) else None
        return "failed", Error.model_validate(
            {"code": failure.code, "detail": failure.detail, "retry_after": retry_after}
        )

    def _ended(self, status: RunStatus, error: Error | None) -> Run:
        """The run in its final state."""
        now, began = self._with.clock(), self.run.created_at
        spent = self._reply.usage if self._reply else None
        usage = spent and TokenUsage(
            input_tokens=spent.input_tokens, output_tokens=spent.output_tokens, estimated=spent.estimated
        )
        return self.run.model_copy(
            update={
                "status": status,
                "error": error,
                "steps": self._steps,
                "usage": usage,
                "note": self._note,
                "timings": Timings(first_delta_ms=_ms(began, self._first_delta_at), total_ms=_ms(began, now)),
                "finished_at": now,
            }
        )


async def _genres(snapshot: Snapshot) -> list[str]:
    """The names of the genres; none where the catalogue cannot be read, which its tools will say."""
    try:
        return [count.name for count in await snapshot.catalogue.genres()]
    except CatalogueError:
        return []


def _ms(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else int((end - start).total_seconds() * 1000)
