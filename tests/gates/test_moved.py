"""A camera that was moved, turned, zoomed or covered is noticed; light, noise and what comes and goes are not."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from decisight.errors import UsageError
from decisight.gates.moved import Moved
from decisight.gates.reference import Reference, Sighting, read_reference, sighting
from decisight.imaging import encode_png

Array = npt.NDArray[np.uint8]
Scene = Callable[..., Array]
WIDTH, HEIGHT = 480, 270


def seen(world: Array, across: float = 0.0, down: float = 0.0, turn: float = 0.0, zoom: float = 1.0) -> Array:
    """What a camera sees of a larger picture; it is moved by shares of its picture's width, and turned by degrees."""
    cos, sin = math.cos(math.radians(turn)) / zoom, math.sin(math.radians(turn)) / zoom
    x, y = world.shape[1] / 2 + across * WIDTH, world.shape[0] / 2 + down * WIDTH
    way = (
        *(cos, sin, x - cos * WIDTH / 2 - sin * HEIGHT / 2),
        *(-sin, cos, y + sin * WIDTH / 2 - cos * HEIGHT / 2),
    )
    view = Image.fromarray(world).transform((WIDTH, HEIGHT), Image.Transform.AFFINE, way, Image.Resampling.BILINEAR)
    return np.array(view)


@pytest.fixture
def world(scene: Scene) -> Array:
    return scene(540, 900)


@pytest.fixture
def reference(world: Array) -> Reference:
    return Reference(seen(world))


def lit(picture: Array, gain: float, offset: float = 0.0, gamma: float = 1.0) -> Array:
    values = np.clip((picture / 255.0) ** gamma * gain + offset, 0.0, 1.0)
    return np.asarray(np.rint(255 * values), np.uint8)


