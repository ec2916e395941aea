"""Motion: whether anything has moved since the last picture that was looked at."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.gates import GATES
from decisight.gates.luma import Luma, small_luma
from decisight.spans import MICROSECOND, SpanText, parse_seconds
from decisight.types import Verdict

__all__ = ["Motion"]

_CELL = 5
"""The side of a cell in pixels of the small copy: 32 cells along the longer side of a picture."""
_STILL = 0.6
"""The share of the cells that the light is judged by: those that fit it best, since what moves does not."""
_ROUNDS = 4
_MOST_GAIN = 2.0
_MOST_SHIFT = 48.0
"""In luma. Light that changes by more may be a thing that fills the picture."""
_NOTHING_MOVED = Verdict("nothing moved", unchanged=True)


@GATES.register("motion")
@dataclass(frozen=True)
class Motion:
    """Pass over pictures in which nothing has moved since the last one let through.

    Each picture is compared with that last one, not with the one before it, so what creeps is noticed as well. A change
    of the light of all of the picture (a camera that adjusts its exposure, a cloud) is taken out before: the gain and
    the offset by which most of the picture changed. Noise is averaged out over cells of a 32nd of the picture's side.
    What it compares with is a picture, which is not stored: the first one after a restart is let through.

    Args:
        threshold: how much the luma of a cell must change to have moved, more than 0, at most 255.
        min_area: the share of the cells that must have moved, 0..1; at least one must in any case.
        at_least_every: after so long one is let through anyway, for example ``"1s"``. Time that goes back lets one
            through.

    Raises:
        UsageError: a setting is outside its range.
    """

    name: ClassVar[str] = "motion"
    saves: ClassVar[bool] = True

    _: KW_ONLY
    threshold: float = 6.0
    min_area: float = 0.005
    at_least_every: SpanText = "1s"

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 255.0:
            raise UsageError(
                f"motion: threshold = {self.threshold} is no change of luma", hint="give more than 0, at most 255"
            )
        if not 0.0 <= self.min_area <= 1.0:
            raise UsageError(
                f"motion: min_area = {self.min_area} is no share of the picture", hint="give one of 0 to 1"
            )
        parse_seconds(self.at_least_every, "at_least_every")

    def keeper(self, state: Any = None) -> MotionKeeper:
        """One at work, that has seen nothing yet, whatever the state; see :class:`~decisight.protocols.Gate`."""
        return MotionKeeper(self)


class MotionKeeper:
    """Remembers the cells of the last picture that it let through, and its time."""

    def __init__(self, gate: Motion) -> None:
        self._gate = gate
        self._longest = parse_seconds(gate.at_least_every, "at_least_every")
        self._last: tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]] | None = None
        self._size = (0, 0)
        self._time = 0.0

    def judge(self, crop: npt.NDArray[np.uint8], time: float) -> Verdict | None:
        """``nothing moved`` or nothing; see :class:`~decisight.protocols.GateKeeper`."""
        cells, seen = _cells(small_luma(crop))
        size = crop.shape[:2]
        if self._last is not None and size == self._size and 0.0 <= time - self._time < self._longest - MICROSECOND:
            both = seen & self._last[1]
            if not self._moved(self._last[0][both], cells[both]):
                return _NOTHING_MOVED
        self._last, self._size, self._time = (cells, seen), size, time
        return None

    def state(self) -> None:
        """Nothing: it would be a picture."""

    def _moved(self, before: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> bool:
        if not now.size:
            return False
        gain, offset = _light(before, now)
        if not 1 / _MOST_GAIN <= gain <= _MOST_GAIN or abs((gain - 1) * before.mean() + offset) > _MOST_SHIFT:
            return True
        moved = int(np.count_nonzero(np.abs(now - gain * before - offset) >= self._gate.threshold))
        return moved >= max(1.0, self._gate.min_area * now.size)


def _cells(luma: Luma) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The mean of each cell, (n,), and whether nothing of it was painted over."""
    means, seen = luma.values.astype(np.float64), np.ones(luma.values.shape, np.bool_)
    if luma.painted is not None:
        seen = ~luma.painted
    for axis, length in enumerate(luma.values.shape):
        cells = max(1, length // _CELL)
        starts = np.arange(cells) * length // cells
        lengths = np.diff(starts, append=length).reshape((-1, 1) if axis == 0 else (1, -1))
        means = np.add.reduceat(means, starts, axis=axis) / lengths
        seen = np.logical_and.reduceat(seen, starts, axis=axis)
    return means.ravel(), seen.ravel()


def _light(before: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The gain and the offset that most cells changed by: least squares over those that fit best, again and again."""
    gain, offset = 1.0, float(np.median(now - before))
    fitting = max(1, int(_STILL * now.size))
    for _ in range(_ROUNDS):
        best = np.argpartition(np.abs(now - gain * before - offset), fitting - 1)[:fitting]
        x, y = before[best], now[best]
        x_mean, y_mean = float(x.mean()), float(y.mean())
        spread = float(np.square(x - x_mean).mean())
        # Of cells that all look the same no gain can be told.
        gain = float(((x - x_mean) * (y - y_mean)).mean()) / spread if spread > 1.0 else 1.0
        offset = y_mean - gain * x_mean
    return gain, offset
