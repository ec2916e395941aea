"""Verification: going through a store, and telling what is not as it was written.

Everything is read as the database gives it, since whoever alters a file need not keep to the types of its columns.
After a fault it goes on behind it: what was altered once is told once, or a few times.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, text

from decisight.store.chain import Seals, xor
from decisight.store.evidence import EvidenceFolder
from decisight.store.heads import Head
from decisight.store.ledger import summed
from decisight.store.queries import CHUNK
from decisight.store.records import Lane, RecordKind
from decisight.store.requests import wrong_request
from decisight.store.schema import (
    CHAINS,
    CHECKPOINTS,
    EVENTS,
    EVIDENCE,
    OUTBOX,
    RECORDS,
    REQUESTS,
    SEGMENTS,
    STORES,
    VERSION,
    VIEWS,
)
from decisight.store.tracing import Trace

__all__ = ["Fault", "Verification"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written.

    Args:
        camera: whose; ``None`` where that cannot be said.
        lane: ``readings`` or ``events``; ``None`` where it is in neither.
        seq: the number of the record; ``None`` where it is none.
        what: is wrong, in words.
    """

    camera: str | None
    lane: str | None
    seq: int | None
    what: str

    def __str__(self) -> str:
        where = [self.camera, self.lane, None if self.seq is None else f"record {self.seq}"]
        return ": ".join((", ".join(part for part in where if part) or "store", self.what))


