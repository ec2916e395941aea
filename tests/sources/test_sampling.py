"""Which pictures are taken where fewer are asked for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import UsageError
from decisight.sources.sampling import Sampler

CUT = [int(number * 1001 / 30) / 1000 for number in range(90)]
"""Times at 29.97 a second, cut to whole milliseconds."""


def taken(sampler: Sampler, times: list[float]) -> list[float]:
    return [seconds for seconds in times if sampler.takes(seconds)]


@pytest.mark.parametrize(
    ("fps", "times", "expected"),
    [
        (None, [0.0, 0.0, 0.1, 0.05], [0.0, 0.0, 0.1, 0.05]),
        (2, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 0.6, 1.0]),
        # The same rate takes all, though 0.1 + 0.2 is not 0.3.
        (10, [number / 10 for number in range(30)], [number / 10 for number in range(30)]),
        (12.5, [number * 0.08 for number in range(50)], [number * 0.08 for number in range(50)]),
        # Times in whole milliseconds, a little early: 33, 67, 100.
        (30, [0.0, 0.033, 0.067, 0.1, 0.133], [0.0, 0.033, 0.067, 0.1, 0.133]),
        (30, [0.0, 0.034, 0.066, 0.1, 0.133], [0.0, 0.034, 0.066, 0.1, 0.133]),
        (
            29.97,
            [int(number * 1001 / 30) / 1000 for number in range(90)],
            [int(n * 1001 / 30) / 1000 for n in range(90)],
        ),
        (1000, [number / 1000 for number in range(90)], [number / 1000 for number in range(90)]),
        # Pictures that come rarely are all taken.
        (5, [0.0, 3.0, 60.0], [0.0, 3.0, 60.0]),
        # Where a clock goes back, the first picture after that is taken.
        (1, [10.0, 10.5, 3.0, 3.5, 4.0], [10.0, 3.0, 4.0]),
        # Before the beginning, too.
        (1, [-1.5, -1.2, -0.5, 0.0], [-1.5, -0.5, 0.0]),
    ],
)
def test_the_first_of_each_slot_is_taken(fps: float | None, times: list[float], expected: list[float]) -> None:
    assert taken(Sampler(fps), times) == expected


@given(
    fps=st.none() | st.floats(0.01, 1000),
    times=st.lists(st.floats(-1e4, 1e6) | st.integers(0, 1000).map(lambda number: number / 25), max_size=60),
    data=st.data(),
)
def test_going_on_takes_what_would_have_been_taken(fps: float | None, times: list[float], data: st.DataObject) -> None:
    whole, sampler = [], Sampler(fps)
    for at, seconds in enumerate(times):
        if sampler.takes(seconds):
            whole.append(at)
    if not whole:
        return
    cut = data.draw(st.sampled_from(whole))
    sampler = Sampler(fps, after=times[cut])
    rest = [at for at in range(cut + 1, len(times)) if sampler.takes(times[at])]
    assert rest == [at for at in whole if at > cut]


@given(fps=st.floats(0.1, 100), rate=st.floats(0.1, 200), count=st.integers(1, 300))
def test_no_more_are_taken_than_asked_for(fps: float, rate: float, count: int) -> None:
    found = taken(Sampler(fps), [number / rate for number in range(count)])
    assert len(found) <= math.floor((count - 1) / rate * fps + 0.25) + 1
    if rate <= fps * 0.99:
        assert len(found) == count


@pytest.mark.parametrize("fps", [0, -1, math.nan, math.inf, 1e300])
def test_a_rate_that_cannot_be(fps: float) -> None:
    with pytest.raises(UsageError, match="fps = "):
        Sampler(fps)
