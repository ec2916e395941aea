"""A camera for tests that speaks HTTP: motion JPEG at ``/video``, still pictures at ``/picture``, faults on demand.

Example::

    with HttpCamera(user="admin", password="secret") as camera:
        source = SOURCES.build("snapshot", {"url": camera.picture_url, "user": "admin", "password": "secret"})
        camera.kill()         # nobody listens any more
        camera.start_again()  # on the same port
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import secrets
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tests.live.clip import numbered

from decisight.imaging import encode_jpeg

__all__ = ["HttpCamera"]

_REALM = "camera"
_BOUNDARY = "frame"


class HttpCamera:
    """Gives numbered pictures: to each who asks for a still picture the next, and a stream of so many a second.

    Attributes may be set at any time, and hold from the next picture on:

    - ``paused``: send nothing more, and keep the connections.
    - ``silent``: answer nothing.
    - ``frozen``: always give the same picture.
    - ``garbage``: give noise instead of pictures.
    - ``status``: answer with it instead of pictures.
    - ``location``: lead there.
    - ``cut_off``: send only half of a still picture, and break the connection.
    - ``answer``: say so, of that kind, instead of a still picture: ``("text/html", b"<html>")``.
    - ``size_told``: announce so many bytes of a still picture.
    - ``lengths``: announce the length of each picture of a stream.
    - ``tags``: give still pictures an ETag, and answer 304 where it has not changed; ``same_tag``: always the same.
    - ``seen``: how often each path was asked for; ``authorized``: the paths of requests that had credentials.

    Args:
        user: who alone is admitted, with their password; by default everybody is.
        password: of the user.
        scheme: of authentication: ``digest``, ``sha256`` (the same by SHA-256) or ``basic``.
        fps: pictures a second of the stream.
        size: width and height of the pictures.
    """

    def __init__(
        self,
        *,
        user: str | None = None,
        password: str | None = None,
        scheme: str = "digest",
        fps: float = 15.0,
        size: tuple[int, int] = (320, 240),
    ) -> None:
        self.user, self.password, self.scheme, self.fps, self.size = user, password, scheme, fps, size
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        self._connections: set[socket.socket] = set()
        self._pictures = [encode_jpeg(numbered(number, size)) for number in range(60)]
        self.heal()
        self.lengths, self.tags, self.same_tag = True, False, False
        self.seen: Counter[str] = Counter()
        self.authorized: list[str] = []
        self.nonces: set[str] = set()
        self.refused = 0
        self.given = 0

    def heal(self) -> None:
        """Nothing is wrong any more."""
        self.paused = self.silent = self.frozen = self.garbage = self.cut_off = False
        self.status: int | None = None
        self.location: str | None = None
        self.size_told: int | None = None
        self.answer: tuple[str, bytes] | None = None

    def __enter__(self) -> Self:
        self.start_again()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def video_url(self) -> str:
        """The address of the stream."""
        return self.url("/video")

    @property
    def picture_url(self) -> str:
        """The address of still pictures."""
        return self.url("/picture")

    def url(self, path: str, user: str | None = None, password: str = "") -> str:
        """An address here."""
        login = "" if user is None else f"{quote(user, safe='')}:{quote(password, safe='')}@"
        return f"http://{login}127.0.0.1:{self.port}{path}"

    def start_again(self) -> None:
        """Switch it on, at the port that it has had."""
        self.kill()
        camera = self

        class Handler(_Handler):
            owner = camera

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Who asked may have gone: that is no fault."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def kill(self) -> None:
        """Switch it off: connections break, and nobody listens any more."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        self.drop()

    def drop(self) -> None:
        """Break all connections."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def picture(self) -> tuple[int, bytes]:
        """The next picture, and its number."""
        if not self.frozen:
            self.given += 1
        number = self.given % len(self._pictures)
        return number, secrets.token_bytes(2000) if self.garbage else self._pictures[number]

    @property
    def running(self) -> bool:
        """Whether it is switched on."""
        return self._server is not None


class _Handler(BaseHTTPRequestHandler):
    owner: HttpCamera
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        self.owner._connections.add(self.connection)
        try:
            super().handle()
        finally:
            self.owner._connections.discard(self.connection)

    def do_GET(self) -> None:
        camera = self.owner
        path = self.path.partition("?")[0]
        camera.seen[path] += 1
        if "Authorization" in self.headers:
            camera.authorized.append(path)
        while camera.silent and camera.running:
            time.sleep(0.02)
        if camera.location is not None and path != "/moved":
            self._answer(302, {"Location": camera.location})
        elif camera.status is not None:
            self._answer(camera.status, {})
        elif not self._admitted():
            camera.refused += "Authorization" in self.headers
            self._answer(401, {"WWW-Authenticate": self._challenge()})
        elif path == "/video":
            self._stream()
        else:
            self._still()

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _still(self) -> None:
        if self.owner.answer is not None:
            kind, body = self.owner.answer
            self._answer(200, {"Content-Type": kind}, body)
            return
        number, body = self.owner.picture()
        tag = {"ETag": f'"{0 if self.owner.same_tag else number}"'} if self.owner.tags else {}
        if tag and self.headers.get("If-None-Match") == tag["ETag"]:
            self._answer(304, tag)
            return
        if self.owner.cut_off:
            self._answer(200, {"Content-Length": str(len(body))}, body[: len(body) // 2])
            self.close_connection = True
            return
        told = self.owner.size_told
        headers = {"Content-Type": "image/jpeg", **tag} | ({} if told is None else {"Content-Length": str(told)})
        self._answer(200, headers, body)
        while told is not None and self.owner.running:
            self.wfile.write(bytes(1 << 16))

    def _stream(self) -> None:
        camera = self.owner
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.end_headers()
        due = time.monotonic()
        while camera.running and camera.status is None:
            due = max(due + 1 / camera.fps, time.monotonic())
            time.sleep(due - time.monotonic() if due > time.monotonic() else 0)
            if camera.paused:
                continue
            _, body = camera.picture()
            length = f"Content-Length: {len(body)}\r\n" if camera.lengths else ""
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n{length}\r\n"
            self.wfile.write(head.encode() + body + b"\r\n")
        self.close_connection = True

    def _challenge(self) -> str:
        if self.owner.scheme == "basic":
            return f'Basic realm="{_REALM}"'
        nonce = secrets.token_hex(8)
        self.owner.nonces.add(nonce)
        algorithm = ", algorithm=SHA-256" if self.owner.scheme == "sha256" else ""
        return f'Digest realm="{_REALM}", qop="auth", nonce="{nonce}", opaque="1,2"{algorithm}'

    def _admitted(self) -> bool:
        camera, header = self.owner, self.headers.get("Authorization", "")
        if camera.user is None:
            return True
        if camera.scheme == "basic":
            return header == "Basic " + base64.b64encode(f"{camera.user}:{camera.password}".encode()).decode()
        given = {n: q or b for n, q, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)}

        def digest(text: str) -> str:
            return hashlib.new("sha256" if camera.scheme == "sha256" else "md5", text.encode()).hexdigest()

        first, second = digest(f"{camera.user}:{_REALM}:{camera.password}"), digest(f"GET:{given.get('uri')}")
        wanted = digest(f"{first}:{given.get('nonce')}:{given.get('nc')}:{given.get('cnonce')}:auth:{second}")
        known = given.get("nonce") in camera.nonces and given.get("uri") == self.path
        return known and given.get("response") == wanted
