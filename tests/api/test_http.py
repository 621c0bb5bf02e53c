from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import httpx_sse
import pytest

from tests.support.serving import ROOT, Server


def open_session(client: httpx.Client, **fields: Any) -> str:
    response = client.post("/sessions", json=fields)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"/sessions/{response.json()['id']}"
    return str(response.json()["id"])


def stream(client: httpx.Client, session_id: str, content: str, **options: Any) -> list[dict[str, Any]]:
    url = f"/sessions/{session_id}/messages"
    with httpx_sse.connect_sse(client, "POST", url, json={"content": content}, **options) as source:
        events = []
        for event in source.iter_sse():
            data = json.loads(event.data)
            assert (event.event, event.id) == (data["type"], str(data["sequence"]))
            events.append(data)
    return events


def said(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"] for event in events if event["type"] == "text.delta")


def is_problem(response: httpx.Response, status: int, code: str) -> bool:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    return bool(body["title"] and body["detail"])


# The main job


def test_a_message_is_answered_with_three_films_of_the_catalogue(client: httpx.Client) -> None:
    session_id = open_session(client)
    events = stream(client, session_id, "recommend me three films like Heat")
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events if event["type"] != "text.delta"] == [
        "run.created",
        "session.updated",
        "tool.call",
        "tool.result",
        "run.completed",
    ]
    [result] = [event["result"] for event in events if event["type"] == "tool.result"]
    assert len(result["movies"]) == 3
    for movie in result["movies"]:
        assert client.get(f"/movies/{movie['movie_id']}").json()["title"] == movie["title"]
        assert f"**{movie['title']}** ({movie['year']})" in said(events)
    history = client.get(f"/sessions/{session_id}/messages").json()["data"]
    assert [message["role"] for message in history] == ["user", "assistant", "tool", "assistant"]
    assert history[-1]["content"] == said(events) == events[-1]["message"]["content"]
    assert client.get(f"/sessions/{session_id}").json()["title"] == "recommend me three films like Heat"


