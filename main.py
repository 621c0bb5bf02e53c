"""The application: its lifespan and its signals; its routes and layers are put together in api/routes.py.

`uvicorn main:app` serves it; `python main.py mcp` serves one MCP client over standard input and output.
"""

from __future__ import annotations

import asyncio
import gc
import runpy
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from errors import CatalogueError, MarqueeError
from logs import set_up
from settings import VERSION, Settings
from telemetry.endpoint import open_metrics
from telemetry.tracing import HTTP_SPANS

if TYPE_CHECKING:
    from service import Marquee

SWITCH_SECONDS = 0.0005  # after which a thread of SQLite gets the interpreter from a busy event loop; usual are 0.005
COLLECTING = (20_000, 20, 20)  # objects more than before, and rounds of younger ones, until cycles are looked for


class Application(FastAPI):
    """FastAPI's, put together when it is first used: who imports it to start a process, or to ask it something else,
    does not wait for a hundred routes.
    """

    whole = False

    def put_together(self) -> None:
        """Add what answers requests."""
        if not self.whole:
            from api.routes import install  # noqa: PLC0415  see above

            self.whole = True
            install(self)
            self.add_middleware(ClearStart)  # passed first

    def build_middleware_stack(self) -> ASGIApp:
        """The layers and routes, made by Starlette with the first call: that of the lifespan."""
        self.put_together()
        return super().build_middleware_stack()

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, also of an application that does not run."""
        self.put_together()
        from api.openapi import document  # noqa: PLC0415

        return document(self)


def create_app(settings: Settings | None = None) -> Application:
    """The application over its settings; the environment's, read at start-up, where none are given."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        from api.connections import bound_connections  # noqa: PLC0415  as the routes
        from service import open_marquee  # noqa: PLC0415

        chosen = settings or Settings()
        set_up(chosen)
        sys.setswitchinterval(SWITCH_SECONDS)
        bound_connections(chosen)
        with open_metrics(chosen) as metrics:
            async with open_marquee(chosen, metrics=metrics) as marquee:
                app.state.marquee = marquee
                with _collecting_seldom(), _finish_on_signal(marquee):
                    yield

    return Application(
        title="Marquee",
        version=VERSION,
        description="A chat service about movies: answers streamed, true of the data, and never lost.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        telemetry=HTTP_SPANS,
    )


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Spare live answers the pauses, of 200 ms, in which Python looks through all that it holds for cycles.

    All that is here at the start stays to the end, so it is passed over; of what comes later hardly anything is one.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*COLLECTING)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _operation_id(route: APIRoute) -> str:
    """The name of the route's function: `send_message`."""
    return route.name


@contextmanager
def _finish_on_signal(marquee: Marquee) -> Iterator[None]:
    """Let the runs end as soon as the process is asked to, so that their followers still get the end.

    uvicorn waits for open streams before it ends the lifespan, and sse-starlette cuts them at once; so neither would
    give live runs their grace period. A second signal cuts that short; uvicorn is not told, or it would leave without
    the runs' ends. From the third on it is.
    """
    from sse_starlette.sse import AppStatus  # noqa: PLC0415  as the routes, which stream by it

    AppStatus.enable_automatic_graceful_drain = False
    loop = asyncio.get_running_loop()
    earlier: dict[int, Any] = {}
    closing: list[asyncio.Task[None]] = []
    signals: list[int] = []

    def finish() -> None:
        if not closing:
            closing.append(loop.create_task(marquee.runs.close()))

    def on_signal(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        loop.call_soon_threadsafe(finish if len(signals) == 1 else marquee.runs.hurry)
        if len(signals) != 2 and callable(earlier[number]):
            earlier[number](number, frame)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            earlier[number] = signal.signal(number, on_signal)
    try:
        yield
    finally:
        for signal_number, handler in earlier.items():
            signal.signal(signal_number, handler)


class ClearStart:
    """Says in one line why the service cannot start, where the reason is the user's to mend."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            reason = _reason(sys.exception()) if message["type"] == "lifespan.startup.failed" else None
            await send({**message, "message": f"Marquee cannot start. {reason}"} if reason else message)

        await self._app(scope, receive, told if scope["type"] == "lifespan" else send)


def _reason(error: BaseException | None) -> str | None:
    """The thing to mend, for the errors that a user can mend."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in error.errors())
    return str(error) if isinstance(error, MarqueeError | CatalogueError) else None


app = create_app()

if __name__ == "__main__":
    runpy.run_module("commands.main", run_name="__main__")  # it stands above this module: started, not imported
