"""A place in a folder of pictures: what was given of it, and so what comes next."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from decisight.errors import SourceError
from decisight.files import printable
from decisight.registry import shortened
from decisight.sources.listing import Seen, file_clock
from decisight.types import Position

__all__ = ["Place", "Step", "mark"]


@dataclass(frozen=True, slots=True)
class Step:
    """All pictures up to one of them, in their order, were given: those that had arrived by then.

    Args:
        number: of the picture's position.
        name: of the picture.
        looked: by when they had arrived, in nanoseconds since 1970, by the clock of the folder's files.
    """

    number: int
    name: str
    looked: int


@dataclass(frozen=True, slots=True)
class Place:
    """What was given of a folder.

    One step says it, but while pictures that came late are being given: then those up to the last of them were given
    as of the last look at the folder, and those up to the newest as of an earlier one.

    Args:
        steps: one at least, that of the newest picture first. Each further one is of an older picture and a later look.
        marks: of pictures that were given, though no step says so: they arrived about when the folder was looked at.
        taken: the number of the last picture that was given. It is that of the first step unless that came late.
    """

    steps: tuple[Step, ...]
    marks: tuple[str, ...]
    taken: int

    def position(self) -> Position:
        """As a JSON value: ``[number, name, looked, marks, further steps, taken]``."""
        first, *others = self.steps
        further = [[step.number, step.name, step.looked] for step in others]
        return [first.number, first.name, first.looked, list(self.marks), further, self.taken]

    @classmethod
    def of(cls, position: Position, path: str) -> Place:
        """A position as it was given, taken up again.

        Args:
            position: what :meth:`position` gave, also after :func:`json.dumps` and :func:`json.loads`; or number and
                name alone, after which nothing counts as late that arrived before now.
            path: of the folder.

        Raises:
            SourceError: it is none.
        """
        marks: list[str]
        match position:
            case [number, name]:
                steps, marks, taken = [[number, name, file_clock()]], [], number
            case [number, name, looked, list() as marks, list() as further, taken]:
                steps = [[number, name, looked], *further]
            case _:
                raise _no_place(position, path)
        if not (all(map(_is_step, steps)) and _is_whole(taken) and all(isinstance(mark, str) for mark in marks)):
            raise _no_place(position, path)
        return cls(tuple(Step(*step) for step in steps), tuple(marks), taken)


def mark(picture: Seen) -> str:
    """A short text that is another one for every other picture, and once the picture is changed."""
    return hashlib.sha256(os.fsencode(f"{picture.arrived}/{picture.name}")).hexdigest()[:12]


def _is_step(step: object) -> bool:
    match step:
        case [number, str(), looked]:
            return _is_whole(number) and _is_whole(looked)
    return False


def _is_whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def _no_place(position: Position, path: str) -> SourceError:
    return SourceError(
        f"{printable(path)}: {shortened(position)} is not a place in a folder", hint="give one of its frames' own"
    )
