"""What happened over the last seconds: how often something did, and for which share of the time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

__all__ = ["Rate", "Shares"]

_SECONDS = 60
"""That are remembered."""
_RECENT = 10.0
"""Seconds over which something that happens often is counted."""
_FEW = 10
"""What has happened less often than this in the recent seconds is counted over all that are remembered."""
_OVERDUE = 2.0
"""What has not happened for so many of its intervals happens no more as often as it did."""


class Rate:
    """How often something happens, over the last seconds. Safe to use from several threads at once.

    Args:
        clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = self._last = clock()
        self._counts = [0] * _SECONDS
        self._second = int(self._begun)
        self._lock = threading.Lock()

    def add(self, number: int = 1) -> None:
        """It has happened now."""
        with self._lock:
            self._last = self._forget()
            self._counts[self._second % _SECONDS] += number

    def per_second(self) -> float:
        """How often a second, over the last 10 seconds; over the last minute where that is seldom."""
        with self._lock:
            now = self._forget()
            number, rate = self._over(int(_RECENT), now)
            if number >= _FEW:
                return rate
            _, rate = self._over(_SECONDS, now)
            # What came often until a moment ago, and has stopped, is not seldom.
            return min(rate, _OVERDUE / max(now - self._last, 1e-9))

    def _over(self, seconds: int, now: float) -> tuple[int, float]:
        """How often it has happened over so many seconds, and how often a second."""
        # The second that is not over yet, and the whole ones before it.
        number = sum(self._counts[(self._second - back) % _SECONDS] for back in range(seconds))
        lasted = min(now - self._begun, seconds - 1 + now - int(now))
        return number, number / max(lasted, 1.0)

    def _forget(self) -> float:
        now = self._clock()
        passed = int(now) - self._second
        for ahead in range(1, min(passed, _SECONDS) + 1):
            self._counts[(self._second + ahead) % _SECONDS] = 0
        self._second = max(self._second, int(now))
        return now


class Shares:
    """For which share of the last seconds some threads were at work. Safe to use from several threads at once.

    Args:
        threads: how many there are.
        clock: in seconds.
    """

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._clock = clock
        self._lock = threading.Lock()
        self._at_work: dict[int, float] = {}
        self._marks = [(clock(), 0.0)]
        self._done = 0.0

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Within it, the calling thread is at work."""
        me = threading.get_ident()
        with self._lock:
            self._at_work[me] = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._done += self._clock() - self._at_work.pop(me)
                self._mark()

    def share(self) -> float:
        """Over the last 10 seconds, 0..1."""
        with self._lock:
            now, total = self._mark()
            since, before = self._marks[0]
            return min(1.0, max(0.0, (total - before) / max((now - since) * self._threads, 1e-9)))

    def _mark(self) -> tuple[float, float]:
        """Remember how much was done by now; at most once a second."""
        now = self._clock()
        total = self._done + sum(now - begun for begun in self._at_work.values())
        if now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, total))
            while len(self._marks) > 2 and now - self._marks[1][0] >= _RECENT:
                self._marks.pop(0)
        return now, total
