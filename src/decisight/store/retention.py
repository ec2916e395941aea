"""Retention: how long what is kept, and removing the rest so that it shows what was removed, and by whom.

Readings and the lane of events go by whole sealed segments: their records go, and the segment's row stays with the
digest of its last record, so that the chain holds on both sides. The segment that a chain is writing to is sealed first
where all of it is too old: nothing came for long, since the camera is no more or its recording is at its end. Pictures
go one by one; their rows stay, and each removal is a note in the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, and_, delete, func, select, update

from decisight.store.chain import Seals
from decisight.store.chains import record_room
from decisight.store.database import Database
from decisight.store.evidence import EvidenceFolder
from decisight.store.protection import is_protected, protected_stretches
from decisight.store.records import Lane, Note
from decisight.store.schema import CHAINS, EVENTS, EVIDENCE, RECORDS, SEGMENTS
from decisight.store.writing import Draft

__all__ = ["DEFAULT", "Keeper", "Limit", "Retention", "RetentionReport"]

DEFAULT = "default"
"""The limit for pictures of events whose outcome has none of its own, or that have no outcome yet."""

_AT_ONCE = 200
"""Pictures that are removed in one transaction, so that cameras need not wait."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limit:
    """How much is kept; what exceeds either goes, the oldest first.

    Args:
        age: in seconds, since it was taken or since it was stored, whichever is later: old recordings that are watched
            today are not old yet. ``None``: of any age.
        bytes: about how many; ``None``: any number.

    Raises:
        ValueError: one is negative, or no number.
    """

    age: float | None = None
    bytes: int | None = None

    def __post_init__(self) -> None:
        for value in (self.age, self.bytes):
            if value is not None and not value >= 0:
                raise ValueError(f"a limit must be 0 or more: {value}")

    @property
    def is_none(self) -> bool:
        """Whether all is kept."""
        return self.age is None and self.bytes is None


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept for how long; by default everything.

    Args:
        readings: of segments of readings; by size, of sealed ones.
        events: of segments of the lane of events, likewise. Events whose records have all gone, go with their pictures.
        evidence: of pictures, by the outcome of their event; ``default`` for all others, counted together.
    """

    readings: Limit = Limit()
    events: Limit = Limit()
    evidence: Mapping[str, Limit] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What was removed; or would be.

    Args:
        segments: that were dropped.
        records: in them.
        events: whose records had all gone.
        pictures: of events.
        bytes: that all this took, about.
        kept_back: segments and pictures beyond their limit that stay, since an event is held or still open.
    """

    segments: int = 0
    records: int = 0
    events: int = 0
    pictures: int = 0
    bytes: int = 0
    kept_back: int = 0

    def lines(self, *, dry_run: bool = False) -> Iterator[str]:
        """For people: what was removed, or would be, one line each."""
        verb = "would be removed" if dry_run else "removed"
        if not (self.segments or self.events or self.pictures):
            yield "Nothing is beyond its limit."
        if self.segments:
            yield f"{self.records} records in {self.segments} segments {verb}"
        if self.events:
            yield f"{self.events} events {verb}"
        if self.pictures:
            yield f"{self.pictures} pictures {verb}"
        if self.bytes:
            yield f"about {self.bytes / 1e6:.1f} MB in all"
        if self.kept_back:
            yield f"{self.kept_back} segments and pictures beyond their limit stay: an event is held, or still open"


