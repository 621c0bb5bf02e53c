"""JSON Schema 2020-12 as clients give it to us: checked when it comes in, then used to check what a model wrote.

The `jsonschema` library decides; nothing is fetched for a `$ref`, and a document is never changed to fit.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from pydantic import JsonValue, TypeAdapter, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

MAX_PROBLEMS = 5
MAX_PROBLEM_CHARS = 300

_REFERENCES = ("$ref", "$dynamicRef")
_DOCUMENT: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
_NO_REGISTRY: Registry[Any] = Registry()


def check_schema(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The schema itself, if it is one and refers only to itself.

    Raises:
        ValueError: Where it is not a JSON Schema, and why.
    """
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"not a JSON Schema (2020-12) at {_path(error)}: {error.message[:200]}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if foreign := _foreign_reference(schema):
        raise ValueError(f"refers to {foreign[:200]!r}; only references within the schema itself ('#…') are followed")
    return schema


def parse(text: str) -> JsonValue:
    """The JSON document that a text is.

    Raises:
        ValueError: Where it stops being JSON, in the parser's words.
    """
    try:
        return _DOCUMENT.validate_json(text)
    except ValidationError as error:
        raise ValueError(f"It is not JSON: {error.errors()[0]['msg'].removeprefix('Invalid JSON: ')}.") from None


def problems(schema: dict[str, JsonValue], document: JsonValue) -> list[str]:
    """What is wrong with a document, in the validator's words; empty where it is valid."""
    validator = Draft202012Validator(schema, registry=_NO_REGISTRY)
    try:
        errors = sorted(validator.iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    except Unresolvable as error:
        return [f"The schema refers to {error.ref!r}, which it does not hold."]
    except RecursionError:
        return ["The schema refers to itself without end, or the document is nested too deeply."]
    return [f"At {_path(error)}: {error.message[:MAX_PROBLEM_CHARS]}" for error in errors[:MAX_PROBLEMS]]


def _path(error: Any) -> str:
    return "/".join(map(str, error.absolute_path)) or "the top"


def _foreign_reference(schema: JsonValue) -> str | None:
    """The first reference that leaves the schema, if any."""
    todo: list[JsonValue] = [schema]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            for name in _REFERENCES:
                reference = value.get(name)
                if isinstance(reference, str) and not reference.startswith("#"):
                    return reference
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    return None
