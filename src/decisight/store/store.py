"""The store: what was seen, decided and told, so that it can be replayed and cannot be altered unnoticed."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, select

from decisight.errors import StoreError, UsageError
from decisight.files import printable
from decisight.store import coverage as coverages
from decisight.store import queries, retention, verification
from decisight.store.chains import carried_reading, last_reading
from decisight.store.codec import Codec, Decoded
from decisight.store.database import Database
from decisight.store.evidence import EvidenceFolder
from decisight.store.heads import Head, current_heads
from decisight.store.ledger import create_store, read_store
from decisight.store.outbox import Delivery, read_pending, remove_delivered
from decisight.store.records import CameraBatch, Lane, Note, RecordKind, StoredEvent, StoredRecord
from decisight.store.schema import EVIDENCE
from decisight.store.views import StoredView, ViewKey, find_view, read_views, write_view
from decisight.store.writing import Draft, Writer, read_checkpoint

__all__ = ["Store", "open_store"]

_OUTCOME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KEEP: Any = object()


def open_store(url: str, *, key: bytes, read_only: bool = False, evidence: Path | None = None) -> Store:
    """Open a store; make it, where there is none.

    Only one process writes a store at a time, and any number read it meanwhile. Opening it for writing brings an older
    one up to date, and removes files of evidence that a crash has left without anything speaking of them. What it is to
    be continued from must be as it was written; else it is refused, since going on would hide that.

    Args:
        url: ``sqlite:///file.db`` (relative to the working folder), ``sqlite://`` (in memory, in one thread, for tests)
            or ``postgresql+psycopg://user@host/name``.
        key: a secret of 16 bytes or more, the same each time; without it nothing can be altered unnoticed.
        read_only: never write it, lock it or bring it up to date.
        evidence: the folder of its pictures, of no other store; ``None`` where none are written or asked for.

    Raises:
        StoreError: it cannot be opened: another process writes it, it is not a store or a damaged one, it was written
            by a newer version, with another key, or was altered where it is to be continued.
        UsageError: the key is too short.
        MissingPartError: the database's driver is not installed.
    """
    database = Database(url, read_only=read_only)
    with contextlib.ExitStack() as stack:
        stack.callback(database.close)
        database.prepare(lambda connection: create_store(connection, key))
        store = Store(database, key, None if evidence is None else EvidenceFolder(evidence))
        stack.pop_all()
    return store


class Store:
    """An open store, made by :func:`open_store`; a context manager. Threads may share it.

    Args:
        database: that holds a store.
        key: its secret.
        evidence: the folder of its pictures.
    """

    def __init__(self, database: Database, key: bytes, evidence: EvidenceFolder | None) -> None:
        self._database = database
        self._evidence = evidence
        self._lock = threading.RLock()
        self._view_ids: dict[str, int] = {}
        with database.reading() as connection:
            self._seals, self.store_id = read_store(connection, key, database.title)
            self._writer = None if database.read_only else Writer.load(connection, self._seals)
        if evidence is not None and not database.read_only:
            evidence.claim(self.store_id)
            with database.reading() as connection:
                evidence.tidy(lambda digests: _known(connection, digests))

    store_id: str
    """32 hexadecimal digits, made by chance once."""

    @property
    def title(self) -> str:
        """What messages call it; without any password."""
        return self._database.title

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; another process may write it then."""
        with self._lock:
            self._database.close()

    # --- views --------------------------------------------------------------------------------------------------------

    def view_id(self, view: ViewKey) -> int:
        """The number of a view, which is written where it is not there yet.

        Raises:
            StoreError: it is not there and the store was opened for reading only; it was altered; the database fails.
            ValueError: it holds what JSON has not.
        """
        digest = view.digest
        with self._lock:
            if digest not in self._view_ids:
                self._view_ids[digest] = self._find_or_write(view)
            return self._view_ids[digest]

    def _find_or_write(self, view: ViewKey) -> int:
        with self._database.reading() as connection:
            number = find_view(connection, self._seals, view)
        if number is None:
            with self._database.writing() as connection:
                number = write_view(connection, self._seals, view)
        return number

    def views(self, camera: str | None = None) -> list[StoredView]:
        """The views of a camera, or all, in the order in which they came.

        Raises:
            StoreError: one cannot be read.
        """
        with self._database.reading() as connection:
            return read_views(connection, camera)

    # --- writing ------------------------------------------------------------------------------------------------------

    def commit(self, batches: Sequence[CameraBatch]) -> None:
        """Write what cameras have, in one transaction: all of it, or nothing.

        After a failure the same batches may be given again, as often as it takes: what comes of it is the same. That
        holds too where the connection was lost so late that nobody knows whether it was written.

        Args:
            batches: one a camera.

        Raises:
            StoreError: the database, or the folder of evidence, fails: ``passing`` says whether another try may do. Or
                the store was opened for reading only; an event is not there, or there already; or what it builds on was
                altered.
            ValueError: a batch holds what cannot be written.
        """
        with self._lock:
            digests = [[self._put(picture.jpeg) for picture in batch.evidence] for batch in batches]
            with self._draft() as draft:
                for batch, own in zip(batches, digests, strict=True):
                    draft.add(batch, own)

    def mark(
        self,
        event_id: str,
        *,
        outcome: str | None = _KEEP,
        note: str | None = _KEEP,
        held: bool = _KEEP,
        now: float | None = None,
    ) -> StoredEvent:
        """Write what people say of an event. It is chained, as a note.

        Args:
            event_id: or the first digits of it.
            outcome: a word in lower case (``confirmed``, ``false_alarm``); ``None`` takes it back. By default it stays.
            note: in people's words; ``None`` takes it back. By default it stays.
            held: whether nothing of it may be removed. By default it stays so.
            now: the moment, in seconds since 1970; by default the present.

        Returns:
            The event as it is now.

        Raises:
            UsageError: the outcome is no such word.
            StoreError: there is no such event, or several; it was altered; the store was opened for reading only; or
                the database fails.
        """
        if isinstance(outcome, str) and not _OUTCOME.fullmatch(outcome):
            raise UsageError(
                f"{outcome[:40]!r} cannot be an outcome",
                hint="give a word in lower-case letters, digits and underscores, for example false_alarm",
            )
        given: dict[str, Any] = {"outcome": outcome, "note": note, "held": held}
        changes = {name: value for name, value in given.items() if value is not _KEEP}
        if isinstance(changes.get("note"), str):
            changes["note"] = printable(changes["note"])
        if "held" in changes:
            changes["held"] = int(bool(changes["held"]))
        with self._lock:
            event = self.event(event_id).event
            fields = {"event_id": event.event_id, **changes}
            moment = time.time() if now is None else now
            with self._draft() as draft:
                draft.mark(event.camera, event.event_id, Note("marked", moment, fields), changes)
            return self.event(event.event_id)

    @contextlib.contextmanager
    def _draft(self) -> Iterator[Draft]:
        """What is drafted within is written at the end, and only then are the chains' ends moved on."""
        if self._writer is None:
            raise StoreError(f"{self.title} was opened for reading only", hint="open it for writing")
        with self._lock:
            with self._database.writing() as connection:
                draft = Draft(self._writer, connection)
                yield draft
                if not draft.is_written():
                    draft.write()
            self._writer.take(draft)

    def _put(self, jpeg: bytes) -> str:
        if self._evidence is None:
            raise StoreError(f"{self.title} has no folder of evidence", hint="open it with one")
        return self._evidence.put(jpeg)

    # --- reading back -------------------------------------------------------------------------------------------------

    def checkpoint(self, camera: str) -> dict[str, Any] | None:
        """Where a camera is to go on; ``None`` where it begins.

        Raises:
            StoreError: it was altered.
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
        codec = Codec.of(view.key)
        data = self.last_reading(camera, view.id, first_seq)
        last = None if data is None else codec.prediction(data)
        for record in self.readings(camera, view.id, first_seq, last_seq):
            if record.kind == RecordKind.STATE:
                carried = carried_reading(record.data)
                last = last if carried is None else codec.prediction(carried)
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
        """The last states of a view's folds that were written before a record.

        Returns:
            The number of the record that holds them, and the states after all records before that one; ``None`` where
            there are none: then the folds begin with the view's first record.
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

    # --- the outbox ---------------------------------------------------------------------------------------------------

    def pending(self, sink: str, limit: int = 100) -> list[Delivery]:
        """What is still to be reported to a sink, oldest first.

        Raises:
            StoreError: a row was altered: what nobody decided is not reported.
        """
        with self._database.reading() as connection:
            return read_pending(connection, self._seals, sink, limit)

    def delivered(self, ids: Collection[int]) -> None:
        """Take out of the outbox what was reported; what is not there any more is left alone.

        Raises:
            StoreError: the store was opened for reading only, its own row was altered, or the database fails.
        """
        if ids:
            with self._lock, self._database.writing() as connection:
                remove_delivered(connection, self._seals, ids)

    # --- keeping ------------------------------------------------------------------------------------------------------

    def retain(
        self, limits: retention.Retention, now: float | None = None, *, dry_run: bool = False
    ) -> retention.RetentionReport:
        """Remove what is older or more than it may be. What is held, and what an open event rests on, stays.

        Args:
            limits: how old and how much.
            now: the moment, in seconds since 1970; by default the present.
            dry_run: only say what would be removed.

        Raises:
            StoreError: the store was opened for reading only; what is to be removed was altered; or the database, or
                the folder of evidence, fails: what was removed by then is removed.
        """
        moment = time.time() if now is None else now
        with self._lock:
            keeper = retention.Keeper(self._database, self._seals, self._evidence, self._draft)
            return keeper.retain(limits, moment, dry_run=dry_run)

    def heads(self) -> list[Head]:
        """Where all chains end now, to be kept elsewhere."""
        with self._database.reading() as connection:
            return current_heads(connection)

    def verify(self, heads: Sequence[Head] = ()) -> Iterator[verification.Fault]:
        """Go through everything, and tell what is not as it was written.

        It sees the store as it is when it begins, and needs little memory, however much there is.

        Args:
            heads: that were kept elsewhere; the chains must hold them.

        Raises:
            StoreError: the database fails, for example because it is damaged.
        """
        with self._database.reading() as connection:
            yield from verification.Verification(connection, self._seals, self._evidence).run(heads)


def _known(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Those of pictures that are to be there."""
    query = select(EVIDENCE.c.digest).where(EVIDENCE.c.digest.in_(digests), EVIDENCE.c.removed_at.is_(None))
    return set(connection.execute(query).scalars())