def test_the_stream_says_how_it_wants_to_be_carried(client: httpx.Client) -> None:
    session_id = open_session(client)
    with client.stream("POST", f"/sessions/{session_id}/messages", json={"content": "hi"}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-cache, no-transform"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.read().startswith(b"retry: 2000\nid: 1\nevent: run.created\ndata: {")


def test_the_same_route_answers_json(client: httpx.Client) -> None:
    session_id = open_session(client)
    response = client.post(
        f"/sessions/{session_id}/messages",
        json={"content": "is Heat any good?"},
        headers={"accept": "application/json"},
    )
    assert response.status_code == 201
    answer = response.json()
    assert answer["run"]["status"] == "completed"
    assert answer["run"]["usage"]["estimated"] is True
    assert answer["messages"][0]["content"] == "is Heat any good?"
    assert "**Heat** (1995)" in answer["messages"][-1]["content"]
    assert client.get(f"/runs/{answer['run']['id']}").json() == answer["run"]


def test_a_session_keeps_the_thread(client: httpx.Client) -> None:
    session_id = open_session(client)
    first = stream(client, session_id, "recommend me three films like Heat")
    second = stream(client, session_id, "another one")
    shown = {
        movie["movie_id"] for event in first if event["type"] == "tool.result" for movie in event["result"]["movies"]
    }
    more = [movie for event in second if event["type"] == "tool.result" for movie in event["result"]["movies"]]
    assert more
    assert not shown & {movie["movie_id"] for movie in more}


# Sessions


def test_sessions_are_made_read_changed_listed_and_deleted(client: httpx.Client) -> None:
    first = open_session(client, title="First", metadata={"team": "red"}, user_id=7)
    second = open_session(client)
    assert [session["id"] for session in client.get("/sessions").json()["data"]] == [second, first]
    changed = client.patch(f"/sessions/{first}", json={"title": "Renamed", "user_id": None}).json()
    assert (changed["title"], changed["user_id"], changed["metadata"]) == ("Renamed", None, {"team": "red"})
    stream(client, first, "hello")
    page = client.get("/sessions", params={"limit": 1}).json()
    assert ([session["id"] for session in page["data"]], page["has_more"]) == ([first], True)
    rest = client.get("/sessions", params={"after": page["next"]}).json()
    assert ([session["id"] for session in rest["data"]], rest["has_more"]) == ([second], False)
    assert client.delete(f"/sessions/{first}").status_code == 204
    assert is_problem(client.get(f"/sessions/{first}"), 404, "not_found")
    assert is_problem(client.get(f"/sessions/{first}/messages"), 404, "not_found")
    assert is_problem(client.delete(f"/sessions/{first}"), 404, "not_found")


@pytest.mark.parametrize(
    ("q", "found"), [("heat", True), ("HEA", True), ("renam", True), ("titanic", False), ("%", False)]
)
def test_sessions_are_found_by_title_and_messages(client: httpx.Client, q: str, found: bool) -> None:
    session_id = open_session(client, title="First")
    client.patch(f"/sessions/{session_id}", json={"title": "Renamed"})
    stream(client, session_id, "is Heat any good?")
    open_session(client, title="Something else")
    hits = [session["id"] for session in client.get("/sessions", params={"q": q}).json()["data"]]
    assert hits == ([session_id] if found else [])


def test_a_deleted_session_is_not_found_by_its_words(client: httpx.Client) -> None:
    session_id = open_session(client, title="Zebra")
    stream(client, session_id, "tell me of Casablanca")
    client.delete(f"/sessions/{session_id}")
    assert client.get("/sessions", params={"q": "zebra"}).json()["data"] == []
    assert client.get("/sessions", params={"q": "casablanca"}).json()["data"] == []


def test_history_is_paged_both_ways(client: httpx.Client) -> None:
    session_id = open_session(client)
    for content in ("hello", "thanks", "who are you?"):
        stream(client, session_id, content)
    url = f"/sessions/{session_id}/messages"
    whole = [message["id"] for message in client.get(url).json()["data"]]
    first = client.get(url, params={"limit": 2}).json()
    assert ([m["id"] for m in first["data"]], first["has_more"]) == (whole[:2], True)
    then = client.get(url, params={"limit": 2, "after": first["next"]}).json()
    assert [m["id"] for m in then["data"]] == whole[2:4]
    before = client.get(url, params={"limit": 2, "before": whole[4]}).json()
    assert ([m["id"] for m in before["data"]], before["has_more"]) == (whole[2:4], True)
    assert [m["id"] for m in client.get(url, params={"before": before["next"]}).json()["data"]] == whole[:2]
    assert is_problem(client.get(url, params={"after": "nonsense"}), 404, "not_found")


def test_feedback_is_kept_with_the_answer(client: httpx.Client) -> None:
    session_id = open_session(client)
    answer = stream(client, session_id, "hello")[-1]["message"]
    url = f"/sessions/{session_id}/messages/{answer['id']}/feedback"
    assert client.put(url, json={"rating": "up", "comment": "nice"}).json()["feedback"] == {
        "rating": "up",
        "comment": "nice",
    }
    assert client.get(f"/sessions/{session_id}/messages").json()["data"][-1]["feedback"]["rating"] == "up"
    assert is_problem(client.put(url, json={"rating": "sideways"}), 422, "validation_error")
    question = client.get(f"/sessions/{session_id}/messages").json()["data"][0]
    wrong = client.put(f"/sessions/{session_id}/messages/{question['id']}/feedback", json={"rating": "up"})
    assert is_problem(wrong, 409, "conflict")


def test_a_session_is_exported_in_three_formats(client: httpx.Client) -> None:
    session_id = open_session(client, title="Keep me")
    stream(client, session_id, "recommend me three films like Heat")
    history = client.get(f"/sessions/{session_id}/messages").json()["data"]
    url = f"/sessions/{session_id}/export"
    assert client.get(url).json()["messages"] == history
    lines = client.get(url, params={"format": "jsonl"}).text.splitlines()
    assert [json.loads(line) for line in lines] == history
    markdown = client.get(url, params={"format": "markdown"}).text
    assert markdown.startswith("# Keep me\n")
    assert history[-1]["content"] in markdown
    assert is_problem(client.get(url, params={"format": "xml"}), 422, "validation_error")


# Movies, ratings, recommendations


def movie_id(client: httpx.Client, title: str) -> int:
    return int(client.get("/movies", params={"query": title}).json()["data"][0]["movie_id"])


@pytest.mark.parametrize("query", ["the matrix", "matrx", "Matrix, The (1999)", "MATRIX"])
def test_movies_are_found_by_title(client: httpx.Client, query: str) -> None:
    first = client.get("/movies", params={"query": query}).json()["data"][0]
    assert (first["title"], first["year"]) == ("The Matrix", 1999)


def test_movies_are_filtered_and_paged(client: httpx.Client) -> None:
    params: dict[str, Any] = {"genre": "western", "year_to": 1970, "sort": "year", "limit": 5}
    first = client.get("/movies", params=params).json()
    second = client.get("/movies", params={**params, "after": first["next"]}).json()
    movies = [*first["data"], *second["data"]]
    assert len({movie["movie_id"] for movie in movies}) == len(movies) == 10
    assert all("Western" in movie["genres"] and movie["year"] <= 1970 for movie in movies)
    assert [movie["year"] for movie in movies] == sorted((movie["year"] for movie in movies), reverse=True)


def test_movies_are_filtered_by_mean_count_and_tags_that_they_must_not_have(client: httpx.Client) -> None:
    params: dict[str, Any] = {
        "min_mean": 3.5,
        "max_mean": 4,
        "max_ratings": 60,
        "exclude_tag": "heist",
        "sort": "worst",
        "limit": 100,
    }
    found = client.get("/movies", params=params).json()["data"]
    assert all(3.5 <= m["rating_mean"] <= 4 and m["rating_count"] <= 60 and "heist" not in m["tags"] for m in found)
    means = [movie["rating_mean"] for movie in found]
    assert means == sorted(means)
    assert len(means) > 10
    assert is_problem(client.get("/movies", params={"min_mean": 6}), 422, "validation_error")


def test_a_movie_page_holds_all_that_is_known(client: httpx.Client) -> None:
    heat = client.get(f"/movies/{movie_id(client, 'Heat (1995)')}").json()
    assert heat["imdb_url"] == "https://www.imdb.com/title/tt0113277/"
    assert sum(heat["histogram"].values()) == heat["rating_count"] > 20
    assert heat["top_tags"][0]["relevance"] >= heat["top_tags"][-1]["relevance"]
    stats = client.get(f"/movies/{heat['movie_id']}/stats", params={"windows": "365d,all"}).json()
    assert [window["window"] for window in stats["windows"]] == ["365d", "all"]
    assert stats["windows"][1]["count"] == heat["rating_count"]
    similar = client.get(f"/movies/{heat['movie_id']}/similar", params={"limit": 4}).json()
    assert (similar["basis"], len(similar["movies"])) == ("seeds", 4)


def test_ratings_are_counted_over_hours_and_days(client: httpx.Client) -> None:
    windows = "1h,12h,24h,72h,36500d,all"
    heat = client.get(f"/movies/{movie_id(client, 'Heat (1995)')}").json()
    mine = client.get("/users/7/ratings", params={"limit": 200}).json()["data"]
    newest = datetime.fromisoformat(client.get("/health").json()["catalogue"]["newest_rating"])
    for path, count in (
        (f"/movies/{heat['movie_id']}", heat["rating_count"]),
        ("/users/7", len(mine)),
        ("/tags/Heist", 0),
    ):
        stats = client.get(f"{path}/stats", params={"windows": windows}).json()["windows"]
        assert [window["window"] for window in stats] == windows.split(",")
        assert [window["count"] for window in stats] == sorted(window["count"] for window in stats)
        assert [newest - datetime.fromisoformat(window["since"]) for window in stats[:4]] == [
            timedelta(hours=hours) for hours in (1, 12, 24, 72)
        ]
        assert stats[4]["count"] == stats[5]["count"] >= count
    assert stats[5]["count"] > heat["rating_count"]  # a heist, and not the only one
    user = client.get("/users/7/stats", params={"windows": "all"}).json()
    assert user["windows"][0]["mean"] == pytest.approx(sum(rating["stars"] for rating in mine) / len(mine), abs=1e-4)
    for path, status in (("/users/999999", 404), ("/tags/no%20such", 404), ("/movies/999999", 404), ("/tags/", 422)):
        assert client.get(f"{path}/stats").status_code == status, path
    for wrong in ("1", "0h", "1w", "1h,", "-1d", "9999999h", "1h,1h,1h,1h,1h,1h,1h"):
        assert is_problem(client.get("/users/7/stats", params={"windows": wrong}), 422, "validation_error")


def test_a_users_ratings_come_in_any_order(client: httpx.Client) -> None:
    for order, key in (("newest", "rated_at"), ("oldest", "rated_at"), ("highest", "stars"), ("lowest", "stars")):
        params: dict[str, Any] = {"order": order, "limit": 10}
        first = client.get("/users/7/ratings", params=params).json()
        second = client.get("/users/7/ratings", params={**params, "after": first["next"]}).json()
        values = [rating[key] for rating in [*first["data"], *second["data"]]]
        assert values == sorted(values, reverse=order in ("newest", "highest"))
        assert len({rating["movie"]["movie_id"] for rating in [*first["data"], *second["data"]]}) == 20
    assert is_problem(client.get("/users/7/ratings", params={"order": "best"}), 422, "validation_error")


def test_a_user_of_the_data_has_ratings_and_recommendations(client: httpx.Client) -> None:
    ratings = client.get("/users/7/ratings", params={"limit": 200}).json()["data"]
    assert [rating["rated_at"] for rating in ratings] == sorted((r["rated_at"] for r in ratings), reverse=True)
    seen = {rating["movie"]["movie_id"] for rating in ratings}
    served = client.get("/users/7/recommendations", params={"limit": 5, "genre": "Drama", "year_from": 1990}).json()
    assert served["basis"] == "personal"
    assert not seen & {movie["movie_id"] for movie in served["movies"]}
    assert all("Drama" in movie["genres"] and movie["year"] >= 1990 for movie in served["movies"])
    assert all({cause["movie_id"] for cause in movie["because"]} <= {*seen, None} for movie in served["movies"])
    kept = client.get("/recommendations", params={"user_id": 7}).json()["data"][0]
    assert kept["recommendation_id"] == served["recommendation_id"]
    assert kept["movies"] == served["movies"]
    for path in ("/users/999999/ratings", "/users/999999/recommendations"):
        assert is_problem(client.get(path), 404, "not_found")


def test_someone_new_is_recommended_to_by_likes_and_by_words(client: httpx.Client) -> None:
    heat = movie_id(client, "Heat (1995)")
    by_likes = client.post("/recommendations", json={"liked": [heat], "limit": 5}).json()
    assert len(by_likes["movies"]) == 5
    assert heat not in {movie["movie_id"] for movie in by_likes["movies"]}
    by_words = client.post("/recommendations", json={"text": "heist with a twist", "limit": 5}).json()
    assert (by_words["basis"], len(by_words["movies"])) == ("text", 5)
    assert any("heist" in movie["tags"] for movie in by_words["movies"])
    assert is_problem(client.post("/recommendations", json={"liked": [10**9]}), 404, "not_found")
    assert is_problem(client.post("/recommendations", json={"filters": {"genres": ["Nope"]}}), 404, "not_found")


def test_own_ratings_change_what_is_recommended(client: httpx.Client) -> None:
    alien = movie_id(client, "Alien (1979)")
    session_id = open_session(client)
    before = stream(client, session_id, "recommend me something")
    assert client.put(f"/ratings/{alien}", json={"stars": 4.5}).json()["movie"]["title"] == "Alien"
    assert client.get("/ratings").json()["data"][0]["stars"] == 4.5
    after = stream(client, session_id, "recommend something for me")
    [result] = [event["result"] for event in after if event["type"] == "tool.result"]
    assert result["basis"] == "personal"
    assert any(cause["title"] == "Alien" for movie in result["movies"] for cause in movie["because"])
    assert said(before) != said(after)
    assert client.delete(f"/ratings/{alien}").status_code == 204
    assert is_problem(client.delete(f"/ratings/{alien}"), 404, "not_found")
    assert is_problem(client.put(f"/ratings/{alien}", json={"stars": 4.2}), 422, "validation_error")
    assert is_problem(client.put("/ratings/999999999", json={"stars": 4}), 404, "not_found")


def test_genres_tags_prompts_models_and_health(client: httpx.Client) -> None:
    westerns = client.get("/movies", params={"genre": "Western", "limit": 200}).json()["data"]
    assert {"name": "Western", "movies": len(westerns)} in client.get("/genres").json()["data"]
    assert "time travel" in {tag["name"] for tag in client.get("/tags", params={"query": "time"}).json()["data"]}
    names = {prompt["name"] for prompt in client.get("/prompts").json()["data"]}
    assert {"ratings_prompt_per_user", "movies_prompt_per_tag"} <= names
    answer = client.post("/prompts/movies_prompt_per_tag", json={"tag": "heist", "limit": 3}).json()
    heists = client.get("/movies", params={"tag": "heist", "limit": 3}).json()["data"]
    lines = [line for line in answer["prompt"].splitlines() if line.startswith("- ")]
    assert [line.partition(":")[0] for line in lines] == [f"- {movie['title']} ({movie['year']})" for movie in heists]
    assert heists[0]["title"] in answer["text"]
    models = client.get("/models").json()
    assert models == {"provider": "offline", "default": "offline-guide", "data": ["offline-guide"], "detail": None}
    health = client.get("/health").json()
    assert (health["status"], health["provider"]["name"]) == ("ok", "offline")
    assert "offline guide" in health["provider"]["detail"]


# Bad input


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/sessions", {"title": ""}),
        ("POST", "/sessions", {"surprise": 1}),
        ("POST", "/sessions", {"user_id": -1}),
        ("POST", "/sessions", {"user_id": 2**63}),
        ("POST", "/sessions", {"metadata": {"k": 1}}),
        ("POST", "/sessions", {"actions": [{"name": "a b", "parameters": {"type": "object"}}]}),
        ("POST", "/sessions", {"actions": [{"name": "a", "parameters": {"type": "nonsense"}}]}),
        ("POST", "/sessions", {"actions": [{"name": "a", "parameters": {"type": "object", "$ref": "http://x/y"}}]}),
        ("GET", "/sessions?limit=0", None),
        ("GET", "/sessions?after=%00", None),
        ("GET", "/movies?sort=best", None),
        ("GET", "/movies?after=xyz", None),
        ("GET", "/movies/99999999999999999999999", None),
        ("GET", "/movies/heat", None),
    ],
)
def test_bad_input_is_refused_in_the_users_terms(client: httpx.Client, method: str, path: str, body: Any) -> None:
    assert is_problem(client.request(method, path, json=body), 422, "validation_error")