class Keeper:
    """Applies limits to a store.

    Args:
        database: of the store.
        seals: its digests.
        evidence: the folder of its pictures; ``None``: no pictures are removed.
        draft: begins a transaction to which records are chained.
        writing: begins one without any.
    """

    def __init__(
        self,
        database: Database,
        seals: Seals,
        evidence: EvidenceFolder | None,
        draft: Callable[[], AbstractContextManager[Draft]],
        writing: Callable[[], AbstractContextManager[Connection]],
    ) -> None:
        self._database = database
        self._seals = seals
        self._evidence = evidence
        self._draft = draft
        self._writing = writing

    def retain(self, limits: Retention, now: float, *, dry_run: bool) -> RetentionReport:
        """Remove what exceeds the limits; see :meth:`decisight.store.store.Store.retain`."""
        report = RetentionReport()
        with self._database.reading() as connection:
            protected = protected_stretches(connection)
            pictures, held = _pictures(connection, limits.evidence, now) if self._evidence else ([], 0)
            segments = []
            for lane, limit in ((Lane.READINGS, limits.readings), (Lane.EVENTS, limits.events)):
                beyond = [row for row, _ in _beyond(_segments(connection, lane), limit, now, _last_moment)]
                if limit.age is not None:
                    # That pictures are removed is noted in the lane of events, which is written to again then.
                    busy = {row["camera"] for row, _ in pictures} if lane is Lane.EVENTS else set()
                    unsealed = self._unsealed(connection, lane, now - limit.age)
                    beyond += [row for row in unsealed if row["camera"] not in busy]
                free = [row for row in beyond if not is_protected(connection, row, protected)]
                report = replace(report, kept_back=report.kept_back + len(beyond) - len(free))
                segments += free
            events = _spent_events(connection, segments)
        report = replace(
            report,
            segments=len(segments),
            records=sum(row["last_seq"] - row["first_seq"] + 1 for row in segments),
            events=len(events),
            pictures=len(pictures),
            bytes=sum(row["size"] for row in segments) + sum(row["size"] for row, _ in pictures),
            kept_back=report.kept_back + held,
        )
        if not dry_run:
            # Pictures first, while their events are still there.
            self._remove_pictures(pictures, now)
            for row in segments:
                if row["sealed_at"] is None:
                    with self._draft() as draft:
                        draft.seal(row["camera"], Lane(row["lane"]))
                self._drop(row, now)
            # Removing pictures is noted in the chain, so an event may have a record again that is to stay.
            self._remove_events(segments)
            self._database.give_back_space()
        return report

    def _unsealed(self, connection: Connection, lane: Lane, before: float) -> list[Mapping[str, Any]]:
        """The segments that nothing was written to since a moment, and that can be sealed, as if they were.

        Raises:
            StoreError: the row of a chain was altered.
        """
        found: list[Mapping[str, Any]] = []
        query = select(CHAINS).where(CHAINS.c.lane == lane.value, CHAINS.c.stored_at < before)
        for chain in connection.execute(query).mappings().all():
            self._seals.check(CHAINS, chain, f"the end of the {chain['lane']} of {chain['camera']}")
            # A later segment of readings begins with states, which are to be those after all records of this one.
            if lane is Lane.READINGS and chain["checkpoint_seq"] != chain["last_seq"]:
                continue
            this = and_(SEGMENTS.c.chain_id == chain["id"], SEGMENTS.c.sealed_at.is_(None))
            row = connection.execute(select(SEGMENTS).where(this)).mappings().first()
            if row is None:
                continue
            sums = select(func.max(RECORDS.c.time), func.sum(func.length(RECORDS.c.data)), func.count())
            theirs = and_(RECORDS.c.chain_id == chain["id"], RECORDS.c.seq >= row["first_seq"])
            last_time, size, count = connection.execute(sums.where(theirs)).one()
            if count and last_time < before:
                values = {"last_seq": chain["last_seq"], "size": int(size) + count * record_room(connection)}
                found.append({**row, **values, "camera": chain["camera"], "lane": chain["lane"]})
        return found

    def _drop(self, row: Mapping[str, Any], now: float) -> None:
        this = and_(SEGMENTS.c.chain_id == row["chain_id"], SEGMENTS.c.number == row["number"])
        with self._writing() as connection:
            stored = connection.execute(select(SEGMENTS).where(this)).mappings().one()
            self._seals.check(SEGMENTS, stored, f"a segment of the {row['lane']} of {row['camera']}")
            connection.execute(
                delete(RECORDS).where(
                    RECORDS.c.chain_id == row["chain_id"],
                    RECORDS.c.seq >= stored["first_seq"],
                    RECORDS.c.seq <= stored["last_seq"],
                )
            )
            values = self._seals.sealed(SEGMENTS, {**stored, "dropped_at": now})
            connection.execute(update(SEGMENTS).where(this).values(values))

    def _remove_pictures(self, pictures: Sequence[tuple[Mapping[str, Any], str]], now: float) -> None:
        for piece in _pieces(pictures, _AT_ONCE):
            with self._draft() as draft:
                for row, why in piece:
                    fields = {"event_id": row["event_id"], "digest": row["digest"], "why": why}
                    draft.remove_picture(row["camera"], (row["chain_id"], row["seq"]), Note("removed", now, fields))
            self._remove_files(row["digest"] for row, _ in piece)

    def _remove_files(self, digests: Iterable[str]) -> None:
        """Remove those files that no event has any more."""
        if self._evidence is None:
            return
        wanted = sorted(set(digests))
        with self._database.reading() as connection:
            query = select(EVIDENCE.c.digest).where(EVIDENCE.c.digest.in_(wanted), EVIDENCE.c.removed_at.is_(None))
            needed = set(connection.execute(query).scalars())
        for digest in wanted:
            if digest not in needed:
                self._evidence.remove(digest)

    def _remove_events(self, segments: Sequence[Mapping[str, Any]]) -> None:
        with self._database.reading() as connection:
            spent = _spent_events(connection, segments)
        for piece in _pieces(spent, _AT_ONCE):
            with self._writing() as connection:
                theirs = EVIDENCE.c.event_id.in_(list(piece))
                digests = list(connection.execute(select(EVIDENCE.c.digest).where(theirs)).scalars())
                connection.execute(delete(EVIDENCE).where(theirs))
                connection.execute(delete(EVENTS).where(EVENTS.c.event_id.in_(list(piece))))
            self._remove_files(digests)


