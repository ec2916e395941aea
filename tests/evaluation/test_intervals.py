"""Intervals: against references, in the corners, and whether they cover the truth as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from decisight.evaluation import intervals


@pytest.mark.parametrize(("successes", "size"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 20), (199, 200), (500, 1000)])
def test_wilson_is_that_of_scipy(successes, size):
    expected = binomtest(successes, size).proportion_ci(0.95, method="wilson")
    found = intervals.wilson(successes / size, size)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_of_nothing_is_everything():
    assert intervals.wilson(1.0, 0.0) == (0.0, 1.0)


@given(st.floats(0, 1), st.floats(0, 1e6))
def test_wilson_contains_the_share(share, size):
    low, high = intervals.wilson(share, size)
    assert 0.0 <= low <= share <= high <= 1.0


def test_sources_of_one_example_each_count_in_full():
    outcome = np.arange(30) % 3 == 0
    assert intervals.effective_size(outcome, None) == 30
    assert intervals.effective_size(outcome, np.arange(30)) == 30


def test_sources_that_stand_and_fall_together_count_about_once_each():
    clusters = np.repeat(np.arange(40), 5)
    together = np.repeat(np.arange(40) % 2 == 0, 5)
    assert 35 < intervals.effective_size(together, clusters) < 42


def test_sources_of_mixed_outcomes_count_nearly_in_full():
    clusters = np.repeat(np.arange(100), 2)
    mixed = np.tile([True, False], 100)
    assert 180 < intervals.effective_size(mixed, clusters) <= 200


def test_where_all_is_right_the_worst_is_assumed_of_clustering():
    clusters = np.repeat(np.arange(20), 10)
    size = intervals.effective_size(np.ones(200, bool), clusters)
    assert 15 < size < 20
    assert size == intervals.independent_size(clusters, 200)


def test_one_source_tells_nothing_of_others():
    assert intervals.effective_size(np.arange(50) % 2 == 0, np.zeros(50, int)) == 0.0


def test_few_sources_tell_less_than_their_number():
    few = intervals.effective_size(np.ones(6, bool), np.repeat(np.arange(3), 2))
    assert 0 < few < 3


def test_the_effective_number_of_sources():
    assert intervals.source_count(np.arange(12)) == 12
    assert intervals.source_count(np.repeat(np.arange(4), 3)) == pytest.approx(4)
    assert intervals.source_count(np.array([0] * 90 + list(range(1, 11)))) == pytest.approx(100**2 / (90**2 + 10))


def test_the_interval_of_a_mean():
    nan = np.nan
    low, high = intervals.mean_interval(np.array([0.5, nan, 0.9]), np.array([0.2, nan, 0.5]), np.array([0.6, nan, 1.0]))
    assert low == pytest.approx(0.7 - np.hypot(0.3, 0.4) / 2)
    assert high == pytest.approx(0.7 + np.hypot(0.1, 0.1) / 2)
    assert intervals.mean_interval(*np.full((3, 2), nan)) == (0.0, 1.0)


def mean_of(values):
    return lambda weights: (weights @ values / weights.sum(-1))[..., None]


def test_the_bootstrap_spreads_as_the_mean_does():
    values = np.random.default_rng(0).normal(size=400)
    drawn = intervals.bootstrap(mean_of(values), 400, resamples=2000, seed=1)
    assert drawn.shape == (2000, 1)
    assert drawn.mean() == pytest.approx(values.mean(), abs=0.005)
    assert drawn.std() == pytest.approx(values.std() / np.sqrt(400), rel=0.06)


def test_the_bootstrap_draws_whole_sources():
    clusters = np.repeat(np.arange(50), 8)
    values = np.repeat(np.random.default_rng(0).normal(size=50), 8)
    drawn = intervals.bootstrap(mean_of(values), 400, clusters=clusters, resamples=2000, seed=1)
    assert drawn.std() == pytest.approx(values.std() / np.sqrt(50), rel=0.08)


def test_the_bootstrap_is_the_same_for_a_seed_and_in_batches(monkeypatch):
    values = np.random.default_rng(0).normal(size=30)
    first = intervals.bootstrap(mean_of(values), 30, resamples=100, seed=4)
    np.testing.assert_array_equal(first, intervals.bootstrap(mean_of(values), 30, resamples=100, seed=4))
    assert not np.array_equal(first, intervals.bootstrap(mean_of(values), 30, resamples=100, seed=5))
    monkeypatch.setattr(intervals, "_CHUNK", 7 * 30)
    np.testing.assert_allclose(first, intervals.bootstrap(mean_of(values), 30, resamples=100, seed=4))


def draws(*values):
    return np.repeat(values, 100).astype(float)


@pytest.mark.parametrize(
    ("value", "resampled", "sources", "always", "expected"),
    [
        (np.nan, draws(0.5), 50, True, (np.nan, np.nan)),  # what is undefined has no interval
        (1.0, draws(1.0), 50, False, (0.4, 1.0)),  # all resamples perfect: the bootstrap is blind
        (0.5, draws(0.5), 50, False, (0.4, 0.8)),  # all agree
        (0.7, draws(np.nan), 50, False, (0.4, 0.8)),  # defined in none
        (0.6, draws(0.5, 0.55, 0.6, 0.65, 0.7), 50, False, (0.5, 0.7)),  # it sees
        (0.6, draws(0.5, 0.55, 0.6, 0.65, 0.7), 50, True, (0.4, 0.8)),
        (0.6, draws(0.5, 0.6, 0.7, np.nan), 50, False, (0.5, 0.7)),
        (0.6, draws(0.5, 0.6, 0.7), 1, False, (0.5, 0.7)),  # one source: all the way to the outermost
        (0.9, draws(0.5, 0.6, 0.7), 50, False, (0.6, 0.9)),  # the value is always inside, and so is the median
    ],
)
def test_bootstrap_intervals(value, resampled, sources, always, expected):
    found = intervals.bootstrap_interval(value, resampled, sources, (0.4, 0.8), always=always)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_few_sources_set_the_percentiles_further_out():
    resampled = np.random.default_rng(0).normal(0.5, 0.05, size=4000)
    many, few = (
        intervals.bootstrap_interval(0.5, resampled, sources, (0.5, 0.5), always=False) for sources in (1000.0, 4.0)
    )
    assert few[0] < many[0] < 0.41
    assert few[1] > many[1] > 0.59


def test_a_calibration_error_that_chance_explains_may_be_none():
    random = np.random.default_rng(0)
    resampled, held = random.normal(0.08, 0.01, 500), random.normal(0.8, 0.05, 500)
    by_chance = intervals.error_interval(0.05, resampled, random.normal(0.05, 0.01, 500), held, 100, (0, 1))
    assert by_chance[0] == 0.0
    real = intervals.error_interval(0.3, resampled + 0.22, random.normal(0.05, 0.01, 500), held, 100, (0, 1))
    assert 0.25 < real[0] < 0.3 == pytest.approx(real[1], abs=0.02)


def test_a_calibration_error_without_any_mistake_has_its_score_interval():
    resampled, noise = np.full(500, 0.01), np.full(500, 0.001)
    assert intervals.error_interval(0.01, resampled, noise, np.ones(500), 100, (0.0, 0.06)) == (0.0, 0.06)
