"""Coverage: how much of the watched time could be judged."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, or_, select

from decisight.store.codec import read_cause, read_skipped
from decisight.store.queries import CHUNK, chain_number
from decisight.store.records import Lane, RecordKind
from decisight.store.schema import RECORDS, SEGMENTS

__all__ = ["LEAST_SPAN", "Coverage", "read_coverage"]

LEAST_SPAN = 2.0
"""Seconds that a picture speaks for, at most, until the next one of its view; or three times the median gap between
pictures, where that is more: who looks once a minute has watched the minute."""
_GAPS = 3.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a view's time was watched, and how much of that could be judged.

    Args:
        judged: pictures that were classified.
        repeated: pictures that said the same as the one before.
        unjudged: pictures that could not be judged, by cause.
        ticks: moments without a picture.
        watched_seconds: from record to record. A tick says of all the time since the record before, and the record
            after it of all since, that it was watched, however long that was: also of a pause between two runs of the
            same camera, of a night for example, which is told in ticks when it goes on.
        judged_seconds: of these, those that a picture speaks for that was classified or said the same; a pause is not
            among them.
        skipped: pictures that the source passed over before these, since it could not keep up.
    """

    judged: int
    repeated: int
    unjudged: Mapping[str, int]
    ticks: int
    watched_seconds: float
    judged_seconds: float
    skipped: int = 0

    @property
    def share(self) -> float | None:
        """The share of the watched time that was judged, 0..1; ``None`` where nothing was watched."""
        return self.judged_seconds / self.watched_seconds if self.watched_seconds > 0.0 else None


@dataclass
class _Tally:
    """What is gathered of one view."""

    times: array[float] = field(default_factory=lambda: array("d"))
    kinds: array[int] = field(default_factory=lambda: array("b"))
    causes: Counter[str] = field(default_factory=Counter)
    skipped: int = 0

    def coverage(self) -> Coverage:
        times, kinds = np.array(self.times), np.array(self.kinds)
        good = np.isin(kinds, (RecordKind.READING, RecordKind.REPEATED))
        pictures = kinds != RecordKind.TICK
        gaps = np.diff(times[pictures])
        gaps = gaps[gaps > 0.0]
        longest = max(LEAST_SPAN, _GAPS * float(np.median(gaps))) if len(gaps) else LEAST_SPAN
        spans = np.clip(np.diff(times), 0.0, None)
        # From picture to picture nobody has said that time passed; of ticks, the longer it lasts the fewer there are.
        spans = np.where(pictures[:-1] & pictures[1:], np.minimum(spans, longest), spans)
        counted = Counter(kinds.tolist())
        return Coverage(
            judged=counted[RecordKind.READING],
            repeated=counted[RecordKind.REPEATED],
            unjudged=dict(sorted(self.causes.items())),
            ticks=counted[RecordKind.TICK],
            watched_seconds=float(spans.sum()),
            judged_seconds=float(_judged(times, pictures, good, spans, longest).sum()),
            skipped=self.skipped,
        )


def read_coverage(connection: Connection, camera: str, since: float, until: float) -> dict[int, Coverage]:
    """How much of a camera's time was watched and judged, by view.

    A picture speaks for the time until the next record; where ticks follow, for as long as records speak at most.

    Args:
        connection: to the database.
        camera: its name.
        since: from this moment, in seconds since 1970.
        until: up to this moment, not itself.

    Raises:
        StoreError: a record cannot be read.
    """
    tallies: dict[int, _Tally] = {}
    for view, kind, time, data in _rows(connection, camera, since, until):
        tally = tallies.setdefault(view, _Tally())
        tally.times.append(time)
        tally.kinds.append(kind)
        tally.skipped += read_skipped(data)
        if kind == RecordKind.UNJUDGED:
            tally.causes[read_cause(data)] += 1
    return {view: tally.coverage() for view, tally in sorted(tallies.items())}


def _judged(times: Any, pictures: Any, good: Any, spans: Any, longest: float) -> Any:
    """The seconds of each span that a judged picture speaks for."""
    if len(times) < 2:
        return np.zeros(0)
    # The picture that each record has before it, or is.
    last = np.maximum.accumulate(np.where(pictures, np.arange(len(times)), -1))[:-1]
    speaks = (last >= 0) & good[last]
    left = np.clip(times[last] + longest - times[:-1], 0.0, longest)
    return np.where(speaks, np.minimum(spans, left), 0.0)


def _rows(connection: Connection, camera: str, since: float, until: float) -> Iterator[tuple[int, int, float, bytes]]:
    chain = chain_number(connection, camera, Lane.READINGS)
    if chain is None:
        return
    # The segments say where to look: there may be years of records, and their times are in no index.
    query = (
        select(SEGMENTS.c.first_seq, SEGMENTS.c.last_seq)
        .where(SEGMENTS.c.chain_id == chain, SEGMENTS.c.dropped_at.is_(None))
        .where(or_(SEGMENTS.c.last_time.is_(None), SEGMENTS.c.last_time >= since))
        .where(or_(SEGMENTS.c.last_time.is_(None), SEGMENTS.c.first_time < until))
        .order_by(SEGMENTS.c.number)
    )
    wanted = select(RECORDS.c.seq, RECORDS.c.view_id, RECORDS.c.kind, RECORDS.c.time, RECORDS.c.data)
    for first, last in connection.execute(query).all():
        seq = first
        while True:
            piece = wanted.where(RECORDS.c.chain_id == chain, RECORDS.c.seq >= seq)
            piece = piece if last is None else piece.where(RECORDS.c.seq <= last)
            rows = connection.execute(piece.order_by(RECORDS.c.seq).limit(CHUNK)).all()
            for _, view, kind, time, data in rows:
                if kind != RecordKind.STATE and since <= time < until:
                    yield view, kind, time, data
            if len(rows) < CHUNK:
                break
            seq = rows[-1].seq + 1
