"""Which figure the guide recommends, and what it says of the majority rate."""

import numpy as np
import pytest

from decisight.evaluation.evaluate import evaluate_group
from decisight.evaluation.guide import GroupCosts, advise, guide
from decisight.policies.loss_table import loss_tables
from decisight.types import LabelGroup, Task


def judged(matrix):
    matrix = np.array(matrix)
    labels = tuple("abcdefghijkl"[: len(matrix)])
    pairs = [(row, column) for row, column in np.argwhere(matrix) for _ in range(matrix[row, column])]
    confidences = 0.01 / len(labels) + 0.99 * np.eye(len(labels))[[column for _, column in pairs]]
    return evaluate_group(LabelGroup("class", labels), [labels[row] for row, _ in pairs], confidences)


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        # balanced, good
        (
            [[45, 5], [8, 42]],
            [
                "at most 1.0 to 1",
                "so accuracy, 0.870 (",
                "so are F1, 0.870, and ROC-AUC",
                "clearly better than the 0.500",
            ],
        ),
        # imbalanced, no better than the majority
        (
            [[76, 4], [15, 5]],
            [
                "'a' is 4.0 times as frequent as 'b'",
                "trust the precision-recall curve and F1, 0.617",
                "that of the rare 'b' is 0.345",
                "balanced accuracy, 0.600",
                "not clearly different from",
            ],
        ),
        # worse than the majority
        ([[10, 70], [5, 15]], ["clearly worse than the 0.800 that always answering 'a'"]),
        # which to look at where errors cost
        ([[40, 10], [1, 49]], ["precision (lowest: 'b', 0.831)", "recall (lowest: 'a', 0.800)"]),
        # one class only
        ([[9, 1], [0, 0]], ["Every picture here is 'a'", "No picture here has 'b': how well that is found"]),
        # several absent
        ([[9, 1, 0, 0], [2, 8, 0, 0], [0] * 4, [0] * 4], ["No picture here has 'c' or 'd':"]),
    ],
)
def test_what_the_guide_says_of_an_exclusive_group(matrix, says):
    sentences = " ".join(guide(judged(matrix)))
    for part in says:
        assert part in sentences


@pytest.mark.parametrize(
    ("matrix", "trusted"),
    [
        ([[45, 5], [8, 42]], ("accuracy", "macro_f1", "roc_auc")),  # balanced
        ([[76, 4], [15, 5]], ("macro_f1", "average_precision", "balanced_accuracy")),  # imbalanced
        ([[9, 1], [0, 0]], ("accuracy",)),  # one label only: nothing else is known
    ],
)
def test_which_figures_are_trusted(matrix, trusted):
    assert advise(judged(matrix)).figures == trusted


@pytest.mark.parametrize(
    ("costs", "recall_of", "precision_of", "says"),
    [
        # A miss of 'b' is what costs: 15 of them, and 4 false alarms.
        (
            [[0, 1], [50, 0]],
            ("b",),
            ("a",),
            ["to take 'b' for 'a' (50)", "a miss of 'b', so look at its recall, 0.250 (", "a false 'a'", "cost 7,540"],
        ),
        # A false 'b' is.
        ([[0, 9], [1, 0]], ("a",), ("b",), ["to take 'a' for 'b' (9)", "precision of that, 0.556 ("]),
        # About the same: the balance decides.
        ([[0, 3], [2, 0]], (), (), ["all mistakes cost about the same"]),
        ([[0, 0], [0, 0]], (), (), ["all mistakes cost about the same", "cost 0."]),
        # Only one of two kinds of mistake costs anything.
        ([[0, 0], [2, 0]], ("b",), ("a",), ["to take 'b' for 'a' (2)"]),
    ],
)
def test_what_costs_make_of_it(costs, recall_of, precision_of, says):
    advice = advise(judged([[76, 4], [15, 5]]), GroupCosts(np.array(costs, float)))
    assert (advice.recall_of, advice.precision_of) == (recall_of, precision_of)
    for part in says:
        assert part in " ".join(advice.sentences)
    assert "Where a false alarm is costly" not in " ".join(advice.sentences)


