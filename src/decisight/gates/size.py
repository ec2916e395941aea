"""Size: crops with too few pixels to tell anything."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.gates import GATES
from decisight.types import Verdict

__all__ = ["Size"]

_TOO_SMALL = Verdict("too small")


@GATES.register("size")
@dataclass(frozen=True)
class Size:
    """Refuse crops that are too small.

    Args:
        least: a crop is ``too small`` if it has fewer pixels than this on a side, at least 1.

    Raises:
        UsageError: it is less than 1.
    """

    name: ClassVar[str] = "size"
    saves: ClassVar[bool] = False

    _: KW_ONLY
    least: int = 16

    def __post_init__(self) -> None:
        if self.least < 1:
            raise UsageError(f"size: least = {self.least} is no number of pixels", hint="give 1 or more")

    def keeper(self, state: Any = None) -> SizeKeeper:
        """One at work; see :class:`~decisight.protocols.Gate`."""
        return SizeKeeper(self)


@dataclass(frozen=True, slots=True)
class SizeKeeper:
    """Looks at each picture alone."""

    gate: Size

    def judge(self, crop: npt.NDArray[np.uint8], time: float) -> Verdict | None:
        """``too small`` or nothing; see :class:`~decisight.protocols.GateKeeper`."""
        return _TOO_SMALL if min(crop.shape[:2]) < self.gate.least else None

    def state(self) -> None:
        """Nothing: what it says of a picture depends on that alone."""
