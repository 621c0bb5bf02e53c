"""Every model of the chat that crosses a boundary: resources, request bodies, events, problems.

Movies are in movies/models.py, what the tools take and give in tools/args.py and tools/results.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, SecretStr, TypeAdapter, WithJsonSchema

from json_schema import check_document
from movies.models import CatalogueInfo, Model, UserId

MAX_METADATA = 16

Title = Annotated[str, Field(pattern=r"\S", max_length=200)]
ModelName = Annotated[str, Field(pattern=r"\S", max_length=200)]
Metadata = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=MAX_METADATA),
]
ActionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
RunStatus = Literal["in_progress", "completed", "cancelled", "failed", "interrupted", "requires_action"]
ErrorCode = Literal[
    "not_found",
    "method_not_allowed",
    "validation_error",
    "conflict",
    "run_in_progress",
    "idempotency_mismatch",
    "unauthorized",
    "forbidden",
    "rate_limited",
    "request_timeout",
    "payload_too_large",
    "upstream_unavailable",
    "upstream_timeout",
    "upstream_rate_limited",
    "upstream_rejected",
    "content_filtered",
    "output_truncated",
    "context_too_long",
    "step_limit",
    "invalid_output",
    "overloaded",
    "internal",
]


def _check_object_schema(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if schema.get("type") != "object":
        raise ValueError("must be a JSON Schema whose type is 'object'")
    return schema


JsonSchema = Annotated[dict[str, JsonValue], AfterValidator(check_document)]  # schema_checks.py checks the rest
ObjectSchema = Annotated[
    dict[str, JsonValue],
    AfterValidator(check_document),
    AfterValidator(_check_object_schema),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"type": {"const": "object"}},
            "required": ["type"],
            "description": "A JSON Schema (2020-12) of type object",
        }
    ),
]


Username = Annotated[str, Field(pattern=r"^[\w.@+-]{1,64}$")]
Password = Annotated[SecretStr, Field(min_length=8, max_length=256)]


# Accounts


class Account(Model):
    """Somebody who signs in to this service; never to be mixed up with a MovieLens user."""

    id: str
    name: str
    disabled: bool = False
    created_at: datetime


class Registration(Model):
    """`code`: asked for where REGISTRATION=code."""

    username: Username
    password: Password
    code: Annotated[str, Field(max_length=200)] | None = None


class TokenPair(Model):
    """A sign-in (RFC 6749, section 5.1). `expires_in`: seconds that the access token is good for."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  a kind of token
    expires_in: int
    refresh_token: str


class Refresh(Model):
    refresh_token: Annotated[str, Field(min_length=1, max_length=2_000)]


class SignInOptions(Model):
    """The ways in: who may register (REGISTRATION), and the provider that people may sign in with, if any."""

    registration: Literal["open", "code", "closed"]
    provider: str | None


class SignInAtProvider(Model):
    """`code`: asked for where REGISTRATION=code, of who has no account yet."""

    code: Annotated[str, Field(max_length=200)] | None = None


class ProviderAddress(Model):
    """The address to send the browser to; it has to keep the cookie that came along."""

    address: str


class SignInCode(Model):
    code: Annotated[str, Field(min_length=1, max_length=2_000)]


class PasswordChange(Model):
    """`password`: the present one."""

    password: Annotated[SecretStr, Field(max_length=256)]
    new_password: Password


class ApiKeyCreate(Model):
    name: Annotated[str, Field(pattern=r"\S", max_length=100)]


class ApiKey(Model):
    """A key for programs. It is shown once, when it is made."""

    id: str
    name: str
    created_at: datetime


class NewApiKey(ApiKey):
    key: str


# Resources


class Action(Model):
    """A function of the client's own that the model may call; the client carries it out."""

    name: ActionName
    description: Annotated[str, Field(max_length=2_000)] = ""
    parameters: ObjectSchema


class Session(Model):
    """A stored chat. `live_run_id` names the run that is answering right now."""

    id: str
    title: str | None
    model: str | None
    instructions: str | None
    user_id: int | None
    actions: list[Action]
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime
    live_run_id: str | None = None


class Error(Model):
    """The reason for which a run failed. `retry_after`: seconds, where the provider named them."""

    code: ErrorCode
    detail: str
    retry_after: int | None = None


class TokenUsage(Model):
    """Tokens over all steps of a run; `estimated` where the provider did not count them."""

    input_tokens: int
    output_tokens: int
    estimated: bool


