from __future__ import annotations

from decisight.sources.camera_clock import Gaps, KeyFrames, Lateness, StreamClock


def test_the_times_of_a_stream_are_laid_onto_the_steady_clock() -> None:
    clock = StreamClock()
    assert [clock.read(raw, arrived) for raw, arrived in ((5.0, 100.0), (5.1, 100.3), (5.2, 100.3))] == [
        100.0,
        100.1,
        100.2,
    ]
    assert clock.advanced == 100.3


def test_a_clock_that_was_set_begins_anew() -> None:
    clock = StreamClock()
    clock.read(5.0, 100.0)
    # The last is a little back, which is the order in which pictures are sent.
    found = [clock.read(raw, arrived) for raw, arrived in ((1000.0, 100.1), (3.0, 100.2), (2.9, 100.3))]
    assert [round(one, 6) for one in found] == [100.1, 100.2, 100.1]


def test_a_clock_that_stands_does_not_advance() -> None:
    clock = StreamClock()
    clock.read(5.0, 100.0)
    clock.read(5.0, 104.0)
    assert clock.advanced == 100.0


def test_a_picture_without_a_time_comes_as_long_after_the_last_as_that_did() -> None:
    clock = StreamClock()
    assert clock.read(None, 100.0) == 100.0
    clock.read(0.1, 100.1)
    assert round(clock.read(None, 100.2), 6) == 100.2


def test_who_is_late_is_measured_against_the_quickest() -> None:
    late = Lateness()
    assert [round(late.of(at, at + way), 3) for at, way in ((0.0, 0.5), (1.0, 0.2), (2.0, 3.2), (3.0, 0.2))] == [
        0.0,
        0.0,
        3.0,
        0.0,
    ]


def test_a_clock_that_drifts_makes_nobody_late() -> None:
    late = Lateness()
    # A tenth of a percent, ten times what a bad one does.
    assert max(late.of(float(at), at * 1.001) for at in range(7200)) < 0.1


def test_key_frames_are_enough_once_two_intervals_are_known() -> None:
    keys = KeyFrames()
    found = []
    for seconds in (0.0, 2.0, 4.0, 6.0, 16.0, 18.0, 20.0, 22.0):
        keys.see(seconds)
        found.append(keys.suffice(0.2))
    # At first it is taken for granted of so few, and the last three intervals count.
    assert found == [True, True, True, True, False, False, False, True]
    assert keys.suffice(0.5)
    assert not keys.suffice(1.0)
    assert not keys.suffice(None)


def test_nothing_is_taken_for_granted_of_more_pictures_or_once_one_failed() -> None:
    keys = KeyFrames()
    keys.see(0.0)
    assert [keys.suffice(fps) for fps in (0.2, 0.5, 1.0, 10.0)] == [True, True, False, False]
    keys.see(6.0)
    assert not keys.suffice(0.2)
    keys.fail()
    assert not keys.suffice(0.2)
    for seconds in (0.0, 2.0, 4.0):
        keys.see(seconds)
    assert keys.suffice(0.2)


def test_pictures_that_were_lost_leave_a_gap() -> None:
    gaps = Gaps()
    assert [gaps.before(at / 10) for at in (0, 1, 2, 3, 5, 6, 7)] == [False, False, False, False, True, False, False]
