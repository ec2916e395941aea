"""Reading as a whole: sources from file names, and the photo sets that the figures are measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from decisight.data import read_dataset
from decisight.data.columns import natural_key
from decisight.errors import UsageError

Make = Callable[[Mapping[str, str | bytes | int]], Path]

FILES = {"a/clip1_1.jpg": "x", "a/clip1_2.jpg": "x", "b/clip2_1.jpg": "x", "b/loose.jpg": "x"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^(clip\d)_", {"clip1_1.jpg": "clip1", "clip1_2.jpg": "clip1", "clip2_1.jpg": "clip2", "loose.jpg": None}),
        # the whole match, where there is no group
        (r"clip\d", {"clip1_1.jpg": "clip1", "clip1_2.jpg": "clip1", "clip2_1.jpg": "clip2", "loose.jpg": None}),
        # the group called source, wherever it stands
        (r"(c)lip(?P<source>\d)", {"clip1_1.jpg": "1", "clip1_2.jpg": "1", "clip2_1.jpg": "2", "loose.jpg": None}),
        # a group that takes no part
        (r"^clip(1)?", {"clip1_1.jpg": "1", "clip1_2.jpg": "1", "clip2_1.jpg": None, "loose.jpg": None}),
    ],
)
def test_the_source_is_taken_from_the_file_name(make: Make, pattern: str, expected: dict[str, str | None]) -> None:
    dataset = read_dataset(make(FILES), source_pattern=pattern)
    assert {e.path.name: e.source for e in dataset.examples} == expected


def test_a_pattern_takes_the_place_of_a_column(make: Make) -> None:
    root = make({**FILES, "t.csv": "file_name,source,label\na/clip1_1.jpg,x,y\nb/loose.jpg,x,n\n"})
    assert [e.source for e in read_dataset(root / "t.csv").examples] == ["x", "x"]
    assert [e.source for e in read_dataset(root / "t.csv", source_pattern=r"clip\d").examples] == ["clip1", None]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [("(clip", "not a regular expression: .* at position 0"), ("^frame_", r"finds nothing in any of 4 file names")],
)
def test_a_pattern_that_cannot_serve_is_refused(make: Make, pattern: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        read_dataset(make(FILES), source_pattern=pattern)
    assert caught.value.hint


def test_natural_order() -> None:
    labels = ["b", "a10", "a2", "A", "10", "9", "a", "٣"]
    assert sorted(labels, key=natural_key) == ["٣", "9", "10", "A", "a", "a2", "a10", "b"]


SETS = [
    ("ppe_compliance", 409, 152, {"class": 3}),
    ("ppe_compliance/gear.csv", 409, 152, {"helmet": 2, "vest": 2}),
    ("ppe_helmet", 374, 118, {"class": 2}),
    ("ppe_person", 340, 103, {"helmet": 2, "workwear": 2}),
    ("ppe_vest", 190, 71, {"class": 2}),
    ("uniform_color", 111, 42, {"class": 3}),
    ("car_model", 425, 160, {"class": 14}),
    ("car_attr", 556, 192, {"make": 8, "body": 8}),
    ("flowers", 455, 170, {"class": 5}),
    ("fashion_outfit", 384, 144, {"outerwear": 4, "lower": 5, "bag": 2, "tags": 51}),
]


@pytest.mark.shared
@pytest.mark.parametrize(("name", "train", "test", "groups"), SETS)
def test_shared_sets_are_read_whole(
    shared_data: Path, name: str, train: int, test: int, groups: dict[str, int]
) -> None:
    dataset = read_dataset(shared_data / name)
    assert {split: len(dataset.only(split)) for split in dataset.splits} == {"train": train, "test": test}
    assert {group.name: len(group.labels) for group in dataset.task.groups} == groups
    assert {group.name for group in dataset.task.groups if not group.exclusive} == {"tags"} & set(groups)
    assert dataset.skipped == ()


@pytest.mark.shared
def test_class_numbers_are_labels_where_they_are_asked_for(shared_data: Path) -> None:
    table = shared_data / "imagenet_sample/labels.csv"
    labels = read_dataset(table, groups=["class_index"]).task.groups[0].labels
    assert len(labels) == 200
    assert list(labels) == sorted(labels, key=int)
