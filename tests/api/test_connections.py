"""More connections than descriptors, and requests that never end: what is live goes on."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from api.connections import BURST, PACE, Paces
from tests.support.processes import Process, environment, process
from tests.support.scripted import Gate, Reply, Upstream, chunk, text
from tests.support.wire import check_whole, new_session, sending

IDLE = 1_100


def limited(soft: int, hard: int) -> Callable[[], None]:
    """What the child does before it becomes the service."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(autouse=True)
def _enough_descriptors() -> Iterator[None]:
    """The test itself opens as many connections as the service is to refuse."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < 4_096:
        pytest.skip("too few descriptors for the clients")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4_096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def idle_connections(running: Process, count: int) -> Iterator[list[socket.socket]]:
    host, port = running.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection((host, int(port)), timeout=30)) for _ in range(count)]


def closed(connection: socket.socket) -> bytes:
    """All that the service still said before it closed a connection; a TimeoutError where it did not."""
    said = b""
    try:
        while block := connection.recv(65_536):
            said += block
    except ConnectionResetError:
        pass
    return said


def drip(connection: socket.socket) -> None:
    """A header line a hundredth of a second, for far longer than a request may take."""
    for _ in range(2_000):
        connection.sendall(b"X-A: b\r\n")
        time.sleep(0.01)


def test_more_connections_than_descriptors_leave_a_live_stream_alone(data_dir: Path, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "Hel"}), gate, *text("lo").pieces]))
    env = environment(data_dir, upstream)
    with process(env, preexec_fn=limited(1_024, 1_024)) as running, running.client() as client:
        session = new_session(client)
        with sending(client, session) as live:
            live.until("text.delta")
            with idle_connections(running, IDLE) as idle:
                refused = closed(idle[-1])
                assert b" 503 " in refused.split(b"\r\n")[0]
                assert b"overloaded" in refused
                gate.open()
                check_whole(live.rest())
        assert client.get("/health").json()["live_runs"] == 0
        running.terminate()
        _, log = running.wait()
        assert len(log) < 20_000, log[:2_000]


def test_one_address_opens_connections_at_a_pace() -> None:
    paces = Paces()
    assert [paces.allows("192.0.2.1", 0.0) for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert paces.allows("192.0.2.2", 0.0)
    assert [paces.allows("192.0.2.1", 1.2 / PACE) for _ in range(2)] == [True, False]


def test_the_soft_limit_is_raised(data_dir: Path) -> None:
    with process(environment(data_dir), preexec_fn=limited(256, 4_096)) as running:
        with idle_connections(running, 1_000), running.client() as client:
            assert client.get("/health").json()["status"] == "ok"
        raised = Path(f"/proc/{running.pid}/limits").read_text()
        assert [line.split()[3:5] for line in raised.splitlines() if "open files" in line] == [["4096", "4096"]]


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /health HTT",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health HTT",
        b"POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    ],
)
def test_a_request_that_does_not_arrive_whole_is_let_go(data_dir: Path, begun: bytes) -> None:
    with process(environment(data_dir, REQUEST_TIMEOUT="0.5")) as running, idle_connections(running, 1) as [connection]:
        connection.sendall(begun)
        said = closed(connection)  # in time: the socket's own limit is far beyond that of the service
        if begun.startswith(b"POST"):
            assert b" 408 " in said.split(b"\r\n")[0]
            assert b"request_timeout" in said


def test_a_request_that_drips_in_is_let_go(data_dir: Path) -> None:
    """Bytes that keep coming do not extend the time of the head."""
    with process(environment(data_dir, REQUEST_TIMEOUT="0.5")) as running, idle_connections(running, 1) as [connection]:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            drip(connection)


def test_an_answer_may_take_longer_than_a_request(data_dir: Path, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "Hel"}), gate, *text("lo").pieces]))
    env = environment(data_dir, upstream, REQUEST_TIMEOUT="0.3")
    with process(env) as running, running.client() as client, sending(client, new_session(client)) as live:
        live.until("text.delta")
        with idle_connections(running, 1) as [younger]:
            assert closed(younger) == b""  # it was let go, so the stream is older than the limit
        gate.open()
        check_whole(live.rest())
