"""What keeps a state, whatever the policy: hysteresis, dwell, gaps, staleness, ticks; by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import UsageError
from decisight.policies.majority_vote import MajorityVote
from decisight.policies.threshold import Threshold
from decisight.policies.weighted_average import WeightedAverage
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
    ("settings", "sequence", "seconds"),
    [
        # what is decided on images stays until the next of them
        ({}, "aa", 0),
        ({"min_dwell": 3, "gap_tolerance": 2}, "a-", 0),
        ({"window": 3}, "aab-", 0),
        # nothing was seen yet, so nothing can be too old
        ({"stale_after": "4s"}, "", 0),
        ({"stale_after": "4s"}, "--", 0),
        ({"stale_after": "4s"}, "aa", 4),
        # more than a second of them has passed already
        ({"stale_after": "4s"}, "a---------", 3),
        ({"window": "3s"}, "aa", 3),
        # as long as there is anything in the window
        ({"window": "3s"}, "--", 3),
        # a gap has begun with the last image that spoke for it
        ({"gap_tolerance": "2s"}, "aa-", 2),
        ({"gap_tolerance": "2s"}, "aaa", 0),
        ({"gap_tolerance": "2s", "stale_after": "4s"}, "aa-", 4),
        # the dwell counts only where another state is waiting
        ({"min_dwell": "3s"}, "aa", 0),
        ({"min_dwell": "3s"}, "abb", 3),
        ({"min_dwell": "3s"}, "a--", 3),
        ({"min_dwell": "3s", "gap_tolerance": "1s"}, "a--", 3),
        ({"min_dwell": 3, "gap_tolerance": "2s"}, "a--", 2),
    ],
)
def test_how_long_time_alone_may_change_a_state(settings: dict[str, Any], sequence: str, seconds: int) -> None:
    rows = {"a": (0.9, 0.1), "b": (0.1, 0.9)}
    policy = MajorityVote(**{"required": 1, "window": 1, **settings})
    fold = policy.fold(PAIR, "class")
    state, time = fold.initial(), 0.0
    for letter in sequence:
        prediction = Prediction(PAIR, (rows[letter],)) if letter in rows else None
        reading = Reading(prediction, time, cause=None if prediction else "dark")
        state, _ = fold.step(state, reading)
        time += 0.125
    found, waited = fold.settled(state), 0
    while not found:
        waited += 1
        state, _ = fold.step(state, Tick(time + waited))
        found = fold.settled(state)
    assert waited == seconds


def test_an_independent_group_is_settled_once_all_its_labels_are() -> None:
    fold = MajorityVote(required=1, window=1, gap_tolerance="2s", thresholds={"mask": 0.8}).fold(GEAR, "gear")
    state, _ = fold.step(fold.initial(), Reading(Prediction(GEAR, ((0.9, 0.1),)), 0.0))
    assert fold.settled(state)
    state, _ = fold.step(state, Reading(None, 1.0, cause="dark"))
    assert not fold.settled(state)
    state, _ = fold.step(state, Tick(3.0))
    assert fold.settled(state)


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
    # What is kept has the confidence that it had when a picture last spoke for it.
    assert [d.confidence for d in found] == [0.8, 0.8, 0.8, 0.8, 0.0]


def test_a_label_that_is_kept_in_an_independent_group_keeps_its_confidence(decide: Callable[..., Any]) -> None:
    policy = Threshold(default_threshold=0.5, gap_tolerance=1)
    found = decide(policy, [(0.75, 0.25), None, (0.5, 0.5)], task=GEAR)
    assert [(d.state, d.held) for d in found[:2]] == [(("gloves",), None), (("gloves",), Held.GAP)]
    assert [d.confidence for d in found] == [0.5625, 0.5625, 0.25]


@pytest.mark.parametrize("ticks", [[], [5.0], [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 9.5]])
def test_ticks_speak_for_nothing(decide: Callable[..., Any], ticks: list[float]) -> None:
    """What spoke for it last is ten seconds ago, however often somebody has asked since."""
    policy = Threshold(default_threshold=0.8, gap_tolerance="3s")
    times = [0.0, *ticks, 10.0]
    found = decide(policy, [(0.9, 0.05, 0.05), *"." * len(ticks), (0.6, 0.2, 0.2)], times=times)
    assert {d.state for d in found[:-1]} == {"a"}
    assert (found[-1].state, found[-1].held) == ("unknown", None)


@pytest.mark.parametrize("ticks", [[], [2.0], [1.25, 3.0]])
def test_a_gap_in_seconds_ends_whether_or_not_anybody_asks(decide: Callable[..., Any], ticks: list[float]) -> None:
    """The reading after it has to enter the state anew, for which 0.6 is too little."""
    policy = Threshold({"a": 0.8}, leave_thresholds={"a": 0.5}, gap_tolerance="1s")
    sequence = [(0.9, 0.1), None, *"." * len(ticks), (0.6, 0.4)]
    found = decide(policy, sequence, times=[0.0, 0.5, *ticks, 4.0], task=PAIR)
    assert (found[1].state, found[1].held) == ("a", Held.GAP)
    assert (found[-1].state, found[-1].reason) == ("unknown", Reason.BELOW_THRESHOLD)


@pytest.mark.parametrize(
    ("sequence", "times", "expected"),
    [
        # nobody has seen the end of the first a, so that there is nothing to keep for a while
        ("a-a", [0.0, 0.5, 4.0], "aaa"),
        # somebody has
        ("a-.a", [0.0, 0.5, 3.0, 4.0], "aa.."),
        # and what is shown after it has its own dwell
        ("a--a", [0.0, 0.5, 4.0, 5.0], "aa.."),
    ],
)
def test_what_ends_between_readings_is_kept_only_if_it_was_shown(
    states: Callable[..., str], sequence: str, times: list[float], expected: str
) -> None:
    assert states(Threshold(gap_tolerance="1s", min_dwell="2s"), sequence, times=times) == expected


def test_a_picture_that_cannot_be_judged_speaks_for_nothing(states: Callable[..., str]) -> None:
    """The votes for a are still enough at 1.25 s; but it was last seen at 0.5 s."""
    policy = MajorityVote(required=2, window=4, gap_tolerance="1s")
    assert states(policy, "aa---", times=[0.0, 0.5, 1.0, 1.25, 1.625]) == ".aaa."


def clock(times: list[float]) -> list[float]:
    """The policy's own time after each reading, through JSON."""
    fold = Threshold(min_dwell="1s").fold(PAIR, "class")
    state, found = fold.initial(), []
    for time in times:
        state, _ = fold.step(json.loads(json.dumps(state)), Reading(None, time, cause="dark"))
        found.append(state[1].now)
    return found


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([5.0, 6.0, 8.0], [5.0, 6.0, 8.0]),
        # one stray early time
        ([3600.0, 0.0, 3601.0, 3602.0], [3600.0, 3600.0, 3601.0, 3602.0]),
        # set back, and right again
        ([3600.0, 0.0, 1.0, 2.0, 3603.0, 3604.0], [3600.0, 3600.0, 3601.0, 3602.0, 3603.0, 3604.0]),
        # two clocks, one a little late
        ([2.0, 1.0, 3.0, 2.0, 4.0, 3.0], [2.0, 2.0, 3.0, 3.0, 4.0, 4.0]),
        # the same once they were set back
        (
            [3600.0, 0.0, 2.0, 1.0, 3.0, 2.0, 4.0, 3.0],
            [3600.0, 3600.0, 3602.0, 3602.0, 3603.0, 3603.0, 3604.0, 3604.0],
        ),
        # set back twice, and right again one by one
        ([100.0, 50.0, 20.0, 21.0, 52.0, 104.0], [100.0, 100.0, 100.0, 101.0, 102.0, 104.0]),
    ],
)
def test_the_clock_goes_on_and_comes_back(times: list[float], expected: list[float]) -> None:
    assert clock(times) == expected


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_the_clock_neither_goes_back_nor_keeps_more_than_it_needs(eighths: list[int]) -> None:
    times = [at + late / 8 for at, late in enumerate(eighths)]
    found = clock(times)
    assert found == sorted(found)
    assert all(now >= time for now, time in zip(found, times, strict=True))
    assert all(now == time for now, time, before in zip(found[1:], times[1:], found, strict=False) if time >= before)


