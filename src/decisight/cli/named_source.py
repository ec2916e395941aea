"""What a command makes of a source that is named to it: a live camera, a still picture, a recording, a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from decisight.errors import UsageError
from decisight.files import printable
from decisight.spans import parse_seconds
from decisight.types.secrecy import redacted

if TYPE_CHECKING:
    from decisight.sources.address import Address

__all__ = ["NamedSource", "camera_name", "is_live", "live_source", "named_source", "shown"]

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://.*|(rtsps?|https?)(:|//).*", re.IGNORECASE | re.DOTALL)
"""Also one whose scheme is mistyped: taken for a file, its password would be shown as a part of the name."""
_DEVICE = re.compile(r"[0-9]{1,3}|/dev/video[0-9]+|video=.+", re.ASCII)
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
"""How addresses of still pictures end."""
_EVERY = "5s"
_NO_NAME = re.compile(r"[/\\:=|\s]+")
_LONGEST_NAME = 60
_DIGEST = 6


@dataclass(frozen=True, slots=True)
class NamedSource:
    """A source that was named on the command line.

    Args:
        section: as a site file would have it.
        name: for the camera: of its host and path, its device, or its file. Nothing of the credentials is in it.
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


def camera_name(text: str, otherwise: str = "camera") -> str:
    """A text as a name that a site file could have."""
    return _NO_NAME.sub("-", printable(text)).strip("-")[:_LONGEST_NAME] or otherwise


def named_source(source: str, every: str | None = None) -> NamedSource:
    """What is meant by whatever may be named: an address, a device, a video file, or a folder of pictures.

    Args:
        source: as it was written.
        every: how often it is fetched, if it is a still picture; of anything else it says nothing.

    Raises:
        UsageError: it is no address of a camera, or ``every`` is no span.
    """
    if not source.strip():
        raise UsageError("the name of the source is empty", hint="name a video file, a folder, or a camera's address")
    if is_live(source):
        found = live_source(source, None)
        if found.section["type"] == "snapshot" and every is not None:
            found = live_source(source, every)
        return replace(found, name=camera_name(found.name))
    path = Path(source)
    if path.is_dir():
        return NamedSource({"type": "folder", "path": source, "follow": False}, camera_name(path.resolve().name))
    return NamedSource({"type": "video", "path": source}, camera_name(path.stem))


def live_source(source: str, every: str | None) -> NamedSource:
    """What is meant by an address or a device.

    Args:
        source: see :func:`is_live`.
        every: how often a still picture is fetched, as a span; ``None``: it is not said.

    Raises:
        UsageError: it is no address of a camera, or ``every`` is for another kind of source or no span.
    """
    from decisight.sources.address import Address
    from decisight.sources.http_request import HTTP_SCHEMES
    from decisight.sources.snapshot import Snapshot

    if _DEVICE.fullmatch(source) is not None:
        _refuse_every(every)
        return NamedSource({"type": "camera", "url": source}, f"camera-{PurePosixPath(source).name}")
    address = Address.parse(source)
    still = PurePosixPath(urlsplit(source).path).suffix.lower() in _PICTURES
    if address.scheme not in HTTP_SCHEMES or not (still or every is not None):
        _refuse_every(every)
        return NamedSource({"type": "camera", "url": source}, _name_of(address))
    seconds = parse_seconds(every or _EVERY, "--every")
    try:
        Snapshot(url=source, every=every or _EVERY)
    except UsageError as error:
        raise UsageError(re.sub("^every = ", "--every ", error.message), hint=error.hint) from None
    section = {"type": "snapshot", "url": source, "every": every or _EVERY}
    return NamedSource(section, _name_of(address), 1.0 / seconds)


def _name_of(address: Address) -> str:
    """A name for the camera at an address: another one for each stream of a host, the same whoever asks for it.

    What settings are set to is not in it: a password may be. They are told apart by a digest.
    """
    path, _, query = address.path.partition("?")
    parts = [part for part in path.split("/") if part]
    plain = [part for part in parts if "=" not in part]
    place = urlsplit(str(address)).netloc.strip("[]").replace("]:", "-")
    name = camera_name("-".join([place, *plain]))
    if not query and plain == parts and len(name) < _LONGEST_NAME:
        return name
    digest = address.identity.rpartition(" ")[2][:_DIGEST]
    return f"{name[: _LONGEST_NAME - _DIGEST - 1]}-{digest}"


def _refuse_every(every: str | None) -> None:
    if every is not None:
        raise UsageError("--every is for a still picture at an http address", hint="leave it out, or say --fps")
