"""Pictures of which little can be seen, or that are unlike the others in size or shape."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from decisight.auditing.findings import Finding
from decisight.auditing.looks import Look, Unreadable

__all__ = ["picture_findings"]

_TINY = 32
"""Pixels of the shorter side, below which a picture is very small whatever the others are."""
_TINY_BESIDE = 4.0
"""It is so too where the others, in the middle, are so many times as large; but from 160 pixels on nothing is lost."""
_LARGE_ENOUGH = 160
_LONG = 4.0
"""Times as long as wide, from which on a shape is odd whatever the others are."""
_LONG_BESIDE = 3.0
"""It is so too where its width by height is so many times that of the others in the middle, or so many times less."""
_FEWEST = 8
"""Of fewer pictures nobody can say what is usual among them."""
_SHARP_ENOUGH = 64
"""Pixels of the shorter side: of a smaller picture nobody can say whether it is blurred or made larger."""
_FLAT = 30.0
"""Luma between the darkest and the brightest twentieth; of the 4,396 photos of nine sets, all but eight have 70 and
more, and the flattest has 39."""
_LIGHT = {"too dark": "dark", "blown out": "bright"}


def picture_findings(looks: Sequence[Look | Unreadable]) -> Iterator[Finding]:
    """What is odd about single pictures.

    Args:
        looks: one a picture of the dataset.
    """
    seen = [(at, look) for at, look in enumerate(looks) if isinstance(look, Look)]
    for at, look in enumerate(looks):
        if isinstance(look, Unreadable):
            yield Finding("unreadable", look.why, (at,), details={"hint": look.hint} if look.hint else {})
    if not seen:
        return
    usual_side = float(np.median([_side(look) for _, look in seen])) if len(seen) >= _FEWEST else None
    usual_shape = float(np.median([_shape(look) for _, look in seen])) if len(seen) >= _FEWEST else None
    for at, look in seen:
        yield from _of_one(at, look, usual_side, usual_shape)


def _of_one(at: int, look: Look, usual_side: float | None, usual_shape: float | None) -> Iterator[Finding]:
    size = f"{look.width} x {look.height} pixels"
    details = {"width": look.width, "height": look.height}
    if min(look.width, look.height) < _TINY:
        yield Finding("tiny", size, (at,), details=details)
    elif usual_side is not None and _side(look) * _TINY_BESIDE < min(usual_side, _TINY_BESIDE * _LARGE_ENOUGH):
        yield Finding(
            "tiny", f"{size}, where {usual_side:.0f} x {usual_side:.0f} is usual here", (at,), details=details
        )
    if look.light is not None:
        yield Finding(_LIGHT[look.light], look.light, (at,))
    elif look.contrast < _FLAT:
        told = f"{look.contrast:.0f} of 255 steps between its dark and its bright parts"
        yield Finding("low_contrast", told, (at,), details={"contrast": round(look.contrast, 1)})
    if look.blurred and min(look.width, look.height) >= _SHARP_ENOUGH:
        yield Finding("blurred", "no edge in it is sharp", (at,))
    shape = math.exp(_shape(look))
    if not 1.0 / _LONG <= shape <= _LONG:
        yield Finding("odd_shape", f"{size}, {_times(shape)}", (at,), details=details)
    elif usual_shape is not None and abs(_shape(look) - usual_shape) > math.log(_LONG_BESIDE):
        told = f"{size}, {_times(shape)}, where {_times(math.exp(usual_shape))} is usual here"
        yield Finding("odd_shape", told, (at,), details=details)


def _side(look: Look) -> float:
    """The side of a square of as many pixels."""
    return math.sqrt(look.width * look.height)


def _shape(look: Look) -> float:
    """The logarithm of width by height: as far from 0 for what is tall as for what is wide."""
    return math.log(look.width / look.height)


def _times(shape: float) -> str:
    return f"{shape:.1f} times as wide as high" if shape >= 1.0 else f"{1.0 / shape:.1f} times as high as wide"
