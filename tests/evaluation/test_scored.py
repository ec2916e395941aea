"""What examples are checked for, and how they are arranged."""

import numpy as np
import pytest

from decisight.errors import DataError, LabelError, UsageError
from decisight.evaluation.scored import cluster_numbers, score, score_task
from decisight.types import LabelGroup, Task

COLOUR = LabelGroup("colour", ("red", "green", "blue"))
TAGS = LabelGroup("tags", ("hat", "coat"), "independent")
HALF = np.full((2, 3), 1 / 3)


def test_examples_without_a_target_are_left_out():
    scored = score(COLOUR, ["red", None, "blue"], np.eye(3))
    assert len(scored) == scored.sources == 2
    assert sorted(scored.target) == [0, 2]
    np.testing.assert_array_equal(scored.target, scored.predicted)


def test_an_empty_set_is_known_and_means_none_of_them():
    scored = score(TAGS, [frozenset(), None, frozenset({"coat"})], np.zeros((3, 2)))
    assert sorted(map(tuple, scored.target.tolist())) == [(False, False), (False, True)]


def test_thresholds_are_for_labels_of_an_independent_group():
    scored = score(TAGS, [frozenset()], np.array([[0.6, 0.6]]), thresholds={"hat": 0.7})
    assert scored.predicted.tolist() == [[False, True]]
    scored = score(COLOUR, ["red"], np.array([[0.5, 0.3, 0.2]]), thresholds={"red": 0.9})
    assert scored.predicted.tolist() == [0]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (None, 4),
        ([None, None, None, None], 4),
        (["a", "b", "c", None], 4),
        (["a", "a", "b", "b"], 2),
        (["a", "a", None, None], 3),
        (["a", "a", "a", "a"], 1),
    ],
)
def test_a_picture_without_a_source_is_its_own(sources, expected):
    scored = score(COLOUR, ["red"] * 4, np.full((4, 3), 1 / 3), sources=sources)
    assert scored.sources == expected
    assert (scored.clusters is None) == (expected == 4)
    if scored.clusters is not None:
        assert sorted(set(scored.clusters)) == list(range(expected))


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ([], None),
        ([None, None], None),
        (["b", "a"], None),
        (["b", "a", "b"], [1, 0, 1]),
        ([None, "b", None, "a", "b"], [0, 3, 1, 2, 3]),  # those without a source come first
    ],
)
def test_sources_are_numbered(sources, expected):
    found = cluster_numbers(sources)
    assert (found if found is None else found.tolist()) == expected


def test_rounding_beyond_the_ends_is_forgiven():
    scored = score(COLOUR, ["red"], np.array([[1.0000001, -1e-8, 0.0]], dtype=np.float32))
    assert scored.confidences.max() == 1.0
    assert scored.confidences.min() == 0.0


@pytest.mark.parametrize(
    ("group", "targets", "confidences", "options", "error", "says"),
    [
        (COLOUR, [], np.empty((0, 3)), {}, DataError, "none of the 0 examples has a known label"),
        (COLOUR, [None, None], HALF, {}, DataError, "none of the 2 examples has a known label"),
        (COLOUR, ["red", frozenset({"red"})], HALF, {}, DataError, "expected one label"),
        (TAGS, ["hat", frozenset()], np.zeros((2, 2)), {}, DataError, "expected a set of labels"),
        (COLOUR, ["red", "pink"], HALF, {}, LabelError, "no label 'pink'"),
        (TAGS, [frozenset({"scarf"})], np.zeros((1, 2)), {}, LabelError, "no label 'scarf'"),
        (TAGS, [frozenset()], np.zeros((1, 2)), {"thresholds": {"scarf": 0.1}}, LabelError, "to put a threshold on"),
        (COLOUR, ["red"], HALF, {}, UsageError, r"expected \(1, 3\)"),
        (COLOUR, ["red", "red"], HALF[:, :2], {}, UsageError, r"expected \(2, 3\)"),
        (COLOUR, ["red", "red"], HALF, {"sources": ["a"]}, UsageError, "1 sources for 2 examples"),
        (COLOUR, ["red", "red"], HALF * 3.5, {}, UsageError, "example 0: the confidence of 'red' is 1.16"),
        (COLOUR, ["red", "red"], HALF * np.nan, {}, UsageError, "probabilities"),
    ],
)
def test_what_cannot_be_judged_is_refused(group, targets, confidences, options, error, says):
    with pytest.raises(error, match=says):
        score(group, targets, confidences, **options)


def test_a_task_leaves_out_a_group_without_known_labels():
    scored = score_task(Task((COLOUR, TAGS)), [("red", None), ("blue", None)], [HALF, np.zeros((2, 2))])
    assert [part.group for part in scored] == [COLOUR]


def test_thresholds_of_a_task_may_name_the_group():
    other = LabelGroup("more", ("hat", "shoe"), "independent")
    targets = [(frozenset(), frozenset())]
    confidences = [np.array([[0.6, 0.6]]), np.array([[0.6, 0.6]])]
    task = Task((TAGS, other))
    scored = score_task(task, targets, confidences, thresholds={"more:hat": 0.9, "coat": 0.9})
    assert [part.predicted.tolist() for part in scored] == [[[True, False]], [[False, True]]]
    with pytest.raises(LabelError, match="stands in 2 groups"):
        score_task(task, targets, confidences, thresholds={"hat": 0.9})


@pytest.mark.parametrize(
    ("targets", "confidences", "error", "says"),
    [
        ([("red",)], [HALF[:1], np.zeros((1, 2))], UsageError, "2 label groups"),
        ([("red", None)], [HALF[:1]], UsageError, "2 label groups"),
        ([(None, None)], [HALF[:1], np.zeros((1, 2))], DataError, "nothing can be evaluated"),
        ([], [HALF[:0], np.zeros((0, 2))], DataError, "nothing can be evaluated"),
    ],
)
def test_a_task_that_cannot_be_judged_is_refused(targets, confidences, error, says):
    with pytest.raises(error, match=says):
        score_task(Task((COLOUR, TAGS)), targets, confidences)
