"""The examples of docs/data.md can be read, and its table has every format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from decisight.data import read_dataset
from decisight.data.formats import in_order

PAGE = (Path(__file__).resolve().parents[2] / "docs/data.md").read_text("utf-8")


def block(kind: str) -> str:
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_table_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    for at in range(1, 5):
        (tmp_path / f"gate/{at:04}.jpg").write_bytes(b"x")
    (tmp_path / "t.csv").write_text(block("csv"), "utf-8")
    dataset = read_dataset(tmp_path / "t.csv")
    assert (len(dataset), dataset.splits, dataset.skipped) == (4, ("train", "test"), ())


@pytest.mark.parametrize(("groups", "labels"), [(None, ("no_vest", "vest")), (["helmet"], ("false", "true"))])
def test_the_boxes_can_be_read(tmp_path: Path, groups: list[str] | None, labels: tuple[str, ...]) -> None:
    for name in ("0001.jpg", "0002.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "annotations.json").write_text(block("json coco"), "utf-8")
    dataset = read_dataset(tmp_path, groups=groups)
    assert dataset.task.groups[0].labels == labels
    assert (len(dataset), dataset.splits, dataset.skipped) == (3, ("train", "test"), ())


def test_every_format_has_its_row() -> None:
    (table,) = re.findall(r"^## Formats\n(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)
    assert len(re.findall(r"^\| (?!---|format)", table, re.MULTILINE)) == len(in_order())
    assert all(f"`{suffix}`" in table for form in in_order() for suffix in form.suffixes)
