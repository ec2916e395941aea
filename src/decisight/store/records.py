"""What is written and what is read back, as values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from decisight.types import Event, EventChange

__all__ = [
    "Beginning",
    "CameraBatch",
    "EvidencePicture",
    "Lane",
    "Note",
    "ReadingRecord",
    "RecordKind",
    "StoredEvent",
    "StoredEvidence",
    "StoredRecord",
]


class Lane(StrEnum):
    """The two chains of a camera."""

    READINGS = "readings"
    """What was seen and decided: many small records, kept for as long as replay is wanted."""
    EVENTS = "events"
    """What became of it: few records, kept for longer."""


class RecordKind(IntEnum):
    """What a record holds. Those up to ``STATE`` stand in the lane of readings, the others in that of events."""

    READING = 1
    """A picture that was classified, and what was decided; the first four are as :mod:`decisight.store.codec` says."""
    REPEATED = 2
    """A picture that says the same as the view's last ``READING``, whose prediction holds for it; and what was
    decided."""
    UNJUDGED = 3
    """A picture that could not be judged, with the cause; and what was decided."""
    TICK = 4
    """Time that passed without a picture; and what was decided."""
    STATE = 5
    """The states of a view's folds after all records before: JSON with ``states``, and ``reading``, the data of the
    view's last ``READING`` in base 64, or null. Segments begin with them, so that each can be replayed by itself. With
    ``begun``, which is true, they are not what the records before lead to: the folds began anew."""
    OPENED = 6
    """JSON: an event's stored values, and ``reading_seq``, the record of readings that brought it."""
    CLOSED = 7
    """JSON: likewise."""
    EVIDENCE = 8
    """JSON: ``digest``, ``what``, ``event_id``, ``time``, ``size``."""
    NOTE = 9
    """JSON: ``text`` and ``fields``; and ``row``, the table and the key of a row that is changed with it, if one is."""


class ReadingRecord(NamedTuple):
    """A record of readings that is to be written; :meth:`decisight.store.codec.Codec.record` makes one.

    Args:
        view_id: of the view that it was made with.
        kind: ``READING``, ``REPEATED``, ``UNJUDGED`` or ``TICK``.
        time: in seconds since 1970.
        data: as the codec gives it.
    """

    view_id: int
    kind: RecordKind
    time: float
    data: bytes


@dataclass(frozen=True, slots=True)
class EvidencePicture:
    """A picture that shows what an event was about.

    Args:
        event_id: of an event that is there, or is opened by the same batch.
        what: ``crop`` or ``frame``.
        time: when it was taken, in seconds since 1970.
        jpeg: the file's content.
    """

    event_id: str
    what: str
    time: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is to be remembered with a camera's events.

    Args:
        text: one line.
        time: in seconds since 1970.
        fields: JSON values; with ``event_id`` where it speaks of an event.

    Raises:
        ValueError: the time is not finite.
    """

    text: str
    time: float
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not math.isfinite(self.time):
            raise ValueError(f"a note's time must be finite: {self.time}")


@dataclass(frozen=True, slots=True)
class CameraBatch:
    """What one camera has to be written, all of it or nothing.

    Args:
        camera: its name.
        records: in the order in which they were decided.
        changes: of events, in order, each with the index in ``records`` of the reading that brought it; ``None`` where
            none of this batch did, for example because the source ended.
        notes: for the lane of events.
        evidence: pictures of events.
        checkpoint: JSON values to go on from after these records. Its ``states`` hold the states of the folds by
            view id, written as text; with them a segment begins. ``None``: the one before stays.
        sinks: the names of those that each change is to be reported to.
        begun: the states by group of folds that begin anew before these records, by view id: nothing that the view's
            earlier records have counted holds any more, nor does a picture repeat one of them.
    """

    camera: str
    records: Sequence[ReadingRecord] = ()
    changes: Sequence[tuple[EventChange, int | None]] = ()
    notes: Sequence[Note] = ()
    evidence: Sequence[EvidencePicture] = ()
    checkpoint: Mapping[str, Any] | None = None
    sinks: tuple[str, ...] = ()
    begun: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beginning:
    """That a view's folds began anew.

    Args:
        states: by the name of each group: where they began.
    """

    states: Mapping[str, Any]


class StoredRecord(NamedTuple):
    """A record of readings as it stands in the store: see :class:`RecordKind`."""

    seq: int
    kind: RecordKind
    time: float
    data: bytes
    view_id: int


@dataclass(frozen=True, slots=True)
class StoredEvidence:
    """A picture of an event as the store knows it.

    Args:
        event_id: of the event.
        what: ``crop`` or ``frame``.
        digest: SHA-256 of the file, 64 hexadecimal digits.
        time: when it was taken, in seconds since 1970.
        size: of the file, in bytes.
        removed_at: when retention removed the file; ``None`` while it is there.
        why: it was removed.
    """

    event_id: str
    what: str
    digest: str
    time: float
    size: int
    removed_at: float | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the store knows it.

    Args:
        event: as it was when it was last written: when it was opened, while it holds, else when it was closed.
        outcome: what people found it to be: ``confirmed``, ``false_alarm``, or another word.
        held: whether it is on legal hold: nothing of it may be removed.
        note: of people.
        opened_seq: the record of readings that opened it.
        closed_seq: the one that closed it; ``None`` while it holds.
        view_id: what it was decided with.
        evidence: its pictures, in order.
    """

    event: Event
    outcome: str | None
    held: bool
    note: str | None
    opened_seq: int
    closed_seq: int | None
    view_id: int | None
    evidence: tuple[StoredEvidence, ...] = ()