VOTES = {"required": 2, "window": 4}


@pytest.mark.parametrize(
    ("policy", "task"),
    [
        (WeightedAverage(window=4), PAIR),
        (MajorityVote(required=2, window=5), PAIR),
        (MajorityVote(**VOTES, thresholds={"b": 0.5}), PAIR),
        (MajorityVote(**VOTES, fallback="ask"), PAIR),
        (MajorityVote(**VOTES), Task((LabelGroup("class", ("b", "a")),))),
        (MajorityVote(**VOTES), Task((LabelGroup("class", ("a", "c")),))),
        (MajorityVote(**VOTES), Task((LabelGroup("role", ("a", "b")),))),
        (MajorityVote(**VOTES), Task((LabelGroup("class", ("a", "b"), "independent"),))),
    ],
)
def test_a_state_is_taken_up_by_its_own_rule_only(policy: Any, task: Task) -> None:
    fold = MajorityVote(**VOTES).fold(PAIR, "class")
    reading = Reading(Prediction(PAIR, ((0.75, 0.25),)), 0.0)
    state, _ = fold.step(fold.initial(), reading)
    stored = json.loads(json.dumps(state))
    group = task.groups[0].name
    other = policy.fold(task, group)
    for use in (lambda: other.step(stored, Reading(None, 0.0, cause="dark")), lambda: other.explain(stored)):
        with pytest.raises(UsageError, match=f"a state of group '{group}' is of another policy"):
            use()
    # The same rule, however it is written, goes on.
    same = MajorityVote({}, required=2, window="4", min_dwell="0").fold(PAIR, "class")
    assert same.step(stored, reading) == fold.step(stored, reading)
    assert same.explain(stored) == fold.explain(stored)


@pytest.mark.parametrize("state", [None, [], {}, "2:0", [-1, None, 0, 0.0, 0, 0, True, None, None, 0.0, []], 3])
def test_what_is_no_state_is_refused(state: Any) -> None:
    for task in (PAIR, GEAR):
        with pytest.raises(UsageError, match="is of another policy") as caught:
            Threshold().fold(task, task.groups[0].name).step(state, Tick(0.0))
        assert caught.value.hint


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


@pytest.mark.parametrize("given", [(None, 0.0, 1.0, None), (Prediction(PAIR, ((0.5, 0.5),)), 0.0, 1.0, "dark")])
def test_a_reading_has_a_prediction_or_a_cause(given: Any) -> None:
    with pytest.raises(ValueError, match="a reading has a prediction, or a cause why there is none"):
        Reading(*given)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_times_and_qualities_that_are_no_numbers_are_refused(value: float) -> None:
    for make in (
        lambda: Reading(None, value, cause="dark"),
        lambda: Tick(value),
        lambda: Reading(None, 0.0, value, "dark"),
    ):
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
