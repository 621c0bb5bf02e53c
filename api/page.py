"""HTTP: the page that people use, as files, under headers that let it load and run nothing but those.

They come from memory, read again where one has changed: a thread for a few kilobytes takes longer than to send them.
"""

from __future__ import annotations

import functools
import hashlib
import mimetypes
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from api.browsers import PAGE_GUARDS

FOLDER = Path(__file__).parent.parent / "static"
READING = ["GET", "HEAD"]
HEADERS = PAGE_GUARDS | {
    "Cache-Control": "no-cache",  # kept, and asked for again by ETag: a new version shows at the next visit
}


def install_page(app: FastAPI) -> None:
    """Serve the page at `/` and its files below `/static`."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=READING)
    async def page(request: Request) -> Response:
        return _answer("index.html", request)

    app.include_router(router)
    app.mount("/static", _files)


async def _files(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        await WebSocketClose()(scope, receive, send)
    elif scope["method"] in READING:
        name = scope["path"].removeprefix(scope["root_path"]).removeprefix("/")
        await _answer(name, Request(scope))(scope, receive, send)
    else:
        raise HTTPException(405, headers={"Allow": ", ".join(READING)})


def _answer(name: str, request: Request) -> Response:
    """The file of this name, or that the browser has it already."""
    path = next((path for path in FOLDER.iterdir() if path.name == name), None)
    if path is None:
        raise HTTPException(404)
    content, etag = _read(path, path.stat().st_mtime_ns)
    headers = HEADERS | {"ETag": etag}
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=mimetypes.guess_type(name)[0])


@functools.lru_cache
def _read(path: Path, changed: int) -> tuple[bytes, str]:
    """A file and its ETag; `changed`: when, since an older version is no answer."""
    del changed
    content = path.read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
