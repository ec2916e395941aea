"""Answers as text: the table fits its terminal, CSV and JSON hold what any file system can think of."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

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


BIRDS = Task((LabelGroup("class", ("mallard duck", "great crested grebe", "greylag goose", "mute swan", "coot")),))
GREBE = answer(BIRDS, (0.2, 0.4, 0.1, 0.25, 0.05), image="pond/a.jpg")


def test_labels_go_on_below_where_the_line_is_full() -> None:
    assert table(BIRDS, GREBE, width=80) == [
        "image       decision             confidence  labels",
        "pond/a.jpg  great crested grebe       0.400  great crested grebe 0.400,",
        "            mute swan 0.250, mallard duck 0.200, greylag goose 0.100, coot 0.050",
    ]
    assert table(BIRDS, GREBE, width=100) == [
        "image       decision             confidence  labels",
        "pond/a.jpg  great crested grebe       0.400  great crested grebe 0.400, mute swan 0.250,",
        " " * 45 + "mallard duck 0.200, greylag goose 0.100, coot 0.050",
    ]
    assert len(table(BIRDS, GREBE, top=1, width=80)) == 2


def test_a_decision_is_cut_only_where_its_line_is_full() -> None:
    labels = ("a", "the longest name of a label that there is in this table")
    task = Task((LabelGroup("class", labels),))
    both = [answer(task, (0.9, 0.1)), answer(task, (0.1, 0.9))]
    _, short, long, *below = table(task, *both, top=1, width=80)
    assert short.split() == ["a.jpg", "a", "0.900", "a", "0.900"]
    assert long.split() == ["a.jpg", *labels[1].split(), "0.900"]
    assert [line.strip() for line in below] == [f"{labels[1]} 0.900"]
    narrow = table(task, *both, top=1, width=60)[2]
    assert narrow.startswith("a.jpg  the longest name of a label tha")
    assert "…  " in narrow
    assert len(narrow) <= 60


@given(
    labels=st.lists(st.text("ab 作", min_size=1, max_size=30).map(str.strip).filter(bool), min_size=2, unique=True),
    image=st.text("ab/作", min_size=1, max_size=60),
    top=st.integers(1, 8),
    width=st.integers(80, 200),
    threshold=st.booleans(),
)
def test_no_line_is_longer_than_the_terminal(
    labels: list[str], image: str, top: int, width: int, threshold: bool
) -> None:
    task = Task((LabelGroup("class", tuple(labels)), LabelGroup("more", tuple(labels), "independent")))
    rule = Threshold({f"class:{labels[0]}": 1.0} if threshold else {})
    share = 1 / len(labels)
    result = answer(task, (share,) * len(labels), (0.9,) * len(labels), image=image, rule=rule)
    lines = table(task, result, top=top, width=width, rule=rule)
    assert max(map(cell_len, lines)) <= width
    # Each confidence that was asked for is there, and each group's decision.
    assert len(re.findall(r"\d\.\d{3}", " ".join(lines))) == 2 * (1 + min(top, len(labels)))


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
