"""A table that several programs write: nothing that nobody changes is changed, and nothing of anybody is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decisight.collecting import table as module
from decisight.collecting.table import PictureTable, append_row, fill_row, is_cell, mend
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


def test_rows_that_are_appended_while_it_is_read_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name,camera\na.jpg,g\n")
    read, left = Path.read_bytes, [1]

    def slow(self: Path) -> bytes:
        content = read(self)
        if left:
            left.pop()
            append_row(path, {"file_name": "b.jpg", "camera": "h"})
        return content

    monkeypatch.setattr(Path, "read_bytes", slow)
    table = PictureTable.read(path)
    table.rows[0][1] = "changed"
    assert table.save()
    assert path.read_text() == "file_name,camera\na.jpg,changed\nb.jpg,h\n"


def test_a_row_of_ones_own_is_not_doubled_by_one_that_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name,camera,helmet\na.jpg,g,\n")
    table = PictureTable.read(path)
    table.rows.append(["b.jpg", "", "worn"])
    append_row(path, {"file_name": "b.jpg", "camera": "h"})
    assert table.catch_up()
    assert table.rows == [["a.jpg", "g", ""], ["b.jpg", "h", "worn"]]
    assert table.save()
    assert path.read_text() == "file_name,camera,helmet\na.jpg,g,\nb.jpg,h,worn\n"


def test_a_row_is_filled_where_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name,helmet\na.jpg,worn\n")
    assert fill_row(path, {"file_name": "a.jpg", "helmet": "missing", "camera": "g"})
    assert path.read_text() == "file_name,helmet,camera\na.jpg,worn,g\n"
    assert not fill_row(path, {"file_name": "b.jpg", "camera": "g"})


@pytest.mark.parametrize("cell", ["a\rb", "a\nb", "a\r\nb", 'a"b', "a,b"])
def test_cells_come_back_as_they_were(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name,note\na.jpg,\n")
    append_row(path, {"file_name": "b.jpg", "note": cell})
    table = PictureTable.read(path)
    table.rows[0][1] = cell
    assert table.save()
    assert PictureTable.read(path).rows == [["a.jpg", cell], ["b.jpg", cell]]
    # Nor are lines ended otherwise than before.
    assert path.read_bytes().startswith(b"file_name,note\n")


def test_what_separates_the_cells_is_said_where_the_header_misleads(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"file_name\na.jpg\n")
    table = PictureTable.read(path)
    table.add_columns(["a;b;c"])
    table.rows[0][1] = "x"
    assert table.save()
    again = PictureTable.read(path)
    assert (again.columns, again.rows) == (["file_name", "a;b;c"], [["a.jpg", "x"]])
    assert table.catch_up()


@pytest.mark.parametrize(
    ("text", "can"), [("a.jpg", True), ("a b\n.jpg", True), (" a", False), ("a ", False), ("caf\udce9.jpg", False)]
)
def test_what_a_cell_can_hold(text: str, can: bool) -> None:
    assert is_cell(text) is can


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


def test_half_a_row_with_a_comma_in_it_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(COLLECTED + b'b.jpg,"gate, north",r,t,s')
    assert mend(path)
    assert path.read_bytes() == COLLECTED


WHOLE = [
    COLLECTED,
    COLLECTED + b"b.jpg,g,r,t,s,",
    # The last line is a part of a cell.
    COLLECTED + b'b.jpg,g,r,t,s,"two\nlines"',
    COLLECTED + b'b.jpg,g,r,"t\nt",s,',
    b"file_name,a,b\nx",
    b"",
]


@pytest.mark.parametrize("content", WHOLE)
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
