"""What grows is not waited for: query plans, what a send reads, searches, live histories, exports; and whose files."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import random
import re
import signal
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.base import ChatMessage, ChatRequest
from providers.conversation import Conversation, newest_exchanges, open_exchange
from providers.openai_compatible import OpenAIProvider
from schemas import Message, SessionCreate
from settings import Settings
from storage.opening import open_database
from storage.sessions import Sessions
from tests.providers.test_conversation import entry, some_history
from tests.support.processes import environment, process, wait_for
from tests.support.scripted import DONE, HANG, Gate, Reply, Upstream, call, calls, chunk, text, usage
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import JSON, ask, check_whole, history, new_session, replay, send, sending

FINISH = [chunk(finish="stop"), usage(), DONE]
BLOCK_BYTES = 16_384  # that the SDK's transport hands over at most
ACTION = {"name": "open_page", "description": "Opens a page.", "parameters": {"type": "object"}}


# Query plans

GROWING = {"sessions", "runs", "messages", "events", "own_ratings", "own_seen", "recommendations"}
# A scan that is none: of the partial index that holds live runs alone.
OF_LIVE_RUNS = re.compile(r"SCAN runs USING INDEX one_live_run")


class Recorder:
    """A connection that notes what it is asked; nothing else is different."""

    def __init__(self, connection: sqlite3.Connection, seen: dict[str, Any]) -> None:
        self._connection = connection
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self._seen.setdefault(sql, parameters)
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Sequence[Any]) -> sqlite3.Cursor:
        if rows:
            self._seen.setdefault(sql, rows[0])
        return self._connection.executemany(sql, rows)


@pytest.fixture
def llm_settings(llm_settings: Settings) -> Settings:
    """With quotas, so that what is counted for them is sent, too."""
    return llm_settings.model_copy(update={"tokens_per_day": 10**9, "max_sessions_per_account": 10**6})


@pytest.fixture
def statements(llm_server: Server) -> dict[str, Any]:
    """Every statement that the running service sends to chat.db from now on, with the first of its parameters."""
    seen: dict[str, Any] = {}
    database = llm_server.app.state.marquee.store._db
    for connection in (database._writer, *database._searcher._connections, *database._readers._connections):
        connection._connection = Recorder(connection._conn, seen)
    return seen


SQL = ("db.py", "storage/records.py", "storage/sessions.py", "storage/histories.py", "storage/own_ratings.py")


def written_in(module: str) -> set[str]:
    """The statements in a module's source."""
    tree = ast.parse((ROOT / module).read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE) ", text)}


def is_sent(text: str, statements: Iterable[str]) -> bool:
    """Whether a statement, or one that it is the beginning of, was among them."""
    return any(statement.startswith(text) for statement in statements)


def do_everything(upstream: Upstream, server: Server, client: httpx.Client) -> None:
    """What clients and the settler do, each at least once."""
    upstream.otherwise = text("Well.")
    session = new_session(client, actions=[ACTION])
    client.patch(f"/sessions/{session}", json=dict.fromkeys(("title", "model", "instructions", "user_id"), None))
    client.patch(f"/sessions/{session}", json={"metadata": {}})
    upstream.queue(calls(call("open_page", {})))
    waiting = ask(client, session, "movies like Toy Story")
    results = {"results": [{"call_id": "call_1", "output": 1}]}
    done = client.post(f"/runs/{waiting['run']['id']}/actions", json=results, headers=JSON).json()
    first = send(client, session, key="key").run
    assert send(client, session, key="key").run == first
    client.post(f"/sessions/{session}/messages/{first['message_id']}/retry", headers=JSON).raise_for_status()
    client.get(f"/sessions/{session}/runs", params={"after": first["id"]}).raise_for_status()
    messages = history(client, session)
    for params in ({"after": messages[0]["id"]}, {"before": messages[-1]["id"]}):
        client.get(f"/sessions/{session}/messages", params=params).raise_for_status()
    answer = f"/sessions/{session}/messages/{messages[-1]['id']}"
    client.put(f"{answer}/feedback", json={"rating": "up"}).raise_for_status()
    client.get(f"/sessions/{session}/export").raise_for_status()
    lists: list[dict[str, str]] = [{}, {"q": "well"}, {"user_id": "1"}, {"live": "true"}, {"live": "false"}]
    for params in lists:
        client.get("/sessions", params=params).raise_for_status()
    client.post("/sessions", headers={"Idempotency-Key": "key"}).raise_for_status()
    client.get("/feedback").raise_for_status()
    client.get("/feedback", params={"after": messages[-1]["id"]}).raise_for_status()
    replay(client, done["run"]["id"], after=1)
    client.post(f"/runs/{first['id']}/cancel").raise_for_status()
    spoken = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    client.post("/v1/chat/completions", json={"messages": spoken}).raise_for_status()
    respond(upstream, client)
    parts = [{"id": "m", "role": "user", "parts": [{"type": "text", "text": "hello"}]}]
    client.post("/ui/chat", json={"id": "chat", "messages": parts}).raise_for_status()
    rate_and_recommend(client)
    marquee = server.app.state.marquee
    settler, loop = marquee.runs.settler, marquee.runs.settler._rounds[0].get_loop()
    for work in (
        settler.settle_all(),
        settler.fold(),
        settler.forget(),
        settler.settle_if_dead(first["id"]),
        marquee.store.live_runs("local"),
        marquee.store.request_cancel(first["id"]),  # as for another process
        marquee.store.runs_to_cancel("lease_none"),
        marquee.ratings.shown(session),
    ):
        asyncio.run_coroutine_threadsafe(work, loop).result(30)
    run = asyncio.run_coroutine_threadsafe(marquee.store.load_run("local", first["id"]), loop).result(30)
    asyncio.run_coroutine_threadsafe(marquee.store.replace_frames(run.id, ()), loop).result(30)
    client.delete(f"/sessions/{session}").raise_for_status()


