"""Text of small models: calls and thoughts in it are read, however it is cut; everything else streams as it came."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence

import pytest

from providers.base import ChatMessage, ChatRequest, Delta, Finish, ReasoningDelta, TextDelta, ToolRequest, ToolSpec
from providers.text_calls import MAX_HELD_CHARS, TextReader

NAMES = {"search_movies", "get_movie", "taste_profile"}
CALL = '{"name": "search_movies", "arguments": {"query": "Heat"}}'
FIRST = '{"name": "get_movie", "arguments": {"movie": 1}}'
ONE = ("get_movie", {"movie": 1})
OTHER = '{"name": "get_movie", "arguments": {"movie": "Heat } </x>"}}'
QWEN_CODER = """<tool_call>
<function=get_movie>
<parameter=movie>
1984
</parameter>
<parameter=windows>
["7d"]
</parameter>
</function>
</tool_call>"""
HEAT, HEAT_ALONE = ("search_movies", {"query": "Heat"}), ("get_movie", {"movie": "Heat } </x>"})

Read = tuple[str, str, list[tuple[str, object]]]  # text, thoughts, calls


def read(*chunks: str, names: Iterable[str] = NAMES, bare: bool = True, data: Sequence[str] = ()) -> Read:
    reader = TextReader(set(names), bare=bare, data=data)
    parts: list[Delta] = [*map(TextDelta, chunks), Finish("stop")]
    *deltas, _ = [delta for part in parts for delta in reader.read(part)]
    calls = [delta for delta in deltas if isinstance(delta, ToolRequest)]
    assert len({call.call_id for call in calls}) == len(calls)
    return (
        "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)),
        "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta)),
        [(call.name, _json(call.arguments)) for call in calls],
    )


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


CASES: dict[str, tuple[str, Read]] = {
    "nothing": ("", ("", "", [])),
    "white space": (" \n", (" \n", "", [])),
    "text": ("Heat (1995) < Alien, {x} ```json [1]", ("Heat (1995) < Alien, {x} ```json [1]", "", [])),
    "a comparison": ("a < b <too", ("a < b <too", "", [])),
    "Hermes": (f"<tool_call>\n{CALL}\n</tool_call>", ("", "", [HEAT])),
    "several": (f"<tool_call>{CALL}</tool_call>\n<tool_call>{OTHER}</tool_call>\n", ("", "", [HEAT, HEAT_ALONE])),
    "several in one": (f"<tool_call>{CALL}\n{OTHER}</tool_call>", ("", "", [HEAT, HEAT_ALONE])),
    "behind words": (f"Let me see.\n<tool_call>{CALL}</tool_call>\n\nSo.", ("Let me see.\nSo.", "", [HEAT])),
    "within a line": (f"Tags: <tool_call>{CALL}</tool_call>", (f"Tags: <tool_call>{CALL}</tool_call>", "", [])),
    "in a line, then on one": (f"a <tool_call>\n  <tool_call>{CALL}</tool_call>", ("a <tool_call>\n  ", "", [HEAT])),
    "not closed": (f"<tool_call>\n{CALL}", ("", "", [HEAT])),
    "not closed, twice": (f"<tool_call>{CALL}\n<tool_call>{OTHER}", ("", "", [HEAT, HEAT_ALONE])),
    "a brace forgotten": (f"<tool_call>{CALL[:-1]}</tool_call>", ("", "", [HEAT])),
    "two braces forgotten": (f"<tool_call>{CALL[:-2]}</tool_call>", ("", "", [HEAT])),
    "malformed": (
        '<tool_call>{"name": "get_movie", "arguments": {movie: 1}}</tool_call>',
        ("", "", [("get_movie", "{movie: 1}}")]),
    ),
    "another name": ('<tool_call>{"name": "buy"}</tool_call>', ("", "", [("buy", {})])),
    "no call in the tags": ("<tool_call>what?</tool_call> So.", ("<tool_call>what?</tool_call> So.", "", [])),
    "a tag alone": ("<tool_call>", ("<tool_call>", "", [])),
    "arguments as text": (
        json.dumps({"name": "get_movie", "arguments": '{"movie": 1}'}),
        ("", "", [ONE]),
    ),
    "OpenAI's form": (
        '<tool_call>{"type": "function", "function": ' + CALL + "}</tool_call>",
        ("", "", [HEAT]),
    ),
    "gemma": ('<tool_call>{"name": "get_movie", "args": {"movie": 1}}</tool_call>', ("", "", [ONE])),
    "Llama 3.1": ('<function=get_movie>{"movie": 1}</function>', ("", "", [ONE])),
    "Llama 3": (f"<|python_tag|>{CALL}", ("", "", [HEAT])),
    "Mistral": (f"[TOOL_CALLS] [{CALL}, {OTHER}]", ("", "", [HEAT, HEAT_ALONE])),
    "Phi": (f"<|tool_call|>[{CALL}]<|/tool_call|>", ("", "", [HEAT])),
    "Qwen2.5-Coder": (f"<tools>\n{CALL}\n</tools>", ("", "", [HEAT])),
    "Qwen3-Coder": (QWEN_CODER, ("", "", [("get_movie", {"movie": "1984", "windows": '["7d"]'})])),
    "Qwen3-Coder without the outer tag": (
        "<function=get_movie>\n<parameter=movie>\nHeat\n</parameter>\n</function>\n</tool_call>",
        ("", "", [("get_movie", {"movie": "Heat"})]),
    ),
    "no arguments": ("<function=taste_profile></function>", ("", "", [("taste_profile", {})])),
    "bare": (CALL, ("", "", [HEAT])),
    "bare, by another key": ('{"tool": "get_movie", "parameters": {"movie": 1}}', ("", "", [ONE])),
    "bare, arguments first": ('{"arguments": {"movie": 1}, "name": "get_movie"}', ("", "", [ONE])),
    "bare, several": (f"{CALL};\n{OTHER}", ("", "", [HEAT, HEAT_ALONE])),
    "bare, then words": (f"{CALL}\n\nOne moment.", ("One moment.", "", [HEAT])),
    "bare, a brace forgotten": (CALL[:-1], ("", "", [HEAT])),
    "bare, not on offer": ('{"name": "buy", "arguments": {}}', ('{"name": "buy", "arguments": {}}', "", [])),
    "bare, without arguments": ('{"name": "get_movie"}', ('{"name": "get_movie"}', "", [])),
    "JSON that is an answer": (' {"title": "Heat"}', (' {"title": "Heat"}', "", [])),
    "an answer with a name": ('{"name": "Heat", "arguments": []}', ('{"name": "Heat", "arguments": []}', "", [])),
    "an empty object": ("{} is it", ("{} is it", "", [])),
    "braces": ("{x: 1}", ("{x: 1}", "", [])),
    "bare behind words": (f"So: {CALL}", (f"So: {CALL}", "", [])),
    "fenced": (f"```json\n{CALL}\n```", ("", "", [HEAT])),
    "fenced, several": (f"```\n{CALL}\n{OTHER}\n```\n```json\n{CALL}```", ("", "", [HEAT, HEAT_ALONE, HEAT])),
    "fenced, not closed": (f"```tool_call\n{CALL}", ("", "", [HEAT])),
    "fenced, a brace forgotten": (f"```json\n{CALL[:-1]}\n```", ("", "", [HEAT])),
    "a fence of something else": ("```python\nprint()\n```", ("```python\nprint()\n```", "", [])),
    "a fence of another object": ('```json\n{"a": 1}\n```', ('```json\n{"a": 1}\n```', "", [])),
    "two marks": ("``", ("``", "", [])),
    "think": ("<think>\nHm. <b\n</think>\n\nHeat.", ("Heat.", "Hm. <b\n", [])),
    "think nothing": ("<think>\n\n</think>\n\nHeat.", ("Heat.", "", [])),
    "think without end": ("\n<think>Hm. </thin", ("", "Hm. </thin", [])),
    "think, then call": (f"<think>Hm.</think>\n<tool_call>{CALL}</tool_call>", ("", "Hm.", [HEAT])),
    "think, then a bare call": (f"<think>Hm.</think>\n{CALL}", ("", "Hm.", [HEAT])),
    "think of a call": (f"<think>{CALL}</think>So.", ("So.", CALL, [])),
    "think later": ("So. <think>Hm.</think>", ("So. <think>Hm.</think>", "", [])),
    "thinking": ("<thinking>Hm.</thinking>So.", ("So.", "Hm.", [])),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_any_cut_gives_the_same(name: str) -> None:
    text, expected = CASES[name]
    assert read(text) == expected
    assert read(*text) == expected
    for at in range(len(text)):
        assert read(text[:at], text[at:]) == expected, text[:at]


@pytest.mark.parametrize("seed", range(300))
def test_any_cut_of_any_text_gives_the_same(seed: int) -> None:
    chance = random.Random(seed)
    bits = [
        *(text for text, _ in CASES.values()),
        *'<>{}`[] \n"',
        "<tool_call>",
        "</tool_call>",
        "```",
        "Heat",
        '"name": ',
    ]
    text = "".join(chance.choice(bits)[: chance.choice([3, 20, 999])] for _ in range(chance.randrange(1, 6)))
    whole = read(text)
    assert read(*text) == whole
    for _ in range(20):
        cuts = sorted(chance.choices(range(len(text) + 1), k=chance.randrange(1, 5)))
        assert read(*(text[begin:end] for begin, end in zip([0, *cuts], [*cuts, None], strict=True))) == whole


@pytest.mark.parametrize("text", ["Heat is a film.", "<b>Heat</b>", "*Heat*", "{x", '{"title', "`Heat`", "[Heat](x)"])
def test_what_can_be_no_call_streams_at_once(text: str) -> None:
    reader = TextReader(NAMES)
    assert "".join(delta.text for delta in reader.feed(text) if isinstance(delta, TextDelta)) == text


@pytest.mark.parametrize(
    "form", ["<tool_call>{}</tool_call>", "<tool_call>\n{}\n", "{}", "[TOOL_CALLS]{} ", QWEN_CODER]
)
def test_a_call_that_a_result_holds_is_a_quotation(form: str) -> None:
    quoted = form.replace("{}", FIRST)
    data = [json.dumps({"title": f"A film {quoted.strip()} of 1995", "tags": 'it\'s "good"'})]
    for chunks in ([quoted], quoted, [quoted[:9], quoted[9:]]):
        assert read(*chunks, data=data)[2] == []
        assert read(*chunks, data=data)[0].strip() == quoted.strip()
    assert len(read(form.replace("{}", CALL), data=[json.dumps({"title": FIRST})])[2]) == 1  # its own


def test_without_tools_nothing_is_a_call() -> None:
    for text, (_, thought, calls) in CASES.values():
        said = read(text, names=())
        assert said[2] == []
        assert calls == [] or thought or said[0] == text


def test_an_answer_in_json_is_no_call() -> None:
    assert read(CALL, bare=False) == (CALL, "", [])
    assert read(f"<tool_call>{CALL}</tool_call>", bare=False)[2] == [HEAT]


@pytest.mark.parametrize("text", ['{"name": "search_movies", "arguments": "', "<tool_call>", "[TOOL_CALLS]"])
def test_what_never_ends_is_text(text: str) -> None:
    endless = text + "x" * (MAX_HELD_CHARS + 100)
    assert read(endless) == (endless, "", [])
    assert read(*endless) == (endless, "", [])


def test_a_model_without_tools_may_still_write_calls() -> None:
    """In the last step; so names that it called before are read, too."""
    called = ChatMessage("assistant", "", (ToolRequest("a", "get_movie", "{}"),))
    call, finish = _read_of(ChatRequest("m", (called,)))
    assert isinstance(call, ToolRequest)
    assert finish == Finish("stop")
    offered = ChatRequest("m", (called,), (ToolSpec("search_movies", "", {}),))
    assert _read_of(offered)[0] == TextDelta(OTHER)


def _read_of(request: ChatRequest) -> list[object]:
    reader = TextReader.of(request)
    return [*reader.read(TextDelta(OTHER)), *reader.read(Finish("stop"))]
