"""The database below a store: opened, brought up to date, held by one writer, and asked in transactions.

SQLite is opened with a write-ahead log and ``synchronous=FULL``. An event is reported only once it is committed, and
what was reported must still be there after a power cut; at one commit a second, waiting for the disk costs little. Its
files are made so that nobody but their owner may read them.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from decisight.errors import MissingPartError, StoreError, StoreInUseError
from decisight.files import printable
from decisight.store.failures import failure_of, failure_of_file
from decisight.store.schema import STORES, VERSION

__all__ = ["Database"]

_BUSY = 0.5
"""Seconds that SQLite waits for a lock; who calls tries again, and does not hold up cameras meanwhile."""
_EXAMPLE = "for example sqlite:///decisight.db"
_ADVISORY = 0x6465636973696768
"""The number under which PostgreSQL knows the lock of the writer."""
_BEGIN = "decisight_begin"
_FILE = re.compile(r"sqlite(?:\+pysqlite)?:///(.+)", re.DOTALL)


class Database:
    """A database that holds a store, or is to hold one.

    Args:
        url: the file of an SQLite database, as a path or as ``sqlite:///file.db``, where all that follows the three
            strokes is the path as it stands; ``sqlite://`` (in memory); or ``postgresql+psycopg://...``, as SQLAlchemy
            writes it, which is not tested yet.
        read_only: never lock it, write it or bring it up to date.
        beside: write beside the process that has the lock, if any: only what may be written so, and only what is there.

    Raises:
        StoreError: the URL is none of these, another process writes, or the database cannot be opened.
        MissingPartError: the driver is not installed.
    """

    def __init__(self, url: str | Path, *, read_only: bool = False, beside: bool = False) -> None:
        self._url = _parsed(url)
        self.read_only = read_only
        self._beside = beside
        self.path = _file_of(self._url)
        """The file, of SQLite; ``None`` where there is none."""
        self.in_memory = self.is_sqlite and self.path is None
        self.title = printable(self.path) if self.path else _shown(self._url)
        """What messages call it; without any password."""
        self._file: tuple[int, int] | None = None
        """Device and number of the file, once something was written to it."""
        self._closing = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            if self.path and not read_only and not beside:
                _lock_file(self.path, self.title, stack)
            self._engine = self._connectable()
            stack.callback(self._engine.dispose)
            self._reading = self._engine.execution_options(**{_BEGIN: None if self.in_memory else "BEGIN"})
            self._writing = self._engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
            if not self.is_sqlite:
                self._reading = self._engine.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                if not read_only and not beside:
                    self._hold(stack)
            self._closing = stack.pop_all()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite."""
        return self._url.get_backend_name() == "sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees the database as it is at one moment.

        In memory there is only one connection, which sees what is written meanwhile.

        Raises:
            StoreError: the database fails.
        """
        with self._failures(), self._reading.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection with a transaction, committed at the end; nothing is left of it where an exception passes.

        Raises:
            StoreError: the store was opened for reading only, its file was removed or replaced, or the database fails.
        """
        if self.read_only:
            raise StoreError(f"{self.title} was opened for reading only", hint="open it for writing")
        with self._failures(), self._writing.begin() as connection:
            self._check_file()
            yield connection

    def _check_file(self) -> None:
        """See that the file is still the one that was opened: what is written to a removed one goes with the process.

        Raises:
            StoreError: it is another one, or is not there.
        """
        if self.path is None:
            return
        try:
            status = os.stat(self.path)
        except OSError as error:
            raise StoreError(
                f"{self.title} was removed while it was written: {error.strerror}",
                hint="what was stored since is lost; put back a copy, with its key and its evidence, and begin again",
            ) from error
        found = status.st_dev, status.st_ino
        if self._file is None:
            self._file = found
        elif found != self._file:
            raise StoreError(
                f"{self.title} was replaced by another file while it was written",
                hint="what was stored since then is lost; see which of the two is right, and begin again",
            )

    def prepare(self, create: Callable[[Connection], None]) -> None:
        """See that it holds a store of this version: make one, or bring an older one up to date.

        Args:
            create: what to write into a new store, once its tables are there.

        Raises:
            StoreError: there is none, and it was opened for reading only; it holds something else; or its version is
                newer, or older and it was opened for reading only; or the database fails.
        """
        with self.reading() as connection:
            version = self.version(connection)
        if version == VERSION:
            return
        if version is not None and version > VERSION:
            raise StoreError(
                f"{self.title} was written by a newer Decisight (its tables are those of {version})",
                hint="upgrade Decisight to open it",
            )
        if self.read_only:
            what = "holds no store yet" if version is None else "was written by an older Decisight"
            raise StoreError(f"{self.title} {what}", hint="open it for writing once")
        with self.writing() as connection:
            _migrate(connection)
            if version is None:
                create(connection)

    def give_back_space(self) -> None:
        """Shrink the file by what was removed; PostgreSQL does so by itself.

        Raises:
            StoreError: the database fails.
        """
        if not self.is_sqlite:
            return
        with self._failures(), self._engine.execution_options(**{_BEGIN: None}).connect() as connection:
            driver: Any = connection.connection.driver_connection
            # As a script, since each page is a step of it, and a plain query ends after the first.
            driver.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of it; another process may write it then."""
        self._closing.close()

    def version(self, connection: Connection) -> str | None:
        """The revision of the store that it holds; ``None`` where it is empty."""
        tables = set(inspect(connection).get_table_names())
        if not tables:
            return None
        if {STORES.name, "alembic_version"} <= tables:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
            if len(found) == 1 and isinstance(found[0], str) and len(found[0]) == len(VERSION):
                return found[0]
        raise StoreError(f"{self.title} holds a database of something else, or a damaged store", hint="name another")

    def _connectable(self) -> Any:
        """The engine, whose every connection is set up as it should be."""
        if self.is_sqlite:
            # A file may be read by several connections at once, and each is then at a moment of its own.
            pool = StaticPool if self.in_memory else QueuePool
            engine = create_engine("sqlite://", creator=self._connect, poolclass=pool)
            event.listen(engine, "begin", _begin)
            return engine
        try:
            return create_engine(self._url, pool_pre_ping=True)
        except ArgumentError:
            raise StoreError(f"{self.title} cannot be opened: there is no such driver", hint=_EXAMPLE) from None
        except ModuleNotFoundError as error:
            raise MissingPartError(
                f"{self.title} needs {error.name}", hint=f"install it: pip install '{error.name}[binary]'"
            ) from error

    def _connect(self) -> sqlite3.Connection:
        """A connection to SQLite, in no transaction of the driver's own making."""
        if self.path is None:
            connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA foreign_keys = ON")
            return connection
        if (self.read_only or self._beside) and not self.path.exists():
            raise StoreError(f"there is no store at {self.title}", hint="see that the path is right")
        if self.path.is_dir():
            raise StoreError(f"{self.title} is a folder", hint="name a file")
        return self._connect_for_reading(self.path) if self.read_only else self._connect_for_writing(self.path)

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

    def _hold(self, stack: contextlib.ExitStack) -> None:
        """Be the one writer of a PostgreSQL database, as long as a connection of its own lives."""
        with self._failures():
            connection = self._engine.execution_options(isolation_level="AUTOCOMMIT").connect()
            stack.callback(connection.close)
            if not connection.execute(text(f"SELECT pg_try_advisory_lock({_ADVISORY})")).scalar():
                raise _in_use(self.title)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise failure_of(error, self.title) from error


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


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    command.upgrade(config, "head")


