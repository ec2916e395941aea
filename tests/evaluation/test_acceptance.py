"""What a rule lets through, and how much of that is right."""

import math

import numpy as np
import pytest

from decisight.errors import UsageError
from decisight.evaluation.acceptance import acceptance
from decisight.evaluation.intervals import wilson
from decisight.policies.threshold import Threshold
from decisight.types import LabelGroup, Prediction, Task

HAT = LabelGroup("hat", ("worn", "missing"))
TAGS = LabelGroup("tags", ("a", "b"), "independent")
TASK = Task((HAT, TAGS))


def decided(confidences, thresholds):
    rule = Threshold(thresholds)
    return [rule.decide(Prediction(TASK, ((worn, 1.0 - worn), (0.4, 0.6)))) for worn in confidences]


def test_the_accepted_share_and_the_accuracy_among_what_is_accepted():
    targets = [(label, frozenset()) for label in ("worn", "worn", "missing", "worn", "missing")]
    (found,) = acceptance(TASK, targets, decided([0.95, 0.7, 0.92, 0.9, 0.3], {"worn": 0.9}))
    assert found.group == HAT  # in an independent group everything is decided
    assert (found.known, found.accepted, found.right) == (5, 4, 3)
    assert found.share.value == pytest.approx(4 / 5)
    assert found.accuracy.value == pytest.approx(3 / 4)
    assert (found.share.low, found.share.high) == pytest.approx(wilson(0.8, 5))
    assert (found.accuracy.low, found.accuracy.high) == pytest.approx(wilson(0.75, 4))
    told = {"known": 5, "accepted": 4, "share": found.share.to_json(), "accuracy": found.accuracy.to_json()}
    assert found.to_json() == told


def test_without_thresholds_everything_is_accepted():
    (found,) = acceptance(TASK, [("worn", None), ("missing", None)], decided([0.6, 0.4], {}))
    assert (found.accepted, found.right) == (2, 2)
    assert found.share.value == found.accuracy.value == 1.0
    assert found.share.low < 0.6


def test_pictures_whose_label_is_not_known_do_not_count():
    (found,) = acceptance(TASK, [("worn", None), (None, frozenset()), ("worn", None)], decided([0.9] * 3, {"worn": 1}))
    assert (found.known, found.accepted) == (2, 0)
    assert acceptance(TASK, [(None, frozenset())], decided([0.9], {})) == ()


def test_of_nothing_accepted_the_accuracy_is_not_known():
    (found,) = acceptance(TASK, [("worn", None)] * 3, decided([0.6] * 3, {"worn": 0.9}))
    assert found.share.value == 0.0
    assert math.isnan(found.accuracy.value)
    assert found.to_json()["accuracy"] == {"value": None, "low": None, "high": None}


def test_sources_widen_the_intervals():
    random = np.random.default_rng(0)
    sure = np.repeat(random.random(15), 6)  # pictures of a source are accepted together
    targets = [("worn" if random.random() < worn else "missing", None) for worn in sure]
    decisions = decided(sure.tolist(), {"worn": 0.8, "missing": 0.8})
    sources = [f"clip {at // 6}" for at in range(len(sure))]
    (alone,), (together,) = (acceptance(TASK, targets, decisions, sources=names) for names in (None, sources))
    for of_alone, of_together in ((alone.share, together.share), (alone.accuracy, together.accuracy)):
        assert of_alone.value == of_together.value
        assert of_together.high - of_together.low > 1.5 * (of_alone.high - of_alone.low)


@pytest.mark.parametrize("sources", [None, ["a"]])
def test_lists_that_do_not_match_are_refused(sources):
    targets = [("worn", None)] * (2 if sources else 3)
    with pytest.raises(UsageError, match="give one of each an example"):
        acceptance(TASK, targets, decided([0.9, 0.9], {}), sources=sources)
