"""Motion JPEG over HTTP: pictures one after another in one answer that does not end.

They are kept as they come, and only what is taken is decoded: what is passed over costs next to nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from functools import partial

from decisight.imaging import decode
from decisight.sources.http_request import Client
from decisight.sources.newest import Box
from decisight.sources.retrying import AwayError
from decisight.sources.sampling import Pace

__all__ = ["parts", "read_mjpeg"]

_LARGEST = 32 << 20
"""Bytes of one picture."""
_LARGEST_HEAD = 16 << 10
_LENGTH = re.compile(rb"content-length:\s*(\d{1,10})", re.IGNORECASE)
_NO_STREAM = "no pictures in the stream"
_JPEG = b"\xff\xd8"


def read_mjpeg(client: Client, fps: float | None, box: Box) -> None:
    """Read pictures until no more are wanted.

    Args:
        client: who asks the camera.
        fps: at most so many pictures a second; ``None``: all.
        box: where they go.

    Raises:
        AwayError: it cannot be asked, or goes no further.
    """
    box.use(client.close)
    try:
        answer = client.get()
        kind = answer.headers.get_content_type()
        boundary = answer.headers.get_param("boundary")
        if kind == "image/jpeg":
            raise AwayError("one picture, and no stream")
        if not kind.startswith("multipart/") or not isinstance(boundary, str):
            raise AwayError(_NO_STREAM)
        pace = Pace(fps)
        for content in parts(partial(client.read_some, answer), boundary):
            if box.closed.is_set():
                return
            box.hear()
            if not content.startswith(_JPEG):
                box.spoil()
            elif pace.takes(time.monotonic()):
                box.put(partial(decode, content))
    finally:
        box.use(None)
        client.finish()


def parts(read: Callable[[], bytes], boundary: str) -> Iterator[bytes]:
    """The parts of a body (RFC 2046, section 5.1), without their heads.

    Args:
        read: gives what has come, at least one byte; nothing at the end.
        boundary: what stands between the parts, as it is announced; cameras do so with and without its dashes.

    Raises:
        AwayError: a part is larger than a picture can be, or it is no such body.
    """
    mark = b"--" + boundary.strip().lstrip("-").encode("latin-1", "replace")
    if mark == b"--":
        raise AwayError(_NO_STREAM)
    body = _Body(read)
    while body.upto(mark, _LARGEST) is not None and body.upto(b"\n", _LARGEST_HEAD) is not None:
        size = None
        while (line := body.upto(b"\n", _LARGEST_HEAD)) is not None and line.strip():
            if found := _LENGTH.fullmatch(line.strip()):
                size = int(found[1])
        if line is None:
            return
        content = body.ahead(mark, _LARGEST) if size is None else body.take(size)
        if content is None:
            return
        # Of a part of unknown length: dashes that belong to the boundary, and the end of the line before it.
        yield content.rstrip(b"-").rstrip(b"\r\n") if size is None else content


class _Body:
    """What comes, as far as it has come."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._buffer = bytearray()

    def take(self, size: int) -> bytes | None:
        """The next so many bytes; ``None``: it ends before."""
        if size > _LARGEST:
            raise AwayError(_NO_STREAM)
        while len(self._buffer) < size:
            if not self._more():
                return None
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def ahead(self, mark: bytes, limit: int) -> bytes | None:
        """All before a mark, which stays; ``None``: there is none."""
        searched = 0
        while (at := self._buffer.find(mark, searched)) < 0:
            searched = max(0, len(self._buffer) - len(mark))
            if len(self._buffer) > limit:
                raise AwayError(_NO_STREAM)
            if not self._more():
                return None
        return self.take(at)

    def upto(self, mark: bytes, limit: int) -> bytes | None:
        """All before a mark, which is passed; ``None``: there is none."""
        found = self.ahead(mark, limit)
        if found is not None:
            del self._buffer[: len(mark)]
        return found

    def _more(self) -> bool:
        block = self._read()
        self._buffer += block
        return bool(block)
