"""Clips that are made here, and a source that gives what a test tells it to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import av
import numpy as np

from decisight.errors import SourceError
from decisight.imaging import Pixels
from decisight.protocols import SourceFacts
from decisight.sources import SOURCES
from decisight.sources.opened import Opened
from decisight.types import Frame, Position

__all__ = ["BRIGHT", "DARK", "FPS", "Scripted", "noisy", "scripted_source", "write_clip"]

BRIGHT, DARK = 230, 25
FPS = 10


def write_clip(path: Path, levels: Sequence[int], *, fps: int = FPS, gop: int = 12) -> Path:
    """A clip whose pictures are as bright as it says, a little noisy, so that no two are the same."""
    random = np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps, options={"g": str(gop)})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.bit_rate = 400_000
        stream.codec_context.time_base = Fraction(1, fps)
        for at, level in enumerate(levels):
            noise = random.integers(-20, 21, (48, 64, 3))
            frame = av.VideoFrame.from_ndarray(np.clip(level + noise, 0, 255).astype(np.uint8), format="rgb24")
            frame.pts = at
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def noisy(level: int, seed: int = 0) -> Pixels:
    """A picture as bright as it says, a little noisy."""
    noise = np.random.default_rng(seed).integers(-20, 21, (48, 64, 3))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Scripted:
    """Gives pictures of so many levels, and then ends, fails, or falls silent.

    Args:
        levels: how bright each picture is; -1: it cannot be read.
        fps: pictures a second.
        begin: when the first was taken.
        identity: of the source.
        fails_after: so many pictures it gives, and then no more.
        how: it fails: ``gone``, as sources do, or by a ``mistake``.
        live: it does not end, but falls silent until it is closed.
        hole: so many seconds pass before the picture of that number comes; 0, 0: everything is even.
    """

    name: ClassVar[str] = "scripted"

    levels: list[int]
    fps: float = 10.0
    begin: float = 1_777_000_000.0
    identity: str = "scripted"
    fails_after: int | None = None
    how: str = "gone"
    live: bool = False
    hole: tuple[int, float] = (0, 0.0)

    def facts(self) -> SourceFacts:
        return SourceFacts("scripted", self.identity)

    def open(
        self, *, after: Position | None = None, fps: float | None = None
    ) -> AbstractContextManager[Iterator[Frame]]:
        def begin(closed: threading.Event) -> Generator[Frame]:
            for at in range(0 if after is None else int(after) + 1, len(self.levels)):
                if at == self.fails_after:
                    if self.how == "mistake":
                        raise RuntimeError("it fell over")
                    raise SourceError("the cable was pulled out", hint="put it back")
                if closed.is_set():
                    return
                level, time = self.levels[at], self.begin + at / self.fps
                time += self.hole[1] if at >= self.hole[0] else 0.0
                if level < 0:
                    yield Frame(f"{at}", time, None, at, cause="damaged")
                else:
                    yield Frame(f"{at}", time, noisy(level, at), at)
            if self.live:
                closed.wait()

        return Opened(begin)


@contextlib.contextmanager
def scripted_source() -> Iterator[None]:
    """The source ``scripted`` is known for a while; other tests go over all that are."""
    SOURCES.names()
    before = dict(SOURCES._parts)
    SOURCES.register("scripted")(Scripted)
    try:
        yield
    finally:
        SOURCES._parts = before