def noisy(picture: Array, spread: float = 10.0) -> Array:
    noise = np.random.default_rng(3).normal(0, spread, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def as_jpeg(picture: Array, quality: int) -> Array:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def covered(picture: Array, share: float) -> Array:
    picture = picture.copy()
    picture[:, : round(share * picture.shape[1])] = 90
    return picture


UNMOVED: dict[str, Callable[[Array], Array]] = {
    "the same": lambda picture: picture,
    "brighter": lambda picture: lit(picture, 1.6),
    "darker": lambda picture: lit(picture, 0.35),
    "less contrast": lambda picture: lit(picture, 0.4, 0.4),
    "gamma": lambda picture: lit(picture, 1.0, gamma=1.8),
    "noise": noisy,
    "dark and noise": lambda picture: noisy(lit(picture, 0.5), 6.0),
    "hard compression": lambda picture: as_jpeg(picture, 15),
    "grey, with light and dark exchanged, as infrared may have it": lambda p: np.repeat(255 - p[..., 1:2], 3, axis=2),
    "light from one side": lambda p: np.asarray(p * np.linspace(0.4, 1.0, p.shape[1])[:, None], np.uint8),
    "something stands before a third of it": lambda picture: covered(picture, 0.33),
    "a larger picture of the same": lambda picture: picture.repeat(2, axis=0).repeat(2, axis=1),
    "a smaller picture of the same": lambda picture: picture[::2, ::2],
    "a row that a codec cut off": lambda picture: picture[:-2],
}


@pytest.mark.parametrize("change", UNMOVED.values(), ids=UNMOVED)
def test_what_is_no_movement(reference: Reference, world: Array, change: Callable[[Array], Array]) -> None:
    assert reference.sight(change(seen(world)), 0.03) is Sighting.SAME


def test_shaking_within_the_tolerance_is_none(reference: Reference, world: Array) -> None:
    for across, down in [(0.015, 0.0), (-0.015, 0.01), (0.0, 0.02)]:
        assert reference.sight(seen(world, across, down), 0.03) is Sighting.SAME
    assert reference.sight(seen(world, turn=1.0), 0.03) is Sighting.SAME
    assert reference.sight(seen(world, 0.05), 0.03) is Sighting.ELSEWHERE
    assert reference.sight(seen(world, 0.05), 0.07) is Sighting.SAME


MOVED: dict[str, dict[str, float]] = {
    **{f"{100 * s:g} % across": {"across": s} for s in (0.05, -0.05, 0.1, -0.1, 0.2)},
    **{f"{100 * s:g} % down": {"down": s} for s in (0.05, -0.05, 0.1, -0.1)},
    "5 % both ways": {"across": 0.05, "down": -0.05},
    **{f"turned by {angle}": {"turn": float(angle)} for angle in (5, -5, 10, -10)},
    **{f"zoomed by {zoom}": {"zoom": zoom} for zoom in (1.12, 0.88)},
}


@pytest.mark.parametrize("by", MOVED.values(), ids=MOVED)
def test_what_is_moved(reference: Reference, world: Array, by: dict[str, float]) -> None:
    picture = noisy(lit(seen(world, **by), 0.7))
    assert reference.sight(picture, 0.03) is Sighting.ELSEWHERE


def test_where_nothing_of_it_is_to_be_found(reference: Reference, world: Array, scene: Scene) -> None:
    pictures = {
        "another place": scene(HEIGHT, WIDTH, seed=7),
        "far away": seen(world, 0.45, 0.25),
        "black": np.zeros((HEIGHT, WIDTH, 3), np.uint8),
        "one colour": np.full((HEIGHT, WIDTH, 3), 130, np.uint8),
        "noise": noisy(np.full((HEIGHT, WIDTH, 3), 20, np.uint8)),
        "a cloth over most of it": covered(seen(world), 0.85),
    }
    for title, picture in pictures.items():
        assert reference.sight(picture, 0.03) is Sighting.NOT_FOUND, title


def test_pictures_upright_and_square(scene: Scene) -> None:
    for height, width in [(480, 270), (200, 200), (300, 900), (64, 64)]:
        picture = scene(height, width)
        found = Reference(picture)
        assert found.sight(noisy(picture, 4.0), 0.03) is Sighting.SAME
        assert found.sight(np.roll(picture, width // 10, axis=1), 0.03) is not Sighting.SAME


def test_other_proportions(reference: Reference, scene: Scene) -> None:
    for height, width in [(WIDTH, HEIGHT), (360, 480), (1, 1), (1, 3000)]:
        assert reference.sight(scene(height, width), 0.03) is Sighting.OTHER_SHAPE


def test_any_of_several_may_fit(reference: Reference, scene: Scene) -> None:
    night = scene(HEIGHT, WIDTH, seed=5)
    upright = Reference(scene(WIDTH, HEIGHT))
    assert sighting((reference, Reference(night)), night, 0.03) is Sighting.SAME
    assert sighting((upright, Reference(night)), night, 0.03) is Sighting.SAME
    assert sighting((upright,), night, 0.03) is Sighting.OTHER_SHAPE
    assert sighting((upright, Reference(night)), scene(HEIGHT, WIDTH, seed=6), 0.03) is Sighting.NOT_FOUND


@pytest.fixture
def path(tmp_path: Path, world: Array) -> str:
    file = tmp_path / "gate.png"
    file.write_bytes(encode_png(seen(world)))
    return str(file)


def causes(gate: Moved, pictures: Iterable[tuple[Array, float]]) -> list[str | None]:
    """What one says that is stopped and set to work again after every picture."""
    found, state = [], None
    for picture, time in pictures:
        keeper = gate.keeper(json.loads(json.dumps(state)))
        verdict = keeper.judge(picture, time)
        assert verdict is None or not verdict.unchanged
        found.append(verdict and verdict.cause)
        state = keeper.state()
    return found


def test_it_must_last_and_ends_at_once(path: str, world: Array) -> None:
    there, gone = seen(world), seen(world, 0.1)
    pictures = [*((there, float(t)) for t in range(10)), *((gone, float(t)) for t in range(10, 24)), (there, 24.0)]
    assert causes(Moved(path), pictures) == [None] * 20 + ["camera moved"] * 4 + [None]


def test_a_truck_that_stops_in_front_does_not_count(path: str, world: Array) -> None:
    truck = covered(seen(world), 0.9)
    pictures = [(truck if 4 <= t < 13 else seen(world), float(t)) for t in range(20)]
    assert causes(Moved(path), pictures) == [None] * 20
    assert causes(Moved(path, after="4s"), pictures)[8:14] == ["view not recognised"] * 6


def test_the_cause_is_that_of_the_last_look(path: str, world: Array) -> None:
    pictures = [(seen(world, 0.1) if t < 6 else np.zeros_like(seen(world)), float(t)) for t in range(8)]
    found = causes(Moved(path, after="2s", every="1s"), pictures)
    assert found == [None, None, *["camera moved"] * 4, *["view not recognised"] * 2]


def test_it_looks_only_every_so_often(path: str, world: Array) -> None:
    gate = Moved(path, every="5s", after="1ms")
    pictures = [(seen(world) if t % 5 == 0 else seen(world, 0.1), float(t)) for t in range(20)]
    assert causes(gate, pictures) == [None] * 20


TIMES: dict[str, tuple[list[float], bool]] = {
    "set forward by an hour": ([0, 2, 3602, 3604], False),
    "set back, and back again": ([0, 2, -3600, -3598, -7200, -7198], False),
    "the same again and again": ([0.0] * 50, False),
    "back by an hour, and on": ([0, 2, *range(-3600, -3588, 2)], True),
    "a picture every minute": ([0, 60, 120], True),
    "a picture every minute, the second": ([0, 60], False),
}


@pytest.mark.parametrize(("times", "refused"), TIMES.values(), ids=TIMES)
def test_times_that_jump(path: str, world: Array, times: list[float], refused: bool) -> None:
    found = causes(Moved(path), ((seen(world, 0.1), time) for time in times))
    assert (found[-1] is not None) == refused


def test_it_does_not_come_and_go_at_the_edge(path: str, world: Array) -> None:
    """What is just tolerated is not enough to be back again."""
    gate = Moved(path, tolerance=0.05, after="1ms", every="1ms")
    edge, near, gone = seen(world, 0.047), seen(world, 0.02), seen(world, 0.09)
    pictures = [edge, edge, gone, gone, gone, edge, edge, near, edge]
    found = causes(gate, ((picture, float(at)) for at, picture in enumerate(pictures)))
    assert found == [*[None] * 4, *["camera moved"] * 3, None, None]


def test_another_shape_is_said_at_once_and_no_more_when_it_is_over(path: str, world: Array, scene: Scene) -> None:
    pictures = [(seen(world), 0.0), (scene(400, 400), 2.0), (seen(world), 4.0)]
    assert causes(Moved(path), pictures) == [None, "reference has another shape", None]


class TestReferences:
    def test_what_cannot_be_used(self, tmp_path: Path, scene: Scene) -> None:
        files = {
            "text.jpg": b"no picture",
            "empty.jpg": b"",
            "small.png": encode_png(scene(40, 300)),
            "plain.png": encode_png(np.full((270, 480, 3), 200, np.uint8)),
        }
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        says = {
            "text.jpg": "not a picture",
            "empty.jpg": "empty",
            "small.png": "only 300 x 40 pixels",
            "plain.png": "hardly an edge",
            "none.jpg": "does not exist",
            ".": "folder",
        }
        for name, words in says.items():
            gate = Moved((str(tmp_path / "plain.png"), str(tmp_path / name))[::-1])
            for use in (gate.check, gate.keeper):
                with pytest.raises(UsageError, match=words) as caught:
                    use()
                assert caught.value.message.startswith("moved: reference: ")
                assert str(tmp_path / name) in caught.value.message
                assert caught.value.hint

    def test_nothing_is_read_before_it_is_needed(self, tmp_path: Path) -> None:
        Moved(str(tmp_path / "not there yet.jpg"))

    def test_one_that_is_replaced_is_read_anew(self, tmp_path: Path, scene: Scene) -> None:
        path = tmp_path / "gate.png"
        for seed in (1, 2):
            path.write_bytes(encode_png(scene(seed=seed)))
            assert read_reference(str(path)).sight(scene(seed=seed), 0.03) is Sighting.SAME

    def test_what_decides_is_what_it_shows_not_where_it_lies(self, tmp_path: Path, scene: Scene) -> None:
        one, copy, other = (tmp_path / name for name in ("one.png", "copy.png", "other.png"))
        for path, seed in [(one, 1), (copy, 1), (other, 2)]:
            path.write_bytes(encode_png(scene(60, 90, seed)))
        sections = [Moved(str(path)).to_section() for path in (one, copy, other)]
        assert sections[0] == sections[1] != sections[2]
        assert json.loads(json.dumps(sections[0])) == sections[0]
        assert {key: value for key, value in sections[0].items() if key != "reference"} == {
            "type": "moved",
            "tolerance": 0.03,
            "after": "10s",
            "every": "2s",
        }
        both = Moved((str(one), str(other))).to_section()["reference"]
        assert both == [*sections[0]["reference"], *sections[2]["reference"]]
        one.unlink()
        with pytest.raises(UsageError, match=r"moved: reference: .*one\.png: does not exist"):
            Moved(str(one)).to_section()


@pytest.mark.parametrize(
    "given", [{"tolerance": 0.001}, {"tolerance": 0.5}, {"after": "0s"}, {"every": "soon"}, {"reference": ""}]
)
def test_settings_that_cannot_be_used(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(given))) as caught:
        Moved(**{"reference": "gate.png"} | given)
    assert caught.value.hint
