"""What moves is let through; light that changes, noise and what stands still are passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.errors import UsageError
from decisight.gates.motion import Motion
from decisight.regions import Region

Array = npt.NDArray[np.uint8]
Scene = Callable[..., Array]


def through(pictures: Iterable[Array], step: float = 0.05, **given: Any) -> list[bool]:
    """Which of some pictures, so many seconds apart, are let through."""
    keeper = Motion(**given).keeper()
    found = [keeper.judge(picture, at * step) for at, picture in enumerate(pictures)]
    assert {(v.cause, v.unchanged) for v in found if v} <= {("nothing moved", True)}
    return [verdict is None for verdict in found]


def lit(picture: Array, gain: float, offset: float) -> Array:
    return np.asarray(np.clip(picture * gain + offset, 0, 255), np.uint8)


def noisy(picture: Array, seed: int, spread: float = 8.0) -> Array:
    noise = np.random.default_rng(seed).normal(0, spread, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def with_thing(picture: Array, left: int, size: int = 30, value: int = 230) -> Array:
    moved = picture.copy()
    moved[100 : 100 + size, left : left + size] = value
    return moved


def test_the_first_is_let_through_and_the_same_again_is_not(scene: Scene) -> None:
    assert through([scene()] * 5) == [True, False, False, False, False]


def test_something_that_comes_and_goes(scene: Scene) -> None:
    empty, there = scene(), with_thing(scene(), 200)
    assert through([empty, empty, there, there, empty, empty]) == [True, False, True, False, True, False]


def test_what_creeps_is_noticed(scene: Scene) -> None:
    """From one picture to the next it moves by a pixel; compared with the last one let through, it has gone far."""
    found = through((with_thing(scene(), 100 + at) for at in range(60)), step=0.001)
    assert 4 <= sum(found) <= 50


@pytest.mark.parametrize(("gain", "offset"), [(1.3, 0), (0.7, 0), (1.0, 25), (1.0, -25), (1.2, -30), (0.8, 30)])
@pytest.mark.parametrize("size", [(60, 80), (270, 480), (720, 1280)])
def test_light_that_changes_is_no_motion(scene: Scene, gain: float, offset: float, size: tuple[int, int]) -> None:
    dark = np.asarray(40 + scene(*size) * 0.6, np.uint8)
    assert through([dark, lit(dark, gain, offset)]) == [True, False]


def test_something_comes_while_the_light_changes(scene: Scene) -> None:
    dark = np.asarray(40 + scene() * 0.6, np.uint8)
    assert through([dark, lit(with_thing(dark, 200), 1.2, 0)]) == [True, True]


@pytest.mark.parametrize(
    "other", [lambda p: lit(p, 0.3, 0), lambda p: lit(p, 1, 80), lambda p: np.full_like(p, 128), lambda p: 255 - p]
)
def test_what_changes_all_of_it_is_let_through(scene: Scene, other: Callable[[Array], Array]) -> None:
    assert through([scene(), other(scene())]) == [True, True]


def test_noise_is_no_motion(scene: Scene) -> None:
    assert through(noisy(scene(), seed) for seed in range(12)) == [True] + [False] * 11


def test_what_is_painted_over_takes_no_part_in_the_light(scene: Scene) -> None:
    """More than half of the picture is painted over and stays as it is, while the rest gets brighter."""
    region = Region("bay", ((0.0, 0.0), (1.0, 0.0), (0.0, 0.7)))
    dark = np.asarray(40 + scene() * 0.5, np.uint8)
    pictures = [dark, lit(dark, 1.3, 0), lit(with_thing(dark, 40), 1.3, 0)]
    assert through(region.cut(picture, (127, 127, 127)) for picture in pictures) == [True, False, True]


def test_every_so_often_one_is_let_through_anyway(scene: Scene) -> None:
    found = through([scene()] * 25, step=0.1)
    assert [at for at, passes in enumerate(found) if passes] == [0, 10, 20]
    found = through([scene()] * 25, step=0.1, at_least_every="300ms")
    assert [at for at, passes in enumerate(found) if passes] == [*range(0, 25, 3)]


def test_time_that_goes_back_lets_one_through(scene: Scene) -> None:
    keeper = Motion().keeper()
    found = [keeper.judge(scene(), time) is None for time in (100.0, 100.1, 50.0, 50.1, 50.9, 51.0)]
    assert found == [True, False, True, False, False, True]


def test_the_first_after_a_restart_is_let_through(scene: Scene) -> None:
    keeper = Motion().keeper()
    assert [keeper.judge(scene(), time) is None for time in (0.0, 0.1)] == [True, False]
    assert Motion().keeper(keeper.state()).judge(scene(), 0.2) is None


def test_another_size_is_another_picture(scene: Scene) -> None:
    assert through([scene(270, 480), scene(540, 960), scene(540, 960)]) == [True, True, False]


def test_how_much_must_have_moved(scene: Scene) -> None:
    pictures = [scene(), with_thing(scene(), 200)]  # 30 x 30 of 270 x 480: under 1 % of the cells
    assert through(pictures, min_area=0.05) == [True, False]
    assert through(pictures, threshold=255.0) == [True, False]
    assert through(pictures, min_area=0.0) == [True, True]


@given(st.integers(1, 70), st.integers(1, 90), st.integers(0, 9))
@settings(max_examples=40)
def test_the_same_crop_never_moves(height: int, width: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert through([picture, picture.copy()]) == [True, False]


@pytest.mark.parametrize(
    "given", [{"threshold": 0}, {"threshold": 300}, {"min_area": -0.1}, {"min_area": 2}, {"at_least_every": "0s"}]
)
def test_settings_out_of_range(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(given))} = ") as caught:
        Motion(**given)
    assert caught.value.hint
