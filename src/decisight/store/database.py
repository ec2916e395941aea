"""The database below a store: opened, brought up to date, held by one writer, and asked in transactions."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from decisight.errors import StoreError
from decisight.files import printable
from decisight.store.failures import failure_of
from decisight.store.postgresql import EXAMPLE, QUOTED, PostgreSQL, postgresql_url, secrets_of, unlimited
from decisight.store.schema import STORES, VERSION
from decisight.store.sqlite import SQLite
from decisight.types.secrecy import redacted
from decisight.types.store_places import three_strokes

__all__ = ["Database", "holds_something"]

_EXAMPLE = f"for example sqlite:///decisight.db, or {EXAMPLE}"
_FILE = re.compile(r"sqlite(?:\+pysqlite)?:///(.+)", re.DOTALL)


class Database:
    """A database that holds a store, or is to hold one.

    Args:
        url: the file of an SQLite database, as a path or as ``sqlite:///file.db``, where all that follows the three
            strokes is the path as it stands; ``sqlite://`` (in memory); or ``postgresql+psycopg://user@host/name``, as
            SQLAlchemy writes it.
        read_only: never lock it, write it or bring it up to date.
        beside: write beside the process that has the lock, if any: only what may be written so, and only what is there.

    Raises:
        StoreError: the URL is none of these, another process writes, or the database cannot be opened.
        MissingPartError: the driver is not installed.
    """

    def __init__(self, url: str | Path, *, read_only: bool = False, beside: bool = False) -> None:
        found = _parsed(url)
        self.read_only = read_only
        self.path = _file_of(found)
        """The file, of SQLite; ``None`` where there is none."""
        self.title = printable(self.path) if self.path else _shown(found)
        """What messages call it; without any password."""
        self._secrets: tuple[str, ...] = ()
        self._connections: SQLite | PostgreSQL
        if found.get_backend_name() == "sqlite":
            self._connections = SQLite(self.path, self.title, read_only=read_only, beside=beside)
        else:
            self._secrets = secrets_of(found)
            with self._failures():
                self._connections = PostgreSQL(found, self.title, read_only=read_only, beside=beside)

    @property
    def tenure(self) -> int:
        """Another number than before where the lock was lost meanwhile, and another process may have written."""
        return self._connections.tenure

    @property
    def doubts(self) -> tuple[str, ...]:
        """What makes it doubtful that all is there after a power cut, one line each."""
        return self._connections.doubts

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees the database as it is at one moment.

        In memory there is only one connection, which sees what is written meanwhile.

        Raises:
            StoreError: the database fails.
        """
        with self._failures(), self._connections.reading() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection with a transaction, committed at the end; nothing is left of it where an exception passes.

        Where it is the commit that fails, it may have gone through all the same.

        Raises:
            StoreError: the store was opened for reading only, its file was removed or replaced, another process has
                taken the lock since it was lost, or the database fails.
        """
        if self.read_only:
            raise StoreError(f"{self.title} was opened for reading only", hint="open it for writing")
        with self._failures(), self._connections.writing() as connection:
            yield connection

    def confirm(self) -> None:
        """See that the lock is still held.

        Raises:
            StoreError: it was lost, and cannot be had again yet.
        """
        with self._failures():
            self._connections.confirm()

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
        with self._failures():
            self._connections.give_back_space()

    def close(self) -> None:
        """Let go of it; another process may write it then."""
        self._connections.close()

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

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise failure_of(error, self.title, self._secrets) from error
        except UnicodeEncodeError as error:
            raise StoreError(f"{self.title}: a text cannot be written: {error.reason}", hint="it is no text") from error


def holds_something(url: str | Path) -> bool:
    """Whether a database that is there holds a store, or anything else.

    Args:
        url: see :class:`Database`.

    Raises:
        StoreError: it is not there, or cannot be reached.
        MissingPartError: the driver is not installed.
    """
    database = Database(url, read_only=True)
    try:
        with database.reading() as connection:
            return bool(inspect(connection).get_table_names())
    finally:
        database.close()


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    with contextlib.nullcontext() if connection.dialect.name == "sqlite" else unlimited(connection):
        command.upgrade(config, "head")


def _parsed(url: str | Path) -> URL:
    # A file's name may hold what has a meaning in a URL; of a file nothing but its name is wanted.
    if isinstance(url, Path):
        return URL.create("sqlite", database=str(url))
    if file := _FILE.fullmatch(url):
        return URL.create("sqlite", database=file[1])
    if (right := three_strokes(url)) is not None:
        raise StoreError(
            f"{printable(redacted(url))} is no place for a store", hint=f"three strokes: {printable(redacted(right))}"
        )
    try:
        found = make_url(url.strip())
    except (ArgumentError, ValueError):
        # The text may hold a password, so it is not shown.
        signs = f"{QUOTED}; " if "@" in url else ""
        raise StoreError("the URL of a store is not understood", hint=signs + _EXAMPLE) from None
    backend = found.drivername.partition("+")[0]
    if backend in ("postgres", "postgresql"):
        return postgresql_url(found)
    if backend != "sqlite":
        raise StoreError(f"a store cannot be kept in {backend}", hint=_EXAMPLE)
    return found


def _shown(url: URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)


def _file_of(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))
