"""Policies as the command line and configurations write them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from decisight.errors import MissingPartError, UsageError
from decisight.policies import POLICIES
from decisight.policies.consecutive import Consecutive
from decisight.policies.majority_vote import MajorityVote
from decisight.policies.parsing import has_setting, parse_policy, policy_from_section
from decisight.policies.sequential_test import SequentialTest
from decisight.policies.threshold import Threshold
from decisight.policies.weighted_average import WeightedAverage


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("majority_vote", MajorityVote()),
        ("majority_vote:3/5", MajorityVote(required=3, window="5")),
        (" majority_vote : 2 / 500ms ".replace(" :", ":"), MajorityVote(required=2, window="500ms")),
        ("weighted_average:2s", WeightedAverage(window="2s")),
        ("consecutive:4", Consecutive(required="4")),
        ("sequential_test:0.05", SequentialTest(0.05)),
        ("threshold:0.8", Threshold(default_threshold=0.8)),
    ],
)
def test_shorthands(text: str, expected: object) -> None:
    assert parse_policy(text) == expected


@pytest.mark.parametrize("name", POLICIES.names())
@pytest.mark.parametrize("short", ["", "/", "x", "3/", "/5", "3/5/7", "nan", "-1", "0", "5/3", "³", "1e999", "3.5/5"])
def test_shorthands_that_are_nonsense(name: str, short: str) -> None:
    if (name, short) == ("threshold", "0"):
        assert parse_policy("threshold:0") == Threshold(default_threshold=0.0)
        return
    with pytest.raises(UsageError) as caught:
        parse_policy(f"{name}:{short}")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"type": "consecutive", "required": 4}, Consecutive(required=4)),
        ({"type": "majority_vote:3/5", "min_dwell": "2s"}, MajorityVote(required=3, window="5", min_dwell="2s")),
        # whole numbers where numbers with a point are meant, and those of numpy
        ({"type": "threshold", "default_threshold": 1}, Threshold(default_threshold=1.0)),
        ({"type": "threshold", "thresholds": {"a": np.float64(0.5)}}, Threshold({"a": 0.5})),
        ({"type": "majority_vote", "default_threshold": np.float32(0.5)}, MajorityVote(default_threshold=0.5)),
        ({"type": "weighted_average", "window": 2, "weights": [1, 2]}, WeightedAverage(window=2, weights=(1.0, 2.0))),
        ({"type": "weighted_average", "half_life": None}, WeightedAverage(half_life=None)),
        ({"type": "weighted_average", "by_quality": True}, WeightedAverage(by_quality=True)),
    ],
)
def test_sections(section: dict[str, Any], expected: object) -> None:
    assert policy_from_section(section) == expected


def test_defaults_are_used_where_the_section_says_nothing_and_the_policy_has_them() -> None:
    defaults = {"fallback": "ask", "thresholds": {"a": 0.5}}
    assert policy_from_section({"type": "majority_vote"}, defaults) == MajorityVote({"a": 0.5}, "ask")
    assert policy_from_section({"type": "majority_vote", "fallback": "?"}, defaults) == MajorityVote({"a": 0.5}, "?")
    assert policy_from_section({"type": "sequential_test"}, defaults) == SequentialTest(fallback="ask")


@pytest.mark.parametrize(
    ("section", "says", "hint"),
    [
        ({}, "the policy has no type", "type: is one of consecutive, least_cost, majority_vote"),
        ({"type": 3}, "the policy has no type", "type: is one of"),
        ({"type": "consecutive", "requierd": 3}, "no option requierd", "did you mean 'required'?"),
        ({"type": "sequential_test", "thresholds": {"a": 0.5}}, "no option thresholds", "it takes: error_rate"),
        ({"type": "majority_vote:3/5", "window": 7}, "says window, which is given besides", "say it once"),
        ({"type": "majority_vote", "required": 2.5}, "required = 2.5 cannot be used", "should be a whole number"),
        ({"type": "majority_vote", "required": None}, "required = None cannot be used", "should be a whole number"),
        ({"type": "majority_vote", "window": 1.5}, "window.* = 1.5 cannot be used", "should be a"),
        ({"type": "majority_vote", "window": math.nan}, "window.* = nan cannot be used", "should be"),
        (
            {"type": "threshold", "thresholds": {"a": "high"}},
            "thresholds.a = 'high' cannot be used",
            "should be a number",
        ),
        ({"type": "threshold", "thresholds": [0.5]}, "thresholds = .* cannot be used", "keys with values"),
        # truth values would pass for 0 and 1, and YAML makes them of yes, no, on and off
        ({"type": "threshold", "thresholds": {"a": True}}, "thresholds.a = True cannot be used", "give a number"),
        ({"type": "threshold", "thresholds": {True: 0.5}}, "thresholds names a label without quotes", "in quotes"),
        ({"type": "majority_vote", "required": True}, "required = True cannot be used", "give a number"),
        ({"type": "weighted_average", "weights": [True, 1]}, "weights.0 = True cannot be used", "give a number"),
        ({"type": "consecutive", "stale_after": False}, "stale_after = False cannot be used", "give a number"),
    ],
)
def test_sections_that_cannot_be(section: dict[str, Any], says: str, hint: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        policy_from_section(section)
    assert hint in str(caught.value.hint)


def test_a_policy_that_there_is_not() -> None:
    for ask in (
        lambda: parse_policy("majority"),
        lambda: parse_policy("majority:3"),
        lambda: has_setting("majority", "x"),
    ):
        with pytest.raises(MissingPartError, match="there is no policy 'majority'") as caught:
            ask()
        assert "did you mean 'majority_vote'?" in str(caught.value.hint)


@dataclass(frozen=True)
class Strict:
    """A policy of somebody's own, with a setting that has to be given, and no short form."""

    level: int
    fallback: str = "unknown"


def test_a_policy_whose_settings_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    factory = POLICIES.factory
    monkeypatch.setattr(POLICIES, "factory", lambda name: Strict if name == "strict" else factory(name))
    assert policy_from_section({"type": "strict", "level": 3}, {"fallback": "ask"}) == Strict(3, "ask")
    with pytest.raises(UsageError, match="level is missing"):
        parse_policy("strict")
    with pytest.raises(UsageError, match="'strict:3' is not understood") as caught:
        parse_policy("strict:3")
    assert caught.value.hint == "it has no short form"
