"""Responses as clients send them: what is read of a request, and refused of it. Unknown fields are passed over.

OpenAI's reference has the fields: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue

from api.faces.asking import Wanted, check_words
from api.faces.completion_models import ANY_OBJECT, AnyJson, AnyText, Given, Named, OwnFunction, actions_of
from api.faces.response_input import Items, references, said_of, told
from errors import InvalidField
from providers.prompts import AUXILIARY
from schemas import ActionName, JsonSchema, JsonSchemaFormat, Message, Metadata, ModelName, ResponseFormat, Sampling

_NOT_OFFERED = {
    "prompt": "prompts are not kept here; send the words themselves as `instructions`",
    "context_management": "compaction is not offered: what does not fit into a model's context is left out by itself",
}


class FunctionTool(OwnFunction):
    type: Literal["function"]
    strict: bool | None = None


class McpTool(Given):
    """The service's own tools, which are offered anyway: with this their calls are shown."""

    type: Literal["mcp"]
    server_label: Literal["marquee"]
    require_approval: Literal["never"] | None = None
    allowed_tools: None = None


class Chosen(Named):
    type: Literal["function"]


class BySchema(Given):
    type: Literal["json_schema"]
    name: ActionName
    json_schema: JsonSchema = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class Text(Given):
    format: Annotated[AnyText | AnyJson | BySchema, Field(discriminator="type")] = AnyText(type="text")


class ConversationId(Given):
    id: Annotated[str, Field(max_length=200)]


def _as_object(given: Any) -> Any:
    return {"id": given} if isinstance(given, str) else given


Tool = Annotated[FunctionTool | McpTool, Field(discriminator="type")]


class ResponseCreate(Given):
    """Something that is to be answered, alone or behind what was said before."""

    model: ModelName | None = None
    input: Items
    instructions: str | None = None
    previous_response_id: Annotated[str, Field(max_length=200)] | None = None
    conversation: Annotated[ConversationId, BeforeValidator(_as_object)] | None = None
    stream: bool | None = None
    background: bool | None = None
    store: bool | None = None
    tools: Annotated[list[Tool], Field(max_length=64)] | None = None
    tool_choice: Literal["none", "auto", "required"] | Chosen | None = None
    text: Text | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    metadata: Metadata | None = None
    prompt: JsonValue = None
    context_management: JsonValue = None

    @property
    def kept(self) -> bool:
        """True where the answer is to be there for good."""
        return self.store is not False

    @property
    def references(self) -> list[str]:
        """The messages that items are only named of."""
        return references(self.input)

    def wanted(self, known: Mapping[str, Message]) -> Wanted:
        """All that is asked for; `known`: the messages of the references.

        Raises:
            InvalidField: One of its parts cannot be what it should be, or is not offered.
        """
        self._check_offers()
        said = said_of(self.input, known)
        chained = self.previous_response_id is not None or self.conversation is not None
        if not said or said[-1].role == "assistant":
            last = max(0, len(self.input) - 1)
            raise InvalidField(f"body.input.{last}", "the last item must be a user's, or the result of a tool")
        check_words(said, "body.input", needed=not chained)
        own = {f"body.tools.{at}": tool for at, tool in enumerate(self.tools or ()) if isinstance(tool, FunctionTool)}
        instructions = [self.instructions or "", *told(self.input)]
        return Wanted(
            self.model,
            "\n\n".join(text for text in instructions if text.strip()),
            said,
            actions_of(own),
            self._form,
            self._sampling,
            self.kept and not said[-1].content.startswith(AUXILIARY),
            json.dumps(self._echo, ensure_ascii=False),
        )

    def _check_offers(self) -> None:
        for name, why in _NOT_OFFERED.items():
            if getattr(self, name) is not None:
                raise InvalidField(f"body.{name}", why)
        if self.conversation is not None and self.previous_response_id is not None:
            raise InvalidField("body.previous_response_id", "goes not together with `conversation`; send one of them")
        if self.background and not self.kept:
            raise InvalidField("body.background", "what is made in the background is stored; leave `store` out")

    @property
    def _form(self) -> ResponseFormat | None:
        asked = self.text.format if self.text else None
        if isinstance(asked, BySchema):
            schema = JsonSchemaFormat.model_validate(asked.model_dump(by_alias=True, exclude={"type"}))
            return ResponseFormat(type="json_schema", json_schema=schema)
        return ResponseFormat(type="json_schema", json_schema=ANY_OBJECT) if isinstance(asked, AnyJson) else None

    @property
    def _sampling(self) -> Sampling:
        choice = self.tool_choice.name if isinstance(self.tool_choice, Chosen) else self.tool_choice
        return Sampling(
            temperature=self.temperature,
            top_p=self.top_p,
            max_output_tokens=self.max_output_tokens,
            tool_choice=choice or "auto",
        )

    @property
    def _echo(self) -> dict[str, Any]:
        """The request as its response says it again."""
        given = self.model_dump(mode="json", by_alias=True, exclude_none=True, include=_ECHOED)
        tools = [tool.model_dump(mode="json") for tool in self.tools or ()]
        return {
            **given,
            "tools": tools,
            "store": self.kept,
            "background": bool(self.background),
            "conversation": self.conversation is not None,
        }


_ECHOED = {
    "instructions", "metadata", "tool_choice", "temperature", "top_p", "max_output_tokens", "text",
    "previous_response_id",
}  # fmt: skip
