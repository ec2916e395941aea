"""Stores to try things on: what two cameras have seen and decided, and what became of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Place, PostgreSQLPlace, SQLitePlace
from tests.servers import session_server

from decisight.store import (
    CameraBatch,
    Codec,
    EvidencePicture,
    Note,
    ReadingRecord,
    Store,
    ViewKey,
    task_to_stored,
)
from decisight.types import Decision, Event, EventChange, LabelGroup, Prediction, Reading, Reason, Task, Tick

KEY = b"a key that only these tests know"
TASK = Task((LabelGroup("class", ("a", "b", "c")),))
BEGIN = 1_700_000_000.0


def view(camera: str = "gate", **changes: Any) -> ViewKey:
    """What a camera's readings are made with."""
    section = {"type": "majority_vote", "window": 5, "required": 3, "fallback": "unknown"}
    values: dict[str, Any] = {
        "camera": camera,
        "region": None,
        "region_text": "",
        "region_digest": "",
        "model": "doors",
        "graph_digest": "sha256:12",
        "settings_digest": "sha256:34",
        "runtime": "onnxruntime 1.26 fp32",
        "task": task_to_stored(TASK),
        "policies": {"class": {"section": section, "digest": "sha256:56"}},
        "gates": [{"type": "brightness", "darkest": 20}],
        "fps": 10.0,
    }
    return ViewKey(**(values | changes))


CODEC = Codec.of(view())


def reading(view_id: int, time: float, row: Sequence[float] = (0.7, 0.2, 0.1)) -> ReadingRecord:
    """A picture that was classified."""
    made = Decision("class", "a", row[0], Reason.ACCEPTED, scores=(3.0, 1.0, 0.0))
    return CODEC.record(view_id, Reading(Prediction(TASK, (tuple(row),)), time), (made,))


def unsaid(view_id: int, time: float, cause: str | None = None) -> ReadingRecord:
    """A picture that could not be judged; without a cause, a tick."""
    made = Decision("class", "unknown", 0.5, Reason.CANNOT_JUDGE if cause else Reason.ABSTAINED)
    return CODEC.record(view_id, Tick(time) if cause is None else Reading(None, time, cause=cause), (made,))


def repeated(view_id: int, time: float) -> ReadingRecord:
    """A picture that says the same as the one before."""
    made = Decision("class", "a", 0.7, Reason.ACCEPTED)
    item = Reading(Prediction(TASK, ((0.7, 0.2, 0.1),)), time)
    return CODEC.record(view_id, item, (made,), repeated=True)


def event(number: int, camera: str = "gate", start: float = BEGIN, end: float | None = None, **changes: Any) -> Event:
    """An event; its id is made of its camera and number."""
    values: dict[str, Any] = {
        "event_id": hashlib.sha256(f"{camera} {number}".encode()).hexdigest()[:32],
        "site": "works",
        "camera": camera,
        "region": None,
        "model": "doors",
        "group": "class",
        "state": "a",
        "start_time": start,
        "end_time": end,
        "duration": 0.0 if end is None else end - start,
        "confidence": 0.7,
        "least_confidence": 0.1 + 0.2,
        "readings": 3,
        "why": "3 of 5 say a",
        "ended_by": None if end is None else "unknown",
    }
    return Event(**(values | changes))


def readings(view_id: int, count: int, begin: float = BEGIN, every: float = 0.1) -> list[ReadingRecord]:
    """Readings of all kinds."""
    found = []
    for at in range(count):
        time = begin + at * every
        match at % 10:
            case 3:
                found.append(unsaid(view_id, time, "too dark"))
            case 5:
                found.append(unsaid(view_id, time))
            case 7:
                found.append(repeated(view_id, time))
            case _:
                found.append(reading(view_id, time))
    return found


def fill(
    store: Store,
    camera: str = "gate",
    *,
    batches: int = 3,
    size: int = 100,
    every: float = 0.1,
    begin: float = BEGIN,
    evidence: bool = True,
    first: int = 0,
) -> int:
    """Write batches, each with an event that was opened and closed; the view's number."""
    number = store.view_id(view(camera))
    for at in range(first, first + batches):
        store.commit([batch(number, camera, at, size, every, begin, evidence)])
    return number


def batch(
    number: int,
    camera: str = "gate",
    at: int = 0,
    size: int = 100,
    every: float = 0.1,
    begin: float = BEGIN,
    evidence: bool = True,
) -> CameraBatch:
    """A batch: readings, an event opened and closed, a picture, a note and a checkpoint."""
    records = readings(number, size, begin + at * size * every, every)
    start, end = records[1].time, records[-2].time
    opened, closed = event(at, camera, start), event(at, camera, start, end)
    picture = EvidencePicture(opened.event_id, "crop", start, f"jpeg {camera} {at}".encode())
    return CameraBatch(
        camera,
        records,
        [(EventChange("opened", opened), 1), (EventChange("closed", closed), size - 2)],
        [Note("the source was away", end, {"seconds": 1.5})],
        [picture] if evidence else [],
        {"states": {str(number): {"class": [at, 0.1]}}, "position": at},
        ("jsonl", "webhook"),
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The databases that each test is run on, but for those that say why not."""
    return str(request.param)


def only_sqlite(reason: str) -> pytest.MarkDecorator:
    """A test of what there is with SQLite alone.

    Args:
        reason: why it says nothing about another database.
    """
    assert reason
    return pytest.mark.parametrize("kind", ["sqlite"])


def only_postgresql(reason: str) -> pytest.MarkDecorator:
    """A test of what there is with PostgreSQL alone.

    Args:
        reason: why it says nothing about another database.
    """
    assert reason
    return pytest.mark.parametrize("kind", ["postgresql"])


def place_in(folder: Path, kind: str, *, name: str | None = None) -> Place:
    """A place for a store.

    Args:
        folder: for its files.
        kind: of its database.
        name: of the database of PostgreSQL; by default one in which there is a store that holds nothing.
    """
    if kind == "sqlite":
        return SQLitePlace(folder, KEY, clock=lambda: BEGIN)
    return PostgreSQLPlace(folder, KEY, clock=lambda: BEGIN, name=name or session_server().renewed(KEY))


@pytest.fixture
def place(tmp_path: Path, kind: str) -> Iterator[Place]:
    """Where the store of a test lies; it is opened by calling it, with its evidence, and closed in the end."""
    made = place_in(tmp_path, kind)
    yield made
    made.close()
