"""Where in a picture the square lies that a model sees, and evidence carried from one to the other, its sum kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from decisight.imaging import CROP_SHARE
from decisight.types import FitMode

__all__ = ["ALL_OVER", "InputGeometry", "overlaps", "spread"]

Floats = npt.NDArray[np.float64]

_FINEST = 28
"""How many steps the evidence of a map is told apart in along a side, where the map has more positions than that: one
position of an early map sees some pixels around it as well, and single specks can be seen by nobody."""

ALL_OVER = "all over"
_PLACES = (
    ("upper left", "upper middle", "upper right"),
    ("middle left", "centre", "middle right"),
    ("lower left", "lower middle", "lower right"),
)
_STANDS_OUT = 0.2
"""Share of the evidence below which the strongest ninth of a picture is not where it is: a ninth is 0.11."""


@dataclass(frozen=True, slots=True)
class InputGeometry:
    """What of a picture a model has looked at.

    Args:
        picture: width and height of all of the picture, in pixels.
        part: left, top, right, bottom of what was cut out of it, in its pixels; all of it where nothing was.
        square: left, top, right, bottom of the square in the picture's pixels. A letterbox reaches beyond ``part``,
            and a crop leaves some of it out.
    """

    picture: tuple[int, int]
    part: tuple[int, int, int, int]
    square: tuple[float, float, float, float]

    @classmethod
    def of(cls, picture: tuple[int, int], part: tuple[int, int, int, int], size: int, fit: FitMode) -> InputGeometry:
        """By what :func:`decisight.imaging.fit` does with the part.

        Args:
            picture: as above.
            part: as above.
            size: the side of the square that the model sees, in its pixels.
            fit: how the part is brought to it.
        """
        left, top, right, bottom = part
        width, height = right - left, bottom - top
        if fit is FitMode.CROP:
            side = max(1, round(CROP_SHARE * min(width, height)))
            corner = left + (width - side) // 2, top + (height - side) // 2
            return cls(picture, part, (*corner, corner[0] + side, corner[1] + side))
        if fit is FitMode.STRETCH:
            return cls(picture, part, (left, top, right, bottom))
        scale = size / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        by_x, by_y = width / inner[0], height / inner[1]
        x, y = left - (size - inner[0]) // 2 * by_x, top - (size - inner[1]) // 2 * by_y
        return cls(picture, part, (x, y, x + size * by_x, y + size * by_y))

    def axes(self, width: int, height: int, size: int) -> tuple[Floats, Floats]:
        """How much of each row and column of the square lies in each row and column of the picture at a size.

        Args:
            width: of the picture as it is to be shown.
            height: as ``width``.
            size: the side of the square.

        Returns:
            (height, size) and (width, size), 0..1; nothing lies outside ``part``.
        """
        found = []
        for axis, pixels in ((1, height), (0, width)):
            low, high = self.square[axis], self.square[axis + 2]
            edges = np.linspace(0.0, self.picture[axis], pixels + 1).clip(self.part[axis], self.part[axis + 2])
            found.append(overlaps((edges - low) * (size / (high - low)), size))
        return found[0], found[1]

    def gathered(self, evidence: Floats) -> Floats:
        """Evidence on the square, with that of the fill around a letterbox shared out evenly over the picture.

        Args:
            evidence: (size, size).
        """
        size, inside = len(evidence), []
        for axis in (1, 0):
            low, high = self.square[axis], self.square[axis + 2]
            ends = [(self.part[axis + end] - low) / (high - low) * size for end in (0, 2)]
            inside.append(slice(max(0, round(ends[0])), min(size, round(ends[1]))))
        rows, columns = inside
        found, seen = np.zeros_like(evidence), evidence[rows, columns]
        found[rows, columns] = seen + (evidence.sum() - seen.sum()) / seen.size
        return found

    def place(self, evidence: Floats) -> str | None:
        """In which ninth of what was looked at most of the evidence lies, for example ``upper middle``.

        Args:
            evidence: (size, size) on the square, none of it negative.

        Returns:
            :data:`ALL_OVER` where no ninth stands out; ``None`` where there is none.
        """
        left, top, right, bottom = self.part
        x, y = self.square[:2]
        width, height = right - left, bottom - top
        square = (x - left, y - top, self.square[2] - left, self.square[3] - top)
        rows, columns = InputGeometry((width, height), (0, 0, width, height), square).axes(3, 3, len(evidence))
        ninths = rows @ evidence @ columns.T
        row, column = divmod(int(ninths.argmax()), 3)
        if ninths[row, column] <= 0.0:
            return None
        return _PLACES[row][column] if ninths[row, column] >= _STANDS_OUT * ninths.sum() else ALL_OVER


def overlaps(edges: Floats, cells: int) -> Floats:
    """How much of each of some cells of width 1 lies between neighbouring edges.

    Args:
        edges: (n + 1,), ascending, in cells from the beginning of the first.
        cells: how many.

    Returns:
        (n, cells), 0..1.
    """
    at = np.arange(cells)
    lower, upper = np.maximum(edges[:-1, None], at), np.minimum(edges[1:, None], at + 1)
    return np.asarray(np.maximum(upper - lower, 0.0))


def spread(evidence: Floats, size: int) -> Floats:
    """The evidence of a map's positions on the square, smoothly, its sum kept.

    Args:
        evidence: (side, side).
        size: the side of the square.

    Returns:
        (size, size).
    """
    rows = _spreading(evidence.shape[0], size)
    columns = _spreading(evidence.shape[1], size)
    return rows @ evidence @ columns.T


@lru_cache(maxsize=64)
def _spreading(side: int, size: int) -> Floats:
    """How each position's evidence is shared out along one axis: (size, side), each column adding up to 1.

    By quadratic B-splines, mirrored at the edges: what is the same at all positions is so everywhere.
    """
    step = size / side
    reach = step * max(1, math.floor(size / _FINEST / step))
    centres = (np.arange(side) + 0.5) * step
    edges = np.arange(size + 1.0)
    shares = np.zeros((size, side))
    for mirrored in (centres, -centres, 2.0 * size - centres):
        shares += np.diff(_below((edges[:, None] - mirrored) / reach), axis=0)
    shares.setflags(write=False)
    return shares


def _below(x: Floats) -> Floats:
    """How much of a quadratic B-spline of unit steps, -1.5 to 1.5, lies below x: 0..1."""
    x = np.clip(x, -1.5, 1.5)
    terms = ((-1.0) ** k * math.comb(3, k) * np.maximum(x + 1.5 - k, 0.0) ** 3 for k in range(4))
    return np.asarray(sum(terms)) / 6.0
