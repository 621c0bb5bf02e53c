"""What clients rely on: cursors, keys, names, origins, and a document that says it all."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from settings import Settings
from tests.api.test_http import is_problem
from tests.support import scripted
from tests.support.serving import Server, serving
from tests.support.wire import JSON, STREAM, Stream, ask, check_whole, history, new_session, send, sending

# Resuming


def test_of_two_cursors_the_larger_counts(client: httpx.Client) -> None:
    """A browser's EventSource repeats its URL, cursor and all, and adds the id of the last event that it saw."""
    whole = send(client, new_session(client), "recommend me three films like Heat")
    url = f"/runs/{whole.run['id']}/events"
    for after, last_event_id in [(2, "4"), (4, "2"), (0, "4")]:
        resumed = client.get(url, params={"after": after}, headers={"Last-Event-ID": last_event_id})
        assert Stream(resumed.content).frames == b"".join(whole.blocks[4:])


def test_a_repeated_post_goes_on_where_its_stream_broke_off(client: httpx.Client) -> None:
    session = new_session(client)
    whole = send(client, session, key="k")
    url, body = f"/sessions/{session}/messages", {"content": "hello"}
    again = client.post(url, json=body, headers={**STREAM, "Idempotency-Key": "k", "Last-Event-ID": "2"})
    assert Stream(again.content).frames == b"".join(whole.blocks[2:])
    last = str(len(whole.blocks))
    ended = client.post(url, json=body, headers={**STREAM, "Idempotency-Key": "k", "Last-Event-ID": last})
    assert (ended.status_code, ended.content) == (204, b"")
    assert len([m for m in history(client, session) if m["role"] == "user"]) == 1


def test_a_repeated_post_without_a_key_is_refused_and_stores_nothing(client: httpx.Client) -> None:
    session = new_session(client)
    url = f"/sessions/{session}/messages"
    refused = client.post(url, json={"content": "hello"}, headers={**STREAM, "Last-Event-ID": "2"})
    assert is_problem(refused, 422, "validation_error")
    assert "Idempotency-Key" in refused.json()["detail"]
    assert history(client, session) == []
    opened = client.post("/sessions", json={"message": {"content": "hi"}}, headers={"Last-Event-ID": "2"})
    assert is_problem(opened, 422, "validation_error")
    assert [s["id"] for s in client.get("/sessions").json()["data"]] == [session]


# A session with its first message


def test_a_session_may_begin_with_a_message(client: httpx.Client) -> None:
    response = client.post("/sessions", json={"message": {"content": "is Heat any good?"}})
    assert response.status_code == 201
    assert response.headers["content-type"].startswith("text/event-stream")
    stream = Stream(response.content)
    check_whole(stream)
    session = response.headers["location"].removeprefix("/sessions/")
    assert stream.run["session_id"] == session
    assert history(client, session)[-1]["content"] == stream.text
    waited = client.post("/sessions", json={"message": {"content": "is Heat any good?"}}, headers=JSON)
    assert waited.status_code == 201
    assert waited.json()["messages"][-1]["content"] == stream.text
    assert waited.headers["location"] == f"/sessions/{waited.json()['run']['session_id']}"


