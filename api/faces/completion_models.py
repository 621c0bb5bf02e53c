"""Chat Completions as clients send them: what is read of a request, and refused of it. Unknown fields are passed over.

OpenAI's reference has the fields: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from api.faces.asking import Wanted, check_words
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
        told = (text_of(entry.content) for entry in self.messages if isinstance(entry, Instructions))
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
        check_words(said, "body.messages")
        return said

    @property
    def wanted(self) -> Wanted:
        """All that is asked for.

        Raises:
            InvalidField: One of its parts cannot be what it should be.
        """
        actions = actions_of({f"body.tools.{at}.function": tool.function for at, tool in enumerate(self.tools or ())})
        return Wanted(self.model, self.instructions, self.said, actions, self.form, self.sampling)

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


def text_of(content: Content) -> str:
    """The text of an entry, in however many parts."""
    if isinstance(content, list):
        return "".join(part.text or part.refusal for part in content)
    return content or ""


def _said(place: int, entry: Asked | Answered | Returned) -> Said:
    if isinstance(entry, Answered):
        calls = [
            call_of(f"body.messages.{place}.tool_calls.{at}.function", call.id, call.function)
            for at, call in enumerate(entry.tool_calls or ())
        ]
        return Said("assistant", text_of(entry.content), calls)
    if isinstance(entry, Returned):
        return Said("tool", text_of(entry.content), call_id=entry.tool_call_id)
    return Said("user", text_of(entry.content))


def call_of(path: str, call_id: str, function: Function) -> ToolCall:
    """A call of a function of the caller's.

    Raises:
        InvalidField: Its arguments are no JSON object.
    """
    try:
        arguments = _ARGUMENTS.validate_json(function.arguments or "{}")
        check_document(arguments)
    except ValueError:
        raise InvalidField(f"{path}.arguments", "must be the text of a JSON object") from None
    return ToolCall(call_id=call_id, name=function.name, arguments=arguments, action=True)


def actions_of(functions: Mapping[str, OwnFunction]) -> dict[str, Action]:
    """The caller's own functions, by the paths of their fields.

    Raises:
        InvalidField: One is no function that can be called.
    """
    return {path: _action(path, function) for path, function in functions.items()}


def _action(path: str, function: OwnFunction) -> Action:
    parameters = {"type": "object", **(function.parameters or {})}
    try:
        return Action.model_validate(
            {"name": function.name, "description": function.description or "", "parameters": parameters}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidField(".".join(map(str, (path, *first["loc"]))), first["msg"]) from None
