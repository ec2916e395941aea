"""Figures over time, on lines made by hand; votes against counting every outcome; correlation against known draws."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.errors import DataError
from decisight.evaluation.comparison import compare, vote_error
from decisight.evaluation.sequences import (
    LabelledSequence,
    StateLine,
    as_if_independent,
    correlation,
    judge_lines,
    state_line,
)
from decisight.policies.parsing import parse_policy
from decisight.types import Decision, LabelGroup, Prediction, Reading, Reason, Task

TASK = Task((LabelGroup("class", ("a", "b", "c")),))
TAGS = Task((LabelGroup("tags", ("x", "y"), "independent"),))


def line(truth: str, states: str, *, fps: float = 1.0) -> StateLine:
    """A line by a letter an image; ``.`` is not known, or the fall-back."""
    known, decided = (tuple(None if letter == "." else letter for letter in row) for row in (truth, states))
    return StateLine("line", tuple(at / fps for at in range(len(truth))), known, decided)


def reading(label: str, confidence: float = 0.8, time: float | None = None) -> Reading:
    rest = (1.0 - confidence) / 2.0
    row = tuple(confidence if name == label else rest for name in TASK.groups[0].labels)
    return Reading(Prediction(TASK, (row,)), time)


def sequence(truth: str, said: str, *, name: str = "s", fps: float = 10.0) -> LabelledSequence:
    """Readings by the top label that each says; ``.`` is a picture that could not be read, or a truth not known."""
    readings = tuple(Reading(None, cause="dark") if letter == "." else reading(letter) for letter in said)
    times = tuple(at / fps for at in range(len(said)))
    return LabelledSequence(name, readings, tuple(None if letter == "." else letter for letter in truth), times)


@pytest.mark.parametrize(
    ("truth", "states", "transitions", "flips", "excess", "delays"),
    [
        ("aaaa", "aaaa", 0, 0, 0, ()),
        ("aaaa", "..aa", 0, 0, 0, ()),  # to find a first state is no flip
        ("aaaa", "aaba", 0, 2, 2, ()),
        ("aaaa", "aa.a", 0, 2, 2, ()),  # the fall-back is a state
        ("aabb", "aabb", 1, 1, 0, (0.0,)),
        ("aabbb", "aaaab", 1, 1, 0, (2.0,)),
        ("aabbb", "aa.bb", 1, 2, 1, (1.0,)),
        ("aabb", "aaaa", 1, 0, 0, (math.inf,)),
        ("aabbaa", "aaaaab", 2, 1, 1, (math.inf, 0.0)),  # seen only after the truth was another again
        ("aabb", "aacc", 1, 1, 1, (math.inf,)),  # a change, but to what is not there
        ("aabbccaa", "aaaaaaba", 3, 2, 1, (math.inf, math.inf, 1.0)),  # what is missed makes up for nothing
        ("aabbb", "aabab", 1, 3, 2, (0.0,)),
        ("aabb", "abbb", 1, 1, 1, (0.0,)),  # before there was anything to see
        ("aabb", "..cb", 1, 1, 0, (1.0,)),
        ("aabb", "..bc", 1, 1, 1, (0.0,)),  # to find a first state is no flip that could be allowed
        ("abc", "abc", 2, 2, 0, (0.0, 0.0)),
        ("a..b", "aabb", 1, 1, 0, (0.0,)),  # a change among images of unknown truth is one
        ("a..a", "abba", 0, 0, 0, ()),  # what is decided there does not count
        ("....", "abab", 0, 0, 0, ()),
    ],
)
def test_flips_and_delays(
    truth: str, states: str, transitions: int, flips: int, excess: int, delays: tuple[float, ...]
) -> None:
    found = judge_lines([line(truth, states)])
    assert (found.transitions, found.flips, found.excess_flips) == (transitions, flips, excess)
    assert line(truth, states).known.delays == delays
    assert found.missed == sum(map(math.isinf, delays))
    met = [delay for delay in delays if math.isfinite(delay)]
    assert math.isnan(found.worst_delay) if not met else found.worst_delay == max(met)


def flips_one_by_one(truth: str, states: str) -> int:
    """Excess flips, by walking along the line with one flip in hand after each transition."""
    excess, allowed, begun = 0, False, states[0] != "."
    for (truth_before, truth_now), (before, now) in zip(
        itertools.pairwise(truth), itertools.pairwise(states), strict=True
    ):
        if truth_now != truth_before:
            allowed = True
        if begun and now != before:
            excess += not (allowed and now == truth_now)
        allowed = allowed and now != truth_now
        begun = begun or now != "."
    return excess


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc.")), min_size=1, max_size=14))
@settings(max_examples=300, deadline=None)
def test_excess_flips_are_those_of_walking_along_the_line(images: list[tuple[str, str]]) -> None:
    truth, states = ("".join(row) for row in zip(*images, strict=True))
    made = line(truth, states)
    assert made.excess_flips == flips_one_by_one(truth, states)
    # As many as are not allowed: in each stretch at most one, and only where its truth is met.
    of_stretch = Counter(made.stretches[at] for at in made.flips)
    met = [number + 1 for number, at in enumerate(made.met) if at is not None]
    assert made.excess_flips >= sum(max(0, n - (stretch in met)) for stretch, n in of_stretch.items())


def test_images_of_one_stretch_count_for_one_and_stretches_of_one_clip_for_several() -> None:
    one_clip = judge_lines([line("a" * 10 + "b" * 10 + "a" * 10 + "b" * 10, "a" * 10 + "b" * 10 + "b" * 10 + "b" * 10)])
    assert 0.0 < one_clip.accuracy.low < one_clip.accuracy.value == 0.75
    four_clips = judge_lines([line(label * 10, said * 10) for label, said in ("aa", "bb", "ab", "bb")])
    assert one_clip.accuracy == four_clips.accuracy
    single = judge_lines([line("a" * 40, "a" * 30 + "b" * 10)])
    assert (single.accuracy.low, single.accuracy.high) == (0.0, 1.0)


def test_flips_that_lack_in_one_sequence_are_not_set_off_against_those_of_another() -> None:
    found = judge_lines([line("aabb", "aaaa"), line("aaaa", "abaa")])
    assert (found.flips, found.transitions, found.excess_flips) == (2, 1, 2)


def test_shares_are_of_the_images_off_the_edges() -> None:
    # Edges at 0 and 5 s; off them are 2, 3, 7, 8, 9.
    found = judge_lines([line("aaaaabbbbb", "..a.baabbc")])
    assert line("aaaaabbbbb", "a" * 10).off_edges() == tuple(letter == "x" for letter in "..xx...xxx")
    assert found.images == 10
    assert found.accuracy_off_edges.value == pytest.approx(3 / 5)
    assert found.decided.value == pytest.approx(4 / 5)
    assert found.false_decisions.value == pytest.approx(1 / 5)
    assert found.accuracy.value == pytest.approx(3 / 10)
    assert found.hours == pytest.approx(9 / 3600)
    assert found.median_delay == 2.0


def test_off_edges_as_it_is_defined() -> None:
    random = np.random.default_rng(1)
    times = np.sort(np.round(random.uniform(0, 30, 60), 1))
    truth = tuple(str(label) for label in random.choice(["a", "b"], 60, p=[0.9, 0.1]))
    made = StateLine("line", tuple(times.tolist()), truth, truth)
    edges = [times[0], *(times[at] for at in made.transitions)]
    assert made.off_edges() == tuple(all(abs(time - edge) > 1.0 for edge in edges) for time in times)


def test_nothing_to_judge_is_said_so_in_json() -> None:
    text = json.dumps(judge_lines([line("..", "ab")]).to_json(), allow_nan=False)
    assert json.loads(text)["frame_accuracy"] == {"value": None, "low": None, "high": None}
    assert json.loads(json.dumps(judge_lines([line("ab", "aa")]).to_json()))["median_delay_seconds"] is None


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        (Decision("class", "a", 0.9, Reason.ACCEPTED), "a"),
        (Decision("class", "a", 0.4, Reason.BELOW_THRESHOLD), None),  # the fall-back is called as a label is
        (Decision("class", "a", 0.4, Reason.CANNOT_JUDGE), None),
        (Decision("tags", ("x", "y"), 0.4, Reason.ACCEPTED), frozenset({"x", "y"})),
        (Decision("tags", (), 0.4, Reason.ACCEPTED), frozenset()),
    ],
)
def test_a_fall_back_may_be_called_as_a_label_is(decision: Decision, state: object) -> None:
    assert state_line(sequence("a", "a"), [decision], "a").states == (state,)


# --- independence ----------------------------------------------------------------------------------------------------


def counted(required: int, window: int, shares: dict[str, float], truth: str) -> float:
    """How likely a wrong label wins, by going through every way in which a window can vote."""
    options = {**shares, "": 1.0 - sum(shares.values())}
    total = 0.0
    for votes in itertools.product(options, repeat=window):
        tally = Counter(vote for vote in votes if vote)
        most = max(tally.values(), default=0)
        winners = [label for label, number in tally.items() if number == most]
        if most >= required and len(winners) == 1 and winners[0] != truth:
            total += math.prod(options[vote] for vote in votes)
    return total


@given(
    shares=st.lists(st.integers(0, 20), min_size=1, max_size=4).filter(any),
    silent=st.integers(0, 10),
    window=st.integers(1, 5),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_errors_of_votes_are_those_of_counting_every_way_to_vote(
    shares: list[int], silent: int, window: int, data: st.DataObject
) -> None:
    whole = sum(shares) + silent
    by_label = {"abcd"[at]: share / whole for at, share in enumerate(shares)}
    required = data.draw(st.integers(1, window))
    truth = data.draw(st.sampled_from([*by_label, "other"]))
    assert vote_error(required, window, by_label, truth) == pytest.approx(
        counted(required, window, by_label, truth), abs=1e-12
    )


def test_drawn_anew_images_err_as_often_and_independently() -> None:
    """What the drawn sequences show agrees with the computed rate within three standard errors."""
    # One image in five says b, three in a row.
    lines = [sequence("a" * 60, ("aaaaaaaaaaaabbb" * 4)[shift:] + "a" * shift, name=str(shift)) for shift in range(15)]
    off = [r for s in lines for r, away in zip(s.readings, s.off_edges(), strict=True) if away]
    share = sum(r.prediction is not None and r.prediction.top().label == "b" for r in off) / len(off)
    policy = parse_policy("majority_vote:3/5")
    found = compare(policy, TASK, "class", lines)
    expected = vote_error(3, 5, {"a": 1.0 - share, "b": share}, "a")
    assert found.by_votes == pytest.approx(expected)
    # Windows of 5 overlap: no more than one in five images is worth anything of its own.
    worth = 20 * 15 * 49 / 5
    assert abs(found.independent - expected) < 3.0 * math.sqrt(expected * (1.0 - expected) / worth)
    assert found.policy.false_decisions.value > 2.0 * found.independent
    assert found.correlation > 0.5
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["sequences"] == 15


def test_what_would_be_if_errors_were_independent_is_told_of_the_same_images_for_both() -> None:
    """Images that err near an edge only are not held against the policy: they are not against each image alone."""
    truth = "a" * 40 + "b" * 40
    said = "b" * 8 + "a" * 32 + "aaaaaaaa" + "b" * 32
    assert sequence(truth, said).off_edges() == tuple(11 <= at < 30 or at >= 51 for at in range(80))
    for policy in ("majority_vote:1/1", "majority_vote:3/5", "consecutive:2"):
        found = compare(parse_policy(policy), TASK, "class", [sequence(truth, said)])
        assert (found.single.false_decisions.value, found.independent) == (0.0, 0.0)
        assert not found.by_votes
    # With a window of one image a policy is each image alone.
    noisy = [sequence("a" * 200, "".join(letters)) for letters in np.random.default_rng(2).choice(["a", "b"], (5, 200))]
    found = compare(parse_policy("majority_vote:1/1"), TASK, "class", noisy)
    assert found.by_votes == pytest.approx(found.single.false_decisions.value)
    assert found.independent == pytest.approx(found.single.false_decisions.value, abs=0.015)


def test_where_all_images_are_near_an_edge_they_are_drawn_all_the_same() -> None:
    made = [sequence("ab" * 5, "ab" * 5)]
    assert as_if_independent(made, repeats=2, off_edges=True) == as_if_independent(made, repeats=2)
    assert compare(parse_policy("majority_vote:2/3"), TASK, "class", made).by_votes == 0.0


def test_drawing_keeps_times_and_truth_and_takes_from_the_same_truth_only() -> None:
    made = [sequence("aabb.", "abbcb"), sequence("ba", ".a")]
    drawn = as_if_independent(made, repeats=3, seed=5)
    assert drawn == as_if_independent(made, repeats=3, seed=5)
    assert len(drawn) == 6
    pools: dict[object, list[object]] = {}
    for original in made:
        for truth, one in zip(original.truth, original.readings, strict=True):
            pools.setdefault(truth, []).append(one.prediction)
    for original, copy in zip([made[0]] * 3 + [made[1]] * 3, drawn, strict=True):
        assert (copy.times, copy.truth) == (original.times, original.truth)
        assert all(one.prediction in pools[truth] for truth, one in zip(copy.truth, copy.readings, strict=True))


@pytest.mark.parametrize(
    ("policy", "settings", "computed"),
    [
        ("majority_vote:2/3", {}, True),
        ("majority_vote:2/3", {"thresholds": {"a": 0.5}}, True),
        ("majority_vote:2/3", {"min_dwell": 3}, False),
        ("majority_vote:2/3", {"thresholds": {"a": 0.5}, "leave_thresholds": {"a": 0.4}}, False),
        ("majority_vote:2/1s", {}, False),
        ("weighted_average:3", {}, False),
        ("sequential_test:0.05", {}, False),
    ],
)
def test_votes_are_computed_only_where_they_are_all_there_is(
    policy: str, settings: dict[str, object], computed: bool
) -> None:
    timed = [
        LabelledSequence(
            s.name, tuple(Reading(r.prediction, t) for r, t in zip(s.readings, s.times, strict=True)), s.truth, s.times
        )
        for s in [sequence("a" * 20, "aab" * 6 + "aa")]
    ]
    assert (compare(parse_policy(policy, settings), TASK, "class", timed).by_votes is not None) == computed


def test_a_comparison_needs_something_that_is_true() -> None:
    for sequences in ([], [sequence("...", "aaa")]):
        with pytest.raises(DataError, match="is known of no picture"):
            compare(parse_policy("majority_vote:2/3"), TASK, "class", sequences)


def test_an_independent_group_is_compared_by_its_sets_of_labels() -> None:
    readings = tuple(Reading(Prediction(TAGS, ((0.9, 0.1),))) for _ in range(30))
    truth = (frozenset({"x"}),) * 15 + (frozenset[str](),) * 15
    found = compare(
        parse_policy("majority_vote:3/5"),
        TAGS,
        "tags",
        [LabelledSequence("s", readings, truth, tuple(at / 10 for at in range(30)))],
    )
    assert (found.single.transitions, found.single.missed, found.policy.missed) == (1, 1, 1)
    assert found.by_votes is None
    assert math.isnan(found.correlation)


# --- correlation -----------------------------------------------------------------------------------------------------


def drawn(rows: Sequence[Sequence[float]]) -> list[LabelledSequence]:
    """Sequences of ``a`` that are confident by the logistic function of a number an image."""
    return [
        LabelledSequence(
            str(number),
            tuple(reading("a", 1.0 / (1.0 + math.exp(-value))) for value in row),
            ("a",) * len(row),
            tuple(range(len(row))),
        )
        for number, row in enumerate(rows)
    ]


def test_correlation_of_independent_repeated_and_in_between() -> None:
    random = np.random.default_rng(3)
    assert correlation(drawn(random.normal(size=(40, 50))), TASK, "class") < 0.07
    assert correlation(drawn(np.repeat(random.normal(size=(40, 1)), 20, axis=1)), TASK, "class") == 0.99
    walk = np.empty((60, 60))
    walk[:, 0] = random.normal(size=60)
    for at in range(1, 60):
        walk[:, at] = 0.6 * walk[:, at - 1] + 0.8 * random.normal(size=60)
    assert correlation(drawn(walk), TASK, "class") == pytest.approx(0.6, abs=0.05)


def test_what_is_measured_of_frozen_pictures_can_be_given_to_a_test() -> None:
    random = np.random.default_rng(3)
    found = correlation(drawn(np.repeat(random.normal(size=(40, 1)), 20, axis=1)), TASK, "class")
    assert parse_policy("sequential_test", {"correlation": found})


@pytest.mark.parametrize("gap", ["reading", "truth"])
def test_images_on_both_sides_of_a_gap_are_no_pair(gap: str) -> None:
    """Pairs of alike images with a gap in each: what is next to each other has nothing in common."""
    random = np.random.default_rng(5)
    made = []
    for value in random.normal(size=200):
        (with_gap,) = drawn([[value, 0.0, value, *random.normal(size=2)]])
        readings, truth = list(with_gap.readings), list(with_gap.truth)
        if gap == "reading":
            readings[1] = Reading(None, cause="dark")
        else:
            truth[1] = None
        made.append(LabelledSequence("s", tuple(readings), tuple(truth), with_gap.times))
    assert correlation(made, TASK, "class") < 0.15


def test_correlation_is_not_that_of_the_truth() -> None:
    random = np.random.default_rng(4)
    rows = []
    for truth in "ab" * 30:
        confidences = 1.0 / (1.0 + np.exp(-random.normal(1.5, 1.0, 20)))
        readings = tuple(reading(truth, float(c)) for c in confidences)
        rows.append(LabelledSequence("s", readings, (truth,) * 20, tuple(range(20))))
    assert correlation(rows, TASK, "class") < 0.1


def test_correlation_of_nothing_is_not_a_number() -> None:
    assert math.isnan(correlation([], TASK, "class"))
    assert math.isnan(correlation([sequence("a", "a"), sequence("ab", "ab"), sequence("..", "ab")], TASK, "class"))
    assert math.isnan(correlation([sequence("a" * 7, "a" * 7)], TASK, "class"))
