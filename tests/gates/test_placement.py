"""Where a picture lies in another: as scikit-image finds it, and whatever happens in parts of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from decisight.gates.orientation import orientation, small_grey
from decisight.gates.placement import Template

Array = npt.NDArray[np.uint8]
Scene = Callable[..., Array]


def grey(picture: Array) -> npt.NDArray[np.float32]:
    height, width = picture.shape[:2]
    return small_grey(picture, (width, height))


def shifted(world: Array, down: int, across: int) -> Array:
    return world[40 + down : 184 + down, 40 + across : 296 + across]


@pytest.mark.parametrize(("down", "across"), [(0, 0), (6, 0), (0, -8), (12, 4), (-16, 14), (-4, -20)])
def test_shifts_are_as_scikit_image_finds_them(scene: Scene, down: int, across: int) -> None:
    registration = pytest.importorskip("skimage.registration")
    world = scene(224, 336)
    first, second = grey(shifted(world, 0, 0)), grey(shifted(world, down, across))
    found, *_ = registration.phase_cross_correlation(orientation(second), orientation(first))
    assert found.tolist() == [-down, -across]
    placement = Template(orientation(first), 20).place(orientation(second), 0.004)
    best = max(placement.near, placement.far, key=lambda match: match.score)
    assert best.furthest == pytest.approx(np.hypot(*found) / 256)
    assert best.share > 0.9
    assert best.surely > 15


def test_what_moves_by_itself_counts_little(scene: Scene) -> None:
    world = scene(224, 336)
    first, second = shifted(world, 0, 0), shifted(world, 0, 0).copy()
    second[30:110, 60:160] = first[30:110, 90:190]
    placement = Template(orientation(grey(first)), 20).place(orientation(grey(second)), 0.03)
    assert placement.near.score > 1.3 * placement.far.score
    assert placement.near.furthest == 0.0
    assert 0.4 < placement.near.share < 1.0


def test_of_nothing_nothing_is_found(scene: Scene) -> None:
    template = Template(orientation(grey(shifted(scene(224, 336), 0, 0))), 20)
    plain = template.place(orientation(np.full((144, 256), 90, np.float32)), 0.03)
    assert (plain.near.score, plain.near.share, plain.far.score) == (0.0, 0.0, 0.0)
    assert Template(orientation(np.full((144, 256), 90, np.float32)), 20).energy == 0.0


@pytest.mark.parametrize("shape", [(2, 2), (10, 256), (256, 10), (64, 64), (65, 63), (256, 256)])
def test_any_shape(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)
    found = orientation(values)
    assert found.shape == shape
    assert np.abs(found).max() <= 1.0
    placement = Template(found, 20).place(found, 0.03)
    assert placement.near.furthest == 0.0
    assert placement.near.score >= placement.far.score


def test_light_and_dark_exchanged_is_the_same_direction(scene: Scene) -> None:
    values = grey(scene(100, 150))
    np.testing.assert_allclose(orientation(255 - values), orientation(values), atol=1e-3)
    np.testing.assert_allclose(orientation(values.T), np.conj(-orientation(values)).T, atol=1e-3)
