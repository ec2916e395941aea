"""Regions of interest: a named polygon in relative coordinates, and what of a picture lies in it."""

from __future__ import annotations

import math
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.types import is_label

__all__ = ["Point", "Region", "parse_region", "parse_regions", "parse_size"]

Point = tuple[float, float]
"""x from the left and y from the top, each 0..1 of the picture's width and height."""

_SMALLEST = 1e-6
"""The area, as a share of the picture, below which a polygon is taken for a line."""
_EXAMPLE = 'for example bay="0.1,0.2 0.5,0.2 0.5,0.9 0.1,0.9"'
_MOST_CORNERS = 1000
_PIXELS = 16
"""The least width or height of a reference picture of which one pixel is no region that anybody means."""
_REMEMBERED = 64 << 20
"""How many bytes of what polygons come to on pictures of some size are kept: in Full HD the regions of 80 cameras, each
all of its picture. By bytes, not by number: there may be many small ones, and a few of the largest fill as much."""
_BYTES_PER_CORNER = 200
"""Of the polygon that an entry is known by: a tuple of two floats."""


@dataclass(frozen=True, slots=True)
class Region:
    """Where in a picture to look.

    A pixel belongs to the region if its centre lies inside the polygon, by the even-odd rule; what belongs to it
    depends on nothing but the polygon and the picture's size. What is cut out is the smallest rectangle that holds all
    pixels of the region.

    Args:
        name: what decisions call it; written as a label is.
        polygon: three to 1,000 corners, each ``(x, y)`` in 0..1 of the picture; closed by itself. Where it crosses or
            covers itself, what it goes round twice is outside.
        masked: whether what lies in that rectangle but outside the polygon is painted over; else it is left.

    Raises:
        UsageError: the name cannot be shown; too few corners or too many, one outside 0..1, or all on one line.
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
        # Plain floats, whatever numbers were given: they are part of digests, and -0.0 is where 0.0 is.
        object.__setattr__(self, "polygon", tuple((float(x) + 0.0, float(y) + 0.0) for x, y in self.polygon))
        if not 3 <= len(self.polygon) <= _MOST_CORNERS:
            raise UsageError(
                f"{title} has {len(self.polygon)} corner(s), where 3 to {_MOST_CORNERS} are needed", hint=_EXAMPLE
            )
        for x, y in self.polygon:
            if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
                raise UsageError(
                    f"{title} has the corner {x},{y}, which lies outside the picture",
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

        Where the region covers no pixel's centre it is the one pixel that the middle of the polygon's extent lies in.
        """
        return _cutting(self.polygon, width, height).bounds

    def mask(self, width: int, height: int) -> npt.NDArray[np.bool_]:
        """Which pixels of a picture of this size belong to the region: bool (height, width), at least one."""
        cutting = _cutting(self.polygon, width, height)
        left, top, right, bottom = cutting.bounds
        mask = np.zeros((height, width), np.bool_)
        mask[top:bottom, left:right] = True if cutting.outside is None else ~cutting.painted()[:, ::3]
        return mask

    def cut(self, picture: npt.NDArray[np.uint8], fill: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
        """What of a picture lies in the region.

        Args:
            picture: uint8 (H, W, 3); not changed.
            fill: the colour to paint over what lies outside the polygon, 0..255 each; the model's mean colour.

        Returns:
            uint8 (h, w, 3), as :meth:`bounds` says; where nothing is painted over, a view of ``picture``.
        """
        height, width = picture.shape[:2]
        cutting = _cutting(self.polygon, width, height)
        left, top, right, bottom = cutting.bounds
        crop = picture[top:bottom, left:right]
        if not self.masked or cutting.outside is None:
            return crop
        crop = crop.copy()
        row = np.tile(np.array(fill, np.uint8), right - left)
        # Rows of single values, not pixels of three: a sixth of the time.
        np.copyto(crop.reshape(bottom - top, -1), row, where=cutting.painted())
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
    if reference and min(reference) >= _PIXELS and all(x * width <= 1 and y * height <= 1 for x, y in points):
        raise UsageError(
            f"the corners of the region {name.strip()!r} look like shares of the picture, not like pixels of one of "
            f"{width}x{height}",
            hint="leave out --reference",
        )
    return Region(name.strip(), tuple(points), masked)


def parse_regions(
    texts: Iterable[str], *, reference: tuple[int, int] | None = None, masked: bool = True
) -> tuple[Region, ...]:
    """Several regions, each as :func:`parse_region` reads it, in their order.

    Raises:
        UsageError: one is not understood, or two have one name.
    """
    regions = tuple(parse_region(text, reference=reference, masked=masked) for text in texts)
    names = [region.name for region in regions]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"{names.count(name)} regions are called {name!r}", hint="give each a name of its own: answers go by it"
            )
    return regions


