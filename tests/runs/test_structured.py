"""Structured answers and actions: valid or refused, repaired by the model, never by guessing; and a worked example."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from errors import InvalidField
from json_schema import check_schema, parse, problems
from runs.schema_checks import SchemaChecker
from tests.support import scripted
from tests.support.scripted import Gate, Reply, call, calls, text
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import (
    JSON,
    STREAM,
    Stream,
    ask,
    check_whole,
    history,
    new_session,
    read_run,
    replay,
    send,
    sending,
)

PICK: dict[str, Any] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "year": {"type": "integer", "minimum": 1900}},
    "required": ["title", "year"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "pick", "schema": PICK}}
VALID = '{"title": "Heat", "year": 1995}'
BOOK = {"name": "book", "description": "Book a seat.", "parameters": PICK}
EXAMPLE = ROOT / "examples" / "pipeline_api.json"


def submit(client: httpx.Client, run_id: str, *results: tuple[str, Any], key: str | None = None) -> httpx.Response:
    body = {"results": [{"call_id": call_id, "output": output} for call_id, output in results]}
    return client.post(
        f"/runs/{run_id}/actions", json=body, headers={**STREAM, **({"Idempotency-Key": key} if key else {})}
    )


def book(**arguments: Any) -> dict[str, Any]:
    return call("book", arguments or {"title": "Heat", "year": 1995})


def run_of(client: httpx.Client, session: str) -> str:
    return str(history(client, session)[0]["run_id"])


# Structured answers


def test_a_valid_answer_is_one_document(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(text(VALID[:9], VALID[9:]))
    stream = send(llm_client, new_session(llm_client), response_format=FORMAT)
    check_whole(stream)
    assert json.loads(stream.text) == {"title": "Heat", "year": 1995}
    assert upstream.requests[0]["response_format"] == FORMAT


@pytest.mark.parametrize(
    "wrong",
    [
        "Heat!",
        '{"title": "Heat"}',
        '{"title": "Heat", "year": 1995',
        f"```json\n{VALID}\n```",
        '{"title": "", "year": NaN}',
    ],
)
def test_an_invalid_answer_goes_back_to_the_model(
    wrong: str, upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    """And the client sees the mended one alone."""
    upstream.queue(text(wrong), text(VALID), text("Next."))
    session = new_session(llm_client)
    stream = send(llm_client, session, response_format=FORMAT)
    assert (stream.text, stream.run["status"], stream.run["steps"]) == (VALID, "completed", 2)
    told = upstream.requests[1]["messages"][-2:]
    assert [(m["role"], m["content"]) for m in told[:1]] == [("assistant", wrong)]
    assert told[1]["role"] == "user"
    assert [m["content"] for m in history(llm_client, session)] == ["hello", VALID]
    assert ask(llm_client, session)["run"]["status"] == "completed"


def test_an_answer_that_is_never_valid_fails(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(*[text('{"title": "Heat"}')] * 3, text("Next."))
    session = new_session(llm_client)
    stream = send(llm_client, session, response_format=FORMAT)
    check_whole(stream)
    assert stream.events[-1]["error"]["code"] == "invalid_output"
    assert "At the top: 'year' is a required property." in stream.events[-1]["error"]["detail"]
    assert [(m["content"], m["status"]) for m in history(llm_client, session)][1:] == [('{"title": "Heat"}', "failed")]
    assert len(upstream.requests) == 3
    assert ask(llm_client, session)["run"]["status"] == "completed"


def test_tools_may_be_called_before_a_structured_answer(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(calls(call("search_movies", {"query": "Kid"})), text(VALID))
    stream = send(llm_client, new_session(llm_client), response_format=FORMAT)
    assert stream.outline == [
        "run.created",
        "session.updated",
        "tool.call",
        "tool.result",
        "text.delta",
        "run.completed",
    ]
    assert stream.text == VALID


def test_a_retry_keeps_the_format(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(text(VALID), text("no"), text(VALID))
    session = new_session(llm_client)
    first = send(llm_client, session, response_format=FORMAT)
    path = f"/sessions/{session}/messages/{first.run['message_id']}/retry"
    assert Stream(llm_client.post(path, headers=STREAM).content).text == VALID


# What a schema may be


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"type": "object", "properties": 5},
        {"$ref": "https://example.com/schema.json"},
        {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "(?=a)"},
        {"type": "object", "patternProperties": {"(a+)+$": {}}},
        {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(4_000)}},
        {"enum": ["\ud800"]},
        {"const": float("nan")},
    ],
)
def test_a_schema_that_cannot_be_checked_is_refused(schema: dict[str, Any], llm_client: httpx.Client) -> None:
    body = {"content": "hello", "response_format": {**FORMAT, "json_schema": {"name": "x", "schema": schema}}}
    session = new_session(llm_client)
    raw = json.dumps(body)
    response = llm_client.post(
        f"/sessions/{session}/messages", content=raw, headers={"content-type": "application/json"}
    )
    assert (response.status_code, response.json()["code"]) == (422, "validation_error")


def test_a_pattern_that_would_backtrack_for_ever_does_not() -> None:
    schema = check_schema({"type": "string", "pattern": "^(a+)+$"})
    assert problems(schema, "a" * 40 + "b")
    assert problems(schema, "a" * 40) == []


def doubling(kind: str) -> dict[str, Any]:
    """A schema that is small and takes two to the power of forty steps to check with."""
    if kind == "unevaluatedProperties":
        inner: Any = {"properties": {"b": {}}}
        for _ in range(40):
            inner = {"allOf": [inner], "unevaluatedProperties": False}
        return {"type": "object", "properties": {"a": inner}}
    branch: Any = {f"d{depth}": {"allOf": [{"$ref": f"#/$defs/d{depth + 1}"}] * 2} for depth in range(40)}
    return {
        "type": "object",
        "$defs": {**branch, "d40": {"type": "string"}},
        "properties": {"a": {"$ref": "#/$defs/d0"}},
    }


@pytest.mark.parametrize("kind", ["$ref", "unevaluatedProperties"])
def test_a_check_that_would_take_for_ever_ends_and_stops_nobody(
    kind: str, upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    """The event loop goes on under it: it serves another client while the process that checks is at work."""
    schema = {"name": "x", "schema": doubling(kind)}
    upstream.queue(*[text('{"a": {"b": "x"}}' if kind != "$ref" else '{"a": "x"}')] * 3, text("Next."))
    session = new_session(llm_client)
    turns = 0
    with sending(llm_client, session, response_format={"type": "json_schema", "json_schema": schema}) as live:
        live.until("run.created")
        while read_run(llm_client, run_of(llm_client, session))["status"] == "in_progress":
            turns += 1
        stream = live.rest()
    assert turns > 20
    error = stream.events[-1]["error"]
    assert error["code"] == "invalid_output"
    assert "takes longer to check than the time that there is for it" in error["detail"]
    assert ask(llm_client, session)["run"]["status"] == "completed"


@pytest.mark.parametrize("where", ["a message", "an action"])
def test_a_number_that_cannot_be_calculated_with_is_refused(where: str, llm_client: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"a": {"multipleOf": 10**400}}}
    if where == "a message":
        shape = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        path = f"/sessions/{new_session(llm_client)}/messages"
        response = llm_client.post(path, json={"content": "hello", "response_format": shape})
        at = "body.response_format.json_schema.schema"
    else:
        actions = [BOOK, {"name": "odd", "parameters": schema}]
        response = llm_client.post("/sessions", json={"actions": actions})
        at = "body.actions.1.parameters"
    assert (response.status_code, response.json()["code"]) == (422, "validation_error")
    [error] = response.json()["errors"]
    assert error["path"] == at
    assert "a number of 401 digits" in error["message"]


def test_a_document_with_a_number_that_is_too_large_is_invalid(
    upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    shape = {"name": "x", "schema": {"type": "object", "properties": {"a": {"multipleOf": 0.1}}}}
    upstream.queue(text(f'{{"a": {10**400}}}'), text('{"a": 0.5}'))
    stream = send(llm_client, new_session(llm_client), response_format={"type": "json_schema", "json_schema": shape})
    assert stream.text == '{"a": 0.5}'
    assert "too large" in upstream.requests[1]["messages"][-1]["content"]


async def test_a_schema_whose_own_check_takes_too_long_is_refused() -> None:
    large: Any = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(2_000)}}
    many = {f"body.actions.{number}.parameters": large for number in range(64)}
    checker = SchemaChecker()
    try:
        with pytest.raises(InvalidField, match="takes longer to check"):
            await checker.check_schemas(many)
        await checker.check_schemas({"body": PICK})
        assert await checker.document_problem(PICK, VALID) is None
    finally:
        await checker.close()


async def test_a_check_that_nobody_waits_for_any_more_ends() -> None:
    checker = SchemaChecker()
    try:
        asked = asyncio.create_task(checker.document_problem(doubling("$ref"), '{"a": "x"}'))
        while not checker._workers:
            await asyncio.sleep(0)
        [worker] = checker._workers
        asked.cancel()
        assert await worker.wait() != 0
        assert await checker.document_problem(PICK, VALID) is None
    finally:
        await checker.close()


def test_a_schema_without_end_is_stopped() -> None:
    assert problems(check_schema({"$ref": "#"}), {}) == [
        "The schema refers to itself without end, or the document is nested too deeply."
    ]


def test_formats_are_checked() -> None:
    assert problems({"type": "string", "format": "uuid"}, "block-1") == ["At the top: 'block-1' is not a 'uuid'."]


@pytest.mark.parametrize("document", ["NaN", "-Infinity", '"\\ud800"', "[" * 9_000, "{} {}", "", "{'a': 1}"])
def test_what_is_no_json(document: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        parse(document)


# Actions


def test_an_action_is_handed_over_and_continued(
    upstream: scripted.Upstream, llm_server: Server, llm_client: httpx.Client
) -> None:
    """Across a restart in between."""
    upstream.queue(calls(book(), say="I book it. "), text("Booked."), text("Next."))
    session = new_session(llm_client, actions=[BOOK])
    first = send(llm_client, session)
    check_whole(first)
    assert first.outline[-3:] == ["text.delta", "action.call", "run.requires_action"]
    [asked] = [event for event in first.events if event["type"] == "action.call"]
    assert asked["arguments"] == {"title": "Heat", "year": 1995}
    llm_server.stop()
    with serving(llm_server.settings) as again, again.client() as client:
        assert read_run(client, first.run["id"])["status"] == "requires_action"
        assert replay(client, first.run["id"]).frames == first.frames
        response = submit(client, first.run["id"], (asked["call_id"], {"seat": 7}), key="k")
        second = Stream(response.content)
        check_whole(second)
        assert (second.text, second.run["continues"]) == ("Booked.", first.run["id"])
        assert json.loads(upstream.requests[-1]["messages"][-1]["content"]) == {"seat": 7}
        repeated = submit(client, first.run["id"], (asked["call_id"], {"seat": 7}), key="k")
        assert Stream(repeated.content).frames == second.frames
        assert submit(client, first.run["id"], (asked["call_id"], {"seat": 7})).status_code == 409
        roles = [(m["role"], m["content"], m["result"]) for m in history(client, session)]
        assert roles == [
            ("user", "hello", None),
            ("assistant", "I book it. ", None),
            ("tool", "", {"seat": 7}),
            ("assistant", "Booked.", None),
        ]
        assert ask(client, session)["run"]["status"] == "completed"


@pytest.mark.parametrize(
    "output",
    [{"score": 5, "offset": 3}, {"movies": [{"movie_id": "x", "title": None, "genres": [1]}]}, {"because": 1}, [None]],
)
def test_what_an_action_gave_reaches_the_model_whole(
    upstream: scripted.Upstream, llm_client: httpx.Client, output: Any
) -> None:
    """It is the client's own, not a result of a tool of ours in which to leave out what a model has no use for."""
    upstream.queue(calls(book()), text("Booked."), text("Indeed."))
    session = new_session(llm_client, actions=[BOOK])
    run = send(llm_client, session).run["id"]
    assert submit(llm_client, run, ("call_1", output)).is_success
    assert send(llm_client, session, "again").run["status"] == "completed"
    assert [json.loads(it["content"]) for it in upstream.requests[-1]["messages"] if it["role"] == "tool"] == [output]


