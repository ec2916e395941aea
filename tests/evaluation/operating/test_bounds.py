"""Exact binomial bounds, beside SciPy's own and beside counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from decisight.errors import UsageError
from decisight.evaluation.operating.bounds import (
    chance,
    check_assurance,
    check_max_error,
    needed,
    upper_bound,
)


@pytest.mark.parametrize(("errors", "decisions"), [(0, 1), (0, 59), (1, 100), (7, 20), (199, 200), (3, 5000)])
@pytest.mark.parametrize("assurance", [0.5, 0.95, 0.999])
def test_the_bound_is_that_of_clopper_and_pearson(errors: int, decisions: int, assurance: float) -> None:
    # One side of the interval whose two sides lack as much each.
    reference = binomtest(errors, decisions, alternative="less").proportion_ci(assurance, method="exact").high
    assert upper_bound(errors, decisions, assurance) == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize(("errors", "decisions"), [(0, 0), (3, 3)])
def test_where_all_is_wrong_or_nothing_was_decided_nothing_is_bounded(errors: int, decisions: int) -> None:
    assert upper_bound(errors, decisions, 0.95) == 1.0


def test_the_chance_is_the_binomial_one() -> None:
    errors, decisions = np.array([0, 2, 5, 0]), np.array([10, 30, 5, 0])
    assert chance(errors, decisions, 0.1) == pytest.approx([*binom.cdf(errors[:3], decisions[:3], 0.1), 1.0])


@pytest.mark.parametrize(
    ("max_error", "assurance", "errors", "expected"),
    [
        (0.01, 0.95, 0, 299),  # the rule of three: ln 20 / 0.01
        (0.01, 0.95, 1, 473),
        (0.05, 0.95, 0, 59),
        (0.5, 0.5, 0, 1),
        (0.001, 0.999, 0, 6905),
    ],
)
def test_so_many_are_needed_and_no_fewer(max_error: float, assurance: float, errors: int, expected: int) -> None:
    assert needed(max_error, assurance, errors=errors) == expected
    assert upper_bound(errors, expected, assurance) <= max_error < upper_bound(errors, expected - 1, assurance)


def test_where_as_much_is_wrong_as_may_be_no_number_is_enough() -> None:
    assert needed(0.05, 0.95, share=0.05) is None
    assert needed(0.05, 0.95, share=0.049999) is None  # more than anybody has
    assert needed(1e-9, 0.95) is None
    some = needed(0.05, 0.95, share=0.02)
    assert some is not None
    assert 100 < some < 400


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 1.5, float("nan"), float("inf")])
def test_what_cannot_be_promised_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="max-error"):
        check_max_error(value)


@pytest.mark.parametrize("value", [1.0, 0.49, 0.0, -1.0, float("nan")])
def test_no_such_assurance(value: float) -> None:
    with pytest.raises(UsageError, match="assurance"):
        check_assurance(value)
