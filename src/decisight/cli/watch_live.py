"""What ``decisight watch MODEL SOURCE`` makes of an address: a live camera, or a still picture fetched now and then."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from decisight.errors import UsageError
from decisight.spans import parse_seconds
from decisight.types.secrecy import redacted

__all__ = ["LiveSource", "is_live", "live_source", "shown"]

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://.*", re.IGNORECASE | re.DOTALL)
_DEVICE = re.compile(r"[0-9]{1,3}|/dev/video[0-9]+|video=.+", re.ASCII)
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
"""How addresses of still pictures end."""
_EVERY = "5s"


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A camera that was named on the command line.

    Args:
        section: as a site file would have it.
        name: for the camera: of its host, or its device. Nothing of the credentials is in it.
        fps: pictures a second that are looked at, where that follows from how often one is fetched.
    """

    section: Mapping[str, Any]
    name: str
    fps: float | None = None


def is_live(source: str) -> bool:
    """Whether it is an address, or a camera at USB; else it is a file or a folder."""
    return _ADDRESS.fullmatch(source) is not None or _DEVICE.fullmatch(source) is not None


def shown(text: str) -> str:
    """Whatever was named, as a message may show it: without credentials."""
    return redacted(text)


def live_source(source: str, every: str | None) -> LiveSource:
    """What is meant by an address or a device.

    Args:
        source: see :func:`is_live`.
        every: how often a still picture is fetched, as a span; ``None``: it is not said.

    Raises:
        UsageError: it is no address of a camera, or ``every`` is for another kind of source or no span.
    """
    from decisight.sources.address import Address
    from decisight.sources.http_request import HTTP_SCHEMES

    if _DEVICE.fullmatch(source) is not None:
        _refuse_every(every)
        return LiveSource({"type": "camera", "url": source}, f"camera-{PurePosixPath(source).name}")
    address = Address.parse(source)
    still = PurePosixPath(urlsplit(source).path).suffix.lower() in _PICTURES
    if address.scheme not in HTTP_SCHEMES or not (still or every is not None):
        _refuse_every(every)
        return LiveSource({"type": "camera", "url": source}, address.host)
    seconds = parse_seconds(every or _EVERY, "--every")
    section = {"type": "snapshot", "url": source, "every": every or _EVERY}
    return LiveSource(section, address.host, 1.0 / seconds if seconds > 0.0 else None)


def _refuse_every(every: str | None) -> None:
    if every is not None:
        raise UsageError("--every is for a still picture at an http address", hint="leave it out, or say --fps")
