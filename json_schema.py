"""JSON Schema 2020-12 as clients give it to us: checked when it comes in, then used to check what a model wrote.

The `jsonschema` library decides, with three limits that keep a hostile schema from stopping the service: patterns run
in linear time, a check has a deadline, and a schema is of a reasonable size. Nothing is fetched for a `$ref`, and a
document is never changed to fit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Annotated, Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators
from pydantic import Field, JsonValue, TypeAdapter
from pydantic import ValidationError as Malformed
from pydantic_core import SchemaError as BadPattern
from referencing import Registry
from referencing.exceptions import Unresolvable

MAX_PROBLEMS = 5
MAX_PROBLEM_CHARS = 300
MAX_SCHEMA_VALUES = 5_000  # the check of a schema of this size takes about half a second
MAX_CHECK_SECONDS = 1.0

_REFERENCES = ("$ref", "$dynamicRef")
_NO_REGISTRY: Registry[Any] = Registry()
_DOCUMENT: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)

Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


def check_schema(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The schema itself, if it is one, refers only to itself, and can be checked in reasonable time.

    Raises:
        ValueError: What is wrong with it.
    """
    check_document(schema)
    _check_values(schema)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"not a JSON Schema (2020-12) at {_path(error)}: {error.message[:200]}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return schema


def check_document(value: JsonValue) -> JsonValue:
    """The value itself, if it has a form in JSON: no NaN, no half characters, which Python's parser lets through.

    Raises:
        ValueError: It has none.
    """
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("not a JSON document: it has NaN, Infinity, half a character, or is too deep") from None
    return value


def parse(text: str) -> JsonValue:
    """The JSON document that a text is.

    Raises:
        ValueError: Where it stops being JSON, in the parser's words.
    """
    try:
        return check_document(_DOCUMENT.validate_json(text))
    except Malformed as error:
        raise ValueError(f"It is not JSON: {error.errors()[0]['msg'].removeprefix('Invalid JSON: ')}.") from None


def problems(schema: dict[str, JsonValue], document: JsonValue) -> list[str]:
    """What is wrong with a document, in the validator's words; empty where it is valid."""
    validator = _VALIDATOR(schema, registry=_NO_REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER)
    token = _deadline.set(time.monotonic() + MAX_CHECK_SECONDS)
    try:
        errors = sorted(validator.iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    except Unresolvable as error:
        return [f"The schema refers to {error.ref!r}, which it does not hold."]
    except RecursionError:
        return ["The schema refers to itself without end, or the document is nested too deeply."]
    except TimeoutError:
        return ["The check against the schema took too long."]
    finally:
        _deadline.reset(token)
    return [f"At {_path(error)}: {error.message[:MAX_PROBLEM_CHARS]}" for error in errors[:MAX_PROBLEMS]]


def _path(error: ValidationError | SchemaError) -> str:
    return "/".join(map(str, error.absolute_path)) or "the top"


# What a schema may be


def _check_values(schema: JsonValue) -> None:
    """Raise where a schema is too large, leaves itself, or has a pattern that cannot be run in linear time."""
    for number, value in enumerate(_values(schema), start=1):
        if number > MAX_SCHEMA_VALUES:
            raise ValueError(f"larger than {MAX_SCHEMA_VALUES} values")
        if isinstance(value, dict):
            _check_keywords(value)


def _check_keywords(value: dict[str, JsonValue]) -> None:
    for name in _REFERENCES:
        reference = value.get(name)
        if isinstance(reference, str) and not reference.startswith("#"):
            raise ValueError(
                f"refers to {reference[:200]!r}; only references within the schema itself ('#…') are followed"
            )
    if value.get("patternProperties"):
        raise ValueError("has patternProperties, which is not supported; use propertyNames with a pattern")
    pattern = value.get("pattern")
    if isinstance(pattern, str):
        _matcher(pattern)


def _values(top: JsonValue) -> Iterator[JsonValue]:
    """A value and all that is in it."""
    todo = [top]
    while todo:
        value = todo.pop()
        yield value
        if isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list):
            todo += value


# How a document is checked

_deadline: ContextVar[float] = ContextVar("deadline")


@lru_cache(maxsize=1_000)
def _matcher(pattern: str) -> TypeAdapter[str]:
    """The pattern for Rust's regex engine, which never backtracks (pydantic has it)."""
    try:
        return TypeAdapter(Annotated[str, Field(pattern=pattern)])
    except BadPattern:
        raise ValueError(f"has a pattern that cannot be matched in linear time: {pattern[:100]!r}") from None


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    """The keyword `pattern`, without backtracking."""
    if not validator.is_type(instance, "string"):
        return
    try:
        _matcher(pattern).validate_python(instance)
    except Malformed:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _timed(keyword: Keyword) -> Keyword:
    """The keyword, unless the time is up."""

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError] | None:
        if time.monotonic() > _deadline.get():
            raise TimeoutError
        return keyword(validator, value, instance, schema)

    return check


_KEYWORDS: dict[str, Keyword] = {**Draft202012Validator.VALIDATORS, "pattern": _pattern}
_extend: Any = validators.extend  # has no annotations
_VALIDATOR: Any = _extend(Draft202012Validator, {name: _timed(keyword) for name, keyword in _KEYWORDS.items()})
