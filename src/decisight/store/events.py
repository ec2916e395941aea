"""The rows of events and of their pictures, each sealed anew when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from decisight.errors import StoreError
from decisight.store.chain import Seals, plain_json
from decisight.store.schema import EVENTS, EVIDENCE
from decisight.types import Event

__all__ = ["close_event", "insert_event", "insert_evidence", "sealed_event", "touch_event", "touch_evidence"]


def insert_event(
    connection: Connection, seals: Seals, event: Event, view_id: int | None, reading_seq: int, chain_seq: int
) -> None:
    """Write an event that was opened.

    Raises:
        StoreError: it is there already.
    """
    if connection.execute(select(EVENTS.c.event_id).where(EVENTS.c.event_id == event.event_id)).first():
        raise StoreError(f"the event {event.event_id} is there already", hint="an event is opened once")
    values = {
        **_columns(event),
        "view_id": view_id,
        "opened_seq": reading_seq,
        "closed_seq": None,
        "outcome": None,
        "held": 0,
        "note": None,
        "first_chain_seq": chain_seq,
        "chain_seq": chain_seq,
    }
    connection.execute(insert(EVENTS), seals.sealed(EVENTS, values))


def close_event(
    connection: Connection, seals: Seals, event: Event, view_id: int | None, reading_seq: int, chain_seq: int
) -> None:
    """Write that an event was closed. It stays with the view that it was opened with, whatever closed it.

    Raises:
        StoreError: it is not there, or was altered.
    """
    touch_event(connection, seals, event.event_id, chain_seq, {**_columns(event), "closed_seq": reading_seq})


def touch_event(
    connection: Connection, seals: Seals, event_id: str, chain_seq: int, changes: Mapping[str, Any]
) -> None:
    """Change an event's row, as the record ``chain_seq`` of the lane of events says.

    Raises:
        StoreError: it is not there, or was altered.
    """
    values = {**sealed_event(connection, seals, event_id), **changes, "chain_seq": chain_seq}
    connection.execute(update(EVENTS).where(EVENTS.c.event_id == event_id).values(seals.sealed(EVENTS, values)))


def sealed_event(connection: Connection, seals: Seals, event_id: str) -> dict[str, Any]:
    """An event's row, as it was written.

    Raises:
        StoreError: it is not there, or was altered.
    """
    row = connection.execute(select(EVENTS).where(EVENTS.c.event_id == event_id)).mappings().first()
    if row is None:
        raise StoreError(f"there is no event {event_id}", hint="an event is opened before it is closed")
    seals.check(EVENTS, row, f"the event {event_id}")
    return dict(row)


def insert_evidence(connection: Connection, seals: Seals, chain_id: int, picture: Mapping[str, Any], seq: int) -> None:
    """Write that a picture belongs to an event.

    Raises:
        StoreError: there is no such event.
    """
    if not connection.execute(select(EVENTS.c.event_id).where(EVENTS.c.event_id == picture["event_id"])).first():
        raise StoreError(f"there is no event {picture['event_id']}", hint="evidence is of an event that was opened")
    values = {
        **picture,
        "chain_id": chain_id,
        "seq": seq,
        "chain_seq": seq,
        "removed_at": None,
        "why": None,
    }
    connection.execute(insert(EVIDENCE), seals.sealed(EVIDENCE, values))


def touch_evidence(
    connection: Connection, seals: Seals, chain_id: int, seq: int, chain_seq: int, changes: Mapping[str, Any]
) -> None:
    """Change a picture's row, as the record ``chain_seq`` of the lane of events says.

    Raises:
        StoreError: it was altered.
    """
    this = (EVIDENCE.c.chain_id == chain_id) & (EVIDENCE.c.seq == seq)
    row = connection.execute(select(EVIDENCE).where(this)).mappings().one()
    seals.check(EVIDENCE, row, f"a picture of the event {row['event_id']}")
    values = {**row, **changes, "chain_seq": chain_seq}
    connection.execute(update(EVIDENCE).where(this).values(seals.sealed(EVIDENCE, values)))


def _columns(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "camera": event.camera,
        "region": event.region,
        "label_group": event.group,
        "state": event.state,
        "start_time": event.start_time,
        "end_time": event.end_time,
        "event": plain_json(event.to_stored()),
    }
