"""Every figure against scikit-learn, on random and on degenerate examples."""

import warnings

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from decisight.evaluation import metrics

K = 4

RANDOM = np.random.default_rng(3)

EXCLUSIVE = {
    "random": (RANDOM.integers(K, size=200), RANDOM.integers(K, size=200)),
    "mostly right": (np.repeat(np.arange(K), 20), np.where(np.arange(80) % 5, np.repeat(np.arange(K), 20), 1)),
    "all right": (np.arange(40) % K, np.arange(40) % K),
    "all wrong": (np.arange(40) % K, (np.arange(40) + 1) % K),
    "a class absent": (RANDOM.integers(K - 1, size=60), RANDOM.integers(K, size=60)),
    "a class never predicted": (RANDOM.integers(K, size=60), RANDOM.integers(K - 1, size=60)),
    "a class neither there nor predicted": (RANDOM.integers(2, size=60), RANDOM.integers(2, size=60)),
    "one class only": (np.full(30, 2), RANDOM.integers(K, size=30)),
    "one class only, always predicted": (np.full(30, 2), np.full(30, 2)),
    "one example": (np.array([1]), np.array([1])),
    "one wrong example": (np.array([1]), np.array([3])),
}

INDEPENDENT = {
    "random": (RANDOM.random((200, K)) < 0.4, RANDOM.random((200, K)) < 0.5),
    "a label nobody has": (RANDOM.random((50, K)) < [0, 0.2, 0.5, 0.9], RANDOM.random((50, K)) < 0.5),
    "a label never predicted": (RANDOM.random((50, K)) < 0.5, RANDOM.random((50, K)) < [0, 0.2, 0.5, 0.9]),
    "nobody has any, none predicted": (np.zeros((10, K), bool), np.zeros((10, K), bool)),
    "all have all": (np.ones((10, K), bool), np.ones((10, K), bool)),
    "one example": (np.array([[True, False, True, False]]), np.array([[True, True, False, False]])),
}


def exclusive():
    return pytest.mark.parametrize(("target", "predicted"), EXCLUSIVE.values(), ids=EXCLUSIVE)


def independent():
    return pytest.mark.parametrize(("target", "predicted"), INDEPENDENT.values(), ids=INDEPENDENT)


def reference_balanced(target, predicted):
    with warnings.catch_warnings():  # scikit-learn warns where a class is absent, and gives the figure all the same
        warnings.simplefilter("ignore")
        return reference.balanced_accuracy_score(target, predicted)


@exclusive()
def test_confusion_matrix(target, predicted):
    expected = reference.confusion_matrix(target, predicted, labels=range(K))
    np.testing.assert_array_equal(metrics.confusion_matrix(target, predicted, K), expected)


@independent()
def test_confusion_matrix_of_each_label(target, predicted):
    expected = reference.multilabel_confusion_matrix(target, predicted)
    np.testing.assert_array_equal(metrics.confusion_matrix(target, predicted, K), expected)


@exclusive()
def test_accuracy_and_balanced_accuracy(target, predicted):
    counts = metrics.count(target, predicted, K)
    assert metrics.accuracy(target, predicted) == pytest.approx(reference.accuracy_score(target, predicted))
    assert metrics.balanced_accuracy(counts, exclusive=True) == pytest.approx(reference_balanced(target, predicted))


@independent()
def test_accuracy_and_balanced_accuracy_of_an_independent_group(target, predicted):
    counts = metrics.count(target, predicted, K)
    assert metrics.accuracy(target, predicted) == pytest.approx(reference.accuracy_score(target, predicted))
    expected = np.mean([reference_balanced(target[:, k], predicted[:, k]) for k in range(K)])
    assert metrics.balanced_accuracy(counts, exclusive=False) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("target", "predicted"),
    [*EXCLUSIVE.values(), *INDEPENDENT.values()],
    ids=[*EXCLUSIVE, *(f"{i}, tags" for i in INDEPENDENT)],
)
def test_precision_recall_and_f1(target, predicted):
    expected = reference.precision_recall_fscore_support(
        target, predicted, labels=range(K), average=None, zero_division=np.nan
    )
    counts = metrics.count(target, predicted, K)
    np.testing.assert_allclose(metrics.precision(counts), expected[0])
    np.testing.assert_allclose(metrics.recall(counts), expected[1])
    np.testing.assert_allclose(metrics.f1(counts), expected[2])
    np.testing.assert_array_equal(counts.actual, expected[3])


