"""Small models, and the servers that give them little context: an answer in every case."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from settings import Settings
from tests.support import scripted
from tests.support.scripted import Gate, Reply, SmallModel, Window, call, calls, chunk, error, text, usage
from tests.support.serving import serving
from tests.support.wire import ask, check_whole, history, new_session, read_run, replay, send, sending

TAGS, BARE, FENCED = "<tool_call>\n{}\n</tool_call>", "{}", "```json\n{}\n```"
THINKING = f"<think>\nWhich one?\n</think>\n\n{TAGS}"
FOUND = "This is what I found."
SEARCH = {"query": "Kid"}
LONG = "A long story about a film, told at length. " * 100
SMALL = ["search_movies", "get_movie", "similar_movies", "recommend", "rate_movie", "query_catalogue"]


@contextmanager
def service(settings: Settings, **fields: Any) -> Iterator[httpx.Client]:
    with serving(Settings(_env_file=None, **{**dict(settings), **fields})) as server, server.client() as client:
        yield client


def offered(request: dict[str, Any]) -> list[str]:
    return [entry["function"]["name"] for entry in request.get("tools") or ()]


def results(stream: Any) -> list[bool]:
    return [event["ok"] for event in stream.events if event["type"] == "tool.result"]


@pytest.fixture(scope="module")
def script() -> Iterator[scripted.Upstream]:
    with scripted.running() as endpoint:
        yield endpoint
    assert endpoint.problems == []


@pytest.fixture(scope="module")
def shared(
    catalogue_dir: Path, script: scripted.Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A service for many short questions."""
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("small") / "data"))
    settings = Settings(
        _env_file=None, data_dir=folder, log_level="ERROR", openai_base_url=script.url, openai_model="scripted"
    )
    with serving(settings) as server, server.client() as client:
        yield client


# What they write


@pytest.mark.parametrize("form", ["", TAGS, BARE, FENCED, THINKING], ids=["native", "tags", "bare", "fence", "think"])
@pytest.mark.parametrize("filler", ["", 0, [], None], ids=["empty", "zero", "list", "null"])
@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("search_movies", {"query": "Kid", "genres": "Comedy", "limit": "3", "year_from": "1900"}),
        ("similar_movies", {"movies": "Toy Story", "limit": "3"}),
        ("get_movie", {"movie": "Toy Story"}),
        ("recommend", {"liked": "Toy Story", "limit": "2"}),
        ("rate_movie", {"movie": "Toy Story", "stars": "4.5"}),
        ("query_catalogue", {"of": "movies", "measure": "count", "genres": "Comedy"}),
    ],
)
def test_every_argument_is_filled_in_somehow(
    tool: str, given: dict[str, Any], filler: Any, form: str, script: scripted.Upstream, shared: httpx.Client
) -> None:
    script.otherwise = SmallModel(tool, given, filler, form)
    stream = send(shared, new_session(shared))
    check_whole(stream)
    assert stream.run["status"] == "completed"
    assert stream.text == FOUND
    assert results(stream) == [True], [event for event in stream.events if event["type"] == "tool.result"]


