"""Reading a store back: what was seen and decided, and whether it is as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from decisight.errors import StoreError
from decisight.store import coverage as coverages
from decisight.store import queries, verification
from decisight.store.chain import Seals
from decisight.store.chains import carried_reading, last_reading
from decisight.store.checkpoints import read_checkpoint
from decisight.store.codec import Codec, Decoded
from decisight.store.database import Database
from decisight.store.evidence import EvidenceFolder
from decisight.store.heads import Head, current_heads
from decisight.store.outbox import Delivery, read_pending, waiting_by_sink
from decisight.store.records import Beginning, Lane, RecordKind, StoredEvent, StoredRecord
from decisight.store.views import StoredView, read_views

__all__ = ["Reader"]


class Reader:
    """What can be asked of an open store; nothing here changes it.

    Args:
        database: that holds the store.
        seals: its digests.
        evidence: the folder of its pictures; ``None`` where none are asked for.
    """

    def __init__(self, database: Database, seals: Seals, evidence: EvidenceFolder | None) -> None:
        self._database = database
        self._seals = seals
        self._evidence = evidence

    @property
    def title(self) -> str:
        """What messages call it; without any password."""
        return self._database.title

    @property
    def doubts(self) -> tuple[str, ...]:
        """What makes it doubtful that all that was stored is there after a power cut, one line each."""
        return self._database.doubts

    def views(self, camera: str | None = None) -> list[StoredView]:
        """The views of a camera, or all, in the order in which they came.

        Raises:
            StoreError: one cannot be read.
        """
        with self._database.reading() as connection:
            return read_views(connection, camera)

    def checkpoint(self, camera: str) -> dict[str, Any] | None:
        """Where a camera is to go on; ``None`` where it begins.

        Raises:
            StoreError: it was altered, is missing, or is not the last one that was written.
        """
        with self._database.reading() as connection:
            found = read_checkpoint(connection, self._seals, camera)
        return None if found is None else dict(found[1])

    def events(
        self,
        camera: str | None = None,
        open_only: bool = False,
        since: float | None = None,
        until: float | None = None,
        state: str | None = None,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """Events by the time when they began, the earliest first.

        Args:
            camera: only of this one.
            open_only: only those that still hold.
            since: only those that held at this moment or later, in seconds since 1970.
            until: only those that began before this moment.
            state: only of this one.
            limit: no more than so many, the latest of them.

        Raises:
            StoreError: one cannot be read.
        """
        with self._database.reading() as connection:
            return queries.read_events(
                connection, camera=camera, open_only=open_only, since=since, until=until, state=state, limit=limit
            )

    def event(self, event_id: str) -> StoredEvent:
        """The event of an id, or of at least the first six digits of it.

        Raises:
            StoreError: there is none, or there are several.
        """
        with self._database.reading() as connection:
            return queries.find_event(connection, event_id)

    def picture_place(self, digest: str) -> Path | None:
        """Where a picture of an event lies; ``None`` where the store was opened without a folder of evidence."""
        return None if self._evidence is None else self._evidence.place(digest)

    def picture(self, digest: str) -> bytes:
        """A picture of an event: the JPEG file as it was written.

        Raises:
            StoreError: it is not there, was altered, or the store was opened without a folder of evidence.
        """
        if self._evidence is None:
            raise StoreError(f"{self.title} was opened without its folder of evidence", hint="open it with the folder")
        return self._evidence.read(digest)

    def readings(
        self, camera: str, view_id: int | None = None, first_seq: int = 1, last_seq: int | None = None
    ) -> Iterator[StoredRecord]:
        """Records of readings in order: pictures, ticks, and the states that segments begin with.

        They are fetched piece by piece, so that any number can be gone through; what is written meanwhile comes too.

        Args:
            camera: whose.
            view_id: only of this view; ``None``: of all.
            first_seq: from this record on.
            last_seq: up to this record, itself among them; by default to the end.

        Raises:
            StoreError: one cannot be read.
        """
        with self._database.reading() as connection:
            chain = queries.chain_number(connection, camera, Lane.READINGS)
        while chain is not None:
            with self._database.reading() as connection:
                found = queries.read_records(connection, chain, view_id, first_seq, last_seq)
            yield from found
            if len(found) < queries.CHUNK:
                return
            first_seq = found[-1].seq + 1

    def items(
        self, camera: str, view: StoredView, first_seq: int = 1, last_seq: int | None = None
    ) -> Iterator[tuple[int, Decoded]]:
        """What a view's policies were given and what they decided, by the number of the record, in order.

        Args:
            camera: whose.
            view: as :meth:`views` gives it.
            first_seq: from this record on.
            last_seq: up to this record, itself among them; by default to the end.

        Raises:
            StoreError: a record cannot be read, or is of another view.
        """
        for seq, found in self.course(camera, view, first_seq, last_seq):
            if not isinstance(found, Beginning):
                yield seq, found

    def course(
        self, camera: str, view: StoredView, first_seq: int = 1, last_seq: int | None = None
    ) -> Iterator[tuple[int, Decoded | Beginning]]:
        """The same as :meth:`items`, and where the view's folds began anew on the way: a replay goes on from there.

        Args:
            camera: whose.
            view: as :meth:`views` gives it.
            first_seq: from this record on.
            last_seq: up to this record, itself among them; by default to the end.

        Raises:
            StoreError: see :meth:`items`.
        """
        codec = Codec.of(view.key)
        data = self.last_reading(camera, view.id, first_seq)
        last = None if data is None else codec.prediction(data)
        for record in self.readings(camera, view.id, first_seq, last_seq):
            if record.kind == RecordKind.STATE:
                carried = carried_reading(record.data)
                last = None if carried is None else codec.prediction(carried)
                content = json.loads(record.data)
                if content.get("begun"):
                    yield record.seq, Beginning(content["states"])
                continue
            item, decisions = codec.read(record.kind, record.time, record.data, last)
            if record.kind == RecordKind.READING:
                last = getattr(item, "prediction", None)
            yield record.seq, (item, decisions)

    def last_reading(self, camera: str, view_id: int, seq: int) -> bytes | None:
        """The data of a view's last ``READING`` before a record: what one that is ``REPEATED`` holds for.

        It is found also where the segment that it stood in was dropped.
        """
        with self._database.reading() as connection:
            chain = queries.chain_number(connection, camera, Lane.READINGS)
            return None if chain is None else last_reading(connection, chain, view_id, seq)

    def state_before(self, camera: str, view_id: int, seq: int) -> tuple[int, Any] | None:
        """The last states of a view's folds that were written before a record, or by it.

        Returns:
            The number of the record that holds them, and the states after all records before that one, or those that
            the folds began anew with there; ``None`` where there are none: then they begin with the view's first
            record.
        """
        with self._database.reading() as connection:
            chain = queries.chain_number(connection, camera, Lane.READINGS)
            return None if chain is None else queries.read_state(connection, chain, view_id, seq)

    def coverage(self, camera: str, since: float, until: float) -> dict[int, coverages.Coverage]:
        """How much of the watched time could be judged, by view.

        Args:
            camera: whose.
            since: from this moment, in seconds since 1970.
            until: up to this moment.

        Raises:
            StoreError: a record cannot be read.
        """
        with self._database.reading() as connection:
            return coverages.read_coverage(connection, camera, since, until)

    def pending(self, sink: str, limit: int = 100) -> list[Delivery]:
        """What is still to be reported to a sink, oldest first.

        Raises:
            StoreError: a row was altered: what nobody decided is not reported.
        """
        with self._database.reading() as connection:
            return read_pending(connection, self._seals, sink, limit)

    def waiting(self, sink: str) -> int:
        """How many changes are still to be reported to a sink."""
        return self.outbox_sinks().get(sink, 0)

    def outbox_sinks(self) -> dict[str, int]:
        """How many changes are still to be reported, by the names of the sinks that there are any for."""
        with self._database.reading() as connection:
            return waiting_by_sink(connection)

    def heads(self) -> list[Head]:
        """Where all chains end now, to be kept elsewhere."""
        with self._database.reading() as connection:
            return current_heads(connection)

    def verify(self, heads: Sequence[Head] = ()) -> Iterator[verification.Fault]:
        """Go through everything, and tell what is not as it was written.

        It sees the store as it is when it begins, and needs little memory, however much there is. Where a picture's
        file is amiss it looks again whether it is to be there, since retention may remove some meanwhile.

        Args:
            heads: that were kept elsewhere; the chains must hold them.

        Raises:
            StoreError: the database fails, for example because it is damaged.
        """
        with self._database.reading() as connection:
            yield from verification.Verification(connection, self._seals, self._evidence, self._is_to_be_there).run(
                heads
            )

    def _is_to_be_there(self, chain_id: int, seq: int) -> bool:
        """Whether the file of a picture is to be there now, by the record that brought it."""
        with self._database.reading() as connection:
            return queries.is_kept(connection, chain_id, seq)