class Timings(Model):
    """Milliseconds since the run was created."""

    first_delta_ms: int | None = None
    total_ms: int | None = None


class Grounding(Model):
    """The number of movies and figures that an answer names, and of those that nothing in the conversation supports."""

    mentions: int
    unsupported: int


class Run(Model):
    """Everything from one user message to the end of its answer.

    `continues` names the run whose actions were carried out, `retry_of` the run whose answer this one replaces, to the
    same message or to an edited one.
    """

    id: str
    session_id: str
    message_id: str = Field(description="The user message that is answered")
    status: RunStatus
    provider: str
    model: str
    steps: int = 0
    usage: TokenUsage | None = None
    timings: Timings = Timings()
    error: Error | None = None
    note: str | None = Field(default=None, description="What is odd about an answer that counts as whole")
    grounding: Grounding | None = Field(default=None, description="Null where nothing was checked")
    continues: str | None = None
    retry_of: str | None = None
    created_at: datetime
    finished_at: datetime | None = None


class ToolCall(Model):
    """A call as the model made it: `arguments` where they were valid, else `error`. `action`: for the client to do."""

    call_id: str
    name: str
    arguments: dict[str, JsonValue] | None = None
    error: str | None = None
    action: bool = False
    extra: dict[str, JsonValue] | None = Field(default=None, description="Opaque; the provider wants it back")


class Feedback(Model):
    rating: Literal["up", "down"]
    comment: Annotated[str, Field(max_length=2_000)] | None = None


class Mention(Model):
    """A movie that a message names, or a figure beside one. Offsets count Unicode code points.

    `supported`: a tool result of the conversation, or the person, brought it. A movie that the catalogue has not has no
    `movie_id`.
    """

    start: int
    end: int
    text: str
    kind: Literal["movie", "year", "rating", "count"] = "movie"
    movie_id: int | None = None
    title: str
    year: int | None = None
    confidence: float
    supported: bool


class Message(Model):
    """One role-tagged entry of a session.

    An assistant's entry has the run's `status`, once it ended, and perhaps `tool_calls`; each call is answered by an
    entry of role `tool` with its `call_id`. `alternative`: an earlier answer whose place a retry took, or an earlier
    wording of the question, with its answers.
    """

    id: str
    session_id: str
    run_id: str
    role: Literal["user", "assistant", "tool"]
    content: str = ""
    status: RunStatus = "completed"
    reasoning: str | None = None
    tool_calls: list[ToolCall] = []
    call_id: str | None = None
    name: str | None = None
    ok: bool | None = None
    result: JsonValue = None
    feedback: Feedback | None = None
    mentions: list[Mention] = Field(default=[], description="The movies it names, and the figures beside them")
    alternative: bool = False
    created_at: datetime


class FeedbackEntry(Model):
    """An answer with its `feedback`, and the message that it answers."""

    question: Message
    answer: Message


class Answer(Model):
    """A finished run with the messages that it added, the user's first."""

    run: Run
    messages: list[Message]


class Problem(Model):
    """An error response, RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: ErrorCode
    errors: list[FieldError] | None = None
    run_id: str | None = Field(default=None, description="With run_in_progress: the run to wait for")


class FieldError(Model):
    path: str
    message: str


# Requests


class SessionPatch(Model):
    """Changes to a session: what is left out stays; null clears."""

    title: Title | None = None
    model: ModelName | None = None
    instructions: Annotated[str, Field(max_length=20_000)] | None = None
    user_id: UserId | None = None
    metadata: Metadata | None = None


class JsonSchemaFormat(Model):
    name: ActionName
    json_schema: JsonSchema = Field(alias="schema")
    description: Annotated[str, Field(max_length=2_000)] | None = None
    strict: Annotated[bool, Field(strict=True)] | None = None


class ResponseFormat(Model):
    """Asks for an answer that is one JSON document, valid against the schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchemaFormat


class Sampling(Model):
    """The ways of a model's that a request asks for; what is left out is the settings' or the provider's.

    `tool_choice`: `required` and the name of an action leave the client's actions alone to the model, `none` the
    service's own tools.
    """

    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    max_output_tokens: int | None = None
    tool_choice: str = "auto"


class MessageCreate(Model):
    content: Annotated[str, Field(pattern=r"\S")]
    model: ModelName | None = None
    response_format: ResponseFormat | None = None


class SessionCreate(Model):
    title: Title | None = None
    model: ModelName | None = None
    instructions: Annotated[str, Field(max_length=20_000)] | None = None
    user_id: UserId | None = Field(default=None, description="The MovieLens user to personalise for")
    actions: Annotated[list[Action], Field(max_length=64)] = []
    metadata: Metadata = {}
    message: MessageCreate | None = Field(default=None, description="The first message: answered at once")


