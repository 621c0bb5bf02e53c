"""Posters of TMDB: fetched with the operator's key, checked, kept on disk. Nothing else is ever asked for."""

from __future__ import annotations

import asyncio
import json
import re
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from loguru import logger

from files import new_file
from settings import Settings

if TYPE_CHECKING:
    import httpx

KEPT_FOR = 30 * 86_400  # seconds; TMDB allows half a year
MISSING_FOR, FAILED_FOR = 86_400.0, 60.0  # seconds for which it is not asked again
MOST_FAILURES = 10_000  # that are remembered
LARGEST = 3_000_000  # bytes of an answer
TIMEOUT = 10.0  # seconds for both requests
AT_ONCE = 6  # posters
PATH = re.compile(r"/[\w.-]{1,100}", re.ASCII)  # of an image, as TMDB names them
TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"RIFF": "image/webp"}  # by first bytes


class NoPoster(Exception):
    """TMDB has no poster of the movie."""


class PosterUnavailable(Exception):
    """The poster cannot be fetched right now."""


class Poster(NamedTuple):
    """An image, and its media type."""

    content: bytes
    media_type: str


_Trouble = NoPoster | PosterUnavailable


class _Failure(NamedTuple):
    error: _Trouble
    until: float


class Posters:
    """Posters by TMDB's number of a movie."""

    def __init__(self, settings: Settings) -> None:
        self._key = settings.tmdb_api_key
        self._api, self._images = str(settings.tmdb_base_url).rstrip("/"), str(settings.tmdb_image_url).rstrip("/")
        self._folder = settings.data_dir / "posters"
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._fetching: dict[int, asyncio.Task[Poster]] = {}
        self._failures: dict[int, _Failure] = {}
        self._client = _open_client() if self._key is not None else None

    async def close(self) -> None:
        fetching = list(self._fetching.values())
        for task in fetching:
            task.cancel()
        await asyncio.gather(*fetching, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    @property
    def available(self) -> bool:
        """True where the operator has given a key."""
        return self._key is not None

    async def poster(self, tmdb_id: int) -> Poster:
        """A movie's poster, from the disk where it is there; an old one where TMDB cannot be asked.

        Raises:
            NoPoster: TMDB has none.
            PosterUnavailable: It cannot be fetched right now.
        """
        kept, fresh = await asyncio.to_thread(self._kept, tmdb_id)
        if kept is not None and fresh:
            return kept
        try:
            return await self._fetched(tmdb_id)
        except PosterUnavailable:
            if kept is not None:
                return kept
            raise

    async def _fetched(self, tmdb_id: int) -> Poster:
        """The poster from TMDB, asked for once by however many wait; not at all for a while after it failed."""
        failure = self._failures.get(tmdb_id)
        if failure is not None and time.monotonic() < failure.until:
            raise failure.error.with_traceback(None)
        task = self._fetching.get(tmdb_id)
        if task is None:
            task = self._fetching[tmdb_id] = asyncio.create_task(self._fetch(tmdb_id), name="poster")
            task.add_done_callback(partial(self._forget, tmdb_id))
        return await asyncio.shield(task)

    def _forget(self, tmdb_id: int, task: asyncio.Task[Poster]) -> None:
        """Let go of a task that is done; its failure is remembered, if nobody is left who waits for it."""
        del self._fetching[tmdb_id]
        if not task.cancelled():
            task.exception()

    async def _fetch(self, tmdb_id: int) -> Poster:
        try:
            async with self._slots, asyncio.timeout(TIMEOUT):
                poster = await self._ask(tmdb_id)
        except TimeoutError:
            raise self._noted(tmdb_id, PosterUnavailable("TMDB takes too long to send it"), FAILED_FOR) from None
        except NoPoster as error:
            raise self._noted(tmdb_id, error, MISSING_FOR) from None
        except PosterUnavailable as error:
            raise self._noted(tmdb_id, error, FAILED_FOR) from None
        self._failures.pop(tmdb_id, None)
        await asyncio.to_thread(self._keep, tmdb_id, poster)
        return poster

    def _noted(self, tmdb_id: int, error: _Trouble, seconds: float) -> _Trouble:
        """Log and remember a failure; the oldest are forgotten."""
        if isinstance(error, PosterUnavailable):
            logger.warning("A poster cannot be fetched: {}", error)
        while len(self._failures) >= MOST_FAILURES:
            del self._failures[next(iter(self._failures))]
        self._failures[tmdb_id] = _Failure(error, time.monotonic() + seconds)
        return error

    async def _ask(self, tmdb_id: int) -> Poster:
        """Ask for the movie, then for the image that it names."""
        _, answer = await self._get(f"{self._api}/movie/{tmdb_id}", **self._credentials())
        path = _poster_path(answer)
        if path is None:
            raise NoPoster
        declared, content = await self._get(self._images + path)
        media_type = _media_type(content)
        if media_type is None or declared != media_type:
            raise PosterUnavailable("TMDB sends something that is no JPEG, PNG or WebP image")
        return Poster(content, media_type)

    async def _get(
        self, url: str, params: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[str, bytes]:
        """The media type and the bytes of what is there."""
        import httpx  # noqa: PLC0415  without a key nobody needs it

        assert self._client is not None
        content = bytearray()
        try:
            async with self._client.stream("GET", url, params=params, headers=headers) as response:
                _check(response.status_code)
                async for piece in response.aiter_bytes():
                    content += piece
                    if len(content) > LARGEST:
                        raise PosterUnavailable("TMDB sends more than a poster can be")
        except httpx.TimeoutException:
            raise TimeoutError from None
        except httpx.HTTPError:  # its text may have the key in it
            raise PosterUnavailable("TMDB cannot be reached") from None
        return response.headers.get("content-type", "").partition(";")[0].strip().lower(), bytes(content)

    def _credentials(self) -> dict[str, dict[str, str]]:
        """The key as TMDB wants it: a read access token in a header, the older API key in the query."""
        secret = self._key.get_secret_value() if self._key else ""
        if "." in secret:
            return {"headers": {"Authorization": f"Bearer {secret}"}}
        return {"params": {"api_key": secret}}

    def _kept(self, tmdb_id: int) -> tuple[Poster | None, bool]:
        """The poster on disk, and whether it is young enough."""
        path = self._path(tmdb_id)
        try:
            content, changed = path.read_bytes(), path.stat().st_mtime
        except OSError:
            return None, False
        media_type = _media_type(content)
        return Poster(content, media_type) if media_type else None, time.time() - changed < KEPT_FOR

    def _keep(self, tmdb_id: int, poster: Poster) -> None:
        path = self._path(tmdb_id)
        try:
            path.parent.mkdir(exist_ok=True)
            with new_file(path) as part:
                part.write_bytes(poster.content)
        except OSError as error:
            logger.warning("A poster cannot be kept: {}", error.strerror)

    def _path(self, tmdb_id: int) -> Path:
        return self._folder / str(tmdb_id)


def _open_client() -> httpx.AsyncClient:
    import httpx  # noqa: PLC0415  without a key nobody needs it

    return httpx.AsyncClient(timeout=TIMEOUT)


def _check(status: int) -> None:
    if status == 404:
        raise NoPoster
    if status in (401, 403):
        raise PosterUnavailable("TMDB refuses the key (TMDB_API_KEY)")
    if status != 200:
        raise PosterUnavailable(f"TMDB answers with status {status}")


def _poster_path(answer: bytes) -> str | None:
    """The path of the image that TMDB's answer names; None where it names none."""
    try:
        path = json.loads(answer)["poster_path"]
    except (ValueError, KeyError, TypeError):
        raise PosterUnavailable("TMDB's answer cannot be read") from None
    if path is not None and not (isinstance(path, str) and PATH.fullmatch(path)):
        raise PosterUnavailable("TMDB's answer cannot be read")
    return path


def _media_type(content: bytes) -> str | None:
    """The media type that the first bytes tell; None for what is no image of a kind that is served."""
    found = next((kind for start, kind in TYPES.items() if content.startswith(start)), None)
    return None if found == "image/webp" and content[8:12] != b"WEBP" else found