@exclusive()
def test_macro_f1_runs_over_the_classes_present_or_predicted(target, predicted):
    expected = reference.f1_score(target, predicted, average="macro")
    assert metrics.mean_defined(metrics.f1(metrics.count(target, predicted, K))) == pytest.approx(expected)


@independent()
def test_macro_f1_of_an_independent_group(target, predicted):
    expected = reference.f1_score(target, predicted, average="macro", zero_division=np.nan)
    found = metrics.mean_defined(metrics.f1(metrics.count(target, predicted, K)))
    np.testing.assert_allclose(found, expected)


@exclusive()
def test_macro_precision_counts_a_label_that_is_never_predicted_as_0(target, predicted):
    expected = reference.precision_score(target, predicted, average="macro", zero_division=0)
    assert metrics.macro_precision(metrics.count(target, predicted, K)) == pytest.approx(expected)


@independent()
def test_macro_precision_of_an_independent_group(target, predicted):
    there = (target | predicted).any(axis=0)
    found = metrics.macro_precision(metrics.count(target, predicted, K))
    if not there.any():
        assert np.isnan(found)
        return
    expected = reference.precision_score(target[:, there], predicted[:, there], average="macro", zero_division=0)
    assert found == pytest.approx(expected)


@exclusive()
def test_macro_recall_leaves_out_labels_that_are_absent(target, predicted):
    counts = metrics.count(target, predicted, K)
    expected = reference.recall_score(target, predicted, labels=range(K), average="macro", zero_division=np.nan)
    np.testing.assert_allclose(metrics.mean_defined(metrics.recall(counts)), expected)


@exclusive()
def test_weights_are_repetitions(target, predicted):
    times = np.random.default_rng(1).integers(0, 4, size=(3, len(target)))
    times[:, 0] += 1  # no empty resample
    counts = metrics.count(target, predicted, K, times.astype(float))
    for row, repeated in enumerate(times):
        again_target, again_predicted = np.repeat(target, repeated), np.repeat(predicted, repeated)
        again = metrics.count(again_target, again_predicted, K)
        for figure in (metrics.precision, metrics.macro_precision, metrics.recall, metrics.f1, metrics.specificity):
            np.testing.assert_allclose(figure(counts)[row], figure(again))
        assert metrics.accuracy(target, predicted, times.astype(float))[row] == pytest.approx(
            metrics.accuracy(again_target, again_predicted)
        )


def test_the_majority_rate_of_labels_and_of_sets_of_labels():
    assert metrics.majority_rate(np.array([0, 2, 2, 1])) == 0.5
    assert metrics.majority_rate(np.array([[True, False], [True, False], [True, True]])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("confidences", "options", "expected"),
    [
        ([[0.2, 0.5, 0.3]], {"exclusive": True}, [1]),
        ([[0.4, 0.4, 0.2]], {"exclusive": True}, [0]),  # a tie: the first in the model's order
        ([[0.5, 0.49, 0.9]], {"exclusive": False}, [[True, False, True]]),  # at the threshold is enough
        ([[0.5, 0.49, 0.9]], {"exclusive": False, "thresholds": np.array([0.6, 0.4, 0.95])}, [[False, True, False]]),
    ],
)
def test_what_is_predicted(confidences, options, expected):
    np.testing.assert_array_equal(metrics.predict(np.array(confidences), **options), expected)


@given(st.lists(st.tuples(st.integers(0, K - 1), st.integers(0, K - 1)), min_size=1, max_size=60))
def test_the_confusion_matrix_counts_every_example_once(pairs):
    target, predicted = np.array(pairs).T
    matrix = metrics.confusion_matrix(target, predicted, K)
    assert matrix.sum() == len(pairs)
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(target, minlength=K))
    assert metrics.accuracy(target, predicted) == pytest.approx(np.trace(matrix) / len(pairs))
