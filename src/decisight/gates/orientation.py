"""The directions of a picture's edges, which stay as they are when the light, the exposure or the contrast changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from decisight.imaging import Pixels

__all__ = ["orientation", "small_grey"]

_FLOOR = 1.0
"""In luma a pixel: a slope below this hardly counts, since it is the compression's as likely as the scene's."""
_NOISE = 2.0
"""Times the median of the squared slopes, which is noise where most of a picture is plain: likewise."""


def small_grey(pixels: Pixels, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """A picture in grey, brought to a size: float32 (height, width), 0..255.

    Args:
        pixels: uint8 (H, W, 3).
        size: width and height.
    """
    from PIL import Image

    grey = Image.fromarray(pixels).convert("L")
    if grey.size != size:
        smaller = grey.width >= size[0] and grey.height >= size[1]
        window = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
        grey = grey.resize(size, window, reducing_gap=2.0)
    return np.asarray(grey, np.float32)


def orientation(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
    """The direction of the edge at each pixel, as a complex number; its length, 0..1, says how surely there is one.

    The angle is doubled, so that an edge from dark to light is the same as one from light to dark, as it may be in
    infrared at night. Fitch, Kadyrov, Christmas, Kittler, "Orientation correlation", BMVC 2002; the doubled angle is
    Granlund's, "In search of a general picture processing operator", Computer Graphics and Image Processing 8, 1978.

    Args:
        grey: (h, w), each side at least 2.
    """
    from scipy.ndimage import gaussian_filter

    down, across = np.gradient(gaussian_filter(grey, 1.0))
    steep = across * across + down * down
    doubled = np.empty(grey.shape, np.complex64)
    doubled.real = across * across - down * down
    doubled.imag = 2.0 * across * down
    return np.asarray(doubled / (steep + np.float32(_FLOOR + _NOISE * np.median(steep))), np.complex64)
