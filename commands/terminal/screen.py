"""The screen: what the chat shows, to a person at a terminal or, plainly, to whatever reads its output.

Nothing of a model, of the data or of a file reaches it but as text: control characters are shown as escapes, markup is
not read.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.text import Text
from rich.theme import Theme

from client import ClientError
from commands.terminal.markdown import Document, Growing
from commands.terminal.movies import Row, rows_in, table
from schemas import (
    ActionCallEvent,
    Event,
    Message,
    ReasoningDeltaEvent,
    Run,
    RunEnded,
    TextDeltaEvent,
    ToolCallEvent,
    ToolResultEvent,
)
from text import one_line, printable

try:
    import termios
except ImportError:  # no terminal of this kind on the system
    termios = None  # type: ignore[assignment]

FRAME_SECONDS = 1 / 12
MOST_ARGUMENTS = 160  # characters of a tool's arguments on its line
THOUGHT = 60  # characters of what a model thinks aloud, beside the spinner
_THEME = Theme({"markdown.code": "cyan", "markdown.code_block": "cyan", "markdown.item.number": "bold"})
ENDS = {
    "run.cancelled": "Stopped.",
    "run.interrupted": "The server ended in the middle of this answer; /retry asks again.",
}


class Screen:
    """Plain output: answers and results to standard output, all that stands beside them to standard error."""

    interactive = False

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # where a terminal has no stars
        self.console = Console(highlight=False, theme=_THEME)
        self._beside = Console(stderr=True, highlight=False, soft_wrap=True)
        self._lost = False

    def say(self, text: str) -> None:
        """The result of a command."""
        self.console.print(printable(text), markup=False, soft_wrap=True)

    def draw(self, drawing: RenderableType) -> None:
        """A table, whose cells are texts."""
        self.console.print(drawing)

    def aside(self, text: str) -> None:
        """A remark beside the conversation."""
        self._beside.print(one_line(text), style="dim", markup=False)

    def problem(self, text: str) -> None:
        """A failure."""
        self._beside.print(one_line(text), style="red", markup=False)

    def lost(self, error: ClientError, seconds: float) -> None:
        """The connection is gone and will be tried again: said once."""
        if not self._lost:
            self._lost = True
            self.aside(
                f"{error.detail} Trying again …" if seconds < 1 else f"{error.detail} Again in {seconds:.0f} s …"
            )

    def found_again(self) -> None:
        """Something came."""
        if self._lost:
            self._lost = False
            self.aside("Connected again.")

    def history(self, messages: Sequence[Message]) -> None:
        """The end of a session that someone goes on with."""

    def answer(self) -> Answer:
        """An answer, to be shown as it comes."""
        return Answer(self)


class Answer:
    """One answer as it comes: its text to standard output as it is, tool calls to standard error."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._mid_line = False
        self.rows: list[Row] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_line()

    def show(self, event: Event) -> None:
        """Show what there is to see of an event."""
        self._screen.found_again()
        match event:
            case TextDeltaEvent():
                self.text(event.delta)
            case ReasoningDeltaEvent():
                self.thought(event.delta)
            case ToolCallEvent() | ActionCallEvent():
                self.called(f"→ {event.name}({arguments(event)})")
            case ToolResultEvent() if event.ok:
                self.rows = rows_in(event.result) or self.rows
                self.result(rows_in(event.result))
            case ToolResultEvent():
                self.called(f"  {event.error}")
            case RunEnded():
                self.ended(event)

    def text(self, delta: str) -> None:
        shown = printable(delta.replace("\r", ""))
        sys.stdout.write(shown)
        sys.stdout.flush()
        self._mid_line = not shown.endswith("\n") if shown else self._mid_line

    def thought(self, delta: str) -> None:
        """Thoughts of the model; a reader of plain output wants the answer alone."""

    def called(self, line: str) -> None:
        self._end_line()
        self._screen.aside(line)

    def result(self, rows: list[Row]) -> None:
        """The movies of a tool's result; in plain output the answer tells of them."""

    def ended(self, event: RunEnded) -> None:
        self._end_line()
        if event.error is not None:
            self._screen.problem(event.error.detail)
        elif event.type in ENDS:
            self._screen.aside(ENDS[event.type])
        for remark in remarks(event.run, event.message):
            self._screen.aside(remark)

    def _end_line(self) -> None:
        if self._mid_line:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._mid_line = False


