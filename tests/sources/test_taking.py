"""One picture of a source, whichever it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from tests.clips import write_clip

from decisight.errors import SourceError, UsageError
from decisight.protocols import SourceFacts
from decisight.sources import SOURCES
from decisight.sources.newest import DAMAGED
from decisight.sources.taking import take_picture
from decisight.types import Frame

PIXELS = np.zeros((2, 2, 3), np.uint8)


@dataclass
class Scripted:
    """A source that gives what it is told to."""

    name: ClassVar[str] = "scripted"
    frames: list[Frame]
    live: bool = True
    closed: list[bool] = field(default_factory=list)

    def facts(self) -> SourceFacts:
        return SourceFacts("camera one", "one")

    def open(self, **_: object) -> AbstractContextManager[Iterator[Frame]]:
        @contextmanager
        def begin() -> Iterator[Iterator[Frame]]:
            yield iter(self.frames)
            self.closed.append(True)

        return begin()


def test_of_a_live_source_the_next_picture_is_taken() -> None:
    source = Scripted([Frame("now", 1.0, PIXELS), Frame("later", 2.0, PIXELS)])
    assert take_picture(source).name == "now"
    assert source.closed == [True]
    with pytest.raises(UsageError, match="a live camera shows what is now"):
        take_picture(source, at=1.0)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (
            [Frame("away", 1.0, None, cause="cannot be reached"), Frame("now", 2.0, PIXELS)],
            "camera one: cannot be reached",
        ),
        ([], "camera one: no picture came"),
        ([Frame("broken", 1.0, None, cause=DAMAGED)], "camera one: the picture is damaged"),
    ],
)
def test_a_camera_that_is_away_is_told_by_its_cause(frames: list[Frame], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        take_picture(Scripted(frames))


def test_after_a_damaged_picture_the_next_is_taken() -> None:
    frames = [Frame("broken", 1.0, None, cause=DAMAGED), Frame("now", 2.0, PIXELS)]
    assert take_picture(Scripted(frames)).name == "now"


def test_of_a_recording_the_picture_at_a_moment_is_taken() -> None:
    frames = [
        Frame(str(n), 100.0 + n, PIXELS if n != 2 else None, cause="damaged" if n == 2 else None) for n in range(4)
    ]
    source = Scripted(frames, live=False)
    taken = {at: take_picture(source, at=at).name for at in (None, 0.5, 1.0, 2.5, 3.0, 99.0)}
    assert taken == {None: "0", 0.5: "0", 1.0: "1", 2.5: "1", 3.0: "3", 99.0: "3"}
    with pytest.raises(SourceError, match="no picture in it"):
        take_picture(Scripted(frames[2:3], live=False))


@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_a_clip_is_looked_up(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    write_clip(path, [30 + 20 * n for n in range(10)], fps=5)
    source = SOURCES.build("video", {"path": str(path)})
    frames = list(_all(source))
    for at, number in ((None, 0), (0.0, 0), (0.5, 2), (1.0, 5), (1.8, 9), (50.0, 9)):
        frame = take_picture(source, at=at)
        assert frame.name == frames[number].name
        assert frame.position == frames[number].position
        assert frame.time == pytest.approx(frames[number].time)
        assert np.array_equal(frame.pixels, frames[number].pixels)


def _all(source: object) -> Iterator[Frame]:
    with source.open() as frames:  # type: ignore[attr-defined]
        yield from frames


def test_of_a_folder_the_newest_that_can_be_read_is_taken(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no picture in it yet"):
        take_picture(SOURCES.build("folder", {"path": str(tmp_path)}))
    for number in range(3):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
        os.utime(path, (1000 + 10 * number,) * 2)
    source = SOURCES.build("folder", {"path": str(tmp_path)})
    assert [take_picture(source, at=at).name for at in (None, 0.0, 9.0, 10.0)] == ["2.png", "0.png", "0.png", "1.png"]
    path.write_bytes(b"half")
    os.utime(path, (1020, 1020))
    assert take_picture(source).name == "1.png"
