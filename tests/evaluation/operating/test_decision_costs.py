"""What two rules cost on the same pictures."""

from __future__ import annotations

import numpy as np
import pytest

from decisight.errors import UsageError
from decisight.evaluation.operating.decision_costs import decision_costs
from decisight.policies.least_cost import LeastCost
from decisight.policies.threshold import Threshold
from decisight.types import LabelGroup, Prediction, Target, Task

GEAR = Task((LabelGroup("gear", ("none", "vest")),))
TAGS = Task((LabelGroup("tags", ("gloves", "mask"), "independent"),))
COSTS = LeastCost({"none": {"vest": 500}, "vest": {"none": 40}}, review=15).checked(GEAR)


def population(number: int, seed: int = 0) -> tuple[list[Prediction], list[tuple[Target, ...]]]:
    """Calibrated predictions, and what is true."""
    random = np.random.default_rng(seed)
    sure = random.beta(0.5, 0.5, number)
    predictions = [Prediction(GEAR, ((float(1 - c), float(c)),)) for c in sure]
    return predictions, [("vest" if lucky else "none",) for lucky in random.random(number) < sure]


def test_costs_are_counted() -> None:
    predictions = [Prediction(GEAR, ((1 - c, c),)) for c in (0.9, 0.9, 0.2, 0.6)]
    targets = [("vest",), ("none",), ("none",), (None,)]
    before, after = Threshold().checked(GEAR), COSTS
    (found,) = decision_costs(
        GEAR,
        COSTS.tables(GEAR),
        targets,
        [before.decide(p) for p in predictions],
        [after.decide(p) for p in predictions],
    )
    assert (found.pictures, found.sources) == (3, 3)
    assert found.before.value == pytest.approx(1000 * 500 / 3)  # one wrong 'vest'
    assert found.after.value == pytest.approx(1000 * (15 + 15 + 8 * 0) / 3)  # two looks; 0.2 is 'none', and right
    assert found.saved.value == pytest.approx(found.before.value - found.after.value)
    assert (found.looks_before, found.looks_after, found.wrong_before, found.wrong_after) == (0, 2, 1, 0)


def test_it_saves_where_confidences_are_calibrated() -> None:
    predictions, targets = population(2000)
    before = [Threshold().checked(GEAR).decide(p) for p in predictions]
    after = [COSTS.decide(p) for p in predictions]
    (found,) = decision_costs(GEAR, COSTS.tables(GEAR), targets, before, after)
    assert found.saved.low > 0
    assert found.before.low <= found.before.value <= found.before.high


def test_the_interval_holds_the_truth() -> None:
    predictions, targets = population(60_000, seed=99)
    truth = 1000 * np.mean([_after(p, t) for p, t in zip(predictions, targets, strict=True)])
    held = 0
    for seed in range(60):
        some, true = population(150, seed)
        after = [COSTS.decide(p) for p in some]
        (found,) = decision_costs(GEAR, COSTS.tables(GEAR), true, after, after)
        held += found.after.low <= truth <= found.after.high
        assert found.saved.value == 0.0
    assert held >= 51  # of 57 expected


RARE = LeastCost({"none": {"vest": 1000}, "vest": {"none": 1}}).checked(GEAR)


def test_a_dear_confusion_that_was_not_seen_is_not_ruled_out_by_cheap_ones() -> None:
    """One in twenty is wrong at 1, one in a hundred at 1,000: of 95 pictures two in five show none of the latter."""
    random = np.random.default_rng(3)
    truth = 1000 * (0.05 * 1 + 0.01 * 1000)
    (none,), (vest,) = (RARE.decide(Prediction(GEAR, (row,))) for row in ((1.0, 0.0), (0.0, 1.0)))
    held = unseen = 0
    for _ in range(300):
        kinds = random.choice(3, 95, p=(0.94, 0.05, 0.01))
        targets: list[tuple[Target, ...]] = [(("none", "vest", "none")[kind],) for kind in kinds]
        decided = [((none, none, vest)[kind],) for kind in kinds]
        (found,) = decision_costs(GEAR, RARE.tables(GEAR), targets, decided, decided)
        held += found.after.low <= truth <= found.after.high
        unseen += found.wrong_after > 0 and found.after.value < 1000
    assert unseen > 80
    assert held >= 285 - 11  # 95 %, and three standard errors