def test_a_call_as_text_is_a_call_everywhere(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    """In the events, in the history, and in what the model is sent; thoughts stand apart."""
    upstream.otherwise = SmallModel("search_movies", SEARCH, None, "Let me see.\n" + TAGS)
    session = new_session(llm_client)
    upstream.queue(SmallModel("search_movies", SEARCH, None, THINKING))
    stream = send(llm_client, session)
    assert stream.outline == [
        "run.created", "session.updated", "reasoning.delta", "tool.call", "tool.result", "text.delta", "run.completed",
    ]  # fmt: skip
    _, asked, found, told = history(llm_client, session)
    assert (asked["content"], asked["reasoning"], told["content"]) == ("", "Which one?\n", FOUND)
    assert asked["tool_calls"][0]["arguments"] == SEARCH
    assert found["ok"]
    assert replay(llm_client, stream.run["id"]).frames == stream.frames
    [sent] = upstream.requests[-1]["messages"][-2]["tool_calls"]
    assert json.loads(sent["function"]["arguments"])["query"] == "Kid"
    assert send(llm_client, session).text == "Let me see.\n" + FOUND


def test_json_that_was_asked_for_is_no_call(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    wanted = '{"name": "search_movies", "arguments": {"query": "Kid"}}'
    schema = {"type": "object", "required": ["name", "arguments"]}
    upstream.queue(text(wanted))
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert send(llm_client, new_session(llm_client), response_format=form).text == wanted


def test_other_text_is_not_held_back(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "*Heat*"}), gate, chunk(finish="stop")]))
    with sending(llm_client, new_session(llm_client)) as live:
        assert live.until("text.delta")["delta"] == "*Heat*"
        gate.open()
        live.rest()


# Loops


