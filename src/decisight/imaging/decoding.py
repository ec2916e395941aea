"""From the content of a file to pixels."""

from __future__ import annotations

import os
import re

from decisight.errors import ImageError
from decisight.files import printable
from decisight.imaging.complaints import COPY_AGAIN, damaged, too_many_pixels
from decisight.imaging.files import MAX_BYTES, read_bytes
from decisight.imaging.fitting import Pixels
from decisight.imaging.reference import decode_with_pillow, jpeg_orientation, upright

__all__ = ["MAX_PIXELS", "decode", "read_image"]

MAX_PIXELS = 120_000_000
"""Pictures with more pixels are refused from their header alone. A 108-megapixel phone's still pass."""

# What libjpeg complains about although every pixel was decoded.
_HARMLESS_HEADERS = ("unknown JFIF revision", "Unknown Adobe color transform")
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_MOST_LEFT_OVER = 16


def read_image(path: str | os.PathLike[str]) -> Pixels:
    """Read and decode a picture.

    Args:
        path: the picture's file.

    Returns:
        uint8, (H, W, 3), RGB, upright.

    Raises:
        ImageError: it cannot be read or is not a picture; the message begins with the path and says why.
    """
    return decode(read_bytes(path), name=path)


def decode(data: bytes, *, name: str | os.PathLike[str] | None = None) -> Pixels:
    """Decode a picture of any supported format.

    Args:
        data: the content of its file.
        name: put before the message of an error, for example the file's path.

    Returns:
        uint8, (H, W, 3), RGB, upright, contiguous and writable.

    Raises:
        ImageError: the data is empty, not a picture, cut short, damaged, in a format that is not supported, or larger
            than :data:`MAX_PIXELS` or :data:`~decisight.imaging.MAX_BYTES`.
    """
    try:
        if not data:
            raise ImageError("the picture is empty (0 bytes)", hint=COPY_AGAIN)
        if len(data) > MAX_BYTES:
            raise ImageError(f"the picture is too large: {len(data) / 1e6:.0f} MB", hint="save it smaller")
        pixels = _decode_jpeg(data) if data.startswith(b"\xff\xd8\xff") else None
        return decode_with_pillow(data, MAX_PIXELS) if pixels is None else pixels
    except MemoryError as error:
        raise _named(name, ImageError("there is not enough memory to decode it", hint="save it smaller")) from error
    except ImageError as error:
        if name is None:
            raise
        raise _named(name, error) from error


def _named(name: str | os.PathLike[str] | None, error: ImageError) -> ImageError:
    return error if name is None else ImageError(f"{printable(name)}: {error.message}", hint=error.hint)


def _decode_jpeg(data: bytes) -> Pixels | None:
    """The picture; ``None`` where it is for Pillow to decode, or to say what is wrong with it."""
    import simplejpeg

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    if width * height > MAX_PIXELS:
        raise too_many_pixels(f"{width} x {height} pixels", MAX_PIXELS)
    if colours in ("CMYK", "YCCK"):
        return None
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, "RGB")
    except ValueError as error:
        if not _is_harmless(str(error), data):
            raise damaged("JPEG", error) from error
        pixels = simplejpeg.decode_jpeg(data, "RGB", strict=False)
    return upright(pixels, jpeg_orientation(data)) if _has_app1(data) else pixels


def _is_harmless(complaint: str, data: bytes) -> bool:
    """Whether the picture is whole in spite of what libjpeg says.

    Cameras leave a few bytes, or a stretch of padding, before the end marker. Many other bytes there mean that the
    pixels before them were decoded from damaged data.
    """
    left_over = _LEFT_OVER.search(complaint)
    if not left_over:
        return any(harmless in complaint for harmless in _HARMLESS_HEADERS)
    count, end = int(left_over[1]), data.rfind(b"\xff\xd9")
    return count <= _MOST_LEFT_OVER or len(set(data[end - count : end])) == 1


def _has_app1(data: bytes) -> bool:
    """Whether a JPEG has a segment that may hold an orientation; most photos off the web have none.

    Walks the markers of ITU-T T.81, annex B, up to the first scan: microseconds, where Pillow takes ten times that.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xE1:
            return True
        if marker == 0xDA:
            return False
        # A marker may be preceded by any number of fill bytes.
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4])
    return False
