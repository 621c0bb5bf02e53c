from __future__ import annotations

import json
import sys
from types import FrameType
from typing import Any

import pytest

from errors import ToolError
from recommend import Recommender
from tests.support.asking import ask
from tools import registry
from tools.registry import TOOLS, Toolbox, find_tool, parse_arguments


def test_every_tool_is_described_and_takes_an_object() -> None:
    for tool in TOOLS.values():
        assert 40 < len(tool.spec.description) <= 1_024
        assert tool.spec.parameters["type"] == "object"
        assert tool.spec.parameters["additionalProperties"] is False


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("get_movie", "{", "not JSON"),
        ("get_movie", "[]", "one JSON object"),
        ("get_movie", "{}", "movie: Field required"),
        ("get_movie", '{"movie": "Heat", "colour": "red"}', "colour: Extra inputs are not permitted"),
        ("rate_movie", '{"movie": "Heat", "stars": 6}', "stars: Input should be less than or equal to 5"),
        ("nothing", "{}", "There is no tool 'nothing'. There are: search_movies"),
    ],
)
def test_wrong_arguments_are_refused_with_what_to_mend(name: str, arguments: str, says: str) -> None:
    with pytest.raises(ToolError) as refused:
        find_tool(name).check(parse_arguments(arguments))
    assert says in str(refused.value)


async def test_null_counts_as_left_out(tools: Toolbox) -> None:
    assert len((await ask(tools, "search_movies", query="alien", genres=None, limit=None))["movies"]) > 1


async def test_a_result_is_bounded_by_the_text_that_the_model_reads(
    tools: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = find_tool("search_movies").check({"query": "Toy Story", "limit": 2})
    result, text = await tools.run("search_movies", args)
    assert isinstance(result, dict)
    assert json.loads(text)["movies"] == result["movies"]
    size = len(text.encode())
    monkeypatch.setattr(registry, "MAX_RESULT_BYTES", size)
    assert len((await tools.run("search_movies", args))[1].encode()) == size
    monkeypatch.setattr(registry, "MAX_RESULT_BYTES", size - 1)
    with pytest.raises(ToolError, match="The result is too large"):
        await tools.run("search_movies", args)


@pytest.mark.parametrize(
    ("name", "method", "args"),
    [
        ("recommend", "recommend", {"user_id": 1}),
        ("similar_movies", "similar", {"movies": ["Heat"]}),
        ("recommend_for_group", "recommend_group", {"members": [{"user_id": 1}, {"user_id": 2}]}),
        ("search_movies", "match_text", {"query": "space aliens"}),
        ("next_question", "next_question", {}),
    ],
)
async def test_rankings_are_not_computed_on_the_event_loop(
    tools: Toolbox, name: str, method: str, args: dict[str, Any]
) -> None:
    """The interpreter names every function that begins on this thread, which is the loop's."""
    code = getattr(Recommender, method).__code__
    seen: set[Any] = set()

    def note(frame: FrameType, _: str, __: object) -> None:
        seen.add(frame.f_code)

    sys.setprofile(note)
    try:
        result = await ask(tools, name, **args)
    finally:
        sys.setprofile(None)
    assert result["movies"]
    assert Toolbox.run.__code__ in seen
    assert code not in seen
