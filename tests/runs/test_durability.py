"""Nothing that a client saw is lost: commit before send, resume, stop, retry, repeat, leave, settle."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from runs.live_run import Caller
from schemas import MessageCreate, SessionCreate, SessionPatch
from service import open_marquee
from settings import Settings
from storage.opening import open_database
from storage.sessions import Sessions
from tests.support import scripted
from tests.support.processes import environment, process, wait_for
from tests.support.scripted import DONE, HANG, Gate, Pause, Reply, call, calls, chunk, text, usage
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import (
    JSON,
    STREAM,
    Stream,
    ask,
    check_whole,
    following,
    history,
    new_session,
    read_run,
    replay,
    send,
    sending,
)

DISCONNECTS = 200
KINDS = (("Question", ""), ("Answer", "."))
FINISH = [chunk(finish="stop"), usage(), DONE]


def said(word: str) -> bytes:
    return chunk({"content": word})


def gated(*words: str) -> tuple[Reply, list[Gate]]:
    """An answer that stops behind each word."""
    gates = [Gate() for _ in words]
    pieces: list[Any] = []
    for word, gate in zip(words, gates, strict=True):
        pieces += [said(word), gate]
    return Reply([*pieces, *FINISH]), gates


def paced(words: int, seconds: float = 0.002) -> Reply:
    """An answer word by word, each most likely in an event of its own."""
    pieces: list[Any] = []
    for number in range(words):
        pieces += [said(f"word{number} "), Pause(seconds)]
    return Reply([*pieces, *FINISH])


def stored_frames(settings: Settings, run_id: str) -> bytes:
    """What the database file holds right now, read past the service."""
    with sqlite3.connect(f"file:{settings.chat_path}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT frame FROM events WHERE run_id = ? ORDER BY sequence", (run_id,)).fetchall()
    return b"".join(row[0] for row in rows)


# Commit before send


def test_what_is_seen_is_in_the_file(upstream: scripted.Upstream, llm_server: Server, llm_client: httpx.Client) -> None:
    reply, gates = gated("One ", "two ", "three.")
    upstream.queue(calls(call("search_movies", {"query": "Kid"}), say="Let me see. "), reply)
    session = new_session(llm_client)
    with sending(llm_client, session) as live:
        run_id = live.until("run.created")["run"]["id"]
        for count, gate in enumerate(gates, start=2):
            live.until("text.delta", count)
            seen = Stream(live.raw).frames
            assert seen == stored_frames(llm_server.settings, run_id)[: len(seen)]
            assert gate.reached.wait(5)
            gate.open()
        whole = live.rest()
    check_whole(whole)
    assert whole.frames == stored_frames(llm_server.settings, run_id)


def test_a_live_history_has_what_was_seen(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    reply, [gate] = gated("Half an answer")
    upstream.queue(reply)
    session = new_session(llm_client)
    with sending(llm_client, session) as live:
        live.until("text.delta")
        messages = history(llm_client, session)
        assert [(m["role"], m["content"], m["status"]) for m in messages] == [
            ("user", "hello", "completed"),
            ("assistant", "Half an answer", "in_progress"),
        ]
        gate.open()
        live.rest()
    ended = history(llm_client, session)
    assert [m["id"] for m in ended] == [m["id"] for m in messages]
    assert ended[-1]["status"] == "completed"


def test_a_history_that_is_polled_never_doubles_or_drops(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    """Whenever it is read: while a run is live, while it ends, between runs."""
    upstream.otherwise = paced(4, 0.001)
    session = new_session(llm_client)
    over = threading.Event()

    def poll() -> list[list[str]]:
        reads = []
        while not over.is_set():
            reads.append([message["id"] for message in history(llm_client, session)])
        return reads

    with ThreadPoolExecutor(2) as pool:
        pollers = [pool.submit(poll) for _ in range(2)]
        for _ in range(15):
            ask(llm_client, session)
        over.set()
    final = [message["id"] for message in history(llm_client, session)]
    assert len(final) == 30
    for read in (read for poller in pollers for read in poller.result()):
        assert read == final[: len(read)]


# Resume


def test_every_cursor_gives_the_same_bytes_live_and_later(
    upstream: scripted.Upstream, llm_server: Server, llm_client: httpx.Client
) -> None:
    reply, [first, second] = gated("One ", "two.")
    upstream.queue(calls(call("search_movies", {"query": "Kid"}), say="See. "), reply)
    session = new_session(llm_client)
    with ExitStack() as stack:
        live = stack.enter_context(sending(llm_client, session))
        run_id = live.until("run.created")["run"]["id"]
        assert first.reached.wait(5)
        live.until("text.delta", 2)
        at = Stream(live.raw).events[-1]["sequence"]
        followers = {0: stack.enter_context(following(llm_client, run_id))}
        followers |= {n: stack.enter_context(following(llm_client, run_id, n)) for n in range(1, at + 1)}
        first.open()
        assert second.reached.wait(5)
        second.open()
        whole = live.rest()
        for after, follower in followers.items():
            assert follower.rest().frames == b"".join(whole.blocks[after:])
    check_replays(llm_client, run_id, whole)
    llm_server.stop()
    with serving(llm_server.settings) as again, again.client() as client:
        check_replays(client, run_id, whole)


def check_replays(client: httpx.Client, run_id: str, whole: Stream) -> None:
    count = len(whole.blocks)
    for after in range(count):
        assert replay(client, run_id, after=after).blocks == whole.blocks[after:]
        by_header = client.get(f"/runs/{run_id}/events", headers={"Last-Event-ID": str(after)})
        assert Stream(by_header.content).blocks == whole.blocks[after:]
    assert client.get(f"/runs/{run_id}/events", params={"after": count}).status_code == 204
    for ahead in (count + 1, 2**53):  # a power cut or an older backup took what was seen
        answer = client.get(f"/runs/{run_id}/events", params={"after": ahead})
        assert Stream(answer.content).blocks == whole.blocks


def test_many_followers_see_the_same(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    gate = Gate()
    upstream.queue(Reply([said("Go. "), gate, *paced(200, 0.001).pieces]))
    with sending(llm_client, new_session(llm_client)) as live, ThreadPoolExecutor(40) as pool:
        live.until("text.delta")
        run_id = live.run_id
        jobs = [pool.submit(replay, llm_client, run_id) for _ in range(40)]
        gate.open()
        whole = live.rest()
        assert {job.result().frames for job in jobs} == {whole.frames}
    check_whole(whole)


def test_a_cursor_ahead_of_a_live_run_gets_it_from_its_start(
    upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    reply, [gate] = gated("Well.")
    upstream.queue(reply)
    with sending(llm_client, new_session(llm_client)) as live:
        run_id = live.until("run.created")["run"]["id"]
        with following(llm_client, run_id, 1_000) as ahead:
            gate.open()
            assert ahead.rest().blocks == live.rest().blocks


def test_a_follower_that_does_not_read_holds_nobody_up(upstream: scripted.Upstream, llm_settings: Settings) -> None:
    """And the service holds little for it, whatever the others have got meanwhile."""
    begin, end = Gate(), Gate()
    words = [said("🎬" * 1_000)] * 3_000  # 12 MB: more than a kernel buffers
    upstream.queue(Reply([said("Go. "), begin, *words, said("Done."), end, *FINISH]))
    patient = Settings(_env_file=None, **{**dict(llm_settings), "llm_idle_timeout": 60})
    with serving(patient) as server, server.client() as client, ExitStack() as stack:
        live = stack.enter_context(sending(client, new_session(client)))
        live.until("text.delta")
        idle = [stack.enter_context(stalled_follower(server, live.run_id)) for _ in range(20)]
        begin.open()
        live.until_bytes(b"Done.")
        assert held_for_clients() < len(idle) * 200_000
        end.open()
        whole = live.rest()
        check_whole(whole)
        assert len(whole.text) == 3_000_009
        assert read_all(idle[0]).frames == whole.frames


def held_for_clients() -> int:
    """Bytes that the process wants to send and cannot."""
    transports = [item for item in gc.get_objects() if isinstance(item, asyncio.WriteTransport)]
    return sum(transport.get_write_buffer_size() for transport in transports)


def stalled_follower(server: Server, run_id: str) -> socket.socket:
    """A connection that asks for the stream and reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect(server.address)
    connection.sendall(f"GET /runs/{run_id}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return connection


def read_all(connection: socket.socket) -> Stream:
    """The stream of a raw connection, out of its chunked encoding."""
    raw = b"".join(iter(lambda: connection.recv(1_000_000), b""))
    body, rest = b"", raw.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return Stream(body)


# Stop


def test_cancel_closes_the_upstream_and_keeps_the_text(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(Reply([said("Kept. "), HANG]), text("Next."))
    session = new_session(llm_client)
    with sending(llm_client, session) as live:
        live.until("text.delta")
        run_id = live.run_id
        cancelled = llm_client.post(f"/runs/{run_id}/cancel").json()
        wait_for(lambda: upstream.closed_early)
        whole = live.rest()
    assert cancelled["status"] == "cancelled"
    assert whole.outline == ["run.created", "session.updated", "text.delta", "run.cancelled"]
    assert [(m["content"], m["status"]) for m in history(llm_client, session)][1:] == [("Kept. ", "cancelled")]
    assert llm_client.post(f"/runs/{run_id}/cancel").json() == cancelled == read_run(llm_client, run_id)
    assert replay(llm_client, run_id).frames == whole.frames
    assert ask(llm_client, session)["run"]["status"] == "completed"
    assert "Kept. " in str(upstream.requests[-1]["messages"])


@pytest.mark.parametrize(
    "reply", [Reply([HANG], status=0), Reply([HANG])], ids=["before the status line", "before the body"]
)
def test_cancel_before_the_first_byte(reply: Reply, upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(reply)
    with sending(llm_client, new_session(llm_client)) as live:
        run_id = live.until("run.created")["run"]["id"]
        wait_for(lambda: upstream.open)
        llm_client.post(f"/runs/{run_id}/cancel")
        wait_for(lambda: upstream.closed_early)
        assert live.rest().outline[-1] == "run.cancelled"


def test_cancel_at_any_moment_gives_one_end(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    """From before the work's first step to after its end: whenever it lands, the stream is whole."""
    for number in range(40):
        upstream.otherwise = paced(10, 0.001)
        session = new_session(llm_client)
        with sending(llm_client, session) as live:
            run_id = live.until("run.created")["run"]["id"]
            with suppress(StopIteration):  # it may be over, its deltas joined into fewer
                for count in range(1, number % 4 + 1):
                    live.until("text.delta", count)
            cancelled = llm_client.post(f"/runs/{run_id}/cancel").json()
            whole = live.rest()
        check_whole(whole)
        assert whole.run == cancelled == read_run(llm_client, run_id)
        assert cancelled["status"] in {"cancelled", "completed"}
        answers = [m["content"] for m in history(llm_client, session) if m["role"] == "assistant"]
        assert "".join(answers) == whole.text
    wait_for(lambda: upstream.open == 0)


# Retry


def test_retry_keeps_the_earlier_answer_apart(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    search = calls(call("search_movies", {"query": "Kid"}))
    upstream.queue(search, text("First."), text("Second."), text("Third."))
    session = new_session(llm_client)
    first = send(llm_client, session, "A question")
    message_id = first.run["message_id"]
    again = llm_client.post(f"/sessions/{session}/messages/{message_id}/retry", headers=STREAM)
    second = Stream(again.content)
    check_whole(second)
    assert second.run["retry_of"] == first.run["id"]
    assert second.run["message_id"] == message_id
    found = [(m["role"], m["content"], m["alternative"]) for m in history(llm_client, session)]
    assert found == [
        ("user", "A question", False),
        ("assistant", "", True),
        ("tool", "", True),
        ("assistant", "First.", True),
        ("assistant", "Second.", False),
    ]
    ask(llm_client, session, "More")
    sent = [(m["role"], m["content"]) for m in upstream.requests[-1]["messages"]][1:]
    assert sent == [("user", "A question"), ("assistant", "Second."), ("user", "More")]
    assert replay(llm_client, first.run["id"]).frames == first.frames
    old = llm_client.post(f"/sessions/{session}/messages/{message_id}/retry", headers=STREAM)
    assert (old.status_code, old.json()["code"]) == (409, "conflict")


def test_a_retry_with_content_edits_the_message_and_keeps_the_earlier_exchange(
    upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    upstream.queue(text("First."), text("Second."), text("Third."), text("Fourth."))
    session = new_session(llm_client)
    first = send(llm_client, session, "A qestion").run
    path = f"/sessions/{session}/messages/{{}}/retry".format
    again = Stream(llm_client.post(path(first["message_id"]), json={"content": "A question"}, headers=STREAM).content)
    check_whole(again)
    edited = again.run
    assert edited["retry_of"] == first["id"]
    assert edited["message_id"] != first["message_id"]
    assert again.events[0]["message"]["content"] == "A question"
    other = llm_client.post(path(edited["message_id"]), json={"model": "other"}, headers=JSON).json()["run"]
    assert (other["model"], other["message_id"]) == ("other", edited["message_id"])
    assert upstream.requests[-1]["model"] == "other"
    found = [(m["role"], m["content"], m["alternative"]) for m in history(llm_client, session)]
    assert found == [
        ("user", "A qestion", True),
        ("assistant", "First.", True),
        ("user", "A question", False),
        ("assistant", "Second.", True),
        ("assistant", "Third.", False),
    ]
    ask(llm_client, session, "More")
    sent = [(m["role"], m["content"]) for m in upstream.requests[-1]["messages"]][1:]
    assert sent == [("user", "A question"), ("assistant", "Third."), ("user", "More")]
    assert "(an earlier wording)\n\nA qestion" in llm_client.get(f"/sessions/{session}/export?format=markdown").text
    old = llm_client.post(path(first["message_id"]), json={"content": "Anew"}, headers=STREAM)
    assert (old.status_code, old.json()["code"]) == (409, "conflict")


def test_an_edit_is_checked_and_repeated_like_a_message(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(text("First."), text("Second."), text("Third."))
    session = new_session(llm_client)
    message_id = send(llm_client, session, "A question").run["message_id"]
    path = f"/sessions/{session}/messages/{message_id}/retry"
    for wrong in ({"content": " "}, {"content": "x" * 40_000}, {"text": "A"}, {"content": 1}):
        refused = llm_client.post(path, json=wrong, headers=STREAM)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_error"), wrong
    keyed = {**JSON, "Idempotency-Key": "k"}
    edited = llm_client.post(path, json={"content": "Another"}, headers=keyed).json()["run"]
    assert llm_client.post(path, json={"content": "Another"}, headers=keyed).json()["run"] == edited
    mismatch = llm_client.post(path, json={"content": "Else"}, headers=keyed)
    assert mismatch.json()["code"] == "idempotency_mismatch"
    same = f"/sessions/{session}/messages/{edited['message_id']}/retry"
    unchanged = llm_client.post(same, json={"content": "Another"}, headers=JSON).json()["run"]
    assert unchanged["message_id"] == edited["message_id"], "the same words are the same message"
    assert len(upstream.requests) == 3


def test_the_history_is_read_from_its_end_and_runs_from_the_newest(
    upstream: scripted.Upstream, llm_client: httpx.Client
) -> None:
    session = new_session(llm_client)
    runs = []
    for number in range(5):
        upstream.queue(text(f"Answer {number}."))
        runs.append(send(llm_client, session, f"Question {number}").run["id"])
    page = llm_client.get(f"/sessions/{session}/messages", params={"before": "latest", "limit": 4}).json()
    assert [m["content"] for m in page["data"]] == ["Question 3", "Answer 3.", "Question 4", "Answer 4."]
    assert page["has_more"]
    older = llm_client.get(f"/sessions/{session}/messages", params={"before": page["next"], "limit": 100}).json()
    assert [m["content"] for m in older["data"]] == [f"{w} {n}{e}" for n in range(3) for w, e in KINDS]
    assert not older["has_more"]
    gate = Gate()
    upstream.queue(Reply([said("Begun"), gate, *FINISH]))
    with sending(llm_client, session, "Live") as live:
        live.until("text.delta")
        assert _tail(llm_client, session) == ["Live", "Begun"]
        gate.open()
        check_whole(live.rest())
    found = llm_client.get(f"/sessions/{session}/runs", params={"limit": 3}).json()
    assert [run["id"] for run in found["data"]] == [live.run_id, runs[4], runs[3]]
    rest = llm_client.get(f"/sessions/{session}/runs", params={"after": found["next"]}).json()
    assert ([run["id"] for run in rest["data"]], rest["has_more"]) == ([runs[2], runs[1], runs[0]], False)


def _tail(client: httpx.Client, session: str) -> list[str]:
    page = client.get(f"/sessions/{session}/messages", params={"before": "latest", "limit": 1}).json()
    return [message["content"] for message in page["data"]]


# Repeat


def test_a_repeated_request_is_the_same_run_also_after_a_restart(
    upstream: scripted.Upstream, llm_server: Server, llm_client: httpx.Client
) -> None:
    upstream.queue(text("Once."), text("Anew."), text("Later."))
    session = new_session(llm_client)
    first = send(llm_client, session, "A question", "key-1")
    retry_path = f"/sessions/{session}/messages/{first.run['message_id']}/retry"
    retried = llm_client.post(retry_path, headers={**STREAM, "Idempotency-Key": "key-2"})
    send(llm_client, session, "Another", "key-3")
    llm_server.stop()
    with serving(llm_server.settings) as again, again.client() as client:
        assert send(client, session, "A question", "key-1").frames == first.frames
        repeated = client.post(retry_path, headers={**STREAM, "Idempotency-Key": "key-2"})
        assert Stream(repeated.content).frames == Stream(retried.content).frames
        other = client.post(
            f"/sessions/{session}/messages", json={"content": "B"}, headers={"Idempotency-Key": "key-1"}
        )
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")
    assert len(upstream.requests) == 3


def test_a_hundred_identical_requests_are_one_run(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(paced(20))
    session = new_session(llm_client)
    with ThreadPoolExecutor(100) as pool:
        jobs = [pool.submit(send, llm_client, session, "A question", "key") for _ in range(100)]
        streams = [job.result() for job in jobs]
    assert len({stream.frames for stream in streams}) == 1
    assert len(upstream.requests) == 1
    assert [m["role"] for m in history(llm_client, session)] == ["user", "assistant"]


def test_one_live_run_a_session(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    reply, [gate] = gated("Well.")
    upstream.queue(reply)
    session = new_session(llm_client)
    with sending(llm_client, session) as live:
        run = live.until("run.created")["run"]
        refused = llm_client.post(f"/sessions/{session}/messages", json={"content": "Me too"}, headers=JSON)
        assert (refused.status_code, refused.json()["code"]) == (409, "run_in_progress")
        assert refused.json()["run_id"] == run["id"]
        retried = llm_client.post(f"/sessions/{session}/messages/{run['message_id']}/retry", headers=JSON)
        assert retried.status_code == 409
        assert llm_client.delete(f"/sessions/{session}").status_code == 409
        gate.open()
        live.rest()
    assert [m["content"] for m in history(llm_client, session)] == ["hello", "Well."]


def test_a_hundred_different_requests_are_one_run(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    reply, [gate] = gated("Well.")
    upstream.queue(reply)
    session = new_session(llm_client)

    def post(number: int) -> int:
        body = {"content": f"Question {number}"}
        with llm_client.stream("POST", f"/sessions/{session}/messages", json=body, headers=STREAM) as response:
            if response.status_code == 200:
                others.wait(20)
                gate.open()
            else:
                refused.append(number)
                if len(refused) == 99:
                    others.set()
            response.read()
        return response.status_code

    refused: list[int] = []
    others = threading.Event()
    with ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(post, range(100)))
    assert sorted(statuses) == [200] + [409] * 99
    assert len(history(llm_client, session)) == 2


# Leave


def test_leaving_is_not_stopping(upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    reply, [gate, last] = gated("First ", "second.")
    upstream.queue(reply)
    session = new_session(llm_client)
    with sending(llm_client, session) as live:
        live.until("text.delta")
        run_id = live.run_id
        seen = Stream(live.raw).frames
    gate.open()
    last.open()
    whole = replay(llm_client, run_id)
    check_whole(whole)
    assert whole.frames.startswith(seen)
    assert whole.text == "First second."


def test_disconnects_at_random_bytes(upstream: scripted.Upstream, llm_server: Server, llm_client: httpx.Client) -> None:
    """Whenever a client goes, its run ends, and nothing of it stays behind."""
    upstream.otherwise = paced(5)
    send(llm_client, new_session(llm_client))
    loop = llm_server.app.state.marquee.runs.settler._rounds[0].get_loop()
    tasks, handles = len(asyncio.all_tasks(loop)), open_handles()
    sessions = [new_session(llm_client) for _ in range(DISCONNECTS)]
    chance = random.Random(4)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda session: leave_early(llm_server, session, chance.randrange(3_000)), sessions))
    wait_for(lambda: llm_server.app.state.marquee.runs.count == 0, 30)
    ends = [history(llm_client, session) for session in sessions]
    assert all([m["status"] for m in messages] == ["completed"] * 2 for messages in ends if messages)
    assert sum(map(bool, ends)) > DISCONNECTS // 2
    assert len(upstream.requests) == 1 + sum(map(bool, ends))
    wait_for(lambda: len(asyncio.all_tasks(loop)) <= tasks)
    wait_for(lambda: upstream.open == 0)
    wait_for(lambda: open_handles() <= handles + 2)


def leave_early(server: Server, session: str, size: int) -> None:
    """Send a message over a raw socket and reset the connection after so many bytes of the answer."""
    body = b'{"content": "hello"}'
    head = f"POST /sessions/{session}/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(server.address) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        while size > 0 and (block := connection.recv(size)):
            size -= len(block)


def open_handles() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


# Processes


def test_what_a_dead_process_left_is_settled_before_listening(upstream: scripted.Upstream, data_dir: Path) -> None:
    upstream.queue(Reply([said("Half "), HANG]), text("Next."))
    env = environment(data_dir, upstream)
    with process(env) as first, first.client() as client:
        session = new_session(client)
        with sending(client, session) as live:
            live.until("text.delta")
            first.kill()
            seen = Stream(live.raw)
    with process(env) as second, second.client() as client:
        whole = replay(client, seen.run["id"])
        check_whole(whole)
        assert whole.frames.startswith(seen.frames)
        assert whole.run["status"] == read_run(client, seen.run["id"])["status"] == "interrupted"
        assert [(m["content"], m["status"]) for m in history(client, session)][1:] == [("Half ", "interrupted")]
        assert ask(client, session)["run"]["status"] == "completed"


@pytest.mark.parametrize("grace", [5, 0.2])
def test_a_stop_lets_runs_end_or_settles_them(grace: float, upstream: scripted.Upstream, data_dir: Path) -> None:
    gate = Gate()
    upstream.queue(Reply([said("Half "), gate, said("and half."), *FINISH]))
    with process(environment(data_dir, upstream, SHUTDOWN_GRACE=str(grace))) as server, server.client() as client:
        with sending(client, new_session(client)) as live:
            live.until("text.delta")
            server.terminate()
            if grace > 1:
                gate.open()
            whole = live.rest()
        status, errors = server.wait()
    check_whole(whole)
    ends = {True: ("completed", "Half and half."), False: ("interrupted", "Half ")}
    assert (whole.run["status"], whole.text) == ends[grace > 1]
    assert "Traceback" not in errors
    assert status in {0, -15}


def test_another_process_leaves_live_runs_alone(upstream: scripted.Upstream, llm_settings: Settings) -> None:
    reply, [gate] = gated("Half ")
    upstream.queue(reply, text("From the terminal."))
    patient = llm_settings.model_copy(update={"llm_idle_timeout": 60})  # a process is started meanwhile
    with serving(patient) as server, server.client() as client:
        session, other = new_session(client), new_session(client)
        with sending(client, session) as live:
            live.until("text.delta")
            env = environment(patient.data_dir, upstream)
            command = [sys.executable, "llm.py", "--session", other, "Hello?"]
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
            assert (done.returncode, done.stdout) == (0, "From the terminal.\n"), done.stderr
            assert read_run(client, Stream(live.raw).run["id"])["status"] == "in_progress"
            gate.open()
            check_whole(live.rest())
        assert [m["content"] for m in history(client, other)] == ["Hello?", "From the terminal."]


def test_runs_of_another_process_can_be_followed_to_their_end(
    upstream: scripted.Upstream, llm_settings: Settings, data_dir: Path
) -> None:
    """Live, and also when that process dies under them."""
    reply, [gate] = gated("Half ")
    upstream.queue(reply, Reply([said("Lost "), HANG]), text("Mine."))
    with (
        process(environment(data_dir, upstream)) as theirs,
        theirs.client() as client,
        serving(llm_settings) as ours,
        ours.client() as near,
    ):
        with sending(client, new_session(client)) as live:
            live.until("text.delta")
            run_id = live.run_id
            with following(near, run_id) as far:
                far.until("text.delta")
                gate.open()
                assert far.rest().frames == live.rest().frames
        session = new_session(client)
        with sending(client, session) as live:
            live.until("text.delta")
            run_id = live.run_id
            with following(near, run_id) as far:
                far.until("text.delta")
                theirs.kill()
                whole = far.rest()
        check_whole(whole)
        assert whole.run["status"] == "interrupted"
        assert whole.frames.startswith(Stream(live.raw).seen)
        assert ask(near, session)["run"]["status"] == "completed"


def test_two_processes_settle_a_run_once(upstream: scripted.Upstream, llm_settings: Settings, data_dir: Path) -> None:
    upstream.queue(Reply([said("Half "), HANG]))
    with process(environment(data_dir, upstream)) as server, server.client() as client:
        session = new_session(client)
        with sending(client, session) as live:
            live.until("text.delta")
            run_id = live.run_id
            server.kill()
    with ThreadPoolExecutor(4) as pool, ExitStack() as stack:
        servers = list(pool.map(lambda _: stack.enter_context(serving(llm_settings)), range(4)))
        with servers[0].client() as client:
            check_whole(replay(client, run_id))
            assert [m["status"] for m in history(client, session)] == ["completed", "interrupted"]


# Folding, defects


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_an_old_replay_is_folded_and_says_the_same(upstream: scripted.Upstream, llm_settings: Settings) -> None:
    upstream.queue(calls(call("search_movies", {"query": "Kid"}), say="See. "), paced(30))
    clock = Hands()
    async with open_marquee(llm_settings, clock) as marquee:
        session, _ = await marquee.sessions.open("local", SessionCreate())
        run = await marquee.runs.send(Caller("local", session), MessageCreate(content="hello"))
        before = await frames_of(marquee, run.id)
        messages = await marquee.store.run_messages(run.id)
        clock.now += timedelta(seconds=llm_settings.replay_retention - 60)
        assert await marquee.runs.settler.fold() == 0
        clock.now += timedelta(seconds=120)
        assert await marquee.runs.settler.fold() == 1
        assert await marquee.runs.settler.fold() == 0
        after = await frames_of(marquee, run.id)
        check_whole(before)
        check_whole(after)
        assert len(after.blocks) == len(after.outline) < len(before.blocks)
        assert after.text == before.text
        assert await marquee.store.run_messages(run.id) == messages


async def frames_of(marquee: Any, run_id: str) -> Stream:
    return Stream(b"".join([frame.data async for batch in marquee.runs.follow(run_id) for frame in batch]))


def test_a_run_that_cannot_be_written_fails_alone(
    upstream: scripted.Upstream, llm_server: Server, llm_client: httpx.Client
) -> None:
    """A defect, brought about by taking the run's row away under it."""
    broken, [first] = gated("Mine ")
    sound, [second] = gated("Ours ")
    upstream.queue(broken, sound, text("Next."))
    sessions = [new_session(llm_client), new_session(llm_client)]
    with sending(llm_client, sessions[0]) as lost:
        lost.until("text.delta")
        with sending(llm_client, sessions[1]) as live:
            live.until("text.delta")
            with sqlite3.connect(llm_server.settings.chat_path) as connection:
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("DELETE FROM sessions WHERE id = ?", (sessions[0],))
            first.open()
            second.open()
            check_whole(live.rest())
        lost.rest()
    wait_for(lambda: llm_server.app.state.marquee.runs.count == 0)
    assert ask(llm_client, sessions[1])["run"]["status"] == "completed"


# Text


@pytest.mark.parametrize("content", ["🎬" * 32_000, "nul \x00 in it", "\u2028\u2029\x85 line ends", "a\r\nb\rc"])
def test_odd_text_comes_back_as_it_went(content: str, upstream: scripted.Upstream, llm_client: httpx.Client) -> None:
    upstream.queue(text(content))
    session = new_session(llm_client)
    stream = send(llm_client, session, content)
    check_whole(stream)
    assert stream.text == content
    assert [m["content"] for m in history(llm_client, session)] == [content, content]
    assert upstream.requests[-1]["messages"][-1]["content"] == content


def test_half_characters_are_refused(llm_client: httpx.Client) -> None:
    session = new_session(llm_client)
    for body in ('{"content": "\\ud83d"}', '{"content": "a", "model": "\\ud83d"}'):
        response = llm_client.post(
            f"/sessions/{session}/messages", content=body, headers={"content-type": "application/json"}
        )
        assert response.status_code == 422
    body = '{"title": "\\ud83d", "metadata": {"a": "\\ud83d"}}'
    response = llm_client.post("/sessions", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422


async def test_search_follows_titles_and_deletion(tmp_path: Path) -> None:
    """Also for sessions that have no title, or lose it."""
    database = await open_database(tmp_path / "chat.db")
    sessions = Sessions(database)
    try:
        session, _ = await Sessions(database).open("local", SessionCreate())
        await sessions.update("local", session.id, SessionPatch(title="Heat"))
        assert len((await sessions.list("local", limit=9, q="heat")).data) == 1
        await sessions.update("local", session.id, SessionPatch(title=None))
        assert (await sessions.list("local", limit=9, q="heat")).data == []
        await sessions.delete("local", session.id)

        def checked(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO title_search (title_search, rank) VALUES ('integrity-check', 1)")
            connection.execute("INSERT INTO message_search (message_search) VALUES ('integrity-check')")

        await database.write(checked)
    finally:
        await database.close()
