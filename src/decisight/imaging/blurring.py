"""Take the detail out of the middle of a picture, or out of all around it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from decisight.imaging.fitting import Pixels

__all__ = ["blurred_border", "blurred_centre", "frame"]

_RADIUS = 0.1
"""Standard deviation of the blur, as a share of the shorter side: of a face or a wheel only the mean colour is left."""
_SEAM = 0.015
"""Standard deviation of the seam between what is blurred and what is not, in the same share: no edge that was not
there."""


def frame(width: int, height: int) -> tuple[float, float]:
    """A frame that takes half of a picture: how wide it is at the left and right, and at the top and bottom, in pixels.

    A picture that is cut out around something tall is filled by it from end to end, and what is around it is at its
    sides: so the frame of a tall picture is narrower at its ends, as much as the picture is longer.

    Example:
        >>> [round(side) for side in (*frame(100, 100), *frame(100, 300))]
        [15, 15, 24, 8]
    """
    shorter, ratio = min(width, height), min(width, height) / max(width, height)
    along = 0.5 / (1.0 + ratio**2 + math.sqrt(1.0 + ratio**4)) * shorter
    across = along * ratio
    return (along, across) if width <= height else (across, along)


def blurred_border(image: Pixels) -> Pixels:
    """The picture with a frame of half of its area blurred, and the centre as it is.

    Args:
        image: uint8 (H, W, 3); not changed.
    """
    return _blurred(image, _centre(*image.shape[1::-1]) == 0)


def blurred_centre(image: Pixels) -> Pixels:
    """The picture with the half of its area in the centre blurred, and the frame around it as it is.

    Args:
        image: uint8 (H, W, 3); not changed.
    """
    return _blurred(image, _centre(*image.shape[1::-1]) > 0)


def _centre(width: int, height: int) -> npt.NDArray[np.uint8]:
    """255 in the centre, 0 around it: (height, width)."""
    x, y = (round(side) for side in frame(width, height))
    mask = np.zeros((height, width), np.uint8)
    mask[y : height - y, x : width - x] = 255
    return mask


def _blurred(image: Pixels, part: npt.NDArray[np.bool_]) -> Pixels:
    """A picture with a part blurred by itself: nothing of the rest runs into it, nor it into the rest."""
    from PIL import Image, ImageFilter

    shorter = min(part.shape)
    wide, seam = (ImageFilter.GaussianBlur(share * shorter) for share in (_RADIUS, _SEAM))
    inside = Image.fromarray(np.where(part, 255, 0).astype(np.uint8))
    alone = Image.fromarray(np.where(part[..., None], image, 0).astype(np.uint8)).filter(wide)
    weight = np.asarray(inside.filter(wide), np.float64)[..., None] / 255.0
    soft = np.asarray(alone, np.float64) / np.maximum(weight, 1.0 / 255.0)
    share = np.where(part, np.asarray(inside.filter(seam), np.float64) / 255.0, 0.0)[..., None]
    # The seam lies within the blurred part: what is kept is kept to its last pixel.
    share = np.clip(2.0 * share - 1.0, 0.0, 1.0)
    mixed = image + share * (np.clip(soft, 0.0, 255.0) - image)
    return np.asarray(np.rint(mixed), np.uint8)
