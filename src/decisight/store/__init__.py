"""The store: what was seen, decided and told, so that it can be replayed bit for bit and is not altered unnoticed.

Example:
    >>> with open_store("sqlite://", key=b"sixteen bytes at least") as store:
    ...     store.checkpoint("gate") is None, list(store.verify())
    (True, [])
"""

from __future__ import annotations

from decisight.store.codec import Codec
from decisight.store.coverage import Coverage
from decisight.store.database import holds_something
from decisight.store.heads import Head, append_heads, read_heads
from decisight.store.outbox import Delivery
from decisight.store.records import (
    Beginning,
    CameraBatch,
    EvidencePicture,
    Lane,
    Note,
    ReadingRecord,
    RecordKind,
    StoredEvent,
    StoredEvidence,
    StoredRecord,
)
from decisight.store.requests import request_mark
from decisight.store.retention import Limit, Retention, RetentionReport
from decisight.store.store import Store, open_store
from decisight.store.verification import Fault
from decisight.store.views import StoredView, ViewKey, task_from_stored, task_to_stored

__all__ = [
    "Beginning",
    "CameraBatch",
    "Codec",
    "Coverage",
    "Delivery",
    "EvidencePicture",
    "Fault",
    "Head",
    "Lane",
    "Limit",
    "Note",
    "ReadingRecord",
    "RecordKind",
    "Retention",
    "RetentionReport",
    "Store",
    "StoredEvent",
    "StoredEvidence",
    "StoredRecord",
    "StoredView",
    "ViewKey",
    "append_heads",
    "holds_something",
    "open_store",
    "read_heads",
    "request_mark",
    "task_from_stored",
    "task_to_stored",
]
