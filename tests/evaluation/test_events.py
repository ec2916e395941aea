"""Events, flips and misses on lines made by hand, counted stretch by stretch."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from decisight.evaluation.events import COUNTS, Rate, WatchedLine, decided_events, judge_events, tally
from decisight.evaluation.sequences import StateLine, judge_lines
from decisight.types import Target


def line(truth: str, states: str, *, fps: float = 1.0) -> StateLine:
    """A line by a letter a picture; ``.`` is not known, or the fall-back."""
    known, decided = (tuple(None if letter == "." else letter for letter in row) for row in (truth, states))
    return StateLine("line", tuple(at / fps for at in range(len(truth))), known, decided)


def watched(truth: str, states: str, *, quiet: str = "", fps: float = 1.0) -> WatchedLine:
    return WatchedLine(line(truth, states, fps=fps), (True,) * len(truth), frozenset(quiet))


def several(truth: str, states: str) -> StateLine:
    """The same of an independent group: letters between spaces are sets, ``-`` is an empty one, ``.`` as before."""

    def sets(row: str) -> tuple[Target, ...]:
        return tuple(None if word == "." else frozenset(word.replace("-", "")) for word in row.split())

    truths = sets(truth)
    return StateLine("line", tuple(map(float, range(len(truths)))), truths, sets(states))


@pytest.mark.parametrize(
    ("truth", "states", "quiet", "events"),
    [
        ("aaaa", "aaaa", "", [("a", 0, 4, True)]),
        ("aaaa", "....", "", []),  # the fall-back is no event
        ("aaaa", "aa.a", "", [("a", 0, 2, True), ("a", 3, 4, True)]),
        ("aaaa", "abba", "", [("a", 0, 1, True), ("b", 1, 3, False), ("a", 3, 4, True)]),
        ("aaaa", "abba", "b", [("a", 0, 1, True), ("a", 3, 4, True)]),  # a quiet label opens none
        ("aabb", "bbbb", "", [("b", 0, 4, True)]),  # true at one moment is true
        ("aabb", "bb..", "", [("b", 0, 2, False)]),  # too early, and over before it was true
        ("..aa", "bbaa", "", [("b", 0, 2, None), ("a", 2, 4, True)]),  # nothing is known of it
        ("aa..", ".bbb", "", [("b", 1, 4, False)]),  # what is known of it speaks against it
        ("b..a", "bbba", "", [("b", 0, 3, True), ("a", 3, 4, True)]),
        ("", "", "", []),
    ],
)
def test_events_of_an_exclusive_group(
    truth: str, states: str, quiet: str, events: list[tuple[str, int, int, bool | None]]
) -> None:
    assert [tuple(event) for event in decided_events(line(truth, states), quiet)] == events


@pytest.mark.parametrize(
    ("truth", "states", "events"),
    [
        ("x x xy xy", "x x xy xy", [("x", 0, 4, True), ("y", 2, 4, True)]),  # each label by itself
        ("x x x x", "x xy y x", [("x", 0, 2, True), ("y", 1, 3, False), ("x", 3, 4, True)]),
        ("- - - -", "- x . -", [("x", 1, 2, False)]),
        ("- - . .", "- - x x", [("x", 2, 4, None)]),
    ],
)
def test_events_of_an_independent_group(
    truth: str, states: str, events: list[tuple[str, int, int, bool | None]]
) -> None:
    assert [tuple(event) for event in decided_events(several(truth, states))] == events


def counted(one: WatchedLine, column: str) -> list[float]:
    return [float(value) for value in tally(one)[:, COUNTS.index(column)]]


def test_each_count_is_in_the_stretch_that_it_belongs_to() -> None:
    #            stretch 0   1    2
    one = watched("aaaaaabbbbaaaa", "aabbaaaaaaaaca")
    assert counted(one, "seconds") == [6.0, 4.0, 3.0]
    assert counted(one, "off") == [3.0, 1.0, 2.0]  # at 2, 3 and 4 s; at 8 s; at 12 and 13 s
    assert counted(one, "flips") == [2.0, 0.0, 2.0]
    assert counted(one, "excess_flips") == [2.0, 0.0, 2.0]
    assert counted(one, "missed") == [0.0, 1.0, 0.0]
    assert counted(one, "events") == [3.0, 0.0, 2.0]
    assert counted(one, "false_events") == [1.0, 0.0, 1.0]


def test_an_event_that_begins_where_nothing_is_known_counts_where_something_first_is() -> None:
    assert counted(watched("aa.bb", "..bbb"), "events") == [0.0, 1.0]
    assert len(tally(watched("...", "aaa"))) == 0


def test_time_of_unknown_truth_does_not_count() -> None:
    # Known are 0 to 2 s (2 s long, and the last picture leads nowhere) and 6 to 9 s.
    found = judge_events([watched("aaa...aaaa", "a" * 10)])
    assert found.hours == pytest.approx(5 / 3600)
    assert found.events.count == 1


LETTERS = st.lists(st.tuples(st.sampled_from("abc."), st.sampled_from("abc."), st.booleans()), min_size=1, max_size=40)


@given(st.lists(LETTERS, min_size=1, max_size=4), st.sets(st.sampled_from("abc")))
@settings(max_examples=200)
def test_stretches_add_up_to_the_figures_of_whole_lines(
    rows: list[list[tuple[str, str, bool]]], quiet: set[str]
) -> None:
    lines = [
        WatchedLine(
            line("".join(row[0] for row in pictures), "".join(row[1] for row in pictures), fps=2.0),
            tuple(row[2] for row in pictures),
            frozenset(quiet),
        )
        for pictures in rows
    ]
    total = dict(zip(COUNTS, np.concatenate([tally(one) for one in lines]).sum(axis=0), strict=True))
    whole = judge_lines([one.line for one in lines])
    assert (total["flips"], total["excess_flips"], total["missed"]) == (whole.flips, whole.excess_flips, whole.missed)
    if total["off"]:
        assert total["right_off"] / total["off"] == pytest.approx(whole.accuracy_off_edges.value)
    found = judge_events(lines)
    events = [event for one in lines for event in decided_events(one.line, one.quiet)]
    assert found.events.count == sum(event.true is not None for event in events)
    assert found.false_events.count == sum(event.true is False for event in events)
    assert found.hours <= whole.hours + 1e-12
    judged = [row[2] for pictures in rows for row in pictures if row[0] != "."]
    assert math.isnan(found.coverage.value) if not judged else found.coverage.value == pytest.approx(np.mean(judged))
    for rate in (found.flips, found.excess_flips, found.events, found.false_events):
        if rate.hours:
            assert 0.0 <= rate.low <= rate.per_hour <= rate.high
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize(("states", "count"), [("a" * 3601, 0), ("a" * 1000 + "b" + "a" * 2600, 1)])
def test_of_one_stretch_a_rate_has_the_exact_interval_of_poisson(states: str, count: int) -> None:
    found = judge_events([watched("a" * 3601, states)]).false_events
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    assert (found.count, found.hours) == (count, pytest.approx(1.0))
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2)


def test_flips_that_come_in_one_burst_have_a_wider_interval_than_those_spread_evenly() -> None:
    calm, shaken = "a" * 20 + "b" * 20, "a" * 18 + "ba" + "b" * 18 + "ab"
    burst = ["ab" * 10 + "ba" * 10] + ["a" * 20 + "b" * 20] * 9
    evenly = judge_events([watched(calm, shaken) for _ in range(10)]).excess_flips
    once = judge_events([watched(calm, states) for states in burst]).excess_flips
    assert once.count == pytest.approx(evenly.count, abs=4)
    assert once.high - once.low > 1.5 * (evenly.high - evenly.low)


def test_json_is_flat_and_names_its_intervals() -> None:
    found = judge_events([watched("aaaabbbbb", "aabaabbbb"), watched("aaaa", "..aa")]).to_json()
    assert found["excess_flips"] == 2
    assert found["excess_flips_per_hour"] == pytest.approx(2 / found["hours"])
    assert (found["false_events"], found["missed"], found["transitions"], found["stretches"]) == (1, 0, 1, 3)
    assert (found["median_delay_seconds"], found["worst_delay_seconds"]) == (1.0, 1.0)
    assert set(found["intervals"]) == {
        "frame_accuracy", "frame_accuracy_off_edges", "missed_share", "coverage", "flips_per_hour",
        "excess_flips_per_hour", "false_events_per_hour", "events_per_hour",
    }  # fmt: skip
    for name, (low, high) in found["intervals"].items():
        assert low <= found[name] <= high


def test_nothing_watched_is_said_so() -> None:
    found = judge_events([]).to_json()
    assert (found["events"], found["hours"]) == (0, 0.0)
    assert [found[name] for name in ("frame_accuracy", "events_per_hour", "median_delay_seconds")] == [None] * 3
    assert math.isnan(Rate(0, 0.0, math.nan, math.nan).per_hour)
