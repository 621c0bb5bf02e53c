"""JSON Schema 2020-12 as clients give it to us: what a schema may be, and what is wrong with a document by one.

The `jsonschema` library decides, with two limits: patterns run in linear time, and a schema is of a reasonable size.
Nothing is fetched for a `$ref`, and a document is never changed to fit. A schema of a stranger can still make a check
last for ever, so schema_checks.py runs this module as a process of its own: requests on standard input, answers on
standard output, and the kernel ends it when one takes more than its second.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, JsonValue, TypeAdapter
from pydantic import ValidationError as Malformed
from pydantic_core import SchemaError as BadPattern

if TYPE_CHECKING:  # the library takes its time to load, and who checks nothing does without
    from jsonschema import SchemaError, ValidationError

MAX_PROBLEMS = 5
MAX_PROBLEM_CHARS = 300
MAX_SCHEMA_VALUES = 5_000  # the check of a schema of this size takes about half a second
MAX_CHECK_SECONDS = 1.0  # of processor time, for all that one request has us check

_REFERENCES = ("$ref", "$dynamicRef")
_DOCUMENT: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


def check_schema(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The schema itself, if it is one, refers only to itself, and can be checked in reasonable time.

    Raises:
        ValueError: What is wrong with it.
    """
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415  see above

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
    """The problems of a document, in the validator's words; empty where it is valid."""
    from referencing import Registry  # noqa: PLC0415  see above
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    validator = _validator()(schema, registry=Registry(), format_checker=_validator().FORMAT_CHECKER)
    try:
        errors = sorted(validator.iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    except Unresolvable as error:
        return [f"The schema refers to {error.ref!r}, which it does not hold."]
    except RecursionError:
        return ["The schema refers to itself without end, or the document is nested too deeply."]
    except ArithmeticError:
        return ["A number in the document is too large to be checked."]
    return [f"At {_path(error)}: {error.message[:MAX_PROBLEM_CHARS].rstrip('.')}." for error in errors[:MAX_PROBLEMS]]


def first_bad(schemas: list[dict[str, JsonValue]]) -> tuple[int, str] | None:
    """The place of the first schema that cannot be used, and why."""
    for place, schema in enumerate(schemas):
        try:
            check_schema(schema)
        except ValueError as error:
            return place, str(error)
    return None


def text_problems(schema: dict[str, JsonValue], text: str) -> list[str]:
    """The same as `problems` for a document that is not parsed yet."""
    try:
        document = parse(text)
    except ValueError as error:
        return [str(error)]
    return problems(schema, document)


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
        elif isinstance(value, int):
            _check_number(value)


def _check_number(value: int) -> None:
    try:
        float(value)
    except OverflowError:
        raise ValueError(f"has a number of {len(str(value))} digits, which is too large to calculate with") from None


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


@lru_cache(maxsize=1_000)
def _matcher(pattern: str) -> TypeAdapter[str]:
    """The pattern for Rust's regex engine, which never backtracks (pydantic has it)."""
    try:
        return TypeAdapter(Annotated[str, Field(pattern=pattern)])
    except BadPattern:
        raise ValueError(f"has a pattern that cannot be matched in linear time: {pattern[:100]!r}") from None


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    """The keyword `pattern`, without backtracking."""
    from jsonschema import ValidationError  # noqa: PLC0415  see above

    if not validator.is_type(instance, "string"):
        return
    try:
        _matcher(pattern).validate_python(instance)
    except Malformed:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


@cache
def _validator() -> Any:
    """The library's validator with our keyword."""
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415  see above

    extend: Any = validators.extend  # has no annotations
    return extend(Draft202012Validator, {"pattern": _pattern})


# As a process of its own


def serve() -> None:
    """Answer requests until standard input ends: a line with the lengths of schema and document, then these.

    A length of -1 means that there is no document, and that the schemas of a list are to be checked themselves.
    """
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while header := requests.readline():
        schema_size, document_size = map(int, header.split())
        schema, document = requests.read(schema_size), requests.read(max(0, document_size))
        signal.setitimer(signal.ITIMER_PROF, MAX_CHECK_SECONDS)  # SIGPROF is not handled, so nothing outlives it
        given = json.loads(schema)
        answer = first_bad(given) if document_size < 0 else text_problems(given, document.decode())
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    serve()