@pytest.mark.parametrize(
    ("tool", "given", "requests", "form"),
    [
        *(("search_movies", SEARCH, 8, form) for form in ("", TAGS, BARE, FENCED)),
        *(("search_movies", {"limit": "many"}, 4, form) for form in ("", TAGS, BARE, FENCED)),
        *(("buy_tickets", {}, 4, form) for form in ("", TAGS)),
    ],
)
def test_a_loop_ends_with_an_answer(
    tool: str, given: dict[str, Any], requests: int, form: str, upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    upstream.otherwise = SmallModel(tool, given, None, form, loops=True)
    stream = send(llm_client, new_session(llm_client))
    assert (stream.run["status"], stream.text) == ("completed", FOUND)
    assert len(upstream.requests) == stream.run["steps"] == requests
    assert offered(upstream.requests[-1]) == []
    assert all(offered(request) for request in upstream.requests[:-1])
    assert "You can look nothing up any more" in upstream.requests[-1]["messages"][0]["content"]


def test_a_model_that_never_answers_fails(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.otherwise = calls(call("search_movies", SEARCH))
    run = send(llm_client, new_session(llm_client)).run
    assert (run["error"]["code"], run["steps"]) == ("step_limit", 8)


@pytest.mark.parametrize("reply", [error(400, "invalid_request_error", "tools= is required"), text("")])
def test_an_endpoint_that_wants_tools_has_reached_the_limit(
    reply: Reply, upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    loop = SmallModel("search_movies", SEARCH, loops=True)
    upstream.otherwise = lambda request: loop(request) if request.get("tools") else reply
    assert send(llm_client, new_session(llm_client)).run["error"]["code"] == "step_limit"


def test_one_step_keeps_its_tools(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    with service(llm_settings, llm_max_steps=1) as client:
        upstream.queue(text("Hello."))
        assert ask(client, new_session(client))["run"]["status"] == "completed"
        assert offered(upstream.requests[0])


def tool_messages(upstream: scripted.Upstream) -> list[Any]:
    return [json.loads(m["content"]) for m in upstream.requests[-1]["messages"] if m["role"] == "tool"]


def test_a_repeated_refusal_is_told_to_be_one(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    wrong, malformed = call("get_movie", {}), call("get_movie", '{"movie": Heat}')
    upstream.queue(calls(wrong), calls(malformed), calls(wrong), calls(malformed), text("So."))
    assert send(llm_client, new_session(llm_client)).text == "So."
    said = [message["error"] for message in tool_messages(upstream)]
    assert ["refused before" in words for words in said] == [False, False, True, True]
    assert all(later.endswith(first) for first, later in zip(said[:2], said[2:], strict=True))
    assert offered(upstream.requests[-1])


def test_a_failed_call_is_tried_again_and_then_no_more(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    nothing = call("get_movie", {"movie": "Zzyzx Qwrty"})
    upstream.queue(*[calls(nothing)] * 3, text("So."))
    stream = send(llm_client, new_session(llm_client))
    assert (stream.text, results(stream)) == ("So.", [False] * 3)
    said = [message["error"] for message in tool_messages(upstream)]
    assert "Nothing more can be called" in said[2]
    assert [len(offered(request)) > 0 for request in upstream.requests] == [True] * 3 + [False]


def test_calls_of_one_step_are_no_repetition(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    nothing = [call("get_movie", {"movie": "Zzyzx Qwrty"}, f"call_{index}", index) for index in range(4)]
    upstream.queue(calls(*nothing), text("So."))
    assert send(llm_client, new_session(llm_client)).text == "So."
    assert offered(upstream.requests[-1])
    assert "refused before" not in str(tool_messages(upstream))


def test_the_same_call_gets_the_same_result(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(
        calls(call("search_movies", SEARCH)), calls(call("search_movies", {"limit": 5, **SEARCH})), text("So.")
    )
    stream = send(llm_client, new_session(llm_client))
    first, second = [event["result"] for event in stream.events if event["type"] == "tool.result"]
    assert first == second
    told, again = tool_messages(upstream)
    assert again["result"] == told
    assert "the result is the same" in again["note"]


def test_a_rating_makes_earlier_results_old(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    ratings, rate = call("get_user_ratings", {}), call("rate_movie", {"movie": "Toy Story (1995)", "stars": 4})
    upstream.queue(calls(ratings), calls(rate), calls(ratings), text("So."))
    stream = send(llm_client, new_session(llm_client))
    before, _, after = [event["result"] for event in stream.events if event["type"] == "tool.result"]
    assert (before["count"], after["count"]) == (0, 1)


def test_another_list_of_what_was_not_shown_is_another_call(
    upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    more = call("search_movies", {"limit": 2, "exclude_shown": True})
    upstream.queue(calls(more), calls(more), text("So."))
    stream = send(llm_client, new_session(llm_client))
    first, second = [event["result"]["movies"] for event in stream.events if event["type"] == "tool.result"]
    assert not {movie["movie_id"] for movie in first} & {movie["movie_id"] for movie in second}


# Little context


def test_the_set_of_tools_is_chosen_by_the_context(llm_settings: Settings, upstream: scripted.Upstream) -> None:
    upstream.otherwise = text("Hello.")
    cases: list[tuple[dict[str, Any], bool]] = [
        ({}, False),
        ({"llm_context_tokens": 8_000}, False),
        ({"llm_context_tokens": 7_999}, True),
        ({"llm_context_tokens": 4_000, "llm_tools": "full"}, False),
        ({"llm_tools": "small"}, True),
    ]
    for fields, small in cases:
        with service(llm_settings, **fields) as client:
            ask(client, new_session(client))
            provider = client.get("/health").json()["provider"]
        assert (offered(upstream.requests[-1]) == SMALL) is small
        assert provider["tools"] == ("small" if small else "full")


def test_the_guide_has_all_tools_whatever_the_context(settings: Settings) -> None:
    with service(settings, llm_context_tokens=1_000, llm_tools="small") as client:
        assert client.get("/health").json()["provider"]["tools"] == "full"


@pytest.mark.parametrize("tokens", [4_096, 2_048])
@pytest.mark.parametrize("manner", ["cuts", "refuses", "is silent"])
@pytest.mark.parametrize("form", ["", TAGS], ids=["native", "tags"])
def test_a_first_question_is_answered(
    manner: str, tokens: int, form: str, upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    upstream.otherwise = Window(SmallModel("search_movies", SEARCH, None, form), manner, tokens)
    stream = send(llm_client, new_session(llm_client), "Which films are there with a kid?")
    check_whole(stream)
    assert (stream.run["status"], stream.text, results(stream)) == ("completed", FOUND, [True])


@pytest.mark.parametrize("manner", ["cuts", "refuses", "is silent"])
def test_a_long_conversation_goes_on_in_a_small_context(
    manner: str, upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    """Begun by a model with room; the next one has little. Its questions are answered, in the end without a retry."""
    session = new_session(llm_client)
    upstream.otherwise = text(LONG)
    for number in range(8):
        ask(llm_client, session, f"Question {number}")
    upstream.otherwise = Window(SmallModel("search_movies", SEARCH), manner)
    for number in range(4):
        upstream.requests.clear()
        stream = send(llm_client, session, f"And now {number}?")
        assert (stream.run["status"], stream.text, results(stream)) == ("completed", FOUND, [True])
    assert len(upstream.requests) == 2
    assert offered(upstream.requests[0]) == SMALL


def test_what_is_learned_is_of_one_model(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    small = Window(text_of("Hello."), "refuses", 2_048)
    upstream.otherwise = lambda request: small(request) if request["model"] == "scripted" else text("Hello.")
    session = new_session(llm_client)
    for model in ("scripted", "other", "scripted"):
        assert ask(llm_client, session, model=model)["run"]["status"] == "completed"
    assert [len(offered(request)) for request in upstream.requests] == [12, 6, 12, 6]


def test_an_outage_or_a_hiccup_teaches_nothing(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    session, hello = new_session(llm_client), text("Hello.")
    for failing in (Reply([]), error(400, "context_length_exceeded")):
        upstream.otherwise = failing
        for _ in range(3):
            assert send(llm_client, session).run["status"] == "failed"
    upstream.otherwise = hello
    for _ in range(3):
        upstream.queue(Reply([]), hello, hello)  # one empty answer, the same asked again, and a whole one
        assert ask(llm_client, session)["run"]["status"] == "completed"
        assert ask(llm_client, session)["run"]["status"] == "completed"
        assert len(offered(upstream.requests[-1])) == 12


def text_of(words: str) -> Any:
    return lambda _: text(words)


# Servers that cut without a word


def test_a_cut_is_told_of_everywhere(
    llm_settings: Settings, upstream: scripted.Upstream, capfd: pytest.CaptureFixture[str]
) -> None:
    with service(llm_settings, log_format="json") as client:
        assert client.get("/health").json()["status"] == "ok"
        upstream.otherwise = Window(text_of("What do you mean?"), "cuts", 1_200, lost=text("What do you mean?"))
        session = new_session(client)
        first = ask(client, session)["run"]
        assert "cut the rest" in first["note"]
        assert "may miss" in first["note"]
        assert read_run(client, first["id"])["note"] == first["note"]
        assert offered(upstream.requests[0]) != SMALL
        assert ask(client, session)["run"]["note"] is None
        assert offered(upstream.requests[-1]) == SMALL
        assert len(upstream.requests) == 2
        health = client.get("/health").json()
    assert health["status"] == "degraded"
    assert "server of scripted" in health["reasons"][0]
    assert "LLM_CONTEXT_TOKENS" in health["reasons"][0]
    assert health["provider"]["tools"] == "small"
    logged = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert sum("cut the rest" in line["message"] and line["level"] == "WARNING" for line in logged) == 1


def test_a_cut_answer_of_which_nothing_was_shown_is_asked_for_again(
    upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    upstream.otherwise = Window(text_of("Hello."), "cuts", 1_200)
    run = ask(llm_client, new_session(llm_client))
    assert run["messages"][-1]["content"] == "Hello."
    assert len(run["messages"]) == 2
    assert "asked again" in run["run"]["note"]
    assert run["run"]["steps"] == 1
    assert run["run"]["usage"]["input_tokens"] > 1_200


@pytest.mark.parametrize(
    ("content", "counted", "cut"),
    [
        ("Расскажи мне о хороших фильмах. " * 1_000, 9_000, False),  # 32,000 characters, 58,000 bytes
        ("मुझे अच्छी फ़िल्में बताओ। " * 1_000, 8_000, False),
        ("Tell me about good films, please. " * 900, 8_900, False),  # 4.6 characters a token
        ("| a    |    b     |\n" * 1_500, 5_500, False),
        ("Hello.", 10, False),  # the rest was cached
        ("Hello.", 900, False),
        ("Tell me about good films, please. " * 900, 4_096, True),
        ("Hello.", 1_100, True),
    ],
    ids=["Russian", "Hindi", "English", "a table", "cached", "half cached", "cut", "cut to little"],
)
def test_a_small_count_is_a_cut_only_where_no_vocabulary_explains_it(
    content: str, counted: int, cut: bool, upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    hello = [chunk({"content": "Hello."}), chunk(finish="stop")]
    upstream.queue(Reply([*hello, usage(counted), scripted.DONE]))
    content = content[:31_000]
    assert (ask(llm_client, new_session(llm_client), content)["run"]["note"] is not None) is cut


def test_an_answer_that_fills_the_context_is_cut_once(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    """Ollama's sum is exactly its context then."""
    session = new_session(llm_client)
    cut = [chunk({"content": "A lot of fi"}), chunk(finish="length"), usage(3_000, 1_096)]
    upstream.queue(Reply(cut), text("Hello."))
    run = send(llm_client, session).run
    assert run["error"]["code"] == "output_truncated"
    assert "4,096 tokens of context" in run["note"]
    assert ask(llm_client, session)["run"]["note"] is None
    assert [offered(request) == SMALL for request in upstream.requests] == [False, True]
    assert "4,096 tokens of context" in llm_client.get("/health").json()["reasons"][0]


def test_a_call_that_fills_the_context_is_asked_for_again(
    upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    cut = [chunk({"tool_calls": [call("search_movies", '{"query": "K')]}), chunk(finish="length"), usage(4_000, 96)]
    upstream.queue(Reply(cut), text("Hello."))
    assert ask(llm_client, new_session(llm_client))["run"]["status"] == "completed"


def test_another_limit_of_length_is_none_of_the_context(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(Reply([chunk({"content": "A lot"}), chunk(finish="length"), usage(3_000, 500)]))
    run = send(llm_client, new_session(llm_client)).run
    assert (run["error"]["code"], run["note"]) == ("output_truncated", None)


def test_tokens_that_were_cached_count(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    counts = {"prompt_tokens": 1_100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1_500}}
    upstream.queue(Reply([chunk({"content": "Hello."}), chunk(finish="stop"), chunk(choices=[], usage=counts)]))
    assert ask(llm_client, new_session(llm_client))["run"]["note"] is None


# Words of refusals


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ("This model's maximum context length is 4096 tokens. However, you requested 9000 tokens.", 4_096),
        ("request (42947 tokens) exceeds the available context size (8192 tokens), try increasing it", 8_192),
        ("the request exceeds the available context size. try increasing the context size", None),
        ("Requested tokens (5000) exceed context window of 2048", 2_048),
        ("Trying to keep the first 9000 tokens … the model is loaded with context length of only 4096 tokens", 4_096),
        ("greater than the context length (n_keep: 10247 >= n_ctx: 4096). Try to load", 4_096),
        ('{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_ctx":4096}}', 4_096),
    ],
    ids=["OpenAI, vLLM", "llama.cpp", "llama.cpp before", "llama-cpp-python", "LM Studio", "LM Studio, too", "Ollama"],
)
def test_the_context_is_read_from_a_refusal(
    words: str, limit: int | None, upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    upstream.otherwise = lambda request: (
        error(400, "invalid_request_error", words) if len(offered(request)) > 6 else text("Hello.")
    )
    upstream.queue(error(400, "invalid_request_error", words), text("Hello."))
    assert ask(llm_client, new_session(llm_client), LONG * 7)["run"]["status"] == "completed"
    detail = llm_client.get("/health").json()["provider"]["detail"]
    assert limit is None or f"about {limit * 3 // 4:,} tokens" in detail
