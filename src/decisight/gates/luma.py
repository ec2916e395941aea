"""A small grey copy of a crop, which is all that gates look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["SIDE", "Luma", "small_luma"]

SIDE = 160
"""The longer side of the copy, in pixels: what is said of a picture does not depend on how large it is."""

_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue: ITU-R BT.601."""
_MID_TONES = 16.0, 240.0
"""A region is painted over in a colour between these; what is darker or brighter was the camera's."""
_CORNER = 4
"""In pixels; so much of a corner must have one colour."""


@dataclass(frozen=True, slots=True, eq=False)
class Luma:
    """A small grey copy of a crop.

    Args:
        values: float32 (h, w), 0..255; neither side is longer than :data:`SIDE`, nor than the crop's.
        painted: bool (h, w), what was painted over because it lies outside of the region; ``None`` where nothing was.
    """

    values: npt.NDArray[np.float32]
    painted: npt.NDArray[np.bool_] | None

    @property
    def seen(self) -> npt.NDArray[np.float32]:
        """The values that were not painted over, float32 (n,); all of them where everything was."""
        if self.painted is None or self.painted.all():
            return self.values.ravel()
        return self.values[~self.painted]


def small_luma(crop: npt.NDArray[np.uint8]) -> Luma:
    """Look at a crop.

    A larger one is sampled, each value the mean of four pixels: averaging over all of them takes ten times as long. A
    smaller one is taken as it is, so that it does not come out blurred.

    Args:
        crop: uint8 (H, W, 3), of any size from 1 x 1; not changed.
    """
    height, width = crop.shape[:2]
    scale = SIDE / max(height, width)
    colour = _paint(crop)
    if scale < 1.0:
        rows, columns = (_places(length, max(1, round(scale * length))) for length in (height, width))
        crop = crop[rows].take(columns, axis=1)
    # Channel by channel: a tenth of the time of sums over an axis of three.
    red, green, blue = crop[..., 0], crop[..., 1], crop[..., 2]
    painted = None if colour is None else (red == colour[0]) & (green == colour[1]) & (blue == colour[2])
    values = red * _WEIGHTS[0] + green * _WEIGHTS[1] + blue * _WEIGHTS[2]
    if scale < 1.0:
        values = (values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]) * np.float32(0.25)
        if painted is not None:
            painted = painted[::2, ::2] | painted[1::2, ::2] | painted[::2, 1::2] | painted[1::2, 1::2]
    return Luma(values, painted)


def _places(length: int, wanted: int) -> npt.NDArray[np.intp]:
    """Where to take two samples for each value wanted, evenly spread."""
    return ((np.arange(2 * wanted) + 0.5) * (length / (2 * wanted))).astype(np.intp)


def _paint(crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | None:
    """The colour that the crop was painted over with; ``None`` where it was not.

    A polygon that is no upright rectangle leaves a corner of its crop free, and reaches each side of it. A camera's
    picture seldom has a corner of exactly one mid-tone; where it has, nothing is lost but the pixels of this colour.
    """
    n = _CORNER
    for corner in (crop[:n, :n], crop[:n, -n:], crop[-n:, :n], crop[-n:, -n:]):
        colour: npt.NDArray[np.uint8] = corner[0, 0]
        if (
            corner.shape == (n, n, 3)
            and _MID_TONES[0] < float(colour @ _WEIGHTS) < _MID_TONES[1]
            and (corner == colour).all()
            and all((side != colour).any() for side in (crop[0], crop[-1], crop[:, 0], crop[:, -1]))
        ):
            return colour
    return None
