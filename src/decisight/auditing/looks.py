"""Looking at every picture once: what it is to the eye, in a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from decisight import imaging
from decisight.data.dataset import Example
from decisight.data.duplicates import Sketch
from decisight.data.looking import PixelReader
from decisight.errors import ImageError
from decisight.gates.brightness import Brightness
from decisight.gates.luma import small_luma
from decisight.gates.sharpness import Sharpness
from decisight.models.stream import in_order

__all__ = ["Look", "Unreadable", "look_at"]

Progress = Callable[[str, int, int], None]

_SPREAD = (5.0, 95.0)
"""Percentiles between which contrast is measured: a few odd pixels make none."""


@dataclass(frozen=True, slots=True)
class Look:
    """A picture that could be read, or what of it lies in the example's region.

    Args:
        digest: SHA-256 of what was looked at, as :meth:`~decisight.data.dataset.Example.digest` gives it.
        width: in pixels, of what was looked at.
        height: likewise.
        contrast: luma between the darkest and the brightest twentieth, 0..255.
        light: ``too dark`` or ``blown out``, as the gate ``brightness`` has it; ``None`` where it is neither.
        blurred: whether the gate ``sharpness`` refuses it.
        sketch: by which copies are found.
    """

    digest: bytes
    width: int
    height: int
    contrast: float
    light: str | None
    blurred: bool
    sketch: Sketch


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that cannot be read: why, and what to do about it."""

    why: str
    hint: str | None = None


def look_at(examples: Sequence[Example], *, threads: int, progress: Progress) -> list[Look | Unreadable]:
    """Look at every picture; each is decoded once.

    Args:
        examples: the pictures, or regions of some.
        threads: how many are worked on at once.
        progress: told after every few pictures.

    Returns:
        One an example, in their order.
    """
    eye = _Eye()
    found: list[Look | Unreadable] = []
    for chunk in in_order(lambda chunk: [eye.look(example) for example in chunk], examples, size=8, threads=threads):
        found.extend(chunk)
        progress("looking", len(found), len(examples))
    return found


class _Eye:
    """Looks at pictures on several threads."""

    def __init__(self) -> None:
        self._brightness, self._sharpness = Brightness().keeper(), Sharpness().keeper()
        self._reader = PixelReader()

    def look(self, example: Example) -> Look | Unreadable:
        try:
            content = example.read()
            pixels = self._reader.pixels(example, content)
        except ImageError as error:
            return Unreadable(error.message.removeprefix(f"{imaging.printable(example.path)}: "), error.hint)
        light = self._brightness.judge(pixels, 0.0)
        low, high = np.percentile(small_luma(pixels).seen, _SPREAD)
        return Look(
            digest=example.digest(content),
            width=pixels.shape[1],
            height=pixels.shape[0],
            contrast=float(high - low),
            light=None if light is None else light.cause,
            blurred=self._sharpness.judge(pixels, 0.0) is not None,
            sketch=Sketch.of(pixels),
        )
