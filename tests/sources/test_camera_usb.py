"""A camera at USB. There is none here, so how FFmpeg is asked for one is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from tests.live.taking import take_until

from decisight.sources import SOURCES


def opening(url: Any, platform: str, **settings: Any) -> Any:
    source: Any = SOURCES.build("camera", {"url": url, **settings})
    return source._device_opening(source._device, platform)


@pytest.mark.parametrize(
    ("url", "platform", "wanted"),
    [
        (0, "linux", ("v4l2", "/dev/video0")),
        ("0", "linux", ("v4l2", "/dev/video0")),
        ("/dev/video12", "linux", ("v4l2", "/dev/video12")),
        ("/dev/v4l/by-id/usb-cam", "linux", ("v4l2", "/dev/v4l/by-id/usb-cam")),
        (1, "darwin", ("avfoundation", "1")),
        ("video=Integrated Camera", "win32", ("dshow", "video=Integrated Camera")),
    ],
)
def test_how_it_is_opened(url: Any, platform: str, wanted: tuple[str, str]) -> None:
    found = opening(url, platform)
    assert (found.format, found.address) == wanted
    assert opening(url, platform, size="1280x720").options["video_size"] == "1280x720"


def test_its_facts() -> None:
    facts: Any = SOURCES.build("camera", {"url": 0, "size": "640x480"}).facts()
    assert (facts.title, facts.identity, facts.size) == ("camera 0 at USB", "usb:0", (640, 480))


def test_one_that_is_not_there_is_told() -> None:
    source: Any = SOURCES.build("camera", {"url": "/dev/video97", "timeout": "1s"})
    with source.open() as frames:
        take_until(frames, "no such device")
