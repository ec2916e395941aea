"""Interval: look only every so often."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

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

    What changes in between is noticed at the next look. Time that goes back starts anew. After a restart one picture is
    looked at besides, since there is none yet that it could say the same as. Where there is a ``motion``
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

    def keeper(self, state: Any = None) -> IntervalKeeper:
        """One at work; see :class:`~decisight.protocols.Gate`."""
        return IntervalKeeper(parse_seconds(self.every, "every"), state)


class IntervalKeeper:
    """Remembers when it last let one through.

    Args:
        every: in seconds.
        state: what :meth:`state` gave of one before.
    """

    def __init__(self, every: float, state: Any = None) -> None:
        self._every = every
        self._last: float | None = None
        match state:
            case {"version": 1, "last": int() | float() as last}:
                self._last = float(last)

    def judge(self, crop: npt.NDArray[np.uint8], time: float) -> Verdict | None:
        """``between two looks`` or nothing; see :class:`~decisight.protocols.GateKeeper`."""
        if self._last is not None and 0.0 <= time - self._last < self._every - MICROSECOND:
            return _BETWEEN
        self._last = time
        return None

    def state(self) -> Any:
        """The time of the last one that was let through."""
        return None if self._last is None else {"version": 1, "last": self._last}
