"""The tools as a model is told of them: schemas short enough for a small context.

Bounds, patterns and defaults are left to the validation, which names them where they are broken; what many tools take
alike is described once, in the system prompt (`providers.prompts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from movies.models import Model
from tools.args import Listing

SHARED = frozenset({*Listing.model_fields, "movie", "movies", "user_id", "members"})  # told of in the system prompt
KEPT = ("type", "enum")
BY_TITLE = frozenset({"exclude", "liked", "disliked"})  # an id is read there as well
HIDDEN = {  # what few ask of a tool is left out of its schema, and read all the same
    "similar_movies": {"max_ratings", "min_mean", "max_mean"},
    "recommend": {"max_ratings", "min_mean", "max_mean"},
    "recommend_for_group": {
        "max_ratings", "min_mean", "max_mean", "tags", "exclude_tags", "novelty", "runtime_from", "people",
    },
    "get_user_ratings": {
        "exclude_genres", "exclude_tags", "min_ratings", "max_ratings", "min_mean", "max_mean", "runtime_from",
        "runtime_to",
    },
}  # fmt: skip
OF_FACTS = frozenset({"runtime_from", "runtime_to", "people"})  # told where the catalogue has what they ask for
OF_SESSIONS = frozenset({"exclude_shown"})

# Of a tool in the small set, the arguments that a small model is told of; it may use the others as well
SMALL = {
    "search_movies": ("query", "genres", "tags", "year_from", "year_to", "sort", "limit"),
    "get_movie": ("movie",),
    "similar_movies": ("movies", "genres", "exclude_genres", "year_from", "year_to", "limit"),
    "recommend": ("liked", "disliked", "text", "genres", "exclude_genres", "user_id", "limit"),
    "rate_movie": ("movie", "stars"),
    "query_catalogue": ("of", "measure", "by", "genres", "year_from", "year_to", "min_ratings", "user_id"),
}


def brief(args: type[Model], tool: str, *, facts: bool) -> dict[str, Any]:
    """The schema of a tool's args without what the system prompt or the validation says.

    `facts`: there are running times and people.
    """
    schema, hidden = args.model_json_schema(), {*HIDDEN.get(tool, ()), *(() if facts else OF_FACTS)}
    shown = [name for name in schema["properties"] if name not in hidden]
    shown.sort(key=Listing.model_fields.__contains__)  # its own before those of every list
    return _object(schema, schema.get("$defs", {}), shown, by_title=BY_TITLE)


def described(args: type[Model], tool: str, *, facts: bool) -> dict[str, Any]:
    """The brief schema with every description, for a model that has no system prompt of ours and no session."""
    whole, told = args.model_json_schema()["properties"], brief(args, tool, facts=facts)
    told["properties"] = {
        name: value | {key: whole[name][key] for key in ("description",) if key in whole[name]}
        for name, value in told["properties"].items()
        if name not in OF_SESSIONS
    }
    return told


def briefest(args: type[Model], tool: str) -> dict[str, Any]:
    """The schema of the most needed args of a tool in the small set; movies are named by title alone."""
    schema = args.model_json_schema()
    return _object(schema, schema.get("$defs", {}), SMALL[tool], by_title={"movie", "movies", *BY_TITLE})


def _object(
    schema: dict[str, Any], defs: dict[str, Any], names: Sequence[str], *, by_title: AbstractSet[str]
) -> dict[str, Any]:
    properties = {name: _value(schema["properties"][name], defs, by_title=name in by_title) for name in names}
    for name, found in properties.items():
        if name not in SHARED and (description := schema["properties"][name].get("description")):
            found["description"] = description
    required = [name for name in schema.get("required", ()) if name in properties]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _value(schema: dict[str, Any], defs: dict[str, Any], *, by_title: bool) -> dict[str, Any]:
    """A part of a schema without references, null and bounds.

    >>> _value({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, {}, by_title=False)
    {'type': 'integer'}
    """
    if "$ref" in schema:
        return _value(defs[schema["$ref"].rpartition("/")[2]], defs, by_title=by_title)
    if "properties" in schema:
        return _object(schema, defs, list(schema["properties"]), by_title=BY_TITLE)
    kinds = [_value(kind, defs, by_title=by_title) for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    if kinds:
        return kinds[-1] if by_title or len(kinds) == 1 else {"anyOf": kinds}
    found = {name: schema[name] for name in KEPT if name in schema}
    return found | ({"items": _value(schema["items"], defs, by_title=by_title)} if "items" in schema else {})
