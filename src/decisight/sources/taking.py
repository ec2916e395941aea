"""One picture of a source, to look at."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from decisight.errors import SourceError, UsageError
from decisight.files import printable
from decisight.protocols import FrameSource
from decisight.sources.causes import hint_of
from decisight.sources.newest import DAMAGED
from decisight.spans import MICROSECOND
from decisight.types import Frame

__all__ = ["PATIENCE", "take_picture"]

PATIENCE = 60.0
"""Seconds after which nothing is waited for any more; sources that connect say much earlier what is wrong."""


def take_picture(source: FrameSource, *, at: float | None = None, patience: float = PATIENCE) -> Frame:
    """A picture of a source, with pixels: the newest of a live one, of a recording the one of a moment.

    Args:
        source: it is opened, and closed again.
        at: seconds from the beginning of a recording; by default the beginning, of a folder the newest picture.
        patience: seconds after which a live source is given up that says nothing.

    Raises:
        SourceError: it cannot be opened or reached, by its cause; or there is no picture at that moment.
        UsageError: a moment of what is live is asked for.
    """
    frame_at: Any = getattr(source, "frame_at", None)
    if frame_at is not None:
        found: Frame = frame_at(at)
        return found
    if source.live:
        if at is not None:
            raise UsageError("a live camera shows what is now, and no earlier moment", hint="leave out --at")
        return _newest(source, patience)
    return _at(source, at or 0.0)


def _newest(source: FrameSource, patience: float) -> Frame:
    deadline, cause = time.monotonic() + patience, "no picture came"
    with source.open() as frames:
        next_within: Any = getattr(frames, "next_within", None)
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame: Frame | None = next(frames) if next_within is None else next_within(left)
            except StopIteration:
                break
            if frame is None:
                continue
            if frame.pixels is not None:
                return frame
            cause = str(frame.cause)
            # After one that is damaged the next may be whole; what else is wrong does not pass so soon.
            if cause != DAMAGED:
                break
    raise SourceError(f"{_title(source)}: {cause}", hint=hint_of(cause))


def _at(source: FrameSource, seconds: float) -> Frame:
    first, last = None, None
    with source.open() as frames:
        for frame in frames:
            first = frame.time if first is None else first
            if last is not None and frame.time > first + seconds + MICROSECOND:
                break
            last = frame if frame.pixels is not None else last
    if last is None:
        raise SourceError(f"{_title(source)}: there is no picture in it", hint="give another source")
    return last


def _title(source: FrameSource) -> str:
    with contextlib.suppress(SourceError):
        return printable(source.facts().title)
    return f"the {source.name}"
