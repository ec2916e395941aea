"""What a source of pictures gives, and what a gate says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Frame", "Position", "Verdict"]

Position = Any
"""Where in its source a frame stands, as a JSON value that only the source understands; it goes on after it."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source; or the cause why there is none, where there should be one.

    Args:
        name: of the picture, for people: a file's name, or the place in a recording (``gate.mp4 at 12.400 s``).
        time: when it was taken, in seconds since 1970 (UTC).
        pixels: uint8 RGB (H, W, 3), upright; ``None`` where it could not be read. Nobody may change them.
        position: where in its source it stands.
        cause: why it could not be read; ``None`` where it could.
        skipped: pictures that the source passed over unasked since the frame before, because it could not keep up.

    Raises:
        ValueError: there are neither pixels nor a cause, or both; or the time is not finite.
    """

    name: str
    time: float
    pixels: npt.NDArray[np.uint8] | None
    position: Position = None
    cause: str | None = None
    skipped: int = 0

    def __post_init__(self) -> None:
        if (self.pixels is None) == (self.cause is None):
            raise ValueError(f"a frame has pixels, or a cause why it has none: {self.name}")
        if not math.isfinite(self.time):
            raise ValueError(f"a frame's time must be finite: {self.time}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says of a picture that is not to be classified.

    Args:
        cause: why, in few words that stay the same from picture to picture: ``too dark``, ``nothing moved``.
        unchanged: it says the same as the last picture that was classified, whose prediction holds for it too;
            otherwise it cannot be judged.
    """

    cause: str
    unchanged: bool = False
