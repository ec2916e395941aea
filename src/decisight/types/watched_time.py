"""How much of the time was watched, and how much of that could be judged: gathered entry by entry, in little memory."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

__all__ = ["LEAST_SPAN", "WatchedTime"]

LEAST_SPAN = 2.0
"""Seconds that a picture speaks for, at most, until the next one of its view; or three times the median gap between
pictures, where that is more: who looks once a minute has watched the minute."""
_GAPS = 3.0
_FINE = math.log(1.01)
"""Seconds that differ by a hundredth are counted together, so that years of them take no room."""


@dataclass(slots=True)
class _Heap:
    """Seconds that are nearly the same."""

    number: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.number += 1
        self.seconds += seconds

    @property
    def mean(self) -> float:
        return self.seconds / self.number


@dataclass(slots=True)
class WatchedTime:
    """The time of one view.

    A picture speaks for the time until the next entry; where ticks follow, or none for long, for :data:`LEAST_SPAN` or
    three times the median gap at most. A tick says of all the time since the entry before, and the entry after it of
    all since, that it was watched.
    """

    _time: float | None = None
    """Of the last entry."""
    _picture: float | None = None
    """When the last picture was taken."""
    _good: bool = False
    """Whether that could be judged."""
    _elapsed: float = 0.0
    """Seconds since then; before the first picture, since the last tick."""
    _ticked: bool = False
    """Whether there was a tick since then."""
    _watched: float = 0.0
    _judged: float = 0.0
    """Of spans that are short enough to count whatever the median is."""
    _gaps: dict[int, _Heap] = field(default_factory=dict)
    """Between pictures."""
    _spans: dict[tuple[int, bool, bool], _Heap] = field(default_factory=dict)
    """From picture to picture, those that are longer: by whether there were ticks, and whether the first was judged."""

    def picture(self, time: float, *, judged: bool) -> None:
        """A picture.

        Args:
            time: when it was taken, in seconds.
            judged: whether it was classified, or said the same as the one before.
        """
        self._pass(time)
        if self._picture is None:
            self._watched += self._elapsed
        else:
            self._close(time - self._picture)
        self._picture, self._good, self._elapsed, self._ticked = time, judged, 0.0, False

    def tick(self, time: float) -> None:
        """Time that has passed without a picture, up to this moment."""
        self._pass(time)
        self._ticked = True

    @property
    def watched_seconds(self) -> float:
        """From entry to entry, as far as they speak."""
        longest = self._longest
        found = self._watched + (self._elapsed if self._ticked else min(self._elapsed, longest))
        for (_, ticked, _), heap in self._spans.items():
            found += heap.seconds if ticked else heap.number * min(heap.mean, longest)
        return found

    @property
    def judged_seconds(self) -> float:
        """Of these, those that a picture speaks for that could be judged."""
        longest = self._longest
        found = self._judged + (min(self._elapsed, longest) if self._good else 0.0)
        for (_, _, good), heap in self._spans.items():
            found += heap.number * min(heap.mean, longest) if good else 0.0
        return found

    @property
    def _longest(self) -> float:
        """For how many seconds a picture speaks at most."""
        number = sum(heap.number for heap in self._gaps.values())
        if not number:
            return LEAST_SPAN
        return max(LEAST_SPAN, _GAPS * (self._gap((number - 1) // 2) + self._gap(number // 2)) / 2.0)

    def _gap(self, rank: int) -> float:
        """The gap that so many are shorter than."""
        ordered = [heap for _, heap in sorted(self._gaps.items())]
        below = itertools.accumulate(heap.number for heap in ordered)
        return next(heap.mean for heap, number in zip(ordered, below, strict=True) if rank < number)

    def _pass(self, time: float) -> None:
        # A clock that goes back takes no time away.
        self._elapsed += 0.0 if self._time is None else max(0.0, time - self._time)
        self._time = time

    def _close(self, gap: float) -> None:
        if gap > 0.0:
            self._gaps.setdefault(_bin(gap, LEAST_SPAN / _GAPS), _Heap()).add(gap)
        if self._elapsed <= LEAST_SPAN:
            self._watched += self._elapsed
            self._judged += self._elapsed if self._good else 0.0
        else:
            key = _bin(self._elapsed, LEAST_SPAN), self._ticked, self._good
            self._spans.setdefault(key, _Heap()).add(self._elapsed)


def _bin(seconds: float, least: float) -> int:
    """The same for seconds that are nearly the same, or below the least that matters."""
    return 0 if seconds <= least else 1 + int(math.log(seconds / least) / _FINE)
