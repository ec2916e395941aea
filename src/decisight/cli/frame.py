"""``decisight frame``: one picture of a camera, saved. It tells whether a camera can be reached."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.cli import output
from decisight.cli.console import complain, say
from decisight.cli.named_source import is_live, live_source, named_source, shown
from decisight.errors import DecisightError, OutputError, SourceError, UsageError
from decisight.files import draft_of, printable
from decisight.yaml_file import SUFFIXES

if TYPE_CHECKING:
    from decisight.config import Site
    from decisight.protocols import FrameSource

__all__ = ["FrameOptions", "camera_of", "picture_content", "run"]

_FORMATS = (".jpg", ".jpeg", ".png")
_QUALITY = 95
"""Of JPEG: others are to be compared with the picture."""


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """What ``decisight frame`` was asked for; see its help."""

    what: str
    camera: str | None = None
    output: Path | None = None
    at: str | None = None
    every: str | None = None


def run(options: FrameOptions) -> int:
    """Take a picture and save it.

    Returns:
        The exit status: 0, or 1 where the camera could not be reached or gave none.

    Raises:
        DecisightError: the site file, the camera or the place to write to cannot be used.
    """
    from decisight.sources.taking import take_picture
    from decisight.spans import parse_seconds

    at = None if options.at is None else parse_seconds(options.at, "--at")
    name, source = _source(options)
    place = options.output or Path(f"{name}.jpg")
    _check_place(place, named=options.output is not None)
    begun = time.monotonic()
    try:
        frame = take_picture(source, at=at)
    except SourceError as error:
        complain(f"error: {error.message}", error.hint)
        return 1
    took = time.monotonic() - begun
    assert frame.pixels is not None  # noqa: S101 - for the type checker: it is taken with pixels
    height, width = frame.pixels.shape[:2]
    with draft_of(place) as draft:
        draft.write_bytes(picture_content(frame.pixels, place))
    say(f"{printable(frame.name)}: {width}x{height} after {took:.2f} s, written to {printable(place)}")
    return 0


def picture_content(pixels: Any, place: Path) -> bytes:
    """A picture as the content of a file of this name.

    Args:
        pixels: uint8 (H, W, 3), RGB.
        place: the file; what it ends in says which format.
    """
    from decisight.imaging.encoding import encode_jpeg, encode_png

    return encode_png(pixels) if place.suffix.lower() == ".png" else encode_jpeg(pixels, quality=_QUALITY)


def camera_of(site: Site, camera: str | None) -> str:
    """The camera that is meant.

    Raises:
        UsageError: none is named and there are several, or there is none of that name.
    """
    known = list(site.section.cameras)
    if camera is None and len(known) == 1:
        return known[0]
    if camera is None or camera not in known:
        what = "which camera?" if camera is None else f"there is no camera {camera!r} in the site file"
        raise UsageError(what, hint=f"there is: {', '.join(known[:20])}")
    return camera


def _source(options: FrameOptions) -> tuple[str, FrameSource]:
    """The name of what is looked at, and the source."""
    from decisight.config import parse_site, read_site

    if options.what.lower().endswith(SUFFIXES):
        if options.every is not None:
            raise UsageError("--every is for an address; a site file says it itself", hint="leave it out")
        site = read_site(Path(options.what))
        camera = camera_of(site, options.camera)
        return camera, site.source(camera)
    if options.camera is not None:
        raise UsageError(
            f"a camera is named, and {printable(shown(options.what))} is no site file",
            hint="give a site file (.yaml) before the name of a camera; or a source alone",
        )
    named = named_source(options.what)
    if options.every is not None:
        if not is_live(options.what):
            raise UsageError("--every is for a still picture at an http address", hint="leave it out")
        named = replace(live_source(options.what, options.every), name=named.name)
    section = {"source": dict(named.section)}
    try:
        return named.name, parse_site({"site": "frame", "cameras": {named.name: section}}).source(named.name)
    except DecisightError as error:
        raise UsageError(error.message.partition(": ")[2] or error.message, hint=error.hint) from None


def _check_place(place: Path, *, named: bool) -> None:
    if place.suffix.lower() not in _FORMATS:
        raise OutputError(
            f"{printable(place)} has no name of a picture", hint="end it in .jpg or .png, for example gate-1.jpg"
        )
    output.check_file(place, example="gate-1.jpg")
    if not named and os.path.lexists(place):
        raise OutputError(f"{printable(place)} is there already", hint=f"to replace it, say so: -o {printable(place)}")
