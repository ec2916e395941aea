"""Evaluations as text: what it says, and that columns stand under each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from decisight.evaluation import text
from decisight.evaluation.evaluate import Estimate, Evaluation, evaluate_group
from decisight.types import LabelGroup


def judged(matrix, labels=None, name="class"):
    """An evaluation with this confusion matrix; the confidences are nearly certain."""
    matrix = np.array(matrix)
    labels = labels or tuple(f"label {k}" for k in range(len(matrix)))
    group = LabelGroup(name, tuple(labels))
    pairs = [(row, column) for row, column in np.argwhere(matrix) for _ in range(matrix[row, column])]
    confidences = 0.01 / len(labels) + 0.99 * np.eye(len(labels))[[column for _, column in pairs]]
    return evaluate_group(group, [labels[row] for row, _ in pairs], confidences)


HELMETS = judged([[80, 1], [7, 15]], ("helmet", "no_helmet"), "gear")


def test_a_whole_report():
    report = text.group_report(HELMETS)
    assert report.startswith("gear: 103 pictures\n")
    assert "accuracy                          0.922  0.854 to 0.960" in report
    assert "  always the commonest answer     0.786" in report
    assert "  debiased, root mean square      " in report
    assert "ROC-AUC of 'no_helmet'" in report
    assert report.endswith("where a miss is costly,\nat recall (lowest: 'no_helmet', 0.682).")
    assert max(map(len, report.splitlines())) <= text.WIDTH


def test_the_confusion_matrix_of_two_labels():
    assert text.confusion_text(HELMETS).splitlines() == [
        "Confusion matrix: rows actual, columns predicted (% of the row)",
        "              helmet  no_helmet",
        "helmet     80  (99%)   1   (1%)",
        "no_helmet   7  (32%)  15  (68%)",
    ]


def test_the_class_table():
    lines = text.class_table(HELMETS).splitlines()
    assert lines[0].split() == ["label", "precision", "recall", "F1", "pictures"]
    assert lines[1].split()[:2] == ["helmet", "0.920"]
    assert lines[2].endswith("22")
    assert len({len(line) for line in lines}) == 1


def test_what_is_undefined_is_a_dash():
    evaluation = judged([[5, 1, 0], [2, 4, 0], [0, 0, 0]])
    assert text.class_table(evaluation).splitlines()[3].split() == ["label", "2", *[text.UNDEFINED] * 3, "0"]
    assert text.confusion_text(evaluation).splitlines()[-1].split() == ["label", "2", *[text.UNDEFINED] * 3]
    one_class = judged([[5, 1], [0, 0]])
    assert [line.split()[-1] for line in text.summary_table(one_class).splitlines() if "ROC" in line] == [
        text.UNDEFINED
    ]


@pytest.mark.parametrize("labels", [3, 8, 14, 20])
def test_matrices_stay_aligned_and_within_the_width(labels):
    matrix = np.random.default_rng(0).integers(0, 30, size=(labels, labels))
    names = tuple(f"a label with a rather long name, number {k}" for k in range(labels))
    shown = text.confusion_text(judged(matrix, names))
    rows = [line for line in shown.splitlines() if "number" in line]
    assert len(rows) == labels * (1 if labels == 3 else 2)  # counts and percentages in one, or one after the other
    assert all(len(line) <= text.WIDTH for line in rows)
    assert len({len(line) for line in rows[:labels]}) == 1


def test_beyond_twenty_labels_the_commonest_confusions_are_named():
    matrix = 10 * np.eye(25, dtype=int)
    matrix[3, 7], matrix[11, 2] = 6, 2
    lines = text.confusion_text(judged(matrix)).splitlines()
    assert lines[0] == "Confusions: 8 of 258 pictures are wrong (all kinds are shown)"
    assert lines[2].split() == ["label", "3", "label", "7", "6", "38%"]
    assert lines[3].split() == ["label", "11", "label", "2", "2", "17%"]
    assert text.confusion_text(judged(10 * np.eye(25, dtype=int))) == "Confusions: none in 250 pictures"


def test_of_many_confusions_the_commonest_are_shown():
    matrix = np.random.default_rng(0).integers(0, 3, size=(30, 30))
    lines = text.confusion_text(judged(matrix)).splitlines()
    assert "the 20 commonest of" in lines[0]
    assert len(lines) == 22


def test_of_very_many_labels_the_table_shows_the_worst():
    matrix = 2 * np.eye(70, dtype=int)
    matrix[5, 5], matrix[5, 6] = 0, 2
    table = text.class_table(judged(matrix))
    assert table.splitlines()[1].startswith("label 5 ")
    assert table.endswith("(60 of 70 labels: those with the lowest F1)")


def test_an_independent_group_has_a_matrix_for_each_label(made_independent):
    made = made_independent(n=50, labels=3)
    evaluation = evaluate_group(made.group, made.targets, made.confidences)
    lines = text.confusion_text(evaluation).splitlines()
    assert lines[1].split() == ["label", "actual", "without", "with"]
    assert len(lines) == 2 + 2 * 3
    assert "accuracy (every label right)" in text.summary_table(evaluation)
    made = made_independent(n=50, labels=24)
    shown = text.confusion_text(evaluate_group(made.group, made.targets, made.confidences))
    assert "the 20 labels with the most errors" in shown
    assert len(shown.splitlines()) == 2 + 2 * 20


def test_a_report_names_sources_and_groups_that_were_left_out(made_exclusive):
    made = made_exclusive(n=20, of_a_source=4)
    evaluation = evaluate_group(made.group, made.targets, made.confidences, sources=made.sources)
    report = text.report(Evaluation((evaluation,), left_out=("vest",)))
    assert report.startswith("class: 20 pictures from 5 sources\n")
    assert report.endswith("vest: no picture has a known label, so it was not evaluated.")


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "."),
        (0.001, "<1%"),
        (0.005, "<1%"),
        (0.006, "1%"),
        (0.5, "50%"),
        (0.994, "99%"),
        (0.997, ">99%"),
        (1.0, "100%"),
    ],
)
def test_percentages_do_not_round_to_none_or_all(share, expected):
    assert text.percent(share) == expected


def test_an_estimate():
    assert text.estimate_text(Estimate(0.5, 0.25, 0.75)) == "0.500 (0.250 to 0.750)"
    assert text.estimate_text(Estimate(*[float("nan")] * 3)) == text.UNDEFINED


@pytest.mark.parametrize(
    ("labels", "width", "expected"),
    [
        (["helmet", "vest"], 10, ["helmet", "vest"]),
        (["Mercedes-Benz E-Class Sedan", "Golf"], 12, ["Merced…Sedan", "Golf"]),
        (["abcdefghij", "abcd--ghij"], 8, ["abcd…hij", "abc…ij~2"]),  # cut to the same, so numbered
        (["bad\x1b[31mred", "tab\tbed"], 20, ["bad\ufffd[31mred", "tab\ufffdbed"]),  # no control of the terminal
        (["安全帽と安全ベスト", "x"], 9, ["安全…スト", "x"]),  # wide characters take two cells
    ],
)
def test_short_names(labels, width, expected):
    assert text.short_names(labels, width) == expected


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30), unique=True, max_size=12))
def test_short_names_fit_and_differ(labels):
    names = text.short_names(labels, 10)
    assert len(set(names)) == len(labels)
    assert all(cell_len(name) <= 10 for name in names)


def test_wide_characters_keep_columns_aligned():
    lines = text.class_table(judged([[3, 1], [1, 4]], ("安全帽", "none"))).splitlines()
    assert len({cell_len(line) for line in lines}) == 1
