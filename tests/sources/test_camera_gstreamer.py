"""A camera by RTSP from a server that others wrote, where it is installed."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.live.taking import take_until

from decisight.sources import SOURCES

CHILD = Path(__file__).parents[1] / "live" / "gstreamer_child.py"
SYSTEM_PYTHON = Path("/usr/bin/python3")
AWKWARD = "p@ss:w/o#r?d%41"


@contextlib.contextmanager
def gstreamer(*login: str) -> Iterator[int]:
    """GStreamer's server, and its port."""
    if not SYSTEM_PYTHON.exists():
        pytest.skip("there is no Python of the system, which GStreamer's bindings are for")
    with subprocess.Popen(
        [str(SYSTEM_PYTHON), str(CHILD), *login], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                assert process.stderr is not None
                pytest.skip(f"GStreamer's RTSP server does not run: {process.stderr.read().strip()[-200:]}")
            yield int(port)
        finally:
            process.kill()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_come_also_after_it_was_away(transport: str) -> None:
    with gstreamer() as port:
        source: Any = SOURCES.build("camera", {"url": f"rtsp://127.0.0.1:{port}/live", "transport": transport})
        with source.open(fps=5) as frames:
            found = take_until(frames, lambda found: sum(frame.pixels is not None for frame in found) >= 5)
    pictures = [frame.pixels for frame in found if frame.pixels is not None]
    assert pictures[0].shape == (240, 320, 3)
    # A white ball that moves on black.
    assert all(picture.max() > 200 and np.median(picture) < 40 for picture in pictures)
    assert any((one != other).any() for one, other in pairwise(pictures))


def test_credentials_and_a_stream_that_is_not_there() -> None:
    with gstreamer("me", AWKWARD) as port:
        login = {"user": "me", "password": AWKWARD}
        source: Any = SOURCES.build("camera", {"url": f"rtsp://127.0.0.1:{port}/live", **login})
        with source.open() as frames:
            take_until(frames, "picture")
        wrong: Any = SOURCES.build("camera", {"url": f"rtsp://me:wrong@127.0.0.1:{port}/live"})
        with wrong.open() as frames:
            take_until(frames, "access refused")
        other: Any = SOURCES.build("camera", {"url": f"rtsp://127.0.0.1:{port}/none", **login})
        with other.open() as frames:
            take_until(frames, "no such stream")
