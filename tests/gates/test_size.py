"""Crops with too few pixels on a side are refused."""

from __future__ import annotations

import numpy as np
import pytest

from decisight.errors import UsageError
from decisight.gates.size import Size


@pytest.mark.parametrize(
    ("size", "least", "cause"),
    [
        ((16, 16), 16, None),
        ((15, 200), 16, "too small"),
        ((200, 15), 16, "too small"),
        ((1, 1), 1, None),
        ((63, 64), 64, "too small"),
    ],
)
def test_the_shorter_side_counts(size: tuple[int, int], least: int, cause: str | None) -> None:
    verdict = Size(least=least).keeper().judge(np.zeros((*size, 3), np.uint8), 0.0)
    assert (verdict and verdict.cause) == cause


def test_by_default_16_pixels_are_enough() -> None:
    assert Size().least == 16


@pytest.mark.parametrize("least", [0, -5])
def test_a_size_that_is_none(least: int) -> None:
    with pytest.raises(UsageError, match=f"size: least = {least} is no number of pixels"):
        Size(least=least)
