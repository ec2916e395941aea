"""The store's own row: whose it is, and how much of everything there must be."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from decisight.errors import StoreError
from decisight.store.chain import Seals, xor
from decisight.store.schema import STORES

__all__ = ["changed_store", "create_store", "own_row", "read_store", "summed"]


def create_store(connection: Connection, key: bytes) -> None:
    """Write the row of a new store.

    Raises:
        UsageError: the key is too short.
    """
    store_id = secrets.token_hex(16)
    seals = Seals(key, store_id)
    values = {
        "id": 1,
        "store_id": store_id,
        "created": time.time(),
        "views": 0,
        "chains": 0,
        "ends": seals.ends(()),
        "next_delivery": 1,
        "outbox": seals.mask(0),
        "next_request": 1,
        "last_request": 0,
        "revision": 0,
    }
    connection.execute(insert(STORES), seals.sealed(STORES, values))


def read_store(connection: Connection, key: bytes, title: str) -> tuple[Seals, str]:
    """The digests of a store, and its id.

    Args:
        connection: to its database.
        key: that it was written with.
        title: of the store, for messages.

    Raises:
        StoreError: its row is not there, was altered, or was written with another key.
        UsageError: the key is too short.
    """
    rows = connection.execute(select(STORES)).mappings().all()
    if len(rows) != 1 or not isinstance(rows[0]["store_id"], str):
        raise StoreError(f"{title} is damaged: it does not say which store it is", hint="go on with a backup")
    seals = Seals(key, rows[0]["store_id"])
    if not seals.is_intact(STORES, rows[0]):
        raise StoreError(
            f"{title} was written with another key, or its first row was altered",
            hint="give the key that it was made with",
        )
    return seals, rows[0]["store_id"]


@contextlib.contextmanager
def changed_store(connection: Connection, seals: Seals) -> Iterator[dict[str, Any]]:
    """The store's row, to be changed; it is written back at the end, with another revision.

    It is read anew each time, and within a transaction that nobody else writes beside: other processes than the one
    that has the store change it too, where they leave requests.

    Args:
        connection: in a transaction for writing.
        seals: the store's digests.

    Returns:
        Its values, with ``outbox`` as a plain sum.

    Raises:
        StoreError: it was altered.
    """
    values = own_row(connection, seals, for_update=True)
    values["outbox"] = summed(seals, values)
    yield values
    values["revision"] += 1
    values["outbox"] = summed(seals, values)
    connection.execute(update(STORES).values(seals.sealed(STORES, values)))


def own_row(connection: Connection, seals: Seals, *, for_update: bool = False) -> dict[str, Any]:
    """The store's row.

    Raises:
        StoreError: it was altered.
    """
    query = select(STORES)
    row = connection.execute(query.with_for_update() if for_update else query).mappings().one()
    seals.check(STORES, row, "the store's first row")
    return dict(row)


def summed(seals: Seals, row: Mapping[str, Any]) -> bytes:
    """The plain sum of what the outbox holds, by the row that has it masked; and the other way round."""
    return xor((bytes(row["outbox"]), seals.mask(row["revision"])))
