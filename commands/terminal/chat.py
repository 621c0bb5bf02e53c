"""The conversation that the terminal is in: its session, what was said and shown last, the answer that is coming."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager, suppress

from client import Client, ClientError, Refused
from commands.terminal.movies import Row
from commands.terminal.screen import Screen
from commands.terminal.sign_in import SignIn
from schemas import Event, Message, MessageCreate, Run, RunCreated, RunEnded, Session, SessionCreate, SessionUpdated

MOST_READ = 100  # entries of the end of a session, calls and results of tools among them
MOST_HISTORY = 6  # entries of a session that are shown when it is taken up again


class Chat:
    """One session at a time, opened with its first message.

    Attributes:
        session: The session; None before its first message.
        model: The model that a new session is to have.
        instructions: Those that it is to have, beside the service's own.
        shown: The movies of the last list, which are named by their numbers.
        listed: The sessions of the last list, likewise.
        failed: True where the last answer was not whole.
        stopped: True where Ctrl-C ended it.
        interrupts: Ctrl-C.
        sign_in: The person's sign-in at the service; None for a program with a key.
    """

    def __init__(
        self,
        client: Client,
        screen: Screen,
        model: str | None = None,
        instructions: str | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        self.client, self.screen, self.model, self.instructions = client, screen, model, instructions
        self.session: Session | None = None
        self.shown: list[Row] = []
        self.listed: list[Session] = []
        self.failed = False
        self.stopped = False
        self.interrupts = Interrupts()
        self.sign_in = sign_in
        self._run: Run | None = None

    async def say(self, text: str) -> None:
        """Send a message, and show the answer to its end."""
        try:
            session = await self._opened()
            await self._play(self.client.send_message(session.id, MessageCreate(content=text)))
        except Refused as error:
            if error.run_id is None:
                raise
            self.screen.aside("The session is answering another message; here it is. Then say that again.")
            await self._play(self.client.follow_run(error.run_id))

    async def retry(self, content: str | None = None) -> None:
        """Have the last message answered anew, edited where there is a text."""
        message = await self.last_message()
        if message is None or self.session is None:
            self.screen.problem("Nothing was said yet.")
        else:
            await self._play(self.client.retry_message(self.session.id, message.id, content))

    async def last_message(self) -> Message | None:
        """The last message of the person's."""
        messages = [message for message in await self._latest() if message.role == "user"]
        return messages[-1] if messages else None

    async def _latest(self) -> list[Message]:
        """The end of the history, without what is not to be read."""
        if self.session is None:
            return []
        page = await self.client.list_messages(self.session.id, before="latest", limit=MOST_READ)
        read = [message for message in page.data if message.role != "tool" and not message.alternative]
        return [message for message in read if message.content]

    async def take_up(self, session: Session) -> None:
        """Go on with a session: show its end, and its answer if one is coming."""
        self.session, self.shown = session, []
        self.screen.aside(f"Session: {session.title or 'without a title'}")
        messages = await self._latest()
        if session.live_run_id is not None:
            messages = [
                message for message in messages if message.role == "user" or message.run_id != session.live_run_id
            ]
        self.screen.history(messages[-MOST_HISTORY:])
        if session.live_run_id is not None:
            await self._play(self.client.follow_run(session.live_run_id))

    def begin_anew(self) -> None:
        """Leave the session; the next message opens another."""
        self.session, self.shown = None, []

    async def _opened(self) -> Session:
        if self.session is None:
            self.session = await self.client.create_session(
                SessionCreate(model=self.model, instructions=self.instructions)
            )
        return self.session

    async def _play(self, events: AsyncGenerator[Event, None]) -> None:
        """Show a run to its end; Ctrl-C stops it, a second time leaves it."""
        self._run, self.stopped, self.failed = None, False, True
        playing = asyncio.create_task(self._follow(events))
        stopping: set[asyncio.Task[None]] = set()

        def stop() -> None:
            if self._run is None or stopping:
                playing.cancel()
            else:
                stopping.add(asyncio.create_task(self._cancel(self._run)))
            self.stopped = True

        with self.interrupts.caught_by(stop):
            try:
                await playing
            except asyncio.CancelledError:
                self.screen.aside("Left. Perhaps it is still being answered: /retry, or look again later.")
            finally:
                for task in stopping:
                    task.cancel()

    async def _follow(self, events: AsyncGenerator[Event, None]) -> None:
        async with aclosing(events), self.screen.answer() as answer:
            async for event in events:
                if isinstance(event, RunCreated):
                    self._run = event.run
                elif isinstance(event, SessionUpdated):
                    self.session = event.session
                answer.show(event)
                self.failed = not (
                    isinstance(event, RunEnded) and event.type in ("run.completed", "run.requires_action")
                )
            self.shown = answer.rows or self.shown

    async def _cancel(self, run: Run) -> None:
        with suppress(ClientError):  # the stream will tell
            await self.client.cancel_run(run.id)


class Interrupts:
    """Ctrl-C, handed to whatever can be stopped right now instead of ending the program."""

    def __init__(self) -> None:
        self._stops: list[Callable[[], object]] = []

    @contextmanager
    def caught_by(self, stop: Callable[[], object]) -> Iterator[None]:
        """Hand it to `stop`."""
        loop = asyncio.get_running_loop()
        self._stops.append(stop)
        loop.add_signal_handler(signal.SIGINT, self._stop)
        try:
            yield
        finally:
            self._stops.pop()
            if not self._stops:
                loop.remove_signal_handler(signal.SIGINT)

    async def run(self, work: Coroutine[None, None, None]) -> None:
        """Do what may be left undone."""
        doing = asyncio.ensure_future(work)
        with self.caught_by(doing.cancel), suppress(asyncio.CancelledError):
            await doing

    def _stop(self) -> None:
        self._stops[-1]()
