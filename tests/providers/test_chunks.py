"""The decoder alone: however bytes are cut, and whatever they are."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from errors import (
    ContentFiltered,
    ContextTooLong,
    OutputTruncated,
    RunFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)
from providers.base import Delta, Finish, ReasoningDelta, TextDelta, ToolRequest, Usage
from providers.chunks import MAX_ANSWER_CHARS, ChunkReader, EventDecoder
from providers.failures import stream_error
from tests.support.scripted import DONE, call, chunk, event, usage

ANSWER = b"".join(
    [
        b": hello\n\n",
        chunk({"role": "assistant"}),
        chunk({"reasoning_content": "Hm…"}),
        chunk({"content": "Film 🎬 "}),
        chunk({"content": "é\u2028x"}),
        chunk({"tool_calls": [call("search_movies", "", "a", 0)]}),
        *(chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}) for part in ('{"query"', ': "Kid"}')),
        chunk(finish="tool_calls"),
        usage(),
        DONE,
    ]
)
DELTAS = [
    ReasoningDelta("Hm…"),
    TextDelta("Film 🎬 é\u2028x"),
    ToolRequest("a", "search_movies", '{"query": "Kid"}'),
    Finish("tool_calls", Usage(10, 5)),
]


def read(*blocks: bytes) -> list[Delta]:
    """All deltas of a body in these blocks, neighbouring texts joined."""
    return list(joined(deltas(*blocks)))


def deltas(*blocks: bytes) -> Iterator[Delta]:
    reader = ChunkReader()
    for block in blocks:
        yield from reader.feed(block)
    yield from reader.end()


def joined(found: Iterator[Delta]) -> Iterator[Delta]:
    held: TextDelta | None = None
    for delta in found:
        if isinstance(delta, TextDelta):
            held = TextDelta((held.text if held else "") + delta.text)
            continue
        if held is not None:
            yield held
            held = None
        yield delta
    if held is not None:
        yield held


def assemble(*fragments: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and arguments of the calls that the fragments make."""
    body = [chunk({"tool_calls": [fragment]}) for fragment in fragments]
    found = read(*body, chunk(finish="tool_calls"))
    requests = [delta for delta in found if isinstance(delta, ToolRequest)]
    assert len({request.call_id for request in requests}) == len(requests)
    return [(request.name, request.arguments) for request in requests]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_any_cut_gives_the_same(end: bytes) -> None:
    body = ANSWER.replace(b"\n", end)
    assert read(body) == DELTAS
    assert read(*(body[at : at + 1] for at in range(len(body)))) == DELTAS
    for at in range(len(body)):
        assert read(body[:at], body[at:]) == DELTAS


