"""What is said of events while another process writes the store: a request is left there, and taken in by that one.

Only who writes a store may continue its chains. So a request is a row of its own, with a keyed digest, and is chained
as a note, like what is said directly, once the writer has found it.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from decisight.errors import StoreError, UsageError
from decisight.files import printable
from decisight.store.chain import Seals, plain_json
from decisight.store.database import Database
from decisight.store.ledger import read_store
from decisight.store.queries import find_event
from decisight.store.schema import REQUESTS, VERSION

__all__ = ["KEEP", "Request", "is_waiting", "read_requests", "remove_request", "request_mark", "said"]

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
    url: str, event_id: str, *, key: bytes, outcome: str | None = KEEP, note: str | None = KEEP, held: bool = KEEP
) -> int:
    """Ask the process that writes a store to say something of an event; it does so within about a second.

    Args:
        url: of the store, which is there.
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
            last = connection.execute(select(REQUESTS.c.id).order_by(REQUESTS.c.id.desc()).limit(1)).scalar()
            row = seals.sealed(REQUESTS, {"id": (last or 0) + 1, **values})
            connection.execute(insert(REQUESTS), row)
            return int(row["id"])
    finally:
        database.close()


def is_waiting(connection: Connection, number: int) -> bool:
    """Whether a request has not been taken in yet."""
    return connection.execute(select(REQUESTS.c.id).where(REQUESTS.c.id == number)).scalar() is not None


def read_requests(connection: Connection, seals: Seals) -> list[tuple[int, Request | None]]:
    """What is asked for, in order, by number; ``None`` where a row was not written with the key."""
    found: list[tuple[int, Request | None]] = []
    for row in connection.execute(select(REQUESTS).order_by(REQUESTS.c.id)).mappings():
        request = None
        if seals.is_intact(REQUESTS, row):
            request = (row["id"], row["time"], row["event_id"], json.loads(row["changes"]))
        found.append((row["id"], request))
    return found


def remove_request(connection: Connection, number: int) -> None:
    """Take a request out."""
    connection.execute(delete(REQUESTS).where(REQUESTS.c.id == number))
