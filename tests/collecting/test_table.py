"""A table that several programs write: nothing that nobody changes is changed, and nothing of anybody is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decisight.collecting import table as module
from decisight.collecting.table import PictureTable, append_row, mend
from decisight.errors import DataError, OutputError

CONTENTS = [
    b'file_name,helmet,note\na.jpg,worn,"x, y"\nb.jpg,,\n',
    b"\xef\xbb\xbfsep=;\r\nnote;file_name;helmet\r\nx;a.jpg;worn\r\ny;b.jpg;\r\n",
    b"file_name\thelmet\na.jpg\tworn\nb.jpg\t",
]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_cell_is_changed_and_all_else_stays(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(content)
    table = PictureTable.read(path)
    at = table.at("helmet")
    assert at is not None
    table.rows[1][at] = "missing"
    assert table.save()
    new = path.read_bytes()
    again = PictureTable.read(path)
    assert [again.cell(row, "helmet") for row in range(2)] == ["worn", "missing"]
    assert again.columns == PictureTable.read(path).columns
    # But for the new cell, and the end of the last line, it is the same to the byte.
    changed = new.replace(b"missing", b"")
    assert changed == content or changed == content + b"\n"


def test_rows_that_another_has_appended_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name,camera\na.jpg,g\n")
    table = PictureTable.read(path)
    table.add_columns(["helmet"])
    append_row(path, {"file_name": "b.jpg", "camera": "h"})
    table.rows[0][2] = "worn"
    assert table.save()
    assert path.read_text() == "file_name,camera,helmet\na.jpg,g,worn\nb.jpg,h,\n"
    assert len(table.rows) == 2
    # And the one that appends finds the new column.
    append_row(path, {"file_name": "c.jpg", "camera": "i"})
    assert path.read_text().endswith("b.jpg,h,\nc.jpg,i,\n")
    assert table.catch_up()
    assert table.cell(2, "file_name") == "c.jpg"


@pytest.mark.parametrize(
    "other", [b"file_name,camera\na.jpg,X\n", b"file_name,camera\n", b"file_name,camera\na.jpg,gg\n"]
)
def test_what_another_has_changed_is_not_overwritten(other: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name,camera\na.jpg,g\n")
    table = PictureTable.read(path)
    path.write_bytes(other)
    table.rows[0][1] = "mine"
    assert not table.save()
    assert path.read_bytes() == other
    assert not table.catch_up()


def test_a_row_goes_onto_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name;a\r\nx.jpg;1")
    append_row(path, {"a": 'q;"', "file_name": "y.jpg"})
    assert path.read_bytes() == b'file_name;a\r\nx.jpg;1\r\ny.jpg;"q;"""\r\n'


def test_columns_that_are_missing_are_added(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name,helmet\nx.jpg,worn\n")
    append_row(path, {"file_name": "y.jpg", "camera": "g"})
    assert path.read_bytes() == b"file_name,helmet,camera\nx.jpg,worn,\ny.jpg,,g\n"


def test_on_a_full_disk_no_half_row_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name,helmet\nx.jpg,worn\n")
    before, write = path.read_bytes(), os.write
    wrote: list[int] = []

    def full(file: int, data: bytes) -> int:
        if wrote:
            raise OSError(28, "No space left on device")
        wrote.append(write(file, bytes(data)[:4]))
        return wrote[0]

    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(OutputError, match="No space left") as caught:
        append_row(path, {"file_name": "y.jpg"})
    assert wrote
    assert path.read_bytes() == before
    assert "the table is as before" in str(caught.value.hint)


COLLECTED = b"file_name,camera,region,time,source,helmet\na.jpg,g,r,t,s,\n"


@pytest.mark.parametrize("half", [b"b.jpg,g", b"b.jpg,g,r,t,s,\0\0\0", b"\0\0", b"b"])
def test_half_a_row_is_taken_away(half: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(COLLECTED + half)
    assert mend(path)
    assert path.read_bytes() == COLLECTED
    assert not mend(path)


@pytest.mark.parametrize("content", [COLLECTED, COLLECTED + b"b.jpg,g,r,t,s,", b"file_name,a,b\nx", b""])
def test_what_is_no_half_row_stays(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(content)
    assert not mend(path)
    assert path.read_bytes() == content
    assert not mend(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\n1,2\n", "no column 'file_name'"),
        (b"file_name,b\n1\n", "line 2"),
        (b"", "empty"),
        (b"\xff\xfea", "UTF-16"),
    ],
)
def test_tables_that_cannot_be_read(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        PictureTable.read(path)
