"""`/openapi.json` and `/docs`: FastAPI's document with our problems, events and tool results, and its page."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.staticfiles import StaticFiles

from api.authentication import is_open
from api.browsers import PAGE_GUARDS
from api.problems import PROBLEM_TYPE
from movies.models import Page
from schemas import Answer, Event, FeedbackEntry, Problem, ToolResultEvent
from tools.registry import TOOLS

REFERENCE = "#/components/schemas/{model}"
SERIALIZED: JsonSchemaMode = "serialization"
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Marquee: reference</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/favicon.png">
</head>
<body>
<div id="reference"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """\
SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#reference", deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""

# Of the routes that answer with a run
EVENTS = {  # a body is text, which generated clients hand over as such; the `data` of each of its events is an Event
    "schema": {"anyOf": [{"$ref": "#/components/schemas/Event"}, {"type": "string"}]}
}
BEARER = {
    "bearer": {
        "type": "oauth2",
        "description": "Where AUTH=on: a token of an account's, or an API key",
        "flows": {"password": {"tokenUrl": "/auth/token", "refreshUrl": "/auth/refresh", "scopes": {}}},
    }
}
ANSWER = {"schema": {"$ref": "#/components/schemas/Answer"}}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The run as Server-Sent Events; the `data` of each is an Event",
        "content": {"text/event-stream": EVENTS},
    },
    201: {
        "description": "The finished run, with `Accept: application/json`",
        "content": {"application/json": ANSWER},
    },
    204: {"description": "The `Last-Event-ID` is that of the run's last event"},
}
FOLLOWED: dict[int | str, dict[str, Any]] = {
    200: STREAM[200],
    204: {"description": "The cursor is that of the run's last event"},
}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        made["components"]["schemas"] |= _schemas()
        for name in ("HTTPValidationError", "ValidationError"):
            made["components"]["schemas"].pop(name, None)
        error = {
            "description": "What went wrong",
            "content": {PROBLEM_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}}},
        }
        made["components"]["securitySchemes"] = BEARER
        made["security"] = [{"bearer": []}]
        for path, operation in [
            (path, operation) for path, each in made["paths"].items() for operation in each.values()
        ]:
            if is_open(path):
                operation["security"] = []
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = error
            _leave_out_defaults(operation.get("requestBody"), made["components"]["schemas"])
        app.openapi_schema = made
    return app.openapi_schema


def _leave_out_defaults(part: Any, schemas: dict[str, Any]) -> None:
    """Say in words what may be left out: openapi-typescript takes a property with a default for a required one."""
    if isinstance(part, list):
        for item in part:
            _leave_out_defaults(item, schemas)
    if not isinstance(part, dict):
        return
    if isinstance(reference := part.get("$ref"), str):
        _leave_out_defaults(schemas[reference.rpartition("/")[2]], schemas)
    for schema in part.get("properties", {}).values():
        if (default := schema.pop("default", None)) not in (None, [], {}, ""):
            schema["description"] = f"{schema.get('description', '')} (default: {json.dumps(default)})".strip()
    for item in part.values():
        _leave_out_defaults(item, schemas)


@cache
def _schemas() -> dict[str, Any]:
    """The schemas that no route's return type names: problems, whole answers, events, tool results."""
    results = sorted({tool.result for tool in TOOLS.values()}, key=lambda model: model.__name__)
    models: list[type[BaseModel]] = [Problem, Answer, Page[FeedbackEntry], *results]
    _, made = models_json_schema([(model, SERIALIZED) for model in models], ref_template=REFERENCE)
    events = TypeAdapter(Event).json_schema(mode=SERIALIZED, ref_template=REFERENCE)
    found: dict[str, Any] = {**made["$defs"], **events.pop("$defs")}
    found["Event"] = {"title": "Event", "description": "The `data` of one event of a stream", **events}
    found["ToolResult"] = {
        "title": "ToolResult",
        "description": "What a tool gave; which of these, the event's `name` says",
        "anyOf": [{"$ref": REFERENCE.format(model=model.__name__)} for model in results],
    }
    result = found[ToolResultEvent.__name__]["properties"]["result"]
    result.clear()
    result["anyOf"] = [{"$ref": REFERENCE.format(model="ToolResult")}, {"type": "null"}]
    return found


def install_documents(app: FastAPI) -> None:
    """Serve the document, and the page that shows it, from this server alone: no CDN, no inline script."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE, headers=PAGE_GUARDS)

    @router.get("/docs/start.js")
    async def start() -> PlainTextResponse:
        return PlainTextResponse(START, media_type="text/javascript")

    app.include_router(router)
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))
