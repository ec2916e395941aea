"""Times such as 0.6 are no exact numbers: spans in seconds must count the same pictures at every moment."""

from __future__ import annotations

from typing import Any

import pytest

from decisight.policies.parsing import parse_policy
from decisight.types import Decision, Held, LabelGroup, Prediction, Reading, Reason, Task

TASK = Task((LabelGroup("gear", ("vest", "none")),))
EPOCH = 1_790_000_000.0


def reading(time: float, vest: float | None) -> Reading:
    if vest is None:
        return Reading(None, time, cause="too dark")
    return Reading(Prediction(TASK, ((vest, 1.0 - vest),)), time)


def decided(policy: str, settings: dict[str, Any], readings: list[Reading]) -> list[Decision]:
    fold = parse_policy(policy, settings).fold(TASK, "gear")
    state, decisions = fold.initial(), []
    for item in readings:
        state, decision = fold.step(state, item)
        decisions.append(decision)
    return decisions


@pytest.mark.parametrize("start", [0.0, 0.1, 0.7, EPOCH])
@pytest.mark.parametrize(("window", "pictures"), [("300ms", 3), ("500ms", 5), ("700ms", 7), ("1s", 10)])
def test_a_window_holds_as_many_pictures_at_every_moment(start: float, window: str, pictures: int) -> None:
    readings = [reading(start + at / 10, 0.9) for at in range(30)]
    counted = [sum(d.scores) for d in decided("majority_vote", {"required": 1, "window": window}, readings)]
    assert counted[pictures:] == [pictures] * (30 - pictures)


@pytest.mark.parametrize("start", [0.0, 0.1, 0.2, 0.3, EPOCH])
def test_a_dwell_ends_at_the_same_picture_at_every_moment(start: float) -> None:
    readings = [reading(start + at / 10, 0.9 if at == 0 else 0.1) for at in range(12)]
    states = [d.state for d in decided("threshold", {"min_dwell": "500ms"}, readings)]
    assert states == ["vest"] * 5 + ["none"] * 7


@pytest.mark.parametrize("start", [0.0, 0.1, 0.4, EPOCH])
def test_a_gap_is_bridged_for_as_many_pictures_at_every_moment(start: float) -> None:
    readings = [reading(start + at / 10, 0.9 if at == 0 else 0.6) for at in range(8)]
    settings = {"gap_tolerance": "300ms", "default_threshold": 0.8}
    assert [d.held for d in decided("threshold", settings, readings)] == [None, *[Held.GAP] * 3, *[None] * 4]


@pytest.mark.parametrize("start", [0.0, 0.1, 0.4, EPOCH])
def test_a_run_is_long_enough_at_the_same_picture_at_every_moment(start: float) -> None:
    decisions = decided("consecutive:300ms", {}, [reading(start + at / 10, 0.9) for at in range(6)])
    assert [d.reason for d in decisions] == [Reason.ABSTAINED] * 3 + [Reason.ACCEPTED] * 3


def test_a_state_that_rests_on_earlier_pictures_says_so() -> None:
    readings = [reading(at, 0.95) for at in range(5)] + [reading(5, None), reading(6, 0.95)]
    for policy in ("majority_vote:3/5", "weighted_average:5", "sequential_test:0.05", "consecutive:2"):
        *_, before, blind, after = decided(policy, {}, readings)
        assert (before.held, blind.held, after.held) == (None, Held.BLIND, None), policy
        assert (blind.state, blind.confidence) == (before.state, before.confidence), policy


def test_a_state_against_which_the_evidence_leans_says_so() -> None:
    readings = [reading(at, 0.95) for at in range(4)] + [reading(4, 0.2)]
    for policy, settings in (("sequential_test:0.05", {"inertia": 1.0, "correlation": 0.0}), ("consecutive:3", {})):
        readings_against = [*readings, reading(5, 0.15)]
        *_, last = decided(policy, settings, readings_against)
        assert (last.state, last.held) == ("vest", Held.EVIDENCE), policy


def test_time_that_passes_does_not_make_a_sequential_test_surer() -> None:
    from decisight.types import Tick

    fold = parse_policy("sequential_test:0.05").fold(TASK, "gear")
    state, accepted = fold.step(fold.initial(), reading(0.0, 0.99))
    assert accepted.reason is Reason.ACCEPTED
    _, later = fold.step(state, Tick(1.0))
    assert later.confidence == pytest.approx(accepted.confidence, abs=1e-12)


@pytest.mark.parametrize("labels", [("vest", "none"), ("none", "vest")])
def test_evidence_that_is_level_leans_to_nothing(labels: tuple[str, str]) -> None:
    task = Task((LabelGroup("gear", labels),))
    fold = parse_policy("sequential_test:0.05", {"inertia": 0.0}).fold(task, "gear")
    row = tuple(0.99 if label == "vest" else 0.01 for label in labels)
    state, _ = fold.step(fold.initial(), Reading(Prediction(task, (row,))))
    _, after = fold.step(state, Reading(Prediction(task, ((0.5, 0.5),))))
    assert (after.state, after.held) == ("vest", None)
