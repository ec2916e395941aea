"""What is said of events beside the process that writes the store."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from tests.databases import SQLitePlace
from tests.servers import session_server

from decisight.errors import StoreError, UsageError
from decisight.store import CameraBatch, Note, request_mark
from decisight.types import Event, EventChange

from .conftest import KEY, Place, only_sqlite, place_in

EVENT = Event(
    "ab" * 16, "plant", "gate", "bay", "gear", "vest", "worn", 10.0, 12.0, 2.0, 0.9, 0.8, 5, "votes of 3", "missing"
)


def opened(place: Place) -> str:
    """A store with one event; its URL."""
    with place() as store:
        batch = CameraBatch(
            "gate", changes=[(EventChange("opened", EVENT), None), (EventChange("closed", EVENT), None)]
        )
        store.commit([batch])
    return place.url


def test_what_is_asked_beside_the_writer_is_taken_in_by_it(place: Place) -> None:
    url = opened(place)
    with place() as writer:
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


def test_it_waits_for_the_next_writer(place: Place) -> None:
    url = opened(place)
    request_mark(url, EVENT.event_id, key=KEY, outcome="confirmed")
    with place(read_only=True) as reader:
        assert list(reader.verify()) == []
    with place() as writer:
        writer.fulfil()
        assert writer.event(EVENT.event_id).outcome == "confirmed"


def test_one_that_was_made_without_the_key_is_refused_and_told(place: Place) -> None:
    url = opened(place)
    request_mark(url, EVENT.event_id, key=KEY, outcome="confirmed")
    place.edit("UPDATE requests SET changes = replace(changes, 'confirmed', 'false_alarm')")
    with place() as writer:
        (told,) = writer.fulfil()
        assert "not made with the store's key" in told
        assert writer.event(EVENT.event_id).outcome is None
        assert writer.fulfil() == []
        assert list(writer.verify()) == []


def test_what_cannot_be_asked(place: Place) -> None:
    url = opened(place)
    with pytest.raises(StoreError, match="no event"):
        request_mark(url, "cdcdcdcd", key=KEY, outcome="confirmed")
    with pytest.raises(UsageError, match="cannot be an outcome"):
        request_mark(url, EVENT.event_id, key=KEY, outcome="False Alarm")
    with pytest.raises(StoreError, match="another key"):
        request_mark(url, EVENT.event_id, key=b"x" * 32, outcome="confirmed")


def test_there_is_nothing_to_ask_yet(tmp_path: Path, kind: str) -> None:
    place = place_in(tmp_path, kind, name=session_server().emptied() if kind == "postgresql" else None)
    if isinstance(place, SQLitePlace):
        place.path.touch()
    with pytest.raises(StoreError, match="no store of this version"):
        request_mark(place.url, EVENT.event_id, key=KEY, outcome="confirmed")


def test_a_number_is_never_given_again(place: Place) -> None:
    url = opened(place)
    numbers = []
    for _ in range(3):
        numbers.append(request_mark(url, EVENT.event_id, key=KEY, outcome="confirmed"))
        with place() as writer:
            assert writer.fulfil() == []
            assert list(writer.verify()) == []
    assert numbers == [1, 2, 3]


def test_writer_and_asker_lose_nothing_of_each_other(place: Place) -> None:
    url = opened(place)
    with place() as writer:
        for at in range(5):
            number = request_mark(url, EVENT.event_id, key=KEY, note=str(at))
            # Both change the store's own row.
            writer.commit([CameraBatch("gate", notes=[Note("between", float(at))])])
            assert writer.is_waiting(number)
            assert list(writer.verify()) == []
            if at % 2:
                assert writer.fulfil() == []
        assert list(writer.verify()) == []


@pytest.mark.parametrize("pending", [False, True])
def test_one_that_is_put_back_is_not_taken_in_again(place: Place, pending: bool) -> None:
    url = opened(place)
    request_mark(url, EVENT.event_id, key=KEY, outcome="false_alarm")
    place.edit("CREATE TABLE kept AS SELECT * FROM requests")
    with place() as writer:
        writer.fulfil()
        writer.mark(EVENT.event_id, outcome="confirmed")
        if pending:
            request_mark(url, EVENT.event_id, key=KEY, note="another")
        place.edit("INSERT INTO requests SELECT * FROM kept", "DROP TABLE kept")
        (fault,) = writer.verify()
        assert "request 1" in fault.what
        assert "put back from outside" in fault.what
        (told,) = writer.fulfil()
        assert "put back from outside" in told
        assert writer.event(EVENT.event_id).outcome == "confirmed"
        assert writer.event(EVENT.event_id).note == ("another" if pending else None)
        assert writer.fulfil() == []
        assert list(writer.verify()) == []


@pytest.mark.parametrize("removed", [1, 2, 3])
def test_one_that_is_removed_is_told(place: Place, removed: int) -> None:
    url = opened(place)
    for at in range(3):
        request_mark(url, EVENT.event_id, key=KEY, note=str(at))
    place.edit(f"DELETE FROM requests WHERE id = {removed}")  # noqa: S608
    with place() as writer:
        (fault,) = writer.verify()
        assert f"the request {removed} to mark an event was removed from outside" in fault.what
        (told,) = writer.fulfil()
        assert f"request {removed} to mark an event was removed from outside" in told
        assert writer.event(EVENT.event_id).note == ("1" if removed == 3 else "2")
        assert writer.fulfil() == []
        assert list(writer.verify()) == []


def test_one_that_is_altered_is_found(place: Place) -> None:
    url = opened(place)
    request_mark(url, EVENT.event_id, key=KEY, held=True)
    place.edit("UPDATE requests SET id = 77")
    with place() as writer:
        assert [fault.what.split(" to mark an event ")[1] for fault in writer.verify()] == [
            "was removed from outside",
            "was not made with the store's key",
        ]
        assert len(writer.fulfil()) == 2
        assert request_mark(url, EVENT.event_id, key=KEY, held=True) == 2
        assert writer.fulfil() == []
        assert list(writer.verify()) == []


def test_one_that_cannot_be_taken_in_holds_up_no_other(place: Place) -> None:
    url = opened(place)
    other = replace(EVENT, event_id="cd" * 16)
    with place() as writer:
        writer.commit([CameraBatch("gate", changes=[(EventChange("opened", other), None)])])
        for event in (EVENT, other, EVENT):
            request_mark(url, event.event_id, key=KEY, outcome="confirmed")
        place.edit(f"UPDATE events SET state = 'x' WHERE event_id = '{EVENT.event_id}'")  # noqa: S608
        told = writer.fulfil()
        assert [text.partition(": ")[0] for text in told] == [
            "request 1 to mark an event",
            "request 3 to mark an event",
        ]
        assert "was altered from outside" in told[0]
        assert writer.event(other.event_id).outcome == "confirmed"
        assert writer.fulfil() == []
        assert [fault.what for fault in writer.verify()] == [f"the event {EVENT.event_id} was altered"]


@only_sqlite("of PostgreSQL a row is locked, see test_postgresql")
def test_what_passes_is_waited_for(place: Place) -> None:
    url = opened(place)
    with place() as writer:
        number = request_mark(url, EVENT.event_id, key=KEY, outcome="confirmed")
        other = sqlite3.connect(place.folder / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked") as caught:
            writer.fulfil()
        assert caught.value.passing
        other.execute("ROLLBACK")
        other.close()
        assert writer.is_waiting(number)
        assert writer.fulfil() == []
        assert writer.event(EVENT.event_id).outcome == "confirmed"


def test_what_was_asked_for_before_comes_before_what_is_said_now(place: Place) -> None:
    url = opened(place)
    request_mark(url, EVENT.event_id, key=KEY, outcome="false_alarm", note="asked")
    request_mark(url, EVENT.event_id, key=KEY, outcome="false_alarm")
    place.edit("UPDATE requests SET time = 0 WHERE id = 2")
    with place() as writer:
        marked = writer.mark(EVENT.event_id, outcome="confirmed")
        assert (marked.outcome, marked.note) == ("confirmed", "asked")
        # What was refused meanwhile is told to who asks next.
        (told,) = writer.fulfil()
        assert "request 2" in told
        assert writer.event(EVENT.event_id).outcome == "confirmed"
        assert writer.fulfil() == []
