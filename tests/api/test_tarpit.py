"""Who is refused again and again waits; who is let in does not."""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack

from api.tarpit import MOST_WAITING
from settings import Settings
from tests.accounts.test_accounts import bearer, person, with_accounts
from tests.support.serving import serving

REFUSED = b"GET /sessions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer nobody\r\n\r\n"


def test_who_is_refused_again_and_again_waits(settings: Settings) -> None:
    with serving(with_accounts(settings, refusals_per_minute=2)) as server, person(server, "ana") as ana:
        assert ana.client.get("/sessions").status_code == 200
        with server.client() as stranger, ExitStack() as stack:
            answers = [stranger.get("/sessions", headers=bearer("nobody")).status_code for _ in range(2)]
            assert answers == [401, 401]
            waiting = [stack.enter_context(socket.create_connection(server.address)) for _ in range(MOST_WAITING + 1)]
            for connection in waiting:
                connection.sendall(REFUSED)
            first = select.select(waiting, [], [])[0][0]  # of those who wait, the one for whom there is no room
            assert first.recv(4_096).startswith(b"HTTP/1.1 429 ")
            assert ana.client.get("/sessions").status_code == 200  # from the same address, and not held


def test_on_localhost_nobody_waits(settings: Settings) -> None:
    with serving(settings) as server, server.client(headers={"Host": "example.com"}) as client:
        assert {client.get("/health/live").status_code for _ in range(100)} == {403}
