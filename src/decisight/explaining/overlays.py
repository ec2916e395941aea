"""Evidence laid over a picture: orange where it speaks for a label, blue where it speaks against it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["AGAINST", "FOR", "tinted"]

FOR, AGAINST = (230, 97, 0), (40, 90, 220)
"""Orange and blue can be told apart with every common kind of colour blindness, and neither is of the picture's."""

_GREY = 0.85
"""How much of a picture's own colour is taken out, so that what is tinted shows."""
_DARKEST, _LIGHTEST = 48.0, 236.0
"""What black and white become: on either, no tint would show."""
_STRONGEST = 0.75
"""How opaque the tint is at most, so that the picture stays visible."""
_FAINTEST = 0.06
"""Strength below which nothing is tinted."""
_RELIEF = 0.35
"""How much of the picture's light and dark is in the tint itself."""
_WEIGHTS = np.array([0.299, 0.587, 0.114])
"""Of red, green and blue in how light a pixel looks (ITU-R BT.601)."""


def tinted(pixels: npt.NDArray[np.uint8], strength: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """A picture with evidence laid over it.

    Args:
        pixels: uint8 (H, W, 3).
        strength: (H, W), -1 (all blue) to 1 (all orange); what is beyond is taken for that.

    Returns:
        uint8 (H, W, 3).
    """
    picture = pixels.astype(np.float64)
    grey = (picture @ _WEIGHTS)[..., None]
    picture += _GREY * (grey - picture)
    picture = _DARKEST + picture * ((_LIGHTEST - _DARKEST) / 255.0)
    amount = np.clip(np.abs(strength), 0.0, 1.0)
    opacity = _STRONGEST * np.clip((amount - _FAINTEST) / (1.0 - _FAINTEST), 0.0, 1.0) ** 0.8
    colour = np.where((strength > 0.0)[..., None], np.array(FOR, np.float64), np.array(AGAINST, np.float64))
    # Light and dark of the picture go on below the tint.
    colour = colour + _RELIEF * (grey - 128.0)
    mixed = picture + opacity[..., None] * (colour - picture)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)
