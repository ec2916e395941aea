"""Decode, encode and resize still pictures: the only code that does.

Everything outside this package sees a picture as a uint8 array of shape (H, W, 3), RGB, upright. JPEG is decoded by
simplejpeg, which is fast and refuses damaged data; every other format, and JPEG in CMYK, by Pillow, which is the
reference. All functions may be called from several threads at once.

What is done with the rarer kinds of picture:

- The EXIF orientation is applied. Colour profiles are not.
- Transparency is laid on white: cut-out products and drawings are made for white paper, and the colour that a file
  happens to hold under a transparent pixel means nothing.
- 16-bit greys are scaled to 8 bits by their full range (65535 becomes 255), never clipped. Floats and 32-bit integers
  do not say their range; it is taken to be the smallest of 1 (floats only), 255 and 65535 that holds the largest
  value, else that value itself.
- Of an animation, a multi-page or a multi-picture file, the first picture is taken.

Example:
    >>> import numpy as np
    >>> from decisight.types import FitMode
    >>> picture = decode(encode_png(np.zeros((375, 500, 3), np.uint8)))
    >>> fit(picture, 224, FitMode.LETTERBOX, fill=(127, 127, 127)).shape
    (224, 224, 3)
"""

from __future__ import annotations

from decisight.files import printable
from decisight.imaging.decoding import MAX_PIXELS, decode, read_image
from decisight.imaging.encoding import encode_jpeg, encode_png
from decisight.imaging.files import IMAGE_SUFFIXES, MAX_BYTES, content_digest, is_image_name, read_bytes
from decisight.imaging.fitting import CROP_SHARE, Pixels, fit, resize
from decisight.imaging.reducing import decode_reduced
from decisight.imaging.reference import from_pillow

__all__ = [
    "CROP_SHARE",
    "IMAGE_SUFFIXES",
    "MAX_BYTES",
    "MAX_PIXELS",
    "Pixels",
    "content_digest",
    "decode",
    "decode_reduced",
    "encode_jpeg",
    "encode_png",
    "fit",
    "from_pillow",
    "is_image_name",
    "printable",
    "read_bytes",
    "read_image",
    "resize",
]
