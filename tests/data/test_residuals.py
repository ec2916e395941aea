"""A fixed camera's pictures are told apart by what is small in them, and by their noise; saved anew they are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw
from tests.drawn import encoded

from decisight.data.dataset import Example
from decisight.data.duplicates import Copies, Sketch, find_copies
from decisight.data.looking import CopyJudge
from decisight.imaging import decode, resize
from decisight.training.cache import FeatureCache

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class InMemory:
    content: bytes

    def read(self) -> bytes:
        return self.content


def copies_of(*contents: bytes, kept: FeatureCache | None = None) -> Copies:
    examples = [Example(Path(f"{at}.png"), ("a",), stored=InMemory(content)) for at, content in enumerate(contents)]
    digests = [str(at).encode() for at in range(len(contents))]
    judge = CopyJudge(examples, digests, threads=2, kept=kept)
    return find_copies(digests, [Sketch.of(decode(content)) for content in contents], confirm=judge)


def board(seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (512, 384), (120, 130, 110))
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 50, 450, 330), (40, 110, 70))
    for _ in range(20):
        x, y = int(rng.integers(70, 420)), int(rng.integers(60, 300))
        draw.rectangle((x, y, x + 24, y + 14), tuple(rng.integers(20, 230, 3).tolist()))
    return image


def noisy(image: Image.Image, seed: int, spread: float = 4.0) -> Pixels:
    pixels = np.asarray(image)
    rng = np.random.default_rng(seed)
    return np.clip(pixels + rng.normal(0, spread, pixels.shape), 0, 255).astype(np.uint8)


def dot(side: int, colour: tuple[int, int, int] = (20, 20, 20)) -> Callable[[Image.Image], None]:
    box = (250 - side / 2, 150 - side / 2, 250 + side / 2, 150 + side / 2)
    return lambda image: ImageDraw.Draw(image).ellipse(box, colour)


def needle(degrees: float) -> Callable[[Image.Image], None]:
    x, y = 210 * np.cos(np.radians(40 + degrees)), 210 * np.sin(np.radians(40 + degrees))

    def turn(image: Image.Image) -> None:
        draw = ImageDraw.Draw(image)
        draw.ellipse((12, -48, 492, 432), (235, 235, 230))
        draw.line((252, 192, 252 + x, 192 - y), (20, 20, 20), 5)

    return turn


STATES = {
    "a defect of 6 pixels": (lambda image: None, dot(6)),
    "a defect of 10 pixels": (lambda image: None, dot(10)),
    "a lamp": (dot(12, (90, 30, 25)), dot(12, (240, 60, 40))),
    "a needle turned by 2 degrees": (needle(0), needle(2)),
}


@pytest.mark.parametrize("spread", [0.0, 4.0])
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_two_states_of_one_scene_are_two_pictures(state: tuple[Callable[..., None], ...], spread: float) -> None:
    shots = []
    for at, change in enumerate(state):
        image = board()
        change(image)
        shots.append(noisy(image, at, spread))
    for form, options in (("PNG", {}), ("JPEG", {"quality": 92})):
        assert copies_of(*(encoded(shot, form, **options) for shot in shots)).near == (), form


def test_another_moment_is_another_picture() -> None:
    for form, options in (("PNG", {}), ("JPEG", {"quality": 92}), ("JPEG", {"quality": 80})):
        shots = [encoded(noisy(board(), at), form, **options) for at in range(4)]
        assert copies_of(*shots).near == (), options


def test_forms_that_differ_in_a_number_are_different_forms() -> None:
    forms = []
    for number in range(12):
        image = Image.new("RGB", (480, 640), (250, 250, 248))
        draw = ImageDraw.Draw(image)
        for row in range(22):
            draw.line((30, 60 + row * 25, 450, 60 + row * 25), (60, 60, 60))
            draw.text((40, 45 + row * 25), f"Field {row:02} of this form", fill=(20, 20, 20))
        draw.text((300, 20), f"No. {100_000 + 7_919 * number}", fill=(10, 10, 10))
        forms.append(encoded(np.asarray(image), "JPEG", quality=90))
    assert copies_of(*forms).near == ()


@pytest.mark.parametrize("spread", [0.0, 4.0])
def test_the_same_shot_saved_anew_is_a_copy(spread: float) -> None:
    shot = noisy(board(), 0, spread)
    small = resize(shot, (256, 192))
    again = [
        encoded(shot, "JPEG", quality=85),
        encoded(shot, "JPEG", quality=40),
        encoded(shot, "WEBP", quality=60),
        encoded(small, "JPEG", quality=80),
        encoded(shot[4:-6, 8:-5], "JPEG", quality=90),
    ]
    for content in again:
        assert copies_of(encoded(shot, "PNG"), content).near == ((0, 1),)


def test_verdicts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    shot = noisy(board(), 0)
    pair = encoded(shot, "PNG"), encoded(shot, "JPEG", quality=80)
    with FeatureCache(None) as kept:
        first = copies_of(*pair, kept=kept)
        monkeypatch.setattr("decisight.data.looking.shows_the_same", None)
        assert copies_of(*pair, kept=kept) == first


def test_what_cannot_be_read_any_more_is_no_copy() -> None:
    shot = encoded(noisy(board(), 0), "PNG")
    examples = [Example(Path(f"{at}.png"), ("a",), stored=InMemory(content)) for at, content in enumerate((shot, b""))]
    sketch = Sketch.of(decode(shot))
    assert find_copies([b"0", b"1"], [sketch, sketch], confirm=CopyJudge(examples, [b"0", b"1"])).near == ()


def test_verdicts_do_not_depend_on_sizes_at_the_limits() -> None:
    for size in ((9, 400), (400, 9), (33, 33)):
        shot = resize(noisy(board(), 0), size)
        assert copies_of(encoded(shot, "PNG"), encoded(shot, "JPEG", quality=90)).groups() in ([], [(0, 1)])
