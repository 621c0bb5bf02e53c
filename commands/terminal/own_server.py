"""A server for one chat: on a free port of this machine, over the same data, gone when the chat is.

As a program it is that server: `python -m commands.terminal.own_server FD` serves on a socket that it inherits, until
its standard input ends, which it does whenever and however its parent does.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

ROOT = Path(__file__).parent.parent.parent
GRACE_SECONDS = 15.0  # more than SHUTDOWN_GRACE, which the answers of others at this server get
LOOK_SECONDS = 0.1
CANNOT_START = "Marquee cannot start. "  # main.py says it, with the reason


class NoServer(Exception):
    """The server does not start; the text says why."""


class OwnServer:
    """The server, and the socket that outlives it: after a crash it is started again at the same address."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(128)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop()
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def wait_until_ready(self) -> None:
        """Wait as long as it takes: the first start imports the movies.

        Raises:
            NoServer: It ended instead.
        """
        with httpx.Client(trust_env=False, timeout=1) as http:
            while True:
                if self._process.poll() is not None:
                    raise NoServer(self._last_words())
                try:
                    if http.get(f"{self.url}/health/live").is_success:
                        return
                except httpx.TransportError:
                    time.sleep(LOOK_SECONDS)

    def revive(self) -> bool:
        """Start it again if it is gone; True if it was."""
        if self._process.poll() is None:
            return False
        self._process = self._start()
        return True

    def stop(self) -> None:
        """Let it end its work, and go."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._socket.close()
        self._errors.close()

    def _start(self) -> subprocess.Popen[bytes]:
        descriptor = self._socket.fileno()
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-P", "-m", "commands.terminal.own_server", str(descriptor)]
        return subprocess.Popen(  # noqa: S603  our own module
            command,
            env={"LOG_LEVEL": "WARNING", **os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=[descriptor],
            start_new_session=True,  # Ctrl-C is for the answer, not for the server
        )

    def _last_words(self) -> str:
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").strip()
        _, said, reason = words.rpartition(CANNOT_START)
        return f"{CANNOT_START}{reason}".splitlines()[0] if said else words.rpartition("\n")[2] or "The server ended."


def serve(descriptor: int) -> None:
    """Serve on an inherited socket until standard input ends."""
    import uvicorn  # noqa: PLC0415  the parent starts fast without it

    server = uvicorn.Server(uvicorn.Config("main:app", log_config=None, access_log=False))
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=descriptor)])


def _leave_with_the_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nobody writes: it returns at the end
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
