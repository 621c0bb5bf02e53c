"""The middleware that every request passes: log line, who may ask at all, size and time of the body.

Plain ASGI: nothing is buffered that streams, and nobody is cancelled.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from contextlib import suppress
from ipaddress import ip_address

import numpy as np
from loguru import logger
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.browsers import guard
from api.problems import refusal
from errors import Forbidden, Invalid, PayloadTooLarge, RequestTimeout
from logs import REQUEST_ID, request_id_of
from settings import Settings

IMPORT = "/ratings/import"  # takes larger bodies than any other route
DRAINED = 20  # times the limit that is read of a body that is too large
PASSED_OVER = 2  # such bodies at a time
MAX_DEPTH = 128  # of JSON: what is nested deeper does not come back out of every parser
TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # in JSON, also one without an end
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # methods that change nothing (RFC 9110, section 9.2.1)
LONGEST_ID = 64  # characters of an id in a path that is logged: it could be anything
HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::\d*)?", re.ASCII)  # RFC 9110, section 7.2
METHODS = SAFE | {"POST", "PUT", "PATCH", "DELETE"}
OTHER = "other"  # a method or an address that anybody could have made up
REQUEST_ID_HEADER = "X-Request-ID"
ALLOWED_HEADERS = [
    "Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Session-Id", REQUEST_ID_HEADER,
    "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name",
]  # fmt: skip
EXPOSED_HEADERS = ["Location", "RateLimit", "RateLimit-Policy", "Retry-After", REQUEST_ID_HEADER]


class OnRequests:
    """Middleware for requests alone: the events of the lifespan are handed on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = self._answer if scope["type"] == "http" else self._app
        await handle(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError


class Gate(OnRequests):
    """Answers only to the names that the service goes by, and changes state only for pages that may ask it to.

    A page of another site reaches a service on localhost through the visitor's browser: by a name of its own that it
    has pointed here (DNS rebinding; told by `Host`), or by a request across origins (told by `Origin`).
    """

    _cors: CORSMiddleware | None = None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings: Settings = scope["app"].state.marquee.settings

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                guard(MutableHeaders(scope=message), across_origins=bool(settings.cors_origins))
            await send(message)

        reason = _stranger(scope, settings)
        answer: ASGIApp = refusal(Forbidden(reason)) if reason else self._across_origins(settings)
        await answer(scope, receive, guarded)

    def _across_origins(self, settings: Settings) -> ASGIApp:
        """The application behind CORS, where other origins are allowed."""
        if not settings.cors_origins:
            return self._app
        if self._cors is None:
            self._cors = CORSMiddleware(
                self._app,
                allow_origins=settings.cors_origins,
                allow_methods=["*"],
                allow_headers=ALLOWED_HEADERS,
                expose_headers=EXPOSED_HEADERS,
            )
        return self._cors


def _stranger(scope: Scope, settings: Settings) -> str | None:
    """The reason not to answer a request, from its Host and its Origin; None where there is none."""
    headers = Headers(scope=scope)
    host, origin = headers.get("host"), headers.get("origin")
    if host is not None and not _is_our_name(_name(host), scope, settings):
        return "The service does not go by this Host. ALLOWED_HOSTS says by which names it does."
    if origin is None or scope["method"] in SAFE or "*" in settings.cors_origins or origin in settings.cors_origins:
        return None
    if origin.partition("://")[2] != host:
        return "A page of this Origin may not change anything here. CORS_ORIGINS says which may."
    return None


def _is_our_name(name: str | None, scope: Scope, settings: Settings) -> bool:
    """True for a Host of the service, given without its port: loopback, its own address, or allowed by the settings."""
    if name is None:
        return False
    own = (scope.get("server") or (None,))[0]
    return name in {"localhost", own} or _is_loopback(name) or any(_matches(name, p) for p in settings.allowed_hosts)


def _name(host: str) -> str | None:
    """A Host without port and brackets; None for what is none.

    >>> _name("[::1]:8000"), _name("Example.com"), _name("a b")
    ('::1', 'example.com', None)
    """
    match = HOST.fullmatch(host)
    return (match[1] or match[2]).lower() if match else None


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _matches(name: str, pattern: str) -> bool:
    """`*` is every name, `*.example.com` every name below it.

    >>> _matches("a.example.com", "*.example.com"), _matches("example.com", "*.example.com")
    (True, False)
    """
    pattern = pattern.lower()
    return pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))


