"""The clock of a camera's stream: how late its pictures come, and whether its key frames are enough."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

__all__ = ["Gaps", "KeyFrames", "Lateness", "StreamClock"]

_LEAP, _JUMP = 10.0, 1.0
"""Seconds forward, and back, by which a clock does not go by itself: it was set."""
_FORGOTTEN = 30.0
"""Seconds after which the shortest way that a picture had is forgotten: clocks drift apart."""
_KNOWN = 2
"""So many intervals from key frame to key frame are known before they are relied on."""
_USUAL = 2.0
"""Seconds from key frame to key frame, as most cameras have it: who wants no more relies on it until it is known."""
_TOLERANCE = 0.05
"""An interval may be so much longer than the time between two pictures that are asked for."""


_GAP = 1.7
"""A picture that comes so many times later after the last than those before did has lost some before it."""


@dataclass(slots=True)
class StreamClock:
    """The times of a stream, laid onto the steady clock of this machine where it began, or where it was set.

    Args:
        shift: seconds from the stream's time to this machine's steady clock.
        advanced: when, by this machine's clock, the stream's time last was another than before.
    """

    shift: float | None = None
    advanced: float = 0.0
    _raw: float = 0.0
    _arrived: float = 0.0
    _step: float = 0.0

    def read(self, raw: float | None, arrived: float) -> float:
        """The time of the next picture, in seconds of this machine's steady clock, if all came at once.

        Args:
            raw: by the stream; ``None`` where it does not say: then as long after the last as that was after its last.
            arrived: when it came, by this machine.
        """
        if raw is None:
            raw = self._raw + self._step if self.shift is not None else 0.0
        gone, passed = raw - self._raw, arrived - self._arrived
        if self.shift is None or not -_JUMP <= gone <= passed + _LEAP:
            self.shift, self.advanced = arrived - raw, arrived
        elif gone != 0:
            self.advanced = arrived
            self._step = max(0.0, gone)
        self._raw, self._arrived = raw, arrived
        return raw + self.shift

    def at(self, raw: float) -> float:
        """A time of the stream, by this machine's steady clock."""
        return raw + (self.shift or 0.0)


@dataclass(slots=True)
class Lateness:
    """By how much longer a picture was on its way than the quickest of the last minute."""

    _best: float | None = None
    _recent: float | None = None
    _since: float = 0.0

    def of(self, seconds: float, arrived: float) -> float:
        """Seconds that a picture is late.

        Args:
            seconds: its time, see :meth:`StreamClock.read`.
            arrived: when it came.
        """
        way = arrived - seconds
        if self._best is None or self._recent is None:
            self._best, self._recent, self._since = way, way, arrived
        elif arrived - self._since > _FORGOTTEN:
            self._best, self._recent, self._since = min(self._recent, way), way, arrived
        self._best, self._recent = min(self._best, way), min(self._recent, way)
        return way - self._best

    def begin_anew(self) -> None:
        """What comes now is not late, whatever was before."""
        self._best = self._recent = None


@dataclass(slots=True)
class KeyFrames:
    """How far apart a stream's key frames are.

    Args:
        last: the time of the last one.
    """

    last: float | None = None
    _intervals: deque[float] = field(default_factory=lambda: deque(maxlen=3))
    _failed: bool = False

    def see(self, seconds: float) -> None:
        """One came."""
        if self.last is not None:
            self._intervals.append(seconds - self.last)
        self.last = seconds

    def suffice(self, fps: float | None) -> bool:
        """Whether there are at least as many of them as pictures that are asked for.

        Else all of a hundred cameras' pictures would be decoded, just when all are started.
        """
        if fps is None or not all(0 < interval <= (1 + _TOLERANCE) / fps for interval in self._intervals):
            return False
        return len(self._intervals) >= _KNOWN or (fps <= 1 / _USUAL and not self._failed)

    def fail(self) -> None:
        """One could not be decoded by itself: nothing is taken for granted any more."""
        self.last, self._failed = None, True
        self._intervals.clear()


@dataclass(slots=True)
class Gaps:
    """Finds where pictures of a stream have been lost, by the times of those that came.

    A camera that takes fewer pictures a second from now on, as at night, is taken to have lost some once.
    """

    _last: float | None = None
    _steps: deque[float] = field(default_factory=lambda: deque(maxlen=8))

    def before(self, seconds: float) -> bool:
        """Whether some are missing between the last picture and this one."""
        step = None if self._last is None else seconds - self._last
        self._last = seconds
        if step is None or step <= 0:
            return False
        lost = len(self._steps) >= _KNOWN and step > _GAP * max(self._steps)
        self._steps.append(step)
        return lost
