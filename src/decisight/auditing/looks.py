"""Looking at every picture once: what it is to the eye, in a few numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisight import imaging
from decisight.data.dataset import Example
from decisight.data.duplicates import Sketch
from decisight.errors import ImageError
from decisight.gates.brightness import Brightness
from decisight.gates.luma import small_luma
from decisight.gates.sharpness import Sharpness
from decisight.models.stream import in_order

__all__ = ["OUTSIDE", "Look", "Unreadable", "look_at", "pixels_of"]

Progress = Callable[[str, int, int], None]

OUTSIDE = (127, 127, 127)
"""What lies outside a region's polygon is painted over with."""
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


def pixels_of(example: Example) -> imaging.Pixels:
    """What an example shows: uint8 (H, W, 3), of its region where there is one.

    Raises:
        ImageError: it cannot be read.
    """
    pixels = imaging.decode(example.read(), name=example.path)
    return pixels if example.region is None else example.region.cut(pixels, OUTSIDE)


class _Eye:
    """Looks at pictures on several threads."""

    def __init__(self) -> None:
        self._brightness, self._sharpness = Brightness().keeper(), Sharpness().keeper()
        self._last = threading.local()

    def look(self, example: Example) -> Look | Unreadable:
        try:
            content = example.read()
            pixels = self._pixels(example, content)
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

    def _pixels(self, example: Example, content: bytes) -> npt.NDArray[np.uint8]:
        if example.region is None:
            return imaging.decode(content, name=example.path)
        # Boxes of one picture stand one after another: it is decoded once a thread, not once a box.
        last = getattr(self._last, "picture", None)
        if last is None or last[0] != content:
            last = self._last.picture = (content, imaging.decode(content, name=example.path))
        return example.region.cut(last[1], OUTSIDE)
