"""The middleware that counts and times requests: by the template of a route, never by an address."""

from __future__ import annotations

import time

from starlette.types import Message, Receive, Scope, Send

from api.middleware import OnRequests
from telemetry.base import Metrics

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OTHER = "other"  # a method or an address that anybody could have made up


class Metering(OnRequests):
    """Notes method, route, status and time of each request, where metrics are on."""

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        metrics: Metrics = scope["app"].state.marquee.metrics
        if not metrics.on:
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            metrics.answered(method, _route(scope), status, time.perf_counter() - began)


def _route(scope: Scope) -> str:
    """The template of the route that was found, or the folder of files."""
    if (route := scope.get("route")) is not None:
        return str(route.path)
    folder = scope["root_path"].removeprefix(scope.get("app_root_path", scope["root_path"]))
    return folder or OTHER
