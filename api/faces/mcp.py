"""The route of MCP, `/mcp`. All that answers there is loaded with the first request: the SDK takes half a second."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service import Marquee


class _Endpoint:
    """The endpoint of each application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = ROUTE  # for the log and the metrics, as FastAPI does
        state = scope["app"].state
        if not hasattr(state, "mcp"):
            state.mcp = await asyncio.to_thread(_load, state.marquee)
        await state.mcp(scope, receive, send)


def _load(service: Marquee) -> ASGIApp:
    from api.faces.mcp_http import McpOverHttp  # noqa: PLC0415  nobody waits for it who does not ask for it

    return McpOverHttp(service)


ROUTE = Route("/mcp", _Endpoint(), methods=["POST"], name="mcp", include_in_schema=False)
router = APIRouter(routes=[ROUTE])
