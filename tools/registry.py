"""The tools that a model may call, and the toolbox that runs them for one caller.

A tool has its name, description and JSON Schema from its function, and its caller from the service, not the model.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, get_type_hints

from loguru import logger
from pydantic import JsonValue, ValidationError

import json_schema
from errors import CatalogueError, MarqueeError, ToolError
from movies.library import Snapshot
from movies.models import Model
from providers.base import ToolSpec
from providers.conversation import tool_content
from schemas import Session
from storage.own_ratings import OwnRatings
from storage.records import Clock, utc_now
from telemetry.base import OFF, Metrics
from tools import figures, search, tastes
from tools.context import Context
from tools.describing import SMALL, brief, briefest, described
from tools.reading import read_arguments

MAX_RESULT_BYTES = 64_000  # of the text that the model reads
MAX_NAMED_ERRORS = 4

WRITERS = frozenset({"rate_movie"})  # after which the same call of another may give something else

Args = TypeVar("Args", bound=Model)
ToolFunction = Callable[[Context, Any], Awaitable[Model]]


@dataclass(frozen=True)
class Tool:
    """A function that the model may call, with the models of what it takes and gives."""

    name: str
    description: str
    args: type[Model]
    result: type[Model]
    function: ToolFunction

    @classmethod
    def of(cls, function: ToolFunction) -> Tool:
        """The tool that `async def name(ctx, args: Args) -> Result` is; its docstring describes it."""
        description = inspect.cleandoc(function.__doc__ or "").replace("\n", " ")
        types = get_type_hints(function)
        return cls(function.__name__, description, types["args"], types["return"], function)

    @cached_property
    def spec(self) -> ToolSpec:
        """The tool as a model is told of it."""
        return ToolSpec(self.name, self.description, brief(self.args, self.name, facts=True))

    @cached_property
    def spec_without_facts(self) -> ToolSpec:
        """The same of a catalogue that has neither running times nor people."""
        return ToolSpec(self.name, self.description, brief(self.args, self.name, facts=False))

    def described_spec(self, *, facts: bool) -> ToolSpec:
        """The tool as a model is told of it that knows the tools alone. `facts`: there are running times and people."""
        return ToolSpec(self.name, self.description, described(self.args, self.name, facts=facts))

    @property
    def writes(self) -> bool:
        """True where a call replaces or deletes something of the caller's; a second one like it changes no more."""
        return self.name in WRITERS

    @cached_property
    def small_spec(self) -> ToolSpec:
        """The tool as a model is told of it that has little room."""
        return ToolSpec(self.name, self.description.partition(". ")[0], briefest(self.args, self.name))

    def check(self, arguments: dict[str, JsonValue]) -> Model:
        """Validated args, read generously.

        Raises:
            ToolError: What is wrong with which argument.
        """
        return read_and_checked(self.args, arguments)


_FUNCTIONS: tuple[ToolFunction, ...] = (
    search.search_movies,
    search.get_movie,
    search.compare_movies,
    search.similar_movies,
    tastes.recommend,
    tastes.recommend_for_group,
    tastes.rate_movie,
    tastes.get_user_ratings,
    figures.query_catalogue,
    tastes.explain_recommendation,
    tastes.taste_profile,
    tastes.next_question,
)
TOOLS = {tool.name: tool for tool in map(Tool.of, _FUNCTIONS)}


def read_and_checked(args: type[Args], arguments: Mapping[str, JsonValue]) -> Args:
    """Arguments as a model means them, validated.

    Raises:
        ToolError: What is wrong with which argument.
    """
    try:
        return args.model_validate(read_arguments(args, arguments))
    except ValidationError as error:
        raise ToolError(_words(error, args)) from None


def find_tool(name: str) -> Tool:
    """The tool of a name.

    Raises:
        ToolError: There is none, and which ones there are.
    """
    if name not in TOOLS:
        raise ToolError(f"There is no tool {name[:64]!r}. There are: {', '.join(TOOLS)}.")
    return TOOLS[name]


def parse_arguments(text: str) -> dict[str, JsonValue]:
    """The JSON object that the arguments of a call are, be it encoded once more; no text at all is an empty one.

    Raises:
        ToolError: They are none.
    """
    try:
        given = json_schema.parse(text.strip() or "{}")
        if isinstance(given, str):
            given = json_schema.parse(given.strip() or "{}")
    except ValueError as error:
        raise ToolError(f"{error} Send one JSON object.") from None
    if not isinstance(given, dict):
        raise ToolError("The arguments must be one JSON object.")
    return given


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools bound to one caller and one state of the data, in a session or outside of any."""

    snapshot: Snapshot
    ratings: OwnRatings
    account_id: str
    session: Session | None = None
    clock: Clock = utc_now
    metrics: Metrics = OFF

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The tools as the model is told of them."""
        facts = self.snapshot.info.facts is not None
        return [tool.spec if facts else tool.spec_without_facts for tool in TOOLS.values()]

    @property
    def names(self) -> Sequence[ToolSpec]:
        """The tools by their names alone, for a provider that knows them: to describe them takes its time."""
        return [ToolSpec(name, "", {}) for name in TOOLS]

    @property
    def small_specs(self) -> Sequence[ToolSpec]:
        """The few tools that a model with little room is told of; it may call the others as well."""
        return [TOOLS[name].small_spec for name in SMALL]

    @property
    def context(self) -> Context:
        """The context of a call."""
        session_id, user_id = (self.session.id, self.session.user_id) if self.session else (None, None)
        caller = (self.account_id, session_id, user_id)
        return Context(self.snapshot, self.ratings, *caller, self.clock, self.metrics)

    async def run(self, name: str, args: Model) -> tuple[JsonValue, str]:
        """The result of a tool as JSON, and as the text that the model reads.

        Raises:
            ToolError: There is none, in words for the model.
        """
        try:
            await self.snapshot.ready()
            result = await TOOLS[name].function(self.context, args)
        except ToolError:
            raise
        except MarqueeError as error:
            raise ToolError(error.detail) from error
        except CatalogueError as error:
            logger.error("The tool {} could not read the catalogue: {}", name, error)
            raise ToolError("The movie data cannot be read right now. Say so, and go on without it.") from error
        except Exception as error:  # a defect in one tool must not end the conversation
            logger.exception("The tool {} failed", name)
            raise ToolError("The tool failed. Go on without it.") from error
        data: JsonValue = result.model_dump(mode="json")
        text = tool_content(data, None)
        if len(text.encode()) > MAX_RESULT_BYTES:
            raise ToolError("The result is too large. Ask for fewer.")
        return data, text


def _words(error: ValidationError, args: type[Model]) -> str:
    """`limit: Input should be less than or equal to 50.` for each wrong argument, and which ones there are."""
    found = [
        f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}."
        for item in error.errors(include_url=False, include_input=False)[:MAX_NAMED_ERRORS]
    ]
    return f"{' '.join(found)} The arguments are: {', '.join(args.model_fields)}."
