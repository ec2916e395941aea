"""Class folders, as users have them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from decisight.data import Dataset, read_dataset
from decisight.errors import DataError, LabelError, UsageError
from decisight.types import LabelGroup, Task

Make = Callable[[Mapping[str, str | bytes | int]], Path]


def by_split(dataset: Dataset) -> dict[str | None, dict[object, int]]:
    found: dict[str | None, Counter[object]] = {}
    for example in dataset.examples:
        found.setdefault(example.split, Counter())[example.targets[0]] += 1
    return {split: dict(counts) for split, counts in found.items()}


READ = [
    # classes alone
    ({"yes": 3, "no": 2}, {None: {"yes": 3, "no": 2}}),
    # splits; val and test may be missing
    ({"train/yes": 3, "train/no": 2}, {"train": {"yes": 3, "no": 2}}),
    (
        {"train/a": 2, "train/b": 2, "test/a": 1, "test/b": 1},
        {"train": {"a": 2, "b": 2}, "test": {"a": 1, "b": 1}},
    ),
    # the other names of val, in any case
    ({"Train/a": 1, "Train/b": 1, "valid/a": 1}, {"train": {"a": 1, "b": 1}, "val": {"a": 1}}),
    ({"train/a": 1, "train/b": 1, "validation/b": 1}, {"train": {"a": 1, "b": 1}, "val": {"b": 1}}),
    # only a test part
    ({"test/a": 1, "test/b": 1}, {"test": {"a": 1, "b": 1}}),
    # a class that is only in test
    ({"train/a": 1, "train/b": 1, "test/c": 1}, {"train": {"a": 1, "b": 1}, "test": {"c": 1}}),
    # pictures in depths below a class
    ({"a/2024/may": 2, "a/2024": 1, "b": 1}, {None: {"a": 3, "b": 1}}),
    # a class that is called train, beside another
    ({"train": 2, "bus": 2}, {None: {"train": 2, "bus": 2}}),
    # suffixes in any case; hidden files, hidden folders and litter passed over
    (
        {"a/1.JPG": "x", "a/.2.jpg": "x", "a/Thumbs.db": "x", "a/.git/3.jpg": "x", "b/4.Png": "x", ".cache/5.jpg": "x"},
        {None: {"a": 1, "b": 1}},
    ),
]


@pytest.mark.parametrize(("tree", "expected"), READ)
def test_class_folders_are_read(make: Make, tree: Mapping[str, int], expected: dict[str | None, object]) -> None:
    dataset = read_dataset(make(tree))
    assert by_split(dataset) == expected
    assert [group.name for group in dataset.task.groups] == ["class"]
    assert dataset.skipped == ()


def test_classes_stand_in_natural_order_over_all_splits(make: Make) -> None:
    root = make({"train/bay10": 1, "train/Bay1": 1, "test/bay2": 1, "train/apron": 1})
    assert read_dataset(root).task.groups[0].labels == ("apron", "Bay1", "bay2", "bay10")


def test_examples_stand_by_path_and_have_no_source(make: Make) -> None:
    examples = read_dataset(make({"b": 3, "a": 2})).examples
    assert [str(e.path) for e in examples] == sorted(str(e.path) for e in examples)
    assert {e.source for e in examples} == {None}


def test_an_accent_stored_in_two_ways_is_one_class(make: Make) -> None:
    root = make({"train/caf\u00e9": 2, "train/bar": 1, "test/cafe\u0301": 1})
    dataset = read_dataset(root)
    assert dataset.task.groups[0].labels == ("bar", "caf\u00e9")
    assert [e.targets for e in dataset.only("test").examples] == [("caf\u00e9",)]


REFUSED = [
    ("a flat folder of pictures", {".": 4}, "4 pictures, but no class folders"),
    ("flat splits", {"train": 4, "test": 2}, "2 pictures, but no class folders"),
    ("one flat split", {"train": 4}, "4 pictures, but no class folders"),
    ("an empty folder", {}, "neither class folders nor pictures"),
    ("one class only", {"train/full": 4, "test/full": 2}, "one label only: 'full' (6 pictures)"),
    ("an empty class folder", {"a": 2, "b": 2, "c": 0}, "c: the class folder holds no picture: it is empty"),
    (
        "a class folder of other files",
        {"a": 2, "b/1.heic": "x", "b/2.heic": "x"},
        "b: the class folder holds no picture, only other files (2 .heic)",
    ),
    ("a class called -", {"a": 2, "-": 2}, "cannot be called '-'"),
    ("a class with |", {"a": 2, "b|c": 2}, "cannot be called 'b|c'"),
    ("a class with a line break", {"a": 2, "b\nc": 2}, r"cannot be called 'b\nc'"),
    ("classes that differ in case", {"Helmet": 2, "helmet": 1}, "'Helmet' (2 pictures) and 'helmet' (1)"),
    ("val twice", {"train/a": 1, "val/a": 1, "valid/a": 1}, "'val' and 'valid' are both the split 'val'"),
    ("a table of another name", {".": 2, "labels.csv": "file_name,label\n"}, "no class folders in it"),
]


@pytest.mark.skipif(os.name != "posix", reason="such names are possible only on POSIX")
@pytest.mark.parametrize(("tree", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_cannot_be_learnt_from_is_refused(make: Make, tree: Mapping[str, str | int], says: str) -> None:
    root = make(tree)
    with pytest.raises(DataError) as caught:
        read_dataset(root)
    assert says in caught.value.message
    assert caught.value.message.startswith(str(root))
    assert caught.value.hint


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes only on POSIX")
def test_a_class_whose_name_is_not_utf8_is_refused_but_pictures_may_have_any_name(make: Make) -> None:
    root = make({"a": 1, "b": 1})
    try:
        Path(os.fsdecode(os.fsencode(root) + b"/a/caf\xe9.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert len(read_dataset(root)) == 3
    os.mkdir(os.fsencode(root) + b"/b\xe9")
    with pytest.raises(DataError, match=r"cannot be called 'b\\xe9'"):
        read_dataset(root)


def test_a_flat_folder_with_a_table_beside_is_told_so(make: Make) -> None:
    root = make({".": 2, "labels.csv": "file_name,label\n"})
    with pytest.raises(DataError) as caught:
        read_dataset(root)
    assert caught.value.hint is not None
    assert "labels.csv" in caught.value.hint


def test_what_is_left_out_is_named(make: Make) -> None:
    root = make(
        {
            "train/a": 2, "train/b": 2, "train/loose.jpg": "x", "train/a/notes.txt": "x", "train/b/1.xml": "x",
            "train/b/2.xml": "x", "test/a": 1, "test/b": 0, "raw/old": 3,
        }
    )  # fmt: skip
    skipped = {str(s.path.relative_to(root)): s.why for s in read_dataset(root).skipped}
    assert skipped == {
        "train/loose.jpg": "lies beside the class folders, so it has no label",
        "test/b": "the class folder holds no picture: it is empty",
        "raw": "lies beside the folders of the splits: not read",
        ".": "3 files are not pictures by their name: 2 .xml, 1 .txt",
    }


@pytest.mark.skipif(os.name != "posix", reason="links are made as on Linux")
def test_links_are_followed_but_not_in_circles(make: Make, tmp_path: Path) -> None:
    root = make({"a": 1, "b": 1})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "linked.jpg").write_bytes(b"x")
    (root / "a" / "more").symlink_to(elsewhere)
    (root / "a" / "up").symlink_to(root / "a")
    (root / "c").symlink_to(tmp_path / "third")
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "other.jpg").write_bytes(b"x")
    assert by_split(read_dataset(root)) == {None: {"a": 2, "b": 1, "c": 1}}


@pytest.mark.skipif(os.name != "posix", reason="links are made as on Linux")
@pytest.mark.parametrize("how", [os.symlink, os.link])
def test_one_file_in_two_classes_through_a_link_is_refused(make: Make, how: Callable[[Path, Path], None]) -> None:
    root = make({"vest": 2, "no_vest": 2})
    how(root / "vest/000.jpg", root / "no_vest/same.jpg")
    with pytest.raises(DataError, match=r"no_vest/same.jpg \(no_vest\), and vest/000.jpg \(vest\)") as caught:
        read_dataset(root)
    assert caught.value.message.startswith(str(root))
    assert caught.value.hint
    # Within one class it is only there twice.
    (root / "no_vest/same.jpg").unlink()
    how(root / "vest/000.jpg", root / "vest/same.jpg")
    assert len(read_dataset(root)) == 5


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_named(make: Make) -> None:
    root = make({"a/deep": 1, "a": 1, "b": 1})
    (root / "a" / "deep").chmod(0)
    try:
        dataset = read_dataset(root)
    finally:
        (root / "a" / "deep").chmod(0o700)
    assert [(s.path.name, "cannot be read" in s.why) for s in dataset.skipped] == [("deep", True)]


TASK = Task((LabelGroup("class", ("no", "yes")),))


def test_with_a_task_its_order_counts_and_gaps_do_not_matter(make: Make) -> None:
    dataset = read_dataset(make({"test/yes": 2, "train/no": 0}), task=TASK)
    assert dataset.task is TASK
    assert by_split(dataset) == {"test": {"yes": 2}}
    assert [s.path.name for s in dataset.skipped] == ["no"]


def test_with_a_task_unknown_labels_are_refused(make: Make) -> None:
    with pytest.raises(LabelError) as caught:
        read_dataset(make({"yes": 1, "No": 3, "maybe": 2}), task=TASK)
    assert "'maybe' (2 pictures)" in caught.value.message
    assert "'No' (3 pictures; the model calls it 'no')" in caught.value.message
    assert caught.value.hint == "the model's labels are: no, yes"


def test_class_folders_are_one_group(make: Make) -> None:
    root = make({"a": 1, "b": 1})
    assert len(read_dataset(root, groups=["class"])) == 2
    with pytest.raises(UsageError, match="one label group 'class'"):
        read_dataset(root, groups=["helmet"])


def test_a_link_into_a_folder_above_brings_no_other_class_in(tmp_path: Path) -> None:
    import numpy as np

    from decisight.data import read_dataset
    from decisight.imaging import encode_png

    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / f"{label}.png").write_bytes(encode_png(np.zeros((4, 4, 3), np.uint8)))
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    found = read_dataset(tmp_path)
    assert sorted((e.path.name, e.targets[0]) for e in found.examples) == [("a.png", "a"), ("b.png", "b")]
