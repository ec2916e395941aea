"""What gates look at is small, true to the picture, and knows what was painted over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from decisight.gates.luma import SIDE, small_luma
from decisight.regions import Region

Array = npt.NDArray[np.uint8]
FILL = (127, 127, 127)


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((1, 1), (1, 1)),
        ((48, 64), (48, 64)),
        ((160, 160), (160, 160)),
        ((161, 80), (160, 80)),
        ((720, 1280), (90, 160)),
        ((2000, 1), (160, 1)),
        ((3, 4000), (1, 160)),
    ],
)
def test_no_side_is_longer_than_it_must_be(size: tuple[int, int], small: tuple[int, int]) -> None:
    luma = small_luma(np.zeros((*size, 3), np.uint8))
    assert luma.values.shape == small
    assert luma.values.dtype == np.float32
    assert max(luma.values.shape) <= SIDE


@pytest.mark.parametrize("size", [(20, 30), (300, 500)])
@pytest.mark.parametrize(("colour", "value"), [((255, 0, 0), 76.245), ((0, 255, 0), 149.685), ((0, 0, 255), 29.07)])
def test_colours_are_weighed_as_the_eye_does(size: tuple[int, int], colour: tuple[int, int, int], value: float) -> None:
    luma = small_luma(np.full((*size, 3), colour, np.uint8))
    np.testing.assert_allclose(luma.values, value, atol=1e-3)
    assert luma.seen.size == luma.values.size


def test_a_large_picture_keeps_its_brightness(scene: Callable[..., Array]) -> None:
    picture = scene(700, 900)
    whole = picture.astype(float) @ (0.299, 0.587, 0.114)
    assert abs(float(small_luma(picture).values.mean()) - whole.mean()) < 1.0


@pytest.mark.parametrize("size", [(120, 100), (480, 640)])
def test_what_lies_outside_the_region_is_not_seen(scene: Callable[..., Array], size: tuple[int, int]) -> None:
    triangle = Region("bay", ((0.0, 1.0), (0.5, 0.0), (1.0, 1.0)))
    luma = small_luma(triangle.cut(scene(*size) // 8, FILL))
    assert luma.painted is not None
    assert abs(float(luma.painted.mean()) - 0.5) < 0.03
    assert luma.seen.max() < 40  # nothing of the fill


def test_a_picture_of_one_colour_is_seen() -> None:
    luma = small_luma(np.full((50, 50, 3), 90, np.uint8))
    assert luma.seen.tolist() == pytest.approx([90.0] * 2500)
