"""Writing: what is to be written is chained in memory first, and goes in by one transaction, whole or not at all."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from decisight.store.chain import plain_json
from decisight.store.chains import (
    ChainState,
    SegmentState,
    check_ends,
    ends_of,
    last_reading,
    record_room,
)
from decisight.store.checkpoints import read_checkpoint, sealed_checkpoint, write_checkpoints
from decisight.store.events import close_event, insert_event, insert_evidence, touch_event, touch_evidence
from decisight.store.ledger import changed_store
from decisight.store.outbox import post
from decisight.store.postgresql import copy_rows
from decisight.store.records import CameraBatch, EvidencePicture, Lane, Note, ReadingRecord, RecordKind
from decisight.store.schema import CHAINS, RECORDS, SEGMENTS
from decisight.store.writer import Writer, changed_meanwhile, mac_of
from decisight.types import EventChange

__all__ = ["SEGMENT_RECORDS", "SEGMENT_SECONDS", "Draft"]

SEGMENT_RECORDS = 5_000
"""A segment that holds as many is sealed by the next commit."""
SEGMENT_SECONDS = 3_600.0
"""As is one whose records span more than this."""

_READING_KINDS = (RecordKind.READING, RecordKind.REPEATED, RecordKind.UNJUDGED, RecordKind.TICK)


class Draft:
    """What one transaction is to write: chained, but not yet in the database.

    Args:
        writer: the chains' ends; not changed.
        connection: in the transaction.
    """

    def __init__(self, writer: Writer, connection: Connection) -> None:
        self._writer = writer
        self._connection = connection
        self._seals = writer.seals
        self._now = writer.clock()
        self._room = record_room(connection)
        self.chains: dict[tuple[str, str], ChainState] = {}
        self.checkpoints: dict[str, tuple[int, Mapping[str, Any]] | None] = {}
        self.readings: dict[tuple[int, int], bytes | None] = {}
        self._records: list[dict[str, Any]] = []
        self._begun: list[SegmentState] = []
        self._sealed: list[tuple[SegmentState, ChainState]] = []
        self._rows: list[tuple[Any, ...]] = []
        self._posts: list[tuple[str, EventChange]] = []
        self._checkpoints: dict[str, dict[str, Any]] = {}

    @property
    def connection(self) -> Connection:
        """In the transaction."""
        return self._connection

    # --- what is to be written ----------------------------------------------------------------------------------------

    def add(self, batch: CameraBatch, digests: Sequence[str]) -> None:
        """Chain one camera's batch.

        Args:
            batch: what is to be written.
            digests: of the files of its evidence, which are there already.

        Raises:
            ValueError: a record is none that a batch may have.
            StoreError: what it builds on was altered.
        """
        first = self._add_readings(batch)
        for change, index in batch.changes:
            self._add_change(batch, change, index, first)
        for picture, digest in zip(batch.evidence, digests, strict=True):
            self._add_evidence(batch.camera, picture, digest)
        for note in batch.notes:
            self.add_note(batch.camera, note)
        if batch.checkpoint is not None:
            chain = self.chain(batch.camera, Lane.READINGS)
            row = sealed_checkpoint(self._seals, batch.camera, chain.seq, batch.checkpoint)
            chain.checkpoint_seq, chain.checkpoint_mac = chain.seq, row["mac"]
            self._checkpoints[batch.camera] = row
            self.checkpoints[batch.camera] = (chain.seq, batch.checkpoint)

    def add_note(self, camera: str, note: Note, row: Sequence[Any] | None = None) -> int:
        """Chain a note; its number in the lane of events.

        Args:
            camera: whose lane.
            note: the note.
            row: the table and the key of a row that changes with it: verification holds the two to each other.
        """
        values: dict[str, Any] = {"text": note.text, "fields": dict(note.fields)}
        content = plain_json(values if row is None else values | {"row": list(row)})
        return self._append(self.chain(camera, Lane.EVENTS), None, RecordKind.NOTE, note.time, content.encode())

    def mark(self, camera: str, event_id: str, note: Note, changes: Mapping[str, Any]) -> None:
        """Chain a note, and have an event's row changed with it."""
        seq = self.add_note(camera, note, ["events", event_id])
        self._rows.append((touch_event, event_id, seq, changes))

    def remove_picture(self, camera: str, picture: tuple[int, int], note: Note) -> None:
        """Chain a note, and have a picture's row say with it that the file was removed.

        Args:
            camera: whose lane.
            picture: the chain and the number of the record that brought it.
            note: with ``why`` among its fields.
        """
        seq = self.add_note(camera, note, ["evidence", *picture])
        changes = {"removed_at": note.time, "why": note.fields["why"]}
        self._rows.append((touch_evidence, *picture, seq, changes))

    def seal(self, camera: str, lane: Lane) -> None:
        """Seal the segment that a chain is writing to, whose states are known: what comes later begins another."""
        chain = self.chain(camera, lane)
        known = self._checkpoint(camera) if lane is Lane.READINGS else None
        for view in known[1].get("states", {}) if known is not None else ():
            # What the next segment begins with is to be known, though this one may be dropped by then.
            self._reading(chain.id, int(view))
        self._seal(chain)

    def chain(self, camera: str, lane: Lane) -> ChainState:
        """A camera's chain as it will be, begun where there is none."""
        found = self.chains.get((camera, lane))
        if found is None:
            before = self._writer.chains.get((camera, lane))
            if before is None:
                # Both at once, so that their numbers are known: those of readings are odd.
                pair = len({name for name, _ in (*self._writer.chains, *self.chains)})
                for at, each in enumerate(Lane):
                    self.chains[camera, each] = ChainState(2 * pair + 1 + at, camera, each)
                return self.chains[camera, lane]
            found = self.chains[camera, lane] = replace(before, segment=before.segment and replace(before.segment))
        return found

    def _add_readings(self, batch: CameraBatch) -> int:
        """Chain a batch's readings; the number of the first."""
        chain = self.chain(batch.camera, Lane.READINGS)
        if batch.records or batch.begun:
            # Of nothing but what is given and what was written, so that it comes out the same when it is repeated.
            begin = batch.records[0].time if batch.records else chain.time or 0.0
            self._begin_segment_of_readings(chain, begin, batch.begun)
            for view, states in batch.begun.items():
                content = plain_json({"states": states, "reading": None, "begun": True})
                self._append(chain, view, RecordKind.STATE, begin, content.encode())
                self.readings[chain.id, view] = None
        first = chain.seq + 1
        for record in batch.records:
            if record.kind not in _READING_KINDS:
                raise ValueError(f"a batch's records are readings and ticks, not {record.kind!r}")
            self._append(chain, record.view_id, record.kind, record.time, record.data)
            if record.kind == RecordKind.READING:
                self.readings[chain.id, record.view_id] = record.data
        return first

    def _begin_segment_of_readings(self, chain: ChainState, begin: float, begun: Collection[int]) -> None:
        """Begin a segment with the states of all views but those that begin anew, where there is none or it is full."""
        known = self._checkpoint(chain.camera)
        if chain.segment is not None:
            # States of an earlier moment would not be those after all records before. Then it has to wait.
            stale = known is not None and known[0] != chain.seq
            if not chain.segment.is_full(SEGMENT_RECORDS, SEGMENT_SECONDS) or stale:
                return
            self._seal(chain)
        states = known[1].get("states", {}) if known is not None else {}
        for number, state in ((int(view), state) for view, state in states.items()):
            if number in begun:
                continue
            data = self._reading(chain.id, number)
            reading = None if data is None else base64.b64encode(data).decode("ascii")
            content = plain_json({"states": state, "reading": reading})
            self._append(chain, number, RecordKind.STATE, begin, content.encode())

    def _add_change(self, batch: CameraBatch, change: EventChange, index: int | None, first: int) -> None:
        readings, lane = self.chain(batch.camera, Lane.READINGS), self.chain(batch.camera, Lane.EVENTS)
        if index is not None and not 0 <= index < len(batch.records):
            raise ValueError(f"there is no reading {index} in a batch of {len(batch.records)}")
        record: ReadingRecord | None = None if index is None else batch.records[index]
        event = change.event
        opened = change.change == "opened"
        moment = record.time if record else event.start_time if event.end_time is None else event.end_time
        reading_seq = readings.seq if index is None else first + index
        view = record.view_id if record else None
        content = plain_json({**event.to_stored(), "reading_seq": reading_seq})
        kind = RecordKind.OPENED if opened else RecordKind.CLOSED
        seq = self._append(lane, view, kind, moment, content.encode())
        self._rows.append((insert_event if opened else close_event, event, view, reading_seq, seq))
        self._posts += [(sink, change) for sink in batch.sinks]

    def _add_evidence(self, camera: str, picture: EvidencePicture, digest: str) -> None:
        lane = self.chain(camera, Lane.EVENTS)
        values = {
            "digest": digest,
            "what": picture.what,
            "event_id": picture.event_id,
            "time": picture.time,
            "size": len(picture.jpeg),
        }
        seq = self._append(lane, None, RecordKind.EVIDENCE, picture.time, plain_json(values).encode())
        self._rows.append((insert_evidence, lane.id, values | {"stored_at": self._now}, seq))

    def _append(self, chain: ChainState, view: int | None, kind: RecordKind, moment: float, data: bytes) -> int:
        """Chain one record; its number."""
        moment += 0.0  # a database does not keep the sign of zero
        if not moment - moment == 0.0:
            raise ValueError(f"a record's time must be finite: {moment}")
        segment = chain.segment
        if segment is not None and chain.lane == Lane.EVENTS and segment.is_full(SEGMENT_RECORDS, SEGMENT_SECONDS):
            self._seal(chain)
            segment = None
        chain.seq += 1
        if segment is None:
            segment = chain.begin_segment(moment)
            self._begun.append(segment)
        segment.take(moment, len(data) + self._room)
        chain.mac = self._seals.record(chain.mac, chain.id, chain.seq, view, kind, moment, data)
        chain.time, chain.stored_at = moment, self._now
        self._records.append(
            {
                "chain_id": chain.id,
                "seq": chain.seq,
                "view_id": view,
                "kind": int(kind),
                "time": moment,
                "data": data,
                "mac": chain.mac,
            }
        )
        return chain.seq

    def _seal(self, chain: ChainState) -> None:
        if chain.segment is not None:
            self._sealed.append((chain.segment, replace(chain)))
            chain.segments, chain.segment = chain.segment.number, None

    def _checkpoint(self, camera: str) -> tuple[int, Mapping[str, Any]] | None:
        if camera in self.checkpoints:
            return self.checkpoints[camera]
        known = self._writer.checkpoints
        if camera not in known:
            known[camera] = read_checkpoint(self._connection, self._seals, camera)
        return known[camera]

    def _reading(self, chain_id: int, view: int) -> bytes | None:
        if (chain_id, view) in self.readings:
            return self.readings[chain_id, view]
        known = self._writer.readings
        if (chain_id, view) not in known:
            known[chain_id, view] = last_reading(self._connection, chain_id, view)
        return known[chain_id, view]

    # --- writing it ---------------------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.chains

    def has_gone_through(self, connection: Connection) -> bool:
        """Whether the database holds what this has chained, though nobody was told that its commit went through.

        Args:
            connection: of a later transaction, begun once that commit was decided.
        """
        for key, chain in self.chains.items():
            before = self._writer.chains.get(key)
            if chain.seq > (0 if before is None else before.seq):
                return mac_of(connection, chain.id, chain.seq) == chain.mac
        return False

    def _check_ends(self) -> None:
        """See that the database holds what was there before, and nothing else.

        Raises:
            StoreError: it does not.
        """
        numbers = [chain.id for chain in self.chains.values()]
        query = select(CHAINS.c.id, CHAINS.c.last_seq, CHAINS.c.last_mac).where(CHAINS.c.id.in_(numbers))
        there = {number: (seq, bytes(mac)) for number, seq, mac in self._connection.execute(query)}
        before = [self._writer.chains[key] for key in self.chains if key in self._writer.chains]
        if there != {chain.id: (chain.seq, chain.mac) for chain in before}:
            raise changed_meanwhile()

    def write(self) -> None:
        """Write all of it, in the transaction that it was made for.

        Raises:
            StoreError: an event is not there, is there already, or was altered; or the store was changed, or part of it
                put back to an earlier state, since the last commit.
        """
        self._check_ends()
        with changed_store(self._connection, self._seals) as store:
            # Else what was put back would be taken for what was written.
            check_ends(self._seals, self._writer.chains.values(), store)
            self._write_chains(store)
            post(self._connection, self._seals, store, self._posts)
        self._write_segments()
        if self._records:
            self._write_records()
        for action, *values in self._rows:
            action(self._connection, self._seals, *values)
        write_checkpoints(self._connection, list(self._checkpoints.values()))

    def _write_records(self) -> None:
        if self._connection.dialect.name == "postgresql":
            copy_rows(self._connection, RECORDS, self._records)
        else:
            self._connection.execute(insert(RECORDS), self._records)

    def _write_chains(self, store: dict[str, Any]) -> None:
        new, moved = [], []
        for key, chain in self.chains.items():
            values = self._seals.sealed(CHAINS, chain.row())
            chain.row_mac = values["mac"]
            if key in self._writer.chains:
                moved.append({**values, "this": chain.id})
            else:
                new.append(values)
        if moved:
            self._connection.execute(update(CHAINS).where(CHAINS.c.id == bindparam("this")), moved)
        if new:
            self._connection.execute(insert(CHAINS), new)
            store["chains"] += len(new)
        store["ends"] = ends_of(self._seals, {**self._writer.chains, **self.chains}.values())

    def _write_segments(self) -> None:
        if self._begun:
            rows = [self._seals.sealed(SEGMENTS, segment.row()) for segment in self._begun]
            self._connection.execute(insert(SEGMENTS), rows)
        for segment, chain in self._sealed:
            values = self._seals.sealed(SEGMENTS, segment.row(chain, self._now))
            self._connection.execute(
                update(SEGMENTS)
                .where(SEGMENTS.c.chain_id == segment.chain_id, SEGMENTS.c.number == segment.number)
                .values(values)
            )