def test_results_must_be_those_that_are_waited_for(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    two = [book(), {**book(title="Ran", year=1985), "id": "call_2", "index": 1}]
    upstream.queue(calls(*two), text("Booked."))
    run_id = send(llm_client, new_session(llm_client, actions=[BOOK])).run["id"]
    for wrong in (
        [("call_1", 1)],
        [("call_1", 1), ("call_1", 2)],
        [("call_1", 1), ("call_3", 2)],
        [("call_1", 1), ("call_2", 2), ("call_3", 3)],
    ):
        response = submit(llm_client, run_id, *wrong)
        assert (response.status_code, response.json()["code"]) == (422, "validation_error")
    raw = '{"results": [{"call_id": "call_1", "output": NaN}, {"call_id": "call_2", "output": "\\ud800"}]}'
    response = llm_client.post(f"/runs/{run_id}/actions", content=raw, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert Stream(submit(llm_client, run_id, ("call_2", None), ("call_1", [])).content).text == "Booked."


@pytest.mark.parametrize(
    "wrong", [{"title": "Heat"}, {"title": "Heat", "year": "1995"}, {"title": "Heat", "year": 1, "x": 0}]
)
def test_an_invalid_action_goes_back_to_the_model(
    wrong: dict[str, Any], upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    upstream.queue(calls(book(**wrong)), calls({**book(), "id": "call_2"}))
    stream = send(llm_client, new_session(llm_client, actions=[BOOK]))
    assert stream.outline[2:] == ["tool.call", "tool.result", "action.call", "run.requires_action"]
    assert stream.events[2]["arguments"] is None
    assert [event["arguments"]["year"] for event in stream.events if event["type"] == "action.call"] == [1995]


def test_an_action_that_is_never_valid_fails(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(*[calls({**book(title="Heat"), "id": f"c{number}"}) for number in range(3)], text("Next."))
    session = new_session(llm_client, actions=[BOOK])
    stream = send(llm_client, session)
    assert stream.events[-1]["error"]["code"] == "invalid_output"
    assert not [event for event in stream.events if event["type"] == "action.call"]
    assert ask(llm_client, session)["run"]["status"] == "completed"


def test_tools_and_actions_in_one_step(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    """The tools are run, the actions handed over; the ids of the next step may be the same again."""
    search = call("search_movies", {"query": "Kid"}, "call_0", 0)
    mixed = calls(search, {**book(), "id": "call_1", "index": 1})
    upstream.queue(mixed, calls(search), text("Done."), text("Next."))
    session = new_session(llm_client, actions=[BOOK])
    first = send(llm_client, session)
    assert first.outline[2:] == ["tool.call", "tool.result", "action.call", "run.requires_action"]
    second = Stream(submit(llm_client, first.run["id"], ("call_1", "ok")).content)
    assert second.outline[1:] == ["tool.call", "tool.result", "text.delta", "run.completed"]
    assert ask(llm_client, session)["run"]["status"] == "completed"
    sent = [m for m in upstream.requests[-1]["messages"] if m["role"] == "tool"]
    assert [m["content"] == '"ok"' for m in sent] == [False, True, False]


def test_an_action_that_nobody_carries_out_does_not_brick_the_session(
    upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    upstream.queue(calls(book()), text("Never mind."))
    session = new_session(llm_client, actions=[BOOK])
    first = send(llm_client, session)
    assert ask(llm_client, session, "Forget it")["run"]["status"] == "completed"
    assert submit(llm_client, first.run["id"], ("call_1", 1)).status_code == 409


def test_a_run_that_waits_can_be_retried(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(calls(book()), text("Without booking."))
    session = new_session(llm_client, actions=[BOOK])
    first = send(llm_client, session)
    path = f"/sessions/{session}/messages/{first.run['message_id']}/retry"
    assert Stream(llm_client.post(path, headers=STREAM).content).text == "Without booking."
    assert submit(llm_client, first.run["id"], ("call_1", 1)).status_code == 409


def test_only_one_of_two_continuations_begins(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    gate = Gate()
    upstream.queue(calls(book()), Reply([gate, *text("Booked.").pieces]))
    session = new_session(llm_client, actions=[BOOK])
    first = send(llm_client, session)
    body = {"results": [{"call_id": "call_1", "output": 1}]}
    with llm_client.stream("POST", f"/runs/{first.run['id']}/actions", json=body, headers=STREAM) as response:
        assert response.status_code == 200
        assert submit(llm_client, first.run["id"], ("call_1", 1)).status_code == 409
        gate.open()
        response.read()
    assert [m["role"] for m in history(llm_client, session)] == ["user", "assistant", "tool", "assistant"]


# The worked example: a pipeline API, registered as actions


class PipelineApi:
    """What stands behind the actions: it knows which blocks there are, which no JSON Schema can."""

    def __init__(self) -> None:
        self.blocks = {str(uuid4()): kind for kind in ("source", "model")}
        self.pipelines: dict[str, dict[str, Any]] = {}

    def carry_out(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "list_blocks":
            return [{"id": block_id, "kind": kind} for block_id, kind in self.blocks.items()]
        if name == "create_block":
            block_id = str(uuid4())
            self.blocks[block_id] = arguments["kind"]
            return {"id": block_id}
        unknown = [block for block in arguments["blocks"] if block not in self.blocks]
        if unknown:
            return {"error": f"There are no blocks {unknown}."}
        self.pipelines[str(uuid4())] = arguments
        return {"id": [*self.pipelines][-1]}


def pipeline(blocks: list[str]) -> dict[str, Any]:
    edges = [{"source": {"block": a}, "target": {"block": b}} for a, b in pairwise(blocks)]
    return {"name": "nightly-scores", "blocks": blocks, "edges": edges, "schedule": {"every": "day", "at": "03:00"}}


def test_a_conversation_builds_a_pipeline(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    """The model looks blocks up, makes one, gets an id wrong, then a name, and ends with a valid request."""
    api = PipelineApi()

    def create(request: dict[str, Any]) -> Reply:
        known = [block["id"] for block in json.loads(request["messages"][3]["content"])]
        made = json.loads(request["messages"][5]["content"])["id"]
        return calls(call("create_pipeline", pipeline([*known, made])))

    upstream.queue(
        calls(call("list_blocks", {})),
        calls(call("create_block", {"name": "Store", "kind": "sink"})),
        calls(call("create_pipeline", pipeline(["source", "model"]))),
        calls(call("create_pipeline", pipeline([str(uuid4()), str(uuid4())]))),
        create,
        text("Your pipeline runs every night."),
    )
    session = new_session(llm_client, **json.loads(EXAMPLE.read_text()))
    answer = ask(llm_client, session, "Score new films every night and store the scores.")
    while answer["run"]["status"] == "requires_action":
        wanted = [item for message in answer["messages"] for item in message["tool_calls"] if item["action"]]
        results = [
            {"call_id": item["call_id"], "output": api.carry_out(item["name"], item["arguments"])} for item in wanted
        ]
        body = {"results": results}
        answer = llm_client.post(f"/runs/{answer['run']['id']}/actions", json=body, headers=JSON).json()
    assert answer["messages"][-1]["content"] == "Your pipeline runs every night."
    [made] = api.pipelines.values()
    assert len(made["edges"]) == 2
    assert {str(UUID(block)) for block in made["blocks"]} == set(api.blocks)
    refused = [m for m in history(llm_client, session) if m["role"] == "tool" and m["ok"] is False]
    assert "is not a 'uuid'" in refused[0]["content"]


def test_a_live_action_run_can_be_cancelled(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    gate = Gate()
    upstream.queue(Reply([gate, *calls(book()).pieces]), text("Next."))
    session = new_session(llm_client, actions=[BOOK])
    with sending(llm_client, session) as live:
        run_id = live.until("run.created")["run"]["id"]
        assert gate.reached.wait(5)
        assert llm_client.post(f"/runs/{run_id}/cancel").json()["status"] == "cancelled"
        assert live.rest().outline[-1] == "run.cancelled"
    assert ask(llm_client, session)["run"]["status"] == "completed"
