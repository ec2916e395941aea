"""Sharpness: pictures out of focus, or behind a lens that is wet or greasy."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.gates import GATES
from decisight.gates.luma import Luma, small_luma
from decisight.types import Verdict

__all__ = ["Sharpness", "steepness"]

Scalar = TypeVar("Scalar", bound=np.generic)

_REACH = 6
"""Pixels to either side within which an edge is looked at; of a copy whose longer side has 160."""
_TILES = 6
"""Into so many rows and columns the picture is cut."""
_FEWEST = 4
"""With edges in fewer tiles than this, nothing can be told."""
_SHARPEST = 0.8
"""The quantile of the tiles that counts: a fifth of them may be sharper, as a caption or the edge of a mask is."""
_BLURRED = Verdict("blurred")


@GATES.register("sharpness")
@dataclass(frozen=True)
class Sharpness:
    """Refuse pictures that are blurred all over.

    An edge in focus climbs within a pixel or two of a small copy, whatever its height; a blurred one takes many. Each
    tile of the picture tells how steep its steepest edge is, and only if hardly any tile has a steep one is the picture
    blurred: something sharp before a background out of focus is not. From a picture without edges nothing can be told,
    and it is let through: an empty wall, but also one so blurred that no edge is left. Blur below about 2 % of the
    picture's height is not seen, nor need it be: the classifier looks at a small copy too.

    Args:
        least: a picture is ``blurred`` if its edges climb less than this share of their height within two pixels, 0..1.
            0 refuses none.
        contrast: an edge must be at least so high to count, in luma, 1..255; lower ones may be noise.

    Raises:
        UsageError: a setting is outside its range.
    """

    name: ClassVar[str] = "sharpness"
    saves: ClassVar[bool] = False

    _: KW_ONLY
    least: float = 0.6
    contrast: float = 20.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.least <= 1.0:
            raise UsageError(f"sharpness: least = {self.least} is no share", hint="give one of 0 to 1")
        if not 1.0 <= self.contrast <= 255.0:
            raise UsageError(
                f"sharpness: contrast = {self.contrast} is no difference of luma", hint="give one of 1 to 255"
            )

    def keeper(self, state: Any = None) -> SharpnessKeeper:
        """One at work; see :class:`~decisight.protocols.Gate`."""
        return SharpnessKeeper(self)


@dataclass(frozen=True, slots=True)
class SharpnessKeeper:
    """Looks at each picture alone."""

    gate: Sharpness

    def judge(self, crop: npt.NDArray[np.uint8], time: float) -> Verdict | None:
        """``blurred`` or nothing; see :class:`~decisight.protocols.GateKeeper`."""
        found = steepness(small_luma(crop), self.gate.contrast)
        return _BLURRED if found is not None and found < self.gate.least else None

    def state(self) -> None:
        """Nothing: what it says of a picture depends on that alone."""


def steepness(luma: Luma, contrast: float) -> float | None:
    """What share of their height the edges of a picture climb within two pixels, 0..1; ``None`` if there are too few.

    Args:
        luma: the picture.
        contrast: how high an edge must be to count, in luma.
    """
    votes = [
        _steepest(values, painted, contrast)
        for values, painted in (
            (luma.values, luma.painted),
            # Copied, so that rows of either lie together in memory.
            (np.ascontiguousarray(luma.values.T), None if luma.painted is None else luma.painted.T),
        )
        if values.shape[1] > 2 * _REACH
    ]
    known = [tile for tiles in votes for tile in tiles if tile > 0.0]
    return float(np.quantile(known, _SHARPEST)) if len(known) >= _FEWEST else None


def _steepest(values: npt.NDArray[np.float32], painted: npt.NDArray[np.bool_] | None, contrast: float) -> list[float]:
    """The steepest edge along the rows in each tile, 0..1; 0 where a tile has none."""
    climb = np.abs(values[:, 2:] - values[:, :-2])[:, _REACH - 1 : 1 - _REACH]
    height = _highest(values) + _highest(-values)
    counts = height >= contrast
    if painted is not None:
        counts &= ~_highest(painted)
    steep = np.where(counts, climb / np.maximum(height, np.float32(1.0)), np.float32(0.0))
    rows, columns = (np.unique(np.arange(_TILES) * length // _TILES) for length in steep.shape)
    found: list[float] = np.maximum.reduceat(np.maximum.reduceat(steep, rows, axis=0), columns, axis=1).ravel().tolist()
    return found


def _highest(values: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """The highest value within the reach of each of a row that has so many on either side."""
    # Of windows of two, four, eight, and what is left: four steps in place of twelve.
    width, have = 2 * _REACH + 1, 1
    while have < width:
        step = min(have, width - have)
        values = np.maximum(values[:, :-step], values[:, step:])
        have += step
    return values
