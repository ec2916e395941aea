"""What is said of events beside the process that writes the store."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from decisight.errors import StoreError, UsageError
from decisight.store import CameraBatch, open_store, request_mark
from decisight.types import Event, EventChange

KEY = b"k" * 32
EVENT = Event(
    "ab" * 16, "plant", "gate", "bay", "gear", "vest", "worn", 10.0, 12.0, 2.0, 0.9, 0.8, 5, "votes of 3", "missing"
)


def opened(path: Path) -> str:
    """A store with one event."""
    url = f"sqlite:///{path}"
    with open_store(url, key=KEY) as store:
        batch = CameraBatch(
            "gate", changes=[(EventChange("opened", EVENT), None), (EventChange("closed", EVENT), None)]
        )
        store.commit([batch])
    return url


def test_what_is_asked_beside_the_writer_is_taken_in_by_it(tmp_path: Path) -> None:
    url = opened(tmp_path / "s.db")
    with open_store(url, key=KEY) as writer:
        number = request_mark(url, EVENT.event_id[:8], key=KEY, outcome="false_alarm", held=True, note="a\x1bdog")
        other = request_mark(url, EVENT.event_id, key=KEY, held=False)
        assert other > number
        assert writer.event(EVENT.event_id).outcome is None
        assert writer.is_waiting(number)
        assert writer.fulfil() == []
        marked = writer.event(EVENT.event_id)
        assert (marked.outcome, marked.held, marked.note) == ("false_alarm", False, "a\\x1bdog")
        assert not writer.is_waiting(number)
        assert writer.fulfil() == []
        assert list(writer.verify()) == []


def test_it_waits_for_the_next_writer(tmp_path: Path) -> None:
    url = opened(tmp_path / "s.db")
    request_mark(url, EVENT.event_id, key=KEY, outcome="confirmed")
    with open_store(url, key=KEY, read_only=True) as reader:
        assert list(reader.verify()) == []
    with open_store(url, key=KEY) as writer:
        writer.fulfil()
        assert writer.event(EVENT.event_id).outcome == "confirmed"


def test_one_that_was_made_without_the_key_is_refused_and_told(tmp_path: Path) -> None:
    url = opened(tmp_path / "s.db")
    request_mark(url, EVENT.event_id, key=KEY, outcome="confirmed")
    with sqlite3.connect(tmp_path / "s.db") as database:
        database.execute("UPDATE requests SET changes = replace(changes, 'confirmed', 'false_alarm')")
    database.close()
    with open_store(url, key=KEY) as writer:
        (told,) = writer.fulfil()
        assert "not made with the store's key" in told
        assert writer.event(EVENT.event_id).outcome is None
        assert writer.fulfil() == []
        assert list(writer.verify()) == []


def test_what_cannot_be_asked(tmp_path: Path) -> None:
    url = opened(tmp_path / "s.db")
    with pytest.raises(StoreError, match="no event"):
        request_mark(url, "cdcdcdcd", key=KEY, outcome="confirmed")
    with pytest.raises(UsageError, match="cannot be an outcome"):
        request_mark(url, EVENT.event_id, key=KEY, outcome="False Alarm")
    with pytest.raises(StoreError, match="another key"):
        request_mark(url, EVENT.event_id, key=b"x" * 32, outcome="confirmed")
    (tmp_path / "none.db").touch()
    with pytest.raises(StoreError, match="no store of this version"):
        request_mark(f"sqlite:///{tmp_path / 'none.db'}", EVENT.event_id, key=KEY, outcome="confirmed")
