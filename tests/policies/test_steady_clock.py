"""A clock that never runs backwards, whatever the times say, and goes no faster than they do."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.policies.steady_clock import steady


def read(times: Sequence[float]) -> list[float]:
    now: float | None = None
    ahead: Sequence[float] = ()
    found = []
    for time in times:
        now, ahead = steady(time, now, ahead)
        found.append(now)
    return found


@pytest.mark.parametrize(
    ("times", "steadily"),
    [
        ([], []),
        ([5.0], [5.0]),
        ([1.0, 2.0, 2.0, 4.0], [1.0, 2.0, 2.0, 4.0]),
        # set back: it goes on from where it was
        ([10.0, 4.0, 5.0, 7.5], [10.0, 10.0, 11.0, 13.5]),
        # and is theirs again, once they are as late
        ([10.0, 4.0, 5.0, 11.0, 12.0], [10.0, 10.0, 11.0, 11.0, 12.0]),
        # set back twice
        ([10.0, 4.0, 5.0, 1.0, 2.0], [10.0, 10.0, 11.0, 11.0, 12.0]),
        # set right again after the second time
        ([10.0, 4.0, 5.0, 1.0, 2.0, 7.0], [10.0, 10.0, 11.0, 11.0, 12.0, 13.0]),
        # two cameras whose clocks differ, picture by picture: it runs as they do, not twice as fast
        ([10.0, 5.0, 11.0, 6.0, 12.0, 7.0], [10.0, 10.0, 11.0, 11.0, 12.0, 12.0]),
        ([-5.0, -6.0, -5.5], [-5.0, -5.0, -4.5]),
    ],
)
def test_times_that_go_back(times: list[float], steadily: list[float]) -> None:
    assert read(times) == steadily


TIMES = st.lists(st.integers(-50, 50).map(float), max_size=30)


@given(TIMES)
def test_it_never_runs_backwards_nor_behind(times: list[float]) -> None:
    found = read(times)
    assert found == sorted(found)
    assert all(now >= time for now, time in zip(found, times, strict=True))


@given(TIMES)
def test_it_goes_no_faster_than_the_times(times: list[float]) -> None:
    found = read(times)
    for before, time, then, now in zip(times, times[1:], found, found[1:], strict=False):
        assert now - then <= max(0.0, time - before)


@given(st.lists(st.integers(0, 5).map(float), min_size=1, max_size=30))
def test_times_that_do_not_go_back_are_its_own(steps: list[float]) -> None:
    times = [sum(steps[: at + 1]) for at in range(len(steps))]
    assert read(times) == times


@given(TIMES)
def test_what_it_remembers_is_little_and_json(times: list[float]) -> None:
    now: float | None = None
    ahead: Sequence[float] = ()
    by_json: list[float] = []
    for time in times:
        now, ahead = steady(time, now, ahead)
        assert len(ahead) <= 4
        ahead = json.loads(json.dumps(ahead))
        by_json.append(now)
    assert by_json == read(times)
