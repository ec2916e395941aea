"""Fewer pictures than a source has: which of them are taken, by their times."""

from __future__ import annotations

import math

from decisight.errors import UsageError

__all__ = ["MOST_FPS", "Pace", "Sampler"]

MOST_FPS = 1e6
"""Nobody asks for more pictures a second; more is a slip of the pen."""

_EARLY, _MOST_EARLY = 1.5e-3, 0.25
"""A picture may come so many seconds, and so much of a slot, before the slot that it is for.

Times are rounded, to whole milliseconds in Matroska and Flash files: of one of 30 a second, asked for at 30, a third
would be missed.
"""

_JITTER = 0.02
"""Seconds by which the times of a live camera are uneven."""


class Sampler:
    """Takes at most so many pictures a second.

    Time is cut into slots of ``1 / fps`` seconds from the source's beginning, and the first picture of each is taken,
    whenever in it that comes. So the mean rate is kept where pictures come unevenly, and which ones are taken does not
    depend on where the source was opened: one that goes on after a picture takes what it would have taken anyway.

    Args:
        fps: so many a second; ``None`` takes all.
        after: the seconds of the last picture that was taken, where it goes on after one.

    Raises:
        UsageError: ``fps`` is not more than 0, or more than :data:`MOST_FPS`.

    Example:
        >>> sampler = Sampler(2)
        >>> [seconds for seconds in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0) if sampler.takes(seconds)]
        [0.0, 0.6, 1.0]
    """

    def __init__(self, fps: float | None, *, after: float | None = None) -> None:
        if fps is not None and not 0.0 < fps <= MOST_FPS:
            raise UsageError(f"fps = {fps} cannot be used", hint="give pictures a second, more than 0: for example 5")
        self._fps = fps
        self._last = None if after is None else self._slot(after)

    def takes(self, seconds: float) -> bool:
        """Whether the next picture is taken, and remembers it if so.

        Args:
            seconds: when it was taken, since the source's beginning. They may go back, where a clock was set: then it
                is in another slot than the last one taken, too.
        """
        slot = self._slot(seconds)
        if self._fps is not None and slot == self._last:
            return False
        self._last = slot
        return True

    def _slot(self, seconds: float) -> int:
        fps = self._fps or 0.0
        return math.floor(seconds * fps + min(_EARLY * fps, _MOST_EARLY))


class Pace:
    """Takes at most so many pictures a second of what comes live.

    A picture is due ``1 / fps`` seconds after the one before was; where none came in time, it begins anew with the next
    one. One that comes a little early is taken for the one that is due: :class:`Sampler` would find it in the slot of
    the one before, and miss it.

    Args:
        fps: so many a second; ``None`` takes all.

    Raises:
        UsageError: ``fps`` is not more than 0, or more than :data:`MOST_FPS`.

    Example:
        >>> pace = Pace(2)
        >>> [seconds for seconds in (0.0, 0.2, 0.49, 0.8, 1.01, 9.0, 9.2, 9.5) if pace.takes(seconds)]
        [0.0, 0.49, 1.01, 9.0, 9.5]
    """

    def __init__(self, fps: float | None) -> None:
        Sampler(fps)
        self._step = 1 / fps if fps else 0.0
        self._due: float | None = None

    def takes(self, seconds: float) -> bool:
        """Whether the next picture is taken, and remembers it if so.

        Args:
            seconds: when it was taken. Where they go back by more than a step, it begins anew.
        """
        early = min(_JITTER, self._step * _MOST_EARLY)
        if self._due is None or seconds < self._due - 2 * self._step or seconds >= self._due + self._step:
            self._due = seconds + self._step
            return True
        if seconds < self._due - early:
            return False
        self._due += self._step
        return True
