"""What is required of a new model is met where its interval says so, and else it is said how far it falls short."""

import numpy as np
import pytest

from decisight.errors import LabelError, UsageError
from decisight.evaluation.paired import compare_group
from decisight.evaluation.paired_scored import ModelOutputs
from decisight.evaluation.requirement import Requirement
from decisight.types import LabelGroup

GROUP = LabelGroup("class", ("cat", "dog"))


def found(better, worse, same, *, sure=0.9):
    """``better`` pictures that only the second model has right, ``worse`` only the first, ``same`` both."""
    right = [
        np.repeat([False, True, True], [better, worse, same]),
        np.repeat([True, False, True], [better, worse, same]),
    ]
    said = [ModelOutputs(GROUP, np.where(hit[:, None], [sure, 1.0 - sure], [1.0 - sure, sure])) for hit in right]
    return compare_group(GROUP, ["cat"] * (better + worse + same), *said)


@pytest.mark.parametrize(
    ("kind", "margin", "better", "worse", "same", "met"),
    [
        ("better", None, 20, 2, 100, True),
        ("better", None, 6, 5, 100, False),
        ("better", None, 2, 20, 100, False),
        ("not-worse", None, 20, 2, 100, True),
        ("not-worse", None, 6, 5, 100, False),
        ("not-worse", 0.1, 6, 5, 100, True),
        ("not-worse", None, 30, 25, 5000, True),
        ("not-worse", 0.0, 30, 25, 5000, False),
        ("not-worse", 0.1, 2, 20, 100, False),
    ],
)
def test_the_interval_decides(kind, margin, better, worse, same, met):
    (result,) = Requirement(kind, margin=margin).judge([found(better, worse, same)])
    assert result.met is met


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1", "log_loss", "recall:cat"])
def test_every_metric_is_turned_so_that_more_is_better(metric):
    requirement = Requirement("better", metric)
    assert requirement.judge([found(30, 1, 100)])[0].met
    assert not requirement.judge([found(1, 30, 100)])[0].met


def test_it_is_said_how_many_pictures_it_would_take():
    (result,) = Requirement("better").judge([found(9, 5, 86)])
    assert "pictures like these would show it, and here are 100" in result.sentence
    (worse,) = Requirement("not-worse").judge([found(0, 40, 60)])
    assert "it is worse than that" in worse.sentence


def test_a_figure_that_is_not_defined_is_not_met():
    (result,) = Requirement("not-worse", "recall:dog").judge([found(5, 1, 20)])
    assert not result.met
    assert "undefined" in result.sentence


def test_every_group_must_meet_it_and_the_json_says_which_do():
    requirement = Requirement("not-worse", margin=0.05)
    good, poor = found(20, 1, 100), found(1, 20, 100)
    results = requirement.judge([good, poor])
    assert [result.met for result in results] == [True, False]
    assert requirement.to_json(results[:1]) == {
        "require": "not-worse",
        "metric": "accuracy",
        "margin": 0.05,
        "met": True,
        "groups": {"class": True},
    }
    assert requirement.to_json(results)["met"] is False


def test_a_label_is_looked_for_in_the_groups_that_have_it():
    with pytest.raises(LabelError, match="no label 'cow'"):
        Requirement("better", "recall:cow").judge([found(1, 1, 5)])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("better", "precision"), "there is no metric 'precision'"),
        (("better", "accuracy", 0.1), "--margin is of --require not-worse"),
        (("not-worse", "accuracy", -0.1), "the margin is -0.1"),
        (("not-worse", "accuracy", float("nan")), "the margin is nan"),
        (("not-worse", "accuracy", 2.0), "no accuracy can be worse by more"),
        (("not-worse", "recall:cat", 1.0), "no recall:cat can be worse by more"),
        (("not-worse", "cost"), "in the unit of the costs"),
    ],
)
def test_what_cannot_be_required(arguments, said):
    with pytest.raises(UsageError, match=said):
        Requirement(*arguments)


def costly(n, *, sources=None, gap=0.0, most_apart=50.0):
    """Two models that have cost the same on all of ``n`` pictures, or the second more by ``gap``."""
    values = np.tile([0.9, 0.1], (n, 1))
    said = [ModelOutputs(GROUP, values, costs=np.full(n, paid), most_apart=most_apart) for paid in (2.0, 2.0 + gap)]
    return compare_group(GROUP, ["cat"] * n, *said, sources=sources)


def test_equal_costs_of_few_pictures_do_not_show_that_dear_confusions_are_rare():
    requirement = Requirement("not-worse", "cost", 0.5)
    (few,) = requirement.judge([costly(6)])
    assert not few.met
    (more,) = requirement.judge([costly(100)])
    assert not more.met
    assert "it takes 430 pictures like these, or more" in more.sentence
    assert requirement.judge([costly(450)])[0].met
    of_few_sources = costly(450, sources=[f"clip {at % 15}" for at in range(450)])
    assert not requirement.judge([of_few_sources])[0].met
    assert requirement.judge([costly(6).of_one_model()])[0].met


def test_costs_of_which_the_most_is_not_known_show_nothing():
    assert not Requirement("not-worse", "cost", 1e9).judge([costly(5000, most_apart=np.inf)])[0].met


def test_the_log_loss_of_few_pictures_shows_nothing():
    requirement = Requirement("not-worse", "log_loss")
    (few,) = requirement.judge([found(0, 0, 6)])
    assert not few.met
    assert "from 6 sources, and fewer than 20 show nothing of it" in few.sentence
    assert requirement.judge([found(0, 0, 20)])[0].met
    assert requirement.judge([found(0, 0, 6).of_one_model()])[0].met


def test_costs_must_be_known():
    with pytest.raises(UsageError, match="what decisions cost is not known"):
        Requirement("better", "cost").judge([found(1, 1, 5)])
