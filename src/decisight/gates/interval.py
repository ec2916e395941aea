"""Interval: look only every so often."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from decisight.gates import GATES
from decisight.spans import MICROSECOND, SpanText, parse_seconds
from decisight.types import Verdict

__all__ = ["Interval"]

_BETWEEN = Verdict("between two looks", unchanged=True)


@GATES.register("interval")
@dataclass(frozen=True)
class Interval:
    """Let one picture through every so often, and take it that the others say the same as that one.

    What changes in between is noticed at the next look. Time that goes back starts anew. Where there is a ``motion``
    gate too, put this one before it: what has moved is then compared with what was looked at.

    Args:
        every: from one look to the next, for example ``"1s"``.

    Raises:
        UsageError: it is not a time, or not more than 0.
    """

    name: ClassVar[str] = "interval"
    saves: ClassVar[bool] = True

    _: KW_ONLY
    every: SpanText = "1s"

    def __post_init__(self) -> None:
        parse_seconds(self.every, "every")

    def keeper(self) -> IntervalKeeper:
        """One at work, that has seen nothing yet."""
        return IntervalKeeper(parse_seconds(self.every, "every"))


class IntervalKeeper:
    """Remembers when it last let one through.

    Args:
        every: in seconds.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._last: float | None = None

    def judge(self, crop: npt.NDArray[np.uint8], time: float) -> Verdict | None:
        """``between two looks`` or nothing; see :class:`~decisight.protocols.GateKeeper`."""
        if self._last is not None and 0.0 <= time - self._last < self._every - MICROSECOND:
            return _BETWEEN
        self._last = time
        return None
