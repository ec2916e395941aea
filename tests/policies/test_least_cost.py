"""The rule of least expected cost, beside a search by hand."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest

from decisight.errors import LabelError, ModelError, UsageError
from decisight.policies.identity import policy_digest
from decisight.policies.least_cost import LeastCost
from decisight.policies.parsing import parse_policy, policy_from_section
from decisight.policies.threshold import Threshold
from decisight.types import LabelGroup, Prediction, Reading, Reason, Task

GEAR = LabelGroup("gear", ("none", "vest", "helmet"))
TAGS = LabelGroup("tags", ("gloves", "mask"), "independent")
TASK, BOTH = Task((GEAR,)), Task((GEAR, TAGS))
COSTS = {
    "none": {"vest": 500, "helmet": 300},
    "vest": {"none": 40, "helmet": 10},
    "helmet": {"none": 40, "vest": 20},
}


def test_it_decides_what_is_expected_to_cost_least() -> None:
    random = np.random.default_rng(0)
    matrix = np.array([[0, 500, 300], [40, 0, 10], [40, 20, 0]], float)
    rule = LeastCost(COSTS, "ask", review=15.0).checked(TASK)
    seen = set()
    for row in random.dirichlet((0.3, 0.3, 0.3), 500):
        (decision,) = rule.decide(Prediction(TASK, (tuple(map(float, row)),)))
        expected = row @ matrix
        assert decision.scores == pytest.approx(tuple(expected))
        if expected.min() > 15.0:
            assert (decision.state, decision.reason) == ("ask", Reason.ABSTAINED)
            assert decision.confidence == row.max()
        else:
            assert decision.state == GEAR.labels[int(expected.argmin())]
            assert decision.confidence == row[int(expected.argmin())]
        seen.add(decision.state)
    assert seen == {"ask", "none", "vest", "helmet"}


def test_without_costs_it_takes_the_top_label() -> None:
    random = np.random.default_rng(1)
    rule, plain = LeastCost().checked(TASK), Threshold().checked(TASK)
    for row in random.dirichlet((1, 1, 1), 100):
        prediction = Prediction(TASK, (tuple(map(float, row)),))
        assert rule.decide(prediction)[0].state == plain.decide(prediction)[0].state


def test_where_a_miss_costs_nine_times_as_much_the_bar_is_a_tenth() -> None:
    rule = LeastCost({"mask": {"miss": 9, "false_alarm": 1}, "gloves": {"miss": 1, "false_alarm": 1}}).checked(
        Task((TAGS,))
    )
    found = [rule.decide(Prediction(Task((TAGS,)), ((0.4, c),)))[0] for c in (0.09, 0.11)]
    assert [decision.state for decision in found] == [(), ("mask",)]
    assert found[1].confidence == pytest.approx(0.6 * 0.11)
    assert rule.tables(Task((TAGS,)))[0][1].even_odds == pytest.approx(0.1)


def test_labels_that_a_person_looks_at_are_undecided() -> None:
    task = Task((TAGS,))
    rule = LeastCost(fallback="ask", review=0.2).checked(task)
    sure, half, none = (rule.decide(Prediction(task, (row,)))[0] for row in ((0.9, 0.05), (0.95, 0.5), (0.5, 0.6)))
    assert (sure.state, sure.undecided, sure.reason) == (("gloves",), (), Reason.ACCEPTED)
    assert (half.state, half.undecided) == (("gloves",), ("mask",))
    assert half.confidence == 0.95
    assert (none.state, none.reason, none.confidence) == ("ask", Reason.ABSTAINED, pytest.approx(0.3))


def test_what_is_equally_cheap_is_decided_in_the_order_of_the_labels_and_not_looked_at() -> None:
    rule = LeastCost(review=0.5).checked(Task((LabelGroup("a", ("x", "y")),)))
    (decision,) = rule.decide(Prediction(Task((LabelGroup("a", ("x", "y")),)), ((0.5, 0.5),)))
    assert (decision.state, decision.reason) == ("x", Reason.ACCEPTED)


def test_as_a_policy_it_decides_as_it_does_on_single_pictures() -> None:
    random = np.random.default_rng(2)
    rule = LeastCost(
        {**COSTS, "gloves": {"miss": 5, "false_alarm": 1}, "mask": {"miss": 1, "false_alarm": 1}},
        "ask",
        review={"gear": 15, "tags": 0.3},
    )
    folds = [rule.fold(BOTH, group.name) for group in BOTH.groups]
    for row in random.dirichlet((0.4, 0.4, 0.4), 200):
        prediction = Prediction(BOTH, (tuple(map(float, row)), tuple(map(float, random.random(2)))))
        for fold, alone in zip(folds, rule.decide(prediction), strict=True):
            state, decision = fold.step(fold.initial(), Reading(prediction))
            assert (decision.state, decision.reason, decision.undecided) == (alone.state, alone.reason, alone.undecided)
            assert decision.scores == alone.scores
            assert decision.confidence == pytest.approx(alone.confidence)
            assert "expected cost" in fold.explain(state)


def test_unfamiliar_pictures_are_left_to_a_person() -> None:
    rule = LeastCost(fallback="ask", min_familiarity=0.05).checked(BOTH)
    found = rule.decide(Prediction(BOTH, ((0.1, 0.8, 0.1), (0.9, 0.2)), 0.01))
    assert [(d.state, d.reason) for d in found] == [("ask", Reason.UNFAMILIAR)] * 2
    assert rule.decide(Prediction(BOTH, ((0.1, 0.8, 0.1), (0.9, 0.2)), 0.5))[0].state == "vest"


WAYS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"costs": COSTS}, {"costs": {f"gear:{label}": row for label, row in COSTS.items()}}),
    (
        {"costs": {"none": {"vest": 5}}, "default_cost": 1},
        {
            "costs": {
                "none": {"vest": 5.0, "helmet": 1},
                "vest": {"none": 1, "helmet": 1},
                "helmet": {"none": 1, "vest": 1},
            }
        },
    ),
    ({"review": 2}, {"review": {"gear": 2.0}}),
    ({"review": {"gear": 2}}, {"review": {"none": 2, "vest": 2, "helmet": 2}}),
    ({}, {"default_cost": 1.0}),
    ({}, {"costs": {label: {other: 1 for other in GEAR.labels if other != label} for label in GEAR.labels}}),
    ({"costs": COSTS}, {"costs": {label: {**row, label: 0} for label, row in COSTS.items()}}),
]


@pytest.mark.parametrize(("one", "other"), WAYS)
def test_however_it_is_written_it_is_one_rule(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = parse_policy("least_cost", one), LeastCost(**other)
    section = first.to_section(TASK)
    assert section == second.to_section(TASK)
    assert policy_from_section(json.loads(json.dumps(section))).to_section(TASK) == section
    assert policy_digest(first, TASK, "gear") == policy_digest(second, TASK, "gear")


def test_other_costs_are_another_rule_but_not_for_other_groups() -> None:
    rules = [LeastCost(), LeastCost(COSTS), LeastCost(COSTS, review=1), LeastCost(COSTS, review=2)]
    assert len({policy_digest(rule, TASK, "gear") for rule in rules}) == 4
    one, other = (LeastCost(COSTS, review={"gear": 1, "tags": look}) for look in (1, 2))
    assert policy_digest(one, BOTH, "gear") == policy_digest(other, BOTH, "gear")
    assert policy_digest(one, BOTH, "tags") != policy_digest(other, BOTH, "tags")


def test_a_card_holds_it() -> None:
    rule = LeastCost(COSTS, "ask", review=15)
    kept = json.loads(json.dumps(rule.to_card(TASK)))
    again = LeastCost.from_card(TASK, kept, "ask")
    assert again.to_section(TASK) == rule.to_section(TASK)
    assert set(LeastCost(COSTS).to_card(TASK)) == {"costs"}


@pytest.mark.parametrize(
    "card",
    [
        {"cost": {}},
        {"costs": []},
        {"costs": {"none": 3}},
        {"costs": {}, "review": "much"},
        {"review": [1]},
        {"costs": {"vset": {"none": 1}}},
        {"costs": {"none": {"vest": 10**400}, "vest": {"none": 1}}},
        {"costs": {}, "review": 10**400},
    ],
)
def test_a_card_that_is_not_understood_is_refused(card: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="what gate says of costs cannot be used"):
        LeastCost.from_card(TASK, card, model="gate")


def test_a_section_takes_costs_of_the_model_whole_or_not_at_all() -> None:
    model = {"costs": COSTS, "review": {"gear": 15}, "fallback": "ask"}
    assert policy_from_section({"type": "least_cost"}, model).to_card(TASK)["review"]["gear:none"] == 15
    own = policy_from_section({"type": "least_cost", "default_cost": 3}, model)
    assert (own.review, own.costs, own.fallback) == (None, {}, "ask")


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"costs": {"vset": {"none": 1}}}, LabelError, "no label 'vset'"),
    ({"costs": {"vest": {"nnoe": 1}}}, LabelError, "cannot decide"),
    ({"costs": {"vest": {"none": 1}}}, UsageError, "it is not said what deciding 'vest' costs where 'none' is true"),
    ({"costs": {"vest": {"none": -1}}, "default_cost": 1}, UsageError, "costs -1"),
    ({"costs": {"vest": {"none": math.nan}}, "default_cost": 1}, UsageError, "costs nan"),
    ({"costs": {"vest": {"none": math.inf}}, "default_cost": 1}, UsageError, "costs inf"),
    ({"costs": {"vest": {"none": 1}, "gear:vest": {"none": 2}}, "default_cost": 1}, UsageError, "given twice"),
    ({"default_cost": -2.0}, UsageError, "default cost costs -2"),
    ({"default_cost": 1.1e12}, UsageError, "the default cost costs 11"),
    ({"default_cost": 10**400}, UsageError, "the default cost costs 1000"),
    ({"review": -1.0}, UsageError, "a look by a person costs -1"),
    ({"review": {"vest": 1}}, UsageError, "what a look costs where 'none' is true"),
    ({"review": {"gear": 1, "vest": 1}}, UsageError, "given twice"),
    ({"review": {"belt": 1}}, LabelError, "no label 'belt'"),
]


@pytest.mark.parametrize(("settings", "error", "text"), BAD)
def test_costs_that_cannot_be_used(settings: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        LeastCost(**settings).checked(TASK)


def test_costs_of_an_independent_group() -> None:
    task = Task((TAGS,))
    with pytest.raises(LabelError, match="cannot decide"):
        LeastCost({"mask": {"gloves": 1}}).checked(task)
    with pytest.raises(UsageError, match="a miss of 'gloves'"):
        LeastCost({"mask": {"miss": 1, "false_alarm": 1}}).checked(task)


def test_too_many_labels() -> None:
    task = Task((LabelGroup("class", tuple(map(str, range(201)))),))
    with pytest.raises(UsageError, match="201 labels, too many"):
        LeastCost().checked(task)


def test_ties_do_not_depend_on_rounding() -> None:
    """0.1 + 0.2 + 0.3 in any order is one sum."""
    for order in itertools.permutations(range(3)):
        labels = tuple("abc"[at] for at in order)
        task = Task((LabelGroup("g", (*labels, "d")),))
        row = tuple((0.1, 0.2, 0.3)[at] for at in order)
        (decision,) = LeastCost().checked(task).decide(Prediction(task, ((*row, 1.0 - math.fsum(row)),)))
        assert decision.state == "d"
