"""Chat Completions as clients send them: what is read of a request, and refused of it. Unknown fields are passed over.

OpenAI's reference has the fields: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from errors import InvalidField
from json_schema import check_document
from runs.brought import Said
from schemas import Action, JsonSchemaFormat, ModelName, ResponseFormat, Sampling, ToolCall

ANY_OBJECT = JsonSchemaFormat.model_validate({"name": "object", "schema": {"type": "object"}})
_ARGUMENTS: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class Given(BaseModel):
    """Part of a request; what we do not know is another's business."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_max_length=10**9)  # with any, no half character passes


class Part(Given):
    type: Literal["text", "refusal"]
    text: str = ""
    refusal: str = ""


Content = str | list[Part] | None


class Function(Given):
    name: str
    arguments: str = "{}"


class Called(Given):
    id: Annotated[str, Field(min_length=1, max_length=200)]
    type: Literal["function"] = "function"
    function: Function


class Instructions(Given):
    role: Literal["system", "developer"]
    content: Content


class Asked(Given):
    role: Literal["user"]
    content: Content


class Answered(Given):
    role: Literal["assistant"]
    content: Content = None
    tool_calls: list[Called] | None = None


class Returned(Given):
    role: Literal["tool"]
    content: Content
    tool_call_id: Annotated[str, Field(min_length=1, max_length=200)]


Entry = Annotated[Instructions | Asked | Answered | Returned, Field(discriminator="role")]


class OwnFunction(Given):
    name: str
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None


class OwnTool(Given):
    type: Literal["function"]
    function: OwnFunction


class Named(Given):
    name: str


class Chosen(Given):
    type: Literal["function"]
    function: Named


class AnyText(Given):
    type: Literal["text"]


class AnyJson(Given):
    type: Literal["json_object"]


class BySchema(Given):
    type: Literal["json_schema"]
    json_schema: JsonSchemaFormat


class StreamOptions(Given):
    include_usage: bool = False


class CompletionCreate(Given):
    """A conversation whose last entry is to be answered."""

    model: ModelName | None = None
    messages: Annotated[list[Entry], Field(min_length=1, max_length=10_000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: Annotated[list[OwnTool], Field(max_length=64)] | None = None
    tool_choice: Literal["none", "auto", "required"] | Chosen | None = None
    response_format: Annotated[AnyText | AnyJson | BySchema, Field(discriminator="type")] | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    modalities: list[Literal["text"]] | None = None
    audio: None = None
    metadata: dict[str, Annotated[Any, AfterValidator(check_document)]] | None = None

    @property
    def instructions(self) -> str:
        """The application's words to the model."""
        told = (_text(entry.content) for entry in self.messages if isinstance(entry, Instructions))
        return "\n\n".join(text for text in told if text.strip())

    @property
    def said(self) -> list[Said]:
        """The conversation without the instructions.

        Raises:
            InvalidField: A call's arguments are no JSON object, or it answers no message.
        """
        said = [_said(place, entry) for place, entry in enumerate(self.messages) if not isinstance(entry, Instructions)]
        last = len(self.messages) - 1
        if not said or said[-1].role == "assistant":
            raise InvalidField(f"body.messages.{last}", "the last entry must be a user's, or the result of a tool")
        if not any(entry.role == "user" and entry.content.strip() for entry in said):
            raise InvalidField("body.messages", "there is no message of a user's with text in it")
        return said

    @property
    def actions(self) -> list[Action]:
        """The caller's own functions.

        Raises:
            InvalidField: One is no function that can be called.
        """
        return [_action(place, tool.function) for place, tool in enumerate(self.tools or ())]

    @property
    def form(self) -> ResponseFormat | None:
        """The form that the answer is to have."""
        if isinstance(self.response_format, BySchema):
            return ResponseFormat(type="json_schema", json_schema=self.response_format.json_schema)
        if isinstance(self.response_format, AnyJson):
            return ResponseFormat(type="json_schema", json_schema=ANY_OBJECT)
        return None

    @property
    def sampling(self) -> Sampling:
        """The ways of the model's that are asked for."""
        choice = self.tool_choice.function.name if isinstance(self.tool_choice, Chosen) else self.tool_choice
        return Sampling(
            temperature=self.temperature,
            top_p=self.top_p,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            max_output_tokens=self.max_completion_tokens or self.max_tokens,
            tool_choice=choice or "auto",
        )


def _text(content: Content) -> str:
    if isinstance(content, list):
        return "".join(part.text or part.refusal for part in content)
    return content or ""


def _said(place: int, entry: Asked | Answered | Returned) -> Said:
    if isinstance(entry, Answered):
        calls = [
            _call(f"body.messages.{place}.tool_calls.{at}", call) for at, call in enumerate(entry.tool_calls or ())
        ]
        return Said("assistant", _text(entry.content), calls)
    if isinstance(entry, Returned):
        return Said("tool", _text(entry.content), call_id=entry.tool_call_id)
    return Said("user", _text(entry.content))


def _call(path: str, call: Called) -> ToolCall:
    try:
        arguments = _ARGUMENTS.validate_json(call.function.arguments or "{}")
    except ValidationError:
        raise InvalidField(f"{path}.function.arguments", "must be the text of a JSON object") from None
    return ToolCall(call_id=call.id, name=call.function.name, arguments=arguments, action=True)


def _action(place: int, function: OwnFunction) -> Action:
    parameters = {"type": "object", **(function.parameters or {})}
    try:
        return Action.model_validate(
            {"name": function.name, "description": function.description or "", "parameters": parameters}
        )
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, ("body", "tools", place, "function", *first["loc"])))
        raise InvalidField(path, first["msg"]) from None


def own_results(said: Sequence[Said]) -> list[Said]:
    """The results of tools that stand at the end of a conversation."""
    results: list[Said] = []
    for entry in reversed(said):
        if entry.role != "tool":
            break
        results.insert(0, entry)
    return results
