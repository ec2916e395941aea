"""Where the stores of tests lie: in a file, or in a database of a real server."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.servers import Server, session_server

from decisight.store import Store, open_store

__all__ = ["Place", "PostgreSQLPlace", "SQLitePlace"]


class Place:
    """Where the store of a test lies; opened by calling it, and altered as somebody does who has no key.

    Args:
        folder: for the files beside it.
        key: of the store.
        options: for ``open_store``, where a test gives no others.
    """

    kind: str
    refusals: tuple[type[Exception], ...] = ()
    """What is raised where a value is of another type than its column."""

    def __init__(self, folder: Path, key: bytes, **options: Any) -> None:
        self.folder = folder
        self.key = key
        self._options = {"key": key, "evidence": folder / "evidence", **options}
        self._opened: list[Store] = []

    @property
    def url(self) -> str:
        """Of the store."""
        raise NotImplementedError

    def __call__(self, **options: Any) -> Store:
        """Open it; it is closed in the end, where it was not before."""
        store = open_store(self.url, **(self._options | options))
        self._opened.append(store)
        return store

    def close(self) -> None:
        """Close what was opened."""
        for store in self._opened:
            store.close()

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that a statement gives; its values are marked by ``?``."""
        raise NotImplementedError

    def change(self, statement: str, *values: Any) -> int:
        """Have a statement executed that changes rows, whatever they belong to; how many."""
        raise NotImplementedError

    def edit(self, *statements: str) -> None:
        """Have statements executed, each of which is to change something; ``{00}`` stands for bytes."""
        for statement in statements:
            assert self.change(self._with_bytes(statement)) != 0

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns, in order."""
        raise NotImplementedError

    def copied(self, folder: Path) -> Place:
        """A copy of it in another folder, made while nobody writes it."""
        raise NotImplementedError

    def rows(self, table: str, where: str = "1 = 1") -> list[tuple[Any, ...]]:
        """Rows of a table, to be put back later."""
        return self.query(f"SELECT * FROM {table} WHERE {where}")  # noqa: S608

    def put_back(self, table: str, rows: list[tuple[Any, ...]], where: str = "1 = 1") -> None:
        """Have a table hold rows in the place of those that it has."""
        self.change(f"DELETE FROM {table} WHERE {where}")  # noqa: S608
        if rows:
            self.insert(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in rows[0])})", rows)  # noqa: S608

    def restore(self, original: Place, table: str) -> None:
        """Have a table hold what it holds in the original."""
        self.put_back(table, original.rows(table))

    def insert(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Have a statement executed for each row."""
        raise NotImplementedError

    def bytes_of(self, digits: str) -> str:
        """Bytes as they stand in a statement."""
        raise NotImplementedError

    def _with_bytes(self, statement: str) -> str:
        return re.sub(r"\{((?:[0-9a-f]{2})*)\}", lambda found: self.bytes_of(found[1]), statement)


class SQLitePlace(Place):
    """In a file of SQLite.

    Args:
        file: its name.
    """

    kind = "sqlite"

    def __init__(self, folder: Path, key: bytes, *, file: str = "store.db", **options: Any) -> None:
        super().__init__(folder, key, **options)
        self.path = folder / file

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(statement, values).fetchall()

    def change(self, statement: str, *values: Any) -> int:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")
            return connection.execute(statement, values).rowcount

    def restore(self, original: Place, table: str) -> None:
        shutil.copy(original.folder / self.path.name, self.path)

    def insert(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.executemany(statement, rows)

    def columns(self, table: str) -> list[str]:
        return [row[1] for row in self.query(f"PRAGMA table_info({table})")]

    def copied(self, folder: Path) -> SQLitePlace:
        shutil.copytree(self.folder, folder)
        return SQLitePlace(folder, **{**self._options, "evidence": folder / "evidence"})

    def bytes_of(self, digits: str) -> str:
        return f"x'{digits}'"


class PostgreSQLPlace(Place):
    """In a database of a server.

    Args:
        name: of the database.
        server: where it is; by default that of the session.
    """

    kind = "postgresql"

    def __init__(self, folder: Path, key: bytes, *, name: str, server: Server | None = None, **options: Any) -> None:
        super().__init__(folder, key, **options)
        import psycopg

        self.server = server or session_server()
        self.name = name
        self._kept: list[str] = []
        self.refusals = (psycopg.Error,)

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return list(connection.execute(statement.replace("?", "%s").encode(), values or None).fetchall())

    def change(self, statement: str, *values: Any) -> int:
        with self._connected() as connection:
            # As who owns the server can: whatever refers to the row.
            connection.execute("SET session_replication_role = replica")
            return int(connection.execute(statement.replace("?", "%s").encode(), values or None).rowcount)

    def keep(self, tables: Iterable[str]) -> None:
        """Remember what tables hold, in the database itself, for :meth:`restore` and :meth:`restore_all`."""
        self.server.execute(
            "CREATE SCHEMA kept",
            *(f"CREATE TABLE kept.{table} AS SELECT * FROM {table}" for table in tables),  # noqa: S608
            database=self.name,
        )
        self._kept = list(tables)

    def restore(self, original: Place, table: str) -> None:
        self.change(f"DELETE FROM {table}")  # noqa: S608
        self.change(f"INSERT INTO {table} SELECT * FROM kept.{table}")  # noqa: S608

    def restore_all(self) -> None:
        """Have all tables hold what they held."""
        self.server.execute(
            "SET session_replication_role = replica",
            f"TRUNCATE {', '.join(self._kept)}",
            *(f"INSERT INTO {table} SELECT * FROM kept.{table}" for table in self._kept),  # noqa: S608
            database=self.name,
        )

    def insert(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with self._connected() as connection:
            connection.execute("SET session_replication_role = replica")
            connection.cursor().executemany(statement.replace("?", "%s").encode(), rows)

    def columns(self, table: str) -> list[str]:
        query = "SELECT attname FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0 ORDER BY attnum"
        return [str(name) for (name,) in self.query(query, table)]

    def copied(self, folder: Path) -> PostgreSQLPlace:
        if (self.folder / "evidence").is_dir():
            shutil.copytree(self.folder / "evidence", folder / "evidence")
        name = self.server.create(self.name)
        return PostgreSQLPlace(
            folder, **{**self._options, "evidence": folder / "evidence"}, name=name, server=self.server
        )

    def bytes_of(self, digits: str) -> str:
        return f"'\\x{digits}'::bytea"

    def _connected(self) -> Any:
        import psycopg

        return psycopg.connect(self.server.plain_url(self.name))
