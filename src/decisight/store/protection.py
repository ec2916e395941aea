"""What may not be removed, whatever its age: the records that an event on hold, or one that is still open, rests on.

By the numbers of records, not by their times: a camera's clock may be set back while an event holds, and recordings may
all begin at the same time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from decisight.store.records import Lane
from decisight.store.schema import EVENTS, EVIDENCE, RECORDS

__all__ = ["Stretch", "is_protected", "protected_stretches"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records of one lane of a camera, of which none may be removed.

    Args:
        camera: its name.
        lane: which of its chains.
        first: the number of the first one.
        last: of the last one; infinite where more are to come.
        event_id: only those that speak of this event; ``None``: all.
    """

    camera: str
    lane: Lane
    first: int
    last: float
    event_id: str | None = None


def protected_stretches(connection: Connection) -> list[Stretch]:
    """What events rest on that are on hold, or hold still.

    Of readings, those from the one that opened the event to the one that closed it: as whole segments stay, so do the
    states that its replay begins with. Of the lane of events, all that speaks of it and of its pictures.
    """
    protected = or_(EVENTS.c.held != 0, EVENTS.c.end_time.is_(None))
    pictures = select(EVIDENCE.c.event_id, func.max(EVIDENCE.c.chain_seq)).group_by(EVIDENCE.c.event_id)
    theirs = pictures.where(EVIDENCE.c.event_id.in_(select(EVENTS.c.event_id).where(protected)))
    latest = {row[0]: int(row[1]) for row in connection.execute(theirs)}
    found = []
    for row in connection.execute(select(EVENTS).where(protected)):
        closed = math.inf if row.closed_seq is None else row.closed_seq
        last = max(row.chain_seq, latest.get(row.event_id, 0))
        found.append(Stretch(row.camera, Lane.READINGS, row.opened_seq, closed))
        found.append(Stretch(row.camera, Lane.EVENTS, row.first_chain_seq, last, row.event_id))
    return found


def is_protected(connection: Connection, segment: Mapping[str, Any], stretches: Iterable[Stretch]) -> bool:
    """Whether a segment has a record that may not be removed.

    Args:
        connection: to the database.
        segment: its row, with its camera and lane.
        stretches: of such records.
    """
    here = [
        stretch
        for stretch in stretches
        if stretch.camera == segment["camera"]
        and stretch.lane.value == segment["lane"]
        and stretch.first <= segment["last_seq"]
        and segment["first_seq"] <= stretch.last
    ]
    if not here:
        return False
    wanted = {stretch.event_id for stretch in here}
    # An event that is marked after a year would else hold all records of that year.
    return None in wanted or not wanted.isdisjoint(_spoken_of(connection, segment))


def _spoken_of(connection: Connection, segment: Mapping[str, Any]) -> Iterator[str | None]:
    """The events that the records of a segment of the lane of events speak of."""
    theirs = and_(RECORDS.c.chain_id == segment["chain_id"], RECORDS.c.seq >= segment["first_seq"])
    query = select(RECORDS.c.data).where(theirs, RECORDS.c.seq <= segment["last_seq"])
    for data in connection.execute(query).scalars():
        content = json.loads(data)
        yield content.get("event_id") or content.get("fields", {}).get("event_id")
