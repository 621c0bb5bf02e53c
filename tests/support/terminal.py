"""A program on a terminal of its own: keys go in, and a screen is what an emulator (pyte) makes of its output."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte

from tests.support.processes import wait_for
from tests.support.serving import ROOT

COLUMNS, LINES = 100, 30
PATIENCE = 60.0  # a machine may be busy; nothing waits so long that works
ENTER, TAB, CTRL_C, CTRL_D, UP, ESCAPE = "\r", "\t", "\x03", "\x04", "\x1b[A", "\x1b"


class Terminal:
    """The program, its screen, and everything that it ever wrote."""

    def __init__(self, command: Sequence[str], env: dict[str, str], columns: int = COLUMNS, lines: int = LINES) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=10_000)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.written = b""
        self._master, slave = pty.openpty()
        self._screen.write_process_input = self.type  # type: ignore[assignment, method-assign]
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**env, "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  it does two system calls
        )
        self.pid = self._process.pid
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # Linux says so when the program is gone
            while data := os.read(self._master, 65_536):
                with self._lock:
                    self.written += data
                    self._stream.feed(data)

    @property
    def rows(self) -> list[str]:
        """The screen, line by line."""
        with self._lock:
            return [row.rstrip() for row in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.rows).rstrip()

    @property
    def scrolled(self) -> list[str]:
        """Every line there was, those that scrolled away first."""
        with self._lock:
            above = ["".join(line[at].data for at in range(self._screen.columns)) for line in self._screen.history.top]
            return [row.rstrip() for row in (*above, *self._screen.display)]

    @property
    def styled(self) -> list[list[tuple[str, str, bool]]]:
        """The same lines as characters, each with its colour and whether it is bold."""
        with self._lock:
            lines = [*self._screen.history.top, *(self._screen.buffer[row] for row in range(self._screen.lines))]
            columns = range(self._screen.columns)
            return [[(line[at].data, line[at].fg, line[at].bold) for at in columns] for line in lines]

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def say(self, line: str) -> None:
        self.type(line + ENTER)

    def wait_for(self, text: str, seconds: float = PATIENCE) -> None:
        """Look at the screen until it has the text."""
        try:
            wait_for(lambda: text in self.text, seconds)
        except AssertionError:
            raise AssertionError(f"{text!r} is not on the screen:\n{self.text}") from None

    def wait_for_prompt(self) -> None:
        """Wait until it is the person's turn: an empty line of input, and the one at the bottom."""
        wait_for(lambda: "›" in self.rows, PATIENCE)

    def resize(self, columns: int, lines: int) -> None:
        with self._lock:
            self._screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def close_window(self) -> None:
        """Hang up, as a terminal does whose window is closed."""
        os.killpg(self.pid, signal.SIGHUP)
        self._process.wait(PATIENCE)

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit status."""
        status = self._process.wait(seconds)
        self._reader.join(seconds)
        return status

    def close(self) -> None:
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(5)
        os.close(self._master)


@contextmanager
def terminal(env: dict[str, str], *command: str, state: Path, **size: int) -> Iterator[Terminal]:
    """A program on a terminal; killed at the end."""
    opened = Terminal(command, {**env, "XDG_STATE_HOME": str(state)}, **size)
    try:
        yield opened
    finally:
        opened.close()


def _take_terminal() -> None:
    """Make standard input the terminal that controls the session, so that Ctrl-C is a signal there, and hanging up."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests run under nohup
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
