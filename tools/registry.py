"""How a model calls our functions: `@tool` makes one of a typed async function, a Desk hands them to a run.

Name, description and JSON Schema come from the function. Arguments are validated when they come in, results when they
go out; identity comes from the caller's context, never from the model.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, get_type_hints

from loguru import logger
from pydantic import JsonValue, ValidationError

import json_schema
from errors import CatalogueError, MarqueeError, ToolError
from movies.library import Library, Snapshot
from movies.models import Model
from providers.base import ToolSpec
from schemas import Session
from storage.own_ratings import OwnRatings
from storage.records import Clock, utc_now

MAX_RESULT_BYTES = 64_000
MAX_NAMED_ERRORS = 4


@dataclass(frozen=True, slots=True)
class Context:
    """What a tool may use and on whose behalf. `user_id`: the MovieLens user that the session is personalised for."""

    snapshot: Snapshot
    ratings: OwnRatings
    account_id: str
    session_id: str | None = None
    user_id: int | None = None
    clock: Clock = utc_now


ToolFunction = Callable[[Context, Any], Awaitable[Model]]
F = TypeVar("F", bound=ToolFunction)


@dataclass(frozen=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str
    args: type[Model]
    result: type[Model]
    function: ToolFunction

    @cached_property
    def spec(self) -> ToolSpec:
        """What the model is told of it."""
        return ToolSpec(self.name, self.description, _plain(self.args.model_json_schema()))

    def check(self, arguments: str) -> Model:
        """Validated args; what is null counts as left out, as many models write it.

        Raises:
            ToolError: What is wrong with which argument.
        """
        try:
            given = json_schema.parse(arguments)
        except ValueError as error:
            raise ToolError(f"{error} Send one JSON object.") from None
        if not isinstance(given, dict):
            raise ToolError("The arguments must be one JSON object.")
        try:
            return self.args.model_validate({name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            raise ToolError(_words(error, self.args)) from None


TOOLS: dict[str, Tool] = {}


def tool(function: F) -> F:
    """Register `async def name(ctx, args: Args) -> Result`, described by its docstring."""
    name = function.__name__
    description = inspect.cleandoc(function.__doc__ or "").replace("\n", " ")
    types = get_type_hints(function)
    TOOLS[name] = Tool(name, description, types["args"], types["return"], function)
    return function


class Desk:
    """Hands out toolboxes and says what the catalogue is."""

    def __init__(self, library: Library, ratings: OwnRatings, tools: dict[str, Tool], clock: Clock = utc_now) -> None:
        self._library = library
        self._ratings = ratings
        self._tools = tools
        self._clock = clock

    def toolbox(self, account_id: str, session: Session) -> BoundTools:
        """The tools for one caller in one session."""
        return BoundTools(self._tools, self._library, self._ratings, account_id, session, self._clock)

    async def about(self) -> str:
        """The catalogue in a few words, for the system prompt."""
        async with self._library.use() as snapshot:
            info = snapshot.info
        newest = f", the newest from {info.newest_rating:%B %Y}" if info.newest_rating else ""
        return f"{info.name}: {info.movies:,} movies and {info.ratings:,} ratings by {info.users:,} people{newest}"


class BoundTools:
    """The tools of one run; see llm.Toolbox."""

    def __init__(
        self,
        tools: dict[str, Tool],
        library: Library,
        ratings: OwnRatings,
        account_id: str,
        session: Session,
        clock: Clock,
    ) -> None:
        self._tools = tools
        self._library = library
        self._ratings = ratings
        self._account_id = account_id
        self._session = session
        self._clock = clock
        self.specs: Sequence[ToolSpec] = [tool.spec for tool in tools.values()]

    def check(self, name: str, arguments: str) -> Model:
        """Validated args of a call, or ToolError."""
        if name not in self._tools:
            raise ToolError(f"There is no tool {name[:64]!r}. There are: {', '.join(self._tools)}.")
        return self._tools[name].check(arguments)

    async def run(self, name: str, args: Model) -> JsonValue:
        """The result as JSON, or ToolError. Each call sees the catalogue as it is now."""
        async with self._library.use() as snapshot:
            context = Context(
                snapshot, self._ratings, self._account_id, self._session.id, self._session.user_id, self._clock
            )
            try:
                result = await self._tools[name].function(context, args)
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
        if len(json.dumps(data, ensure_ascii=False).encode()) > MAX_RESULT_BYTES:
            raise ToolError("The result is too large. Ask for fewer.")
        return data


def _words(error: ValidationError, args: type[Model]) -> str:
    """`limit: Input should be less than or equal to 50.` for each wrong argument, and which ones there are."""
    found = [
        f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}."
        for item in error.errors(include_url=False, include_input=False)[:MAX_NAMED_ERRORS]
    ]
    return f"{' '.join(found)} The arguments are: {', '.join(args.model_fields)}."


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without pydantic's titles, which tell a model nothing: `{"title": "Limit", …}` → `{…}`."""
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key in ("properties", "$defs"):
            plain[key] = {name: _plain(item) for name, item in value.items()}
        elif isinstance(value, dict):
            plain[key] = _plain(value)
        elif isinstance(value, list):
            plain[key] = [_plain(item) if isinstance(item, dict) else item for item in value]
        else:
            plain[key] = value
    return plain
