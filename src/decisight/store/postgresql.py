"""A store in PostgreSQL: connections that do not hang, and one writer, on the very connection that holds its lock.

Whoever writes a store holds a session's advisory lock, and writes over the connection that took it. So a transaction
can only go through while the lock is held: where the connection is lost, the server takes back both. It is then made
anew and the lock taken again, which another process may have had meanwhile; ``tenure`` tells that to whoever remembers
what the database held. Of a commit whose answer never came nothing is known, until the lock is held again: by then it
has gone through or has not.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from decisight.errors import MissingPartError, StoreError
from decisight.store.failures import in_use

__all__ = ["EXAMPLE", "QUOTED", "PostgreSQL", "copy_rows", "postgresql_url", "secrets_of", "unlimited"]

EXAMPLE = "postgresql+psycopg://user@host/name"
"""How the place of a store is written."""

QUOTED = "in user and password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25"
"""What must not stand there as it is."""

_LEAST_VERSION = 13
_LOCK = 0x6465636973696768
"""The number under which PostgreSQL knows the lock of the writer; of each database there is one."""
_LOCK_SECONDS, _LOCK_PAUSE = 0.5, 0.02
"""For how long the lock is tried for: a server needs a moment to see that a process that held it was killed."""

_CONNECTING = {
    "connect_timeout": 5,
    # A peer that is gone is noticed within half a minute, whether it was spoken to or listened to.
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "application_name": "decisight",
    "client_encoding": "utf8",
}
"""What connections are made with, where the URL says nothing else; in seconds, and milliseconds."""

_ANSWER_SECONDS, _READER_ANSWER_SECONDS = 30.0, 600.0
"""How long the server may say nothing at all, before it is taken to be gone: who writes holds up cameras."""

_SETTINGS = {
    # Before this side gives up, so that the server does as well.
    "statement_timeout": "25s",
    "lock_timeout": "5s",
    # One that freezes in the middle would keep the store's own row locked.
    "idle_in_transaction_session_timeout": "30s",
    # So that the server lets go of the lock of a process that is gone, though nobody told it.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
"""Of a connection for writing."""
_EXACT = "SELECT set_config('extra_float_digits', '1', false)"
"""Whatever a server is set to, numbers come back as they were written."""
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
"""What is committed is on the server's disk, also where the server is set to answer before that."""
_SESSION = "SELECT pid, extract(epoch FROM backend_start)::text FROM pg_stat_activity"
"""A process of the server, and when it began: its number is given again."""
_FACTS = (
    "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), "
    "current_setting('fsync'), current_setting('full_page_writes')"
)


