"""What is said of events while another process writes the store: a request is left there, and taken in by that one.

Only who writes a store may continue its chains. So a request is a row of its own, with a keyed digest, and is chained
as a note, like what is said directly, once the writer has found it. Numbers are of a counter in the store's own row and
are never given again: a request that is put back, or removed, shows.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from decisight.errors import StoreError, UsageError
from decisight.files import printable
from decisight.store.chain import Seals, plain_json
from decisight.store.database import Database
from decisight.store.ledger import changed_store, own_row, read_store
from decisight.store.queries import find_event
from decisight.store.schema import REQUESTS, VERSION

__all__ = ["KEEP", "Request", "is_waiting", "read_requests", "request_mark", "said", "take_out", "wrong_request"]

_OUTCOME = re.compile(r"[a-z][a-z0-9_]{0,63}")
KEEP: Any = object()
"""Says of something that it stays as it is."""

Request = tuple[int, float, str, dict[str, Any]]
"""Its number, when it was made, the event, and what is to be said of it."""


def said(outcome: str | None = KEEP, note: str | None = KEEP, held: bool = KEEP) -> dict[str, Any]:
    """What is to be changed of an event's row; see :meth:`decisight.store.Store.mark`.

    Raises:
        UsageError: the outcome is no word in lower case.
    """
    if isinstance(outcome, str) and not _OUTCOME.fullmatch(outcome):
        raise UsageError(
            f"{outcome[:40]!r} cannot be an outcome",
            hint="give a word in lower-case letters, digits and underscores, for example false_alarm",
        )
    given: dict[str, Any] = {"outcome": outcome, "note": note, "held": held}
    changes = {name: value for name, value in given.items() if value is not KEEP}
    if isinstance(changes.get("note"), str):
        changes["note"] = printable(changes["note"])
    if "held" in changes:
        changes["held"] = int(bool(changes["held"]))
    return changes


def request_mark(
    url: str | Path,
    event_id: str,
    *,
    key: bytes,
    outcome: str | None = KEEP,
    note: str | None = KEEP,
    held: bool = KEEP,
) -> int:
    """Ask the process that writes a store to say something of an event; it does so within about a second.

    Args:
        url: of the store, which is there; or its SQLite file.
        event_id: or the first digits of it.
        key: that the store was made with.
        outcome: see :meth:`decisight.store.Store.mark`.
        note: likewise.
        held: likewise.

    Returns:
        The number of the request, for :func:`is_waiting`.

    Raises:
        UsageError: the outcome is no such word.
        StoreError: there is no such store or event, or the database fails.
    """
    changes = said(outcome, note, held)
    database = Database(url, beside=True)
    try:
        with database.reading() as connection:
            if (version := database.version(connection)) != VERSION:
                raise StoreError(
                    f"{database.title} holds no store of this version ({version or 'none at all'})",
                    hint="open it with the version that writes it",
                )
            seals, _ = read_store(connection, key, database.title)
            event = find_event(connection, event_id).event
        values = {"time": time.time(), "event_id": event.event_id, "changes": plain_json(changes)}
        with database.writing() as connection:
            with changed_store(connection, seals) as store:
                number = int(store["next_request"])
                store["next_request"] += 1
            connection.execute(insert(REQUESTS), seals.sealed(REQUESTS, {"id": number, **values}))
            return number
    finally:
        database.close()


def is_waiting(connection: Connection, number: int) -> bool:
    """Whether a request has not been taken in yet."""
    return connection.execute(select(REQUESTS.c.id).where(REQUESTS.c.id == number)).scalar() is not None


def read_requests(connection: Connection, seals: Seals) -> list[tuple[int, Request | str]]:
    """What is asked for, in order, by number; or in words why it is not to be taken in.

    Raises:
        StoreError: the store's own row was altered.
    """
    store = own_row(connection, seals)
    rows = {row["id"]: row for row in connection.execute(select(REQUESTS)).mappings()}
    found: list[tuple[int, Request | str]] = []
    for number in sorted({*rows, *range(store["last_request"] + 1, store["next_request"])}):
        row = rows.get(number)
        wrong = wrong_request(seals, store, row, number)
        if wrong is None and row is not None:
            found.append((number, (number, row["time"], row["event_id"], json.loads(row["changes"]))))
        else:
            found.append((number, str(wrong)))
    return found


def wrong_request(seals: Seals, store: Mapping[str, Any], row: Mapping[Any, Any] | None, number: int) -> str | None:
    """Why a request is not to be taken in; ``None``: it is.

    Args:
        seals: the store's digests.
        store: the store's own row.
        row: of the request; ``None`` where there is none.
        number: of the request.
    """
    if row is None:
        return "was removed from outside"
    if not seals.is_intact(REQUESTS, row):
        return "was not made with the store's key"
    if not store["last_request"] < number < store["next_request"]:
        return "was put back from outside: it was taken in already"
    return None


def take_out(connection: Connection, seals: Seals, number: int) -> None:
    """Take a request out, if it is there, and remember that it was taken in, or refused.

    Raises:
        StoreError: the store's own row was altered.
    """
    connection.execute(delete(REQUESTS).where(REQUESTS.c.id == number))
    with changed_store(connection, seals) as store:
        # The number of a row that was altered may be any.
        if store["last_request"] < number < store["next_request"]:
            store["last_request"] = number
