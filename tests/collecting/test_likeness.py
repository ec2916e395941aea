"""Pictures that say nothing new are known, whatever the light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decisight.collecting.likeness import Lately, signature
from decisight.imaging import Pixels, decode, encode_jpeg

CLIPS = Path(__file__).resolve().parents[3] / "shared/data/video_clips"


def scene(seed: int = 0) -> Pixels:
    """Something with coarse structure, a little noisy."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 200, (6, 8, 3)).repeat(20, axis=0).repeat(20, axis=1)
    return np.clip(coarse + random.integers(-5, 6, coarse.shape), 0, 255).astype(np.uint8)


def known(*pictures: Pixels) -> Lately:
    lately = Lately()
    for picture in pictures:
        lately.add(signature(picture))
    return lately


def test_the_same_in_other_light_and_saved_as_jpeg_is_alike() -> None:
    picture = scene()
    brighter = (picture.astype(np.int16) + 12).clip(0, 255).astype(np.uint8)
    lately = known(picture)
    for other in (picture, brighter, decode(encode_jpeg(picture, quality=95))):
        assert lately.alike(signature(other))
        assert lately.like_last(signature(other))


def test_a_thing_that_comes_into_view_is_not_alike() -> None:
    picture, with_thing = scene(), scene()
    with_thing[50:62, 70:80] = 255
    assert not known(picture).alike(signature(with_thing))


def test_any_of_the_last_counts_but_only_the_last_is_still_there() -> None:
    lately = known(scene(1), scene(2))
    assert lately.alike(signature(scene(1)))
    assert not lately.like_last(signature(scene(1)))
    assert not lately.alike(signature(scene(3)))
    assert not Lately().alike(signature(scene(1)))


def test_only_so_many_are_remembered() -> None:
    lately = Lately(most=2)
    for seed in (1, 2, 3):
        lately.add(signature(scene(seed)))
    assert len(lately) == 2
    assert not lately.alike(signature(scene(1)))


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (15, 17), (2000, 40)])
def test_pictures_of_any_size_have_a_signature(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (*shape, 3)).astype(np.uint8)
    found = signature(picture)
    assert found.shape == (min(16, max(1, shape[0])) * min(16, shape[1]),) or max(shape) > 160
    assert known(picture).alike(found)
    assert not known(picture).alike(signature(np.zeros((100, 100, 3), np.uint8)[:, :50]))


@pytest.mark.shared
def test_real_clips_are_thinned_out_where_nothing_happens() -> None:
    if not CLIPS.is_dir():
        pytest.skip("the shared clips are not here")
    from decisight.regions import parse_region
    from decisight.sources.video import Video

    lane = parse_region("lane=0,0.1 1,0.1 1,0.9 0,0.9")
    stored, car, frames, lately = 0, 0, 0, Lately()
    with Video(str(CLIPS / "car_entry_a.mp4"), start="1970-01-01").open(fps=5) as opened:
        for frame in opened:
            assert frame.pixels is not None
            looks = signature(lane.cut(frame.pixels, (127, 127, 127)))
            frames += 1
            if not lately.alike(looks):
                lately.add(looks)
                stored += 1
                car += 4.5 <= frame.time <= 8.4
    # A car drives by once; the rest of the time the lane is empty, and the light changes.
    assert stored < frames / 2
    assert car > stored / 2
