"""Tables of sequences: what they may say, and what is refused with the line on which it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.data.sequences import PictureSequence, read_sequences
from decisight.errors import DataError
from decisight.types import LabelGroup, Task

ONE = Task((LabelGroup("gear", ("vest", "none")),))
TWO = Task((LabelGroup("gear", ("vest", "none")), LabelGroup("tags", ("new", "torn"), "independent")))


def read(tmp_path: Path, text: str, task: Task = ONE, name: str = "t.csv") -> tuple[PictureSequence, ...]:
    (tmp_path / name).write_bytes(text.encode())
    return read_sequences(tmp_path / name, task).sequences


def files(sequence: PictureSequence) -> list[str]:
    return [picture.path.name for picture in sequence.pictures]


def test_rows_of_several_sequences_may_be_mixed(tmp_path: Path) -> None:
    found = read(tmp_path, "sequence,file_name\nb,1.jpg\na,2.jpg\nb,3.jpg\n")
    assert [(s.name, files(s)) for s in found] == [("b", ["1.jpg", "3.jpg"]), ("a", ["2.jpg"])]
    assert found[0].pictures[0].path == tmp_path / "1.jpg"
    assert not found[0].labelled


@given(order=st.permutations(range(9)))
@settings(max_examples=30, deadline=None)
def test_mixed_rows_say_what_grouped_ones_say(order: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    rows = [(f"s{number // 3}", number) for number in order]
    grouped = sorted(rows, key=lambda row: [s for s, _ in rows].index(row[0]))
    folder = tmp_path_factory.mktemp("tables")
    tables = [
        "sequence,file_name\n" + "".join(f"{s},{number}.jpg\n" for s, number in listed) for listed in (rows, grouped)
    ]
    mixed, together = (read(folder, text) for text in tables)
    assert mixed == together


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_spreadsheets_write_it_in_their_ways(tmp_path: Path, separator: str, mark: str) -> None:
    text = mark + "sequence,file_name,time\r\na,1.jpg,0.5\r\n\r\na,2.jpg,1\r\n".replace(",", separator)
    (found,) = read(tmp_path, text)
    assert [picture.time for picture in found.pictures] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("first", "second", "between"),
    [
        ("0", "0", 0.0),
        ("1e3", "1001.5", 1.5),
        ("2026-05-04T06:00:00Z", "2026-05-04T06:00:00.250Z", 0.25),
        ("2026-05-04 06:00", "2026-05-04T08:00:01+02:00", 1.0),  # without a zone it is UTC
    ],
)
def test_times(tmp_path: Path, first: str, second: str, between: float) -> None:
    (found,) = read(tmp_path, f"sequence,file_name,time\na,1.jpg,{first}\na,2.jpg,{second}\n")
    one, other = (picture.time for picture in found.pictures)
    assert one is not None
    assert other is not None
    assert other - one == pytest.approx(between)


def test_labels_and_quality(tmp_path: Path) -> None:
    text = (
        "sequence,file_name,gear,tags,quality,remark\na,1.jpg,vest,new|torn,0.5,x\na,2.jpg,,-,,\na,3.jpg,none,torn,1,\n"
    )
    (found,) = read(tmp_path, text, TWO)
    assert [picture.targets for picture in found.pictures] == [
        ("vest", frozenset({"new", "torn"})),
        (None, frozenset()),
        ("none", frozenset({"torn"})),
    ]
    assert [picture.quality for picture in found.pictures] == [0.5, None, 1.0]
    assert found.labelled


@pytest.mark.parametrize(("task", "targets"), [(ONE, ("vest",)), (TWO, (None, None))])
def test_a_task_of_one_group_may_call_its_column_label(tmp_path: Path, task: Task, targets: tuple[object]) -> None:
    (found,) = read(tmp_path, "sequence,file_name,label\na,1.jpg,vest\n", task)
    assert found.pictures[0].targets == targets


def test_rows_of_regions_are_sequences_of_their_own(tmp_path: Path) -> None:
    text = "sequence,file_name,region,gear\na,1.jpg,left,vest\na,1.jpg,right,none\na,2.jpg,left,vest\nb,3.jpg,,vest\n"
    found = read(tmp_path, text)
    assert [(s.name, s.region, files(s)) for s in found] == [
        ("a", "left", ["1.jpg", "2.jpg"]),
        ("a", "right", ["1.jpg"]),
        ("b", None, ["3.jpg"]),
    ]


def test_sources_of_labelled_pictures_are_sequences_where_none_are_named(tmp_path: Path) -> None:
    rows = "1.jpg,vest,clip1\n2.jpg,none,clip2\n3.jpg,vest,clip1\n"
    found = read(tmp_path, "file_name,gear,source\n" + rows)
    assert [(s.name, files(s), s.labelled) for s in found] == [
        ("clip1", ["1.jpg", "3.jpg"], True),
        ("clip2", ["2.jpg"], True),
    ]
    with pytest.raises(DataError, match="line 2: source is empty"):
        read(tmp_path, "file_name,source\n1.jpg,\n")


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    rows = [
        {"sequence": "a", "file_name": "1.jpg", "time": 0, "gear": "vest", "tags": ["new"]},
        {"sequence": "a", "file_name": "2.jpg", "time": 1.5, "tags": None},
    ]
    lines = read(tmp_path, "\n".join(map(json.dumps, rows)), TWO, "t.jsonl")
    assert lines == read(tmp_path, "sequence,file_name,time,gear,tags\na,1.jpg,0,vest,new\na,2.jpg,1.5,,\n", TWO)


@pytest.mark.parametrize(
    ("column", "task", "misspelt"),
    [
        ("gera", ONE, [("gera", "gear")]),
        ("Gear", ONE, [("Gear", "gear")]),
        ("lable", ONE, [("lable", "gear")]),
        ("tag", TWO, [("tag", "tags")]),
        ("remark", ONE, []),
        ("gear", ONE, []),
        ("lable", TWO, []),
    ],
)
def test_columns_that_are_probably_misspelt(
    tmp_path: Path, column: str, task: Task, misspelt: list[tuple[str, str]]
) -> None:
    (tmp_path / "t.csv").write_text(f"sequence,file_name,{column}\na,1.jpg,\n", "utf-8")
    assert list(read_sequences(tmp_path / "t.csv", task).misspelt) == misspelt


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sequence,file_name\n", "there is a header but no row"),
        ("", "the file is empty"),
        ("file_name,time\n1.jpg,0\n", "there is no column 'sequence' (there is: file_name, time)"),
        ("sequence,image\na,1.jpg\n", "there is no column 'file_name'"),
        ("sequence,file_name\na,1.jpg\n,2.jpg\n", "line 3: sequence is empty"),
        ("sequence,file_name\na,\n", "line 2: file_name is empty"),
        ("sequence,file_name,time\na,1.jpg,noon\n", "line 2: the time 'noon' is not understood"),
        ("sequence,file_name,time\na,1.jpg,nan\n", "line 2: the time 'nan' is not understood"),
        ("sequence,file_name,time\na,1.jpg,inf\n", "line 2: the time 'inf' is not understood"),
        ("sequence,file_name,time\na,1.jpg,1\na,2.jpg,\n", "line 3: some pictures of the sequence 'a' have a time"),
        ("sequence,file_name,time\na,1.jpg,1\nb,3.jpg,9\na,2.jpg,0.5\n", "line 4: the time goes back, from 1 to 0.5"),
        ("sequence,file_name,quality\na,1.jpg,nan\n", "line 2: the quality 'nan' is not between 0 and 1"),
        ("sequence,file_name,quality\na,1.jpg,2\n", "line 2: the quality '2' is not between 0 and 1"),
        ("sequence,file_name,gear\na,1.jpg,hat\n", "line 2: the group 'gear' has the label 'hat'"),
        ("sequence,file_name,gear\na,1.jpg,-\n", "line 2: the group 'gear' has 0 labels"),
        ("sequence,file_name,gear\na,1.jpg,vest|none\n", "line 2: the group 'gear' has 2 labels"),
        ("sequence,file_name\na,1.jpg,x\n", "line 2: 3 cells"),
        ("sequence,file_name,region\na,1.jpg,lane\nb,1.jpg,\na,2.jpg,\n", "line 4: some rows of the sequence 'a' name"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as refused:
        read(tmp_path, text)
    assert message in refused.value.message
    assert "t.csv" in refused.value.message
    assert refused.value.hint
