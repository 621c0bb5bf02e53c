"""The service as an MCP server, whatever carries it: its tools, prompt templates as prompts, movies as resources.

https://modelcontextprotocol.io/specification/2026-07-28, and the versions before it, which the SDK tells apart.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from loguru import logger
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    PromptReference,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from api.filling import FILLING
from errors import CatalogueError, Invalid, MarqueeError, NotFound, ToolError
from movies.models import Count, Filters, Movie
from providers.prompts import ABROAD, TEMPLATES, Template
from service import Marquee
from settings import VERSION
from tools.registry import TOOLS, Toolbox, find_tool, read_and_checked

Whose = Callable[[], Awaitable[str]]  # the account of whoever asks
Context = ServerRequestContext[dict[str, Any], Any]

APP = "ui://marquee/movies.html"
DRAWN = frozenset(  # tools whose results the app draws
    {
        "search_movies", "get_movie", "compare_movies", "similar_movies", "recommend", "recommend_for_group",
        "get_user_ratings", "next_question",
    }
)  # fmt: skip
MOVIE = "marquee://movies/{movie_id}"
MOVIE_URI = re.compile(r"marquee://movies/(\d{1,10})", re.ASCII)
COMPLETED = 20  # values
LISTED = 50  # movies, the most rated first; the template reaches all
JSON = "application/json"
RESOURCE_NOT_FOUND = -32002  # until 2025-11-25
SAME_FOR_ALL = CacheHint(ttl_ms=300_000, scope="public")


def make_server(service: Marquee, whose: Whose) -> Server[dict[str, Any]]:
    """The server over the running service.

    Args:
        service: where everything is.
        whose: finds the account that a request acts for.
    """
    offers, info = _Offers(service, whose), service.library.info
    server = Server(
        "marquee",
        version=VERSION,
        title="Marquee",
        description="Movies that suit a person, and why.",
        instructions=ABROAD.format(noun=info.noun, plural=info.plural),
        cache_hints={
            "tools/list": SAME_FOR_ALL,
            "prompts/list": SAME_FOR_ALL,
            "resources/list": SAME_FOR_ALL,
            "resources/templates/list": SAME_FOR_ALL,
            "resources/read": SAME_FOR_ALL,
        },
        get_tool_input_schema=offers.input_schema,
        on_list_tools=offers.list_tools,
        on_call_tool=offers.call_tool,
        on_list_prompts=offers.list_prompts,
        on_get_prompt=offers.get_prompt,
        on_list_resources=offers.list_resources,
        on_list_resource_templates=offers.list_templates,
        on_read_resource=offers.read_resource,
        on_completion=offers.complete,
    )
    server.extensions[EXTENSION_ID] = {}
    server.middleware.append(_in_words)
    return server


class _Offers:
    """All that the server offers. Parameters are valid by the protocol when they come here."""

    def __init__(self, service: Marquee, whose: Whose) -> None:
        self._service, self._whose = service, whose

    async def list_tools(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        """Every tool of the registry."""
        return ListToolsResult(tools=[_tool(name, facts=self._facts) for name in TOOLS])

    def input_schema(self, name: str) -> Mapping[str, Any] | None:
        """The schema of a tool's arguments, by which the SDK checks headers that repeat some of them."""
        return _tool(name, facts=self._facts).input_schema if name in TOOLS else None

    async def call_tool(self, _: Context, params: CallToolRequestParams) -> CallToolResult:
        """The result of a tool, or in words what was wrong with the call, for a model to mend it."""
        tool = find_tool(params.name)
        async with self._toolbox() as toolbox:
            try:
                data, text = await toolbox.run(tool.name, tool.check(params.arguments or {}))
            except ToolError as error:
                return CallToolResult(content=[TextContent(text=str(error))], is_error=True)
        return CallToolResult(content=[TextContent(text=text)], structured_content=data)

    async def list_prompts(self, _: Context, __: PaginatedRequestParams | None) -> ListPromptsResult:
        """Every prompt template."""
        return ListPromptsResult(prompts=list(map(_prompt, TEMPLATES.values())))

    async def get_prompt(self, _: Context, params: GetPromptRequestParams) -> GetPromptResult:
        """A template filled in from the data."""
        template = _template(params.name)
        args = read_and_checked(template.args, dict(params.arguments or {}))
        async with self._toolbox() as toolbox:
            filled = await FILLING[template.name](toolbox.context, args)
        message = PromptMessage(role="user", content=TextContent(text=filled.text))
        return GetPromptResult(description=template.description, messages=[message])

    async def list_resources(self, _: Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
        """The app, and the most rated movies."""
        async with self._service.library.use() as snapshot:
            popular = await snapshot.catalogue.popular(Filters(), limit=LISTED)
        return ListResourcesResult(resources=[_APP, *(_resource(movie) for movie, *_ in popular)])

    async def list_templates(self, _: Context, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        """The one template, which reaches every movie."""
        told = {"title": "A movie", "description": "All that the catalogue knows of a movie", "mime_type": JSON}
        template = ResourceTemplate(uri_template=MOVIE, name="movie", **told)
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(self, ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """A movie as JSON, or the app."""
        uri = params.uri
        if uri == APP:
            return _read(uri, APP_MIME_TYPE, _html())
        found = MOVIE_URI.fullmatch(uri)
        async with self._service.library.use() as snapshot:
            movie = await snapshot.catalogue.movie(int(found[1])) if found else None
        if movie is None:
            code = INVALID_PARAMS if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS else RESOURCE_NOT_FOUND
            why = "There is no such movie." if found else f"The resources here are {APP} and {MOVIE}."
            raise MCPError(code, why, {"uri": uri})
        return _read(uri, JSON, movie.model_dump_json())

    async def complete(self, _: Context, params: CompleteRequestParams) -> CompleteResult:
        """The genres or tags that begin like an argument of a prompt, the most frequent first."""
        if isinstance(params.ref, PromptReference):
            _template(params.ref.name)
        name, begun = params.argument.name, params.argument.value
        async with self._service.library.use() as snapshot:
            found: list[Count] = []
            if name == "genre":
                found = await snapshot.catalogue.genres()
            elif name == "tag":
                found = await snapshot.catalogue.tags(begun, limit=1_000)
        fitting = [one.name for one in found if one.name.casefold().startswith(begun.casefold())]
        return CompleteResult(completion=Completion(values=fitting[:COMPLETED], has_more=len(fitting) > COMPLETED))

    @property
    def _facts(self) -> bool:
        return self._service.library.info.facts is not None

    @asynccontextmanager
    async def _toolbox(self) -> AsyncIterator[Toolbox]:
        """The tools, acting for whoever asks."""
        service, account_id = self._service, await self._whose()
        async with service.library.use() as snapshot:
            yield Toolbox(snapshot, service.ratings, account_id, clock=service.clock, metrics=service.metrics)


async def _in_words(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Errors of ours as errors of the protocol; a defect says no more than that it is one."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except ToolError as error:
        raise MCPError(INVALID_PARAMS, str(error)) from error
    except MarqueeError as error:
        code = INVALID_PARAMS if isinstance(error, NotFound | Invalid) else INTERNAL_ERROR
        raise MCPError(code, error.detail) from error
    except CatalogueError as error:
        logger.error("The catalogue failed: {}", error)
        raise MCPError(INTERNAL_ERROR, "The movie data cannot be read right now.") from error
    except Exception as error:
        logger.exception("{} failed", ctx.method)
        raise MCPError(INTERNAL_ERROR, "The error was logged; try again later.") from error


@cache
def _tool(name: str, *, facts: bool) -> Tool:
    tool = TOOLS[name]
    hints = {"read_only": not tool.writes, "destructive": tool.writes, "idempotent": True, "open_world": False}
    return Tool(
        name=name,
        title=_title(name),
        description=tool.description,
        input_schema=dict(tool.described_spec(facts=facts).parameters),
        output_schema=tool.result.model_json_schema(mode="serialization"),
        annotations=ToolAnnotations(**{f"{hint}_hint": value for hint, value in hints.items()}),
        _meta={"ui": {"resourceUri": APP}} if name in DRAWN else None,
    )


def _template(name: str) -> Template:
    if name not in TEMPLATES:
        raise ToolError(f"There is no prompt {name[:64]!r}. There are: {', '.join(TEMPLATES)}.")
    return TEMPLATES[name]


def _prompt(template: Template) -> Prompt:
    known, fields = template.args.model_json_schema()["properties"], template.args.model_fields
    arguments = [
        PromptArgument(name=name, description=known[name].get("description"), required=field.is_required())
        for name, field in fields.items()
    ]
    return Prompt(
        name=template.name, title=_title(template.name), description=template.description, arguments=arguments
    )


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _resource(movie: Movie) -> Resource:
    uri = MOVIE.replace("{movie_id}", str(movie.movie_id))
    return Resource(uri=uri, name=f"movie-{movie.movie_id}", title=movie.called, mime_type=JSON)


_APP = Resource(
    uri=APP, name="movie-cards", title="Movie cards", mime_type=APP_MIME_TYPE,
    description="Draws the movies of a tool's result",
)  # fmt: skip


def _read(uri: str, mime_type: str, text: str) -> ReadResourceResult:
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=mime_type, text=text)])


def _html() -> str:
    return (Path(__file__).parent / "mcp_app.html").read_text(encoding="utf-8")
