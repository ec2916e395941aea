"""Weighted average: by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import UsageError
from decisight.policies.weighted_average import WeightedAverage
from decisight.policies.window import weighted_mean
from decisight.types import LabelGroup, Reason, Task

PAIR = Task((LabelGroup("class", ("a", "b")),))
SEEN = [0.9, 0.2, 0.6]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"half_life": None}, (0.9 + 0.2 + 0.6) / 3),
        ({"half_life": None, "window": 2}, (0.2 + 0.6) / 2),
        ({"window": 1}, 0.6),
        # ages of 2, 1 and 0 images
        ({"half_life": 1}, (0.25 * 0.9 + 0.5 * 0.2 + 0.6) / 1.75),
        ({"half_life": 2}, (0.5 * 0.9 + math.sqrt(0.5) * 0.2 + 0.6) / (1.5 + math.sqrt(0.5))),
        # ages of 0.5, 0.25 and 0 seconds
        ({"half_life": "250ms"}, (0.25 * 0.9 + 0.5 * 0.2 + 0.6) / 1.75),
        ({"half_life": None, "window": "500ms"}, (0.2 + 0.6) / 2),
        # given: the newest last, and the newest of them where the window is not full yet
        ({"weights": (1.0, 2.0, 3.0), "window": 3}, (0.9 + 2 * 0.2 + 3 * 0.6) / 6),
        ({"weights": (9.0, 1.0, 2.0, 3.0), "window": 4}, (0.9 + 2 * 0.2 + 3 * 0.6) / 6),
        ({"weights": (0.0, 1.0), "window": 2}, 0.6),
        # by quality: 1, 0.5 and 0.25
        ({"half_life": None, "by_quality": True}, (0.9 + 0.5 * 0.2 + 0.25 * 0.6) / 1.75),
        ({"half_life": 1, "by_quality": True}, (0.25 * 0.9 + 0.25 * 0.2 + 0.25 * 0.6) / 0.75),
    ],
)
def test_weights(decide: Callable[..., Any], settings: dict[str, Any], expected: float) -> None:
    rows = [(c, 1.0 - c) for c in SEEN]
    found = decide(WeightedAverage(**settings), rows, task=PAIR, every=0.25, qualities=[1.0, 0.5, 0.25])
    assert found[-1].scores == pytest.approx((expected, 1.0 - expected), abs=1e-15)
    assert found[-1].confidence == max(found[-1].scores)
    assert found[-1].state == ("a" if expected > 0.5 else "b")


def test_a_picture_that_cannot_be_judged_only_ages_the_others(decide: Callable[..., Any]) -> None:
    found = decide(WeightedAverage(half_life=1), [(0.9, 0.1), (0.3, 0.7), None], task=PAIR)
    assert found[-1].scores[0] == pytest.approx((0.25 * 0.9 + 0.5 * 0.3) / 0.75, abs=1e-15)


@pytest.mark.parametrize(
    ("settings", "rows", "qualities", "state", "reason"),
    [
        ({"thresholds": {"a": 0.7}}, [0.8, 0.6], [], "a", Reason.ACCEPTED),
        ({"thresholds": {"a": 0.75}}, [0.8, 0.6], [], "unknown", Reason.BELOW_THRESHOLD),
        ({"required": 3}, [0.8, 0.8], [], "unknown", Reason.ABSTAINED),
        ({"required": 2}, [0.8, None], [], "unknown", Reason.CANNOT_JUDGE),
        ({"required": 2}, [0.8, None, 0.8], [], "a", Reason.ACCEPTED),
        # no picture is worth anything
        ({"by_quality": True}, [0.8, 0.8], [0.0, 0.0], "unknown", Reason.ABSTAINED),
    ],
)
def test_decisions(
    decide: Callable[..., Any],
    settings: dict[str, Any],
    rows: list[float | None],
    qualities: list[float],
    state: str,
    reason: Reason,
) -> None:
    policy = WeightedAverage(**{"half_life": None, **settings})
    found = decide(policy, [c and (c, 1.0 - c) for c in rows], task=PAIR, qualities=qualities)[-1]
    assert (found.state, found.reason) == (state, reason)


@given(st.floats(0.0, 1.0), st.lists(st.floats(0.0, 1e6), min_size=1, max_size=9))
def test_a_mean_of_the_same_is_the_same(value: float, weights: list[float]) -> None:
    """Else images that all meet a threshold exactly would not meet it together."""
    assert weighted_mean([(value,)] * len(weights), weights) == ((value,) if sum(weights) else ())


def test_it_explains_itself() -> None:
    fold = WeightedAverage({"a": 0.75}, half_life=None, required=2, leave_thresholds={"a": 0.5}).fold(PAIR, "class")
    entries = [[0.0, -1, [0.9, 0.1], 1.0]]
    state = fold.begin()._replace(readings=1, blind=False, judged=0.0, now=0.0, evidence=entries)
    assert fold.describe(state) == "1 judged, 2 needed"
    state = state._replace(held=0, evidence=entries * 2)
    assert fold.describe(state) == "weighted average of 2: a 0.900, 0.75 needed to enter, 0.5 to stay"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"window": 3, "weights": (1.0, 1.0)}, "2 weights do not fit a window of 3 images"),
        ({"window": "2s", "weights": (1.0, 1.0)}, "2 weights do not fit a window of 2 s"),
        ({"window": 2, "weights": (1.0, 0.0)}, r"weights \[1.0, 0.0\] cannot be used"),
        ({"window": 2, "weights": (-1.0, 1.0)}, r"weights \[-1.0, 1.0\] cannot be used"),
        ({"window": 2, "weights": (math.nan, 1.0)}, r"weights \[nan, 1.0\] cannot be used"),
        ({"window": 2, "weights": (1.0, math.inf)}, r"weights \[1.0, inf\] cannot be used"),
        ({"required": 6, "window": 5}, "required = 6 does not fit"),
        ({"required": 0}, "required = 0 does not fit"),
        ({"half_life": 0}, "half_life = '0' is too short"),
        ({"half_life": "2 days"}, "half_life = '2 days' is not understood"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        WeightedAverage(**settings)
    assert caught.value.hint
