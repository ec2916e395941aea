"""A store in an SQLite file, or in memory: how its connections are set up, and the lock of its one writer.

It is opened with a write-ahead log and ``synchronous=FULL``. An event is reported only once it is committed, and what
was reported must still be there after a power cut; at one commit a second, waiting for the disk costs little. Its files
are made so that nobody but their owner may read them.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import QueuePool, StaticPool

from decisight.errors import StoreError
from decisight.store.failures import failure_of_file, in_use

__all__ = ["SQLite"]

_BUSY = 0.5
"""Seconds that SQLite waits for a lock; who calls tries again, and does not hold up cameras meanwhile."""
_BEGIN = "decisight_begin"


class SQLite:
    """Connections to a file of SQLite, or to one in memory.

    Args:
        path: the file; ``None``: in memory.
        title: what messages call it.
        read_only: never lock it or write it.
        beside: write beside the process that has the lock, if any.

    Raises:
        StoreInUseError: another process writes it.
        StoreError: it cannot be locked.
    """

    tenure = 0
    """The lock of a file is never lost."""
    doubts: tuple[str, ...] = ()
    """It is set up here, so there are none about how safe it is."""

    def __init__(self, path: Path | None, title: str, *, read_only: bool, beside: bool) -> None:
        self._path, self._title = path, title
        self._read_only, self._beside = read_only, beside
        self._file: tuple[int, int] | None = None
        """Device and number of the file, once something was written to it."""
        with contextlib.ExitStack() as stack:
            if path and not read_only and not beside:
                _lock_file(path, title, stack)
            # A file may be read by several connections at once, and each is then at a moment of its own.
            pool = QueuePool if path else StaticPool
            self._engine = create_engine("sqlite://", creator=self._connect, poolclass=pool)
            event.listen(self._engine, "begin", _begin)
            stack.callback(self._engine.dispose)
            self._reading = self._engine.execution_options(**{_BEGIN: "BEGIN" if path else None})
            self._writing = self._engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
            self._closing = stack.pop_all()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees the database as it is at one moment; in memory there is only one connection."""
        with self._reading.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection with a transaction, committed at the end."""
        with self._writing.begin() as connection:
            self._check_file()
            yield connection

    def confirm(self) -> None:
        """See that the lock is still held: it always is."""

    def give_back_space(self) -> None:
        """Shrink the file by what was removed."""
        with self._engine.execution_options(**{_BEGIN: None}).connect() as connection:
            driver: Any = connection.connection.driver_connection
            # As a script, since each page is a step of it, and a plain query ends after the first.
            driver.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of it; another process may write it then."""
        self._closing.close()

    def _check_file(self) -> None:
        """See that the file is still the one that was opened: what is written to a removed one goes with the process.

        Raises:
            StoreError: it is another one, or is not there.
        """
        if self._path is None:
            return
        try:
            status = os.stat(self._path)
        except OSError as error:
            raise StoreError(
                f"{self._title} was removed while it was written: {error.strerror}",
                hint="what was stored since is lost; put back a copy, with its key and its evidence, and begin again",
            ) from error
        found = status.st_dev, status.st_ino
        if self._file is None:
            self._file = found
        elif found != self._file:
            raise StoreError(
                f"{self._title} was replaced by another file while it was written",
                hint="what was stored since then is lost; see which of the two is right, and begin again",
            )

    def _connect(self) -> sqlite3.Connection:
        """A connection to SQLite, in no transaction of the driver's own making."""
        if self._path is None:
            connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA foreign_keys = ON")
            return connection
        if (self._read_only or self._beside) and not self._path.exists():
            raise StoreError(f"there is no store at {self._title}", hint="see that the path is right")
        if self._path.is_dir():
            raise StoreError(f"{self._title} is a folder", hint="name a file")
        return self._connect_for_reading(self._path) if self._read_only else self._connect_for_writing(self._path)

    def _connect_for_writing(self, path: Path) -> sqlite3.Connection:
        if not self._beside:
            # SQLite gives the files of its log the permissions that this one has.
            with contextlib.suppress(OSError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = _sqlite(path, "mode=rw")
        try:
            # Before there is anything in the file: later it would change nothing.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            # What a burst has made of the log is given back once it is copied.
            connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_for_reading(self, path: Path) -> sqlite3.Connection:
        try:
            return _tried(_sqlite(path, "mode=ro"))
        except sqlite3.OperationalError as error:
            # A write-ahead log wants a file of its own beside the database, and a read-only place has no room for one.
            # Where there is no log, nobody writes, and the file alone is the whole store.
            refused = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
            if not refused or Path(f"{path}-wal").exists():
                raise
            return _tried(_sqlite(path, "mode=ro&immutable=1"))


def _begin(connection: Connection) -> None:
    # The driver would begin only with the first change, and then without the lock that a writer needs.
    statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


def _sqlite(path: Path, options: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{options}"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY, isolation_level=None, check_same_thread=False)


def _tried(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A connection that has read something: opening one reads nothing."""
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _lock_file(path: Path, title: str, stack: contextlib.ExitStack) -> None:
    """Be the one writer of a file; the system lets go of the lock when the process ends, however it ends."""
    if not path.absolute().parent.is_dir():
        raise StoreError(f"the folder of {title} is not there", hint="make it, or name another place")
    # Not bound to a thread: a store may be closed by another one than opened it.
    lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise in_use(title) from None
    except OSError as error:
        raise failure_of_file(error, title) from error
    stack.callback(lock.release)
