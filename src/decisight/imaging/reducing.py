"""From the content of a file to a smaller picture, in less time than the whole picture takes."""

from __future__ import annotations

import math

from decisight.imaging.decoding import decode
from decisight.imaging.fitting import Pixels
from decisight.imaging.reference import jpeg_orientation, upright

__all__ = ["decode_reduced"]


def decode_reduced(data: bytes, side: int) -> tuple[Pixels, tuple[int, int]]:
    """Decode a picture no larger than is needed, where its format allows for that, as JPEG does.

    Args:
        data: the content of its file.
        side: how many pixels its longest side has to have at least, if it has as many. What comes may be larger.

    Returns:
        uint8, (h, w, 3), RGB, upright; and the width and height, upright too, that it has in the file.

    Raises:
        ImageError: it cannot be decoded, as :func:`~decisight.imaging.decode` says.
    """
    if data.startswith(b"\xff\xd8\xff") and (found := _reduced_jpeg(data, side)) is not None:
        return found
    pixels = decode(data)
    return pixels, (pixels.shape[1], pixels.shape[0])


def _reduced_jpeg(data: bytes, side: int) -> tuple[Pixels, tuple[int, int]] | None:
    """The picture; ``None`` where all of it is to be decoded, or it is to be said what is wrong with it."""
    import simplejpeg

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        scale = side / max(height, width)
        if scale > 0.5 or colours in ("CMYK", "YCCK"):
            return None
        pixels: Pixels = simplejpeg.decode_jpeg(
            data, "RGB", min_height=math.ceil(height * scale), min_width=math.ceil(width * scale)
        )
    except ValueError:
        return None
    turned = upright(pixels, orientation := jpeg_orientation(data))
    return turned, (height, width) if orientation in (5, 6, 7, 8) else (width, height)
