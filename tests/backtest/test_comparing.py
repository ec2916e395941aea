"""Whether a policy is worse: when chance may be blamed, and when not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.backtest.comparing import compare_policies
from decisight.evaluation.events import WatchedLine
from decisight.evaluation.sequences import StateLine


def watched(truth: str, states: str) -> WatchedLine:
    """By a letter a picture, ten a second; ``.`` is the fall-back."""
    known, decided = (tuple(None if letter == "." else letter for letter in row) for row in (truth, states))
    return WatchedLine(StateLine("line", tuple(at / 10 for at in range(len(truth))), known, decided), (True,) * 9)


TRUTH = ("a" * 40 + "b" * 40) * 6
"""Twelve stretches of four seconds."""


def spoilt(stretches: int, spoil: str) -> str:
    """The truth, with something wrong in the midst of so many stretches."""
    letters = list(TRUTH)
    for number in range(stretches):
        begin = 40 * number + 15
        true = letters[begin]
        for at in range(10):
            letters[begin + at] = {"wrong": "ba"["ab".index(true)], "third": "c", "none": "."}[spoil]
    return "".join(letters)


def worse(ours: str, theirs: str, truth: str = TRUTH) -> set[str]:
    found = compare_policies("new", [watched(truth, ours)], "old", [watched(truth, theirs)])
    assert [one.figure for one in found.differences] == [
        "frame_accuracy_off_edges", "excess_flips", "missed", "false_events",
    ]  # fmt: skip
    json.dumps(found.to_json(), allow_nan=False)
    return {one.figure for one in found.worse}


@pytest.mark.parametrize(
    ("spoil", "figures"),
    [
        ("wrong", {"frame_accuracy_off_edges", "excess_flips", "false_events"}),
        ("third", {"frame_accuracy_off_edges", "excess_flips", "false_events"}),
        ("none", {"frame_accuracy_off_edges", "excess_flips"}),  # the fall-back is no event
    ],
)
def test_what_goes_wrong_in_most_stretches_is_no_chance(spoil: str, figures: set[str]) -> None:
    assert worse(spoilt(10, spoil), TRUTH) == figures
    assert worse(TRUTH, spoilt(10, spoil)) == set()  # to be better is not to be worse
    assert worse(spoilt(10, spoil), spoilt(10, spoil)) == set()


def test_what_goes_wrong_in_one_or_two_stretches_may_be_chance() -> None:
    for stretches in (1, 2):
        assert worse(spoilt(stretches, "wrong"), TRUTH) == set()


def test_changes_that_are_missed_again_and_again() -> None:
    assert "missed" in worse("a" * len(TRUTH), TRUTH)


def test_of_one_stretch_nothing_can_be_told() -> None:
    truth = "a" * 60
    found = compare_policies("new", [watched(truth, "b" * 60)], "old", [watched(truth, truth)])
    assert not found.told
    assert not found.worse
    assert found.to_json()["differences"][0]["interval"] == [None, None]


def test_where_all_is_near_an_edge_accuracy_is_not_compared() -> None:
    assert worse("ab" * 8, "ba" * 8, "ab" * 8) <= {"excess_flips", "missed", "false_events"}


def test_of_lines_whose_stretches_differ_each_counts_as_one() -> None:
    ours, theirs = watched("a" * 40 + "b" + "a" * 40, "a" * 81), watched("a" * 81, "a" * 81)
    found = compare_policies("new", [ours, watched(TRUTH, TRUTH)], "old", [theirs, watched(TRUTH, TRUTH)])
    assert found.stretches == 13


@given(st.text("abc.", min_size=70, max_size=70), st.text("abc.", min_size=70, max_size=70), st.integers(0, 9))
@settings(max_examples=40)
def test_it_is_the_same_whenever_it_is_asked_and_the_mirror_of_the_other_way_round(
    ours: str, theirs: str, seed: int
) -> None:
    truth = "a" * 25 + "b" * 25 + "a" * 20
    one, two = [watched(truth, ours)], [watched(truth, theirs)]
    found = compare_policies("new", one, "old", two, seed=seed)
    assert found == compare_policies("new", one, "old", two, seed=seed)
    mirrored = compare_policies("old", two, "new", one, seed=seed)
    for ahead, back in zip(found.differences, mirrored.differences, strict=True):
        assert (ahead.low, ahead.high) == pytest.approx((-back.high, -back.low))
        assert not (ahead.worse and back.worse)
