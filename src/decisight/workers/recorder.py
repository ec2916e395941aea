"""What cameras decide, stored in batches, and events reported once they are stored."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from decisight.errors import StoreError
from decisight.files import printable
from decisight.pipeline import Entry
from decisight.protocols import Sink
from decisight.types import EventChange
from decisight.workers.health import SinkHealth, StoreHealth
from decisight.workers.reporter import Reporter
from decisight.workers.taken import Taken

if TYPE_CHECKING:
    from decisight.store import CameraBatch, Codec, ReadingRecord, Store
    from decisight.workers.cameras import CameraRun
    from decisight.workers.listener import Listener

__all__ = ["Recorder"]

T = TypeVar("T")

FLUSH_SECONDS = 1.0
"""How long what was decided may wait to be stored."""

_URGENT_SECONDS = 0.05
"""The same where an event was opened or closed."""
_MOST_ENTRIES = 5_000
"""So many are stored at once, without waiting for more."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
"""Seconds before storing or reporting is tried again: at first, and at most."""
_LAST_PAUSE = 0.25
"""The longest, once everything is to end."""
_MOST_NAMES = 5
"""Of cameras, in one line."""
_FAREWELL = 5.0
"""Seconds that a sink gets at the end for what is still to be reported to it."""
_SHORT_FAREWELL = 1.0
"""The same, where the store fails."""
_NO_ANSWER = 3.0
"""Seconds after which a store that has not answered yet is said not to."""


