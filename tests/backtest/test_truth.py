"""Tables of what is true of a clip: what they say, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisight.backtest.truth import read_truth
from decisight.errors import DataError
from decisight.types import LabelGroup, Target

LANE = LabelGroup("lane", ("empty", "vehicle"))
HELMET = LabelGroup("helmet", ("worn", "missing"))
VEST = LabelGroup("vest", ("worn", "torn"))
EXTRAS = LabelGroup("extras", ("gloves", "goggles"), "independent")
WATCHED = {"lane": (LANE,), "gate": (HELMET, VEST, EXTRAS), None: (LANE,)}


def table(folder: Path, text: str) -> Path:
    path = folder / "clip.csv"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "region", "group", "state"),
    [
        ("0,5,lane,empty", "lane", "lane", "empty"),
        ("0,5,,vehicle", None, "lane", "vehicle"),
        ("0,5,gate,missing", "gate", "helmet", "missing"),  # the group is the one that has the label
        ("0,5,gate,torn", "gate", "vest", "torn"),
        ("0,5,gate,gloves", "gate", "extras", frozenset({"gloves"})),
        ("0,5,gate,gloves|goggles", "gate", "extras", frozenset({"gloves", "goggles"})),
        ("0,5,gate,-", "gate", "extras", frozenset()),
        (" 0.0 , 5.0 , lane , empty ", "lane", "lane", "empty"),
    ],
)
def test_a_row_is_of_the_group_that_has_its_state(
    tmp_path: Path, row: str, region: str | None, group: str, state: Target
) -> None:
    found = read_truth(table(tmp_path, f"start,end,region,state\n{row}\n"), WATCHED)
    assert list(found.rows) == [(region, group)]
    assert found.at(region, group, 2.0) == state


def test_a_column_says_which_group_is_meant(tmp_path: Path) -> None:
    rows = "0,5,gate,worn,vest\n0,5,gate,worn,helmet\n5,6,gate,missing,\n"
    found = read_truth(table(tmp_path, "start,end,region,state,group\n" + rows), WATCHED)
    assert found.at("gate", "vest", 1.0) == found.at("gate", "helmet", 1.0) == "worn"
    assert found.at("gate", "helmet", 5.5) == "missing"


def test_a_start_belongs_to_a_row_and_an_end_does_not_and_gaps_are_not_known(tmp_path: Path) -> None:
    rows = "8.1,15,lane,empty\n0,4.7,lane,empty\n4.7,8,lane,vehicle\n"
    found = read_truth(table(tmp_path, "start,end,region,state,note\n" + rows.replace("\n", ",x\n")), WATCHED)
    expected = {0.0: "empty", 4.6999: "empty", 4.7: "vehicle", 7.999: "vehicle", 8.0: None, 8.1: "empty", 15.0: None}
    assert {time: found.at("lane", "lane", time) for time in expected} == expected
    assert found.at(None, "lane", 1.0) is None
    assert [row.line for row in found.rows["lane", "lane"]] == [3, 4, 2]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "the file is empty", "columns"),
        ("start,end,region,state\n", "a header but no row", "add a row"),
        ("start,stop,region,state\n0,1,lane,empty\n", "no column 'end'", "start,end,region,state"),
        ("start,end,region,state\n0,x,lane,empty\n", r"line 2: the end 'x' is no time", "12.4"),
        ("start,end,region,state\n,1,lane,empty\n", r"line 2: the start '' is no time", "12.4"),
        ("start,end,region,state\nnan,1,lane,empty\n", "the start 'nan' is no time", "12.4"),
        ("start,end,region,state\n-1,1,lane,empty\n", "the start '-1' is no time", "12.4"),
        ("start,end,region,state\n0,inf,lane,empty\n", "the end 'inf' is no time", "12.4"),
        ("start,end,region,state\n5,5,lane,empty\n", "line 2: the end 5 is not after the start 5", "seconds"),
        ("start,end,region,state\n0,1,door,empty\n", "line 2: the row names the region 'door'", "lane, gate"),
        ("start,end,region,state\n0,1,lane,\n", "line 2: the state is empty", "leave the row out"),
        ("start,end,region,state\n0,1,lane,truck\n", "line 2: there is no label 'truck'", "empty, vehicle"),
        ("start,end,region,state\n0,1,lane,empty|vehicle\n", "fits no label group", "one label is true"),
        ("start,end,region,state\n0,1,lane,-\n", "the state '-' fits no label group", "one label is true"),
        ("start,end,region,state\n0,1,gate,worn\n", "line 2: .* several label groups: helmet, vest", "column group"),
        ("start,end,region,state,group\n0,1,gate,worn,shoe\n", "'shoe' is not decided on in the region", "helmet"),
        ("start,end,region,state,group\n0,1,gate,torn,helmet\n", "there is no label 'torn'", "worn, missing"),
        ("start,end,region,state\n0,5,lane,empty\n8,9,lane,empty\n4,6,lane,vehicle\n", "line 4: .* line 2", "ends at"),
        ("start,end,region,state\n0,5,lane,empty\n0,5,lane,empty\n", "line 3: .* overlaps that of line 2", "starts at"),
        ("start,end,region,state\n0,1\n", "line 2: 2 cells", "comma"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        read_truth(table(tmp_path, text), WATCHED)
    assert "clip.csv" in raised.value.message
    assert hint in str(raised.value.hint)


def test_a_row_without_a_region_where_only_regions_are_watched(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names no region") as raised:
        read_truth(table(tmp_path, "start,end,state\n0,1,empty\n"), {"lane": (LANE,)})
    assert raised.value.hint == "the regions are: lane"


def test_groups_that_nobody_decides_on_are_passed_over(tmp_path: Path) -> None:
    text = "start,end,region,state,group\n0,1,gate,worn,shoe\n0,1,gate,worn,helmet\n1,2,gate,black,shoe\n"
    truth = read_truth(table(tmp_path, text), WATCHED)
    assert list(truth.rows) == [("gate", "helmet")]
    assert truth.unwatched == ("shoe",)