def _parsed(url: str | Path) -> URL:
    # A file's name may hold what has a meaning in a URL; of a file nothing but its name is wanted.
    if isinstance(url, Path):
        return URL.create("sqlite", database=str(url))
    if file := _FILE.fullmatch(url):
        return URL.create("sqlite", database=file[1])
    try:
        found = make_url(url)
        backend = found.get_backend_name()
    except (ArgumentError, ValueError):
        # The text may hold a password, so it is not shown.
        raise StoreError("the URL of a store is not understood", hint=_EXAMPLE) from None
    if backend not in ("sqlite", "postgresql"):
        raise StoreError(f"a store cannot be kept in {backend}", hint=_EXAMPLE)
    return found


def _shown(url: URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)


def _file_of(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def _lock_file(path: Path, title: str, stack: contextlib.ExitStack) -> None:
    """Be the one writer of a file; the system lets go of the lock when the process ends, however it ends."""
    if not path.absolute().parent.is_dir():
        raise StoreError(f"the folder of {title} is not there", hint="make it, or name another place")
    # Not bound to a thread: a store may be closed by another one than opened it.
    lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise _in_use(title) from None
    except OSError as error:
        raise failure_of_file(error, title) from error
    stack.callback(lock.release)


def _in_use(title: str) -> StoreInUseError:
    return StoreInUseError(
        f"{title} is being written by another process", hint="stop that one, or open the store for reading only"
    )
