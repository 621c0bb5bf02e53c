"""Items of OpenAI's Responses and Conversations: those of stored messages, and the forms that a stream gives them, too.

The service's own tools are none of them: a stored conversation is its words and the calls of the caller's functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

from db import LATEST
from errors import NotFound
from schemas import Message, Run, ToolCall
from service import Marquee
from tools.registry import TOOLS

PAGE_MESSAGES = 100  # read at a time
_ITEM = re.compile(r"(?:msg|rs|fc|fco|mcp)_([\w-]{22})(?:_\d+)?", re.ASCII)


def message_item(item_id: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    """Something that the assistant said."""
    return {"id": item_id, "type": "message", "role": "assistant", "status": status, "content": content}


def text_part(text: str) -> dict[str, Any]:
    """The text of such an item."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def reasoning_item(message_id: str, text: str, status: str) -> dict[str, Any]:
    """Something that the model thought aloud."""
    content = [{"type": "reasoning_text", "text": text}]
    return {"id": _id("rs", message_id), "type": "reasoning", "status": status, "summary": [], "content": content}


def function_call(
    run_id: str, message_id: str, place: int, call: tuple[str, str], arguments: str, status: str
) -> dict[str, Any]:
    """A call of a function of the caller's; `call`: its id within the run, and the function's name."""
    call_id, name = call
    return {
        "id": call_item_id(message_id, place), "type": "function_call", "call_id": f"{run_id}.{call_id}", "name": name,
        "arguments": arguments, "status": status,
    }  # fmt: skip


def mcp_call(message_id: str, place: int, name: str) -> dict[str, Any]:
    """A call of one of the service's own tools, as it begins."""
    return {
        "id": _id("mcp", message_id, place), "type": "mcp_call", "server_label": "marquee", "name": name,
        "arguments": "", "output": None, "error": None, "approval_request_id": None, "status": "in_progress",
    }  # fmt: skip


def as_text(value: object) -> str:
    """JSON, or a text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def message_id_of(item_id: str) -> str:
    """The message that an item is a part of.

    Raises:
        NotFound: It is no item's id.
    """
    if (match := _ITEM.fullmatch(item_id)) is None:
        raise NotFound("There is no such item.")
    return f"msg_{match[1]}"


async def items_of(service: Marquee, message: Message) -> list[dict[str, Any]]:
    """The items of a stored message."""
    match message.role:
        case "user":
            content = [{"type": "input_text", "text": message.content}]
            return [{"id": message.id, "type": "message", "role": "user", "status": "completed", "content": content}]
        case "assistant":
            return list(_answer(message))
        case _:
            return [await _result(service, message)] if message.ok and message.name not in TOOLS else []


async def find_item(service: Marquee, session_id: str, item_id: str) -> dict[str, Any]:
    """One item of a session.

    Raises:
        NotFound: There is none with this id.
    """
    message = await service.store.load_message(session_id, message_id_of(item_id))
    for item in await items_of(service, message):
        if item["id"] == item_id:
            return item
    raise NotFound("There is no such item.")


async def list_items(
    service: Marquee, session_id: str, *, limit: int, newest_first: bool, after: str | None, last: str | None = None
) -> dict[str, Any]:
    """A page of a session's items; `last`: the message after which nothing is taken."""
    start = message_id_of(after) if after else last if newest_first else None
    found: list[dict[str, Any]] = []
    async with aclosing(_messages(service, session_id, start, newest_first=newest_first)) as messages:
        async for message in messages:
            items = await items_of(service, message)
            found += reversed(items) if newest_first else items
            if after is not None:
                found, after = _behind(found, after), None
            if len(found) > limit or (message.id == last and not newest_first):
                break
    data = found[:limit]
    ids = {"first_id": data[0]["id"] if data else "", "last_id": data[-1]["id"] if data else ""}
    return {"object": "list", "data": data, "has_more": len(found) > limit, **ids}


async def last_input(service: Marquee, run: Run) -> str:
    """The last message that stood before a run's answer."""
    answer, sequence = None, 1
    while answer is None and (frames := await service.store.load_frames(run.id, after=sequence, limit=1)):
        answer, sequence = getattr(frames[0].event, "message_id", None), frames[0].sequence
    added = [message.id for message in await service.store.run_messages(run.id)]
    asked = added[: added.index(answer)] if answer in added else added
    return asked[-1] if asked else run.message_id


def _behind(items: list[dict[str, Any]], after: str) -> list[dict[str, Any]]:
    """The items of a message that stand behind one of them."""
    places = [place for place, item in enumerate(items) if item["id"] == after]
    if not places:
        raise NotFound("The cursor names no item of this conversation.")
    return items[places[0] + 1 :]


async def _messages(
    service: Marquee, session_id: str, start: str | None, *, newest_first: bool
) -> AsyncGenerator[Message, None]:
    """The messages of a session from one on, without answers that a retry replaced."""
    if start is not None:
        yield await service.store.load_message(session_id, start)
    before, after, more = start or LATEST, start, True
    while more:
        if newest_first:
            page = await service.store.list_messages(session_id, limit=PAGE_MESSAGES, before=before)
        else:
            page = await service.store.list_messages(session_id, limit=PAGE_MESSAGES, after=after)
        for message in reversed(page.data) if newest_first else page.data:
            if not message.alternative:
                yield message
        before = after = page.next or ""
        more = page.has_more


def _answer(message: Message) -> Iterator[dict[str, Any]]:
    status = "completed" if message.status in ("completed", "requires_action") else "incomplete"
    if message.reasoning:
        yield reasoning_item(message.id, message.reasoning, "completed")
    if message.content:
        yield message_item(message.id, [text_part(message.content)], status)
    for place, call in enumerate(message.tool_calls):
        if call.action:
            yield _called(message, place, call)


def _called(message: Message, place: int, call: ToolCall) -> dict[str, Any]:
    arguments = as_text(call.arguments or {})
    return function_call(message.run_id, message.id, place, (call.call_id, call.name), arguments, "completed")


async def _result(service: Marquee, message: Message) -> dict[str, Any]:
    caller = await service.histories.continued_by(message.run_id) or message.run_id
    return {
        "id": _id("fco", message.id), "type": "function_call_output", "call_id": f"{caller}.{message.call_id}",
        "output": as_text(message.result), "status": "completed",
    }  # fmt: skip


def call_item_id(message_id: str, place: int) -> str:
    """The id of a message's call of a function of the caller's."""
    return _id("fc", message_id, place)


def _id(kind: str, message_id: str, place: int | None = None) -> str:
    """The id of an item: `fc_…_0`, the first call of a message."""
    own = message_id.partition("_")[2]
    return f"{kind}_{own}" if place is None else f"{kind}_{own}_{place}"
