"""Pictures of events: what is kept, once each, and nothing of it before it was concealed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.clips import noisy

from decisight.imaging import Pixels, concealing, encoding
from decisight.pipeline import Seen
from decisight.workers import Evidence

from .conftest import change

FRAME, CROP = noisy(128, 1), noisy(128, 2)[:20, :30]


def decoded(jpeg: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(jpeg)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"crop": True}, ["crop"]),
        ({"frame": True}, ["frame"]),
        ({"crop": True, "frame": True}, ["crop", "frame"]),
    ],
)
def test_what_is_kept(options: dict[str, Any], expected: list[str]) -> None:
    found = Evidence(**options).pictures([Seen(change(1).event, FRAME, CROP)])
    assert [picture.what for picture in found] == expected
    for picture in found:
        assert (picture.event_id, picture.time) == (change(1).event.event_id, 1.0)
        assert decoded(picture.jpeg).shape == {"crop": CROP, "frame": FRAME}[picture.what].shape


def test_a_picture_of_several_events_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[tuple[int, ...]] = []

    def counted(pixels: Pixels, quality: int = 0) -> bytes:
        encoded.append(pixels.shape)
        return encoding.encode_jpeg(pixels, quality=quality)

    monkeypatch.setattr("decisight.imaging.encode_jpeg", counted)
    seen = [Seen(change(number).event, FRAME, CROP) for number in range(3)]
    found = Evidence(crop=True, frame=True).pictures(seen)
    assert sorted(encoded) == sorted([CROP.shape, FRAME.shape])
    assert [(p.event_id, p.what) for p in found] == [
        (change(n).event.event_id, what) for n in range(3) for what in ("crop", "frame")
    ]
    # Without a region both are one picture.
    encoded.clear()
    Evidence(crop=True, frame=True).pictures([Seen(change(1).event, FRAME, FRAME)])
    assert encoded == [FRAME.shape]


@pytest.mark.parametrize("how", ["pixelate", "blur"])
def test_what_is_concealed_is_not_in_the_file(how: Any) -> None:
    """Stripes that are plain to see, of which a concealed picture keeps nothing but their mean."""
    stripes = np.zeros((48, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    seen = [Seen(change(1).event, stripes, stripes)]
    (plain,) = Evidence(frame=True, quality=95).pictures(seen)
    (hidden,) = Evidence(frame=True, quality=95, conceal="all", how=how).pictures(seen)
    assert decoded(plain.jpeg).std() > 80
    assert decoded(hidden.jpeg).std() < 10
    expected = concealing.conceal(stripes, how, "all")
    assert np.abs(decoded(hidden.jpeg).astype(int) - expected).max() < 20


def test_the_quality_that_is_asked_for() -> None:
    sizes = [
        len(Evidence(frame=True, quality=quality).pictures([Seen(change(1).event, FRAME, CROP)])[0].jpeg)
        for quality in (10, 50, 95)
    ]
    assert sizes == sorted(set(sizes))
