"""How a running watch is doing, over HTTP: for Prometheus, for whoever reads JSON, and for what asks "is it well?".

It answers a few clients at a time and each for a few seconds only, on one thread of its own: whoever is slow, or many,
is cut off, and watching is not held up.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import socket
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from decisight.errors import UsageError
from decisight.files import printable
from decisight.server.figures import figures_registry

if TYPE_CHECKING:
    from decisight.workers.health import Health

__all__ = ["Address", "HealthPages", "check_free", "parse_address"]

_HOST = "127.0.0.1"
"""Where nobody says: nobody but this machine may ask."""
_MOST_CLIENTS = 32
"""That are answered at the same time; whoever else comes is cut off."""
_SECONDS = 5.0
"""That a client gets to ask, and again to take the answer."""
_FAREWELL, _PAUSE = 5.0, 0.5
"""Seconds: that it gets to end; before it listens again where the system lets nobody in."""
_LONGEST_REQUEST = 16_384
"""Bytes of a request that are read."""
_ADDRESS = re.compile(r"(?:\[(?P<six>[^\[\]\s]+)\]|(?P<host>[^:\s\[\]]*)):(?P<port>\d{1,5})", re.ASCII)
_HOST_HEADER = re.compile(r"(?:\[(?P<six>[^\[\]\s]+)\]|(?P<host>[^:\s\[\]]+))(?::\d{1,5})?", re.ASCII)
_NOT_MEANT = "ask by an address, by localhost, or by the name that --listen was given"
_JSON, _TEXT = "application/json; charset=utf-8", "text/plain; charset=utf-8"


class Address(NamedTuple):
    """Where it listens.

    Args:
        host: a name or an address of this machine.
        port: 0: any that is free.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """``HOST:PORT``; ``:PORT`` is of this machine alone, and of port 0 any that is free.

    Raises:
        UsageError: it is not understood.
    """
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or int(found["port"]) > 65_535:
        raise UsageError(
            f"{printable(text)} is no address to listen at",
            hint="HOST:PORT, for example 127.0.0.1:9464; 0.0.0.0:9464 for all that can reach this machine; :0 for any "
            "port that is free",
        )
    return Address(found["six"] or found["host"] or _HOST, int(found["port"]))


def check_free(address: Address) -> None:
    """See that it can be listened there, before anything else is begun.

    Raises:
        UsageError: it cannot.
    """
    _listening(address).close()


def _listening(address: Address) -> socket.socket:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_MOST_CLIENTS)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(
            f"cannot listen at {printable(str(address))}: {printable(why)}",
            hint="name an address of this machine and a port that is free; port 0 is any",
        ) from error


class _Answer(NamedTuple):
    status: HTTPStatus
    kind: str
    body: bytes


