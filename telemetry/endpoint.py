"""`GET /metrics` on a port of its own, where METRICS=on: no proxy that publishes the service publishes it too.

It answers from a thread, so that a scrape keeps no stream waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from http import HTTPStatus
from socket import AF_INET6
from socketserver import TCPServer
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from loguru import logger

from errors import PortTaken
from settings import Settings
from telemetry.base import OFF, Metrics

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/metrics"
SECONDS = 5.0  # in which more of a request must come: it is served before the next one is taken
POLL_SECONDS = 0.1  # until a stop is noticed


@contextmanager
def open_metrics(settings: Settings) -> Iterator[Metrics]:
    """The metrics that the settings ask for, served until the end of the block.

    Raises:
        PortTaken: The port cannot be had.
    """
    if settings.metrics == "off":
        yield OFF
        return
    from prometheus_client import make_wsgi_app  # noqa: PLC0415  it takes a tenth of a second to import

    from telemetry.metrics import PrometheusMetrics  # noqa: PLC0415

    metrics = PrometheusMetrics()
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    with _listening(settings.metrics_host, settings.metrics_port, guarded(make_wsgi_app(metrics.registry), token)):
        yield metrics


def guarded(app: WSGIApplication, token: str | None) -> WSGIApplication:
    """The application at its path alone, and only for who has the token, where there is one."""
    expected = f"Bearer {token}".encode()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        given = str(environ.get("HTTP_AUTHORIZATION", "")).encode("latin-1", "replace")
        if environ["PATH_INFO"] != PATH:
            return _refuse(start_response, HTTPStatus.NOT_FOUND)
        if token is not None and not compare_digest(given, expected):
            return _refuse(start_response, HTTPStatus.UNAUTHORIZED, ("WWW-Authenticate", "Bearer"))
        return app(environ, start_response)

    return answer


def _refuse(start_response: StartResponse, status: HTTPStatus, *headers: tuple[str, str]) -> list[bytes]:
    start_response(f"{status.value} {status.phrase}", [("Content-Type", "text/plain"), *headers])
    return [f"{status.phrase}\n".encode()]


class _Server(WSGIServer):
    """Listens without asking for its own name, which a resolver may take seconds to tell."""

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class _Server6(_Server):
    address_family = AF_INET6


class _Handler(WSGIRequestHandler):
    """One request, bounded in time, that leaves no line behind."""

    timeout = SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the standard library
        pass


@contextmanager
def _listening(host: str, port: int, app: WSGIApplication) -> Iterator[None]:
    """Serve from a thread until the end of the block."""
    try:
        server = make_server(host, port, app, _Server6 if ":" in host else _Server, _Handler)
    except OSError as error:
        raise PortTaken(
            f"The metrics cannot be served at {host}:{port} (METRICS_HOST, METRICS_PORT): {error.strerror}. "
            "Each process of the service needs a port of its own."
        ) from None
    logger.info("Metrics are at http://{}:{}{}", host, server.server_port, PATH)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
