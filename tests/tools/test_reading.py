from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import ToolError
from tools.registry import TOOLS, find_tool, parse_arguments

GIVEN = [  # a tool, what models write, and the arguments that this means
    ("search_movies", {"genres": "Comedy"}, {"genres": ["Comedy"]}),
    ("search_movies", {"genre": "Comedy, Horror"}, {"genres": ["Comedy", "Horror"]}),
    ("search_movies", {"genres": '["Comedy"]', "limit": "3"}, {"genres": ["Comedy"], "limit": 3}),
    ("search_movies", {"year": "1994"}, {"year_from": 1994, "year_to": 1994}),
    ("search_movies", {"year_from": 0, "year_to": "0", "window_days": 0, "max_ratings": 0, "limit": 0}, {}),
    ("search_movies", {"query": "", "genres": [], "tags": None, "sort": "", "exclude": "null"}, {}),
    ("search_movies", {"query": 1984, "sort": "Most popular"}, {"query": "1984", "sort": "popularity"}),
    ("search_movies", {"sort": "best", "exclude_shown": "true"}, {"sort": "rating", "exclude_shown": True}),
    ("search_movies", {"min_ratings": "1,000", "min_mean": "3.5"}, {"min_ratings": 1000, "min_mean": 3.5}),
    ("search_movies", {"genres": "any", "query": "Heat"}, {"query": "Heat"}),
    ("search_movies", {"query": "Heat", "colour": ""}, {"query": "Heat"}),
    ("get_movie", {"title": "Heat"}, {"movie": "Heat"}),
    ("get_movie", {"movie": ["Heat"]}, {"movie": "Heat"}),
    ("get_movie", {"arguments": {"movie": "Heat"}}, {"movie": "Heat"}),
    ("get_movie", {"parameters": '{"movie": "Heat"}'}, {"movie": "Heat"}),
    ("get_movie", {"movie": "Heat", "windows": "30d, all"}, {"movie": "Heat", "windows": ["30d", "all"]}),
    ("similar_movies", {"movie": "The Good, the Bad"}, {"movies": ["The Good, the Bad"]}),
    ("similar_movies", {"movies": "[REC]"}, {"movies": ["[REC]"]}),
    ("similar_movies", {"movies": 6}, {"movies": [6]}),
    ("recommend", {"user": "7", "liked": {}, "text": "none"}, {"user_id": 7}),
    ("recommend_for_group", {"members": '[{"user_id": "7"}, {}]'}, {"members": [{"user_id": 7}, {}]}),
    ("recommend_for_group", {"members": [7, "9"]}, {"members": [{"user_id": 7}, {"user_id": 9}]}),
    ("rate_movie", {"movie": "Heat", "rating": "4.5", "remove": "false"}, {"movie": "Heat", "stars": 4.5}),
    ("get_user_ratings", {"order": "best", "since": "2016"}, {"order": "highest", "since": "2016-01-01"}),
    ("query_catalogue", {"since": 2016, "until": "2016-02"}, {"since": "2016-01-01", "until": "2016-02-29"}),
    ("query_catalogue", {"of": "rating", "measure": "Average"}, {"of": "ratings", "measure": "mean"}),
    ("query_catalogue", {"by": "genres", "order": "ascending"}, {"by": "genre", "order": "asc"}),
    ("query_catalogue", {"by": "none", "at_least": "0"}, {}),
]


def read(name: str, arguments: dict[str, Any]) -> Any:
    """The arguments as the tool gets them, whatever was left out."""
    return find_tool(name).check(arguments).model_dump()


@pytest.mark.parametrize(("name", "written", "meant"), GIVEN)
def test_what_models_write_is_read(name: str, written: dict[str, Any], meant: dict[str, Any]) -> None:
    assert read(name, written) == read(name, meant)


