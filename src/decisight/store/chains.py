"""Where chains end: what the next record is tied to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from decisight.errors import StoreError
from decisight.store.chain import GENESIS, Seals
from decisight.store.ledger import own_row
from decisight.store.records import Lane, RecordKind
from decisight.store.schema import CHAINS, RECORDS, SEGMENTS

__all__ = [
    "ChainState",
    "SegmentState",
    "carried_reading",
    "check_ends",
    "ends_of",
    "last_reading",
    "load_chains",
    "record_room",
]

_ROOM = {"sqlite": 40, "postgresql": 117}
"""Bytes that a record takes beside its data, as measured: columns, digest, index, and what pages leave free."""


def record_room(connection: Connection) -> int:
    """Bytes that a record takes in a database beside its data, about."""
    return _ROOM[connection.dialect.name]


@dataclass(slots=True)
class SegmentState:
    """The segment that a chain is writing to."""

    chain_id: int
    number: int
    first_seq: int
    begun: float
    earliest: float
    latest: float
    size: int = 0
    records: int = 0

    def take(self, moment: float, size: int) -> None:
        """Count a record."""
        self.earliest = min(self.earliest, moment)
        self.latest = max(self.latest, moment)
        self.size += size
        self.records += 1

    def is_full(self, records: int, seconds: float) -> bool:
        """Whether it is to be sealed."""
        return self.records >= records or self.latest - self.earliest > seconds

    def row(self, end: ChainState | None = None, now: float | None = None) -> dict[str, Any]:
        """As it stands in its table; sealed, where the chain is at its end."""
        sealed = end is not None
        return {
            "chain_id": self.chain_id,
            "number": self.number,
            "first_seq": self.first_seq,
            "last_seq": end.seq if end else None,
            "first_time": self.earliest if sealed else self.begun,
            "last_time": self.latest if sealed else None,
            "size": self.size if sealed else None,
            "head": end.mac if end else None,
            "stored_at": end.stored_at if end else None,
            "sealed_at": now,
            "dropped_at": None,
        }


@dataclass(slots=True)
class ChainState:
    """A chain's end."""

    id: int
    camera: str
    lane: Lane
    seq: int = 0
    mac: bytes = GENESIS
    time: float | None = None
    stored_at: float | None = None
    """When the last record was stored, in seconds since 1970."""
    checkpoint_seq: int | None = None
    checkpoint_mac: bytes | None = None
    row_mac: bytes = b""
    """Of its row, as it was last written."""
    segments: int = 0
    """The number of the last one that is sealed, while none is open."""
    segment: SegmentState | None = None

    def begin_segment(self, moment: float) -> SegmentState:
        """Begin one with the record ``seq``."""
        self.segment = SegmentState(self.id, self.segments + 1, self.seq, moment, moment, moment)
        return self.segment

    def row(self) -> dict[str, Any]:
        """As it stands in its table."""
        return {
            "id": self.id,
            "camera": self.camera,
            "lane": self.lane.value,
            "last_seq": self.seq,
            "last_mac": self.mac,
            "last_time": self.time,
            "stored_at": self.stored_at,
            "checkpoint_seq": self.checkpoint_seq,
            "checkpoint_mac": self.checkpoint_mac,
        }


def load_chains(connection: Connection, seals: Seals) -> dict[tuple[str, str], ChainState]:
    """Every chain's end, by camera and lane.

    Raises:
        StoreError: one is not as it was written, or is that of an earlier moment: to go on from it would hide that.
    """
    found = {}
    for row in connection.execute(select(CHAINS)).mappings():
        title = f"the end of the {row['lane']} of {row['camera']}"
        seals.check(CHAINS, row, title)
        chain = ChainState(
            row["id"],
            row["camera"],
            Lane(row["lane"]),
            row["last_seq"],
            bytes(row["last_mac"]),
            row["last_time"],
            row["stored_at"],
            row["checkpoint_seq"],
            None if row["checkpoint_mac"] is None else bytes(row["checkpoint_mac"]),
            bytes(row["mac"]),
        )
        if chain.seq:
            _load_segment(connection, seals, chain, title)
        found[chain.camera, str(chain.lane)] = chain
    check_ends(seals, found.values(), own_row(connection, seals))
    return found


