"""Readings, ticks and what was decided by them, as few bytes: the data of records, bit for bit.

All numbers are little-endian; a *count* is an unsigned number in groups of seven bits, lowest first, the eighth bit
saying that more come (LEB128); a *text* is a count of bytes and UTF-8. A record is::

    1 byte      the version: 2 where there is a familiarity, else 1
    1 byte      bits: 1 a quality follows, which else is 1.0; 2 the time is -0.0, which a database does not keep;
                4 pictures were passed over; 8 there is a familiarity, of a READING only
    count       how many, if so
    8 bytes     the quality (float64), if so
    8 bytes     the familiarity (float64), if so
    READING     every confidence (float64), in the order of the task's groups and labels; none of REPEATED and TICK
    UNJUDGED    the cause (text)
    count       decisions, then each

    count       the group's index
    1 byte      bits 0-1: what the state is; 2-4: the reason; 5: undecided labels follow; 6-7: how scores are written
    1 byte      why it is held, 0: it is not
    state       0 a label: its index (count); 1 the fall-back: nothing; 2 labels: how many and their indexes (counts);
                3 other words: text
    8 bytes     the confidence (float64)
    undecided   how many and their indexes (counts)
    scores      0 none; 1 how many (count), a byte each, whole numbers of 0..255; 2 how many (count), float64 each

A Decisight that knows no familiarity would take one for a confidence, so what has one is of a version that it refuses.

A fall-back that is called as a label is is told apart by the reason: a label that was not accepted is no state. What is
neither a label nor the fall-back is written in words, so that nothing that a policy may say is lost.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from decisight.errors import StoreError
from decisight.store.records import ReadingRecord, RecordKind
from decisight.store.views import ViewKey
from decisight.types import Decision, Held, Prediction, Reading, Reason, Task, Tick

__all__ = ["CODEC_VERSION", "Codec", "Decoded", "read_cause", "read_skipped"]

CODEC_VERSION = 2
"""The newest one. What version 1 can say is written as that, so that its bytes stay what they were."""

Decoded = tuple[Reading | Tick, tuple[Decision, ...]]

_REASONS = (Reason.ACCEPTED, Reason.BELOW_THRESHOLD, Reason.UNFAMILIAR, Reason.CANNOT_JUDGE, Reason.ABSTAINED)
_HELD = (None, Held.DWELL, Held.GAP, Held.BLIND, Held.EVIDENCE, Held.TICK, Held.UNFAMILIAR)
"""In the order in which they are numbered: a new one comes last."""
_REASON_NUMBERS = {reason: number for number, reason in enumerate(_REASONS)}
_HELD_NUMBERS = {held: number for number, held in enumerate(_HELD)}

_LABEL, _FALLBACK, _LABELS, _WORDS = range(4)
_NO_SCORES, _BYTES, _FLOATS = range(3)
_UNDECIDED = 1 << 5
_QUALITY, _NEGATIVE_ZERO, _SKIPPED, _FAMILIARITY = 1, 2, 4, 8
_KNOWN = {1: _QUALITY | _NEGATIVE_ZERO | _SKIPPED, 2: _QUALITY | _NEGATIVE_ZERO | _SKIPPED | _FAMILIARITY}
"""The bits of each version."""
_FLOAT = struct.Struct("<d")


@dataclass(frozen=True)
class Codec:
    """Writes and reads the data of one view's records.

        >>> from decisight.types import LabelGroup
        >>> task = Task((LabelGroup("gear", ("vest", "none")),))
        >>> codec = Codec(task, {"gear": "unknown"})
        >>> reading = Reading(Prediction(task, ((0.75, 0.25),)), 1000.0)
        >>> decision = Decision("gear", "vest", 0.75, Reason.ACCEPTED, scores=(1.0, 0.0))
        >>> record = codec.record(1, reading, (decision,))
        >>> len(record.data), codec.read(record.kind, record.time, record.data) == (reading, (decision,))
        (34, True)

    Args:
        task: that predictions are of.
        fallbacks: the fall-back of each group, by its name; of groups without one, states are written in words.
    """

    task: Task
    fallbacks: Mapping[str, str]
    _groups: dict[str, tuple[int, dict[str, int]]] = field(init=False, repr=False, compare=False)
    _row: struct.Struct = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        groups = {
            group.name: (at, {label: index for index, label in enumerate(group.labels)})
            for at, group in enumerate(self.task.groups)
        }
        object.__setattr__(self, "_groups", groups)
        object.__setattr__(self, "_row", struct.Struct(f"<{sum(len(g.labels) for g in self.task.groups)}d"))

    @classmethod
    def of(cls, view: ViewKey) -> Codec:
        """The one of a view."""
        return cls(view.read_task(), view.fallbacks)

    def record(
        self,
        view_id: int,
        item: Reading | Tick,
        decisions: Sequence[Decision],
        *,
        repeated: bool = False,
        skipped: int = 0,
    ) -> ReadingRecord:
        """A record of what was given to the policies, and what they decided.

        Args:
            view_id: of the view.
            item: the reading or the tick.
            decisions: one a group, or of some.
            repeated: the picture says the same as the view's last one that was classified: its prediction, which is
                the same, is not written again.
            skipped: pictures that the source passed over before this one, see :func:`read_skipped`.

        Raises:
            ValueError: the reading has no time, or is of another task; a decision is of a group or a label that the
                task does not have; or the number of pictures is negative.
        """
        if item.time is None:
            raise ValueError("a reading without a time cannot be stored")
        if skipped < 0:
            raise ValueError(f"a number of pictures must be 0 or more: {skipped}")
        flags, parts = 0, [b""]
        if skipped:
            flags |= _SKIPPED
            parts.append(_count(skipped))
        if item.time == 0.0 and math.copysign(1.0, item.time) < 0.0:
            flags |= _NEGATIVE_ZERO
        kind = RecordKind.TICK
        if isinstance(item, Reading):
            if item.quality != 1.0:
                flags |= _QUALITY
                parts.append(_FLOAT.pack(item.quality))
            if item.prediction is None:
                kind = RecordKind.UNJUDGED
                parts.append(_text(item.cause or ""))
            elif item.prediction.task != self.task:
                raise ValueError("a reading is of another task than its view")
            elif repeated:
                kind = RecordKind.REPEATED
            else:
                kind = RecordKind.READING
                if item.prediction.familiarity is not None:
                    flags |= _FAMILIARITY
                    parts.append(_FLOAT.pack(item.prediction.familiarity))
                parts.append(self._row.pack(*[c for row in item.prediction.confidences for c in row]))
        parts[0] = bytes((2 if flags & _FAMILIARITY else 1, flags))
        parts.append(_count(len(decisions)))
        for decision in decisions:
            self._write(decision, parts)
        return ReadingRecord(view_id, kind, item.time, b"".join(parts))

    def read(self, kind: int, time: float, data: bytes, last: Prediction | None = None) -> Decoded:
        """What a record holds.

        Args:
            kind: of the record: ``READING`` to ``TICK``.
            time: of the record.
            data: as :meth:`record` gave it.
            last: the prediction of the view's last ``READING``, which one that is ``REPEATED`` holds for.

        Raises:
            StoreError: it is damaged, of a newer version, or not of this view; or ``last`` is needed and not given.
        """
        try:
            return self._read(RecordKind(kind), time, _Cursor(data), last)
        except (ValueError, IndexError, struct.error) as error:
            raise StoreError(
                f"a record cannot be read: {error}",
                hint="have the store verified; a newer Decisight may have written it",
            ) from error

    def prediction(self, data: bytes) -> Prediction:
        """The prediction in the data of a ``READING``.

        Raises:
            StoreError: see :meth:`read`.
        """
        item, _ = self.read(RecordKind.READING, 0.0, data)
        if not isinstance(item, Reading) or item.prediction is None:
            raise StoreError("a record cannot be read: there is no prediction in it", hint="have the store verified")
        return item.prediction

    def _write(self, decision: Decision, parts: list[bytes]) -> None:
        """Append a decision."""
        if decision.group not in self._groups:
            raise ValueError(f"a decision is of a group that the task does not have: {decision.group!r}")
        at, labels = self._groups[decision.group]
        state, scores = decision.state, decision.scores
        if not isinstance(state, str):
            form, body = _LABELS, _indexes(state, labels)
        elif state == self.fallbacks.get(decision.group) and (
            decision.reason is not Reason.ACCEPTED or state not in labels
        ):
            form, body = _FALLBACK, b""
        elif state in labels:
            form, body = _LABEL, _count(labels[state])
        else:
            form, body = _WORDS, _text(state)
        how = _NO_SCORES if not scores else _BYTES if all(map(_is_small, scores)) else _FLOATS
        bits = form | _REASON_NUMBERS[decision.reason] << 2 | how << 6 | (_UNDECIDED if decision.undecided else 0)
        parts += (_count(at), bytes((bits, _HELD_NUMBERS[decision.held])), body, _FLOAT.pack(decision.confidence))
        if decision.undecided:
            parts.append(_indexes(decision.undecided, labels))
        if how == _BYTES:
            parts += (_count(len(scores)), bytes(map(int, scores)))
        elif how == _FLOATS:
            parts += (_count(len(scores)), struct.pack(f"<{len(scores)}d", *scores))

    def _read(self, kind: RecordKind, time: float, cursor: _Cursor, last: Prediction | None) -> Decoded:
        flags, _ = _head(cursor)
        time = -0.0 if flags & _NEGATIVE_ZERO else time
        quality = cursor.floats(1)[0] if flags & _QUALITY else 1.0
        item: Reading | Tick
        match kind:
            case RecordKind.READING:
                familiarity = cursor.floats(1)[0] if flags & _FAMILIARITY else None
                row = cursor.floats(self._row.size // 8)
                item = Reading(Prediction(self.task, self._by_group(row), familiarity), time, quality)
            case RecordKind.REPEATED:
                if last is None:
                    raise ValueError("the reading that it repeats is not there")
                item = Reading(last, time, quality)
            case RecordKind.UNJUDGED:
                item = Reading(None, time, quality, cursor.text())
            case RecordKind.TICK:
                item = Tick(time)
            case _:
                raise ValueError(f"it is no reading but {kind.name}")
        decisions = tuple(self._decision(cursor) for _ in range(cursor.count()))
        if cursor.at != len(cursor.data):
            raise ValueError("there is more in it than there should be")
        return item, decisions

    def _by_group(self, row: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
        if len(self.task.groups) == 1:
            return (row,)
        found, begin = [], 0
        for group in self.task.groups:
            found.append(row[begin : begin + len(group.labels)])
            begin += len(group.labels)
        return tuple(found)

    def _decision(self, cursor: _Cursor) -> Decision:
        group = self.task.groups[cursor.count()]
        bits, held = cursor.take(2)
        form, how = bits & 3, bits >> 6
        state: str | tuple[str, ...]
        if form == _LABEL:
            state = group.labels[cursor.count()]
        elif form == _LABELS:
            state = cursor.labels(group.labels)
        elif form == _WORDS:
            state = cursor.text()
        elif group.name in self.fallbacks:
            state = self.fallbacks[group.name]
        else:
            raise ValueError(f"the fall-back of group {group.name!r} is not known")
        (confidence,) = cursor.floats(1)
        undecided = cursor.labels(group.labels) if bits & _UNDECIDED else ()
        scores: tuple[float, ...] = ()
        if how == _BYTES:
            scores = tuple(map(float, cursor.take(cursor.count())))
        elif how == _FLOATS:
            scores = cursor.floats(cursor.count())
        return Decision(group.name, state, confidence, _REASONS[bits >> 2 & 7], _HELD[held], undecided, scores)


def read_cause(data: bytes) -> str:
    """Why a picture could not be judged, by the data of an ``UNJUDGED`` record; this needs no view.

    Raises:
        StoreError: it is damaged, or of a newer version.
    """
    try:
        cursor = _Cursor(data)
        flags, _ = _head(cursor)
        cursor.take(8 if flags & _QUALITY else 0)
        return cursor.text()
    except (ValueError, IndexError) as error:
        raise StoreError(f"a record cannot be read: {error}", hint="have the store verified") from error


def read_skipped(data: bytes) -> int:
    """How many pictures the source passed over before the one of a record, ``READING`` to ``TICK``; this needs no view.

    Raises:
        StoreError: it is damaged, or of a newer version.
    """
    try:
        _, skipped = _head(_Cursor(data))
    except (ValueError, IndexError) as error:
        raise StoreError(f"a record cannot be read: {error}", hint="have the store verified") from error
    return skipped


class _Cursor:
    """Bytes that are read from the front; more than there are is an error."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        begin, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise ValueError("it ends too early")
        return self.data[begin : self.at]

    def floats(self, number: int) -> tuple[float, ...]:
        return struct.unpack(f"<{number}d", self.take(8 * number))

    def count(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self) -> str:
        return self.take(self.count()).decode("utf-8", "surrogatepass")

    def labels(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        return tuple([labels[self.count()] for _ in range(self.count())])


def _head(cursor: _Cursor) -> tuple[int, int]:
    """The bits that a record begins with, and how many pictures were passed over."""
    version, flags = cursor.take(2)
    if version not in _KNOWN:
        raise ValueError(f"it is of version {version}")
    if unknown := flags & ~_KNOWN[version]:
        raise ValueError(f"it says what its version does not know (bits {unknown})")
    return flags, cursor.count() if flags & _SKIPPED else 0


def _count(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return _count(len(encoded)) + encoded


def _indexes(names: Sequence[str], labels: Mapping[str, int]) -> bytes:
    missing = [name for name in names if name not in labels]
    if missing:
        raise ValueError(f"a decision names a label that its group does not have: {missing[0]!r}")
    return b"".join(map(_count, (len(names), *(labels[name] for name in names))))


def _is_small(value: float) -> bool:
    """Whether a byte says all of it; -0.0 is another number than 0.0."""
    return 0.0 <= value <= 255.0 and value == int(value) and (value != 0.0 or math.copysign(1.0, value) > 0.0)
