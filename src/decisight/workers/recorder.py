"""What cameras decide, stored in batches, and events reported once they are stored."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from decisight.errors import OutputError, StoreError
from decisight.pipeline import Entry, Step
from decisight.protocols import Sink
from decisight.types import EventChange

if TYPE_CHECKING:
    from decisight.store import CameraBatch, Codec, EvidencePicture, ReadingRecord, Store
    from decisight.workers.cameras import CameraRun
    from decisight.workers.listener import Listener

__all__ = ["Recorder", "Taken"]

T = TypeVar("T")

FLUSH_SECONDS = 1.0
"""How long what was decided may wait to be stored."""

_URGENT_SECONDS = 0.05
"""The same where an event was opened or closed."""
_MOST_ENTRIES = 5_000
"""So many are stored at once, without waiting for more."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
"""Seconds before storing or reporting is tried again: at first, and at most."""
_DELIVERED_AT_ONCE = 200


class Taken(NamedTuple):
    """What a camera has decided on one picture.

    Args:
        camera: which.
        step: what its pipeline gave.
        checkpoint: what it is in the middle of by then.
        pictures: that are kept of events.
    """

    camera: CameraRun
    step: Step
    checkpoint: Mapping[str, Any]
    pictures: Sequence[EvidencePicture] = ()


@dataclass(slots=True)
class Recorder:
    """Stores what cameras decide, and reports events once they are stored.

    Args:
        store: where.
        codecs: of the views, by their numbers: they write readings.
        sinks: where events are reported to, by name.
        listener: who else is told.
        patience: seconds for which storing is tried again when everything is to end.
    """

    store: Store
    codecs: Mapping[int, Codec]
    sinks: Mapping[str, Sink]
    listener: Listener
    patience: float = 30.0
    _waiting: list[Taken] = field(default_factory=list)
    _entries: int = 0
    _urgent: bool = False
    _since: float = 0.0
    _again: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Of each sink that could not be written, when to try again, and how long to wait after that."""

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

    def flush(self, stop: threading.Event, *, last: bool = False) -> None:
        """Store what is waiting, and report the events that are stored.

        Args:
            stop: set when everything is to end: then what cannot be stored is not waited for without end.
            last: there is no later time: sinks that could not be written are tried at once.

        Raises:
            StoreError: it cannot be stored, and waiting does not help.
        """
        if self._waiting:
            batches = self._batches(self._waiting)
            self._keep_trying(lambda: self.store.commit(batches), stop)
            changes = [change for taken in self._waiting for change, _ in taken.step.changes]
            notes = [(taken.camera.name, note) for taken in self._waiting for note in taken.step.notes]
            self._waiting, self._entries, self._urgent = [], 0, False
            for camera, note in notes:
                self.listener.noted(camera, note)
            if changes:
                self.listener.stored(changes)
        self._report(stop, last=last)

    def attend(self, stop: threading.Event) -> None:
        """Take in what other processes have asked to be said of events, and try again what could not be reported."""
        for refused in self._fulfilled(stop):
            self.listener.noted(None, refused)
        self._report(stop)

    def _fulfilled(self, stop: threading.Event) -> list[str]:
        refused: list[str] = []
        self._keep_trying(lambda: refused.extend(self.store.fulfil()), stop)
        return refused

    def undelivered(self) -> int:
        """How many changes of events could not be reported yet."""
        return sum(len(self.store.pending(name, _DELIVERED_AT_ONCE)) for name in self.sinks)

    def _batches(self, taken: Sequence[Taken]) -> list[CameraBatch]:
        """One a camera: all that was decided on its pictures, in order, and what it is in the middle of by then."""
        from decisight.store import CameraBatch, Note

        batches = []
        for name in dict.fromkeys(one.camera.name for one in taken):
            records: list[ReadingRecord] = []
            changes: list[tuple[EventChange, int | None]] = []
            of_camera = [one for one in taken if one.camera.name == name]
            for one in of_camera:
                changes += [(change, None if at is None else at + len(records)) for change, at in one.step.changes]
                records += [self._record(entry) for entry in one.step.entries]
            batches.append(
                CameraBatch(
                    camera=name,
                    records=records,
                    changes=changes,
                    notes=[Note(note, _time_of(one)) for one in of_camera for note in one.step.notes],
                    evidence=[picture for one in of_camera for picture in one.pictures],
                    checkpoint=dict(of_camera[-1].checkpoint),
                    sinks=tuple(self.sinks),
                )
            )
        return batches

    def _record(self, entry: Entry) -> ReadingRecord:
        codec = self.codecs[entry.view]
        return codec.record(entry.view, entry.item, entry.decisions, repeated=entry.kind == "repeated")

    def _keep_trying(self, work: Callable[[], T], stop: threading.Event) -> T:
        pause, begun, told, left = _FIRST_PAUSE, time.monotonic(), False, 0.0
        while True:
            try:
                found = work()
            except StoreError as error:
                if not error.passing:
                    raise
                left = left + pause if stop.is_set() else 0.0
                if left > self.patience:
                    raise
                if not told:
                    self.listener.noted(None, f"{error.message}: waiting until it can be written again")
                    told = True
                self.listener.idle()
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            if told:
                self.listener.noted(None, f"written again, after {time.monotonic() - begun:.0f} s; nothing was lost")
            return found

    def _report(self, stop: threading.Event, *, last: bool = False) -> None:
        for name, sink in self.sinks.items():
            when, pause = self._again.get(name, (0.0, _FIRST_PAUSE))
            if time.monotonic() < when and not (stop.is_set() or last):
                continue
            error = self._deliver(name, sink, stop)
            if error is None:
                if self._again.pop(name, None):
                    self.listener.noted(None, f"sink {name}: reported again; nothing was lost")
                continue
            if name not in self._again:
                self.listener.noted(None, f"sink {name}: {error.message}: tried again until it works")
            self._again[name] = time.monotonic() + pause, min(2 * pause, _LONGEST_PAUSE)

    def _deliver(self, name: str, sink: Sink, stop: threading.Event) -> OutputError | None:
        """Report all that is waiting for a sink, until it fails; what it said then."""
        while pending := self._keep_trying(lambda: self.store.pending(name, _DELIVERED_AT_ONCE), stop):
            delivered: list[int] = []
            error = None
            try:
                for delivery in pending:
                    sink.write(delivery.change)
                    delivered.append(delivery.id)
            except OutputError as failed:
                error = failed
            if delivered:
                self._keep_trying(lambda done=delivered: self.store.delivered(done), stop)  # type: ignore[misc]
            if error is not None:
                return error
        return None


def _time_of(taken: Taken) -> float:
    """When it was, by the camera: which is at a later picture by now. Before the first there is no other time."""
    time, *_ = taken.checkpoint["clock"]
    return float((taken.camera.pipeline.time if time is None else time) or 0.0)
