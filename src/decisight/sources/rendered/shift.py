"""A shift at a rendered gate: who comes when, what the camera sees of it, and what is true of that.

    >>> shift = Shift(seed=3)
    >>> shift.picture(12.4).shape
    (288, 192, 3)
    >>> sorted(shift.truth(12.4))
    ['helmet', 'role', 'vest']

Workers come one after the other, each for a few seconds; between them the gate is empty. Everything is a function of
the shift and the moment, so any moment can be asked in any order, for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.regions import Region
from decisight.sources.rendered.photograph import render
from decisight.sources.rendered.scene import ROLE_COLOURS, Light, Scene, Worker
from decisight.sources.rendered.trouble import troubled
from decisight.sources.rendered.variation import random_gate, random_scene, random_worker
from decisight.sources.rendered.visit import Place, Visit, planned

__all__ = ["CLIP_SIZE", "GATE_REGION", "NOBODY", "TRUTHS", "Shift", "Truth"]

CLIP_SIZE = (192, 288)
"""Width and height of a clip's picture, in pixels, if nothing else is asked for."""

GATE_REGION = Region.box("gate", 0.05, 0.0, 0.95, 1.0)
"""Where in the picture workers count as being at the gate."""

NOBODY = "nobody"
"""What is true of every group while nobody is there."""

TRUTHS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "role": (*ROLE_COLOURS, NOBODY),
        "vest": ("worn", "missing", NOBODY),
        "helmet": ("worn", "missing", NOBODY),
    }
)
"""The label groups that are known of a shift, each with its labels."""

_SLOT = 10.0
"""Seconds in which there is one visit: so a moment's visit is found at once."""
_MARGIN = 1.0
"""Seconds at either end of a slot in which nobody is there."""
_LONGEST = 1e9


@dataclass(frozen=True, slots=True)
class Truth:
    """A stretch of time in which one thing is true; ``start`` belongs to it, ``end`` does not.

    Args:
        start: in seconds since the shift began.
        end: likewise.
        group: one of :data:`TRUTHS`.
        state: its label.
    """

    start: float
    end: float
    group: str
    state: str