@pytest.mark.parametrize("seed", range(100))
def test_garbage_fails_in_our_words_or_not_at_all(seed: int) -> None:
    chance = random.Random(seed)
    body = bytearray(ANSWER)
    for _ in range(chance.randrange(1, 30)):
        at = chance.randrange(len(body))
        body[at : at + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
    try:
        found = read(bytes(body))
    except RunFailed:
        return
    assert isinstance(found[-1], Finish)


@pytest.mark.parametrize("seed", range(100))
def test_any_json_fails_in_our_words_or_not_at_all(seed: int) -> None:
    """Values of the wrong kind in every place of a chunk."""
    chance = random.Random(seed)
    document = json.loads(
        chunk({"content": "a", "tool_calls": [call("x", "{}")]}, "stop", usage={"prompt_tokens": 1})[6:]
    )

    def spoil(value: Any) -> Any:
        if chance.random() < 0.15:
            return chance.choice([None, 0, -1.5, "x", "", [], {}, [None], {"a": [1]}, True, 10**30])
        if isinstance(value, dict):
            return {key: spoil(item) for key, item in value.items()}
        return [spoil(item) for item in value] if isinstance(value, list) else value

    with suppress(RunFailed):
        read(event(json.dumps(spoil(document))), chunk(finish="stop"))


def test_a_truncated_answer_is_none_wherever_it_is_cut() -> None:
    finish = ANSWER.index(b'"finish_reason": "tool_calls"')
    for at in range(0, finish, 7):
        with pytest.raises(UpstreamUnavailable):
            read(ANSWER[:at])


def test_what_came_before_an_error_stands() -> None:
    found: list[Delta] = []
    with pytest.raises(UpstreamUnavailable):
        found.extend(deltas(chunk({"content": "Half"}) + b"data: {broken\n\n"))
    reader = ChunkReader().feed(chunk({"content": "Half"}) + b"data: {broken\n\n")
    assert next(reader) == TextDelta("Half")


def test_comments_are_no_sign_of_life() -> None:
    reader = ChunkReader()
    for block in (b": ping\n\n", b"data:\n\n", b"event: ping\n\n", b"\n\n"):
        assert list(reader.feed(block)) == []
    assert reader.events == 0


def test_decoded_events() -> None:
    decoder = EventDecoder()
    assert list(decoder.feed(b"data: a\ndata: b\n\nid: 1\ndata:c\n\ndata")) == [b"a\nb", b"c"]
    assert list(decoder.feed(b": d")) == []
    assert list(decoder.end()) == [b"d"]


def test_surrogates_in_two_chunks_are_one_character() -> None:
    halves = [event(f'{{"choices": [{{"delta": {{"content": "{half}"}}}}]}}') for half in ("a\\ud83c", "\\udfacb")]
    assert read(*halves, chunk(finish="stop"))[0] == TextDelta("a🎬b")


def test_an_answer_has_an_end() -> None:
    with pytest.raises(OutputTruncated):
        read(*[chunk({"content": "x" * (MAX_ANSWER_CHARS // 4)})] * 5)


@pytest.mark.parametrize(
    ("fragments", "expected"),
    [
        ([call("f", {"a": 1})], [("f", '{"a": 1}')]),
        ([call("f", "", "a"), {"index": 0, "function": {"arguments": "{}"}}], [("f", "{}")]),
        ([call("f", "{}", "a", 0), call("g", "{}", "b", 1)], [("f", "{}"), ("g", "{}")]),
        ([call("f", "{}", "a", 0), call("g", "{}", "b", 0)], [("f", "{}"), ("g", "{}")]),
        ([call("f", "{}", "a", 0), call("g", "{}", "a", 1)], [("f", "{}"), ("g", "{}")]),
        ([call("f", "", "a", 0), call("g", "{}", "b", 0)], [("f", "{}"), ("g", "{}")]),
        ([call("f", '{"a"', "a"), call("f", ":1}", "b")], [("f", '{"a":1}')]),
        ([{"function": {"name": "f", "arguments": '{"a"'}}, {"function": {"arguments": ":1}"}}], [("f", '{"a":1}')]),
        ([{"id": "a", "function": {"name": "f"}}, {"id": "b", "function": {"name": "g"}}], [("f", "{}"), ("g", "{}")]),
        ([{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"a": None}}}], [("f", '{"a": null}')]),
    ],
)
def test_fragments_of_calls(fragments: list[dict[str, Any]], expected: list[tuple[str, str]]) -> None:
    assert assemble(*fragments) == expected


def test_what_a_provider_attaches_to_a_call_is_kept() -> None:
    attached = {**call("f", {}), "extra_content": {"google": {"thought_signature": "abc"}}}
    found = read(chunk({"tool_calls": [attached]}), chunk(finish="stop"))
    assert found[0] == ToolRequest("call_1", "f", "{}", {"extra_content": {"google": {"thought_signature": "abc"}}})


def test_the_most_probable_first_token() -> None:
    logprobs = {"content": [{"token": " a", "top_logprobs": [{"token": " b", "logprob": -1.0}]}]}
    body = chunk(choices=[{"delta": {"content": " a"}, "logprobs": logprobs, "finish_reason": "stop"}])
    assert read(body)[-1] == Finish("stop", None, " b")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "context_length_exceeded"}, ContextTooLong),
        ({"message": "This model's maximum context length is 4096"}, ContextTooLong),
        ({"code": 429}, UpstreamRateLimited),
        ({"type": "insufficient_quota"}, UpstreamRejected),
        ({"code": "content_policy_violation"}, ContentFiltered),
        ("Rate limit reached", UpstreamRateLimited),
        ("", UpstreamUnavailable),
        (["odd"], UpstreamUnavailable),
    ],
)
def test_what_errors_mean(error: Any, kind: type[RunFailed]) -> None:
    assert type(stream_error(error)) is kind