def test_a_session_is_opened_once_a_key(server: Server, client: httpx.Client) -> None:
    body = {"title": "Mine", "message": {"content": "hello"}}
    first, second = (client.post("/sessions", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert Stream(first.content).frames == Stream(second.content).frames
    other = client.post("/sessions", json={"title": "Other"}, headers={"Idempotency-Key": "k"})
    assert is_problem(other, 409, "idempotency_mismatch")
    assert len(client.get("/sessions").json()["data"]) == 1
    server.stop()
    with serving(server.settings) as restarted, restarted.client() as another:
        third = another.post("/sessions", json=body, headers={"Idempotency-Key": "k"})
        assert Stream(third.content).frames == Stream(first.content).frames
        assert len(another.get("/sessions").json()["data"]) == 1


@pytest.mark.parametrize("content", ["x" * 40_000, " "])
def test_a_session_whose_message_is_refused_is_not_made(client: httpx.Client, content: str) -> None:
    for headers in ({}, {"Idempotency-Key": "k"}):
        refused = client.post("/sessions", json={"message": {"content": content}}, headers=headers)
        assert is_problem(refused, 422, "validation_error")
    assert client.get("/sessions").json()["data"] == []


# Lists


def test_sessions_are_filtered_by_user_and_by_being_live(llm_client: httpx.Client, upstream: scripted.Upstream) -> None:
    mine, yours = new_session(llm_client, user_id=7), new_session(llm_client, user_id=8)
    nobodys = new_session(llm_client)

    def found(**params: Any) -> list[str]:
        return [session["id"] for session in llm_client.get("/sessions", params=params).json()["data"]]

    assert found(user_id=7) == [mine]
    assert found(live=True) == []
    gate = scripted.Gate()
    upstream.queue(scripted.Reply([scripted.chunk({"content": "Hel"}), gate, *scripted.text("lo").pieces]))
    with sending(llm_client, yours) as live:
        live.until("text.delta")
        assert found(live=True) == found(live=True, user_id=8) == [yours]
        assert set(found(live=False)) == {mine, nobodys}
        assert found(live=True, user_id=7) == []
        gate.open()
        live.rest()
    assert found(live=True) == []


def test_feedback_is_listed_with_its_exchange(client: httpx.Client) -> None:
    session = new_session(client)
    rated = []
    for content, rating in [("hello", "up"), ("thanks", None), ("who are you?", "down")]:
        answer = ask(client, session, content)["messages"][-1]
        if rating:
            client.put(f"/sessions/{session}/messages/{answer['id']}/feedback", json={"rating": rating})
            rated.append((content, answer["content"], rating))
    page = client.get("/feedback").json()
    listed = [
        (entry["question"]["content"], entry["answer"]["content"], entry["answer"]["feedback"]["rating"])
        for entry in page["data"]
    ]
    assert listed == rated[::-1]
    assert not page["has_more"]
    first = client.get("/feedback", params={"limit": 1}).json()
    rest = client.get("/feedback", params={"limit": 1, "after": first["next"]}).json()
    assert ([*first["data"], *rest["data"]], rest["has_more"]) == (page["data"], False)
    lines = client.get("/feedback", params={"format": "jsonl"})
    assert lines.headers["content-type"].startswith("application/jsonl")
    assert [json.loads(line) for line in lines.text.splitlines()] == page["data"]
    assert is_problem(client.get("/feedback", params={"after": "msg_none"}), 404, "not_found")


@pytest.mark.parametrize(
    ("order", "by", "falling"),
    [
        ("newest", "rated_at", True),
        ("oldest", "rated_at", False),
        ("highest", "stars", True),
        ("lowest", "stars", False),
    ],
)
def test_a_users_ratings_come_in_any_order(client: httpx.Client, order: str, by: str, falling: bool) -> None:
    params: dict[str, Any] = {"order": order, "limit": 4}
    first = client.get("/users/7/ratings", params=params).json()
    rest = client.get("/users/7/ratings", params={**params, "limit": 200, "after": first["next"]}).json()["data"]
    values = [rating[by] for rating in [*first["data"], *rest]]
    assert values == sorted(values, reverse=falling)
    assert len({rating["movie"]["movie_id"] for rating in [*first["data"], *rest]}) == len(values) > 10


# Errors


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/movies?qurey=heat", "query"),
        ("/movies?genres=Drama", "genre"),
        ("/sessions?limt=3", "limit"),
        ("/users/7/ratings?ordr=newest", "order"),
        ("/health?x=1", None),
    ],
)
def test_a_query_parameter_that_nobody_reads_is_refused(client: httpx.Client, path: str, near: str | None) -> None:
    refused = client.get(path)
    assert is_problem(refused, 422, "validation_error")
    assert ("Nearest" in refused.json()["detail"]) == (near is not None)
    if near:
        assert f"Nearest: {near!r}" in refused.json()["detail"]


@pytest.mark.parametrize("path", ["/movies", "/tags"])
def test_the_earlier_name_of_q_is_still_read(client: httpx.Client, path: str) -> None:
    new, old = (client.get(path, params={name: "time"}) for name in ("q", "query"))
    assert new.json()["data"] == old.json()["data"] != []


def test_an_unknown_genre_is_answered_alike_everywhere(client: httpx.Client) -> None:
    answers = [
        client.get("/movies", params={"genre": "Nope"}),
        client.get("/users/7/recommendations", params={"genre": "Nope"}),
        client.post("/recommendations", json={"text": "heist", "filters": {"genres": ["Nope"]}}),
    ]
    for answer in answers:
        assert is_problem(answer, 404, "not_found")
        assert answer.json() == answers[0].json()
    for name in ("animated", "Animation", "ANIMATION"):
        assert client.get("/movies", params={"genre": name}).json()["data"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/sessions", "GET, POST"),
        ("POST", "/sessions/x", "DELETE, GET, PATCH"),
        ("POST", "/movies/1", "GET"),
        ("DELETE", "/health", "GET"),
        ("PATCH", "/ratings/1", "DELETE, PUT"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client: httpx.Client, method: str, path: str, allowed: str) -> None:
    refused = client.request(method, path)
    assert is_problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == allowed


def test_each_validation_message_is_a_sentence(client: httpx.Client) -> None:
    detail = client.post("/sessions", json={"title": "", "surprise": 1}).json()["detail"]
    assert detail == "body.title: String should match pattern '\\S'. body.surprise: Extra inputs are not permitted."


# Hosts and origins


def hosted(server: Server, host: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{server.url}/sessions", headers={"Host": host, **headers})


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "127.8.9.1", "[::1]:8000"])
def test_the_service_answers_to_the_names_of_this_machine(server: Server, host: str) -> None:
    assert hosted(server, host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "[",
        "",
        "user@localhost",
        "localhost/evil",
    ],
)
def test_a_rebound_host_reads_nothing(server: Server, host: str) -> None:
    assert is_problem(hosted(server, host), 403, "forbidden")


