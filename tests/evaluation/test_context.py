"""What is blurred is blurred and nothing else; and a model that looks at the border is found out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight import imaging
from decisight.data.dataset import Example
from decisight.errors import DataError
from decisight.evaluation.context import context_check
from decisight.imaging.blurring import blurred_border, blurred_centre, frame
from decisight.models.card import Preprocessing
from decisight.models.classifier import Classifier, load
from decisight.regions import Region
from decisight.types import FitMode, LabelGroup, Prediction, Task

GROUP = LabelGroup("class", ("rough", "smooth"))
BOTH = {"border": blurred_border, "centre": blurred_centre}


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def centre_of(width: int, height: int) -> np.ndarray:
    x, y = (round(side) for side in frame(width, height))
    mask = np.zeros((height, width), bool)
    mask[y : height - y, x : width - x] = True
    return mask


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_a_frame_takes_half_of_the_picture_and_less_of_its_ends(width: int, height: int) -> None:
    x, y = frame(width, height)
    assert (width - 2 * x) * (height - 2 * y) == pytest.approx(width * height / 2)
    assert (x <= y) == (width >= height)


@pytest.mark.parametrize("shape", [(100, 100), (60, 200), (200, 60)])
@pytest.mark.parametrize("part", ["border", "centre"])
def test_one_part_loses_its_detail_and_the_other_stays(part: str, shape: tuple[int, int]) -> None:
    picture = noise(*shape)
    before = picture.copy()
    found = BOTH[part](picture)
    np.testing.assert_array_equal(picture, before)
    centre = centre_of(*shape)
    kept, lost = (~centre, centre) if part == "centre" else (centre, ~centre)
    np.testing.assert_array_equal(found[kept], picture[kept])
    assert found[lost].std() < 0.25 * picture[lost].std()
    assert abs(found[lost].mean() - picture[lost].mean()) < 6


@pytest.mark.parametrize("part", ["border", "centre"])
def test_neither_part_runs_into_the_other(part: str) -> None:
    picture, centre = noise(80, 120), centre_of(80, 120)
    other = picture.copy()
    other[~centre if part == "centre" else centre] = 0
    lost = centre if part == "centre" else ~centre
    np.testing.assert_array_equal(BOTH[part](picture)[lost], BOTH[part](other)[lost])


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 90), (3, 3)])
def test_the_smallest_pictures_are_blurred_as_well(shape: tuple[int, int]) -> None:
    for blurred in BOTH.values():
        assert blurred(noise(*shape)).shape == (shape[1], shape[0], 3)


class Looking:
    """In place of a classifier: it takes a picture for rough by what it looks at alone."""

    task = Task((GROUP,))
    card = SimpleNamespace(preprocessing=Preprocessing(FitMode.STRETCH, 64, (127, 127, 127)), thresholds={})

    def __init__(self, look: Callable[[np.ndarray], np.ndarray]) -> None:
        self.look = look

    def predict_stream(self, pictures: Iterable[np.ndarray]) -> Iterator[Prediction]:
        for picture in pictures:
            rough = float(np.clip(picture[self.look(picture)].std() / 74.0, 0.0, 1.0))
            yield Prediction(self.task, ((rough, 1.0 - rough),))


def at_border(picture: np.ndarray) -> np.ndarray:
    return ~centre_of(picture.shape[1], picture.shape[0])


def at_centre(picture: np.ndarray) -> np.ndarray:
    return centre_of(picture.shape[1], picture.shape[0])


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    """Sixty pictures, rough ones and smooth ones; four of each source."""
    folder, found = tmp_path_factory.mktemp("context"), []
    for number in range(60):
        label = GROUP.labels[number % 2]
        picture = noise(40 + number % 7, 60, number) if label == "rough" else np.full((60, 44, 3), number, np.uint8)
        path = folder / f"{number:02}.png"
        path.write_bytes(imaging.encode_png(picture))
        found.append(Example(path, (label,), source=f"photo{number // 4}"))
    return found


def check(model: object, examples: list[Example], **options: Any) -> Any:
    return context_check(model, examples, **options)  # type: ignore[arg-type]


def test_a_model_that_looks_at_the_border_is_found_out(examples: list[Example]) -> None:
    (found,) = check(Looking(at_border), examples).groups
    assert (found.n, found.sources) == (60, 15)
    assert (found.border_blurred.a, found.border_blurred.b) == (1.0, 0.5)
    assert found.centre_blurred.value == 0.0
    assert found.beyond_commonest.value == 0.5
    assert found.truth_border_blurred.high < 0.0
    assert (found.needs_border, found.tells_from_border, found.looks_at_background) == (True, True, True)
    assert found.sentences[0].startswith("It uses what is around the centre")
    assert "of 30 pictures with rough it recognises 0.0 % instead of 100.0 %" in found.sentences[-1]
    assert found.recalls["smooth"][0].value == 0.0


def test_one_that_looks_at_the_centre_is_not_suspected(examples: list[Example]) -> None:
    (found,) = check(Looking(at_centre), [Example(e.path, e.targets) for e in examples for _ in range(4)]).groups
    assert (found.needs_border, found.tells_from_border, found.looks_at_background) == (False, False, False)
    assert found.sentences[0].startswith("There is no sign that it looks at the background: ")
    assert "points of accuracy at most (up to 5.0 are taken for none)" in found.sentences[0]
    assert found.border_blurred.low >= -0.05 == -found.margin
    assert found.centre_blurred.b == 0.5


def test_of_a_few_pictures_nothing_is_said(examples: list[Example]) -> None:
    (found,) = check(Looking(at_centre), examples[:6]).groups
    assert found.looks_at_background is None
    assert "too few to tell" in found.sentences[0]


def test_a_model_that_knows_nothing_is_not_acquitted(examples: list[Example]) -> None:
    """It loses nothing without the border, since it has nothing to lose."""
    mostly = [Example(e.path, ("rough",)) for e in examples for _ in range(3)]
    (found,) = check(Looking(at_centre), mostly).groups
    assert (found.over_commonest.value, found.border_blurred.value) == (-0.5, 0.0)
    assert found.looks_at_background is None
    assert found.sentences[0].startswith("Whether it looks at the background cannot be told")


class Tagging(Looking):
    """An independent group, of which one label is told by a part of the picture, and one is never held."""

    group = LabelGroup("tags", ("rough", "noisy", "torn"), "independent")
    task = Task((group,))

    def predict_stream(self, pictures: Iterable[np.ndarray]) -> Iterator[Prediction]:
        for picture in pictures:
            rough = float(np.clip(picture[self.look(picture)].std() / 74.0, 0.0, 1.0))
            yield Prediction(self.task, ((rough, rough, 1.0),))


def test_of_many_labels_each_counts_though_all_are_never_right(examples: list[Example]) -> None:
    given = [Example(e.path, (frozenset({"rough"} if e.targets == ("rough",) else ()),)) for e in examples] * 3
    (found,) = check(Tagging(at_border), given).groups
    assert (found.border_blurred.a, found.over_commonest.a) == (pytest.approx(0.5), pytest.approx(5 / 6))
    assert (found.needs_border, found.looks_at_background) == (False, None)
    both = [replace(e, targets=(e.targets[0] | {"torn"} | ({"noisy"} if e.targets[0] else set()),)) for e in given]
    (found,) = check(Tagging(at_border), both).groups
    assert (found.border_blurred.a, found.border_blurred.b) == (1.0, pytest.approx(2 / 3))
    assert (found.needs_border, found.tells_from_border, found.looks_at_background) == (True, True, True)
    assert "the labels of 180 pictures" in found.sentences[1]
    assert found.to_json()["accuracy_of"] == "labels"
    (found,) = check(Tagging(at_centre), both).groups
    assert found.looks_at_background is False


def test_crops_of_one_photo_say_less_than_photos(examples: list[Example]) -> None:
    alone = [Example(e.path, e.targets) for e in examples]
    wide, narrow = (check(Looking(at_border), given).groups[0].border_blurred for given in (examples, alone))
    assert wide.value == narrow.value
    assert wide.high - wide.low > narrow.high - narrow.low


def test_a_sample_has_as_large_a_share_of_every_label_and_is_the_same_again(examples: list[Example]) -> None:
    read: list[Path] = []

    class Noted(Example):
        def read(self) -> bytes:
            read.append(self.path)
            return super().read()

    noted = [Noted(e.path, e.targets, source=e.source) for e in [*examples[::2], *examples[1::6]]]
    told: list[tuple[str, int, int]] = []
    first = check(Looking(at_border), noted, most=20, seed=3, progress=lambda *said: told.append(said))
    assert (first.pictures, first.of, len(read)) == (20, 40, 20)
    assert told[-1] == ("context", 20, 20)
    labels = Counter(e.targets[0] for e in noted if e.path in read)
    assert labels == {"rough": 15, "smooth": 5}
    chosen, read[:] = list(read), []
    again = check(Looking(at_border), noted, most=20, seed=3)
    assert read == chosen
    assert again.to_json() == first.to_json()
    read.clear()
    check(Looking(at_border), noted, most=20, seed=4)
    assert read != chosen


def test_it_is_written_as_json(examples: list[Example]) -> None:
    answer = json.loads(json.dumps(check(Looking(at_border), examples).to_json(), allow_nan=False))
    assert (answer["pictures"], answer["of"]) == (60, 60)
    assert answer["groups"]["class"]["border_blurred"]["difference"] == -0.5
    assert answer["groups"]["class"]["per_class"]["rough"]["border_blurred"]["b"] == 0.0
    assert answer["groups"]["class"]["looks_at_background"] is True


def test_a_region_is_all_that_there_is(gear_model: Path, tmp_path: Path) -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:50] = 255
    (tmp_path / "a.png").write_bytes(imaging.encode_png(picture))
    top = Region.box("top", 0.0, 0.0, 1.0, 0.5)
    seen = Example(tmp_path / "a.png", ("worn", "missing", frozenset({"gloves"})), region=top)
    found = context_check(load(gear_model, threads=1), [seen, seen])
    assert [group.group for group in found.groups] == ["helmet", "vest", "extras"]
    assert all(group.border_blurred.a == group.border_blurred.b == 1.0 for group in found.groups)


def test_what_cannot_be_read_is_left_out(gear_model: Path, examples: list[Example], tmp_path: Path) -> None:
    model: Classifier = load(gear_model, threads=1)
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    broken = Example(tmp_path / "broken.jpg", ("worn", None, None))
    fine = Example(examples[0].path, ("worn", None, None))
    found = context_check(model, [broken, fine, broken])
    assert (found.pictures, [group.group for group in found.groups]) == (1, ["helmet"])
    with pytest.raises(DataError, match="no picture whose context"):
        context_check(model, [broken])
    with pytest.raises(DataError, match="known label"):
        context_check(model, [Example(examples[0].path, (None, None, None))])