@dataclass(frozen=True, slots=True)
class Shift:
    """A gate and the workers who come to it, one every ten seconds on average.

    Somebody is there while the middle of the body is between the left and the right border of :data:`GATE_REGION`, as
    the camera sees it when it hangs still: so from when half of the body's width is in until half of it is out. It
    takes well below a second from the first to the last of the body.

    Args:
        seed: another one gives another gate, other workers, other light.
        size: width and height of its pictures in pixels, 32..4096 each.
        trouble: how much goes wrong, 0..1: passing objects, blur, glare, darkness, noise. At 1 a model errs on several
            pictures in a hundred, mostly on a few in a row.

    Raises:
        UsageError: a negative seed, a size that is not drawn, or a trouble outside 0..1.
    """

    seed: int = 0
    size: tuple[int, int] = CLIP_SIZE
    trouble: float = 1.0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"there is no shift of the seed {self.seed}", hint="a seed is a whole number of 0 or more")
        if not all(32 <= side <= 4096 for side in self.size):
            raise UsageError(
                f"a picture of {self.size[0]} x {self.size[1]} pixels is not drawn", hint="each side lies in 32..4096"
            )
        if not 0 <= self.trouble <= 1:
            raise UsageError(f"a trouble of {self.trouble} is not known", hint="it lies between 0 and 1")

    def visit(self, seconds: float) -> Visit:
        """The one visit of the ten seconds that a moment lies in, whether or not it is under way.

        Raises:
            UsageError: the moment is not a number of 0 or more, or some 30 years on.
        """
        if not 0 <= seconds < _LONGEST:
            raise UsageError(f"a shift has no moment {seconds} s", hint="it begins at 0 s, and lasts 30 years")
        return _visit(self.seed, self.size[0] / self.size[1], int(seconds // _SLOT))

    def scene(self, seconds: float) -> Scene:
        """All that the picture of a moment shows.

        Args:
            seconds: since the shift began, 0 or more.

        Raises:
            UsageError: see :meth:`visit`.
        """
        visit = self.visit(seconds)
        place, light = _place(self.seed, self.size[0] / self.size[1])
        found = visit.at(seconds)
        speed = found[3] if found else 0.0
        camera, lit, obstacle = troubled(
            place.camera, light, (self.seed, 32), seconds, speed=speed, strength=self.trouble
        )
        if found is None:
            return Scene(place.gate, lit, camera, obstacle=obstacle)
        pose, x, z, _ = found
        return Scene(place.gate, lit, camera, visit.worker, pose, x, z, obstacle)

    def picture(self, seconds: float) -> npt.NDArray[np.uint8]:
        """The picture of a moment: uint8 RGB ``(height, width, 3)``.

        Raises:
            UsageError: see :meth:`visit`.
        """
        return render(self.scene(seconds), self.size)

    def truth(self, seconds: float) -> dict[str, str]:
        """What is true at a moment: a label for each group of :data:`TRUTHS`.

        Raises:
            UsageError: see :meth:`visit`.
        """
        visit = self.visit(seconds)
        there = visit.start <= seconds < visit.end
        return {group: _state(visit.worker, group) if there else NOBODY for group in TRUTHS}

    def truths(self, group: str, seconds: float) -> list[Truth]:
        """What is true of a group from the beginning on, stretch by stretch, without gaps.

        Args:
            group: one of :data:`TRUTHS`.
            seconds: how long, above 0; the last stretch ends there.

        Raises:
            UsageError: no such group, or no such length.
        """
        if group not in TRUTHS:
            raise UsageError(f"nothing is known of {group!r} in a shift", hint=f"one of {', '.join(TRUTHS)}")
        if not 0 < seconds < _LONGEST:
            raise UsageError(f"no shift lasts {seconds} s", hint="give a length above 0 s, of at most 30 years")
        found, before = [], 0.0
        for visit in self._visits():
            if visit.start >= seconds:
                break
            found.append(Truth(before, visit.start, group, NOBODY))
            found.append(Truth(visit.start, min(visit.end, seconds), group, _state(visit.worker, group)))
            before = visit.end
        return found if before >= seconds else [*found, Truth(before, seconds, group, NOBODY)]

    def _visits(self) -> Iterator[Visit]:
        for number in count():
            yield self.visit(number * _SLOT)


def _state(worker: Worker, group: str) -> str:
    if group == "role":
        return worker.role
    return "worn" if (worker.vest if group == "vest" else worker.helmet) else "missing"


@lru_cache(maxsize=64)
def _place(seed: int, shape: float) -> tuple[Place, Light]:
    """Where a shift is, and its light; somewhat above medium in difficulty, without the trouble that passes."""
    gate = random_gate(np.random.default_rng([seed, 30]))
    tall = Worker("operator", vest=True, helmet=True, height=1.85)
    scene = random_scene(np.random.default_rng([seed, 31]), worker=tall, gate=gate, difficulty=0.3)
    light = scene.light
    # Whole shifts in the dark are another matter than a camera that errs now and then.
    exposure = min(max(light.exposure, -0.5), 0.4)
    bounds = [x for x, _ in GATE_REGION.polygon]
    place = Place(gate, scene.camera, scene.z, shape, min(bounds), max(bounds))
    return place, replace(light, exposure=exposure)


@lru_cache(maxsize=64)
def _visit(seed: int, shape: float, number: int) -> Visit:
    """The only visit of a slot."""
    worker = random_worker(np.random.default_rng([seed, 33, number]))
    begin = number * _SLOT
    return planned(worker, _place(seed, shape)[0], (seed, 34, number), begin + _MARGIN, begin + _SLOT - _MARGIN)
