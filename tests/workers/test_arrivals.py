"""Frames are taken when they are asked for, and not before; a stop does not wait for the next one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from tests.clips import BRIGHT, noisy

from decisight.errors import SourceError
from decisight.types import Frame
from decisight.workers import arrivals
from decisight.workers.arrivals import Demand, paced


def frame(number: int) -> Frame:
    return Frame(f"{number}", float(number), noisy(BRIGHT, number), number)


class Camera:
    """A live source that can be asked; it gives what it has, and notes on which thread it was asked."""

    def __init__(self, *given: Frame | None) -> None:
        self.given = list(given)
        self.threads: set[int] = set()
        self.waits: list[float] = []

    def next_within(self, seconds: float) -> Frame | None:
        self.threads.add(threading.get_ident())
        self.waits.append(seconds)
        if not self.given:
            raise StopIteration
        return self.given.pop(0)


def test_one_that_can_be_asked_is_asked_on_this_thread() -> None:
    camera, beats = Camera(frame(0), None, frame(1)), list[int]()
    before = threading.active_count()
    given = paced(camera, 0.01, threading.Event(), lambda: beats.append(1))
    found = []
    for one in given:
        found.append(one)
        assert threading.active_count() == before
    assert [None if one is None else one.position for one in found] == [0, None, 1]
    assert camera.threads == {threading.get_ident()}
    assert len(beats) == 3


def test_none_is_taken_before_it_is_asked_for() -> None:
    taken: list[int] = []

    def frames() -> Iterator[Frame]:
        for number in range(3):
            taken.append(number)
            yield frame(number)

    demand = Demand(frames())
    assert taken == []
    first = demand.next_within(10.0)
    assert first is not None
    time.sleep(0.02)
    assert taken == [0]
    assert [demand.next_within(10.0).position for _ in range(2)] == [1, 2]  # type: ignore[union-attr]
    with pytest.raises(StopIteration):
        demand.next_within(10.0)
    demand.end()


def test_what_came_too_late_is_the_next_answer() -> None:
    due = threading.Event()

    def frames() -> Iterator[Frame]:
        due.wait(30.0)
        yield frame(7)

    demand = Demand(frames())
    assert demand.next_within(0.01) is None
    assert demand.next_within(0.0) is None
    due.set()
    found = demand.next_within(30.0)
    assert found is not None
    assert found.position == 7
    demand.end()


def test_what_taking_raises_is_raised_to_who_asks() -> None:
    def frames() -> Iterator[Frame]:
        yield frame(0)
        raise SourceError("the cable was pulled out")

    given = paced(frames(), 10.0, threading.Event())
    assert next(given) is not None
    with pytest.raises(SourceError, match="cable"):
        next(given)


def test_a_stop_ends_it_and_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "_HEARING", 0.01)
    stop, closed = threading.Event(), threading.Event()

    def frames() -> Iterator[Frame]:
        closed.wait(30.0)
        return
        yield

    before = set(threading.enumerate())
    threading.Timer(0.05, stop.set).start()
    assert list(paced(frames(), 3600.0, stop)) == []
    closed.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(10.0)
        assert not thread.is_alive()


class Still:
    """A clock that stands still: how fast this machine is bears on nothing."""

    def monotonic(self) -> float:
        return 1000.0


def test_long_silence_is_told_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "_FEW_PAUSES", 2)
    monkeypatch.setattr(arrivals, "time", Still())
    camera = Camera(*[None] * 8)
    assert list(paced(camera, 0.1, threading.Event())) == [None] * 8
    assert camera.waits == pytest.approx([0.1, 0.1, 0.1, 0.11, 0.121, 0.1331, 0.1464, 0.1611, 0.1772], abs=1e-4)