def test_what_costs_make_of_an_independent_group(made_independent):
    made = made_independent(n=60)
    task = Task((made.group,))
    found = evaluate_group(made.group, made.targets, made.confidences)
    costs = {
        "tag 0": {"miss": 10, "false_alarm": 1},
        "tag 1": {"miss": 1, "false_alarm": 5},
        "tag 2": {"miss": 2, "false_alarm": 2},
    }
    (tables,) = loss_tables(task, costs, None, None)
    advice = advise(found, GroupCosts.of(tables))
    assert (advice.recall_of, advice.precision_of) == (("tag 0",), ("tag 1",))
    said = " ".join(advice.sentences)
    assert f"a miss is what costs most, so look at recall, of 'tag 0' {found.per_class[0].recall.value:.3f}" in said
    assert (
        f"a false alarm is what costs most, so look at precision, of 'tag 1' {found.per_class[1].precision.value:.3f}"
        in said
    )
    (even,) = loss_tables(task, {}, None, None)
    assert GroupCosts.of(even) is None


def test_one_class_only_is_not_compared_with_the_majority():
    assert "always answering" not in " ".join(guide(judged([[9, 1], [0, 0]])))


def test_many_absent_labels_are_counted():
    matrix = np.zeros((12, 12), int)
    matrix[0, 0] = matrix[1, 1] = 5
    assert guide(judged(matrix))[-1].startswith("No picture here has 'c' or 'd' or 'e' or 'f' or 'g' or 5 more:")


def test_an_independent_group(made_independent):
    made = made_independent(n=60)
    sentences = guide(evaluate_group(made.group, made.targets, made.confidences))
    support = sum("tag 0" in target for target in made.targets)
    assert f"most uneven: 'tag 0', on {support} of 60 pictures" in sentences[0]
    assert "always answering the commonest set of labels" in sentences[1]
    assert len(sentences) == 3


def test_labels_that_were_never_predicted_are_named():
    sentences = guide(judged([[9, 1, 0], [2, 8, 0], [1, 1, 0]]))
    assert "No picture was taken for 'c': in macro precision that counts as 0." in sentences
    assert "taken for" not in " ".join(guide(judged([[9, 1, 0], [2, 8, 0], [0, 0, 0]])))


@pytest.mark.parametrize(("matrix", "expected"), [([[1, 0], [0, 0]], 4), ([[0, 1], [0, 0]], 5)])
def test_a_single_example_has_a_guide(matrix, expected):
    sentences = guide(judged(matrix))
    assert len(sentences) == expected
    assert sentences[0].startswith("1 picture is too few to say much: the accuracy may be anything from 0.")


@pytest.mark.parametrize(
    ("matrix", "caution"),
    [
        ([[45, 5], [8, 42]], ""),
        ([[76, 4], [15, 5]], ""),  # rare labels are hard, but it has learnt something
        (
            [[6, 1], [2, 5]],
            "14 pictures are too few to say much: the accuracy may be anything from 0.52 to 0.92. To know",
        ),
        ([[30, 30], [30, 30]], "Nothing here shows that it is better than guessing: balanced accuracy 0.500 ("),
        ([[10, 40], [40, 10]], "It is worse than guessing here: balanced accuracy 0.200 ("),
        ([[0, 40], [40, 0]], "It is a bad model for these pictures: every one was judged wrongly."),
    ],
)
def test_what_makes_every_figure_worth_little_comes_first(matrix, caution):
    advice = advise(judged(matrix))
    assert advice.caution.startswith(caution)
    assert bool(advice.caution) == bool(caution)
    assert not caution or advice.sentences[0] == advice.caution


def test_uneven_costs_come_before_figures_that_count_mistakes_alike():
    advice = advise(judged([[45, 5], [8, 42]]), GroupCosts(np.array([[0.0, 1.0], [50.0, 0.0]])))
    assert advice.figures == ()
    assert advice.sentences[0].startswith("By your costs the dearest mistake is to take 'b' for 'a' (50)")
    assert "count all mistakes alike, so they say less here" in advice.sentences[1]
    assert "fair" not in " ".join(advice.sentences)
    even = advise(judged([[45, 5], [8, 42]]), GroupCosts(np.array([[0.0, 3.0], [2.0, 0.0]])))
    assert even.figures == ("accuracy", "macro_f1", "roc_auc")


def test_where_no_label_is_worse_the_one_known_least_well_is_named():
    said = " ".join(guide(judged([[90, 0], [0, 60]])))
    assert "precision (1.000 of every label; known least well: 'b', from 0.940)" in said
