"""Taking frames of a live source until something is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.live.clip import number_of

from decisight.types import Frame

__all__ = ["numbers", "take_for", "take_until"]

_PATIENCE = 60.0
"""Seconds: nothing here depends on how fast the machine is."""


def take_until(frames: Any, wanted: str | Callable[[list[Frame]], bool], *, patience: float = _PATIENCE) -> list[Frame]:
    """Frames of a live source, up to one with a cause, or until something holds of them.

    Args:
        frames: what the source's ``open`` gave.
        wanted: the cause; or what is to hold; ``picture``: the first with pixels.
        patience: seconds.
    """
    found: list[Frame] = []
    end = time.monotonic() + patience
    while time.monotonic() < end:
        frame = frames.next_within(0.2)
        if frame is None:
            continue
        found.append(frame)
        if callable(wanted):
            done = wanted(found)
        else:
            done = frame.pixels is not None if wanted == "picture" else frame.cause == wanted
        if done:
            return found
    raise AssertionError(f"{wanted} never came, but {[frame.cause or 'a picture' for frame in found][-20:]}")


def take_for(frames: Any, seconds: float) -> list[Frame]:
    """All frames that come within some time."""
    found: list[Frame] = []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        frame = frames.next_within(left)
        if frame is not None:
            found.append(frame)
    return found


def numbers(frames: list[Frame]) -> list[int | None]:
    """The numbers of the pictures among some frames."""
    return [number_of(frame.pixels) for frame in frames if frame.pixels is not None]
