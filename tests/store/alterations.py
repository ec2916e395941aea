"""Altering a store as somebody would who can write its database, but does not have the key."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from typing import Any

from tests.databases import Place

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


def alter(place: Place, seed: int) -> str:
    """Do one thing to a store, by chance: alter a column, remove a row, or swap two; what was done."""
    chance = random.Random(seed)  # noqa: S311  nothing secret
    table = chance.choices(list(TABLES), [10, 2, 3, 2, 4, 3, 2, 3, 2, 1, 1])[0]
    columns = place.columns(table)
    rows = place.query(f"SELECT * FROM {table} ORDER BY {', '.join(TABLES[table])}")  # noqa: S608
    done = chance.choice([_alter_column, _alter_column, _remove, _swap])(place, table, columns, rows, chance)
    return f"{seed}: {table}: {done}"


def _key(table: str, columns: list[str], row: tuple[Any, ...]) -> tuple[str, list[Any]]:
    names = TABLES[table]
    return " AND ".join(f"{name} = ?" for name in names), [row[columns.index(name)] for name in names]


def _alter_column(place: Place, table: str, columns: list[str], rows: list[Any], chance: random.Random) -> str:
    row = chance.choice(rows)
    column = chance.choice(columns)
    before = row[columns.index(column)]
    where, key = _key(table, columns, row)
    statement = f"UPDATE {table} SET {column} = ? WHERE {where}"  # noqa: S608
    # A number may be taken; and PostgreSQL knows types, so of what was nothing only one thing can be made.
    for after in (_another(before, chance), 10**6 + chance.randrange(1000), "x", b"x"):
        with contextlib.suppress(sqlite3.IntegrityError, *place.refusals):
            place.change(statement, after, *key)
            return f"{column} of {key} from {before!r:.60} to {after!r:.60}"
    raise AssertionError(f"{column} of {table} takes nothing")


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


def _remove(place: Place, table: str, columns: list[str], rows: list[Any], chance: random.Random) -> str:
    where, key = _key(table, columns, chance.choice(rows))
    place.change(f"DELETE FROM {table} WHERE {where}", *key)  # noqa: S608
    return f"{key} removed"


def _swap(place: Place, table: str, columns: list[str], rows: list[Any], chance: random.Random) -> str:
    if len(rows) < 2:
        return _remove(place, table, columns, rows, chance)
    one, two = chance.sample(rows, 2)
    (where, first), (_, second) = _key(table, columns, one), _key(table, columns, two)
    place.change(f"DELETE FROM {table} WHERE {where}", *first)  # noqa: S608
    place.change(f"DELETE FROM {table} WHERE {where}", *second)  # noqa: S608
    for key, content in ((first, two), (second, one)):
        values = dict(zip(columns, content, strict=True)) | dict(zip(TABLES[table], key, strict=True))
        marks = ", ".join("?" for _ in columns)
        place.change(f"INSERT INTO {table} VALUES ({marks})", *(values[name] for name in columns))  # noqa: S608
    return f"{first} and {second} swapped"