def _last_moment(segment: Mapping[str, Any]) -> float:
    """When the last of its records was taken, or was stored, whichever is later."""
    return float(max(segment["last_time"], segment["stored_at"]))


def _segments(connection: Connection, lane: Lane) -> list[Mapping[str, Any]]:
    query = (
        select(SEGMENTS, CHAINS.c.camera, CHAINS.c.lane)
        .join(CHAINS, CHAINS.c.id == SEGMENTS.c.chain_id)
        .where(CHAINS.c.lane == lane.value, SEGMENTS.c.sealed_at.is_not(None), SEGMENTS.c.dropped_at.is_(None))
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _pictures(
    connection: Connection, limits: Mapping[str, Limit], now: float
) -> tuple[list[tuple[Mapping[str, Any], str]], int]:
    """The pictures beyond their limit, each with the reason; and how many more are, but must stay."""
    query = (
        select(EVIDENCE, EVENTS.c.camera, EVENTS.c.outcome, EVENTS.c.held, EVENTS.c.end_time)
        .join(EVENTS, EVENTS.c.event_id == EVIDENCE.c.event_id)
        .where(EVIDENCE.c.removed_at.is_(None))
    )
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in connection.execute(query).mappings():
        name = row["outcome"] if row["outcome"] in limits else DEFAULT
        groups.setdefault(name, []).append(dict(row))
    beyond = [
        found
        for name, rows in groups.items()
        for found in _beyond(rows, limits.get(name, Limit()), now, lambda row: max(row["time"], row["stored_at"]))
    ]
    free = [(row, why) for row, why in beyond if not row["held"] and row["end_time"] is not None]
    return free, len(beyond) - len(free)


def _beyond(
    rows: Sequence[Mapping[str, Any]], limit: Limit, now: float, moment: Callable[[Mapping[str, Any]], float]
) -> list[tuple[Mapping[str, Any], str]]:
    """Those beyond a limit, oldest first, each with the reason: ``age`` or ``size``."""
    if limit.is_none:
        return []
    total = sum(row["size"] for row in rows)
    found = []
    for row in sorted(rows, key=moment):
        if limit.age is not None and moment(row) < now - limit.age:
            found.append((row, "age"))
        elif limit.bytes is not None and total > limit.bytes:
            found.append((row, "size"))
        else:
            break
        total -= row["size"]
    return found


def _spent_events(connection: Connection, segments: Sequence[Mapping[str, Any]]) -> list[str]:
    """The events of which every record lies in dropped segments, or in those given."""
    cameras = {row["camera"]: row["chain_id"] for row in segments if row["lane"] == Lane.EVENTS.value}
    found = []
    for camera, chain_id in cameras.items():
        given = {row["number"]: row["last_seq"] for row in segments if row["chain_id"] == chain_id}
        until = _gone_until(connection, chain_id, given)
        closed = and_(EVENTS.c.camera == camera, EVENTS.c.held == 0, EVENTS.c.end_time.is_not(None))
        spent = select(EVENTS.c.event_id).where(closed, EVENTS.c.chain_seq <= until)
        joined = select(EVIDENCE.c.event_id).where(EVIDENCE.c.chain_id == chain_id, EVIDENCE.c.chain_seq > until)
        found += list(connection.execute(spent.where(EVENTS.c.event_id.not_in(joined))).scalars())
    return found


def _gone_until(connection: Connection, chain_id: int, given: Mapping[int, int]) -> int:
    """The number up to which all records of a chain are dropped, or are to be; an event may have some before others."""
    query = select(SEGMENTS.c.number, SEGMENTS.c.last_seq, SEGMENTS.c.dropped_at).order_by(SEGMENTS.c.number)
    until = 0
    for row in connection.execute(query.where(SEGMENTS.c.chain_id == chain_id)):
        if row.dropped_at is None and row.number not in given:
            break
        until = int(given.get(row.number, row.last_seq))
    return until


def _pieces(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for begin in range(0, len(values), size):
        yield values[begin : begin + size]
