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
    check_trainable(enough)


@pytest.mark.parametrize(
    ("too_little", "says"),
    [
        # one photo per class
        (dataset(GEAR, "yes", "no"), "'no' (1), 'yes' (1)"),
        # a class that is only in test
        (dataset(GEAR, "yes", "yes"), "'no' (0)"),
        # nothing known
        (dataset(GEAR, None, None), "'no' (0), 'yes' (0)"),
        (dataset(GEAR), "'no' (0), 'yes' (0)"),
        (dataset(TAGS, HAT, HAT, NEITHER, NEITHER), "'coat' (0)"),
        # a label that always holds
        (dataset(TAGS, BOTH, BOTH, COAT, COAT), "hold in (nearly) every picture: 'coat'"),
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
    with pytest.raises(DataError, match=r"'no' \(4\)"):
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
