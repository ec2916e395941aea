"""ROC-AUC, average precision and their curves against scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from decisight.evaluation import ranking
from decisight.evaluation.metrics import indicators, mean_defined

RANDOM = np.random.default_rng(5)

CASES = {
    "random": (RANDOM.random(200) < 0.3, RANDOM.random(200)),
    "many ties": (RANDOM.random(200) < 0.3, RANDOM.integers(5, size=200) / 4),
    "all tied": (RANDOM.random(50) < 0.3, np.full(50, 0.5)),
    "perfect": (np.arange(40) > 30, np.linspace(0, 1, 40)),
    "reversed": (np.arange(40) > 30, np.linspace(1, 0, 40)),
    "one positive": (np.arange(40) == 7, RANDOM.random(40)),
    "one negative": (np.arange(40) != 7, RANDOM.random(40)),
    "zeros and ones": (RANDOM.random(60) < 0.5, RANDOM.integers(2, size=60).astype(float)),
    "two examples": (np.array([True, False]), np.array([0.2, 0.7])),
}


def cases():
    return pytest.mark.parametrize(("held", "confidence"), CASES.values(), ids=CASES)


@cases()
def test_areas(held, confidence):
    assert ranking.roc_auc(held, confidence) == pytest.approx(reference.roc_auc_score(held, confidence), abs=1e-12)
    expected = reference.average_precision_score(held, confidence)
    assert ranking.average_precision(held, confidence) == pytest.approx(expected, abs=1e-12)


@cases()
def test_roc_curve(held, confidence):
    expected = reference.roc_curve(held, confidence, drop_intermediate=False)
    curve = ranking.roc_curve(held, confidence)
    for found, wanted in zip(
        (curve.false_positive_rate, curve.true_positive_rate, curve.thresholds), expected, strict=True
    ):
        np.testing.assert_allclose(found, wanted)


@cases()
def test_precision_recall_curve(held, confidence):
    precision, recall, thresholds = reference.precision_recall_curve(held, confidence)
    curve = ranking.precision_recall_curve(held, confidence)
    # scikit-learn runs from the lowest threshold up, and ends with a point that no threshold reaches.
    np.testing.assert_allclose(curve.precision, precision[:-1][::-1])
    np.testing.assert_allclose(curve.recall, recall[:-1][::-1])
    np.testing.assert_allclose(curve.thresholds, thresholds[::-1])


@pytest.mark.parametrize("held", [np.ones(5, bool), np.zeros(5, bool), np.ones(1, bool)])
def test_with_one_class_only_the_areas_are_undefined(held):
    confidence = np.linspace(0.1, 0.9, len(held))
    assert np.isnan(ranking.roc_auc(held, confidence))
    assert np.isnan(ranking.average_precision(held, confidence))


def test_curves_with_one_class_only_are_undefined_where_they_must_be():
    curve = ranking.roc_curve(np.ones(4, bool), np.linspace(0, 1, 4))
    assert np.isnan(curve.false_positive_rate).all()
    assert curve.true_positive_rate[-1] == 1.0
    assert np.isnan(ranking.precision_recall_curve(np.zeros(4, bool), np.linspace(0, 1, 4)).recall).all()


@pytest.mark.parametrize("rounding", [8, 1])  # the second gives ties
def test_macro_averages_over_classes_match_one_versus_rest(rounding):
    random = np.random.default_rng(0)
    target = random.integers(4, size=150)
    confidences = random.dirichlet(np.ones(4), size=150) + 0.3 * np.eye(4)[target]
    confidences = np.round(confidences, rounding)
    held = indicators(target, 4)
    auc, precision = (mean_defined(figure) for figure in ranking.ranking_figures(held, confidences))
    each = [reference.roc_auc_score(held[:, k], confidences[:, k]) for k in range(4)]
    assert auc == pytest.approx(np.mean(each))
    assert precision == pytest.approx(reference.average_precision_score(held, confidences, average="macro"))


def test_multi_class_auc_of_probabilities():
    random = np.random.default_rng(0)
    target = random.integers(4, size=150)
    confidences = random.dirichlet(np.ones(4), size=150)
    found = mean_defined(ranking.ranking_figures(indicators(target, 4), confidences)[0])
    assert found == pytest.approx(reference.roc_auc_score(target, confidences, multi_class="ovr", average="macro"))


@cases()
def test_weights_are_sample_weights(held, confidence):
    weights = np.random.default_rng(2).integers(0, 4, size=(4, len(held))).astype(float)
    weights[:, [np.argmax(held), np.argmin(held)]] += 1.0  # one of each kind in every resample
    auc, precision = ranking.ranking_figures(held[:, None], confidence[:, None], weights)
    for row, weight in enumerate(weights):
        expected = reference.roc_auc_score(held, confidence, sample_weight=weight)
        assert auc[row, 0] == pytest.approx(expected, abs=1e-12)
        expected = reference.average_precision_score(held, confidence, sample_weight=weight)
        assert precision[row, 0] == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=30), st.randoms())
def test_neither_order_nor_a_rising_function_of_the_confidence_matters(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    held, score = (np.array(column) for column in zip(*pairs, strict=True))
    again_held, again_score = (np.array(column) for column in zip(*shuffled, strict=True))
    for figure in (ranking.roc_auc, ranking.average_precision):
        value = figure(held, score / 6)
        np.testing.assert_allclose(figure(again_held, (again_score / 6) ** 3), value)
        assert np.isnan(value) or 0.0 <= value <= 1.0
