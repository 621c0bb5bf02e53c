"""Refusals under /v1 in the words of OpenAI's clients, whichever part of the service refuses.

The SDKs retry 408, 409, 429 and 5xx unless `x-should-retry: false`; a conflict does not pass by itself.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from api.middleware import OnRequests
from api.problems import PROBLEM_TYPE

PREFIX = "/v1/"
_KINDS = {
    401: "authentication_error", 403: "permission_error", 404: "not_found_error", 408: "timeout_error",
    409: "conflict_error", 429: "rate_limit_error",
}  # fmt: skip


def error_of(code: str, message: str, *, status: int, param: str | None = None) -> dict[str, Any]:
    """An error as OpenAI's types have it."""
    kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


class OpenAIErrors(OnRequests):
    """Turns problems under the prefix into errors."""

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        pieces: list[bytes] = []

        async def told(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            else:
                pieces.append(message.get("body", b""))
                if not message.get("more_body"):
                    await _send_error(start, b"".join(pieces), send)

        await self._app(scope, receive, told)


def _is_problem(message: Message) -> bool:
    return MutableHeaders(scope=message).get("content-type", "").startswith(PROBLEM_TYPE)


async def _send_error(start: Message, body: bytes, send: Send) -> None:
    problem = json.loads(body)
    status = 400 if start["status"] == 422 else start["status"]
    first = (problem.get("errors") or [{}])[0].get("path", "")
    error = error_of(problem["code"], problem["detail"], status=status, param=first.removeprefix("body.") or None)
    data = json.dumps(error, ensure_ascii=False).encode()
    headers = MutableHeaders(scope=start)
    headers["content-type"], headers["content-length"] = "application/json", str(len(data))
    if status == 409:
        headers["x-should-retry"] = "false"
    await send({**start, "status": status})
    await send({"type": "http.response.body", "body": data})
