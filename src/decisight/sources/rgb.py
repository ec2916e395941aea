"""From a decoded video picture to upright RGB pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from decisight.errors import ImageError
from decisight.imaging import MAX_PIXELS, Pixels

if TYPE_CHECKING:
    import av

__all__ = ["RgbConverter", "upright"]


class RgbConverter:
    """Converts the pictures of one stream; it keeps FFmpeg's scaler between them, which is slow to set up."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()

    def convert(self, frame: av.VideoFrame) -> Pixels:
        """The picture as uint8 (H, W, 3), RGB, turned as its display matrix says.

        Raises:
            ImageError: it has more than :data:`~decisight.imaging.MAX_PIXELS` pixels, or cannot be converted.
        """
        import av

        if frame.width * frame.height > MAX_PIXELS:
            raise ImageError(f"the picture is too large: {frame.width} x {frame.height} pixels")
        try:
            # One thread: a second one gains nothing at the sizes that cameras have, and several cameras share the CPU.
            pixels = self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        except (av.FFmpegError, ValueError) as error:
            raise ImageError("the picture cannot be converted to RGB") from error
        return upright(np.asarray(pixels, np.uint8), display_matrix(frame))


def display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int] | None:
    """How the picture is to be turned, as the first two columns and rows of FFmpeg's matrix; ``None`` if not at all."""
    from av.sidedata import sidedata

    # Not frame.side_data, which the frame keeps, and which keeps the frame: only the collector of cycles would free
    # them, after hundreds of megabytes.
    container: Any = getattr(sidedata, "SideDataContainer", None)
    data: Any
    try:
        data = (frame.side_data if container is None else container(frame)).get("DISPLAYMATRIX")
    except ValueError:  # there is side data of a kind that is newer than the library
        turned = {90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), -180: (-1, 0, 0, -1), -90: (0, 1, -1, 0)}
        return turned.get(frame.rotation)
    if data is None:
        return None
    a, b, _, c, d, *_ = np.frombuffer(memoryview(data), np.int32).tolist()
    return a, b, c, d


def upright(pixels: Pixels, matrix: Sequence[int] | None) -> Pixels:
    """Pixels turned by quarters and mirrored, as a display matrix says.

    Args:
        pixels: uint8 (H, W, 3).
        matrix: ``(a, b, c, d)``: what is stored at (x, y), counted right and down, is shown at (ax + cy, bx + dy), but
            for a shift. Of an angle between quarters, the nearest is taken. ``None`` leaves it as it is.

    Returns:
        uint8, contiguous.
    """
    if matrix is None:
        return pixels
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
