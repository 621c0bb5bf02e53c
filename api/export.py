"""A session, or all that belongs to an account, as one document, made page by page: JSON, JSON lines, Markdown."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from typing import Any, Literal

from fastapi.responses import StreamingResponse

from db import Store
from movies.models import Recommendation
from schemas import Account, Message, Session
from service import Marquee

Format = Literal["json", "jsonl", "markdown"]
Pages = AsyncIterable[Sequence[Message]]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "jsonl": "application/jsonl",
    "markdown": "text/markdown",
}
PAGE_MESSAGES = 100  # in memory at a time


async def streamed(pieces: AsyncGenerator[str, None], media_type: str) -> StreamingResponse:
    """A document as it is made. Its first piece is awaited: a store that cannot be read is said before the status is.

    Raises:
        StorageUnavailable: Before the first piece.
    """
    first = await anext(pieces)

    async def whole() -> AsyncGenerator[str, None]:
        yield first
        async for piece in pieces:
            yield piece

    return StreamingResponse(whole(), media_type=media_type)


async def document(store: Store, session: Session, kind: Format) -> AsyncGenerator[str, None]:
    """The session with all its messages, in pieces.

    Raises:
        StorageUnavailable: Before the first piece or after any other.
    """
    pages = _pages(store, session.id)
    pieces = {"json": _json, "jsonl": _lines, "markdown": _markdown}[kind](session, pages)
    async for piece in pieces:
        yield piece


async def account_document(service: Marquee, account: Account) -> AsyncGenerator[str, None]:
    """All that belongs to an account as a JSON document, in pieces.

    Raises:
        StorageUnavailable: Before the first piece or after any other.
    """
    ratings = [
        {"movie_id": own.movie_id, "stars": own.stars, "rated_at": own.rated_at.isoformat()}
        for own in await service.ratings.all(account.id)
    ]
    seen = [
        {"movie_id": one.movie_id, "seen_at": one.seen_at.isoformat()} for one in await service.ratings.seen(account.id)
    ]
    parts = {"ratings": ratings, "seen": seen, **(await _ways_in(service, account.id))}
    yield f'{{"account":{account.model_dump_json()},{json.dumps(parts)[1:-1]},"recommendations":['
    comma = ""
    async for served in _recommendations(service, account.id):
        yield comma + served.model_dump_json()
        comma = ","
    yield '],"sessions":['
    comma = ""
    async for session in _sessions(service, account.id):
        yield comma
        async for piece in _json(session, _pages(service.store, session.id)):
            yield piece
        comma = ","
    yield "]}"


async def _ways_in(service: Marquee, account_id: str) -> dict[str, Any]:
    """The account's API keys, by name, and whom a provider knows it by."""
    if service.accounts is None:
        return {}
    store = service.accounts.store
    return {
        "keys": [key.model_dump(mode="json") for key in await store.keys(account_id)],
        "identities": [{"issuer": issuer, "subject": who} for issuer, who in await store.identities(account_id)],
    }


async def _recommendations(service: Marquee, account_id: str) -> AsyncGenerator[Recommendation, None]:
    cursor = None
    while page := await service.ratings.recommendations(account_id, limit=PAGE_MESSAGES, after=cursor):
        for served in page:
            yield served
        cursor = page[-1].recommendation_id


async def _sessions(service: Marquee, account_id: str) -> AsyncGenerator[Session, None]:
    page = await service.sessions.list(account_id, limit=PAGE_MESSAGES)
    while page.data:
        for session in page.data:
            yield session
        if not page.has_more:
            return
        page = await service.sessions.list(account_id, limit=PAGE_MESSAGES, after=page.next)


async def _pages(store: Store, session_id: str) -> AsyncGenerator[list[Message], None]:
    page = await store.list_messages(session_id, limit=PAGE_MESSAGES)
    yield page.data
    while page.has_more:
        page = await store.list_messages(session_id, limit=PAGE_MESSAGES, after=page.next)
        yield page.data


async def _json(session: Session, pages: Pages) -> AsyncGenerator[str, None]:
    head = f'{{"session":{session.model_dump_json()},"messages":['
    async for page in pages:
        yield head + ",".join(message.model_dump_json() for message in page)
        head = ","
    yield "]}"


async def _lines(_: Session, pages: Pages) -> AsyncGenerator[str, None]:
    async for page in pages:
        yield "".join(message.model_dump_json() + "\n" for message in page)


async def _markdown(session: Session, pages: Pages) -> AsyncGenerator[str, None]:
    """The conversation for reading: who said what, calls in short."""
    head = f"# {session.title or 'Untitled session'}"
    async for page in pages:
        yield head + "".join(f"\n\n{_paragraphs(message)}" for message in page if message.role != "tool")
        head = ""
    yield "\n"


def _paragraphs(message: Message) -> str:
    who = {"user": "You", "assistant": "Marquee"}[message.role]
    note = f" (an earlier {'wording' if message.role == 'user' else 'answer'})" if message.alternative else ""
    note += f" ({message.status.replace('_', ' ')})" if message.status != "completed" else ""
    calls = [f"> {call.name} {json.dumps(call.arguments, ensure_ascii=False)}" for call in message.tool_calls]
    return "\n\n".join([f"**{who}**{note}", *([message.content] if message.content else []), *calls])
