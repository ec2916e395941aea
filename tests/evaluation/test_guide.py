"""Which figure the guide recommends, and what it says of the majority rate."""

import numpy as np
import pytest

from decisight.evaluation.evaluate import evaluate_group
from decisight.evaluation.guide import guide
from decisight.types import LabelGroup


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
        ([[45, 5], [8, 42]], ["at most 1.0 to 1", "so accuracy, 0.870 (", "clearly better than the 0.500"]),
        # imbalanced, no better than the majority
        (
            [[76, 4], [15, 5]],
            ["'a' is 4.0 times as frequent as 'b'", "trust balanced accuracy, 0.600", "not clearly different from"],
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


@pytest.mark.parametrize(("matrix", "expected"), [([[1, 0], [0, 0]], 3), ([[0, 1], [0, 0]], 4)])
def test_a_single_example_has_a_guide(matrix, expected):
    assert len(guide(judged(matrix))) == expected
