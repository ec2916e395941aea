"""Majority vote: by hand, and against the binomial distribution."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from decisight.errors import UsageError
from decisight.policies.majority_vote import MajorityVote
from decisight.types import LabelGroup, Reason, Task

PAIR = Task((LabelGroup("class", ("a", "b")),))


@pytest.mark.parametrize(
    ("required", "window", "sequence", "expected"),
    [
        (3, 5, "aaaaa", "..aaa"),
        # what others say in between does not matter
        (3, 5, "abaab", "...aa"),
        (3, 5, "aabbb", "....b"),
        # the window slides
        (3, 5, "aaabbb", "..aaab"),
        (3, 5, "aaabbcc", "..aaa.."),
        # as many votes for one as for another: a tie
        (2, 4, "aabb", ".aa."),
        (1, 2, "aab", "aa."),
        # the most votes, not the first that are enough
        (2, 5, "aabbb", ".aa.b"),
        # images below every threshold, or that could not be judged, take a place and do not vote
        (3, 5, "a?a?a", "....a"),
        (3, 5, "a-a-a", "....a"),
        (3, 5, "aaa---", "..aaa."),
        (1, 1, "a?b-", "a.b."),
    ],
)
def test_votes(states: Callable[..., str], required: int, window: int, sequence: str, expected: str) -> None:
    assert states(MajorityVote(default_threshold=0.5, required=required, window=window), sequence) == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.0, 0.5, 1.0], "..a"),
        # the window is open at its beginning: an image as old as it is long has left it
        ([0.0, 0.5, 1.25], "..a"),
        ([0.0, 0.5, 1.5], "..."),
        ([0.0, 0.75, 2.25], "..."),
    ],
)
def test_a_window_in_seconds(states: Callable[..., str], times: list[float], expected: str) -> None:
    assert states(MajorityVote(required=3, window="1500ms"), "aaa", times=times) == expected


def test_votes_run_out_while_nothing_comes(decide: Callable[..., Any]) -> None:
    found = decide(MajorityVote(required=2, window="1s"), "aa..", times=[0.0, 0.5, 0.75, 1.0])
    assert [d.state for d in found] == ["unknown", "a", "a", "unknown"]
    assert found[-1].reason is Reason.ABSTAINED
    assert found[-1].scores == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("sequence", "reason"),
    [
        ("--", Reason.CANNOT_JUDGE),
        ("aa", Reason.ABSTAINED),
        # judged often enough, but the thresholds were not met
        ("???", Reason.BELOW_THRESHOLD),
        ("aa?", Reason.BELOW_THRESHOLD),
        # enough votes, but for several labels
        ("aabb", Reason.ABSTAINED),
        ("aabbc", Reason.ABSTAINED),
        ("aaa", Reason.ACCEPTED),
    ],
)
def test_reasons(decide: Callable[..., Any], sequence: str, reason: Reason) -> None:
    assert decide(MajorityVote(default_threshold=0.5), sequence)[-1].reason is reason


def test_the_confidence_is_the_mean_over_the_window(decide: Callable[..., Any]) -> None:
    rows = [(0.0, 1.0), (0.9, 0.1), (0.7, 0.3), (0.2, 0.8), (0.8, 0.2)]
    found = decide(MajorityVote(required=3, window=4), rows, task=PAIR)
    assert found[-1].state == "a"
    assert found[-1].confidence == pytest.approx((0.9 + 0.7 + 0.2 + 0.8) / 4, abs=1e-15)
    assert found[-1].scores == (3.0, 1.0)


def test_each_independent_label_has_its_own_votes(decide: Callable[..., Any]) -> None:
    task = Task((LabelGroup("gear", ("gloves", "mask"), "independent"),))
    found = decide(MajorityVote({"mask": 0.9}, required=2, window=3), [(0.6, 0.8), (0.3, 0.95), (0.7, 0.92)], task=task)
    # gloves: present, absent, present; mask: absent, present, present
    assert [d.state for d in found] == ["unknown", "unknown", ("gloves", "mask")]
    assert found[-1].confidence == pytest.approx((0.6 + 0.3 + 0.7) / 3 * (0.8 + 0.95 + 0.92) / 3, abs=1e-15)
    assert found[-1].scores == (2.0, 2.0)


def test_a_label_of_which_nothing_can_be_said_is_undecided(decide: Callable[..., Any]) -> None:
    task = Task((LabelGroup("gear", ("gloves", "mask"), "independent"),))
    found = decide(MajorityVote(required=2, window=2), [(0.9, 0.9), (0.9, 0.1), (0.1, 0.1)], task=task)
    assert [(d.state, d.undecided) for d in found] == [("unknown", ()), (("gloves",), ("mask",)), ((), ("gloves",))]


@pytest.mark.parametrize("error", [0.1, 0.3])
def test_errors_follow_the_binomial_distribution(states: Callable[..., str], error: float) -> None:
    rng, runs, policy = np.random.default_rng(3), 2000, MajorityVote(required=3, window=5)
    wrong = 0
    for _ in range(runs):
        rows = [(0.2, 0.8) if rng.random() < error else (0.8, 0.2) for _ in range(5)]
        wrong += states(policy, rows, task=PAIR)[-1] == "b"
    tail = sum(math.comb(5, k) * error**k * (1 - error) ** (5 - k) for k in range(3, 6))
    assert abs(wrong / runs - tail) < 3 * math.sqrt(tail * (1 - tail) / runs)


def test_it_explains_itself() -> None:
    fold = MajorityVote({"a": 0.5}, required=2, window=4).fold(PAIR, "class")
    entries = [[0.0, vote, [0.6, 0.4], 1.0] for vote in (0, 1, -1)]
    state = fold.begin()._replace(readings=3, blind=False, judged=0.0, now=0.0, evidence=entries)
    assert fold.describe(state) == "votes of 3: a 1, b 1, 1 for no label (2 needed)"
    tie = [[0.0, vote, [0.6, 0.4], 1.0] for vote in (0, 1, 1, 0)]
    assert fold.describe(state._replace(evidence=tie)) == "votes of 4: a 2, b 2: a tie"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"window": 0}, "window = '0' is too short"),
        ({"window": "0s"}, "window = '0s' is too short"),
        ({"window": 10**6, "required": 3}, "a window of 1000000 images is too long"),
        ({"required": 6, "window": 5}, "required = 6 does not fit a window of 5 images"),
        ({"required": 0}, "required = 0 does not fit a window of 5 images"),
        ({"required": -1, "window": "2s"}, "required = -1 does not fit a window of 2 s"),
        ({"required": 5000, "window": "2s"}, "required = 5000 does not fit a window of 2 s"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        MajorityVote(**settings)
    assert caught.value.hint
