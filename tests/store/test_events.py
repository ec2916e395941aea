"""Events: found by many things, marked by people, and reported once they are stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from decisight.errors import StoreError, UsageError
from decisight.store import CameraBatch, Store
from decisight.types import EventChange

from .conftest import BEGIN, Place, event, fill, reading, view


def written(store: Store) -> list[str]:
    """Five events of two cameras; their ids."""
    spans = [("gate", 0, 10), ("gate", 20, 30), ("yard", 5, 25), ("yard", 40, None), ("gate", 50, None)]
    ids = []
    for at, (camera, start, end) in enumerate(spans):
        number = store.view_id(view(camera))
        state = "ab"[at % 2]
        opened = event(at, camera, BEGIN + start, state=state)
        changes = [(EventChange("opened", opened), 0)]
        if end is not None:
            changes.append((EventChange("closed", event(at, camera, BEGIN + start, BEGIN + end, state=state)), 0))
        batch = CameraBatch(camera, [reading(number, BEGIN + start)], changes, sinks=("jsonl", "webhook"))
        store.commit([batch])
        ids.append(opened.event_id)
    return ids


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [0, 2, 1, 3, 4]),  # by when they began
        ({"camera": "gate"}, [0, 1, 4]),
        ({"camera": "door"}, []),
        ({"open_only": True}, [3, 4]),
        ({"state": "b"}, [1, 3]),
        ({"since": BEGIN + 10}, [0, 2, 1, 3, 4]),  # one that ends at this moment held at it
        ({"since": BEGIN + 10.1}, [2, 1, 3, 4]),
        ({"until": BEGIN + 20}, [0, 2]),  # one that begins at this moment did not hold before it
        ({"since": BEGIN + 26, "until": BEGIN + 45}, [1, 3]),
        ({"limit": 2}, [3, 4]),  # the latest
        ({"camera": "yard", "limit": 1}, [3]),
    ],
)
def test_events_are_found(place: Place, asked: dict[str, Any], expected: list[int]) -> None:
    with place() as store:
        ids = written(store)
        assert [ids.index(stored.event.event_id) for stored in store.events(**asked)] == expected


def test_an_event_is_found_by_the_first_digits_of_its_id(place: Place) -> None:
    with place() as store:
        ids = written(store)
        for digits in (6, 12, 31, 32):
            assert store.event(ids[2][:digits]).event.event_id == ids[2]
        twin = event(9, event_id=ids[2][:8] + "0" * 24)
        store.commit([CameraBatch("gate", changes=[(EventChange("opened", twin), None)])])
        with pytest.raises(StoreError, match="several events begin with"):
            store.event(ids[2][:8])
        assert store.event(ids[2]).event.event_id == ids[2]
        for wrong in ("", ids[0][:5], "ffffffff", "%" * 6, "_" * 32, "no such event at all"):
            with pytest.raises(StoreError, match="there is no event") as caught:
                store.event(wrong)
            assert caught.value.hint is not None


def test_people_say_what_an_event_was(place: Place) -> None:
    with place() as store:
        ids = written(store)
        marked = store.mark(ids[0][:8], outcome="false_alarm", note="a cat\x1b[2J", now=BEGIN + 99)
        assert (marked.outcome, marked.held, marked.note) == ("false_alarm", False, r"a cat\x1b[2J")
        assert store.mark(ids[0], held=True, now=BEGIN).note == r"a cat\x1b[2J"
        assert store.mark(ids[0], outcome=None, now=BEGIN).held
        marked = store.mark(ids[0], held=False, note=None, now=BEGIN)
        assert (marked.outcome, marked.held, marked.note) == (None, False, None)
        # It was still open, and is closed later: what was said stays.
        store.mark(ids[4], outcome="confirmed", held=True)
        closed = event(4, "gate", BEGIN + 50, BEGIN + 60)
        store.commit([CameraBatch("gate", changes=[(EventChange("closed", closed), None)])])
        (stored,) = [one for one in store.events() if one.event.event_id == ids[4]]
        assert (stored.outcome, stored.held, stored.event) == ("confirmed", True, closed)
        assert not list(store.verify())


@pytest.mark.parametrize("outcome", ["", "Confirmed", "false alarm", "1st", "x" * 65, "a\n"])
def test_outcomes_are_words(place: Place, outcome: str) -> None:
    with place() as store:
        ids = written(store)
        with pytest.raises(UsageError, match="cannot be an outcome"):
            store.mark(ids[0], outcome=outcome)
        with pytest.raises(StoreError, match="there is no event"):
            store.mark("ffffff", outcome="confirmed")
        assert store.event(ids[0]).outcome is None


def test_what_is_to_be_reported(place: Place) -> None:
    with place() as store:
        ids = written(store)
        first = store.pending("jsonl")
        expected = [(ids[0], "opened"), (ids[0], "closed"), (ids[1], "opened"), (ids[1], "closed"), (ids[2], "opened")]
        assert [(one.change.event.event_id, one.change.change) for one in first][:5] == expected
        assert len(first) == 8
        assert [one.id for one in store.pending("jsonl", 3)] == [one.id for one in first[:3]]
        assert first[1].change.event == store.event(ids[0]).event
        store.delivered([first[0].id, first[2].id])
        store.delivered([first[0].id])
        store.delivered([])
        assert [one.id for one in store.pending("jsonl")] == [first[1].id, *(one.id for one in first[3:])]
        assert len(store.pending("webhook")) == 8
        assert store.pending("email") == []
        assert not list(store.verify())
    with place() as store:
        left = store.pending("jsonl")
        store.delivered([one.id for one in left])
        store.delivered([one.id for one in store.pending("webhook")])
        assert not list(store.verify())
        # Numbers are not given again: who reports late takes nothing else out.
        fill(store, "door", batches=1)
        assert min(one.id for one in store.pending("jsonl")) > max(one.id for one in left)
        store.delivered([one.id for one in left])
        assert len(store.pending("jsonl")) == 2
        assert not list(store.verify())


def test_how_much_waits_and_for_whom(place: Place) -> None:
    with place() as store:
        assert store.outbox_sinks() == {}
        written(store)
        assert store.outbox_sinks() == {"jsonl": 8, "webhook": 8}
        assert (store.waiting("jsonl"), store.waiting("email")) == (8, 0)
        store.delivered([one.id for one in store.pending("jsonl", 3)])
        assert store.outbox_sinks() == {"jsonl": 5, "webhook": 8}
    with place(read_only=True) as store:
        assert store.waiting("webhook") == 8
        with pytest.raises(StoreError, match="opened for reading only"):
            store.forget("webhook")


def test_a_sink_that_is_no_more_is_forgotten(place: Place) -> None:
    with place() as store:
        written(store)
        before = {head.camera: head.seq for head in store.heads() if head.lane == "events"}
        assert store.forget("webhook") == 8
        assert store.outbox_sinks() == {"jsonl": 8}
        assert store.forget("webhook") == 0
        # Each camera's chain says what became of its events.
        after = {head.camera: head.seq for head in store.heads() if head.lane == "events"}
        assert after == {camera: seq + 1 for camera, seq in before.items()}
        with store._database.reading() as connection:
            notes = connection.exec_driver_sql("SELECT data FROM records WHERE kind = 9 ORDER BY chain_id").scalars()
            found = [json.loads(data) for data in notes]
        assert [note["fields"] for note in found] == [
            {"sink": "webhook", "changes": 5},
            {"sink": "webhook", "changes": 3},
        ]
        assert not list(store.verify())
        fill(store, "door", batches=1)
        assert store.waiting("webhook") == 2
        assert not list(store.verify())
