"""Clips whose pictures are numbered: which one a picture is can be read from its pixels, however it was encoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from decisight.imaging import Pixels

__all__ = ["number_of", "numbered", "write_numbered"]

_BITS = 10
_CHECKS = 2
"""A white and a black block tell that it is a numbered picture at all."""
_WHITE, _BLACK = 220, 30


def numbered(number: int, size: tuple[int, int] = (320, 240)) -> Pixels:
    """A picture that tells its number, with a bar that moves.

    Args:
        number: 0..1023; of a greater one the remainder.
        size: width and height in pixels, at least 96 x 32.
    """
    width, height = size
    pixels = np.full((height, width, 3), 110, np.uint8)
    pixels[height // 2 :, :, 1] = np.linspace(40, 200, width).astype(np.uint8)
    bar = number * 7 % max(1, width - 16)
    pixels[height // 3 :, bar : bar + 16] = (200, 60, 60)
    bits = [1, 0, *((number >> at) & 1 for at in range(_BITS))]
    block = width // (_BITS + _CHECKS)
    for at, bit in enumerate(bits):
        pixels[: height // 4, at * block : (at + 1) * block] = _WHITE if bit else _BLACK
    return pixels


def number_of(pixels: Pixels) -> int | None:
    """The number that a picture tells; ``None`` where it tells none, as one that is damaged."""
    height, width = pixels.shape[:2]
    block = width // (_BITS + _CHECKS)
    inner = slice(height // 16, height // 4 - height // 16)
    levels = [
        float(pixels[inner, at * block + block // 4 : (at + 1) * block - block // 4].mean())
        for at in range(_BITS + _CHECKS)
    ]
    if any(60 < level < 190 for level in levels) or levels[0] < 190 or levels[1] > 60:
        return None
    return sum(1 << at for at, level in enumerate(levels[_CHECKS:]) if level > 128)


def write_numbered(
    path: Path,
    *,
    size: tuple[int, int] = (320, 240),
    fps: int = 15,
    count: int = 90,
    gop: int = 15,
    codec: str = "libx264",
) -> Path:
    """A clip of numbered pictures, from 0, without pictures that refer to later ones.

    Args:
        path: of the MP4 file.
        size: width and height in pixels.
        fps: pictures a second.
        count: how many.
        gop: pictures from one key frame to the next.
        codec: as FFmpeg calls its encoder.
    """
    options = {"preset": "ultrafast", "tune": "zerolatency", "bf": "0", "sc_threshold": "0", "crf": "23"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.time_base = Fraction(1, fps)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(number, size), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
