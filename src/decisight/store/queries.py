"""Reading back: events, and records of readings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from decisight.errors import StoreError
from decisight.store.records import Lane, RecordKind, StoredEvent, StoredEvidence, StoredRecord
from decisight.store.schema import CHAINS, EVENTS, EVIDENCE, RECORDS
from decisight.types import Event

__all__ = [
    "CHUNK",
    "LAST",
    "LEAST_PREFIX",
    "chain_number",
    "find_event",
    "is_kept",
    "read_events",
    "read_records",
    "read_state",
]

LAST = "last"
"""Names the event that began last."""

LEAST_PREFIX = 6
"""Digits of an event's id that may stand for all of it."""

CHUNK = 2_000
"""Records that are fetched at a time, so that any number can be read in little memory."""

_IDS_AT_ONCE = 500


def read_events(
    connection: Connection,
    *,
    camera: str | None = None,
    open_only: bool = False,
    since: float | None = None,
    until: float | None = None,
    state: str | None = None,
    limit: int | None = None,
) -> list[StoredEvent]:
    """Events by the time when they began; see :meth:`decisight.store.store.Store.events`.

    Raises:
        StoreError: one cannot be read.
    """
    query = select(EVENTS)
    if camera is not None:
        query = query.where(EVENTS.c.camera == camera)
    if open_only:
        query = query.where(EVENTS.c.end_time.is_(None))
    if since is not None:
        query = query.where(or_(EVENTS.c.end_time.is_(None), EVENTS.c.end_time >= since))
    if until is not None:
        query = query.where(EVENTS.c.start_time < until)
    if state is not None:
        query = query.where(EVENTS.c.state == state)
    query = query.order_by(EVENTS.c.start_time.desc(), EVENTS.c.event_id.desc()).limit(limit)
    return _stored(connection, query)[::-1]


def find_event(connection: Connection, event_id: str) -> StoredEvent:
    """The event of an id, or of the first digits of it; of ``last``, the one that began last.

    Raises:
        StoreError: there is none, or there are several; or fewer than six digits are given.
    """
    title = f"no event {event_id[:40]!r}"
    if event_id == LAST:
        newest = read_events(connection, limit=1)
        if not newest:
            raise StoreError("there is no event yet", hint="watch first")
        return newest[0]
    if len(event_id) < LEAST_PREFIX or not event_id.isalnum():
        raise StoreError(f"there is {title}", hint=f"give its id, or at least the first {LEAST_PREFIX} digits of it")
    # Databases differ in whether case counts; identities are in lower case.
    wanted = event_id.lower()
    found = _stored(connection, select(EVENTS).where(EVENTS.c.event_id.startswith(wanted)).limit(3))
    exact = [event for event in found if event.event.event_id == wanted]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise StoreError(f"there is {title}", hint="see the list of events")
    names = ", ".join(event.event.event_id for event in found)
    raise StoreError(f"several events begin with {event_id!r}: {names}", hint="give more digits")


def chain_number(connection: Connection, camera: str, lane: Lane) -> int | None:
    """The number of a camera's chain; ``None`` where nothing was written yet."""
    query = select(CHAINS.c.id).where(CHAINS.c.camera == camera, CHAINS.c.lane == lane.value)
    return connection.execute(query).scalar()


def read_records(
    connection: Connection, chain_id: int, view_id: int | None, first_seq: int, last_seq: int | None
) -> list[StoredRecord]:
    """At most :data:`CHUNK` records of a chain, in order."""
    wanted = select(RECORDS.c.seq, RECORDS.c.kind, RECORDS.c.time, RECORDS.c.data, RECORDS.c.view_id)
    query = wanted.where(RECORDS.c.chain_id == chain_id, RECORDS.c.seq >= first_seq)
    if view_id is not None:
        query = query.where(RECORDS.c.view_id == view_id)
    if last_seq is not None:
        query = query.where(RECORDS.c.seq <= last_seq)
    rows = connection.execute(query.order_by(RECORDS.c.seq).limit(CHUNK))
    try:
        return [StoredRecord(seq, RecordKind(kind), time, data, view) for seq, kind, time, data, view in rows]
    except (ValueError, TypeError) as error:
        raise StoreError("a record cannot be read", hint="have the store verified") from error


def read_state(connection: Connection, chain_id: int, view_id: int, seq: int) -> tuple[int, Any] | None:
    """The last states of a view that were written before a record, or by it, with their own number."""
    query = (
        select(RECORDS.c.seq, RECORDS.c.data)
        .where(RECORDS.c.chain_id == chain_id, RECORDS.c.view_id == view_id, RECORDS.c.seq <= seq)
        .where(RECORDS.c.kind == int(RecordKind.STATE))
        .order_by(RECORDS.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else (row.seq, json.loads(row.data)["states"])


def is_kept(connection: Connection, chain_id: int, seq: int) -> bool:
    """Whether a picture is known, by the record that brought it, and its file was not removed."""
    query = select(EVIDENCE.c.event_id).where(EVIDENCE.c.chain_id == chain_id, EVIDENCE.c.seq == seq)
    return connection.execute(query.where(EVIDENCE.c.removed_at.is_(None))).first() is not None


def _stored(connection: Connection, query: Select[Any]) -> list[StoredEvent]:
    rows = connection.execute(query).mappings().all()
    pictures = _evidence(connection, [row["event_id"] for row in rows])
    return [_event(row, pictures.get(row["event_id"], ())) for row in rows]


def _event(row: Mapping[Any, Any], pictures: Sequence[StoredEvidence]) -> StoredEvent:
    try:
        event = Event.from_stored(json.loads(row["event"]))
    except (ValueError, TypeError) as error:
        raise StoreError(f"the event {row['event_id']} cannot be read", hint="have the store verified") from error
    return StoredEvent(
        event,
        row["outcome"],
        bool(row["held"]),
        row["note"],
        row["opened_seq"],
        row["closed_seq"],
        row["view_id"],
        tuple(pictures),
    )


def _evidence(connection: Connection, event_ids: Sequence[str]) -> dict[str, list[StoredEvidence]]:
    found: dict[str, list[StoredEvidence]] = {}
    for ids in _pieces(event_ids):
        query = select(EVIDENCE).where(EVIDENCE.c.event_id.in_(ids)).order_by(EVIDENCE.c.chain_id, EVIDENCE.c.seq)
        for row in connection.execute(query):
            picture = StoredEvidence(row.event_id, row.what, row.digest, row.time, row.size, row.removed_at, row.why)
            found.setdefault(row.event_id, []).append(picture)
    return found


def _pieces(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[begin : begin + _IDS_AT_ONCE]
