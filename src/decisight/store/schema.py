"""The tables. How they came to be stands in ``migrations``; a test holds the two to each other.

Every row that may change has a keyed digest of its whole content in ``mac``; see :mod:`decisight.store.chain`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)

__all__ = [
    "CHAINS",
    "CHECKPOINTS",
    "EVENTS",
    "EVIDENCE",
    "METADATA",
    "OUTBOX",
    "RECORDS",
    "REQUESTS",
    "SEGMENTS",
    "STORES",
    "VERSION",
    "VIEWS",
]

VERSION = "0001"
"""The revision that this module describes; revisions are four digits, and a later one is greater."""

METADATA = MetaData()


def _mac(name: str = "mac", *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(16), nullable=nullable)


STORES = Table(
    "stores",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("store_id", String(32), nullable=False),
    Column("created", Double, nullable=False),
    Column("views", Integer, nullable=False),
    Column("chains", Integer, nullable=False),
    _mac("ends"),
    Column("next_delivery", BigInteger, nullable=False),
    _mac("outbox"),
    Column("next_request", BigInteger, nullable=False),
    Column("last_request", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    _mac(),
)
"""One row: whose store it is, and what there must be in it: how many views and chains; a digest of all rows of chains,
so that none can be put back alone; a sum of what the outbox holds. ``last_request`` was the last one taken in; those
after it, before ``next_request``, are waiting. Each change of the row has another ``revision``."""

VIEWS = Table(
    "views",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("camera", Text, nullable=False, index=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("view", Text, nullable=False),
    _mac(),
)
"""What readings were made with, each once: see :class:`decisight.store.views.ViewKey`."""

CHAINS = Table(
    "chains",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("camera", Text, nullable=False),
    Column("lane", String(16), nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    _mac("last_mac"),
    Column("last_time", Double),
    Column("stored_at", Double),
    Column("checkpoint_seq", BigInteger),
    _mac("checkpoint_mac", nullable=True),
    _mac(),
    Index("chains_camera_lane", "camera", "lane", unique=True),
)
"""Where each chain ends, when that was stored, and the digest of the camera's checkpoint; written with every commit, as
is the digest of all these rows in the store's own, so that a tail that is cut off shows."""

SEGMENTS = Table(
    "segments",
    METADATA,
    Column("chain_id", Integer, ForeignKey("chains.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger),
    Column("first_time", Double),
    Column("last_time", Double),
    Column("size", BigInteger),
    _mac("head", nullable=True),
    Column("stored_at", Double),
    Column("sealed_at", Double),
    Column("dropped_at", Double),
    _mac(),
    PrimaryKeyConstraint("chain_id", "number"),
)
"""Pieces of chains. All but a chain's last one are sealed, and that one too where nothing came for long: they have
their last record's number and digest, when that was stored, the earliest and latest time of their records, and about
how many bytes they take. One that was dropped has no records."""

RECORDS = Table(
    "records",
    METADATA,
    Column("chain_id", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("view_id", Integer),
    Column("kind", SmallInteger, nullable=False),
    Column("time", Double, nullable=False),
    Column("data", LargeBinary, nullable=False),
    _mac(),
    PrimaryKeyConstraint("chain_id", "seq"),
    ForeignKeyConstraint(["chain_id"], ["chains.id"]),
    ForeignKeyConstraint(["view_id"], ["views.id"]),
    sqlite_with_rowid=False,
)
"""The chains' records; ``mac`` ties each to all before it."""

EVENTS = Table(
    "events",
    METADATA,
    Column("event_id", String(32), primary_key=True),
    Column("camera", Text, nullable=False),
    Column("region", Text),
    Column("label_group", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("start_time", Double, nullable=False),
    Column("end_time", Double),
    Column("view_id", Integer, ForeignKey("views.id")),
    Column("opened_seq", BigInteger, nullable=False),
    Column("closed_seq", BigInteger),
    Column("event", Text, nullable=False),
    Column("outcome", Text),
    Column("held", SmallInteger, nullable=False),
    Column("note", Text),
    Column("first_chain_seq", BigInteger, nullable=False),
    Column("chain_seq", BigInteger, nullable=False),
    _mac(),
    Index("events_start_time", "start_time"),
    Index("events_camera", "camera", "start_time"),
    Index("events_end_time", "end_time"),
)
"""Events as they are now; ``first_chain_seq`` is the record of the lane of events that opened it, and ``chain_seq`` the
last one that speaks of it."""

EVIDENCE = Table(
    "evidence",
    METADATA,
    Column("chain_id", Integer, ForeignKey("chains.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("event_id", String(32), ForeignKey("events.event_id"), nullable=False, index=True),
    Column("what", Text, nullable=False),
    Column("digest", String(64), nullable=False, index=True),
    Column("time", Double, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", Double, nullable=False),
    Column("chain_seq", BigInteger, nullable=False),
    Column("removed_at", Double),
    Column("why", Text),
    _mac(),
    PrimaryKeyConstraint("chain_id", "seq"),
)
"""Pictures of events, by the record that brought them; the files lie in the folder of evidence."""

CHECKPOINTS = Table(
    "checkpoints",
    METADATA,
    Column("camera", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("checkpoint", Text, nullable=False),
    _mac(),
)
"""Where each camera is to go on: the state after the record ``seq`` of its readings."""

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("sink", Text, nullable=False),
    Column("change", Text, nullable=False),
    _mac(),
    Index("outbox_sink", "sink", "id"),
)
"""Changes of events that are still to be reported, in order."""

REQUESTS = Table(
    "requests",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("event_id", String(32), nullable=False),
    Column("changes", Text, nullable=False),
    _mac(),
)
"""What other processes want said of events: whoever writes the store takes it in, and takes it out of here."""
