"""When a picture was taken, as its camera wrote it into the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

__all__ = ["HEAD", "taken_at"]

HEAD = 1 << 17
"""So many bytes from the beginning of a file are enough: a JPEG's segment holds half of that, and it is the first."""

_EXIF_FOLDER, _TAKEN, _OFFSET, _FRACTION = 0x8769, 0x9003, 0x9011, 0x9291
_TEXT, _LONG = 2, 4
_INLINE = 4
"""A value of no more bytes stands where else its offset would."""

_Order = Literal["little", "big"]
_ORDERS: Mapping[bytes, _Order] = {b"II": "little", b"MM": "big"}


def taken_at(head: bytes) -> int | None:
    """When a JPEG or TIFF picture was taken, by its EXIF data: ``DateTimeOriginal``, with ``OffsetTimeOriginal``.

    See the Exif standard, version 2.32 (CIPA DC-008).

    Args:
        head: the first :data:`HEAD` bytes of the file.

    Returns:
        Nanoseconds since 1970. Where it names no offset it is taken for UTC. ``None`` where there is none, or it makes
        no sense.
    """
    tiff = head if head[:4] in (b"II*\0", b"MM\0*") else _segment(head)
    order = _ORDERS.get(tiff[:2])
    if order is None:
        return None
    fields = _folder(tiff, int.from_bytes(tiff[4:8], order), order)
    inner = fields.get(_EXIF_FOLDER)
    if isinstance(inner, int):
        fields = _folder(tiff, inner, order)
    taken, offset, fraction = (str(fields.get(tag, "")).strip() for tag in (_TAKEN, _OFFSET, _FRACTION))
    return _moment(taken, offset, fraction)


def _segment(jpeg: bytes) -> bytes:
    """The EXIF data of a JPEG, which are built as a TIFF file is; empty where it has none."""
    at = 2 if jpeg.startswith(b"\xff\xd8\xff") else len(jpeg)
    while jpeg[at : at + 1] == b"\xff":
        marker, size = jpeg[at + 1 : at + 2], int.from_bytes(jpeg[at + 2 : at + 4])
        if marker == b"\xe1" and jpeg[at + 4 : at + 10] == b"Exif\0\0":
            return jpeg[at + 10 : at + 2 + size]
        if marker == b"\xda":
            break
        # A marker may be preceded by any number of fill bytes.
        at += 1 if marker == b"\xff" else 2 + size
    return b""


def _folder(tiff: bytes, at: int, order: _Order) -> dict[int, str | int]:
    """The texts and long numbers of one of its folders, by tag; what points beyond the end is empty."""
    fields: dict[int, str | int] = {}
    begin = at + 2
    end = begin + 12 * int.from_bytes(tiff[at:begin], order)
    for entry in range(begin, min(end, len(tiff) - 11), 12):
        tag, kind = (int.from_bytes(tiff[entry + shift : entry + shift + 2], order) for shift in (0, 2))
        count, value = (int.from_bytes(tiff[entry + shift : entry + shift + 4], order) for shift in (4, 8))
        if kind == _LONG:
            fields[tag] = value
        elif kind == _TEXT:
            place = entry + 8 if count <= _INLINE else value
            fields[tag] = tiff[place : place + count].split(b"\0")[0].decode("latin-1")
    return fields


def _moment(taken: str, offset: str, fraction: str) -> int | None:
    try:
        moment = datetime.strptime(taken, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:  # cameras whose clock was never set write zeros or blanks
        return None
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    if zone := re.fullmatch(r"([+-])([01]\d):([0-5]\d)", offset):
        east = int(zone[2]) * 3600 + int(zone[3]) * 60
        seconds += east if zone[1] == "-" else -east
    digits = fraction if re.fullmatch(r"[0-9]{1,9}", fraction) else "0"
    return seconds * 10**9 + int(digits.ljust(9, "0"))
