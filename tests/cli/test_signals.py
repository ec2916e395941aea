"""Signals are heard for a while, and then by who heard them before."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

import pytest

from decisight.cli.signals import Before, hearing

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there are no such signals on this system")


def test_they_are_heard_within_and_left_alone_after() -> None:
    heard: list[tuple[int, Before]] = []

    def hear(received: int, _frame: FrameType | None, before: Before) -> None:
        heard.append((received, before))

    def outer(received: int, _frame: FrameType | None) -> None:
        heard.append((received, None))

    before = signal.signal(signal.SIGHUP, outer)
    try:
        with hearing(hear, "SIGHUP", "SIGNOSUCH"):
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert heard == [(signal.SIGHUP, outer), (signal.SIGHUP, None)]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with hearing(hear, "SIGHUP"):
            # Who was told to outlive it does.
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_cannot_hear_them_and_goes_on() -> None:
    done = threading.Event()

    def work() -> None:
        with hearing(lambda *_: None, "SIGTERM"):
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert done.is_set()
