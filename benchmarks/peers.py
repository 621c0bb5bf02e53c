"""Applications that one would write in the service's place, for `python -m benchmarks.stream`: four small applications.

All take `{"content": …}` at `/chat` and stream. `passing` hands bytes on; `raw` has the SDK ask, reads the raw answer
and stores nothing; `usual` is what tutorials show: the SDK's stream, an event a chunk, the answer stored at its end;
`usual_committing` also commits each token before it is sent, as the service does.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiosqlite
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from openai import AsyncOpenAI, DefaultAioHttpClient
from sse_starlette import EventSourceResponse

MODEL = "scripted"
TABLE = "CREATE TABLE IF NOT EXISTS said (id INTEGER PRIMARY KEY, text TEXT)"


def passing() -> FastAPI:
    """Bytes from the upstream, as they come."""
    client = DefaultAioHttpClient(base_url=os.environ["OPENAI_BASE_URL"], timeout=600)

    async def answer(content: str) -> AsyncIterator[bytes]:
        async with client.stream("POST", "chat/completions", json=_body(content)) as response:
            async for block in response.aiter_raw():
                yield block

    return _app(lambda content: StreamingResponse(answer(content), media_type="text/event-stream"))


def raw() -> FastAPI:
    """Chunks decoded by hand, an event a block: the least that makes a chat of it."""
    client = AsyncOpenAI(http_client=DefaultAioHttpClient(timeout=600))

    async def answer(content: str) -> AsyncIterator[bytes]:
        response = await client.chat.completions.with_raw_response.create(**_body(content))
        rest = b""
        async for block in response.http_response.aiter_bytes():
            *events, rest = (rest + block).split(b"\n\n")
            if text := "".join(map(_text, events)):
                yield b"data: " + json.dumps({"delta": text}).encode() + b"\n\n"

    return _app(lambda content: StreamingResponse(answer(content), media_type="text/event-stream"))


def usual() -> FastAPI:
    return _usual(commits=False)


def usual_committing() -> FastAPI:
    return _usual(commits=True)


def _usual(*, commits: bool) -> FastAPI:
    client = AsyncOpenAI()

    async def answer(content: str, database: aiosqlite.Connection) -> AsyncIterator[dict[str, str]]:
        said = ""
        async for chunk in await client.chat.completions.create(**_body(content)):
            if chunk.choices and (text := chunk.choices[0].delta.content):
                said += text
                if commits:
                    await _store(database, text)
                yield {"data": json.dumps({"delta": text})}
        await _store(database, said)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with aiosqlite.connect(os.environ["DATABASE"]) as database:
            await database.execute("PRAGMA journal_mode = WAL")
            await database.execute("PRAGMA synchronous = NORMAL")
            await database.execute(TABLE)
            app.state.database = database
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/chat")
    async def chat(request: Request) -> Response:
        return EventSourceResponse(answer((await request.json())["content"], app.state.database))

    return app


async def _store(database: aiosqlite.Connection, text: str) -> None:
    await database.execute("INSERT INTO said (text) VALUES (?)", (text,))
    await database.commit()


def _app(respond: Any) -> FastAPI:
    app = FastAPI()

    @app.post("/chat")
    async def chat(request: Request) -> Response:
        response: Response = respond((await request.json())["content"])
        return response

    return app


def _body(content: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": MODEL, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}


def _text(event: bytes) -> str:
    """The text of one event."""
    if not event.startswith(b"data: {"):
        return ""
    choices = json.loads(event[6:])["choices"]
    return choices[0]["delta"].get("content") or "" if choices else ""
