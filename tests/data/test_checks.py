"""Whether there is enough to learn from."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisight.data import Dataset, Example, check_trainable, spread_sources
from decisight.errors import DataError
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
