"""The rendered camera: a recording that is the same however it is taken, and a live one that keeps to the clock."""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.errors import SourceError, UsageError
from decisight.sources import SOURCES
from decisight.sources.rendered.scene import ROLE_COLOURS
from decisight.sources.rendered.shift import CLIP_SIZE, GATE_REGION, NOBODY, TRUTHS, Shift
from decisight.sources.rendered.visit import Place
from decisight.sources.rendered_camera import RenderedCamera
from decisight.types import Frame

NEW_YEAR = 1767225600.0
"""2026-01-01T00:00:00Z in seconds since 1970."""
TINY = "48x64"

seeds = st.integers(0, 2**31)
moments = st.floats(0, 5000)


def taken(source: RenderedCamera, most: int, **how: Any) -> list[Frame]:
    with source.open(**how) as frames:
        return list(itertools.islice(frames, most))


class TestShift:
    @settings(max_examples=20)
    @given(seed=seeds, seconds=moments)
    def test_a_moment_is_the_same_whatever_was_asked_before(self, seed: int, seconds: float) -> None:
        scene = Shift(seed).scene(seconds)
        Shift(seed + 1).scene(seconds)
        Shift(seed).scene(seconds + 100)
        assert Shift(seed).scene(seconds) == scene

    @settings(max_examples=20)
    @given(seed=seeds, group=st.sampled_from(tuple(TRUTHS)), seconds=st.floats(0.01, 120))
    def test_what_is_true_has_no_gaps_and_agrees_with_each_moment(self, seed: int, group: str, seconds: float) -> None:
        shift = Shift(seed)
        truths = shift.truths(group, seconds)
        assert truths[0].start == 0
        assert truths[-1].end == seconds
        for one, other in itertools.pairwise(truths):
            assert one.end == other.start
            assert one.state != other.state
            assert NOBODY in (one.state, other.state)
        for truth in truths:
            assert truth.start < truth.end
            assert truth.state in TRUTHS[group]
            for moment in (truth.start, (truth.start + truth.end) / 2):
                assert shift.truth(moment)[group] == truth.state

    @settings(max_examples=20)
    @given(seed=seeds, number=st.integers(0, 400))
    def test_somebody_counts_from_when_half_of_the_body_is_inside(self, seed: int, number: int) -> None:
        shift = Shift(seed)
        visit = shift.visit(10.0 * number)
        bounds = [x for x, _ in GATE_REGION.polygon]
        calm = Shift(seed, trouble=0.0).scene(visit.start)
        place = Place(calm.gate, calm.camera, calm.z, CLIP_SIZE[0] / CLIP_SIZE[1], min(bounds), max(bounds))
        for moment in (visit.start, visit.end):
            scene = shift.scene(moment)
            side = 1 if scene.x > 0 else -1
            assert scene.x == pytest.approx(place.border(side, scene.z), abs=0.005)
            before, after = shift.scene(moment - 0.05), shift.scene(moment + 0.05)
            # A tenth of a second from side to side of the border, at a walk.
            assert 0.1 < abs(after.x - before.x) < 0.16
        assert abs(shift.scene((visit.start + visit.end) / 2).x) < 0.5

    @pytest.mark.parametrize("seed", range(4))
    def test_visits_are_some_seconds_long_with_some_seconds_between(self, seed: int) -> None:
        truths = Shift(seed).truths("role", 300)
        inner = truths[1:-1]
        lengths = [truth.end - truth.start for truth in inner]
        assert 1.9 < min(lengths) < max(lengths) < 17
        assert 290 / 10 * 2 <= len(truths) <= 310 / 10 * 2 + 1
        assert {truth.state for truth in inner} == {*ROLE_COLOURS, NOBODY}

    def test_nobody_is_seen_well_before_and_after_a_visit(self) -> None:
        shift = Shift(3)
        visit = shift.visit(0.0)
        assert shift.scene(visit.start - 1.0).worker is None
        assert shift.scene(visit.start).worker == visit.worker
        assert shift.scene(visit.end + 1.0).worker is None

    def test_without_trouble_the_camera_hangs_still_and_nothing_passes(self) -> None:
        calm = [Shift(2, trouble=0.0).scene(t / 4) for t in range(80)]
        assert {(s.camera.pan, s.camera.tilt, s.camera.defocus, s.obstacle) for s in calm} == {
            (calm[0].camera.pan, calm[0].camera.tilt, 1.0, None)
        }
        assert len({s.light.exposure for s in calm}) == 1
        assert len({s.camera.seed for s in calm}) == len(calm)

    def test_with_trouble_every_kind_of_it_comes(self) -> None:
        scenes = [Shift(2).scene(t / 5) for t in range(1500)]
        exposures = np.array([s.light.exposure for s in scenes])
        assert exposures.max() - np.median(exposures) > 2
        assert np.median(exposures) - exposures.min() > 2
        assert max(s.camera.defocus for s in scenes) > 8
        assert max(s.camera.motion for s in scenes) > 8
        assert min(s.camera.quality or 0 for s in scenes) < 13
        assert len({s.camera.pan for s in scenes}) > 10
        assert 0.02 < np.mean([s.obstacle is not None for s in scenes]) < 0.3

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"seed": -1}, "no shift of the seed -1"),
            ({"size": (31, 64)}, "31 x 64 pixels is not drawn"),
            ({"trouble": 1.5}, "trouble of 1.5"),
            ({"trouble": float("nan")}, "trouble of nan"),
        ],
    )
    def test_what_cannot_be_is_refused(self, values: dict[str, Any], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            Shift(**values)

    @pytest.mark.parametrize("seconds", [-0.1, float("nan"), float("inf")])
    def test_a_moment_that_is_none_is_refused(self, seconds: float) -> None:
        for ask in (Shift().scene, Shift().truth, Shift().picture):
            with pytest.raises(UsageError, match="no moment"):
                ask(seconds)
        with pytest.raises(UsageError, match="no shift lasts"):
            Shift().truths("role", seconds)

    def test_a_group_that_is_not_known_is_refused(self) -> None:
        with pytest.raises(UsageError, match="'gloves'") as caught:
            Shift().truths("gloves", 10)
        assert caught.value.hint == "one of role, vest, helmet"


class TestRecording:
    def test_it_is_found_by_name_and_has_the_default_size(self) -> None:
        source = SOURCES.build("rendered", {})
        assert isinstance(source, RenderedCamera)
        assert not source.live
        (frame,) = taken(source, 1)
        assert frame.pixels is not None
        assert frame.pixels.shape == (CLIP_SIZE[1], CLIP_SIZE[0], 3)
        assert (frame.time, frame.position, frame.cause, frame.skipped) == (NEW_YEAR, 0, None, 0)
        assert source.facts().seconds is None
        assert source.facts().size == CLIP_SIZE

    @pytest.mark.parametrize("size", [TINY, [48, 64], (48, 64)])
    def test_a_size_may_be_written_in_two_ways(self, size: Any) -> None:
        source = SOURCES.build("rendered", {"size": size})
        assert source.facts().size == (48, 64)

    def test_frames_show_their_moments(self) -> None:
        source = RenderedCamera(seed=4, size=TINY, fps=4, start="2024-05-03T08:00:00+02:00")
        frames = taken(source, 3)
        origin = source.facts().origin
        assert origin == 1714716000.0
        assert [f.time - origin for f in frames] == [0.0, 0.25, 0.5]
        assert frames[2].name == "rendered gate 4 at 0.500 s"
        for frame in frames:
            assert frame.pixels is not None
            assert not frame.pixels.flags.writeable
            assert np.array_equal(frame.pixels, Shift(4, (48, 64)).picture(frame.time - origin))

    @pytest.mark.parametrize(("seconds", "fps", "count"), [(1.0, 10, 10), (0.95, 10, 10), (0.31, 10, 4), (0.01, 10, 1)])
    def test_it_ends(self, seconds: float, fps: float, count: int) -> None:
        source = RenderedCamera(size=TINY, seconds=seconds, fps=fps)
        assert len(taken(source, 100)) == count
        assert source.facts().seconds == seconds
        assert taken(source, 100, after=count - 1) == []

    @settings(max_examples=10)
    @given(after=st.integers(0, 10), fps=st.sampled_from([None, 1.5, 3.0, 4.0, 50.0]))
    def test_it_goes_on_as_if_it_had_not_been_left(self, after: int, fps: float | None) -> None:
        source = RenderedCamera(size=TINY, seconds=3, fps=5)
        whole = taken(source, 99, fps=fps)
        last = whole[min(after, len(whole) - 1)]
        rest = taken(source, 99, after=json.loads(json.dumps(last.position)), fps=fps)
        expected = [f for f in whole if f.time > last.time]
        assert [f.position for f in rest] == [f.position for f in expected]
        for one, other in zip(rest, expected, strict=True):
            assert np.array_equal(one.pixels, other.pixels)

    def test_fewer_pictures_a_second_are_taken_where_asked(self) -> None:
        source = RenderedCamera(size=TINY, seconds=2, fps=10)
        assert [f.position for f in taken(source, 99, fps=2)] == [0, 5, 10, 15]

    @pytest.mark.parametrize(
        ("section", "message"),
        [
            ({"seed": -1}, "seed -1"),
            ({"seconds": 0}, "seconds = 0"),
            ({"seconds": float("inf")}, "seconds = inf"),
            ({"fps": 0}, "fps = 0"),
            ({"fps": float("nan")}, "fps = nan"),
            ({"size": "large"}, "'large' is not understood as a size"),
            ({"size": "20x20"}, "20 x 20 pixels is not drawn"),
            ({"start": "noon"}, "start = 'noon' is not understood"),
            ({"realtime": True, "start": "2024-01-01"}, "no meaning with realtime"),
            ({"trouble": 2}, "trouble of 2"),
            ({"zoom": 2}, "no option zoom"),
        ],
    )
    def test_a_section_that_cannot_be_is_refused(self, section: dict[str, Any], message: str) -> None:
        with pytest.raises(UsageError, match=message) as caught:
            SOURCES.build("rendered", section)
        assert caught.value.hint

    @pytest.mark.parametrize("position", [-1, 1.5, True, "3", [3]])
    def test_a_position_of_another_source_is_refused(self, position: Any) -> None:
        with pytest.raises(SourceError, match="no position"):
            RenderedCamera(size=TINY).open(after=position)

    def test_identities_differ_where_pictures_do(self) -> None:
        sources = [
            RenderedCamera(),
            RenderedCamera(seed=1),
            RenderedCamera(fps=5),
            RenderedCamera(size=TINY),
            RenderedCamera(trouble=0.5),
            RenderedCamera(start="2025-01-01"),
            RenderedCamera(realtime=True),
        ]
        assert len({source.facts().identity for source in sources}) == len(sources)
        assert RenderedCamera(seconds=3).facts().identity == RenderedCamera().facts().identity


class Clock:
    """A clock that stands still but for waiting and drawing."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 5e8 + self.now


class TestRealtime:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Clock:
        clock = Clock()
        monkeypatch.setattr("decisight.sources.rendered_camera.time", clock)

        def wait(_: object, seconds: float) -> bool:
            clock.now += seconds
            return False

        monkeypatch.setattr("threading.Event.wait", wait)
        return clock

    def test_frames_come_when_they_are_due_with_the_clocks_time(self, clock: Clock) -> None:
        source = RenderedCamera(size=TINY, fps=4, realtime=True)
        assert source.live
        assert source.facts().origin is None
        frames = taken(source, 4, after=7)
        assert [f.position for f in frames] == [8, 9, 10, 11]
        assert [f.time for f in frames] == [5e8 + 1000, 5e8 + 1000.25, 5e8 + 1000.5, 5e8 + 1000.75]
        assert [f.skipped for f in frames] == [0, 0, 0, 0]

    def test_what_could_not_be_drawn_in_time_is_passed_over(self, clock: Clock) -> None:
        source = RenderedCamera(size=TINY, fps=4, realtime=True)
        found = []
        with source.open() as frames:
            for frame, pause in zip(frames, (1.1, 0.0, 0.3, 0.0), strict=False):
                found.append((frame.position, frame.skipped))
                clock.now += pause
        assert found == [(0, 0), (4, 3), (5, 0), (6, 0)]

    def test_frames_that_nobody_asked_for_are_not_counted_as_passed_over(self, clock: Clock) -> None:
        source = RenderedCamera(size=TINY, fps=4, realtime=True)
        assert [(f.position, f.skipped) for f in taken(source, 3, fps=1)] == [(0, 0), (4, 0), (8, 0)]

    def test_it_ends_with_its_last_frame_however_late(self, clock: Clock) -> None:
        source = RenderedCamera(size=TINY, fps=4, seconds=1, realtime=True)
        with source.open() as frames:
            next(frames)
            clock.now += 60
            assert [(f.position, f.skipped) for f in frames] == [(3, 2)]

    def test_one_that_is_closed_while_it_waits_ends(self) -> None:
        source = RenderedCamera(size=TINY, fps=0.001, realtime=True)
        opened: Any = source.open()
        with opened as frames:
            next(frames)
            closer = threading.Timer(0.05, opened.close)
            closer.start()
            assert list(frames) == []
            closer.join()


@pytest.mark.parametrize("size", [(480, 270), (1920, 400), (4096, 32)])
def test_visits_in_wide_pictures_end_in_time(size: tuple[int, int]) -> None:
    for seed in range(12):
        for number in range(12):
            visit = Shift(seed, size).visit(10.0 * number)
            assert 10.0 * number <= visit.start < visit.end <= 10.0 * (number + 1)