class FullScreen(Screen):
    """For a person: Markdown, tables, colours where they are wanted."""

    interactive = True

    def history(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.role == "user":
                self.console.print(Text(f"› {printable(message.content or '')}", style="bold"), soft_wrap=True)
            elif message.role == "assistant" and message.content:
                self.draw(Document(printable(message.content)))
                self.console.print()

    def aside(self, text: str) -> None:
        self.console.print(one_line(text), style="dim", markup=False)

    def problem(self, text: str) -> None:
        self.console.print(one_line(text), style="red", markup=False)

    def answer(self) -> Answer:
        return FullAnswer(self)


class FullAnswer(Answer):
    """One answer as it comes, drawn anew a few times a second; what is finished is printed above for good."""

    def __init__(self, screen: FullScreen) -> None:
        super().__init__(screen)
        self._console = screen.console
        self._growing = Growing(screen.console)
        self._spinner = Spinner("dots", style="dim")
        self._live = Live(console=screen.console, auto_refresh=False, transient=True, vertical_overflow="crop")
        self._waits = True
        self._thought = ""
        self._drawing: asyncio.Task[None] | None = None
        self._restore: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        self._restore = silence_keys()
        self._live.start()
        self._drawing = asyncio.create_task(self._draw())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
            await asyncio.wait([self._drawing])
        self._growing.finish()
        self._live.update(Text(""))
        self._live.stop()
        self._console.print()
        self._restore()

    async def _draw(self) -> None:
        """A frame now and then; a long one less often, so that drawing never takes the whole of the processor."""
        while True:
            begin = time.monotonic()
            self._growing.advance()
            self._live.update(self._waiting() if self._waits else self._growing, refresh=True)
            await asyncio.sleep(max(FRAME_SECONDS, 4 * (time.monotonic() - begin)))

    def _waiting(self) -> RenderableType:
        self._spinner.update(text=Text(self._thought, style="dim italic"))
        return self._spinner

    def text(self, delta: str) -> None:
        self._waits, self._thought = False, ""
        self._growing.feed(delta)

    def thought(self, delta: str) -> None:
        self._thought = one_line(f"{self._thought} {delta}".replace("\r", "").replace("\n", " "))[-THOUGHT:].strip()

    def called(self, line: str) -> None:
        self._finish_text()
        self._screen.aside(line)

    def result(self, rows: list[Row]) -> None:
        if rows:
            self._finish_text()
            self._screen.draw(Padding(table(rows), (0, 0, 1, 2)))

    def ended(self, event: RunEnded) -> None:
        self._finish_text()
        self._waits = False
        super().ended(event)

    def _finish_text(self) -> None:
        self._growing.finish()
        self._waits = True


def arguments(event: ToolCallEvent | ActionCallEvent) -> str:
    """A call's arguments as a line: `limit=3, movies=['Heat']`."""
    line = ", ".join(f"{name}={value!r}" for name, value in (event.arguments or {}).items())
    return line if len(line) <= MOST_ARGUMENTS else f"{line[:MOST_ARGUMENTS]} …"


def remarks(run: Run, message: Message | None) -> Iterator[str]:
    """Remarks on an answer: what is odd about it, what nothing supports."""
    if run.note:
        yield run.note
    mentions = message.mentions if message is not None else []
    unsupported = dict.fromkeys(mention.text for mention in mentions or [] if mention.supported is False)
    if unsupported:
        yield f"Nothing in the data supports: {', '.join(unsupported)}"


def silence_keys() -> Callable[[], None]:
    """Have the terminal keep what is typed to itself until the next prompt; gives what undoes it."""
    if termios is None or not os.isatty(sys.stdin.fileno()):
        return lambda: None
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    quiet = termios.tcgetattr(descriptor)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
    return lambda: termios.tcsetattr(descriptor, termios.TCSANOW, before)


@contextmanager
def working(screen: Screen, what: str) -> Iterator[None]:
    """A sign of life while something takes its time."""
    if screen.interactive:
        with screen.console.status(Text(what, style="dim"), spinner="dots"):
            yield
    else:
        screen.aside(what)
        yield
