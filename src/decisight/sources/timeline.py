"""The times of a recording, where its own do not go forward."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Place", "Timeline"]


class Place(NamedTuple):
    """Where a picture stands in a recording; as a list, a JSON value.

    Args:
        ticks: its time in units of the stream's time base; it grows from picture to picture.
        own: whether that is the time that the recording itself gives it, by which it can be looked up.
    """

    ticks: int
    own: bool


class Timeline:
    """Times that grow from picture to picture, from those that a recording gives.

    A recording's own times are kept as long as they grow. Where they repeat or step back a little, as cheap recorders
    have them, a picture comes one tick after the one before, and the next is at its own time again. Where they jump
    back, or forward by longer than any clock of MPEG runs, another recording was joined on: it follows on the last
    picture, and its times count from there. A picture without a time comes one step after the one before.

    Args:
        step: ticks from picture to picture, at the recording's average rate; 1 or more.
        jump: so many ticks back are another recording.
        leap: so many ticks forward are one too.

    Example:
        >>> timeline = Timeline(step=10, jump=100, leap=10_000)
        >>> [timeline.place(pts).ticks for pts in (0, 10, 10, 20, None, 400, 0, 10)]
        [0, 10, 11, 20, 30, 400, 410, 420]
    """

    def __init__(self, *, step: int, jump: int, leap: int) -> None:
        self.step = step
        self._jump = jump
        self._leap = leap
        self._shift = 0
        self._last: int | None = None

    def place(self, pts: int | None) -> Place:
        """Where the next picture stands.

        Args:
            pts: the time that the recording gives it, in ticks; ``None`` where it gives none.
        """
        place = self._place(pts)
        self._last = place.ticks
        return place

    def _place(self, pts: int | None) -> Place:
        last = self._last
        if pts is None:
            return Place(0 if last is None else last + self.step, False)
        ticks = pts + self._shift
        if last is None or last < ticks < last + self._leap:
            return Place(ticks, self._shift == 0)
        if last - self._jump < ticks <= last:
            return Place(last + 1, False)
        self._shift += last + self.step - ticks
        return Place(last + self.step, False)
