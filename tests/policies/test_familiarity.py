"""What becomes of a picture that is not familiar enough: alone, and among others; by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from decisight.errors import UsageError
from decisight.policies import POLICIES
from decisight.policies.consecutive import Consecutive
from decisight.policies.familiarity import check_familiarity_known
from decisight.policies.identity import policy_digest
from decisight.policies.majority_vote import MajorityVote
from decisight.policies.parsing import parse_policy
from decisight.policies.sequential_test import SequentialTest
from decisight.policies.settings import VotingSettings
from decisight.policies.threshold import Threshold
from decisight.types import Decision, Held, LabelGroup, Prediction, Reading, Reason, Task, Tick

PAIR = Task((LabelGroup("class", ("a", "b")),))
GEAR = Task((LabelGroup("helmet", ("worn", "missing")), LabelGroup("extras", ("gloves", "mask"), "independent")))
SURE, OTHER, HARDLY = (0.9, 0.1), (0.1, 0.9), (0.6, 0.4)


def picture(row: Sequence[float], familiarity: float | None) -> Prediction:
    return Prediction(PAIR, (tuple(row),), familiarity)


@pytest.mark.parametrize(
    ("familiarity", "least", "row", "expected"),
    [
        (0.04, 0.05, SURE, ("unknown", 0.9, Reason.UNFAMILIAR)),
        # met exactly, it is enough
        (0.05, 0.05, SURE, ("a", 0.9, Reason.ACCEPTED)),
        (0.0, 0.05, SURE, ("unknown", 0.9, Reason.UNFAMILIAR)),
        # what is familiar may still be too unsure; of what is both, that it is unfamiliar is the graver
        (0.05, 0.05, HARDLY, ("unknown", 0.6, Reason.BELOW_THRESHOLD)),
        (0.04, 0.05, HARDLY, ("unknown", 0.6, Reason.UNFAMILIAR)),
        # nothing is asked for
        (0.0, None, SURE, ("a", 0.9, Reason.ACCEPTED)),
        (0.0, 0.0, SURE, ("a", 0.9, Reason.ACCEPTED)),
        (None, 0.0, SURE, ("a", 0.9, Reason.ACCEPTED)),
        # nothing is as familiar as that but what could not be more so
        (1.0, 1.0, SURE, ("a", 0.9, Reason.ACCEPTED)),
    ],
)
def test_one_picture(familiarity: float | None, least: float | None, row: Any, expected: Any) -> None:
    rule = Threshold({"a": 0.8}, min_familiarity=least)
    for asked in (rule, rule.checked(PAIR)):
        (decision,) = asked.decide(picture(row, familiarity))
        assert (decision.state, decision.confidence, decision.reason) == expected


def test_every_group_of_an_unfamiliar_picture_is_the_fall_back() -> None:
    strange = Prediction(GEAR, ((0.9, 0.1), (0.25, 0.125)), 0.01)
    assert Threshold(fallback="ask", min_familiarity=0.05).decide(strange) == (
        Decision("helmet", "ask", 0.9, Reason.UNFAMILIAR),
        Decision("extras", "ask", 0.75 * 0.875, Reason.UNFAMILIAR),
    )


def decided(policy: VotingSettings | SequentialTest, sequence: str, task: Task = PAIR) -> list[Decision]:
    """The decisions by letters, four a second: ``A`` and ``B`` are unfamiliar, ``-`` cannot be judged, ``.`` a tick."""
    fold = policy.fold(task, task.groups[0].name)
    state, found = fold.initial(), []
    for at, letter in enumerate(sequence):
        row = {"a": SURE, "b": OTHER}.get(letter.lower())
        prediction = None if row is None else Prediction(task, (row,), 0.01 if letter.isupper() else 0.5)
        reading = Reading(prediction, at / 4, cause=None if prediction else "dark")
        state, decision = fold.step(json.loads(json.dumps(state)), Tick(at / 4) if letter == "." else reading)
        found.append(decision)
    return found


def letters(decisions: Sequence[Decision]) -> str:
    """A letter each: the state, or of the fall-back the reason's initial."""
    return "".join(str(d.state) if d.reason is Reason.ACCEPTED else d.reason.value[0].upper() for d in decisions)


@pytest.mark.parametrize(
    ("policy", "sequence", "expected"),
    [
        (Threshold(min_familiarity=0.05), "aAa-BbA.", "aUaCUbUU"),
        # two votes of three; an unfamiliar picture is none, and takes a place in the window
        (MajorityVote(required=2, window=3, min_familiarity=0.05), "aBaBBbb", "AUaUUAb"),
        # the fall-back is entered once as many are unfamiliar in a row as it takes
        (Consecutive(required=2, min_familiarity=0.05), "aaAaABbb", "AaaaaUAb"),
        # nothing speaks against what was decided; for how long it is held is another setting
        (SequentialTest(0.2, correlation=0.0, min_familiarity=0.05), "aaAAAA", "aaaaaa"),
        (
            SequentialTest(0.2, correlation=0.0, min_familiarity=0.05, stale_after="500ms"),
            "aaAAAAa",
            "aaaaUUa",
        ),
        # what is bridged, and what is kept
        (Threshold(gap_tolerance=1, min_familiarity=0.05), "aAaAA", "aaaaU"),
        (Threshold(min_dwell=3, min_familiarity=0.05), "aAAA", "aaaU"),
        # time alone makes it no less unfamiliar
        (Threshold(stale_after="500ms", min_familiarity=0.05), "aA....", "aUUUUU"),
        (Threshold(stale_after="500ms", min_familiarity=0.05), "a....", "aaaCC"),
    ],
)
def test_several_pictures(policy: Any, sequence: str, expected: str) -> None:
    assert letters(decided(policy, sequence)) == expected


