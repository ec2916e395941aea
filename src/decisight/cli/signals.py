"""Signals that tell a command to end, heard for a while."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeAlias

__all__ = ["Before", "end_in_order", "hearing"]

Before: TypeAlias = "Callable[[int, FrameType | None], Any] | int | None"
"""What heard a signal before, as :func:`signal.signal` has it."""


@contextlib.contextmanager
def hearing(hear: Callable[[int, FrameType | None, Before], None], *names: str) -> Iterator[None]:
    """Hear signals within, and leave them to who heard them before at the end.

    Only the main thread can hear them; Windows has no SIGHUP; and who was told to outlive one (``nohup``) does.

    Args:
        hear: is given the signal, what was being done, and what heard it before.
        names: of the signals.
    """
    before: dict[int, Before] = {}

    def heard(received: int, frame: FrameType | None) -> None:
        hear(received, frame, before.get(received))

    try:
        for name in names:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, heard)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_in_order(stop: threading.Event, received: int, frame: FrameType | None, before: Before) -> None:
    """Let a signal end the work in order; a second one ends it at once.

    Args:
        stop: set, so that whoever works sees that it is to end.
        received: the signal.
        frame: what was being done.
        before: what heard the signal before.

    Raises:
        KeyboardInterrupt: it was to end already.
    """
    if not stop.is_set():
        stop.set()
        return
    if callable(before):
        before(received, frame)
    raise KeyboardInterrupt
