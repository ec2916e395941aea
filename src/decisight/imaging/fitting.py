"""Bring a picture to a size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decisight.types import FitMode

__all__ = ["CROP_SHARE", "STRIP_PIXELS", "Pixels", "fit", "resize"]

Pixels = npt.NDArray[np.uint8]
"""A picture: uint8, (H, W, 3), RGB, upright."""

CROP_SHARE = 0.875
"""The side of the centre square of :attr:`~decisight.types.FitMode.CROP`, as a share of the picture's shorter side."""

STRIP_PIXELS = 1 << 22
"""Pixels of a large picture that are worked on at once: copies of all of it would take most of the memory."""

_REDUCING_GAP = 2.0
"""How many times the size wanted a picture keeps when it is made smaller by whole factors."""


def resize(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Bring a picture to a size, its proportions given up.

    Making it smaller averages over the area that each new pixel covers (Hamming window; by whole factors first where
    the picture is much larger). On photos of 500 x 375 brought to 224 x 224 this window came 2 dB nearer to Lanczos
    than bilinear in the same time, and 4 dB nearer than plain boxes for a quarter of a millisecond more. Making it
    larger in either direction is bicubic.

    Args:
        image: uint8, (H, W, 3).
        size: width and height wanted, in pixels, each at least 1.

    Returns:
        uint8, (height, width, 3); ``image`` itself where it has that size already.
    """
    from PIL import Image

    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    smaller = size[0] <= width and size[1] <= height
    window = Image.Resampling.HAMMING if smaller else Image.Resampling.BICUBIC
    by_x, by_y = (max(1, int(have / want / _REDUCING_GAP)) for have, want in zip((width, height), size, strict=True))
    source = Image.fromarray(image if by_x == by_y == 1 else _reduced(image, by_x, by_y))
    return np.array(source.resize(size, window, box=(0, 0, width / by_x, height / by_y)))


def _reduced(image: Pixels, by_x: int, by_y: int) -> Pixels:
    """A picture smaller by whole factors, each new pixel the mean of those it covers; made strip by strip."""
    from PIL import Image

    height, width = image.shape[:2]
    rows = by_y * max(1, STRIP_PIXELS // (width * by_y))
    strips = (Image.fromarray(image[top : top + rows]) for top in range(0, height, rows))
    return np.concatenate([np.asarray(strip.reduce((by_x, by_y))) for strip in strips])


def fit(image: Pixels, size: int, mode: FitMode, fill: tuple[int, int, int]) -> Pixels:
    """Bring a picture of any shape to a square.

    Args:
        image: uint8, (H, W, 3).
        size: the side of the square, in pixels.
        mode: how; see :class:`~decisight.types.FitMode`. A crop is cut before it is resized.
        fill: the colour of what a letterbox leaves free, 0..255 each.

    Returns:
        uint8, (size, size, 3).
    """
    height, width = image.shape[:2]
    match mode:
        case FitMode.STRETCH:
            return resize(image, (size, size))
        case FitMode.CROP:
            side = max(1, round(CROP_SHARE * min(height, width)))
            top, left = (height - side) // 2, (width - side) // 2
            return resize(image[top : top + side, left : left + side], (size, size))
        case FitMode.LETTERBOX:
            scale = size / max(height, width)
            # The thinnest picture keeps one pixel, or it would vanish.
            inner = resize(image, (max(1, round(width * scale)), max(1, round(height * scale))))
            square = np.empty((size, size, 3), np.uint8)
            square[:] = fill
            top, left = (size - inner.shape[0]) // 2, (size - inner.shape[1]) // 2
            square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
            return square
