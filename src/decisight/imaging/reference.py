"""Pillow, the reference and the decoder of everything but plain JPEG."""

from __future__ import annotations

import importlib
import io
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from decisight.errors import ImageError
from decisight.imaging.complaints import bomb, damaged, not_a_picture, too_many_pixels
from decisight.imaging.fitting import STRIP_PIXELS, Pixels

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["decode_with_pillow", "from_pillow", "jpeg_orientation", "upright", "upright_size"]

_ORIENTATION_TAG = 0x0112
_BITS_PER_SAMPLE_TAG = 258
_LEFT_AS_STORED = ("JPEG", "MPO", "PNG", "WEBP")
"""Formats whose pictures Pillow never turns by itself."""

# A format by its Pillow plug-in. A short list on purpose: others run foreign programs (EPS calls Ghostscript), read
# further files, or are hardly ever met outside an attack. MPO, the two-picture JPEG of phones, comes with JPEG.
_PLUGINS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "TIFF": "TiffImagePlugin",
    "WEBP": "WebPImagePlugin",
    "PPM": "PpmImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "AVIF": "AvifImagePlugin",
}


@cache
def _formats() -> tuple[str, ...]:
    """The formats of :data:`_PLUGINS` that the installed Pillow has, their plug-ins loaded."""
    from PIL import Image

    # Plug-ins also log their complaints, which Python prints to stderr where nobody has set up logging.
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    for plugin in _PLUGINS.values():
        with suppress(ImportError):
            importlib.import_module(f"PIL.{plugin}")
    return tuple(name for name in _PLUGINS if name in Image.OPEN)


def decode_with_pillow(data: bytes, max_pixels: int) -> Pixels:
    """Decode a picture.

    Args:
        data: the content of its file, not empty.
        max_pixels: refused, from the header alone, where it has more.

    Returns:
        uint8, (H, W, 3), RGB, upright.

    Raises:
        ImageError: it is not a picture of a known format, too large, or damaged.
        MemoryError: as it says.
    """
    from PIL import Image, UnidentifiedImageError

    kind = None
    with _pillow_warnings_ignored():
        try:
            with Image.open(io.BytesIO(data), formats=_formats()) as image:
                kind = image.format
                if image.width * image.height > max_pixels:
                    raise too_many_pixels(f"{image.width} x {image.height} pixels", max_pixels)
                return _pixels(image)
        except (ImageError, MemoryError):
            raise
        except UnidentifiedImageError as error:
            raise not_a_picture(data, _formats()) from error
        except Image.DecompressionBombError as error:
            raise bomb(data, error, max_pixels) from error
        # Decoders of many formats raise whatever they ran into; none of it may end a run over many pictures.
        except Exception as error:
            raise damaged(kind, error) from error


def from_pillow(image: Image.Image) -> Pixels:
    """A picture that was opened or made with Pillow, as decoding its file would have given it.

    Args:
        image: of any mode; it is not changed, but it is loaded if it was not.

    Returns:
        uint8, (H, W, 3), RGB, upright.

    Raises:
        ImageError: it cannot be loaded, has no pixels, or a mode without a way to RGB.
    """
    with _pillow_warnings_ignored():
        try:
            pixels = _pixels(image)
        except Exception as error:
            raise damaged(image.format, error) from error
    if pixels.size == 0:
        raise ImageError(f"the picture has no pixels: it is {image.width} x {image.height}", hint="check its size")
    return pixels


def jpeg_orientation(data: bytes) -> int:
    """The EXIF orientation of a JPEG, 1 where it has none or its EXIF is broken."""
    from PIL import Image

    with _pillow_warnings_ignored(), suppress(Exception), Image.open(io.BytesIO(data), formats=_formats()) as image:
        return _orientation(image)
    return 1


def upright_size(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Width and height of a picture as it will be decoded, from the header of its file alone.

    Returns:
        ``None`` where the header does not tell: the file cannot be read or is no picture, or it is of a format of which
        Pillow has turned some pictures by now and others not.
    """
    from PIL import Image

    with _pillow_warnings_ignored(), suppress(Exception), Image.open(path, formats=_formats()) as image:
        turned = _orientation(image)
        if turned == 1 or image.format in _LEFT_AS_STORED:
            return (image.height, image.width) if turned in (5, 6, 7, 8) else image.size
    return None


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo the EXIF orientation 1 to 8 (Exif 2.32, tag 0x0112); any other value is taken for 1."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _pixels(image: Image.Image) -> Pixels:
    # Some formats turn the picture while it is loaded, and then say so in the orientation.
    image.load()
    return upright(_to_rgb(image), _orientation(image))


def _orientation(image: Image.Image) -> int:
    # A photo whose EXIF is broken is still a photo; the parser then raises whatever it ran into.
    with suppress(Exception):
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    return 1


def _to_rgb(image: Image.Image) -> Pixels:
    """A loaded Pillow image of any mode as an RGB array, made strip by strip."""
    white = _full_scale(image)
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    top = 0
    for strip in _strips(image):
        rgb[top : top + strip.height] = _strip_to_rgb(strip, white)
        top += strip.height
    return rgb


def _strips(image: Image.Image) -> Iterator[Image.Image]:
    """An image from top to bottom; all of an ordinary one at once."""
    rows = max(1, STRIP_PIXELS // max(1, image.width))
    if rows >= image.height:
        yield image
        return
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _strip_to_rgb(image: Image.Image, white: float | None) -> npt.NDArray[np.uint8]:
    from PIL import Image

    if white is not None:
        return _grey_to_rgb(np.asarray(image), white)
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _full_scale(image: Image.Image) -> float | None:
    """The value of white in a grey image of more than 8 bits; ``None`` for every other image."""
    if image.mode.startswith("I;16"):
        # TIFF has greys of 12 bits as well, which Pillow leaves in the lower part of 16.
        bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE_TAG, (16,))[0]
        return float(2**bits - 1)
    if image.mode not in ("I", "F"):
        return None
    # PNG and PPM have no 32-bit greys: this is how some versions of Pillow hold 16 bits.
    if image.format in ("PNG", "PPM"):
        return 65535.0
    strips = (np.asarray(strip) for strip in _strips(image))
    largest = max((float(np.max(values, where=np.isfinite(values), initial=0)) for values in strips), default=0.0)
    scales = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    return next((scale for scale in scales if largest <= scale), largest)


def _grey_to_rgb(values: npt.NDArray[Any], full_scale: float) -> Pixels:
    """Greys of any range as an RGB array: 0 and less is black, ``full_scale`` white, not-a-number black."""
    scaled = np.nan_to_num(values.astype(np.float32) * np.float32(255.0 / full_scale), nan=0.0, posinf=255.0)
    grey = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


_warnings_lock = threading.Lock()
_warnings_scopes: list[warnings.catch_warnings[None]] = []
_warnings_users = 0


@contextmanager
def _pillow_warnings_ignored() -> Iterator[None]:
    """Keep Pillow's own warnings (broken EXIF, many pixels) off the terminal; errors are raised all the same.

    ``warnings.catch_warnings`` changes the whole process and is not safe in threads, so the first thread to come in
    sets the filter and the last to leave takes it away.
    """
    global _warnings_users
    with _warnings_lock:
        if _warnings_users == 0:
            scope = warnings.catch_warnings()
            scope.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
            _warnings_scopes.append(scope)
        _warnings_users += 1
    try:
        yield
    finally:
        with _warnings_lock:
            _warnings_users -= 1
            if _warnings_users == 0:
                _warnings_scopes.pop().__exit__(None, None, None)
