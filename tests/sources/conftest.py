"""Cameras for tests, each with a clip of numbered pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live.clip import write_numbered
from tests.live.http_camera import HttpCamera
from tests.live.rtsp import RtspServer


@pytest.fixture(scope="session")
def live_clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of 30 pictures a second.

    ``gate``: a key frame every 8 pictures; ``wide``: of another size; ``calm``: a key frame a second.
    """
    folder = tmp_path_factory.mktemp("live")
    return {
        "gate": write_numbered(folder / "gate.mp4", size=(192, 144), fps=30, count=900, gop=8),
        "wide": write_numbered(folder / "wide.mp4", size=(320, 180), fps=30, count=900, gop=8),
        "calm": write_numbered(folder / "calm.mp4", size=(192, 144), fps=30, count=900, gop=30),
    }


@pytest.fixture(scope="session")
def _server(live_clips: dict[str, Path]) -> Iterator[RtspServer]:
    with RtspServer(live_clips) as server:
        yield server


@pytest.fixture
def server(_server: RtspServer) -> RtspServer:
    """A camera without any fault."""
    _server.heal()
    return _server


@pytest.fixture
def http_camera() -> Iterator[HttpCamera]:
    with HttpCamera(fps=30, size=(192, 144)) as camera:
        yield camera
