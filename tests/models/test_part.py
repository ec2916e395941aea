"""Within a region, nothing outside it changes a confidence; and a picture is decoded once, however many it has."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

import decisight
from decisight import imaging
from decisight.errors import ImageError, UsageError
from decisight.models.classifier import Classifier, Part, load
from decisight.regions import Point, Region
from decisight.sources.rendered import random_scene, render

LEFT = Region.box("left", 0.0, 0.0, 0.5, 1.0)
RIGHT = Region("right", ((0.5, 0.0), (1.0, 0.0), (0.9, 1.0)))
FRAME = render(random_scene(7, role="visitor", helmet=False))
corners = st.tuples(*2 * [st.floats(0.0, 1.0)])
polygons = st.lists(corners, min_size=3, max_size=7).map(tuple)
STAR = tuple((0.5 + 0.5 * math.sin(0.8 * math.pi * i), 0.5 - 0.5 * math.cos(0.8 * math.pi * i)) for i in range(5))


@pytest.fixture(scope="module")
def model(gear_model: Path) -> Classifier:
    return load(gear_model, threads=2)


def region(polygon: tuple[Point, ...], *, masked: bool) -> Region:
    try:
        return Region("bay", polygon, masked)
    except UsageError:
        assume(False)
        raise


def changed_outside(bay: Region, picture: npt.NDArray[np.uint8], seed: int) -> npt.NDArray[np.uint8]:
    """The picture with noise instead of all that the region does not look at."""
    height, width = picture.shape[:2]
    looked_at = bay.mask(width, height).copy()
    if not bay.masked:
        left, top, right, bottom = bay.bounds(width, height)
        looked_at[top:bottom, left:right] = True
    noise = np.random.default_rng(seed).integers(0, 256, picture.shape, dtype=np.uint8)
    return np.where(looked_at[:, :, None], picture, noise)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(polygons, st.booleans(), st.integers(0, 2**32 - 1))
@example(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.2), (0.0, 1.0)), True, 0)  # concave
@example(STAR, True, 1)  # crosses itself
@example(((0.5, 0.5), (0.502, 0.5), (0.502, 0.502)), True, 2)  # less than a pixel
@example(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), True, 3)  # everything
def test_nothing_outside_the_region_changes_a_confidence(
    model: Classifier, polygon: tuple[Point, ...], masked: bool, seed: int
) -> None:
    bay = region(polygon, masked=masked)
    other = changed_outside(bay, FRAME, seed)
    # To the last bit: what is compared are floats.
    assert model.predict(Part(other, bay)) == model.predict(Part(FRAME, bay))
    assert list(model.predict_stream([other], [bay])) == list(model.predict_stream([FRAME], [bay]))


def test_what_happens_in_one_region_changes_nothing_in_another(model: Classifier) -> None:
    regions = [LEFT, RIGHT]
    other = changed_outside(LEFT, FRAME, 0)
    before, after = model.predict_regions(FRAME, regions), model.predict_regions(other, regions)
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_the_region_itself_does_change_it(model: Classifier) -> None:
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[:, 30:] = 255
    left, right = model.predict_regions(frame, [LEFT, Region.box("right", 0.5, 0.0, 1.0, 1.0)])
    assert left.confidence("helmet:worn") < 0.01
    assert right.confidence("helmet:worn") > 0.99


def test_a_part_is_a_picture_in_every_form(model: Classifier, pictures: list[np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(pictures[0]).save(path)
    expected = model.predict(RIGHT.cut(pictures[0], model.card.preprocessing.fill))
    for form in (path, str(path), path.read_bytes(), Image.open(path), pictures[0]):
        assert model.predict(Part(form, RIGHT)) == expected
    assert decisight.Part is Part
    assert decisight.Region is Region


def test_a_part_of_a_part(model: Classifier) -> None:
    quarter = Region.box("quarter", 0.0, 0.0, 0.25, 1.0)
    assert model.predict(Part(Part(FRAME, LEFT), LEFT)) == model.predict(Part(FRAME, quarter))


def test_the_whole_picture_as_a_region_is_the_picture(model: Classifier) -> None:
    whole = Region.box("whole", 0.0, 0.0, 1.0, 1.0)
    assert model.predict(Part(FRAME, whole)) == model.predict(FRAME)


def test_streams_answer_for_each_picture_and_region_in_order(model: Classifier, pictures: list[np.ndarray]) -> None:
    regions = [LEFT, RIGHT, Region.box("top", 0.0, 0.0, 1.0, 0.3)] * 2
    streamed = list(model.predict_stream(pictures, regions))
    parts = model.predict_batch(Part(picture, bay) for picture in pictures for bay in regions)
    framed = [prediction for picture in pictures for prediction in model.predict_regions(picture, regions)]
    for found in (parts, framed):
        assert len(found) == len(streamed) == len(pictures) * len(regions)
        for one, other in zip(found, streamed, strict=True):
            assert isinstance(other, decisight.Prediction)
            assert np.allclose(np.hstack(one.confidences), np.hstack(other.confidences), atol=1e-5)


def test_a_picture_is_decoded_once(model: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(FRAME).save(paths[-1])
    decoded: list[Path] = []

    def counting(path: Path) -> npt.NDArray[np.uint8]:
        decoded.append(path)
        return read(path)

    read = imaging.read_image
    monkeypatch.setattr(imaging, "read_image", counting)
    assert len(list(model.predict_stream(paths, [LEFT, RIGHT, LEFT]))) == 15
    assert sorted(decoded) == paths
    model.predict_regions(paths[0], [LEFT, RIGHT])
    assert len(decoded) == 6


def test_a_picture_that_cannot_be_read_gives_an_error_for_each_region(model: Classifier) -> None:
    first, second, *rest = model.predict_stream([b"no picture", FRAME], [LEFT, RIGHT])
    assert isinstance(first, ImageError)
    assert isinstance(second, ImageError)
    assert rest == model.predict_batch([Part(FRAME, LEFT), Part(FRAME, RIGHT)])
    with pytest.raises(ImageError):
        model.predict_regions(b"no picture", [LEFT])


def test_no_regions_of_a_frame_are_no_answers(model: Classifier) -> None:
    assert model.predict_regions(FRAME, []) == []
