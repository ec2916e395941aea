"""The outbox: changes of events that are still to be reported, written with what they report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from decisight.store.chain import Seals, plain_json, xor
from decisight.store.ledger import changed_store
from decisight.store.schema import OUTBOX
from decisight.types import Event, EventChange

__all__ = ["Delivery", "forget_sink", "post", "read_pending", "remove_delivered", "waiting_by_sink"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A change that is to be reported to a sink.

    Args:
        id: what it is known by once it was delivered.
        change: of an event.
    """

    id: int
    change: EventChange


def post(connection: Connection, seals: Seals, store: dict[str, Any], posts: Sequence[tuple[str, EventChange]]) -> None:
    """Put changes into the outbox, each for a sink.

    Args:
        connection: in the transaction.
        seals: the store's digests.
        store: the store's own row, which is changed.
        posts: each with the name of its sink.
    """
    if not posts:
        return
    first = store["next_delivery"]
    rows = []
    for at, (sink, change) in enumerate(posts):
        content = plain_json({"change": change.change, "event": change.event.to_stored()})
        rows.append(seals.sealed(OUTBOX, {"id": first + at, "sink": sink, "change": content}))
    connection.execute(insert(OUTBOX), rows)
    store["next_delivery"] = first + len(rows)
    store["outbox"] = xor((store["outbox"], *(seals.share(row["mac"]) for row in rows)))


def read_pending(connection: Connection, seals: Seals, sink: str, limit: int) -> list[Delivery]:
    """What is still to be reported to a sink, oldest first.

    Raises:
        StoreError: a row was altered: what nobody decided is not reported.
    """
    query = select(OUTBOX).where(OUTBOX.c.sink == sink).order_by(OUTBOX.c.id).limit(limit)
    found = []
    for row in connection.execute(query).mappings():
        seals.check(OUTBOX, row, f"the delivery {row['id']} to {sink}")
        values = json.loads(row["change"])
        found.append(Delivery(row["id"], EventChange(values["change"], Event.from_stored(values["event"]))))
    return found


def remove_delivered(connection: Connection, seals: Seals, ids: Collection[int]) -> None:
    """Take out what was reported; what is not there any more is left alone.

    Raises:
        StoreError: the store's own row was altered.
    """
    wanted = OUTBOX.c.id.in_(list(ids))
    macs = [bytes(mac) for mac in connection.execute(select(OUTBOX.c.mac).where(wanted)).scalars()]
    if not macs:
        return
    connection.execute(delete(OUTBOX).where(wanted))
    with changed_store(connection, seals) as store:
        store["outbox"] = xor((store["outbox"], *map(seals.share, macs)))


def waiting_by_sink(connection: Connection) -> dict[str, int]:
    """How many changes are still to be reported, by the name of the sink."""
    query = select(OUTBOX.c.sink, func.count()).group_by(OUTBOX.c.sink)
    return {sink: int(count) for sink, count in sorted(connection.execute(query).all())}


def forget_sink(connection: Connection, seals: Seals, sink: str) -> dict[str, int]:
    """Take out all that waits for a sink.

    Returns:
        How many changes that were, by the camera whose events they are of.

    Raises:
        StoreError: a row was altered, or the store's own.
    """
    theirs = OUTBOX.c.sink == sink
    cameras: Counter[str] = Counter()
    macs = []
    for row in connection.execute(select(OUTBOX).where(theirs).order_by(OUTBOX.c.id)).mappings():
        seals.check(OUTBOX, row, f"the delivery {row['id']} to {sink}")
        cameras[json.loads(row["change"])["event"]["camera"]] += 1
        macs.append(bytes(row["mac"]))
    if macs:
        connection.execute(delete(OUTBOX).where(theirs))
        with changed_store(connection, seals) as store:
            store["outbox"] = xor((store["outbox"], *map(seals.share, macs)))
    return dict(cameras)
