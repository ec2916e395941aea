"""Frozen: a camera, or what stands between, that gives the same picture again and again."""

from __future__ import annotations

import zlib
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from decisight.gates import GATES
from decisight.spans import MICROSECOND, SpanText, parse_seconds
from decisight.types import Verdict

__all__ = ["Frozen"]

_FROZEN = Verdict("frozen picture")
_LONGEST_STEP = 0.5
"""From one picture to the next, as a share of ``after``, however far apart their times are."""


@GATES.register("frozen")
@dataclass(frozen=True)
class Frozen:
    """Refuse a picture that has been the very same for too long.

    A live camera's pictures differ by noise even where nothing moves; where they are the same to the last bit, the
    camera or the recorder in between hangs. A compressed picture of a still scene may come several times unchanged, and
    does not for long. Pictures that are drawn by a program, a screen's for example, may be the same for any time: leave
    this gate out for those.

    Time that goes back counts as none. A step forward counts as at most half of ``after``, so that a clock that is set
    does not make two pictures a frozen one.

    Args:
        after: how long the very same picture may come, for example ``"10s"``; one that comes for longer is a ``frozen
            picture``.

    Raises:
        UsageError: it is not a time, or not more than 0.
    """

    name: ClassVar[str] = "frozen"
    saves: ClassVar[bool] = False

    _: KW_ONLY
    after: SpanText = "10s"

    def __post_init__(self) -> None:
        parse_seconds(self.after, "after")

    def keeper(self, state: Any = None) -> FrozenKeeper:
        """One at work; see :class:`~decisight.protocols.Gate`."""
        return FrozenKeeper(parse_seconds(self.after, "after"), state)


class FrozenKeeper:
    """Remembers the last picture that differed from the one before it, and for how long it has been coming.

    Args:
        after: in seconds.
        state: what :meth:`state` gave of one before.
    """

    def __init__(self, after: float, state: Any = None) -> None:
        self._after = after
        self._last: npt.NDArray[np.uint8] | None = None
        self._digest: list[int] | None = None
        """Of the last picture, where it was asked for, or where the picture itself is not there any more."""
        self._time = 0.0
        self._seconds = 0.0
        match state:
            case {
                "version": 1,
                "digest": [*numbers],
                "seconds": int() | float() as seconds,
                "time": int() | float() as time,
            }:
                self._digest, self._seconds, self._time = numbers, float(seconds), float(time)

    def judge(self, crop: npt.NDArray[np.uint8], time: float) -> Verdict | None:
        """``frozen picture`` or nothing; see :class:`~decisight.protocols.GateKeeper`."""
        step, self._time = time - self._time, time
        if not self._comes_again(crop):
            self._last, self._digest, self._seconds = crop.copy(), None, 0.0
            return None
        self._seconds += min(max(step, 0.0), _LONGEST_STEP * self._after)
        return _FROZEN if self._seconds > self._after + MICROSECOND else None

    def state(self) -> Any:
        """A digest of the last picture, its time, and for how many seconds it has been coming."""
        if self._digest is None:
            if self._last is None:
                return None
            self._digest = _digest(self._last)
        return {"version": 1, "digest": self._digest, "seconds": self._seconds, "time": self._time}

    def _comes_again(self, crop: npt.NDArray[np.uint8]) -> bool:
        """Whether a crop is the last picture."""
        if self._last is not None:
            # All pixels are compared, which takes a fraction of the time of any digest.
            return np.array_equal(self._last, crop)
        kept = crop.copy()
        if self._digest is None or self._digest != _digest(kept):
            return False
        self._last = kept
        return True


def _digest(picture: npt.NDArray[np.uint8]) -> list[int]:
    """Height, width and checksum: at a restart one picture is told by it, not by chance the same as another.

    A checksum, since it is asked for after every picture, and takes less than half the time of a cryptographic digest.
    """
    return [*picture.shape[:2], zlib.crc32(picture.data)]
