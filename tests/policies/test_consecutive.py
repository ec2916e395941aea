"""Consecutive: case by case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from decisight.errors import UsageError
from decisight.policies.consecutive import Consecutive
from decisight.types import LabelGroup, Reason, Task

PAIR = Task((LabelGroup("class", ("a", "b")),))


@pytest.mark.parametrize(
    ("required", "sequence", "expected"),
    [
        (1, "abc?-", "abc.."),
        (2, "aabb", ".aab"),
        (3, "aabaaa", ".....a"),
        # once it is accepted, shorter runs of others change nothing
        (2, "aababab", ".aaaaaa"),
        # as many images that speak for none lead back to the fall-back
        (2, "aa?a??", ".aaaa."),
        (2, "aa-a--", ".aaaa."),
        # nothing judged and nothing sure is the same answer: none
        (2, "aa?-", ".aa."),
        # a picture that cannot be judged breaks a run
        (2, "a-a", "..."),
        (2, "aabcbcc", ".aaaaac"),
    ],
)
def test_runs(states: Callable[..., str], required: int, sequence: str, expected: str) -> None:
    assert states(Consecutive(default_threshold=0.5, required=required), sequence) == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.0, 0.5, 1.0], "..a"),
        ([0.0, 0.5, 0.75], "..."),
        # from the first image to the last, so one image is never enough
        ([0.0, 5.0, 5.0], ".aa"),
    ],
)
def test_runs_in_seconds(states: Callable[..., str], times: list[float], expected: str) -> None:
    assert states(Consecutive(required="1s"), "aaa", times=times) == expected


@pytest.mark.parametrize(
    ("sequence", "reason"),
    [
        ("-", Reason.CANNOT_JUDGE),
        ("---", Reason.CANNOT_JUDGE),
        ("a", Reason.ABSTAINED),
        ("?", Reason.ABSTAINED),
        ("??", Reason.BELOW_THRESHOLD),
        ("ab", Reason.ABSTAINED),
        # as long, but judged too seldom
        ("?-?", Reason.BELOW_THRESHOLD),
        ("-?", Reason.ABSTAINED),
        ("aa??", Reason.BELOW_THRESHOLD),
        ("aa--", Reason.CANNOT_JUDGE),
        ("aa--.", Reason.CANNOT_JUDGE),
    ],
)
def test_reasons(decide: Callable[..., Any], sequence: str, reason: Reason) -> None:
    assert decide(Consecutive(default_threshold=0.5, required=2), sequence, every=0.1)[-1].reason is reason


def test_the_confidence_is_the_mean_of_the_run(decide: Callable[..., Any]) -> None:
    rows = [(0.1, 0.9), (0.9, 0.1), (0.7, 0.3), (0.8, 0.2), (0.4, 0.6)]
    found = decide(Consecutive(required=2), rows, task=PAIR)
    assert [d.state for d in found] == ["unknown", "unknown", "a", "a", "a"]
    assert [d.confidence for d in found[2:]] == pytest.approx([0.8, 0.8, 0.8], abs=1e-15)
    assert [d.scores for d in found] == [(0.0, 1.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (0.0, 1.0)]


def test_it_explains_itself() -> None:
    fold = Consecutive(required=2).fold(PAIR, "class")
    run = [1, 1, 0.0, 0.5, [0.4, 0.6], 1, 0, [0.8, 0.2]]
    begun = fold.begin()._replace(held=0, readings=3, blind=False, judged=0.5, now=0.5, evidence=run)
    assert fold.describe(begun) == "1 in a row for b (2 images needed); a until then"


@pytest.mark.parametrize("required", [0, -1, "0s", "soon", "3 images", "1.5", ""])
def test_a_run_that_cannot_be(required: int | str) -> None:
    with pytest.raises(UsageError, match="required = ") as caught:
        Consecutive(required=required)
    assert caught.value.hint
