"""The line of input: history, keys, completion of commands and titles that never waits for the server."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.styles import Style

from client import Client, ClientError
from text import one_line

PAUSE_SECONDS = 0.15  # of typing, before a title is looked for
MOST_TITLES = 8
MOST_WORDS = 4  # of a message that may be the beginning of a title
LEAST_LETTERS = 2
STYLE = Style.from_dict({"prompt": "bold ansicyan", "bottom-toolbar": "noreverse fg:ansibrightblack"})


class Keyboard:
    """The person's words, line by line.

    Args:
        client: The service that knows the titles.
        commands: Names of commands and what they do.
        with_titles: Commands whose words are a title.
        status: The line under the input.
    """

    def __init__(
        self, client: Client, commands: Mapping[str, str], with_titles: Iterable[str], status: Callable[[], str]
    ) -> None:
        self._session: PromptSession[str] = PromptSession(
            history=_history(),
            completer=_Completions(client, commands, tuple(with_titles)),
            complete_while_typing=Condition(_is_command),
            key_bindings=_keys(),
            prompt_continuation=lambda width, line_number, wrap_count: " " * width,  # noqa: ARG005  its names
            reserve_space_for_menu=MOST_TITLES - 2,
            bottom_toolbar=lambda: one_line(status()),
            style=STYLE,
        )
        self._plain: PromptSession[str] = PromptSession(history=InMemoryHistory(), style=STYLE)

    async def line(self, default: str = "") -> str:
        """The next line, which may hold several where they were pasted or Alt-Enter was pressed.

        Raises:
            EOFError: Ctrl-D on an empty line.
            KeyboardInterrupt: Ctrl-C.
        """
        return await self._session.prompt_async(_prompt(), default=default)

    async def answer(self, question: str) -> str:
        """A word in answer to a question; nothing of it is kept. Empty on Ctrl-C and Ctrl-D."""
        try:
            return (await self._plain.prompt_async(f"{one_line(question)} ")).strip()
        except (EOFError, KeyboardInterrupt):
            return ""

    async def secret(self, question: str) -> str:
        """The same for what nobody may see: neither the screen nor a file shows it."""
        try:
            session: PromptSession[str] = PromptSession(history=InMemoryHistory(), style=STYLE)
            return await session.prompt_async(f"{one_line(question)} ", is_password=True)
        except (EOFError, KeyboardInterrupt):
            return ""


@contextmanager
def typing_ahead() -> Iterator[None]:
    """Keep what is typed while an answer comes for the next line of input, key by key and without an echo in its midst.

    A terminal that gathers lines would swallow a Ctrl-D or a Tab that came before the prompt (termios(3), ICANON).
    """
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    mode = termios.tcgetattr(terminal)
    mode[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
    termios.tcsetattr(terminal, termios.TCSANOW, mode)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


class _Completions(Completer):
    """Commands at the beginning of a line; titles behind a command that takes one, and, on Tab, anywhere."""

    def __init__(self, client: Client, commands: Mapping[str, str], with_titles: tuple[str, ...]) -> None:
        self._client, self._commands, self._with_titles = client, commands, with_titles

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002
        return ()  # all come asynchronously

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        text = document.text_before_cursor
        command, space, rest = text.partition(" ")
        if text.startswith("/") and not space:
            for name, does in self._commands.items():
                if name.startswith(text):
                    yield Completion(name, -len(text), display_meta=does)
        elif command in self._with_titles:
            async for title in self._titles([rest], exact=False):
                yield title
        elif not text.startswith("/") and complete_event.completion_requested:
            async for title in self._titles(_endings(text), exact=True):
                yield title

    async def _titles(self, beginnings: list[str], *, exact: bool) -> AsyncGenerator[Completion, None]:
        """Movies whose title begins like one of the beginnings, of which the longest that is one counts."""
        beginnings = [given for given in beginnings if len(given) >= LEAST_LETTERS]
        if not beginnings:
            return
        await asyncio.sleep(PAUSE_SECONDS)  # cancelled by the next key
        for given, found in zip(beginnings, await asyncio.gather(*map(self._look, beginnings)), strict=True):
            fitting = [name for name in found if not exact or name.casefold().startswith(given.casefold())]
            for name in fitting:
                yield Completion(name, -len(given))
            if fitting:
                return

    async def _look(self, beginning: str) -> list[str]:
        try:
            page = await self._client.list_movies(beginning, limit=MOST_TITLES)
        except ClientError:
            return []  # completion is a courtesy: what is wrong is told when something is sent
        return [one_line(movie.called) for movie in page.data]


def _endings(text: str) -> list[str]:
    """The last words of a text, most of them first.

    >>> _endings("films like the big")
    ['films like the big', 'like the big', 'the big', 'big']
    """
    words = text.split(" ")
    return [" ".join(words[-count:]) for count in range(min(MOST_WORDS, len(words)), 0, -1)]


def _is_command() -> bool:
    return get_app().current_buffer.text.startswith("/")


def _prompt() -> StyleAndTextTuples:
    return [("class:prompt", "› ")]


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape", "enter")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def _history() -> History:
    """The lines of earlier chats, readable by their writer alone; of this one where no file can be had."""
    file = state_folder() / "history"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        file.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(file))


def state_folder() -> Path:
    """The folder for what a program remembers of its user (XDG Base Directory Specification)."""
    given = os.environ.get("XDG_STATE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state") / "marquee"
