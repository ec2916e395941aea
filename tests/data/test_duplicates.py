"""Copies are found however they were saved, and what only looks alike is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw
from tests.drawn import drawn, encoded

from decisight.data.duplicates import SKETCH_BYTES, Copies, Sketch, find_copies
from decisight.imaging import decode, resize

Pixels = npt.NDArray[np.uint8]


def copies_of(*pictures: Pixels, digests: list[str] | None = None, parts: list[str] | None = None) -> Copies:
    names = digests or [f"d{at}" for at in range(len(pictures))]
    return find_copies(names, [Sketch.of(picture) for picture in pictures], parts)


def saved_again(pixels: Pixels, form: str, **options: object) -> Pixels:
    return decode(encoded(pixels, form, **options))


def cropped(pixels: Pixels, left: float, top: float, right: float, bottom: float) -> Pixels:
    height, width = pixels.shape[:2]
    return pixels[round(top * height) : round((1 - bottom) * height), round(left * width) : round((1 - right) * width)]


WAYS = {
    "as JPEG of the worst quality that anybody keeps": lambda p: saved_again(p, "JPEG", quality=30),
    "as JPEG": lambda p: saved_again(p, "JPEG", quality=85),
    "as WebP": lambda p: saved_again(p, "WEBP", quality=60),
    "without loss": lambda p: saved_again(p, "PNG"),
    "half as large": lambda p: saved_again(resize(p, (p.shape[1] // 2, p.shape[0] // 2)), "JPEG", quality=80),
    "larger": lambda p: saved_again(resize(p, (p.shape[1] * 3 // 2, p.shape[0] * 3 // 2)), "JPEG", quality=80),
    "as a square": lambda p: resize(p, (224, 224)),
    "without its border": lambda p: saved_again(cropped(p, 0.03, 0.02, 0.04, 0.03), "JPEG", quality=85),
    "a little brighter": lambda p: np.clip(p * 1.1 + 5, 0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_picture_saved_again_is_found_among_others(way: object) -> None:
    others = [drawn(seed) for seed in range(30)]
    copies = copies_of(*others, *(way(drawn(seed)) for seed in range(10)))  # type: ignore[operator]
    assert copies.same == ()
    assert copies.near == tuple((seed, 30 + seed) for seed in range(10))


def test_the_same_content_is_found_without_looking() -> None:
    wall = np.full((80, 100, 3), 90, np.uint8)
    copies = copies_of(wall, drawn(1), wall, drawn(1), wall, digests=["w", "a", "w", "a", "w"])
    assert copies.same == ((0, 2, 4), (1, 3))
    assert copies.near == ()


def test_what_only_looks_alike_is_no_copy() -> None:
    scene = drawn(1)
    moved = scene.copy()
    # Something small has come into the same view.
    moved[60:85, 90:108] = (20, 20, 20)
    recoloured = scene.copy()
    recoloured[30:130, 50:150] = recoloured[30:130, 50:150, ::-1]
    assert copies_of(scene, moved).near == ()
    assert copies_of(drawn(3, hue=(210, 60, 40)), drawn(3, hue=(30, 110, 235))).near == ()
    assert copies_of(scene, scene[:, ::-1]).near == ()
    assert copies_of(scene, recoloured).near == ()


def test_two_figures_before_one_wall_are_no_copies() -> None:
    def figure(x: int) -> Pixels:
        image = Image.fromarray(drawn(5))
        draw = ImageDraw.Draw(image)
        draw.rectangle((x, 40, x + 30, 150), (230, 200, 30))
        draw.ellipse((x + 5, 15, x + 25, 40), (200, 160, 130))
        return np.asarray(image)

    assert copies_of(figure(60), figure(72)).near == ()
    assert copies_of(figure(60), figure(60)).near == ((0, 1),)


@pytest.mark.parametrize("value", [0, 90, 255])
def test_of_a_wall_or_a_night_nothing_can_be_told(value: int) -> None:
    rng = np.random.default_rng(value)
    plain = [np.clip(value + rng.normal(0, 1, (90, 120, 3)), 0, 255).astype(np.uint8) for _ in range(3)]
    assert copies_of(*plain) == Copies()


def test_a_gradient_is_no_copy_of_another() -> None:
    ramp = np.linspace(0, 255, 120)
    one = np.broadcast_to(ramp[None, :, None], (90, 120, 3)).astype(np.uint8)
    other = np.broadcast_to(np.linspace(20, 240, 90)[:, None, None], (90, 120, 3)).astype(np.uint8)
    assert copies_of(one, other, one // 2).near == ()


def test_parts_of_one_picture_are_no_copies_of_each_other() -> None:
    whole = drawn(7)
    part = cropped(whole, 0.02, 0.02, 0.02, 0.02)
    assert copies_of(whole, part).near == ((0, 1),)
    assert copies_of(whole, part, whole.copy(), parts=["a", "a", "b"]).near == ((0, 2),)


def test_sizes_at_the_limits_can_be_looked_at() -> None:
    tiny = np.array([[[0, 128, 255]]], np.uint8)
    thin = drawn(2, (3, 400))
    assert copies_of() == Copies()
    assert copies_of(tiny) == Copies()
    assert copies_of(tiny, thin, tiny, drawn(1)).near == ()


def test_thousands_of_pictures_of_one_scene_take_no_thousand_thousands_of_pairs() -> None:
    # Each frame differs a little in noise; every pair of them would be a copy.
    rng = np.random.default_rng(0)
    scene = resize(drawn(4), (64, 64)).astype(np.float64)
    frames = [np.clip(scene + rng.normal(0, 2, scene.shape), 0, 255).astype(np.uint8) for _ in range(300)]
    copies = copies_of(*frames)
    assert len(copies.near) <= 8 * 300
    assert copies.groups() == [tuple(range(300))]


def test_groups_hang_together_by_any_copy() -> None:
    copies = Copies(same=((1, 4, 9), (3, 5)), near=((0, 1), (3, 7)))
    assert copies.groups() == [(0, 1, 4, 9), (3, 5, 7)]
    assert list(copies.pairs()) == [
        (1, 4, True),
        (1, 9, True),
        (3, 5, True),
        (0, 1, False),
        (3, 7, False),
    ]


def test_a_sketch_survives_being_kept() -> None:
    sketch = Sketch.of(drawn(1))
    kept = Sketch.from_bytes(sketch.to_bytes())
    assert len(sketch.to_bytes()) == SKETCH_BYTES
    assert np.array_equal(kept.luma, sketch.luma)
    assert np.array_equal(kept.chroma, sketch.chroma)
    with pytest.raises(ValueError, match="4608 bytes, not 3"):
        Sketch.from_bytes(b"abc")