def respond(upstream: Upstream, client: httpx.Client) -> None:
    """Responses and a conversation: continued, copied, and deleted again."""
    function = {"type": "function", **ACTION}
    upstream.queue(calls(call("open_page", {})))
    asked = client.post("/v1/responses", json={"input": "open it", "tools": [function]}).raise_for_status().json()
    [called] = asked["output"]
    result = {"type": "function_call_output", "output": "1"}
    said = [{"type": "item_reference", "id": called["id"]}, {**result, "call_id": called["call_id"]}]
    for _ in range(2):  # behind the latest response, and behind an older one
        answer = client.post("/v1/responses", json={"input": said, "previous_response_id": asked["id"]})
    deleted = f"/v1/responses/{answer.raise_for_status().json()['id']}"
    client.get(f"{deleted}/input_items").raise_for_status()
    client.delete(deleted).raise_for_status()
    client.post("/v1/conversations", json={"items": [{"role": "user", "content": "a"}]}).raise_for_status()


def rate_and_recommend(client: httpx.Client) -> None:
    movie = client.get("/movies").json()["data"][0]["movie_id"]
    client.put(f"/ratings/{movie}", json={"stars": 4}).raise_for_status()
    client.get("/ratings").raise_for_status()
    export = "movieId,rating,imdbId,date\n{},{},,2020-01-01\n"
    for stars in (3, ""):  # rated, and seen
        client.delete(f"/ratings/{movie}").raise_for_status()
        client.post("/ratings/import", content=export.format(movie, stars)).raise_for_status()
    client.get("/ratings/export").raise_for_status()
    client.delete(f"/ratings/{movie}").raise_for_status()
    for _ in range(2):
        client.post("/recommendations", json={"liked": [movie]}).raise_for_status()
    page = client.get("/recommendations", params={"limit": 1}).json()
    client.get("/recommendations", params={"after": page["next"]}).raise_for_status()


def test_no_query_scans_a_table_that_grows(
    upstream: Upstream, llm_server: Server, llm_client: httpx.Client, statements: dict[str, Any]
) -> None:
    """Every statement of the store, as it is sent: what SQLite means to do for it.

    The plans do not depend on how much is stored: nothing here is ever ANALYZEd. A SEARCH is bounded by what it looks
    for: one session, one run, one account's latest entries up to a LIMIT.
    """
    do_everything(upstream, llm_server, llm_client)
    written = set().union(*map(written_in, SQL))
    assert {text for text in written if not is_sent(text, statements)} == set()
    scans = []
    with closing(sqlite3.connect(llm_server.settings.chat_path)) as connection:
        for sql, parameters in statements.items():
            if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE) ", sql):
                plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
                scans += [(sql, step) for step in plan if scans_much(step)]
                if "LIMIT" in sql and not any(map(OF_LIVE_RUNS.match, plan)):  # nothing is limited that is sorted first
                    scans += [(sql, step) for step in plan if "TEMP B-TREE FOR ORDER BY" in step]
    assert scans == []


