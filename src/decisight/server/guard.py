"""Who may use a local page: only the person whom its address was told, and only from that page itself.

A port of 127.0.0.1 can be reached by every user of the machine, and by every web page that a browser of the machine
shows. So nothing is answered without a cookie, which only the address with its token gives; nothing that was asked for
under another name (DNS rebinding), and nothing that another web page asks for.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qs

__all__ = ["Guard"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_REFUSED = b"This page is for the person who started it. Open the address that decisight has printed, with its token.\n"
_ENTER = (
    b'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Decisight</title>'
    b'<meta http-equiv="refresh" content="0; url=/"></head><body></body></html>\n'
)
"""A page that goes on to the real one. A redirect would not do: a browser that came by a link of another page sends no
strict cookie with it."""
_POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; connect-src 'self' ws://{host}; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing is loaded from anywhere else, nor shown within another page. NiceGUI compiles templates in the browser."""


class Guard:
    """An ASGI application before another one, that lets through what comes from who knows the token.

    Args:
        app: the other one.
        port: that it is served on; cookies of one host are shared by all of its ports, so theirs have names.
    """

    def __init__(self, app: Asgi, port: int) -> None:
        self.app = app
        self.token = secrets.token_urlsafe(24)
        self._cookie = f"decisight-{port}"
        # Another secret than the token, which may stand in the history of a browser.
        self._pass = secrets.token_urlsafe(24)
        self._tickets: set[str] = set()

    def ticket(self) -> str:
        """A token that opens the page once: for the command line of a browser, which other users can read."""
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return ticket

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        host = headers.get("host", "")
        if not _is_local(host) or not _is_own(headers, host):
            await _refuse(scope, send)
        elif self._has_pass(headers):
            await self.app(scope, receive, _with_headers(send, host))
        elif scope["type"] == "http" and self._may_enter(scope):
            cookie = f"{self._cookie}={self._pass}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(_with_headers(send, host), 200, "text/html; charset=utf-8", _ENTER, cookie)
        else:
            await _refuse(scope, send)

    def _has_pass(self, headers: dict[str, str]) -> bool:
        # Not by http.cookies, which takes none where another program's cookie is one that it does not understand.
        parts = (part.partition("=") for part in headers.get("cookie", "").split(";"))
        return any(name.strip() == self._cookie and _equal(value.strip(), self._pass) for name, _, value in parts)

    def _may_enter(self, scope: Message) -> bool:
        (given, *more) = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])
        if more or scope["method"] != "GET":
            return False
        ticket = next((one for one in self._tickets if _equal(one, given)), None)
        if ticket is not None:
            self._tickets.discard(ticket)
            return True
        return _equal(given, self.token)


def _headers(scope: Message) -> dict[str, str]:
    """The headers of a request, by name in small letters; of one that is there twice, nothing that could be right."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        found[key] = f"{found[key]}; {value.decode('latin-1')}" if key in found else value.decode("latin-1")
    return found


def _is_local(host: str) -> bool:
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    # The port may be another one: it is where a tunnel (ssh -L) begins.
    return name in ("127.0.0.1", "localhost", "[::1]") and (not port or port.isdecimal())


def _is_own(headers: dict[str, str], host: str) -> bool:
    """Whether it is the page itself that asks, or the person, and no other web page."""
    if "origin" in headers:
        return headers["origin"] == f"http://{host}"
    by = headers.get("sec-fetch-site", "none")
    # A link on another page may lead here; nothing else may.
    return by in ("none", "same-origin") or headers.get("sec-fetch-mode") == "navigate"


def _equal(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


def _with_headers(send: Send, host: str) -> Send:
    extra = [
        (b"content-security-policy", _POLICY.format(host=host).encode("latin-1")),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await send(message)

    return sending


async def _refuse(scope: Message, send: Send) -> None:
    if scope["type"] == "websocket":  # closed before it was accepted: the client is told 403
        await send({"type": "websocket.close", "code": 1008})
    else:
        await _answer(send, 403, "text/plain; charset=utf-8", _REFUSED)


async def _answer(send: Send, status: int, kind: str, body: bytes, cookie: str | None = None) -> None:
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if cookie is not None:
        headers.append((b"set-cookie", cookie.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
