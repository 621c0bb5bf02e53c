"""The application under uvicorn on a real socket, in a thread of the test's process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from main import create_app
from settings import Settings
from tests.support.secrets import Searched

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Server:
    """A running service: where it is, and how to stop it."""

    url: str
    settings: Settings
    app: Any
    stop: Callable[[], None]

    @property
    def address(self) -> tuple[str, int]:
        """For a raw socket."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=90, **{"transport": Searched(), **options})


@contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """The application under uvicorn on a free port, in a thread."""
    app = create_app(settings)
    with listening(app) as (url, stop):
        yield Server(url, settings, app, stop)


@contextmanager
def listening(app: Any) -> Iterator[tuple[str, Callable[[], None]]]:
    """Any application under uvicorn on a free port, in a thread: its address, and how to stop it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on
    listener.bind(("127.0.0.1", 0))
    options: dict[str, Any] = {"log_config": None, "lifespan": "on", "timeout_graceful_shutdown": 15}
    server = uvicorn.Server(uvicorn.Config(app, proxy_headers=False, **options))  # as the service does by itself
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)

    def stop() -> None:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the server did not stop"
        listener.close()

    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", stop
    finally:
        stop()
