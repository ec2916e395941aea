"""What is left between two pictures at their full size: is it what saving anew leaves, or have two shots been taken?

Saving a picture anew leaves a little everywhere that there is something to see, and nothing that stands out of it; a
scratch, a needle that turned or a lamp that is lit stands out. And it takes noise away but puts none there: where two
pictures of one view have noise of the same strength each, and not the same noise, a camera has looked twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisight.data.alignment import Placing, overlaid
from decisight.imaging import Pixels, resize

__all__ = ["shows_the_same"]

_MOST_SIDE = 1024
"""Pixels of the longer side at which patches are compared."""
_ALIGNED_SIDE = 512
"""The side at which a part is laid over the whole it was cut from."""
_SAME_SCALE, _SAME_SHIFT = 0.008, 0.006
"""What the placing of two small copies may be off where nothing was cut away, as a share of half the side."""
_CLIPPED = (6.0, 249.0)
"""Luma beyond which a brighter copy has lost what was there."""

_PATCH = 5
"""Pixels along the sides of a patch."""
_QUANTISED, _OF_SLOPE = 3.0, 0.35
"""What saving anew leaves in the mean of a patch, in luma: so much, and so much of the slopes in it."""
_MOST_OF_IT, _MOST_WHEN_CUT = 2.0, 4.0
"""How many times that the worst patch may have. Of 300 photos saved as JPEG or WebP of quality 30 to 95 or scaled the
worst has 1.5; of those with 2 % cut off, which never lie over each other to the pixel, 3.5."""
_STANDS_OUT = 4.0
"""And how many times what all but one in a hundred of the patches have, from ``_LEAST_SEEN`` on: saved anew, 3.4 and
less; with a dot of 5 pixels, 5 and more in 19 of 20."""
_LEAST_SEEN = 0.6
_SLIGHT = 0.2
"""That of the patches is taken to be so much at least."""

_BLOCK = 8
_SMOOTH = 0.4
"""So many of the blocks of 8 x 8 pixels, the smoothest, are looked at for noise."""
_FEWEST_BLOCKS = 12
_NOISE_SIDE = 256
"""Pixels along each side within which noise is looked for, in the middle."""


class _Unlike(NamedTuple):
    """How two planes look whose noise is not the same."""

    noise: float
    """Variance, in luma, of the finest detail in each of the two: at least so much. Rounding alone makes 0.1."""
    left: float
    """The same of their difference."""
    uneven: float
    """How unevenly the difference is spread over the blocks at most, standard deviation by mean: noise is everywhere
    alike, what compression leaves is not (0.7)."""
    shared: float
    """How much of the detail the two have in common at most."""
    lopsided: float
    """By how much the share of the difference that is in the first is off a half at most: of two of which one was saved
    anew, one is the weaker."""


_TWO_SHOTS = (
    _Unlike(1.0, 1.5, 0.8, 0.2, 0.1),
    _Unlike(1.0, 1.5, 0.6, 0.6, 0.1),
    _Unlike(1.0, 1.5, 0.4, 0.8, 0.06),
    _Unlike(0.12, 0.25, 0.5, 0.1, 0.04),
)
"""Any of these is enough.