@pytest.mark.parametrize("content", ["", "   ", None, 7, "x" * 40_000])
def test_a_message_that_cannot_be_one_is_refused(client: httpx.Client, content: Any) -> None:
    session_id = open_session(client)
    refused = client.post(f"/sessions/{session_id}/messages", json={"content": content})
    assert is_problem(refused, 422, "validation_error")
    assert client.get(f"/sessions/{session_id}/messages").json()["data"] == []


@pytest.mark.parametrize("names", [["search_movies"], ["same", "same"]])
def test_an_action_needs_a_name_of_its_own(client: httpx.Client, names: list[str]) -> None:
    actions = [{"name": name, "parameters": {"type": "object"}} for name in names]
    assert is_problem(client.post("/sessions", json={"actions": actions}), 409, "conflict")


def test_what_is_not_json_too_large_or_not_there_is_a_problem_too(client: httpx.Client) -> None:
    session_id = open_session(client)
    url = f"/sessions/{session_id}/messages"
    assert is_problem(
        client.post(url, content=b"{nope", headers={"content-type": "application/json"}), 422, "validation_error"
    )
    assert is_problem(client.post(url, json={"content": "x" * 2_000_000}), 413, "payload_too_large")

    def endless() -> Any:
        for _ in range(40):
            yield b"x" * 100_000

    assert is_problem(client.post(url, content=endless()), 413, "payload_too_large")
    whole = client.post(url, content=b"x" * 1_000_001)  # nothing is left to come, and nothing is waited for
    assert whole.headers["connection"] == "close"
    assert is_problem(whole, 413, "payload_too_large")
    assert is_problem(client.get("/nowhere"), 404, "not_found")
    assert is_problem(client.put("/sessions"), 405, "method_not_allowed")
    assert is_problem(client.get("/runs/run_none"), 404, "not_found")
    assert is_problem(client.post("/runs/run_none/cancel"), 404, "not_found")


