"""Whether cameras give pictures: one is taken from each, several at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from decisight.sources.newest import DAMAGED
from decisight.workers.arrivals import paced
from decisight.workers.status import said

if TYPE_CHECKING:
    from decisight.protocols import FrameSource

__all__ = ["Tried", "try_cameras"]

_MOST = 16
"""Cameras that are tried at the same time."""
_FAREWELL = 2.0
"""Seconds that cameras get to let go."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a camera.

    Args:
        size: of its picture, width and height in pixels; ``None``: there was none.
        seconds: it took.
        cause: why there was none.
    """

    size: tuple[int, int] | None
    seconds: float
    cause: str | None = None


def try_cameras(sources: Mapping[str, FrameSource], seconds: float) -> dict[str, Tried]:
    """Take a picture from each camera.

    Args:
        sources: live ones, by the names of their cameras.
        seconds: that each gets; one that is away is asked again and again meanwhile.
    """
    found: dict[str, Tried] = {}
    turns = threading.Semaphore(_MOST)

    def work(name: str, source: FrameSource) -> None:
        with turns:
            found[name] = _tried(source, seconds)

    threads = [
        threading.Thread(target=work, args=pair, name=f"trying {pair[0]}", daemon=True) for pair in sources.items()
    ]
    for thread in threads:
        thread.start()
    # In as many rounds as are needed; who does not come back is left behind.
    until = time.monotonic() + -(-len(threads) // _MOST) * (seconds + _FAREWELL)
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return {name: found.get(name) or Tried(None, seconds, "it does not answer") for name in sources}


def _tried(source: FrameSource, seconds: float) -> Tried:
    begun = time.monotonic()
    stop = threading.Event()
    cause: str | None = None
    try:
        opened = source.open()
        with opened as frames:
            close = getattr(opened, "close", None)
            timer = threading.Timer(seconds, _ended, (stop, close))
            timer.daemon = True
            timer.start()
            try:
                for frame in paced(frames, seconds, stop):
                    if frame is None:
                        continue
                    if frame.pixels is not None:
                        height, width = frame.pixels.shape[:2]
                        return Tried((width, height), time.monotonic() - begun)
                    cause = frame.cause
                    if cause != DAMAGED:
                        # Who is refused is not let in ten seconds later; a next picture may be whole.
                        break
            finally:
                timer.cancel()
    except Exception as error:  # whatever it is, the other cameras are tried
        cause = said(error)
    return Tried(None, time.monotonic() - begun, cause or "no picture has come")


def _ended(stop: threading.Event, close: object) -> None:
    stop.set()
    if callable(close):
        close()
