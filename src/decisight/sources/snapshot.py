"""A camera that gives a still picture whenever it is asked for one."""

from __future__ import annotations

import hashlib
import random
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from decisight.errors import SourceError, UsageError
from decisight.imaging import MAX_BYTES, decode
from decisight.protocols import SourceFacts
from decisight.registry import shortened
from decisight.sources import SOURCES
from decisight.sources.address import Address, Login
from decisight.sources.http_request import HTTP_SCHEMES, Client
from decisight.sources.newest import Box, Newest
from decisight.sources.retrying import AwayError
from decisight.sources.sampling import Pace
from decisight.spans import SpanText, parse_seconds
from decisight.types import Position

__all__ = ["Snapshot"]

_LARGEST = min(MAX_BYTES, 64_000_000)
_SHORTEST, _LONGEST = 0.05, 86_400.0
_LONGEST_TIMEOUT = 60.0
_STALE_FETCHES, _STALE = 3, 10.0
"""The same picture so many times, and for so many seconds at least, is no new one."""


@SOURCES.register("snapshot")
@dataclass(frozen=True, kw_only=True, repr=False)
class Snapshot(Login):
    """A still picture at an address, fetched again and again.

    A picture has the time at which it arrived. One that is the same as the last, to the byte, is not given again; where
    that lasts, it is said that no new picture comes. The camera is asked not to send what it has sent already, but
    for every third time.

    Where it leads on to another address, that is followed to ``http`` and ``https`` alone, and the credentials go to no
    other machine. Proxies that the environment names are not used: cameras stand in the network of the site.

    Args:
        url: its address, ``http://10.0.0.5/snapshot.jpg``, or ``https``.
        every: how often it is fetched: ``5s``; from 50ms to 1d. Fewer pictures a second than that may be asked for.
        timeout: how long each step may take: connecting, an answer, the picture; up to 60s.
        verify: whether the certificate of a camera that is asked by ``https`` must be one that this machine trusts.

    Raises:
        UsageError: the address or a time is not understood, or credentials are given twice.
    """

    name: ClassVar[str] = "snapshot"
    live: ClassVar[bool] = True

    url: str
    every: SpanText = "5s"
    timeout: SpanText = "5s"
    verify: bool = True

    def __post_init__(self) -> None:
        Login.__post_init__(self)
        self.check_twice(Address.parse(self.url, HTTP_SCHEMES))
        if not _SHORTEST <= parse_seconds(self.every, "every") <= _LONGEST:
            raise UsageError(f"every = {self.every!r} cannot be used", hint="give a time from 50ms to 1d")
        if parse_seconds(self.timeout, "timeout") > _LONGEST_TIMEOUT:
            raise UsageError(f"timeout = {self.timeout!r} is too long", hint="give up to 60s")

    @property
    def lag(self) -> float:
        """Seconds that a picture may take to arrive: until then nobody takes it that none came."""
        return parse_seconds(self.every, "every") + parse_seconds(self.timeout, "timeout")

    def facts(self) -> SourceFacts:
        """What is known of it; nothing is connected to.

        Raises:
            SourceError: the password cannot be read from where it is said to be.
        """
        address = self._address()
        return SourceFacts(f"snapshots of {address}, every {self.every}", f"snapshot:{address.identity}")

    def open(self, *, after: Position | None = None, fps: float | None = None) -> AbstractContextManager[Newest]:
        """Its pictures as they come, from now on.

        Args:
            after: ``None``: it has no positions.
            fps: at most so many pictures a second; by default as many as are fetched.

        Raises:
            SourceError: a position is given; or the password cannot be read from where it is said to be.
            UsageError: ``fps`` is not more than 0.
        """
        Pace(fps)
        if after is not None:
            raise SourceError(
                f"a camera has no position {shortened(after)}", hint="leave it out: it gives what comes now"
            )
        every = max(parse_seconds(self.every, "every"), 1 / fps if fps else 0.0)
        name = f"snapshot of {self._address()}"
        return Newest(partial(self._fetch, every), name, every + parse_seconds(self.timeout, "timeout"))

    def _fetch(self, every: float, box: Box) -> None:
        """Fetch pictures until no more are wanted."""
        try:
            address = self._address()
        except SourceError:
            raise AwayError("the password cannot be read") from None
        fetcher = _Fetcher(Client(address, parse_seconds(self.timeout, "timeout"), self.verify), box)
        box.use(fetcher.client.close)
        try:
            due = time.monotonic()
            while not box.closed.is_set():
                fetcher.fetch()
                if fetcher.is_stale(every):
                    box.leave("no new picture")
                # Many cameras that are started at one time are not asked at one time.
                step = every if fetcher.count > 1 else every * (1 - random.random() / 2)  # noqa: S311 - no secret
                due = max(due + step, time.monotonic())
                box.rest(due - time.monotonic())
                box.closed.wait(due - time.monotonic())
        finally:
            box.use(None)
            fetcher.client.finish()

    def _address(self) -> Address:
        return self.complete(Address.parse(self.url, HTTP_SCHEMES))


@dataclass(slots=True)
class _Fetcher:
    """What was fetched last."""

    client: Client
    box: Box
    count: int = 0
    same: int = 0
    since: float = 0.0
    """When the last picture came that was another."""
    _known: dict[str, str] = field(default_factory=dict)
    _digest: bytes = b""

    def fetch(self) -> None:
        """Fetch what is there, and put it into the box if it is another picture.

        Raises:
            AwayError: it cannot be had.
        """
        self.count += 1
        # Now and then all of it: there are cameras that say of every picture that it is the one before.
        whole = self.same % _STALE_FETCHES == _STALE_FETCHES - 1
        answer = self.client.get({} if whole else self._known)
        body = b""
        if answer.status != _NOT_MODIFIED:
            body = self.client.read(answer, _LARGEST)
            _check(body, answer.headers.get_content_type())
        digest = hashlib.sha256(body).digest()
        self.box.hear()
        if answer.status == _NOT_MODIFIED or digest == self._digest:
            self.same += 1
            return
        tags = {"If-None-Match": answer.headers["ETag"], "If-Modified-Since": answer.headers["Last-Modified"]}
        self._known = {name: value for name, value in tags.items() if value}
        self._digest, self.same, self.since = digest, 0, time.monotonic()
        self.box.put(partial(decode, body))

    def is_stale(self, every: float) -> bool:
        """Whether the same picture has come for so long that something is wrong."""
        return self.same >= _STALE_FETCHES and time.monotonic() - self.since >= max(_STALE, _STALE_FETCHES * every)


def _check(body: bytes, kind: str) -> None:
    """See that an answer may be a picture, whatever kind it says it is.

    Raises:
        AwayError: it is something else.
    """
    if not body:
        raise AwayError("it answers with nothing")
    if body.startswith(_PICTURES):
        return
    if kind in _OTHER_KINDS:
        raise AwayError(f"it answers with something else ({kind})")
    if kind.startswith("text/") or body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"{"):
        raise AwayError("it answers with something else")


_PICTURES = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"BM", b"GIF8", b"II", b"MM")
"""How files of pictures begin."""
_OTHER_KINDS = ("text/html", "text/plain", "text/xml", "application/json", "application/xml", "image/svg+xml")
"""Which are named: not just anything that a camera says is shown."""
_NOT_MODIFIED = 304
