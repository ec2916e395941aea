"""Small pictures for pages, within a budget of bytes."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from decisight.imaging import Pixels, encode_jpeg, resize

__all__ = ["QUALITY", "SIDE", "Thumbnail", "Thumbnails", "shrunk"]

SIDE = 192
"""The longest side of a thumbnail in pixels: sharp where it is shown half as large on a screen of double density."""

QUALITY = 78
"""Of its JPEG: about 7 KB a photograph."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture.

    Args:
        uri: ``data:image/jpeg;base64,...``, for the ``src`` of an ``img``.
        width: in pixels.
        height: in pixels.
    """

    uri: str
    width: int
    height: int

    @classmethod
    def made(cls, pixels: Pixels, *, side: int = SIDE, quality: int = QUALITY) -> Thumbnail:
        """The thumbnail of a picture.

        Args:
            pixels: uint8 (H, W, 3), RGB.
            side: at most so many pixels long; a smaller picture is not made larger.
            quality: of the JPEG, 1..100.
        """
        small = shrunk(pixels, side)
        content = base64.b64encode(encode_jpeg(small, quality=quality)).decode("ascii")
        return cls(f"data:image/jpeg;base64,{content}", small.shape[1], small.shape[0])


def shrunk(pixels: Pixels, side: int) -> Pixels:
    """A picture whose longest side has at most so many pixels, in its proportions.

    Args:
        pixels: uint8 (H, W, 3).
        side: at least 1.

    Returns:
        uint8 (h, w, 3); ``pixels`` itself where it is no larger.
    """
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1.0:
        return pixels
    return resize(pixels, (max(1, round(width * scale)), max(1, round(height * scale))))


class Thumbnails:
    """Thumbnails for one page, until a budget is spent: those asked for first are shown.

    Args:
        budget: how many bytes all of them may take in the page, encoded.
        side: the longest side, in pixels.
        quality: of the JPEG, 1..100.
    """

    def __init__(self, budget: int, *, side: int = SIDE, quality: int = QUALITY) -> None:
        self.budget = budget
        self.spent = 0
        """Bytes so far."""
        self.shown = 0
        """How many were given."""
        self.refused = 0
        """How many were not, as the budget was spent."""
        self._side, self._quality = side, quality

    def of(self, pixels: Pixels) -> Thumbnail | None:
        """The thumbnail of a picture; ``None`` where it does not fit into what is left of the budget.

        Args:
            pixels: uint8 (H, W, 3), RGB.
        """
        return self.take(Thumbnail.made(pixels, side=self._side, quality=self._quality))

    def take(self, thumbnail: Thumbnail) -> Thumbnail | None:
        """A thumbnail that was made elsewhere, for example in a thread; ``None`` where it does not fit any more."""
        if self.spent + len(thumbnail.uri) > self.budget:
            self.refused += 1
            return None
        self.spent += len(thumbnail.uri)
        self.shown += 1
        return thumbnail
