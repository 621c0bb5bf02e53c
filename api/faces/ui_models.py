"""The AI SDK's chat requests: what is read of them, and refused. Fields of the client's own are passed over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from api.faces.ui_fold import error_output, tool_call_id
from errors import Invalid, InvalidField
from json_schema import check_document
from runs.brought import Said
from schemas import Action, ActionResult, ModelName

_GIVEN = ("output-available", "output-error")  # states of a call that the client has carried out


class Given(BaseModel):
    """Part of a request; what we do not know is another's business."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class Part(Given):
    """Text, or a tool's call with its state and output; of other types the type alone is read."""

    type: str
    text: str = ""
    state: str | None = None
    tool_call_id: str = ""
    output: JsonValue = None
    error_text: str = ""


class Entry(Given):
    """A UI message."""

    id: Annotated[str, Field(max_length=200)]
    role: Literal["system", "user", "assistant"]
    parts: Annotated[list[Part], Field(max_length=10_000)]

    @property
    def text(self) -> str:
        """All that it says; what was said before and after a tool, apart."""
        return "\n\n".join(part.text for part in self.parts if part.type == "text" and part.text.strip())


class ChatSend(Given):
    """A chat whose last message is to be answered, or whose last answer goes on with the results of its tools."""

    id: Annotated[str, Field(pattern=r"^[^/\s]{1,200}$")]
    messages: Annotated[list[Entry], Field(min_length=1, max_length=10_000)]
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"
    message_id: str | None = None
    model: ModelName | None = None
    actions: Annotated[list[Action], Field(max_length=64)] | None = None

    @property
    def last(self) -> Entry:
        return self.messages[-1]

    @property
    def answer_before(self) -> str | None:
        """The id of the last answer that the client has, before its message."""
        return next((entry.id for entry in reversed(self.messages) if entry.role == "assistant"), None)

    @property
    def content(self) -> str:
        """The text of the last message, a user's.

        Raises:
            InvalidField: It has none, or something beside it.
        """
        path = f"body.messages.{len(self.messages) - 1}"
        if self.last.role != "user":
            raise InvalidField(path, "the last message must be a user's, or an answer with the results of its tools")
        for place, part in enumerate(self.last.parts):
            if part.type != "text":
                raise InvalidField(f"{path}.parts.{place}", f"only text can be read here, not {part.type[:50]!r}")
        if not self.last.text:
            raise InvalidField(path, "there is no text in it")
        return self.last.text

    @property
    def instructions(self) -> str | None:
        """The application's words to the model."""
        told = [entry.text for entry in self.messages if entry.role == "system"]
        return "\n\n".join(text for text in told if text) or None

    @property
    def earlier(self) -> list[Said]:
        """The texts before the last message."""
        said = [(entry.role, entry.text) for entry in self.messages[:-1]]
        return [Said(role, text) for role, text in said if role != "system" and text]

    def results(self, run_id: str, call_ids: Sequence[str]) -> list[ActionResult]:
        """The results of a run's calls that stand in the last message."""
        ids = {tool_call_id(run_id, call_id): call_id for call_id in call_ids}
        given = [part for part in self.last.parts if part.tool_call_id in ids and part.state in _GIVEN]
        return [
            ActionResult(
                call_id=ids[part.tool_call_id],
                output=part.output if part.state == "output-available" else error_output(part.error_text),
            )
            for part in given
        ]


def read(body: JsonValue) -> ChatSend:
    """The request.

    Raises:
        Invalid: It is no JSON document: it has NaN, or half a character.
        RequestValidationError: It is no such request.
    """
    try:
        check_document(body)
    except ValueError as error:
        raise Invalid(f"body: {error}") from None
    try:
        return ChatSend.model_validate(body)
    except ValidationError as error:
        raise RequestValidationError([{**it, "loc": ("body", *it["loc"])} for it in error.errors()]) from None