def _extent(polygon: Sequence[Point]) -> float:
    """0 where all corners lie on one line, else the largest area that two of their distances from the first span."""
    (x0, y0), *others = polygon
    distances = [(x - x0, y - y0) for x, y in others]
    far_x, far_y = max(distances, key=lambda d: math.hypot(*d))
    return max(abs(far_x * y - far_y * x) for x, y in distances)


@dataclass(frozen=True, slots=True)
class _Cutting:
    """What a polygon comes to on pictures of one size.

    Args:
        bounds: left, top, right, bottom of the rectangle that is cut out.
        outside: which values in it, three a pixel, are to be painted over, a bit each: masks of large pictures would
            fill the memory otherwise. ``None`` where none is.
    """

    bounds: tuple[int, int, int, int]
    outside: npt.NDArray[np.uint8] | None

    def painted(self) -> npt.NDArray[np.bool_]:
        """``outside`` as bool (h, 3 w)."""
        assert self.outside is not None  # noqa: S101 - for the type checker; who calls has looked
        left, top, right, bottom = self.bounds
        shape = bottom - top, 3 * (right - left)
        return np.unpackbits(self.outside, count=shape[0] * shape[1]).view(np.bool_).reshape(shape)


class _Remembered:
    """What was worked out last, up to so many bytes; may be asked from several threads at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._entries: OrderedDict[tuple[tuple[Point, ...], int, int], _Cutting] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, polygon: tuple[Point, ...], width: int, height: int) -> _Cutting:
        key = polygon, width, height
        with self._lock:
            if (known := self._entries.get(key)) is not None:
                self._entries.move_to_end(key)
                return known
        found = _worked_out(polygon, width, height)
        with self._lock:
            if key not in self._entries:
                self._entries[key] = found
                self._held += _size(polygon, found)
            while self._held > self._most and len(self._entries) > 1:
                (oldest, _, _), gone = self._entries.popitem(last=False)
                self._held -= _size(oldest, gone)
        return found


def _size(polygon: tuple[Point, ...], cutting: _Cutting) -> int:
    return _BYTES_PER_CORNER * len(polygon) + (0 if cutting.outside is None else cutting.outside.nbytes)


_cutting = _Remembered(_REMEMBERED)


def _worked_out(polygon: tuple[Point, ...], width: int, height: int) -> _Cutting:
    first_row, first_column, mask = _filled(np.array(polygon, np.float64) * (width, height), width, height)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    left, top = first_column + int(columns[0]), first_row + int(rows[0])
    outside = None if mask.all() else np.packbits(np.repeat(~mask, 3, axis=1))
    return _Cutting((left, top, left + mask.shape[1], top + mask.shape[0]), outside)


def _filled(corners: npt.NDArray[np.float64], width: int, height: int) -> tuple[int, int, npt.NDArray[np.bool_]]:
    """The pixels in a polygon, by the crossings of rows of pixel centres with edges: each flips all from there on.

    Args:
        corners: (corners, 2), in pixels.
        width: of the picture, as ``height``.
        height: as ``width``.

    Returns:
        The first row and the first column that the polygon reaches, and which pixels from there on belong to it.
    """
    # Each edge from its upper to its lower end, so that the direction of the polygon changes no rounding.
    ends = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
    ends = np.where((ends[:, :1, 1:] > ends[:, 1:, 1:]), ends[:, ::-1], ends)
    left, top = (int(low) for low in np.floor(corners.min(axis=0)))
    right, bottom = (int(high) for high in np.minimum(np.ceil(corners.max(axis=0)), (width, height)))
    flips = np.zeros((bottom - top, right - left + 1), np.bool_)
    rows = np.arange(top, bottom) + 0.5
    for (x1, y1), (x2, y2) in ends:
        crossed = slice(*np.searchsorted(rows, (y1, y2)))
        x = x1 + (rows[crossed] - y1) / ((y2 - y1) or 1.0) * (x2 - x1)
        first = np.clip(np.ceil(x - 0.5) - left, 0, right - left).astype(np.int64)
        flips[np.arange(crossed.start, crossed.stop), first] ^= True
    mask = np.logical_xor.accumulate(flips, axis=1)[:, :-1]
    if mask.any():
        return top, left, mask
    x, y = (corners.min(axis=0) + corners.max(axis=0)) / 2
    return min(int(y), height - 1), min(int(x), width - 1), np.ones((1, 1), np.bool_)
