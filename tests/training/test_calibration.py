"""Calibrated confidences mean what they say, however many pictures there were to learn it from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from decisight.models.card import Calibration
from decisight.training.calibration import BIAS_SPREAD, calibrated, fit_calibration
from decisight.training.probe import log_losses, sigmoid, softmax


def drawn(
    n: int, labels: int = 3, *, exclusive: bool = True, shift: tuple[float, ...] = (), seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are right, and what was then true: float64 (n, labels), 0 or 1 (n, labels)."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(n, labels)) * 2.0
    true = logits + np.array(shift or (0.0,) * labels)
    if exclusive:
        return logits, np.eye(labels)[[random.choice(labels, p=row) for row in softmax(true)]]
    return logits, (random.random(logits.shape) < sigmoid(true)).astype(float)


def loss(scores: np.ndarray, targets: np.ndarray, *, exclusive: bool) -> float:
    return float(log_losses(scores, targets, exclusive=exclusive).mean())


every_kind = pytest.mark.parametrize("exclusive", [True, False])


@every_kind
@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_a_known_temperature_is_found(exclusive: bool, temperature: float) -> None:
    logits, targets = drawn(3000, exclusive=exclusive)
    found = fit_calibration(logits * temperature, targets, exclusive=exclusive)
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    assert np.abs(found.bias).max() < 0.15


@every_kind
def test_a_known_bias_is_found_where_many_pictures_speak(exclusive: bool) -> None:
    shift = (0.5, -0.5, 0.0)
    logits, targets = drawn(4000, exclusive=exclusive, shift=shift)
    found = fit_calibration(logits, targets, exclusive=exclusive)
    np.testing.assert_allclose(found.bias, shift, atol=0.15)


def test_a_bias_is_held_back_where_few_speak() -> None:
    """The same frequencies, from ever fewer pictures."""
    biases = []
    for n in (6, 60, 600):
        targets = np.eye(2)[(np.arange(n) % 6 > 0).astype(int)]
        found = fit_calibration(np.zeros((n, 2)), targets, exclusive=True)
        biases.append(found.bias[0] - found.bias[1])
    few, some, many = np.abs(biases)
    assert few < some < many
    # One against five.
    assert few < 0.5 * np.log(5)
    assert many == pytest.approx(np.log(5), abs=0.2)


@every_kind
def test_confidences_that_are_right_are_left_alone(exclusive: bool) -> None:
    logits, targets = drawn(2000, exclusive=exclusive, seed=3)
    found = fit_calibration(logits, targets, exclusive=exclusive)
    assert found.temperature == pytest.approx(1.0, abs=0.1)
    np.testing.assert_allclose(found.bias, 0.0, atol=0.15)


@every_kind
@pytest.mark.parametrize("overconfident", [0.3, 3.0])
def test_it_helps_with_pictures_that_it_has_not_seen(exclusive: bool, overconfident: float) -> None:
    for seed in range(5):
        logits, targets = drawn(400, exclusive=exclusive, seed=seed)
        scores = logits * overconfident
        found = fit_calibration(scores[:150], targets[:150], exclusive=exclusive)
        after = loss(calibrated(scores[150:], found), targets[150:], exclusive=exclusive)
        assert after < loss(scores[150:], targets[150:], exclusive=exclusive)


@every_kind
def test_confidence_equals_how_often_it_is_right(exclusive: bool) -> None:
    logits, targets = drawn(6000, exclusive=exclusive, seed=1)
    scores = logits * 2.5
    found = fit_calibration(scores[:3000], targets[:3000], exclusive=exclusive)
    of = softmax if exclusive else sigmoid
    confidences = of(calibrated(scores[3000:], found)).ravel()
    true = targets[3000:].ravel()
    for low in np.arange(0.0, 1.0, 0.2):
        of_bin = (confidences >= low) & (confidences < low + 0.2)
        assert confidences[of_bin].mean() == pytest.approx(true[of_bin].mean(), abs=0.05)


@every_kind
def test_it_is_the_minimum_of_what_is_written(exclusive: bool) -> None:
    """Against another optimiser, which uses no slopes, on the objective as the docstring has it."""
    logits, targets = drawn(80, exclusive=exclusive, shift=(0.4, 0.0, -0.4), seed=2)
    scores, n = logits * 1.7, len(logits)
    soft = (targets * n + 2.0 / (3 if exclusive else 2)) / (n + 2)

    def objective(parameters: np.ndarray) -> float:
        moved = scores / np.exp(parameters[0]) + parameters[1:]
        return float(
            log_losses(moved, soft, exclusive=exclusive).sum() + 0.5 * np.sum((parameters[1:] / BIAS_SPREAD) ** 2)
        )

    found = fit_calibration(scores, targets, exclusive=exclusive)
    reference = minimize(objective, np.zeros(4), method="Nelder-Mead", options={"maxiter": 5000, "fatol": 1e-9})
    assert objective(np.array([np.log(found.temperature), *found.bias])) <= reference.fun + 1e-3
    assert found.temperature == pytest.approx(np.exp(reference.x[0]), rel=0.02)
    np.testing.assert_allclose(found.bias, reference.x[1:], atol=0.01)


@every_kind
@pytest.mark.parametrize("labels", [1, 2, 7])
def test_without_pictures_it_changes_nothing(exclusive: bool, labels: int) -> None:
    found = fit_calibration(np.zeros((0, labels)), np.zeros((0, labels)), exclusive=exclusive)
    assert found == Calibration(1.0, (0.0,) * labels)


@every_kind
@pytest.mark.parametrize(
    ("scores", "targets"),
    [
        # perfectly separable, by little and by much; and all wrong
        (np.eye(2).repeat(20, axis=0), np.eye(2).repeat(20, axis=0)),
        (1e4 * np.eye(2).repeat(20, axis=0), np.eye(2).repeat(20, axis=0)),
        (1e4 * np.eye(2).repeat(20, axis=0), np.eye(2)[::-1].repeat(20, axis=0)),
        # nothing to tell them by, one picture, one label that all have, one that nobody has
        (np.zeros((20, 2)), np.eye(2).repeat(10, axis=0)),
        (np.array([[3.0, -3.0]]), np.array([[1.0, 0.0]])),
        (np.random.default_rng(0).normal(size=(20, 2)), np.eye(2)[np.zeros(20, int)]),
        (np.random.default_rng(0).normal(size=(20, 3)), np.eye(3)[np.arange(20) % 2]),
    ],
)
def test_degenerate_scores_give_confidences(exclusive: bool, scores: np.ndarray, targets: np.ndarray) -> None:
    found = fit_calibration(scores, targets, exclusive=exclusive)
    assert 0.04 < found.temperature < 21.0
    assert np.isfinite(found.bias).all()
    confidences = (softmax if exclusive else sigmoid)(calibrated(scores, found))
    assert np.isfinite(confidences).all()


def test_twenty_right_out_of_twenty_is_no_certainty() -> None:
    scores = np.where(np.eye(2).repeat(10, axis=0) > 0, 2.0, -2.0)
    found = fit_calibration(scores, np.eye(2).repeat(10, axis=0), exclusive=True)
    surest = softmax(calibrated(scores, found)).max()
    assert 0.9 < surest < 0.99


def test_the_definition() -> None:
    scores = np.array([[1.0, 2.0], [3.0, -4.0]])
    np.testing.assert_array_equal(calibrated(scores, Calibration(2.0, (0.5, -0.5))), [[1.0, 0.5], [2.0, -2.5]])


def test_the_surest_label_stays_where_there_is_no_bias() -> None:
    scores, _ = drawn(100, labels=5)
    after = calibrated(scores, Calibration(3.0, (0.0,) * 5))
    np.testing.assert_array_equal(after.argmax(axis=1), scores.argmax(axis=1))


@pytest.mark.parametrize("labels", [20, 100, 200])
def test_right_logits_of_many_labels_stay_right(labels: int) -> None:
    """What is imagined beside the pictures does not grow with the labels."""
    random = np.random.default_rng(labels)
    logits = random.normal(size=(1000, labels)) * 4.0
    targets = np.eye(labels)[[random.choice(labels, p=row) for row in softmax(logits)]]
    found = fit_calibration(logits, targets, exclusive=True)
    before = softmax(logits).max(axis=1).mean()
    after = softmax(calibrated(logits, found)).max(axis=1).mean()
    assert after == pytest.approx(before, abs=0.02)


@every_kind
def test_several_rounds_count_as_one(exclusive: bool) -> None:
    """The same round again changes nothing, and several lie between what each of them would give."""
    logits, targets = drawn(80, exclusive=exclusive)
    one = fit_calibration(logits, targets, exclusive=exclusive)
    thrice = fit_calibration(np.stack([logits] * 3), targets, exclusive=exclusive)
    assert thrice.temperature == pytest.approx(one.temperature, rel=1e-3)
    np.testing.assert_allclose(thrice.bias, one.bias, atol=1e-3)
    rounds = np.stack([logits, 2.0 * logits])
    other = fit_calibration(rounds[1], targets, exclusive=exclusive)
    both = fit_calibration(rounds, targets, exclusive=exclusive)
    assert one.temperature < both.temperature < other.temperature
