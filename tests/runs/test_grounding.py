"""Grounding over HTTP: mentions in the final event and the history, counted in the run; strict answers mended once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import httpx
import pytest

from settings import Settings
from tests.support import scripted
from tests.support.scripted import call, calls, text
from tests.support.serving import serving
from tests.support.wire import Stream, check_whole, history, new_session, read_run, replay, send

LOOKED_UP = calls(call("search_movies", {"query": "Toy Story", "limit": 1}))
TRUE = "🎬 **Toy Story** (1995) fits."
FALSE = "🎬 **Toy Story** (1995) fits, and so does **The Glass Harbor** (2003), from 1996."


@contextmanager
def grounded(settings: Settings, how: Literal["off", "mark", "strict"]) -> Iterator[httpx.Client]:
    with serving(settings.model_copy(update={"grounding": how})) as server, server.client() as client:
        yield client


def asked(client: httpx.Client, content: str = "Something with toys, like Shrek?") -> tuple[str, Stream]:
    session = new_session(client)
    stream = send(client, session, content)
    check_whole(stream)
    return session, stream


def told(mentions: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    return [(mention["text"], mention["supported"]) for mention in mentions]


def test_an_answer_is_marked_where_nothing_supports_it(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    upstream.queue(LOOKED_UP, text(FALSE[:20], FALSE[20:]))
    with grounded(llm_settings, "mark") as client:
        session, stream = asked(client)
        question, *_, answer = history(client, session)
        last = stream.events[-1]
        assert last["message"]["mentions"] == answer["mentions"]
        assert told(answer["mentions"]) == [
            ("Toy Story** (1995)", True), ("1995", True), ("The Glass Harbor", False), ("2003", False), ("1996", False)
        ]  # fmt: skip
        assert all(FALSE[each["start"] : each["end"]] == each["text"] for each in answer["mentions"])
        assert read_run(client, stream.run["id"])["grounding"] == {"mentions": 5, "unsupported": 3}
        assert told(question["mentions"]) == [("Shrek", True)]
        assert replay(client, stream.run["id"]).seen == stream.seen


def test_what_was_brought_earlier_supports(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    upstream.queue(LOOKED_UP, text(TRUE), text("As I said, Toy Story. Shrek, which you named, is close."))
    session, _ = asked(llm_client)
    again = send(llm_client, session, "which one?").events[-1]
    assert told(again["message"]["mentions"]) == [("Toy Story", True), ("Shrek", True)]


def test_a_strict_answer_is_held_back_and_mended(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    upstream.queue(LOOKED_UP, text(FALSE), text(TRUE))
    with grounded(llm_settings, "strict") as client:
        _, stream = asked(client)
    assert stream.text == TRUE
    assert "The Glass Harbor" in upstream.requests[-1]["messages"][-1]["content"]
    assert stream.events[-1]["run"]["grounding"]["unsupported"] == 0


def test_a_strict_answer_that_is_true_is_shown(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    upstream.queue(LOOKED_UP, text(TRUE))
    with grounded(llm_settings, "strict") as client:
        _, stream = asked(client)
    assert (stream.text, stream.run["status"]) == (TRUE, "completed")


@pytest.mark.parametrize(("said", "shown"), [(FALSE, ""), ("Like Shrek? Let me look. ", "Like Shrek? Let me look. ")])
def test_strict_words_before_a_call_are_checked_too(
    llm_settings: Settings, upstream: scripted.Upstream, said: str, shown: str
) -> None:
    looked_up = calls(call("search_movies", {"query": "Toy Story", "limit": 1}), say=said)
    upstream.queue(looked_up, text(FALSE), looked_up, text(TRUE))
    with grounded(llm_settings, "strict") as client:
        session, stream = asked(client)
        assert "Glass Harbor" not in str(history(client, session))
    assert stream.text == shown + shown + TRUE
    assert stream.events[-1]["run"]["grounding"]["unsupported"] == 0


def test_the_last_step_gives_a_strict_answer_too(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    upstream.queue(LOOKED_UP, text(FALSE))
    with grounded(llm_settings.model_copy(update={"llm_max_steps": 2}), "strict") as client:
        _, stream = asked(client)
    assert (stream.text, stream.run["status"]) == (FALSE, "completed")


def test_a_strict_answer_is_mended_once(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    upstream.queue(LOOKED_UP, text(FALSE), text(FALSE))
    with grounded(llm_settings, "strict") as client:
        _, stream = asked(client)
    assert stream.text == FALSE
    assert stream.run["status"] == "completed"
    assert stream.events[-1]["run"]["grounding"]["unsupported"] == 3


def test_nothing_is_marked_where_grounding_is_off(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    upstream.queue(text(FALSE))
    with grounded(llm_settings, "off") as client:
        session, stream = asked(client)
        assert [message["mentions"] for message in history(client, session)] == [[], []]
    assert stream.run["grounding"] is None


@pytest.mark.parametrize("content", ["Heat " * 3_000, "\U0010ffff(1995)**" * 500, "[" * 2_000])
def test_long_and_odd_answers_are_read(llm_client: httpx.Client, upstream: scripted.Upstream, content: str) -> None:
    upstream.queue(text(content))
    _, stream = asked(llm_client)
    assert stream.text == content
    assert stream.run["status"] == "completed"
