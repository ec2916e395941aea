"""Which decision: the rule of the design, case by case."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import LabelError, UsageError
from decisight.policies.threshold import Threshold, parse_thresholds
from decisight.types import Decision, LabelGroup, Prediction, Reason, Task

FROG = Task((LabelGroup("class", ("frog", "toad", "newt")),))
EXTRAS = Task((LabelGroup("extras", ("gloves", "mask"), "independent"),))
GEAR = Task(
    (
        LabelGroup("helmet", ("yes", "no")),
        LabelGroup("vest", ("yes", "no")),
        LabelGroup("extras", ("gloves", "mask"), "independent"),
    )
)
ACCEPTED, BELOW = Reason.ACCEPTED, Reason.BELOW_THRESHOLD


def decide(
    task: Task, thresholds: dict[str, float], *rows: tuple[float, ...], fallback: str = "unknown"
) -> tuple[Decision, ...]:
    return Threshold(thresholds, fallback).checked(task).decide(Prediction(task, rows))


@pytest.mark.parametrize(
    ("thresholds", "row", "state", "confidence", "reason"),
    [
        # no threshold: the top label is accepted, however low
        ({}, (0.4, 0.35, 0.25), "frog", 0.4, ACCEPTED),
        # its own threshold, met exactly, and missed by the least
        ({"frog": 0.8}, (0.8, 0.1, 0.1), "frog", 0.8, ACCEPTED),
        ({"frog": 0.8}, (math.nextafter(0.8, 0), 0.1, 0.1), "unknown", math.nextafter(0.8, 0), BELOW),
        # the threshold of another label is nothing to it
        ({"toad": 0.99}, (0.4, 0.35, 0.25), "frog", 0.4, ACCEPTED),
        # the second label is not accepted in the place of the first, though its own threshold is met
        ({"frog": 0.8, "toad": 0.1}, (0.6, 0.3, 0.1), "unknown", 0.6, BELOW),
        # a threshold of 0 is always met, one of 1 by certainty alone
        ({"frog": 0.0}, (0.4, 0.35, 0.25), "frog", 0.4, ACCEPTED),
        ({"frog": 1.0}, (0.99, 0.01, 0.0), "unknown", 0.99, BELOW),
        ({"frog": 1.0}, (1.0, 0.0, 0.0), "frog", 1.0, ACCEPTED),
        # of two that tie, the first in the model's order
        ({}, (0.25, 0.375, 0.375), "toad", 0.375, ACCEPTED),
        ({"toad": 0.5}, (0.25, 0.375, 0.375), "unknown", 0.375, BELOW),
        # the group may be named
        ({"class:frog": 0.8}, (0.6, 0.3, 0.1), "unknown", 0.6, BELOW),
    ],
)
def test_an_exclusive_group(
    thresholds: dict[str, float], row: tuple[float, ...], state: str, confidence: float, reason: Reason
) -> None:
    assert decide(FROG, thresholds, row) == (Decision("class", state, confidence, reason),)


@pytest.mark.parametrize(
    ("thresholds", "row", "state", "confidence"),
    [
        # half is enough unless told otherwise
        ({}, (0.5, 0.25), ("gloves",), 0.5 * 0.75),
        ({}, (0.9, 0.8), ("gloves", "mask"), 0.72),
        ({}, (0.25, 0.25), (), 0.75 * 0.75),
        # each at its own threshold
        ({"gloves": 0.95}, (0.9, 0.8), ("mask",), 0.1 * 0.8),
        ({"mask": 0.1}, (0.4, 0.1), ("mask",), 0.6 * 0.1),
        # in the model's order, not in that of confidence
        ({}, (0.6, 1.0), ("gloves", "mask"), 0.6),
    ],
)
def test_an_independent_group(
    thresholds: dict[str, float], row: tuple[float, ...], state: tuple[str, ...], confidence: float
) -> None:
    (decision,) = decide(EXTRAS, thresholds, row)
    assert (decision.group, decision.state, decision.reason) == ("extras", state, ACCEPTED)
    assert decision.confidence == pytest.approx(confidence, abs=1e-15)


def test_several_groups_are_decided_each_for_itself() -> None:
    decisions = decide(GEAR, {"vest:yes": 0.9, "mask": 0.2}, (0.7, 0.3), (0.7, 0.3), (0.1, 0.3), fallback="ask")
    assert [(d.group, d.state, d.reason) for d in decisions] == [
        ("helmet", "yes", ACCEPTED),
        ("vest", "ask", BELOW),
        ("extras", ("mask",), ACCEPTED),
    ]


def test_a_fallback_may_be_a_label() -> None:
    assert decide(FROG, {"frog": 0.9}, (0.8, 0.1, 0.1), fallback="toad")[0] == Decision("class", "toad", 0.8, BELOW)


@pytest.mark.parametrize(
    ("thresholds", "fallback", "error", "says"),
    [
        ({"bird": 0.5}, "unknown", LabelError, "no label 'bird'"),
        ({"extras:yes": 0.5}, "unknown", LabelError, "no label 'extras:yes'"),
        ({"yes": 0.5}, "unknown", LabelError, "say which: helmet:yes, vest:yes"),
        ({"": 0.5}, "unknown", LabelError, "no label ''"),
        ({"mask": 1.01}, "unknown", UsageError, "'mask' is 1.01"),
        ({"mask": -0.01}, "unknown", UsageError, "between 0 and 1"),
        ({"mask": math.nan}, "unknown", UsageError, "between 0 and 1"),
        ({"mask": math.inf}, "unknown", UsageError, "between 0 and 1"),
        ({"mask": 0.5, "extras:mask": 0.6}, "unknown", UsageError, "two thresholds: 0.5 and 0.6"),
        ({}, "", UsageError, "fall-back state is empty"),
        ({}, "  ", UsageError, "fall-back state is empty"),
        ({}, "\x1b[2J", UsageError, "cannot be shown"),
    ],
)
def test_rules_that_cannot_be(thresholds: dict[str, float], fallback: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        Threshold(thresholds, fallback).checked(GEAR)


def test_a_rule_decides_alike_checked_or_not() -> None:
    rule = Threshold({"yes": 0.9}, "ask")
    task = Task((LabelGroup("helmet", ("yes", "no")),))
    prediction = Prediction(task, ((0.6, 0.4),))
    assert rule.decide(prediction) == rule.checked(task).decide(prediction)
    assert rule.decide(prediction)[0] == Decision("helmet", "ask", 0.6, BELOW)


@pytest.mark.parametrize(
    ("thresholds", "error"),
    [
        ({"bird": 0.9}, LabelError),
        ({"yes": 0.9}, LabelError),
        ({"mask": 1.5}, UsageError),
        ({"mask": math.nan}, UsageError),
    ],
)
def test_a_rule_that_cannot_be_decides_nothing(thresholds: dict[str, float], error: type[Exception]) -> None:
    with pytest.raises(error):
        Threshold(thresholds).decide(Prediction(GEAR, ((0.6, 0.4), (0.6, 0.4), (0.9, 0.9))))


def test_a_rule_checked_for_one_task_is_checked_for_another() -> None:
    """In the other task the name, as it was written out, is a label of another group."""
    rule = Threshold({"mask": 0.9}).checked(EXTRAS)
    other = Task((LabelGroup("face", ("extras:mask", "bare")),))
    assert rule.decide(Prediction(other, ((0.6, 0.4),)))[0].reason is BELOW
    with pytest.raises(LabelError, match="no label 'extras:mask'"):
        rule.decide(Prediction(FROG, ((0.6, 0.3, 0.1),)))


def test_a_rule_is_checked_once_for_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Threshold({"frog": 0.9}).checked(FROG)
    monkeypatch.setattr(Threshold, "checked", None)
    again = Task(tuple(LabelGroup(group.name, group.labels) for group in FROG.groups))
    for task in (FROG, again):
        assert rule.decide(Prediction(task, ((0.6, 0.3, 0.1),)))[0].reason is BELOW


def test_a_copy_of_a_checked_rule_is_not_checked() -> None:
    rule = replace(Threshold({}).checked(FROG), thresholds={"frog": 0.9})
    assert rule.decide(Prediction(FROG, ((0.6, 0.3, 0.1),)))[0].reason is BELOW


def test_checking_twice_changes_nothing() -> None:
    once = Threshold({"mask": 0.5, "vest:no": 0.25}, "ask").checked(GEAR)
    assert once == Threshold({"extras:mask": 0.5, "vest:no": 0.25}, "ask")
    assert once.checked(GEAR) == once


shares = st.floats(0.0, 1.0)


@st.composite
def predictions(draw: st.DrawFn) -> Prediction:
    rows = []
    for group in GEAR.groups:
        row = [draw(shares) for _ in group.labels]
        if group.exclusive:
            row = [value / sum(row) for value in row] if sum(row) > 1e-300 else [1 / len(row)] * len(row)
        rows.append(tuple(min(value, 1.0) for value in row))
    return Prediction(GEAR, tuple(rows))


NAMES = ("helmet:yes", "helmet:no", "vest:yes", "vest:no", "gloves", "mask")
rules = st.dictionaries(st.sampled_from(NAMES), shares)


@given(predictions(), rules)
def test_a_state_is_a_label_of_its_group_or_the_fallback(prediction: Prediction, thresholds: dict[str, float]) -> None:
    decisions = Threshold(thresholds, "ask").checked(GEAR).decide(prediction)
    assert [decision.group for decision in decisions] == ["helmet", "vest", "extras"]
    for decision, group in zip(decisions, GEAR.groups, strict=True):
        assert 0.0 <= decision.confidence <= 1.0
        if isinstance(decision.state, tuple):
            assert set(decision.state) <= set(group.labels)
        elif decision.reason is ACCEPTED:
            assert decision.state == prediction.top(group.name).label
        else:
            assert decision.state == "ask"
            assert decision.confidence == prediction.top(group.name).confidence


@given(predictions(), rules, st.sampled_from(NAMES), shares)
def test_a_higher_threshold_never_accepts_more(
    prediction: Prediction, thresholds: dict[str, float], name: str, higher: float
) -> None:
    higher = max(higher, thresholds.get(name, 0.5 if name in ("gloves", "mask") else 0.0))
    before = Threshold(thresholds).checked(GEAR).decide(prediction)
    after = Threshold({**thresholds, name: higher}).checked(GEAR).decide(prediction)
    for one, other in zip(before, after, strict=True):
        if isinstance(one.state, tuple):
            assert set(other.state) <= set(one.state)
        else:
            assert other == one or other.reason is BELOW


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], {}),
        (["frog=0.8"], {"frog": 0.8}),
        (["frog=1", "toad=0"], {"frog": 1.0, "toad": 0.0}),
        ([" frog = 0.8 "], {"frog": 0.8}),
        (["gear:vest=6e-1"], {"gear:vest": 0.6}),
        # a label may have an equals sign in it
        (["a=b=0.5"], {"a=b": 0.5}),
        # what lies outside 0..1 is told when it is checked, with the label
        (["frog=80"], {"frog": 80.0}),
    ],
)
def test_thresholds_as_they_are_typed(texts: list[str], expected: dict[str, float]) -> None:
    assert parse_thresholds(texts) == expected


@pytest.mark.parametrize("text", ["", "frog", "0.8", "=0.8", " =0.8", "frog=", "frog=high", "frog=0,8", "frog:0.8"])
def test_thresholds_that_are_not_understood(text: str) -> None:
    with pytest.raises(UsageError, match="not understood") as caught:
        parse_thresholds([text])
    assert "label=0.8" in str(caught.value)


@pytest.mark.parametrize("again", ["frog=0.9", "frog =0.9", " frog=0.8"])
def test_a_label_with_two_thresholds(again: str) -> None:
    with pytest.raises(UsageError, match=r"'frog' was given two thresholds: 0\.8 and"):
        parse_thresholds(["frog=0.8", again])
