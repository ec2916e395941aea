"""Pictures that are too dark or blown out are refused; dark things in good light, and on white paper, are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from decisight.errors import UsageError
from decisight.gates.brightness import Brightness
from decisight.regions import Region

Array = npt.NDArray[np.uint8]


def noise(mean: float, spread: float) -> Array:
    values = np.random.default_rng(0).normal(mean, spread, (270, 480, 3))
    return np.clip(values, 0, 255).astype(np.uint8)


def with_patch(ground: int, patch: int, share: float) -> Array:
    """A ground with a part of another brightness."""
    picture = np.full((200, 200, 3), ground, np.uint8)
    picture[: round(200 * share)] = patch
    return picture


def overexposed(picture: Array, times: float) -> Array:
    light = (picture / 255.0) ** 2.2 * times
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.2) * 255 + 0.5, np.uint8)


CASES: list[tuple[str, Array, str | None]] = [
    ("the lid is on", with_patch(0, 0, 0), "too dark"),
    ("a night of noise", noise(12, 6), "too dark"),
    ("a clock in a night picture", with_patch(8, 240, 0.03), "too dark"),
    ("a dark coat before a dark wall, and a face", with_patch(20, 110, 0.08), None),
    ("dusk", noise(45, 8), None),
    ("grey", with_patch(128, 128, 0), None),
    ("white all over", with_patch(255, 255, 0), "blown out"),
    ("the sun in the lens", with_patch(255, 180, 0.3), "blown out"),
    ("half of it white", with_patch(255, 180, 0.5), None),
    ("something dark on white paper", with_patch(255, 40, 0.1), None),
]


@pytest.mark.parametrize(("picture", "cause"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_refused(picture: Array, cause: str | None) -> None:
    verdict = Brightness().keeper().judge(picture, 0.0)
    assert (verdict and verdict.cause) == cause


def test_a_sudden_blow_out(scene: Callable[..., Array]) -> None:
    keeper = Brightness().keeper()
    found = [keeper.judge(overexposed(scene(), times), 0.0) for times in (1, 2, 64)]
    assert [verdict and verdict.cause for verdict in found] == [None, None, "blown out"]


def test_what_is_painted_over_makes_no_picture_bright(scene: Callable[..., Array]) -> None:
    triangle = Region("bay", ((0.0, 1.0), (0.5, 0.0), (1.0, 1.0)))
    keeper = Brightness().keeper()
    for divided, cause in ((1, None), (10, "too dark")):
        verdict = keeper.judge(triangle.cut(scene() // divided, (127, 127, 127)), 0.0)
        assert (verdict and verdict.cause) == cause


def test_its_settings_move_the_limits() -> None:
    dusk = noise(45, 5)
    assert Brightness(darkest=70).keeper().judge(dusk, 0.0) is not None
    assert Brightness(darkest=0).keeper().judge(with_patch(0, 0, 0), 0.0) is None
    half = with_patch(255, 180, 0.5)
    assert Brightness(clipped=0.5).keeper().judge(half, 0.0) is not None
    assert Brightness(clipped=0.5, brightest=200).keeper().judge(half, 0.0) is None


@pytest.mark.parametrize(
    "given",
    [{"darkest": -1}, {"darkest": 256}, {"brightest": float("nan")}, {"clipped": 0}, {"clipped": 1.5}],
)
def test_settings_out_of_range(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"brightness: {next(iter(given))} = ") as caught:
        Brightness(**given)
    assert caught.value.hint
