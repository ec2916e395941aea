"""Whether there is enough to learn from."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisight.data import Dataset, Example, check_trainable, contradictions, spread_sources
from decisight.data.checks import found_elsewhere
from decisight.errors import DataError
from decisight.regions import Region
from decisight.types import LabelGroup, Target, Task

GEAR = LabelGroup("gear", ("no", "yes"))
TAGS = LabelGroup("tags", ("coat", "hat"), "independent")


def dataset(group: LabelGroup, *targets: Target) -> Dataset:
    examples = tuple(Example(Path(f"{at}.jpg"), (target,)) for at, target in enumerate(targets))
    return Dataset(Path("photos"), Task((group,)), examples)


HAT, COAT, BOTH, NEITHER = frozenset({"hat"}), frozenset({"coat"}), frozenset({"hat", "coat"}), frozenset[str]()


@pytest.mark.parametrize(
    "enough",
    [dataset(GEAR, "yes", "yes", "no", "no", None), dataset(TAGS, HAT, COAT, BOTH, NEITHER, NEITHER, None)],
)
def test_two_of_each_are_enough(enough: Dataset) -> None:
    assert check_trainable(enough) == ()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (dataset(TAGS, HAT, HAT, NEITHER, NEITHER), "'coat' (0 of 4)"),
        # a label that always holds
        (dataset(TAGS, BOTH, BOTH, COAT, COAT), "'coat' (4 of 4)"),
    ],
)
def test_a_rare_label_of_an_independent_group_is_told(data: Dataset, says: str) -> None:
    (note,) = check_trainable(data)
    assert says in note
    assert "'hat'" not in note


@pytest.mark.parametrize(
    ("too_little", "says"),
    [
        # one photo per class
        (dataset(GEAR, "yes", "no"), "'no' (1 of 2), 'yes' (1 of 2)"),
        # a class that is only in test
        (dataset(GEAR, "yes", "yes"), "'no' (0 of 2)"),
        # nothing known
        (dataset(GEAR, None, None), "'no' (0 of 0), 'yes' (0 of 0)"),
        (dataset(GEAR), "'no' (0 of 0), 'yes' (0 of 0)"),
        # every label of an independent group is too rare, or always holds
        (dataset(TAGS, HAT, NEITHER, NEITHER), "'coat' (0 of 3), 'hat' (1 of 3)"),
        (dataset(TAGS, BOTH, BOTH, BOTH), "'coat' (3 of 3), 'hat' (3 of 3)"),
    ],
)
def test_too_little_is_refused(too_little: Dataset, says: str) -> None:
    with pytest.raises(DataError) as caught:
        check_trainable(too_little)
    assert says in caught.value.message
    assert "photos" in caught.value.message
    assert caught.value.hint


def test_more_can_be_asked_for() -> None:
    data = dataset(GEAR, *["yes"] * 5, *["no"] * 4)
    check_trainable(data, fewest=4)
    with pytest.raises(DataError, match=r"'no' \(4 of 9\)"):
        check_trainable(data, fewest=5)


def test_sources_in_two_splits_are_found() -> None:
    rows = [
        ("a", "train"),
        ("a", "train"),
        ("b", "train"),
        ("b", "test"),
        (None, "train"),
        (None, "test"),
        ("c", "val"),
    ]
    examples = tuple(Example(Path("x"), ("yes",), split, source) for source, split in rows)
    assert spread_sources(Dataset(Path("photos"), Task((GEAR,)), examples)) == ("b",)


def test_where_else_a_label_occurs_is_told() -> None:
    rows = [("yes", "train"), ("yes", "test"), ("no", "test"), ("no", "test"), ("no", "val")]
    examples = tuple(Example(Path(f"{at}.jpg"), (label,), split) for at, (label, split) in enumerate(rows))
    whole = Dataset(Path("photos"), Task((GEAR,)), examples)
    part = whole.only("train")
    assert found_elsewhere("no", GEAR, part, whole) == "1 in the val part and 2 in the test part"
    assert found_elsewhere("no", GEAR, part, part) == ""


def test_a_label_that_is_only_in_the_test_part_is_told_so_in_training() -> None:
    from decisight.training.division import divide

    rows = [("yes", "train")] * 3 + [("no", "test")] * 4
    examples = tuple(Example(Path(f"{at}.jpg"), (label,), split) for at, (label, split) in enumerate(rows))
    with pytest.raises(DataError, match="'no' has 0, and 4 in the test part, which is not learnt from"):
        divide(Dataset(Path("photos"), Task((GEAR,)), examples), holdout=0.2)


def pair(group: LabelGroup, one: Target, other: Target, *regions: Region | None) -> Dataset:
    first, second = regions or (None, None)
    examples = (Example(Path("photos/a.jpg"), (one,), region=first), Example(Path("b.jpg"), (other,), region=second))
    return Dataset(Path("photos"), Task((group,)), examples)


LEFT, RIGHT = Region.box("left", 0, 0, 0.5, 1), Region.box("right", 0.5, 0, 1, 1)


@pytest.mark.parametrize(
    ("data", "digests", "says"),
    [
        (pair(GEAR, "yes", "no"), "xx", ("same picture, two labels: a.jpg (yes), b.jpg (no)",)),
        (pair(TAGS, HAT, BOTH), "xx", ("same picture, two labels: a.jpg (hat), b.jpg (coat|hat)",)),
        (pair(TAGS, HAT, NEITHER), "xx", ("same picture, two labels: a.jpg (hat), b.jpg (-)",)),
        (pair(GEAR, "yes", "no", LEFT, LEFT), "xx", ("same picture, two labels: a.jpg (yes), b.jpg (no)",)),
        # other pictures, the same label, not known, other parts of one picture
        (pair(GEAR, "yes", "no"), "xy", ()),
        (pair(GEAR, "yes", "yes"), "xx", ()),
        (pair(GEAR, "yes", None), "xx", ()),
        (pair(GEAR, None, "no"), "xx", ()),
        (pair(GEAR, "yes", "no", LEFT, RIGHT), "xx", ()),
        (pair(GEAR, "yes", "no", None, RIGHT), "xx", ()),
    ],
)
def test_one_picture_with_two_labels_is_named(data: Dataset, digests: str, says: tuple[str, ...]) -> None:
    assert contradictions(data, digests) == says


def test_many_contradictions_are_counted() -> None:
    found = contradictions(dataset(GEAR, *["yes", "no"] * 30), ["x"] * 60)
    assert len(found) == 21
    assert found[-1] == "same picture, two labels: 10 more such pairs"
