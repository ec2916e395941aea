"""One picture every so often is let through, whatever the clock does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import UsageError
from decisight.gates.interval import Interval
from decisight.types import Verdict

PICTURE = np.zeros((4, 4, 3), np.uint8)


def passed(times: Sequence[float], every: str = "1s") -> list[float]:
    keeper = Interval(every=every).keeper()
    found = [(time, keeper.judge(PICTURE, time)) for time in times]
    assert {verdict for _, verdict in found} <= {None, Verdict("between two looks", unchanged=True)}
    return [time for time, verdict in found if verdict is None]


@pytest.mark.parametrize(
    ("times", "every", "through"),
    [
        ([0, 0.25, 0.5, 0.75, 1, 1.25, 2], "1s", [0, 1, 2]),
        ([0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4], "1s", [0, 1.2, 2.4]),
        ([0.1 * i for i in range(8)], "300ms", [0, 0.1 * 3, 0.1 * 6]),  # 0.1 * 6 - 0.1 * 3 is not 0.3
        ([100, 100.5, 40, 40.5, 41], "1s", [100, 40, 41]),  # a clock set back
        ([0, 5000, 5000.5], "1s", [0, 5000]),
    ],
)
def test_what_is_let_through(times: list[float], every: str, through: list[float]) -> None:
    assert passed(times, every) == through


@given(st.lists(st.floats(0.001, 3.0), min_size=1, max_size=40))
def test_between_two_that_are_let_through_lies_the_interval(steps: list[float]) -> None:
    times = np.cumsum(steps).tolist()
    through = passed(times)
    assert through[0] == times[0]
    assert all(later - sooner >= 1.0 - 2e-6 for sooner, later in pairwise(through))
    assert times[-1] - through[-1] < 1.0


def test_it_goes_on_after_a_restart() -> None:
    keeper = Interval(every="1s").keeper()
    assert keeper.state() is None
    for time in (5.0, 5.5):
        keeper.judge(PICTURE, time)
    found = [Interval(every="1s").keeper(json.loads(json.dumps(keeper.state()))).judge(PICTURE, t) for t in (5.9, 6.0)]
    assert found == [Verdict("between two looks", unchanged=True), None]


@pytest.mark.parametrize(("every", "message"), [("0s", "is too short"), (3, "has no unit"), ("x", "is not understood")])
def test_a_time_that_is_none(every: str | int, message: str) -> None:
    with pytest.raises(UsageError, match=f"every = '{every}' {message}"):
        Interval(every=every)
