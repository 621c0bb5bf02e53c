"""Arguments as models write them, brought to the form that is asked for. Validation comes after, as strict as ever.

A scalar where a list is wanted, numbers and booleans as text, JSON within a text, an empty value for an argument that
is left out, other words for one of a few choices: read. What cannot be read stays as it is, and is refused in words.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from pydantic import JsonValue

import json_schema
from movies.models import Model

NOTHING: tuple[JsonValue, ...] = (None, "", [], {})
NO_WORDS = frozenset({"", "null", "none", "undefined", "n/a"})
ANY = NO_WORDS | {"any", "all", "default"}  # of a choice, or a name in a list
WRAPPERS = ("arguments", "parameters", "args", "input")
OTHER_NAMES = {  # of arguments; singular and plural are tried as well
    "title": "movie",
    "movie_id": "movie",
    "movie_title": "movie",
    "titles": "movies",
    "movie_ids": "movies",
    "rating": "stars",
    "user": "user_id",
}
OTHER_WORDS = {  # of the choices of any argument
    "best": ("rating", "highest"),
    "top": ("rating", "highest"),
    "top_rated": ("rating", "highest"),
    "best_rated": ("rating", "highest"),
    "highest_rated": ("rating", "highest"),
    "mean": ("rating",),
    "score": ("rating",),
    "popular": ("popularity",),
    "most_popular": ("popularity",),
    "most_rated": ("popularity", "count"),
    "rating_count": ("popularity", "count"),
    "ratings": ("count",),
    "lowest": ("worst", "asc"),
    "lowest_rated": ("worst", "lowest"),
    "year": ("newest",),
    "recent": ("newest",),
    "latest": ("newest",),
    "date": ("newest",),
    "earliest": ("oldest",),
    "ascending": ("asc",),
    "descending": ("desc",),
    "highest": ("desc",),
    "worst": ("lowest",),
    "average": ("mean",),
    "avg": ("mean",),
    "number": ("count",),
    "total": ("count",),
    "minimum": ("min",),
    "maximum": ("max",),
    "distribution": ("histogram",),
    "movie": ("movies",),
    "rating": ("ratings", "mean", "stars"),
    "genres": ("genre",),
    "tags": ("tag",),
    "users": ("user",),
    "years": ("year",),
    "decades": ("decade",),
    "months": ("month",),
    "release_year": ("year",),
    "title": ("name",),
}

_PART_OF_DATE = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2]))?")
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")

Schema = Mapping[str, Any]


def read_arguments(args: type[Model], given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The arguments that a model means, for `args` to validate."""
    schema = _schema(args)
    return _object(_unwrapped(given, schema), schema, schema.get("$defs", {}))


@cache
def _schema(args: type[Model]) -> Schema:
    return args.model_json_schema()


def _unwrapped(given: Mapping[str, JsonValue], schema: Schema) -> Mapping[str, JsonValue]:
    """The arguments themselves, where a model puts them into one more object: `{"arguments": {…}}`."""
    if len(given) == 1:
        [(name, inner)] = given.items()
        if name in WRAPPERS and name not in schema["properties"] and isinstance(inner := _parsed(inner, dict), dict):
            return inner
    return given


def _object(given: Mapping[str, JsonValue], schema: Schema, defs: Schema) -> dict[str, JsonValue]:
    """Each argument under its name, read; what is empty is left out unless it must be there."""
    known, required = schema["properties"], schema.get("required", ())
    read: dict[str, JsonValue] = {}
    for name, value in _named(given, known).items():
        if name not in known:
            if value not in NOTHING:
                read[name] = value
            continue
        kinds = _kinds(known[name], defs)
        meant = _value(value, kinds, defs)
        if name in required or not (_left_out(meant, kinds) or _is_stray_zero(value, kinds)):
            read[name] = _whole_date(meant, name)
    return read


def _named(given: Mapping[str, JsonValue], known: Schema) -> dict[str, JsonValue]:
    """Arguments under the names that they have; another name counts only where the right one is not there."""
    named = {name: value for name, value in given.items() if name in known}
    for name, value in given.items():
        if name in known:
            continue
        if name == "year" and "year_from" in known:
            named = {"year_from": value, "year_to": value} | named
            continue
        meant = OTHER_NAMES.get(name, name)
        fitting = [other for other in (meant, f"{meant}s", meant.removesuffix("s")) if other in known]
        named.setdefault(fitting[0] if fitting else name, value)
    return named


