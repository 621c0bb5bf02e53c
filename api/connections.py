"""Bounds on connections under uvicorn, which has none: how many, how fast one address opens them, how long one may
stay without a whole request.

Where descriptors run out, asyncio's accept loop fails thousands of times a second and nothing else gets its turn.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any, ClassVar

from loguru import logger
from uvicorn import Server
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.proxies import is_trusted
from logs import request_id_of
from settings import Settings

try:
    import resource
except ImportError:  # Windows, where there is no such limit
    resource = None  # type: ignore[assignment]

BURST, PACE = 200, 10  # connections of one address at once, and a second from then on; more are closed unanswered
ADDRESSES = 10_000  # that are remembered, about
DESCRIPTORS = 65_536  # as many as are asked for
LOCAL = "127.0.0.1"
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 5\r\n"
    b"x-content-type-options: nosniff\r\nconnection: close\r\nx-request-id: %s\r\n\r\n"
    b'{"type":"about:blank","title":"The service is busy","status":503,"detail":"Too many connections are open.",'
    b'"code":"overloaded"}'
)


def bound_connections(settings: Settings) -> None:
    """Raise the limit of descriptors, and have the running uvicorn, if there is one, keep half of it free.

    Its own reading of proxies' headers ends, too: TRUSTED_PROXIES says who is believed.

    Called while uvicorn starts the application up: what it listens with afterwards is bounded.

    Args:
        settings: In which time the head of a request must have arrived; with AUTH=on one address opens connections at a
            pace.
    """
    descriptors = _raise_limit()
    server = _running_server()
    if server is None:
        return
    if isinstance(wrapped := server.config.loaded_app, ProxyHeadersMiddleware):
        server.config.loaded_app = wrapped.app  # it trusts whoever connects from this machine; see api/proxies.py
    most = descriptors // 2  # a live answer also has a connection to its provider, and there are files
    logger.debug("{} descriptors: at most {} connections", descriptors, most)
    parents = (_Bounded, server.config.http_protocol_class)
    bounds = {"most": most, "settings": settings, "paces": Paces()}
    server.config.http_protocol_class = type("Bounded", parents, bounds)
    server.config.backlog = min(server.config.backlog, most // 8)  # accepted in one turn, before any can be refused


def _raise_limit() -> int:
    """Raise the soft limit of open descriptors towards the hard one; the limit now."""
    if resource is None:
        return DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft == resource.RLIM_INFINITY:
        return DESCRIPTORS
    if soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        logger.warning("The limit of {} open files cannot be raised: {}", soft, error)
        return soft
    return wanted


def _running_server() -> Server | None:
    """The uvicorn that runs in this process: it handles the signals."""
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return owner if isinstance(owner, Server) else None


class Paces:
    """The pace at which addresses open connections: the generic cell rate algorithm (ITU-T I.371)."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def allows(self, address: str, now: float) -> bool:
        """Count a connection; False for one too many, which is not counted. `now`: seconds of a monotonic clock."""
        due = max(now, self._due.get(address, now))
        if due - now > (BURST - 0.5) / PACE:  # the half: sums of tenths are not exact
            return False
        if len(self._due) >= ADDRESSES:
            self._due = {name: at for name, at in self._due.items() if at > now}
        self._due[address] = due + 1 / PACE
        return True


class _Bounded(asyncio.Protocol):
    """A mixin of uvicorn's protocol: refuses connections above `most`, closes those without a request."""

    most: ClassVar[int]
    settings: ClassVar[Settings]
    paces: ClassVar[Paces]

    connections: set[Any]  # these five are uvicorn's
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    cycle: Any
    client: tuple[str, int] | None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if not self._may_open():
            self.transport.abort()
        elif len(self.connections) > self.most:
            self.transport.write(BUSY % request_id_of(None).encode())
            self.transport.close()
        else:
            self._watch()

    def _may_open(self) -> bool:
        """False for an address that opens too many; this machine's own and a trusted proxy open for others."""
        address = self.client[0] if self.client else LOCAL
        if self.settings.auth == "off" or address == LOCAL or is_trusted(address, self.settings):
            return True
        return self.paces.allows(address, self.loop.time())

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unwatch()

    def _watch(self) -> None:
        """Time the head of a request from when it may come until it is there."""
        if self._is_answering():
            self._unwatch()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.settings.request_timeout, self._expire)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        if not self._is_answering():
            self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete
