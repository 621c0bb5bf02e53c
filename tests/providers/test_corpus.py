"""Hostile and quirky upstreams: what the client sees, what history holds, and that the next message works.

Each case is a script of upstream replies. The quirks are those of real providers and proxies; the name of a case, or a
comment beside it, says whose.
"""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from settings import Settings
from tests.support import scripted
from tests.support.scripted import DONE, HANG, RESET, Pause, Reply, call, calls, chunk, error, event, text, usage
from tests.support.secrets import OPENAI_KEY
from tests.support.serving import Server, serving
from tests.support.wire import LAST, Stream, ask, check_whole, history, new_session, read_run, replay, send

KEY = OPENAI_KEY
WORDS = "secret upstream words"
STOP = [chunk(finish="stop"), usage(), DONE]
CALLED = [chunk(finish="tool_calls"), usage(), DONE]
SEARCH = {"query": "Kid"}
UNAVAILABLE, TIMEOUT, LIMITED = "upstream_unavailable", "upstream_timeout", "upstream_rate_limited"
REJECTED, FILTERED, TRUNCATED = "upstream_rejected", "content_filtered", "output_truncated"


@dataclass
class Case:
    """What the upstream does, and what must come of it.

    `text` is all the text that the client sees; `calls` the tool calls with whether each succeeded; `requests` how
    often the upstream is asked. `away`: nobody listens on the upstream's port.
    """

    name: str
    replies: list[Reply]
    text: str = ""
    code: str | None = None
    calls: tuple[tuple[str, bool], ...] = ()
    reasoning: str = ""
    requests: int = 1
    retry_after: int | None = None
    estimated: bool = False
    away: bool = False


def said(word: str) -> bytes:
    return chunk({"content": word})


def raw(*pieces: Any, **options: Any) -> Reply:
    return Reply(list(pieces), **options)


def wire(*pieces: Any) -> Reply:
    """A reply of which every byte is given, the status line included."""
    return Reply(list(pieces), status=0)


def fragment(**entry: Any) -> bytes:
    return chunk({"tool_calls": [entry]})


def looked_up(*fragments: bytes, finish: Iterable[bytes] = tuple(CALLED)) -> list[Reply]:
    """A step with calls, and one that ends the answer."""
    return [raw(*fragments, *finish), text("Found.")]


def keeping_alive() -> Iterator[Any]:
    return itertools.cycle([b": keep-alive\n\n", Pause(0.05)])


def in_band(body: Any) -> list[Reply]:
    return [raw(said("Half "), event(json.dumps(body)), *STOP)]


def document(message: dict[str, Any], finish: str) -> Reply:
    body = {"object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    return Reply([json.dumps(body).encode()], content_type="application/json")


HTML = b"<!DOCTYPE html><html><body>secret upstream words: sign in</body></html>"
EMOJI = "Film 🎬 and 👩‍🚀 and é"
SPLIT_EMOJI = said(EMOJI)
WHOLE = '{"query": "Kid", "limit": 2}'
ONE = (("search_movies", True),)
TWO = (("search_movies", True), ("search_movies", True))
BIG = "All the films. " * 70_000

CASES = [
    # Ends
    Case("whole answer", [text("Hello ", "there.")], "Hello there."),
    Case("no finish_reason, no [DONE]", [raw(said("Half "), said("an"))], "Half an", UNAVAILABLE),
    Case("no finish_reason, then [DONE]", [raw(said("Half"), DONE)], "Half", UNAVAILABLE),
    Case("no finish_reason, usage, then [DONE]", [raw(said("Half"), usage(), DONE)], "Half", UNAVAILABLE),
    Case("nothing at all, nor to fewer tools", [raw(), raw()], "", UNAVAILABLE, requests=2),
    Case("only [DONE]", [raw(DONE), raw(DONE)], "", UNAVAILABLE, requests=2),
    Case("half an event at the end", [raw(said("Half"), b'data: {"choices":[{"delta":{"content":"a')], "Half", UNAVAILABLE),
    Case("whole event without its blank line", [raw(said("All."), chunk(finish="stop").rstrip(b"\n"))], "All.", estimated=True),
    Case("finish_reason without [DONE]", [raw(said("All."), chunk(finish="stop"))], "All.", estimated=True),
    Case("silence after finish_reason", [raw(said("All."), chunk(finish="stop"), HANG)], "All.", estimated=True),
    Case("reset after finish_reason", [raw(said("All."), chunk(finish="stop"), Pause(0.05), RESET)], "All.", estimated=True),
    Case("[DONE] twice", [raw(said("All."), *STOP, DONE)], "All."),
    Case("data after [DONE]", [raw(said("All."), *STOP, b"data: {broken\n\n", said("more"))], "All."),
    Case("finish_reason on the last text", [raw(chunk({"content": "All."}, "stop"), DONE)], "All.", estimated=True),
    Case("unknown finish_reason", [raw(said("All."), chunk(finish="eos"), DONE)], "All.", estimated=True),
    Case("finish_reason in capitals", [raw(said("Cut"), chunk(finish="MAX_TOKENS"), DONE)], "Cut", TRUNCATED),
    Case("finish_reason error", [raw(said("Half"), chunk(finish="error"), DONE)], "Half", UNAVAILABLE),
    Case("empty answer", [raw(*STOP), raw(*STOP)], "", UNAVAILABLE, requests=2),
    Case("empty answer, then to fewer tools", [raw(*STOP), text("All.")], "All.", requests=2),
    Case("nothing at all, then to fewer tools", [raw(), text("All.")], "All.", requests=2),
    Case("answer of white space", [text(" ", "\n")], " \n", UNAVAILABLE),
    # Bodies that are no stream of completions
    Case("HTML with 200", [Reply([HTML], content_type="text/html")], "", UNAVAILABLE),
    Case("HTML that says it is a stream", [raw(HTML)], "", UNAVAILABLE),
    Case("JSON reply of a server that does not stream", [document({"content": "All at once."}, "stop")], "All at once.", estimated=True),
    Case(
        "JSON reply with a tool call",
        [document({"content": None, "tool_calls": [call("search_movies", SEARCH)]}, "tool_calls"), text("Found.")],
        "Found.", calls=ONE, requests=2, estimated=True,
    ),
    Case("JSON reply that says it is a stream", [raw(*document({"content": "All."}, "stop").pieces)], "All.", estimated=True),
    Case("stream that says it is JSON", [Reply([said("All."), *STOP], content_type="application/json")], "All."),
    Case("JSON error with 200", [Reply([b'{"error":{"message":"secret upstream words"}}'], content_type="application/json")], "", UNAVAILABLE),
    Case("malformed JSON", [raw(said("Half"), b"data: {'choices': []}\n\n", *STOP)], "Half", UNAVAILABLE),
    Case("JSON that is no object", [raw(said("Half"), event("[1, 2]"), *STOP)], "Half", UNAVAILABLE),
    Case("bytes that are no UTF-8", [raw(said("Half"), b'data: {"x": "\xff\xfe"}\n\n', *STOP)], "Half", UNAVAILABLE),
    Case("JSON nested too deeply", [raw(said("Half"), event("[" * 50_000), *STOP)], "Half", UNAVAILABLE),
    # Errors inside the stream
    Case("in-band error object", in_band({"error": {"message": WORDS, "type": "server_error"}}), "Half ", UNAVAILABLE),
    Case("in-band error string", in_band({"error": WORDS}), "Half ", UNAVAILABLE),
    Case("in-band rate limit", in_band({"error": {"message": WORDS, "code": 429}}), "Half ", LIMITED),
    Case("in-band content filter", in_band({"error": {"code": "content_filter", "message": WORDS}}), "Half ", FILTERED),
    Case("in-band invalid request", in_band({"error": {"type": "invalid_request_error", "message": WORDS}}), "Half ", REJECTED),
    Case("in-band error of vLLM", in_band({"object": "error", "message": WORDS, "code": 400}), "Half ", UNAVAILABLE),
    Case("in-band context length after text", in_band({"error": {"code": "context_length_exceeded"}}), "Half ", "context_too_long"),
    Case("in-band error beside choices", in_band({"choices": [], "error": {"code": 500, "message": WORDS}}), "Half ", UNAVAILABLE),
    # Keep-alives, silence, broken connections
    Case("comments before the answer", [raw(*[b": OPENROUTER PROCESSING\n\n"] * 5, said("All."), *STOP)], "All."),
    Case("empty data as keep-alive", [raw(b"data:\n\n", said("All."), b"data: \n\n", *STOP)], "All."),
    Case("comments for ever", [Reply(itertools.chain([said("Half")], keeping_alive()))], "Half", TIMEOUT),
    Case("comments for ever, and no answer", [Reply(keeping_alive())], "", TIMEOUT),
    Case("empty events for ever", [Reply(itertools.chain([said("Half")], itertools.cycle([b"data:\n\n", Pause(0.05)])))], "Half", TIMEOUT),
    Case("role chunks for ever", [Reply(itertools.cycle([chunk({"role": "assistant"}), Pause(0.05)]))], "", TIMEOUT),
    Case("silence before the status line", [wire(HANG)], "", TIMEOUT),
    Case("silence before the first chunk", [raw(HANG)], "", TIMEOUT),
    Case("silence in the middle", [raw(said("Half"), HANG)], "Half", TIMEOUT),
    Case("reset in the middle", [raw(said("Half"), Pause(0.05), RESET)], "Half", UNAVAILABLE),
    Case("reset before the status line, then well", [wire(RESET), text("Well.")], "Well.", requests=2),
    Case("body shorter than announced", [wire(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n", said("Half"))], "Half", UNAVAILABLE),
    Case("broken chunked encoding", [wire(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnonsense")], "", UNAVAILABLE),
    Case("gzip that is none", [Reply([said("Half"), *STOP], headers={"content-encoding": "gzip"})], "", UNAVAILABLE),
    Case("gzip", [Reply([gzip.compress(said("All.") + b"".join(STOP))], headers={"content-encoding": "gzip"})], "All."),
    Case("not HTTP", [wire(b"SSH-2.0-OpenSSH_9.6\r\n")], "", UNAVAILABLE),
    Case("refused connection", [], "", UNAVAILABLE, requests=0, away=True),
    # HTTP errors
    Case("429 with a short Retry-After", [error(429, Retry_After="0"), text("Well.")], "Well.", requests=2),
    Case("429 with a long Retry-After", [error(429, Retry_After="3600")], "", LIMITED, retry_after=3600),
    Case("429 for ever", [error(429, Retry_After="0"), error(429, Retry_After="0")], "", LIMITED, requests=2, retry_after=0),
    Case("429 with an odd Retry-After", [error(429, Retry_After="soon"), text("Well.")], "Well.", requests=2),
    Case("400", [error(400, "invalid_request_error")], "", REJECTED),
    Case("401", [error(401, "invalid_api_key")], "", REJECTED),
    Case("403", [error(403)], "", REJECTED),
    Case("404 of a model", [error(404, "model_not_found")], "", REJECTED),
    Case("400 of a content filter", [error(400, "content_filter")], "", FILTERED),
    Case("400 context length, nothing to trim", [error(400, "context_length_exceeded")] * 2, "", "context_too_long", requests=2),
    Case("413 with HTML", [Reply([HTML], 413, content_type="text/html")], "", REJECTED),
    Case("500 then well", [error(500), text("Well.")], "Well.", requests=2),
    Case("503 for ever", [error(503), error(503)], "", UNAVAILABLE, requests=2),
    Case("504 for ever", [error(504), error(504)], "", TIMEOUT, requests=2),
    Case("an error whose body never ends", [Reply([b"{", HANG], 500), text("Well.")], "", TIMEOUT),
    Case("an error whose body is endless", [Reply(itertools.cycle([b"x" * 60_000]), 400)], "", REJECTED),
    Case("redirect to another host", [Reply([], 307, {"location": "http://127.0.0.1:9/v1/chat/completions"})], "", REJECTED),
    Case("204", [Reply([], 204)] * 2, "", UNAVAILABLE, requests=2),
    # Shapes of chunks
    Case("delta null", [raw(chunk(choices=[{"index": 0, "delta": None}]), said("All."), *STOP)], "All."),
    Case("choices null", [raw(chunk(choices=None), said("All."), *STOP)], "All."),
    Case("choices empty", [raw(chunk(choices=[]), said("All."), *STOP)], "All."),
    Case("a choice null", [raw(chunk(choices=[None]), said("All."), *STOP)], "All."),
    Case("two choices", [raw(said("All."), chunk(choices=[{"index": 1, "delta": {"content": "Other"}, "finish_reason": "length"}]), *STOP)], "All."),
    Case("usage null in each chunk", [raw(chunk({"content": "All."}, usage=None), *STOP)], "All."),
    Case("usage absent", [raw(said("All."), chunk(finish="stop"), DONE)], "All.", estimated=True),
    Case("usage of another shape", [raw(said("All."), chunk(finish="stop", usage=["many"]), DONE)], "All.", estimated=True),
    Case("content null beside a role", [raw(chunk({"role": "assistant", "content": None}), said("All."), *STOP)], "All."),
    Case("content as a list of parts", [raw(chunk({"content": [{"type": "text", "text": "All"}, {"type": "text", "text": "."}]}), *STOP)], "All."),
    Case("unknown fields everywhere", [raw(chunk({"content": "All.", "audio": {"x": [1]}}, x_groq={"id": 1}), *STOP)], "All."),
    Case("nonsense in fields that do not matter", [raw(chunk({"content": "All.", "reasoning": {"a": 1}}, id=5, created="now", model=None), *STOP)], "All."),
    # Bytes
    Case("CRLF line ends", [raw(*(piece.replace(b"\n", b"\r\n") for piece in [said("All."), *STOP]))], "All."),
    Case("CR line ends", [raw(*(piece.replace(b"\n", b"\r") for piece in [said("All."), *STOP]))], "All."),
    Case("CRLF split between packets", [raw(*itertools.chain.from_iterable((piece.replace(b"\n", b"\r\n")[:-1], Pause(0.01), b"\n") for piece in [said("All."), *STOP]))], "All."),
    Case("no space after data:", [raw(*(piece.replace(b"data: ", b"data:") for piece in [said("All."), *STOP]))], "All."),
    Case("event names and ids", [raw(b"event: message\nid: 7\nretry: 1\n" + said("All."), *STOP)], "All."),
    Case("an event on two data lines", [raw(said("All.").replace(b'"choices"', b'\ndata: "choices"'), *STOP)], "All."),
    Case("a byte order mark", [raw(b"\xef\xbb\xbf" + said("All."), *STOP)], "All."),
    Case("emoji split between packets", [raw(*itertools.chain.from_iterable((SPLIT_EMOJI[at : at + 7], Pause(0.001)) for at in range(0, len(SPLIT_EMOJI), 7)), *STOP)], EMOJI),
    Case("emoji split between chunks, escaped", [raw(*(event(f'{{"choices":[{{"index":0,"delta":{{"content":"{half}"}}}}]}}') for half in ("So \\ud83c", "\\udfac there")), *STOP)], "So 🎬 there"),
    Case("half an emoji", [raw(event('{"choices":[{"delta":{"content":"So \\ud83c there"}}]}'), *STOP)], "So � there"),
    Case("a NUL in the text", [text("So\x00there")], "So\x00there"),
    Case("one megabyte in one chunk", [text(BIG)], BIG),
    Case("a megabyte of tiny chunks", [text(*["tiny "] * 6_000)], "tiny " * 6_000),
    Case("an event of nine megabytes", [raw(said("Half"), b"data: " + b"x" * 9_000_000, *STOP)], "Half", UNAVAILABLE),
    Case("an answer that never ends", [Reply(itertools.chain([said("x" * 500_000)] * 8, itertools.cycle([said("x" * 500_000)])))], "x" * 4_000_000, TRUNCATED),
    # Outcomes
    Case("length inside text", [raw(said("Cut sh"), chunk(finish="length"), usage(), DONE)], "Cut sh", TRUNCATED),
    Case("length inside a call", [raw(said("Let me see."), fragment(index=0, id="a", function={"name": "search_movies", "arguments": '{"query": "K'}), chunk(finish="length"), DONE)], "Let me see.", TRUNCATED),
    Case("length after a whole call", [raw(fragment(**call("search_movies", SEARCH)), chunk(finish="length"), DONE)], "", TRUNCATED),
    Case("refusal", [raw(chunk({"refusal": "I can't "}), chunk({"refusal": "do that."}), *STOP)], "I can't do that.", FILTERED),
    Case("content filter", [raw(said("Well, "), chunk(finish="content_filter"), DONE)], "Well, ", FILTERED),
    Case("content filter of Gemini", [raw(said("Well, "), chunk(finish="SAFETY"), DONE)], "Well, ", FILTERED),
    Case("reasoning", [raw(chunk({"reasoning": "Hm. "}), chunk({"reasoning": "Yes."}), said("All."), *STOP)], "All.", reasoning="Hm. Yes."),
    Case("reasoning_content", [raw(chunk({"reasoning_content": "Hm.", "content": None}), said("All."), *STOP)], "All.", reasoning="Hm."),
    Case("reasoning_text", [raw(chunk({"reasoning_text": "Hm.", "content": ""}), said("All."), *STOP)], "All.", reasoning="Hm."),
    Case("reasoning and no answer", [raw(chunk({"reasoning": "Hm."}), *STOP)], "", UNAVAILABLE, reasoning="Hm."),
    Case("cut inside the reasoning", [raw(chunk({"reasoning": "Hm."}))], "", UNAVAILABLE, reasoning="Hm."),
    # Tool calls
    Case("a call in fragments", [calls(call("search_movies", WHOLE), split=3), text("Found.")], "Found.", calls=ONE, requests=2),
    Case("text, then a call", [calls(call("search_movies", SEARCH), say="Let me see. "), text("Found.")], "Let me see. Found.", calls=ONE, requests=2),
    Case("index missing", looked_up(fragment(id="a", function={"name": "search_movies", "arguments": '{"query":'}), fragment(function={"arguments": ' "Kid"}'})), "Found.", calls=ONE, requests=2),
    Case("index null, two calls", looked_up(*(fragment(index=None, id=name, function={"name": "search_movies", "arguments": WHOLE}) for name in "ab")), "Found.", calls=TWO, requests=2),
    Case("no index and no id, two calls", looked_up(*[fragment(function={"name": "search_movies", "arguments": WHOLE})] * 2), "Found.", calls=TWO, requests=2),
    Case("index 0 reused", looked_up(*(fragment(**call("search_movies", WHOLE, name)) for name in "ab")), "Found.", calls=TWO, requests=2),
    Case("index 0 reused, the first without arguments", looked_up(fragment(index=0, id="a", function={"name": "taste_profile", "arguments": ""}), fragment(**call("search_movies", WHOLE, "b"))), "Found.", calls=(("taste_profile", True), *ONE), requests=2),
    Case("a new id for each fragment", looked_up(*(fragment(index=0, id=f"id{place}", function={"name": "search_movies" if place == 0 else None, "arguments": part}) for place, part in enumerate(["", '{"query"', ': "Kid"}']))), "Found.", calls=ONE, requests=2),
    Case("a new id and the name for each fragment", looked_up(*(fragment(index=0, id=f"id{place}", function={"name": "search_movies", "arguments": part}) for place, part in enumerate(["", '{"query"', ': "Kid"}']))), "Found.", calls=ONE, requests=2),
    Case("id and name repeated in each fragment", looked_up(*(fragment(index=0, id="a", function={"name": "search_movies", "arguments": part}) for part in ["", '{"query"', ': "Kid"}'])), "Found.", calls=ONE, requests=2),
    Case("interleaved fragments of two calls", looked_up(fragment(**call("search_movies", "", "a", 0)), fragment(**call("search_movies", "", "b", 1)), *(fragment(index=index, function={"arguments": part}) for part in ['{"query":', ' "Kid"}'] for index in (0, 1))), "Found.", calls=TWO, requests=2),
    Case("one id for two calls", looked_up(*(fragment(**call("search_movies", WHOLE, "same", index)) for index in (0, 1))), "Found.", calls=TWO, requests=2),
    Case("the same id in each step", [calls(call("search_movies", WHOLE, "call_0")), calls(call("search_movies", WHOLE, "call_0")), text("Found.")], "Found.", calls=TWO, requests=3),
    Case("an id that is a number", looked_up(fragment(index="0", id=17, function={"name": "search_movies", "arguments": WHOLE})), "Found.", calls=ONE, requests=2),
    Case("an empty id", looked_up(fragment(index=0, id="", function={"name": "search_movies", "arguments": WHOLE})), "Found.", calls=ONE, requests=2),
    Case("arguments as an object", looked_up(fragment(index=0, id="a", function={"name": "search_movies", "arguments": SEARCH})), "Found.", calls=ONE, requests=2),
    Case("arguments null", looked_up(fragment(index=0, id="a", function={"name": "taste_profile", "arguments": None})), "Found.", calls=(("taste_profile", True),), requests=2),
    Case("arguments empty", looked_up(fragment(index=0, id="a", function={"name": "taste_profile", "arguments": ""})), "Found.", calls=(("taste_profile", True),), requests=2),
    Case("arguments malformed", looked_up(fragment(**call("search_movies", '{"query": Kid}'))), "Found.", calls=(("search_movies", False),), requests=2),
    Case("arguments as an array", looked_up(fragment(**call("search_movies", [1, 2]))), "Found.", calls=(("search_movies", False),), requests=2),
    Case("arguments nested too deeply", looked_up(fragment(**call("search_movies", '{"query":' + "[" * 20_000))), "Found.", calls=(("search_movies", False),), requests=2),
    Case("arguments with half a character", looked_up(fragment(**call("search_movies", '{"query": "\\ud83c"}'))), "Found.", calls=(("search_movies", False),), requests=2),
    Case("arguments with NaN", looked_up(fragment(**call("search_movies", '{"query": NaN}'))), "Found.", calls=(("search_movies", False),), requests=2),
    Case("arguments of a quarter megabyte", looked_up(fragment(**call("search_movies", {"query": "x" * 250_000}))), "Found.", calls=(("search_movies", False),), requests=2),
    Case("arguments invalid, then mended", [calls(call("search_movies", {"limit": "many"})), calls(call("search_movies", SEARCH, "b")), text("Found.")], "Found.", calls=(("search_movies", False), *ONE), requests=3),
    Case("unknown tool", looked_up(fragment(**call("buy_tickets", {"movie": 1}))), "Found.", calls=(("buy_tickets", False),), requests=2),
    Case("a name that is none", looked_up(fragment(**call("search movies!\x00" + "x" * 80, SEARCH))), "Found.", calls=(("search movies!\x00" + "x" * 80, False),), requests=2),
    Case("no name", looked_up(fragment(index=0, id="a", function={"arguments": "{}"})), "Found.", calls=(("", False),), requests=2),
    Case("a function null", looked_up(fragment(index=0, id="a", function=None)), "Found.", calls=(("", False),), requests=2),
    Case("a call null", [raw(chunk({"tool_calls": [None]}), said("All."), *STOP)], "All."),
    Case("tool_calls null and empty", [raw(chunk({"content": "All", "tool_calls": None}), chunk({"content": ".", "tool_calls": []}), *STOP)], "All."),
    Case("stop with tool calls", looked_up(fragment(**call("search_movies", SEARCH)), finish=STOP), "Found.", calls=ONE, requests=2),
    Case("tool_calls without a call", [raw(said("All."), *CALLED)], "All."),
    Case("parallel calls of which one fails", looked_up(fragment(**call("search_movies", SEARCH, "a", 0)), fragment(**call("get_movie", {"movie": "Zzyzx Qwrty"}, "b", 1)), fragment(**call("search_movies", SEARCH, "c", 2))), "Found.", calls=(("search_movies", True), ("get_movie", False), ("search_movies", True)), requests=2),
    Case("a tool loop that never ends", [calls(call("search_movies", SEARCH, f"c{step}")) for step in range(4)], "", "step_limit", calls=ONE * 3, requests=4),
    Case("a tool loop until there are no tools", [*(calls(call("search_movies", SEARCH, f"c{step}")) for step in range(3)), text("So.")], "So.", calls=ONE * 3, requests=4),
    Case("calls and words where there are no tools", [*(calls(call("search_movies", SEARCH, f"c{step}")) for step in range(3)), calls(call("search_movies", SEARCH), say="So.")], "So.", calls=ONE * 3, requests=4),
    Case("two hundred calls at once", [raw(*(fragment(**call("search_movies", SEARCH, f"c{index}", index)) for index in range(200)), *CALLED)], "", UNAVAILABLE),
    Case("cut inside a call", [raw(said("Let me see."), fragment(index=0, id="a", function={"name": "search_movies", "arguments": '{"que'}))], "Let me see.", UNAVAILABLE),
    Case("failure in the second step", [calls(call("search_movies", SEARCH), say="Let me see. "), raw(said("It is"), RESET)], "Let me see. It is", UNAVAILABLE, calls=ONE, requests=2),
]  # fmt: skip


@pytest.fixture(scope="module")
def script() -> Iterator[scripted.Upstream]:
    with scripted.running() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def corpus_server(
    catalogue_dir: Path, script: scripted.Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("corpus") / "data"))
    settings = Settings(
        _env_file=None, data_dir=folder, log_level="ERROR", shutdown_grace=0, openai_api_key=KEY,
        openai_base_url=script.url, openai_model="scripted", llm_idle_timeout=1, llm_first_token_timeout=1, llm_max_retries=1, llm_max_steps=4,
        llm_total_timeout=4, llm_max_retry_after=1, llm_connect_timeout=1,
    )  # fmt: skip
    with serving(settings) as running:
        yield running


@pytest.fixture(scope="module")
def corpus_client(corpus_server: Server) -> Iterator[httpx.Client]:
    with corpus_server.client() as client:
        yield client


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case, script: scripted.Upstream, corpus_client: httpx.Client) -> None:
    script.requests.clear()
    script.problems.clear()
    script.replies.clear()
    script.queue(*case.replies)
    session = new_session(corpus_client)
    with script.away() if case.away else nullcontext():
        stream = send(corpus_client, session, "Which films?")
    check_seen(case, stream, script)
    check_history(case, stream, corpus_client, session)
    check_next(case, script, corpus_client, session)


def check_seen(case: Case, stream: Stream, script: scripted.Upstream) -> None:
    """The client's side: a whole stream, the text, the calls, the outcome, and nothing of the upstream's own words."""
    check_whole(stream)
    last = stream.events[-1]
    assert last["type"] == ("run.failed" if case.code else "run.completed"), last["error"]
    assert (last["error"] or {}).get("code") == case.code
    assert (last["error"] or {}).get("retry_after") == case.retry_after
    assert stream.text == case.text
    assert "".join(event["delta"] for event in stream.events if event["type"] == "reasoning.delta") == case.reasoning
    results = [(event["name"], event["ok"]) for event in stream.events if event["type"] == "tool.result"]
    assert results == list(case.calls)
    assert len(script.requests) == case.requests
    if case.code is None:
        assert last["run"]["usage"]["estimated"] is case.estimated
    for word in (WORDS, KEY, "httpx", "openai."):
        assert word.encode() not in stream.raw


def check_history(case: Case, stream: Stream, client: httpx.Client, session: str) -> None:
    """The store's side: the same text, calls and outcome, in messages, in the run and in the replay."""
    run = read_run(client, stream.run["id"])
    assert run == stream.run
    messages = history(client, session)
    assert [message["content"] for message in messages if message["role"] == "user"] == ["Which films?"]
    answers = [message for message in messages if message["role"] == "assistant"]
    assert "".join(message["content"] for message in answers) == case.text
    assert "".join(message["reasoning"] or "" for message in answers) == case.reasoning
    assert [call["name"] for message in answers for call in message["tool_calls"]] == [name for name, _ in case.calls]
    assert [(message["name"], message["ok"]) for message in messages if message["role"] == "tool"] == list(case.calls)
    if messages[-1]["role"] == "assistant":
        assert messages[-1]["status"] == run["status"]
        assert messages[-1] == stream.events[-1]["message"]
    assert replay(client, run["id"]).frames == stream.frames


def check_next(case: Case, script: scripted.Upstream, client: httpx.Client, session: str) -> None:
    """The next message: what goes upstream is valid and holds what was said, and the answer comes."""
    script.replies.clear()
    script.queue(text("Next."))
    answer = ask(client, session, "And now?")
    assert answer["run"]["status"] == "completed", answer["run"]["error"]
    assert script.problems == []
    sent = script.requests[-1]["messages"]
    assert [message["content"] for message in sent if message["role"] == "user"][-1] == "And now?"
    if len(case.text) < 10_000:
        assert "Which films?" in str(sent)
        assert case.text.strip() in "".join(
            message["content"] or "" for message in sent if message["role"] == "assistant"
        )
    assert sum(len(message.get("tool_calls") or ()) for message in sent) in {0, len(case.calls)}


def test_what_a_provider_attached_to_a_call_is_sent_back(
    script: scripted.Upstream, corpus_client: httpx.Client
) -> None:
    """Gemini refuses the next request without its thought signature: in the same answer, and in later ones."""
    attached = {"extra_content": {"google": {"thought_signature": "c2lnbmF0dXJl"}}}
    of_function = {"thought_signature": "c2ln"}
    entry = {**call("search_movies", SEARCH), **attached}
    entry["function"] |= of_function
    script.requests.clear()
    script.queue(raw(fragment(**entry), *CALLED), text("Found."), text("Next."))
    session = new_session(corpus_client)
    check_whole(send(corpus_client, session))
    ask(corpus_client, session)
    for request in script.requests[1:]:
        [sent] = [item for message in request["messages"] for item in message.get("tool_calls") or ()]
        assert sent["extra_content"] == attached["extra_content"]
        assert sent["function"]["thought_signature"] == of_function["thought_signature"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply([HTML], content_type="text/html"),
        Reply([b"[1, 2]"], content_type="application/json"),
        Reply([b'{"data": null}'], content_type="application/json"),
        Reply([b'{"data": [null, {"id": null}, {}]}'], content_type="application/json"),
        Reply([b"{broken"], content_type="application/json"),
        error(500),
        raw(HANG),
        raw(b"{", HANG, content_type="application/json"),
        wire(RESET),
    ],
)
def test_odd_lists_of_models(reply: Reply, script: scripted.Upstream, corpus_client: httpx.Client) -> None:
    script.instead_of_models = reply
    response = corpus_client.get("/models")
    script.instead_of_models = None
    assert (response.status_code, response.json()["data"]) == (200, ["scripted"])
    assert WORDS not in response.text


def test_names_differ() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 45
    assert {"run.completed", "run.failed"} < LAST