def scans_much(step: str) -> bool:
    table = re.match(r"SCAN (\w+)", step)
    return table is not None and table[1] in GROWING and OF_LIVE_RUNS.match(step) is None


# Sending


async def paged(messages: Sequence[Message], size: int, asked: list[int]) -> AsyncIterator[list[Message]]:
    """Newest first, without what was replaced, as the store gives them."""
    newest = [message for message in reversed(messages) if not message.alternative]
    for start in range(0, len(newest) + 1, size):
        asked.append(start)
        yield newest[start : start + size]


@pytest.mark.parametrize("seed", range(200))
async def test_what_is_read_backwards_is_what_fits(seed: int) -> None:
    """Whatever the page and the budget: the same request as from the whole history, and no page too many."""
    chance = random.Random(seed)
    messages = some_history(chance)
    budget, size = chance.randrange(1, 2_000), chance.randrange(1, 12)
    current = open_exchange([entry(1_000, "user", content="now")])
    asked: list[int] = []
    found, whole = await newest_exchanges(paged(messages, size, asked), budget)
    sent = Conversation("system", found, current, whole=whole).within(budget)
    everything, _ = await newest_exchanges(paged(messages, len(messages), []), 1_000_000)
    assert sent == Conversation("system", everything, current).within(budget)
    one_page_less = [message async for page in paged(messages, size, []) for message in page][: asked[-1]]
    _, enough = await newest_exchanges(paged(one_page_less[::-1], max(1, len(one_page_less)), []), budget)
    assert enough or not one_page_less


def test_what_does_not_fit_is_not_even_read(upstream: Upstream, llm_server: Server, llm_client: httpx.Client) -> None:
    """Shown by entries that nobody could read."""
    upstream.otherwise = text("A long story about a film. " * 1_000)
    session = new_session(llm_client)
    for _ in range(40):
        ask(llm_client, session)
    with closing(sqlite3.connect(llm_server.settings.chat_path)) as connection, connection:
        broken = connection.execute(
            "UPDATE messages SET tool_calls = 'nonsense' WHERE number <= (SELECT min(number) + 20 FROM messages)"
        )
        assert broken.rowcount > 10
    assert ask(llm_client, session)["run"]["status"] == "completed"


def test_of_what_is_sent_only_that_is_read(upstream: Upstream, llm_server: Server, llm_client: httpx.Client) -> None:
    """Shown by entries whose other fields nobody could read."""
    upstream.otherwise = text("Well.")
    session = new_session(llm_client)
    ask(llm_client, session, "Before?")
    with closing(sqlite3.connect(llm_server.settings.chat_path)) as connection, connection:
        connection.execute("UPDATE messages SET created_at = 'nonsense'")
    assert ask(llm_client, session, "And now?")["run"]["status"] == "completed"
    sent = [(message["role"], message["content"]) for message in upstream.requests[-1]["messages"][1:]]
    assert sent == [("user", "Before?"), ("assistant", "Well."), ("user", "And now?")]


def test_an_exchange_of_any_length_is_sent_whole(
    upstream: Upstream, llm_server: Server, llm_client: httpx.Client
) -> None:
    """Two thousand entries of one run, the last of which asks for an action."""
    session = new_session(llm_client, actions=[ACTION])
    upstream.queue(calls(call("open_page", {})), text("Done."))
    waiting = ask(llm_client, session)["run"]
    with closing(sqlite3.connect(llm_server.settings.chat_path)) as connection, connection:
        connection.executemany(
            """
            INSERT INTO messages (id, session_id, run_id, role, content, status, tool_calls, result, created_at)
            SELECT ?, session_id, run_id, 'assistant', 'Hm.', status, '[]', 'null', created_at
            FROM messages WHERE role = 'user' AND session_id = ?
            """,
            [(f"msg_{number}", session) for number in range(2_000)],
        )
    body = {"results": [{"call_id": "call_1", "output": "opened"}]}
    answer = llm_client.post(f"/runs/{waiting['id']}/actions", json=body, headers=JSON).json()
    assert answer["run"]["status"] == "completed"
    assert [message["content"] for message in upstream.requests[-1]["messages"]].count("Hm.") == 2_000


