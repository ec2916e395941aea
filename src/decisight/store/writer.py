"""Who writes a store, and what it remembers of the chains' ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from decisight.errors import StoreError
from decisight.store.chain import Seals
from decisight.store.chains import ChainState, load_chains
from decisight.store.records import Lane
from decisight.store.schema import RECORDS

if TYPE_CHECKING:
    from decisight.store.writing import Draft

__all__ = ["Writer", "changed_meanwhile", "mac_of"]


@dataclass
class Writer:
    """What is known of the chains' ends, as of the last commit.

    Args:
        seals: the store's digests.
        chains: by camera and lane; never changed in place, so that a commit that fails leaves them as they were.
        checkpoints: by camera, the last one with the reading that it comes after; filled as they are asked for.
        readings: by chain and view, the data of the last ``READING``; likewise.
        clock: says what time it is, in seconds since 1970.
    """

    seals: Seals
    chains: dict[tuple[str, str], ChainState]
    checkpoints: dict[str, tuple[int, Mapping[str, Any]] | None] = field(default_factory=dict)
    readings: dict[tuple[int, int], bytes | None] = field(default_factory=dict)
    clock: Callable[[], float] = time.time

    @classmethod
    def load(cls, connection: Connection, seals: Seals, clock: Callable[[], float] = time.time) -> Writer:
        """From what the database holds.

        Raises:
            StoreError: a chain's end is not as it was written.
        """
        return cls(seals, load_chains(connection, seals), clock=clock)

    def follow(self, connection: Connection, last: Draft | None) -> tuple[Writer, bool]:
        """The ends as the database has them, where the lock was lost or a commit has failed since they were known.

        What other processes have said of events meanwhile is taken over. What they have read is not: another one has
        watched then, and this one would go on from what is no more.

        Args:
            connection: in a transaction.
            last: what the last commit was to write, if nobody knows whether it went through.

        Returns:
            What to go on from, and whether that commit went through.

        Raises:
            StoreError: it holds something else, or what was altered.
        """
        fresh = Writer.load(connection, self.seals, self.clock)
        through = last is not None and last.has_gone_through(connection)
        expected = {**self.chains, **last.chains} if through and last is not None else self.chains
        for key, chain in expected.items():
            found = fresh.chains.get(key)
            if found is None or found.seq < chain.seq or (chain.lane is Lane.READINGS and found.mac != chain.mac):
                raise changed_meanwhile()
            if chain.seq and mac_of(connection, chain.id, chain.seq) not in (chain.mac, None):
                raise changed_meanwhile()
        if any(key[1] == Lane.READINGS and chain.seq for key, chain in fresh.chains.items() if key not in expected):
            raise changed_meanwhile()
        return fresh, through

    def take(self, draft: Draft) -> None:
        """Go on from what was committed."""
        self.chains.update(draft.chains)
        self.checkpoints.update(draft.checkpoints)
        self.readings.update(draft.readings)


def changed_meanwhile() -> StoreError:
    """That the store is not as this process has left it, though nothing in it was altered."""
    return StoreError(
        "the store was changed by somebody else while it was written",
        hint="see who else writes it, or whether an earlier copy took its place; begin again, which goes on from there",
    )


def mac_of(connection: Connection, chain_id: int, seq: int) -> bytes | None:
    """The digest of a record; ``None`` where it is not there."""
    query = select(RECORDS.c.mac).where(RECORDS.c.chain_id == chain_id, RECORDS.c.seq == seq)
    mac = connection.execute(query).scalar()
    return None if mac is None else bytes(mac)
