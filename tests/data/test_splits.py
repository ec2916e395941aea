"""Splits stay as they are when the data grow, and keep sources together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.data import Dataset, Example, assign_splits, read_dataset
from decisight.data.splits import split_of
from decisight.errors import DataError, UsageError
from decisight.types import LabelGroup, Task

Make = Callable[[Mapping[str, str | bytes | int]], Path]

TASK = Task((LabelGroup("class", ("no", "yes")),))


def dataset(sources: list[str]) -> Dataset:
    """One example for every entry; no file is needed where there is a source."""
    examples = tuple(Example(Path(f"{at}.jpg"), ("yes" if at % 2 else "no",), None, s) for at, s in enumerate(sources))
    return Dataset(Path("photos"), TASK, examples)


def divided(sources: list[str], **options: float) -> dict[Path, str | None] | None:
    """The split of every example; ``None`` where one of the splits would be empty."""
    try:
        found, _ = assign_splits(dataset(sources), **options)  # type: ignore[arg-type]  # its options
    except DataError:
        return None
    return {e.path: e.split for e in found.examples}


SOURCES = st.lists(st.text("abcdef", min_size=1, max_size=2), min_size=8, max_size=40)


@given(sources=SOURCES, more=SOURCES, seed=st.integers(0, 5))
def test_adding_examples_moves_no_other(sources: list[str], more: list[str], seed: int) -> None:
    before, after = divided(sources, seed=seed, val=0.2), divided(sources + more, seed=seed, val=0.2)
    if before is not None and after is not None:
        assert before.items() <= after.items()


@given(sources=SOURCES, seed=st.integers(0, 5))
def test_a_source_never_spans_a_split(sources: list[str], seed: int) -> None:
    found = divided(sources, seed=seed)
    if found is not None:
        by_source = {source: found[Path(f"{at}.jpg")] for at, source in enumerate(sources)}
        assert all(found[Path(f"{at}.jpg")] == by_source[source] for at, source in enumerate(sources))


@pytest.mark.parametrize(("test", "val"), [(0.2, 0.0), (0.3, 0.2), (0.0, 0.5)])
def test_shares_are_kept_over_many_sources(test: float, val: float) -> None:
    splits = [split_of(f"source:{at}", test=test, val=val) for at in range(20_000)]
    # Four standard deviations of a binomial share are 0.014 at most.
    assert abs(splits.count("test") / 20_000 - test) < 0.015
    assert abs(splits.count("val") / 20_000 - val) < 0.015


def test_a_larger_test_part_contains_the_smaller() -> None:
    small = {at for at in range(500) if split_of(f"source:{at}", test=0.1) == "test"}
    large = {at for at in range(500) if split_of(f"source:{at}", test=0.3) == "test"}
    assert small < large


def test_the_division_of_today_is_that_of_tomorrow() -> None:
    # Written down once: a change here would silently mix what was learnt from with what is tested on.
    assert [at for at in range(40) if split_of(f"source:clip{at}", test=0.2) == "test"] == GOLDEN


GOLDEN = [1, 5, 10, 15, 19, 22, 24, 28, 32, 38]


def test_without_a_source_the_content_decides(make: Make) -> None:
    root = make({"a": 30, "b": 30})
    first, _ = assign_splits(read_dataset(root), test=0.4)
    before = {e.path.name + e.path.parent.name: e.split for e in first.examples}
    for at, path in enumerate(sorted(root.glob("*/*.jpg"))):
        path.rename(path.with_name(f"renamed{at}.jpg"))
    (root / "a" / "copy.jpg").write_bytes((root / "a" / "renamed3.jpg").read_bytes())
    second, _ = assign_splits(read_dataset(root), test=0.4)
    after = {e.path.name: e.split for e in second.examples}
    assert sorted(map(str, before.values())) == sorted(str(after[n]) for n in after if n != "copy.jpg")
    assert after["copy.jpg"] == after["renamed3.jpg"]


def test_a_file_that_cannot_be_read_is_left_out(make: Make) -> None:
    root = make({"a": 20, "b": 20, "a/empty.jpg": ""})
    found, _ = assign_splits(read_dataset(root))
    assert len(found) == 40
    assert [(s.path.name, "0 bytes" in s.why) for s in found.skipped] == [("empty.jpg", True)]


def test_the_report_says_how_far_off_it_is() -> None:
    found, report = assign_splits(dataset([f"s{at // 2}" for at in range(200)]), test=0.25, val=0.25)
    assert report.counts == {split: len(found.only(split)) for split in ("train", "val", "test")}
    assert sum(report.units.values()) == 100
    shares = {(s.label, s.split): s for s in report.shares}
    assert shares["yes", "test"].wanted == 25
    assert shares["yes", "test"].got == found.only("test").counts(TASK.groups[0])["yes"]
    assert report.missing == ()


def test_the_report_names_a_label_that_a_split_lacks() -> None:
    rare = next(f"rare{at}" for at in range(100) if split_of(f"source:rare{at}") == "train")
    data = dataset([f"s{at}" for at in range(40)])
    examples = tuple(Example(e.path, ("no",), None, e.source) for e in data.examples)
    only_one = Dataset(data.root, TASK, (*examples, Example(Path("r.jpg"), ("yes",), None, rare)))
    _, report = assign_splits(only_one)
    assert [(s.label, s.split) for s in report.missing] == [("yes", "test")]


@pytest.mark.parametrize(("test", "val"), [(-0.1, 0.0), (0.2, -0.1), (0.5, 0.5), (1.0, 0.0), (float("nan"), 0.0)])
def test_impossible_shares_are_refused(test: float, val: float) -> None:
    with pytest.raises(UsageError, match="not possible") as caught:
        assign_splits(dataset(["a"] * 3), test=test, val=val)
    assert caught.value.hint


def test_what_is_divided_is_not_divided_again() -> None:
    once, _ = assign_splits(dataset([f"s{at}" for at in range(40)]))
    with pytest.raises(UsageError, match="divided already: train, test"):
        assign_splits(once)


def test_a_split_without_pictures_is_refused() -> None:
    with pytest.raises(DataError, match="3 pictures of 1 sources leaves none for") as caught:
        assign_splits(dataset(["only"] * 3))
    assert caught.value.hint


@pytest.mark.shared
def test_shared_sources_stay_together(shared_data: Path) -> None:
    data = read_dataset(shared_data / "ppe_helmet/train", source_pattern="^(.*)_")
    found, report = assign_splits(data)
    splits: dict[str | None, set[str | None]] = {}
    for example in found.examples:
        splits.setdefault(example.source, set()).add(example.split)
    assert all(len(of_source) == 1 for of_source in splits.values())
    assert report.units["train"] + report.units["test"] == len(splits)
