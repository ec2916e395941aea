"""Conceal people in pictures that are kept: their faces, or everything but rough colours.

What is concealed cannot be restored: of a box nothing is left but a few mean colours, and of those only the upper bits.
Names can still be told from clothes, place and time; concealing makes nobody anonymous by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.imaging.faces import Box, find_faces
from decisight.imaging.fitting import Pixels

__all__ = ["BLOCKS", "MARGIN", "Box", "blur", "conceal", "pixelate"]

BLOCKS = 6
"""Along the longer side of a box. People recognise faces they know from about 16 across (Harmon and Julesz 1973)."""

MARGIN = 0.3
"""What is concealed around a face, as a share of its width and height: ears, hair and chin tell as much."""

_SMALLEST = 4
"""The least side of a block in pixels: in a small box there are fewer blocks, so that they still conceal."""
_STEP = 16
"""Colours are kept as the middle of steps of so many."""
_STRIP = 64
"""Rows of pixels that are worked on at once."""
_CHOICES = {"how": ("pixelate", "blur"), "what": ("faces", "all")}


def conceal(pixels: Pixels, how: Literal["pixelate", "blur"], what: Literal["faces", "all"]) -> Pixels:
    """Conceal faces, or all of a picture.

    Args:
        pixels: uint8 (H, W, 3), RGB; not changed.
        how: ``pixelate`` into blocks, or ``blur``: the same few colours, run into one another.
        what: the ``faces`` that are found, with a margin around them; or ``all`` of the picture. Not every face is
            found, and one that is missed stays visible: take ``all`` where that must not be.

    Returns:
        A new array, uint8 (H, W, 3).

    Raises:
        UsageError: there is no such way, or nothing of that name to conceal.
        MissingPartError: faces are to be found, and the library for it is not installed.
    """
    for name, value in (("how", how), ("what", what)):
        if value not in _CHOICES[name]:
            raise UsageError(f"conceal: {name} = {value!r} is not known", hint=f"give {' or '.join(_CHOICES[name])}")
    boxes = None if what == "all" else [_with_margin(box) for box in find_faces(pixels)]
    return pixelate(pixels, boxes) if how == "pixelate" else blur(pixels, boxes)


def pixelate(pixels: Pixels, boxes: Iterable[Box] | None = None, blocks: int = BLOCKS) -> Pixels:
    """Make boxes of a picture into a few blocks of one colour each.

    Args:
        pixels: uint8 (H, W, 3); not changed.
        boxes: what to conceal; what of one lies outside the picture is left out. By default all of the picture.
        blocks: how many there are at most along the longer side of a box, at least 1. A block has 4 pixels or more on a
            side, or all of the box.

    Returns:
        A new array, uint8 (H, W, 3); outside the boxes it is ``pixels``.

    Raises:
        UsageError: a box has its right edge left of its left one, or its bottom above its top; or there are no blocks.
    """
    return _concealed(pixels, boxes, blocks, _spread)


def blur(pixels: Pixels, boxes: Iterable[Box] | None = None, blocks: int = BLOCKS) -> Pixels:
    """Make boxes of a picture into a few colours that run into one another.

    They are the same that :func:`pixelate` leaves, so a blurred picture tells no more than a pixelated one; a plain
    blur, however wide, can in part be undone.

    Args:
        pixels: as of :func:`pixelate`.
        boxes: as of :func:`pixelate`.
        blocks: as of :func:`pixelate`.

    Returns:
        A new array, uint8 (H, W, 3); outside the boxes it is ``pixels``.

    Raises:
        UsageError: as of :func:`pixelate`.
    """
    return _concealed(pixels, boxes, blocks, _run_together)


Colours = npt.NDArray[np.uint8]
"""(rows, columns, 3): one of each block."""
Places = npt.NDArray[np.intp]
"""Where the rows, or the columns, of blocks begin; and where the last ends."""


def _concealed(
    pixels: Pixels, boxes: Iterable[Box] | None, blocks: int, paint: Callable[[Colours, Places, Places], Pixels]
) -> Pixels:
    if blocks < 1:
        raise UsageError(f"blocks = {blocks} leaves nothing", hint="give 1 or more")
    height, width = pixels.shape[:2]
    # Each box is taken from what the ones before it left: two views of one face would tell more than either.
    concealed = pixels.copy()
    for left, top, right, bottom in [(0, 0, width, height)] if boxes is None else boxes:
        if right < left or bottom < top:
            raise UsageError(
                f"the box {(left, top, right, bottom)} is upside down", hint="give left, top, right, bottom in pixels"
            )
        inside = concealed[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        if inside.size:
            rows, columns = (_places(length, max(inside.shape[:2]), blocks) for length in inside.shape[:2])
            inside[:] = paint(_colours(inside, rows, columns), rows, columns)
    return concealed


def _places(length: int, longer: int, blocks: int) -> Places:
    """Where the blocks along a side begin, and where the last ends."""
    count = max(1, min(round(blocks * length / longer), length // _SMALLEST))
    return np.arange(count + 1) * length // count


def _colours(box: Pixels, rows: Places, columns: Places) -> Colours:
    """The mean colour of each block, of which the lower bits are lost."""
    sums = np.add.reduceat(np.add.reduceat(box, rows[:-1], axis=0, dtype=np.int64), columns[:-1], axis=1)
    means = sums // (np.diff(rows)[:, np.newaxis] * np.diff(columns))[:, :, np.newaxis]
    kept: Colours = (means // _STEP * _STEP + _STEP // 2).astype(np.uint8)
    return kept


def _spread(colours: Colours, rows: Places, columns: Places) -> Pixels:
    """Every pixel in the colour of its block."""
    return np.repeat(np.repeat(colours, np.diff(rows), axis=0), np.diff(columns), axis=1)


def _run_together(colours: Colours, rows: Places, columns: Places) -> Pixels:
    """Every pixel between the colours of the blocks whose middles it lies between."""
    down, across = _between(rows), _between(columns)
    mixed = np.einsum("rcn,xc->rxn", colours, across)
    painted = np.empty((rows[-1], columns[-1], 3), np.uint8)
    # Strip by strip: all of a large picture in floating point would take eight times its memory.
    for top in range(0, rows[-1], _STRIP):
        painted[top : top + _STRIP] = np.tensordot(down[top : top + _STRIP], mixed, axes=1).round()
    return painted


def _between(places: Places) -> npt.NDArray[np.float64]:
    """How much of the colour of each block a pixel takes: (pixels, blocks), each row adds up to 1."""
    middles = (places[:-1] + places[1:]) / 2
    pixels = np.arange(places[-1]) + 0.5
    return np.stack([np.interp(pixels, middles, row) for row in np.eye(len(middles))], axis=1)


def _with_margin(face: Box) -> Box:
    left, top, right, bottom = face
    across, down = (round(MARGIN * length) for length in (right - left, bottom - top))
    return (left - across, top - down, right + across, bottom + down)