@pytest.mark.parametrize("saving", [True, False])
def test_what_is_saved_by_rare_confusions_is_covered(saving: bool) -> None:
    """The one rule is wrong at 1,000 on one picture in a hundred, the other at 1 on one in ten."""
    random = np.random.default_rng(4)
    truth = 1000 * (0.01 * 1000 - 0.1 * 1) * (1 if saving else -1)
    (none,), (vest,) = (RARE.decide(Prediction(GEAR, (row,))) for row in ((1.0, 0.0), (0.0, 1.0)))
    held = 0
    for _ in range(300):
        kinds = random.choice(3, 95, p=(0.89, 0.1, 0.01))
        targets: list[tuple[Target, ...]] = [(("none", "vest", "none")[kind],) for kind in kinds]
        rules = [[((none, vest, vest)[k],) for k in kinds], [((none, none, none)[k],) for k in kinds]]
        (found,) = decision_costs(GEAR, RARE.tables(GEAR), targets, *(rules if saving else rules[::-1]))
        held += found.saved.low <= truth <= found.saved.high
    assert held >= 285 - 11


def _after(prediction: Prediction, target: tuple[Target, ...]) -> float:
    (decision,) = COSTS.decide(prediction)
    if decision.state not in GEAR.groups[0].labels:
        return 15.0
    if decision.state == target[0]:
        return 0.0
    return 500.0 if decision.state == "vest" else 40.0


def test_where_nothing_has_cost_anything_it_is_not_said_that_nothing_will() -> None:
    predictions = [Prediction(GEAR, ((0.0, 1.0),))] * 30
    decided = [COSTS.decide(p) for p in predictions]
    (found,) = decision_costs(GEAR, COSTS.tables(GEAR), [("vest",)] * 30, decided, decided)
    assert (found.after.value, found.after.low) == (0.0, 0.0)
    assert found.after.high > 1000 * 500 * 0.05


def test_sources_widen_the_interval() -> None:
    predictions, targets = population(50)
    predictions, targets = predictions * 8, targets * 8
    after = [COSTS.decide(p) for p in predictions]
    sources = [str(at % 50) for at in range(400)]
    alone, together = (
        decision_costs(GEAR, COSTS.tables(GEAR), targets, after, after, sources=names)[0] for names in (None, sources)
    )
    assert (alone.sources, together.sources) == (400, 50)
    assert together.after.high - together.after.low > 2 * (alone.after.high - alone.after.low)


def test_an_independent_group_pays_by_label() -> None:
    costs = {"gloves": {"miss": 9, "false_alarm": 1}, "mask": {"miss": 1, "false_alarm": 2}}
    rule = LeastCost(costs, review={"mask": 0.3}).checked(TAGS)
    predictions = [Prediction(TAGS, (row,)) for row in ((0.9, 0.9), (0.2, 0.4))]
    after = [rule.decide(p) for p in predictions]
    assert [(d.state, d.undecided) for (d,) in after] == [(("gloves", "mask"), ()), (("gloves",), ("mask",))]
    targets: list[tuple[Target, ...]] = [(frozenset(),), (frozenset({"gloves", "mask"}),)]
    (found,) = decision_costs(TAGS, rule.tables(TAGS), targets, after, after)
    assert found.after.value == pytest.approx(1000 * ((1 + 2) + (0 + 0.3)) / 2)
    assert (found.looks_after, found.wrong_after) == (1, 1)


def test_what_a_look_costs_must_be_said_where_there_are_looks() -> None:
    free = LeastCost({"none": {"vest": 500}, "vest": {"none": 40}}).checked(GEAR)
    predictions, targets = population(20)
    before = [Threshold({"vest": 0.99, "none": 0.99}).checked(GEAR).decide(p) for p in predictions]
    with pytest.raises(UsageError, match="not said what a look costs"):
        decision_costs(GEAR, free.tables(GEAR), targets, before, [free.decide(p) for p in predictions])


def test_numbers_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="one of each"):
        decision_costs(GEAR, COSTS.tables(GEAR), [("vest",)], [], [])
