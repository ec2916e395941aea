"""A reference picture, and whether a camera still sees what it shows, where it shows it."""

from __future__ import annotations

import os
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decisight.errors import DecisightError, UsageError
from decisight.files import printable
from decisight.gates.orientation import orientation, small_grey
from decisight.gates.placement import Match, Placement, Template

if TYPE_CHECKING:
    from decisight.imaging import Pixels

__all__ = ["Reference", "Sighting", "read_reference", "sighting"]

_LONGER_SIDE = 256
"""Of the small copy, in pixels."""
_SMALLEST = 64
"""Pixels a side of a reference."""
_SAME_SHAPE = 0.03
"""By so much width over height may differ: what codecs cut off or fill up to whole blocks."""
_LEAST_ENERGY = 4.0
"""See :attr:`~decisight.gates.placement.Template.energy`. A wall has less, once noise is averaged out."""
_FINE_REACH, _COARSE_REACH = 20, 28
"""Pixels of the small copy, and of one half its size: 8 % and 22 % of the longer side."""

_SURELY = 6.0
"""A match is none where chance gives more than a sixth of its score; other scenes reach 5.5, rarely 7."""
_SHARE = 0.35
"""Of the blocks must agree; of another scene, or where four fifths are covered, it is at most 0.32."""
_BEYOND_DOUBT = 0.6
"""Where so many agree that all is as it was, another movement must fit clearly better than none."""
_BETTER = 1.1
"""By so much: with edges in few directions, a small movement fits nearly as well as none."""

_TAKE_ONE = "give a picture that the camera took when it hung as it should; decisight frame takes one"


class Sighting(Enum):
    """What a picture is to a reference."""

    SAME = "same"
    """What it shows lies where it should."""
    ELSEWHERE = "elsewhere"
    """It lies elsewhere."""
    NOT_FOUND = "not found"
    """Little of it is to be seen."""
    OTHER_SHAPE = "other shape"
    """The picture has other proportions, so nothing can lie where it did."""


class Reference:
    """A picture of what a camera should see.

    Args:
        pixels: uint8 (H, W, 3).

    Raises:
        UsageError: it is too small, or there is hardly an edge in it.
    """

    def __init__(self, pixels: Pixels) -> None:
        height, width = pixels.shape[:2]
        if min(height, width) < _SMALLEST:
            raise UsageError(
                f"the picture has only {width} x {height} pixels",
                hint=f"take one of the camera as it gives them, of at least {_SMALLEST} pixels a side",
            )
        scale = _LONGER_SIDE / max(height, width)
        self._proportions = width / height
        self._size = max(2, round(scale * width)), max(2, round(scale * height))
        fine, coarse = (orientation(grey) for grey in _copies(pixels, self._size))
        self._fine, self._coarse = Template(fine, _FINE_REACH), Template(coarse, _COARSE_REACH)
        if self._fine.energy < _LEAST_ENERGY:
            raise UsageError(
                "there is hardly an edge in the picture by which the view could be recognised",
                hint="take another in good light, with nothing before the lens; a camera that sees only a plain wall "
                "cannot have this gate",
            )

    def has_shape(self, width: int, height: int) -> bool:
        """Whether pictures of that size, in pixels, have its proportions."""
        return bool(abs(width / height / self._proportions - 1.0) <= _SAME_SHAPE)

    def sight(self, pixels: Pixels, tolerance: float) -> Sighting:
        """Look for what it shows in another picture.

        Args:
            pixels: uint8 (H, W, 3), of any size.
            tolerance: by how much things may be displaced, as a share of the picture's width.
        """
        height, width = pixels.shape[:2]
        if not self.has_shape(width, height):
            return Sighting.OTHER_SHAPE
        copies = _copies(pixels, self._size)
        fine = self._fine.place(orientation(copies[0]), tolerance)
        if _moves(fine):
            return Sighting.ELSEWHERE
        if fine.near.share >= _BEYOND_DOUBT and _is_match(fine.near):
            return Sighting.SAME
        coarse = self._coarse.place(orientation(copies[1]), tolerance)
        if _moves(coarse):
            return Sighting.ELSEWHERE
        return Sighting.SAME if _stays(fine) or _stays(coarse) else Sighting.NOT_FOUND


def sighting(references: tuple[Reference, ...], pixels: Pixels, tolerance: float) -> Sighting:
    """What a picture is to the one of several references that it fits best.

    Args:
        references: at least one.
        pixels: uint8 (H, W, 3), of any size.
        tolerance: see :meth:`Reference.sight`.
    """
    found = set()
    for reference in references:
        found.add(reference.sight(pixels, tolerance))
        if Sighting.SAME in found:
            break
    return next(one for one in Sighting if one in found)


def read_reference(path: str) -> Reference:
    """A reference picture from its file; what was read before is not read again.

    Raises:
        UsageError: it cannot be read, or is of no use as a reference.
    """
    try:
        found = os.stat(path)
        return _read(path, found.st_mtime_ns, found.st_size)
    except (OSError, ValueError):
        return _read(path, 0, 0)  # it says what is wrong


@lru_cache(maxsize=256)
def _read(path: str, modified: int, size: int) -> Reference:
    """Args: as of now, so that a file that was replaced is read anew."""
    from decisight.imaging import read_image

    try:
        pixels = read_image(path)
    except DecisightError as error:
        raise UsageError(error.message, hint=_TAKE_ONE) from error
    try:
        return Reference(pixels)
    except UsageError as error:
        raise UsageError(f"{printable(path)}: {error.message}", hint=error.hint) from error


def _copies(pixels: Pixels, size: tuple[int, int]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A small grey copy, and one of half its size."""
    fine = small_grey(pixels, size)
    height, width = (length // 2 * 2 for length in fine.shape)
    pairs = fine[:height, :width].reshape(height // 2, 2, width // 2, 2)
    return fine, np.asarray(pairs.mean(axis=(1, 3)), np.float32)


def _stays(placement: Placement) -> bool:
    return _is_match(placement.near) and placement.far.score <= placement.near.score


def _moves(placement: Placement) -> bool:
    return _is_match(placement.far) and placement.far.score > _BETTER * placement.near.score


def _is_match(match: Match) -> bool:
    return match.surely >= _SURELY and match.share >= _SHARE
