"""Write a picture as the content of a file."""

from __future__ import annotations

import io

import numpy as np

from decisight.imaging.fitting import Pixels

__all__ = ["encode_jpeg", "encode_png"]


def encode_png(image: Pixels) -> bytes:
    """A picture (uint8, (H, W, 3), RGB) as a PNG file, without loss."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def encode_jpeg(image: Pixels, *, quality: int = 90) -> bytes:
    """A picture (uint8, (H, W, 3), RGB) as a JPEG file.

    Args:
        image: the picture.
        quality: 1 (small) to 100 (best).
    """
    import simplejpeg

    encoded: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorspace="RGB")
    return encoded
