"""Regions of interest: a named polygon in relative coordinates, and what of a picture lies in it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.types import is_label

__all__ = ["FULL", "Point", "Region", "parse_region", "parse_size"]

Point = tuple[float, float]
"""x from the left and y from the top, each 0..1 of the picture's width and height."""

_SMALLEST = 1e-6
"""The area, as a share of the picture, below which a polygon is taken for a line."""
_EXAMPLE = 'for example bay="0.1,0.2 0.5,0.2 0.5,0.9 0.1,0.9"'
_MOST_CORNERS = 1000


@dataclass(frozen=True, slots=True)
class Region:
    """Where in a picture to look.

    A pixel belongs to the region if its centre lies inside the polygon, by the even-odd rule; what belongs to it
    depends on nothing but the polygon and the picture's size. What is cut out is the smallest rectangle that holds all
    pixels of the region.

    Args:
        name: what decisions call it; written as a label is.
        polygon: at least three corners, each ``(x, y)`` in 0..1 of the picture; closed by itself.
        masked: whether what lies in that rectangle but outside the polygon is painted over; else it is left.

    Raises:
        UsageError: the name cannot be shown; fewer than three corners, one outside 0..1, or no area.
    """

    name: str
    polygon: tuple[Point, ...]
    masked: bool = True

    def __post_init__(self) -> None:
        if not is_label(self.name) or "=" in self.name:
            raise UsageError(
                f"a region has a name that cannot be used: {self.name!r}",
                hint="a name is text, not empty, without '=', '|' and control characters, for example 'bay'",
            )
        title = f"the region {self.name!r}"
        if not 3 <= len(self.polygon) <= _MOST_CORNERS:
            raise UsageError(f"{title} has {len(self.polygon)} corner(s), where at least 3 are needed", hint=_EXAMPLE)
        for x, y in self.polygon:
            if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
                raise UsageError(
                    f"{title} has the corner {x:g},{y:g}, which lies outside the picture",
                    hint="corners are shares of its width and height, 0 to 1; for pixels say --reference 1920x1080",
                )
        if _extent(self.polygon) < _SMALLEST:
            raise UsageError(f"{title} has no area: its corners lie on one line", hint=_EXAMPLE)

    @classmethod
    def box(cls, name: str, left: float, top: float, right: float, bottom: float) -> Region:
        """An upright rectangle, by its edges in 0..1."""
        return cls(name, ((left, top), (right, top), (right, bottom), (left, bottom)))

    def bounds(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The rectangle cut out of a picture of this size: left, top, right, bottom in pixels, the latter two outside.

        Where the region covers no pixel's centre it is the one pixel that the polygon's middle lies in.
        """
        mask = self.mask(width, height)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    def mask(self, width: int, height: int) -> npt.NDArray[np.bool_]:
        """Which pixels of a picture of this size belong to the region: bool (height, width), at least one."""
        return _mask(self.polygon, width, height)

    def cut(self, picture: npt.NDArray[np.uint8], fill: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
        """What of a picture lies in the region.

        Args:
            picture: uint8 (H, W, 3); not changed.
            fill: the colour to paint over what lies outside the polygon, 0..255 each; the model's mean colour.

        Returns:
            uint8 (h, w, 3), as :meth:`bounds` says.
        """
        height, width = picture.shape[:2]
        left, top, right, bottom, outside = _cutting(self.polygon, width, height)
        crop = picture[top:bottom, left:right]
        if not self.masked or outside is None:
            return crop
        crop = crop.copy()
        crop[outside] = fill
        return crop

    def shape(self, width: int, height: int) -> float:
        """Width by height of what is cut out of a picture of this size."""
        left, top, right, bottom = self.bounds(width, height)
        return (right - left) / (bottom - top)

    @property
    def text(self) -> str:
        """Everything that decides what is cut out, as one line: the same text, the same pixels."""
        corners = " ".join(f"{x!r},{y!r}" for x, y in self.polygon)
        return f"{'mask' if self.masked else 'crop'} {corners}"


def parse_size(text: str) -> tuple[int, int]:
    """A size such as ``1920x1080``: width and height in pixels.

    Raises:
        UsageError: it is no such text.
    """
    found = re.fullmatch(r"\s*([1-9][0-9]{0,5})\s*[xX]\s*([1-9][0-9]{0,5})\s*", text)
    if not found:
        raise UsageError(f"{text!r} is not understood as a size", hint="write width x height, for example 1920x1080")
    return int(found[1]), int(found[2])


def parse_region(text: str, *, reference: tuple[int, int] | None = None, masked: bool = True) -> Region:
    """A region as the command line gives it: ``NAME=x,y x,y x,y ...``.

        >>> parse_region("bay=0,0 0.5,0 0.5,1").polygon
        ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0))
        >>> parse_region("bay=0,0 960,0 960,1080", reference=(1920, 1080)).polygon
        ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0))

    Args:
        text: the name, and the corners.
        reference: width and height of the picture that the corners were measured on, where they are in pixels.
        masked: see :class:`Region`.

    Raises:
        UsageError: it is not understood, or is no region; see :class:`Region`.
    """
    name, equals, corners = text.partition("=")
    if not equals:
        raise UsageError(f"the region {text!r} is not understood", hint=f"write NAME=CORNERS, {_EXAMPLE}")
    width, height = reference or (1, 1)
    points = []
    for corner in corners.split():
        x, comma, y = corner.partition(",")
        try:
            point = float(x), float(y)
        except ValueError:
            comma = ""
        if not comma or not all(map(math.isfinite, point)):
            raise UsageError(f"the region {name.strip()!r} has the corner {corner!r}, which is not x,y", hint=_EXAMPLE)
        if reference and not (0 <= point[0] <= width and 0 <= point[1] <= height):
            raise UsageError(
                f"the region {name.strip()!r} has the corner {corner}, outside a picture of {width}x{height}",
                hint="corners are pixels from the left and from the top of the reference picture",
            )
        points.append((point[0] / width, point[1] / height))
    return Region(name.strip(), tuple(points), masked)


def _extent(polygon: Sequence[Point]) -> float:
    """0 where all corners lie on one line, else the largest area that two of their distances from the first span."""
    (x0, y0), *others = polygon
    distances = [(x - x0, y - y0) for x, y in others]
    far_x, far_y = max(distances, key=lambda d: math.hypot(*d))
    return max(abs(far_x * y - far_y * x) for x, y in distances)


@lru_cache(maxsize=64)
def _mask(polygon: tuple[Point, ...], width: int, height: int) -> npt.NDArray[np.bool_]:
    """By the crossings of every row of pixel centres with every edge: each flips all pixels from there on."""
    corners = np.array(polygon, np.float64) * (width, height)
    flips = np.zeros((height, width + 1), np.int32)
    rows = np.arange(height) + 0.5
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crossing = np.flatnonzero((y1 <= rows) != (y2 <= rows))
        x = x1 + (rows[crossing] - y1) * (x2 - x1) / ((y2 - y1) or 1.0)
        first = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
        np.add.at(flips, (crossing, first), 1)
    mask: npt.NDArray[np.bool_] = np.cumsum(flips[:, :width], axis=1) % 2 == 1
    if not mask.any():
        x, y = _middle(corners)
        mask[min(int(y), height - 1), min(int(x), width - 1)] = True
    mask.flags.writeable = False
    return mask


@lru_cache(maxsize=64)
def _cutting(
    polygon: tuple[Point, ...], width: int, height: int
) -> tuple[int, int, int, int, npt.NDArray[np.bool_] | None]:
    """The rectangle, and which of its pixels are outside; ``None`` where none is."""
    left, top, right, bottom = Region("region", polygon).bounds(width, height)
    outside = ~_mask(polygon, width, height)[top:bottom, left:right]
    return left, top, right, bottom, outside if outside.any() else None


def _middle(corners: Iterable[Sequence[float]]) -> Point:
    points = np.array(list(corners))
    low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2


FULL = Region("picture", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
"""The whole picture."""
