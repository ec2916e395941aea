"""Costs in a YAML file: read, and refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from decisight.errors import DecisightError
from decisight.policies.cost_files import read_costs
from decisight.policies.least_cost import LeastCost
from decisight.types import LabelGroup, Task

GEAR = LabelGroup("gear", ("none", "vest", "review"))
TAGS = LabelGroup("tags", ("gloves", "mask"), "independent")
ONE, BOTH = Task((GEAR,)), Task((GEAR, TAGS))


def read(tmp_path: Path, text: str, task: Task = ONE) -> LeastCost:
    path = tmp_path / "costs.yaml"
    path.write_text(text, "utf-8")
    return read_costs(path, task, "ask")


def test_one_group_without_its_name(tmp_path: Path) -> None:
    rule = read(tmp_path, "none: {vest: 500}\nvest:\n  none: 40\ndefault: 10\nreview: 15\n")
    ((table,),) = rule.tables(ONE)
    assert table.losses == ((0, 500, 10), (40, 0, 10), (10, 10, 0))
    assert table.review == (15, 15, 15)
    assert rule.fallback == "ask"


def test_with_its_name_it_is_the_same(tmp_path: Path) -> None:
    short = read(tmp_path, "none: {vest: 500}\ndefault: 10\n")
    assert read(tmp_path, "gear:\n  none: {vest: 500}\n  default: 10\n").tables(ONE) == short.tables(ONE)


def test_a_label_that_is_called_like_a_key(tmp_path: Path) -> None:
    rule = read(tmp_path, "review: {none: 3, vest: 4}\ndefault: 1\n")
    assert rule.tables(ONE)[0][0].losses[2] == (3, 4, 0)


def test_several_groups(tmp_path: Path) -> None:
    text = "gear: {default: 1, review: 0.5}\ntags:\n  gloves: {miss: 9, false_alarm: 1}\n  default: 2\n"
    (gear,), (gloves, mask) = read(tmp_path, text, BOTH).tables(BOTH)
    assert gear.review == (0.5, 0.5, 0.5)
    assert gloves.losses == ((0, 1), (9, 0))
    assert mask.losses == ((0, 2), (2, 0))
    assert gloves.review == ()


BAD = [
    (
        "none: {vest: 500}\n",
        ONE,
        "costs.yaml, line 1: it is not said what deciding 'review' where 'none' is true costs",
    ),
    ("default: 1\nnone: {vset: 5}\n", ONE, "costs.yaml, line 2: where 'none' is true, 'vset' cannot be decided"),
    ("default: 1\nnone:\n  vest: .nan\n", ONE, "costs.yaml, line 3: deciding 'vest' where 'none' is true costs nan"),
    ("default: 1\nnone:\n  vest: -5\n", ONE, "line 3: .*costs -5"),
    ("default: 1\nnone:\n  vest: .inf\n", ONE, "line 3: .*costs inf"),
    ("default: 1\nnone:\n  vest: true\n", ONE, "line 3: .*costs True"),
    ("default: 1\nnone:\n  vest: much\n", ONE, "line 3: .*costs 'much'"),
    (f"default: 1{400 * '0'}\n", ONE, "line 1: the default costs 1000"),
    ("default: -1\n", ONE, "line 1: the default costs -1"),
    ("default: 0\n", ONE, "group 'gear': no mistake costs anything"),
    ("default: 1\nreview: 0\n", ONE, "group 'gear': a look by a person costs nothing"),
    ("default: 1\nreview: -2\n", ONE, "line 2: a look by a person costs -2"),
    ("default: 1\nbelt: {none: 4}\n", ONE, "line 2: group 'gear' has no label 'belt'"),
    ("default: 1\nnone: 4\n", ONE, "line 2: 'none' has no costs by what is decided"),
    ("default: 1\nnone: {vest: 1}\nnone: {vest: 2}\n", ONE, "line 3: .*stands twice"),
    ("gear: {default: 1}\n", BOTH, "the group 'tags' has no costs"),
    ("gear: {default: 1}\ntag: {default: 1}\n", BOTH, "line 2: there is no label group 'tag'"),
    ("gear: 3\ntags: {default: 1}\n", BOTH, "line 1: gear has no costs"),
    ("gear: {default: 1}\ntags:\n  mask: {miss: 1}\n", BOTH, "it is not said what a miss of 'gloves' costs"),
    ("gear: {default: 1}\ntags:\n  default: 1\n  mask: {gloves: 1}\n", BOTH, "line 4: where 'mask' is true, 'gloves'"),
    ("- 1\n", ONE, "there is no cost in it"),
    ("", ONE, "there is no cost in it"),
    ("a: [\n", ONE, "this is not YAML"),
    ("a: !!python/object:os.system x\n", ONE, "tag"),
]


@pytest.mark.parametrize(("text", "task", "said"), BAD)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, task: Task, said: str) -> None:
    with pytest.raises(DecisightError, match=said) as caught:
        read(tmp_path, text, task)
    assert caught.value.hint


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DecisightError, match="cannot be read"):
        read_costs(tmp_path / "none.yaml", ONE)