class HealthPages:
    """Answers ``/metrics``, ``/health`` and ``/ready``; a context manager, which listens within.

    ``/metrics`` has the figures in the format of Prometheus, or of OpenMetrics for whoever asks for that. ``/health``
    has all of it as JSON, always with the status 200; ``/ready`` says ``ready`` with 200, or with 503 what is the
    matter, one line each.

    Args:
        health: says how everything is.
        address: where to listen.

    Raises:
        UsageError: as it is entered: it cannot listen there.
    """

    def __init__(self, health: Callable[[], Health], address: Address) -> None:
        self._health = health
        self._registry = figures_registry(health)
        self.address = address
        # Not the one that is usual on Windows, which cannot tell of a socket that somebody knocks at.
        self._loop = asyncio.SelectorEventLoop()
        self._clients: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its address, once it listens."""
        return f"http://{self.address}"

    def __enter__(self) -> Self:
        try:
            listening = _listening(self.address)
        except UsageError:
            self._loop.close()
            raise
        listening.setblocking(False)
        self.address = Address(self.address.host, listening.getsockname()[1])
        self._listening = listening
        self._loop.add_reader(listening, self._let_in)
        self._thread = threading.Thread(target=self._loop.run_forever, name="health pages", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_FAREWELL)
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None  # noqa: S101 - for the type checker: it was entered
        self._thread.join(_FAREWELL)
        self._loop.close()

    async def _end(self) -> None:
        self._loop.remove_reader(self._listening)
        self._listening.close()
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    def _let_in(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:  # too many files are open, say: that passes
            self._loop.remove_reader(self._listening)
            self._loop.call_later(_PAUSE, self._listen_again)
            return
        if len(self._clients) >= _MOST_CLIENTS:
            connection.close()
            return
        connection.setblocking(False)
        client = self._loop.create_task(self._meet(connection))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)
        client.add_done_callback(lambda _: connection.close())

    def _listen_again(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.add_reader(self._listening, self._let_in)

    async def _meet(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=_LONGEST_REQUEST)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError):
            pass  # whoever asked is gone, or is too slow
        finally:
            writer.transport.abort()
            # The connection is closed in the next turn of the loop.
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_SECONDS):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.LimitOverrunError:
                head = None
            except asyncio.IncompleteReadError:
                return
        try:
            answer, only_head = _too_long() if head is None else self._answer(head)
        except Exception:  # a mistake of ours costs one answer
            answer, only_head = _plain(HTTPStatus.INTERNAL_SERVER_ERROR, "it cannot be told"), False
        lines = [
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
            f"Content-Type: {answer.kind}",
            f"Content-Length: {len(answer.body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
        ]
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            lines.append("Allow: GET, HEAD")
        async with asyncio.timeout(_SECONDS):
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if only_head else answer.body))
            await writer.drain()
            writer.write_eof()
            # Until it has all been taken: what is cut off before would be lost.
            while await reader.read(_LONGEST_REQUEST):
                pass

    def _answer(self, head: bytes) -> tuple[_Answer, bool]:
        """What is said to a request, and whether only its head."""
        line, *rest = head.decode("latin-1").split("\r\n")
        parts = line.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            return _plain(HTTPStatus.BAD_REQUEST, "that is no HTTP/1.1"), False
        method, target, _ = parts
        if method not in ("GET", "HEAD"):
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD"), False
        if not all(self._is_meant(one[5:].strip()) for one in rest if one.lower().startswith("host:")):
            return _plain(HTTPStatus.MISDIRECTED_REQUEST, _NOT_MEANT), method == "HEAD"
        return self._page(target, rest), method == "HEAD"

    def _is_meant(self, host: str) -> bool:
        """Whether it was asked for by an address, or the name that it listens at.

        Any other name may be of a web page whose owner has it lead here (DNS rebinding), to read what is told.
        """
        found = _HOST_HEADER.fullmatch(host)
        if found is None:
            return False
        name = (found["six"] or found["host"]).rstrip(".").lower()
        return name in ("localhost", self.address.host.lower()) or _is_ip_address(name)

    def _page(self, target: str, headers: Sequence[str]) -> _Answer:
        path = target.partition("?")[0]
        if path == "/metrics":
            return self._metrics(next((one[7:] for one in headers if one.lower().startswith("accept:")), ""))
        if path == "/health":
            body = json.dumps(self._health().to_json(), ensure_ascii=False)
            return _Answer(HTTPStatus.OK, _JSON, body.encode(errors="backslashreplace"))
        if path == "/ready":
            return self._ready()
        return _plain(HTTPStatus.NOT_FOUND, "there are /metrics, /health and /ready")

    def _metrics(self, accept: str) -> _Answer:
        from prometheus_client.exposition import choose_encoder

        encode, kind = choose_encoder(accept)
        return _Answer(HTTPStatus.OK, kind, encode(self._registry))

    def _ready(self) -> _Answer:
        health = self._health()
        if health.ready:
            return _plain(HTTPStatus.OK, "ready")
        return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "\n".join(health.troubles()))


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _too_long() -> tuple[_Answer, bool]:
    return _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "that is too long"), False


def _plain(status: HTTPStatus, text: str) -> _Answer:
    return _Answer(status, _TEXT, (text + "\n").encode(errors="backslashreplace"))