@dataclass(slots=True)
class Recorder:
    """Stores what cameras decide, and reports events once they are stored.

    Args:
        store: where.
        codecs: of the views, by their numbers: they write readings.
        sinks: where events are reported to, by name.
        listener: who else is told.
        patience: seconds for which storing is tried again when everything is to end.
        incoming: what cameras have handed over and nobody has taken in yet.
    """

    store: Store
    codecs: Mapping[int, Codec]
    sinks: Mapping[str, Sink]
    listener: Listener
    patience: float = 6.0
    incoming: queue.Queue[Taken] | None = None
    cameras: Sequence[CameraRun] = ()
    """That hand over what is stored here."""
    _waiting: list[Taken] = field(default_factory=list)
    _entries: int = 0
    _urgent: bool = False
    _since: float = 0.0
    _trouble: tuple[str, float] | None = None
    """Why nothing can be stored now, and since when, in seconds since 1970."""
    _asked: float | None = None
    """Since when the store is being asked, in seconds since 1970."""
    _undelivered: dict[str, int | None] = field(default_factory=dict)
    _reporters: list[Reporter] = field(init=False)

    def __post_init__(self) -> None:
        self._reporters = [Reporter(self.store, name, sink) for name, sink in self.sinks.items()]

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """Report on threads of the sinks' own meanwhile; what is left at the end is reported then, as far as it can."""
        for reporter in self._reporters:
            reporter.start()
        try:
            yield
        finally:
            for reporter in self._reporters:
                reporter.hurry()
            # What cannot be stored cannot be taken out of the store either.
            until = time.monotonic() + (_FAREWELL if self._trouble is None else _SHORT_FAREWELL)
            for reporter in self._reporters:
                reporter.finish(max(0.0, until - time.monotonic()))
            self._tell()

    def add(self, taken: Taken) -> None:
        """Remember what was decided, to be stored soon."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(taken)
        self._entries += len(taken.step.entries)
        self._urgent = self._urgent or bool(taken.step.changes)

    def due_in(self) -> float:
        """In how many seconds it is time to store; 0 or less: now."""
        if not self._waiting:
            return FLUSH_SECONDS
        if self._entries >= _MOST_ENTRIES:
            return 0.0
        return self._since + (_URGENT_SECONDS if self._urgent else FLUSH_SECONDS) - time.monotonic()

    def flush(self, stop: threading.Event) -> None:
        """Store what is waiting, and have the events reported that are stored.

        Args:
            stop: set when everything is to end: then what cannot be stored is not waited for without end.

        Raises:
            StoreError: it cannot be stored, and waiting does not help.
        """
        if self._waiting:
            batches = self._batches(self._waiting)
            self._keep_trying(lambda: self.store.commit(batches), stop)
            changes = [change for taken in self._waiting for change, _ in taken.step.changes]
            notes = [(taken.camera, note) for taken in self._waiting for note in taken.step.notes]
            self._waiting, self._entries, self._urgent = [], 0, False
            for camera, note in notes:
                self.listener.noted(camera, note)
            if changes:
                self.listener.stored(changes)
        self._report()

    def attend(self, stop: threading.Event) -> None:
        """Take in what other processes have asked to be said of events, and try again what could not be reported."""
        for refused in self._fulfilled(stop):
            self.listener.noted(None, refused)
        self._report()
        self._undelivered = {
            one.name: 0 if one.trouble is None else self._undelivered_to(one.name) for one in self._reporters
        }

    def health(self) -> StoreHealth:
        """How storing and reporting goes; from any thread."""
        trouble, asked, now = self._trouble, self._asked, time.time()
        if trouble is None and asked is not None and now - asked > _NO_ANSWER:
            trouble = "the store does not answer", asked
        cause, since = trouble or (None, None)
        incoming = self.incoming
        sinks = []
        for one in self._reporters:
            why, when = one.trouble or (None, None)
            sinks.append(SinkHealth(one.name, why, when, self._undelivered.get(one.name)))
        return StoreHealth(
            cause,
            since,
            len(self._waiting) + (0 if incoming is None else incoming.qsize()),
            0 if incoming is None else incoming.maxsize,
            tuple(sinks),
        )

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Within it, the store is asked something: where it does not answer, that is told."""
        self._asked = time.time()
        try:
            yield
        finally:
            self._asked = None

    def _undelivered_to(self, name: str) -> int | None:
        with self.asking(), contextlib.suppress(StoreError):
            return self.store.waiting(name)
        return None

    def _report(self) -> None:
        for reporter in self._reporters:
            reporter.wake()
        self._tell()

    def _tell(self) -> None:
        for reporter in self._reporters:
            for note in reporter.notes:
                self.listener.noted(None, note)

    def _fulfilled(self, stop: threading.Event) -> list[str]:
        refused: list[str] = []
        self._keep_trying(lambda: refused.extend(self.store.fulfil()), stop)
        return refused

    def undelivered(self, stop: threading.Event) -> int:
        """How many changes of events could not be reported yet.

        Raises:
            StoreError: the store does not say.
        """
        return sum(self._keep_trying(lambda name=name: self.store.waiting(name), stop) for name in self.sinks)  # type: ignore[misc]

    def _batches(self, taken: Sequence[Taken]) -> list[CameraBatch]:
        """One a camera: all that was decided on its pictures, in order, and what it is in the middle of by then."""
        from decisight.store import CameraBatch, Note

        batches = []
        for name in dict.fromkeys(one.camera for one in taken):
            records: list[ReadingRecord] = []
            changes: list[tuple[EventChange, int | None]] = []
            of_camera = [one for one in taken if one.camera == name]
            for one in of_camera:
                changes += [(change, None if at is None else at + len(records)) for change, at in one.step.changes]
                records += [self._record(entry, one.skipped) for entry in one.step.entries]
            batches.append(
                CameraBatch(
                    camera=name,
                    records=records,
                    changes=changes,
                    notes=[Note(note, one.time) for one in of_camera for note in one.step.notes],
                    evidence=[picture for one in of_camera for picture in one.pictures],
                    checkpoint=dict(of_camera[-1].checkpoint),
                    sinks=tuple(self.sinks),
                    begun={number: states for one in of_camera for number, states in one.step.begun},
                )
            )
        return batches

    def _record(self, entry: Entry, skipped: int) -> ReadingRecord:
        codec, missed = self.codecs[entry.view], 0 if entry.kind == "tick" else skipped
        repeated = entry.kind == "repeated"
        return codec.record(entry.view, entry.item, entry.decisions, repeated=repeated, skipped=missed)

    def _keep_trying(self, work: Callable[[], T], stop: threading.Event) -> T:
        pause, begun, told, stopped = _FIRST_PAUSE, time.monotonic(), False, math.inf
        while True:
            asked = time.monotonic()
            try:
                with self.asking():
                    found = work()
            except StoreError as error:
                if not error.passing:
                    raise
                self._trouble = error.message, time.time() - (time.monotonic() - begun)
                if stop.is_set():
                    # However long the store takes to say that it cannot: who waits for the end does not wait for long.
                    stopped, now = min(stopped, asked), time.monotonic()
                    # Nor is it tried once more where that would take longer.
                    if now - stopped + (now - asked) > self.patience:
                        raise self._given_up(error) from error
                if not told:
                    self.listener.noted(None, f"{error.message}: waiting until it can be written again")
                    told = True
                self.listener.idle()
                if stop.is_set():
                    time.sleep(min(pause, _LAST_PAUSE))
                else:
                    stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            self._trouble = None
            if told:
                lasted = time.monotonic() - begun
                self.listener.noted(None, f"written again, after {lasted:.0f} s; {self._kept()}")
            return found

    def _kept(self) -> str:
        """What has become of pictures while nothing could be stored."""
        waited = [printable(camera.name) for camera in self.cameras if camera.held_up and camera.source.live]
        if not waited:
            return "nothing was lost"
        more = f" and {len(waited) - _MOST_NAMES} more" if len(waited) > _MOST_NAMES else ""
        names = ", ".join(waited[:_MOST_NAMES])
        return f"all that was decided is kept; meanwhile pictures of {names}{more} were passed over"

    def _given_up(self, error: StoreError) -> StoreError:
        """The error, with what is lost by it."""
        waiting = list(self._waiting)
        if self.incoming is not None:
            with self.incoming.mutex:
                waiting += self.incoming.queue
        pictures = sum(any(entry.kind != "tick" for entry in taken.step.entries) for taken in waiting)
        pictures += sum(camera.held_up for camera in self.cameras)
        if not pictures:
            return StoreError(error.message, hint="all that was decided is stored", passing=True)
        return StoreError(
            f"{error.message}: ended with {pictures} picture{'' if pictures == 1 else 's'} decided on and not stored",
            hint="what was decided on those of live cameras is lost; recordings go on from where they were stored",
            passing=True,
        )
