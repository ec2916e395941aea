"""Sources of collected pictures: two of one camera are always a pause apart, and none is endless."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from decisight.collecting.stretches import LONGEST_GAPS, Stretches


def of(gap: float = 30.0, known: list[tuple[str, float]] | None = None) -> Stretches:
    return Stretches(lambda time: f"from {time:g}", gap, known or [])


def test_a_pause_ends_a_source() -> None:
    stretches = of()
    assert [stretches.source_of(time) for time in (0, 30, 60, 91)] == ["from 0", "from 0", "from 0", "from 91"]


def test_what_is_there_still_keeps_its_source() -> None:
    stretches = of()
    stretches.source_of(0)
    for time in (25, 50, 75):
        stretches.still(time)
    assert stretches.source_of(100) == "from 0"


def test_a_camera_that_is_never_at_rest_is_not_one_source() -> None:
    stretches = of(1.0)
    found = [stretches.source_of(time / 2) for time in range(200)]
    assert found.count(None) > 0
    assert len(set(found) - {None}) == 5


def test_sources_are_taken_up_after_a_restart() -> None:
    stretches = of(known=[("old", 10.0), ("old", 40.0), ("other", 200.0)])
    assert stretches.source_of(60.0) == "old"
    assert stretches.source_of(20.0) == "old"
    assert stretches.source_of(190.0) == "other"
    assert stretches.source_of(1000.0) == "from 1000"


def test_what_lies_between_two_sources_belongs_to_neither() -> None:
    stretches = of(known=[("a", 0.0), ("b", 50.0)])
    assert stretches.source_of(25.0) is None


@given(st.lists(st.floats(0, 500, allow_nan=False).map(lambda time: round(time, 2)), max_size=60))
def test_two_sources_are_a_pause_apart_whatever_comes_when(times: list[float]) -> None:
    gap, stretches = 3.0, of(3.0)
    spans: dict[str, list[float]] = {}
    for time in times:
        source = stretches.source_of(time)
        if source is not None:
            spans.setdefault(source, []).append(time)
    ordered = sorted((min(span), max(span)) for span in spans.values())
    assert all(end - begin <= LONGEST_GAPS * gap for begin, end in ordered)
    assert all(later[0] - earlier[1] > gap for earlier, later in itertools.pairwise(ordered))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 2000)), max_size=20),
    st.lists(st.floats(0, 2000), max_size=60),
)
def test_those_that_are_near_are_found_among_all(known: list[tuple[int, float]], times: list[float]) -> None:
    stretches = Stretches("{:.3f}".format, 10.0, [(str(number), time) for number, time in known])
    for time in times:
        every = [one for one in stretches._stretches if one.distance(time) <= 10.0]
        assert stretches._near(time) == every
        stretches.source_of(time)