@pytest.mark.parametrize(
    ("name", "written", "says"),
    [
        ("search_movies", {"limit": 51}, "limit: Input should be less than or equal to 50"),
        ("search_movies", {"year_from": "soon"}, "year_from: Input should be a number"),
        ("search_movies", {"min_ratings": True}, "min_ratings: Input should be a number"),
        ("search_movies", {"sort": "loudest"}, "sort: Input should be 'relevance'"),
        ("search_movies", {"colour": "red"}, "colour: Extra inputs are not permitted"),
        ("rate_movie", {"movie": "Heat", "stars": "4.3"}, "stars: Input should be a multiple of 0.5"),
        ("similar_movies", {"movies": ""}, "movies: List should have at least 1 item"),
        ("get_movie", {"movie": ""}, "String should have at least 1 character"),
        ("query_catalogue", {"since": "long ago"}, "since: Input should be a valid date"),
        ("recommend_for_group", {"members": [7]}, "members: List should have at least 2 items"),
    ],
)
def test_what_cannot_be_read_is_refused_as_strictly_as_ever(name: str, written: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolError) as refused:
        find_tool(name).check(written)
    assert says in str(refused.value)


@pytest.mark.parametrize("text", ['{"movie": "Heat"}', '"{\\"movie\\": \\"Heat\\"}"', ' {"movie":"Heat"}\n'])
def test_arguments_may_be_encoded_twice(text: str) -> None:
    assert parse_arguments(text) == {"movie": "Heat"}


@pytest.mark.parametrize("text", ["", "  ", '""', "{}"])
def test_no_arguments_are_an_empty_object(text: str) -> None:
    assert parse_arguments(text) == {}


EMPTY: st.SearchStrategy[Any] = st.sampled_from([None, "", " ", [], {}, "null", "None"])
WORD = st.text("abcdefgh ijk'", min_size=1, max_size=12).filter(lambda word: word.strip() == word)
STRICT: dict[str, st.SearchStrategy[Any]] = {
    "genres": st.lists(WORD, min_size=1, max_size=5),
    "exclude_tags": st.lists(WORD, min_size=1, max_size=5),
    "exclude": st.lists(st.integers(1, 10**6), min_size=1, max_size=5),
    "year_from": st.integers(1800, 2200),
    "min_ratings": st.integers(0, 10**6),
    "min_mean": st.sampled_from([0.5, 2, 3.25, 5]),
    "limit": st.integers(1, 50),
    "exclude_shown": st.booleans(),
    "sort": st.sampled_from(["rating", "worst", "newest"]),
}


def generous(value: Any, how: int) -> Any:
    """One of the ways in which models write a value."""
    if isinstance(value, bool):
        return [value, str(value), str(value).lower(), value][how]
    if isinstance(value, int | float):
        return [value, str(value), f" {value} ", [value]][how]
    if isinstance(value, list):
        return [value, json.dumps(value), [str(item) for item in value], value[0] if len(value) == 1 else value][how]
    return [value, value.upper(), f" {value}", [value]][how]


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=STRICT), st.lists(st.integers(0, 3), min_size=9, max_size=9), EMPTY)
def test_every_generous_form_is_the_strict_one(strict: dict[str, Any], ways: list[int], empty: Any) -> None:
    written = {name: generous(strict[name], how) for name, how in zip(strict, ways, strict=False)}
    left_out = {name: empty for name in STRICT if name not in strict}
    expected = read("search_movies", strict)
    found = read("search_movies", written | left_out)
    found["exclude"] = [int(item) for item in found["exclude"]]  # an id may be text: the title of a movie as well
    assert found == expected


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", list(TOOLS))
@settings(deadline=None)
@given(st.data())
def test_whatever_comes_is_read_or_refused_in_words(name: str, data: st.DataObject) -> None:
    fields = st.sampled_from([*TOOLS[name].args.model_fields, "title", "year", "arguments", "x"])
    written = data.draw(st.dictionaries(fields, ANY_JSON | ANY_JSON.map(json.dumps), max_size=5))
    try:
        args = find_tool(name).check(written)
    except ToolError as refused:
        assert "The arguments are:" in str(refused)  # noqa: PT017
    else:
        again = args.model_dump(mode="json", exclude_unset=True)
        assert find_tool(name).check(again).model_dump(exclude_unset=True) == args.model_dump(exclude_unset=True)