def test_other_hosts_are_allowed_by_name(settings: Settings) -> None:
    allowed = settings.model_copy(update={"allowed_hosts": ("chat.example", "*.example.org")})
    with serving(allowed) as server:
        assert hosted(server, "Chat.Example:443").status_code == 200
        assert hosted(server, "a.example.org").status_code == 200
        assert hosted(server, "localhost").status_code == 200
        assert hosted(server, "example.org").status_code == 403


def test_a_page_of_another_origin_changes_nothing(client: httpx.Client) -> None:
    session = new_session(client)
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        headers = {"Origin": origin}
        assert is_problem(client.post("/sessions", headers=headers), 403, "forbidden")
        assert is_problem(client.delete(f"/sessions/{session}", headers=headers), 403, "forbidden")
        assert "access-control-allow-origin" not in client.get("/sessions", headers=headers).headers
    own = {"Origin": str(client.base_url).rstrip("/")}
    assert client.delete(f"/sessions/{session}", headers=own).status_code == 204


def test_an_allowed_origin_may_read_and_write(settings: Settings) -> None:
    page = "http://localhost:5173"
    with serving(settings.model_copy(update={"cors_origins": (page,)})) as server, server.client() as client:
        asked = {"Origin": page, "Access-Control-Request-Method": "POST"}
        headers = "content-type, idempotency-key, last-event-id"
        preflight = client.options("/sessions", headers={**asked, "Access-Control-Request-Headers": headers})
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, page)
        opened = client.post("/sessions", headers={"Origin": page})
        assert (opened.status_code, opened.headers["access-control-allow-origin"]) == (201, page)
        assert "Location" in opened.headers["access-control-expose-headers"]
        assert client.post("/sessions", headers={"Origin": "https://evil.example"}).status_code == 403


def test_nothing_is_sniffed(client: httpx.Client) -> None:
    session = new_session(client)
    answers = [
        client.get("/health"),
        client.get("/nowhere"),
        client.get("/docs"),
        client.get("/sessions", headers={"Host": "evil.example"}),
        client.post(f"/sessions/{session}/messages", json={"content": "hi"}),
    ]
    assert [answer.headers["x-content-type-options"] for answer in answers] == ["nosniff"] * len(answers)


# The document


def test_the_document_has_every_event_and_every_tool_result(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    event = schemas["Event"]
    assert event["discriminator"]["propertyName"] == "type"
    whole = send(client, new_session(client), "recommend me three films like Heat")
    assert {e["type"] for e in whole.events} <= event["discriminator"]["mapping"].keys()
    assert {ref["$ref"] for ref in event["oneOf"]} == set(event["discriminator"]["mapping"].values())
    results = {ref["$ref"].rpartition("/")[2] for ref in schemas["ToolResult"]["anyOf"]}
    assert {"MovieList", "MovieResult", "TasteProfile", "QueryResult"} <= results <= schemas.keys()
    streams = [
        answer["content"]["text/event-stream"]["schema"]
        for path in document["paths"].values()
        for operation in path.values()
        for answer in operation["responses"].values()
        if "text/event-stream" in answer.get("content", {})
    ]
    assert len(streams) == 5
    assert all({"$ref": "#/components/schemas/Event"} in schema["anyOf"] for schema in streams)
    assert "application/json" not in document["paths"]["/runs/{run_id}/events"]["get"]["responses"]["200"]["content"]


def test_every_reference_of_the_document_leads_somewhere(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    references = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            references.update([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(item)

    walk(document)
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references <= known


def test_what_a_request_may_leave_out_has_no_default_that_a_generator_would_demand(client: httpx.Client) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("SessionCreate", "MessageCreate", "RecommendationRequest", "Filters", "Action"):
        optional = schemas[name]["properties"].keys() - set(schemas[name].get("required", []))
        assert optional, name
        assert not [field for field in optional if "default" in schemas[name]["properties"][field]]
    assert "default: 10" in schemas["RecommendationRequest"]["properties"]["limit"]["description"]


def test_operations_have_short_names(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(set(names)) == len(names)
    assert {"send_message", "list_movies", "create_session", "follow_run"} <= set(names)
    assert max(map(len, names)) < 40


def test_the_reference_page_comes_from_this_server_alone(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "://" not in page
    assert "<script>" not in page
    for asset in ("/docs/start.js", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css"):
        assert asset in page
        assert client.get(asset).status_code == 200
