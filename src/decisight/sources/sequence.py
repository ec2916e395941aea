"""The order of a folder's pictures, and when each was taken."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

from decisight.sources.exif import HEAD, taken_at
from decisight.sources.listing import Seen

__all__ = ["ByName", "ByTime", "Key", "Moment", "Sequence", "natural_order"]

Key = tuple[Any, ...]
"""Of a picture: that of a later one is greater."""

_REMEMBERED = 100_000
"""So many pictures' times are not read twice while they are put in order."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a picture was taken.

    Args:
        time: in seconds since 1970.
        slot: in seconds from where the slots of :class:`~decisight.sources.sampling.Sampler` are counted.
    """

    time: float
    slot: float


class Sequence(Protocol):
    """How a folder's pictures follow each other.

    A position begins with the number and the name of a picture: what that number is, it says.
    """

    def key(self, picture: Seen) -> Key:
        """By which pictures are in order."""

    def number(self, picture: Seen, count: int) -> int:
        """Of its position.

        Args:
            picture: the picture.
            count: how many were there before it.
        """

    def key_at(self, number: int, name: str) -> Key:
        """The key of the picture with that position."""

    def count_at(self, number: int) -> int:
        """How many pictures there were up to the one with that number in its position."""

    def moment(self, number: int) -> Moment:
        """When the picture with that number in its position was taken."""


@dataclass(slots=True)
class ByTime:
    """By the time that each was taken, and those of one time by name; the number is that time in nanoseconds.

    Args:
        root: the folder.
        exif: when it was taken is what the picture says, and where it says nothing, when it was last changed; else it
            always is when it was last changed.
    """

    root: str
    exif: bool
    _taken: dict[Seen, int] = field(default_factory=dict)

    def key(self, picture: Seen) -> Key:
        """When it was taken, and its name."""
        return self._nanoseconds(picture), picture.name

    def number(self, picture: Seen, count: int) -> int:
        """When it was taken, in nanoseconds since 1970."""
        return self._nanoseconds(picture)

    def key_at(self, number: int, name: str) -> Key:
        """They are the same."""
        return number, name

    def count_at(self, number: int) -> int:
        """Nobody asks: they are not counted."""
        return 0

    def moment(self, number: int) -> Moment:
        """Both since 1970."""
        # Slots are not counted from the first picture: that may be deleted while the folder is watched.
        return Moment(number / 10**9, number / 10**9)

    def _nanoseconds(self, picture: Seen) -> int:
        if not self.exif:
            return picture.modified
        if picture not in self._taken:
            if len(self._taken) >= _REMEMBERED:
                self._taken.clear()
            taken = None
            with contextlib.suppress(OSError, ValueError), open(os.path.join(self.root, picture.name), "rb") as file:
                taken = taken_at(file.read(HEAD))
            self._taken[picture] = picture.modified if taken is None else taken
        return self._taken[picture]


@dataclass(frozen=True, slots=True)
class ByName:
    """By name, numbers in it in their own order; taken so many a second. The number counts them, from 0.

    Args:
        fps: so many a second.
        origin: when the first was taken, in seconds since 1970.
    """

    fps: float
    origin: float

    def key(self, picture: Seen) -> Key:
        """Its name in natural order."""
        return natural_order(picture.name)

    def number(self, picture: Seen, count: int) -> int:
        """How many came before it."""
        return count

    def key_at(self, number: int, name: str) -> Key:
        """By the name alone."""
        return natural_order(name)

    def count_at(self, number: int) -> int:
        """One more than its number, which begins with 0."""
        return number + 1

    def moment(self, number: int) -> Moment:
        """So many pictures after the first."""
        return Moment(self.origin + number / self.fps, number / self.fps)


def natural_order(name: str) -> Key:
    """A sort key by which ``gate10.jpg`` comes after ``gate9.jpg``, whatever the case.

    Example:
        >>> sorted(["gate10.jpg", "Gate9.jpg", "bay.jpg"], key=natural_order)
        ['bay.jpg', 'Gate9.jpg', 'gate10.jpg']
    """
    # Text and digits alternate, so like is always compared with like; long numbers are compared as Python's int() will
    # not, by their length first.
    parts = re.split(r"([0-9]+)", name.casefold())
    keys = ((part,) if at % 2 == 0 else (len(part.lstrip("0")), part.lstrip("0")) for at, part in enumerate(parts))
    return tuple(keys), name
