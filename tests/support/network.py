"""A TCP proxy before the service that can be cut, frozen and mended."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from tests.support.serving import Server

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Network:
    """The way to the service. With `drops_answers`, requests arrive and their answers are lost."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_up = True
        self.drops_answers = False
        self.replies_lost = 0
        """So many of the coming connections lose what the service answers, and break."""
        self.turned_away = 0
        """So many of the coming connections are told to come again in a second."""
        self._flowing = threading.Event()
        self._flowing.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self.is_up = False
        while self._pairs:
            _close(*self._pairs.pop())

    def drop(self) -> None:
        """Break every connection; new ones pass."""
        self.cut()
        self.mend()

    def freeze(self) -> None:
        """Have the connections that there are stand still for ever; new ones pass."""
        self._flowing.clear()
        self._flowing = threading.Event()
        self._flowing.set()

    def mend(self) -> None:
        self.is_up = True

    def close(self) -> None:
        self.cut()
        _close(self._listener)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self.is_up:
                    client.close()
                elif self.turned_away:
                    self.turned_away -= 1
                    threading.Thread(target=_turn_away, args=(client,), daemon=True).start()
                else:
                    self._join(client)

    def _join(self, client: socket.socket) -> None:
        service = socket.create_connection(self._target)
        self._pairs.append((client, service))
        loses = self.replies_lost > 0
        self.replies_lost -= loses
        for way in ((client, service, False, False), (service, client, True, loses)):
            threading.Thread(target=self._pump, args=(*way, self._flowing), daemon=True).start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, answers: bool, loses: bool, flowing: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if loses:
                    break
                if not flowing.is_set():
                    return
                if not (answers and self.drops_answers):
                    sink.sendall(data)
        _close(source, sink)


@contextmanager
def network(target: tuple[str, int]) -> Iterator[Network]:
    """A way to the service, closed at the end."""
    way = Network(target)
    try:
        yield way
    finally:
        way.close()


def network_to(server: Server) -> AbstractContextManager[Network]:
    """A way to a server of the test's own process."""
    return network(server.address)


def _turn_away(client: socket.socket) -> None:
    with suppress(OSError):
        client.recv(65_536)
        client.sendall(BUSY)
    _close(client)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
