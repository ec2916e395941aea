"""Digests of rules: equal for equal rules, however they are written."""

from __future__ import annotations

from typing import Any

import pytest

from decisight.errors import LabelError, UsageError
from decisight.policies.identity import policy_digest, state_mark
from decisight.policies.parsing import parse_policy, policy_from_section
from decisight.types import LabelGroup, Task

ROLE, GEAR = LabelGroup("role", ("chief", "guest")), LabelGroup("gear", ("vest",), "independent")
SITE = Task((ROLE, GEAR))


@pytest.mark.parametrize(
    ("text", "one", "other"),
    [
        ("majority_vote", {"window": 5}, {"window": "5", "required": 3}),
        ("majority_vote", {"window": "2s"}, {"window": "2000ms", "min_dwell": "0"}),
        ("majority_vote", {"thresholds": {"guest": 1}}, {"thresholds": {"role:guest": 1.0}}),
        ("majority_vote", {"thresholds": {"guest": 0.5, "chief": 0}}, {"thresholds": {"chief": -0.0, "guest": 0.5}}),
        # of another group, of which nothing is decided here
        ("majority_vote", {"thresholds": {"vest": 0.5}}, {"thresholds": {}}),
        ("weighted_average", {"half_life": "1m"}, {"half_life": "60s", "by_quality": False}),
        ("weighted_average", {"window": 2, "weights": (1, 2)}, {"window": 2, "weights": (1.0, 2.0)}),
        ("consecutive", {}, {"required": "3", "default_threshold": None}),
        ("sequential_test", {"stale_after": "1h"}, {"stale_after": "60m", "error_rate": 0.01}),
    ],
)
def test_equal_rules_have_equal_digests(text: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = (policy_digest(parse_policy(text, given), SITE, "role") for given in (one, other))
    assert first == second
    assert first.startswith("sha256:")
    assert len(first) == len("sha256:") + 64


@pytest.mark.parametrize(
    "other",
    [
        ("majority_vote", {"window": 6}, SITE, "role"),
        ("majority_vote", {"window": "5s"}, SITE, "role"),
        ("majority_vote", {"fallback": "ask"}, SITE, "role"),
        ("majority_vote", {"thresholds": {"guest": 0.5}}, SITE, "role"),
        ("majority_vote", {"leave_thresholds": {"guest": 0.0}}, SITE, "role"),
        ("weighted_average", {"window": 5}, SITE, "role"),
        ("majority_vote", {}, SITE, "gear"),
        ("majority_vote", {}, Task((LabelGroup("role", ("guest", "chief")),)), "role"),
    ],
)
def test_other_rules_have_other_digests(other: tuple[str, dict[str, Any], Task, str]) -> None:
    text, given, task, group = other
    plain = parse_policy("majority_vote")
    assert policy_digest(parse_policy(text, given), task, group) != policy_digest(plain, SITE, "role")
    assert state_mark(parse_policy(text, given), task, group) != state_mark(plain, SITE, "role")


def test_other_groups_beside_make_no_difference() -> None:
    rule = parse_policy("majority_vote", {"thresholds": {"guest": 0.5}})
    assert policy_digest(rule, SITE, "role") == policy_digest(rule, Task((ROLE,)), "role")


def test_a_section_says_everything_in_one_way() -> None:
    rule = parse_policy("majority_vote:3/2000ms", {"thresholds": {"guest": 1}, "gap_tolerance": "4"})
    section = rule.to_section(SITE)
    assert section == {
        "type": "majority_vote",
        "thresholds": {"role:guest": 1.0},
        "fallback": "unknown",
        "default_threshold": None,
        "leave_thresholds": {},
        "min_dwell": 0,
        "gap_tolerance": 4,
        "stale_after": None,
        "required": 3,
        "window": "2s",
    }
    again = policy_from_section(section)
    assert again.to_section(SITE) == section
    # A state of the one goes on in the other.
    assert again.fold(SITE, "role").explain(rule.fold(SITE, "role").initial())


def test_a_rule_for_other_labels_has_no_digest() -> None:
    with pytest.raises(LabelError, match="no label 'chef'"):
        policy_digest(parse_policy("threshold", {"thresholds": {"chef": 0.5}}), SITE, "role")
    with pytest.raises(LabelError, match="no label group 'hat'"):
        policy_digest(parse_policy("threshold"), SITE, "hat")
    with pytest.raises(UsageError, match="'role:guest' was given two"):
        policy_digest(parse_policy("threshold", {"thresholds": {"guest": 0.5, "role:guest": 0.6}}), SITE, "role")