def _kinds(schema: Schema, defs: Schema) -> list[Schema]:
    """The forms that a value may have: `int | None` is one, `int | str` are two."""
    if "$ref" in schema:
        return _kinds(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        return [kind for part in schema["anyOf"] for kind in _kinds(part, defs) if kind.get("type") != "null"]
    return [schema]


def _value(value: JsonValue, kinds: list[Schema], defs: Schema) -> JsonValue:
    """A value brought to the first of the forms that it can have."""
    types = {kind.get("type") for kind in kinds}
    if "array" in types:
        [kind] = [kind for kind in kinds if kind.get("type") == "array"]
        return _list(value, _kinds(kind["items"], defs), defs)
    if isinstance(value, list) and len(value) == 1:
        return _value(value[0], kinds, defs)
    if "object" in types:
        return _member(value, kinds[0], defs)
    if len(kinds) > 1 or isinstance(value, bool | dict | list) or value is None:
        return value
    return _scalar(str(value).strip(), kinds[0]) if isinstance(value, str) or types == {"string"} else value


def _list(value: JsonValue, kinds: list[Schema], defs: Schema) -> JsonValue:
    """A list of a list, a text of JSON, names with commas between them, or one thing alone."""
    value = _parsed(value, list)
    if isinstance(value, str) and len(kinds) == 1 and kinds[0].get("type") == "string":
        names = re.split(r"[,;|]", value)
        value = [] if all(name.strip().lower() in ANY for name in names) else [*names]
    if value in NOTHING or (isinstance(value, str) and value.strip().lower() in NO_WORDS):
        return []
    items = [_value(item, kinds, defs) for item in (value if isinstance(value, list) else [value])]
    return [item for item in items if item not in (None, "", " ")]


def _member(value: JsonValue, schema: Schema, defs: Schema) -> JsonValue:
    """An object, or the number of a user that stands for one."""
    value = _parsed(value, dict)
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, int) and not isinstance(value, bool) and "user_id" in schema["properties"]:
        return {"user_id": value}
    return _object(value, schema, defs) if isinstance(value, dict) else value


def _scalar(text: str, schema: Schema) -> JsonValue:
    """A number, a boolean or a choice that is written as text."""
    if "enum" in schema:
        return _choice(text, schema["enum"])
    if schema.get("type") in ("integer", "number"):
        return _number(text)
    if schema.get("type") == "boolean":
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower(), text)
    return text


def _choice(text: str, choices: list[str]) -> str:
    """The choice that is meant: `Most popular` is `popularity`."""
    word = re.sub(r"[\s-]+", "_", text.lower())
    return next((choice for choice in (word, *OTHER_WORDS.get(word, ())) if choice in choices), text)


def _number(text: str) -> JsonValue:
    """`"1,000"` → 1000, `"4.0"` → 4; a text that is none stays."""
    bare = text.strip().replace(",", "") if re.fullmatch(r"\s*\d{1,3}(,\d{3})+\s*", text) else text.strip()
    if not _NUMBER.fullmatch(bare):
        return text
    number = float(bare)
    return int(number) if number.is_integer() else number


def _left_out(value: JsonValue, kinds: list[Schema]) -> bool:
    """True for what stands for nothing: empty, a word for it, or 0 where 0 is out of bounds."""
    choices = [choice for kind in kinds for choice in kind.get("enum", ())]
    nothing = ANY - {*choices} if choices else NO_WORDS
    if value in NOTHING or (isinstance(value, str) and value.strip().lower() in nothing):
        return True
    return value == 0 and not isinstance(value, bool) and all(kind.get("minimum", 0) > 0 for kind in kinds)


def _is_stray_zero(value: JsonValue, kinds: list[Schema]) -> bool:
    """True for the number 0 where no number is wanted: small models fill everything with it."""
    numbers = {"integer", "number", "boolean"}
    return value == 0 and isinstance(value, int | float) and numbers.isdisjoint(kind.get("type") for kind in kinds)


def _whole_date(value: JsonValue, name: str) -> JsonValue:
    """A year or a month as its first or last day.

    >>> _whole_date("2016", "since"), _whole_date("2016-02", "until")
    ('2016-01-01', '2016-02-29')
    """
    part = _PART_OF_DATE.fullmatch(str(value))
    if name not in ("since", "until") or part is None or not int(part[1]):
        return value
    month = int(part[2] or (1 if name == "since" else 12))
    day = 1 if name == "since" else monthrange(int(part[1]), month)[1]
    return f"{part[1]}-{month:02}-{day:02}"


def _parsed(value: JsonValue, kind: type) -> JsonValue:
    """A text of JSON as what it holds, where that is of a kind; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        with suppress(ValueError):
            found = json_schema.parse(value)
            return found if isinstance(found, kind) else value
    return value
