"""The service as a process of its own, to be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.support import scripted
from tests.support.secrets import OPENAI_KEY, Searched, look_through
from tests.support.serving import ROOT

START_SECONDS = 90.0


def environment(data_dir: Path, upstream: scripted.Upstream | None = None, **settings: str) -> dict[str, str]:
    """What a process of the service reads; nothing of a developer's own settings."""
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    llm = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": OPENAI_KEY} if upstream else {}
    return {**passed, **llm, "DATA_DIR": str(data_dir), "LOG_LEVEL": "WARNING", **settings}


class Process:
    """`uvicorn main:app` on a free port."""

    def __init__(self, env: dict[str, str], port: int = 0, workers: int = 1, **options: Any) -> None:
        with socket.create_server(("127.0.0.1", port)) as probe:
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port), "--log-level", "warning"]
        command += ["--workers", str(workers)] if workers > 1 else []
        self._written = tempfile.TemporaryFile()  # noqa: SIM115  a pipe would be full some time, and stop it
        self._popen = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=self._written, stderr=self._written, start_new_session=True, **options
        )
        self._text = ""
        self.pid = self._popen.pid

    def wait_until_ready(self) -> None:
        def is_ready() -> bool:
            assert self._popen.poll() is None, self._read()
            try:
                return httpx.get(f"{self.url}/health", timeout=30).is_success
            except httpx.TransportError:
                return False

        wait_for(is_ready, START_SECONDS)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=90, transport=Searched())

    def kill(self) -> None:
        """SIGKILL: nothing of the process runs after it, nor of those that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        self._read()

    def terminate(self) -> None:
        self._popen.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 30) -> tuple[int, str]:
        """The exit status and what was written to standard output and error."""
        return self._popen.wait(seconds), self._read()

    def _read(self) -> str:
        """All that was written, looked through for secrets."""
        if not self._written.closed:
            with self._written:
                self._written.seek(0)
                self._text = self._written.read().decode()
            look_through("what a server wrote", self._text)
        return self._text


@contextmanager
def process(env: dict[str, str], **options: Any) -> Iterator[Process]:
    """A service that answers; killed at the end."""
    started = Process(env, **options)
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.kill()


@contextmanager
def several_workers(env: dict[str, str], workers: int = 2) -> Iterator[Process]:
    """A service of several processes on one port; asked to stop at the end, as a kill would leave its workers."""
    started = Process({**env, "SHUTDOWN_GRACE": "0"}, workers=workers)
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.terminate()
        started.wait()


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Look until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)
