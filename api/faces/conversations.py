"""OpenAI's Conversations over the sessions of the service: `/v1/conversations`. A conversation is a session.

Items are added at its end and never taken out singly: what came later builds on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from api.dependencies import Account, Key, Service
from api.faces.asking import with_own_ids
from api.faces.completion_models import Given
from api.faces.response_fold import conversation_id as id_of
from api.faces.response_input import Items, references, said_of, told
from api.faces.response_items import find_item, items_of, list_items
from api.faces.responses import ItemCursor, ItemLimit, ItemOrder, session_id
from errors import Invalid, InvalidField
from runs.brought import Said, messages_of
from schemas import Message, Metadata, Session, SessionCreate, SessionPatch
from storage.records import new_id

router = APIRouter(prefix="/v1/conversations", include_in_schema=False)

FewItems = Annotated[Items, Field(max_length=20)]


class ConversationCreate(Given):
    items: FewItems | None = None
    metadata: Metadata | None = None


class ConversationPatch(Given):
    metadata: Metadata | None


class ItemsCreate(Given):
    items: FewItems


async def _load_session(service: Service, account_id: Account, conversation_id: str) -> Session:
    """The session of the path's conversation."""
    return await service.store.load_session(account_id, session_id(conversation_id))


SessionOfPath = Annotated[Session, Depends(_load_session)]


@router.post("", response_model=None)
async def create_conversation(
    service: Service, account_id: Account, body: ConversationCreate | None = None, key: Key = None
) -> dict[str, Any]:
    """Open a session, with what was said so far."""
    body = body or ConversationCreate()
    said = await _said(service, account_id, body.items or [])
    new = SessionCreate(metadata=body.metadata or {})
    session, repeated = await service.sessions.open(account_id, new, key, service.quotas.sessions)
    if said and not repeated:
        await _add(service, session, said)
    return _conversation(session)


@router.get("/{conversation_id}", response_model=None)
async def read_conversation(session: SessionOfPath) -> dict[str, Any]:
    """One conversation."""
    return _conversation(session)


@router.post("/{conversation_id}", response_model=None)
async def change_conversation(
    service: Service, account_id: Account, session: SessionOfPath, body: ConversationPatch
) -> dict[str, Any]:
    """Set the metadata."""
    await service.sessions.update(account_id, session.id, SessionPatch(metadata=body.metadata))
    return _conversation(await service.store.load_session(account_id, session.id))


@router.delete("/{conversation_id}", response_model=None)
async def delete_conversation(service: Service, account_id: Account, session: SessionOfPath) -> dict[str, Any]:
    """Delete the session with all that is in it."""
    await service.sessions.delete(account_id, session.id)
    return {"id": id_of(session.id), "object": "conversation.deleted", "deleted": True}


@router.get("/{conversation_id}/items", response_model=None)
async def list_conversation_items(
    service: Service, session: SessionOfPath, limit: ItemLimit = 20, order: ItemOrder = "desc", after: ItemCursor = None
) -> dict[str, Any]:
    """All that was said and called, on whatever face."""
    return await list_items(service, session.id, limit=limit, newest_first=order == "desc", after=after)


@router.post("/{conversation_id}/items", response_model=None)
async def create_conversation_items(
    service: Service, account_id: Account, session: SessionOfPath, body: ItemsCreate
) -> dict[str, Any]:
    """Add what was said elsewhere; nobody answers it."""
    added = await _add(service, session, await _said(service, account_id, body.items))
    data = [item for message in added for item in await items_of(service, message)]
    ids = {"first_id": data[0]["id"] if data else "", "last_id": data[-1]["id"] if data else ""}
    return {"object": "list", "data": data, "has_more": False, **ids}


@router.get("/{conversation_id}/items/{item_id}", response_model=None)
async def read_conversation_item(service: Service, session: SessionOfPath, item_id: str) -> dict[str, Any]:
    """One item."""
    return await find_item(service, session.id, item_id)


@router.delete("/{conversation_id}/items/{item_id}", response_model=None)
async def delete_conversation_item(service: Service, session: SessionOfPath, item_id: str) -> None:
    """Say that this cannot be done, of an item that there is."""
    await find_item(service, session.id, item_id)
    raise Invalid("An item cannot be deleted: what came later builds on it. Delete the conversation or a response.")


async def _said(service: Service, account_id: str, items: Items) -> Sequence[Said | Message]:
    """The items as entries of a session."""
    if told(items):
        raise InvalidField("body.items", "instructions go with each response; a conversation has none of its own here")
    known = await service.histories.find_messages(account_id, references(items, "body.items"))
    return with_own_ids(said_of(items, known, "body.items"))


async def _add(service: Service, session: Session, said: Sequence[Said | Message]) -> list[Message]:
    """The entries as messages at the end of a session."""
    now = service.clock()
    added = messages_of(session.id, new_id("run"), now, said)
    await service.store.add_messages(session.id, added, now)
    return added


def _conversation(session: Session) -> dict[str, Any]:
    created = int(session.created_at.timestamp())
    return {
        "id": id_of(session.id), "object": "conversation", "created_at": created, "metadata": session.metadata
    }  # fmt: skip
