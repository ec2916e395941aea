"""What is learnt from, and what is said of it where there is too little."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from decisight.data.dataset import Dataset, Example
from decisight.data.splits import split_of
from decisight.errors import DataError
from decisight.training.division import Division, divide
from decisight.types import LabelGroup, Target, Task

CLASS = LabelGroup("class", ("blue", "red"))
GEAR = LabelGroup("gear", ("gloves", "vest"), "independent")


def dataset(targets: Sequence[Target], sources: Sequence[str | None], *, group: LabelGroup = CLASS) -> Dataset:
    pairs = enumerate(zip(targets, sources, strict=True))
    return Dataset(
        Path("photos"), Task((group,)), tuple(Example(Path(f"{at}.jpg"), (t,), None, s) for at, (t, s) in pairs)
    )


def named(split: str, number: int) -> list[str]:
    """Sources that a share of 0.2 puts into a part."""
    found = (f"clip{at}" for at in range(10_000))
    return [source for source in found if split_of(f"source:{source}", test=0.2) == split][:number]


def test_without_splits_a_share_is_set_aside() -> None:
    sources = [*named("train", 8), *named("test", 2)]
    found = divide(dataset(["blue", "red"] * 5, sources), holdout=0.2)
    assert [e.source for e in found.part.examples] == named("train", 8)
    assert [e.source for e in found.aside.examples] == named("test", 2)
    assert found.notes[0] == "split by source: train 8 (of 8 sources), test 2 (of 2 sources)"


def test_nothing_is_set_aside_where_that_is_asked_for() -> None:
    found = divide(dataset(["blue", "red"] * 2, "abcd"), holdout=0.0)
    assert (len(found.part), len(found.aside), found.notes) == (4, 0, ())


def test_the_least_even_share_is_told_in_whole_pictures() -> None:
    targets = ["blue"] * 10 + ["red"] * 20
    found = divide(dataset(targets, [*named("train", 22), *named("test", 8)]), holdout=0.2)
    # The last eight are in the test part, all of them red.
    assert found.notes[1] == (
        "the label that is divided least evenly is 'red': 8 of its 20 pictures are in the test part, where a share of "
        "20% would be 4"
    )
    assert found.notes[2] == "no picture in the test part: 'blue'; add some, or divide by hand"


def test_many_lost_labels_are_counted() -> None:
    many = LabelGroup("class", tuple(f"l{at}" for at in range(40)))
    targets = [label for label in many.labels for _ in range(2)]
    data = dataset([*targets, "l0"], [*named("train", 80), *named("test", 1)], group=many)
    assert " and 19 more; add some" in divide(data, holdout=0.2).notes[-1]


@pytest.mark.parametrize(
    ("red", "holdout", "said", "hint"),
    [
        ([*named("train", 1), *named("test", 3)], 0.2, "'red' has 1, and 3 set aside for testing", "--holdout 0"),
        (named("test", 3), 0.2, "'red' has 0, and 3 set aside for testing", "--holdout 0"),
        # Nothing that is set aside would help.
        (named("train", 1), 0.2, "'red' has 1", "at least 2"),
        (named("train", 1), 0.0, "'red' has 1", "at least 2"),
    ],
    ids=["one left", "none left", "one in all", "one, and nothing set aside"],
)
def test_too_few_of_a_label(red: list[str], holdout: float, said: str, hint: str) -> None:
    blue = [f"other {source}" for source in range(40)]
    with pytest.raises(DataError, match="too few pictures to learn from") as caught:
        divide(dataset(["blue"] * 40 + ["red"] * len(red), [*blue, *red]), holdout=holdout)
    assert caught.value.message.endswith(said)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint) or f" {hint}" in caught.value.hint
    assert ("--holdout" in caught.value.hint) == (hint == "--holdout 0")


def test_too_few_with_or_without_a_label_that_may_hold() -> None:
    data = dataset([frozenset({"gloves"}), *[frozenset()] * 5, None], list("abcdefg"), group=GEAR)
    with pytest.raises(DataError, match="'gloves' holds in 1 of 6; 'vest' holds in 0 of 6"):
        divide(data, holdout=0.0)


def test_a_share_that_leaves_nothing() -> None:
    with pytest.raises(DataError, match="leaves none for test") as caught:
        divide(dataset(["blue", "red"] * 2, named("train", 4)), holdout=0.2)
    assert (
        caught.value.hint == "add pictures of more sources; --holdout 0 sets nothing aside and learns from all of them"
    )


@pytest.mark.parametrize("alike", [True, False])
def test_copies_of_one_picture(tmp_path: Path, alike: bool) -> None:
    def written(name: str, content: str) -> Path:
        (tmp_path / name).write_text(content)
        return tmp_path / name

    red = [Example(written(f"r{at}", "red" if alike else f"red {at}"), ("red",)) for at in range(4)]
    blue = [Example(written(f"b{at}", f"blue {at}"), ("blue",)) for at in range(30)]
    data = Dataset(tmp_path, Task((CLASS,)), (*blue, *red))
    division = Division(Dataset(tmp_path, data.task, (*blue, red[0])), Dataset(tmp_path, data.task, tuple(red[1:])), ())
    with pytest.raises(DataError) as caught:
        division.check(division.part)
    assert ("the 4 pictures of 'red' are copies of one picture" in caught.value.message) == alike
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("; copies count as one") == alike
    assert ("--holdout 0" in caught.value.hint) == (not alike)


def test_many_groups_are_named() -> None:
    groups = (CLASS, LabelGroup("size", ("big", "small")))
    targets = [("blue" if at else "red", "big" if at % 2 else "small") for at in range(6)]
    examples = tuple(Example(Path(f"{at}.jpg"), pair) for at, pair in enumerate(targets))
    with pytest.raises(DataError, match=r"'red' \(class\) has 1"):
        divide(Dataset(Path("photos"), Task(groups), examples), holdout=0.0)