class BodyLimit(OnRequests):
    """Refuses bodies above the limit of the settings, announced or not. What fits is handed on in one piece."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._passed_over = asyncio.Semaphore(PASSED_OVER)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings: Settings = scope["app"].state.marquee.settings
        limit = settings.max_import_bytes if scope["path"] == IMPORT else settings.max_body_bytes
        body = _Body(receive)
        try:
            async with asyncio.timeout(settings.request_timeout):
                message = await body.read(limit) if announced(scope) <= limit else None
        except TimeoutError:
            late = RequestTimeout(f"The body did not arrive whole within {settings.request_timeout:g} s.")
            await refusal(late)(scope, receive, send)
            return
        if message is None:
            await self._turn_away(body, limit, scope, receive, send)
            return
        if scope["path"] != IMPORT and _depth(message.get("body", b"")) > MAX_DEPTH:
            await refusal(Invalid(f"The body is nested more than {MAX_DEPTH} deep."))(scope, receive, send)
            return
        messages = deque([message])

        async def read_already() -> Message:
            return messages.popleft() if messages else await receive()

        await self._app(scope, read_already, send)

    async def _turn_away(self, body: _Body, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Say that the body is too large, then pass over what still comes: who sends on would not see the answer.

        Few bodies are passed over at a time; the others wait with their next pieces unread.
        """
        settings: Settings = scope["app"].state.marquee.settings

        async def unfinished(message: Message) -> None:
            await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

        response = refusal(PayloadTooLarge(f"The body is larger than {limit} bytes."))
        response.headers["Connection"] = "close"
        await response(scope, receive, unfinished)
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.request_timeout), self._passed_over:
                await body.pass_over(limit * DRAINED)
        await send({"type": "http.response.body"})


class _Body:
    """The body of a request as it comes in. `more`: of it is to come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.more = True

    async def read(self, limit: int) -> Message | None:
        """All of it as one message, or what came in its place; None where it is too large."""
        pieces: list[bytes] = []
        size = 0
        while self.more:
            message = await self._next()
            if message["type"] != "http.request":
                return message
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > limit:
                return None
        return {"type": "http.request", "body": b"".join(pieces)}

    async def pass_over(self, size: int) -> None:
        """Read so much of what is left, in bytes, and drop it."""
        while self.more and size > 0:
            size -= len((await self._next()).get("body", b""))

    async def _next(self) -> Message:
        message = await self._receive()
        self.more = message.get("more_body", False)
        return message


def announced(scope: Scope) -> int:
    """The length of the body as its header says it; 0 where it says none."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _depth(body: bytes) -> int:
    """The depth of a JSON body, before anything is made of it; 0 where it is not worth a look.

    >>> brackets = b'[{"a": "[[[' + b"[" * MAX_DEPTH + b'"}]'
    >>> _depth(brackets), _depth(b"[" * 2 * MAX_DEPTH)
    (2, 256)
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    bare = np.frombuffer(TEXT.sub(b"", body), np.uint8)
    opened, closed = (bare == ord("[")) | (bare == ord("{")), (bare == ord("]")) | (bare == ord("}"))
    return int(np.cumsum(opened.astype(np.int32) - closed, dtype=np.int32).max(initial=0))


class RequestLog(OnRequests):
    """An id for each request, the client's own where it gave one, a line in the log, and its metrics.

    The line: id, method, route, status, milliseconds, whose. Never a body, a query or another header's value.
    """

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = request_id_of(Headers(scope=scope).get(REQUEST_ID_HEADER))
        REQUEST_ID.set(request_id)  # for the task of this request, and for all that is begun by it
        scope.setdefault("state", {})  # shared by all that handles the request
        began = time.perf_counter()
        status: int | None = None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            elapsed = time.perf_counter() - began
            if scope["app"].state.marquee.settings.log_requests:
                _log(scope, request_id, status, elapsed * 1000)
            method = scope["method"] if scope["method"] in METHODS else OTHER
            scope["app"].state.marquee.metrics.answered(method, _template(scope), status or 500, elapsed)


def _template(scope: Scope) -> str:
    """The template of the route that was found, or the folder of files: what a metric may be labelled with."""
    if (route := scope.get("route")) is not None:
        return str(route.path)
    folder: str = scope["root_path"].removeprefix(scope.get("app_root_path", scope["root_path"]))
    return folder or OTHER


def _log(scope: Scope, request_id: str, status: int | None, elapsed: float) -> None:
    """One line; a request without a status has failed by a defect of ours."""
    method, route = scope["method"], getattr(scope.get("route"), "path", "-")  # the template: a path could be anything
    state, named = scope["state"], scope.get("path_params", {})
    whose = {
        "account": state["identity"].account.id if "identity" in state else None,
        "session": named.get("session_id"),
        "run": named.get("run_id"),
        "code": state.get("code") if status else "internal",
    }
    known = {name: value for name, value in whose.items() if value is not None and len(value) <= LONGEST_ID}
    fields = {"method": method, "route": route, "status": status or 500, "ms": round(elapsed, 1)}
    logger.bind(**fields, **known).info("{} {} {} {} {:.1f} ms", request_id, method, route, status or 500, elapsed)
