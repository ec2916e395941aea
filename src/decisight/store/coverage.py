"""Coverage: how much of the watched time could be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, or_, select

from decisight.store.codec import read_cause, read_skipped
from decisight.store.queries import CHUNK, chain_number
from decisight.store.records import Lane, RecordKind
from decisight.store.schema import RECORDS, SEGMENTS
from decisight.types.watched_time import WatchedTime

__all__ = ["Coverage", "read_coverage"]


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

    time: WatchedTime = field(default_factory=WatchedTime)
    kinds: Counter[int] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    skipped: int = 0

    def add(self, kind: int, time: float, data: bytes) -> None:
        self.kinds[kind] += 1
        self.skipped += read_skipped(data)
        if kind == RecordKind.UNJUDGED:
            self.causes[read_cause(data)] += 1
        if kind == RecordKind.TICK:
            self.time.tick(time)
        else:
            self.time.picture(time, judged=kind != RecordKind.UNJUDGED)

    def coverage(self) -> Coverage:
        return Coverage(
            judged=self.kinds[RecordKind.READING],
            repeated=self.kinds[RecordKind.REPEATED],
            unjudged=dict(sorted(self.causes.items())),
            ticks=self.kinds[RecordKind.TICK],
            watched_seconds=self.time.watched_seconds,
            judged_seconds=self.time.judged_seconds,
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
        tallies.setdefault(view, _Tally()).add(kind, time, data)
    return {view: tally.coverage() for view, tally in sorted(tallies.items())}


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
