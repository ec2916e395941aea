"""One look at every picture that was judged: how large and how bright it is, and a small copy of those shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from decisight.data.dataset import Example
from decisight.documents import Thumbnail
from decisight.errors import ImageError
from decisight.imaging import decode_reduced
from decisight.models.stream import in_order

__all__ = ["Look", "look"]

Progress = Callable[[str, int, int], None]

_SIDE = 256
"""Pictures are looked at about this large: enough to tell how bright they are, and for a copy."""

_LUMA = np.array([0.299, 0.587, 0.114]) / 255.0
"""Of red, green and blue; ITU-R BT.601."""

_SAMPLED = 64
"""How bright a picture is, is taken from about so many rows and columns of it."""

_CHUNK = 8


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one picture, or of the region of it that was judged.

    Args:
        width: in pixels of the file.
        height: in pixels of the file.
        brightness: the mean luma, 0 (black) to 1 (white).
        thumbnail: a small copy, if it was asked for.
    """

    width: int
    height: int
    brightness: float
    thumbnail: Thumbnail | None


def look(
    examples: Sequence[Example],
    sides: Mapping[int, int],
    fill: tuple[int, int, int],
    *,
    threads: int,
    progress: Progress | None = None,
) -> list[Look | None]:
    """Look at pictures, on all threads; JPEG is decoded no larger than is needed.

    Args:
        examples: N pictures.
        sides: by the number of a picture, how long the copy of it may be in pixels; of others none is made.
        fill: the colour of what lies outside of a region.
        threads: how many work.
        progress: called with ``"looking at pictures"``, how many are done, and N.

    Returns:
        N; ``None`` where a picture cannot be read any more.
    """
    tell = progress or (lambda *_: None)

    def chunk(numbers: Sequence[int]) -> list[Look | None]:
        return [_look(examples[number], sides.get(number), fill) for number in numbers]

    found: list[Look | None] = []
    for looks in in_order(chunk, range(len(examples)), size=_CHUNK, threads=threads):
        found += looks
        tell("looking at pictures", len(found), len(examples))
    return found


def _look(example: Example, side: int | None, fill: tuple[int, int, int]) -> Look | None:
    try:
        content = example.read()
        if example.region is None:
            pixels, (width, height) = decode_reduced(content, max(_SIDE, side or 0))
        else:
            # What lies in the region is to be seen well, however small a part of the picture it is.
            extents = (max(shares) - min(shares) for shares in zip(*example.region.polygon, strict=True))
            whole, size = decode_reduced(content, math.ceil(max(_SIDE, side or 0) / min(extents)))
            pixels = example.region.cut(whole, fill)
            left, top, right, bottom = example.region.bounds(*size)
            width, height = right - left, bottom - top
    except ImageError:
        return None
    step = max(1, min(pixels.shape[:2]) // _SAMPLED)
    brightness = float(pixels[::step, ::step].reshape(-1, 3).mean(axis=0) @ _LUMA)
    return Look(width, height, brightness, None if side is None else Thumbnail.made(pixels, side=side))
