"""The calibration error against a bin-by-bin reference, and against scikit-learn's calibration curve."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from decisight.evaluation import reliability


def bin_by_bin(claimed, held, bins):
    """The definition, bin after bin: what lies in (low, high], and 0 in the first."""
    error = 0.0
    for low, high in zip(np.linspace(0, 1, bins + 1)[:-1], np.linspace(0, 1, bins + 1)[1:], strict=True):
        inside = (claimed > low) & (claimed <= high) | ((claimed == 0) & (low == 0))
        if inside.any():
            error += inside.mean() * abs(claimed[inside].mean() - held[inside].mean())
    return error


def some_examples(kind, seed=0, n=150, labels=4):
    random = np.random.default_rng(seed)
    if kind == "independent":
        return random.random((n, labels)) < 0.3, random.random((n, labels))
    return random.integers(labels, size=n), random.dirichlet(np.full(labels, 0.5), size=n)


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("kind", ["exclusive", "independent"])
def test_expected_calibration_error(kind, bins):
    target, confidences = some_examples(kind)
    claimed, held = (array.ravel() for array in reliability.claims(target, confidences))
    found = reliability.expected_calibration_error(target, confidences, bins=bins)
    assert found == pytest.approx(bin_by_bin(claimed, held, bins))


def test_confidences_on_the_edges_of_bins():
    confidences = np.array([[0.0, 0.2, 1 / 3, 0.4, 0.6, 2 / 3, 0.8, 1.0]]).T
    held = np.array([[False, True, False, True, True, False, True, False]]).T
    found = reliability.expected_calibration_error(held, confidences)
    assert found == pytest.approx(bin_by_bin(confidences.ravel(), held.ravel(), 15))


def test_an_exclusive_group_claims_its_top_label():
    claimed, held = reliability.claims(np.array([1, 0]), np.array([[0.2, 0.8], [0.3, 0.7]]))
    np.testing.assert_array_equal(claimed, [[0.8], [0.7]])
    np.testing.assert_array_equal(held, [[True], [False]])


def test_the_bins_are_those_of_scikit_learn():
    target, confidences = some_examples("independent", n=400, labels=1)
    bins = reliability.reliability_bins(confidences, target)
    filled = bins.count > 0
    share, mean = calibration_curve(target[:, 0], confidences[:, 0], n_bins=15)
    np.testing.assert_allclose(bins.held[filled], share)
    np.testing.assert_allclose(bins.confidence[filled], mean)
    assert bins.count.sum() == 400


def test_an_empty_bin_is_undefined():
    bins = reliability.reliability_bins(np.array([0.95]), np.array([True]), bins=2)
    np.testing.assert_array_equal(bins.count, [0, 1])
    assert np.isnan(bins.held[0])
    assert np.isnan(bins.confidence[0])


@pytest.mark.parametrize("kind", ["exclusive", "independent"])
def test_weights_are_repetitions(kind):
    target, confidences = some_examples(kind)
    times = np.random.default_rng(1).integers(0, 4, size=(3, len(target)))
    found = reliability.expected_calibration_error(target, confidences, weights=times.astype(float))
    for row, repeated in enumerate(times):
        again = [np.repeat(array, repeated, axis=0) for array in (target, confidences)]
        assert found[row] == pytest.approx(reliability.expected_calibration_error(*again))


def test_noise_is_what_resamples_differ_by():
    target, confidences = some_examples("exclusive")
    once = np.ones((1, len(target)))
    assert reliability.calibration_noise(target, confidences, once) == pytest.approx(0.0)
    assert reliability.calibration_noise(target, confidences, 3 * once) == pytest.approx(0.0)
    drawn = np.random.default_rng(0).integers(0, 3, size=(20, len(target))).astype(float)
    assert (reliability.calibration_noise(target, confidences, drawn) > 0.0).all()


def test_certain_and_right_is_without_error():
    assert reliability.expected_calibration_error(np.array([1, 0]), np.array([[0.0, 1.0], [1.0, 0.0]])) == 0.0


def calibrated(seed, n=300):
    random = np.random.default_rng(seed)
    confidences = random.random((n, 1))
    return random.random((n, 1)) < confidences, confidences


def test_the_debiased_error_of_a_calibrated_model_is_near_zero_where_the_plain_one_is_not():
    samples = [calibrated(seed) for seed in range(40)]
    plain = np.mean([reliability.expected_calibration_error(*sample) for sample in samples])
    debiased = np.mean([reliability.debiased_calibration_error(*sample) ** 2 for sample in samples])
    assert plain > 0.05
    assert np.sqrt(debiased) < 0.05


def test_the_debiased_error_finds_the_error_that_is_there():
    random = np.random.default_rng(0)
    confidences = random.uniform(0.2, 1.0, size=(20_000, 1))
    held = random.random(confidences.shape) < confidences - 0.2
    assert reliability.debiased_calibration_error(held, confidences) == pytest.approx(0.2, abs=0.01)


def test_equal_confidences_stay_in_one_bin():
    confidences = np.array([[0.4], [0.4], [0.4], [0.4], [0.1], [0.1]])
    held = np.array([[True], [True], [True], [False], [False], [False]])
    expected = np.sqrt((0.35**2 - 0.75 * 0.25 / 3) * 4 / 6 + 0.1**2 * 2 / 6)
    assert reliability.debiased_calibration_error(held, confidences) == pytest.approx(expected)


def test_one_claim_cannot_tell_error_from_noise():
    assert np.isnan(reliability.debiased_calibration_error(np.array([0]), np.array([[0.7, 0.3]])))
