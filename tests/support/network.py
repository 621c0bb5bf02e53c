"""A TCP proxy before the service, that can be cut and mended."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.serving import Server


class Network:
    """The way from a browser to the service. With `drops_answers`, requests arrive and their answers are lost."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.drops_answers = False
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._is_up = True
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._is_up = False
        while self._pairs:
            _close(*self._pairs.pop())

    def mend(self) -> None:
        self._is_up = True

    def close(self) -> None:
        self.cut()
        _close(self._listener)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._is_up:
                    client.close()
                    continue
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        pair = (client, socket.create_connection(self._target))
        self._pairs.append(pair)
        threading.Thread(target=self._pump, args=pair, daemon=True).start()
        threading.Thread(target=self._pump, args=pair[::-1], kwargs={"answers": True}, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, *, answers: bool = False) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not (answers and self.drops_answers):
                    sink.sendall(data)
        _close(source, sink)


@contextmanager
def network_to(server: Server) -> Iterator[Network]:
    network = Network(server.address)
    try:
        yield network
    finally:
        network.close()


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
