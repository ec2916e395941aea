"""The store: what was seen, decided and told, so that it can be replayed and cannot be altered unnoticed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, select

from decisight.errors import StoreError
from decisight.store import retention
from decisight.store.database import Database
from decisight.store.evidence import EvidenceFolder
from decisight.store.ledger import create_store, read_store
from decisight.store.outbox import Delivery, forget_sink, remove_delivered
from decisight.store.reader import Reader
from decisight.store.records import CameraBatch, Note, StoredEvent
from decisight.store.requests import KEEP, Request, is_waiting, read_requests, said, take_out
from decisight.store.schema import EVIDENCE
from decisight.store.views import ViewKey, find_view, write_view
from decisight.store.writer import Writer
from decisight.store.writing import Draft
from decisight.types import Event

__all__ = ["Store", "open_store"]


def open_store(
    url: str | Path,
    *,
    key: bytes,
    read_only: bool = False,
    evidence: Path | None = None,
    clock: Callable[[], float] = time.time,
) -> Store:
    """Open a store; make it, where there is none.

    Only one process writes a store at a time, and any number read it meanwhile. Opening it for writing brings an older
    one up to date, and removes files of evidence that a crash has left without anything speaking of them. What it is to
    be continued from must be as it was written; else it is refused, since going on would hide that.

    Args:
        url: the file of an SQLite database, as a path or as ``sqlite:///file.db`` (relative to the working folder; all
            that follows the three strokes is the path as it stands, with nothing quoted); ``sqlite://`` (in memory, in
            one thread, for tests); or a database of PostgreSQL as ``postgresql+psycopg://user@host/name``, which holds
            nothing else.
        key: a secret of 16 bytes or more, the same each time; without it nothing can be altered unnoticed.
        read_only: never write it, lock it or bring it up to date.
        evidence: the folder of its pictures, of no other store; ``None`` where none are written or asked for.
        clock: says what time it is, in seconds since 1970, for what is stored and for how old it is.

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
        store = Store(database, key, None if evidence is None else EvidenceFolder(evidence), clock)
        stack.pop_all()
    return store


