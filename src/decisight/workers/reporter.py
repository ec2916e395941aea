"""Events on their way to one sink."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from decisight.errors import DecisightError, StoreError
from decisight.protocols import Sink

if TYPE_CHECKING:
    from decisight.store import Store

__all__ = ["Reporter"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
"""Seconds before reporting is tried again: at first, and at most."""
_AT_ONCE = 200
"""Changes that are taken out of the store together."""
_LOOK_SECONDS = 1.0
"""How often is looked for changes that nobody has told of."""
_NO_ANSWER = 5.0
"""Seconds after which a sink that has not taken a change yet is said not to answer."""


class Reporter:
    """Reports changes of events that wait in a store to a sink, in order; once it is started, on a thread of its own.

    A sink that is slow, hangs, or fails in any way holds nobody up: its changes wait in the store.

    Args:
        store: where changes wait.
        name: of the sink.
        sink: where they are reported to.
    """

    def __init__(self, store: Store, name: str, sink: Sink) -> None:
        self.name = name
        self._store = store
        self._sink = sink
        self._notes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._news = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False
        self._trouble: tuple[str, float] | None = None
        self._asked: float | None = None
        self._not_before, self._pause = 0.0, _FIRST_PAUSE

    @property
    def trouble(self) -> tuple[str, float] | None:
        """Why nothing can be reported now, and since when, in seconds since 1970; from any thread."""
        trouble, asked = self._trouble, self._asked
        if trouble is None and asked is not None and time.time() - asked > _NO_ANSWER:
            return "it does not answer", asked
        return trouble

    def start(self) -> None:
        """Report on a thread of its own from now on."""
        self._thread = threading.Thread(target=self._work, name=f"sink {self.name}", daemon=True)
        self._thread.start()

    @property
    def notes(self) -> list[str]:
        """What is to be told of it since it was asked last, one line each."""
        found = []
        while not self._notes.empty():
            found.append(self._notes.get_nowait())
        return found

    def wake(self) -> None:
        """There is something to report: reported here and now, where it has no thread."""
        self._news.set()
        if self._thread is None:
            self.report()

    def hurry(self) -> None:
        """Tell its thread to report what is left, and to end; :meth:`finish` waits for that."""
        self._not_before = 0.0
        self._ending.set()
        self._news.set()

    def finish(self, seconds: float) -> None:
        """Report what is left, for so many seconds at most, and end the thread.

        Args:
            seconds: a sink that fails is tried once more, and one that hangs is left behind after that.
        """
        self.hurry()
        if self._thread is None:
            self.report()
            return
        self._thread.join(seconds)
        self._thread = None

    def report(self) -> None:
        """Report all that waits, until the sink fails; then not again before a pause."""
        if time.monotonic() < self._not_before:
            return
        try:
            self._deliver()
        except Exception as error:  # a sink of another package may fail in any way; whatever it is, it is tried again
            told = error.message if isinstance(error, DecisightError) else f"{type(error).__name__}: {error}"
            if not self._failing:
                self._notes.put(f"sink {self.name}: {told}: tried again until it works")
                self._trouble = told, time.time()
            self._failing = True
            self._not_before = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        else:
            if self._failing:
                self._notes.put(f"sink {self.name}: reported again; nothing was lost")
            self._failing, self._not_before, self._pause = False, 0.0, _FIRST_PAUSE
            self._trouble = None

    def _deliver(self) -> None:
        while waiting := self._store.pending(self.name, _AT_ONCE):
            written: list[int] = []
            try:
                for delivery in waiting:
                    self._asked = time.time()
                    self._sink.write(delivery.change)
                    written.append(delivery.id)
            finally:
                self._asked = None
                # What was written is not written again, whatever came after it.
                self._take_out(written)

    def _take_out(self, written: list[int]) -> None:
        """Take out of the store what was reported, for as long as it takes."""
        while written:
            try:
                self._store.delivered(written)
            except StoreError as error:
                if not error.passing or self._ending.is_set():
                    raise
                time.sleep(self._pause)
                continue
            return

    def _work(self) -> None:
        while True:
            ending = self._ending.is_set()
            self.report()
            if ending:
                return
            left = self._not_before - time.monotonic()
            self._news.wait(left if left > 0.0 else _LOOK_SECONDS)
            self._news.clear()