class Verification:
    """One walk through a store.

    Args:
        connection: that sees it as it is at one moment.
        seals: its digests.
        evidence: the folder of its pictures; ``None``: their files are not looked at.
        is_to_be_there: whether the file of a picture is to be there now, by the chain and the number of the record that
            brought it: retention may have removed it since that moment. By default it is.
    """

    def __init__(
        self,
        connection: Connection,
        seals: Seals,
        evidence: EvidenceFolder | None,
        is_to_be_there: Callable[[int, int], bool] = lambda chain_id, seq: True,
    ) -> None:
        self._connection = connection
        self._seals = seals
        self._evidence = evidence
        self._is_to_be_there = is_to_be_there

    def run(self, heads: Sequence[Head] = ()) -> Iterator[Fault]:
        """Every fault, as it is found."""
        store = yield from self._store()
        yield from self._views(store)
        chains = list(self._rows(CHAINS, order="id"))
        yield from self._ends(chains, store)
        known = {(row["camera"], row["lane"]) for row in chains}
        for row in chains:
            yield from self._chain(row, [h for h in heads if (h.camera, h.lane) == (row["camera"], row["lane"])])
        for head in heads:
            if (head.camera, head.lane) not in known and head.seq > 0:
                yield Fault(head.camera, head.lane, head.seq, "the chain of a head that was kept is not there")
        yield from self._strays([row["id"] for row in chains])
        yield from self._checkpoints(chains)
        yield from self._events()
        yield from self._pictures()
        yield from self._outbox(store)
        yield from self._requests(store)

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _store(self) -> Generator[Fault, None, Row | None]:
        versions = [row[0] for row in self._connection.execute(text("SELECT version_num FROM alembic_version"))]
        if versions != [VERSION]:
            yield Fault(None, None, None, "the version of the tables was altered")
        rows = list(self._rows(STORES, order="id"))
        if len(rows) == 1 and self._seals.is_intact(STORES, rows[0]):
            return rows[0]
        yield Fault(None, None, None, "the store's own row is altered or missing, or others stand beside it")
        return None

    def _views(self, store: Row | None) -> Iterator[Fault]:
        count = 0
        for count, row in enumerate(self._rows(VIEWS, order="id"), start=1):  # noqa: B007
            if not self._seals.is_intact(VIEWS, row):
                yield Fault(_word(row["camera"]), None, None, f"the view {row['id']} was altered")
        if store is not None and count != store["views"]:
            yield Fault(None, None, None, f"there are {count} views, where {store['views']} were written")

    def _ends(self, chains: Sequence[Row], store: Row | None) -> Iterator[Fault]:
        faults = 0
        for row in chains:
            if not self._seals.is_intact(CHAINS, row):
                faults += 1
                yield Fault(_word(row["camera"]), _word(row["lane"]), None, "the end of the chain was altered")
        if store is not None and len(chains) != store["chains"]:
            yield Fault(None, None, None, f"there are {len(chains)} chains, where {store['chains']} were begun")
        elif store is not None and not faults and self._ends_of(chains) != bytes(store["ends"]):
            said = "the chains do not end where they were last written to: part was put back to an earlier state"
            yield Fault(None, None, None, said)

    def _ends_of(self, chains: Sequence[Row]) -> bytes:
        return self._seals.ends(bytes(row["mac"]) for row in chains)

    def _strays(self, chains: Sequence[int]) -> Iterator[Fault]:
        """Records and segments of chains that there are not."""
        for table in (RECORDS, SEGMENTS):
            at: Any = None
            while True:
                # From number to number, by the index: there may be millions of rows of each.
                after = "" if at is None else " WHERE chain_id > :at"
                query = text(f"SELECT min(chain_id) FROM {table.name}{after}")  # noqa: S608  names of our own
                at = self._connection.execute(query, {} if at is None else {"at": at}).scalar()
                if at is None:
                    break
                if at not in chains:
                    yield Fault(None, None, None, f"there are {table.name} of a chain {at} that is not there")

    def _checkpoints(self, chains: Sequence[Row]) -> Iterator[Fault]:
        expected = {row["camera"]: row["checkpoint_mac"] for row in chains if row["lane"] == Lane.READINGS.value}
        found = set()
        for row in self._rows(CHECKPOINTS, order="camera"):
            camera = _word(row["camera"])
            found.add(row["camera"])
            if not self._seals.is_intact(CHECKPOINTS, row):
                yield Fault(camera, None, None, "the checkpoint was altered")
            elif expected.get(row["camera"]) != row["mac"]:
                yield Fault(camera, None, None, "the checkpoint is not the last one that was written")
        for camera in sorted(str(name) for name, mac in expected.items() if mac is not None and name not in found):
            yield Fault(camera, None, None, "the checkpoint is missing")

    def _events(self) -> Iterator[Fault]:
        for row in self._rows(EVENTS, order="event_id"):
            if not self._seals.is_intact(EVENTS, row):
                yield Fault(_word(row["camera"]), None, None, f"the event {row['event_id']} was altered")

    def _pictures(self) -> Iterator[Fault]:
        for row in self._rows(EVIDENCE, order="chain_id, seq"):
            title = f"a picture of the event {row['event_id']}"
            if not self._seals.is_intact(EVIDENCE, row):
                yield Fault(None, None, None, f"{title} was altered in the database")
            elif self._evidence is not None and row["removed_at"] is None:
                fault = self._evidence.fault(row["digest"])
                if fault and self._is_to_be_there(row["chain_id"], row["seq"]):
                    yield Fault(None, None, None, f"{title}: {fault}")

    def _outbox(self, store: Row | None) -> Iterator[Fault]:
        macs, faults = [], 0
        for row in self._rows(OUTBOX, order="id"):
            if not self._seals.is_intact(OUTBOX, row):
                faults += 1
                yield Fault(None, None, None, f"the delivery {row['id']} was altered")
                continue
            macs.append(bytes(row["mac"]))
            if store is not None and not 0 < row["id"] < store["next_delivery"]:
                faults += 1
                yield Fault(None, None, None, f"the delivery {row['id']} has a number that was never given")
        if store is not None and not faults and xor(map(self._seals.share, macs)) != summed(self._seals, store):
            yield Fault(None, None, None, "the outbox does not hold what is still to be reported")

    def _requests(self, store: Row | None) -> Iterator[Fault]:
        rows = {row["id"]: row for row in self._rows(REQUESTS, order="id")}
        given = [] if store is None else range(store["last_request"] + 1, store["next_request"])
        for number in sorted({*rows, *given}):
            if store is not None:
                wrong = wrong_request(self._seals, store, rows.get(number), number)
            else:
                wrong = None if self._seals.is_intact(REQUESTS, rows[number]) else "was not made with the store's key"
            if wrong:
                yield Fault(None, None, None, f"the request {number} to mark an event {wrong}")

    # --- chains -------------------------------------------------------------------------------------------------------

    def _chain(self, chain: Row, heads: Sequence[Head]) -> Iterator[Fault]:
        camera, lane = _word(chain["camera"]), _word(chain["lane"])
        segments = list(self._rows(SEGMENTS, order="number", where="chain_id = :key", key=chain["id"]))
        intact = [row for row in segments if self._seals.is_intact(SEGMENTS, row)]
        for wrong in _wrong_segments(segments, intact, chain):
            yield Fault(camera, lane, None, wrong)
        is_sound = self._seals.is_intact(CHAINS, chain)
        kept: dict[int, bytes] = {}
        for head in heads:
            if kept.setdefault(head.seq, bytes.fromhex(head.mac)) != bytes.fromhex(head.mac):
                yield Fault(
                    camera, lane, head.seq, "two heads were kept that differ: it was put back, and gone on with"
                )
        trace = Trace(self._seals, chain["id"], intact, kept)
        for row in self._records(chain["id"]):
            for seq, what in trace.take(row):
                yield Fault(camera, lane, seq, what)
            # Where the end was altered, it may not be said truly which lane this is.
            if lane == Lane.EVENTS and is_sound and trace.is_right:
                amiss = self._wrong_subject(chain["id"], row)
                if amiss:
                    yield Fault(camera, lane, row[0], amiss)
        for seq, what in trace.end((chain["last_seq"], chain["last_mac"]) if is_sound else None):
            yield Fault(camera, lane, seq, what)

    def _wrong_subject(self, chain_id: int, row: Sequence[Any]) -> str | None:
        """What is wrong with the row that a record of the lane of events speaks of."""
        seq, _, kind, _, data, _ = row
        content = json.loads(data)
        key: tuple[Any, ...]
        if kind in (RecordKind.OPENED, RecordKind.CLOSED):
            table, key = "events", (content["event_id"],)
        elif kind == RecordKind.EVIDENCE:
            table, key = "evidence", (chain_id, seq)
        elif "row" in content:
            table, key = content["row"][0], tuple(content["row"][1:])
        else:
            return None
        this = "event_id = :a" if table == "events" else "chain_id = :a AND seq = :b"
        query = text(f"SELECT chain_seq FROM {table} WHERE {this}")  # noqa: S608  as we have written and sealed it
        last = self._connection.execute(query, dict(zip("ab", key, strict=False))).scalar()
        if last is None:
            return f"what it speaks of is missing in {table}: {key[0] if table == 'events' else content}"
        return None if isinstance(last, int) and last >= seq else f"{table} hold an earlier state than it speaks of"

    def _records(self, chain_id: int) -> Iterator[Sequence[Any]]:
        query = "SELECT seq, view_id, kind, time, data, mac FROM records WHERE chain_id = :chain ORDER BY seq"
        yield from self._connection.execute(text(query), {"chain": chain_id}, execution_options={"yield_per": CHUNK})

    def _rows(self, table: Table, *, order: str, where: str = "1 = 1", key: Any = None) -> Iterator[Row]:
        names = [column.name for column in table.columns]
        columns = ", ".join(names)
        query = text(f"SELECT {columns} FROM {table.name} WHERE {where} ORDER BY {order}")  # noqa: S608  our own names
        parameters = {} if key is None else {"key": key}
        rows = self._connection.execute(query, parameters, execution_options={"yield_per": CHUNK})
        for row in rows:
            yield dict(zip(names, row, strict=True))


def _wrong_segments(segments: Sequence[Row], intact: Sequence[Row], chain: Row) -> Iterator[str]:
    sound = {row["number"] for row in intact}
    for row in segments:
        if row["number"] not in sound:
            yield f"the segment {row['number']} was altered"
    numbers = [row["number"] for row in segments]
    last = max((n for n in numbers if isinstance(n, int)), default=0)
    for number in range(1, last + 1):
        if number not in numbers:
            yield f"the segment {number} is missing"
    by_number = {row["number"]: row for row in intact}
    for number, row in by_number.items():
        after = by_number.get(number + 1)
        is_last = number == last
        # The last one is sealed too where nothing came any more for long.
        ends = is_last and row["sealed_at"] is not None and row["last_seq"] == chain["last_seq"]
        if (row["sealed_at"] is None) != is_last and not ends:
            yield f"the segment {number} is not as it was last written, or one after it is missing"
        elif after is not None and after["first_seq"] != row["last_seq"] + 1:
            yield f"the segments {number} and {number + 1} do not meet"
    if not segments and chain["last_seq"]:
        yield "its segments are missing"


def _word(value: Any) -> str | None:
    return None if value is None else str(value)
