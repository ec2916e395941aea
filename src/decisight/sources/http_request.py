"""Asking a camera over HTTP: with a limit of time, with its credentials, and to nowhere else.

The standard library's connections are used, and nothing of the environment: proxies are for the internet, and cameras
stand in the network of the site.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import re
import secrets
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from decisight.errors import UsageError
from decisight.sources.address import Address
from decisight.sources.retrying import AwayError

__all__ = ["HTTP_SCHEMES", "Client"]

HTTP_SCHEMES = ("http", "https")
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE, _FAILED = 401, 403, 404, 410, 400
_BLOCK = 1 << 16
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
"""By which the answer to a challenge is made (RFC 7616)."""
_WRITTEN = "/%?&=+:;,@!$'()*~[]-._"
"""What stands in a path as it is; what else people write there is escaped."""
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


@dataclass(slots=True)
class Client:
    """Who asks one camera, again and again, one thing at a time; :meth:`close` may be called by any thread.

    Args:
        address: with credentials, which go to no other machine.
        timeout: seconds in which each step has to be done: connecting, an answer, the next bytes.
        verify: whether a certificate must be trusted.
        closed: it was closed.
    """

    address: Address
    timeout: float
    verify: bool = True
    closed: bool = False
    _challenge: _Challenge | None = None
    _context: ssl.SSLContext | None = field(default=None, repr=False)
    """Made once: to read all certificates that are trusted takes longer than to fetch a picture."""
    _socket: socket.socket | None = field(default=None, repr=False)
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)
    _answer: http.client.HTTPResponse | None = field(default=None, repr=False)

    def get(self, headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
        """Ask for what is at the address.

        Args:
            headers: what is asked besides.

        Returns:
            The answer, of status 200 or 304; its body is still to be read.

        Raises:
            AwayError: there is no such answer.
        """
        address, tried = self.address, False
        for _ in range(_MOST_REDIRECTS + 2):
            answer = self._ask(address, headers or {})
            if answer.status == _UNAUTHORIZED and address.user is not None and not tried:
                tried = True
                self._challenge = _challenge(answer)
                if self._challenge is not None:
                    continue
            if answer.status in _REDIRECTS:
                address = self._led_on(address, answer)
                continue
            _check(answer)
            return answer
        self._challenge = None
        raise AwayError("it leads from address to address")

    def read(self, answer: http.client.HTTPResponse, limit: int) -> bytes:
        """The body of an answer.

        Args:
            answer: whose.
            limit: so many bytes it may have.

        Raises:
            AwayError: it has more, breaks off, or takes longer than the timeout.
        """
        end, body = time.monotonic() + self.timeout, bytearray()
        while block := self.read_some(answer):
            body += block
            if len(body) > limit:
                raise AwayError(f"the picture is larger than {limit // 10**6} MB")
            if time.monotonic() > end:
                raise AwayError("the camera does not answer")
        # http.client does not tell that less came by read1 than was announced.
        if answer.length:
            raise AwayError("connection lost")
        return bytes(body)

    def read_some(self, answer: http.client.HTTPResponse) -> bytes:
        """What of a body has come, at least one byte; nothing at its end.

        Raises:
            AwayError: nothing comes, or the connection is lost.
        """
        try:
            return answer.read1(_BLOCK)
        except TimeoutError:
            cause = "no pictures come"
        except (OSError, ValueError, http.client.HTTPException, AttributeError):  # also where it was closed meanwhile
            cause = "connection lost"
        raise AwayError(cause)

    def finish(self) -> None:
        """Let go of the connection."""
        opened = [found for found in (self._answer, self._connection) if found is not None]
        self._answer = self._connection = self._socket = None
        for one in opened:
            with contextlib.suppress(OSError, ValueError):
                one.close()

    def close(self) -> None:
        """Ask nothing any more: who waits for an answer meanwhile waits no longer."""
        self.closed = True
        found = self._socket
        if found is not None:
            with contextlib.suppress(OSError, ValueError):
                socket.socket.shutdown(found, socket.SHUT_RDWR)

    def _ask(self, address: Address, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        self.finish()
        if self.closed:
            raise AwayError("connection lost")
        path = quote(address.path if address.path.startswith("/") else f"/{address.path}", safe=_WRITTEN)
        sent: dict[str, str | bytes] = {"User-Agent": "decisight", "Accept": "*/*", "Connection": "close", **headers}
        if self._challenge is not None and address.user is not None:
            sent["Authorization"] = self._challenge.answer(address, path).encode()
        try:
            connection = self._connected(address)
            connection.request("GET", path, headers=sent)
            self._answer = connection.getresponse()
            return self._answer
        except ssl.SSLCertVerificationError:
            cause = "its certificate is not trusted"
        except ssl.SSLError:
            cause = "cannot be reached"
        except TimeoutError:
            cause = "cannot be reached" if self._socket is None else "the camera does not answer"
        except (http.client.HTTPException, ValueError, AttributeError):
            cause = "connection lost"
        except OSError:
            cause = "cannot be reached" if self._socket is None else "connection lost"
        raise AwayError(cause)

    def _connected(self, address: Address) -> http.client.HTTPConnection:
        place = (address.host, address.port)
        if address.scheme == "https":
            self._context = self._context or _context(self.verify)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                *place, timeout=self.timeout, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(*place, timeout=self.timeout)
        self._connection = connection
        connection.connect()
        self._socket = connection.sock
        if self.closed:
            self.close()
        return connection

    def _led_on(self, address: Address, answer: http.client.HTTPResponse) -> Address:
        try:
            found = address.joined(answer.headers.get("Location", ""), HTTP_SCHEMES)
        except UsageError:
            found = None
        if found is None:
            raise AwayError("it leads to what is no address of a camera")
        if not found.same_place(address):
            # What that camera wanted to know is nothing to another.
            self._challenge = None
        return found


def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _check(answer: http.client.HTTPResponse) -> None:
    status = answer.status
    if status in (_UNAUTHORIZED, _FORBIDDEN):
        raise AwayError("access refused", refused=True)
    if status in (_NOT_FOUND, _GONE):
        raise AwayError("no such stream")
    if status not in (http.client.OK, http.client.NOT_MODIFIED):
        raise AwayError("the camera cannot serve it")


@dataclass(slots=True)
class _Challenge:
    """What a camera wants to be told of who asks (RFC 7616, RFC 7617).

    Args:
        digest: how, of ``Digest``; ``None``: ``Basic``.
    """

    digest: dict[str, str] | None
    count: int = 0

    def answer(self, address: Address, path: str) -> str:
        """The header's value, for a GET."""
        user, password = address.user or "", address.password or ""
        if self.digest is None:
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        given, algorithm = self.digest, self.digest.get("algorithm", "MD5")
        hashed = _HASHES[algorithm.upper().removesuffix("-SESS")]

        def digest(*parts: str) -> str:
            return hashlib.new(hashed, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

        self.count += 1
        count, own = f"{self.count:08x}", secrets.token_hex(8)
        first = digest(user, given.get("realm", ""), password)
        if algorithm.upper().endswith("-SESS"):
            first = digest(first, given["nonce"], own)
        values = {"username": user, "realm": given.get("realm", ""), "nonce": given["nonce"], "uri": path}
        bare = {"algorithm": algorithm} if "algorithm" in given else {}
        second = digest("GET", path)
        if "auth" in re.split(r"[\s,]+", given.get("qop", "")):
            values["response"] = digest(first, given["nonce"], count, own, "auth", second)
            values["cnonce"] = own
            bare |= {"qop": "auth", "nc": count}
        else:
            values["response"] = digest(first, given["nonce"], second)
        if "opaque" in given:
            values["opaque"] = given["opaque"]
        quoted = [f'{name}="{_quoted(value)}"' for name, value in values.items()]
        return "Digest " + ", ".join([*quoted, *(f"{name}={value}" for name, value in bare.items())])


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _challenge(answer: http.client.HTTPResponse) -> _Challenge | None:
    """The best of the ways that a camera offers; ``None`` where none is known."""
    found = None
    for header in answer.headers.get_all("WWW-Authenticate") or ():
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() == "digest":
            given = {
                name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare for name, quoted, bare in _PARAMETER.findall(rest)
            }
            if given.get("algorithm", "MD5").upper().removesuffix("-SESS") in _HASHES and given.get("nonce"):
                return _Challenge(given)
        elif scheme.lower() == "basic":
            found = _Challenge(None)
    return found
