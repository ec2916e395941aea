"""Evidence keeps its sum on its way from a map to the square, and lies in the picture where the square does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight import imaging
from decisight.explaining.geometry import ALL_OVER, InputGeometry, overlaps, spread
from decisight.types import FitMode

FITS = list(FitMode)
sides = st.integers(1, 400)


@pytest.mark.parametrize(
    ("side", "size"), [(112, 224), (28, 224), (14, 224), (7, 224), (33, 260), (9, 260), (15, 240), (1, 8)]
)
def test_spreading_keeps_the_sum_and_what_is_the_same_everywhere(side: int, size: int) -> None:
    evidence = np.random.default_rng(side).normal(size=(side, side))
    assert spread(evidence, size).sum() == pytest.approx(evidence.sum(), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(spread(np.ones((side, side)), size), (side / size) ** 2, rtol=1e-9)


def test_spreading_is_smooth_and_stays_where_it_was() -> None:
    evidence = np.zeros((7, 7))
    evidence[2, 5] = 1.0
    found = spread(evidence, 224)
    assert np.unravel_index(found.argmax(), found.shape) in {(y, x) for y in (79, 80) for x in (175, 176)}
    assert found.min() >= 0.0
    assert np.abs(np.diff(found, axis=1)).max() < 0.1 * found.max()


def test_overlaps_are_shares_of_cells() -> None:
    np.testing.assert_allclose(
        overlaps(np.array([-1.0, 0.5, 2.0, 2.0, 9.0]), 3), [[0.5, 0, 0], [0.5, 1, 0], [0, 0, 0], [0, 0, 1]]
    )


@pytest.mark.parametrize("fit", FITS)
@given(width=sides, height=sides, shown=st.tuples(sides, sides))
def test_a_heat_holds_what_lies_in_the_picture(fit: FitMode, width: int, height: int, shown: tuple[int, int]) -> None:
    geometry = InputGeometry.of((width, height), (0, 0, width, height), 32, fit)
    rows, columns = geometry.axes(*shown, 32)
    assert rows.shape == (shown[1], 32)
    assert columns.shape == (shown[0], 32)
    inside = [axis.sum() for axis in (columns, rows)]
    if fit is FitMode.LETTERBOX:
        scale = 32 / max(width, height)
        inner = [max(1, round(side * scale)) for side in (width, height)]
        assert inside == pytest.approx(inner)
    else:
        assert inside == pytest.approx([32, 32])


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("shape", [(90, 300), (300, 90), (120, 120), (61, 97)])
@pytest.mark.parametrize("part", [(0, 0, 1, 1), (0.3, 0.2, 0.9, 0.7)])
def test_the_square_lies_where_the_picture_was_brought_to_it(
    fit: FitMode, shape: tuple[int, int], part: tuple[float, ...]
) -> None:
    """A bar is drawn at a few places of the picture, and found where the square shows it."""
    height, width = shape
    left, top, right, bottom = (round(a * b) for a, b in zip(part, (width, height) * 2, strict=True))
    geometry = InputGeometry.of((width, height), (left, top, right, bottom), 64, fit)
    for axis, (low, high) in enumerate(((left, right), (top, bottom))):
        for share in (-0.25, 0.0, 0.3):
            at = (low + high) // 2 + round(share * min(right - left, bottom - top))
            picture = np.zeros((height, width, 3), np.uint8)
            bar = slice(at - 3, at + 4)
            picture[(slice(None), bar) if axis == 0 else bar] = 255
            square = imaging.fit(picture[top:bottom, left:right], 64, fit, (0, 0, 0))[..., 0].astype(float)
            rows, columns = geometry.axes(width, height, 64)
            heat = rows @ square @ columns.T
            profile = heat.sum(axis=axis)
            assert profile.sum() > 0.0
            assert abs((profile * np.arange(len(profile))).sum() / profile.sum() - at) < 1.5


@pytest.mark.parametrize("fit", FITS)
@given(width=sides, height=sides, seed=st.integers(0, 99))
def test_what_the_fill_adds_is_shared_out_over_the_picture(fit: FitMode, width: int, height: int, seed: int) -> None:
    evidence = np.random.default_rng(seed).normal(size=(32, 32))
    geometry = InputGeometry.of((700, 500), (30, 50, 30 + width, 50 + height), 32, fit)
    found = geometry.gathered(evidence)
    rows, columns = geometry.axes(70, 50, 32)
    assert (rows @ found @ columns.T).sum() == pytest.approx(evidence.sum(), rel=1e-9, abs=1e-9)
    if fit is not FitMode.LETTERBOX:
        np.testing.assert_allclose(found, evidence, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("at", "place"), [((0, 0), "upper left"), ((1, 1), "centre"), ((2, 1), "lower middle")])
def test_a_place_is_named_within_what_was_looked_at(at: tuple[int, int], place: str) -> None:
    evidence = np.zeros((30, 30))
    evidence[at[0] * 10 : at[0] * 10 + 10, at[1] * 10 : at[1] * 10 + 10] = 1.0
    geometry = InputGeometry.of((500, 300), (100, 50, 220, 290), 30, FitMode.STRETCH)
    assert geometry.place(evidence) == place
    assert geometry.place(np.ones((30, 30))) == ALL_OVER
    assert geometry.place(np.zeros((30, 30))) is None