class MessageRetry(Model):
    """Changes for when the latest message is answered anew; what is left out stays."""

    content: Annotated[str, Field(pattern=r"\S")] | None = None
    model: ModelName | None = None


class ActionResult(Model):
    call_id: str
    output: Annotated[JsonValue, AfterValidator(check_document)]


class ActionResults(Model):
    results: Annotated[list[ActionResult], Field(min_length=1, max_length=128)]


# Events. `sequence` is given at the commit.


class RunCreated(Model):
    type: Literal["run.created"] = "run.created"
    sequence: int = 0
    run: Run
    message: Message


class TextDeltaEvent(Model):
    type: Literal["text.delta"] = "text.delta"
    sequence: int = 0
    message_id: str
    delta: str


class ReasoningDeltaEvent(Model):
    """An increment of what the model thinks aloud; to be shown apart from the answer."""

    type: Literal["reasoning.delta"] = "reasoning.delta"
    sequence: int = 0
    message_id: str
    delta: str


class ToolCallEvent(Model):
    """A tool call: validated `arguments`, or `error` where they were refused."""

    type: Literal["tool.call"] = "tool.call"
    sequence: int = 0
    message_id: str
    call_id: str
    name: str
    arguments: dict[str, JsonValue] | None = None
    error: str | None = None
    extra: dict[str, JsonValue] | None = None


class ToolResultEvent(Model):
    type: Literal["tool.result"] = "tool.result"
    sequence: int = 0
    message_id: str
    call_id: str
    name: str
    ok: bool
    result: JsonValue = None
    error: str | None = None


class ActionCallEvent(Model):
    """A call for the client to carry out; `arguments` match the action's schema."""

    type: Literal["action.call"] = "action.call"
    sequence: int = 0
    message_id: str
    call_id: str
    name: str
    arguments: dict[str, JsonValue]
    extra: dict[str, JsonValue] | None = None


class SessionUpdated(Model):
    type: Literal["session.updated"] = "session.updated"
    sequence: int = 0
    session: Session


class RunEnded(Model):
    """The last event of every run. `message`: the last entry of the answer, null where nothing was said."""

    type: Literal["run.completed", "run.cancelled", "run.failed", "run.interrupted", "run.requires_action"]
    sequence: int = 0
    run: Run
    message: Message | None
    error: Error | None = None


Event = Annotated[
    RunCreated
    | TextDeltaEvent
    | ReasoningDeltaEvent
    | ToolCallEvent
    | ToolResultEvent
    | ActionCallEvent
    | SessionUpdated
    | RunEnded,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


# The rest


class ModelList(Model):
    """Ids of the models on offer. `detail`: why the list is short, or that the provider does not list the default."""

    provider: str
    default: str
    data: list[str]
    detail: str | None = None


class Prompt(Model):
    name: str
    description: str
    template: str
    parameters: JsonValue = Field(description="JSON Schema of the values that the template takes")


class PromptAnswer(Model):
    """A rendered prompt and what `model` said to it; its most probable first token, where the provider tells."""

    prompt: str
    model: str
    text: str
    most_probable_token: str | None


class UpstreamAnswer(Model):
    """The last time that a model's endpoint was asked for an answer, by this process: nobody asks it for its health."""

    at: datetime
    status: Literal["ok", "failed"]
    code: ErrorCode | None = Field(description="Of the failure")
    detail: str | None = Field(description="The failure in words")
    latency_ms: int = Field(description="Until the first token, or until it failed")


class ProviderHealth(Model):
    name: str
    model: str
    base_url: str | None
    tools: Literal["full", "small"] = Field(description="The set of tools that the default model is offered")
    detail: str
    last_answer: UpstreamAnswer | None = Field(description="None before the first answer, and for the built-in guide")


class RecommenderHealth(Model):
    fitted: bool
    version: str
    detail: str


class Live(Model):
    """That the process answers."""

    status: Literal["ok"]


class Health(Model):
    """The state of the service, and the reasons where it is degraded."""

    status: Literal["ok", "degraded"]
    version: str
    live_runs: int
    provider: ProviderHealth
    catalogue: CatalogueInfo
    recommender: RecommenderHealth
    posters: bool = Field(description="Whether GET /movies/{movie_id}/poster has those of TMDB: the operator has a key")
    reasons: list[str]
