"""A live camera: RTSP, motion JPEG over HTTP, or USB."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from decisight.errors import SourceError, UsageError
from decisight.files import printable
from decisight.protocols import SourceFacts
from decisight.regions import parse_size
from decisight.registry import shortened
from decisight.sources import SOURCES
from decisight.sources.address import Address, Login
from decisight.sources.camera_mjpeg import read_mjpeg
from decisight.sources.camera_stream import Opening, read_stream
from decisight.sources.http_request import HTTP_SCHEMES, Client
from decisight.sources.newest import Box, Newest
from decisight.sources.retrying import AwayError
from decisight.sources.sampling import Pace
from decisight.spans import SpanText, parse_seconds
from decisight.types import Position

__all__ = ["Camera"]

_SCHEMES = ("http", "https", "rtsp", "rtsps")
_DEVICE = re.compile(r"[0-9]{1,3}|/dev/[\w/.-]+|video=.+", re.ASCII)
_LONGEST_LOGIN = 127
"""Bytes that FFmpeg keeps of user and password in an address."""
_LONGEST_TIMEOUT = 60.0
_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
"""Where Debian and Red Hat keep those that are trusted."""

_LONGER = 1.0
"""Seconds that a silent line is waited for beyond the timeout."""


@SOURCES.register("camera")
@dataclass(frozen=True, kw_only=True, repr=False)
class Camera(Login):
    """A live camera: a stream by RTSP, motion JPEG by HTTP, or a camera at USB.

    Only the newest picture is ever given; those that came meanwhile and were due are counted as skipped. A picture has
    the time at which it arrived. Where no more pictures are asked for than the stream has key frames, only these are
    decoded.

    A camera that is away is tried again, after half a second at first and 15 seconds in the end, and one that refuses
    the password after half a minute and more. What is wrong is told at once, and again every ten seconds. After a
    picture that is damaged, none is shown that builds on it.

    Args:
        url: its address, ``rtsp://10.0.0.5/stream``, ``rtsps``, ``http`` or ``https`` (motion JPEG); or of a camera at
            USB its number (``0``) or its device (``/dev/video0``).
        transport: how pictures come by RTSP: ``tcp``, where none is lost, or ``udp``.
        timeout: how long a camera that does not answer, or sends nothing, is waited for; up to 60s.
        size: of a camera at USB, the size of pictures that it is asked for: ``1280x720``.
        verify: whether the certificate of a camera that is asked by ``https`` or ``rtsps`` must be one that this
            machine trusts.

    Raises:
        UsageError: the address, the time or the size is not understood, or credentials are given twice.
    """

    name: ClassVar[str] = "camera"
    live: ClassVar[bool] = True

    url: str | int
    transport: Literal["tcp", "udp"] = "tcp"
    timeout: SpanText = "5s"
    size: str | None = None
    verify: bool = True

    def __post_init__(self) -> None:
        Login.__post_init__(self)
        if self._seconds > _LONGEST_TIMEOUT:
            raise UsageError(f"timeout = {self.timeout!r} is too long", hint="give up to 60s")
        if self.size is not None:
            parse_size(self.size)
        if self._device is None:
            if self.size is not None:
                raise UsageError("size is given, and url is no camera at USB", hint="leave out size")
            self._check_login()
        elif self.user is not None:
            raise UsageError("user is given, and a camera at USB asks for none", hint="leave it out")

    def _check_login(self) -> None:
        address = Address.parse(str(self.url), _SCHEMES)
        self.check_twice(address)
        _check_length(address)

    def facts(self) -> SourceFacts:
        """What is known of it; nothing is connected to.

        Raises:
            SourceError: the password cannot be read from where it is said to be.
            UsageError: it is too long.
        """
        if (device := self._device) is not None:
            title = f"camera {printable(device)} at USB"
            return SourceFacts(title, f"usb:{printable(device)}", parse_size(self.size) if self.size else None)
        address = self._address()
        return SourceFacts(f"camera {address}", f"camera:{address.identity}")

    def open(self, *, after: Position | None = None, fps: float | None = None) -> AbstractContextManager[Newest]:
        """Its pictures as they come, from now on.

        Args:
            after: ``None``: it has no positions.
            fps: at most so many pictures a second; by default all.

        Raises:
            SourceError: a position is given; or the password cannot be read from where it is said to be.
            UsageError: ``fps`` is not more than 0; or the password is too long.
        """
        Pace(fps)
        if after is not None:
            raise SourceError(
                f"a camera has no position {shortened(after)}", hint="leave it out: it gives what comes now"
            )
        title = self.facts().title
        return Newest(partial(self._connect, fps), title, self._seconds)

    def _connect(self, fps: float | None, box: Box) -> None:
        if self._device is not None:
            read_stream(self._device_opening(self._device), fps, box)
            return
        try:
            address = self._address()
        except (SourceError, UsageError):
            raise AwayError("the password cannot be read") from None
        if address.scheme in HTTP_SCHEMES:
            read_mjpeg(Client(address, self._seconds, self.verify), fps, box)
        else:
            read_stream(self._opening(address), fps, box)

    def _address(self) -> Address:
        address = self.complete(Address.parse(str(self.url), _SCHEMES))
        _check_length(address)
        return address

    def _opening(self, address: Address) -> Opening:
        # Nothing but what RTSP needs: no file, and nothing that the camera's answer may name.
        protocols = (
            "rtp,srtp,rtcp,udp,tcp,tls,crypto,rtsp,rtsps" if address.scheme == "rtsps" else "rtp,rtcp,udp,tcp,rtsp"
        )
        options = {
            "rtsp_transport": self.transport,
            # Of a read. A little more than what connecting may take, which tells more of what is wrong.
            "timeout": str(round((self._seconds + _LONGER) * 1e6)),
            "allowed_media_types": "video",
            "protocol_whitelist": protocols,
            "format_whitelist": "rtsp,rtp",
            # Size and codec stand in the description: nothing is to be found out from the first pictures.
            "analyzeduration": "1",
            "probesize": "32",
        }
        if address.scheme == "rtsps":
            options |= _verification(self.verify)
        return Opening(address.with_credentials, "rtsp", options, self._seconds, lossy=self.transport == "udp")

    def _device_opening(self, device: str, platform: str = sys.platform) -> Opening:
        size = {} if self.size is None else {"video_size": "x".join(map(str, parse_size(self.size)))}
        if platform == "darwin":
            return Opening(device, "avfoundation", size, self._seconds)
        if platform == "win32":
            return Opening(device, "dshow", size, self._seconds)
        path = f"/dev/video{device}" if device.isdecimal() else device
        return Opening(path, "v4l2", {"protocol_whitelist": "file", **size}, self._seconds)

    @property
    def _device(self) -> str | None:
        """The camera at USB that is meant; ``None`` where it is an address."""
        text = str(self.url).strip()
        return text if _DEVICE.fullmatch(text) else None

    @property
    def _seconds(self) -> float:
        return parse_seconds(self.timeout, "timeout")


def _check_length(address: Address) -> None:
    """See that FFmpeg keeps all of user and password: else the camera would refuse them, and nobody would know why.

    Raises:
        UsageError: it does not.
    """
    login = address.with_credentials.partition("@")[0].partition("://")[2]
    if address.scheme.startswith("rtsp") and address.user is not None and len(login) > _LONGEST_LOGIN:
        raise UsageError(
            "user and password are too long",
            hint=f"for RTSP they may have {_LONGEST_LOGIN} letters together, signs counted three times",
        )


def _verification(verify: bool) -> Mapping[str, str]:
    """FFmpeg's options of TLS; it knows no folder of certificates, only a file."""
    import ssl

    files = [ssl.get_default_verify_paths().cafile, *_CERTIFICATES]
    found = next((path for path in files if path and os.path.isfile(path)), None)
    return {"tls_verify": "1", **({"ca_file": found} if found else {})} if verify else {"tls_verify": "0"}
