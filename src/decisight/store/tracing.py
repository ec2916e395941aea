"""Following one chain from record to record."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from decisight.store.chain import GENESIS, Seals

__all__ = ["Trace"]

Finding = tuple[int, str]
"""The number of a record, and what is wrong with it."""


class Trace:
    """A walk along a chain: each record must follow from the one before.

    Args:
        seals: the store's digests.
        chain_id: of the chain.
        segments: its rows that are as they were written, in order.
        heads: digests that were kept elsewhere, by the number of their record.
    """

    def __init__(
        self, seals: Seals, chain_id: int, segments: Sequence[Mapping[str, Any]], heads: Mapping[int, bytes]
    ) -> None:
        self._seals = seals
        self._chain_id = chain_id
        sealed = [row for row in segments if row["sealed_at"] is not None]
        self._ends = {row["last_seq"]: bytes(row["head"]) for row in sealed}
        self._dropped = [(row["first_seq"], row["last_seq"]) for row in sealed if row["dropped_at"] is not None]
        self._heads = {seq: mac for seq, mac in heads.items() if seq > 0}
        self._seq = 0
        self._mac: bytes | None = GENESIS
        """Of the record before; ``None`` where that is missing, so that nothing can be said of the next one's."""
        self._computed: bytes | None = None
        """What it should have been, where it was another."""
        self.is_right = True
        """Whether the last record is as it was written."""

    def take(self, row: Sequence[Any]) -> Iterator[Finding]:
        """The next record: seq, view, kind, time, data and digest, as the database gives them."""
        seq, view, kind, moment, data, mac = row
        self.is_right = False
        if not isinstance(seq, int) or seq < 1:
            yield self._seq, f"a record has the number {seq!r}"
            return
        if seq != self._seq + 1:
            yield from self._gap(seq)
        if any(first <= seq <= last for first, last in self._dropped):
            yield seq, "it stands in a segment that was dropped"
        yield from self._check(seq, view, kind, moment, data, mac)
        self._seq = seq
        self._mac = bytes(mac) if isinstance(mac, bytes | memoryview) else None
        yield from self._compare(seq, self._mac)

    def end(self, end: tuple[int, bytes] | None) -> Iterator[Finding]:
        """After the last record.

        Args:
            end: the number and digest that the chain ends with, as its row says; ``None`` where that was altered.
        """
        if end is not None:
            last, mac = end
            if self._seq > last:
                yield self._seq, f"it stands behind the end of the chain, which is {last}"
                self._mac = None
            elif self._seq < last:
                yield from self._gap(last + 1)
            if self._mac is not None and bytes(mac) != self._mac:
                yield last, "it is not what the chain ends with"
        for seq, mac in sorted(self._heads.items()):
            dropped = any(first <= seq <= last for first, last in self._dropped)
            if not dropped:
                yield seq, "it is missing, and a head of it was kept elsewhere"
            elif self._ends.get(seq, mac) != mac:
                yield seq, "the segment that was dropped ends with another record than the head that was kept elsewhere"

    def _check(self, seq: int, view: Any, kind: Any, moment: Any, data: Any, mac: Any) -> Iterator[Finding]:
        """Whether a record follows from the one before; from what that should have been, if it was altered."""
        computed = None
        for before in (self._mac, self._computed):
            if before is None:
                continue
            try:
                computed = self._seals.record(before, self._chain_id, seq, view, kind, moment, bytes(data))
            except (struct.error, TypeError, ValueError, OverflowError):
                computed = b""
            if computed == mac:
                break
        self._computed = None
        if computed is None or computed == mac:
            self.is_right = computed is not None
            return
        self._computed = computed if computed and self._mac is not None else None
        yield seq, "it was altered, or put in the place of another"

    def _gap(self, seq: int) -> Iterator[Finding]:
        """Records are missing before this one, as they must only where segments were dropped."""
        at = self._seq + 1
        for first, last in self._dropped:
            if first >= seq:
                break
            if at < first:
                yield at, _missing(at, first - 1)
            at = max(at, last + 1)
        if at < seq:
            yield at, _missing(at, seq - 1)
        # The end of a segment is known from its row too.
        self._mac, self._computed = self._ends.get(seq - 1), None

    def _compare(self, seq: int, mac: bytes | None) -> Iterator[Finding]:
        if seq in self._ends and self._ends[seq] != mac and self.is_right:
            yield seq, "it is not what its segment ends with"
        kept = self._heads.pop(seq, None)
        if kept is not None and kept != mac:
            yield seq, "it is another than the head that was kept elsewhere"


def _missing(first: int, last: int) -> str:
    return "it is missing" if first == last else f"the records {first} to {last} are missing"
