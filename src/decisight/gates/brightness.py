"""Brightness: pictures so dark, or so blown out, that nothing can be told from them."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.gates import GATES
from decisight.gates.luma import small_luma
from decisight.types import Verdict

__all__ = ["Brightness"]

_WHITE = 250.0
"""From this luma on a pixel is clipped: compression leaves white a little below 255."""
_TOO_DARK = Verdict("too dark")
_BLOWN_OUT = Verdict("blown out")


@GATES.register("brightness")
@dataclass(frozen=True)
class Brightness:
    """Refuse pictures that are too dark or blown out.

    It goes by how many pixels are dark or white, not by the mean: a dark uniform before a dark wall can be judged as
    long as some of the picture is lit, and a dark thing before white paper can be too. What was painted over outside of
    the region does not count.

    Args:
        darkest: a picture is ``too dark`` if 95 % of its pixels are darker than this luma, 0..255. 0 refuses none.
        clipped: it is ``blown out`` if at least this share of its pixels, 0..1, is white,
        brightest: and 95 % of all are brighter than this luma, 0..255: so that something dark on white is not refused.

    Raises:
        UsageError: a setting is outside its range.
    """

    name: ClassVar[str] = "brightness"
    saves: ClassVar[bool] = False

    _: KW_ONLY
    darkest: float = 32.0
    clipped: float = 0.6
    brightest: float = 100.0

    def __post_init__(self) -> None:
        for key, value in (("darkest", self.darkest), ("brightest", self.brightest)):
            if not 0.0 <= value <= 255.0:
                raise UsageError(f"brightness: {key} = {value} is no luma", hint="give one of 0 (black) to 255 (white)")
        if not 0.0 < self.clipped <= 1.0:
            raise UsageError(
                f"brightness: clipped = {self.clipped} is no share of the picture", hint="give more than 0, at most 1"
            )

    def keeper(self, state: Any = None) -> BrightnessKeeper:
        """One at work; see :class:`~decisight.protocols.Gate`."""
        return BrightnessKeeper(self)


@dataclass(frozen=True, slots=True)
class BrightnessKeeper:
    """Looks at each picture alone."""

    gate: Brightness

    def judge(self, crop: npt.NDArray[np.uint8], time: float) -> Verdict | None:
        """``too dark``, ``blown out`` or nothing; see :class:`~decisight.protocols.GateKeeper`."""
        seen = small_luma(crop).seen
        if _share(seen < self.gate.darkest) >= 0.95:
            return _TOO_DARK
        if _share(seen >= _WHITE) >= self.gate.clipped and _share(seen > self.gate.brightest) >= 0.95:
            return _BLOWN_OUT
        return None

    def state(self) -> None:
        """Nothing: what it says of a picture depends on that alone."""


def _share(which: npt.NDArray[np.bool_]) -> float:
    return np.count_nonzero(which) / which.size
