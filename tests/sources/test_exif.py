"""When a picture was taken, read from its EXIF data."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from decisight.sources.exif import taken_at

TAKEN, OFFSET, FRACTION = 0x9003, 0x9011, 0x9291
NOON = int(datetime(2024, 5, 3, 12, tzinfo=UTC).timestamp()) * 10**9


def picture(fields: dict[int, str]) -> bytes:
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769).update(fields)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({TAKEN: "2024:05:03 12:00:00"}, NOON),
        ({TAKEN: "2024:05:03 12:00:00", OFFSET: "+02:00"}, NOON - 7200 * 10**9),
        ({TAKEN: "2024:05:03 12:00:00", OFFSET: "-05:30"}, NOON + 19800 * 10**9),
        ({TAKEN: "2024:05:03 12:00:00", OFFSET: "   :  "}, NOON),
        ({TAKEN: "2024:05:03 12:00:00", FRACTION: "25"}, NOON + 250_000_000),
        ({TAKEN: "2024:05:03 12:00:00", FRACTION: "x"}, NOON),
        ({OFFSET: "+02:00"}, None),
        ({TAKEN: "0000:00:00 00:00:00"}, None),
        ({TAKEN: "2024:02:30 12:00:00"}, None),
        ({TAKEN: "    :  :     :  :  "}, None),
        ({}, None),
    ],
)
def test_moments(fields: dict[int, str], expected: int | None) -> None:
    assert taken_at(picture(fields)) == expected


def test_both_orders_of_bytes() -> None:
    # The bytes are laid out by hand, after the TIFF standard, revision 6: two folders, and a text of 20 bytes behind.
    for mark, order in ((b"II", "little"), (b"MM", "big")):

        def number(value: int, size: int, order: str = order) -> bytes:
            return value.to_bytes(size, order)  # type: ignore[arg-type]

        def entry(tag: int, kind: int, count: int, value: int, order: str = order) -> bytes:
            return b"".join(
                [number(tag, 2, order), number(kind, 2, order), number(count, 4, order), number(value, 4, order)]
            )

        head = mark + number(42, 2) + number(8, 4)
        outer = number(1, 2) + entry(0x8769, 4, 1, 26) + number(0, 4)
        inner = number(1, 2) + entry(TAKEN, 2, 20, 44) + number(0, 4)
        tiff = head + outer + inner + b"2024:05:03 12:00:00\0"
        assert taken_at(tiff) == NOON
        segment = b"Exif\0\0" + tiff
        jpeg = (
            b"\xff\xd8\xff\xe0" + (4).to_bytes(2) + b"JF" + b"\xff\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment
        )
        assert taken_at(jpeg) == NOON
        assert all(taken_at(jpeg[:size]) is None for size in range(len(jpeg) - 2))


@pytest.mark.parametrize("head", [b"", b"\xff\xd8\xff", b"II*\0", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1\0\0" * 100])
def test_what_has_none(head: bytes) -> None:
    assert taken_at(head) is None


@given(st.data())
def test_damage_is_none_or_another_moment(data: st.DataObject) -> None:
    content = bytearray(picture({TAKEN: "2024:05:03 12:00:00", OFFSET: "+02:00"}))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found = taken_at(bytes(content))
    assert found is None or isinstance(found, int)
