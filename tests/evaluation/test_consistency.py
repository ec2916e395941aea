"""What chance makes of a calibration error: drawn as claimed, rejected as often as the level says, and no oftener."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from decisight.evaluation.consistency import consistency, holm, mean_gap, source_correlation
from decisight.evaluation.reliability import equal_mass_bins, root_mean_squared_gap


def claims_of(seed, n=200, *, sharper=1.0, each=1, alike=0.0):
    """Claims, whether they held, and their sources: ``each`` claims a source, of which ``alike`` share its lot."""
    random = np.random.default_rng(seed)
    truth = 1.0 / (1.0 + np.exp(-random.normal(1.0, 1.5, n)))
    clusters = np.arange(n) // each
    lots = np.where(random.random(n) < alike, random.random(n)[clusters], random.random(n))
    claimed = 1.0 / (1.0 + np.exp(-sharper * np.log(truth / (1.0 - truth))))
    return claimed, lots < truth, clusters


def test_the_mean_gap_is_that_of_each_bin():
    claimed, held, _ = claims_of(1)
    at = equal_mass_bins(claimed, 5)
    gaps = [(at == b).mean() * abs(held[at == b].mean() - claimed[at == b].mean()) for b in range(5)]
    assert mean_gap(claimed, held, at) == pytest.approx(sum(gaps))
    both = mean_gap(claimed, np.stack([held, ~held]), at)
    assert both[0] == pytest.approx(sum(gaps))


def test_bins_hold_as_many_claims_each_and_equal_ones_together():
    at = equal_mass_bins(np.array([0.9, 0.1, 0.5, 0.5, 0.5, 0.7]), 3)
    np.testing.assert_array_equal(at, [1, 0, 0, 0, 0, 1])
    np.testing.assert_array_equal(equal_mass_bins(np.full(4, 0.3), 15), [0, 0, 0, 0])


def test_of_one_confidence_the_test_is_that_of_a_binomial():
    claimed, held = np.full(30, 0.8), np.arange(30) < 29
    found = consistency(claimed, held, resamples=20_000)
    chance = binom(30, 0.8)
    assert found.p_value == pytest.approx(chance.sf(28) + chance.cdf(19), abs=0.01)
    assert found.error == pytest.approx(29 / 30 - 0.8)
    assert found.by_chance == pytest.approx(np.abs(np.arange(31) / 30 - 0.8) @ chance.pmf(np.arange(31)), abs=0.002)
    assert found.z_p_value == pytest.approx(found.p_value, abs=0.02)


def test_the_statistic_of_spiegelhalter_is_standard_normal_of_right_confidences():
    claimed, held, _ = claims_of(2, n=2000)
    found = consistency(claimed, held, resamples=5000)
    assert found.z_p_value == pytest.approx(2.0 * norm.sf(abs(found.z)), abs=0.03)


def test_right_confidences_are_rejected_as_often_as_the_level_says():
    found = [consistency(*claims_of(seed)[:2], resamples=300, seed=seed) for seed in range(200)]
    for p_values in ([one.p_value for one in found], [one.z_p_value for one in found]):
        assert np.mean(np.array(p_values) <= 0.1) == pytest.approx(0.1, abs=0.06)
    beyond = [one.error - one.by_chance for one in found]
    assert np.mean(beyond) == pytest.approx(0.0, abs=0.004)


def test_confidences_that_are_too_sure_are_rejected():
    found = consistency(*claims_of(3, n=500, sharper=2.0)[:2])
    assert found.p_value < 0.01
    assert found.z_p_value < 0.01
    assert found.z > 0.0
    assert found.debiased > 0.03


def test_pictures_of_a_source_that_err_together_are_no_proof():
    """Read as independent, right confidences are rejected far too often; with their sources they are not."""
    blind, aware = [], []
    for seed in range(100):
        claimed, held, clusters = claims_of(seed, n=240, each=8, alike=0.9)
        blind.append(consistency(claimed, held, resamples=200).p_value)
        aware.append(consistency(claimed, held, clusters, resamples=200).p_value)
    assert np.mean(np.array(blind) <= 0.1) > 0.2
    assert np.mean(np.array(aware) <= 0.1) < 0.2


def test_correlation_within_a_source():
    claimed, held, clusters = claims_of(4, n=20_000, each=5, alike=0.7)
    assert source_correlation(claimed, held, clusters) == pytest.approx(0.7**2, abs=0.1)
    assert source_correlation(claimed, held, np.arange(len(held))) == 0.0
    assert consistency(claimed[:100], held[:100], np.arange(100), resamples=10).correlation == 0.0


def test_confidences_that_are_too_sure_are_not_excused_by_their_sources():
    """What is off everywhere is no sign that pictures of a source err together: sources that do not cost no power."""
    blind, aware, correlations = [], [], []
    for seed in range(100):
        claimed, held, clusters = claims_of(seed, n=240, each=8, sharper=1.5)
        blind.append(consistency(claimed, held, resamples=200).p_value)
        aware.append(consistency(claimed, held, clusters, resamples=200).p_value)
        correlations.append(source_correlation(claimed, held, clusters))
    assert np.mean(correlations) < 0.06
    power = [np.mean(np.array(p_values) <= 0.1) for p_values in (blind, aware)]
    assert power[0] > 0.5
    assert power[1] > power[0] - 0.05


def test_what_all_are_off_by_is_no_correlation():
    claimed, held, clusters = claims_of(6, n=20_000, each=5, sharper=2.0)
    assert source_correlation(claimed, held, clusters) < 0.02
    claimed, held, clusters = claims_of(7, n=20_000, each=5, sharper=2.0, alike=0.7)
    assert source_correlation(claimed, held, clusters) == pytest.approx(0.7**2, abs=0.15)


@pytest.mark.parametrize("claimed", [[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
def test_confidences_without_any_doubt(claimed):
    sure = np.array(claimed)
    found = consistency(sure, sure > 0.5, resamples=10)
    assert (found.error, found.debiased, found.p_value, found.z, found.z_p_value) == (0.0, 0.0, 1.0, 0.0, 1.0)
    assert consistency(sure, sure < 0.5, resamples=99).p_value == pytest.approx(0.01)


def test_one_claim():
    found = consistency(np.array([0.7]), np.array([True]), np.array([0]), resamples=500)
    assert found.error == pytest.approx(0.3)
    assert found.p_value == 1.0
    assert np.isnan(root_mean_squared_gap(np.array([0.7]), np.array([True])))


def test_holm_rejects_step_by_step():
    """As the procedure has it: from the smallest on, each against the level shared among those that are left."""
    p_values = (np.random.default_rng(5).random(15) ** 6).tolist()
    for level in (0.01, 0.05, 0.2):
        rejected = set()
        for step, at in enumerate(np.argsort(p_values)):
            if p_values[at] > level / (len(p_values) - step):
                break
            rejected.add(int(at))
        assert {at for at, p_value in enumerate(holm(p_values)) if p_value <= level} == rejected
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]
