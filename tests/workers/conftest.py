"""Stores, sinks and listeners that note what happens to them, in order, in one log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from decisight.errors import OutputError, StoreError
from decisight.pipeline import Entry, Step
from decisight.store import CameraBatch, Delivery
from decisight.types import Decision, Event, EventChange, LabelGroup, Prediction, Reading, Reason, Task
from decisight.workers import recorder, reporter

TASK = Task((LabelGroup("class", ("cat", "dog")),))
LOCKED = StoreError("the database is locked", passing=True)
RUINED = StoreError("the store is damaged")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried soon."""
    for module in (recorder, reporter):
        monkeypatch.setattr(module, "_FIRST_PAUSE", 0.001)
        monkeypatch.setattr(module, "_LONGEST_PAUSE", 0.002)


@dataclass
class FakeStore:
    """Keeps batches; fails as often as it is told to."""

    log: list[Any]
    failures: list[StoreError] = field(default_factory=list)
    """What the next commits raise, in turn."""
    batches: list[CameraBatch] = field(default_factory=list)
    outbox: dict[int, tuple[str, EventChange]] = field(default_factory=dict)
    fulfilled: list[str] = field(default_factory=list)
    others: dict[str, list[StoreError]] = field(default_factory=dict)
    """What the next calls of other methods raise."""

    def commit(self, batches: Sequence[CameraBatch]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.batches += batches
        for batch in batches:
            for change, _ in batch.changes:
                for sink in batch.sinks:
                    self.outbox[len(self.batches) * 1000 + len(self.outbox)] = sink, change
        self.log.append(("stored", [change.key for batch in batches for change, _ in batch.changes]))

    def pending(self, sink: str, limit: int) -> list[Delivery]:
        self._fail("pending")
        waiting = [Delivery(number, change) for number, (name, change) in list(self.outbox.items()) if name == sink]
        return waiting[:limit]

    def waiting(self, sink: str) -> int:
        return sum(name == sink for name, _ in list(self.outbox.values()))

    def delivered(self, ids: Collection[int]) -> None:
        self._fail("delivered")
        for number in ids:
            self.outbox.pop(number, None)

    def fulfil(self) -> list[str]:
        self._fail("fulfil")
        said, self.fulfilled = self.fulfilled, []
        return said

    def _fail(self, method: str) -> None:
        if self.others.get(method):
            raise self.others[method].pop(0)


@dataclass
class FakeSink:
    """Takes changes, but for those of the calls that it is told to fail at."""

    log: list[Any]
    fails_at: Collection[int] = ()
    calls: int = 0
    name: ClassVar[str] = "fake"

    def write(self, change: EventChange) -> None:
        self.calls += 1
        if self.calls in self.fails_at:
            raise OutputError("nobody answers")
        self.log.append(("reported", change.key))

    def close(self) -> None:
        """Nothing was opened."""


@dataclass
class Heard:
    """Notes what it is told."""

    log: list[Any]
    idles: int = 0
    steps: list[tuple[str, Step]] = field(default_factory=list)

    def decided(self, camera: str, step: Step) -> None:
        self.steps.append((camera, step))

    def stored(self, changes: Sequence[EventChange]) -> None:
        self.log.append(("heard", [change.key for change in changes]))

    def noted(self, camera: str | None, text: str) -> None:
        self.log.append(("noted", camera, text))

    def idle(self) -> None:
        self.idles += 1

    @property
    def notes(self) -> list[tuple[str | None, str]]:
        return [(entry[1], entry[2]) for entry in self.log if entry[0] == "noted"]


class FakeCodec:
    """Records that say what they were made of."""

    def record(self, view: int, item: Any, decisions: Any, *, repeated: bool, skipped: int) -> Any:
        return view, item.time, repeated


@pytest.fixture
def log() -> list[Any]:
    return []


def change(number: int, kind: Any = "opened") -> EventChange:
    end = None if kind == "opened" else 2.0
    event = Event(f"{number:032x}", "plant", "gate", None, "m", "class", "cat", 1.0, end, 0.0, 0.9, 0.9, 1, "why")
    return EventChange(kind, event)


def entry(time: float, view: int = 1, kind: Any = "reading") -> Entry:
    decision = Decision("class", "cat", 0.9, Reason.ACCEPTED)
    return Entry(view, kind, Reading(Prediction(TASK, ((0.9, 0.1),)), time), (decision,))