def ends_of(seals: Seals, chains: Iterable[ChainState]) -> bytes:
    """The digest of the rows of all chains, as the store's own row has it."""
    return seals.ends(chain.row_mac for chain in sorted(chains, key=lambda chain: chain.id))


def check_ends(seals: Seals, chains: Iterable[ChainState], store: Mapping[str, Any]) -> None:
    """Refuse chains that are not all of the moment of the store's own row.

    Raises:
        StoreError: they are not.
    """
    if ends_of(seals, chains) != bytes(store["ends"]):
        raise StoreError(
            "the store does not end where it was last written to: part of it was put back to an earlier state",
            hint="have the store verified; go on with a backup or a new store",
        )


def last_reading(connection: Connection, chain_id: int, view_id: int, seq: int | None = None) -> bytes | None:
    """The data of a view's last ``READING`` since its folds began anew, also of one that a later segment begins with.

    Args:
        connection: to the database.
        chain_id: of the camera's readings.
        view_id: of the view.
        seq: only before this record.
    """
    query = (
        select(RECORDS.c.kind, RECORDS.c.data)
        .where(RECORDS.c.chain_id == chain_id, RECORDS.c.view_id == view_id)
        .where(RECORDS.c.kind.in_((int(RecordKind.READING), int(RecordKind.STATE))))
        .order_by(RECORDS.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(query if seq is None else query.where(RECORDS.c.seq < seq)).first()
    if row is None or row.kind == RecordKind.READING:
        return None if row is None else bytes(row.data)
    return carried_reading(row.data)


def carried_reading(data: bytes) -> bytes | None:
    """The data of the view's last ``READING`` before a ``STATE`` record, which has it with it.

    ``None``: there is none, or none that a picture may repeat.
    """
    carried = json.loads(data)["reading"]
    return None if carried is None else base64.b64decode(carried)


def _check_end(connection: Connection, chain: ChainState, title: str) -> None:
    query = select(RECORDS.c.seq, RECORDS.c.mac).where(RECORDS.c.chain_id == chain.id)
    last = connection.execute(query.order_by(RECORDS.c.seq.desc()).limit(1)).first()
    if last is None or last.seq != chain.seq or bytes(last.mac) != chain.mac:
        raise StoreError(
            f"{title} is not where it was written to: records were removed, added or altered from outside",
            hint="have the store verified; go on with a backup or a new store",
        )


def _load_segment(connection: Connection, seals: Seals, chain: ChainState, title: str) -> None:
    query = select(SEGMENTS).where(SEGMENTS.c.chain_id == chain.id).order_by(SEGMENTS.c.number.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise StoreError(f"{title} has no open segment", hint="have the store verified; go on with a backup")
    seals.check(SEGMENTS, row, title)
    chain.segments = row["number"] - (row["sealed_at"] is None)
    if row["dropped_at"] is None:
        _check_end(connection, chain, title)
    if row["sealed_at"] is not None:
        # So is the last one too, where nothing came any more for long.
        if row["last_seq"] != chain.seq or bytes(row["head"]) != chain.mac:
            raise StoreError(f"{title} has no open segment", hint="have the store verified; go on with a backup")
        return
    counted = select(
        func.min(RECORDS.c.time),
        func.max(RECORDS.c.time),
        func.sum(func.length(RECORDS.c.data)),
        func.count(),
    ).where(RECORDS.c.chain_id == chain.id, RECORDS.c.seq >= row["first_seq"])
    earliest, latest, size, records = connection.execute(counted).one()
    chain.segment = SegmentState(
        chain.id,
        row["number"],
        row["first_seq"],
        row["first_time"],
        earliest,
        latest,
        int(size) + records * record_room(connection),
        records,
    )