def test_text_of_any_kind_comes_back_as_it_went_in(client: httpx.Client) -> None:
    session_id = open_session(client)
    for content in (
        "日本語で 🎬 ٢٠٠٠",
        "a\u2028b\r\nc\x00d",
        "'; DROP TABLE messages; --",
        "<script>alert(1)</script>",
    ):
        stream(client, session_id, content)
        stored = [
            m["content"] for m in client.get(f"/sessions/{session_id}/messages").json()["data"] if m["role"] == "user"
        ]
        assert stored[-1] == content


def test_requests_are_logged_without_their_text(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    with server.client() as client:
        session_id = open_session(client)
        stream(client, session_id, "a secret wish")
    assert "secret wish" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("LLM_MAX_STEPS", "many", "LLM_MAX_STEPS: Input should be a valid integer"),
        ("MOVIELENS_DIR", "/nowhere", "The movies in /nowhere could not be imported."),
        ("DATA_DIR", "/proc/nowhere", "The data directory /proc/nowhere cannot be made"),
    ],
)
def test_a_service_that_cannot_start_says_why_in_one_line(
    tmp_path: Path, variable: str, value: str, reason: str
) -> None:
    environment = {**os.environ, "DATA_DIR": str(tmp_path), variable: value}
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert f"Marquee cannot start. {reason}" in done.stderr
    assert "Traceback" not in done.stderr
