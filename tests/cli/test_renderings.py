"""Answers as text: the table fits its terminal, CSV and JSON hold what any file system can think of."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.cli.renderings import Table, csv_cells, csv_columns, csv_text, json_lines, json_list
from decisight.policies.threshold import Threshold
from decisight.types import Answer, LabelGroup, ModelRef, Prediction, Task

MODEL = ModelRef("gate", "sha256:0")
ANIMAL = Task((LabelGroup("class", ("cat", "dog", "Welsh corgi")),))
GEAR = Task((LabelGroup("helmet", ("yes", "no")), LabelGroup("extras", ("gloves", "goggles"), "independent")))


def answer(task: Task, *confidences: tuple[float, ...], image: str = "a.jpg", rule: Threshold | None = None) -> Answer:
    prediction = Prediction(task, confidences)
    return Answer(image, MODEL, prediction, (rule or Threshold()).checked(task).decide(prediction))


CAT = answer(ANIMAL, (0.7, 0.2, 0.1))
BAD = Answer("bad.jpg", MODEL, error="the file is empty (0 bytes)")


def table(
    task: Task, *answers: Answer, top: int = 5, width: int | None = None, rule: Threshold | None = None
) -> list[str]:
    names = [answer.image for answer in answers]
    lines = Table(task, (rule or Threshold()).checked(task), top, names, width).render(answers)
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_the_json_list_is_valid_for_any_number_of_answers() -> None:
    for answers in ([], [CAT], [CAT, BAD]):
        assert json.loads("".join(json_list(answers))) == [answer.to_json() for answer in answers]


def test_json_is_written_a_piece_at_a_time() -> None:
    def endless() -> object:
        while True:
            yield CAT

    pieces = json_list(endless())  # type: ignore[arg-type]
    assert json.loads(next(pieces) + "]")
    assert next(pieces).startswith(",\n{")


def test_a_table_has_aligned_columns() -> None:
    assert table(ANIMAL, CAT, BAD, top=2) == [
        "image    decision     confidence  labels",
        "a.jpg    cat               0.700  cat 0.700, dog 0.200",
        "bad.jpg  error: the file is empty (0 bytes)",
    ]


def test_a_table_of_several_groups_has_a_line_for_each() -> None:
    assert table(GEAR, answer(GEAR, (0.9, 0.1), (0.2, 0.3))) == [
        "image  group   decision  confidence  labels",
        "a.jpg  helmet  yes            0.900  yes 0.900, no 0.100",
        "       extras  -              0.560  goggles 0.300, gloves 0.200",
    ]


def test_reasons_are_shown_where_there_are_thresholds() -> None:
    rule = Threshold({"cat": 0.9})
    unsure = answer(ANIMAL, (0.7, 0.2, 0.1), rule=rule)
    assert table(ANIMAL, unsure, top=1, rule=rule) == [
        "image  decision     confidence  reason           labels",
        "a.jpg  unknown           0.700  below threshold  cat 0.700",
    ]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_table_is_cut_to_its_terminal(width: int) -> None:
    long = answer(ANIMAL, (0.7, 0.2, 0.1), image="a/very/long/way/to/the/picture/" * 5 + "it.jpg")
    lines = table(ANIMAL, long, width=width)
    assert max(map(len, lines)) <= width
    assert "it.jpg" in lines[1]
    assert "…" in lines[1]
    assert "it.jpg" in table(ANIMAL, long)[1]
    assert "…" not in table(ANIMAL, long)[1]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in "".join(table(ANIMAL, answer(ANIMAL, (0.7, 0.2, 0.1), image="\x1b[31m.jpg")))


def test_wide_characters_keep_the_columns_aligned() -> None:
    wide = table(ANIMAL, answer(ANIMAL, (0.7, 0.2, 0.1), image="作業員.jpg"), CAT, top=1)
    assert wide[1].replace("作業員", "123456") == "123456.jpg  cat               0.700  cat 0.700"


def test_a_label_that_is_called_like_a_column_keeps_its_own() -> None:
    task = Task((LabelGroup("class", ("state", "error", "fine")),))
    columns = csv_columns(task)
    assert columns == ["image", "state", "confidence", "reason", "class:state", "class:error", "fine", "error"]


@pytest.mark.parametrize(
    ("targets", "cells"),
    [(("yes", frozenset({"goggles", "gloves"})), ["yes", "gloves|goggles"]), ((None, frozenset()), ["", "-"])],
)
def test_csv_with_what_is_true(targets: tuple[object, ...], cells: list[str]) -> None:
    row = dict(
        zip(csv_columns(GEAR, actual=True), csv_cells(answer(GEAR, (0.9, 0.1), (0.2, 0.3)), GEAR, targets), strict=True)
    )  # type: ignore[arg-type]
    assert [row["helmet.actual"], row["extras.actual"]] == cells
    assert row["extras.state"] == "-"
    failed = csv_cells(BAD, GEAR, targets)  # type: ignore[arg-type]
    assert len(failed) == len(row)
    assert failed[-1] == BAD.error


names = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1)


@given(st.lists(names, min_size=1))
def test_any_name_survives_csv_and_json(images: list[str]) -> None:
    answers = [answer(ANIMAL, (0.7, 0.2, 0.1), image=image) for image in images]
    # The csv module reads a lone carriage return as the end of a line unless it is in quotes, as it is here.
    read = list(csv.DictReader(io.StringIO("".join(csv_text(answers, ANIMAL)), newline="")))
    assert [row["image"] for row in read] == images
    assert [json.loads(line)["image"] for line in json_lines(answers)] == images
