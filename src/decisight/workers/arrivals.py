"""How a camera's thread gets frames: the next one when it is asked for, and word when none has come for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from decisight.types import Frame

__all__ = ["Demand", "paced"]

_FEW_PAUSES = 60
_PAUSE_GROWTH = 1.1
_LONGEST_PAUSE = 60.0
"""Seconds: a camera that has long been silent is looked after less and less often."""
_HEARING = 0.5
"""Seconds after which a wait looks whether it is to end."""


class _Waiting(Protocol):
    def next_within(self, seconds: float) -> Frame | None:
        """See :class:`~decisight.protocols.FrameSource`."""


class Demand:
    """Takes frames on a thread of its own, each only when it is asked for: none grows old while nobody wants it.

    Args:
        frames: to be taken; nobody else takes any.
    """

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._changed = threading.Condition()
        self._wanted = False
        self._found: Callable[[], Frame] | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._take, name="frames", daemon=True)
        self._thread.start()

    def next_within(self, seconds: float) -> Frame | None:
        """The next frame; ``None`` where none has come by then: it is the answer to the next call.

        Raises:
            StopIteration: there are no more.
            Exception: whatever taking it has raised.
        """
        with self._changed:
            self._wanted = True
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._found is not None, seconds):
                return None
            found, self._found, self._wanted = self._found, None, False
        assert found is not None  # noqa: S101 - for the type checker: it was waited for
        return found()

    def end(self) -> None:
        """Ask for no more: the thread ends, once the frame that it waits for has come or its source is closed."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or (self._wanted and self._found is None))
                if self._ended:
                    return
            found, last = self._next()
            with self._changed:
                self._found = found
                self._changed.notify_all()
            if last:
                return

    def _next(self) -> tuple[Callable[[], Frame], bool]:
        """What gives the next frame, or raises what taking it has raised; and whether it is the last."""
        try:
            frame = next(self._frames)
        except Exception as error:  # it is for who asks
            return _raising(error), True
        return lambda: frame, False


def _raising(error: Exception) -> Callable[[], Frame]:
    def give() -> Frame:
        raise error

    return give


def paced(
    frames: Any, pause: float, stop: threading.Event, beat: Callable[[], None] = lambda: None
) -> Iterator[Frame | None]:
    """Frames that come as time passes, and ``None`` where none has come for a while.

    Each is asked for when the one before has been decided on; whoever can be asked with ``next_within`` is, on this
    thread.

    Args:
        frames: what an opened live source gives.
        pause: seconds without a frame after which that is told; if none comes for long, it is told less and less often.
        stop: set when it is to end.
        beat: called whenever a wait has come back, a few times a second.
    """
    if hasattr(frames, "next_within"):
        yield from _asked(frames, pause, stop, beat)
        return
    demand = Demand(frames)
    try:
        yield from _asked(demand, pause, stop, beat)
    finally:
        demand.end()


def _asked(frames: _Waiting, pause: float, stop: threading.Event, beat: Callable[[], None]) -> Iterator[Frame | None]:
    wait, pauses = pause, 0
    while not stop.is_set():
        try:
            frame = _within(frames, wait, stop, beat)
        except StopIteration:
            return
        if frame is not None:
            wait, pauses = pause, 0
        elif stop.is_set():
            return
        else:
            pauses += 1
            wait = min(wait * _PAUSE_GROWTH, max(pause, _LONGEST_PAUSE)) if pauses > _FEW_PAUSES else pause
        yield frame
        # Not kept while the next is waited for: of a hundred cameras, that would be a hundred pictures.
        frame = None


def _within(frames: _Waiting, seconds: float, stop: threading.Event, beat: Callable[[], None]) -> Frame | None:
    """The frame that comes within so many seconds; ``None``: none does, or it is to end.

    Raises:
        StopIteration: there are no more.
    """
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        frame = frames.next_within(max(0.0, min(left, _HEARING)))
        beat()
        if frame is not None or left <= _HEARING or stop.is_set():
            return frame
