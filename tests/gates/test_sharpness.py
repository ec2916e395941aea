"""Pictures blurred all over are refused, of any size and contrast; smooth and partly sharp ones are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from decisight.errors import UsageError
from decisight.gates.luma import small_luma
from decisight.gates.sharpness import Sharpness, steepness
from decisight.regions import Region

Array = npt.NDArray[np.uint8]
Scene = Callable[..., Array]


def blurred(picture: Array, share: float = 0.03) -> Array:
    """Out of focus by a share of the picture's height."""
    sigma = share * picture.shape[0]
    return np.asarray(gaussian_filter(picture, (sigma, sigma, 0)))


def cause(picture: Array, **given: Any) -> str | None:
    verdict = Sharpness(**given).keeper().judge(picture, 0.0)
    return verdict.cause if verdict else None


@pytest.mark.parametrize("size", [(90, 60), (270, 480), (720, 1280), (900, 300)])
@pytest.mark.parametrize("contrast", [1.0, 0.5])
def test_blur_is_told_at_any_size_and_contrast(scene: Scene, size: tuple[int, int], contrast: float) -> None:
    picture = np.asarray(contrast * scene(*size) + 60 * (1 - contrast), np.uint8)
    assert cause(picture) is None
    assert cause(blurred(picture)) == "blurred"


def test_the_worse_the_blur_the_flatter_the_edges(scene: Scene) -> None:
    found = [steepness(small_luma(blurred(scene(), share)), 20) for share in (0.0, 0.01, 0.02, 0.03, 0.05)]
    assert all(value is not None for value in found)
    assert found == sorted(found, reverse=True)  # type: ignore[type-var]
    assert found[0] > 0.9  # type: ignore[operator]


def smooth() -> Array:
    """A wall that is lit from one side."""
    return np.repeat(np.linspace(60, 200, 480).astype(np.uint8)[None, :, None], 270, axis=0).repeat(3, axis=2)


@pytest.mark.parametrize(
    "picture",
    [
        np.full((270, 480, 3), 130, np.uint8),
        smooth(),
        np.clip(np.random.default_rng(0).normal(90, 3, (270, 480, 3)), 0, 255).astype(np.uint8),
        np.full((1, 1, 3), 7, np.uint8),
        np.zeros((12, 12, 3), np.uint8),
    ],
    ids=["one colour", "a wall lit from one side", "a little noise", "one pixel", "too small for an edge"],
)
def test_without_edges_nothing_can_be_told(picture: Array) -> None:
    assert cause(picture) is None


def test_something_sharp_before_a_blurred_background_is_enough(scene: Scene) -> None:
    picture = blurred(scene())
    picture[60:210, 140:340] = scene()[60:210, 140:340]
    assert cause(picture) is None


def test_a_caption_in_a_blurred_picture_is_not(scene: Scene) -> None:
    picture = blurred(scene())
    picture[8:24, 10:150] = np.where(np.random.default_rng(0).random((16, 140, 1)) < 0.5, 0, 255)
    assert cause(picture) == "blurred"


def test_the_edge_of_a_mask_is_no_edge_of_the_picture(scene: Scene) -> None:
    region = Region("bay", ((0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)))
    assert cause(region.cut(scene(), (127, 127, 127))) is None
    assert cause(region.cut(blurred(scene()), (127, 127, 127))) == "blurred"


@given(st.integers(0, 50), st.sampled_from([0.0, 0.02]))
@settings(max_examples=20)
def test_it_is_the_same_for_the_mirror_image_and_upside_down(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    picture = np.kron(rng.integers(0, 255, (20, 26, 1)), np.ones((8, 8, 3))).astype(np.uint8)[: 20 * 8, : 20 * 8]
    luma = [steepness(small_luma(p), 20) for p in (blurred(picture, share), blurred(picture.swapaxes(0, 1), share))]
    assert luma[0] == pytest.approx(luma[1], abs=0.02)


def test_its_settings_move_the_limit(scene: Scene) -> None:
    assert cause(blurred(scene()), least=0) is None
    assert cause(blurred(scene(), 0.01), least=1.0) == "blurred"
    # Edges of less contrast than this do not count, so that there are none.
    assert cause(blurred(scene()), contrast=255) is None


@pytest.mark.parametrize("given", [{"least": -0.1}, {"least": 1.1}, {"contrast": 0}, {"contrast": float("nan")}])
def test_settings_out_of_range(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"sharpness: {next(iter(given))} = ") as caught:
        Sharpness(**given)
    assert caught.value.hint
