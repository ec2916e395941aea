"""The newest picture of a source, with a camera that does what the test says."""

from __future__ import annotations

import logging
import random
import threading
import time
import traceback
from typing import Any

import numpy as np
import pytest
from tests.live.taking import take_for, take_until

from decisight.errors import ImageError
from decisight.sources.newest import DAMAGED, Box, Newest
from decisight.sources.retrying import AwayError, Waits


def picture(value: int) -> Any:
    return lambda: np.full((4, 4, 3), value, np.uint8)


def broken() -> Any:
    raise ImageError("it is damaged")


def test_only_the_newest_waits_and_what_came_before_is_counted() -> None:
    def connect(box: Box) -> None:
        for value in (1, 2, 3):
            box.put(picture(value))
        box.skip()
        box.closed.wait()

    with Newest(connect, "gate", 5.0) as frames:
        while frames._box.skipped < 3:
            time.sleep(0.01)
        frame = frames.next_within(60.0)
        assert frame is not None
        assert frame.pixels is not None
        assert (frame.pixels[0, 0, 0], frame.skipped, frame.name, frame.position) == (3, 3, "gate", None)
        assert not frame.pixels.flags.writeable
        assert frames.next_within(0.01) is None


def test_a_picture_that_cannot_be_decoded_is_told_no_more_than_once_a_second() -> None:
    def connect(box: Box) -> None:
        while not box.closed.wait(0.01):
            box.put(broken)

    with Newest(connect, "gate", 5.0) as frames:
        began = time.monotonic()
        found = take_until(frames, lambda found: len(found) >= 3)
        assert time.monotonic() - began >= 2.0
    assert [frame.cause for frame in found] == [DAMAGED] * 3


def test_causes_and_pictures_come_in_their_order() -> None:
    def connect(box: Box) -> None:
        box.put(picture(1))
        box.spoil()
        raise AwayError("off")

    with Newest(connect, "gate", 5.0) as frames:
        found = take_until(frames, "off")
    assert [frame.cause for frame in found] == [None, DAMAGED, "off"]


def test_silence_is_told_even_where_nothing_comes_back() -> None:
    def connect(box: Box) -> None:
        box.closed.wait()

    with Newest(connect, "gate", 0.2) as frames:
        take_until(frames, "no pictures come")


def test_a_thread_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decisight.sources.newest._REMINDED", 0.2)
    let_go = threading.Event()
    tries: list[Box] = []

    def connect(box: Box) -> None:
        tries.append(box)
        if len(tries) <= 2:
            let_go.wait()
            box.put(picture(1))
        else:
            box.put(picture(2))
            box.closed.wait()

    with Newest(connect, "gate", 0.1) as frames:
        found = take_until(frames, "picture")
        assert len(tries) == 3
        # What comes from one that was given up is not taken any more.
        let_go.set()
        assert frames.next_within(0.3) is None
    assert found[-1].pixels is not None
    assert found[-1].pixels[0, 0, 0] == 2


def test_not_more_and_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decisight.sources.newest._REMINDED", 0.02)
    let_go = threading.Event()
    tries: list[Box] = []

    def connect(box: Box) -> None:
        tries.append(box)
        let_go.wait()

    with Newest(connect, "gate", 0.01) as frames:
        take_until(frames, lambda found: len(tries) == 4)
        take_for(frames, 0.5)
        assert len(tries) == 4
        let_go.set()


def test_threads_that_come_back_are_replaced_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a name server is away now and then, each try may hang for a while, as often as there are days."""
    monkeypatch.setattr("decisight.sources.newest._REMINDED", 0.02)
    tries: list[Box] = []

    def connect(box: Box) -> None:
        tries.append(box)
        box.closed.wait()

    with Newest(connect, "gate", 0.01) as frames:
        take_until(frames, lambda found: len(tries) >= 6)


def test_no_room_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decisight.sources.newest._REMINDED", 0.02)
    original, refused, tries = threading.Thread.start, list[str](), list[Box]()
    hangs = threading.Event()

    def start(thread: threading.Thread) -> None:
        if thread.name == "source gate" and tries:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        original(thread)

    def connect(box: Box) -> None:
        tries.append(box)
        hangs.wait()

    monkeypatch.setattr(threading.Thread, "start", start)
    with Newest(connect, "gate", 0.01) as frames:
        # It is tried again and again, and a thread that never began is not waited for at the end.
        take_until(frames, lambda found: len(refused) >= 5)
        hangs.set()


def test_an_unexpected_error_ends_nothing_and_shows_nothing(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    def connect(box: Box) -> None:
        raise RuntimeError("rtsp://me:canary@gate")

    with Newest(connect, "gate", 5.0) as frames:
        found = take_until(frames, "failed: RuntimeError")
        assert "canary" not in repr(found)
        assert "canary" not in " ".join(thread.name for thread in threading.enumerate())
    assert "canary" not in caplog.text
    assert "canary" not in "".join(capfd.readouterr())


def test_what_is_told_has_no_other_error_behind_it() -> None:
    from decisight.sources.camera_stream import Opening, read_stream

    opening = Opening("rtsp://me:canary@127.0.0.1:9/live", "rtsp", {}, 1.0)
    with pytest.raises(AwayError) as caught:
        read_stream(opening, None, Box())
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert "canary" not in "".join(traceback.format_exception(error))
    assert "canary" not in repr(opening)


def test_waits_grow_and_are_cut_by_chance() -> None:
    waits, off = Waits(random.Random(1)), AwayError("off")  # noqa: S311 - no secret
    taken = [waits.after(off, 0.0) for _ in range(12)]
    for wait, whole in zip(taken, [0.5, 1, 2, 4, 8, 15, 15, 15, 15, 15, 15, 15], strict=True):
        assert whole / 2 <= wait <= whole
    assert len(set(taken)) == 12
    assert waits.after(off, 9.0) > 1
    assert waits.after(off, 11.0) <= 0.5


def test_who_is_refused_waits_for_long() -> None:
    waits, refused = Waits(random.Random(1)), AwayError("refused", refused=True)  # noqa: S311 - no secret
    taken = [waits.after(refused, 0.0) for _ in range(7)]
    for wait, whole in zip(taken, [30, 60, 120, 240, 480, 600, 600], strict=True):
        assert whole <= wait <= whole * 1.25
    assert waits.after(AwayError("off"), 0.0) <= 0.5
    assert waits.after(refused, 1.0) <= 37.5