Of a drawn board with noise of 4 in luma all shots are told apart, saved as JPEG of quality 75 too; of 119 photos with
such noise, full of fine detail, nine of ten as PNG and six of ten as JPEG of quality 92. Of photos that were saved
anew, one in a hundred is taken for another shot.
"""

_Plane = npt.NDArray[np.float32]
_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


def shows_the_same(first: Pixels, second: Pixels, placing: Placing) -> bool:
    """Whether one of two pictures can have been made of the other, or both of a third, by saving it anew.

    Args:
        first: uint8 (H, W, 3).
        second: likewise, of any size.
        placing: where the second is seen in the first, of one pair, as :func:`~decisight.data.alignment.compare` found
            it on small copies.
    """
    if not placing.within(_SAME_SCALE, _SAME_SHIFT):
        return _same_when_cut(first, second, placing)
    if first.shape == second.shape and _two_shots(_middle(first), _middle(second)):
        return False
    height, width = (min(first.shape[at], second.shape[at]) for at in (0, 1))
    by = min(1.0, _MOST_SIDE / max(height, width))
    size = (max(1, round(width * by)), max(1, round(height * by)))
    one, other = (resize(picture, size).astype(np.float32) for picture in (first, second))
    return _no_patch_stands_out(one, other, np.ones((size[1], size[0]), np.bool_), _MOST_OF_IT)


def _same_when_cut(first: Pixels, second: Pixels, placing: Placing) -> bool:
    side = max(64, min(_ALIGNED_SIDE, *first.shape[:2], *second.shape[:2]) // 8 * 8)
    one, other = (resize(picture, (side, side)).astype(np.float32) for picture in (first, second))
    seen, inside = overlaid(one, other, placing)
    return _no_patch_stands_out(one, seen, inside, _MOST_WHEN_CUT)


def _no_patch_stands_out(first: _Plane, second: _Plane, inside: npt.NDArray[np.bool_], most: float) -> bool:
    """Of two pictures, float32 (H, W, 3), of one size: that no patch differs by more than saving anew makes it."""
    from scipy import ndimage

    one, other = first @ _WEIGHTS, second @ _WEIGHTS
    low, high = _CLIPPED
    lost = (np.minimum(one, other) < low) & (np.maximum(one, other) < 2 * low)
    lost |= (np.maximum(one, other) > high) & (np.minimum(one, other) > high - 2 * low)
    known = ndimage.binary_erosion(inside, iterations=_PATCH // 2 + 1, border_value=True)
    if not known.any():
        return True
    left = one - _brought(other, one, known & ~lost)
    left -= ndimage.uniform_filter(left, max(9, min(left.shape) // 6))
    slopes = np.maximum(
        *(np.hypot(*np.gradient(plane)) if min(plane.shape) > 1 else plane * 0 for plane in (one, other))
    )
    usual = _QUANTISED + _OF_SLOPE * ndimage.uniform_filter(slopes, _PATCH)
    share = (np.abs(ndimage.uniform_filter(left, _PATCH)) / usual)[known]
    worst = float(share.max())
    if worst > most:
        return False
    return worst <= _LEAST_SEEN or worst <= _STANDS_OUT * max(_SLIGHT, float(np.quantile(share, 0.99)))


def _brought(plane: _Plane, to: _Plane, known: npt.NDArray[np.bool_]) -> _Plane:
    """A plane with the contrast and brightness of another."""
    if not known.any():
        return plane
    mine, wanted = plane[known], to[known]
    centred = mine - mine.mean()
    gain = float(((wanted - wanted.mean()) * centred).sum() / max(1e-3, float((centred**2).sum())))
    return np.asarray(gain * (plane - mine.mean()) + wanted.mean(), np.float32)


def _middle(picture: Pixels) -> _Plane:
    """The luma of its middle, float32."""
    places = [slice(max(0, (length - _NOISE_SIDE) // 2), (length + _NOISE_SIDE) // 2) for length in picture.shape[:2]]
    return np.asarray(picture[places[0], places[1]].astype(np.float32) @ _WEIGHTS)


def _two_shots(first: _Plane, second: _Plane) -> bool:
    """Whether each of two planes of one size has noise of its own, where little else is to be seen."""
    from scipy import ndimage

    if min(first.shape) < _BLOCK:
        return False
    low, high = _CLIPPED
    clipped = (np.minimum(first, second) < low) | (np.maximum(first, second) > high)
    useful = _blocks(clipped.astype(np.float32)) == 0.0
    if useful.sum() < _FEWEST_BLOCKS:
        return False
    kernel = np.array([1.0, -2.0, 1.0], np.float32) / np.float32(np.sqrt(6.0))
    one, other = (
        ndimage.convolve1d(ndimage.convolve1d(plane, kernel, axis=0), kernel, axis=1)
        for plane in (first, _brought(second, first, ~clipped))
    )
    mine, theirs, common = _blocks(one * one), _blocks(other * other), _blocks(one * other)
    detail = np.maximum(mine, theirs)
    smooth = useful & (detail <= np.quantile(detail[useful], _SMOOTH))
    left = (mine + theirs - 2.0 * common)[smooth]
    weaker = float(min(mine[smooth].mean(), theirs[smooth].mean()))
    if left.mean() <= 0.0:
        return False
    in_first = float((mine - common)[smooth].sum() / left.sum())
    uneven, shared = float(left.std() / left.mean()), float(common[smooth].mean()) / max(weaker, 1e-6)
    return any(
        weaker >= unlike.noise
        and left.mean() >= unlike.left
        and uneven < unlike.uneven
        and shared < unlike.shared
        and abs(in_first - 0.5) < unlike.lopsided
        for unlike in _TWO_SHOTS
    )


def _blocks(plane: _Plane) -> _Plane:
    """Means over blocks of 8 x 8."""
    rows, columns = (length // _BLOCK for length in plane.shape)
    cut = plane[: rows * _BLOCK, : columns * _BLOCK]
    return np.asarray(cut.reshape(rows, _BLOCK, columns, _BLOCK).mean(axis=(1, 3)))
