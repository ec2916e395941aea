"""Altering a store as somebody would who can write its file, but does not have the key."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

__all__ = ["TABLES", "alter"]

TABLES = {
    "records": ("chain_id", "seq"),
    "chains": ("id",),
    "segments": ("chain_id", "number"),
    "views": ("id",),
    "events": ("event_id",),
    "evidence": ("chain_id", "seq"),
    "checkpoints": ("camera",),
    "outbox": ("id",),
    "requests": ("id",),
    "stores": ("id",),
    "alembic_version": ("version_num",),
}
"""Every table, with its key."""


def alter(path: Path, seed: int) -> str:
    """Do one thing to a store, by chance: alter a column, remove a row, or swap two; what was done."""
    chance = random.Random(seed)  # noqa: S311  nothing secret
    table = chance.choices(list(TABLES), [10, 2, 3, 2, 4, 3, 2, 3, 2, 1, 1])[0]
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
        done = chance.choice([_alter_column, _alter_column, _remove, _swap])(connection, table, columns, rows, chance)
    connection.close()
    return f"{seed}: {table}: {done}"


def _key(table: str, columns: list[str], row: tuple[Any, ...]) -> tuple[str, list[Any]]:
    names = TABLES[table]
    return " AND ".join(f"{name} = ?" for name in names), [row[columns.index(name)] for name in names]


def _alter_column(
    connection: sqlite3.Connection, table: str, columns: list[str], rows: list[Any], chance: random.Random
) -> str:
    row = chance.choice(rows)
    column = chance.choice(columns)
    before = row[columns.index(column)]
    where, key = _key(table, columns, row)
    after = _another(before, chance)
    try:
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", [after, *key])  # noqa: S608
    except sqlite3.IntegrityError:  # a number that is taken
        after = 10**6 + chance.randrange(1000)
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", [after, *key])  # noqa: S608
    return f"{column} of {key} from {before!r:.60} to {after!r:.60}"


def _another(value: Any, chance: random.Random) -> Any:
    """A value that is nearly the same."""
    if isinstance(value, int):
        return value + chance.choice([-1, 1])
    if isinstance(value, float):
        return value + chance.choice([-1e-3, 1e-3, 3600.0])
    if isinstance(value, bytes):
        at = chance.randrange(len(value))
        return value[:at] + bytes([value[at] ^ (1 << chance.randrange(8))]) + value[at + 1 :]
    if isinstance(value, str):
        at = chance.randrange(len(value))
        return value[:at] + ("x" if value[at] != "x" else "y") + value[at + 1 :]
    return chance.choice([0, 1.5, "x", b"x"])


def _remove(
    connection: sqlite3.Connection, table: str, columns: list[str], rows: list[Any], chance: random.Random
) -> str:
    where, key = _key(table, columns, chance.choice(rows))
    connection.execute(f"DELETE FROM {table} WHERE {where}", key)  # noqa: S608
    return f"{key} removed"


def _swap(
    connection: sqlite3.Connection, table: str, columns: list[str], rows: list[Any], chance: random.Random
) -> str:
    if len(rows) < 2:
        return _remove(connection, table, columns, rows, chance)
    one, two = chance.sample(rows, 2)
    (where, first), (_, second) = _key(table, columns, one), _key(table, columns, two)
    connection.execute(f"DELETE FROM {table} WHERE {where}", first)  # noqa: S608
    connection.execute(f"DELETE FROM {table} WHERE {where}", second)  # noqa: S608
    for key, content in ((first, two), (second, one)):
        values = dict(zip(columns, content, strict=True)) | dict(zip(TABLES[table], key, strict=True))
        marks = ", ".join("?" for _ in columns)
        connection.execute(f"INSERT INTO {table} VALUES ({marks})", [values[name] for name in columns])  # noqa: S608
    return f"{first} and {second} swapped"
