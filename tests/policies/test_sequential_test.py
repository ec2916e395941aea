"""The sequential test: against closed forms, and its error rates by simulation where the confidences are exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from decisight.errors import UsageError
from decisight.policies.majority_vote import MajorityVote
from decisight.policies.sequential_test import SequentialTest
from decisight.protocols import Policy
from decisight.types import LabelGroup, Prediction, Reading, Reason, Task

PAIR = Task((LabelGroup("class", ("a", "b")),))
THREE = Task((LabelGroup("class", ("a", "b", "c")),))
A, B = (0.8, 0.2), (0.2, 0.8)
LN4 = math.log(4.0)


def wald(error: float) -> float:
    """What the sum must reach for two labels of one error rate."""
    return math.log((1.0 - error) / error)


# --- closed forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "row", "images"),
    [
        # ln(0.95 / 0.05) = 2.94, and each image says ln 4 = 1.39
        ({"error_rate": 0.05}, (0.8, 0.2), 3),
        # ln(0.8 / 0.2) = ln 4 exactly
        ({"error_rate": 0.2}, (0.8, 0.2), 1),
        ({"error_rate": 0.19}, (0.8, 0.2), 2),
        # ln 99 = 4.60
        ({"error_rate": 0.01}, (0.8, 0.2), 4),
        # each after the first counts a third: 1.39, 1.85, 2.31, 2.77, 3.23
        ({"error_rate": 0.05, "correlation": 0.5}, (0.8, 0.2), 5),
        # and a nineteenth: 1.39 + 22 * 0.073 = 2.99
        ({"error_rate": 0.05, "correlation": 0.9}, (0.8, 0.2), 23),
        # ln(0.99 / 0.1) = 2.29: deciding b falsely makes the bar of a hardly lower
        ({"error_rates": {"a": 0.1, "b": 0.01}}, (0.8, 0.2), 2),
        # ln(0.9 / 0.01) = 4.50
        ({"error_rates": {"a": 0.01, "b": 0.1}}, (0.8, 0.2), 4),
        # no image may claim more than it is trusted with: ln 9 = 2.20
        ({"error_rate": 0.05, "max_confidence": 0.9}, (1.0, 0.0), 2),
        ({"error_rate": 0.05, "max_confidence": 0.99}, (1.0, 0.0), 1),
        # where a is twice as frequent, an image that gives it 0.8 says ln 4 - ln 2
        ({"error_rate": 0.05, "priors": {"a": 2 / 3, "b": 1 / 3}}, (0.8, 0.2), 5),
        # and nothing where its confidence is its frequency
        ({"error_rate": 0.05, "priors": {"a": 0.8, "b": 0.2}}, (0.8, 0.2), None),
        # shares in two decimals need not add up to the last
        ({"error_rate": 0.05, "priors": {"a": 0.67, "b": 0.33}}, (0.8, 0.2), 5),
    ],
)
def test_how_many_images_two_labels_take(
    states: Callable[..., str], settings: dict[str, Any], row: tuple[float, ...], images: int | None
) -> None:
    found = states(SequentialTest(**{"correlation": 0.0, **settings}), [row] * 30, task=PAIR)
    assert found == ("." * 30 if images is None else "." * (images - 1) + "a" * (31 - images))


@pytest.mark.parametrize(
    ("row", "error", "images"),
    [
        # ln(2 * 0.95 / 0.05) = 3.64, and each image says ln 8 = 2.08 against either
        ((0.8, 0.1, 0.1), 0.05, 2),
        # against the strongest of the others only ln(0.6 / 0.3) = 0.69
        ((0.6, 0.3, 0.1), 0.05, 6),
        ((0.4, 0.4, 0.2), 0.05, None),
    ],
)
def test_how_many_images_three_labels_take(
    states: Callable[..., str], row: tuple[float, ...], error: float, images: int | None
) -> None:
    found = states(SequentialTest(error, correlation=0.0), [row] * 20, task=THREE)
    assert found == ("." * 20 if images is None else "." * (images - 1) + "a" * (21 - images))


def test_the_sums_are_those_of_the_logarithms_of_ratios(decide: Callable[..., Any]) -> None:
    rows = [(0.7, 0.3), (0.4, 0.6), (0.55, 0.45)]
    found = decide(SequentialTest(0.001, correlation=0.0), rows, task=PAIR)
    expected = 0.0
    for (a, b), decision in zip(rows, found, strict=True):
        expected += math.log(a / b)
        assert decision.scores == pytest.approx((expected, -expected), abs=1e-12)
        assert decision.confidence == pytest.approx(1.0 / (1.0 + math.exp(-abs(expected))), abs=1e-12)
        assert (decision.state, decision.reason) == ("unknown", Reason.ABSTAINED)


def test_by_time_the_correlation_falls(decide: Callable[..., Any]) -> None:
    times = [0.0, 0.25, 0.25, 10.0]
    found = decide(SequentialTest(1e-6, decorrelation_time="500ms"), [A] * 4, task=PAIR, times=times)
    r = [math.exp(-(after - before) / 0.5) for before, after in pairwise(times)]
    weights = [1.0, *((1.0 - each) / (1.0 + each) for each in r)]
    assert weights[2] == 0.0
    expected = np.cumsum(weights) * LN4
    assert [d.scores[0] for d in found] == pytest.approx(list(expected), abs=1e-12)


@pytest.mark.parametrize(
    ("inertia", "images"),
    [
        # from ln 19 to -ln 19 with ln 4 each: 4.2
        (1.0, 5),
        (0.5, 4),
        # from 0: 2.1
        (0.0, 3),
    ],
)
def test_what_a_change_takes(states: Callable[..., str], inertia: float, images: int) -> None:
    policy = SequentialTest(0.05, correlation=0.0, inertia=inertia)
    # However long it was a before.
    found = states(policy, [A] * 50 + [B] * 10, task=PAIR)
    assert found == "..".ljust(50 + images - 1, "a").ljust(60, "b")


@pytest.mark.parametrize("inertia", [0.0, 0.25, 1.0])
def test_the_confidence_includes_what_it_took_to_accept(decide: Callable[..., Any], inertia: float) -> None:
    policy = SequentialTest(0.05, correlation=0.0, inertia=inertia)
    found = [d.confidence for d in decide(policy, [A] * 10 + [B], task=PAIR)]
    soon = decide(policy, [A] * 3 + [B], task=PAIR)[-1]
    assert soon.confidence == pytest.approx(19 / 23, abs=1e-12)
    assert found[:2] == pytest.approx([0.8, 16 / 17], abs=1e-12)
    # Held to the bar, ln 19; and then one image against it.
    assert found[2:] == pytest.approx([0.95] * 8 + [19 / 23], abs=1e-12)


def test_a_long_doubt_between_two_does_not_shut_out_the_third(states: Callable[..., str]) -> None:
    a_or_b, c = (0.49, 0.49, 0.02), (0.02, 0.02, 0.96)
    found = states(SequentialTest(0.05, correlation=0.0), [a_or_b] * 500 + [c] * 4)
    assert found == "." * 501 + "ccc"


def test_nor_does_one_while_a_fourth_is_held(states: Callable[..., str]) -> None:
    task = Task((LabelGroup("class", ("a", "b", "c", "d")),))
    only_a, b_or_c, d = (0.97, 0.01, 0.01, 0.01), (0.01, 0.49, 0.49, 0.01), (0.01, 0.01, 0.01, 0.97)
    found = states(SequentialTest(0.05, correlation=0.0), [only_a] * 2 + [b_or_c] * 500 + [d] * 3, task=task)
    assert found == "a" * 503 + "dd"


def test_pictures_that_cannot_be_judged_say_nothing(decide: Callable[..., Any]) -> None:
    policy = SequentialTest(0.05, correlation=0.0)
    judged = decide(policy, [A] * 4, task=PAIR)
    gaps = decide(policy, [None, A, None, None, A, A, A, None], task=PAIR)
    assert [gaps[at] for at in (1, 4, 5, 6)] == judged
    assert [gaps[at].reason for at in (0, 2, 7)] == [Reason.CANNOT_JUDGE, Reason.CANNOT_JUDGE, Reason.ACCEPTED]


def test_independent_labels_are_tested_one_by_one(decide: Callable[..., Any]) -> None:
    task = Task((LabelGroup("gear", ("gloves", "mask"), "independent"),))
    found = decide(SequentialTest(0.05, {"mask": 0.2}, correlation=0.0), [(0.8, 0.2)] * 3, task=task)
    assert [(d.state, d.undecided) for d in found] == [((), ("gloves",))] * 2 + [(("gloves",), ())]
    assert found[2].confidence == pytest.approx(0.95 * 0.8, abs=1e-12)
    rare = decide(SequentialTest(0.05, priors={"mask": 0.2}, correlation=0.0), [(0.8, 0.2)] * 9, task=task)
    assert (rare[-1].state, rare[-1].undecided) == (("gloves",), ("mask",))


def test_it_explains_itself() -> None:
    fold = SequentialTest(0.05, correlation=0.0, inertia=0.25).fold(THREE, "class")
    state = fold.initial()
    assert fold.explain(state) == "no image yet"
    for row in ((0.8, 0.15, 0.05), (0.8, 0.15, 0.05), (0.8, 0.15, 0.05), (0.1, 0.8, 0.1)):
        state, _ = fold.step(state, Reading(Prediction(THREE, (row,))))
    assert fold.explain(state) == "evidence for b over a: 1.17, 3.64 needed, from 4 images; a was decided before"


def test_a_thousand_labels_are_weighed_by_their_confidences() -> None:
    """None is so small beside ``max_confidence`` that it would be cut off."""
    labels = tuple(f"label {at}" for at in range(1000))
    task = Task((LabelGroup("class", labels),))
    fold = SequentialTest(0.05, correlation=0.0).fold(task, "class")
    row = (0.9, *[0.1 / 999] * 999)
    _, decision = fold.step(fold.initial(), Reading(Prediction(task, (row,))))
    assert decision.scores[0] == pytest.approx(math.log(0.9 / (0.1 / 999)), abs=1e-9)


# --- what is stated, by simulation -----------------------------------------------------------------------------------

RUNS = 2000


def first_decision(policy: Policy, task: Task, rows: Sequence[tuple[float, ...]]) -> tuple[str, int]:
    """The first label that is decided, and from how many images."""
    fold = policy.fold(task, "class")
    state = fold.initial()
    for at, row in enumerate(rows):
        state, decision = fold.step(state, Reading(Prediction(task, (row,))))
        if decision.reason is Reason.ACCEPTED:
            return str(decision.state), at + 1
    raise AssertionError("nothing was decided")


def posteriors(likelihoods: np.ndarray) -> list[tuple[float, ...]]:
    """Confidences that are calibrated exactly, from likelihoods ``(images, labels)``."""
    return [tuple(map(float, row)) for row in likelihoods / likelihoods.sum(axis=1, keepdims=True)]


def gaussian(rng: np.random.Generator, truth: int, images: int, distance: float) -> list[tuple[float, ...]]:
    """A score that is normal with deviation 1 around a half of the distance, or minus it."""
    x = rng.normal((0.5 - truth) * distance, 1.0, images)
    return posteriors(np.exp(np.stack([x, -x], axis=1) * distance / 2))


def beta(rng: np.random.Generator, truth: int, images: int, skew: float) -> list[tuple[float, ...]]:
    """A score that is Beta(skew, 1), or Beta(1, skew)."""
    x = rng.beta(*((skew, 1.0) if truth == 0 else (1.0, skew)), images)
    return posteriors(np.stack([x, 1.0 - x], axis=1) ** (skew - 1.0))


def at_most(count: int, rate: float) -> bool:
    """Whether so many of the runs are not more than a rate allows, within three standard errors."""
    return count / RUNS <= rate + 3.0 * math.sqrt(rate * (1.0 - rate) / RUNS)


@pytest.mark.parametrize(
    ("scores", "strength"),
    [(gaussian, 2.6), (gaussian, 1.0), (beta, 3.0)],
    ids=lambda v: str(getattr(v, "__name__", v)),
)
@pytest.mark.parametrize("errors", [(0.05, 0.05), (0.02, 0.2)])
def test_the_error_rates_are_kept(scores: Callable[..., Any], strength: float, errors: tuple[float, float]) -> None:
    rng = np.random.default_rng(7)
    policy = SequentialTest(error_rates={"a": errors[0], "b": errors[1]}, correlation=0.0, max_confidence=1 - 1e-9)
    for truth, name in enumerate("ab"):
        found = [first_decision(policy, PAIR, scores(rng, truth, 300, strength))[0] for _ in range(RUNS)]
        assert at_most(RUNS - found.count(name), errors[1 - truth])


def test_the_error_rates_of_three_labels_are_kept() -> None:
    rng = np.random.default_rng(11)
    policy = SequentialTest(0.05, correlation=0.0, max_confidence=1 - 1e-9)
    for truth, name in enumerate("abc"):
        wrong = 0
        for _ in range(RUNS):
            x = rng.normal(0.0, 1.0, (200, 3))
            x[:, truth] += 1.2
            wrong += first_decision(policy, THREE, posteriors(np.exp(1.2 * x)))[0] != name
        assert at_most(wrong, 0.05)


def test_correlated_images_keep_the_error_rate_by_the_discount_alone() -> None:
    """Scores of an autoregressive sequence of the first order, with a correlation of 0.6."""
    rng, r, distance, error = np.random.default_rng(13), 0.6, 1.5, 0.05
    wrong = {0.0: 0, r: 0}
    for _ in range(RUNS):
        noise = [rng.normal()]
        for fresh in rng.normal(0.0, math.sqrt(1.0 - r * r), 200):
            noise.append(r * noise[-1] + fresh)
        x = np.array(noise) + distance / 2
        rows = posteriors(np.exp(np.stack([x, -x], axis=1) * distance / 2))
        for correlation in wrong:
            policy = SequentialTest(error, correlation=correlation, max_confidence=1 - 1e-9)
            wrong[correlation] += first_decision(policy, PAIR, rows)[0] != "a"
    assert at_most(wrong[r], error)
    assert not at_most(wrong[0.0], error)


@pytest.mark.parametrize("single", [0.05, 0.1, 0.15])
def test_it_takes_fewer_images_than_three_of_five(single: float) -> None:
    """At the same error rate, and a single image that is wrong as often as ``single``."""
    from scipy.stats import norm

    rng = np.random.default_rng(17)
    distance = 2.0 * float(norm.isf(single))
    error = sum(math.comb(5, k) * single**k * (1 - single) ** (5 - k) for k in range(3, 6))
    test, votes = SequentialTest(error, correlation=0.0, max_confidence=1 - 1e-9), MajorityVote(required=3, window=5)
    runs = [gaussian(rng, 0, 200, distance) for _ in range(RUNS)]
    by_test, by_votes = ([first_decision(policy, PAIR, rows) for rows in runs] for policy in (test, votes))
    assert at_most(sum(label != "a" for label, _ in by_test), error)
    assert np.mean([images for _, images in by_test]) < 0.75 * np.mean([images for _, images in by_votes])


# --- settings that cannot be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"error_rate": 0.0}, "error_rate = 0 cannot be used"),
        ({"error_rate": 0.5}, "error_rate = 0.5 cannot be used"),
        ({"error_rate": -0.1}, "error_rate = -0.1 cannot be used"),
        ({"error_rate": math.nan}, "error_rate = nan cannot be used"),
        ({"error_rates": {"a": 1.0}}, "the error rate of 'a' = 1 cannot be used"),
        ({"correlation": 1.0}, "correlation = 1 cannot be used"),
        ({"correlation": -0.1}, "correlation = -0.1 cannot be used"),
        ({"max_confidence": 1.0}, "max_confidence = 1 cannot be used"),
        ({"max_confidence": 0.5}, "max_confidence = 0.5 cannot be used"),
        ({"inertia": 1.5}, "inertia = 1.5 cannot be used"),
        ({"decorrelation_time": "5"}, "decorrelation_time = '5' has no unit"),
        ({"decorrelation_time": "0s"}, "decorrelation_time = '0s' is too short"),
        ({"priors": {"a": 0.5}}, "priors are given for some labels of 'class' but not for 'b'"),
        ({"priors": {"a": 0.5, "b": 0.9}}, "the priors of group 'class' add up to 1.4, not to 1"),
        ({"priors": {"a": 1.0, "b": 0.0}}, "the prior of 'a' = 1 cannot be used"),
        ({"priors": {"a": 30, "b": 70}}, "the prior of 'a' is 30, which is not between 0 and 1"),
        ({"error_rates": {"a": 0.1, "class:a": 0.2}}, "'class:a' was given two error rates: 0.1 and 0.2"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        SequentialTest(**settings).fold(PAIR, "class")
    assert caught.value.hint
