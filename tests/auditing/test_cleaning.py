"""The cleaned list holds what is fit to learn from, training reads it, and nothing that was there is lost."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.auditing.conftest import HUES, SIZE, Faulty, colours
from tests.drawn import drawn, save

from decisight.auditing import (
    Audit,
    AuditOptions,
    audit,
    changes_beside,
    check_cleaned_list,
    clean,
    write_cleaned_list,
)
from decisight.auditing.copied import copy_findings
from decisight.auditing.looks import Look
from decisight.data.dataset import Dataset, Example
from decisight.data.duplicates import Copies, Sketch
from decisight.data.reading import read_dataset
from decisight.errors import OutputError
from decisight.training.cache import FeatureCache
from decisight.training.copies import look_for_copies
from decisight.types import LabelGroup, Task

QUICK = AuditOptions(labels=False)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def fixed(root: Path, where: Path, found: Audit | None = None) -> tuple[Dataset, list[dict[str, str]]]:
    """The list as it is read again, and what was left out of it."""
    found = audit(read_dataset(root), QUICK, threads=2) if found is None else found
    check_cleaned_list(where, found.dataset)
    write_cleaned_list(where, found, clean(found))
    return read_dataset(where), rows_of(changes_beside(where))


def test_what_is_left_out_and_why(faulty: Faulty, tmp_path: Path) -> None:
    cleaned, changes = fixed(faulty.root, tmp_path / "cleaned.csv", faulty.found)
    left_out = {Path(row["file_name"]).name: row for row in changes if row["left_out"] == "yes"}
    assert left_out["broken.jpg"]["why"].startswith("cannot be read: ")
    # Which of two labels is right nobody knows.
    assert left_out["conflict.png"]["why"] == left_out["03.png"]["why"] == "a copy of it is labelled differently"
    # Of copies in two splits the one that is tested on stays.
    assert (left_out["00.png"]["why"], left_out["01.png"]["why"]) == ("a copy of a picture in test",) * 2
    assert left_out["00.png"]["copy_of"].endswith("test/red/exact.png")
    assert left_out["twice.webp"]["why"] == "a copy of another picture"
    assert len(left_out) == 6
    assert len(cleaned) == 40 - 6
    # A suspected label is told, and stays.
    (suspected,) = (row for row in changes if row["left_out"] == "no")
    assert suspected["file_name"].endswith("test/blue/wrong.png")
    assert suspected["suggested"] == "red"
    assert {example.path.name for example in cleaned.examples if example.split == "test"} >= {"exact.png", "wrong.png"}


def test_suspects_can_be_left_out_too(faulty: Faulty) -> None:
    stays, goes = clean(faulty.found), clean(faulty.found, drop_suspects=True)
    assert len(stays.kept) - len(goes.kept) == 1
    assert stays.left_out + 1 == goes.left_out


def test_the_list_is_clean_itself(faulty: Faulty, tmp_path: Path, look: Callable[[Path], Audit]) -> None:
    fixed(faulty.root, tmp_path / "cleaned.csv", faulty.found)
    again = look(tmp_path / "cleaned.csv")
    assert again.errors == 0
    assert "copy" not in again.counts


def test_the_larger_copy_stays(tmp_path: Path) -> None:
    root = colours(tmp_path / "colours", train=3, test=1)
    save(root / "train/red/large.png", drawn(1_000, (240, 200), hue=HUES["red"]))
    save(root / "train/red/small.png", drawn(1_000, (240, 200), hue=HUES["red"])[::2, ::2])
    cleaned, changes = fixed(root, tmp_path / "cleaned.csv")
    assert "large.png" in {example.path.name for example in cleaned.examples}
    assert "small.png" in {Path(row["file_name"]).name for row in changes}


def test_files_are_named_so_that_they_are_found(tmp_path: Path) -> None:
    root = colours(tmp_path / "data/colours", train=3, test=1)
    for where, relative in [(root / "cleaned.csv", True), (root.parent / "c.csv", True), (tmp_path / "c.csv", False)]:
        cleaned, _ = fixed(root, where)
        assert len(cleaned) == 8
        assert all(os.path.isabs(row["file_name"]) is not relative for row in rows_of(where))


def test_hostile_names_come_through_or_are_told(tmp_path: Path) -> None:
    root = colours(tmp_path / "colours", train=3, test=1)
    hostile = [
        "a,b.png",
        'quote".png',
        "new\nline.png",
        "<img src=x onerror=alert(1)>.png",
        "=1+1.png",
        "-o.png",
        "ü.png",
    ]
    for at, name in enumerate(hostile):
        save(root / "train/red" / name, drawn(400 + at, SIZE, hue=HUES["red"]))
    odd = os.fsencode(root / "train/red") + b"/\xff.png"
    with open(odd, "wb") as stream:
        stream.write((save(tmp_path / "one.png", drawn(450, SIZE, hue=HUES["red"]))).read_bytes())
    where = root / "cleaned.csv"
    cleaned, changes = fixed(root, where)
    assert set(hostile) <= {example.path.name for example in cleaned.examples}
    assert [row["why"] for row in changes] == ["its name cannot stand in a table: rename the file"]
    assert "\\xff.png" in changes[0]["file_name"]


def test_columns_come_back_as_they_were(tmp_path: Path) -> None:
    rows = ["file_name,split,source,marks,kind;of"]
    for at in range(8):
        save(tmp_path / f"{at}.png", drawn(at, SIZE))
        marks = ("a|b", "a", "-", "")[at % 4]
        rows.append(f"{at}.png,{'test' if at > 5 else 'train'},clip{at % 6},{marks},{'x' if at % 2 else 'y'}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    before = read_dataset(tmp_path)
    after, _ = fixed(tmp_path, tmp_path / "cleaned.csv")
    assert after.task == before.task
    assert [(e.path.name, e.targets, e.split, e.source) for e in after.examples] == [
        (e.path.name, e.targets, e.split, e.source) for e in before.examples
    ]
    assert after.task.groups[0] == LabelGroup("marks", ("a", "b"), "independent")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("metadata.csv", "would replace the labels"),
        ("train/metadata.csv", "would replace the labels"),
        ("labels.csv", "labels.csv is there already, and was not written by --fix"),
        ("notes.csv", "notes-changes.csv is there already"),
        ("cleaned.txt", "is a CSV file"),
    ],
)
def test_nothing_that_is_there_is_overwritten(tmp_path: Path, name: str, says: str) -> None:
    root = colours(tmp_path / "colours", train=2, test=1)
    for mine in ("labels.csv", "labels-changes.csv", "notes-changes.csv"):
        (root / mine).write_text("mine\n")
    with pytest.raises(OutputError, match=says):
        check_cleaned_list(root / name, read_dataset(root))
    assert (root / "labels.csv").read_text() == "mine\n"


def test_a_list_that_was_written_before_is_replaced(tmp_path: Path) -> None:
    root = colours(tmp_path / "colours", train=2, test=1)
    fixed(root, tmp_path / "cleaned.csv")
    fixed(root, tmp_path / "cleaned.csv")


def test_a_table_is_not_replaced_by_its_own_list(tmp_path: Path) -> None:
    root = colours(tmp_path / "colours", train=2, test=1)
    fixed(root, tmp_path / "cleaned.csv")
    with pytest.raises(OutputError, match="would replace the labels"):
        check_cleaned_list(tmp_path / "cleaned.csv", read_dataset(tmp_path / "cleaned.csv"))


def test_of_very_many_copies_one_stays_and_training_takes_the_list(tmp_path: Path) -> None:
    root = colours(tmp_path / "colours", train=3, test=2)
    photo = drawn(700, SIZE, hue=HUES["red"])
    for at in range(40):
        form = ("jpg", "webp")[at % 2]
        save(root / ("test" if at % 4 == 0 else "train") / "red" / f"again{at}.{form}", photo, quality=50 + at)
    cleaned, _ = fixed(root, tmp_path / "cleaned.csv")
    again = [example for example in cleaned.examples if example.path.name.startswith("again")]
    assert [example.split for example in again] == ["test"]
    look_for_copies(cleaned, FeatureCache(None), threads=2).refuse_across()


def test_what_only_looks_the_same_stays(tmp_path: Path) -> None:
    root = colours(tmp_path / "colours", train=3, test=1)
    save(root / "train/red/alike.jpg", drawn(1, SIZE, hue=HUES["blue"]), quality=90)
    save(root / "test/red/alike.jpg", drawn(2, SIZE, hue=HUES["blue"]), quality=90)
    found = audit(read_dataset(root), QUICK, threads=2)
    assert found.counts["alike_labelled_differently"] == 2
    assert found.errors == 0
    assert clean(found).left_out == 0
    look_for_copies(found.dataset, FeatureCache(None), threads=2).refuse_across()


def test_thousands_of_equal_files_are_no_work(tmp_path: Path) -> None:
    task = Task((LabelGroup("class", ("a", "b")),))
    sketch = Sketch.of(drawn(1, SIZE))
    look = Look(b"same", 120, 100, 90.0, None, blurred=False, sketch=sketch)
    examples = tuple(Example(tmp_path / f"{at}.png", ("a",), "train") for at in range(20_000))
    dataset = Dataset(tmp_path, task, examples)
    copies = Copies((tuple(range(10_000)), tuple(range(10_000, 20_000))), ((0, 10_000),))
    found = Audit(dataset, (look,) * 20_000, (), copies)
    assert len(list(copies.pairs())) == 19_999
    assert len(list(copy_findings(dataset, copies, ()))) == 19_999
    assert len(clean(found).kept) == 1


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = colours(tmp_path / "colours", train=2, test=1)
    where = tmp_path / "cleaned.csv"
    found = audit(read_dataset(root), QUICK, threads=2)

    def broken(*_: object) -> list[object]:
        raise OutputError("the disk is full")

    monkeypatch.setattr("decisight.auditing.cleaning._change_rows", broken)
    with pytest.raises(OutputError, match="disk is full"):
        write_cleaned_list(where, found, clean(found))
    assert not where.exists()
    assert not changes_beside(where).exists()
    check_cleaned_list(where, found.dataset)
