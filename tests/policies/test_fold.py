"""What keeps a state, whatever the policy: hysteresis, dwell, gaps, staleness, ticks; by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from decisight.errors import UsageError
from decisight.policies.majority_vote import MajorityVote
from decisight.policies.threshold import Threshold
from decisight.types import Decision, Held, LabelGroup, Prediction, Reading, Reason, Task, Tick

PAIR = Task((LabelGroup("class", ("a", "b")),))
GEAR = Task((LabelGroup("gear", ("gloves", "mask"), "independent"),))


@pytest.mark.parametrize(
    ("confidences", "expected"),
    [
        # entered from 0.8 on, left below 0.4
        ([0.7, 0.8, 0.7, 0.5, 0.4, 0.39], ".aaaa."),
        # left, it has to be entered anew
        ([0.8, 0.3, 0.7], "a.."),
        # another label that is over its own threshold has the state at once
        ([0.8, 0.45, 0.05], "aab"),
        ([0.05, 0.45, 0.8], "b.a"),
    ],
)
def test_hysteresis(states: Callable[..., str], confidences: list[float], expected: str) -> None:
    policy = Threshold({"a": 0.8, "b": 0.9}, leave_thresholds={"a": 0.4})
    assert states(policy, [(c, 1.0 - c) for c in confidences], task=PAIR) == expected


def test_hysteresis_of_an_independent_label(decide: Callable[..., Any]) -> None:
    policy = Threshold({"gloves": 0.8}, leave_thresholds={"gloves": 0.4})
    found = decide(policy, [(c, 0.1) for c in (0.7, 0.8, 0.5, 0.4, 0.3, 0.5)], task=GEAR)
    assert [d.state for d in found] == [(), ("gloves",), ("gloves",), ("gloves",), (), ()]


@pytest.mark.parametrize(
    ("dwell", "sequence", "expected"),
    [
        (0, "abab", "abab"),
        (1, "abab", "abab"),
        (2, "abab", "aaab"),
        (3, "abbbab", "aaabbb"),
        # the fall-back is a state as well, once it was entered
        (3, "a---aaa", "aaa...a"),
        # but what was there at first may be left at once
        (3, "--a", "..a"),
        # 0.2 s at ten images a second
        ("200ms", "abbb", "aabb"),
    ],
)
def test_dwell(states: Callable[..., str], dwell: int | str, sequence: str, expected: str) -> None:
    # Times in eighths of a second are exact.
    assert states(Threshold(min_dwell=dwell), sequence, every=0.125) == expected


@pytest.mark.parametrize(
    ("gap", "sequence", "expected"),
    [
        (0, "a-a", "a.a"),
        (1, "a-a", "aaa"),
        (1, "a--a", "aa.a"),
        (2, "a--a---", "aaaaaa."),
        # doubt is a gap as well, another label is not
        (2, "a??b", "aaab"),
        (2, "a-b", "aab"),
        # to the last moment: 0.25 s after it was last seen
        ("250ms", "a--a---", "aaaaaa."),
        ("200ms", "a--", "aa."),
    ],
)
def test_gaps(states: Callable[..., str], gap: int | str, sequence: str, expected: str) -> None:
    assert states(Threshold(default_threshold=0.5, gap_tolerance=gap), sequence, every=0.125) == expected


def test_what_is_kept_says_why(decide: Callable[..., Any]) -> None:
    found = decide(Threshold(default_threshold=0.5, gap_tolerance=1, min_dwell=4), "a-?b-")
    assert [(d.state, d.reason, d.held) for d in found] == [
        ("a", Reason.ACCEPTED, None),
        ("a", Reason.ACCEPTED, Held.GAP),
        ("a", Reason.ACCEPTED, Held.DWELL),
        ("a", Reason.ACCEPTED, Held.DWELL),
        ("unknown", Reason.CANNOT_JUDGE, None),
    ]
    assert [d.confidence for d in found] == [0.8, 0.0, 0.4, 0.1, 0.0]


@pytest.mark.parametrize(
    ("times", "sequence", "expected"),
    [
        # one second is not more than one second
        ([0.0, 1.0, 1.125], "a..", "aa."),
        ([0.0, 1.0, 2.0], "a-.", "a.."),
        ([0.0, 0.5, 1.5, 1.625], "aa..", "aaa."),
        # what is stale ends a dwell, and the next state may be entered at once
        ([0.0, 5.0], "ab", "ab"),
    ],
)
def test_staleness(states: Callable[..., str], times: list[float], sequence: str, expected: str) -> None:
    assert states(Threshold(stale_after="1s", min_dwell=2 if "b" in sequence else 0), sequence, times=times) == expected


def test_what_is_stale_counts_no_more(decide: Callable[..., Any]) -> None:
    found = decide(MajorityVote(required=2, stale_after="1s"), "aa.a", times=[0.0, 0.5, 2.0, 2.5])
    assert [(d.state, d.reason) for d in found[1:]] == [
        ("a", Reason.ACCEPTED),
        ("unknown", Reason.CANNOT_JUDGE),
        ("unknown", Reason.ABSTAINED),
    ]


def test_a_tick_keeps_a_picture_that_could_not_be_judged_unjudged(decide: Callable[..., Any]) -> None:
    found = decide(Threshold(), "a-.a.", every=0.1)
    cannot = Reason.CANNOT_JUDGE
    assert [d.reason for d in found] == [Reason.ACCEPTED, cannot, cannot, Reason.ACCEPTED, Reason.ACCEPTED]


def test_a_tick_enters_no_label(decide: Callable[..., Any]) -> None:
    """The votes for b leave the window, so that those for a are the most; but no picture has come."""
    times = [0.0, 0.125, 0.25, 0.5, 0.625, 1.1875, 1.25]
    found = decide(MajorityVote(required=2, window="1s"), "bbbaa.a", times=times)
    assert [(d.state, d.held) for d in found[-3:]] == [("b", None), ("b", Held.TICK), ("a", None)]
    assert found[-2].scores == (2.0, 1.0, 0.0)


@pytest.mark.parametrize("back", [0.125, 3600.0])
def test_a_clock_that_is_set_back_makes_nothing_last_longer(states: Callable[..., str], back: float) -> None:
    times = [10.0, 10.125, 10.25 - back, 10.375 - back, 10.5 - back]
    # One step is lost: nobody knows how long it was.
    assert states(Threshold(min_dwell="250ms"), "abbbb", times=times) == "aaabb"
    assert states(Threshold(min_dwell="250ms"), "abbbb", every=0.125) == "aabbb"


def test_without_any_of_it_each_image_is_decided_alone(decide: Callable[..., Any]) -> None:
    rows = [(0.6, 0.3), (0.2, 0.9), (0.5, 0.4), (0.1, 0.2)]
    policy = Threshold({"mask": 0.35})
    for row, decision in zip(rows, decide(policy, rows, task=GEAR), strict=True):
        (alone,) = policy.decide(Prediction(GEAR, (row,)))
        assert (decision.state, decision.confidence, decision.reason) == (alone.state, alone.confidence, alone.reason)
        assert decision.scores == row


def test_scores_and_what_is_kept_are_told_in_json_where_there_is_something_to_tell() -> None:
    plain = Decision("class", "a", 0.8, Reason.ACCEPTED, scores=(1.0,))
    assert plain.to_json() == {"state": "a", "confidence": 0.8, "reason": "accepted"}
    kept = Decision("gear", ("mask",), 0.8, Reason.ACCEPTED, Held.GAP, ("gloves",))
    assert kept.to_json()["held"] == "gap"
    assert kept.to_json()["undecided"] == ["gloves"]


def test_explanations_say_what_is_kept_and_what_was_not_judged() -> None:
    fold = Threshold({"a": 0.5}, gap_tolerance=1).fold(PAIR, "class")
    state, _ = fold.step(fold.initial(), Reading(Prediction(PAIR, ((0.75, 0.25),)), 0.0))
    assert fold.explain(state) == "a 0.750, 0.5 needed"
    state, _ = fold.step(state, Reading(None, 0.5, cause="dark"))
    said = "no picture that could be judged; the last picture could not be judged; a is kept for now"
    assert fold.explain(state) == said
    independent = Threshold({"mask": 0.25}).fold(GEAR, "gear")
    state, _ = independent.step(independent.initial(), Reading(Prediction(GEAR, ((0.75, 0.125),))))
    assert independent.explain(state) == "gloves 0.750, 0.5 needed; mask 0.125, 0.25 needed"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_times_and_qualities_that_are_no_numbers_are_refused(value: float) -> None:
    for make in (lambda: Reading(None, value), lambda: Tick(value), lambda: Reading(None, 0.0, value)):
        with pytest.raises(ValueError, match=r"must (be finite|lie in 0\.\.1)"):
            make()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"thresholds": {"a": 1.5}}, "the threshold of 'a' is 1.5, which is not between 0 and 1"),
        ({"thresholds": {"a": float("nan")}}, "the threshold of 'a' is nan"),
        ({"thresholds": {"a": -0.1}}, "the threshold of 'a' is -0.1"),
        ({"thresholds": {"a": 0.5, "class:a": 0.6}}, "'class:a' was given two thresholds: 0.5 and 0.6"),
        ({"thresholds": {"a": 0.5}, "leave_thresholds": {"a": 0.6}}, "'a' is left below 0.6, but entered from 0.5 on"),
        ({"leave_thresholds": {"a": 0.6}}, "'a' is left below 0.6, but entered from 0 on"),
        ({"default_threshold": 1.5}, "default_threshold = 1.5 is not between 0 and 1"),
        ({"min_dwell": -1}, "min_dwell = '-1' is not understood"),
        ({"gap_tolerance": "2 sec"}, "gap_tolerance = '2 sec' is not understood"),
        ({"stale_after": 5}, "stale_after = '5' has no unit"),
        ({"stale_after": "0s"}, "stale_after = '0s' is too short"),
        ({"fallback": " "}, "the fall-back state is empty"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        MajorityVote(**settings).fold(PAIR, "class")
    assert caught.value.hint
