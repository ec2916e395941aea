"""A source at work can be closed at any moment, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from decisight.sources.opened import Opened
from decisight.types import Frame


class Endless:
    """Frames without end; after the first it waits until it is closed."""

    def __init__(self, waits: bool) -> None:
        self.waits = waits
        self.ended = threading.Event()
        self.waiting = threading.Event()

    def begin(self, closed: threading.Event) -> Generator[Frame]:
        try:
            while not closed.is_set():
                yield Frame("none", 0.0, None, cause="none")
                if self.waits:
                    self.waiting.set()
                    closed.wait()
        finally:
            self.ended.set()


def test_leaving_after_a_break_closes_it() -> None:
    source = Endless(waits=False)
    with Opened(source.begin) as frames:
        for _ in frames:
            break
        assert not source.ended.is_set()
    assert source.ended.is_set()
    assert list(frames) == []


def test_whoever_waits_in_another_thread_finds_no_more() -> None:
    source = Endless(waits=True)
    opened = Opened(source.begin)
    found: list[Frame] = []
    with opened as frames:
        taker = threading.Thread(target=lambda: found.extend(frames))
        taker.start()
        assert source.waiting.wait(60)
    taker.join(60)
    assert not taker.is_alive()
    assert source.ended.is_set()
    assert len(found) == 1


def test_closing_twice_or_before_it_was_opened_does_nothing() -> None:
    source = Endless(waits=False)
    opened = Opened(source.begin)
    opened.close()
    opened.close()
    with opened as frames:
        assert list(frames) == []


def test_what_fails_to_begin_fails_on_entering() -> None:
    def begin(closed: threading.Event) -> Generator[Frame]:
        raise RuntimeError("not there")

    with pytest.raises(RuntimeError, match="not there"), Opened(begin):
        raise AssertionError


def test_who_asks_while_another_thread_closes_it_finds_no_more() -> None:
    closing, may_end = threading.Event(), threading.Event()

    def begin(closed: threading.Event) -> Generator[Frame]:
        try:
            while not closed.is_set():
                yield Frame("none", 0.0, None, cause="none")
        finally:
            closing.set()
            may_end.wait(60)

    opened = Opened(begin)
    with opened as frames:
        next(frames)
        closer = threading.Thread(target=opened.close)
        closer.start()
        assert closing.wait(60)
        threading.Timer(0.1, may_end.set).start()
        assert list(frames) == []
        closer.join(60)