def test_what_is_held_says_that_the_last_picture_was_unfamiliar() -> None:
    held = [d.held for d in decided(MajorityVote(required=1, window=3, min_familiarity=0.05), "aA.-a")]
    assert held == [None, Held.UNFAMILIAR, Held.UNFAMILIAR, Held.BLIND, None]
    held = [d.held for d in decided(Threshold(gap_tolerance=2, min_familiarity=0.05), "aA")]
    assert held == [None, Held.GAP]


def test_an_independent_group_over_several_pictures() -> None:
    task = Task((LabelGroup("gear", ("gloves", "mask"), "independent"),))
    found = decided(MajorityVote(required=1, window=2, min_familiarity=0.05), "aABB", task)
    assert [(d.state, d.reason, d.held) for d in found] == [
        (("gloves",), Reason.ACCEPTED, None),
        (("gloves",), Reason.ACCEPTED, Held.UNFAMILIAR),
        ("unknown", Reason.UNFAMILIAR, None),
        ("unknown", Reason.UNFAMILIAR, None),
    ]


def test_it_is_said_in_words() -> None:
    fold = MajorityVote(required=1, window=2, min_familiarity=0.05).fold(PAIR, "class")
    state, _ = fold.step(fold.initial(), Reading(picture(SURE, 0.0123)))
    assert fold.explain(state) == (
        "votes of 1: none, 1 for no label (1 needed); the last picture is unfamiliar: familiarity 0.0123, 0.05 needed"
    )
    state, _ = fold.step(state, Reading(picture(SURE, 0.05)))
    assert fold.explain(state) == "votes of 2: a 1, 1 for no label (1 needed)"


@pytest.mark.parametrize("name", POLICIES.names())
def test_a_model_that_does_not_say_it(name: str) -> None:
    says = "min_familiarity = 0.05 is asked for, and the model does not say how familiar a picture is"
    rule: Any = POLICIES.build(name, {"min_familiarity": 0.05})
    with pytest.raises(UsageError, match=says) as caught:
        rule.fold(PAIR, "class").step(rule.fold(PAIR, "class").initial(), Reading(picture(SURE, None), 0.0))
    assert "train the model anew" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="the model 'gear' does not say"):
        check_familiarity_known(0.05, "gear", known=False)
    for least, known in ((None, False), (0.0, False), (0.05, True)):
        check_familiarity_known(least, "gear", known=known)


@pytest.mark.parametrize("least", [1.01, -0.01, float("nan"), float("inf")])
def test_what_is_no_familiarity(least: float) -> None:
    with pytest.raises(UsageError, match=r"min_familiarity = .* is not between 0 and 1") as caught:
        MajorityVote(min_familiarity=least)
    assert caught.value.hint


def test_beside_a_rule_each_picture_alone_is_refused_as_well() -> None:
    from decisight.backtest.running import single_of
    from decisight.evaluation.comparison import compare
    from decisight.evaluation.sequences import LabelledSequence

    policy = MajorityVote(required=1, window=2, min_familiarity=0.05)
    for rule in (policy, SequentialTest(min_familiarity=0.05)):
        assert single_of(rule).min_familiarity == 0.05
    readings = tuple(Reading(picture(OTHER if at % 2 else SURE, 0.01 if at % 2 else 0.5), at / 4) for at in range(80))
    times = tuple(at / 4 for at in range(80))
    sequence = LabelledSequence("gate", readings, ("a",) * 80, times)
    found = compare(policy, PAIR, "class", [sequence])
    # Every other picture says b, and is not heard.
    assert found.single.false_decisions.value == 0.0
    assert found.single.decided.value == pytest.approx(0.5, abs=0.02)
    assert (found.policy.false_decisions.value, found.policy.decided.value) == (0.0, 1.0)


DIGESTS = {
    "threshold:0.8": "d303b9833f19abe2411a53f995e59839e01ad54acaf6caaa340c8e34352a5074",
    "majority_vote:3/5": "508c6739c20ea2978865d503de473aa35f913f8628d313385a2d612dd58c519c",
    "weighted_average:4": "93d5a57fb679420c2bf755be255396a8b174ae677f92943ef662a8bb74e05eda",
    "consecutive:3": "6823b3e1fa3a327b25f95cf4f06c112adf1b5af0f49649a7b9c54281265e39b3",
    "sequential_test:0.01": "894cd5797046f2555b7bfc26edc658446f12fe495a7823cb2686955dde39a8ab",
}
"""Of rules as they were before a familiarity could be asked for."""


@pytest.mark.parametrize("text", list(DIGESTS))
def test_a_rule_that_asks_for_none_is_the_rule_that_it_was(text: str) -> None:
    rule = parse_policy(text)
    assert policy_digest(rule, PAIR, "class") == f"sha256:{DIGESTS[text]}"
    asking = parse_policy(text, {"min_familiarity": 0.05})
    assert asking.to_section(PAIR) == rule.to_section(PAIR) | {"min_familiarity": 0.05}
    assert policy_digest(asking, PAIR, "class") != policy_digest(rule, PAIR, "class")


def test_a_state_that_was_stored_before_goes_on() -> None:
    window = [[1.0, 0, [0.75, 0.25], 1.0], [2.0, -1, None, 1.0]]
    stored = json.dumps(["2:f0b53648594e2f84", [-1, None, 0, 0.0, 0, 0.0, 2, True, 1.0, 2.0, [], window]])
    fold = parse_policy("majority_vote:2/4").fold(PAIR, "class")
    _, decision = fold.step(json.loads(stored), Reading(picture(SURE, 0.0), 3.0))
    assert decision.state == "a"
