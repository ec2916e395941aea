from __future__ import annotations

import gc
import weakref

import av
import numpy as np

from decisight.sources.rgb import RgbConverter


class Token:
    """Lives as long as what it is tied to."""


def test_a_picture_that_was_converted_is_freed() -> None:
    frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24").reformat(format="yuv420p")
    token = Token()
    frame.opaque = token
    alive = weakref.ref(token)
    gc.disable()
    try:
        RgbConverter().convert(frame)
        del frame, token
        # Without the collector of cycles, which comes by only after hundreds of pictures.
        assert alive() is None
    finally:
        gc.enable()