class PostgreSQL:
    """Connections to a database of PostgreSQL.

    Args:
        url: of it, see :func:`postgresql_url`.
        title: what messages call it, without any password.
        read_only: never lock it or write it.
        beside: write beside the process that has the lock, if any.

    Raises:
        MissingPartError: the driver is not installed.
        StoreInUseError: another process writes it.
        StoreError: the server, or the database, is none that can hold a store.
        SQLAlchemyError: the database fails, or cannot be reached.
    """

    def __init__(self, url: URL, title: str, *, read_only: bool, beside: bool) -> None:
        self._title = title
        self.tenure = 0
        """How often the lock was taken: where it is more than it was, others may have written in between."""
        self._mutex = threading.RLock()
        self._held: Connection | None = None
        self._session: tuple[int, str] | None = None
        """The server's process that had the lock last on our behalf, and when that began."""
        self._is_writer = not read_only and not beside
        self._engine = _engine(url, title, writing=not read_only)
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._writing = self._engine.execution_options(isolation_level="READ COMMITTED")
        try:
            self.doubts = self._checked()
            if self._is_writer:
                self._holding()
        except BaseException:
            self._engine.dispose()
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees the database as it is at one moment."""
        with self._reading.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection with a transaction, committed at the end; who writes the store holds the lock with it.

        Raises:
            StoreInUseError: the lock was lost, and another process has it now.
        """
        if not self._is_writer:
            with self._writing.begin() as connection:
                yield connection
            return
        with self._mutex:
            connection = self._holding()
            try:
                with connection.begin():
                    yield connection
            except SQLAlchemyError:
                # Whatever it was, nothing is left of it on a connection that is new.
                self._let_go()
                raise

    def confirm(self) -> None:
        """See that the lock is held, or take it again: what is reported must be nobody else's to report.

        Raises:
            StoreInUseError: it was lost, and another process has it now.
        """
        with self._mutex:
            connection = self._holding()
            try:
                with connection.begin():
                    connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                self._let_go()
                raise

    def give_back_space(self) -> None:
        """The server does so by itself (autovacuum)."""

    def close(self) -> None:
        """Let go of it; another process may write it then."""
        with self._mutex:
            self._let_go()
            self._engine.dispose()

    def _checked(self) -> tuple[str, ...]:
        """What is doubtful about the server.

        Raises:
            StoreError: it is too old, or the database cannot hold every text.
        """
        with self._reading.connect() as connection:
            version, encoding, synced, whole = connection.execute(text(_FACTS)).one()
        if version < 10_000 * _LEAST_VERSION:
            raise StoreError(
                f"{self._title}: the server is PostgreSQL {version // 10_000}",
                hint=f"a store needs PostgreSQL {_LEAST_VERSION} or later",
            )
        if encoding != "UTF8":
            raise StoreError(
                f"{self._title}: the encoding of the database is {encoding}, which cannot hold every text",
                hint="make one in UTF-8: createdb --encoding UTF8 --template template0 NAME",
            )
        off = [name for name, value in (("fsync", synced), ("full_page_writes", whole)) if value == "off"]
        said = "off on the server: a power cut may cost what was reported already, or all of the database"
        return tuple(f"{name} is {said}" for name in off)

    def _holding(self) -> Connection:
        """The connection that has the lock; made, and the lock taken, where there is none."""
        if self._held is None:
            connection = self._writing.connect()
            try:
                self._take(connection)
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
            self._held = connection
            self.tenure += 1
        return self._held

    def _take(self, connection: Connection) -> None:
        end = time.monotonic() + _LOCK_SECONDS
        with connection.begin():
            while not connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})")).scalar():
                if self._session is not None:
                    self._end_former(connection, *self._session)
                if time.monotonic() > end:
                    # Who has lost it waits for it, and writes nothing before it has it again.
                    raise in_use(self._title, passing=self.tenure > 0)
                time.sleep(_LOCK_PAUSE)
            process, begun = connection.execute(text(f"{_SESSION} WHERE pid = pg_backend_pid()")).one()
            self._session = (process, begun)

    def _end_former(self, connection: Connection, process: int, begun: str) -> None:
        """End the session that had the lock for us, where the server has not noticed yet that nobody is there."""
        found = connection.execute(text(f"{_SESSION} WHERE pid = :pid"), {"pid": process}).one_or_none()
        if found is not None and tuple(found) == (process, begun):
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": process})

    def _let_go(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            # Not given to the pool: the lock is to go with the session.
            with contextlib.suppress(SQLAlchemyError):
                held.invalidate()
            with contextlib.suppress(SQLAlchemyError):
                held.close()


def copy_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows, in half the time that statements take.

    Args:
        connection: in a transaction.
        table: where they go.
        rows: each with a value for every column of the first.

    Raises:
        DBAPIError: the database fails.
    """
    import psycopg

    driver: Any = connection.connection.driver_connection
    names = list(rows[0])
    columns = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, names))
    statement = psycopg.sql.SQL("COPY {} ({}) FROM STDIN").format(psycopg.sql.Identifier(table.name), columns)
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([row[name] for name in names])
    except psycopg.Error as error:
        raise DBAPIError("COPY", None, error, connection_invalidated=bool(driver.closed)) from error


@contextlib.contextmanager
def unlimited(connection: Connection) -> Iterator[None]:
    """Let what is done in this transaction take as long as it does, and hold whoever reads as long."""
    driver: Any = connection.connection.driver_connection
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    before, driver.answer_seconds = driver.answer_seconds, None
    try:
        yield
    finally:
        driver.answer_seconds = before


def postgresql_url(url: URL) -> URL:
    """The URL of a store in PostgreSQL, for the driver that is used.

    Args:
        url: as it was given: ``postgresql://`` is ``postgresql+psycopg://``.

    Raises:
        StoreError: it names another driver, or no database; or its password is not quoted, as it seems.
    """
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        driver = url.drivername.partition("+")[2]
        raise StoreError(f"a store is not kept with the driver {driver[:20]!r}", hint=f"write {EXAMPLE}")
    if "@" in (url.host or ""):
        # Not shown: a part of the password is taken for the host.
        raise StoreError("the URL of a store has a second @", hint=QUOTED)
    if not url.database and not url.query.get("dbname") and not url.query.get("service"):
        raise StoreError("the URL of a store names no database", hint=f"write {EXAMPLE}")
    return url.set(drivername="postgresql+psycopg")


def secrets_of(url: URL) -> tuple[str, ...]:
    """What no message may hold."""
    given = [url.password, *(value for name, value in url.query.items() if "password" in name)]
    known = [*given, os.environ.get("PGPASSWORD")]
    return tuple(str(value) for value in known if value)


def _engine(url: URL, title: str, *, writing: bool) -> Engine:
    """The engine, whose every connection is set up as it should be."""
    try:
        import psycopg
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"{title} needs {error.name}", hint="install it: pip install 'decisight[postgresql]'"
        ) from error
    patience = _ANSWER_SECONDS if writing else _READER_ANSWER_SECONDS

    class Patient(psycopg.Connection[Any]):
        """One that gives up where the server says nothing: a query would wait for a server that is frozen for ever."""

        answer_seconds: float | None = patience

        def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
            limit = self.answer_seconds
            if limit is None:
                return super().wait(gen, *args, **options)
            try:
                return super().wait(_limited(gen, limit), *args, **options)
            except _NoAnswerError as error:
                # What it would still say is the answer to something else than what is asked next.
                self.pgconn.finish()
                raise psycopg.OperationalError(str(error)) from None

    def connect(dialect: object, record: object, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return Patient.connect(*arguments, **options)

    def set_up(driver: Any, record: object) -> None:
        driver.autocommit = True
        driver.execute(_EXACT)
        if writing:
            driver.execute(_DURABLE)
            driver.execute("; ".join(f"SET {name} = '{value}'" for name, value in _SETTINGS.items()))
        driver.autocommit = False

    options = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    engine = create_engine(url, pool_pre_ping=True, connect_args=options, use_native_hstore=False)
    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", set_up)
    return engine


class _NoAnswerError(Exception):
    """The server has said nothing for too long."""


def _limited(work: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """What a driver waits with, ended where nothing comes for so long."""
    last = time.monotonic()
    ready = None
    while True:
        try:
            state = work.send(ready)
        except StopIteration as ended:
            return ended.value
        ready = yield state
        if ready:
            last = time.monotonic()
        elif time.monotonic() - last > seconds:
            raise _NoAnswerError(f"no answer for {seconds:g} s")
