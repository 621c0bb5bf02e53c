"""Input of OpenAI's Responses and Conversations: items as clients send them, and the conversation that they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from api.faces.completion_models import Function, Given, call_of
from api.faces.response_items import call_item_id, message_id_of
from errors import InvalidField, NotFound
from runs.brought import Said
from schemas import Message

_INSTRUCTORS = ("system", "developer")


class Part(Given):
    type: Literal["input_text", "output_text", "text", "refusal"]
    text: str = ""
    refusal: str = ""


Content = str | list[Part]


class MessageItem(Given):
    role: Literal["user", "assistant", "system", "developer"]
    content: Content


class CallItem(Function):
    call_id: Annotated[str, Field(min_length=1, max_length=200)]


class OutputItem(Given):
    call_id: Annotated[str, Field(min_length=1, max_length=200)]
    output: Content


class Reference(Given):
    id: Annotated[str, Field(max_length=200)]


class PassedOver(Given):
    """Thoughts of the model, and calls of the service's own tools: it knows of them itself."""


def _kind(item: Any) -> str:
    kind = item.get("type") if isinstance(item, dict) else None
    return str(kind or ("message" if not isinstance(item, dict) or "role" in item else "item_reference"))


Item = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[CallItem, Tag("function_call")]
    | Annotated[OutputItem, Tag("function_call_output")]
    | Annotated[Reference, Tag("item_reference")]
    | Annotated[PassedOver, Tag("reasoning")]
    | Annotated[PassedOver, Tag("mcp_call")]
    | Annotated[PassedOver, Tag("mcp_list_tools")],
    Discriminator(_kind),
]


def _as_items(given: Any) -> Any:
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


Items = Annotated[list[Item], BeforeValidator(_as_items), Field(max_length=10_000)]


def references(items: Sequence[Item], path: str = "body.input") -> list[str]:
    """The messages that items are only named of.

    Raises:
        InvalidField: One cannot be an item's.
    """
    found = []
    for place, item in enumerate(items):
        if isinstance(item, Reference):
            try:
                found.append(message_id_of(item.id))
            except NotFound as error:
                raise InvalidField(f"{path}.{place}.id", error.detail) from None
    return found


def said_of(items: Sequence[Item], known: Mapping[str, Message], path: str = "body.input") -> list[Said]:
    """The items as a conversation, without instructions; what an assistant says at once is one entry.

    Raises:
        InvalidField: An item refers to nothing, or a call's arguments are no JSON object.
    """
    said: list[Said] = []
    for place, item in enumerate(items):
        entry = _said(f"{path}.{place}", item, known)
        if entry is None:
            continue
        if said and said[-1].role == entry.role == "assistant" and not (said[-1].tool_calls and entry.content):
            said[-1] = _joined(said[-1], entry)
        else:
            said.append(entry)
    return said


def _said(path: str, item: Item, known: Mapping[str, Message]) -> Said | None:
    match item:
        case MessageItem(role="user" | "assistant" as role):
            return Said(role, _text(item.content))
        case CallItem():
            return Said("assistant", "", [call_of(path, item.call_id, item)])
        case OutputItem():
            return Said("tool", _text(item.output), call_id=item.call_id)
        case Reference():
            return _referred(path, item.id, known)
        case _:
            return None


def _referred(path: str, item_id: str, known: Mapping[str, Message]) -> Said | None:
    """An item that is named: a text, or a call of the caller's function."""
    message = known.get(message_id_of(item_id))
    if message is None:
        raise InvalidField(f"{path}.id", "There is no such item.")
    if item_id == message.id and message.role != "tool":
        return Said(message.role, message.content)
    for place, call in enumerate(message.tool_calls):
        if call_item_id(message.id, place) == item_id and call.action:
            known_as = call.model_copy(update={"call_id": f"{message.run_id}.{call.call_id}"})
            return Said("assistant", "", [known_as])
    return None


def told(items: Sequence[Item]) -> list[str]:
    """The instructions among the items."""
    return [_text(item.content) for item in items if isinstance(item, MessageItem) and item.role in _INSTRUCTORS]


def _joined(first: Said, second: Said) -> Said:
    content = "\n\n".join(text for text in (first.content, second.content) if text)
    return Said("assistant", content, [*first.tool_calls, *second.tool_calls])


def _text(content: Content) -> str:
    return content if isinstance(content, str) else "".join(part.text or part.refusal for part in content)
