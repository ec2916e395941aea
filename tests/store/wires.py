"""A wire to a server that can be cut in the middle, at the very moment that matters."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Literal

__all__ = ["Wire"]

Fault = Literal["before", "after", "deaf"]
"""What happens when a commit comes: it is cut before it gets through; it gets through, and the answer does not; or
neither side hears that the other is gone."""


class Wire:
    """Passes on what is said between clients and a server of PostgreSQL.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.fault: Fault | None = None
        """Of the next commit."""
        self.cut = 0
        """How often it was cut."""
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End it with all that goes over it."""
        for one in (self._listening, *self._open):
            _shut(one)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._server))
                except OSError:
                    _shut(client)
                    continue
                self._open += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        for said in _heard(client):
            # Not where a transaction begins, which is READ COMMITTED.
            if b"COMMIT\0" in said and self.fault is not None:
                fault, self.fault = self.fault, None
                self.cut += 1
                if fault == "deaf":
                    # The server goes on holding what that client has.
                    self._open.remove(server)
                    client.shutdown(socket.SHUT_RDWR)
                    self._open.append(server)
                    return
                if fault == "before":
                    _shut(server)
                else:
                    client.shutdown(socket.SHUT_WR)
                    server.sendall(said)
                    # It has answered by the time that it is at its end.
                    server.shutdown(socket.SHUT_WR)
                return
            with contextlib.suppress(OSError):
                server.sendall(said)
        if self.fault != "deaf":
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        for said in _heard(server):
            with contextlib.suppress(OSError):
                client.sendall(said)
        _shut(client)


def _heard(one: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while said := one.recv(65536):
            yield said


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
