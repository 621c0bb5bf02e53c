"""The application: lifespan, health, models, and the routes of api/.

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
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from pydantic import ValidationError
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import accounts, messages, movies, oidc, posters, prompts, ratings, runs, sessions, taste
from api.authentication import Authentication
from api.connections import bound_connections
from api.dependencies import Service, refuse_unknown_parameters
from api.faces import completions, conversations, mcp, responses, ui
from api.faces.errors import OpenAIErrors
from api.fairness import Fairness
from api.middleware import BodyLimit, Gate, RequestLog
from api.openapi import install_documents
from api.page import install_page
from api.problems import answer_with_problems
from api.proxies import Proxies
from errors import CatalogueError, MarqueeError, RunFailed
from logs import set_up
from movies.library import Library
from providers.base import LastAnswer
from schemas import Health, Live, ModelList, ProviderHealth, RecommenderHealth, UpstreamAnswer
from service import VERSION, Marquee, open_marquee
from settings import Settings
from telemetry.endpoint import open_metrics
from telemetry.tracing import HTTP_SPANS

SWITCH_SECONDS = 0.0005  # after which a thread of SQLite gets the interpreter from a busy event loop; usual are 0.005
COLLECTING = (20_000, 20, 20)  # objects more than before, and rounds of younger ones, until cycles are looked for
_NO_KEY = "No key and no base URL are set: the built-in offline guide answers."
_NO_LIST = "The provider lists no models; the default may be there all the same."


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application over its settings; the environment's, read at start-up, where none are given."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        chosen = settings or Settings()
        set_up(chosen)
        sys.setswitchinterval(SWITCH_SECONDS)
        bound_connections(chosen)
        with open_metrics(chosen) as metrics:
            async with open_marquee(chosen, metrics=metrics) as marquee:
                app.state.marquee = marquee
                with _collecting_seldom(), _finish_on_signal(marquee):
                    yield

    app = FastAPI(
        title="Marquee",
        version=VERSION,
        description="A chat service about movies: answers streamed, true of the data, and never lost.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        telemetry=HTTP_SPANS,
    )
    modules = (sessions, messages, runs, movies, posters, ratings, taste, prompts, accounts, oidc)
    routers = [part.router for part in modules] + [_service_routes()]
    for router in routers:
        app.include_router(router, dependencies=[Depends(refuse_unknown_parameters)])
    faces = [completions.router, responses.router, conversations.router, mcp.router, ui.router]
    for router in (oidc.browser, *faces):  # providers and clients add parameters of their own
        app.include_router(router)
    install_documents(app)
    install_page(app)
    answer_with_problems(app, [*routers, *faces])
    layers = (BodyLimit, Authentication, Gate, OpenAIErrors, Fairness, RequestLog, Proxies, ClearStart)
    for layer in layers:  # the last one is passed first
        app.add_middleware(layer)
    return app


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


def _service_routes() -> APIRouter:
    """The routes that tell of the service itself."""
    router = APIRouter(tags=["service"])

    @router.get("/health")
    async def health(service: Service) -> Health:
        """The state of the service: whether it is ready, and on what it rests."""
        async with service.library.use(patient=False) as snapshot:
            info, recommender = snapshot.info, snapshot.recommender
        trouble = await service.database.trouble()
        reasons = [*service.library.problems, *([trouble] if trouble else []), *service.contexts.problems]
        return Health(
            status="degraded" if reasons else "ok",
            version=VERSION,
            live_runs=service.runs.count,
            provider=_provider_health(service),
            catalogue=info,
            recommender=RecommenderHealth(
                fitted=recommender.fitted,
                version=recommender.version,
                detail=_recommender_detail(service.library, fitted=recommender.fitted),
            ),
            posters=service.posters.available,
            reasons=reasons,
        )

    @router.get("/health/live")
    async def live() -> Live:
        """The process answers; on what it rests is not asked."""
        return Live(status="ok")

    @router.get("/models")
    async def list_models(service: Service) -> ModelList:
        """The models that the provider offers, and the default."""
        provider = service.provider
        default = provider.default_model
        try:
            found, detail = await provider.models(), None
        except RunFailed as error:
            found, detail = [], error.detail
        if not found:
            return ModelList(provider=provider.name, default=default, data=[default], detail=detail or _NO_LIST)
        if default not in found:
            detail = f"The provider does not list the default model, {default} (OPENAI_MODEL)."
        data = sorted(dict.fromkeys(found), key=lambda name: name != default)  # the default first
        return ModelList(provider=provider.name, default=default, data=data, detail=detail)

    return router


def _recommender_detail(library: Library, *, fitted: bool) -> str:
    if fitted:
        stage = library.tuning
        return f"Ready; parameters are being chosen for this catalogue: {stage}." if stage else "Ready."
    state = "Being fitted" if library.fitting else "No model of taste is fitted"
    return f"{state}; popularity and content serve."


def _provider_health(service: Marquee) -> ProviderHealth:
    offline, model = service.settings.offline, service.provider.default_model
    return ProviderHealth(
        name=service.provider.name,
        model=model,
        base_url=None if offline else service.settings.address,
        tools="small" if service.contexts.is_small(service.contexts.tokens(model)) else "full",
        detail=_NO_KEY if offline else f"Configured. {service.contexts.in_words(model)}",
        last_answer=_last_answer(service.provider.last_answer),
    )


def _last_answer(last: LastAnswer | None) -> UpstreamAnswer | None:
    if last is None:
        return None
    return UpstreamAnswer.model_validate(
        {
            "at": last.at,
            "status": "failed" if last.error else "ok",
            "code": last.error and last.error.code,
            "detail": last.error and last.error.detail,
            "latency_ms": last.latency_ms,
        }
    )


@contextmanager
def _finish_on_signal(marquee: Marquee) -> Iterator[None]:
    """Let the runs end as soon as the process is asked to, so that their followers still get the end.

    uvicorn waits for open streams before it ends the lifespan, and sse-starlette cuts them at once; so neither would
    give live runs their grace period. A second signal cuts that short; uvicorn is not told, or it would leave without
    the runs' ends. From the third on it is.
    """
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