class Store(Reader):
    """An open store, made by :func:`open_store`; a context manager. Threads may share it.

    Args:
        database: that holds a store.
        key: its secret.
        evidence: the folder of its pictures.
        clock: says what time it is, in seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        key: bytes,
        evidence: EvidenceFolder | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._view_ids: dict[str, int] = {}
        self._refused: list[str] = []
        self._tenure = database.tenure
        self._unsettled: tuple[Draft, Sequence[CameraBatch] | None] | None = None
        """What was to be written by a commit that has failed: it may have gone through all the same."""
        self._gone_through: Sequence[CameraBatch] | None = None
        """What has gone through so, until it is given again."""
        with database.reading() as connection:
            seals, self.store_id = read_store(connection, key, database.title)
            self._writer = None if database.read_only else Writer.load(connection, seals, clock)
        super().__init__(database, seals, evidence)
        if evidence is not None and not database.read_only:
            evidence.claim(self.store_id)
            with database.reading() as connection:
                evidence.tidy(lambda digests: _known(connection, digests))

    store_id: str
    """32 hexadecimal digits, made by chance once."""

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
            with self._writing() as connection:
                # Once more: a commit that failed may have gone through since it was looked.
                number = find_view(connection, self._seals, view)
                if number is None:
                    number = write_view(connection, self._seals, view)
        return number

    # --- writing ------------------------------------------------------------------------------------------------------

    def commit(self, batches: Sequence[CameraBatch]) -> None:
        """Write what cameras have, in one transaction: all of it, or nothing.

        After a failure the same batches may be given again, as often as it takes: what comes of it is the same. That
        holds too where the connection was lost so late that nobody knows whether it was written: then nothing else may
        be given before them.

        Args:
            batches: one a camera.

        Raises:
            StoreError: the database, or the folder of evidence, fails: ``passing`` says whether another try may do. Or
                the store was opened for reading only; an event is not there, or there already; what it builds on was
                altered, or changed by another process while the lock was lost; or others should have been given again.
            ValueError: a batch holds what cannot be written.
        """
        with self._lock:
            digests = [[self._put(picture.jpeg) for picture in batch.evidence] for batch in batches]
            with self._draft(batches) as draft:
                if not self._is_written(batches):
                    for batch, own in zip(batches, digests, strict=True):
                        draft.add(batch, own)
            self._gone_through = None

    def mark(
        self,
        event_id: str,
        *,
        outcome: str | None = KEEP,
        note: str | None = KEEP,
        held: bool = KEEP,
        now: float | None = None,
    ) -> StoredEvent:
        """Write what people say of an event. It is chained, as a note, after what others have asked for before.

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
        changes = said(outcome, note, held)
        with self._lock:
            self._take_in()
            event = self.event(event_id).event
            moment = self._clock() if now is None else now
            with self._draft() as draft:
                _mark(draft, event, moment, changes)
            return self.event(event.event_id)

    def fulfil(self) -> list[str]:
        """Take in what other processes have asked to be said of events, see :func:`~decisight.store.request_mark`.

        What cannot be taken in is taken out all the same, so that it holds up nothing that is asked for after it.

        Returns:
            What could not be taken in since this was last called, and why, one line each.

        Raises:
            StoreError: the store was opened for reading only, its own row was altered, or the database fails.
        """
        with self._lock:
            self._take_in()
            refused, self._refused = self._refused, []
            return refused

    def _take_in(self) -> None:
        with self._database.reading() as connection:
            waiting = read_requests(connection, self._seals)
        for number, request in waiting:
            title = f"request {number} to mark an event"
            if isinstance(request, str):
                refused = f"{title} {request}"
            else:
                try:
                    self._take_in_one(request)
                    continue
                except StoreError as error:
                    if error.passing:
                        raise
                    refused = f"{title}: {error.message}"
            with self._draft() as draft:
                take_out(draft.connection, self._seals, number)
            self._refused.append(refused)

    def _take_in_one(self, request: Request) -> None:
        number, moment, event_id, changes = request
        event = self.event(event_id).event
        # With its removal in one transaction, so that nothing is said twice.
        with self._draft() as draft:
            # A commit that failed may have gone through since it was looked.
            if is_waiting(draft.connection, number):
                take_out(draft.connection, self._seals, number)
                _mark(draft, event, moment, changes)

    def is_waiting(self, number: int) -> bool:
        """Whether a request of that number has not been taken in yet."""
        with self._database.reading() as connection:
            return is_waiting(connection, number)

    @contextlib.contextmanager
    def _draft(self, given: Sequence[CameraBatch] | None = None) -> Iterator[Draft]:
        """What is drafted within is written at the end, and only then are the chains' ends moved on.

        Args:
            given: what it is made of, if the same may be given again.
        """
        if self._writer is None:
            raise StoreError(f"{self.title} was opened for reading only", hint="open it for writing")
        with self._lock:
            with self._writing() as connection:
                draft = Draft(self._writer, connection)
                yield draft
                if not draft.is_empty:
                    draft.write()
                # If it is the commit that fails, nobody knows whether it went through.
                self._unsettled = None if draft.is_empty else (draft, given)
            self._unsettled = None
            self._writer.take(draft)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A connection with a transaction, in which it is known first what the database holds."""
        with self._database.writing() as connection:
            if self._unsettled is not None or self._tenure != self._database.tenure:
                self._settle(connection)
            yield connection

    def _settle(self, connection: Connection) -> None:
        """See what the database holds, where that is not known: a commit has failed, or the lock was lost."""
        if self._writer is None:
            return
        draft, given = self._unsettled or (None, None)
        self._writer, through = self._writer.follow(connection, draft)
        self._unsettled, self._tenure = None, self._database.tenure
        if through and given is not None:
            self._gone_through = given

    def _is_written(self, batches: Sequence[CameraBatch]) -> bool:
        """Whether these were given before, and their commit went through though it failed.

        Raises:
            StoreError: others were, and these may hold them once more.
        """
        if self._gone_through is None:
            return False
        if list(batches) != list(self._gone_through):
            raise StoreError(
                f"{self.title}: what was given before these had been written, though its commit failed",
                hint="give the same again first, or open the store anew and go on from its checkpoint",
            )
        return True

    def _put(self, jpeg: bytes) -> str:
        if self._evidence is None:
            raise StoreError(f"{self.title} has no folder of evidence", hint="open it with one")
        return self._evidence.put(jpeg)

    def pending(self, sink: str, limit: int = 100) -> list[Delivery]:
        """See :meth:`Reader.pending`; who has lost the lock is told nothing, since another process may report it.

        Raises:
            StoreError: likewise; or the lock was lost, and cannot be had again yet.
        """
        if self._writer is not None:
            self._database.confirm()
        return super().pending(sink, limit)

    # --- taking out --------------------------------------------------------------------------------------------------

    def delivered(self, ids: Collection[int]) -> None:
        """Take out of the outbox what was reported; what is not there any more is left alone.

        Raises:
            StoreError: the store was opened for reading only, its own row was altered, or the database fails.
        """
        if ids:
            with self._lock, self._writing() as connection:
                remove_delivered(connection, self._seals, ids)

    def forget(self, sink: str) -> int:
        """Drop all that waits for a sink that is no more; a note of it is chained with each camera's events.

        Args:
            sink: its name, see :meth:`outbox_sinks`.

        Returns:
            How many changes of events are reported to it no more.

        Raises:
            StoreError: see :meth:`delivered`; or a change that waits was altered.
        """
        with self._draft() as draft:
            dropped = forget_sink(draft.connection, self._seals, sink)
            for camera, count in dropped.items():
                fields = {"sink": sink, "changes": count}
                draft.add_note(camera, Note("forgot what waited for a sink", self._clock(), fields))
        return sum(dropped.values())

    def retain(
        self, limits: retention.Retention, now: float | None = None, *, dry_run: bool = False
    ) -> retention.RetentionReport:
        """Remove what is older or more than it may be. What is held, and what an open event rests on, stays.

        What others have asked for before, see :meth:`fulfil`, is taken in first: it may be to hold an event.

        Args:
            limits: how old and how much.
            now: the moment, in seconds since 1970; by default the present.
            dry_run: only say what would be removed.

        Raises:
            StoreError: the store was opened for reading only; what is to be removed was altered; or the database, or
                the folder of evidence, fails: what was removed by then is removed.
        """
        moment = self._clock() if now is None else now
        with self._lock:
            if not dry_run:
                self._take_in()
            keeper = retention.Keeper(self._database, self._seals, self._evidence, self._draft, self._writing)
            return keeper.retain(limits, moment, dry_run=dry_run)


def _mark(draft: Draft, event: Event, moment: float, changes: Mapping[str, Any]) -> None:
    fields = {"event_id": event.event_id, **changes}
    draft.mark(event.camera, event.event_id, Note("marked", moment, fields), changes)


def _known(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Those of pictures that are to be there."""
    query = select(EVIDENCE.c.digest).where(EVIDENCE.c.digest.in_(digests), EVIDENCE.c.removed_at.is_(None))
    return set(connection.execute(query).scalars())
