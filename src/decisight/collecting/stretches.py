"""Sources of collected pictures: stretches of a camera's time, none of which may be divided between train and test.

Pictures of one visit resemble each other, so they must stay together. Nobody knows where a visit ends; but where
nothing new was seen for a while, it has ended. So a source ends with a pause. A camera that is never at rest would be
one source for ever, and could not be divided at all: a source that has lasted long enough is ended by force, and for as
long as a pause nothing is stored, so that what comes after is again another visit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["GAP", "LONGEST_GAPS", "Stretches"]

GAP = 30.0
"""Seconds without anything new after which a source ends, where nobody says: people and cars at a gate are gone by
then."""

LONGEST_GAPS = 20
"""A source lasts so many times its pause at most: ten minutes where that is 30 seconds."""


@dataclass(slots=True)
class _Stretch:
    name: str
    begin: float
    end: float

    def distance(self, time: float) -> float:
        return max(self.begin - time, time - self.end, 0.0)


class Stretches:
    """The sources of one camera, whenever and in whatever order its pictures come: two are a pause apart, at least.

    Args:
        named: names a source by the time of its first picture, in seconds since 1970.
        gap: seconds of a pause.
        known: the source and the time of each picture that is stored already.
    """

    def __init__(
        self, named: Callable[[float], str], gap: float = GAP, known: Iterable[tuple[str, float]] = ()
    ) -> None:
        self._named = named
        self._gap = gap
        self._longest = LONGEST_GAPS * gap
        self._stretches: list[_Stretch] = []
        by_name: dict[str, _Stretch] = {}
        for name, time in known:
            if name not in by_name:
                by_name[name] = _Stretch(name, time, time)
                self._stretches.append(by_name[name])
            one = by_name[name]
            one.begin, one.end = min(one.begin, time), max(one.end, time)
        self._stretches.sort(key=_begin)
        self._reach = max((one.end - one.begin for one in self._stretches), default=0.0)
        """Seconds that the longest of them lasts: none that begins earlier than so long before can be near."""

    def source_of(self, time: float) -> str | None:
        """The source of a picture of that time; ``None``: it lies between two of them, and is not to be stored."""
        near = self._near(time)
        if not near:
            begun = _Stretch(self._named(time), time, time)
            insort(self._stretches, begun, key=_begin)
            return begun.name
        best = min(near, key=lambda one: one.distance(time))
        if best.distance(time) == 0.0:
            return best.name
        if len(near) > 1 or not self._extended(best, time):
            return None
        return best.name

    def still(self, time: float) -> None:
        """Say that what was stored last is there still: its source goes on."""
        near = self._near(time)
        if len(near) == 1:
            self._extended(near[0], time)

    def _extended(self, one: _Stretch, time: float) -> bool:
        begin, end = min(one.begin, time), max(one.end, time)
        if end - begin > self._longest:
            return False
        earlier, one.begin, one.end = begin < one.begin, begin, end
        self._reach = max(self._reach, end - begin)
        if earlier:
            self._stretches.sort(key=_begin)
        return True

    def _near(self, time: float) -> list[_Stretch]:
        """Those that are no more than a pause away; they are in the order of their beginnings."""
        first = bisect_left(self._stretches, time - self._gap - self._reach, key=_begin)
        last = bisect_right(self._stretches, time + self._gap, key=_begin)
        return [one for one in self._stretches[first:last] if one.distance(time) <= self._gap]


def _begin(stretch: _Stretch) -> float:
    return stretch.begin
