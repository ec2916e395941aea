"""Times of a recording go forward, whatever it says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.sources.timeline import Place, Timeline


def timeline() -> Timeline:
    return Timeline(step=10, jump=100, leap=1000)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([5, 15, 40], [(5, True), (15, True), (40, True)]),
        # Without any time, at the average rate.
        ([None, None, None], [(0, False), (10, False), (20, False)]),
        ([0, None, 20], [(0, True), (10, False), (20, True)]),
        # One that repeats or steps back a little comes a tick later, and those after it at their own times.
        ([0, 10, 10, 20], [(0, True), (10, True), (11, False), (20, True)]),
        ([0, 50, 40, 60], [(0, True), (50, True), (51, False), (60, True)]),
        # Another recording was joined on: its times count on from the last.
        ([0, 200, 0, 10], [(0, True), (200, True), (210, False), (220, False)]),
        ([0, 5000, 5010], [(0, True), (10, False), (20, False)]),
    ],
)
def test_where_pictures_stand(times: list[int | None], expected: list[Place]) -> None:
    line = timeline()
    assert [line.place(pts) for pts in times] == expected


@given(st.lists(st.none() | st.integers(-(2**40), 2**40) | st.integers(0, 300)))
def test_it_grows(times: list[int | None]) -> None:
    line = timeline()
    places = [line.place(pts) for pts in times]
    assert all(one.ticks < other.ticks for one, other in pairwise(places))
    assert all(place.ticks == pts for place, pts in zip(places, times, strict=True) if place.own)