async def test_others_get_their_turn_between_blocks(upstream: Upstream, llm_settings: Settings) -> None:
    """An answer that is here all at once: who waits, as the journal does with the first words, is let in meanwhile."""
    body = b"".join((*(chunk({"content": f"word{number} "}) for number in range(400)), *FINISH))
    upstream.queue(Reply([body]))
    provider = OpenAIProvider(llm_settings)
    turns, seen = 0, set()

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    try:
        async for _ in provider.stream(ChatRequest("scripted", (ChatMessage("user", "hello"),))):
            seen.add(turns)
    finally:
        other.cancel()
        await provider.close()
    assert len(seen) > len(body) // BLOCK_BYTES


# Reading


def test_a_live_history_does_not_read_the_events_again(
    upstream: Upstream, llm_client: httpx.Client, statements: dict[str, Any]
) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "Half "}), gate, chunk({"content": "and half."}), *FINISH]))
    session = new_session(llm_client)
    with sending(llm_client, session) as live:
        live.until("text.delta")
        statements.clear()
        assert [m["content"] for m in history(llm_client, session)] == ["hello", "Half "]
        assert statements
        assert not [sql for sql in statements if "FROM events" in sql]
        gate.open()
        live.rest()


def test_a_live_history_has_nothing_that_is_not_committed(
    upstream: Upstream, llm_server: Server, llm_client: httpx.Client
) -> None:
    """While another program holds the file the run goes on, and a reader sees what is in the file."""
    gate, behind = Gate(), Gate()
    said = [chunk({"content": word}) for word in ("Seen. ", "Unseen.")]
    upstream.queue(Reply([said[0], gate, said[1], behind, *FINISH]))
    session = new_session(llm_client)
    with sending(llm_client, session) as live:
        live.until("text.delta")
        with closing(sqlite3.connect(llm_server.settings.chat_path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            gate.open()
            assert behind.reached.wait(10)
            run = llm_server.app.state.marquee.runs._live[live.run_id]
            while "".join(m.content for m in run._said.messages("in_progress")) != "Seen. Unseen.":
                assert not live.response.is_closed
            assert [m["content"] for m in history(llm_client, session)] == ["hello", "Seen. "]
            other.execute("ROLLBACK")
        behind.open()
        assert live.rest().text == "Seen. Unseen."


@pytest.mark.parametrize(
    ("q", "found"), [("h", False), ("he", True), ("a", True), ("good h", False), ("good he", True)]
)
def test_one_letter_is_a_word_and_no_prefix(q: str, found: bool, client: httpx.Client) -> None:
    session = new_session(client, title="Is Heat a good film")
    hits = [session["id"] for session in client.get("/sessions", params={"q": q}).json()["data"]]
    assert hits == ([session] if found else [])


async def test_searches_page_by_activity_whatever_matches(tmp_path: Path) -> None:
    """Title or message, rare or common: the same sessions in the same order as without an index."""
    database = await open_database(tmp_path / "chat.db")
    try:
        sessions = Sessions(database)
        titles = [f"{'common' if number % 3 else 'other'} {'rare' if number == 7 else ''}" for number in range(30)]
        ids = [(await sessions.open("local", SessionCreate(title=title)))[0].id for title in titles]
        for q in ("common", "rare", "com", "rar"):
            wanted = [ids[number] for number in reversed(range(30)) if q in titles[number]]
            found, cursor = [], None
            while True:
                page = await sessions.list("local", limit=4, after=cursor, q=q)
                found += [session.id for session in page.data]
                cursor = page.next
                if not page.has_more:
                    break
            assert found == wanted
    finally:
        await database.close()


async def test_a_read_does_not_wait_for_searches(tmp_path: Path) -> None:
    """However many: here each takes until it is interrupted."""
    database = await open_database(tmp_path / "chat.db")
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    searches = [asyncio.create_task(database.search(endless)) for _ in range(6)]
    try:
        assert (await database.fetch("SELECT 1"))[0][0] == 1
        assert not any(search.done() for search in searches)
    finally:
        for search in searches[1:]:
            search.cancel()
        await database._searcher._connections[0].interrupt()
        await asyncio.gather(*searches, return_exceptions=True)
        await database.close()


# Exporting


def test_an_export_of_many_pages_is_one_document(upstream: Upstream, llm_client: httpx.Client) -> None:
    upstream.otherwise = text("Well.")
    session = new_session(llm_client, title="Long")
    url = f"/sessions/{session}/export"
    assert llm_client.get(url).json()["messages"] == []
    assert llm_client.get(url, params={"format": "markdown"}).text == "# Long\n"
    for _ in range(60):
        ask(llm_client, session)
    messages = history(llm_client, session)
    whole = llm_client.get(url)
    assert "content-length" not in whole.headers  # it is begun before its end is known
    assert whole.json() == {"session": llm_client.get(f"/sessions/{session}").json(), "messages": messages}
    lines = llm_client.get(url, params={"format": "jsonl"})
    assert [json.loads(line) for line in lines.text.splitlines()] == messages
    assert lines.headers["content-type"] == "application/jsonl"
    markdown = llm_client.get(url, params={"format": "markdown"})
    assert markdown.text == "# Long" + "\n\n**You**\n\nhello\n\n**Marquee**\n\nWell." * 60 + "\n"
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"


# Repeating


@pytest.fixture
def narrow(llm_settings: Settings) -> Iterator[Server]:
    """A service with room for a single live run."""
    with serving(Settings(_env_file=None, **{**dict(llm_settings), "max_live_runs": 1})) as server:
        yield server


def test_a_stored_key_answers_when_there_is_no_room(upstream: Upstream, narrow: Server) -> None:
    gate = Gate()
    upstream.queue(text("Once."), Reply([chunk({"content": "Busy."}), gate, *FINISH]))
    with narrow.client() as client:
        session, other = new_session(client), new_session(client)
        first = send(client, session, "A question", "key")
        with sending(client, other) as live:
            live.until("text.delta")
            refused = client.post(f"/sessions/{session}/messages", json={"content": "Another"}, headers=JSON)
            assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
            assert send(client, session, "A question", "key").frames == first.frames
            gate.open()
            live.rest()


# Files


@pytest.mark.parametrize("before", [None, 0o644])
def test_the_files_are_their_owners_alone(before: int | None, upstream: Upstream, llm_settings: Settings) -> None:
    path = llm_settings.chat_path
    if before is not None:
        for name in ("chat.db", "chat.db-wal", "chat.db-shm"):
            path.with_name(name).touch(mode=before)
    upstream.queue(text("Well."))
    with serving(llm_settings) as server, server.client() as client:
        ask(client, new_session(client))
        files = [*path.parent.glob("chat.db*"), *(path.parent / "leases").iterdir()]
        assert {path, path.with_name("chat.db-wal"), path.with_name("chat.db-shm")} < set(files)
        assert {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in files} == {
            file.name: "0o600" for file in files
        }


# Stopping


def test_a_cancel_says_soon_that_the_disk_hangs(upstream: Upstream, data_dir: Path) -> None:
    """In less than half of the time for which SQLite waits for a lock, measured beside it."""
    upstream.queue(Reply([chunk({"content": "Half "}), HANG]))
    with process(environment(data_dir, upstream)) as server, server.client() as client:
        session = new_session(client)
        with sending(client, session) as live, ThreadPoolExecutor(1) as pool:
            live.until("text.delta")
            run_id = live.run_id
            with closing(sqlite3.connect(data_dir / "chat.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                writing = pool.submit(client.post, "/sessions", json={})
                stopped = client.post(f"/runs/{run_id}/cancel")
                assert (stopped.status_code, stopped.json()["code"]) == (503, "overloaded")
                assert "The run is stopped" in stopped.json()["detail"]
                assert writing.result().status_code == 503
                assert stopped.elapsed < writing.result().elapsed / 2
                other.execute("ROLLBACK")
            whole = live.rest()
        check_whole(whole)
        assert (whole.text, whole.run["status"]) == ("Half ", "cancelled")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_hurries(number: signal.Signals, upstream: Upstream, data_dir: Path) -> None:
    """The grace period would outlast every wait in here; the run still gets its end."""
    upstream.queue(Reply([chunk({"content": "Half "}), HANG]))
    env = environment(data_dir, upstream, SHUTDOWN_GRACE="600")
    with process(env) as server, server.client() as client:
        session = new_session(client)
        with sending(client, session) as live:
            live.until("text.delta")
            os.kill(server.pid, number)
            wait_for(lambda: is_refused(server.url))
            os.kill(server.pid, number)
            whole = live.rest()
        _, errors = server.wait()
    check_whole(whole)
    assert (whole.text, whole.run["status"]) == ("Half ", "interrupted")
    assert "Traceback" not in errors, errors


def is_refused(url: str) -> bool:
    """Whether nobody listens any more: the first signal has come through."""
    try:
        httpx.get(f"{url}/health", timeout=5)
    except httpx.TransportError:
        return True
    return False
