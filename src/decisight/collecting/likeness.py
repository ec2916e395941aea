"""Whether a picture shows the same as one that was stored lately: then nothing more is learnt from it."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from decisight.gates.luma import small_luma

__all__ = ["ALIKE", "LATELY", "Lately", "Signature", "signature"]

SIDE = 16
"""Cells along each side of a signature."""

ALIKE = 8.0
"""Pictures are alike if no cell differs by as much, in luma (0..255), once the light of all is taken out.

Measured on three real clips at 5 pictures a second: of a lane in which nothing happens cells differ by 1 on average and
by 2.5 at most, where somebody moves by 18 and more. With 8, of 75 pictures of a lane with one car 24 are stored, of 150
of people at a table 66, and of a worker who walks by all of 12.
"""

LATELY = 300
"""So many of the last pictures of a region are compared with."""

Signature = npt.NDArray[np.float32]


def signature(pixels: npt.NDArray[np.uint8]) -> Signature:
    """The mean luma of 16 x 16 cells, less the median of these: what stays the same when only the light changes.

    Args:
        pixels: uint8 (H, W, 3), of any size from 1 x 1.

    Returns:
        float32 (cells,), 256 of them but for pictures with fewer than 16 pixels on a side.
    """
    means = small_luma(pixels).values
    for axis, length in enumerate(means.shape):
        cells = min(SIDE, length)
        starts = np.arange(cells) * length // cells
        lengths = np.diff(starts, append=length).reshape((-1, 1) if axis == 0 else (1, -1)).astype(np.float32)
        means = np.add.reduceat(means, starts, axis=axis) / lengths
    flat: Signature = means.ravel().astype(np.float32)
    return flat - np.float32(np.median(flat))


class Lately:
    """The signatures of the pictures of one region that were stored last.

    Args:
        most: how many are remembered.
    """

    def __init__(self, most: int = LATELY) -> None:
        self._found: deque[Signature] = deque(maxlen=most)

    def __len__(self) -> int:
        return len(self._found)

    def add(self, one: Signature) -> None:
        """Remember one that was stored."""
        self._found.append(one)

    def alike(self, one: Signature) -> bool:
        """Whether a picture is like any of them."""
        same = [other for other in self._found if other.shape == one.shape]
        return bool(same) and bool((np.abs(np.stack(same) - one).max(axis=1) < ALIKE).any())

    def like_last(self, one: Signature) -> bool:
        """Whether it is like the last of them: then what was there is there still."""
        last = self._found[-1] if self._found else None
        return last is not None and last.shape == one.shape and bool(np.abs(last - one).max() < ALIKE)
