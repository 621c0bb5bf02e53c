from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest

from errors import ToolError
from providers.base import ToolSpec
from providers.conversation import system_prompt, whose_taste
from recommend import Recommender
from tests.support.asking import ask
from tools import registry
from tools.registry import TOOLS, Toolbox, find_tool, parse_arguments


def wire(specs: Sequence[ToolSpec]) -> str:
    """The tools as a request carries them."""
    return json.dumps(
        [
            {"type": "function", "function": {"name": s.name, "description": s.description, "parameters": s.parameters}}
            for s in specs
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


async def told(tools: Toolbox, *, small: bool = False) -> str:
    """All that a model is told before the first word."""
    info = tools.snapshot.info
    genres = [count.name for count in await tools.snapshot.catalogue.genres()]
    whose = whose_taste(info, user_id=600, rated=200)
    prompt = system_prompt(info, None, small=small, genres=genres, whose=whose, today=datetime(2026, 9, 30, tzinfo=UTC))
    return prompt + wire(tools.small_specs if small else tools.specs)


async def test_a_model_is_told_little(tools: Toolbox) -> None:
    """By the tokens of o200k these are 2,750 and 810."""
    assert len(await told(tools)) < 12_500
    assert len(await told(tools, small=True)) < 3_600


async def test_the_prompt_says_the_genres_the_dates_and_whose_taste_is_known(tools: Toolbox) -> None:
    text = await told(tools)
    assert "Film-Noir" in text
    assert "Today is 30 September 2026. Ratings run from" in text
    assert "The person is user 600 of the data and rated 200 movies here." in text
    info = tools.snapshot.info
    assert whose_taste(info, None, 1) == "The person rated 1 movie here."
    assert whose_taste(info, None, 0) == "Nothing is known of the person's taste yet."
    assert whose_taste(info, 7, 0) == "The person is user 7 of the data."


def test_every_tool_is_described_and_takes_an_object() -> None:
    for tool in TOOLS.values():
        assert 40 < len(tool.spec.description) <= 300
        assert tool.spec.parameters["type"] == "object"
        assert "$ref" not in json.dumps(tool.spec.parameters)
        properties: Any = tool.spec.parameters["properties"]
        assert set(properties) <= set(tool.args.model_fields)


async def test_the_small_set_takes_less_of_the_same(tools: Toolbox) -> None:
    for spec in tools.small_specs:
        whole: Any = TOOLS[spec.name].spec.parameters
        less: Any = spec.parameters
        assert less["properties"].keys() <= whole["properties"].keys()
        assert less.get("required") == whole.get("required")


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
    result: Any
    result, text = await tools.run("search_movies", args)
    assert [movie["id"] for movie in json.loads(text)["movies"]] == [movie["movie_id"] for movie in result["movies"]]
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
