"""Intervals and tests of paired differences, against SciPy's and against their own definitions."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest

from decisight.evaluation.paired_intervals import (
    difference_interval,
    exchange_test,
    gain_interval,
    mean_gain_interval,
    paired_size,
)


def gains_of(better, worse, same):
    return np.repeat([1, -1, 0], [better, worse, same])


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (5, 0), (0, 6), (3, 9), (10, 10), (40, 21), (200, 140)])
def test_without_sources_the_test_is_the_exact_one_of_mcnemar(better, worse):
    wanted = binomtest(better, better + worse).pvalue if better + worse else 1.0
    gains = gains_of(better, worse, 50)
    assert exchange_test(gains) == pytest.approx(wanted)
    assert exchange_test(gains, np.random.default_rng(0).permutation(len(gains))) == pytest.approx(wanted)


def test_with_sources_every_way_to_change_places_is_counted():
    random = np.random.default_rng(3)
    gains, clusters = random.integers(-1, 2, 40), random.integers(0, 9, 40)
    sums = np.bincount(clusters, gains)
    ways = [abs(np.dot(signs, sums)) >= abs(sums.sum()) for signs in itertools.product((-1, 1), repeat=len(sums))]
    assert exchange_test(gains, clusters) == pytest.approx(np.mean(ways))


def test_one_source_proves_nothing():
    assert exchange_test(gains_of(9, 0, 5), np.zeros(14, np.int64)) == 1.0


def test_very_many_pictures():
    gains = gains_of(8000, 7800, 10)
    assert exchange_test(gains) == pytest.approx(binomtest(8000, 15_800).pvalue, abs=0.002)


@pytest.mark.parametrize("pictures", [1, 10, 50, 1000])
def test_the_score_interval_where_models_never_differ(pictures):
    """In closed form: z^2 / (n + z^2) to either side."""
    reach = 1.959964**2 / (pictures + 1.959964**2)
    assert gain_interval(gains_of(0, 0, pictures), None) == pytest.approx((-reach, reach), abs=1e-6)


def test_the_ends_of_the_score_interval_are_those_that_the_score_test_does_not_refuse():
    """By the definition, with the likeliest cell found by a plain search."""
    better, worse, size = 12, 5, 60
    for end in gain_interval(gains_of(better, worse, size - 17), None):
        losses = np.linspace(max(0.0, -end), (1.0 - end) / 2.0, 200_001)[1:-1]
        likelihood = better * np.log(losses + end) + worse * np.log(losses) + 43 * np.log(1.0 - 2.0 * losses - end)
        likely = losses[np.nanargmax(likelihood)]
        score = (better - worse - size * end) / np.sqrt(size * (2.0 * likely + end * (1.0 - end)))
        assert abs(score) == pytest.approx(1.96, abs=0.001)


def test_the_mirror_of_gains_has_the_mirrored_interval():
    low, high = gain_interval(gains_of(7, 2, 30), None)
    assert gain_interval(gains_of(2, 7, 30), None) == pytest.approx((-high, -low))


def test_the_interval_of_nothing_is_everything():
    assert gain_interval(np.array([], np.int64), None) == (-1.0, 1.0)
    assert gain_interval(gains_of(3, 0, 3), np.zeros(6, np.int64)) == (-1.0, 1.0)
    low, high = gain_interval(np.array([1]), None)
    assert low < 1.0
    assert high == 1.0


def test_sources_widen_the_interval():
    random = np.random.default_rng(5)
    of_source = random.choice([-1, 0, 0, 0, 1, 1], 40)
    gains, clusters = np.repeat(of_source, 5), np.repeat(np.arange(40), 5)
    assert 20.0 < paired_size(gains, clusters) < 45.0
    assert paired_size(gains, np.arange(200)) == 200.0
    wide, narrow = gain_interval(gains, clusters), gain_interval(gains, None)
    assert wide[0] < narrow[0]
    assert wide[1] > narrow[1]


def test_the_interval_of_a_mean_of_differences():
    one = mean_gain_interval(np.array([0.1, np.nan]), np.array([-0.1, np.nan]), np.array([0.4, np.nan]))
    assert one == pytest.approx((-0.1, 0.4))
    low, high = mean_gain_interval(np.array([0.1, 0.3]), np.array([0.0, 0.2]), np.array([0.2, 0.4]))
    assert (low, high) == pytest.approx((0.2 - 0.1 / np.sqrt(2), 0.2 + 0.1 / np.sqrt(2)))
    assert mean_gain_interval(np.full(2, np.nan), np.zeros(2), np.zeros(2)) == (-1.0, 1.0)


def test_the_interval_from_resamples():
    drawn = np.random.default_rng(6).normal(0.1, 0.05, 20_000)
    assert difference_interval(0.1, drawn, 1e6) == pytest.approx((0.002, 0.198), abs=0.003)
    few = difference_interval(0.1, drawn, 5.0)
    assert few[0] < -0.03
    assert few[1] > 0.23
    assert difference_interval(0.1, drawn, 1e6, (-0.5, 0.15)) == pytest.approx((-0.5, 0.198), abs=0.003)
    assert difference_interval(0.1, drawn, 1.0) == (-np.inf, np.inf)
    assert difference_interval(0.1, drawn, 1.0, (-1.0, 1.0)) == (-1.0, 1.0)
    assert difference_interval(0.1, np.full(3, np.nan), 9.0, (-1.0, 1.0)) == (-1.0, 1.0)
    assert np.isnan(difference_interval(np.nan, drawn, 9.0)).all()
